"""An import as the Qiscus dialect shows it (seed 003, "Make an Import" and "Get Imported List")."""

from collections.abc import Iterable, Mapping
from typing import Any

from waybill.domain.date_range import local_text
from waybill.domain.import_job import ImportJob, ImportState
from waybill.domain.qiscus import unique_id
from waybill.entry.http import Request
from waybill.services.import_report import ImportReport
from waybill.services.import_tally import ShownFault

_STATUS = {
    ImportState.IMPORTING: "started",
    ImportState.DONE: "finished",
    ImportState.ERROR: "failed",
    ImportState.UNDOING: "undoing",
    ImportState.UNDONE: "undone",
}
_NOT_KNOWN_YET: Mapping[str, Any] = {"Message": "", "Data": None}

ShownImport = tuple[ImportJob, ImportReport | None]


def imported(shown: ShownImport, request: Request) -> dict[str, Any]:
    """Return the fields of one import. ``total_rows`` are the rows that came in, as far as they are counted."""
    job, report = shown
    (sent,) = job.options.inputs
    return {
        "created_at": local_text(job.created_at, request.time_zone),
        "errors": _errors(job, report),
        "original_filename": sent.name,
        "resource_name": job.options.doctype,
        "size": sent.size,
        "status": _STATUS[job.state],
        "total_rows": job.counts.rows,
        "unique_id": unique_id(job.id),
    }


def import_history(shown: ShownImport, request: Request) -> dict[str, Any]:
    """Return the results of the route for one import."""
    return {"backup_history": imported(shown, request)}


def import_histories(page: Iterable[ShownImport], request: Request) -> dict[str, Any]:
    """Return the results of the list."""
    return {"backup_histories": [imported(shown, request) for shown in page]}


def _errors(job: ImportJob, report: ImportReport | None) -> Mapping[str, Any]:
    """Return what went wrong: nothing of an import that took every row, and as the sample has it while one runs."""
    if job.state is ImportState.IMPORTING:
        return _NOT_KNOWN_YET
    failed = job.counts.failed
    if job.state is not ImportState.ERROR and not failed:
        return {}
    sentences = [job.error] if job.state is ImportState.ERROR else []
    if failed:
        sentences.append(f"{failed:,} of {job.counts.rows:,} rows {'was' if failed == 1 else 'were'} rejected.")
    faults = [] if report is None else [_fault(fault) for fault in report.faults]
    return {"Message": " ".join(sentences), "Data": faults or None}


def _fault(fault: ShownFault) -> dict[str, Any]:
    return {"row": fault.row, "code": fault.code, "pointer": fault.pointer, "detail": fault.detail}
