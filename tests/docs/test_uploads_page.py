"""What docs/api.md and its description say of uploads is what the code does."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from tests.fake_uploads import MemoryUploadParts, MemoryUploads
from tests.fakes import MemoryObjects

from waybill.domain import import_limits, upload
from waybill.domain.import_limits import ImportLimits
from waybill.entry import upload_request
from waybill.entry.upload_document import upload_document
from waybill.services import create_upload
from waybill.services.create_upload import UploadView
from waybill.services.get_upload import complete_view

DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime(2026, 11, 24, 12, 30, 4, 226968, UTC)
MEBIBYTE = 1 << 20


def section() -> str:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    found = re.search(r"^## Uploads\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def check() -> Callable[[object], list[str]]:
    """What is wrong with a document, held against the description."""
    components = yaml.safe_load((DOCS / "openapi.yaml").read_text(encoding="utf-8"))["components"]
    schema = {"$ref": "#/components/schemas/UploadDocument", "components": components}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return lambda document: [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def a_view() -> UploadView:
    return create_upload.create_upload(
        "alice",
        "contacts.json",
        20_000_000,
        limits=ImportLimits(),
        uploads=MemoryUploads(),
        parts=MemoryUploadParts(MemoryObjects()),
        clock=lambda: NOW,
    )


def test_an_upload_is_as_the_description_says(check: Callable[[object], list[str]]) -> None:
    view = a_view()
    assert check(upload_document(view)) == check(upload_document(complete_view(view.upload.completed()))) == []


def test_an_upload_with_another_field_is_not(check: Callable[[object], list[str]]) -> None:
    document = upload_document(a_view())
    document["data"]["attributes"]["multipart"] = "x"
    assert check(document)


def test_the_sample_is_an_answer() -> None:
    attributes = upload_document(a_view())["data"]["attributes"]
    for name, value in attributes.items():
        if name not in {"wanted", "uploaded"}:
            assert f'"{name}": {value if isinstance(value, int) else chr(34) + value + chr(34)}' in section()
    for part in attributes["wanted"]:
        assert f'{{"number": {part["number"]}, "size": {part["size"]}, "url": "https://' in section()


def test_the_numbers_are_those_of_the_code() -> None:
    text = section()
    assert upload.SINGLE_MOST == upload.LEAST_PART == 16 * MEBIBYTE
    assert "A file of up to 16 MiB has one part. Larger ones have parts of 16 MiB" in text
    assert f"over {upload.MOST_PARTS:,}" in text
    assert (upload.LIFE.days, create_upload.URL_LIFE.total_seconds(), create_upload.MOST_URLS) == (7, 3600, 100)
    assert "kept for seven days" in text
    assert "URLs work for an hour" in text
    assert "first 100 of those that are missing" in text
    assert f"A tenant has {import_limits.DEFAULT_UPLOADS} at most" in text
    assert import_limits.DEFAULT_INPUT_BYTES == 5 * 1024 * MEBIBYTE
    assert "5 GiB each" in text


def test_the_description_has_the_attributes_that_can_be_set() -> None:
    schemas = yaml.safe_load((DOCS / "openapi.yaml").read_text(encoding="utf-8"))["components"]["schemas"]
    attributes = schemas["NewUpload"]["properties"]["data"]["properties"]["attributes"]
    assert set(attributes["properties"]) == set(upload_request._Attributes.model_fields)
    assert schemas["UploadAttributes"]["properties"]["state"]["enum"] == [state.value for state in upload.UploadState]
