"""How an export ends: deleted while it runs or after, or expired. Then it is gone for good, with every object."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

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


@pytest.fixture(scope="module")
def invoke(aws: Aws) -> Callable[..., Any]:
    """Call a deployed function as its event source does; give what it answers."""
    found = aws.cloudformation.describe_stack_resources(StackName="waybill")["StackResources"]
    names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def call(function: str, event: Mapping[str, Any]) -> Any:
        answer = aws.functions.invoke(FunctionName=names[function], Payload=json.dumps(event).encode())
        said = answer["Payload"].read()
        assert "FunctionError" not in answer, said
        return json.loads(said)

    return call


def test_deleted_export_is_gone_with_every_object_and_the_receipt_says_so(
    stack: Stack, aws: Aws, somebody: Tenant, fetch: Callable[..., Unpacked]
) -> None:
    export_id = fetch(somebody, somebody.api.create()["id"]).export["id"]
    link = somebody.api.link(export_id)
    found = aws.s3.list_objects_v2(Bucket=stack.resources["archives_bucket"], Prefix=f"exports/{export_id}/")
    sizes = [each["Size"] for each in found["Contents"]]

    answer = somebody.api.delete(export_id)

    assert answer.status == 200
    receipt = answer.document["meta"]
    assert (receipt["reason"], receipt["state"], receipt["complete"]) == ("deleted", "done", True)
    assert (receipt["objects"], receipt["bytes"]) == (len(sizes), sum(sizes))
    assert _left(stack, aws, export_id) == []
    assert web.request("GET", link).status == 404
    _assert_gone(somebody, export_id, receipt)
    again = somebody.api.delete(export_id)
    assert (again.status, again.document["meta"]) == (200, receipt)


@pytest.mark.parametrize(("percentage", "parts_size"), [(0, 10_240), (1, 10_240), (51, 500_000), (75, 500_000)])
def test_cancelling_stops_it_at_any_time_and_leaves_nothing(
    stack: Stack, aws: Aws, owner: Tenant, percentage: int, parts_size: int
) -> None:
    export_id = owner.api.create(parts_size=parts_size)["id"]
    for export in owner.api.watch(export_id, pause=0.05):
        assert export["attributes"]["state"] == "exporting"
        if export["meta"]["progress"]["percentage"] >= percentage:
            break

    answer = owner.api.call("DELETE", f"/move/exports/{export_id}", query={"state": "exporting"})

    assert (answer.status, answer.document["meta"]["state"]) == (200, "exporting")
    _assert_gone(owner, export_id, answer.document["meta"])
    execution = stack.resources["export_workflow_arn"].replace(":stateMachine:", ":execution:") + f":{export_id}"
    _wait_until(lambda: aws.stepfunctions.describe_execution(executionArn=execution)["status"] == "ABORTED")
    _wait_until(lambda: _left(stack, aws, export_id) == [])
    _assert_gone(owner, export_id, answer.document["meta"])


def test_an_export_that_has_ended_cannot_be_cancelled(
    somebody: Tenant, stack: Stack, aws: Aws, fetch: Callable[..., Unpacked]
) -> None:
    export_id = fetch(somebody, somebody.api.create()["id"]).export["id"]
    before, objects = somebody.api.get(export_id), _left(stack, aws, export_id)

    answer = somebody.api.call("DELETE", f"/move/exports/{export_id}", query={"state": "exporting"})

    assert (answer.status, answer.document["errors"][0]["code"]) == (409, "export_ended")
    assert (somebody.api.get(export_id), _left(stack, aws, export_id)) == (before, objects)


def test_expired_export_is_gone_and_the_sweep_removes_every_object(
    stack: Stack, aws: Aws, somebody: Tenant, invoke: Callable[..., Any]
) -> None:
    asked = somebody.api.create(max_age=25 * 10**9, with_doctypes=["io.cozy.contacts"])
    assert somebody.api.finished(asked["id"], seconds=20)["attributes"]["state"] == "done"
    assert _left(stack, aws, asked["id"])
    _wait_until(lambda: somebody.api.call("GET", f"/move/exports/{asked['id']}").status != 200)
    _assert_gone(somebody, asked["id"], None)

    swept = invoke("SweepExportsFunction", {})

    assert swept["whole"]
    assert swept["removed"] >= 1
    assert _left(stack, aws, asked["id"]) == []
    receipt = somebody.api.call("GET", f"/move/exports/{asked['id']}").document["errors"][0]["meta"]
    assert (receipt["reason"], receipt["complete"]) == ("expired", True)
    assert receipt["objects"] > 0
    _assert_gone(somebody, asked["id"], receipt)


def test_what_the_ttl_tells_of_is_removed_at_once(
    stack: Stack, aws: Aws, somebody: Tenant, fetch: Callable[..., Unpacked], invoke: Callable[..., Any]
) -> None:
    export_id = fetch(somebody, somebody.api.create()["id"]).export["id"]
    table, key = stack.resources["jobs_table"], {"pk": {"S": somebody.id}, "sk": {"S": f"export#{export_id}"}}
    removed = aws.dynamodb.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")["Attributes"]
    past = datetime.now(UTC) - timedelta(seconds=1)
    removed |= {"expires": {"S": past.isoformat()}, "expires_at": {"N": str(int(past.timestamp()))}}
    record = {
        "eventName": "REMOVE",
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        "dynamodb": {"Keys": key, "OldImage": removed, "SequenceNumber": "1"},
    }

    assert invoke("ExpireExportFunction", _jsonable({"Records": [record]})) == {"batchItemFailures": []}

    assert _left(stack, aws, export_id) == []
    receipt = somebody.api.call("GET", f"/move/exports/{export_id}").document["errors"][0]["meta"]
    assert (receipt["reason"], receipt["state"], receipt["complete"]) == ("expired", "done", True)
    _assert_gone(somebody, export_id, receipt)


def test_an_export_that_lost_its_start_is_started_by_the_sweep(
    stack: Stack, aws: Aws, somebody: Tenant, invoke: Callable[..., Any]
) -> None:
    table = stack.resources["jobs_table"]
    asked = somebody.api.finished(somebody.api.create(with_doctypes=["io.cozy.contacts"])["id"])
    key = {"pk": {"S": somebody.id}, "sk": {"S": f"export#{asked['id']}"}}
    item: dict[str, Any] = dict(aws.dynamodb.get_item(TableName=table, Key=key)["Item"])
    then = datetime.now(UTC) - timedelta(minutes=16)
    lost = f"{int(then.timestamp() * 1000):012x}{secrets.token_hex(10)}"
    item |= {"sk": {"S": f"export#{lost}"}, "id": {"S": lost}, "created": {"S": then.isoformat()}}
    item |= {"state": {"S": "exporting"}, "rev": {"N": "1"}, "parts": {"N": "0"}, "is_running": {"S": "yes"}}
    aws.dynamodb.put_item(TableName=table, Item=item)

    assert invoke("SweepExportsFunction", {})["healed"] == 1

    assert somebody.api.finished(lost, seconds=60)["attributes"]["state"] == "done"


def test_an_export_whose_execution_has_ended_is_ended_by_the_sweep_with_a_reason(
    stack: Stack, aws: Aws, owner: Tenant, invoke: Callable[..., Any]
) -> None:
    export_id = owner.api.create(parts_size=10_240)["id"]
    execution = stack.resources["export_workflow_arn"].replace(":stateMachine:", ":execution:") + f":{export_id}"
    aws.stepfunctions.stop_execution(executionArn=execution)
    _wait_until(lambda: aws.stepfunctions.describe_execution(executionArn=execution)["status"] == "ABORTED")
    aws.dynamodb.update_item(
        TableName=stack.resources["jobs_table"],
        Key={"pk": {"S": owner.id}, "sk": {"S": f"export#{export_id}"}},
        UpdateExpression="SET created = :then",
        ExpressionAttributeValues={":then": {"S": (datetime.now(UTC) - timedelta(minutes=16)).isoformat()}},
    )

    assert invoke("SweepExportsFunction", {})["failed"] == 1

    ended = owner.api.get(export_id)["attributes"]
    assert ended["state"] == "error"
    assert "stopped for good" in ended["error"]
    owner.api.delete(export_id)
    _wait_until(lambda: _left(stack, aws, export_id) == [])


def _wait_until(it_is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not it_is_so():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def _jsonable(document: Any) -> Any:
    """Return a record of the stream as Lambda sends it, where bytes are base64."""
    return json.loads(json.dumps(document, default=lambda octets: base64.b64encode(octets).decode()))


def _assert_gone(tenant: Tenant, export_id: str, receipt: Mapping[str, Any] | None) -> None:
    """Check that every route answers 410, with the receipt if there is one yet."""
    meta = None if receipt is None else {name: value for name, value in receipt.items() if name != "id"}
    for path in ("/move/exports/{}", "/move/exports/data/{}", "/move/exports/{}/manifest"):
        answer = tenant.api.call("GET", path.format(export_id))
        assert answer.status == 410, path
        (error,) = answer.document["errors"]
        assert (error["code"], error.get("meta")) == ("export_gone", meta)
    listed = tenant.api.call("GET", "/move/exports").document["data"]
    assert export_id not in {export["id"] for export in listed}


def _left(stack: Stack, aws: Aws, export_id: str) -> list[str]:
    """Return the keys of all objects and unfinished uploads of an export."""
    bucket, prefix = stack.resources["archives_bucket"], f"exports/{export_id}/"
    objects = aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    uploads = aws.s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", [])
    return [each["Key"] for each in (*objects, *uploads)]
