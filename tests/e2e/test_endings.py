"""How an export ends: deleted while it runs or after, or expired. Then it is gone for good, with every object."""

import time
from collections.abc import Callable

import pytest
from local import web
from local.aws import Aws
from local.demo_data import people
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def somebody(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant("somebody", list(people.contacts("somebody", 50)))


def test_deleted_export_is_gone_with_every_object(
    stack: Stack, aws: Aws, somebody: Tenant, fetch: Callable[..., Unpacked]
) -> None:
    export_id = fetch(somebody, somebody.api.create()["id"]).export["id"]
    link = somebody.api.link(export_id)
    assert _objects(stack, aws, export_id)
    assert somebody.api.delete(export_id).status == 204
    assert _objects(stack, aws, export_id) == []
    assert web.request("GET", link).status == 404
    _assert_gone(somebody, export_id)
    assert somebody.api.delete(export_id).status in {204, 410}


def test_deleting_stops_a_running_export(stack: Stack, aws: Aws, owner: Tenant) -> None:
    export_id = owner.api.create(parts_size=10_240)["id"]
    begun = (export for export in owner.api.watch(export_id, pause=0.05) if export["meta"]["progress"]["percentage"])
    assert next(begun)["attributes"]["state"] == "exporting"
    assert owner.api.delete(export_id).status == 204
    _assert_gone(owner, export_id)
    execution = stack.resources["export_workflow_arn"].replace(":stateMachine:", ":execution:") + f":{export_id}"
    deadline = time.monotonic() + 60
    while aws.stepfunctions.describe_execution(executionArn=execution)["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert aws.stepfunctions.describe_execution(executionArn=execution)["status"] == "ABORTED"
    _assert_gone(owner, export_id)


def test_expired_export_is_gone(somebody: Tenant) -> None:
    asked = somebody.api.create(max_age=4 * 10**9, with_doctypes=["io.cozy.settings"])
    deadline = time.monotonic() + 30
    while (status := somebody.api.call("GET", f"/move/exports/{asked['id']}").status) == 200:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert status == 410
    listed = somebody.api.call("GET", "/move/exports").document["data"]
    assert asked["id"] not in {export["id"] for export in listed}


def _assert_gone(tenant: Tenant, export_id: str) -> None:
    for path in ("/move/exports/{}", "/move/exports/data/{}", "/move/exports/{}/manifest"):
        answer = tenant.api.call("GET", path.format(export_id))
        assert answer.status == 410, path
        assert answer.document["errors"][0]["code"] == "export_gone"
    listed = tenant.api.call("GET", "/move/exports").document["data"]
    assert export_id not in {export["id"] for export in listed}


def _objects(stack: Stack, aws: Aws, export_id: str) -> list[str]:
    found = aws.s3.list_objects_v2(Bucket=stack.resources["archives_bucket"], Prefix=f"exports/{export_id}/")
    return [each["Key"] for each in found.get("Contents", [])]
