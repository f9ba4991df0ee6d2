"""What the services need from the outside world. Adapters implement these on AWS, tests/fakes.py in memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from waybill.domain.api_key import ApiKey
from waybill.domain.chain import GoodRun
from waybill.domain.change_event import Event
from waybill.domain.estimate import Amount
from waybill.domain.idempotency import RememberedKey
from waybill.domain.import_job import ImportJob
from waybill.domain.job import ExecutionState, ExportJob
from waybill.domain.ledger import Gap
from waybill.domain.plan import Directory, FileReference, KeptContent, Piece, Shard, StoredDigests
from waybill.domain.progress import WorkerProgress
from waybill.domain.quota import QuotaUse
from waybill.domain.running_imports import RunningImports
from waybill.domain.upload import Upload
from waybill.domain.webhook import Delivery, Outcome, Webhook
from waybill.domain.webhook_message import WebhookMessage

if TYPE_CHECKING:
    from waybill.domain.schedule import Schedule  # brings the time zones, which few functions need


class Clock(Protocol):
    """Where time comes from."""

    def __call__(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class Budget(Protocol):
    """How long the present step may go on."""

    def spent(self) -> bool:
        """Whether the step should now stop at the next safe point and come back with a checkpoint."""
        ...


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of a tenant's exports, newest first. ``after`` is the id to go on from, None on the last page."""

    jobs: Sequence[ExportJob]
    after: str | None


class JobStore(Protocol):
    """The job records. A tenant sees its own and no other."""

    def create(self, job: ExportJob, *, quota: QuotaUse | None = None, key: RememberedKey | None = None) -> None:
        """Store a new job, and with it whose it is, what its tenant has used then, and the key that it was made with.

        All or nothing. Raises ExportExists if its id is taken, and JobChanged if the tenant's quota is not the one
        before ``quota``, or if the key stands for an export at ``job.created_at``.
        """
        ...

    def get(self, tenant: str, export_id: str) -> ExportJob:
        """Return a job, strongly consistent; tombstones and expired jobs too. Raises ExportNotFound."""
        ...

    def list(self, tenant: str, *, now: datetime, limit: int, after: str | None = None) -> JobPage:
        """Return up to ``limit`` jobs, newest first, those older than ``after``.

        Deleted ones and those expired at ``now`` are left out.
        """
        ...

    def replace(self, job: ExportJob, *, quota: QuotaUse | None = None, forget_key: str | None = None) -> None:
        """Store a changed job, if the stored one's rev is ``job.rev - 1``.

        A tombstone is replaced by a tombstone only. With it, all or nothing, store what its tenant has used now, and
        forget the key with this digest. Raises JobChanged if the job is another or gone, or if the tenant's quota is
        not the one before ``quota``.
        """
        ...

    def quota(self, tenant: str) -> QuotaUse:
        """Return what a tenant has used, strongly consistent; nothing, with rev 0, if that was never stored."""
        ...

    def remembered(self, tenant: str, digest: str, *, now: datetime) -> RememberedKey | None:
        """Return what the key with this digest stands for at ``now``, strongly consistent; None if for nothing."""
        ...

    def report(self, job: ExportJob, progress: WorkerProgress) -> None:
        """Store a worker's progress in place of its earlier report. It expires with the job."""
        ...

    def reports(self, tenant: str, export_id: str) -> Sequence[WorkerProgress]:
        """Return the latest report of every worker of an export."""
        ...

    def note_failure(self, tenant: str, export_id: str, sentence: str) -> None:
        """Keep the sentence that explains why a step gave up, for FailExport."""
        ...

    def failure(self, tenant: str, export_id: str) -> str | None:
        """Return the sentence last kept by ``note_failure``."""
        ...

    def forget_reports(self, tenant: str, export_id: str) -> None:
        """Remove the reports and the failure note of an export. Safe to repeat."""
        ...

    def owner_of(self, export_id: str) -> str:
        """Return whose export this is or was, until a day after it has expired. Raises ExportNotFound."""
        ...

    def bury(self, tombstone: ExportJob) -> None:
        """Store the tombstone of an export that has no record any more. Raises ExportExists if it has one."""
        ...

    def unfinished(self, *, before: datetime) -> Iterator[tuple[str, str]]:
        """Yield tenant and id of the exports asked for before a moment that are not at rest, the oldest first.

        What has changed in the last seconds may be missing, or there although it has come to rest: read the record.
        """
        ...


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing. ``etag`` is as the store gives it, quotes included if it gives them."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Download:
    """How an object presents itself to whoever downloads it: the name to save it under, and its media type."""

    filename: str
    media_type: str


@dataclass(frozen=True, slots=True)
class CopySource:
    """The bytes ``[start, end)`` of an object, in the version that ``etag`` names, or in any.

    ``bucket`` is None for the bucket that is copied into.
    """

    bucket: str | None
    key: str
    etag: str | None
    start: int
    end: int


class Body(Protocol):
    """Bytes for a store that need not be in memory: iterating it yields them in chunks, from the start each time."""

    @property
    def crc32(self) -> int:
        """The CRC-32 of all of them."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


class ObjectStore(Protocol):
    """One bucket.

    Every method raises StorageUnavailable when the store refuses or does not answer after retries, and its kind
    ObjectDenied when it refuses access to the object.
    """

    def put(self, key: str, data: bytes | Body, *, download: Download | None = None) -> None:
        """Store an object whole, replacing what was there."""
        ...

    def start_upload(self, key: str, *, download: Download) -> str:
        """Begin an object that is put together of pieces; return the upload's id. Nothing is seen of it until the end.

        Pieces are numbered from 1 to 10,000, and all but the last have at least 5 MiB.
        """
        ...

    def put_piece(self, key: str, upload: str, number: int, data: bytes | Body) -> Piece:
        """Store a piece of an upload, replacing what was there under this number. Raises UploadMissing."""
        ...

    def copy_piece(self, key: str, upload: str, number: int, source: CopySource) -> Piece:
        """Let the store copy up to 5 GiB from elsewhere into a piece. ``crc32`` is None if it does not tell that.

        Raises UploadMissing, and for the source ObjectMissing, ObjectChanged or ObjectDenied.
        """
        ...

    def uploaded(self, key: str, upload: str) -> Sequence[Piece]:
        """Return the pieces that an upload has so far, without ``crc32``. Raises UploadMissing."""
        ...

    def finish_upload(self, key: str, upload: str, pieces: Sequence[Piece], *, crc32: int | None) -> None:
        """Turn the pieces into the object, replacing what was there. The store checks ``crc32`` of the whole, if given.

        Safe to repeat: an upload that was finished already, by a call whose answer was lost, is finished. Raises
        UploadMissing if there is neither the upload nor an object of that size, or if the upload has other pieces.
        """
        ...

    def abort_uploads(self, prefix: str) -> None:
        """Drop every unfinished upload under ``prefix``. Safe to repeat."""
        ...

    def get(self, key: str) -> bytes:
        """Return an object whole. Raises ObjectMissing."""
        ...

    def stored_digests(self, key: str, *, etag: str) -> StoredDigests:
        """Return what the store knows of the whole object in that version. Raises ObjectMissing or ObjectChanged."""
        ...

    def stream_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        """Yield ``length`` bytes of an object from ``offset`` on, in chunks, of that version only if ``etag`` is given.

        Raises ObjectMissing, ObjectChanged, and StorageUnavailable if there are fewer.
        """
        ...

    def stream(self, key: str, *, etag: str | None = None, start: int = 0) -> Iterator[bytes]:
        """Yield an object's content from ``start`` on in chunks, that version only if ``etag`` is given.

        Raises ObjectMissing or ObjectChanged before the first chunk. A broken connection is taken up again in the same
        version, so in between it raises ObjectChanged if that is gone, or ObjectUnreadable if it cannot be taken up;
        it never ends early without an error.
        """
        ...

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix``, sorted by their keys' UTF-8 bytes, those behind the key ``after``."""
        ...

    def prefixes(self, prefix: str) -> Iterator[str]:
        """Yield in their order the beginnings of keys, from ``prefix`` on to the next ``/`` and with it.

        Those of unfinished uploads are among them.
        """
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Remove every object and every unfinished upload under ``prefix``; return how many objects. Safe to repeat."""
        ...

    def presign(self, key: str, *, expires_in: timedelta) -> str:
        """Return a GET URL that works for ``expires_in``. It downloads as the object was told to present itself."""
        ...


class Signer(Protocol):
    """The key that manifests are signed with: ECDSA on the curve P-256 (FIPS 186-5). Its private half stays there."""

    def sign(self, digest: bytes) -> bytes:
        """Return a signature for a SHA-256 digest, in DER (RFC 3279, section 2.2.3: ``Ecdsa-Sig-Value``).

        Two signatures for one digest differ, and both are good. Raises StorageUnavailable.
        """
        ...

    def public_key_pem(self) -> bytes:
        """Return the public key (RFC 7468, section 13: ``PUBLIC KEY``). Raises StorageUnavailable."""
        ...


class Workflow(Protocol):
    """The state machine that makes exports."""

    def start(self, job: ExportJob) -> None:
        """Start the execution of the export's latest attempt, named ``job.execution``. A second start does nothing."""
        ...

    def stop(self, job: ExportJob) -> None:
        """Stop the execution of the export's latest attempt if it runs. Safe to repeat."""
        ...

    def state(self, job: ExportJob) -> ExecutionState:
        """Return what has become of the execution of the export's latest attempt.

        One that was started a moment ago may still be missing. Raises StorageUnavailable.
        """
        ...


@dataclass(slots=True)
class SourceItem:
    """What a source gives for one position: a record line, or a gap, and for a files index what the record points to.

    ``key`` is the sort key to resume after. ``line`` is the record as one line of JSON text in UTF-8, without the
    newline. Exactly one of ``line`` and ``gap`` is None; a ``gap`` of kind ``file`` is content that no record knows of.
    ``file_gap`` says that the file that belongs to the record, or to the gap in its place, cannot be exported.
    An item that is ``outside`` has neither line nor gap: its record was not asked for. ``id`` names the record in gaps,
    where that is not the key.

    Nobody changes an item. It is not frozen only because one is made for every record, which takes a third of the time
    so.
    """

    key: str
    line: bytes | None = None
    gap: Gap | None = None
    file: FileReference | None = None
    directory: Directory | None = None
    file_gap: Gap | None = None
    updated_at: int = 0
    outside: bool = False
    id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Measure:
    """How much a source holds for a tenant, found without reading all of it.

    ``items`` are those that were read from the beginning on, in order, and ``read`` is how much they are. If ``exact``,
    they are all that there are, and ``amount`` is the same; otherwise it is extrapolated. ``pages`` is how many pages
    the beginning took.
    """

    amount: Amount
    read: Amount
    items: Sequence[SourceItem]
    exact: bool
    pages: int


class Source(Protocol):
    """Where the records of one doctype are read from, for one tenant."""

    def shards(self, *, tenant: str, start: int) -> Sequence[Shard]:
        """Cut the doctype into shards, numbered from ``start``; a small set is one shard."""
        ...

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:
        """Yield the shard's items in the order of their keys, those behind ``after``.

        Raises SourceUnavailable, and SourceNotReady where the next item has to be waited for; then some of the items
        that it gave are asked for again later.
        """
        ...

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:
        """Say how much there is. Raises SourceUnavailable.

        It counts as long as ``pages`` pages last and ``budget`` is not spent, one page in any case, and goes on with
        few samples from what is left.
        """
        ...


class Sources(Protocol):
    """Finds the source of a doctype."""

    def of(self, doctype: str) -> Source:
        """Return the doctype's source. Raises CatalogError if the catalog does not have it."""
        ...


class Metrics(Protocol):
    """The numbers that operators watch."""

    def count(self, name: str, value: float, unit: str = "Count") -> None:
        """Add a value to the metric ``name``."""
        ...

    def flush(self) -> None:
        """Hand on what was counted since the last flush."""
        ...


class WorkStore(Protocol):
    """What reading and planning need of the store for what they leave behind; every ObjectStore is one."""

    def put(self, key: str, data: bytes) -> None:
        """Store an object whole, replacing what was there."""
        ...

    def get(self, key: str) -> bytes:
        """Return an object whole. Raises ObjectMissing."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix``, sorted by their keys."""
        ...


class EventBus(Protocol):
    """The bus that changes of exports and imports are told on."""

    def publish(self, event: Event, *, tenant: str) -> None:
        """Put an event on the bus, as a CloudEvent. Raises StorageUnavailable if the bus does not take it."""
        ...


class WebhookStore(Protocol):
    """The tenants' webhooks. A tenant sees its own and no other."""

    def put(self, webhook: Webhook) -> None:
        """Store a webhook, new if its rev is 1, else if the stored one's rev is one less. Raises WebhookChanged."""
        ...

    def get(self, tenant: str, name: str) -> Webhook:
        """Return a webhook with its last delivery, strongly consistent. Raises WebhookNotFound."""
        ...

    def list(self, tenant: str) -> Sequence[Webhook]:
        """Return all webhooks of a tenant with their last deliveries, by name."""
        ...

    def delete(self, tenant: str, name: str) -> None:
        """Remove a webhook and its last delivery. Safe to repeat."""
        ...

    def note_delivery(self, tenant: str, name: str, delivery: Delivery) -> None:
        """Keep what came of the last try to deliver."""
        ...


class WebhookWorkflow(Protocol):
    """The state machine that sends events to webhooks, and waits between its tries."""

    def start(self, tenant: str, name: str, message: WebhookMessage) -> None:
        """Start sending a message to a webhook. A second start of the same does nothing. Raises StorageUnavailable."""
        ...


class WebhookClient(Protocol):
    """Sends requests to the receivers of webhooks."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send one request and say what came of it. Redirects are not followed. Never raises for what a receiver does.

        An address that leads into a private network is not asked at all.
        """
        ...


class ScheduleStore(Protocol):
    """The schedules. A tenant sees its own and no other."""

    def get(self, tenant: str, name: str) -> "Schedule":
        """Return a schedule, strongly consistent. Raises ScheduleNotFound."""
        ...

    def list(self, tenant: str) -> Sequence["Schedule"]:
        """Return all schedules of a tenant, sorted by name, strongly consistent."""
        ...

    def put(self, schedule: "Schedule") -> None:
        """Store a schedule, if it is new and its rev is 1, or if the stored one's rev is ``schedule.rev - 1``.

        Raises ScheduleChanged otherwise, also if it is gone.
        """
        ...

    def delete(self, tenant: str, name: str) -> None:
        """Remove a schedule. Safe to repeat."""
        ...


class Scheduler(Protocol):
    """What makes schedules fire."""

    def put(self, schedule: "Schedule", *, starts_at: datetime | None) -> None:
        """Let a schedule fire as it says, in place of what it said before; a rate from ``starts_at`` on.

        Safe to repeat. Raises InvalidSchedule for terms that are not taken, and StorageUnavailable.
        """
        ...

    def remove(self, tenant: str, name: str) -> None:
        """Let a schedule fire no more. Safe to repeat. Raises StorageUnavailable."""
        ...


class ApiKeys(Protocol):
    """The API keys of the deployment."""

    def find(self, app_id: str) -> ApiKey | None:
        """Return a key, strongly consistent, revoked or not; None if there is none."""
        ...

    def add(self, key: ApiKey) -> None:
        """Store a new key. Raises ApiKeyExists if its app id is taken, also by one that was revoked."""
        ...

    def revoke(self, app_id: str) -> None:
        """Have a key taken no longer, from this moment on. Safe to repeat. Raises ApiKeyMissing."""
        ...

    def all(self) -> Iterator[ApiKey]:
        """Yield all keys, in no order."""
        ...


class TokenVerifier(Protocol):
    """Who checks bearer tokens where API Gateway does not."""

    def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a genuine token that is in force.

        Raises Unauthorized, and StorageUnavailable if the issuer's keys cannot be had.
        """
        ...


class ChainStore(Protocol):
    """Of every chain of exports the last good run. A tenant sees its own chains and no other."""

    def last_good(self, tenant: str, key: str) -> GoodRun | None:
        """Return the last good run of a chain, strongly consistent; None if there is none."""
        ...

    def note_good(self, tenant: str, key: str, run: GoodRun, *, after: str) -> bool:
        """Keep a run as the last good one if the one before it is the export ``after``, if there is none with "".

        Return whether it is the last good one now; safe to repeat.
        """
        ...

    def forget(self, tenant: str, key: str, export_id: str | None = None) -> None:
        """Forget the last good run, only if it is that of ``export_id`` if that is given. Safe to repeat."""
        ...


@dataclass(frozen=True, slots=True)
class ImportPage:
    """One page of a tenant's imports, newest first. ``after`` is the id to go on from, None on the last page."""

    imports: Sequence[ImportJob]
    after: str | None


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """Why a step of an import gave up: a sentence for the person who asked for it, and a stable code."""

    sentence: str
    code: str


class ImportStore(Protocol):
    """The records of imports. A tenant sees its own and no other."""

    def create(
        self, job: ImportJob, *, running: RunningImports | None = None, key: RememberedKey | None = None
    ) -> None:
        """Store a new import, and with it whose it is, what of its tenant runs then, and the key it was made with.

        All or nothing. Raises ImportExists if its id is taken, and JobChanged if what runs is not what it was before
        ``running``, or if the key stands for an import at ``job.created_at``.
        """
        ...

    def get(self, tenant: str, import_id: str) -> ImportJob:
        """Return an import, strongly consistent; tombstones and expired ones too. Raises ImportNotFound."""
        ...

    def list(self, tenant: str, *, now: datetime, limit: int, after: str | None = None) -> ImportPage:
        """Return up to ``limit`` imports, newest first, those older than ``after``.

        Deleted ones and those expired at ``now`` are left out.
        """
        ...

    def replace(self, job: ImportJob, *, running: RunningImports | None = None, forget_key: str | None = None) -> None:
        """Store a changed import, if the stored one's rev is ``job.rev - 1``.

        A tombstone is replaced by a tombstone only. With it, all or nothing, store what of its tenant runs now, and
        forget the key with this digest. Raises JobChanged if the import is another or gone, or if what runs is not
        what it was before ``running``.
        """
        ...

    def running(self, tenant: str) -> RunningImports:
        """Return what of a tenant runs, strongly consistent; nothing, with rev 0, if that was never stored."""
        ...

    def remembered(self, tenant: str, digest: str, *, now: datetime) -> RememberedKey | None:
        """Return what the key with this digest stands for at ``now``, strongly consistent; None if for nothing."""
        ...

    def note_failure(self, tenant: str, import_id: str, failure: ImportFailure) -> None:
        """Keep why a step gave up, for FailImport."""
        ...

    def failure(self, tenant: str, import_id: str) -> ImportFailure | None:
        """Return what ``note_failure`` has kept last."""
        ...

    def forget_failure(self, tenant: str, import_id: str) -> None:
        """Remove what ``note_failure`` has kept. Safe to repeat."""
        ...

    def owner_of(self, import_id: str) -> str:
        """Return whose import this is or was, until a day after it has expired. Raises ImportNotFound."""
        ...

    def bury(self, tombstone: ImportJob) -> None:
        """Store the tombstone of an import that has no record any more. Raises ImportExists if it has one."""
        ...

    def unfinished(self, *, before: datetime) -> Iterator[tuple[str, str]]:
        """Yield tenant and id of the imports asked for before a moment that are not at rest, the oldest first.

        What has changed in the last seconds may be missing, or there although it has come to rest: read the record.
        """
        ...


class ImportWorkflow(Protocol):
    """The state machine that makes imports and undoes them. An execution is named ``job.execution``."""

    def start(self, job: ImportJob) -> None:
        """Start the import's execution. A second start of the same does nothing. Raises StorageUnavailable."""
        ...

    def stop(self, job: ImportJob) -> None:
        """Stop all executions of the import that run. Safe to repeat. Raises StorageUnavailable."""
        ...

    def state(self, job: ImportJob) -> ExecutionState:
        """Return what has become of the import's execution.

        One that was started a moment ago may still be missing. Raises StorageUnavailable.
        """
        ...


class Secrets(Protocol):
    """Where the secrets are kept that sources sign with. The catalog has their names, and never a secret."""

    def get(self, name: str, *, fresh: bool = False) -> str:
        """Return the secret with this name or ARN. It may be one that was read before, unless it must be ``fresh``.

        Raises SourceUnavailable.
        """
        ...


class Web(Protocol):
    """Fetches what addresses lead to that somebody else has chosen, without any secret of ours.

    Where it may go is for ``domain.web_address`` to say, for every redirect again. Every method raises InvalidAddress,
    and AddressUnavailable after retries, both without the address, which may be a secret.
    """

    def get(self, url: str, *, most: int) -> bytes:
        """Return what is there, at most ``most`` bytes."""
        ...

    def stream(self, url: str, *, most: int, seconds: float) -> Iterator[bytes]:
        """Yield what is there in chunks: at most ``most`` bytes, within ``seconds``.

        It never ends early without an error. What breaks off is taken up again if the server can do that.
        """
        ...


@runtime_checkable
class HasRows(Protocol):
    """A source that has a form of its own for tables, such as one that the system which it reads can import."""

    def as_row(self, item: SourceItem) -> SourceItem:
        """Return an item of it with the row of a table in place of its record: columns to texts, numbers, booleans."""
        ...


@runtime_checkable
class HasSnapshot(Protocol):
    """A source that reads from a snapshot, so that what one call reads of it is of one moment."""

    as_of: str | None
    """The moment, once reading has begun: RFC 3339 in UTC. Of equally many digits or not, texts sort as moments do."""


class Staging(Protocol):
    """What sources keep for one export between the calls of its steps. It goes with the export, but for its debts.

    Names are chosen by the source: letters, digits, dots, dashes and underscores, in several steps with a slash in
    between, and nothing personal. They begin with the doctype. Every method raises StorageUnavailable.
    """

    def kept(self, name: str) -> KeptContent | None:
        """Return a content that was kept whole earlier, also by a call before; None if there is none."""
        ...

    def keep(self, name: str, chunks: Iterable[bytes]) -> KeptContent:
        """Keep a content of any size, in bounded memory. Nothing is seen of it until it is there whole.

        A content that is kept already stays as it is. If ``chunks`` fails, nothing is kept, and its error goes on.
        Raises SourceNotReady with 0 seconds, before the first chunk or behind any, if a call of its own would have more
        time for it, and SourceUnavailable if it had one.
        """
        ...

    def read(self, content: KeptContent, start: int, length: int) -> Iterator[bytes]:
        """Yield so many bytes of a content that is kept, from ``start`` on. Raises ObjectMissing or ObjectChanged."""
        ...

    def note(self, name: str) -> bytes | None:
        """Return what an earlier call noted under the name, None if nothing."""
        ...

    def put_note(self, name: str, data: bytes) -> None:
        """Note something for later calls, in place of what is there."""
        ...

    def debt(self, doctype: str, name: str) -> bytes | None:
        """Return what is owed under the name, None if nothing."""
        ...

    def put_debt(self, doctype: str, name: str, data: bytes) -> None:
        """Note, before it is taken up in the other system, what has to be given back there, however the export ends.

        ``data`` is what ``Debtor.settle`` needs for that, and no secret: when the export has ended, it is called.
        """
        ...

    def forgive_debt(self, doctype: str, name: str) -> None:
        """Forget a debt, once it is settled. Safe to repeat."""
        ...


@runtime_checkable
class Debtor(Protocol):
    """A source that takes up something in the system it reads, which has to be given back: a ticket with an archive."""

    def settle(self, data: bytes) -> None:
        """Give back what was noted with ``Staging.put_debt``. Safe to repeat. Raises SourceUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A record as it stands in the target.

    ``body`` is its JSON text, ``item`` all that the target keeps of it, which only the target can read. ``import_id``
    is the import that wrote it, empty if none did; ``intact`` says that nothing of it was changed since.
    """

    body: str
    item: bytes
    import_id: str = ""
    intact: bool = False


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to be written under ``key``: where ``instead_of`` stands, unchanged, or where nothing does if None.

    ``body`` is JSON text, ``changed_at`` when it was last changed. ``unique`` are fields with the values that no other
    record may have there.
    """

    key: str
    body: str
    changed_at: str
    instead_of: Standing | None = None
    unique: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class OldRecord:
    """A record to be taken back: where ``now`` stands, unchanged, comes the item ``before``, nothing if it is None."""

    key: str
    now: Standing
    before: bytes | None = None
    unique: Sequence[tuple[str, str]] = ()


class Refusal(StrEnum):
    """Why a record was not written."""

    NOT_AS_NOTED = "not_as_noted"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class NewContent:
    """A content to be written for the record ``key``: the object ``source`` of the archives bucket, ``size`` bytes."""

    key: str
    source: str
    size: int
    media_type: str = ""


class Sink(Protocol):
    """Where imports write: the sources of the catalog's doctypes.

    Every method raises StorageUnavailable when the target refuses or does not answer after retries, and CatalogError
    for a doctype that cannot be imported.
    """

    def existing(self, tenant: str, doctype: str, keys: Sequence[str]) -> Set[str]:
        """Return which of at most 100 records there are, strongly consistent."""
        ...

    def records(self, tenant: str, doctype: str, *, after: str = "") -> Iterator[tuple[str, str]]:
        """Yield the keys and bodies of all records behind a key, in the order of their keys."""
        ...

    def standing(self, tenant: str, doctype: str, keys: Sequence[str]) -> Mapping[str, Standing]:
        """Return those of at most 100 records that there are, strongly consistent."""
        ...

    def stood(self, tenant: str, doctype: str, item: bytes) -> Standing:
        """Return the record that an item is, as one of ``Standing.item`` that was kept."""
        ...

    def write(self, tenant: str, doctype: str, import_id: str, records: Sequence[NewRecord]) -> Mapping[int, Refusal]:
        """Write all records, or none if some of them are refused; return the positions of these.

        At most MOST_WRITES records and values that must be unique together, and MOST_WRITTEN bytes of bodies, those
        that are replaced among them.
        """
        ...

    def take_back(self, tenant: str, doctype: str, import_id: str, records: Sequence[OldRecord]) -> Set[int]:
        """Take back all records, or none if some of them have changed; return the positions of these."""
        ...

    def most_key_bytes(self, tenant: str, doctype: str) -> int:
        """Return how many bytes the key of a record may have, so that a content has room under it."""
        ...

    def content_of(self, tenant: str, doctype: str, key: str) -> str | None:
        """Return which import wrote the content of a record; empty if none did, None if there is no content."""
        ...

    def put_content(self, tenant: str, doctype: str, import_id: str, content: NewContent) -> None:
        """Write a content, replacing what was there. No byte of it passes through here."""
        ...

    def keep_content(self, tenant: str, doctype: str, key: str, kept: str) -> None:
        """Copy the content of a record as it is to the object ``kept`` of the archives bucket. Raises ObjectMissing."""
        ...

    def remove_content(self, tenant: str, doctype: str, key: str) -> None:
        """Remove the content of a record. Safe to repeat."""
        ...

    def restore_content(self, tenant: str, doctype: str, key: str, kept: str) -> None:
        """Put back a content that was kept, as it was. Raises ObjectMissing."""
        ...


MOST_WRITES = 100
"""Records, and values that must be unique, in one call of ``Sink.write``: the items of a DynamoDB transaction."""

MOST_WRITTEN = 3_000_000
"""Bytes of bodies in one call of ``Sink.write``: DynamoDB takes 4 MB in a transaction, keys and names among them."""


class UploadStore(Protocol):
    """The records of uploads. A tenant sees its own and no other."""

    def put(self, upload: Upload) -> None:
        """Store an upload in place of what was there. It expires by itself."""
        ...

    def get(self, tenant: str, upload_id: str) -> Upload:
        """Return an upload, strongly consistent; an expired one too. Raises UploadNotFound."""
        ...

    def list(self, tenant: str) -> Sequence[Upload]:
        """Return the uploads of a tenant, expired ones too, by id."""
        ...

    def delete(self, tenant: str, upload_id: str) -> None:
        """Remove the record of an upload. Safe to repeat."""
        ...


class UploadParts(Protocol):
    """What clients send parts of uploads to. Every method raises StorageUnavailable."""

    def begin(self, upload: Upload) -> str:
        """Make an upload of several parts ready to take them; return the store's id of it."""
        ...

    def url(self, upload: Upload, number: int, *, expires_in: timedelta) -> str:
        """Return a URL that takes one part by PUT, of the announced size and no other, for ``expires_in``."""
        ...

    def there(self, upload: Upload) -> Sequence[Piece]:
        """Return the parts that are there, of a file that is sent by one request the file; none of one that is gone."""
        ...

    def finish(self, upload: Upload, pieces: Sequence[Piece]) -> None:
        """Put the parts together. Safe to repeat. Raises UploadMissing if they are not those that are there."""
        ...

    def remove(self, upload: Upload) -> None:
        """Remove the file, finished or not. Safe to repeat."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteBody:
    """What a URL gives.

    ``start`` is the byte that it begins with: 0 if the server does not take up a download, whatever was asked. ``size``
    is that of the whole file, None if the server does not say. ``etag`` names the version if the server keeps to it
    (RFC 9110, section 8.8.3: a strong one), else it is empty; only then a download can be taken up. Drawing ``chunks``
    raises InputRefused if the server is too slow or the body breaks off.
    """

    name: str
    start: int
    size: int | None
    etag: str
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class LinkedPart:
    """One of ``parts`` parts of an export that a link leads to, numbered from 1, and where it is, which is secret."""

    number: int
    parts: int
    name: str
    url: str = field(repr=False)


class InputsClient(Protocol):
    """Fetches what the URLs of imports lead to, from servers of the public internet alone."""

    def parts(self, url: str) -> Sequence[LinkedPart] | None:
        """Return the parts of the export that a URL is the link of, as a Cozy mails it; None if it is no such link.

        Raises InputRefused if there is no such export any more, or not yet.
        """
        ...

    def open(self, url: str, *, start: int = 0, etag: str = "") -> AbstractContextManager[RemoteBody]:
        """Ask for a file, from byte ``start`` on in the version ``etag`` if the server can do that.

        Raises InputRefused for all that a URL or a server can be to blame for.
        """
        ...
