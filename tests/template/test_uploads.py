"""What uploads may do and how long they stay, whoever edits the template."""

from typing import Any

import pytest
from tests.template.test_template import resource_name, statements

from waybill.domain import import_limits, upload
from waybill.domain.upload_keys import UPLOADS

UPLOAD_FUNCTIONS = ("create_upload", "get_upload", "complete_upload", "delete_upload")
WHERE = f"${{ArchivesBucket.Arn}}/{UPLOADS}*"


@pytest.mark.parametrize("function", UPLOAD_FUNCTIONS)
def test_a_function_of_uploads_reaches_uploads_alone(resources: dict[str, Any], function: str) -> None:
    """Whoever has a URL that it signs can do with it what it may do itself."""
    role = f"{resource_name(function)}Role"
    objects = [
        statement["Resource"]["Fn::Sub"]
        for who, statement in statements(resources)
        if who == role and "Fn::Sub" in str(statement["Resource"]) and "ArchivesBucket" in str(statement["Resource"])
    ]
    assert set(objects) == {WHERE}


def test_only_functions_of_uploads_write_there(resources: dict[str, Any]) -> None:
    writing = {
        role
        for role, statement in statements(resources)
        if {"s3:PutObject", "s3:DeleteObject"} & {*statement["Action"]} and WHERE in str(statement["Resource"])
    }
    assert writing == {f"{resource_name(name)}Role" for name in UPLOAD_FUNCTIONS}


def test_what_was_uploaded_and_what_was_never_finished_is_removed(source: dict[str, Any]) -> None:
    rules = source["Resources"]["ArchivesBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule["Prefix"] == UPLOADS]

    assert rule["Status"] == "Enabled"
    assert upload.LIFE.days < rule["ExpirationInDays"] <= upload.LIFE.days + 1
    assert upload.LIFE.days < rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= upload.LIFE.days + 1


def test_the_limits_are_those_of_the_code_unless_the_deployment_says_otherwise(source: dict[str, Any]) -> None:
    parameters = source["Parameters"]

    assert parameters["MaxInputBytes"]["Default"] == import_limits.DEFAULT_INPUT_BYTES
    assert parameters["MaxUploads"]["Default"] == import_limits.DEFAULT_UPLOADS
