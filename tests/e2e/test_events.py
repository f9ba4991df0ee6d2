"""What happens to an export is told on the bus and to webhooks, and an event on the bus starts one."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from local.aws import Aws
from local.demo_data import people
from local.deployment import STACK_NAME
from local.stack_file import Stack
from standardwebhooks import Webhook as Verifier
from tests.contract.faulty_server import FaultyServer, answer
from tests.e2e.support import Tenant, reconfigured

from waybill.domain.change_event import tenant_reference

pytestmark = pytest.mark.e2e

SETTINGS_ONLY = ["io.cozy.settings"]


@pytest.fixture(scope="module")
def somebody(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant("listener", list(people.contacts("listener", 5)))


@pytest.fixture(scope="module")
def told(aws: Aws, outputs: dict[str, str]) -> Iterator[Callable[[str, int], list[dict[str, Any]]]]:
    """Listen on the bus through a queue of the test's own; wait for so many events of one export."""
    bus = outputs["EventBusName"]
    queue = aws.sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.events.put_rule(Name="listener", EventBusName=bus, EventPattern=json.dumps({"source": ["waybill"]}))
    aws.events.put_targets(Rule="listener", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    seen: list[dict[str, Any]] = []

    def wait(export_id: str, number: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 60
        while True:
            for message in aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                seen.append(json.loads(message["Body"]))
                aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            found = {each["detail"]["id"]: each for each in seen if each["detail"]["data"]["export_id"] == export_id}
            if len(found) >= number:
                return [found[key] for key in sorted(found)]
            assert time.monotonic() < deadline, found
            time.sleep(0.2)

    yield wait
    aws.events.remove_targets(Rule="listener", EventBusName=bus, Ids=["queue"])
    aws.events.delete_rule(Name="listener", EventBusName=bus)
    aws.sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def receiver() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


def put(tenant: Tenant, name: str, **attributes: Any) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"data": {"attributes": attributes}})
    answered = tenant.api.call("PUT", f"/move/webhooks/{name}", body=body)
    return answered.status, dict(answered.document)


def shown(tenant: Tenant, name: str) -> dict[str, Any]:
    return dict(tenant.api.call("GET", f"/move/webhooks/{name}").document["data"]["attributes"])


def until(happened: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_life_of_an_export_is_told_on_the_bus(
    somebody: Tenant, outputs: dict[str, str], told: Callable[[str, int], list[dict[str, Any]]]
) -> None:
    export = somebody.api.finished(somebody.api.create(with_doctypes=SETTINGS_ONLY)["id"])
    somebody.api.delete(export["id"])

    events = told(export["id"], 3)

    assert [each["detail-type"] for each in events] == [
        "waybill.export.started",
        "waybill.export.done",
        "waybill.export.deleted",
    ]
    assert [each["detail"]["data"]["previous_state"] for each in events] == [None, "exporting", "done"]
    done = events[1]["detail"]
    assert (done["specversion"], done["source"], done["subject"]) == ("1.0", "waybill", export["links"]["self"])
    assert done["data"]["total_size"] == export["attributes"]["total_size"]
    assert done["data"]["tenant"] == tenant_reference(somebody.id, outputs["EventBusName"])
    assert somebody.id not in json.dumps(events)


@contextmanager
def refused_to_read(aws: Aws, stack: Stack) -> Iterator[None]:
    """Let the table of the records refuse whoever reads it for exports."""
    arn = aws.dynamodb.describe_table(TableName=stack.resources["documents_table"])["Table"]["TableArn"]
    found = aws.cloudformation.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId="ReadChunkFunctionRole")
    role = found["StackResourceDetail"]["PhysicalResourceId"]
    deny = {"Effect": "Deny", "Action": "dynamodb:Query", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    aws.iam.put_role_policy(RoleName=role, PolicyName="refused", PolicyDocument=policy)
    try:
        yield
    finally:
        aws.iam.delete_role_policy(RoleName=role, PolicyName="refused")


def test_failing_being_retried_and_expiring_are_told_too(
    aws: Aws, stack: Stack, somebody: Tenant, told: Callable[[str, int], list[dict[str, Any]]]
) -> None:
    short = somebody.api.create(with_doctypes=SETTINGS_ONLY, max_age=60 * 10**9)["id"]
    assert somebody.api.finished(short, seconds=55)["attributes"]["state"] == "done"
    with refused_to_read(aws, stack):
        failing = somebody.api.create(with_doctypes=SETTINGS_ONLY)["id"]
        assert somebody.api.finished(failing, seconds=120)["attributes"]["state"] == "error"
    assert somebody.api.call("POST", f"/move/exports/{failing}/retry").status == 202
    assert somebody.api.finished(failing)["attributes"]["state"] == "done"

    events = [each["detail"] for each in told(failing, 4)]
    assert [(each["type"], each["data"]["previous_state"], each["data"]["state"]) for each in events] == [
        ("waybill.export.started", None, "exporting"),
        ("waybill.export.failed", "exporting", "error"),
        ("waybill.export.retried", "error", "exporting"),
        ("waybill.export.done", "exporting", "done"),
    ]
    assert stack.resources["documents_table"] not in json.dumps(events)

    until(lambda: somebody.api.call("GET", f"/move/exports/{short}").status == 410, 70)
    sweep = aws.cloudformation.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId="SweepExportsFunction")
    aws.functions.invoke(FunctionName=sweep["StackResourceDetail"]["PhysicalResourceId"], Payload=b"{}")
    types = {each["detail"]["type"]: each["detail"]["data"] for each in told(short, 3)}
    assert set(types) == {"waybill.export.started", "waybill.export.done", "waybill.export.expired"}
    assert types["waybill.export.expired"]["state"] == "deleted"


def test_a_receiver_that_fails_twice_gets_what_it_wants_at_last_signed(
    somebody: Tenant, receiver: FaultyServer
) -> None:
    receiver.will(answer(500), answer(503), answer(204))
    status, made = put(somebody, "shop", url=f"{receiver.url}/hook", events=["waybill.export.done"])
    assert status == 201
    secret = made["data"]["attributes"]["secret"]

    export_id = somebody.api.create(with_doctypes=SETTINGS_ONLY)["id"]
    until(lambda: len(receiver.requests) == 3, 120)
    until(lambda: (shown(somebody, "shop")["last_delivery"] or {}).get("outcome") == "204", 20)

    assert {request.headers["webhook-id"] for request in receiver.requests} == {f"{export_id}/2"}
    for request in receiver.requests:
        body = Verifier(secret).verify(request.body, request.headers)
        assert (body["type"], body["data"]["export_id"]) == ("waybill.export.done", export_id)
        assert somebody.id not in request.body.decode()
    assert shown(somebody, "shop")["last_delivery"]["failures"] == 0
    assert "secret" not in shown(somebody, "shop")


def test_a_webhook_that_is_gone_is_switched_off(somebody: Tenant, receiver: FaultyServer) -> None:
    receiver.will(answer(410))
    put(somebody, "gone", url=receiver.url, events=["waybill.export.started"])

    somebody.api.create(with_doctypes=SETTINGS_ONLY)
    until(lambda: not shown(somebody, "gone")["enabled"], 60)

    assert len(receiver.requests) == 1
    assert shown(somebody, "gone")["last_delivery"]["outcome"] == "410"


def test_private_addresses_are_refused_and_public_ones_taken(aws: Aws, somebody: Tenant) -> None:
    """As without the parameter WebhookAllowPrivate, which this deployment has for the receivers of its tests."""
    private = [
        "http://hooks.example.org/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/",
        "https://[fd00::1]/",
        "https://169.254.169.254/latest/meta-data/",
    ]
    with reconfigured(aws, "PutWebhookFunction", WEBHOOK_ALLOW_PRIVATE="false"):
        answers = [put(somebody, "strict", url=url) for url in private]
        assert somebody.api.call("GET", "/move/webhooks/strict").status == 404
        assert put(somebody, "strict", url="https://hooks.example.org/")[0] == 201

    told = [(status, document["errors"][0]["code"]) for status, document in answers]
    assert told == [(422, "invalid_webhook_address")] * len(private)
    assert {document["errors"][0]["source"]["pointer"] for _, document in answers} == {"/data/attributes/url"}
    assert somebody.api.call("DELETE", "/move/webhooks/strict").status == 204


def test_a_private_address_that_was_stored_is_not_asked(aws: Aws, somebody: Tenant, receiver: FaultyServer) -> None:
    for name, scheme in (("plain", "http"), ("tls", "https")):
        url = f"{scheme}://{receiver.url.partition('://')[2]}/"
        assert put(somebody, name, url=url, events=["waybill.export.started"])[0] == 201

    with reconfigured(aws, "SendWebhookFunction", WEBHOOK_ALLOW_PRIVATE="false"):
        somebody.api.create(with_doctypes=SETTINGS_ONLY)
        for name in ("plain", "tls"):
            until(lambda name=name: shown(somebody, name)["last_delivery"] is not None, 60)  # type: ignore[misc]
            assert shown(somebody, name)["last_delivery"]["outcome"] == "private_address"
            somebody.api.call("DELETE", f"/move/webhooks/{name}")  # so that it is not tried again

    assert receiver.requests == []


def test_webhooks_are_their_tenants_own(somebody: Tenant, stranger: Tenant) -> None:
    put(somebody, "mine", url="https://hooks.example.org/")

    for method in ("GET", "DELETE"):
        assert stranger.api.call(method, "/move/webhooks/mine").status == 404
    listed = stranger.api.call("GET", "/move/webhooks").document["data"]
    assert "mine" not in [each["id"] for each in listed]
    assert [somebody.api.call("DELETE", "/move/webhooks/mine").status for _ in range(2)] == [204, 404]


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"url": "ftp://hooks.example.org/"}, "/data/attributes/url"),
        ({"url": "https://hooks.example.org/", "events": ["made.up"]}, "/data/attributes/events/0"),
        ({"url": "https://hooks.example.org/", "made_up": 1}, "/data/attributes/made_up"),
        ({}, "/data/attributes/url"),
    ],
)
def test_bad_input_is_named(somebody: Tenant, attributes: dict[str, Any], pointer: str) -> None:
    status, document = put(somebody, "bad", **attributes)

    assert (status, document["errors"][0]["source"]["pointer"]) == (422, pointer)
    assert somebody.api.call("GET", "/move/webhooks/bad").status == 404


def ask(aws: Aws, bus: str, source: str, **detail: Any) -> None:
    entry = {
        "EventBusName": bus,
        "Source": source,
        "DetailType": "waybill.export.requested",
        "Detail": json.dumps(detail),
    }
    assert aws.events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_an_event_of_an_allowed_source_starts_an_export_and_no_other_does(
    aws: Aws, outputs: dict[str, str], new_tenant: Callable[..., Tenant]
) -> None:
    tenant, bus = new_tenant("requested"), outputs["EventBusName"]
    options = {"with_doctypes": SETTINGS_ONLY}

    ask(aws, bus, "mallory.example", tenant=tenant.id, options=options)
    ask(aws, bus, "shop.example", tenant=tenant.id, options={"made_up": 1})
    ask(aws, bus, "shop.example", tenant=tenant.id, options=options)
    until(lambda: bool(tenant.api.call("GET", "/move/exports").document["data"]), 60)

    (export,) = tenant.api.call("GET", "/move/exports").document["data"]
    assert export["attributes"]["with_doctypes"] == SETTINGS_ONLY
    assert tenant.api.finished(export["id"])["attributes"]["state"] == "done"
    assert len(tenant.api.call("GET", "/move/exports").document["data"]) == 1
