"""An export as a JSON:API document (seed 002, "Exports fields")."""

from collections.abc import Mapping
from typing import Any

from waybill.domain.date_range import day_text
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.progress import Progress

RESOURCE_TYPE = "io.cozy.exports"


def export_document(job: ExportJob, progress: Progress | None = None, *, link_api_url: str) -> dict[str, Any]:
    """Return the document of one export, for its owner."""
    return _document(export_resource(job, progress, link_api_url=link_api_url))


def linked_export_document(job: ExportJob) -> dict[str, Any]:
    """Return the document of one export for whoever has its capability link: only what that opens is linked."""
    return _document(_resource(job, None, {"self": f"/move/exports/{job.link}"}))


def export_resource(job: ExportJob, progress: Progress | None = None, *, link_api_url: str) -> dict[str, Any]:
    """Return the resource object of one export, for its owner.

    ``link_api_url`` is where capability links are answered, without a slash at its end.
    """
    return _resource(job, progress, _links(job, link_api_url))


def _document(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonapi": {"version": "1.1"}, "data": resource}


def _resource(job: ExportJob, progress: Progress | None, links: Mapping[str, str]) -> dict[str, Any]:
    """Return the resource object. ``meta.gaps`` is there only if something is missing."""
    meta: dict[str, Any] = {"rev": f"{job.rev}-{job.id[-8:]}"}
    if progress is not None:
        meta["progress"] = {
            "records": progress.records,
            "bytes": progress.bytes,
            "percentage": progress.percentage,
        }
    if job.gaps:
        meta["gaps"] = job.gaps
    return {
        "type": RESOURCE_TYPE,
        "id": job.id,
        "attributes": {
            "parts_size": job.options.parts_size,
            "parts_cursors": list(job.cursors),
            "parts_length": job.parts,
            "with_doctypes": list(job.options.with_doctypes),
            "without_files": job.options.without_files,
            "format": job.options.format,
            "layout": job.options.layout,
            "start_date": day_text(job.options.start_date),
            "end_date": day_text(job.options.end_date),
            "time_zone": job.options.time_zone,
            "state": job.state.value,
            "created_at": job.created_at.isoformat(),
            "expires_at": job.expires_at.isoformat(),
            "total_size": job.total_size,
            "creation_duration": job.creation_duration,
            "error": job.error,
        },
        "links": links,
        "meta": meta,
    }


def export_path(job: ExportJob) -> str:
    """Return the path of one export."""
    return f"/move/exports/{job.id}"


def retry_after(job: ExportJob) -> dict[str, str]:
    """Return the header that says when to ask again, if the export still runs."""
    return {"retry-after": "2"} if job.state is ExportState.EXPORTING else {}


def _links(job: ExportJob, link_api_url: str) -> dict[str, str]:
    """Return where the export and what belongs to it is found.

    ``share`` is what a person pastes into Cozy's import page, ``share_status`` what Cozy makes of it and what its
    command line takes (reference cozy-move, section 4). They are the only ones that work without a token.
    """
    links = {"self": export_path(job)}
    if job.state is ExportState.DONE:
        links["manifest"] = f"{export_path(job)}/manifest"
        links["signature"] = f"{export_path(job)}/manifest/signature"
        links["metalink"] = f"{export_path(job)}/metalink"
    if job.link is not None:
        links["share"] = f"{link_api_url}/#/exports/{job.link}"
        links["share_status"] = f"{link_api_url}/move/exports/{job.link}"
    return links
