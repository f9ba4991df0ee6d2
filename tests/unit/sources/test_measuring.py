"""How much a source holds: counted where it is small, extrapolated within a band where it is not, in few pages."""

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import FakeBudget, MemoryObjects

from waybill.domain.catalog import Doctype, FilesSource, TableSource
from waybill.domain.estimate import Amount
from waybill.ports import Measure
from waybill.sources.dynamodb import TableRecords
from waybill.sources.key_ranges import KeyScale
from waybill.sources.measuring import SAMPLE_RECORDS, SAMPLES
from waybill.sources.s3_files import FilesIndex

BAND = 0.1
"""That an extrapolated number may be off, where keys are spread evenly."""

_random = random.Random(3)
SPREAD_EVENLY = {
    "hexadecimal": [f"{_random.getrandbits(128):032x}" for _ in range(15_000)],
    "UUIDs": [f"{_random.getrandbits(32):08x}-{_random.getrandbits(48):012x}" for _ in range(15_000)],
    "counted": [f"contact-{number:08}" for number in range(15_000)],
    "base 36": ["".join(_random.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=10)) for _ in range(15_000)],
}


class Table:
    """A partition of a table, which gives pages as DynamoDB does: of ``page`` records, or of ``Limit`` if that is less.

    ``asked`` is how many records every page could have had.
    """

    def __init__(self, keys: Sequence[str], *, page: int, kind: str = "S") -> None:
        self._order = float if kind == "N" else str
        self._keys = sorted(keys, key=self._order)
        self._page = page
        self._kind = kind
        self.asked: list[int] = []

    def call(self, operation: str, payload: Mapping[str, object]) -> bytes:
        assert operation == "Query"
        query: dict[str, Any] = json.loads(msgspec.json.encode(payload))
        values = {name: next(iter(value.values())) for name, value in query["ExpressionAttributeValues"].items()}
        keys = [key for key in self._keys if self._holds(key, query["KeyConditionExpression"], values)]
        if not query.get("ScanIndexForward", True):
            keys.reverse()
        after = query.get("ExclusiveStartKey")
        if after is not None:
            keys = keys[keys.index(after["id"][self._kind]) + 1 :]
        most = min(query.get("Limit", self._page), self._page)
        self.asked.append(most)
        items = [{"id": {self._kind: key}, "body": {"S": body(key)}} for key in keys[:most]]
        rest = {"LastEvaluatedKey": {"id": {self._kind: keys[most - 1]}}} if len(keys) > most else {}
        return json.dumps({"Items": items, **rest}).encode()

    def _holds(self, key: str, condition: str, values: Mapping[str, str]) -> bool:
        place: Any = self._order(key)
        if ":low" in values and "begins_with" not in condition and place < self._order(values[":low"]):
            return False
        if ":high" in values:
            return bool(place <= self._order(values[":high"]))
        return True


def body(key: str) -> str:
    """A record, shorter or longer by its key."""
    return json.dumps({"type": "file", "name": f"{key}.png", "text": "x" * (sum(key.encode()) % 200)})


def truth(keys: Sequence[str]) -> Amount:
    return Amount(len(keys), sum(len(body(key)) + 1 for key in keys))


def records(table: Table, **changes: Any) -> TableRecords:
    source = TableSource("app", "owner", "{tenant}", "id", body_attribute="body", **changes)
    return TableRecords(Doctype("notes", source, "{}"), table)


def files(table: Table, objects: Mapping[str, bytes]) -> FilesIndex:
    index = TableSource("app", "owner", "{tenant}", "id", body_attribute="body")
    store = MemoryObjects({f"anna/{name}": content for name, content in objects.items()})
    return FilesIndex(Doctype("files", FilesSource(index, "bucket", "{tenant}/"), "{}"), table, store)


def measure(source: TableRecords | FilesIndex, pages: int = 20, budget: FakeBudget | None = None) -> Measure:
    return source.measure(tenant="anna", pages=pages, budget=budget or FakeBudget())


@given(st.sets(st.text("abcdef012", min_size=1, max_size=6), max_size=60), st.integers(1, 12))
def test_what_is_counted_is_counted_to_the_byte(keys: set[str], page: int) -> None:
    found = measure(records(Table(sorted(keys), page=page)), pages=60)

    assert (found.exact, found.amount, found.read) == (True, truth(sorted(keys)), truth(sorted(keys)))
    assert [item.key for item in found.items] == sorted(keys)


@given(
    st.sets(st.text("abcxyz", min_size=1, max_size=9), min_size=1, max_size=80), st.integers(1, 7), st.integers(1, 4)
)
def test_whatever_the_keys_are_there_is_at_least_what_was_read_and_pages_are_few(
    keys: set[str], page: int, pages: int
) -> None:
    table = Table(sorted(keys), page=page)

    found = measure(records(table), pages=pages)

    assert found.exact == (len(keys) <= pages * page)
    assert found.amount.records >= found.read.records >= min(len(keys), pages * page)
    assert found.pages <= pages
    assert len(table.asked) <= pages + 1 + SAMPLES
    assert all(asked <= SAMPLE_RECORDS for asked in table.asked[pages:])


@pytest.mark.parametrize("kind", SPREAD_EVENLY)
def test_evenly_spread_keys_are_extrapolated_within_the_band(kind: str) -> None:
    keys = SPREAD_EVENLY[kind]
    table = Table(keys, page=500)

    found = measure(records(table), pages=3)

    assert not found.exact
    assert len(found.items) == 1_500
    assert found.amount.records == pytest.approx(len(keys), rel=BAND)
    assert found.amount.record_bytes == pytest.approx(truth(keys).record_bytes, rel=BAND)
    assert len(table.asked) == 3 + 1 + SAMPLES


def test_numbers_are_extrapolated_too() -> None:
    keys = [str(number * 60) for number in range(-9_000, 20_000)]

    found = measure(records(Table(keys, page=1_000, kind="N"), sort_key_type="N"), pages=2)

    assert not found.exact
    assert found.amount.records == pytest.approx(len(keys), rel=BAND)


def test_files_are_extrapolated_with_their_records() -> None:
    keys = SPREAD_EVENLY["hexadecimal"][:12_000]
    objects = {key: b"x" * (int(key[-2:], 16)) for key in keys if key[-1] != "0"}

    found = measure(files(Table(keys, page=1_000), objects), pages=2)

    assert (found.exact, len(found.items)) == (False, 2_000)
    assert found.amount.records == pytest.approx(len(keys), rel=BAND)
    assert found.amount.files == pytest.approx(len(objects), rel=BAND)
    assert found.amount.file_bytes == pytest.approx(sum(map(len, objects.values())), rel=BAND)
    assert found.amount.shrinking_bytes == 0


def test_of_a_bucket_that_is_full_of_what_no_record_knows_no_more_is_listed_than_of_the_index() -> None:
    keys = [f"{number:05}" for number in range(0, 9_000, 3)]
    objects = {f"{number:05}": b"content" for number in range(9_000)}

    found = measure(files(Table(keys, page=1_000), objects), pages=3)

    assert not found.exact
    assert found.read == Amount(1_000, found.read.record_bytes, 1_000, 7_000, 0)
    assert found.amount.records == pytest.approx(3_000, rel=BAND)


def test_all_files_are_counted_where_nothing_is_left_over() -> None:
    objects = {"a": b"1", "c": b"333", "d": b"no record"}

    found = measure(files(Table(["a", "b", "c"], page=2), objects), pages=2)

    assert found.exact
    assert (found.amount.records, found.amount.files, found.amount.file_bytes) == (3, 2, 4)
    assert [item.key for item in found.items] == ["a", "b", "c", "d"]


def test_when_time_is_up_the_rest_is_told_from_how_far_it_came() -> None:
    keys = SPREAD_EVENLY["hexadecimal"]
    table = Table(keys, page=1_000)

    found = measure(records(table), budget=FakeBudget(3))

    assert (found.exact, found.pages, len(table.asked)) == (False, 3, 4)
    assert found.amount.records == pytest.approx(len(keys), rel=BAND)


def test_records_of_one_sort_key_are_told_at_least_as_those_that_were_read() -> None:
    table = Table(["same"] * 50, page=10)

    found = measure(records(table, index="by-day", id_attribute="body"), pages=1)

    assert (found.exact, found.read.records) == (False, 10)
    assert found.amount.records >= 10


def test_a_key_has_its_place_between_the_first_and_the_last() -> None:
    scale = KeyScale([f"k-{number:02}" for number in range(10)], "k-99")

    assert [scale.position(key) for key in ("k-00", "k-50", "k-99")] == [0.0, pytest.approx(0.5, abs=0.02), 1.0]
    assert [scale.position(key) for key in ("a", "z")] == [0.0, 1.0]
    assert "k-74" < scale.cuts("k-50", 2)[0] <= "k-75"
    assert KeyScale(["0"], "10", numeric=True).cuts("5", 2) == ["7.5"]
    assert KeyScale(["same"], "same").position("same") == 0.0
