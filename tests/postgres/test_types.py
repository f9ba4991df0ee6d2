"""Whatever a table holds comes out exactly: PostgreSQL makes the very same row of each line again."""

import json
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.postgres.support import TestDatabase, connected, lines, made_database, table_rows, whole

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_MOMENT = st.one_of(
    st.datetimes().map(str),
    st.sampled_from(["infinity", "-infinity", "0044-03-15 12:00:00 BC", "294276-12-31 23:59:59.999999"]),
)
_NUMBER = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:f}"[:1000]),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "0.10", "1e-20", "123456789012345678901234567890.5"]),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


def _arrays(elements: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """PostgreSQL's own text of arrays of one dimension, with NULLs."""

    def literal(values: list[str | None]) -> str:
        quoted = ("NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values)
        return "{" + ",".join(quoted) + "}"

    return st.lists(st.none() | elements, max_size=3).map(literal)


_BYTES = st.binary(max_size=20).map(lambda data: f"\\x{data.hex()}")
_JSONB = _JSON.filter(lambda value: value is not None).map(json.dumps).filter(lambda text: "\\u0000" not in text)
TYPES: dict[str, st.SearchStrategy[str]] = {
    "smallint": st.integers(-(2**15), 2**15 - 1).map(str),
    "integer": st.integers(-(2**31), 2**31 - 1).map(str),
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "numeric": _NUMBER,
    "numeric(12, 2)": st.decimals(-(10**9), 10**9, places=2).map(str),
    "real": st.floats(width=32).map(str),
    "double precision": st.floats().map(str),
    "money": st.decimals(-(10**6), 10**6, places=2).map(str),
    "text": _TEXT,
    "varchar(20)": _TEXT,
    "char(20)": _TEXT,
    "bytea": _BYTES,
    "uuid": st.uuids().map(str),
    "boolean": st.booleans().map(str),
    "date": st.one_of(
        st.dates().map(str), st.sampled_from(["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31"])
    ),
    "time": st.times().map(str),
    "timetz": st.times().map(lambda time: f"{time}+05:30"),
    "timestamp": _MOMENT,
    "timestamptz": _MOMENT.map(lambda text: text if "infinity" in text or "BC" in text else f"{text}+00"),
    "interval": st.sampled_from(["1 year -2 mons +3 days 04:05:06.789", "-00:00:00.000001", "178000000 years"]),
    "jsonb": _JSONB,
    "inet": st.ip_addresses().map(str),
    "macaddr": st.just("08:00:2b:01:02:03"),
    "bit varying": st.text("01", max_size=70),
    "int4range": st.tuples(st.integers(0, 99), st.integers(100, 200)).map(lambda pair: f"[{pair[0]},{pair[1]})"),
    "tstzrange": st.sampled_from(["empty", "(,)", '["2026-01-01 00:00:00+02","2026-02-01 00:00:00.5+00")']),
    "point": st.just("(1.5,-0.1)"),
    "tsvector": st.sampled_from(["", "'a' 'fat':1A,3 'it''s'"]),
    "bigint[]": _arrays(st.integers(-(2**63), 2**63 - 1).map(str)),
    "numeric[]": _arrays(_NUMBER),
    "text[]": _arrays(_TEXT),
    "integer[][]": st.sampled_from(["{}", "{{1,2},{3,NULL}}"]),
    "timestamptz[]": _arrays(st.just("2026-01-01 00:00:00.5+02")),
    "bytea[]": _arrays(_BYTES),
    "uuid[]": _arrays(st.uuids().map(str)),
    "jsonb[]": _arrays(_JSONB.filter(lambda text: not text.startswith("["))),  # PostgreSQL would read a dimension
    "mood": st.sampled_from(["fine", 'so"so']),
    "address": st.sampled_from(['("Main, ""St"" 1",12345)', "(,)", '("",)']),
    "address[]": st.just('{"(\\"x y\\",1)",NULL}'),
    "positive": st.just("7.50"),
}


@pytest.fixture(scope="module")
def typed(server: str) -> Iterator[TestDatabase]:
    """A database with a table that has a column of every type, and another one like it."""
    with made_database(server) as database:
        database.run("CREATE TYPE mood AS ENUM ('fine', 'so\"so'); CREATE TYPE address AS (street text, code int)")
        database.run("CREATE DOMAIN positive AS numeric CHECK (value > 0)")
        columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(TYPES))
        database.run(f"CREATE TABLE typed (id int PRIMARY KEY, {columns}); CREATE TABLE again (LIKE typed)")
        yield database


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rows=st.lists(st.tuples(*(st.none() | values for values in TYPES.values())), min_size=1, max_size=3))
@example(rows=[(None,) * len(TYPES)])
def test_a_line_makes_the_same_row_again(typed: TestDatabase, rows: list[tuple[str | None, ...]]) -> None:
    typed.run("TRUNCATE typed, again")
    for number, row in enumerate(rows):
        places = ", ".join(f"${place}" for place in range(1, len(row) + 2))
        typed.run(f"INSERT INTO typed VALUES ({places})", str(number), *row)

    found = lines(whole(table_rows(connected(typed.dsn), "typed")))

    typed.run("SET TimeZone = 'UTC'")
    assert [line.decode() for line in found] == [
        row[0] for row in typed.run("SELECT row_to_json(typed)::text FROM typed ORDER BY id")
    ]
    for line in found:
        msgspec.json.decode(line)
        assert b"\n" not in line
        typed.run("INSERT INTO again SELECT * FROM json_populate_record(NULL::typed, $1)", line.decode())
    kept = typed.run("SELECT typed::text FROM typed ORDER BY id")
    assert typed.run("SELECT again::text FROM again ORDER BY id") == kept
    assert len(found) == len(rows)


def test_a_type_with_a_form_in_json_of_its_own_comes_in_that(database: TestDatabase) -> None:
    database.run("CREATE EXTENSION hstore; CREATE TABLE tags (id int PRIMARY KEY, tags hstore)")
    database.run("INSERT INTO tags VALUES (1, '\"a b\"=>1, c=>NULL')")

    (line,) = lines(whole(table_rows(connected(database.dsn), "tags")))

    assert line == b'{"id":1,"tags":{"c": null, "a b": "1"}}'


def test_what_json_has_no_number_for_is_told_by_name(database: TestDatabase) -> None:
    database.run("CREATE TABLE odd (id int PRIMARY KEY, f float8, n numeric, t timestamptz, d date)")
    database.run("INSERT INTO odd VALUES (1, 'NaN', 'Infinity', 'infinity', '-infinity')")

    (line,) = lines(whole(table_rows(connected(database.dsn), "odd")))

    assert line == b'{"id":1,"f":"NaN","n":"Infinity","t":"infinity","d":"-infinity"}'


def test_numbers_keep_every_digit(database: TestDatabase) -> None:
    database.run("CREATE TABLE exact (id bigint PRIMARY KEY, n numeric, f float8)")
    database.run("INSERT INTO exact VALUES (9223372036854775807, 0.10000000000000000000000001000, 0.1)")

    (line,) = lines(whole(table_rows(connected(database.dsn), "exact")))

    assert line == b'{"id":9223372036854775807,"n":0.10000000000000000000000001000,"f":0.1}'
    assert json.loads(line, parse_float=Decimal)["n"] == Decimal("0.10000000000000000000000001000")


def test_json_is_passed_on_as_it_was_stored_but_for_its_line_ends(database: TestDatabase) -> None:
    database.run("CREATE TABLE papers (id int PRIMARY KEY, j json)")
    stored = '{\n  "b": 1.00,\r\n\t"a": "x\\ny",\n  "a": [ ]\n}'
    database.run("INSERT INTO papers VALUES (1, $1)", stored)

    (line,) = lines(whole(table_rows(connected(database.dsn), "papers")))

    text = stored.replace("\n", " ").replace("\r", " ")
    assert line.decode() == f'{{"id":1,"j":{text}}}'


@pytest.mark.parametrize("text", ["\\", "\\.", "\\u0000", "\\n", '"', "\t\n\r\x01\x02\x7f", "\u2028 \U0001f600", ""])
def test_text_that_looks_like_an_escape_is_text(database: TestDatabase, text: str) -> None:
    database.run("CREATE TABLE texts (id text PRIMARY KEY, t text)")
    database.run("INSERT INTO texts VALUES ($1, $1)", text)
    source = table_rows(connected(database.dsn), "texts")

    (item,) = whole(source)

    assert item.line is not None
    assert json.loads(item.line) == {"id": text, "t": text}
    assert json.loads(item.key) == text


def test_half_of_a_surrogate_pair_in_a_json_value_is_a_gap(database: TestDatabase) -> None:
    database.run("CREATE TABLE papers (id int PRIMARY KEY, j json)")
    database.run("""INSERT INTO papers VALUES (1, '"\\ud800"'), (2, '"\\ud83d\\ude00"'), (3, '"\\u0000"')""")

    broken, whole_pair, nothing = whole(table_rows(connected(database.dsn), "papers"))

    assert broken.gap is not None
    assert (broken.gap.code, broken.gap.id) == ("invalid_json", "1")
    assert whole_pair.line == b'{"id":2,"j":"\\ud83d\\ude00"}'
    assert nothing.line == b'{"id":3,"j":"\\u0000"}'


def test_bytes_that_are_no_text_are_a_gap_where_the_database_has_no_encoding(server: str) -> None:
    with made_database(server, encoding="SQL_ASCII") as database:
        database.run("CREATE TABLE texts (id int PRIMARY KEY, t text)")
        database.run("INSERT INTO texts VALUES (1, E'\\xfc'), (2, E'\\xc3\\xbc')")

        latin, utf8 = whole(table_rows(connected(database.dsn), "texts"))

    assert latin.gap is not None
    assert latin.gap.code == "invalid_json"
    assert utf8.line == '{"id":2,"t":"ü"}'.encode()


@pytest.mark.parametrize("columns", [1, 699, 1500])
def test_a_table_may_have_as_many_columns_as_postgresql_allows(database: TestDatabase, columns: int) -> None:
    names = ", ".join(f"c{number} int" for number in range(columns))
    database.run(f"CREATE TABLE wide (id int PRIMARY KEY, {names}); INSERT INTO wide (id, c0) VALUES (1, 7), (2, NULL)")

    found = lines(whole(table_rows(connected(database.dsn), "wide")))

    texts = database.run("SELECT row_to_json(wide)::text FROM wide ORDER BY id")
    assert [[line.decode()] for line in found] == texts
