"""Tombstones: how one takes the place of the record of an export or an import, and how its receipt is kept."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from waybill.domain.errors import JobChanged, WaybillError
from waybill.domain.import_job import ImportJob
from waybill.domain.job import ExportJob
from waybill.domain.receipt import Receipt
from waybill.ports import Clock

_TRIES = 5

Job = TypeVar("Job", ExportJob, ImportJob)


class Records(Protocol[Job]):
    """What is needed of the store of the records."""

    def get(self, tenant: str, job_id: str, /) -> Job:
        """Return a record, a tombstone too."""
        ...

    def replace(self, job: Job, /) -> None:
        """Store a changed record. Raises JobChanged."""
        ...

    def owner_of(self, job_id: str, /) -> str:
        """Return whose it is or was."""
        ...

    def bury(self, tombstone: Job, /) -> None:
        """Store a tombstone where there is no record any more."""
        ...


@dataclass(frozen=True, slots=True)
class KindOfJob(Generic[Job]):
    """Which of the two it is: what it is called, what its store raises, and the tombstone of a record that is lost."""

    word: str
    not_found: type[WaybillError]
    exists: type[WaybillError]
    lost: Callable[[str, str, datetime], Job]


def bury(
    tenant: str,
    job_id: str,
    kind: KindOfJob[Job],
    *,
    records: Records[Job],
    clock: Clock,
    known: Job | None = None,
    check: Callable[[Job], None] | None = None,
) -> Job:
    """Return the tombstone, once it is stored. From then on the job answers 410.

    A tombstone that stands is kept. Where DynamoDB has removed the record by its TTL, the tombstone is made of the
    record that is ``known`` to have been there, or of what the id tells. ``check`` sees the record that would be
    replaced, and raises to leave it as it is. Raises ``kind.not_found`` if the tenant never had such a job, and
    JobChanged if others change the record all the time.
    """
    for _ in range(_TRIES):
        try:
            stored = records.get(tenant, job_id)
        except kind.not_found:
            if known is None and records.owner_of(job_id) != tenant:
                raise
            tombstone = (known or kind.lost(tenant, job_id, clock())).deleted(clock())
            with suppress(kind.exists):
                records.bury(tombstone)
                return tombstone
            continue
        if check is not None:
            check(stored)
        tombstone = stored.deleted(clock())
        if tombstone is stored:
            return stored
        with suppress(JobChanged):
            records.replace(tombstone)
            return tombstone
    raise _restless(kind.word, job_id)


def note_receipt(tombstone: Job, word: str, *, records: Records[Job], change: Callable[[Receipt], Receipt]) -> Job:
    """Return the tombstone with its receipt changed, once it is stored. Others may be removing the same job.

    Raises JobChanged if others change it all the time.
    """
    for _ in range(_TRIES):
        noted = tombstone.with_receipt(change(tombstone.receipt)) if tombstone.receipt is not None else tombstone
        if noted is tombstone:
            return tombstone
        with suppress(JobChanged):
            records.replace(noted)
            return noted
        tombstone = records.get(tombstone.tenant, tombstone.id)
    raise _restless(word, tombstone.id)


def _restless(word: str, job_id: str) -> JobChanged:
    return JobChanged(f"The {word} {job_id} is changed by others all the time. Delete it again.")
