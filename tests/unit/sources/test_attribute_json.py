"""DynamoDB items as JSON: the documented form, exact and always the same."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.sources.attribute_json import Attribute, NotConvertible, one_line


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ({"S": 'Ünal "x"\n'}, '"Ünal \\"x\\"\\n"'),
        ({"S": ""}, '""'),
        ({"BOOL": False}, "false"),
        ({"NULL": True}, "null"),
        ({"N": "0"}, "0"),
        ({"N": "12345678901234567890123456789012345678"}, "12345678901234567890123456789012345678"),
        ({"N": "1.10"}, "1.10"),
        ({"N": "-1E-130"}, "-1E-130"),
        ({"B": "AP8="}, '"AP8="'),
        ({"L": []}, "[]"),
        ({"L": [{"N": "1"}, {"L": [{"S": "x"}]}]}, '[1,["x"]]'),
        ({"M": {}}, "{}"),
        ({"M": {"b": {"N": "1"}, "a": {"NULL": True}}}, '{"a":null,"b":1}'),
        ({"SS": ["b", "B", "ä", "a"]}, '["B","a","b","ä"]'),
        ({"NS": ["10", "9", "-2", "1e1", "0.5"]}, "[-2,0.5,9,10,1e1]"),
        ({"BS": ["/w==", "AA=="]}, '["/w==","AA=="]'),
    ],
)
def test_every_type_has_its_form(attribute: Attribute, expected: str) -> None:
    assert one_line({"a": attribute}).decode() == f'{{"a":{expected}}}'


@pytest.mark.parametrize(("number", "expected"), [("+1", "1"), (".5", "0.5"), ("007", "7"), ("1.", "1"), ("1_0", "10")])
def test_numbers_that_json_cannot_write_keep_their_value(number: str, expected: str) -> None:
    assert one_line({"a": {"N": number}}).decode() == f'{{"a":{expected}}}'


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ({"N": "NaN"}, "has a number that is none"),
        ({"N": "Infinity"}, "has a number that is none"),
        ({"N": "secret"}, "has a number that is none"),
        ({"NS": ["1", "secret"]}, "has a number that is none"),
        ({"X": "secret"}, "has an attribute of the unknown type X"),
        ({}, "has an attribute without a value"),
    ],
)
def test_what_has_no_form_is_refused_without_being_shown(attribute: Attribute, reason: str) -> None:
    with pytest.raises(NotConvertible, match=f"^{reason}$"):
        one_line({"a": {"M": {"b": attribute}}})


def test_an_item_nested_beyond_reason_is_refused() -> None:
    deep: Attribute = {"S": "x"}
    for _ in range(100_000):
        deep = {"L": [deep]}

    with pytest.raises(NotConvertible, match="nested too deeply"):
        one_line({"a": deep})


def test_names_are_sorted_by_their_bytes_and_secrets_left_out() -> None:
    item = {name: {"N": "1"} for name in ("b", "\U0001f9fe", "a", "\uffff", "Z", "secret")}

    assert list(json.loads(one_line(item, ("secret",)))) == ["Z", "a", "b", "\uffff", "\U0001f9fe"]


attributes = st.recursive(
    st.text().map(lambda text: {"S": text})
    | st.booleans().map(lambda truth: {"BOOL": truth})
    | st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda number: {"N": str(number)}),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda values: {"L": values})
        | st.dictionaries(st.text(), inner, max_size=3).map(lambda values: {"M": values})
    ),
    max_leaves=10,
)


def meaning(attribute: Attribute) -> object:
    [(kind, value)] = attribute.items()
    if kind == "L":
        return [meaning(each) for each in value]
    if kind == "M":
        return {name: meaning(each) for name, each in value.items()}
    return Decimal(value) if kind == "N" else value


@given(item=st.dictionaries(st.text(), attributes, max_size=4))
def test_any_item_keeps_its_meaning_whatever_its_order(item: dict[str, Attribute]) -> None:
    line = one_line(item)

    read = json.loads(line, parse_float=Decimal, parse_int=Decimal)
    assert read == {name: meaning(attribute) for name, attribute in item.items()}
    assert one_line(dict(reversed(item.items()))) == line
    assert b"\n" not in line
