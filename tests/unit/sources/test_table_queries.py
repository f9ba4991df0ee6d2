"""What a table source asks DynamoDB for, and what it makes of the pages."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from waybill.domain.catalog import Doctype, FilesSource, TableSource
from waybill.domain.date_range import DateRange
from waybill.domain.errors import CatalogError, SourceUnavailable
from waybill.domain.plan import Shard
from waybill.services.choose_by_date import chosen_by_date
from waybill.sources.dynamodb import TableRecords
from waybill.sources.s3_files import FilesIndex

WHOLE = Shard(0, "notes")


class ScriptedTable:
    """Gives one page after the other, and holds every query to what DynamoDB demands of placeholders."""

    def __init__(self, *pages: dict[str, Any] | bytes) -> None:
        self.pages = list(pages)
        self.queries: list[dict[str, Any]] = []

    def call(self, operation: str, payload: Mapping[str, object]) -> bytes:
        assert operation == "Query"
        query: dict[str, Any] = json.loads(msgspec.json.encode(payload))
        expressions = f"{query['KeyConditionExpression']} {query.get('ProjectionExpression', '')}"
        assert set(re.findall(r"#\w+", expressions)) == set(query["ExpressionAttributeNames"])
        assert set(re.findall(r":\w+", expressions)) == set(query["ExpressionAttributeValues"])
        self.queries.append(query)
        page = self.pages.pop(0)
        return page if isinstance(page, bytes) else json.dumps(page).encode()


def notes(**changes: Any) -> Doctype:
    settings: dict[str, Any] = {
        "table": "app",
        "partition_key": "owner",
        "partition_value": "{tenant}/{doctype}",
        "sort_key": "id",
        "body_attribute": "body",
        "updated_at_attribute": "changed",
    }
    shards = changes.pop("shards", 1)
    return Doctype("notes", TableSource(**settings | changes), "{}", shards=shards)


def note(key: str, body: str = "{}", **attributes: Any) -> dict[str, Any]:
    return {"id": {"S": key}, "body": {"S": body}, **attributes}


def asked(query: dict[str, Any]) -> str:
    """The query's condition with names and values in place."""
    text = str(query["KeyConditionExpression"])
    for placeholder, name in query["ExpressionAttributeNames"].items():
        text = re.sub(rf"{placeholder}\b", name, text)
    for placeholder, value in query["ExpressionAttributeValues"].items():
        text = text.replace(placeholder, next(iter(value.values())))
    return text


def projected(query: dict[str, Any]) -> list[str]:
    return sorted(query["ExpressionAttributeNames"][name] for name in query["ProjectionExpression"].split(", "))


@pytest.mark.parametrize(
    ("prefix", "shard", "after", "condition"),
    [
        ("", WHOLE, None, "owner = anna/notes"),
        ("", WHOLE, "c", "owner = anna/notes AND id >= c"),
        ("", Shard(0, "notes", "a", None), None, "owner = anna/notes AND id >= a"),
        ("", Shard(0, "notes", None, "m"), None, "owner = anna/notes AND id < m"),
        ("", Shard(0, "notes", "a", "m"), None, "owner = anna/notes AND id BETWEEN a AND m"),
        ("", Shard(0, "notes", "a", "m"), "c", "owner = anna/notes AND id BETWEEN c AND m"),
        ("n#", WHOLE, None, "owner = anna/notes AND begins_with(id, n#)"),
        ("n#", WHOLE, "n#c", "owner = anna/notes AND id >= n#c"),
        ("n#", Shard(0, "notes", None, "n#m"), None, "owner = anna/notes AND id BETWEEN n# AND n#m"),
    ],
)
def test_no_more_is_asked_for_than_is_needed(prefix: str, shard: Shard, after: str | None, condition: str) -> None:
    table = ScriptedTable({"Items": []})

    assert list(TableRecords(notes(sort_prefix=prefix), table).read(tenant="anna", shard=shard, after=after)) == []

    assert [asked(query) for query in table.queries] == [condition]
    assert projected(table.queries[0]) == ["body", "changed", "id"]


def test_records_made_of_attributes_are_asked_for_whole() -> None:
    table = ScriptedTable({"Items": []})

    list(TableRecords(notes(body_attribute=None), table).read(tenant="anna", shard=WHOLE, after=None))

    assert "ProjectionExpression" not in table.queries[0]


def test_a_tenants_name_is_a_value_and_no_template() -> None:
    table = ScriptedTable({"Items": []})

    list(TableRecords(notes(), table).read(tenant="{doctype}#", shard=WHOLE, after=None))

    assert table.queries[0]["ExpressionAttributeValues"] == {":partition": {"S": "{doctype}#/notes"}}


def test_pages_are_followed_even_if_one_is_empty() -> None:
    position = {"owner": {"S": "anna/notes"}, "id": {"S": "a"}}
    table = ScriptedTable(
        {"Items": [note("a")], "LastEvaluatedKey": position},
        {"Items": [], "LastEvaluatedKey": position},
        {"Items": [note("b")]},
    )

    items = list(TableRecords(notes(), table).read(tenant="anna", shard=WHOLE, after=None))

    assert [item.key for item in items] == ["a", "b"]
    assert [query.get("ExclusiveStartKey") for query in table.queries] == [None, position, position]


def test_a_record_that_is_no_json_is_named_and_the_next_one_read() -> None:
    items = [note("a", "{secret"), {"id": {"S": "b"}}, {"id": {"S": "c"}, "body": {"M": {}}}, note("d", '{"ok":1}')]
    table = ScriptedTable({"Items": items})

    read = list(TableRecords(notes(), table).read(tenant="anna", shard=WHOLE, after=None))

    assert [item.gap and (item.gap.id, item.gap.code, item.gap.reason) for item in read] == [
        ("a", "invalid_json", "The record's body is not valid JSON."),
        ("b", "invalid_json", "The record's body is missing."),
        ("c", "invalid_json", "The record's body is not text."),
        None,
    ]
    assert read[3].line == b'{"ok":1}'


def test_an_item_without_a_json_form_is_named() -> None:
    table = ScriptedTable({"Items": [{"id": {"S": "a"}, "x": {"N": "many"}}]})

    [item] = TableRecords(notes(body_attribute=None), table).read(tenant="anna", shard=WHOLE, after=None)

    assert item.gap is not None
    assert (item.gap.kind, item.gap.code) == ("record", "invalid_attribute")
    assert item.gap.reason == "The record has a number that is none."


def test_another_attribute_may_be_the_id() -> None:
    table = ScriptedTable(
        {"Items": [note("a", "{", uuid={"S": "u1"}), note("b", "{", uuid={"N": "7"}), note("c", "{")]}
    )

    items = TableRecords(notes(id_attribute="uuid"), table).read(tenant="anna", shard=WHOLE, after=None)

    assert [(item.key, item.gap and item.gap.id) for item in items] == [("a", "u1"), ("b", "7"), ("c", "c")]


def test_a_record_that_tells_no_date_has_the_same_id_in_its_gap() -> None:
    table = ScriptedTable({"Items": [note("2026-03-01", "{}", uuid={"S": "u1"}), note("c", "{}")]})
    doctype = replace(notes(index="by-day", id_attribute="uuid"), date_field="at")
    items = TableRecords(doctype, table).read(tenant="anna", shard=WHOLE, after=None)

    undated = chosen_by_date(items, doctype, DateRange(date(2026, 3, 1), None, "UTC"))

    assert [item.gap and item.gap.id for item in undated] == ["u1", "c"]


def test_the_time_of_change_is_read_where_it_is_given() -> None:
    changed = [{"S": "1970-01-01T00:00:09Z"}, {"N": "9"}, {"S": "never"}, {"BOOL": True}]
    table = ScriptedTable({"Items": [note(f"{n}", changed=value) for n, value in enumerate(changed)]})

    items = TableRecords(notes(), table).read(tenant="anna", shard=WHOLE, after=None)

    assert [item.updated_at for item in items] == [9, 9, 0, 0]


@pytest.mark.parametrize("doctype", [notes(), notes(sort_key_type="N", shards=9)], ids=["one wanted", "numbers"])
def test_what_is_not_to_be_cut_is_not_looked_at(doctype: Doctype) -> None:
    assert TableRecords(doctype, ScriptedTable()).shards(tenant="anna", start=3) == [Shard(3, "notes", index=1)]


def test_a_large_set_is_cut_between_its_first_key_and_its_last() -> None:
    page = {"Items": [{"id": {"S": f"{n:04}"}} for n in range(200)], "LastEvaluatedKey": {"id": {"S": "0199"}}}
    table = ScriptedTable(page, {"Items": [{"id": {"S": "0999"}}]})

    shards = TableRecords(notes(shards=4), table).shards(tenant="anna", start=0)

    assert [shard.first for shard in shards] == [None, "024975000", "049950000", "074925000"]
    assert [projected(query) for query in table.queries] == [["id"], ["id"]]
    assert [query.get("ScanIndexForward", True) for query in table.queries] == [True, False]


def test_an_answer_that_is_none_is_an_error() -> None:
    with pytest.raises(SourceUnavailable, match="notes cannot be read from the table app"):
        list(TableRecords(notes(), ScriptedTable(b"<html>")).read(tenant="anna", shard=WHOLE, after=None))


def test_a_wrong_type_of_sort_key_is_the_catalogs_error() -> None:
    table = ScriptedTable({"Items": [{"id": {"N": "1"}}]})

    with pytest.raises(CatalogError, match="sort key of type S"):
        list(TableRecords(notes(), table).read(tenant="anna", shard=WHOLE, after=None))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index": "by-day"}, "id_attribute"),
        ({"partition_value": "all"}, r"must hold \{tenant\}"),
        ({"sort_key_type": "B"}, "sort_key_type"),
        ({"sort_key_type": "N", "sort_prefix": "1"}, "sort_key_type"),
    ],
)
def test_a_source_that_could_not_be_read_rightly_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        TableRecords(notes(**changes), ScriptedTable())


@pytest.mark.parametrize(
    ("changes", "key_prefix"),
    [
        ({}, "{tenant}"),
        ({}, "files/"),
        ({"index": "by-day", "id_attribute": "uuid"}, "{tenant}/"),
        ({"id_attribute": "uuid"}, "{tenant}/"),
        ({"sort_key_type": "N"}, "{tenant}/"),
    ],
)
def test_a_files_source_that_could_mix_files_up_is_refused(changes: dict[str, Any], key_prefix: str) -> None:
    index = notes(**changes).source
    assert isinstance(index, TableSource)
    doctype = Doctype("files", FilesSource(index, "bucket", key_prefix), "{}")

    with pytest.raises(CatalogError, match="files"):
        FilesIndex(doctype, ScriptedTable(), None)  # type: ignore[arg-type]
