"""The job records on one DynamoDB table.

| sort key | item | goes |
|---|---|---|
| ``export#<id>`` | the job; a tombstone once deleted | with its TTL, a tombstone never |
| ``progress#<id>#<phase>#<batch>`` | what a worker last reported | with the export's TTL |
| ``failure#<id>`` | why a step gave up | after eight days, no export lives longer than seven |
| ``link`` | the tenant of an export with a capability link | with the export's TTL |

The partition key ``pk`` is the tenant, so no request can reach another tenant's items. Only the last is found without
knowing the tenant: its ``pk`` is ``link#<id>``, and no other item has its sort key. ``expires_at`` is the TTL
attribute (whole Unix seconds, rounded up); the exact times stand beside it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_table import (
    LAST,
    NOTHING,
    TTL,
    ConditionFailed,
    DynamoDbTable,
    Item,
    NewItem,
    key,
    number,
    text,
    texts,
    ttl,
)
from waybill.domain.errors import ExportExists, ExportNotFound, JobChanged
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.progress import WorkerProgress
from waybill.ports import Clock, JobPage

_NOTE_LIFE = timedelta(days=8)


class DynamoDbJobs:
    """JobStore on one DynamoDB table with the string keys ``pk`` and ``sk`` and the TTL attribute ``expires_at``."""

    def __init__(self, client: AwsJsonClient, table: str, *, clock: Clock) -> None:
        self._table = DynamoDbTable(client, table)
        self._clock = clock

    def create(self, job: ExportJob) -> None:
        """Store a new job. Raises ExportExists if its id is taken."""
        if not self._put_job(job, "attribute_not_exists(pk)"):
            raise ExportExists(f"There is an export {job.id} already.")

    def replace(self, job: ExportJob) -> None:
        """Store a changed job if the stored one's rev is ``job.rev - 1``. Raises JobChanged."""
        if not self._put_job(job, "rev = :rev", {":rev": number(job.rev - 1)}):
            raise JobChanged(f"The export {job.id} was changed by somebody else meanwhile. Read it again.")

    def get(self, tenant: str, export_id: str) -> ExportJob:
        """Return a job, strongly consistent; tombstones and expired jobs too. Raises ExportNotFound."""
        item = self._table.get(tenant, _job_key(export_id))
        if not item:
            raise ExportNotFound(f"There is no export {export_id} here.")
        return _job_of(item)

    def list(self, tenant: str, *, now: datetime, limit: int, after: str | None = None) -> JobPage:
        """Return up to ``limit`` jobs that are neither deleted nor expired at ``now``, newest first, behind ``after``.

        Pages of DynamoDB are read until as many are found, so a page is short only if it is the last.
        """
        newest = _job_key(LAST if after is None else after)
        found: list[ExportJob] = []
        for item in self._table.query(tenant, _job_key(""), newest, descending=True):
            job = _job_of(item)
            if job.id == after or job.state is ExportState.DELETED or job.expires_at <= now:
                continue
            if len(found) == limit:
                return JobPage(found, found[-1].id if found else None)
            found.append(job)
        return JobPage(found, None)

    def report(self, job: ExportJob, progress: WorkerProgress) -> None:
        """Store a worker's progress in place of its earlier report."""
        self._table.put(
            {
                **key(job.tenant, f"{_reports_key(job.id)}{progress.phase}#{progress.batch:06}"),
                "phase": text(progress.phase),
                "batch": number(progress.batch),
                "batches": number(progress.batches),
                "share": number(progress.share),
                "records": number(progress.records),
                "bytes": number(progress.bytes),
                TTL: ttl(job.expires_at),
            }
        )

    def reports(self, tenant: str, export_id: str) -> Sequence[WorkerProgress]:
        """Return the latest report of every worker of an export."""
        first = _reports_key(export_id)
        return [_report_of(item) for item in self._table.query(tenant, first, first + LAST)]

    def note_failure(self, tenant: str, export_id: str, sentence: str) -> None:
        """Keep the sentence that explains why a step gave up."""
        self._table.put(
            {
                **key(tenant, _failure_key(export_id)),
                "sentence": text(sentence),
                TTL: ttl(self._clock() + _NOTE_LIFE),
            }
        )

    def failure(self, tenant: str, export_id: str) -> str | None:
        """Return the sentence last kept by ``note_failure``."""
        item = self._table.get(tenant, _failure_key(export_id))
        return item["sentence"].text if item else None

    def forget_reports(self, tenant: str, export_id: str) -> None:
        """Remove the reports and the failure note of an export. Safe to repeat."""
        first = _reports_key(export_id)
        for item in self._table.query(tenant, first, first + LAST):
            self._table.delete(tenant, item["sk"].text)
        self._table.delete(tenant, _failure_key(export_id))

    def note_link(self, job: ExportJob) -> None:
        """Keep whose export this is, for whoever comes with its capability link."""
        item = {**key(*_link_key(job.id)), "tenant": text(job.tenant), TTL: ttl(job.expires_at)}
        self._table.put(item)

    def linked_tenant(self, export_id: str) -> str:
        """Return whose export this is, if ``note_link`` has kept it. Raises ExportNotFound."""
        item = self._table.get(*_link_key(export_id))
        if not item:
            raise ExportNotFound(f"There is no link to an export {export_id}.")
        return item["tenant"].text

    def forget_link(self, export_id: str) -> None:
        """Remove what ``note_link`` has kept. Safe to repeat."""
        self._table.delete(*_link_key(export_id))

    def _put_job(self, job: ExportJob, condition: str, values: NewItem | None = None) -> bool:
        """Store a job if ``condition`` holds, and say whether it did.

        If an attempt broke off and the next one finds the condition broken, the first may have done it: then what is
        stored decides.
        """
        try:
            self._table.put(_item_of(job), condition=condition, values=values)
        except ConditionFailed as failed:
            stored = self._table.get(job.tenant, _job_key(job.id)) if failed.repeated else {}
            return bool(stored) and _job_of(stored) == job
        return True


def _link_key(export_id: str) -> tuple[str, str]:
    return f"link#{export_id}", "link"


def _job_key(export_id: str) -> str:
    return f"export#{export_id}"


def _reports_key(export_id: str) -> str:
    return f"progress#{export_id}#"


def _failure_key(export_id: str) -> str:
    return f"failure#{export_id}"


def _item_of(job: ExportJob) -> NewItem:
    options = job.options
    item: dict[str, Mapping[str, object]] = {
        **key(job.tenant, _job_key(job.id)),
        "id": text(job.id),
        "state": text(job.state.value),
        "rev": number(job.rev),
        "created": text(job.created_at.isoformat()),
        "expires": text(job.expires_at.isoformat()),
        "parts": number(job.parts),
        "total_size": number(job.total_size),
        "creation_duration": number(job.creation_duration),
        "gaps": number(job.gaps),
        "error": text(job.error),
        "parts_size": number(options.parts_size),
        "max_age": number(options.max_age),
        "with_doctypes": texts(options.with_doctypes),
        "without_files": {"BOOL": options.without_files},
        "format": text(options.format),
        "layout": text(options.layout),
        "part_names": texts(job.part_names),
    }
    if job.link_secret:
        item["link_secret"] = {"B": job.link_secret}
    if job.state is not ExportState.DELETED:
        item[TTL] = ttl(job.expires_at)
    return item


def _job_of(item: Item) -> ExportJob:
    return ExportJob(
        tenant=item["pk"].text,
        id=item["id"].text,
        options=ExportOptions(
            parts_size=int(item["parts_size"].number),
            max_age=int(item["max_age"].number),
            with_doctypes=tuple(name.text for name in item["with_doctypes"].members),
            without_files=item["without_files"].truth,
            format=item["format"].text,
            layout=item["layout"].text,
        ),
        state=ExportState(item["state"].text),
        created_at=datetime.fromisoformat(item["created"].text),
        expires_at=datetime.fromisoformat(item["expires"].text),
        rev=int(item["rev"].number),
        parts=int(item["parts"].number),
        total_size=int(item["total_size"].number),
        creation_duration=int(item["creation_duration"].number),
        gaps=int(item["gaps"].number),
        error=item["error"].text,
        part_names=tuple(name.text for name in item.get("part_names", NOTHING).members),
        link_secret=item.get("link_secret", NOTHING).octets,
    )


def _report_of(item: Item) -> WorkerProgress:
    return WorkerProgress(
        phase=item["phase"].text,
        batch=int(item["batch"].number),
        batches=int(item["batches"].number),
        share=float(item["share"].number),
        records=int(item["records"].number),
        bytes=int(item["bytes"].number),
    )
