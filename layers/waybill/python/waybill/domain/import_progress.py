"""How far a running import is, from the counts that its steps have noted."""

from waybill.domain.import_job import ImportJob, ImportPhase

_BEGINS_AT = {ImportPhase.STAGE: 0, ImportPhase.VALIDATE: 20, ImportPhase.LOAD: 60, ImportPhase.UNDO: 0}
_ENDS_AT = {ImportPhase.STAGE: 20, ImportPhase.VALIDATE: 60, ImportPhase.LOAD: 99, ImportPhase.UNDO: 99}


def percentage(job: ImportJob) -> int:
    """Return how far an import that runs is, or how far it is undone: 0 to 99.

    How much there is to stage is known only when it is staged, so that phase stands at its beginning.
    """
    begin, end = _BEGINS_AT[job.phase], _ENDS_AT[job.phase]
    return begin + int((end - begin) * _share(job))


def _share(job: ImportJob) -> float:
    counts = job.counts
    if job.phase is ImportPhase.VALIDATE:
        return _part(counts.accepted + counts.skipped + counts.failed, counts.rows)
    if job.phase is ImportPhase.LOAD:
        return _part(counts.written, counts.accepted)
    if job.phase is ImportPhase.UNDO and job.undo is not None:
        return _part(job.undo.removed + job.undo.restored + job.undo.changed_since, counts.written)
    return 0.0


def _part(done: int, whole: int) -> float:
    return min(done / whole, 1.0) if whole else 0.0
