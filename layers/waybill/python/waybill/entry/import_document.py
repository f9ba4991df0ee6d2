"""An import as a JSON:API document, and a page of imports."""

from dataclasses import asdict
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from waybill.domain.import_job import ImportJob, ImportPhase, ImportState
from waybill.domain.import_options import ImportInput, InputKind
from waybill.domain.import_progress import percentage
from waybill.entry.export_list import CURSOR, SIZE
from waybill.ports import ImportPage
from waybill.services.import_report import ImportReport

RESOURCE_TYPE = "io.cozy.imports"

_RUNNING = (ImportState.IMPORTING, ImportState.UNDOING)


def import_document(job: ImportJob, report: ImportReport | None = None) -> dict[str, Any]:
    """Return the document of one import. With its report it tells what became of the rows of each doctype."""
    return {"jsonapi": {"version": "1.1"}, "data": import_resource(job, report)}


def import_resource(job: ImportJob, report: ImportReport | None = None) -> dict[str, Any]:
    """Return the resource object of one import."""
    has_failed = job.state is ImportState.ERROR  # one that is being undone is told of when that has ended
    attributes: dict[str, Any] = {
        "inputs": [_input(each) for each in job.options.inputs],
        "doctype": job.options.doctype,
        "dry_run": job.options.dry_run,
        "on_conflict": job.options.on_conflict.value,
        "allow_partial": job.options.allow_partial,
        "max_age": job.options.max_age,
        "state": job.state.value,
        "phase": job.phase.value,
        "partial": job.partial,
        "counts": asdict(job.counts),
        "undo": None if job.undo is None else asdict(job.undo),
        "created_at": job.created_at.isoformat(),
        "expires_at": job.expires_at.isoformat(),
        "creation_duration": job.creation_duration,
        "error": job.error if has_failed else "",
        "error_code": job.error_code if has_failed else "",
    }
    if report is not None:
        attributes["report"] = _report(job, report)
    return {
        "type": RESOURCE_TYPE,
        "id": job.id,
        "attributes": attributes,
        "links": _links(job, report),
        "meta": _meta(job),
    }


def import_path(job: ImportJob) -> str:
    """Return the path of one import."""
    return f"/move/imports/{job.id}"


def import_retry_after(job: ImportJob) -> dict[str, str]:
    """Return the header that says when to ask again, if the import still runs."""
    return {"retry-after": "2"} if job.state in _RUNNING else {}


def import_list(page: ImportPage, size: int) -> dict[str, Any]:
    """Return the document of one page. ``links.next`` is null on the last."""
    following = None if page.after is None else f"/move/imports?{urlencode({SIZE: size, CURSOR: page.after})}"
    return {
        "jsonapi": {"version": "1.1"},
        "data": [import_resource(job) for job in page.imports],
        "links": {"next": following},
    }


def _input(each: ImportInput) -> dict[str, str]:
    """Return what may be shown of an input. Of a URL it is the host alone: the rest may be a secret."""
    if each.kind is InputKind.UPLOAD:
        return {"upload": each.reference}
    return {"url_host": urlsplit(each.reference).hostname or ""}


def _report(job: ImportJob, report: ImportReport) -> dict[str, Any]:
    """Return the report; ``failures`` of a doctype is where the rows are that failed, null if none did."""
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(report))
    del shown["dry_run"]
    for name, doctype in shown["doctypes"].items():
        has_failures = bool(doctype["failures"])
        doctype["failures"] = f"{_failures_path(job)}?doctype={quote(name)}" if has_failures else None
    return shown


def _links(job: ImportJob, report: ImportReport | None) -> dict[str, str]:
    """Return where the import and what belongs to it is found: only what can be asked for now."""
    links = {"self": import_path(job)}
    if report is not None and any(each.failures for each in report.doctypes.values()):
        links["failures"] = _failures_path(job)
    if _may_have_written(job):
        links["undo"] = f"{import_path(job)}/undo"
    return links


def _failures_path(job: ImportJob) -> str:
    return f"{import_path(job)}/failures"


def _may_have_written(job: ImportJob) -> bool:
    has_ended = job.state in (ImportState.DONE, ImportState.ERROR)
    return has_ended and not job.options.dry_run and job.phase in (ImportPhase.LOAD, ImportPhase.UNDO)


def _meta(job: ImportJob) -> dict[str, Any]:
    meta: dict[str, Any] = {"rev": f"{job.rev}-{job.id[-8:]}"}
    if job.state in _RUNNING:
        meta["progress"] = {"phase": job.phase.value, "percentage": percentage(job)}
    return meta
