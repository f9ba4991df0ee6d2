"""A stand-in for S3 with as much data as one likes: files are made up when they are read, parts are thrown away.

What the steps leave for each other lies in a folder, so that it takes no memory of the process that is measured.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote

from isal import isal_zlib

from bench.data import documents
from waybill.domain.errors import ObjectMissing, StorageUnavailable
from waybill.domain.options import KIBIBYTE, MEBIBYTE
from waybill.domain.plan import FileReference, Piece, StoredDigests
from waybill.ports import Body, CopySource, Download, ObjectInfo

_CHUNK = MEBIBYTE
"""Bytes that repeat within a file. Deflate looks back no further than 32 KiB, so it does not find them again."""

_SIZES = ((256 * MEBIBYTE, 2), (8 * MEBIBYTE, 48), (512 * KIBIBYTE, 256))
"""A gibibyte of files: their sizes in bytes, and how many there are of each."""

_KINDS = (("mp4", "video/mp4"), ("json", "application/json"))


def files(gibibytes: int) -> Iterator[FileReference]:
    """Yield so many gibibytes of files in the order of their keys: half of the bytes film, half JSON."""
    number = 0
    for _ in range(gibibytes):
        for size, count in _SIZES:
            for _ in range(count):
                ending, mime = _KINDS[number % len(_KINDS)]
                name = f"{number:08}-{size}.{ending}"
                yield FileReference(name, name, "root", name, size, '"made-up"', mime, 1_700_000_000)
                number += 1


class MadeUpObjects:
    """ObjectStore over a folder, the files of ``files``, and nothing else.

    What is streamed into it is counted and thrown away. Film is noise and cannot be compressed.
    """

    def __init__(self, folder: Path) -> None:
        self.thrown_away = 0
        self._folder = folder
        self._contents: dict[str, memoryview] = {}

    def invent(self) -> None:
        """Make up what the files consist of, once, in a process that is not measured."""
        self.put("mp4", random.Random(9).randbytes(_CHUNK))
        self.put("json", next(documents(1, _CHUNK + _CHUNK // 8))[:_CHUNK])

    def put(self, key: str, data: bytes | Body, *, download: Download | None = None) -> None:
        """Keep a small object in the folder; throw a part away, which is told by its being for download."""
        if download is not None:
            self.thrown_away += len(data)
            return
        (self._folder / quote(key, safe="")).write_bytes(data if isinstance(data, bytes) else b"".join(data))

    def start_upload(self, key: str, *, download: Download) -> str:  # noqa: ARG002 - all uploads are alike
        """Begin an upload."""
        return "made-up"

    def put_piece(self, key: str, upload: str, number: int, data: bytes | Body) -> Piece:  # noqa: ARG002 - see start_upload
        """Throw a piece away."""
        self.thrown_away += len(data)
        return Piece(number, len(data), f'"{number}"', isal_zlib.crc32(data) if isinstance(data, bytes) else data.crc32)

    def copy_piece(self, key: str, upload: str, number: int, source: CopySource) -> Piece:  # noqa: ARG002
        """Raise: what has no stored digests is never copied."""
        raise StorageUnavailable("Made-up files cannot be copied.")

    def uploaded(self, key: str, upload: str) -> Sequence[Piece]:  # noqa: ARG002 - nothing is taken up again
        """Return nothing."""
        return []

    def finish_upload(self, key: str, upload: str, pieces: Sequence[Piece], *, crc32: int | None) -> None:
        """Let the pieces be an object that nobody keeps."""

    def abort_uploads(self, prefix: str) -> None:
        """Abort nothing."""

    def get(self, key: str) -> bytes:
        """Return what was put. Raises ObjectMissing."""
        try:
            return (self._folder / quote(key, safe="")).read_bytes()
        except FileNotFoundError:
            raise ObjectMissing(f"There is no object {key}.") from None

    def stored_digests(self, key: str, *, etag: str) -> StoredDigests:  # noqa: ARG002 - files never change
        """Know nothing of the files, so that they are read."""
        return StoredDigests()

    def stream_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:  # noqa: ARG002
        """Yield a range of what was put."""
        yield self.get(key)[offset : offset + length]

    def stream(self, key: str, *, etag: str | None = None, start: int = 0) -> Iterator[bytes]:  # noqa: ARG002
        """Yield a made-up file's content, a mebibyte at a time, each in memory of its own as if it was received."""
        name, _, ending = key.partition(".")
        if ending not in self._contents:
            self._contents[ending] = memoryview(self.get(ending))
        left = int(name.partition("-")[2]) - start
        while left:
            chunk = bytes(self._contents[ending][:left])
            yield chunk
            left -= len(chunk)

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[ObjectInfo]:
        """Yield what was put."""
        for path in sorted(self._folder.iterdir(), key=lambda path: unquote(path.name)):
            key = unquote(path.name)
            if key.startswith(prefix) and (after is None or key > after):
                yield ObjectInfo(key, path.stat().st_size, '"made-up"')

    def prefixes(self, prefix: str) -> Iterator[str]:
        """Yield the folders of what was put."""
        names = (info.key.removeprefix(prefix).partition("/") for info in self.list(prefix))
        yield from sorted({f"{prefix}{name}/" for name, slash, _ in names if slash})

    def delete_prefix(self, prefix: str) -> int:
        """Remove what was put."""
        found = list(self.list(prefix))
        for info in found:
            (self._folder / quote(info.key, safe="")).unlink()
        return len(found)

    def presign(self, key: str, *, expires_in: timedelta) -> str:  # noqa: ARG002 - there is nothing
        """Raise: nobody downloads what was thrown away."""
        raise ObjectMissing(f"There is no object {key}.")
