"""Whatever is sent, there is a verdict on it, and every fault points at something in the row or missing from it."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.rules.court import COMMENT, REPLY, ROOM, SINGLE, USER, doctype, verdicts
from tests.unit.rules.test_comments import PAYLOADS
from tests.unit.rules.test_schema_rules import SHAPE

from waybill.rules.codes import FaultCode

THING = {"_id": "1", "size": 3, "price": 0.5, "colour": "red", "name": "abc", "tags": ["a"], "box": "b"}
GOOD = {
    "users": [USER],
    "rooms": [ROOM, SINGLE],
    "comments": [COMMENT, REPLY, *({**COMMENT, "Type": kind, "Payload": PAYLOADS[kind]} for kind in PAYLOADS)],
    "things": [THING],
}
CATALOG = [doctype("things", json.dumps(SHAPE), references={"box": "boxes", "list.*.in": "boxes"}), doctype("boxes")]

JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.decimals(-9, 9),
        st.text(), st.sampled_from(["1", "a@b.c", "https://a.b", "reply", "single", "2017-05-10T11:46:30Z"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=8,
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A good row in which some places hold something else, or nothing."""
    row: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(GOOD[name]))))
    for _ in range(draw(st.integers(0, 4))):
        inside: Any = row
        while True:
            place = draw(st.sampled_from(sorted(inside))) if isinstance(inside, dict) else 0
            if isinstance(inside[place], dict | list) and inside[place] and draw(st.booleans()):
                inside = inside[place]
            else:
                break
        if isinstance(inside, dict) and len(inside) > 1 and draw(st.booleans()):
            del inside[place]
        else:
            inside[place] = draw(JSON)
    return row


def parent_of(row: Any, pointer: str) -> Any:
    """The object or array in which the place of a pointer is. Raises LookupError if there is none."""
    for step in pointer.split("/")[1:-1]:
        key = step.replace("~1", "/").replace("~0", "~")
        row = row[int(key)] if isinstance(row, list) else row[key]
    return row


@pytest.mark.parametrize("name", GOOD)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_there_is_a_verdict_on_every_row_and_faults_point_into_it(name: str, data: st.DataObject) -> None:
    row = data.draw(st.one_of(spoilt(name), st.dictionaries(st.text(), JSON, max_size=4)))
    sent = copy.deepcopy(row)
    [verdict] = verdicts(name, [row], doctypes=CATALOG)

    assert row == sent
    assert (verdict.outcome == "accepted") == (not verdict.reasons) == (verdict.value is not None)
    places = [(reason.code, reason.pointer) for reason in verdict.reasons]
    assert len(set(places)) == len(places)
    for reason in verdict.reasons:
        assert reason.code in set(FaultCode)
        assert reason.sentence.endswith(".")
        assert not reason.pointer or isinstance(parent_of(row, reason.pointer), dict | list)
