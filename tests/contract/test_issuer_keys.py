"""How the keys of a tokens' issuer are fetched, from a server that answers as it is told to."""

from collections.abc import Iterator

import pytest
from tests.contract.faulty_server import RESET, FaultyServer, answer

from waybill.adapters.jwt_tokens import fetch
from waybill.domain.errors import StorageUnavailable


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.mark.parametrize("target", ["/pool/.well-known/jwks.json", "/keys?p=policy", "/"])
def test_a_document_is_fetched_from_where_it_is_said_to_be(server: FaultyServer, target: str) -> None:
    server.will(answer(200, b'{"keys": []}'))

    assert fetch(f"{server.url}{target}") == b'{"keys": []}'
    assert [request.target for request in server.requests] == [target]


def test_where_there_is_no_path_it_is_the_root(server: FaultyServer) -> None:
    server.will(answer(200, b"{}"))

    assert fetch(server.url) == b"{}"


@pytest.mark.parametrize("fault", [RESET, answer(500), answer(302, Location="/x"), answer(200, b"{", length=9)])
def test_what_is_no_whole_answer_is_an_error_that_says_what_cannot_be_had(server: FaultyServer, fault: bytes) -> None:
    server.will(fault)

    with pytest.raises(StorageUnavailable, match="issuer"):
        fetch(f"{server.url}/keys")


def test_nobody_there_is_an_error() -> None:
    with FaultyServer() as server:
        gone = server.url

    with pytest.raises(StorageUnavailable, match="does not answer"):
        fetch(gone)
