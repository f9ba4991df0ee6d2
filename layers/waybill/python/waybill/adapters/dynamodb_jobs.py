"""The job records on one DynamoDB table.

| sort key | item | goes |
|---|---|---|
| ``export#<id>`` | the job; a tombstone once deleted | with its TTL, a tombstone never |
| ``progress#<id>#<phase>#<batch>`` | what a worker last reported | with the export's TTL |
| ``failure#<id>`` | why a step gave up | after eight days, no export lives longer than seven |
| ``quota`` | what the tenant has used of its quota | eight days after its last change |
| ``idempotency#<digest>`` | which export a key stands for | after 24 hours |
| ``owner`` | the tenant of an export | a day after the export's TTL |

The partition key ``pk`` is the tenant, so no request can reach another tenant's items. Only the last is found without
knowing the tenant: its ``pk`` is ``export#<id>``, and no other item has its sort key. ``expires_at`` is the TTL
attribute (whole Unix seconds, rounded up); the exact times stand beside it.

A job that is not at rest has the attribute ``is_running``, and so stands in the index ``RunningIndex`` (``is_running``,
``created``) until it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_table import (
    LAST,
    NOTHING,
    TTL,
    ConditionFailed,
    ConditionsFailed,
    DynamoDbTable,
    Item,
    NewItem,
    Put,
    key,
    number,
    text,
    texts,
    ttl,
)
from waybill.adapters.remembered_keys import RememberedKeys
from waybill.domain.chain import Chain
from waybill.domain.date_range import DEFAULT_TIME_ZONE
from waybill.domain.errors import ExportExists, ExportNotFound, JobChanged
from waybill.domain.idempotency import RememberedKey
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.progress import WorkerProgress
from waybill.domain.quota import QuotaUse
from waybill.domain.receipt import Reason, Receipt
from waybill.ports import Clock, JobPage

_NOTE_LIFE = timedelta(days=8)
_QUOTA_LIFE = timedelta(days=8)
_OWNER_LIFE = timedelta(days=1)
_KEYS = RememberedKeys("idempotency#", "export_id")
_RUNNING_INDEX = "RunningIndex"
_RUNNING = {"S": "yes"}


class DynamoDbJobs:
    """JobStore on one DynamoDB table with the string keys ``pk`` and ``sk`` and the TTL attribute ``expires_at``."""

    def __init__(self, client: AwsJsonClient, table: str, *, clock: Clock) -> None:
        self._table = DynamoDbTable(client, table)
        self._clock = clock

    def create(self, job: ExportJob, *, quota: QuotaUse | None = None, key: RememberedKey | None = None) -> None:
        """Store a new job and its owner, and with them the quota and the key. Raises ExportExists or JobChanged."""
        writes = [Put(_item_of(job), "attribute_not_exists(pk)"), Put(_owner_of(job))]
        if quota is not None:
            writes.append(_quota_put(quota, self._clock()))
        if key is not None:
            writes.append(_KEYS.put(job.tenant, key, now=job.created_at))
        try:
            self._table.transact(writes)
        except ConditionsFailed as failed:
            if 0 in failed.broken:
                raise ExportExists(f"There is an export {job.id} already.") from None
            raise JobChanged("Other requests of the same tenant came first.") from None

    def replace(self, job: ExportJob, *, quota: QuotaUse | None = None, forget_key: str | None = None) -> None:
        """Store a changed job if the stored one's rev is ``job.rev - 1``, and with it the quota. Raises JobChanged.

        A tombstone is replaced by a tombstone only, whatever its rev: one of a lost record may not know of others.
        """
        if not self._replaced(job, quota, forget_key):
            raise JobChanged(f"The export {job.id} was changed by somebody else meanwhile. Read it again.")

    def _replaced(self, job: ExportJob, quota: QuotaUse | None, forget_key: str | None) -> bool:
        is_alive = "" if job.state is ExportState.DELETED else f" AND attribute_exists({TTL})"
        changed = Put(_item_of(job), f"rev = :rev{is_alive}", {":rev": number(job.rev - 1)})
        if quota is None and forget_key is None:
            return self._put_job(job, changed)
        quotas = [] if quota is None else [_quota_put(quota, self._clock())]
        keys = [] if forget_key is None else [_KEYS.delete(job.tenant, forget_key)]
        try:
            self._table.transact([changed, *quotas, *keys])
        except ConditionsFailed:
            return False
        return True

    def quota(self, tenant: str) -> QuotaUse:
        """Return what a tenant has used, strongly consistent; nothing, with rev 0, if that was never stored."""
        item = self._table.get(tenant, _QUOTA_KEY)
        if not item:
            return QuotaUse(tenant)
        return QuotaUse(
            tenant,
            rev=int(item["rev"].number),
            running=tuple(each.text for each in item["running"].members),
            starts=tuple(datetime.fromisoformat(each.text) for each in item["starts"].members),
        )

    def remembered(self, tenant: str, digest: str, *, now: datetime) -> RememberedKey | None:
        """Return what the key with this digest stands for at ``now``, strongly consistent; None if for nothing."""
        return _KEYS.get(self._table, tenant, digest, now=now)

    def get(self, tenant: str, export_id: str) -> ExportJob:
        """Return a job, strongly consistent; tombstones and expired jobs too. Raises ExportNotFound."""
        item = self._table.get(tenant, _job_key(export_id))
        if not item:
            raise ExportNotFound(f"There is no export {export_id} here.")
        return job_of(item)

    def list(self, tenant: str, *, now: datetime, limit: int, after: str | None = None) -> JobPage:
        """Return up to ``limit`` jobs that are neither deleted nor expired at ``now``, newest first, behind ``after``.

        Pages of DynamoDB are read until as many are found, so a page is short only if it is the last.
        """
        newest = _job_key(LAST if after is None else after)
        found: list[ExportJob] = []
        for item in self._table.query(tenant, _job_key(""), newest, descending=True):
            job = job_of(item)
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

    def owner_of(self, export_id: str) -> str:
        """Return whose export this is or was, until a day after it has expired. Raises ExportNotFound."""
        item = self._table.get(*_owner_key(export_id))
        if not item:
            raise ExportNotFound(f"There is no export {export_id} here.")
        return item["tenant"].text

    def bury(self, tombstone: ExportJob) -> None:
        """Store the tombstone of an export that has no record any more. Raises ExportExists if it has one."""
        if not self._put_job(tombstone, Put(_item_of(tombstone), "attribute_not_exists(pk)")):
            raise ExportExists(f"There is an export {tombstone.id} already.")

    def unfinished(self, *, before: datetime) -> Iterator[tuple[str, str]]:
        """Yield tenant and id of the exports asked for before a moment that are not at rest, the oldest first."""
        values = {":yes": _RUNNING, ":before": text(before.isoformat())}
        for item in self._table.query_index(_RUNNING_INDEX, "is_running = :yes AND created < :before", values):
            yield item["pk"].text, item["sk"].text.removeprefix(_job_key(""))

    def _put_job(self, job: ExportJob, put: Put) -> bool:
        """Store a job if the condition holds, and say whether it did.

        If an attempt broke off and the next one finds the condition broken, the first may have done it: then what is
        stored decides.
        """
        try:
            self._table.put(put.item, condition=put.condition, values=put.values)
        except ConditionFailed as failed:
            stored = self._table.get(job.tenant, _job_key(job.id)) if failed.repeated else {}
            return bool(stored) and job_of(stored) == job
        return True


_QUOTA_KEY = "quota"


def _owner_key(export_id: str) -> tuple[str, str]:
    return f"export#{export_id}", "owner"


def _owner_of(job: ExportJob) -> NewItem:
    return {**key(*_owner_key(job.id)), "tenant": text(job.tenant), TTL: ttl(job.expires_at + _OWNER_LIFE)}


def _quota_put(use: QuotaUse, now: datetime) -> Put:
    item = {
        **key(use.tenant, _QUOTA_KEY),
        "rev": number(use.rev),
        "running": texts(use.running),
        "starts": texts([start.isoformat() for start in use.starts]),
        TTL: ttl(now + _QUOTA_LIFE),
    }
    if use.rev == 1:
        return Put(item, "attribute_not_exists(pk)")
    return Put(item, "rev = :rev", {":rev": number(use.rev - 1)})


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
        "records": number(job.records),
        "time_zone": text(options.time_zone),
    }
    if options.start_date is not None:
        item["start_date"] = text(options.start_date.isoformat())
    if options.end_date is not None:
        item["end_date"] = text(options.end_date.isoformat())
    if job.link_secret:
        item["link_secret"] = {"B": job.link_secret}
    if job.retried_at is not None:
        item |= {"attempt": number(job.attempt), "retried": text(job.retried_at.isoformat())}
    if job.chain is not None:
        item["chain"] = texts((job.chain.key, job.chain.parent_export, job.chain.parent_manifest_sha256))
    if job.state is not ExportState.DELETED:
        item[TTL] = ttl(job.expires_at)
    if not job.at_rest:
        item["is_running"] = _RUNNING
    if job.receipt is not None:
        item["receipt"] = {"M": _receipt_item(job.receipt)}
    return item


def _receipt_item(receipt: Receipt) -> NewItem:
    return {
        "deleted_at": text(receipt.deleted_at.isoformat()),
        "reason": text(receipt.reason.value),
        "state": text(receipt.state or ""),
        "objects": number(receipt.objects),
        "bytes": number(receipt.bytes),
        "reports": number(receipt.reports),
        "complete": {"BOOL": receipt.complete},
    }


def job_of(item: Item) -> ExportJob:
    """Return the job that an item of the table holds."""
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
            start_date=_day_of(item, "start_date"),
            end_date=_day_of(item, "end_date"),
            time_zone=item["time_zone"].text if "time_zone" in item else DEFAULT_TIME_ZONE,
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
        attempt=int(item.get("attempt", NOTHING).number),
        retried_at=datetime.fromisoformat(item["retried"].text) if "retried" in item else None,
        receipt=_receipt_of(item["receipt"].fields) if "receipt" in item else None,
        records=int(item.get("records", NOTHING).number),
        chain=Chain(*(part.text for part in item["chain"].members)) if "chain" in item else None,
    )


def _receipt_of(item: Item) -> Receipt:
    return Receipt(
        deleted_at=datetime.fromisoformat(item["deleted_at"].text),
        reason=Reason(item["reason"].text),
        state=item["state"].text or None,
        objects=int(item["objects"].number),
        bytes=int(item["bytes"].number),
        reports=int(item["reports"].number),
        complete=item["complete"].truth,
    )


def _day_of(item: Item, name: str) -> date | None:
    return date.fromisoformat(item[name].text) if name in item else None


def _report_of(item: Item) -> WorkerProgress:
    return WorkerProgress(
        phase=item["phase"].text,
        batch=int(item["batch"].number),
        batches=int(item["batches"].number),
        share=float(item["share"].number),
        records=int(item["records"].number),
        bytes=int(item["bytes"].number),
    )


def job_of_image(image: Mapping[str, object]) -> ExportJob:
    """Return the job of an item as the table's stream shows it: DynamoDB's JSON, bytes in base64."""
    return job_of(msgspec.convert(image, Item))
