"""Buckets for exports that are larger than memory: what is nothing but zeros is held as the number of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from isal import isal_zlib
from tests.fakes import MemoryObjects, etag_of, whole

from waybill.domain.errors import ObjectChanged, StorageUnavailable, UploadMissing
from waybill.domain.plan import Piece
from waybill.ports import Body, CopySource, Download

Run = bytes | int
"""Some bytes, or a number of zeros."""

_PIECE = 16 * 1024
_CHUNK = bytes(1024 * 1024)


class ZerosBeside(MemoryObjects):
    """A bucket of files, some of which are nothing but zeros: ``zeros`` has their sizes by key."""

    ETAG = '"zeros"'

    def __init__(self, objects: Mapping[str, bytes], zeros: Mapping[str, int]) -> None:
        super().__init__(objects)
        self._zeros = zeros

    def stream(self, key: str, *, etag: str | None = None, start: int = 0) -> Iterator[bytes]:
        if key not in self._zeros:
            return super().stream(key, etag=etag, start=start)
        return chunks_of(self.run(key, etag, start, self._zeros[key]))

    def stream_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        if key not in self._zeros:
            return super().stream_range(key, offset, length, etag=etag)
        return chunks_of(self.run(key, etag, offset, offset + length))

    def run(self, key: str, etag: str | None, start: int, end: int) -> Run:
        """The bytes ``[start, end)`` of an object in a version."""
        if key not in self._zeros:
            return self._version(key, etag)[start:end]
        if etag not in {None, self.ETAG}:
            raise ObjectChanged(f"The object {key} is no longer the planned version.")
        return max(min(end, self._zeros[key]) - start, 0)

    def _version(self, key: str, etag: str | None) -> bytes:
        if key in self._zeros:
            self.run(key, etag, 0, 0)
            return b""  # only asked whether it is there: what it holds is too much to hold
        return super()._version(key, etag)


class SparseObjects(MemoryObjects):
    """An archives bucket. Its links lead to ``address``, where a server can give out what was laid down."""

    address = "https://objects.invalid"

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, dict[int, Run]] = {}
        self._composed: dict[str, list[Run]] = {}

    def start_upload(self, key: str, *, download: Download) -> str:
        upload = super().start_upload(key, download=download)
        self._runs[upload] = {}
        return upload

    def put_piece(self, key: str, upload: str, number: int, data: bytes | Body) -> Piece:
        content = whole(data)
        return self._take(upload, number, len(content) if content == bytes(len(content)) else content)

    def copy_piece(self, key: str, upload: str, number: int, source: CopySource) -> Piece:
        assert source.bucket is not None, "Only parts over 125 GiB are put together of others, and none here is."
        bucket = self.elsewhere(source.bucket)
        assert isinstance(bucket, ZerosBeside)
        run = bucket.run(source.key, source.etag, source.start, source.end)
        if size_of(run) != source.end - source.start:
            raise StorageUnavailable(f"The object {source.key} is shorter than it was.")
        self.copies.append((key, number, source))
        return self._take(upload, number, run)

    def uploaded(self, key: str, upload: str) -> Sequence[Piece]:
        return [piece_of(number, run) for number, run in sorted(self._its_runs(upload).items())]

    def finish_upload(self, key: str, upload: str, pieces: Sequence[Piece], *, crc32: int | None) -> None:
        runs = self._its_runs(upload)
        if any(piece_of(piece.number, runs[piece.number]).etag != piece.etag for piece in pieces):
            raise UploadMissing("The upload has other pieces.")
        if any(piece.size < 5 * 2**20 or piece.size > 5 * 2**30 for piece in pieces[:-1]):
            raise StorageUnavailable("A piece is too small or too large.")
        composed = [runs[piece.number] for piece in pieces]
        if crc32 is not None and crc32 != crc32_of(composed):
            raise StorageUnavailable("The content does not have its CRC-32.")
        self._composed[key] = composed
        del self._runs[upload]

    def presign(self, key: str, *, expires_in: timedelta) -> str:
        return f"{self.address}/{quote(key)}"

    def lay_down(self, key: str, file: Path) -> None:
        """Move an object from memory to a new file, its zeros as holes."""
        runs: list[Run] = self._composed.pop(key) if key in self._composed else [self.objects.pop(key)]
        with file.open("wb") as target:
            for run in runs:
                write_sparsely(target, chunks_of(run))

    def _take(self, upload: str, number: int, run: Run) -> Piece:
        self._its_runs(upload)[number] = run
        return piece_of(number, run)

    def _its_runs(self, upload: str) -> dict[int, Run]:
        if upload not in self._runs:
            raise UploadMissing("There is no such upload.")
        return self._runs[upload]


def size_of(run: Run) -> int:
    """How many bytes a run has."""
    return run if isinstance(run, int) else len(run)


def piece_of(number: int, run: Run) -> Piece:
    """A piece as the store tells it."""
    etag = f'"{run} zeros"' if isinstance(run, int) else etag_of(run)
    return Piece(number, size_of(run), etag, crc32_of([run]))


def crc32_of(runs: Iterable[Run]) -> int:
    """The CRC-32 of runs one after the other."""
    total = 0
    for run in runs:
        for chunk in chunks_of(run):
            total = isal_zlib.crc32(chunk, total)
    return total


def chunks_of(run: Run) -> Iterator[bytes]:
    """The bytes of a run. Zeros come in chunks that are one and the same piece of memory."""
    if isinstance(run, bytes):
        yield run
        return
    for _ in range(run // len(_CHUNK)):
        yield _CHUNK
    if run % len(_CHUNK):
        yield _CHUNK[: run % len(_CHUNK)]


def write_sparsely(file: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Write chunks at the end of a new file. Zeros become holes, so that gigabytes of them take no room on the disk."""
    for chunk in chunks:
        for piece in (chunk,) if chunk == _CHUNK else _pieces(chunk):
            if piece == _CHUNK[: len(piece)]:
                file.seek(len(piece), 1)
            else:
                file.write(piece)
    file.truncate(file.tell())


def _pieces(chunk: bytes) -> Iterator[bytes]:
    for start in range(0, len(chunk), _PIECE):
        yield chunk[start : start + _PIECE]  # bytes and no memoryview, which Python compares one by one
