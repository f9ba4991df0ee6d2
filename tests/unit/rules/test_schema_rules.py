"""Doctypes of the catalog: their JSON Schema, their unique fields, their references."""

import json
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.rules.court import NOW, checked, doctype, faults

from waybill.domain.catalog import Doctype, FilesSource, TableSource
from waybill.domain.errors import CatalogError
from waybill.rules.rulebook import rules_of


def one(schema: dict[str, Any], **more: Any) -> list[Doctype]:
    return [doctype("things", json.dumps(schema), **more), doctype("boxes"), doctype("labels", unique=("code",))]


def found(schema: dict[str, Any], row: dict[str, Any], **more: Any) -> set[tuple[str, str]]:
    return faults("things", {"_id": "1", **row}, one(schema, **more))


SHAPE = {
    "type": "object",
    "properties": {
        "_id": {"type": "string"},
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "price": {"type": "number", "exclusiveMinimum": 0},
        "colour": {"enum": ["red", "blue"]},
        "kind": {"const": "thing"},
        "name": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]*$"},
        "tags": {"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": True, "items": {"type": "string"}},
        "pair": {"prefixItems": [{"type": "string"}], "items": False},
    },
    "required": ["_id"],
    "unevaluatedProperties": False,
}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"size": 3, "price": 0.5, "colour": "red", "kind": "thing", "name": "abc", "tags": ["a"]}, set()),
        ({"size": 3.0, "price": Decimal("0.1000000000000000000000001")}, set()),
        ({"size": "3"}, {("wrong_type", "/size")}),
        ({"size": True}, {("wrong_type", "/size")}),
        ({"size": 0}, {("out_of_range", "/size")}),
        ({"size": 10**30}, {("out_of_range", "/size")}),
        ({"price": 0}, {("out_of_range", "/price")}),
        ({"colour": "green"}, {("unknown_value", "/colour")}),
        ({"kind": "other"}, {("unknown_value", "/kind")}),
        ({"name": "a"}, {("too_short", "/name")}),
        ({"name": "abcde"}, {("too_long", "/name")}),
        ({"name": "AB"}, {("bad_format", "/name")}),
        ({"tags": []}, {("too_short", "/tags")}),
        ({"tags": ["a", 1]}, {("wrong_type", "/tags/1")}),
        ({"tags": ["a", "a"]}, {("schema", "/tags")}),
        ({"pair": ["a", 1]}, {("schema", "/pair/1")}),
        ({"a/b~c": 1}, {("unknown_field", "/a~1b~0c")}),
        (
            {"size": 0, "name": "A", "x": 1},
            {("out_of_range", "/size"), ("bad_format", "/name"), ("too_short", "/name"), ("unknown_field", "/x")},
        ),
    ],
)
def test_a_row_is_checked_against_its_schema(row: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert found(SHAPE, row) == expected


def test_a_field_that_is_missing_is_pointed_at() -> None:
    schema = {"properties": {"box": {"required": ["lid"]}}, "required": ["name"]}

    assert found(schema, {"box": {}}) == {("required", "/name"), ("required", "/box/lid")}


def test_formats_are_not_checked() -> None:
    assert found({"properties": {"day": {"format": "date"}}}, {"day": "someday"}) == set()


@pytest.mark.parametrize("reference", ["https://example.com/schema.json", "file:///etc/passwd", "other.json"])
def test_nothing_is_fetched(reference: str) -> None:
    with pytest.raises(CatalogError, match=r"schemas/things\.json"):
        rules_of("things", one({"$ref": reference}), NOW)


@pytest.mark.parametrize("schema", ['{"type": "strin"}', "{", "[]", "[" * 100_000])
def test_a_schema_that_is_none_is_the_catalogs_fault(schema: str) -> None:
    with pytest.raises(CatalogError, match=r"schemas/things\.json"):
        rules_of("things", [doctype("things", schema)], NOW)


def test_a_doctype_that_the_catalog_does_not_have() -> None:
    with pytest.raises(CatalogError, match="things"):
        rules_of("things", [], NOW)


def test_no_sentence_holds_what_was_sent() -> None:
    row = {"_id": "1", "size": "hush", "colour": "hush", "kind": "hush", "name": "hush hush", "tags": ["hush", "hush"]}
    result = checked("things", row, one({**SHAPE, "not": {"required": ["tags"]}}))

    assert len(result.faults) >= 6
    assert not [fault for fault in result.faults if "hush" in fault.sentence]


def test_a_pattern_that_backtracks_does_not_hold_anybody_up() -> None:
    schema = {"properties": {"name": {"pattern": "^(a+)+(?=b)$"}}}

    assert found(schema, {"name": "a" * 10_000}) == {("bad_format", "/name")}


def test_of_a_large_row_the_first_fault_of_the_schema_is_told() -> None:
    schema = {"properties": {"numbers": {"items": {"type": "string"}}}}

    assert found(schema, {"numbers": [1] * 9_000}) == {("wrong_type", "/numbers/0"), ("more_faults", "")}
    assert len(checked("things", {"_id": "1", "numbers": [1] * 5_000}, one(schema)).faults) == 100


@pytest.mark.parametrize(("value", "key"), [("a", "a"), (5, "5"), ("é" * 512, "é" * 512)])
def test_what_names_a_record_is_a_text_or_a_whole_number(value: object, key: str) -> None:
    assert [each.question for each in checked("things", {"_id": value}, one({})).keys] == [("things", "_id", key)]


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, "required"), ("", "empty"), (True, "wrong_type"), (1.5, "wrong_type"), ({}, "wrong_type"),
     ("é" * 513, "too_long")],
)  # fmt: skip
def test_what_cannot_name_a_record(value: object, code: str) -> None:
    result = checked("things", {"_id": value}, one({}))

    assert [(each.code, each.pointer) for each in result.faults] == [(code, "/_id")]
    assert result.keys == ()


def test_a_missing_name_is_told_once() -> None:
    result = checked("things", {}, one({"required": ["_id"]}))

    assert [(each.code, each.pointer) for each in result.faults] == [("required", "/_id")]


def test_other_unique_fields_may_be_missing() -> None:
    catalog = one({}, unique=("code", "serial"))

    assert [each.question for each in checked("things", {"code": "c", "serial": 7}, catalog).keys] == [
        ("things", "code", "c"),
        ("things", "serial", "7"),
    ]
    assert faults("things", {"code": "c"}, catalog) == set()


@pytest.mark.parametrize(
    ("path", "row", "expected"),
    [
        ("box", {"box": "b"}, [("b", "/box")]),
        ("box", {"box": 7}, [("7", "/box")]),
        ("box", {"box": ["a", "b"]}, [("a", "/box/0"), ("b", "/box/1")]),
        ("box", {"box": None}, []),
        ("box", {}, []),
        ("in.box", {"in": {"box": "b"}}, [("b", "/in/box")]),
        ("in.box", {"in": "a text"}, []),
        ("list.*._id", {"list": [{"_id": "a"}, {}, 3, {"_id": "b"}]}, [("a", "/list/0/_id"), ("b", "/list/3/_id")]),
        ("list.*._id", {"list": {"_id": "a"}}, []),
    ],
)
def test_references_are_found_by_their_path(path: str, row: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    result = checked("things", {"_id": "1", **row}, one({}, references={path: "boxes"}))

    assert [(each.question, each.pointer) for each in result.references] == [
        (("boxes", "_id", value), pointer) for value, pointer in expected
    ]


def test_a_reference_goes_to_the_field_that_names_the_other() -> None:
    catalog = one({}, references={"label": "labels", "owner": "users", "room": "rooms"})
    result = checked("things", {"_id": "1", "label": "l", "owner": "ada@example.com", "room": "r"}, catalog)

    assert [each.question for each in result.references] == [
        ("labels", "code", "l"),
        ("users", "Email", "ada@example.com"),
        ("rooms", "UniqueId", "r"),
    ]


def test_a_reference_that_cannot_name_a_record() -> None:
    assert found({}, {"box": 1.5}, references={"box": "boxes"}) == {("wrong_type", "/box")}


@pytest.mark.parametrize(
    ("table", "field"),
    [
        (TableSource("t", "pk", "{tenant}", "sk", body_attribute="body"), "_id"),
        (TableSource("t", "pk", "{tenant}", "sk"), "sk"),
        (TableSource("t", "pk", "{tenant}", "sk", id_attribute="order"), "order"),
    ],
)
def test_without_unique_fields_records_are_named_as_their_source_keeps_them(table: TableSource, field: str) -> None:
    assert Doctype("things", table, "{}").key_fields == (field,)
    assert Doctype("things", FilesSource(table, "bucket", "{tenant}/"), "{}").key_fields == (field,)
