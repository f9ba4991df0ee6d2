"""The whole database as one file, by the real pg_dump, and back by the real psql."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from local.postgres_server import installed_program
from tests.fakes import FakeBudget, MemoryObjects
from tests.postgres.support import SECRET, SOURCE, TENANT, TestDatabase, connected, made_database

from waybill.domain.catalog import Doctype
from waybill.domain.errors import CatalogError, SourceNotReady, SourceUnavailable
from waybill.domain.plan import Shard
from waybill.domain.postgres import PostgresDump
from waybill.ports import Budget, SourceItem
from waybill.services.export_staging import ExportStaging
from waybill.sources.postgres.dump import DatabaseDump
from waybill.sources.postgres.pg_dump import Dump, PgDump, installed

NAME = "postgres.database"
EXPORT = "01a214e70a14c8e59a15c8c34c5f6fd4"
SHARD = Shard(0, NAME)


def _source(dsn: str, staging: ExportStaging | None, form: str = "plain", **program: PgDump) -> DatabaseDump:
    dump = PostgresDump(SOURCE, SECRET, (TENANT,), form)
    given = {"program": lambda: program["program"]} if program else {}
    return DatabaseDump(Doctype(NAME, dump, "{}"), dump, connected(dsn), staging, **given)


def _staging(archives: MemoryObjects, *, call: Budget | None = None, enough: Budget | None = None) -> ExportStaging:
    return ExportStaging(archives, EXPORT, call=call or FakeBudget(), enough=enough or FakeBudget())


def _items(source: DatabaseDump) -> list[SourceItem]:
    return list(source.read(tenant=TENANT, shard=SHARD, after=None))


def _dump(dsn: str, archives: MemoryObjects, form: str = "plain") -> bytes:
    (item,) = _items(_source(dsn, _staging(archives), form))
    assert item.file is not None
    return archives.get(item.file.key)


@pytest.fixture
def shop(database: TestDatabase) -> TestDatabase:
    """A database with something of all that a dump has to carry."""
    database.run("CREATE SCHEMA shop; CREATE TYPE shop.state AS ENUM ('new', 'paid')")
    database.run(
        "CREATE TABLE shop.orders (id bigserial PRIMARY KEY, state shop.state DEFAULT 'new', doc jsonb, raw bytea, "
        "total numeric CHECK (total >= 0), twice numeric GENERATED ALWAYS AS (total * 2) STORED)"
    )
    database.run("CREATE TABLE log (line text); CREATE INDEX ON log (lower(line))")
    database.run("COMMENT ON TABLE log IS 'it''s a log'")
    database.run("CREATE VIEW shop.paid AS SELECT * FROM shop.orders WHERE state = 'paid'")
    database.run("CREATE FUNCTION shop.twice(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN n * 2; END $$")
    database.run(
        "INSERT INTO shop.orders (state, doc, raw, total) SELECT 'paid', jsonb_build_object('n', i, 't', E'\\\\.'), "
        "'\\x00ff', i / 7.0 FROM generate_series(1, 500) i"
    )
    database.run("INSERT INTO log VALUES (E'a\\tb\\nc\\\\d'), (NULL), ('\\.'), ('Ünïcode 😀')")
    return database


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_what_is_restored_from_a_dump_is_the_original(
    shop: TestDatabase, server: str, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "dump"
    file.write_bytes(_dump(shop.dsn, MemoryObjects(), form))

    with made_database(server) as fresh:
        if form == "plain":
            command = [installed_program("psql"), fresh.dsn, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file)]
        else:
            command = [installed_program("pg_restore"), "--exit-on-error", "-d", fresh.dsn, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        assert _by_hand(fresh.dsn) == _by_hand(shop.dsn)
        assert fresh.run("SELECT md5(string_agg(o::text, ',' ORDER BY id)), count(*) FROM shop.orders o") == shop.run(
            "SELECT md5(string_agg(o::text, ',' ORDER BY id)), count(*) FROM shop.orders o"
        )
        assert fresh.run("INSERT INTO shop.orders (total) VALUES (1) RETURNING id, shop.twice(2)") == [["501", "4"]]


def _by_hand(dsn: str) -> str:
    """What pg_dump says of a database when a person runs it."""
    command = [installed_program("pg_dump"), "-d", dsn, "--restrict-key=none"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_dump_is_what_the_command_of_the_seed_gives(shop: TestDatabase) -> None:
    options = shop.options
    command = [installed_program("pg_dump"), "-d", options["dbname"], "-U", options["user"], "-h", options["host"]]
    command += ["-p", options["port"]]
    password = {"PGPASSWORD": options.get("password", "")}
    by_hand = subprocess.run(command, env={**os.environ, **password}, capture_output=True, check=True).stdout

    ours = _dump(shop.dsn, MemoryObjects())

    assert [line for line in ours.splitlines() if b"restrict " not in line] == [
        line for line in by_hand.splitlines() if b"restrict " not in line
    ]


def test_a_dump_is_a_record_with_a_file_that_is_kept(shop: TestDatabase) -> None:
    archives = MemoryObjects()
    source = _source(shop.dsn, _staging(archives))

    (item,) = _items(source)

    assert item.line is not None
    assert item.file is not None
    assert json.loads(item.line) == {
        "_id": "database.sql",
        "type": "file",
        "name": "database.sql",
        "mime": "application/sql",
        "size": item.file.size,
    }
    assert (item.file.directory, item.file.name, item.file.kept) == ("/postgres.database", "database.sql", True)
    assert source.as_of is not None
    assert list(source.read(tenant=TENANT, shard=SHARD, after=item.key)) == []


def test_a_dump_that_is_kept_is_not_made_again(shop: TestDatabase) -> None:
    archives = MemoryObjects()
    first = _source(shop.dsn, _staging(archives))
    before = _items(first)
    shop.run("DROP TABLE log")

    again = _source(shop.dsn, _staging(archives))

    assert _items(again) == before
    assert again.as_of == first.as_of


def test_a_dump_that_was_broken_off_comes_again_with_the_same_bytes(shop: TestDatabase) -> None:
    whole = MemoryObjects()
    broken = MemoryObjects()
    with pytest.raises(CatalogError):
        _items(_source(shop.dsn, _staging(broken, call=FakeBudget(1))))
    assert not list(broken.list(f"exports/{EXPORT}/work/kept/"))
    for key in [info.key for info in broken.list(f"exports/{EXPORT}/work/notes/")]:
        whole.put(key, broken.get(key))  # what the first try has noted

    assert _dump(shop.dsn, broken) == _dump(shop.dsn, whole)


def test_a_dump_that_takes_longer_than_a_call_says_what_to_do(shop: TestDatabase) -> None:
    with pytest.raises(CatalogError) as refused:
        _items(_source(shop.dsn, _staging(MemoryObjects(), call=FakeBudget(1))))

    sentence = str(refused.value)
    assert "the source shop cannot be dumped here: in the 14 minutes that one call of a step has" in sentence
    assert "a dump cannot be taken up where it stopped. Export the tables as doctypes of their own" in sentence


def test_a_dump_gets_a_call_of_its_own_if_there_was_something_else_in_this_one(shop: TestDatabase) -> None:
    archives = MemoryObjects()
    staging = _staging(archives, enough=FakeBudget(1))
    staging.keep("other", iter([b"x"]))

    with pytest.raises(SourceNotReady) as waiting:
        _items(_source(shop.dsn, staging))

    assert waiting.value.seconds == 0


def test_no_program_is_left_running(shop: TestDatabase) -> None:
    dump = Dump(installed(), SOURCE)
    chunks = dump.chunks(shop.options, "plain", "key")
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]

    assert dump.is_unfinished
    assert shop.run(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND state = 'active'"
    ) == [["0"]]


def test_the_password_is_not_on_the_command_line(shop: TestDatabase) -> None:
    options = {**shop.options, "password": "hunter'2 \\"}
    command = installed().command(options, "plain", "key")

    assert not any("hunter" in word for word in command)
    assert installed().environment(options)["PGPASSWORD"] == "hunter'2 \\"
    assert command[1:3] == ["-d", _dbname(options)]


def _dbname(options: dict[str, str]) -> str:
    kept = ("keepalives_idle", "keepalives_interval", "keepalives_count", "dbname")
    return " ".join(f"{name}='{options[name]}'" for name in options if name in kept)


def test_a_wrong_password_is_told_and_nothing_is_kept(shop: TestDatabase) -> None:
    archives = MemoryObjects()
    dump = Dump(installed(), SOURCE)
    options = {**shop.options, "password": "wrong-secret", "host": "127.0.0.1"}

    with pytest.raises(SourceUnavailable) as refused:
        _staging(archives).keep("postgres.database/database.sql", dump.chunks(options, "plain", "key"))

    assert str(refused.value) == (
        "pg_dump could not dump the PostgreSQL database of the source shop: it refused user or password. Correct them "
        "in the secret."
    )
    assert not list(archives.list("exports/"))


def test_a_role_that_may_not_read_all_of_it(shop: TestDatabase) -> None:
    name = f"{shop.options['dbname']}_dumper"
    shop.run(f"CREATE ROLE {name} LOGIN PASSWORD 'p'")
    try:
        options = {**shop.options, "user": name, "password": "p"}
        with pytest.raises(SourceUnavailable, match="its user may not read everything"):
            list(Dump(installed(), SOURCE).chunks(options, "plain", "key"))
    finally:
        shop.run(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_dump_that_dies_in_the_middle_is_no_dump(shop: TestDatabase, tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'CREATE TABLE half (id int'\nkill -9 $$\n")
    program.chmod(0o755)
    archives = MemoryObjects()

    with pytest.raises(SourceUnavailable, match="pg_dump could not dump"):
        _items(_source(shop.dsn, _staging(archives), program=PgDump(program, tmp_path)))

    assert not list(archives.list(f"exports/{EXPORT}/work/kept/"))


def test_the_size_of_a_dump_is_estimated_from_that_of_the_database(shop: TestDatabase) -> None:
    measure = _source(shop.dsn, None).measure(tenant=TENANT, pages=1, budget=FakeBudget())

    assert not measure.exact
    assert measure.amount.files == 1
    assert measure.amount.file_bytes > 1_000_000
