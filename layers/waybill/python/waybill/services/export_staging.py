"""What sources keep for an export, in the bucket of the archives."""

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain

from waybill.archive.crc32 import combine
from waybill.archive.spool import Spool
from waybill.domain import keys
from waybill.domain.errors import ObjectMissing, SourceNotReady, SourceUnavailable
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import KeptContent, Piece
from waybill.ports import Budget, Download, ObjectStore

PIECE = 32 * MEBIBYTE
"""With 10,000 pieces a content may have 312 GiB, more than one call can fetch."""

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99})*")
_CONTENT = Download("content", "application/octet-stream")
"""Nobody downloads it."""


class ExportStaging:
    """The port Staging. ``call`` is spent when the call must end, ``enough`` when it should begin nothing new."""

    def __init__(self, archives: ObjectStore, export_id: str, *, call: Budget, enough: Budget) -> None:
        self._archives = archives
        self._export_id = export_id
        self._call = call
        self._enough = enough
        self._has_kept = False
        self._listed: dict[str, KeptContent] | None = None

    def kept(self, name: str) -> KeptContent | None:
        """Return a content that is there whole. All of them are listed once, when the first is asked for."""
        if self._listed is None:
            prefix = keys.kept_contents(self._export_id)
            self._listed = {
                info.key: KeptContent(info.key, info.size, info.etag) for info in self._archives.list(prefix)
            }
        return self._listed.get(self._key(name))

    def keep(self, name: str, chunks: Iterable[bytes]) -> KeptContent:
        """Keep a content, as the port says. Up to PIECE bytes of it are on the way at a time, on the disk."""
        key = self._key(name)
        there = self.kept(name)
        if there is not None:
            return there
        if self._has_kept and self._enough.spent():
            raise SourceNotReady(f"The content {name} is fetched by the next call.", seconds=0)
        self._put(name, key, chunks)
        self._has_kept = True
        return self._stored(name, key)

    def _stored(self, name: str, key: str) -> KeptContent:
        """Return what the store says of a content that was just put there."""
        for info in self._archives.list(key):
            if info.key == key and self._listed is not None:
                return self._listed.setdefault(key, KeptContent(key, info.size, info.etag))
        raise SourceUnavailable(f"The content {name} was stored, but it is not there. Somebody removes the export.")

    def _put(self, name: str, key: str, chunks: Iterable[bytes]) -> None:
        with closing(_in_pieces(self._within_the_call(name, chunks))) as pieces:
            first = next(pieces)
            if len(first) < PIECE:
                self._archives.put(key, first, download=_CONTENT)
                return
            self._archives.abort_uploads(key)  # of a call that died
            upload = self._archives.start_upload(key, download=_CONTENT)
            sent: list[Piece] = []
            crc32 = 0
            try:
                for number, piece in enumerate(chain([first], pieces), start=1):
                    crc32 = combine(crc32, piece.crc32, len(piece))
                    sent.append(self._archives.put_piece(key, upload, number, piece))
            except BaseException:
                self._archives.abort_uploads(key)
                raise
            self._archives.finish_upload(key, upload, sent, crc32=crc32)

    def _within_the_call(self, name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._call.spent():
                if self._has_kept:
                    raise SourceNotReady(f"The content {name} is fetched by the next call.", seconds=0)
                raise SourceUnavailable(
                    f"The content {name} could not be fetched in the time that one call of a step has. If that happens "
                    "again, it is too large for the speed at which the source gives it."
                )
            yield chunk

    def read(self, content: KeptContent, start: int, length: int) -> Iterator[bytes]:
        """Yield bytes of a content, of the version that is kept."""
        return self._archives.stream_range(content.key, start, length, etag=content.etag)

    def note(self, name: str) -> bytes | None:
        """Return a note, None if there is none."""
        return self._get(keys.note(self._export_id, _checked(name)))

    def put_note(self, name: str, data: bytes) -> None:
        """Store a note."""
        self._archives.put(keys.note(self._export_id, _checked(name)), data)

    def debt(self, doctype: str, name: str) -> bytes | None:
        """Return a debt, None if there is none."""
        return self._get(self._debt(doctype, name))

    def put_debt(self, doctype: str, name: str, data: bytes) -> None:
        """Store a debt."""
        self._archives.put(self._debt(doctype, name), data)

    def forgive_debt(self, doctype: str, name: str) -> None:
        """Remove a debt."""
        self._archives.delete_prefix(self._debt(doctype, name))

    def _get(self, key: str) -> bytes | None:
        try:
            return self._archives.get(key)
        except ObjectMissing:
            return None

    def _key(self, name: str) -> str:
        return keys.kept(self._export_id, _checked(name))

    def _debt(self, doctype: str, name: str) -> str:
        return keys.debt(self._export_id, _checked(doctype), _checked(name))


def _checked(name: str) -> str:
    """Return a name that a key may have. Raises ValueError: a source that asks for another is wrong."""
    if not _NAME.fullmatch(name):
        raise ValueError("A name in an export's staging has letters, digits, dots, dashes and underscores.")
    return name


def _in_pieces(chunks: Iterable[bytes]) -> Generator[Spool, None, None]:
    """Yield the chunks in pieces of PIECE bytes, the last with what is left; one piece in any case.

    A piece is there until the next is asked for.
    """
    piece = Spool()
    try:
        for chunk in chunks:
            rest = memoryview(chunk)
            while len(piece) + len(rest) > PIECE:
                room = PIECE - len(piece)
                piece.write(rest[:room])
                yield piece
                piece.close()
                piece, rest = Spool(), rest[room:]
            piece.write(rest)
        yield piece
    finally:
        piece.close()
