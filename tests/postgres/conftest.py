"""A real PostgreSQL for these tests: one that they start, or the one that WAYBILL_TEST_DSN names."""

import os
from collections.abc import Iterator

import pytest
from local.postgres_server import postgres_server
from tests.postgres.support import TestDatabase, made_database


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The DSN of a server on which databases may be made."""
    given = os.environ.get("WAYBILL_TEST_DSN")
    if given:
        yield given
        return
    with postgres_server() as own:
        yield own.dsn()


@pytest.fixture
def database(server: str) -> Iterator[TestDatabase]:
    """An empty database of its own."""
    with made_database(server) as made:
        yield made
