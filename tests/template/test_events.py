"""The bus, the stream and the webhooks' workflow are as the docs say, whoever edits the template."""

import json
from typing import Any

import pytest
from tests.template.conftest import REPOSITORY, SUBSTITUTION
from tests.template.test_state_machine import findings, unsound
from tests.template.test_template import of_type, resource_name, statements

from waybill.adapters.webhook_client import SECONDS

DAY = 24 * 3600


@pytest.fixture(scope="module")
def webhook_definition() -> dict[str, Any]:
    text = (REPOSITORY / "functions" / "webhook_workflow" / "definition.asl.json").read_text()
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:"
    return dict(json.loads(SUBSTITUTION.sub(lambda match: arn + match[1], text)))


def test_the_stream_gives_both_images_and_every_change_of_a_job_to_publish_change(
    resources: dict[str, Any],
) -> None:
    mapping = resources["PublishChangeStream"]["Properties"]
    (pattern,) = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]

    assert resources["JobsTable"]["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["JobsTable", "StreamArn"]}
    assert pattern == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "export#"}, {"prefix": "import#"}]}}},
    }


def test_no_change_is_lost_in_silence(resources: dict[str, Any]) -> None:
    mapping = resources["PublishChangeStream"]["Properties"]

    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] > 0
    assert 0 < mapping["MaximumRecordAgeInSeconds"] < DAY  # the stream itself forgets after a day
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["ChangesDeadLetters", "Arn"]}


@pytest.mark.parametrize("queue", ["ChangesDeadLetters", "RequestsDeadLetters"])
def test_dead_letters_are_encrypted_and_kept_for_two_weeks(queue: str, resources: dict[str, Any]) -> None:
    assert resources[queue]["Properties"] == {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * DAY}


def test_without_a_source_no_event_starts_an_export(source: dict[str, Any], resources: dict[str, Any]) -> None:
    rule = resources["RequestedExportRule"]

    assert source["Parameters"]["EventSources"]["Default"] == ""
    assert {resources[name]["Condition"] for name in ("RequestedExportRule", "RequestedExportPermission")} == {
        "HasEventSources"
    }
    assert rule["Properties"]["EventPattern"] == {
        "source": {"Ref": "EventSources"},
        "detail-type": ["waybill.export.requested"],
    }
    variables = resources["StartRequestedExportFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["EVENT_SOURCES"] == {"Fn::Join": [",", {"Ref": "EventSources"}]}


def test_only_the_rule_may_call_the_function_and_its_failures_are_kept(resources: dict[str, Any]) -> None:
    rule_arn = {"Fn::GetAtt": ["RequestedExportRule", "Arn"]}
    queue_arn = {"Fn::GetAtt": ["RequestsDeadLetters", "Arn"]}
    (target,) = resources["RequestedExportRule"]["Properties"]["Targets"]
    invocation = resources["StartRequestedExportInvocation"]["Properties"]
    _, statement = resources["RequestsDeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]

    assert resources["RequestedExportPermission"]["Properties"]["SourceArn"] == rule_arn
    assert target["DeadLetterConfig"] == {"Arn": queue_arn}
    assert invocation["DestinationConfig"] == {"OnFailure": {"Destination": queue_arn}}
    assert statement["Fn::If"][1]["Condition"] == {"ArnEquals": {"aws:SourceArn": rule_arn}}


def test_webhooks_lead_into_private_networks_in_tests_alone(source: dict[str, Any], resources: dict[str, Any]) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    knowing = {name for name, each in functions.items() if "WEBHOOK_ALLOW_PRIVATE" in each["Environment"]["Variables"]}

    assert source["Parameters"]["WebhookAllowPrivate"]["Default"] == "false"
    assert "For tests alone" in source["Parameters"]["WebhookAllowPrivate"]["Description"]
    assert knowing == {resource_name("put_webhook"), resource_name("send_webhook")}


def test_only_publish_change_puts_events_on_the_bus_and_starts_deliveries(resources: dict[str, Any]) -> None:
    publishing = {role for role, statement in statements(resources) if "events:PutEvents" in statement["Action"]}
    starting = {
        role
        for role, statement in statements(resources)
        if "states:StartExecution" in statement["Action"] and "-webhook" in str(statement["Resource"])
    }

    assert publishing == starting == {"PublishChangeFunctionRole"}


class TestWebhookWorkflow:
    def test_cfn_lint_finds_nothing(self, webhook_definition: dict[str, Any]) -> None:
        assert findings(webhook_definition) == []
        assert unsound(webhook_definition) == set()

    def test_it_tries_again_for_about_two_days_and_never_all_at_once(self, webhook_definition: dict[str, Any]) -> None:
        (retry,) = webhook_definition["States"]["SendWebhook"]["Retry"]
        delays = [
            min(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt, retry["MaxDelaySeconds"])
            for attempt in range(retry["MaxAttempts"])
        ]

        assert (retry["ErrorEquals"], retry["JitterStrategy"]) == (["States.ALL"], "FULL")
        assert delays[0] <= 5
        assert 2 * DAY < sum(delays) / 2 < 3 * DAY  # full jitter waits half of each on average
        assert sum(delays) < webhook_definition["TimeoutSeconds"]

    def test_a_try_has_longer_than_its_function(
        self, webhook_definition: dict[str, Any], resources: dict[str, Any]
    ) -> None:
        timeout = resources["SendWebhookFunction"]["Properties"]["Timeout"]
        assert 2 * SECONDS < timeout < webhook_definition["States"]["SendWebhook"]["TimeoutSeconds"]

    def test_what_is_substituted_is_what_the_template_gives(self, source: dict[str, Any]) -> None:
        properties = source["Resources"]["WebhookWorkflow"]["Properties"]
        text = (REPOSITORY / properties["DefinitionUri"]).read_text()

        assert set(SUBSTITUTION.findall(text)) == set(properties["DefinitionSubstitutions"])

    def test_its_log_has_no_data(self, source: dict[str, Any]) -> None:
        logging = source["Resources"]["WebhookWorkflow"]["Properties"]["Logging"]
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
