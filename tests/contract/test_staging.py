"""What sources keep for an export, held against the store in memory and the one on S3."""

import hashlib
from collections.abc import Iterator

import pytest
from tests.contract.conftest import REGION, credentials
from tests.fakes import FakeBudget, MemoryObjects

from waybill.adapters.backoff import Backoff
from waybill.adapters.s3_objects import S3Objects
from waybill.domain.errors import ObjectChanged, SourceUnavailable
from waybill.ports import ObjectStore
from waybill.services import export_staging
from waybill.services.export_staging import ExportStaging

EXPORT = "a" * 32
LEAST_PIECE = 5 * 1024 * 1024


@pytest.fixture(params=["memory", "s3"])
def archives(
    request: pytest.FixtureRequest, moto_endpoint: str, bucket: str, impatient: Backoff, monkeypatch: pytest.MonkeyPatch
) -> ObjectStore:
    monkeypatch.setattr(export_staging, "PIECE", LEAST_PIECE)
    if request.param == "memory":
        return MemoryObjects()
    return S3Objects(bucket, region=REGION, endpoint=moto_endpoint, credentials=credentials, backoff=impatient)


def staging(archives: ObjectStore) -> ExportStaging:
    return ExportStaging(archives, EXPORT, call=FakeBudget(), enough=FakeBudget())


def chunks(size: int) -> Iterator[bytes]:
    content = hashlib.shake_128(b"content").digest(size)
    for start in range(0, size, 1_000_000):
        yield content[start : start + 1_000_000]


@pytest.mark.parametrize("size", [0, 10, LEAST_PIECE, LEAST_PIECE + 1, 2 * LEAST_PIECE, 11_999_999])
def test_a_content_comes_back_as_it_was_in_the_version_that_was_noted(archives: ObjectStore, size: int) -> None:
    kept = staging(archives).keep("a/1", chunks(size))

    assert kept.size == size
    assert staging(archives).kept("a/1") == kept
    assert b"".join(archives.stream(kept.key, etag=kept.etag)) == b"".join(chunks(size))


def test_nothing_stays_of_a_content_that_breaks_off(archives: ObjectStore) -> None:
    def broken() -> Iterator[bytes]:
        yield from chunks(11_999_999)
        raise SourceUnavailable("It broke off.")

    with pytest.raises(SourceUnavailable):
        staging(archives).keep("a/1", broken())

    assert list(archives.list("")) == []
    assert list(archives.prefixes("exports/")) == []


def test_notes_and_debts_are_there_until_they_are_not(archives: ObjectStore) -> None:
    held = staging(archives)
    held.put_note("a/1", b"note")
    held.put_debt("a", "1", b"ticket")
    held.put_debt("a", "11", b"another ticket")

    assert (held.note("a/1"), held.note("a/2"), held.debt("a", "1"), held.debt("a", "2")) == (
        b"note", None, b"ticket", None,
    )  # fmt: skip
    held.forgive_debt("a", "1")
    assert (held.debt("a", "1"), held.debt("a", "11")) == (None, b"another ticket")


@pytest.mark.parametrize(("start", "length"), [(0, 10), (5, 5), (6_000_000, 700_000), (0, 7_000_000)])
def test_any_bytes_of_a_content_can_be_read_in_the_version_that_is_kept(
    archives: ObjectStore, start: int, length: int
) -> None:
    held = staging(archives)
    kept = held.keep("a/1", chunks(7_000_000))

    assert b"".join(held.read(kept, start, length)) == b"".join(chunks(7_000_000))[start : start + length]

    archives.put(kept.key, b"another")
    with pytest.raises(ObjectChanged):
        list(held.read(kept, 0, 5))
