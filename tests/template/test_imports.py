"""What of imports the template must hold to, whoever edits it."""

import json
from typing import Any

import pytest
from tests.template.conftest import REPOSITORY, SUBSTITUTION
from tests.template.test_state_machine import findings, targets, unsound
from tests.template.test_template import IMPORTING, of_type, resource_name, statements

from waybill.domain.import_options import MIN_MAX_AGE
from waybill.domain.options import SECOND_NS
from waybill.services.starting_export import LONGEST_START

STEPS = ("stage_import", "validate_rows", "load_rows", "finish_import", "undo_rows", "finish_undo", "fail_import")


@pytest.fixture(scope="module")
def text() -> str:
    return (REPOSITORY / "functions" / "import_workflow" / "definition.asl.json").read_text()


@pytest.fixture(scope="module")
def machine(text: str) -> dict[str, Any]:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:"
    return dict(json.loads(SUBSTITUTION.sub(lambda match: arn + match[1], text)))


def may(resources: dict[str, Any], name: str) -> dict[str, list[str]]:
    """What a function's role allows: actions by resource."""
    allowed: dict[str, list[str]] = {}
    for role, statement in statements(resources):
        if role == f"{resource_name(name)}Role":
            allowed.setdefault(str(statement["Resource"]), []).extend(statement["Action"])
    return allowed


class TestStateMachine:
    def test_cfn_lint_finds_nothing_and_every_state_is_reached(self, machine: dict[str, Any]) -> None:
        assert findings(machine) == []
        assert unsound(machine) == set()

    def test_what_is_substituted_is_what_the_template_gives(self, text: str, source: dict[str, Any]) -> None:
        given = source["Resources"]["ImportWorkflow"]["Properties"]["DefinitionSubstitutions"]
        assert set(SUBSTITUTION.findall(text)) == set(given)

    def test_every_task_is_a_handler_of_the_same_name(self, machine: dict[str, Any]) -> None:
        tasks = {name: state for name, state in machine["States"].items() if state["Type"] == "Task"}

        assert {resource_name(step).removesuffix("Function") for step in STEPS} == set(tasks)
        for name, state in tasks.items():
            assert state["Resource"].endswith(f":{name}FunctionArn")

    def test_every_task_retries_with_jitter_and_leads_to_the_one_exit_that_ends_in_fail(
        self, machine: dict[str, Any]
    ) -> None:
        for name, state in machine["States"].items():
            if state["Type"] == "Task":
                last = state["Retry"][-1]
                assert (last["ErrorEquals"], last["JitterStrategy"]) == (["States.ALL"], "FULL"), name
                exit_ = "ImportFailed" if name == "FailImport" else "FailImport"
                assert [catch["Next"] for catch in state["Catch"]] == [exit_], name
        assert machine["States"]["ImportFailed"]["Type"] == "Fail"

    def test_an_import_that_fits_one_worker_enters_at_most_ten_states(self, machine: dict[str, Any]) -> None:
        for undo in (0, 1):
            assert len(path(machine, undo)) <= 10
        assert path(machine, 0)[-2:] == ["FinishImport", "ImportDone"]
        assert path(machine, 1)[1:2] == ["UndoRows"]

    def test_nothing_is_written_before_all_is_judged(self, machine: dict[str, Any]) -> None:
        before_loading = {name for name, state in machine["States"].items() if "LoadRows" in targets(state)}

        assert before_loading == {"IsValidated", "IsLoaded"}
        assert machine["States"]["IsValidated"]["Default"] == "ValidateRows"

    def test_no_import_outlives_its_execution(self, machine: dict[str, Any]) -> None:
        assert machine["TimeoutSeconds"] < MIN_MAX_AGE / SECOND_NS

    def test_state_carries_names_alone(self, machine: dict[str, Any]) -> None:
        for name, state in machine["States"].items():
            if state["Type"] == "Task":
                assert set(state["Parameters"]) <= {"tenant.$", "import_id.$", "undo.$", "error.$"}, name


def path(machine: dict[str, Any], undo: int) -> list[str]:
    """The states that an execution enters if every worker is done at its first call."""
    name, entered = machine["StartAt"], []
    while True:
        state = machine["States"][name]
        entered.append(name)
        if state["Type"] == "Succeed":
            return entered
        if state["Type"] == "Choice":
            (choice,) = state["Choices"]
            name = choice["Next"] if "BooleanEquals" in choice or undo else state["Default"]
        else:
            name = state["Next"]


def test_only_who_loads_and_who_undoes_may_write_where_the_product_keeps_its_data(resources: dict[str, Any]) -> None:
    writing = {"dynamodb:PutItem", "dynamodb:DeleteItem", "s3:PutObject", "s3:DeleteObject"}
    product = ("DocumentsTable", "FilesBucket", "TargetTableArns", "TargetBucketArns")
    writers = {
        role
        for role, statement in statements(resources)
        if any(name in str(statement["Resource"]) for name in product) and writing & set(statement["Action"])
    }

    assert writers == {"LoadRowsFunctionRole", "UndoRowsFunctionRole"}


def test_who_judges_may_look_whether_a_content_is_there_and_who_loads_may_take_its_own_back(
    resources: dict[str, Any],
) -> None:
    judging = {key: value for key, value in may(resources, "validate_rows").items() if "Files" in key}
    loading = {key: value for key, value in may(resources, "load_rows").items() if "Files" in key}

    assert set().union(*judging.values()) == {"s3:ListBucket", "s3:GetObject"}
    assert "s3:DeleteObject" in set().union(*loading.values())


@pytest.mark.parametrize("step", ["load_rows", "undo_rows"])
def test_who_keeps_and_restores_contents_may_copy_their_tags(step: str, resources: dict[str, Any]) -> None:
    tagging = {"s3:GetObjectTagging", "s3:PutObjectTagging"}
    where = [key for key, actions in may(resources, step).items() if tagging <= {*actions}]

    for place in ("${FilesBucket.Arn}/*", "${ArchivesBucket.Arn}/imports/*", "TargetBucketArns"):
        assert any(place in key for key in where), place


def test_imports_write_to_no_further_tables_and_buckets_unless_they_are_named(source: dict[str, Any]) -> None:
    for name in ("TargetTableArns", "TargetBucketArns"):
        assert source["Parameters"][name]["Default"] == ""


@pytest.mark.parametrize("role", sorted(IMPORTING))
def test_what_imports_may_delete_of_the_archives_is_theirs(role: str, resources: dict[str, Any]) -> None:
    deleting = [
        str(statement["Resource"])
        for owner, statement in statements(resources)
        if owner == role and "s3:DeleteObject" in statement["Action"] and "Archives" in str(statement["Resource"])
    ]

    assert deleting == [str({"Fn::Sub": "${ArchivesBucket.Arn}/imports/*"})]


@pytest.mark.parametrize("function", ["get_import", "get_import_failures"])
def test_who_shows_an_import_reads_its_record_and_what_it_shows(function: str, resources: dict[str, Any]) -> None:
    allowed = may(resources, function)

    assert {action for actions in allowed.values() for action in actions} == {
        "dynamodb:GetItem",
        "s3:ListBucket",
        "s3:GetObject",
    }
    assert not any("work" in resource or resource.endswith("imports/*'}") for resource in allowed)


def test_a_request_that_starts_imports_is_over_when_another_may_start_what_it_has_not(
    resources: dict[str, Any],
) -> None:
    starting = {
        role.removesuffix("Role")
        for role, statement in statements(resources)
        if "states:StartExecution" in statement["Action"] and "-import" in str(statement["Resource"])
    }

    doors = {"CreateImportFunction", "CreateQiscusImportFunction", "UndoImportFunction"}
    assert starting == doors | {"SweepImportsFunction"}
    for name in starting - {"SweepImportsFunction"}:
        assert of_type(resources, "AWS::Lambda::Function")[name]["Timeout"] < LONGEST_START.total_seconds()


def test_the_sweep_of_imports_runs_every_hour_and_its_schedule_may_do_nothing_else(resources: dict[str, Any]) -> None:
    schedule = resources["SweepImportsSchedule"]["Properties"]
    role = resources[schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]]["Properties"]

    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert schedule["Target"]["Arn"] == {"Fn::GetAtt": ["SweepImportsFunction", "Arn"]}
    assert [policy["PolicyDocument"]["Statement"] for policy in role["Policies"]] == [
        [{"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": schedule["Target"]["Arn"]}]
    ]


def test_what_is_kept_of_imports_does_not_outlive_the_longest_of_them(resources: dict[str, Any]) -> None:
    rules = resources["ArchivesBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = (rule for rule in rules if rule["Prefix"] == "imports/")

    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 8)
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 7


def test_people_who_sign_in_are_asked_for_the_scopes_of_imports_too(source: dict[str, Any]) -> None:
    server = source["Resources"]["UserPoolResourceServer"]["Properties"]
    client = source["Resources"]["UserPoolClient"]["Properties"]
    scopes = {f"waybill/{each['ScopeName']}" for each in server["Scopes"]}

    assert {"waybill/imports.read", "waybill/imports.create"} <= scopes
    assert set(client["AllowedOAuthScopes"]) == {"openid"} | scopes


def test_at_most_two_functions_read_the_tables_stream(resources: dict[str, Any]) -> None:
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping").values()

    assert len([each for each in mappings if "StreamArn" in str(each["EventSourceArn"])]) <= 2


def test_imports_lead_into_private_networks_in_tests_alone(source: dict[str, Any], resources: dict[str, Any]) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    knowing = {name for name, each in functions.items() if "IMPORT_ALLOW_PRIVATE" in each["Environment"]["Variables"]}

    assert source["Parameters"]["ImportAllowPrivate"]["Default"] == "false"
    assert "For tests alone" in source["Parameters"]["ImportAllowPrivate"]["Description"]
    assert knowing == {resource_name("create_import"), resource_name("stage_import")}
