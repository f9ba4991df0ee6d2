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

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.domain.errors import ExportExists, ExportNotFound, JobChanged, StorageUnavailable
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.options import ExportOptions
from waybill.domain.progress import WorkerProgress
from waybill.ports import Clock, JobPage

_NOTE_LIFE = timedelta(days=8)
_LAST = "~"
"""Sorts behind every id, all of which are hexadecimal or dashed."""


class _Attribute(msgspec.Struct):
    """One attribute value as DynamoDB writes it: ``{"S": "text"}``, ``{"N": "12"}``."""

    text: str = msgspec.field(default="", name="S")
    number: str = msgspec.field(default="0", name="N")
    truth: bool = msgspec.field(default=False, name="BOOL")
    octets: bytes = msgspec.field(default=b"", name="B")
    members: "list[_Attribute]" = msgspec.field(default_factory=list, name="L")


_NOTHING = _Attribute()
"""Stands for an attribute that a record does not have, because an older release wrote it or because it needs none."""

_Item = dict[str, _Attribute]
_NewItem = Mapping[str, Mapping[str, object]]


class _Answer(msgspec.Struct, rename="pascal"):
    item: _Item = {}
    items: list[_Item] = []
    last_evaluated_key: msgspec.Raw = msgspec.Raw()


class DynamoDbJobs:
    """JobStore on one DynamoDB table with the string keys ``pk`` and ``sk`` and the TTL attribute ``expires_at``."""

    def __init__(self, client: AwsJsonClient, table: str, *, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def create(self, job: ExportJob) -> None:
        """Store a new job. Raises ExportExists if its id is taken."""
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        if not self._put_job(job, condition):
            raise ExportExists(f"There is an export {job.id} already.")

    def replace(self, job: ExportJob) -> None:
        """Store a changed job if the stored one's rev is ``job.rev - 1``. Raises JobChanged."""
        condition = {
            "ConditionExpression": "rev = :rev",
            "ExpressionAttributeValues": {":rev": {"N": str(job.rev - 1)}},
        }
        if not self._put_job(job, condition):
            raise JobChanged(f"The export {job.id} was changed by somebody else meanwhile. Read it again.")

    def get(self, tenant: str, export_id: str) -> ExportJob:
        """Return a job, strongly consistent; tombstones and expired jobs too. Raises ExportNotFound."""
        item = self._get(tenant, _job_key(export_id))
        if not item:
            raise ExportNotFound(f"There is no export {export_id} here.")
        return _job_of(item)

    def list(self, tenant: str, *, now: datetime, limit: int, after: str | None = None) -> JobPage:
        """Return up to ``limit`` jobs that are neither deleted nor expired at ``now``, newest first, behind ``after``.

        Pages of DynamoDB are read until as many are found, so a page is short only if it is the last.
        """
        newest = _job_key(_LAST if after is None else after)
        found: list[ExportJob] = []
        for item in self._query(tenant, _job_key(""), newest, descending=True):
            job = _job_of(item)
            if job.id == after or job.state is ExportState.DELETED or job.expires_at <= now:
                continue
            if len(found) == limit:
                return JobPage(found, found[-1].id if found else None)
            found.append(job)
        return JobPage(found, None)

    def report(self, job: ExportJob, progress: WorkerProgress) -> None:
        """Store a worker's progress in place of its earlier report."""
        self._put(
            {
                **_key(job.tenant, f"{_reports_key(job.id)}{progress.phase}#{progress.batch:06}"),
                "phase": {"S": progress.phase},
                "batch": _number(progress.batch),
                "batches": _number(progress.batches),
                "share": _number(progress.share),
                "records": _number(progress.records),
                "bytes": _number(progress.bytes),
                "expires_at": _ttl(job.expires_at),
            }
        )

    def reports(self, tenant: str, export_id: str) -> Sequence[WorkerProgress]:
        """Return the latest report of every worker of an export."""
        key = _reports_key(export_id)
        return [_report_of(item) for item in self._query(tenant, key, key + _LAST)]

    def note_failure(self, tenant: str, export_id: str, sentence: str) -> None:
        """Keep the sentence that explains why a step gave up."""
        self._put(
            {
                **_key(tenant, _failure_key(export_id)),
                "sentence": {"S": sentence},
                "expires_at": _ttl(self._clock() + _NOTE_LIFE),
            }
        )

    def failure(self, tenant: str, export_id: str) -> str | None:
        """Return the sentence last kept by ``note_failure``."""
        item = self._get(tenant, _failure_key(export_id))
        return item["sentence"].text if item else None

    def forget_reports(self, tenant: str, export_id: str) -> None:
        """Remove the reports and the failure note of an export. Safe to repeat."""
        key = _reports_key(export_id)
        for item in self._query(tenant, key, key + _LAST):
            self._call("DeleteItem", {"Key": _key(tenant, item["sk"].text)})
        self._call("DeleteItem", {"Key": _key(tenant, _failure_key(export_id))})

    def note_link(self, job: ExportJob) -> None:
        """Keep whose export this is, for whoever comes with its capability link."""
        item = {**_link_key(job.id), "tenant": {"S": job.tenant}, "expires_at": _ttl(job.expires_at)}
        self._put(item)

    def linked_tenant(self, export_id: str) -> str:
        """Return whose export this is, if ``note_link`` has kept it. Raises ExportNotFound."""
        item = self._call("GetItem", {"Key": _link_key(export_id), "ConsistentRead": True}).item
        if not item:
            raise ExportNotFound(f"There is no link to an export {export_id}.")
        return item["tenant"].text

    def forget_link(self, export_id: str) -> None:
        """Remove what ``note_link`` has kept. Safe to repeat."""
        self._call("DeleteItem", {"Key": _link_key(export_id)})

    def _get(self, tenant: str, sort_key: str) -> _Item:
        return self._call("GetItem", {"Key": _key(tenant, sort_key), "ConsistentRead": True}).item

    def _query(self, tenant: str, first: str, last: str, *, descending: bool = False) -> Iterator[_Item]:
        """Yield the tenant's items with sort keys from ``first`` to ``last``, both included."""
        query: dict[str, object] = {
            "KeyConditionExpression": "pk = :tenant AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":tenant": {"S": tenant}, ":first": {"S": first}, ":last": {"S": last}},
            "ConsistentRead": True,
            "ScanIndexForward": not descending,
        }
        while True:
            answer = self._call("Query", query)
            yield from answer.items
            if not answer.last_evaluated_key:
                return
            query["ExclusiveStartKey"] = answer.last_evaluated_key

    def _put(self, item: _NewItem) -> None:
        self._call("PutItem", {"Item": item})

    def _put_job(self, job: ExportJob, condition: Mapping[str, object]) -> bool:
        """Store a job if ``condition`` holds, and say whether it did.

        If an attempt broke off and the next one finds the condition broken, the first may have done it: then what is
        stored decides.
        """
        try:
            self._call("PutItem", {"Item": _item_of(job), **condition})
        except StorageUnavailable as error:
            cause = error.__cause__
            if not isinstance(cause, AwsError) or cause.kind != "ConditionalCheckFailedException":
                raise
            stored = self._get(job.tenant, _job_key(job.id)) if cause.repeated else {}
            return bool(stored) and _job_of(stored) == job
        return True

    def _call(self, operation: str, request: Mapping[str, object]) -> _Answer:
        try:
            body = self._client.call(operation, {"TableName": self._table, **request})
            return msgspec.json.decode(body, type=_Answer)
        except msgspec.DecodeError as error:
            raise StorageUnavailable(f"The jobs table {self._table} gave an answer that is none.") from error
        except AwsError as error:
            raise StorageUnavailable(
                f"The jobs table {self._table} cannot be used: DynamoDB refused {operation} ({error.kind})."
            ) from error


def _key(tenant: str, sort_key: str) -> _NewItem:
    return {"pk": {"S": tenant}, "sk": {"S": sort_key}}


def _link_key(export_id: str) -> _NewItem:
    return _key(f"link#{export_id}", "link")


def _job_key(export_id: str) -> str:
    return f"export#{export_id}"


def _reports_key(export_id: str) -> str:
    return f"progress#{export_id}#"


def _failure_key(export_id: str) -> str:
    return f"failure#{export_id}"


def _ttl(moment: datetime) -> Mapping[str, object]:
    """Whole Unix seconds, never before the moment."""
    return _number(math.ceil(moment.timestamp()))


def _number(value: float) -> Mapping[str, object]:
    return {"N": repr(value)}


def _item_of(job: ExportJob) -> _NewItem:
    options = job.options
    item: dict[str, Mapping[str, object]] = {
        **_key(job.tenant, _job_key(job.id)),
        "id": {"S": job.id},
        "state": {"S": job.state.value},
        "rev": _number(job.rev),
        "created": {"S": job.created_at.isoformat()},
        "expires": {"S": job.expires_at.isoformat()},
        "parts": _number(job.parts),
        "total_size": _number(job.total_size),
        "creation_duration": _number(job.creation_duration),
        "gaps": _number(job.gaps),
        "error": {"S": job.error},
        "parts_size": _number(options.parts_size),
        "max_age": _number(options.max_age),
        "with_doctypes": {"L": [{"S": name} for name in options.with_doctypes]},
        "without_files": {"BOOL": options.without_files},
        "format": {"S": options.format},
        "layout": {"S": options.layout},
        "part_names": {"L": [{"S": name} for name in job.part_names]},
    }
    if job.link_secret:
        item["link_secret"] = {"B": job.link_secret}
    if job.state is not ExportState.DELETED:
        item["expires_at"] = _ttl(job.expires_at)
    return item


def _job_of(item: _Item) -> ExportJob:
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
        part_names=tuple(name.text for name in item.get("part_names", _NOTHING).members),
        link_secret=item.get("link_secret", _NOTHING).octets,
    )


def _report_of(item: _Item) -> WorkerProgress:
    return WorkerProgress(
        phase=item["phase"].text,
        batch=int(item["batch"].number),
        batches=int(item["batches"].number),
        share=float(item["share"].number),
        records=int(item["records"].number),
        bytes=int(item["bytes"].number),
    )
