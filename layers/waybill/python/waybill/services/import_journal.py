"""What was in the target before an import wrote there: one entry for every chunk of rows, stored before any of them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from waybill.archive.spool import Spool
from waybill.domain import import_keys
from waybill.ports import ObjectStore


class JournalLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that a chunk is about to write: its key, the item that stands there or null.

    ``has_content`` says that a content is written with it.
    """

    key: str
    before: msgspec.Raw
    has_content: bool

    @property
    def item(self) -> bytes | None:
        """The item that stood there, None if none did."""
        raw = bytes(self.before)
        return None if raw == _NOTHING else raw


_NOTHING = b"null"
_DECODE = msgspec.json.Decoder(JournalLine).decode
_ENCODE = msgspec.json.Encoder().encode
_KEYS = msgspec.json.Decoder(list[str]).decode


def journal_line(key: str, before: bytes | None, *, has_content: bool) -> bytes:
    """Return the line of a record, with its newline."""
    return _ENCODE(JournalLine(key, msgspec.Raw(before or _NOTHING), has_content)) + b"\n"


def journal_lines(entry: Iterable[bytes]) -> Iterator[JournalLine]:
    """Yield the lines of an entry, given in chunks. Memory holds no more than one of them and a chunk."""
    kept: list[bytes] = []
    for chunk in entry:
        first, *others = chunk.split(b"\n")
        kept.append(first)
        for each in others:
            yield _DECODE(b"".join(kept))
            kept = [each]
    if any(kept):
        yield _DECODE(b"".join(kept))


def bring(archives: ObjectStore, key: str, spool: Spool) -> None:
    """Bring an entry to the function's disk. Raises ObjectMissing."""
    for chunk in archives.stream(key):
        spool.write(chunk)


def kept_content(import_id: str, doctype: str, key: str) -> str:
    """Return where the content is kept that stood under a record's name before the import wrote another there."""
    digest = hashlib.sha256(f"{doctype}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{import_keys.kept_contents(import_id)}{digest}"


def note_unwritten(archives: ObjectStore, entry: str, keys: Sequence[str]) -> None:
    """Say beside a chunk's entry which of its rows were not written after all, in place of what was said before."""
    archives.put(import_keys.unwritten(entry), msgspec.json.encode(list(keys)))


def unwritten_keys(data: bytes) -> frozenset[str]:
    """Return which rows of a chunk were not written."""
    return frozenset(_KEYS(data))
