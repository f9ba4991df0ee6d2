"""The functions' roles, as the template gives them: the embedded AWS really denies what they do not allow."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from local import web
from local.aws import Aws
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e

_PROBE = """
import boto3
from botocore.exceptions import ClientError
def handler(event, context):
    try:
        getattr(boto3.client(event["service"]), event["operation"])(**event["arguments"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""
_DENIED = {"AccessDenied", "AccessDeniedException"}


@pytest.fixture(scope="module")
def attempt(aws: Aws) -> Iterator[Callable[..., str]]:
    """Try an operation with the role of one of the stack's functions; give the error's code, or ``allowed``."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", _PROBE)
    stack = aws.cloudformation.describe_stack_resources(StackName="waybill")["StackResources"]
    names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in stack}
    made: dict[str, str] = {}

    def run(function: str, service: str, operation: str, **arguments: Any) -> str:
        if function not in made:
            role = aws.functions.get_function_configuration(FunctionName=names[function])["Role"]
            made[function] = f"probe-{function}"
            aws.functions.create_function(
                FunctionName=made[function],
                Runtime="python3.13",
                Role=role,
                Handler="app.handler",
                Timeout=20,
                Code={"ZipFile": code.getvalue()},
            )
        event = {"service": service, "operation": operation, "arguments": arguments}
        answer = aws.functions.invoke(FunctionName=made[function], Payload=json.dumps(event).encode())
        return str(json.loads(answer["Payload"].read()))

    yield run
    for name in made.values():
        aws.functions.delete_function(FunctionName=name)


def test_lister_may_only_query_jobs(attempt: Callable[..., str], stack: Stack) -> None:
    jobs, documents = stack.resources["jobs_table"], stack.resources["documents_table"]
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    query = {"KeyConditionExpression": "pk = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
    assert attempt("ListExportsFunction", "dynamodb", "query", TableName=jobs, **query) == "allowed"
    for operation, arguments in (
        ("query", {"TableName": documents, **query}),
        ("put_item", {"TableName": jobs, "Item": key}),
        ("delete_item", {"TableName": jobs, "Key": key}),
        ("scan", {"TableName": jobs}),
    ):
        assert attempt("ListExportsFunction", "dynamodb", operation, **arguments) in _DENIED, operation


def test_creator_cannot_read_anybodys_data(attempt: Callable[..., str], stack: Stack, owner_export: Unpacked) -> None:
    key = f"exports/{owner_export.export['id']}/manifest.json"
    bucket = stack.resources["archives_bucket"]
    assert attempt("GetManifestFunction", "s3", "get_object", Bucket=bucket, Key=key) == "allowed"
    assert attempt("CreateExportFunction", "s3", "get_object", Bucket=bucket, Key=key) in _DENIED
    assert attempt("CreateExportFunction", "s3", "list_objects_v2", Bucket=stack.resources["files_bucket"]) in _DENIED


def test_packer_cannot_change_or_remove_what_it_reads(attempt: Callable[..., str], stack: Stack) -> None:
    bucket = stack.resources["files_bucket"]
    assert attempt("PackPartFunction", "s3", "put_object", Bucket=bucket, Key="a", Body="b") in _DENIED
    assert attempt("PackPartFunction", "s3", "delete_object", Bucket=bucket, Key="a") in _DENIED
    assert attempt("ReadChunkFunction", "s3", "get_object", Bucket=bucket, Key="a") in _DENIED


def test_strangers_functions_read_single_records_and_parts_alone(
    attempt: Callable[..., str], stack: Stack, owner_export: Unpacked
) -> None:
    jobs, bucket = stack.resources["jobs_table"], stack.resources["archives_bucket"]
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    query = {"KeyConditionExpression": "pk = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
    part, manifest = (
        f"exports/{owner_export.export['id']}/{name}" for name in ("parts/part-00001.tar.gz", "manifest.json")
    )
    for function, may_read_part in (("GetLinkedExportFunction", False), ("DownloadLinkedPartFunction", True)):
        assert attempt(function, "dynamodb", "get_item", TableName=jobs, Key=key) == "allowed"
        for operation, arguments in (
            ("query", query),
            ("scan", {}),
            ("put_item", {"Item": key}),
            ("delete_item", {"Key": key}),
        ):
            assert attempt(function, "dynamodb", operation, TableName=jobs, **arguments) in _DENIED, operation
        assert (attempt(function, "s3", "get_object", Bucket=bucket, Key=part) == "allowed") is may_read_part
        assert attempt(function, "s3", "get_object", Bucket=bucket, Key=manifest) in _DENIED
        assert attempt(function, "s3", "delete_object", Bucket=bucket, Key=part) in _DENIED


@pytest.mark.parametrize(
    "function", ["GetExportFunction", "DownloadPartFunction", "ReadChunkFunction", "FailExportFunction"]
)
def test_what_reads_or_makes_an_export_starts_no_workflow(
    attempt: Callable[..., str], stack: Stack, function: str
) -> None:
    arn = stack.resources["export_workflow_arn"]
    assert attempt(function, "stepfunctions", "start_execution", stateMachineArn=arn) in _DENIED


def test_what_tells_of_changes_can_neither_remove_nor_read_an_export(
    attempt: Callable[..., str], stack: Stack, outputs: dict[str, str], owner_export: Unpacked
) -> None:
    jobs, bucket = stack.resources["jobs_table"], stack.resources["archives_bucket"]
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    manifest = f"exports/{owner_export.export['id']}/manifest.json"
    entry = {"EventBusName": outputs["EventBusName"], "Source": "probe", "DetailType": "probe", "Detail": "{}"}
    assert attempt("PublishChangeFunction", "events", "put_events", Entries=[entry]) == "allowed"
    assert attempt("PublishChangeFunction", "dynamodb", "delete_item", TableName=jobs, Key=key) in _DENIED
    for function in ("PublishChangeFunction", "SendWebhookFunction", "PutWebhookFunction"):
        assert attempt(function, "s3", "get_object", Bucket=bucket, Key=manifest) in _DENIED
        for arn in (stack.resources["export_workflow_arn"], outputs["WebhookWorkflowArn"]):
            allowed = (function, arn) == ("PublishChangeFunction", outputs["WebhookWorkflowArn"])
            message = {"tenant": "nobody", "webhook": "none", "id": "1", "type": "1", "timestamp": "1", "data": {}}
            probe = {"stateMachineArn": arn, "input": json.dumps(message)}
            found = attempt(function, "stepfunctions", "start_execution", **probe)
            assert (found in _DENIED) is not allowed


def test_nothing_is_public(stack: Stack, owner: Tenant, owner_export: Unpacked) -> None:
    signed = owner.api.link(owner_export.export["id"])
    assert web.request("GET", signed).status == 200
    assert web.request("GET", signed.partition("?")[0]).status == 403
    assert web.request("GET", f"{stack.endpoint_url}/{stack.resources['archives_bucket']}").status == 403
