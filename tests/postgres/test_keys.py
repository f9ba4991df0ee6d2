"""Keys: the server puts rows into the order that we believe in, whatever its own idea of order is."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.postgres.support import TENANT, TestDatabase, connected, shards, table_rows, whole

from waybill.domain.chain import Row, Slice, order_of
from waybill.domain.errors import CatalogError
from waybill.sources.postgres import rows as rows_module
from waybill.sources.postgres import statements

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
KEYS = {
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=3).map(str),
    "text": _TEXT,
    "varchar": st.sampled_from(["a", "B", "b", "A", "ä", "Z", "", '"', "10", "9"]),
    "char(3)": st.sampled_from(["a", "B", "ab"]),
    "citext": st.sampled_from(["a", "B", "c", "_", "É"]),
    "mood": st.sampled_from(["fine", "bad"]),
    "uuid": st.uuids().map(str),
    "timestamptz": st.sampled_from(["2026-01-01 12:00:00.5+02", "2026-01-01Z", "infinity", "-infinity", "0999-12-31Z"]),
    "date": st.dates().map(str),
    "bytea": st.binary(max_size=2).map(lambda data: f"\\x{data.hex()}"),
    "boolean": st.booleans().map(str),
    "inet": st.ip_addresses(v=4).map(str),
}


@pytest.mark.parametrize("kind", KEYS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_every_order_is_ours(database: TestDatabase, kind: str, data: st.DataObject) -> None:
    database.run("CREATE EXTENSION IF NOT EXISTS citext; DROP TABLE IF EXISTS t; DROP TYPE IF EXISTS mood")
    database.run("CREATE TYPE mood AS ENUM ('fine', 'bad')")
    database.run(f"CREATE TABLE t (first {kind}, second bigint, PRIMARY KEY (first, second))")
    values = data.draw(st.lists(KEYS[kind], min_size=1, max_size=8))
    for number, value in enumerate(values):
        database.run("INSERT INTO t VALUES ($1, $2)", value, str(number % 3 + number * 7))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_module, "LEAST_ROWS", 2)
        source = table_rows(connected(database.dsn), "t", shards=3)
        order = order_of(source._doctype)
        cut = shards(source)
        read = {shard.number: list(source.read(tenant=TENANT, shard=shard, after=None)) for shard in cut}

    keys = [item.key for items in read.values() for item in items]
    assert len(keys) == len(values)
    assert keys == sorted(keys, key=order.place)
    rows = [Row(key, b"") for key in keys]
    for shard in cut:
        items = read[shard.number]
        assert [row.key for row in Slice(order, shard.first, shard.last).rows(rows)] == [item.key for item in items]
        for position, item in enumerate(items):
            rest = list(source.read(tenant=TENANT, shard=shard, after=item.key))
            assert rest == items[position + 1 :]
            behind = Slice(order, shard.first, shard.last, item.key).rows(rows)
            assert [row.key for row in behind] == [each.key for each in rest]


@pytest.mark.parametrize("date", ["0044-03-15 BC", "10000-01-01"])
def test_keys_with_dates_that_cannot_be_put_in_order_are_refused(database: TestDatabase, date: str) -> None:
    database.run("CREATE TABLE t (day date PRIMARY KEY)")
    database.run("INSERT INTO t VALUES ('2026-01-01'), ($1)", date)

    with pytest.raises(CatalogError, match="before the year 1 or behind 9999"):
        whole(table_rows(connected(database.dsn), "t"))


def test_a_text_that_looks_like_such_a_date_is_a_text(database: TestDatabase) -> None:
    database.run("CREATE TABLE t (name text PRIMARY KEY)")
    database.run("INSERT INTO t VALUES ('10000-01-01'), ('0044-03-15 BC')")

    assert len(whole(table_rows(connected(database.dsn), "t"))) == 2


def test_a_primary_key_is_read_along_its_index(database: TestDatabase) -> None:
    """So that the first row comes at once, however large the table is."""
    database.run("CREATE TABLE t (a bigint, b timestamptz, c text, PRIMARY KEY (a, b, c))")
    database.run("INSERT INTO t SELECT i, now(), 'x' FROM generate_series(1, 20000) i; ANALYZE t")
    source = table_rows(connected(database.dsn), "t")
    session, relation = source._described()
    statement = statements.rows_between(session, relation, '[17,"2026-01-01T00:00:00+00:00","x"]', None)

    plan = session.rows(f"EXPLAIN {statement.removeprefix('COPY (').partition(') TO STDOUT')[0]}")

    text = "\n".join(str(row[0]) for row in plan)
    assert "Index" in text
    assert "Sort" not in text
