"""What a worker needs around the code that is measured: a job that runs and time without end."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from waybill.domain.idempotency import RememberedKey
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.progress import WorkerProgress
from waybill.domain.quota import QuotaUse
from waybill.ports import JobPage

TENANT = "bench"


def running_job(export_id: str, options: ExportOptions, *, tenant: str = TENANT) -> ExportJob:
    """Return an export that was created just now."""
    now = datetime.now(UTC)
    return ExportJob(tenant, export_id, options, ExportState.EXPORTING, now, now + timedelta(days=1))


class NoLimit:
    """A budget that is never spent."""

    def spent(self) -> bool:
        """Say that there is time."""
        return False


class OneJob:
    """JobStore with one running export, in memory."""

    def __init__(self, job: ExportJob) -> None:
        self._job = job

    def create(self, job: ExportJob, *, quota: QuotaUse | None = None, key: RememberedKey | None = None) -> None:  # noqa: ARG002
        """Take a job in place of the one before."""
        self._job = job

    def get(self, tenant: str, export_id: str) -> ExportJob:  # noqa: ARG002 - there is only one
        """Return the job."""
        return self._job

    def list(self, tenant: str, *, now: datetime, limit: int, after: str | None = None) -> JobPage:  # noqa: ARG002
        """Return the job on one page."""
        return JobPage([self._job], None)

    def replace(self, job: ExportJob, *, quota: QuotaUse | None = None, forget_key: str | None = None) -> None:  # noqa: ARG002
        """Take a changed job."""
        self._job = job

    def report(self, job: ExportJob, progress: WorkerProgress) -> None:
        """Drop a report of progress."""

    def reports(self, tenant: str, export_id: str) -> Sequence[WorkerProgress]:  # noqa: ARG002
        """Return nothing."""
        return []

    def note_failure(self, tenant: str, export_id: str, sentence: str) -> None:
        """Drop the note."""

    def failure(self, tenant: str, export_id: str) -> str | None:  # noqa: ARG002
        """Return nothing."""
        return None

    def forget_reports(self, tenant: str, export_id: str) -> None:
        """Forget nothing, as nothing is kept."""

    def quota(self, tenant: str) -> QuotaUse:
        """Return that nothing was used."""
        return QuotaUse(tenant)

    def remembered(self, tenant: str, digest: str, *, now: datetime) -> RememberedKey | None:  # noqa: ARG002
        """Return nothing."""
        return None

    def owner_of(self, export_id: str) -> str:  # noqa: ARG002 - there is only one
        """Return the job's tenant."""
        return self._job.tenant

    def bury(self, tombstone: ExportJob) -> None:
        """Take a tombstone in place of the job."""
        self._job = tombstone

    def unfinished(self, *, before: datetime) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()
