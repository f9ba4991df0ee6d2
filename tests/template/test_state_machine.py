"""The state machine is sound before anything runs it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cfnlint.api import lint_all
from tests.template.conftest import REPOSITORY, SUBSTITUTION, dump


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def wrapped(machine: dict[str, Any]) -> str:
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/states", "Definition": machine}
    return dump({"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}})


def findings(machine: dict[str, Any]) -> list[str]:
    """Errors and warnings; cfn-lint's hints on style are not about soundness."""
    return [str(match) for match in lint_all(wrapped(machine)) if match.rule.id[0] in "EW"]


def test_what_is_substituted_is_what_the_template_gives(definition_text: str, source: dict[str, Any]) -> None:
    given = source["Resources"]["ExportWorkflow"]["Properties"]["DefinitionSubstitutions"]
    assert set(SUBSTITUTION.findall(definition_text)) == set(given)


def test_cfn_lint_finds_nothing(definition: dict[str, Any]) -> None:
    assert findings(definition) == []


def test_cfn_lint_would_find_a_state_of_no_known_type(definition: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(definition))
    broken["States"]["PlanExport"]["Type"] = "Tsk"

    assert findings(broken)


def targets(state: dict[str, Any]) -> set[str]:
    named = {state[key] for key in ("Next", "Default") if key in state}
    return named | {each["Next"] for each in (*state.get("Catch", []), *state.get("Choices", []))}


def unsound(machine: dict[str, Any]) -> set[str]:
    """Targets that do not exist and states that nothing leads to; cfn-lint looks at neither."""
    found: set[str] = set()
    reached = {machine["StartAt"]}
    for state in machine["States"].values():
        reached |= targets(state)
        if "ItemProcessor" in state:
            found |= unsound(state["ItemProcessor"])
    return found | (reached ^ set(machine["States"]))


def test_every_transition_leads_somewhere_and_every_state_is_reached(definition: dict[str, Any]) -> None:
    assert unsound(definition) == set()


def test_a_transition_into_nowhere_is_noticed(definition: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(definition))
    broken["States"]["PlanExport"]["Next"] = "Nowhere"

    assert "Nowhere" in unsound(broken)


def test_every_task_is_a_handler_of_the_same_name(definition: dict[str, Any]) -> None:
    for name, state in states(definition):
        if state["Type"] == "Task":
            folder = "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
            assert Path(REPOSITORY / "functions" / folder / "app.py").is_file(), name
            assert state["Resource"].endswith(f":{name}FunctionArn")


def test_every_task_has_a_timeout_and_retries_with_jitter(definition: dict[str, Any]) -> None:
    for name, state in states(definition):
        if state["Type"] == "Task":
            assert state["TimeoutSeconds"] <= 900, name
            last = state["Retry"][-1]
            assert (last["ErrorEquals"], last["JitterStrategy"]) == (["States.ALL"], "FULL"), name
            assert last["MaxAttempts"] >= 3


def test_whatever_fails_leads_to_the_one_exit_that_ends_in_fail(definition: dict[str, Any]) -> None:
    for name, state in definition["States"].items():
        if state["Type"] in {"Task", "Map"} and name != "FailExport":
            assert [catch["Next"] for catch in state["Catch"]] == ["FailExport"], name
    exits = definition["States"]["FailExport"]
    assert exits["Next"] == exits["Catch"][0]["Next"] == "ExportFailed"
    assert definition["States"]["ExportFailed"]["Type"] == "Fail"


def test_state_carries_no_results_of_items(definition: dict[str, Any]) -> None:
    for _, state in states(definition):
        if state["Type"] == "Map":
            assert state["ResultPath"] is None
            assert state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
