"""A request that is sent twice, at once or later, makes one export."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from local import web
from local.aws import Aws
from local.demo_data import people
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant("twice", list(people.contacts("twice", 30)))


def ask(tenant: Tenant, key: str, **attributes: Any) -> web.Answer:
    body = json.dumps({"data": {"type": "io.cozy.exports", "attributes": attributes}})
    return tenant.api.call("POST", "/move/exports", body=body, headers={"Idempotency-Key": key})


def code(answer: web.Answer) -> str:
    return str(answer.document["errors"][0]["code"])


def exports(tenant: Tenant) -> set[str]:
    return {each["id"] for each in tenant.api.call("GET", "/move/exports?page[size]=100").document["data"]}


def test_equal_requests_at_once_make_one_export(tenant: Tenant) -> None:
    before, key = exports(tenant), str(uuid.uuid4())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(tenant, key), range(4)))

    assert {answer.status for answer in answers} <= {202, 409}
    assert {code(answer) for answer in answers if answer.status == 409} <= {"export_being_created"}
    first = [answer for answer in answers if answer.status == 202 and "idempotent-replayed" not in answer.headers]
    assert len(first) == 1
    export_id = first[0].document["data"]["id"]
    assert exports(tenant) - before == {export_id}
    again = ask(tenant, key)
    assert (again.status, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.document["data"]["id"] == export_id
    assert tenant.api.finished(export_id)["attributes"]["state"] == "done"
    assert ask(tenant, key).document["data"]["attributes"]["state"] == "done"


def test_other_options_and_bad_keys_are_refused_and_make_nothing(tenant: Tenant) -> None:
    key = str(uuid.uuid4())
    export_id = ask(tenant, key).document["data"]["id"]
    before = exports(tenant)

    reused, too_long = ask(tenant, key, without_files=True), ask(tenant, "k" * 256)

    assert (reused.status, code(reused)) == (422, "idempotency_key_reused")
    assert (too_long.status, code(too_long)) == (400, "invalid_idempotency_key")
    assert exports(tenant) == before
    assert tenant.api.delete(export_id).status == 200
    assert ask(tenant, key).status == 410


def test_a_key_is_its_tenants_alone(tenant: Tenant, stranger: Tenant) -> None:
    key = str(uuid.uuid4())
    ids = {ask(each, key, with_doctypes=["io.cozy.settings"]).document["data"]["id"] for each in (tenant, stranger)}
    assert len(ids) == 2


def test_an_export_that_was_never_started_is_started_by_the_next_request(
    new_tenant: Callable[..., Tenant], stack: Stack, aws: Aws, fetch: Callable[..., Unpacked]
) -> None:
    tenant, key = new_tenant("crashed", list(people.contacts("crashed", 5))), str(uuid.uuid4())
    copied = _as_if_the_request_had_died(tenant, key, stack, aws)

    answer = ask(tenant, key)

    assert (answer.status, answer.document["data"]["id"]) == (202, copied)
    assert fetch(tenant, copied).faults == []


def _as_if_the_request_had_died(tenant: Tenant, key: str, stack: Stack, aws: Aws) -> str:
    """Leave what a request leaves that dies between record and execution: the items of another one, under a new id."""
    table = stack.resources["jobs_table"]
    made = ask(tenant, key).document["data"]
    tenant.api.finished(made["id"])
    other = f"{int((time.time() - 60) * 1000):012x}{uuid.uuid4().hex[:20]}"
    items = aws.dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": tenant.id}}
    )["Items"]
    job = next(item for item in items if item["sk"]["S"] == f"export#{made['id']}")
    remembered = next(item for item in items if item["sk"]["S"].startswith("idempotency#"))
    a_minute_ago = datetime.fromisoformat(made["attributes"]["created_at"]) - timedelta(minutes=1)
    aws.dynamodb.put_item(
        TableName=table,
        Item={
            **job,
            "sk": {"S": f"export#{other}"},
            "id": {"S": other},
            "state": {"S": "exporting"},
            "created": {"S": a_minute_ago.isoformat()},
            "parts": {"N": "0"},
            "total_size": {"N": "0"},
        },
    )
    aws.dynamodb.put_item(TableName=table, Item={**remembered, "export_id": {"S": other}})
    return other
