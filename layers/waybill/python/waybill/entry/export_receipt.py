"""The receipt of a removal, which DELETE answers with."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from waybill.domain.job import ExportJob, ExportState
from waybill.entry.problem import Problem, receipt_meta

PARAMETERS = frozenset({"state"})


def only_running(query: Mapping[str, str]) -> bool:
    """Return whether the caller wants to cancel, and so means an export only while it runs. Raises Problem."""
    state = query.get("state")
    if state not in {None, ExportState.EXPORTING.value}:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "invalid_parameter",
            f"state can only be {ExportState.EXPORTING.value!r}: then an export is deleted only if it still runs.",
            parameter="state",
        )
    return state is not None


def receipt_document(tombstone: ExportJob) -> dict[str, Any]:
    """Return the document that tells what was removed (JSON:API 1.1, "Deleting Resources": meta alone)."""
    assert tombstone.receipt is not None  # noqa: S101 - a tombstone is a job with a receipt
    return {"jsonapi": {"version": "1.1"}, "meta": {"id": tombstone.id, **receipt_meta(tombstone.receipt)}}
