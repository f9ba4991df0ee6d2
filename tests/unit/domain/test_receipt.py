"""What is left to say of an export that is gone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.errors import ExportGone
from waybill.domain.job import ExportState, asked_at, lost_export, new_export
from waybill.domain.options import ExportOptions
from waybill.domain.receipt import Reason, Receipt

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = ExportOptions(max_age=3_600_000_000_000)
EMPTY = Receipt(NOW, Reason.DELETED, "done")


@pytest.mark.parametrize("state", [ExportState.EXPORTING, ExportState.DONE, ExportState.ERROR])
@pytest.mark.parametrize(("after", "reason"), [(timedelta(minutes=59), "deleted"), (timedelta(hours=1), "expired")])
def test_a_tombstone_says_when_and_why_and_what_it_was(state: ExportState, after: timedelta, reason: str) -> None:
    job = replace(new_export("alice", HOUR, NOW), state=state)

    tombstone = job.deleted(NOW + after)

    assert tombstone.receipt == Receipt(NOW + after, Reason(reason), state.value)
    assert (tombstone.state, tombstone.rev) == (ExportState.DELETED, job.rev + 1)


def test_a_tombstone_is_not_deleted_again() -> None:
    tombstone = new_export("alice", HOUR, NOW).deleted(NOW)

    assert tombstone.deleted(NOW + timedelta(hours=2)) is tombstone


def test_a_tombstone_of_an_older_release_gets_a_receipt_that_does_not_know_the_state() -> None:
    old = replace(new_export("alice", HOUR, NOW).deleted(NOW), receipt=None)

    assert old.deleted(NOW).receipt == Receipt(NOW, Reason.DELETED, None)


@pytest.mark.parametrize(("after", "words"), [(timedelta(), "was deleted"), (timedelta(hours=1), "has expired")])
def test_who_asks_for_it_is_told_why_and_shown_the_receipt(after: timedelta, words: str) -> None:
    tombstone = new_export("alice", HOUR, NOW).deleted(NOW + after)

    with pytest.raises(ExportGone, match=words) as caught:
        tombstone.check_not_gone(NOW)
    assert caught.value.receipt == tombstone.receipt


def test_before_anything_was_removed_there_is_no_receipt() -> None:
    with pytest.raises(ExportGone) as caught:
        new_export("alice", HOUR, NOW).check_not_gone(NOW + timedelta(hours=1))
    assert caught.value.receipt is None


counts = st.tuples(*[st.integers(0, 1000)] * 3)


@given(st.lists(counts, min_size=1), counts)
def test_a_removal_in_several_tries_tells_of_all_that_was_found_and_then_stays(
    tries: list[tuple[int, int, int]], late: tuple[int, int, int]
) -> None:
    receipt = EMPTY
    for objects, size, reports in tries:
        receipt = receipt.found(objects=objects, size=size, reports=reports)
    complete = receipt.completed()

    assert (complete.objects, complete.bytes, complete.reports) == tuple(map(max, zip(*tries, strict=True)))
    assert complete.found(objects=late[0], size=late[1], reports=late[2]) == complete
    assert complete.complete


def test_a_job_is_at_rest_when_nobody_makes_or_removes_it() -> None:
    job = new_export("alice", HOUR, NOW)
    tombstone = job.deleted(NOW)
    assert tombstone.receipt is not None

    assert not job.at_rest
    assert not tombstone.at_rest
    assert job.failed(NOW, "No.").at_rest
    assert job.finished(NOW, parts=1, total_size=1, gaps=0).at_rest
    assert tombstone.with_receipt(tombstone.receipt.completed()).at_rest
    assert replace(tombstone, receipt=None).at_rest


def test_a_receipt_that_is_the_same_changes_nothing() -> None:
    tombstone = new_export("alice", HOUR, NOW).deleted(NOW)
    assert tombstone.receipt is not None

    assert tombstone.with_receipt(tombstone.receipt) is tombstone
    assert tombstone.with_receipt(tombstone.receipt.completed()).rev == tombstone.rev + 1


def test_of_an_export_whose_record_is_gone_the_id_still_tells_when_it_was_asked_for() -> None:
    export_id = new_export("alice", HOUR, NOW).id

    lost = lost_export("alice", export_id, NOW + timedelta(days=8))

    assert (lost.tenant, lost.id, lost.created_at) == ("alice", export_id, NOW)
    assert lost.receipt == Receipt(NOW + timedelta(days=8), Reason.EXPIRED, None)
    assert lost.deleted(NOW) is lost


@given(st.integers(0, 2**48 - 1))
def test_whatever_looks_like_an_id_was_asked_for_at_some_time(milliseconds: int) -> None:
    assert asked_at(f"{milliseconds:012x}{'0' * 20}").tzinfo is UTC
