"""What schedules may do, and where what fails goes, whoever edits the template."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.template.test_template import of_type, statements

from waybill.domain.options import ExportOptions
from waybill.domain.schedule import Firing
from waybill.entry.firing_event import read_firing

DEAD_LETTERS = {"Fn::GetAtt": ["ScheduleDeadLetters", "Arn"]}
RUN_SCHEDULE = {"Fn::GetAtt": ["RunScheduleFunction", "Arn"]}


def allowed(resources: dict[str, Any], action: str) -> dict[str, dict[str, Any]]:
    """The statements that allow an action, by role."""
    return {role: statement for role, statement in statements(resources) if action in statement["Action"]}


def test_scheduler_may_call_the_one_function_and_tell_what_failed(resources: dict[str, Any]) -> None:
    may = {
        action: statement["Resource"]
        for role, statement in statements(resources)
        for action in statement["Action"]
        if role == "ScheduleRole"
    }
    assert may == {"lambda:InvokeFunction": RUN_SCHEDULE, "sqs:SendMessage": DEAD_LETTERS}


def test_scheduler_takes_the_role_on_for_schedules_of_this_stack_alone(resources: dict[str, Any]) -> None:
    (trust,) = resources["ScheduleRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert trust["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"].endswith(":schedule-group/${ScheduleGroup}")


@pytest.mark.parametrize(
    ("action", "roles"),
    [
        ("scheduler:CreateSchedule", {"PutScheduleFunctionRole"}),
        ("scheduler:UpdateSchedule", {"PutScheduleFunctionRole"}),
        ("scheduler:DeleteSchedule", {"DeleteScheduleFunctionRole", "RunScheduleFunctionRole"}),
    ],
)
def test_schedules_are_changed_in_their_group_by_who_has_to(
    resources: dict[str, Any], action: str, roles: set[str]
) -> None:
    found = allowed(resources, action)
    assert set(found) == roles
    assert all(each["Resource"]["Fn::Sub"].endswith(":schedule/${ScheduleGroup}/*") for each in found.values())


def test_the_role_of_schedules_is_handed_to_scheduler_and_to_nobody_else(resources: dict[str, Any]) -> None:
    (statement,) = allowed(resources, "iam:PassRole").values()
    assert statement["Resource"] == {"Fn::GetAtt": ["ScheduleRole", "Arn"]}
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_what_fails_is_kept_encrypted_for_two_weeks(resources: dict[str, Any]) -> None:
    queue = resources["ScheduleDeadLetters"]["Properties"]
    assert (queue["SqsManagedSseEnabled"], queue["MessageRetentionPeriod"]) == (True, 14 * 86_400)
    (policy,) = resources["ScheduleDeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (policy["Effect"], policy["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_run_that_fails_is_repeated_twice_and_then_kept(resources: dict[str, Any]) -> None:
    config = of_type(resources, "AWS::Lambda::EventInvokeConfig")["RunScheduleInvocation"]
    assert config["MaximumRetryAttempts"] == 2
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == DEAD_LETTERS
    assert allowed(resources, "sqs:SendMessage")["RunScheduleFunctionRole"]["Resource"] == DEAD_LETTERS


def test_only_who_starts_exports_may_start_the_workflow(resources: dict[str, Any]) -> None:
    machine = allowed(resources, "states:StartExecution")
    assert machine["RunScheduleFunctionRole"]["Resource"] == machine["CreateExportFunctionRole"]["Resource"]


class TestTheOperatorsSchedule:
    def test_it_is_there_only_if_it_is_asked_for(self, source: dict[str, Any]) -> None:
        assert source["Resources"]["OperatorsSchedule"]["Condition"] == "HasOperatorsSchedule"
        assert source["Parameters"]["ScheduleExpression"]["Default"] == ""

    @pytest.mark.parametrize(
        ("options", "meant"),
        [
            ("{}", ExportOptions()),
            (
                '{"without_files": true, "format": "csv"}',
                ExportOptions(without_files=True, format="csv", layout="plain"),
            ),
        ],
    )
    def test_it_fires_as_those_of_the_api_do_with_its_options(
        self, resources: dict[str, Any], options: str, meant: ExportOptions
    ) -> None:
        target = resources["OperatorsSchedule"]["Properties"]["Target"]
        text = target["Input"]["Fn::Sub"].replace("<aws.scheduler.scheduled-time>", "2026-03-01T03:00:00Z")
        text = text.replace("${ScheduleTenant}", "alice").replace("${ScheduleOptions}", options)

        assert read_firing(json.loads(text)) == Firing("alice", "", datetime(2026, 3, 1, 3, tzinfo=UTC), meant)
        assert (target["Arn"], target["DeadLetterConfig"]["Arn"]) == (RUN_SCHEDULE, DEAD_LETTERS)
        assert target["RoleArn"] == {"Fn::GetAtt": ["ScheduleRole", "Arn"]}

    @pytest.mark.parametrize(
        ("parameter", "value", "is_taken"),
        [
            ("ScheduleExpression", "", True),
            ("ScheduleExpression", "cron(0 3 * * ? *)", True),
            ("ScheduleExpression", "0 3 * * *", False),
            ("ScheduleTenant", "auth0|5f1c/ü@example.org", True),
            ("ScheduleTenant", 'a","options":{"x":"', False),
            ("ScheduleTenant", "a\\", False),
            ("ScheduleTenant", "<aws.scheduler.execution-id>", False),
            ("ScheduleOptions", '{"with_doctypes":["io.cozy.contacts"]}', True),
            ("ScheduleOptions", "[]", False),
            ("ScheduleTimeZone", "America/Argentina/Buenos_Aires", True),
            ("ScheduleTimeZone", "", False),
        ],
    )
    def test_what_would_break_out_of_its_place_is_refused(
        self, source: dict[str, Any], parameter: str, value: str, is_taken: bool
    ) -> None:
        pattern = source["Parameters"][parameter]["AllowedPattern"]
        assert (re.fullmatch(pattern, value) is not None) is is_taken

    def test_what_makes_sense_together_only_is_held_together(self, source: dict[str, Any]) -> None:
        needs, alone = (
            source["Rules"][name] for name in ("OperatorsScheduleNeedsATenant", "NothingIsSaidOfAScheduleThatIsNone")
        )
        assert needs["RuleCondition"]["Fn::Not"] == [alone["RuleCondition"]]
        assert [each["Assert"] for each in needs["Assertions"]] == [
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "ScheduleTenant"}, ""]}]}
        ]
        defaults = {name: source["Parameters"][name]["Default"] for name in source["Parameters"] if "Schedule" in name}
        said = {
            each["Fn::Equals"][0]["Ref"]: each["Fn::Equals"][1] for each in alone["Assertions"][0]["Assert"]["Fn::And"]
        }
        assert set(said) == {"ScheduleTenant", "ScheduleTimeZone", "ScheduleOptions"}
        assert said.items() <= defaults.items()
