"""Tables and queries as records, on a real PostgreSQL."""

import pytest
from tests.fakes import FakeBudget
from tests.postgres.support import TENANT, TestDatabase, connected, lines, shards, table_rows, whole

from waybill.sources.postgres import rows as rows_module


def test_a_row_is_one_line_of_json_in_the_order_of_its_key(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12, 2), note text, at timestamptz)")
    database.run("INSERT INTO orders VALUES (10, 12.50, 'zehn', '2026-01-02 03:04:05.25+02'), (9, 0, NULL, NULL)")
    source = table_rows(connected(database.dsn), "public.orders", updated_at="at")

    items = whole(source)

    assert lines(items) == [
        b'{"id":9,"total":0.00,"note":null,"at":null}',
        b'{"id":10,"total":12.50,"note":"zehn","at":"2026-01-02T01:04:05.25+00:00"}',
    ]
    assert [item.key for item in items] == ["9", "10"]
    assert [item.updated_at for item in items] == [0, 1767315845]


def test_a_query_is_read_by_the_key_that_the_catalog_names(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, customer text, total numeric)")
    database.run("INSERT INTO orders VALUES (1, 'ada', 1.10), (2, 'Bob', 2), (3, 'ada', 2.20)")
    query = "SELECT customer, sum(total) AS total FROM orders GROUP BY customer ORDER BY 2; "

    items = whole(table_rows(connected(database.dsn), query=query, key=["customer"]))

    assert lines(items) == [b'{"customer":"Bob","total":2}', b'{"customer":"ada","total":3.30}']
    assert [item.key for item in items] == ['"Bob"', '"ada"']


def test_columns_that_are_left_out_never_leave_the_database(database: TestDatabase) -> None:
    database.run('CREATE TABLE users (id int PRIMARY KEY, "passWord" text, name text)')
    database.run("INSERT INTO users VALUES (1, 'hunter2', 'Ada')")

    items = whole(table_rows(connected(database.dsn), "users", leave_out=["passWord", "id"]))

    assert lines(items) == [b'{"name":"Ada"}']


def test_a_table_of_which_everything_is_left_out_gives_empty_records(database: TestDatabase) -> None:
    database.run("CREATE TABLE users (id int PRIMARY KEY)")
    database.run("INSERT INTO users VALUES (1), (2)")

    assert lines(whole(table_rows(connected(database.dsn), "users", leave_out=["id"]))) == [b"{}", b"{}"]


def test_names_with_capitals_quotes_and_spaces_are_taken_as_they_are(database: TestDatabase) -> None:
    database.run(
        'CREATE SCHEMA "My Shop"; CREATE TABLE "My Shop"."Or""ders" ("I d" int PRIMARY KEY, "say ""hi""" text)'
    )
    database.run('INSERT INTO "My Shop"."Or""ders" VALUES (1, \'x\')')

    items = whole(table_rows(connected(database.dsn), '"My Shop"."Or""ders"'))

    assert lines(items) == [b'{"I d":1,"say \\"hi\\"":"x"}']


def test_reading_goes_on_behind_any_row(database: TestDatabase) -> None:
    database.run("CREATE TABLE points (device text, at timestamptz, value float8, PRIMARY KEY (device, at))")
    database.run(
        "INSERT INTO points SELECT device, '2026-01-01Z'::timestamptz + i * interval '1.5 s', i / 3.0 "
        "FROM unnest(ARRAY['b', 'a', 'Ä', 'B''\\', 'ab']) device, generate_series(1, 7) i"
    )
    source = table_rows(connected(database.dsn), "points")
    (shard,) = shards(source)
    items = whole(source)

    assert len(items) == 35
    for position, item in enumerate(items):
        assert list(source.read(tenant=TENANT, shard=shard, after=item.key)) == items[position + 1 :]


def test_shards_hold_every_row_once(database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "LEAST_ROWS", 10)
    database.run("CREATE TABLE points (device text, number int, PRIMARY KEY (device, number))")
    database.run("INSERT INTO points SELECT chr(60 + i % 50), i FROM generate_series(1, 1003) i")
    cut = table_rows(connected(database.dsn), "points", shards=8)
    uncut = table_rows(connected(database.dsn), "points")

    sizes = [len(list(cut.read(tenant=TENANT, shard=shard, after=None))) for shard in shards(cut)]

    assert whole(cut) == whole(uncut)
    assert sizes == [126] * 7 + [121]


def test_a_small_table_is_one_shard(database: TestDatabase) -> None:
    database.run("CREATE TABLE points (id int PRIMARY KEY)")
    database.run("INSERT INTO points SELECT generate_series(1, 1000)")

    (shard,) = shards(table_rows(connected(database.dsn), "points", shards=8))

    assert (shard.first, shard.last) == (None, None)


def test_what_a_worker_reads_is_of_one_moment(database: TestDatabase) -> None:
    database.run("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    database.run("INSERT INTO a VALUES (1)")
    database.run("INSERT INTO b VALUES (1)")
    call = connected(database.dsn)
    first, second = table_rows(call, "a"), table_rows(call, "b")

    assert len(whole(first)) == 1
    database.run("INSERT INTO b VALUES (2)")

    assert len(whole(second)) == 1
    assert first.as_of == second.as_of
    assert first.as_of is not None
    assert first.as_of.endswith("+00:00")
    later = table_rows(connected(database.dsn), "b")
    assert len(whole(later)) == 2
    assert str(later.as_of) > first.as_of


def test_a_reading_that_is_given_up_leaves_nothing_behind(database: TestDatabase) -> None:
    database.run("CREATE TABLE a (id int PRIMARY KEY, t text)")
    database.run("INSERT INTO a SELECT i, repeat('x', 1000) FROM generate_series(1, 10000) i")
    source = table_rows(connected(database.dsn), "a")
    (shard,) = shards(source)

    reading = source.read(tenant=TENANT, shard=shard, after=None)
    next(reading)
    reading.close()  # type: ignore[attr-defined]

    assert len(list(source.read(tenant=TENANT, shard=shard, after="9990"))) == 10


def test_what_is_left_out_inside_a_value_does_not_leave_either(database: TestDatabase) -> None:
    database.run("CREATE TABLE devices (id int PRIMARY KEY, settings jsonb, key text, total numeric)")
    database.run("""INSERT INTO devices VALUES (1, '{"key": "s", "keys": [{"key": "t", "n": 1.0}]}', 'u', 1.10)""")

    items = whole(
        table_rows(connected(database.dsn), "devices", leave_out=["key", "settings.key", "settings.keys.key"])
    )

    assert lines(items) == [b'{"id":1,"settings":{"keys":[{"n":1.0}]},"total":1.10}']


def test_a_geometry_is_geojson_where_postgis_is_there(database: TestDatabase) -> None:
    """The function has PostGIS's name and place; the real one is asked in the same way."""
    database.run("CREATE SCHEMA gis; CREATE TYPE gis.geometry AS (x float8, y float8)")
    database.run("CREATE FUNCTION gis.st_asgeojson(gis.geometry, digits int) RETURNS text STRICT LANGUAGE sql AS $$"
                 " SELECT format('{\"type\":\"Point\",\"coordinates\":[%s,%s]}', ($1).x, ($1).y) $$")  # fmt: skip
    database.run("CREATE TABLE places (id int PRIMARY KEY, at gis.geometry)")
    database.run("INSERT INTO places VALUES (1, '(9.5,55.25)'), (2, NULL)")

    assert lines(whole(table_rows(connected(database.dsn), "places"))) == [
        b'{"id":1,"at":{"type":"Point","coordinates":[9.5,55.25]}}',
        b'{"id":2,"at":null}',
    ]


def test_a_table_is_measured_by_a_beginning_and_what_the_server_expects(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    database.run("INSERT INTO orders SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) i; ANALYZE orders")
    source = table_rows(connected(database.dsn), "orders")

    some = source.measure(tenant=TENANT, pages=2, budget=FakeBudget())
    every = source.measure(tenant=TENANT, pages=20, budget=FakeBudget())

    assert (some.exact, every.exact) == (False, True)
    assert every.amount == every.read
    assert (every.amount.records, len(every.items)) == (5000, 5000)
    assert some.amount.records == 5000
    assert abs(some.amount.record_bytes - every.amount.record_bytes) < every.amount.record_bytes / 100
    assert some.pages == 2
