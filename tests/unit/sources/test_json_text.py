"""Records stored as JSON text: what passes, what is refused, and what stays as it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.sources.json_text import NotAnObject, one_line


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 12345678901234567890.12345678901234567890}',
        '{"n": 1e999, "m": -0, "o": 1.0e+05}',
        '{"z": 1,   "a": [ ]}',
        '{"name": "\\u00dcnal \\ud83e\\uddfe ☃ \u2028 \x7f"}',
        '{"a": 1, "a": 2}',
        "{}",
    ],
    ids=["long number", "odd numbers", "order and blanks", "escapes", "a name twice", "empty"],
)
def test_a_valid_object_is_left_as_it_is(text: str) -> None:
    assert one_line(text) == text.encode()


def test_line_ends_between_tokens_become_spaces() -> None:
    assert one_line('\n{\r\n  "a": [1,\n2],\n "b": "x\\ny"\n}\n') == b'{    "a": [1, 2],  "b": "x\\ny" }'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not valid JSON"),
        ("{", "is not valid JSON"),
        ("{'a': 1}", "is not valid JSON"),
        ('{"a": 1,}', "is not valid JSON"),
        ('{"a": 1} {"b": 2}', "is not valid JSON"),
        ('{"a": NaN}', "is not valid JSON"),
        ('{"a": -Infinity}', "is not valid JSON"),
        ('{"a": 01}', "is not valid JSON"),
        ('{"a": "tab\t"}', "is not valid JSON"),
        ('{"a": "line\n"}', "is not valid JSON"),
        ('\ufeff{"a": 1}', "is not valid JSON"),
        ('{"half": "\\ud83e"}', "is not valid JSON"),
        ('{"half": "\ud83e"}', "holds half of a surrogate pair"),
        ("[1]", "is JSON, but not an object"),
        ('"text"', "is JSON, but not an object"),
        ("null", "is JSON, but not an object"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deeply"),
    ],
    ids=lambda value: value[:20],
)
def test_anything_else_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(NotAnObject, match=f"^{reason}$"):
        one_line(text)


def test_secrets_are_left_out_and_the_rest_stays() -> None:
    text = '{"id": "1", "password": {"hash": "x"},\n "n": 1.50, "token": null, "s": "\\u00fc"}'

    assert one_line(text, ("password", "token")) == b'{"id":"1","n":1.50,"s":"\\u00fc"}'


def test_escapes_and_repetition_hide_no_secret() -> None:
    assert one_line('{"pass\\u0077ord": "x", "a": 1, "password": "y"}', ("password",)) == b'{"a":1}'


def test_only_the_top_level_is_looked_at() -> None:
    assert one_line('{"a": {"password": 1}}', ("password",)) == b'{"a": {"password": 1}}'


def test_everything_may_be_left_out() -> None:
    assert one_line('{"password": 1}', ("password",)) == b"{}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    record=st.dictionaries(st.text(), json_values, max_size=5),
    indent=st.none() | st.integers(0, 3),
    ascii_only=st.booleans(),
)
def test_whatever_is_an_object_keeps_its_meaning_on_one_line(
    record: dict[str, object], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(record, indent=indent, ensure_ascii=ascii_only)

    line = one_line(text)

    assert json.loads(line) == record
    assert b"\n" not in line
    assert b"\r" not in line
    for name in record:
        assert json.loads(one_line(text, (name,))) == {key: value for key, value in record.items() if key != name}
