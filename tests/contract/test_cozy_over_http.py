"""A Cozy's export by its link over real connections: what the stand-in sends is what comes."""

import threading
from collections.abc import Iterator

import pytest
from tests.systems.cozy.__main__ import serving
from tests.systems.cozy.data import made_up
from tests.systems.cozy.server import CozyServer

from waybill.adapters.public_web import PublicWeb
from waybill.domain.errors import InvalidAddress
from waybill.intake.cozy_link import NO_LIMITS, CozyExport, CozyPart, CozyUnavailable, check_part
from waybill.intake.cozy_reader import cozy_items
from waybill.intake.zip_reader import ZipReader


@pytest.fixture
def cozy() -> CozyServer:
    return CozyServer(made_up(12, 20), parts_size=50_000)


@pytest.fixture
def link(cozy: CozyServer) -> Iterator[str]:
    server = serving(cozy)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield cozy.link(f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web() -> PublicWeb:
    return PublicWeb(allow_private=True, seconds=5, sleep=lambda _: None)


def test_every_part_comes_whole_and_is_one(cozy: CozyServer, link: str, web: PublicWeb) -> None:
    export = CozyExport(link, web)
    parts = export.manifest().parts
    documents = 0
    for part in parts:
        data = b"".join(export.chunks(part))

        def read_at(offset: int, length: int, data: bytes = data) -> bytes:
            return data[offset : offset + length]

        check_part(part, len(data), read_at)
        documents += sum(1 for _ in cozy_items(ZipReader(len(data), read_at, NO_LIMITS).chosen(lambda _: True)))

    assert len(parts) == len(cozy.parts)
    held = sum(len(each) for each in cozy.cozy.documents.values())
    assert documents == held + len(cozy.cozy.directories) + len(cozy.cozy.files) + len(cozy.cozy.versions)


def test_a_part_that_breaks_off_is_not_taken_for_a_whole_one(cozy: CozyServer, link: str, web: PublicWeb) -> None:
    export = CozyExport(link, web)
    cozy.faults.break_off, cozy.faults.break_times = 30_000, 1

    with pytest.raises(CozyUnavailable, match="broke"):
        list(export.chunks(CozyPart(1, len(cozy.parts), "")))

    cozy.faults.break_off, cozy.faults.break_times = 30_000, 2
    assert export.keep(CozyPart(1, len(cozy.parts), ""), lambda name, chunks: b"".join(chunks)).startswith(b"PK")


def test_an_answer_of_500_is_tried_again(cozy: CozyServer, link: str, web: PublicWeb) -> None:
    cozy.faults.status, cozy.faults.times = 500, 2

    assert CozyExport(link, web).manifest().parts


def test_a_cozy_that_redirects_into_a_private_network_is_not_followed(
    cozy: CozyServer, link: str, web: PublicWeb
) -> None:
    with pytest.raises(InvalidAddress):
        CozyExport(link, PublicWeb(allow_private=False)).manifest()

    cozy.faults.redirect = "ftp://127.0.0.1/"
    with pytest.raises(InvalidAddress, match="redirects"):
        CozyExport(link, web).manifest()


def test_a_cozy_that_nobody_finds(web: PublicWeb) -> None:
    identifier = CozyServer(made_up(0, 0)).identifier

    with pytest.raises(CozyUnavailable, match="refused the connection") as told:
        CozyExport(f"http://127.0.0.1:9/#/exports/{identifier}", web).manifest()
    assert identifier not in str(told.value)
