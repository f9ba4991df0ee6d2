"""An export as the Qiscus dialect shows it (seed 003, "Data Backup and Import")."""

from collections.abc import Iterable
from typing import Any

from waybill.domain.date_range import local_text
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.progress import Progress
from waybill.domain.qiscus import FORMAT, unique_id
from waybill.entry.export_document import export_path
from waybill.entry.http import Request

_STATUS = {ExportState.EXPORTING: "started", ExportState.DONE: "finished", ExportState.ERROR: "failed"}

Shown = tuple[ExportJob, Progress | None]


def backup(shown: Shown, request: Request) -> dict[str, Any]:
    """Return the fields of one export, every one of them true now.

    ``size`` and ``total_rows`` are those of the finished file, and 0 as long as there is none.
    """
    job, progress = shown
    (resource,) = job.options.with_doctypes
    named_by = local_text(job.created_at, job.options.time_zone)  # as the file itself is (services/parts_plan.py)
    is_finished = job.state is ExportState.DONE
    return {
        "created_at": local_text(job.created_at, request.time_zone),
        "download_url": _download_url(job, request) if is_finished else "",
        "error_message": _error_message(job),
        "original_filename": f"{named_by}_exported_{resource}.{FORMAT}",
        "percentage": 100 if is_finished else progress.percentage if progress else 0,
        "resource_name": resource,
        "size": job.total_size,
        "status": _STATUS[job.state],
        "total_rows": job.records,
        "unique_id": unique_id(job.id),
    }


def history(shown: Shown, request: Request) -> dict[str, Any]:
    """Return the results of the routes for one export."""
    return {"backup_history": backup(shown, request)}


def histories(page: Iterable[Shown], request: Request) -> dict[str, Any]:
    """Return the results of the list."""
    return {"backup_histories": [backup(shown, request) for shown in page]}


def _download_url(job: ExportJob, request: Request) -> str:
    """Return where the file is had. It stays the same as long as the export is there.

    Without a header of its own only the capability link works. An export that came through the other door has none, and
    is had there, with a token.
    """
    if job.link is not None:
        return f"{request.wiring.settings.link_api_url}/move/exports/data/{job.link}"
    return f"https://{request.host}{export_path(job).replace('/exports/', '/exports/data/')}"


def _error_message(job: ExportJob) -> str:
    """Return what went wrong, or what whoever takes the file for all of it has to know; empty if it is."""
    sentences = [job.error] if job.error else []
    if job.gaps:
        missing = "1 record is" if job.gaps == 1 else f"{job.gaps} records are"
        sentences.append(f"{missing} missing from this file, because what is stored could not be read.")
    if job.parts > 1:
        sentences.append(f"This export has {job.parts} files, and download_url is the first: see /move/exports.")
    return " ".join(sentences)
