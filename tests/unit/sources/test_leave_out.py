"""Fields that never leave, wherever in a record they stand."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.sources import attribute_json, json_text
from waybill.sources.leave_out import is_left_out

DEVICE = {
    "id": 7,
    "apiKey": "hush",
    "settings": {"devEUI": "01", "key": "hush", "more": {"key": "hush", "open": 1}},
    "devices": [{"id": 1, "apiKey": "hush"}, [{"apiKey": "hush"}], "apiKey", None],
}


def without(record: Any, *leave_out: str) -> Any:
    return json.loads(json_text.one_line(json.dumps(record), leave_out))


def attribute(value: Any) -> dict[str, Any]:
    """A value as DynamoDB writes it."""
    if isinstance(value, dict):
        return {"M": {name: attribute(each) for name, each in value.items()}}
    if isinstance(value, list):
        return {"L": [attribute(each) for each in value]}
    if value is None:
        return {"NULL": True}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


@pytest.mark.parametrize(
    ("leave_out", "kept"),
    [
        (["apiKey"], {name: DEVICE[name] for name in ("id", "settings", "devices")}),
        (["settings.key"], DEVICE | {"settings": {"devEUI": "01", "more": {"key": "hush", "open": 1}}}),
        (["settings.more.key"], DEVICE | {"settings": {"devEUI": "01", "key": "hush", "more": {"open": 1}}}),
        (["devices.apiKey"], DEVICE | {"devices": [{"id": 1}, [{}], "apiKey", None]}),
        (["settings", "settings.key"], {name: DEVICE[name] for name in ("id", "apiKey", "devices")}),
        (
            ["**.apiKey", "**.key"],
            {
                "id": 7,
                "settings": {"devEUI": "01", "more": {"open": 1}},
                "devices": [{"id": 1}, [{}], "apiKey", None],
            },
        ),
        (["**.open", "settings.key"], DEVICE | {"settings": {"devEUI": "01", "more": {"key": "hush"}}}),
        (["id.more", "apiKey.x", "nothing", "**.nothing", ""], DEVICE),
    ],
)
def test_what_is_named_is_left_out_and_nothing_else(leave_out: list[str], kept: Any) -> None:
    assert without(DEVICE, *leave_out) == kept
    item = {name: attribute(value) for name, value in DEVICE.items()}
    assert json.loads(attribute_json.one_line(item, leave_out)) == kept


def test_a_field_whose_own_name_has_dots_is_meant_too() -> None:
    assert without({"a.b": 1, "a": {"b": 2, "c": 3}}, "a.b") == {"a": {"c": 3}}
    assert without({"x": {"a.b": 1}, "x.a": {"b": 1}, "x.a.b": 1}, "x.a.b") == {"x": {}, "x.a": {}}


def test_neither_escapes_nor_names_written_twice_hide_anything() -> None:
    text = '{"s": {"k": "hush"}, "s": {}, "\\u006b": "hush", "t": {"\\u006b": "hush"}}'

    assert b"hush" not in json_text.one_line(text, ["s.k", "k", "t.k"])
    assert b"hush" not in json_text.one_line(text, ["**.k"])


def test_what_stays_keeps_every_digit() -> None:
    line = json_text.one_line('{"s": {"k": 1, "n": 0.10, "m": 12345678901234567890}, "o": [1.0, {"k": 1}]}', ["**.k"])

    assert line == b'{"s":{"n":0.10,"m":12345678901234567890},"o":[1.0,{}]}'


def test_what_is_nested_too_deeply_is_refused_and_not_passed_on() -> None:
    with pytest.raises(json_text.NotAnObject, match="nested too deeply"):
        json_text.one_line('{"a":' * 3000 + "1" + "}" * 3000, ["**.k"])
    deep = '{"a":' + "[" * 900 + '{"k":"hush"}' + "]" * 900 + "}"
    try:
        assert b"hush" not in json_text.one_line(deep, ["a.k"])
    except json_text.NotAnObject as error:
        assert "nested" in str(error)  # noqa: PT017 - either is right, a leak is not


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abkx"), inner, max_size=4),
    max_leaves=20,
)


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()


@given(st.dictionaries(st.sampled_from("abkx"), VALUES, max_size=4))
def test_nothing_of_a_name_that_is_left_out_anywhere_remains(record: dict[str, Any]) -> None:
    kept = without(record, "**.k")

    assert "k" not in names_in(kept)
    assert without(kept, "**.k") == kept


@pytest.mark.parametrize(
    ("path", "leave_out", "expected"),
    [
        ("at", ["at"], True),
        ("meta.at", ["meta"], True),
        ("meta.at", ["meta.at"], True),
        ("meta.at", ["**.at"], True),
        ("meta.at", ["at", "meta.x", "**.x"], False),
        ("", ["at"], False),
    ],
)
def test_a_field_is_known_to_be_left_out(path: str, leave_out: list[str], expected: bool) -> None:
    assert is_left_out(path, leave_out) is expected
