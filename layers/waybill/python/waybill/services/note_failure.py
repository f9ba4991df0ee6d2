"""Keep why a step gave up, for whoever tells the person who asked for the export."""

from contextlib import suppress

from waybill.domain.errors import ExportNotFound
from waybill.domain.job import ExportState
from waybill.ports import JobStore


def note_failure(tenant: str, export_id: str, sentence: str, *, attempt: int | None, jobs: JobStore) -> None:
    """Keep the sentence if the export is being made, and in the attempt that the step belongs to, if that is known.

    A step that comes late must not explain the failure of another attempt, nor leave a note where nobody reads it.
    """
    with suppress(ExportNotFound):
        job = jobs.get(tenant, export_id)
        if job.state is ExportState.EXPORTING and attempt in {None, job.attempt}:
            jobs.note_failure(tenant, export_id, sentence)
