"""``python -m tests.systems.postgres --port 5432``: a real PostgreSQL with a shop in it, until it is told to end."""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from local.postgres_server import PostgresServer, postgres_server

PASSWORD = "hunter2"
SHOP = Path(__file__).with_name("shop.sql")


def fill(server: PostgresServer) -> None:
    """Make the shop."""
    for database, words in (("postgres", ["-c", "CREATE DATABASE shop"]), ("shop", ["-f", str(SHOP)])):
        command = [server.program("psql"), server.dsn(database), "-X", "-q", "-v", "ON_ERROR_STOP=1", *words]
        subprocess.run(command, check=True)


def main() -> None:
    """Serve the shop."""
    parser = argparse.ArgumentParser(prog="tests.systems.postgres")
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with postgres_server(port=asked.port, password=PASSWORD, prepare=fill):
        signal.pause()


if __name__ == "__main__":
    main()
