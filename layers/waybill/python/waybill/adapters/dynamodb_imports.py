"""The records of imports on the DynamoDB table of the job records.

| sort key | item | goes |
|---|---|---|
| ``import#<id>`` | the import; a tombstone once deleted | with its TTL, a tombstone never |
| ``import-failure#<id>`` | why a step gave up | after eight days, no import lives longer than seven |
| ``running-imports`` | which imports of the tenant run | eight days after its last change |
| ``import-idempotency#<digest>`` | which import a key stands for | after 24 hours |
| ``owner`` | the tenant of an import | a day after the import's TTL |

The partition key ``pk`` is the tenant; only of the last it is ``import#<id>``. An import that is not at rest has the
attribute ``is_running``, whose value ``import`` keeps it apart from the exports in the index ``RunningIndex``.

The options stand as one JSON text, so that a record keeps them whatever options later releases add.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

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
from waybill.domain.errors import ImportExists, ImportNotFound, JobChanged
from waybill.domain.idempotency import RememberedKey
from waybill.domain.import_job import ImportJob, ImportPhase, ImportState, RowCounts, UndoCounts
from waybill.domain.import_options import ImportOptions
from waybill.domain.receipt import Receipt
from waybill.domain.running_imports import RunningImports
from waybill.ports import Clock, ImportFailure, ImportPage

_NOTE_LIFE = timedelta(days=8)
_RUNNING_LIFE = timedelta(days=8)
_OWNER_LIFE = timedelta(days=1)
_KEYS = RememberedKeys("import-idempotency#", "import_id")
_RUNNING_INDEX = "RunningIndex"
_IS_RUNNING = {"S": "import"}
_RUNNING_KEY = "running-imports"


class DynamoDbImports:
    """ImportStore on one DynamoDB table with the string keys ``pk`` and ``sk`` and the TTL attribute ``expires_at``."""

    def __init__(self, client: AwsJsonClient, table: str, *, clock: Clock) -> None:
        self._table = DynamoDbTable(client, table)
        self._clock = clock

    def create(
        self, job: ImportJob, *, running: RunningImports | None = None, key: RememberedKey | None = None
    ) -> None:
        """Store a new import and its owner, and with them what runs and the key. Raises ImportExists or JobChanged."""
        writes = [Put(_item_of(job), "attribute_not_exists(pk)"), Put(_owner_of(job))]
        if running is not None:
            writes.append(_running_put(running, self._clock()))
        if key is not None:
            writes.append(_KEYS.put(job.tenant, key, now=job.created_at))
        try:
            self._table.transact(writes)
        except ConditionsFailed as failed:
            if 0 in failed.broken:
                raise ImportExists(f"There is an import {job.id} already.") from None
            raise JobChanged("Other requests of the same tenant came first.") from None

    def replace(self, job: ImportJob, *, running: RunningImports | None = None, forget_key: str | None = None) -> None:
        """Store a changed import if the stored one's rev is ``job.rev - 1``, and with it what runs. Raises JobChanged.

        A tombstone is replaced by a tombstone only, whatever its rev: one of a lost record may not know of others.
        """
        if not self._replaced(job, running, forget_key):
            raise JobChanged(f"The import {job.id} was changed by somebody else meanwhile. Read it again.")

    def _replaced(self, job: ImportJob, running: RunningImports | None, forget_key: str | None) -> bool:
        is_alive = "" if job.state is ImportState.DELETED else f" AND attribute_exists({TTL})"
        changed = Put(_item_of(job), f"rev = :rev{is_alive}", {":rev": number(job.rev - 1)})
        if running is None and forget_key is None:
            return self._put_job(job, changed)
        places = [] if running is None else [_running_put(running, self._clock())]
        keys = [] if forget_key is None else [_KEYS.delete(job.tenant, forget_key)]
        try:
            self._table.transact([changed, *places, *keys])
        except ConditionsFailed:
            return False
        return True

    def get(self, tenant: str, import_id: str) -> ImportJob:
        """Return an import, strongly consistent; tombstones and expired ones too. Raises ImportNotFound."""
        item = self._table.get(tenant, _job_key(import_id))
        if not item:
            raise ImportNotFound(f"There is no import {import_id} here.")
        return import_of(item)

    def list(self, tenant: str, *, now: datetime, limit: int, after: str | None = None) -> ImportPage:
        """Return up to ``limit`` imports neither deleted nor expired at ``now``, newest first, behind ``after``.

        Pages of DynamoDB are read until as many are found, so a page is short only if it is the last.
        """
        newest = _job_key(LAST if after is None else after)
        found: list[ImportJob] = []
        for item in self._table.query(tenant, _job_key(""), newest, descending=True):
            job = import_of(item)
            if job.id == after or job.state is ImportState.DELETED or job.expires_at <= now:
                continue
            if len(found) == limit:
                return ImportPage(found, found[-1].id if found else None)
            found.append(job)
        return ImportPage(found, None)

    def running(self, tenant: str) -> RunningImports:
        """Return what of a tenant runs, strongly consistent; nothing, with rev 0, if that was never stored."""
        item = self._table.get(tenant, _RUNNING_KEY)
        if not item:
            return RunningImports(tenant)
        return RunningImports(tenant, int(item["rev"].number), tuple(each.text for each in item["ids"].members))

    def remembered(self, tenant: str, digest: str, *, now: datetime) -> RememberedKey | None:
        """Return what the key with this digest stands for at ``now``, strongly consistent; None if for nothing."""
        return _KEYS.get(self._table, tenant, digest, now=now)

    def note_failure(self, tenant: str, import_id: str, failure: ImportFailure) -> None:
        """Keep why a step gave up."""
        self._table.put(
            {
                **key(tenant, _failure_key(import_id)),
                "sentence": text(failure.sentence),
                "code": text(failure.code),
                TTL: ttl(self._clock() + _NOTE_LIFE),
            }
        )

    def failure(self, tenant: str, import_id: str) -> ImportFailure | None:
        """Return what ``note_failure`` has kept last."""
        item = self._table.get(tenant, _failure_key(import_id))
        return ImportFailure(item["sentence"].text, item["code"].text) if item else None

    def forget_failure(self, tenant: str, import_id: str) -> None:
        """Remove what ``note_failure`` has kept. Safe to repeat."""
        self._table.delete(tenant, _failure_key(import_id))

    def owner_of(self, import_id: str) -> str:
        """Return whose import this is or was, until a day after it has expired. Raises ImportNotFound."""
        item = self._table.get(*_owner_key(import_id))
        if not item:
            raise ImportNotFound(f"There is no import {import_id} here.")
        return item["tenant"].text

    def bury(self, tombstone: ImportJob) -> None:
        """Store the tombstone of an import that has no record any more. Raises ImportExists if it has one."""
        if not self._put_job(tombstone, Put(_item_of(tombstone), "attribute_not_exists(pk)")):
            raise ImportExists(f"There is an import {tombstone.id} already.")

    def unfinished(self, *, before: datetime) -> Iterator[tuple[str, str]]:
        """Yield tenant and id of the imports asked for before a moment that are not at rest, the oldest first."""
        values = {":import": _IS_RUNNING, ":before": text(before.isoformat())}
        for item in self._table.query_index(_RUNNING_INDEX, "is_running = :import AND created < :before", values):
            yield item["pk"].text, item["sk"].text.removeprefix(_job_key(""))

    def _put_job(self, job: ImportJob, put: Put) -> bool:
        """Store an import if the condition holds, and say whether it did.

        If an attempt broke off and the next one finds the condition broken, the first may have done it: then what is
        stored decides.
        """
        try:
            self._table.put(put.item, condition=put.condition, values=put.values)
        except ConditionFailed as failed:
            stored = self._table.get(job.tenant, _job_key(job.id)) if failed.repeated else {}
            return bool(stored) and import_of(stored) == job
        return True


def _job_key(import_id: str) -> str:
    return f"import#{import_id}"


def _failure_key(import_id: str) -> str:
    return f"import-failure#{import_id}"


def _owner_key(import_id: str) -> tuple[str, str]:
    return f"import#{import_id}", "owner"


def _owner_of(job: ImportJob) -> NewItem:
    return {**key(*_owner_key(job.id)), "tenant": text(job.tenant), TTL: ttl(job.expires_at + _OWNER_LIFE)}


def _running_put(running: RunningImports, now: datetime) -> Put:
    item = {
        **key(running.tenant, _RUNNING_KEY),
        "rev": number(running.rev),
        "ids": texts(running.ids),
        TTL: ttl(now + _RUNNING_LIFE),
    }
    if running.rev == 1:
        return Put(item, "attribute_not_exists(pk)")
    return Put(item, "rev = :rev", {":rev": number(running.rev - 1)})


def _item_of(job: ImportJob) -> NewItem:
    item: dict[str, Mapping[str, object]] = {
        **key(job.tenant, _job_key(job.id)),
        "id": text(job.id),
        "state": text(job.state.value),
        "rev": number(job.rev),
        "created": text(job.created_at.isoformat()),
        "expires": text(job.expires_at.isoformat()),
        "phase": text(job.phase.value),
        "counts": _json(job.counts),
        "creation_duration": number(job.creation_duration),
        "partial": {"BOOL": job.partial},
        "error": text(job.error),
        "error_code": text(job.error_code),
        "options": _json(job.options),
        "undos": number(job.undos),
    }
    if job.undo is not None:
        item["undo"] = _json(job.undo)
    if job.salt:
        item["salt"] = {"B": job.salt}
    if job.state is not ImportState.DELETED:
        item[TTL] = ttl(job.expires_at)
    if not job.at_rest:
        item["is_running"] = _IS_RUNNING
    if job.receipt is not None:
        item["receipt"] = _json(job.receipt)
    return item


def _json(value: object) -> Mapping[str, object]:
    return text(msgspec.json.encode(value, order="deterministic").decode())


def import_of(item: Item) -> ImportJob:
    """Return the import that an item of the table holds."""
    return ImportJob(
        tenant=item["pk"].text,
        id=item["id"].text,
        options=msgspec.json.decode(item["options"].text, type=ImportOptions),
        state=ImportState(item["state"].text),
        created_at=datetime.fromisoformat(item["created"].text),
        expires_at=datetime.fromisoformat(item["expires"].text),
        rev=int(item["rev"].number),
        phase=ImportPhase(item["phase"].text),
        counts=msgspec.json.decode(item["counts"].text, type=RowCounts),
        undo=msgspec.json.decode(item["undo"].text, type=UndoCounts) if "undo" in item else None,
        creation_duration=int(item["creation_duration"].number),
        partial=item["partial"].truth,
        error=item["error"].text,
        error_code=item["error_code"].text,
        salt=item.get("salt", NOTHING).octets,
        receipt=msgspec.json.decode(item["receipt"].text, type=Receipt) if "receipt" in item else None,
        undos=int(item["undos"].number),
    )


def import_of_image(image: Mapping[str, object]) -> ImportJob:
    """Return the import of an item as the table's stream shows it: DynamoDB's JSON, bytes in base64."""
    return import_of(msgspec.convert(image, Item))
