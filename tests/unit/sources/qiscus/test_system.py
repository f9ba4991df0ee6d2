"""A chat on Qiscus as the catalog opens it: what signs, what is asked, and what a network does."""

import json
import socket
import ssl
from collections.abc import Callable

import pytest
from tests.fakes import FakeBudget, FakeClock, MemoryObjects
from tests.rest_fakes import FakeApi, FakeSecrets, FakeTime
from tests.system_sources import system_catalog
from tests.systems.exchange import Asked, Told
from tests.systems.qiscus.server import APP_ID, SECRET, QiscusServer
from tests.systems.web import StandInWeb
from tests.unit.sources.qiscus.reading import NOW

from waybill.domain.catalog import SystemSource
from waybill.domain.errors import SourceNotReady, SourceUnavailable
from waybill.ports import Source, SourceItem
from waybill.services.export_staging import ExportStaging
from waybill.sources.qiscus import QISCUS
from waybill.sources.system import Tools

CATALOG = system_catalog("qiscus", {"since": "2026-01-30"})
GOOD = json.dumps({"app_id": APP_ID, "secret": SECRET})


def opened(
    answer: Callable[[Asked], Told], secrets: FakeSecrets, server: QiscusServer, doctype: str = "qiscus.rooms"
) -> Source:
    source = CATALOG.doctypes[doctype].source
    assert isinstance(source, SystemSource)
    tools = Tools(
        FakeApi(answer),
        secrets,
        FakeTime().timing(),
        staging=ExportStaging(MemoryObjects(), "0" * 32, call=FakeBudget(), enough=FakeBudget()),
        now=FakeClock(NOW),
        web=lambda allow_private: StandInWeb(server.download),
    )
    return QISCUS.opened(source, tools)(CATALOG.doctypes[doctype])


def read(source: Source) -> list[SourceItem]:
    (shard,) = source.shards(tenant="ada", start=0)
    return list(source.read(tenant="ada", shard=shard, after=None))


def answering(server: QiscusServer) -> Callable[[Asked], Told]:
    def answer(asked: Asked) -> Told:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        sent = server.answer(asked.method, asked.target, headers, asked.body)
        return Told(sent.status, sent.bytes, sent.headers)

    return answer


def test_headers_have_hyphens_and_what_is_asked_is_json() -> None:
    server, asked = QiscusServer(), list[Asked]()

    def answer(each: Asked) -> Told:
        asked.append(each)
        return answering(server)(each)

    read(opened(answer, FakeSecrets({"waybill/qiscus": GOOD}), server))

    first = asked[0]
    headers = {name.lower(): value for name, value in first.headers.items()}
    assert (headers["qiscus-sdk-app-id"], headers["qiscus-sdk-secret"]) == (APP_ID, SECRET)
    assert (first.method, first.origin, first.target) == ("POST", "https://api.qiscus.com", "/api/v2.1/rest/exports")
    assert json.loads(first.body) == {"type": "rooms", "start_date": "2026-01-30", "end_date": "2026-02-21"}


def test_users_leave_without_password_and_token() -> None:
    server = QiscusServer()

    items = read(opened(answering(server), FakeSecrets({"waybill/qiscus": GOOD}), server, "qiscus.users"))

    assert items
    assert b"secret" not in b"".join(item.line or b"" for item in items)


def test_a_secret_that_was_changed_is_read_again() -> None:
    server = QiscusServer()
    secrets = FakeSecrets({"waybill/qiscus": json.dumps({"app_id": APP_ID, "secret": "old"})})
    secrets.get("waybill/qiscus")
    secrets.change("waybill/qiscus", GOOD)

    assert read(opened(answering(server), secrets, server))


@pytest.mark.parametrize("secret", ["not json", '{"app_id": "x"}', '{"app_id": "x", "secret": ""}', '{"app_id": 1}'])
def test_a_secret_that_is_none_is_told_without_being_shown(secret: str) -> None:
    server = QiscusServer()

    with pytest.raises(SourceUnavailable, match="secret of Qiscus must") as told:
        read(opened(answering(server), FakeSecrets({"waybill/qiscus": secret}), server))
    assert secret not in str(told.value)


def untrusted() -> ssl.SSLCertVerificationError:
    """What a handshake raises with a certificate that nobody vouches for."""
    error = ssl.SSLCertVerificationError("self-signed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "no host of this name"),
        (ConnectionRefusedError("refused"), "refuses connections"),
        (untrusted(), "certificate is not accepted"),
        (TimeoutError("silent"), "silent for too long"),
        (ConnectionResetError("reset"), "broke off"),
    ],
)
def test_a_network_that_fails_is_told_as_that(failure: Exception, sentence: str) -> None:
    def fail(asked: Asked) -> Told:
        raise failure

    with pytest.raises(SourceUnavailable, match=sentence) as told:
        read(opened(fail, FakeSecrets({"waybill/qiscus": GOOD}), QiscusServer()))
    assert "POST /api/v2.1/rest/exports" in str(told.value)
    assert SECRET not in str(told.value)


def test_what_is_null_is_as_if_it_were_not_there() -> None:
    told = {"unique_id": "a-1", "status": "started", "download_url": None, "total_rows": None, "error_message": None}
    body = json.dumps({"results": {"backup_history": told}}).encode()

    with pytest.raises(SourceNotReady):
        read(opened(lambda asked: Told(200, body), FakeSecrets({"waybill/qiscus": GOOD}), QiscusServer()))


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"results": []}', b'{"results": {"unique_id": 7}}', b'{"results": {"unique_id": "../x"}}'],
)
def test_an_answer_of_another_form_is_told(body: bytes) -> None:
    with pytest.raises(SourceUnavailable, match=r"POST /api/v2\.1/rest/exports, was answered with"):
        read(opened(lambda asked: Told(200, body), FakeSecrets({"waybill/qiscus": GOOD}), QiscusServer()))
