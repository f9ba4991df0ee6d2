"""The ledger adds up, or nothing is published."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.errors import LedgerMismatch
from waybill.domain.job import new_export
from waybill.domain.ledger import Count, Gap, Outcome, count_gaps
from waybill.domain.manifest import (
    MOST_LISTED_GAPS,
    GapList,
    Ledger,
    ReadLedger,
    build_manifest,
    close_ledger,
)
from waybill.domain.options import ExportOptions
from waybill.domain.plan import PackedPart, PartsHeader

SMALL = st.integers(0, 1000)


def gap(name: str, kind: str = "record", outcome: Outcome = Outcome.FAILED) -> Gap:
    return Gap("io.cozy.contacts", kind, name, outcome, "invalid_json", "It is not JSON.")


def part(number: int = 1, records: int = 0, files: Count | None = None, gaps: tuple[Gap, ...] = ()) -> PackedPart:
    return PackedPart(
        number=number,
        name=f"part-{number}",
        size=10,
        sha256="",
        crc32="",
        entries=1,
        payload_size=5,
        entry_list_sha256="",
        records_written={"io.cozy.contacts": records},
        file_counts={} if files is None else {"io.cozy.files": files},
        gaps=gaps,
    )


@given(written=SMALL, skipped=SMALL, failed=SMALL)
def test_a_line_that_adds_up_is_accepted(written: int, skipped: int, failed: int) -> None:
    Count(written + skipped + failed, written, skipped, failed).check("the contacts")


@given(written=SMALL, skipped=SMALL, failed=SMALL, off=st.integers(-5, 5).filter(bool))
def test_a_line_that_does_not_is_refused(written: int, skipped: int, failed: int, off: int) -> None:
    with pytest.raises(LedgerMismatch, match="the contacts"):
        Count(written + skipped + failed + off, written, skipped, failed).check("the contacts")


def test_gaps_count_by_what_became_of_them() -> None:
    assert count_gaps([gap("a"), gap("b"), gap("c", outcome=Outcome.SKIPPED)]) == Count(skipped=1, failed=2)


def test_what_the_parts_hold_closes_what_was_read() -> None:
    read = ReadLedger(
        records={"io.cozy.contacts": Count(expected=10, failed=1)},
        files={"io.cozy.files": Count(expected=5, failed=1)},
        gaps=[gap("broken"), gap("missing", "file")],
    )
    lost = gap("changed", "file")
    parts = [part(1, 6, Count(written=1)), part(2, 3, Count(written=2, failed=1), (lost,))]

    ledger = close_ledger(read, parts)

    assert ledger.records["io.cozy.contacts"] == Count(10, 9, 0, 1)
    assert ledger.files["io.cozy.files"] == Count(5, 3, 0, 2)
    assert [each.id for each in ledger.gaps.listed] == ["broken", "missing", "changed"]
    assert (ledger.failed, ledger.written) == (3, 9)


def test_a_record_that_was_read_but_is_in_no_part_is_noticed() -> None:
    read = ReadLedger(records={"io.cozy.contacts": Count(expected=10)})

    with pytest.raises(LedgerMismatch, match=r"10 expected, but 9 written"):
        close_ledger(read, [part(1, 9)])


def test_a_file_that_was_read_but_is_in_no_part_is_noticed() -> None:
    read = ReadLedger(files={"io.cozy.files": Count(expected=2)})

    with pytest.raises(LedgerMismatch, match=r"the files of io\.cozy\.files"):
        close_ledger(read, [part(1, 0, Count(written=1))])


def test_very_many_gaps_are_counted_where_they_are_not_named() -> None:
    gaps = GapList()
    gaps.add(gap(str(number)) for number in range(MOST_LISTED_GAPS + 7))

    listed = len(gaps.listed)
    assert 0 < listed <= MOST_LISTED_GAPS
    assert gaps.unlisted == {"io.cozy.contacts: invalid_json": MOST_LISTED_GAPS + 7 - listed}


LONG_NAMES = tuple(f"io.cozy.files/{number:016}" for number in range(1, 10_000))


@pytest.mark.parametrize(
    ("options", "names"), [(ExportOptions(), ()), (ExportOptions(format="zip", layout="cozy"), LONG_NAMES)]
)
def test_a_manifest_of_the_most_parts_and_gaps_is_one_answer(options: ExportOptions, names: tuple[str, ...]) -> None:
    job = new_export("alice", options, datetime(2026, 11, 24, tzinfo=UTC))
    job = job.finished(job.created_at, parts=10_000, total_size=1, gaps=1, part_names=names)
    parts = [
        replace(part(number), sha256="f" * 64, entry_list_sha256="f" * 64, size=2**33) for number in range(1, 10_001)
    ]
    gaps = GapList(replace(gap("x" * 1_000), reason="r" * 80) for _ in range(MOST_LISTED_GAPS))

    manifest = build_manifest(job, PartsHeader("f" * 32, 10_000, 1), parts, Ledger({}, {}, gaps))

    answer = json.dumps({"body": json.dumps(manifest, separators=(",", ":"))})
    assert len(answer) < 6_000_000


def test_a_part_has_the_same_cursor_in_the_manifest_as_in_the_api() -> None:
    job = new_export("alice", ExportOptions(format="zip", layout="cozy"), datetime(2026, 11, 24, tzinfo=UTC))
    job = job.finished(job.created_at, parts=3, total_size=1, gaps=0, part_names=("io.cozy.files/3", "io.cozy.files/7"))

    manifest = build_manifest(job, PartsHeader("f" * 32, 3, 1), map(part, (1, 2, 3)), Ledger({}, {}, GapList()))

    assert isinstance(manifest["parts"], list)
    assert [each["cursor"] for each in manifest["parts"]] == ["", *job.cursors]
