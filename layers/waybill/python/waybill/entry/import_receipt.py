"""The receipt of a removal, which DELETE of an import answers with."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from waybill.domain.import_job import ImportJob, ImportState
from waybill.entry.problem import Problem, receipt_meta

PARAMETERS = frozenset({"state"})


def only_running(query: Mapping[str, str]) -> bool:
    """Return whether the caller wants to cancel, and so means an import only while it runs. Raises Problem."""
    state = query.get("state")
    if state not in {None, ImportState.IMPORTING.value}:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "invalid_parameter",
            f"state can only be {ImportState.IMPORTING.value!r}: then an import is deleted only if it still runs.",
            parameter="state",
        )
    return state is not None


def receipt_document(tombstone: ImportJob) -> dict[str, Any]:
    """Return the document that tells what was removed, and how many rows stay written.

    JSON:API 1.1, "Deleting Resources": meta alone.
    """
    assert tombstone.receipt is not None  # noqa: S101 - a tombstone is a job with a receipt
    meta = {"id": tombstone.id, **receipt_meta(tombstone.receipt), "written": tombstone.counts.written}
    return {"jsonapi": {"version": "1.1"}, "meta": meta}
