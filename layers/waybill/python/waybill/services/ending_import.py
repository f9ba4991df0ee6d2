"""Ending an import that cannot be finished, whoever has found that out."""

from contextlib import suppress
from dataclasses import replace

from waybill.domain import import_keys
from waybill.domain.errors import StorageUnavailable
from waybill.domain.import_job import ImportJob, ImportPhase, ImportState
from waybill.ports import Clock, ImportFailure, ImportStore, Metrics, ObjectStore
from waybill.services.import_results import conclude

_HAS_VERDICTS = (ImportPhase.VALIDATE, ImportPhase.LOAD)


def end_failed(
    job: ImportJob,
    otherwise: ImportFailure,
    *,
    imports: ImportStore,
    archives: ObjectStore,
    clock: Clock,
    metrics: Metrics,
) -> None:
    """Set a running import to state error, with what the failing step left to say, else with ``otherwise``.

    If rows were judged, the report tells what became of them until then. Raises JobChanged if it has come to another
    end meanwhile.
    """
    failure = imports.failure(job.tenant, job.id) or otherwise
    counts = job.counts
    if job.state is ImportState.IMPORTING and job.phase in _HAS_VERDICTS:
        with suppress(StorageUnavailable):  # it has failed, with a report or without one
            counts = conclude(job, archives)
    imports.replace(replace(job.failed(clock(), failure.sentence, failure.code), counts=counts))
    metrics.count("ImportsFailed", 1)
    clear_ended(job, imports=imports, archives=archives)


def clear_ended(job: ImportJob, *, imports: ImportStore, archives: ObjectStore) -> None:
    """Remove what an import that has ended does not need any more; safe to repeat.

    What was staged holds what people have sent. Report and journal stay, so that what was written can be undone.
    """
    archives.delete_prefix(import_keys.work(job.id))
    imports.forget_failure(job.tenant, job.id)
