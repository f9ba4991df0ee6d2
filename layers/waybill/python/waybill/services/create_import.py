"""Create an import: its record and all that belongs to it in one write, then the execution that bears its name."""

from dataclasses import dataclass

from waybill.domain import import_keys
from waybill.domain.catalog import Catalog
from waybill.domain.errors import (
    IdempotencyKeyReused,
    ImportGone,
    ImportNotFound,
    InvalidOptions,
    JobChanged,
    QuotaExceeded,
    UploadGone,
    UploadNotFound,
)
from waybill.domain.idempotency import RememberedKey, digest_of, key_digest, remember
from waybill.domain.import_job import ImportJob, ImportState, new_import
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.domain.upload import UploadState
from waybill.ports import Clock, ImportStore, ImportWorkflow, Metrics, ObjectStore, UploadStore
from waybill.services.import_places import with_import_place
from waybill.services.starting_import import start_import, start_import_if_lost

_TRIES = 10


@dataclass(frozen=True, slots=True)
class ImportCreation:
    """What became of a request for an import. ``replayed`` says that an earlier request with its key has made it."""

    job: ImportJob
    replayed: bool


def create_import(
    tenant: str,
    options: ImportOptions,
    *,
    pointers: tuple[str, ...],
    idempotency_key: str | None = None,
    most_running: int,
    catalog: Catalog,
    imports: ImportStore,
    uploads: UploadStore,
    archives: ObjectStore,
    workflow: ImportWorkflow,
    clock: Clock,
    metrics: Metrics,
    request_file: bytes = b"",
) -> ImportCreation:
    """Store a new import and start it; or return the one that an earlier request with the same key has made.

    ``pointers`` are the JSON Pointers of the inputs in the request, for telling which of them cannot be taken.
    ``request_file`` is the input that came with the request, if one of ``options`` is that.

    Raises InvalidOptions, for a doctype that is unknown and for an upload that is unknown, expired or not complete, and
    QuotaExceeded, before anything is stored; IdempotencyKeyReused if the key was used with other options, ImportGone if
    its import is gone, ImportBeingStarted while the first request is still being served. If the workflow cannot be
    started, the import ends in state error, its place is given back, the key may be used again, and StorageUnavailable
    is raised.
    """
    for _ in range(_TRIES):
        now = clock()
        if idempotency_key is not None:
            known = imports.remembered(tenant, key_digest(idempotency_key), now=now)
            if known is not None:
                return _replayed(tenant, known, options, imports=imports, workflow=workflow, clock=clock)
        _check_doctype(options, catalog)
        _check_uploads(tenant, options, pointers, uploads, clock)
        try:
            running = with_import_place(tenant, most_running, imports=imports, clock=clock)
        except QuotaExceeded:
            metrics.count("ImportsRefused", 1)
            raise
        job = new_import(tenant, options, now)
        key = None if idempotency_key is None else remember(idempotency_key, job.id, options, now)
        if request_file:
            archives.put(import_keys.request_file(job.id), request_file)
        try:
            imports.create(job, running=running.with_one_more(job.id), key=key)
        except JobChanged:
            if request_file:
                archives.delete_prefix(import_keys.prefix(job.id))
            continue
        digest = key.digest if key else None
        start_import(job, imports=imports, workflow=workflow, clock=clock, key_digest=digest)
        metrics.count("ImportsStarted", 1)
        return ImportCreation(job, replayed=False)
    raise JobChanged("Too many requests of yours came at the same time. Send this one again.")


def _replayed(
    tenant: str,
    known: RememberedKey,
    options: ImportOptions,
    *,
    imports: ImportStore,
    workflow: ImportWorkflow,
    clock: Clock,
) -> ImportCreation:
    if known.options != digest_of(options):
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used before with other options. Send another key for another import."
        )
    try:
        job = imports.get(tenant, known.job_id)
    except ImportNotFound:
        raise ImportGone("The import that this Idempotency-Key has made has expired. Send another key.") from None
    job.check_not_gone(clock())
    if job.state is ImportState.IMPORTING:
        start_import_if_lost(job, imports=imports, workflow=workflow, clock=clock, key_digest=known.digest)
    return ImportCreation(job, replayed=True)


def _check_doctype(options: ImportOptions, catalog: Catalog) -> None:
    if options.doctype is not None and not catalog.importable(options.doctype):
        known = ", ".join(sorted(filter(catalog.importable, catalog.doctypes)))
        raise InvalidOptions(
            f"The doctype {options.doctype!r} is not imported here. Known: {known}.", "/data/attributes/doctype"
        )


def _check_uploads(
    tenant: str, options: ImportOptions, pointers: tuple[str, ...], uploads: UploadStore, clock: Clock
) -> None:
    for each, pointer in zip(options.inputs, pointers, strict=True):
        if each.kind is InputKind.UPLOAD:
            _check_upload(tenant, each, pointer, uploads, clock)


def _check_upload(tenant: str, named: ImportInput, pointer: str, uploads: UploadStore, clock: Clock) -> None:
    """Raise InvalidOptions unless the tenant has this upload, and all of it is there."""
    try:
        upload = uploads.get(tenant, named.reference)
        upload.check_not_gone(clock())
    except UploadNotFound:
        raise InvalidOptions(
            "There is no such upload. Make one with POST /move/uploads, and give its id.", pointer
        ) from None
    except UploadGone as gone:
        raise InvalidOptions(str(gone), pointer) from None
    if upload.state is not UploadState.COMPLETE:
        raise InvalidOptions("This upload is not complete. Send the parts that are missing and complete it.", pointer)
