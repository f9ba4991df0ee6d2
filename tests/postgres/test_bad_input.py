"""What goes wrong with a database is said in a sentence that helps, names no secret, and nothing is lost in silence."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from local.processes import free_ports
from tests.postgres.support import TENANT, TestDatabase, connected, lines, shards, table_rows, whole

from waybill.domain.errors import CatalogError, SourceUnavailable
from waybill.sources.postgres import rows as rows_module


def _refusal(dsn: str) -> str:
    with pytest.raises(SourceUnavailable) as refused:
        whole(table_rows(connected(dsn), "orders"))
    return str(refused.value)


def _with(database: TestDatabase, **options: str) -> str:
    return TestDatabase.dsn_of({**database.options, **options})


def test_wrong_password(database: TestDatabase) -> None:
    sentence = _refusal(_with(database, password="wrong-secret", host="127.0.0.1"))

    assert sentence == (
        "The PostgreSQL database of the source shop cannot be read: it refused user or password. Correct them in the "
        "secret."
    )


def test_refused_connection(database: TestDatabase) -> None:
    (port,) = free_ports(1)

    sentence = _refusal(_with(database, host="127.0.0.1", port=str(port)))

    assert "nothing listens at the address in the secret" in sentence
    assert str(port) not in sentence
    assert "127.0.0.1" not in sentence


def test_wrong_host(database: TestDatabase) -> None:
    assert "the host that the secret names is not known here" in _refusal(_with(database, host="db.invalid"))


def test_missing_database(database: TestDatabase) -> None:
    assert "it has no such database or user" in _refusal(_with(database, dbname="nowhere"))


@contextmanager
def _plain_server() -> Iterator[int]:
    """A server that has no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(8)
                connection.sendall(b"N")
                connection.recv(8)

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_server_without_tls(database: TestDatabase) -> None:
    with _plain_server() as port:
        sentence = _refusal(_with(database, host="localhost", port=str(port), sslmode="require"))

    assert "it offers no TLS" in sentence


def test_tls_is_wanted_unless_the_secret_says_otherwise(database: TestDatabase) -> None:
    options = {name: value for name, value in database.options.items() if not name.startswith("ssl")}

    with _plain_server() as port:
        sentence = _refusal(TestDatabase.dsn_of({**options, "host": "localhost", "port": str(port)}))

    assert "it offers no TLS" in sentence


@contextmanager
def _tls_server(folder: Path, *, speaks: bool) -> Iterator[int]:
    """A server that agrees to TLS and shows a certificate that nobody vouches for, or garbage."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout {key} -out {certificate}"
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(8)
                connection.sendall(b"S")
                if not speaks:
                    connection.sendall(b"no TLS at all")
                    return
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except (ssl.SSLError, OSError):
                    return

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_certificate_that_nobody_vouches_for(database: TestDatabase, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=other -keyout {tmp_path / 'k'} -out {other}"
    subprocess.run(command.split(), check=True, capture_output=True)

    with _tls_server(tmp_path, speaks=True) as port:
        sentence = _refusal(
            _with(database, host="localhost", port=str(port), sslmode="verify-full", sslrootcert=str(other))
        )

    assert "its TLS certificate is not one that the sslrootcert in the secret vouches for" in sentence


def test_a_tls_handshake_that_fails(database: TestDatabase, tmp_path: Path) -> None:
    with _tls_server(tmp_path, speaks=False) as port:
        sentence = _refusal(_with(database, host="localhost", port=str(port), sslmode="require"))

    assert "the TLS handshake failed" in sentence


@pytest.mark.parametrize(
    "secret", ["", "hunter2", "{}", '{"username": "ada"}', "postgresql://ada:hunter2@h/d?nope=1", "{"]
)
def test_a_secret_that_says_nothing_useful_is_not_quoted(secret: str) -> None:
    sentence = _refusal(secret)

    assert "does not say how to reach its PostgreSQL database" in sentence
    assert "hunter2" not in sentence


def test_the_secret_that_rds_manages_is_understood(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY)")
    options = database.options
    names = {"host": "host", "port": "port", "dbname": "dbname", "username": "user", "password": "password"}
    fields = ", ".join(f'"{name}": "{options[option]}"' for name, option in names.items() if option in options)

    secret = f'{{"engine": "postgres", "sslmode": "disable", {fields}}}'

    assert whole(table_rows(connected(secret), "orders")) == []


def test_a_missing_table(database: TestDatabase) -> None:
    with pytest.raises(CatalogError, match=r"The table public\.orders of shop\.orders is not there\. Name it with its"):
        whole(table_rows(connected(database.dsn), "public.orders"))


def test_a_table_without_a_key(database: TestDatabase) -> None:
    database.run("CREATE TABLE log (line text)")

    with pytest.raises(CatalogError, match=r"The table log of shop\.orders has no primary key, .* under read\.key"):
        whole(table_rows(connected(database.dsn), "log"))


def test_a_query_without_a_key(database: TestDatabase) -> None:
    with pytest.raises(CatalogError, match=r"The query of shop\.orders has no primary key"):
        whole(table_rows(connected(database.dsn), query="SELECT 1 AS one"))


def test_a_query_that_is_no_sql(database: TestDatabase) -> None:
    with pytest.raises(SourceUnavailable, match="the query in the catalog is not valid SQL"):
        whole(table_rows(connected(database.dsn), query="SELEC 1", key=["one"]))


def test_a_query_that_writes(database: TestDatabase) -> None:
    database.run(
        "CREATE TABLE t (id int);CREATE FUNCTION w() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (1) RETURNING 1'"
    )

    with pytest.raises(SourceUnavailable, match="the query in the catalog writes"):
        whole(table_rows(connected(database.dsn), query="SELECT w() AS one", key=["one"]))


def test_a_column_that_the_catalog_names_and_the_table_has_not(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY)")

    with pytest.raises(CatalogError, match="has no column 'nr', which the catalog names"):
        whole(table_rows(connected(database.dsn), "orders", key=["nr"]))
    with pytest.raises(CatalogError, match="has no column 'changed', which the catalog names"):
        whole(table_rows(connected(database.dsn), "orders", updated_at="changed"))


def test_two_columns_of_one_name(database: TestDatabase) -> None:
    with pytest.raises(CatalogError, match="has two columns of one name"):
        whole(table_rows(connected(database.dsn), query="SELECT 1 AS id, 2 AS id", key=["id"]))


def test_rows_that_share_a_key_are_not_lost_in_silence(database: TestDatabase) -> None:
    database.run("CREATE TABLE log (day int, line text); INSERT INTO log VALUES (1, 'a'), (2, 'b'), (2, 'c'), (3, 'd')")
    source = table_rows(connected(database.dsn), "log", key=["day"])
    (shard,) = shards(source)

    with pytest.raises(CatalogError, match=r"several rows with one key \(day\)"):
        whole(source)
    with pytest.raises(CatalogError, match=r"several rows with one key \(day\)"):
        list(source.read(tenant=TENANT, shard=shard, after="2"))


def test_rows_whose_key_is_null_are_not_lost_in_silence(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "LEAST_ROWS", 2)
    database.run("CREATE TABLE log (a int, b int); INSERT INTO log VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, NULL)")
    source = table_rows(connected(database.dsn), "log", key=["a", "b"], shards=2)

    with pytest.raises(CatalogError, match=r"has rows whose key \(a, b\) is NULL"):
        whole(source)


def test_a_role_that_may_not_read(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY)")
    with (
        _role(database) as dsn,
        pytest.raises(SourceUnavailable, match=r"its user may not read it, .* Grant it SELECT"),
    ):
        whole(table_rows(connected(dsn), "orders"))


def test_rows_that_a_policy_would_hide_are_not_left_out_in_silence(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, owner text); INSERT INTO orders VALUES (1, 'ada')")
    database.run("ALTER TABLE orders ENABLE ROW LEVEL SECURITY; GRANT SELECT ON orders TO PUBLIC")
    with _role(database) as dsn, pytest.raises(SourceUnavailable, match="row-level security would hide rows"):
        whole(table_rows(connected(dsn), "orders"))


@contextmanager
def _role(database: TestDatabase) -> Iterator[str]:
    name = f"{database.options['dbname']}_reader"
    database.run(f"CREATE ROLE {name} LOGIN PASSWORD 'p'")
    try:
        yield _with(database, user=name, password="p")
    finally:
        database.run(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_column_that_is_dropped_in_between(database: TestDatabase) -> None:
    """What is read goes on with the columns that the catalog's table has then; a query that names one fails."""
    database.run("CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a'), (2, 'b')")
    before = connected(database.dsn)
    assert len(whole(table_rows(before, query="SELECT id, note FROM orders", key=["id"]))) == 2
    before.close()

    database.run("ALTER TABLE orders DROP COLUMN note")

    again = table_rows(connected(database.dsn), query="SELECT id, note FROM orders", key=["id"])
    with pytest.raises(SourceUnavailable, match="a column that it reads is not there, or not any more"):
        whole(again)
    assert lines(whole(table_rows(connected(database.dsn), "orders"))) == [b'{"id":1}', b'{"id":2}']


def test_a_connection_that_is_lost_in_the_middle(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    database.run("INSERT INTO orders SELECT i, repeat('x', 10000) FROM generate_series(1, 5000) i")
    source = table_rows(connected(database.dsn), "orders")
    (shard,) = shards(source)
    reading = source.read(tenant=TENANT, shard=shard, after=None)
    read = [next(reading) for _ in range(10)]

    database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waybill' AND pid <> "
                 "pg_backend_pid() AND datname = current_database()")  # fmt: skip
    with pytest.raises(SourceUnavailable, match=r"the server ended the connection|the connection broke off"):
        read.extend(reading)

    rest = list(source.read(tenant=TENANT, shard=shard, after=read[-1].key))
    assert len(read) + len(rest) == 5000
    assert [item.key for item in [*read, *rest]] == [str(number) for number in range(1, 5001)]


def test_a_row_over_sixteen_megabytes_is_a_gap_and_the_others_are_read(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    database.run(
        "INSERT INTO orders SELECT i, repeat('x', CASE i WHEN 2 THEN 16777216 ELSE 5 END) FROM generate_series(1, 3) i"
    )

    first, huge, last = whole(table_rows(connected(database.dsn), "orders"))

    assert (first.line, last.line) == (b'{"id":1,"note":"xxxxx"}', b'{"id":3,"note":"xxxxx"}')
    assert huge.line is None
    assert huge.gap is not None
    assert (huge.gap.code, huge.gap.id) == ("record_too_large", "2")


def test_a_row_of_sixteen_megabytes_is_read(database: TestDatabase) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    size = 16 * 2**20 - len('{"id":1,"note":""}')
    database.run(f"INSERT INTO orders VALUES (1, repeat('x', {size}))")

    (item,) = whole(table_rows(connected(database.dsn), "orders"))

    assert item.line is not None
    assert len(item.line) == 16 * 2**20
