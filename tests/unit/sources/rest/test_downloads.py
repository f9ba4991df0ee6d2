"""Downloads that break off, and lists in pages."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rest_fakes import FakeApi, FakeTime
from tests.systems.exchange import Asked, Told

from waybill.domain.errors import SourceUnavailable
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.failures import RequestRefused
from waybill.sources.rest.paging import pages, rows_by_key
from waybill.sources.rest.requests import Request

CONTENT = bytes(range(256)) * 4096


def client_of(handler: Callable[[Asked], Told], limit: int = 4) -> tuple[RestClient, FakeApi]:
    api = FakeApi(handler)
    return RestClient("UForge", "https://forge.example/api", connect=api, limit=limit, timing=FakeTime().timing()), api


class Archive:
    """A download that breaks off ``breaks`` times, always after as many bytes."""

    def __init__(self, *, breaks: int, etag: str = '"v1"', ranges: bool = True) -> None:
        self.breaks, self.etag, self.ranges = breaks, etag, ranges

    def __call__(self, asked: Asked) -> Told:
        start = int(asked.headers.get("range", "bytes=0-")[6:-1]) if self.ranges else 0
        if "if-range" in asked.headers:
            assert asked.headers["if-range"] == self.etag
        self.breaks -= 1
        return Told(
            206 if "range" in asked.headers and self.ranges else 200,
            CONTENT[start:],
            {"ETag": self.etag} if self.etag else {},
            break_after=300_000 if self.breaks >= 0 else None,
        )


def test_a_download_is_taken_up_where_it_broke_off() -> None:
    client, api = client_of(Archive(breaks=2))

    assert b"".join(client.stream(Request("exports/7/downloads"))) == CONTENT
    assert [each.headers.get("range") for each in api.asked] == [None, "bytes=262144-", "bytes=524288-"]


@pytest.mark.parametrize(
    "archive", [Archive(breaks=1, etag=""), Archive(breaks=1, etag='W/"v1"'), Archive(breaks=1, ranges=False)]
)
def test_a_download_that_cannot_be_taken_up_says_so(archive: Archive) -> None:
    client, _ = client_of(archive)

    with pytest.raises(SourceUnavailable, match=r"UForge at forge.example, asked for GET /api/exports/7, broke off"):
        list(client.stream(Request("exports/7")))


def test_a_download_that_breaks_off_for_ever_ends() -> None:
    client, api = client_of(lambda _: Told(206, b"", {"ETag": '"v1"'}, break_after=0))

    with pytest.raises(SourceUnavailable, match="broke off after 0 bytes"):
        list(client.stream(Request("exports/7")))
    assert len(api.asked) == 6


def test_a_download_that_is_refused_leaves_its_place_to_others() -> None:
    client, _ = client_of(lambda asked: Told(404 if "7" in asked.path else 200, b"x"), limit=1)

    for _ in range(3):
        with pytest.raises(RequestRefused, match="404"):
            list(client.stream(Request("exports/7")))
        stream = client.stream(Request("exports/8"))
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert client.send(Request("exports/8")).body == b"x"


@dataclass(frozen=True)
class Rows:
    data: list[int]
    count: int

    @property
    def rows(self) -> list[int]:
        return self.data

    @property
    def total(self) -> int:
        return self.count


ROWS = msgspec.json.Decoder(Rows)


class Numbers:
    """A list of numbers in pages. ``most`` is the largest page that it gives."""

    def __init__(self, total: int, *, most: int = 1000) -> None:
        self.numbers = list(range(total))
        self.most = most

    def __call__(self, asked: Asked) -> Told:
        query = dict(pair.split("=") for pair in asked.target.partition("?")[2].split("&"))
        offset, size = int(query["offset"]), min(int(query["limit"]), self.most)
        return Told(body=msgspec.json.encode(Rows(self.numbers[offset : offset + size], len(self.numbers))))


def rows_of(client: RestClient, *, size: int = 10, start: int = 0) -> Iterator[int]:
    def at(offset: int) -> Request:
        return Request("n", query=(("limit", str(size)), ("offset", str(offset))))

    for page in pages(client, at, lambda reply: reply.json(ROWS), size=size, start=start):
        yield from page.rows


def read(client: RestClient, *, start: int = 0) -> list[int]:
    return list(rows_of(client, start=start))


@pytest.mark.parametrize("total", [0, 1, 9, 10, 11, 20, 95])
def test_all_pages_come_in_their_order(total: int) -> None:
    client, api = client_of(Numbers(total))

    assert read(client) == list(range(total))
    assert len(api.asked) == max(1, -(-total // 10))


def test_a_list_is_read_from_a_row_on() -> None:
    client, _ = client_of(Numbers(95))

    assert read(client, start=31) == list(range(31, 95))
    assert read(client, start=95) == []
    assert read(client, start=200) == []


def test_an_api_that_gives_smaller_pages_than_asked_for_is_read_whole() -> None:
    client, _ = client_of(Numbers(95, most=7))

    assert read(client) == list(range(95))


def test_rows_that_are_added_meanwhile_are_read_too() -> None:
    numbers = Numbers(25)

    def tell(asked: Asked) -> Told:
        if "offset=20" in asked.target:
            numbers.numbers += [25, 26, 27, 28, 29, 30, 31]
        return numbers(asked)

    client, _ = client_of(tell, limit=1)

    assert read(client)[:30] == list(range(30))


def test_pages_that_repeat_for_ever_are_noticed() -> None:
    client, api = client_of(lambda _: Told(body=msgspec.json.encode(Rows(list(range(10)), 10_000))), limit=2)

    with pytest.raises(SourceUnavailable, match=r"GET /api/n\?limit=10&offset=10, gave the same page"):
        read(client)
    assert len(api.asked) < 6


def test_an_empty_page_in_the_middle_is_no_end() -> None:
    client, _ = client_of(lambda asked: Told(body=b'{"data":[],"count":4}'))

    with pytest.raises(SourceUnavailable, match="no rows, although it says that it has 4"):
        read(client)


def test_one_page_that_fails_says_which() -> None:
    numbers = Numbers(95)
    client, _ = client_of(lambda asked: Told(500) if "offset=50" in asked.target else numbers(asked))
    rows = rows_of(client)

    assert [next(rows) for _ in range(50)] == list(range(50))
    with pytest.raises(RequestRefused, match=r"limit=10&offset=50, was answered with 500"):
        next(rows)


def by_key(client: RestClient, *, size: int = 10, after: int | None = None) -> Iterator[int]:
    def at(offset: int, limit: int) -> Request:
        return Request("n", query=(("limit", str(limit)), ("offset", str(offset))))

    return rows_by_key(client, at, lambda reply: reply.json(ROWS), lambda row: row, size=size, after=after)


@pytest.mark.parametrize("total", [0, 1, 9, 10, 11, 19, 20, 95])
@pytest.mark.parametrize("limit", [1, 4])
def test_an_ordered_list_is_read_whole(total: int, limit: int) -> None:
    client, api = client_of(Numbers(total), limit)

    assert list(by_key(client)) == list(range(total))
    assert len(api.asked) == max(1, -(-(total - 1) // 9))


def test_an_ordered_list_goes_on_behind_a_row() -> None:
    client, _ = client_of(Numbers(95))

    assert list(by_key(client, after=31)) == list(range(32, 95))
    assert list(by_key(client, after=94)) == []


def test_an_ordered_list_in_smaller_pages_than_asked_for_is_read_whole() -> None:
    client, _ = client_of(Numbers(95, most=7))

    assert list(by_key(client)) == list(range(95))


@given(st.data())
def test_no_row_is_passed_over_when_others_go_meanwhile(data: st.DataObject) -> None:
    numbers = Numbers(60)
    stay = set(numbers.numbers)

    def tell(asked: Asked) -> Told:
        gone = data.draw(st.sets(st.sampled_from(sorted(numbers.numbers)), max_size=8)) if numbers.numbers else set()
        told = numbers(asked)
        numbers.numbers = [each for each in numbers.numbers if each not in gone]
        stay.difference_update(gone)
        return told

    client, _ = client_of(tell, limit=1)
    got = list(by_key(client))

    assert got == sorted(set(got))
    assert stay <= set(got)


@pytest.mark.parametrize(
    ("rows", "words"),
    [(list(range(10)), "the same page as before"), ([3, 1, 2], "in no order"), ([1, 1], "in no order")],
)
def test_an_ordered_list_that_cannot_be_right_is_refused(rows: list[int], words: str) -> None:
    client, api = client_of(lambda _: Told(body=msgspec.json.encode(Rows(rows, 10_000))))

    with pytest.raises(SourceUnavailable, match=words):
        list(by_key(client))
    assert len(api.asked) < 10


def test_a_list_that_is_another_every_time_ends() -> None:
    turns = itertools.count()

    def tell(asked: Asked) -> Told:
        start = next(turns) * 1000
        return Told(body=msgspec.json.encode(Rows(list(range(start, start + 10)), 10_000)))

    client, _ = client_of(tell, limit=1)

    with pytest.raises(SourceUnavailable, match="other rows every time"):
        list(by_key(client))
