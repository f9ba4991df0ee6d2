"""The export's state machine runs as its definition says, and every state that it enters is counted."""

from collections.abc import Mapping
from typing import Any

import pytest
from bench.measure import MeasurementError
from bench.state_machine import states_entered

START = {"tenant": "alice", "export_id": "1", "attempt": 0}


class Functions:
    """Answers for the functions.

    So many rounds of reading are needed, with ``wait`` seconds before another, and so many batches are to pack.
    """

    def __init__(self, *, rounds: int = 1, batches: int = 1, wait: int = 0) -> None:
        self.called: list[tuple[str, Mapping[str, Any]]] = []
        self.rounds = rounds
        self.batches = batches
        self.wait = wait

    def call(self, name: str, event: Mapping[str, Any]) -> Any:
        self.called.append((name, event))
        if name == "plan_parts":
            self.rounds -= 1
            return {"ready": self.rounds == 0, "key": "left" if self.rounds else "pack", "wait": self.wait}
        return {"ready": True, "key": "read", "wait": 0}

    def read_list(self, key: str) -> list[Any]:
        return list(range(self.batches)) if key == "pack" else [0]

    def names(self) -> list[str]:
        return [name for name, _ in self.called]


def test_an_export_that_fits_one_worker_enters_ten_states() -> None:
    functions = Functions()
    assert states_entered(START, call=functions.call, read_list=functions.read_list) == 10
    assert functions.names() == ["plan_export", "read_chunk", "plan_parts", "pack_part", "finish_export"]


def test_every_batch_enters_one_state_more_and_gets_its_own_item() -> None:
    functions = Functions(batches=3)
    assert states_entered(START, call=functions.call, read_list=functions.read_list) == 12
    assert [event for name, event in functions.called if name == "pack_part"] == [
        START | {"batch": n} for n in range(3)
    ]


def test_another_round_enters_its_states_again() -> None:
    functions = Functions(rounds=2)
    assert states_entered(START, call=functions.call, read_list=functions.read_list) == 10 + 4
    assert functions.names()[1:5] == ["read_chunk", "plan_parts", "read_chunk", "plan_parts"]


def test_a_round_that_is_waited_for_enters_one_state_more() -> None:
    functions = Functions(rounds=2, wait=5)
    assert states_entered(START, call=functions.call, read_list=functions.read_list) == 10 + 5


def test_an_execution_without_end_is_no_measurement() -> None:
    functions = Functions(rounds=-1)
    with pytest.raises(MeasurementError, match="does not come to an end"):
        states_entered(START, call=functions.call, read_list=functions.read_list)
