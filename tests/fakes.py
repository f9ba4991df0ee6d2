"""The ports in memory. They obey the same conditions as the adapters: tests/contract/ holds both to one suite.

Faults are put in where a test wants them: ``fail_on`` maps a key (or a method's name) to the error that it meets.
"""

import hashlib
import itertools
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from waybill.domain.api_key import ApiKey
from waybill.domain.chain import GoodRun
from waybill.domain.errors import (
    ApiKeyExists,
    ApiKeyMissing,
    CatalogError,
    ExportExists,
    ExportNotFound,
    ImportExists,
    ImportNotFound,
    JobChanged,
    ObjectChanged,
    ObjectMissing,
    ObjectUnreadable,
    StorageUnavailable,
    Unauthorized,
    UploadMissing,
)
from waybill.domain.estimate import Amount
from waybill.domain.idempotency import RememberedKey
from waybill.domain.import_job import ImportJob, ImportState
from waybill.domain.job import ExecutionState, ExportJob, ExportState
from waybill.domain.plan import Piece, Shard, StoredDigests
from waybill.domain.progress import WorkerProgress
from waybill.domain.quota import QuotaUse
from waybill.domain.running_imports import RunningImports
from waybill.ports import (
    Body,
    Budget,
    CopySource,
    Download,
    ImportFailure,
    ImportPage,
    JobPage,
    Measure,
    ObjectInfo,
    Source,
    SourceItem,
)

_numbers = itertools.count(1)


class FakeClock:
    """A clock that stands still until it is moved (port Clock)."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Move the clock by what ``timedelta`` takes."""
        self.now += timedelta(**span)


class FakeBudget:
    """A budget that is spent when it is asked for the ``steps``-th time, never if that is None (port Budget)."""

    def __init__(self, steps: int | None = None) -> None:
        self._left = steps

    def spent(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        return self._left <= 0


class FakeMetrics:
    """Keeps what was counted (port Metrics). ``flushes`` is how often it was handed on."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.units: dict[str, str] = {}
        self.flushes = 0

    def count(self, name: str, value: float, unit: str = "Count") -> None:
        self.values[name] = self.values.get(name, 0) + value
        self.units[name] = unit

    def flush(self) -> None:
        self.flushes += 1


class MemoryJobs:
    """JobStore. ``fail_on`` maps a method's name to the error that it raises."""

    def __init__(self, *, fail_on: Mapping[str, Exception] | None = None) -> None:
        self.jobs: dict[tuple[str, str], ExportJob] = {}
        self.owners: dict[str, str] = {}
        self.quotas: dict[str, QuotaUse] = {}
        self.keys: dict[tuple[str, str], RememberedKey] = {}
        self.failures: dict[tuple[str, str], str] = {}
        self.progress: dict[tuple[str, str], dict[tuple[str, int], WorkerProgress]] = {}
        self.fail_on = dict(fail_on or {})
        self._lock = threading.Lock()

    def create(self, job: ExportJob, *, quota: QuotaUse | None = None, key: RememberedKey | None = None) -> None:
        self._meet("create")
        with self._lock:
            if (job.tenant, job.id) in self.jobs:
                raise ExportExists(f"There is an export {job.id} already.")
            if key is not None and self._known(job.tenant, key.digest, job.created_at) is not None:
                raise JobChanged("The key stands for an export.")
            self._put_quota(quota)
            if key is not None:
                self.keys[job.tenant, key.digest] = key
            self.owners[job.id] = job.tenant
            self.jobs[job.tenant, job.id] = job

    def get(self, tenant: str, export_id: str) -> ExportJob:
        self._meet("get")
        try:
            return self.jobs[tenant, export_id]
        except KeyError:
            raise ExportNotFound(f"There is no export {export_id} here.") from None

    def list(self, tenant: str, *, now: datetime, limit: int, after: str | None = None) -> JobPage:
        self._meet("list")
        ids = sorted((export_id for owner, export_id in self.jobs if owner == tenant), reverse=True)
        older = (self.jobs[tenant, export_id] for export_id in ids if after is None or export_id < after)
        shown = [job for job in older if job.state is not ExportState.DELETED and job.expires_at > now]
        page = shown[:limit]
        return JobPage(page, page[-1].id if len(shown) > limit else None)

    def replace(self, job: ExportJob, *, quota: QuotaUse | None = None, forget_key: str | None = None) -> None:
        self._meet("replace")
        with self._lock:
            stored = self.jobs.get((job.tenant, job.id))
            rises = stored is not None and stored.state is ExportState.DELETED and job.state is not ExportState.DELETED
            if stored is None or stored.rev != job.rev - 1 or rises:
                raise JobChanged(f"The export {job.id} was changed by somebody else meanwhile. Read it again.")
            self._put_quota(quota)
            if forget_key is not None:
                self.keys.pop((job.tenant, forget_key), None)
            self.jobs[job.tenant, job.id] = job

    def quota(self, tenant: str) -> QuotaUse:
        self._meet("quota")
        return self.quotas.get(tenant, QuotaUse(tenant))

    def remembered(self, tenant: str, digest: str, *, now: datetime) -> RememberedKey | None:
        self._meet("remembered")
        return self._known(tenant, digest, now)

    def report(self, job: ExportJob, progress: WorkerProgress) -> None:
        self._meet("report")
        self.progress.setdefault((job.tenant, job.id), {})[progress.phase, progress.batch] = progress

    def reports(self, tenant: str, export_id: str) -> Sequence[WorkerProgress]:
        self._meet("reports")
        return list(self.progress.get((tenant, export_id), {}).values())

    def note_failure(self, tenant: str, export_id: str, sentence: str) -> None:
        self._meet("note_failure")
        self.failures[tenant, export_id] = sentence

    def failure(self, tenant: str, export_id: str) -> str | None:
        self._meet("failure")
        return self.failures.get((tenant, export_id))

    def forget_reports(self, tenant: str, export_id: str) -> None:
        self._meet("forget_reports")
        self.progress.pop((tenant, export_id), None)
        self.failures.pop((tenant, export_id), None)

    def owner_of(self, export_id: str) -> str:
        self._meet("owner_of")
        try:
            return self.owners[export_id]
        except KeyError:
            raise ExportNotFound(f"There is no export {export_id} here.") from None

    def _known(self, tenant: str, digest: str, now: datetime) -> RememberedKey | None:
        known = self.keys.get((tenant, digest))
        return known if known is not None and now < known.expires_at else None

    def _put_quota(self, quota: QuotaUse | None) -> None:
        if quota is None:
            return
        if self.quotas.get(quota.tenant, QuotaUse(quota.tenant)).rev != quota.rev - 1:
            raise JobChanged("The quota was changed.")
        self.quotas[quota.tenant] = quota

    def bury(self, tombstone: ExportJob) -> None:
        self._meet("bury")
        if (tombstone.tenant, tombstone.id) in self.jobs:
            raise ExportExists(f"There is an export {tombstone.id} already.")
        self.jobs[tombstone.tenant, tombstone.id] = tombstone

    def unfinished(self, *, before: datetime) -> Iterator[tuple[str, str]]:
        self._meet("unfinished")
        left = [job for job in self.jobs.values() if not job.at_rest and job.created_at < before]
        yield from [(job.tenant, job.id) for job in sorted(left, key=lambda job: job.created_at)]

    def _meet(self, method: str) -> None:
        if method in self.fail_on:
            raise self.fail_on[method]


class MemoryObjects:
    """ObjectStore. ``fail_on`` maps a key, or ``key#number`` of a piece, to the error that it meets.

    ``cut_short`` maps a key to the number of bytes after which streaming it breaks off. ``gets`` and ``puts`` are the
    keys in the order in which they were asked for, ``copies`` the pieces that were copied, ``deleted`` the prefixes
    that were removed. ``digests`` is what the store knows of objects, ``tells_crc32`` whether it tells the CRC of a
    copied piece, ``elsewhere`` gives the buckets that can be copied from.
    """

    def __init__(
        self,
        objects: Mapping[str, bytes] | None = None,
        *,
        fail_on: Mapping[str, Exception] | None = None,
        cut_short: Mapping[str, int] | None = None,
        chunk_size: int = 65_536,
    ) -> None:
        self.objects = dict(objects or {})
        self.fail_on = dict(fail_on or {})
        self.cut_short = dict(cut_short or {})
        self.chunk_size = chunk_size
        self.gets: list[str] = []
        self.puts: list[str] = []
        self.deleted: list[str] = []
        self.copies: list[tuple[str, int, CopySource]] = []
        self.downloads: dict[str, Download] = {}
        self.uploads: dict[str, tuple[str, Download, dict[int, bytes]]] = {}
        self.digests: dict[str, StoredDigests] = {}
        self.tells_crc32 = True
        self.least_piece = 5 * 2**20
        self.elsewhere: Callable[[str], MemoryObjects] = lambda bucket: self

    def put(self, key: str, data: bytes | Body, *, download: Download | None = None) -> None:
        self._meet(key)
        self.puts.append(key)
        self.objects[key] = whole(data)
        if download is not None:
            self.downloads[key] = download

    def start_upload(self, key: str, *, download: Download) -> str:
        self._meet(key)
        upload = f"upload-{next(_numbers)}"
        self.uploads[upload] = (key, download, {})
        return upload

    def put_piece(self, key: str, upload: str, number: int, data: bytes | Body) -> Piece:
        self._meet(f"{key}#{number}")
        pieces = self._pieces(key, upload)
        self.puts.append(f"{key}#{number}")
        pieces[number] = content = whole(data)
        return Piece(number, len(content), etag_of(content), zlib.crc32(content))

    def copy_piece(self, key: str, upload: str, number: int, source: CopySource) -> Piece:
        self._meet(f"{key}#{number}")
        pieces = self._pieces(key, upload)
        whole = (self.elsewhere(source.bucket) if source.bucket else self)._version(source.key, source.etag)
        self.copies.append((key, number, source))
        data = whole[source.start : source.end]
        if len(data) != source.end - source.start:
            raise StorageUnavailable(f"The object {source.key} is shorter than it was.")
        pieces[number] = data
        return Piece(number, len(data), etag_of(data), zlib.crc32(data) if self.tells_crc32 else None)

    def uploaded(self, key: str, upload: str) -> Sequence[Piece]:
        return [Piece(n, len(data), etag_of(data)) for n, data in sorted(self._pieces(key, upload).items())]

    def finish_upload(self, key: str, upload: str, pieces: Sequence[Piece], *, crc32: int | None) -> None:
        self._meet(key)
        if upload not in self.uploads and len(self.objects.get(key, b"")) == sum(piece.size for piece in pieces) > 0:
            return
        stored = self._pieces(key, upload)
        if any(etag_of(stored.get(piece.number, b"")) != piece.etag for piece in pieces):
            raise UploadMissing("The upload has other pieces.")
        if any(piece.size < self.least_piece for piece in pieces[:-1]) or len(pieces) > 10_000:
            raise StorageUnavailable("A piece that is not the last is too small, or there are too many.")
        data = b"".join(stored[piece.number] for piece in pieces)
        if crc32 is not None and crc32 != zlib.crc32(data):
            raise StorageUnavailable("The content does not have its CRC-32.")
        _, download, _ = self.uploads.pop(upload)
        self.puts.append(key)
        self.objects[key] = data
        self.downloads[key] = download

    def abort_uploads(self, prefix: str) -> None:
        for upload in [upload for upload, (key, _, _) in self.uploads.items() if key.startswith(prefix)]:
            del self.uploads[upload]

    def get(self, key: str) -> bytes:
        return b"".join(self.stream(key))

    def stored_digests(self, key: str, *, etag: str) -> StoredDigests:
        self._version(key, etag)
        return self.digests.get(key, StoredDigests())

    def stream_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        data = self._version(key, etag)[offset : offset + length]
        for start in range(0, len(data), self.chunk_size):
            yield data[start : start + self.chunk_size]
        if len(data) != length:
            raise StorageUnavailable(f"The object {key} is shorter than it was.")

    def stream(self, key: str, *, etag: str | None = None, start: int = 0) -> Iterator[bytes]:
        data = self._version(key, etag)
        end = self.cut_short.get(key, len(data))
        for position in range(start, end, self.chunk_size):
            yield data[position : min(position + self.chunk_size, end)]
        if end < len(data):
            raise ObjectUnreadable(f"The object {key} cannot be read: its content breaks off at byte {end}.")

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[ObjectInfo]:
        for key in sorted(self.objects):
            if key.startswith(prefix) and (after is None or key > after):
                self._meet(key)
                yield ObjectInfo(key, len(self.objects[key]), etag_of(self.objects[key]))

    def prefixes(self, prefix: str) -> Iterator[str]:
        names = [*self.objects, *(key for key, _, _ in self.uploads.values())]
        behind = {key.removeprefix(prefix) for key in names if key.startswith(prefix)}
        yield from sorted({f"{prefix}{name.partition('/')[0]}/" for name in behind if "/" in name})

    def delete_prefix(self, prefix: str) -> int:
        keys = [key for key in self.objects if key.startswith(prefix)]
        for key in keys:
            self._meet(key)
            del self.objects[key]
        self.abort_uploads(prefix)
        self.deleted.append(prefix)
        return len(keys)

    def presign(self, key: str, *, expires_in: timedelta) -> str:
        query = urlencode({"expires": int(expires_in.total_seconds())})
        return f"https://objects.invalid/{quote(key)}?{query}"

    def _version(self, key: str, etag: str | None) -> bytes:
        self._meet(key)
        self.gets.append(key)
        data = self.objects.get(key)
        if data is None:
            raise ObjectMissing(f"There is no object {key}.")
        if etag is not None and etag != etag_of(data):
            raise ObjectChanged(f"The object {key} is no longer the planned version.")
        return data

    def _pieces(self, key: str, upload: str) -> dict[int, bytes]:
        if upload not in self.uploads or self.uploads[upload][0] != key:
            raise UploadMissing("There is no such upload.")
        return self.uploads[upload][2]

    def _meet(self, key: str) -> None:
        if key in self.fail_on:
            raise self.fail_on[key]


def whole(data: bytes | Body) -> bytes:
    """Return what a store was given."""
    return data if isinstance(data, bytes) else b"".join(data)


def etag_of(data: bytes) -> str:
    """Return the ETag that S3 gives to an object that was put in one piece."""
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


class MemoryWorkflow:
    """Workflow. ``running`` are the names of executions that run, ``started`` and ``stopped`` all that ever were."""

    def __init__(self, *, fail_on: Mapping[str, Exception] | None = None) -> None:
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.running: set[str] = set()
        self.fail_on = dict(fail_on or {})

    def start(self, job: ExportJob) -> None:
        self._meet("start")
        if job.execution not in self.started:
            self.started.append(job.execution)
            self.running.add(job.execution)

    def stop(self, job: ExportJob) -> None:
        self._meet("stop")
        if job.execution in self.running:
            self.running.remove(job.execution)
            self.stopped.append(job.execution)

    def state(self, job: ExportJob) -> ExecutionState:
        self._meet("state")
        if job.execution not in self.started:
            return ExecutionState.MISSING
        return ExecutionState.RUNNING if job.execution in self.running else ExecutionState.ENDED

    def _meet(self, method: str) -> None:
        if method in self.fail_on:
            raise self.fail_on[method]


class MemorySigner:
    """Signer with a key of its own. ``fail_on`` maps a method's name to the error that it raises."""

    def __init__(self, *, fail_on: Mapping[str, Exception] | None = None) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.fail_on = dict(fail_on or {})

    def sign(self, digest: bytes) -> bytes:
        if "sign" in self.fail_on:
            raise self.fail_on["sign"]
        return self._key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))

    def public_key_pem(self) -> bytes:
        if "public_key_pem" in self.fail_on:
            raise self.fail_on["public_key_pem"]
        return self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


@dataclass
class MemorySource:
    """Source of one doctype, for one tenant or, if ``tenant`` is None, for any.

    ``cut_at`` are the keys where shards begin. ``fail_on`` maps a key to the error that reading it raises. A page has
    ``page_items`` items, and what is behind those that may be counted is extrapolated without any error.
    """

    doctype: str
    items: Iterable[SourceItem] = ()
    tenant: str | None = None
    cut_at: Sequence[str] = ()
    fail_on: Mapping[str, Exception] = field(default_factory=dict)
    page_items: int = 10_000

    def shards(self, *, tenant: str, start: int) -> Sequence[Shard]:
        bounds: list[str | None] = [None, *self.cut_at, None]
        return [
            Shard(number=start + position, doctype=self.doctype, first=first, last=last, index=position + 1)
            for position, (first, last) in enumerate(pairwise(bounds))
        ]

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:
        if self.tenant not in {None, tenant}:
            return
        for item in sorted(self.items, key=lambda item: item.key):
            is_behind = after is None or item.key > after
            if is_behind and (shard.first or "") <= item.key and (shard.last is None or item.key < shard.last):
                if item.key in self.fail_on:
                    raise self.fail_on[item.key]
                yield item

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:
        items = list(self.read(tenant=tenant, shard=Shard(0, self.doctype), after=None))
        read = 1
        while read * self.page_items < len(items) and read < pages and not budget.spent():
            read += 1
        counted = items[: read * self.page_items]
        return Measure(_amount(items), _amount(counted), counted, exact=len(counted) == len(items), pages=read)


def _amount(items: Iterable[SourceItem]) -> Amount:
    lines = [item.line for item in items if item.line is not None]
    files = [item.file for item in items if item.file is not None]
    return Amount(
        records=len(lines),
        record_bytes=sum(len(line) + 1 for line in lines),
        files=len(files),
        file_bytes=sum(file.size for file in files),
        shrinking_bytes=sum(file.size for file in files if not file.mime.startswith("image/")),
    )


class MemorySources:
    """Sources: those given."""

    def __init__(self, *sources: MemorySource) -> None:
        self._sources = {source.doctype: source for source in sources}

    def of(self, doctype: str) -> Source:
        if doctype not in self._sources:
            raise CatalogError(f"The catalog has no doctype {doctype}, but an export asks for it.")
        return self._sources[doctype]


class MemoryApiKeys:
    """ApiKeys. ``fail_on`` maps a method's name to the error that it raises."""

    def __init__(self, *keys: ApiKey, fail_on: Mapping[str, Exception] | None = None) -> None:
        self.keys = {key.app_id: key for key in keys}
        self.fail_on = dict(fail_on or {})

    def find(self, app_id: str) -> ApiKey | None:
        if "find" in self.fail_on:
            raise self.fail_on["find"]
        return self.keys.get(app_id)

    def add(self, key: ApiKey) -> None:
        if key.app_id in self.keys:
            raise ApiKeyExists(f"There is an API key {key.app_id} already. Choose another app id.")
        self.keys[key.app_id] = key

    def revoke(self, app_id: str) -> None:
        if app_id not in self.keys:
            raise ApiKeyMissing(f"There is no API key {app_id}.")
        self.keys[app_id] = replace(self.keys[app_id], enabled=False)

    def all(self) -> Iterator[ApiKey]:
        yield from self.keys.values()


class FakeTokens:
    """TokenVerifier that takes the tokens given."""

    def __init__(self, tokens: Mapping[str, Mapping[str, object]] | None = None) -> None:
        self.tokens = dict(tokens or {})

    def claims(self, token: str) -> Mapping[str, object]:
        if token not in self.tokens:
            raise Unauthorized("This token is not taken.")
        return self.tokens[token]


class MemoryChains:
    """ChainStore."""

    def __init__(self) -> None:
        self.good: dict[tuple[str, str], GoodRun] = {}

    def last_good(self, tenant: str, key: str) -> GoodRun | None:
        return self.good.get((tenant, key))

    def note_good(self, tenant: str, key: str, run: GoodRun, *, after: str) -> bool:
        stored = self.good.get((tenant, key))
        if (stored.export_id if stored else "") == after:
            self.good[tenant, key] = run
        return self.good.get((tenant, key), run).export_id == run.export_id and (tenant, key) in self.good

    def forget(self, tenant: str, key: str, export_id: str | None = None) -> None:
        stored = self.good.get((tenant, key))
        if stored is not None and export_id in {None, stored.export_id}:
            del self.good[tenant, key]


class FakeImports:
    """ImportStore. ``fail_on`` maps a method's name to the error that it raises."""

    def __init__(self, *jobs: ImportJob, fail_on: Mapping[str, Exception] | None = None) -> None:
        self.jobs = {(job.tenant, job.id): job for job in jobs}
        self.owners = {job.id: job.tenant for job in jobs}
        self.places: dict[str, RunningImports] = {}
        self.keys: dict[tuple[str, str], RememberedKey] = {}
        self.failures: dict[tuple[str, str], ImportFailure] = {}
        self.fail_on = dict(fail_on or {})
        self._lock = threading.Lock()

    def create(
        self, job: ImportJob, *, running: RunningImports | None = None, key: RememberedKey | None = None
    ) -> None:
        self._meet("create")
        with self._lock:
            if (job.tenant, job.id) in self.jobs:
                raise ImportExists(f"There is an import {job.id} already.")
            if key is not None and self._known(job.tenant, key.digest, job.created_at) is not None:
                raise JobChanged("The key stands for an import.")
            self._put_running(running)
            if key is not None:
                self.keys[job.tenant, key.digest] = key
            self.owners[job.id] = job.tenant
            self.jobs[job.tenant, job.id] = job

    def get(self, tenant: str, import_id: str) -> ImportJob:
        self._meet("get")
        try:
            return self.jobs[tenant, import_id]
        except KeyError:
            raise ImportNotFound(f"There is no import {import_id} here.") from None

    def list(self, tenant: str, *, now: datetime, limit: int, after: str | None = None) -> ImportPage:
        self._meet("list")
        ids = sorted((import_id for owner, import_id in self.jobs if owner == tenant), reverse=True)
        older = (self.jobs[tenant, import_id] for import_id in ids if after is None or import_id < after)
        shown = [job for job in older if job.state is not ImportState.DELETED and job.expires_at > now]
        page = shown[:limit]
        return ImportPage(page, page[-1].id if len(shown) > limit else None)

    def replace(self, job: ImportJob, *, running: RunningImports | None = None, forget_key: str | None = None) -> None:
        self._meet("replace")
        with self._lock:
            stored = self.jobs.get((job.tenant, job.id))
            rises = stored is not None and stored.state is ImportState.DELETED and job.state is not ImportState.DELETED
            if stored is None or stored.rev != job.rev - 1 or rises:
                raise JobChanged(f"The import {job.id} was changed by somebody else meanwhile. Read it again.")
            self._put_running(running)
            if forget_key is not None:
                self.keys.pop((job.tenant, forget_key), None)
            self.jobs[job.tenant, job.id] = job

    def running(self, tenant: str) -> RunningImports:
        self._meet("running")
        return self.places.get(tenant, RunningImports(tenant))

    def remembered(self, tenant: str, digest: str, *, now: datetime) -> RememberedKey | None:
        self._meet("remembered")
        return self._known(tenant, digest, now)

    def note_failure(self, tenant: str, import_id: str, failure: ImportFailure) -> None:
        self._meet("note_failure")
        self.failures[tenant, import_id] = failure

    def failure(self, tenant: str, import_id: str) -> ImportFailure | None:
        self._meet("failure")
        return self.failures.get((tenant, import_id))

    def forget_failure(self, tenant: str, import_id: str) -> None:
        self._meet("forget_failure")
        self.failures.pop((tenant, import_id), None)

    def owner_of(self, import_id: str) -> str:
        self._meet("owner_of")
        try:
            return self.owners[import_id]
        except KeyError:
            raise ImportNotFound(f"There is no import {import_id} here.") from None

    def bury(self, tombstone: ImportJob) -> None:
        self._meet("bury")
        if (tombstone.tenant, tombstone.id) in self.jobs:
            raise ImportExists(f"There is an import {tombstone.id} already.")
        self.jobs[tombstone.tenant, tombstone.id] = tombstone

    def unfinished(self, *, before: datetime) -> Iterator[tuple[str, str]]:
        self._meet("unfinished")
        left = [job for job in self.jobs.values() if not job.at_rest and job.created_at < before]
        yield from [(job.tenant, job.id) for job in sorted(left, key=lambda job: job.created_at)]

    def _known(self, tenant: str, digest: str, now: datetime) -> RememberedKey | None:
        known = self.keys.get((tenant, digest))
        return known if known is not None and now < known.expires_at else None

    def _put_running(self, running: RunningImports | None) -> None:
        if running is None:
            return
        if self.places.get(running.tenant, RunningImports(running.tenant)).rev != running.rev - 1:
            raise JobChanged("What runs was changed.")
        self.places[running.tenant] = running

    def _meet(self, method: str) -> None:
        if method in self.fail_on:
            raise self.fail_on[method]


class MemoryImportWorkflow:
    """ImportWorkflow. ``running`` are the names of executions that run, ``started`` and ``stopped`` all that were."""

    def __init__(self, *, fail_on: Mapping[str, Exception] | None = None) -> None:
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.running: set[str] = set()
        self.fail_on = dict(fail_on or {})

    def start(self, job: ImportJob) -> None:
        self._meet("start")
        if job.execution not in self.started:
            self.started.append(job.execution)
            self.running.add(job.execution)

    def stop(self, job: ImportJob) -> None:
        self._meet("stop")
        for name in job.executions:
            if name in self.running:
                self.running.remove(name)
                self.stopped.append(name)

    def state(self, job: ImportJob) -> ExecutionState:
        self._meet("state")
        if job.execution not in self.started:
            return ExecutionState.MISSING
        return ExecutionState.RUNNING if job.execution in self.running else ExecutionState.ENDED

    def _meet(self, method: str) -> None:
        if method in self.fail_on:
            raise self.fail_on[method]
