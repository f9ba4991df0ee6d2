"""Which events the changes of an export's record make, and that they are CloudEvents."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from waybill.domain.change_event import TYPES, ChangeEvent, change_of, cloud_event, tenant_reference
from waybill.domain.job import ExportJob, ExportState, new_export
from waybill.domain.options import ExportOptions

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUNNING = new_export("alice", ExportOptions(), NOW)
DONE = RUNNING.finished(NOW, parts=2, total_size=300, gaps=1)
FAILED = RUNNING.failed(NOW, "It failed for alice.")
AGAIN = replace(FAILED, state=ExportState.EXPORTING, rev=FAILED.rev + 1)
LATE = RUNNING.expires_at + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("before", "after", "at", "told"),
    [
        (None, RUNNING, NOW, "waybill.export.started"),
        (RUNNING, DONE, NOW, "waybill.export.done"),
        (RUNNING, FAILED, NOW, "waybill.export.failed"),
        (FAILED, AGAIN, NOW, "waybill.export.retried"),
        (RUNNING, RUNNING.deleted(NOW), NOW, "waybill.export.deleted"),
        (DONE, DONE.deleted(NOW), NOW, "waybill.export.deleted"),
        (DONE, DONE.deleted(LATE), LATE, "waybill.export.expired"),
        (None, DONE.deleted(LATE), LATE, "waybill.export.expired"),
    ],
)
def test_every_change_of_state_has_its_event(
    before: ExportJob | None, after: ExportJob, at: datetime, told: str
) -> None:
    event = change_of(before, after, at)

    assert event is not None
    assert (event.type, event.at) == (told, at)
    assert event.type in TYPES
    assert event.data() == {
        "export_id": after.id,
        "path": f"/move/exports/{after.id}",
        "state": after.state.value,
        "previous_state": before.state.value if before else (after.receipt.state if after.receipt else None),
        "parts": after.parts,
        "total_size": after.total_size,
        "gaps": after.gaps,
    }


def test_the_id_of_an_event_is_that_of_no_other_change() -> None:
    lost = replace(RUNNING.deleted(NOW), rev=1)
    life = [(None, RUNNING), (RUNNING, FAILED), (FAILED, AGAIN), (AGAIN, AGAIN.deleted(NOW)), (None, lost)]
    events = [change_of(before, after, NOW) for before, after in life]

    assert [event and event.id for event in events] == [
        f"{RUNNING.id}/1",
        f"{RUNNING.id}/2",
        f"{RUNNING.id}/3",
        f"{RUNNING.id}/4",
        f"{RUNNING.id}/gone",
    ]


def test_a_change_of_anything_else_is_none() -> None:
    gone = DONE.deleted(NOW)
    assert gone.receipt is not None
    assert change_of(RUNNING, replace(RUNNING, rev=2), NOW) is None
    assert change_of(gone, gone.with_receipt(gone.receipt.completed()), NOW) is None


def done() -> ChangeEvent:
    event = change_of(RUNNING, DONE, NOW)
    assert event is not None
    return event


def test_an_event_is_read_by_the_cloudevents_library() -> None:
    text = json.dumps(cloud_event(done(), "reference"))

    read = JSONFormat().read(CloudEvent, text)

    assert (read.get_id(), read.get_type(), read.get_source()) == (f"{DONE.id}/2", "waybill.export.done", "waybill")
    assert (read.get_specversion(), read.get_time(), read.get_subject()) == ("1.0", NOW, f"/move/exports/{DONE.id}")
    data = read.get_data()
    assert isinstance(data, dict)
    assert data["tenant"] == "reference"


@pytest.mark.parametrize("missing", ["source", "type"])
def test_the_library_would_notice_a_missing_attribute(missing: str) -> None:
    event = cloud_event(done(), "reference")
    del event[missing]

    with pytest.raises(Exception, match=missing):
        JSONFormat().read(CloudEvent, json.dumps(event))


def test_an_event_holds_neither_tenant_nor_secret_nor_sentence() -> None:
    linked = new_export("alice", ExportOptions(format="zip", layout="cozy"), NOW)
    event = change_of(linked, linked.failed(NOW, "It failed for alice."), NOW)
    assert event is not None
    text = json.dumps(cloud_event(event, tenant_reference("alice", "bus")))

    assert linked.link is not None
    assert not [word for word in ("alice", linked.link, linked.link_secret.hex(), "failed for") if word in text]


def test_the_reference_of_a_tenant_is_as_the_docs_compute_it() -> None:
    assert tenant_reference("alice", "bus") == hashlib.sha256(b"waybill tenant\nbus\nalice").hexdigest()


@pytest.mark.parametrize(
    "other", [lambda: tenant_reference("alicf", "bus"), lambda: tenant_reference("alice", "other")]
)
def test_another_tenant_or_another_bus_has_another_reference(other: Callable[[], str]) -> None:
    assert other() != tenant_reference("alice", "bus")
