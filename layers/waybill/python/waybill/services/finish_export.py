"""Publish an export, once everything is packed and accounted for."""

import hashlib
import json
from collections.abc import Sequence

from waybill.domain import keys
from waybill.domain.chain import order_of
from waybill.domain.job import ExportJob, ExportState
from waybill.domain.manifest import ReadLedger, build_manifest, close_ledger
from waybill.domain.metalink import MOST_PIECES
from waybill.domain.options import COZY
from waybill.domain.plan import PackBatch, PackedPart, PartsHeader, Pieces, Work
from waybill.ports import ChainStore, Clock, JobStore, Metrics, ObjectStore, ScheduleStore, Signer
from waybill.services.baselines import increment_of, put_baseline, writing_baseline
from waybill.services.chains import note_done
from waybill.services.making_export import making_export
from waybill.services.pinned_catalog import pinned_catalog
from waybill.services.work_files import load, save


def finish_export(
    tenant: str,
    export_id: str,
    *,
    jobs: JobStore,
    archives: ObjectStore,
    signer: Signer,
    clock: Clock,
    metrics: Metrics,
    chains: ChainStore,
    schedules: ScheduleStore,
) -> Work:
    """Check the ledger, sign and write the manifest and set the job done; or, if parts are missing, list what is left.

    The manifest is written before the job is done, so that nobody sees the one without the other, and its signature
    before the manifest. Only of a done export its chain learns. What was only staged is removed then; a repeated
    call completes that. Raises ExportGone or ExportNotRunning, LedgerMismatch, StorageUnavailable.
    """
    job = jobs.get(tenant, export_id)
    if job.state is not ExportState.DONE:
        with (
            making_export(tenant, export_id, jobs=jobs, archives=archives, clock=clock) as job,
            writing_baseline(job, jobs=jobs, archives=archives),
        ):
            left = _publish(job, jobs=jobs, archives=archives, signer=signer, clock=clock, metrics=metrics)
        if left is not None:
            return left
    else:
        archives.delete_prefix(keys.work(export_id))
    note_done(job, chains=chains, schedules=schedules, archives=archives, clock=clock)
    jobs.forget_reports(tenant, export_id)
    archives.abort_uploads(keys.prefix(export_id))  # those of calls that died
    return Work(ready=True, key="")


def _publish(
    job: ExportJob, *, jobs: JobStore, archives: ObjectStore, signer: Signer, clock: Clock, metrics: Metrics
) -> Work | None:
    header = load(archives, keys.parts_header(job.id), PartsHeader)
    parts = [load(archives, info.key, PackedPart) for info in archives.list(keys.packed(job.id))]
    if len(parts) < header.parts:
        return _batches_left(job.id, header, {part.number for part in parts}, archives)
    read = load(archives, keys.read_ledger(job.id), ReadLedger)
    ledger = close_ledger(read, parts)
    size = sum(part.size for part in parts)
    names = tuple(part.first_file for part in parts[1:]) if job.options.layout == COZY else ()
    done = job.finished(
        clock(), parts=len(parts), total_size=size, gaps=ledger.failed, records=ledger.written, part_names=names
    )
    increment = increment_of(archives, job)
    doctypes = pinned_catalog(archives, job.id).doctypes
    left_out = {name: doctype.leave_out for name, doctype in doctypes.items()}
    document = build_manifest(done, header, parts, ledger, increment=increment, deleted=read.deleted, left_out=left_out)
    manifest = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    save(archives, keys.pieces(job.id), _pieces(parts))
    digest = _put_signed(job.id, manifest, archives, signer)
    if job.chain is not None:
        orders = {name: order_of(doctype).name for name, doctype in doctypes.items()}
        put_baseline(archives, job, orders, digest, _lost(parts))
    jobs.replace(done)
    metrics.count("ExportsDone", 1)
    metrics.count("Gaps", ledger.failed)
    metrics.count("Records", ledger.written)
    metrics.count("Bytes", size, "Bytes")
    metrics.count("Duration", done.creation_duration / 1_000_000, "Milliseconds")
    return None


def _pieces(parts: Sequence[PackedPart]) -> list[Pieces]:
    """Return the pieces of all parts, or nothing if they are more than a metalink can name."""
    if sum(len(part.pieces) for part in parts) > MOST_PIECES:
        return []
    return [Pieces(part.piece_length, part.pieces) for part in parts]


def _lost(parts: Sequence[PackedPart]) -> list[tuple[str, str]]:
    """Return the files that were there when they were read, and could not be packed."""
    gaps = (gap for part in parts for gap in part.gaps if gap.kind == "file")
    return sorted((gap.doctype, gap.id) for gap in gaps)


def _put_signed(export_id: str, manifest: bytes, archives: ObjectStore, signer: Signer) -> str:
    """Store the manifest behind its signature; return its SHA-256.

    KMS signs the same digest differently every time, and two calls may run at once. The signature's key therefore holds
    the digest that was signed, and it is written first: whichever manifest stands, its own signature stands beside it.
    """
    digest = hashlib.sha256(manifest)
    archives.put(keys.signature(export_id, digest.hexdigest()), signer.sign(digest.digest()))
    archives.put(keys.manifest(export_id), manifest)
    return digest.hexdigest()


def _batches_left(export_id: str, header: PartsHeader, packed: set[int], archives: ObjectStore) -> Work:
    left = [
        number
        for number in range(header.batches)
        if not packed.issuperset(
            plan.number for plan in load(archives, keys.pack_batch(export_id, number), PackBatch).parts
        )
    ]
    key = keys.pack_batches_left(export_id)
    save(archives, key, left)
    return Work(ready=False, key=key)
