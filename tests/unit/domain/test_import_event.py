"""Which events the changes of an import's record make."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from waybill.domain.change_event import cloud_event
from waybill.domain.import_event import IMPORT_TYPES, import_change_of
from waybill.domain.import_job import ImportJob, ImportPhase, RowCounts, UndoCounts, new_import
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COUNTS = RowCounts(rows=6, accepted=3, skipped=2, failed=1, written=3, files=1, file_bytes=9)
RUNNING = new_import("alice", ImportOptions((ImportInput(InputKind.URL, "https://example.org/secret"),)), NOW)
LOADING = RUNNING.changed(phase=ImportPhase.LOAD, counts=COUNTS)
DONE = LOADING.finished(NOW, COUNTS)
FAILED = LOADING.failed(NOW, "It failed for alice.", "bad_part")
UNDOING = DONE.undoing()
LATE = RUNNING.expires_at + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, RUNNING, "waybill.import.started"),
        (LOADING, DONE, "waybill.import.done"),
        (LOADING, FAILED, "waybill.import.failed"),
        (DONE, UNDOING, "waybill.import.undoing"),
        (FAILED, FAILED.undoing(), "waybill.import.undoing"),
        (UNDOING, UNDOING.undone(UndoCounts(removed=3)), "waybill.import.undone"),
        (UNDOING, UNDOING.failed(NOW, "No.", "undo_failed"), "waybill.import.failed"),
        (RUNNING, RUNNING.deleted(NOW), "waybill.import.deleted"),
        (DONE, DONE.deleted(LATE), "waybill.import.expired"),
        (None, DONE.deleted(LATE), "waybill.import.expired"),
    ],
)
def test_every_change_of_state_has_its_event(before: ImportJob | None, after: ImportJob, told: str) -> None:
    event = import_change_of(before, after, NOW)

    assert event is not None
    assert event.type == told
    assert event.type in IMPORT_TYPES
    assert event.data() == {
        "import_id": after.id,
        "path": f"/move/imports/{after.id}",
        "state": after.state.value,
        "previous_state": before.state.value if before else (after.receipt.state if after.receipt else None),
        "dry_run": False,
        "rows": after.counts.rows,
        "accepted": after.counts.accepted,
        "skipped": after.counts.skipped,
        "failed": after.counts.failed,
        "written": after.counts.written,
        "error_code": after.error_code,
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [(RUNNING, LOADING), (DONE, replace(DONE, rev=9)), (UNDOING, UNDOING.not_undone())],
)
def test_what_changes_no_state_for_good_is_told_to_nobody(before: ImportJob, after: ImportJob) -> None:
    assert import_change_of(before, after, NOW) is None


def test_the_id_of_an_event_is_that_of_no_other_change() -> None:
    lost = replace(RUNNING.deleted(NOW), rev=1)
    life = [(None, RUNNING), (LOADING, DONE), (DONE, UNDOING), (UNDOING, UNDOING.deleted(NOW)), (None, lost)]
    events = [import_change_of(before, after, NOW) for before, after in life]

    assert len({event.id for event in events if event is not None}) == len(life)


def test_it_is_a_cloud_event_and_tells_nothing_of_anybody() -> None:
    event = import_change_of(LOADING, FAILED, NOW)
    assert event is not None

    text = json.dumps(cloud_event(event, "reference"))

    read = JSONFormat().read(CloudEvent, text)
    assert (read.get_type(), read.get_subject()) == ("waybill.import.failed", f"/move/imports/{FAILED.id}")
    assert "alice" not in text
    assert "example.org" not in text
