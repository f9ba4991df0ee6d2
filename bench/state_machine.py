"""Runs the export's state machine as its definition says, on functions that somebody else calls.

It knows the parts of the Amazon States Language that the definition uses, and refuses any other. Retries and errors are
not its subject: a function that fails ends the run.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.paths import ROOT

from bench.measure import MeasurementError

_DEFINITION = ROOT / "functions" / "export_workflow" / "definition.asl.json"
_MOST_STATES = 100_000
_ITEM = "$$.Map.Item.Value"

CallFunction = Callable[[str, Mapping[str, Any]], Any]
"""Calls a function by the name of its folder."""

ReadList = Callable[[str], list[Any]]
"""Returns the list that lies under a key, as the reader of a Map does."""


def states_entered(state_input: Mapping[str, Any], *, call: CallFunction, read_list: ReadList) -> int:
    """Run an export's execution to its end and return how many states it entered, those of its children included.

    That is what Step Functions charges for. Raises MeasurementError if it does not end well.
    """
    definition = json.loads(_DEFINITION.read_text(encoding="utf-8"))
    return _Run(call, read_list).run(definition, state_input)


class _Run:
    """One execution with its children."""

    def __init__(self, call: CallFunction, read_list: ReadList) -> None:
        self._call = call
        self._read_list = read_list
        self._entered = 0

    def run(self, definition: Mapping[str, Any], state: Any) -> int:
        """Go from the first state to one that ends, and return how many have been entered by then."""
        name: str | None = definition["StartAt"]
        while name is not None:
            self._entered += 1
            if self._entered > _MOST_STATES:
                raise MeasurementError("The state machine does not come to an end.")
            current = definition["States"][name]
            name, state = self._enter(name, current, state)
        return self._entered

    def _enter(self, name: str, current: Mapping[str, Any], state: Any) -> tuple[str | None, Any]:
        """Do a state's work; return the next state's name, None at the end, and what it gets."""
        match current["Type"]:
            case "Task":
                return current.get("Next"), self._task(current, state)
            case "Map":
                self._map(current, state)
                return current.get("Next"), state
            case "Choice":
                return self._choose(current, state), state
            case "Wait":
                return current.get("Next"), state
            case "Succeed":
                return None, state
        raise MeasurementError(f"The state {name} is of a type that the bench does not know, or a failure.")

    def _task(self, current: Mapping[str, Any], state: Any) -> Any:
        given = _filled(current["Parameters"], state) if "Parameters" in current else state
        answer = self._call(_folder(current["Resource"]), given)
        path = current.get("ResultPath", "$")
        return answer if path == "$" else {**state, path.removeprefix("$."): answer}

    def _map(self, current: Mapping[str, Any], state: Any) -> None:
        key = _filled(current["ItemReader"]["Parameters"], state)["Key"]
        for item in self._read_list(key):
            self.run(current["ItemProcessor"], _filled(current["ItemSelector"], state, item))

    def _choose(self, current: Mapping[str, Any], state: Any) -> str:
        for choice in current["Choices"]:
            value = _at(choice["Variable"], state)
            if value is choice["BooleanEquals"] if "BooleanEquals" in choice else value > choice["NumericGreaterThan"]:
                return str(choice["Next"])
        return str(current["Default"])


def _filled(template: Mapping[str, Any], state: Any, item: Any = None) -> dict[str, Any]:
    """Return a template with its paths replaced by what they lead to."""
    return {
        name.removesuffix(".$"): (item if value == _ITEM else _at(value, state)) if name.endswith(".$") else value
        for name, value in template.items()
    }


def _at(path: str, state: Any) -> Any:
    for name in path.removeprefix("$.").split("."):
        state = state[name]
    return state


def _folder(resource: str) -> str:
    """Return the folder of the function whose ARN stands in the definition as ``${ReadChunkFunctionArn}``."""
    name = resource.removeprefix("${").removesuffix("FunctionArn}")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
