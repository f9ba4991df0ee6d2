"""One tenant may not have all exports that it likes, and is told when it may have the next."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from local import web
from local.aws import Aws
from local.demo_data import people
from local.stack_file import Stack
from tests.e2e.support import Tenant

pytestmark = pytest.mark.e2e

RUNNING = 8
"""What the embedded deployment allows (local/deployment.py)."""


def post(tenant: Tenant, **attributes: object) -> web.Answer:
    return tenant.api.call("POST", "/move/exports", body=json.dumps({"data": {"attributes": attributes}}))


def test_one_more_than_may_run_is_refused_until_one_has_ended(new_tenant: Callable[..., Tenant]) -> None:
    tenant = new_tenant("busy", list(people.contacts("busy", 3_000)))
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: post(tenant), range(3 * RUNNING)))

    made = [answer.document["data"]["id"] for answer in answers if answer.status == 202]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(made) >= RUNNING
    assert refused
    for answer in refused:
        assert answer.document["errors"][0]["code"] == "quota_exceeded"
        assert 1 <= int(answer.headers["retry-after"]) <= 3600
        assert "there is a place at the latest" in answer.document["errors"][0]["detail"]
    assert {answer.status for answer in answers} <= {202, 429, 409}
    listed = tenant.api.call("GET", "/move/exports?page[size]=100").document["data"]
    assert {each["id"] for each in listed} == set(made)
    for export_id in made:
        assert tenant.api.delete(export_id).status == 200
    last = post(tenant)
    assert last.status == 202
    assert tenant.api.delete(last.document["data"]["id"]).status == 200


def test_who_waits_as_told_gets_in(new_tenant: Callable[..., Tenant]) -> None:
    tenant = new_tenant("patient")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(tenant, with_doctypes=["io.cozy.settings"]), range(3 * RUNNING)))

    (*_, refused) = (answer for answer in answers if answer.status == 429)
    waits = as_told(tenant, refused)

    assert sum(waits) <= 90, waits
    for each in tenant.api.call("GET", "/move/exports?page[size]=100").document["data"]:
        assert tenant.api.delete(each["id"]).status == 200


def as_told(tenant: Tenant, refused: web.Answer) -> list[int]:
    """Wait as the refusals say until an export is started; return how long it was each time."""
    waits = []
    while refused.status == 429:
        waits.append(int(refused.headers["retry-after"]))
        time.sleep(waits[-1])
        refused = post(tenant)
    assert refused.status == 202, refused.body
    return waits


def test_over_the_day_the_wait_is_that_of_the_oldest_start(
    new_tenant: Callable[..., Tenant], stack: Stack, aws: Aws
) -> None:
    tenant = new_tenant("eager")
    oldest = datetime.now(UTC) - timedelta(hours=24) + timedelta(seconds=120)
    starts = [oldest, *[datetime.now(UTC)] * 499]
    aws.dynamodb.put_item(
        TableName=stack.resources["jobs_table"],
        Item={
            "pk": {"S": tenant.id},
            "sk": {"S": "quota"},
            "rev": {"N": "7"},
            "running": {"L": []},
            "starts": {"L": [{"S": start.isoformat()} for start in starts]},
        },
    )

    answer = post(tenant)

    assert answer.status == 429
    assert 60 < int(answer.headers["retry-after"]) <= 120
    assert tenant.api.call("GET", "/move/exports").document["data"] == []
