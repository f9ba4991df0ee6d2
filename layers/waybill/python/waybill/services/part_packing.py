"""Pack one part, if need be over several calls, and whatever becomes of its files meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from waybill.archive.container import container_of
from waybill.archive.copying import LEAST_PIECE
from waybill.archive.errors import ContentLost
from waybill.archive.fingerprint import Fingerprint
from waybill.archive.layouts import layout_of
from waybill.archive.part import AllTold, Copy, Materials, PartState, PartWriter, SafePoint, Step
from waybill.archive.pieces import piece_length
from waybill.domain import keys
from waybill.domain.catalog import Catalog
from waybill.domain.errors import StorageUnavailable, UploadMissing
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Gap
from waybill.domain.options import GIBIBYTE
from waybill.domain.plan import FileEntry, PackedPart, PartPlan, PartsHeader, SegmentSlice, StoredDigests
from waybill.ports import Budget, Download, ObjectStore
from waybill.services.fetch_ahead import FetchAhead
from waybill.services.part_upload import PIECE, PartUpload, UploadState
from waybill.services.work_files import load_if_there, save

CHECKPOINT_BYTES = GIBIBYTE
"""What is packed anew at most when a call dies, and how rarely a checkpoint is written."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the packing of a part stopped.

    ``upload`` and ``writer`` say where; without them the part is begun anew. ``packed`` is there once only the last
    request is missing. ``broken_off`` are the files that broke off once, ``lost`` those that are left out, by path.
    """

    upload: UploadState | None = None
    writer: PartState | None = None
    packed: PackedPart | None = None
    broken_off: frozenset[str] = frozenset()
    lost: dict[str, Gap] = field(default_factory=dict)


class PartPacking:
    """Packs parts of one export. ``buckets`` gives a bucket by its name."""

    def __init__(
        self,
        job: ExportJob,
        header: PartsHeader,
        catalog: Catalog,
        archives: ObjectStore,
        buckets: Callable[[str], ObjectStore],
    ) -> None:
        self._job = job
        self._header = header
        self._catalog = catalog
        self._archives = archives
        self._buckets = buckets
        self._container = container_of(job.options.format)
        self._layout = layout_of(job.options.layout)
        self._latest: dict[int, Checkpoint] = {}

    def pack(self, plan: PartPlan, budget: Budget) -> PackedPart | None:
        """Pack a part and return what it holds, or None if the time was used before it was done.

        If a file's content breaks off in the middle, packing is taken up again from before that file: once with it,
        because the store may have been at fault, then without it, and the file is named as lost. An upload that is not
        there any more is begun anew, once.
        """
        upload_missed = False
        while True:
            try:
                return self._go_on(plan, self._checkpoint(plan), budget)
            except ContentLost as error:
                self._keep(plan, _after_loss(self._stored(plan), plan, error))
            except UploadMissing as error:
                if upload_missed:
                    raise StorageUnavailable("The store loses the upload of a part again and again.") from error
                upload_missed = True
                self._keep(plan, _from_the_start(self._stored(plan)))

    def _go_on(self, plan: PartPlan, checkpoint: Checkpoint, budget: Budget) -> PackedPart | None:
        if checkpoint.packed is not None and checkpoint.upload is not None:
            return self._finished(plan, checkpoint.packed, checkpoint.upload)
        with FetchAhead(_files_left(plan, checkpoint), self._fetch) as ahead:
            writer = self._writer(plan, checkpoint, ahead)
            with self._upload(plan, checkpoint, writer.name) as upload:
                for step in writer.steps():
                    if not isinstance(step, SafePoint):
                        _carry_out(step, upload)
                    elif upload.can_rest and upload.fresh >= LEAST_PIECE:
                        stop = budget.spent()
                        if stop or upload.fresh >= CHECKPOINT_BYTES:
                            self._keep(plan, replace(checkpoint, upload=upload.rest(), writer=writer.state()))
                        if stop:
                            return None
                last = upload.last()
                packed = writer.packed(upload.fingerprint, upload.crc32)
        if last is None:
            return packed
        if plan.bound >= CHECKPOINT_BYTES:
            self._keep(plan, replace(checkpoint, upload=last, packed=packed))
        return self._finished(plan, packed, last)

    def _finished(self, plan: PartPlan, packed: PackedPart, upload: UploadState) -> PackedPart:
        crc32 = None if packed.crc32 is None else int(packed.crc32, 16)
        self._archives.finish_upload(self._key(plan), upload.upload, upload.pieces, crc32=crc32)
        return packed

    def _writer(self, plan: PartPlan, checkpoint: Checkpoint, ahead: FetchAhead) -> PartWriter:
        return PartWriter(
            plan,
            self._header,
            layout=self._layout,
            container=self._container,
            schemas=self._catalog.schemas,
            parts_size=self._job.options.parts_size,
            materials=Materials(self._read_segment, ahead.open, self._stored_digests),
            lost=checkpoint.lost,
            state=checkpoint.writer,
        )

    def _upload(self, plan: PartPlan, checkpoint: Checkpoint, filename: str) -> PartUpload:
        state = checkpoint.upload
        return PartUpload(
            self._archives,
            self._key(plan),
            Download(filename, self._container.media_type),
            bound=plan.bound,
            section_key=lambda piece: keys.section(self._job.id, plan.number, piece),
            fingerprint=Fingerprint(piece_length(plan.bound), state.fingerprint if state else None),
            bucket_of=lambda file: None if file.reference.kept else self._catalog.bucket(file.doctype),
            read_head=self._read_head,
            state=state,
        )

    def _read_segment(self, part: SegmentSlice) -> Iterator[bytes]:
        return self._archives.stream_range(part.key, part.offset, part.length)

    def _fetch(self, file: FileEntry, start: int) -> Iterator[bytes]:
        return self._bucket(file).stream(file.reference.key, etag=file.reference.etag, start=start)

    def _read_head(self, file: FileEntry, size: int) -> Iterator[bytes]:
        return self._bucket(file).stream_range(file.reference.key, 0, size, etag=file.reference.etag)

    def _stored_digests(self, file: FileEntry) -> StoredDigests:
        return self._bucket(file).stored_digests(file.reference.key, etag=file.reference.etag)

    def _bucket(self, file: FileEntry) -> ObjectStore:
        return self._archives if file.reference.kept else self._buckets(self._catalog.bucket(file.doctype))

    def _key(self, plan: PartPlan) -> str:
        return keys.part(self._job.id, plan.number, self._container.extension)

    def _stored(self, plan: PartPlan) -> Checkpoint:
        """Return the latest checkpoint. A part that one request can store is not worth asking for one."""
        latest = self._latest.get(plan.number)
        if latest is None and plan.bound > PIECE:
            latest = load_if_there(self._archives, keys.packing(self._job.id, plan.number), Checkpoint)
        return latest or Checkpoint()

    def _checkpoint(self, plan: PartPlan) -> Checkpoint:
        """Return where to go on: where packing stopped, if the store still has what it had then."""
        checkpoint = self._stored(plan)
        if checkpoint.upload is None or checkpoint.packed is not None:
            return checkpoint
        try:
            there = {
                (piece.number, piece.etag)
                for piece in self._archives.uploaded(self._key(plan), checkpoint.upload.upload)
            }
        except UploadMissing:
            there = set()
        is_whole = all((piece.number, piece.etag) in there for piece in checkpoint.upload.pieces)
        return checkpoint if is_whole and there else _from_the_start(checkpoint)

    def _keep(self, plan: PartPlan, checkpoint: Checkpoint) -> None:
        self._latest[plan.number] = checkpoint
        save(self._archives, keys.packing(self._job.id, plan.number), checkpoint)


def _carry_out(step: Step, upload: PartUpload) -> None:
    if isinstance(step, bytes):
        upload.write(step)
    elif isinstance(step, Copy):
        upload.copy(step)
    elif isinstance(step, AllTold):
        upload.settle()


def _files_left(plan: PartPlan, checkpoint: Checkpoint) -> list[FileEntry]:
    begun = checkpoint.writer.files_done if checkpoint.writer else 0
    return [file for file in plan.files[begun:] if file.path not in checkpoint.lost]


def _from_the_start(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint that remembers what was learnt of the files, and nothing else."""
    return Checkpoint(broken_off=checkpoint.broken_off, lost=checkpoint.lost)


def _after_loss(checkpoint: Checkpoint, plan: PartPlan, loss: ContentLost) -> Checkpoint:
    """Return from where to go on, now that a file broke off."""
    writer = checkpoint.writer
    if writer is not None and writer.open_file is not None and plan.files[writer.files_done].path == loss.path:
        checkpoint = _from_the_start(checkpoint)
    if loss.path not in checkpoint.broken_off:
        return replace(checkpoint, broken_off=checkpoint.broken_off | {loss.path})
    return replace(checkpoint, lost={**checkpoint.lost, loss.path: loss.gap})
