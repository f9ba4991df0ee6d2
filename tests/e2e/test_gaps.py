"""What is missing is named in the ledger, and the export never passes as complete."""

from collections.abc import Callable

import pytest
from local.aws import Aws
from local.demo_data.library import Library, LibrarySize
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e

_SMALL = LibrarySize(albums=1, photos=3, documents=4, largest=())


def test_missing_file_is_named(
    stack: Stack, aws: Aws, new_tenant: Callable[..., Tenant], fetch: Callable[..., Unpacked]
) -> None:
    items = list(Library("gaps", _SMALL).items())
    files = [item.file for item in items if item.file]
    tenant = new_tenant("gaps", [item.record for item in items], files)
    lost = files[2]
    aws.s3.delete_object(Bucket=stack.resources["files_bucket"], Key=f"{tenant.id}/{lost.id}")

    export = fetch(tenant, tenant.api.create()["id"])

    assert export.faults == []
    assert export.export["attributes"]["state"] == "done"
    assert export.export["meta"]["gaps"] == 1
    line = export.manifest["files"]
    assert (line["expected"], line["written"], line["skipped"], line["failed"]) == (len(files), len(files) - 1, 0, 1)
    gap = export.manifest["gaps"][0]
    assert (gap["doctype"], gap["kind"], gap["id"], gap["outcome"]) == ("io.cozy.files", "file", lost.id, "failed")
    assert gap["code"]
    assert gap["reason"].endswith(".")


def test_record_that_cannot_be_read_is_named(
    stack: Stack, aws: Aws, new_tenant: Callable[..., Tenant], fetch: Callable[..., Unpacked]
) -> None:
    tenant = new_tenant("broken")
    for key, body in (("good", '{"_id":"good","title":"Bonjour"}'), ("torn", '{"_id":"torn","ti')):
        aws.dynamodb.put_item(
            TableName=stack.resources["documents_table"],
            Item={"pk": {"S": f"{tenant.id}#io.cozy.todos"}, "sk": {"S": key}, "body": {"S": body}},
        )

    export = fetch(tenant, tenant.api.create()["id"])

    assert export.faults == []
    assert export.export["meta"]["gaps"] == 1
    line = export.manifest["doctypes"]["io.cozy.todos"]
    assert (line["expected"], line["written"], line["failed"]) == (2, 1, 1)
    assert export.manifest["gaps"][0]["id"] == "torn"
    assert export.records("io.cozy.todos") == [b'{"_id":"good","title":"Bonjour"}\n']


def test_tenant_without_data_gets_an_empty_export(
    new_tenant: Callable[..., Tenant], fetch: Callable[..., Unpacked]
) -> None:
    tenant = new_tenant("nobody")
    export = fetch(tenant, tenant.api.create()["id"])
    assert export.faults == []
    assert all(line["expected"] == 0 for line in export.manifest["doctypes"].values())
    assert len(export.manifest["parts"]) == 1
