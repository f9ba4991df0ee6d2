"""Put a part together in the store from pieces: some are written by us, others copied there by the store itself.

What is written between two copied contents is one piece or several, each of LEAST_PIECE bytes or more. If it would be
less, the head of the copied content is read and written along with it. Written pieces lie on the disk until they are
sent, which keeps them large, and requests few, without taking memory; how many lie there is bounded by bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from types import TracebackType
from typing import Self

from isal import isal_zlib

from waybill.archive import crc32
from waybill.archive.copying import LEAST_PIECE
from waybill.archive.errors import ContentLost
from waybill.archive.fingerprint import Fingerprint
from waybill.archive.part import Copy, gap_of
from waybill.archive.spool import Spool
from waybill.domain.errors import ObjectChanged, ObjectDenied, ObjectMissing, PartTooLarge
from waybill.domain.options import GIBIBYTE, KIBIBYTE, MEBIBYTE
from waybill.domain.plan import FileEntry, Piece
from waybill.ports import CopySource, Download, ObjectStore

PIECE = 64 * MEBIBYTE
"""Bytes of a written piece. A part of up to that size is one request."""

MOST_PIECES = 10_000
"""S3, "Amazon S3 multipart upload limits"."""

MOST_BYTES_BY_PIECES = PIECE * MOST_PIECES * 8 // 10
"""A part that may have more is written in sections: objects of up to 5 GiB that the store then copies as one piece."""

LARGEST_COPY = 5 * GIBIBYTE
"""Bytes that one request copies (the same limits)."""

_MOST_TAIL = 64 * KIBIBYTE
_BYTES_UNDER_WAY = 2 * PIECE
"""Beside the piece that is being written: 192 MiB in all, and a function has 512 MiB of disk."""

_UPLOADS_AT_ONCE = 4
_COPIES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class UploadState:
    """An upload that is not finished: its id, the pieces that the store has, and what else is needed to go on.

    ``tail`` are bytes of the part that are too few for a piece.
    """

    upload: str
    pieces: tuple[Piece, ...]
    fingerprint: bytes
    tail: bytes


class PartUpload:
    """One part on its way into the store.

    ``bound`` is the most bytes that it can have; ``section_key`` gives the key of what becomes a piece of it by
    copying. ``bucket_of`` gives the bucket that holds a file, None for that of the archives; ``read_head`` so many
    bytes of a file from its start. ``state`` is what ``rest`` left. A context manager: leaving it waits for what is
    under way.
    """

    def __init__(
        self,
        archives: ObjectStore,
        key: str,
        download: Download,
        *,
        bound: int,
        section_key: Callable[[int], str],
        fingerprint: Fingerprint,
        bucket_of: Callable[[FileEntry], str | None],
        read_head: Callable[[FileEntry, int], Iterator[bytes]],
        state: UploadState | None = None,
    ) -> None:
        self.fingerprint = fingerprint
        self.fresh = 0
        self._archives = archives
        self._key = key
        self._download = download
        self._section_key = section_key
        self._in_sections = bound > MOST_BYTES_BY_PIECES
        self._section: _Section | None = None
        self._bucket_of = bucket_of
        self._read_head = read_head
        self._upload = state.upload if state else None
        self._done = list(state.pieces) if state else []
        self._number = len(self._done)
        self._open = Spool(state.tail if state else b"")
        self._under_way: dict[int, Future[Piece]] = {}
        self._room = _Room(_BYTES_UNDER_WAY)
        self._uploads = ThreadPoolExecutor(_UPLOADS_AT_ONCE, thread_name_prefix="upload")
        self._copies = ThreadPoolExecutor(_COPIES_AT_ONCE, thread_name_prefix="copy")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in (self._copies, self._uploads):
            pool.shutdown(wait=True, cancel_futures=True)
        self._open.close()

    def write(self, chunk: bytes) -> None:
        """Take in bytes of the part. What went wrong with earlier pieces is raised here, or later."""
        self.fingerprint.update(chunk)
        self.fresh += len(chunk)
        rest = memoryview(chunk)
        while rest:
            if len(self._open) >= PIECE:
                self._send()
            room = PIECE - len(self._open)
            self._open.write(rest[:room])
            rest = rest[room:]

    def copy(self, step: Copy) -> None:
        """Let the store copy a content to this place, between what is written before and after it.

        That the content is not there any more is raised as ContentLost, here or later.
        """
        self._close_section()
        header_length, size = step.entry.header_length, step.file.reference.size
        upload, number = self._started(), self._next_number()
        head = max(LEAST_PIECE - len(self._open) - header_length, 0)
        copies = [self._copied(upload, step.file, start, end) for start, end in _ranges(head, size)]
        written = self._taken()

        def headed() -> Piece:
            with _lost_if_gone(step.file):
                stolen = b"".join(self._read_head(step.file, head)) if head else b""
            crc = step.crc32
            if crc is None and step.entry.needs_crc32:
                crc = self._crc32_of(step.file, stolen, copies)
            written.write(step.entry.header(crc))
            written.write(stolen)
            return self._archives.put_piece(self._key, upload, number, written)

        self._under_way[number] = self._sent(number, headed, written, head)
        self.fingerprint.skip(header_length + size)
        self.fresh += header_length + size

    @property
    def can_rest(self) -> bool:
        """Whether next to nothing would have to be kept of what is too little for a piece."""
        begun = self._number > 0 or self._section is not None
        return begun and not _MOST_TAIL < len(self._open) < LEAST_PIECE

    def settle(self) -> None:
        """Wait for all that is under way; from then on the header of every copied content is made."""
        for number in sorted(self._under_way):
            self._done.append(self._under_way.pop(number).result())

    def rest(self) -> UploadState:
        """Hand over what is there, wait for all that is under way, and return what is needed to go on later."""
        if len(self._open) >= LEAST_PIECE:
            self._send()
        self._close_section()
        self.settle()
        self.fresh = 0
        return self._state()

    def last(self) -> UploadState | None:
        """Hand over the last bytes. Return what is left to be finished, or None if one request has stored it all."""
        if self._upload is None and self._section is None:
            self._archives.put(self._key, self._open, download=self._download)
            self._done = [Piece(1, len(self._open), "", self._open.crc32)]
            return None
        if len(self._open):
            self._send()
        self._close_section()
        self.settle()
        return self._state()

    @property
    def crc32(self) -> int | None:
        """The CRC-32 of the part, if that of every piece is known. To be asked after ``last``."""
        return _whole(self._done)

    def _state(self) -> UploadState:
        return UploadState(self._started(), tuple(self._done), self.fingerprint.state(), b"".join(self._open))

    def _started(self) -> str:
        if self._upload is None:
            self._upload = self._archives.start_upload(self._key, download=self._download)
        return self._upload

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _taken(self) -> Spool:
        """Take what is written so far for a piece."""
        written, self._open = self._open, Spool()
        return written

    def _send(self) -> None:
        """Have what is written so far sent, as a piece of the part or of a section of it."""
        if not self._in_sections:
            upload, number = self._started(), self._next_number()
            self._put(self._key, upload, number, self._taken(), self._under_way)
            return
        if self._section is None:
            key = self._section_key(self._number + 1)
            self._section = _Section(key, self._archives.start_upload(key, download=self._download))
        section = self._section
        section.size += len(self._open)
        self._put(section.key, section.upload, len(section.pieces) + 1, self._taken(), section.pieces)
        if section.size > LARGEST_COPY - 2 * PIECE:
            self._close_section()

    def _put(self, key: str, upload: str, number: int, written: Spool, under_way: dict[int, Future[Piece]]) -> None:
        def put() -> Piece:
            return self._archives.put_piece(key, upload, number, written)

        under_way[number] = self._sent(number, put, written, 0)

    def _close_section(self) -> None:
        """Have the section that is being written copied into the part, as one piece."""
        section, self._section = self._section, None
        if section is None:
            return
        upload, number = self._started(), self._next_number()

        def copy() -> Piece:
            pieces = [section.pieces[each].result() for each in sorted(section.pieces)]
            self._archives.finish_upload(section.key, section.upload, pieces, crc32=_whole(pieces))
            source = CopySource(None, section.key, None, 0, section.size)
            return self._archives.copy_piece(self._key, upload, number, source)

        self._check(number)
        self._under_way[number] = self._copies.submit(copy)

    def _copied(self, upload: str, file: FileEntry, start: int, end: int) -> Future[Piece]:
        number = self._next_number()
        reference = file.reference
        source = CopySource(self._bucket_of(file), reference.key, reference.etag, start, end)

        def copy() -> Piece:
            with _lost_if_gone(file):
                return self._archives.copy_piece(self._key, upload, number, source)

        self._check(number)
        future = self._under_way[number] = self._copies.submit(copy)
        return future

    def _check(self, number: int) -> None:
        """Raise what went wrong so far, and PartTooLarge if there cannot be a piece of this number."""
        while (first := len(self._done) + 1) in self._under_way and self._under_way[first].done():
            self._done.append(self._under_way.pop(first).result())
        if number > MOST_PIECES:
            raise PartTooLarge(
                "A part of this export would be larger than the store can put together. Create the export again with a "
                "smaller parts_size."
            )

    def _sent(self, number: int, send: Callable[[], Piece], written: Spool, more: int) -> Future[Piece]:
        """Have a piece sent on another thread, as soon as there is room for it and ``more`` bytes; then drop it."""
        size = len(written) + more
        try:
            self._check(number)
        except BaseException:
            written.close()
            raise
        self._room.take(size)
        future = self._uploads.submit(send)

        def drop(_: Future[Piece]) -> None:
            written.close()
            self._room.give_back(size)

        future.add_done_callback(drop)
        return future

    def _crc32_of(self, file: FileEntry, head: bytes, copies: Sequence[Future[Piece]]) -> int:
        """Return the CRC-32 of a file whose head is here and whose rest was copied; read it if the store tells none."""
        total: int = isal_zlib.crc32(head)
        for copy in copies:
            piece = copy.result()
            if piece.crc32 is None:
                with _lost_if_gone(file):
                    return _crc32(self._read_head(file, file.reference.size))
            total = crc32.combine(total, piece.crc32, piece.size)
        return total


@dataclass(slots=True)
class _Section:
    """A run of written bytes on its way into an object of its own."""

    key: str
    upload: str
    size: int = 0
    pieces: dict[int, Future[Piece]] = field(default_factory=dict)


class _Room:
    """Room for so many bytes. Who wants more waits until some are given back; a single one always has room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._changed = Condition()

    def take(self, size: int) -> None:
        """Take room, once it is there."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + size <= self._size)
            self._taken += size

    def give_back(self, size: int) -> None:
        """Give room back."""
        with self._changed:
            self._taken -= size
            self._changed.notify_all()


@contextmanager
def _lost_if_gone(file: FileEntry) -> Iterator[None]:
    try:
        yield
    except (ObjectMissing, ObjectChanged, ObjectDenied) as error:
        raise ContentLost(file.path, gap_of(file, error)) from error


def _whole(pieces: Sequence[Piece]) -> int | None:
    """Return the CRC-32 of pieces one after the other, if that of each is known."""
    total = 0
    for piece in pieces:
        if piece.crc32 is None:
            return None
        total = crc32.combine(total, piece.crc32, piece.size)
    return total


def _ranges(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut ``[start, end)`` into as few ranges of about equal size as can be copied by a request each."""
    count = -(-(end - start) // LARGEST_COPY)
    for number in range(count):
        yield start + (end - start) * number // count, start + (end - start) * (number + 1) // count


def _crc32(chunks: Iterator[bytes]) -> int:
    total = 0
    for chunk in chunks:
        total = isal_zlib.crc32(chunk, total)
    return total
