"""From PostgreSQL to NDJSON lines: how fast beside psql, and in how much memory."""

import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager

from local.postgres_server import PostgresServer, postgres_server

from bench import measure
from bench.context import Bench
from bench.deployed import allocator_settings
from bench.measure import MeasurementError
from bench.memories import Memories, Memory
from bench.report import Result

_SHARE = 0.6
"""Of psql's megabytes a second."""

_MEGABYTE = 1_000_000
_TABLE = "orders"
_ROWS = (
    "SELECT n::bigint AS id, md5(n::text)::uuid AS customer, (n % 1000000 / 100.0)::numeric(12, 2) AS total, "
    "'2026-01-01Z'::timestamptz + n * interval '1.5 s' AS ordered_at, repeat('some text ', n % 12) AS note, "
    "jsonb_build_object('sku', n % 5000, 'tags', ARRAY['new', 'gift']) AS item, n % 2 = 0 AS paid, "
    "n / 7.0::float8 AS weight FROM generate_series(1, {rows}) n"
)
_LONGEST_SECONDS = 900.0


def postgres_table_to_ndjson(bench: Bench) -> Result:
    """Megabytes a second from a table to NDJSON, beside psql's own copy of the same table to CSV."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    rows = bench.scale.table_rows
    with _serving() as server:
        made = f"CREATE TABLE {_TABLE} AS {_ROWS.format(rows=rows)}"
        _psql(bench, server, f"{made}; ALTER TABLE {_TABLE} ADD PRIMARY KEY (id); VACUUM ANALYZE {_TABLE}")
        for _ in range(bench.runs):
            ours.append(_read(bench, server, rows))
            theirs.append(_copied(bench, server))
    speed, beside = (statistics.median(size / seconds / _MEGABYTE for size, seconds in runs) for runs in (ours, theirs))
    by_row = statistics.median(seconds for _, seconds in theirs) / statistics.median(seconds for _, seconds in ours)
    return Result(
        figure="postgres_table_to_ndjson",
        unit="MB/s",
        ours=speed,
        target=_SHARE * beside,
        better="higher",
        peers={"psql \\copy … to csv": beside},
        runs=[size / seconds / _MEGABYTE for size, seconds in ours],
        note=(
            f"Bytes of NDJSON, and of CSV, per second of wall time, medians of {bench.runs} runs in turn over a table "
            f"of {rows:,} rows (bigint, uuid, numeric, timestamptz, text, jsonb, boolean, double precision), server "
            f"and client on this machine. The target is {_SHARE:.0%} of psql. NDJSON repeats columns' names, so it "
            f"has {ours[0][0] / theirs[0][0]:.2f} times the bytes: by rows, Waybill has {by_row:.2f} of psql's speed."
        ),
    )


def postgres_reader_memory(bench: Bench) -> Result:
    """The largest resident set of a reader, over few to very many rows."""
    return bench.once(_by_rows).peak_result("postgres_reader_memory")


def postgres_reader_memory_growth(bench: Bench) -> Result:
    """The resident set with the most rows over that with the fewest."""
    return bench.once(_by_rows).growth_result("postgres_reader_memory_growth")


def _by_rows(bench: Bench) -> Memories:
    memories = {}
    with _serving() as server:
        for rows in bench.scale.read_rows:
            usage = bench.run_module(
                "bench.ours.read_postgres",
                "stage",
                server.dsn(),
                _ROWS.format(rows=rows),
                longest=_LONGEST_SECONDS,
                env=allocator_settings(),
            )
            said = json.loads(usage.output)
            if said["records"] != rows:
                raise MeasurementError(f"Of {rows} rows {said['records']} were read.")
            memories[rows] = Memory()
            memories[rows].add("read_chunk", said["start_mib"], said["peak_mib"])
    how = (
        "Rows of a generated query, read and packed as ReadChunk does it, as tar.gz, each in a fresh process; segments "
        "are thrown away instead of stored, so the memory of connections to S3 is not in it."
    )
    return Memories(memories, "rows", how)


@contextmanager
def _serving() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


def _psql(bench: Bench, server: PostgresServer, statement: str) -> measure.Usage:
    command = [server.program("psql"), server.dsn(), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    words = [word for each in statement.split("; ") for word in ("-c", each)]
    return measure.run([*command, *words], env=bench.environment(), cwd=bench.state)


def _read(bench: Bench, server: PostgresServer, rows: int) -> tuple[float, float]:
    """Return bytes and seconds of reading the table."""
    usage = bench.run_module("bench.ours.read_postgres", "read", server.dsn(), _TABLE)
    said = json.loads(usage.output)
    if said["records"] != rows:
        raise MeasurementError(f"Of {rows} rows {said['records']} were read.")
    return said["bytes"], said["seconds"]


def _copied(bench: Bench, server: PostgresServer) -> tuple[float, float]:
    """Return bytes and seconds of psql's copy, which goes to a file."""
    file = bench.state / "copied.csv"
    usage = _psql(bench, server, f"\\copy {_TABLE} to '{file}' csv")
    size = file.stat().st_size
    file.unlink()
    return size, usage.wall
