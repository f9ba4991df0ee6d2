"""Reads a part in the layout ``bag`` (``archive.bag``; BagIt 1.0, RFC 8493), and checks it while it is read.

A bag's lists of digests stand behind its payload. So when a part is read for the first time, a wrong digest shows at
its end, before anything of it counts; when it is read again, with the list that was found, at the end of the member.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from waybill.archive.bag import MANIFEST, PAYLOAD, TAG_MANIFEST
from waybill.archive.chain_names import LISTS
from waybill.intake.codes import PartCode
from waybill.intake.members import BadArchive, BadMember, Member, MemberKind, shown
from waybill.intake.part import PartIdentity, not_a_part

MOST_TAG_BYTES = 64 * 1024 * 1024
"""Of a list of digests; a part of Waybill's has 25,000 entries at most."""

_INFO = "bag-info.txt"
_DECLARATION = "bagit.txt"
_KEPT = (MANIFEST, TAG_MANIFEST, _INFO)
_BASE = re.compile(r"waybill-part-(\d{5,9})-of-(\d{5,9})")
_COUNT = re.compile(r"(\d{1,9}) of (\d{1,9})")
_GROUP = re.compile(r"[!-~]{1,128}")
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
_FILES = f"{PAYLOAD}/files/"
_SCHEMAS = "schemas/"
_RECORDS_SUFFIX, _SCHEMA_SUFFIX = ".ndjson", ".json"
_RECORD_COMPONENTS, _LIST_COMPONENTS = 3, 4
_LISTS = f"{LISTS}/"


class PayloadKind(StrEnum):
    """What a member of a bag is to whoever loads it. A list is of an export of a chain (``archive.chain_lists``)."""

    RECORDS = "records"
    LIST = "list"
    FILE = "file"
    SCHEMA = "schema"


@dataclass(frozen=True, slots=True)
class Payload:
    """A member that holds data. ``path`` is relative to the bag; ``doctype`` is that of records, lists and schemas.

    Drawing ``chunks`` raises BadMember at the end if the digest is known and another; then nothing of it may be used.
    """

    kind: PayloadKind
    path: str
    doctype: str
    size: int
    chunks: Iterator[bytes]


class BagReader:
    """Reads one part. ``members`` come from an archive reader; ``known`` is what ``listed`` made of the part's list.

    Iterating yields the payload and the schemas, and raises BadArchive. When it has ended well the part is what its
    lists say, ``identity`` tells which it is, and ``list_text`` is its list of digests.
    """

    def __init__(self, members: Iterable[Member], *, known: Mapping[str, str] | None = None) -> None:
        self._members = members
        self._known = known
        self._book = _DigestBook()
        self._texts: dict[str, bytes] = {}
        self._base = ""
        self._payload_size = 0
        self._payload_count = 0
        self._identity: PartIdentity | None = None

    @property
    def identity(self) -> PartIdentity:
        """Which part it is. Raises RuntimeError before all of it is read."""
        if self._identity is None:
            raise RuntimeError("The part is not read to its end.")
        return self._identity

    @property
    def list_text(self) -> bytes:
        """The part's list of digests. Raises RuntimeError before all of it is read."""
        if self._identity is None:
            raise RuntimeError("The part is not read to its end.")
        return self._texts[MANIFEST]

    def __iter__(self) -> Iterator[Payload]:
        for member in self._members:
            path = self._inside(member)
            if member.kind is MemberKind.DIRECTORY:
                continue
            payload = _payload(path, member.size, self._digested(member, path))
            if payload is not None:
                yield payload
                for _ in payload.chunks:
                    pass
            else:
                self._take_tag(path, member)
        self._check()

    def _inside(self, member: Member) -> str:
        base, _, path = member.path.partition("/")
        self._base = self._base or base
        if base != self._base or _BASE.fullmatch(base) is None or not (path or member.kind is MemberKind.DIRECTORY):
            raise not_a_part(f"{shown(member.path)} lies outside of its folder", member.path)
        return path

    def _digested(self, member: Member, path: str) -> Iterator[bytes]:
        """Yield a member's content, and note its digest. Raises BadMember if it is known and another."""
        in_payload = path.startswith(f"{PAYLOAD}/")
        if in_payload and self._known is not None and path not in self._known:
            raise BadMember(PartCode.NOT_LISTED, f"{shown(path)} is in the part, but not in its list.", path)
        digest = hashlib.sha256()
        for chunk in member.chunks:
            digest.update(chunk)
            yield chunk
        found = digest.hexdigest()
        self._book.add(path, found)
        if in_payload:
            self._payload_size += member.size
            self._payload_count += 1
            if self._known is not None and self._known[path] != found:
                raise _changed(path, BadMember)

    def _take_tag(self, path: str, member: Member) -> None:
        kept = bytearray()
        for chunk in self._digested(member, path):
            if path in _KEPT or path == _DECLARATION:
                kept += chunk
                if len(kept) > MOST_TAG_BYTES:
                    raise not_a_part(f"{shown(path)} is larger than such a file can be", path)
        if path in _KEPT or path == _DECLARATION:
            self._texts[path] = bytes(kept)

    def _check(self) -> None:
        """Compare what was read with what the bag says (RFC 8493, sections 2.1.3, 2.2.1 and 2.2.2)."""
        for name in (_DECLARATION, *_KEPT):
            if name not in self._texts:
                raise not_a_part(f"it has no {name}", name)
        seen = 0
        for name in (MANIFEST, TAG_MANIFEST):
            for path, digest in listed(self._texts[name]).items():
                if (name == MANIFEST) != path.startswith(f"{PAYLOAD}/"):
                    raise not_a_part(f"{name} lists {shown(path)}", path)
                found = self._book.digest(path)
                if found is None:
                    raise BadArchive(PartCode.MISSING_MEMBER, f"{shown(path)} is listed, but not in the part.", path)
                if found != digest:
                    raise _changed(path, BadArchive)
                seen += 1
        if seen + 1 != self._book.count:  # the last list does not list itself
            raise BadArchive(PartCode.NOT_LISTED, "There is a file in the part that is in none of its lists.")
        self._identity = self._told()

    def _told(self) -> PartIdentity:
        info = self._info()
        count, name = _COUNT.fullmatch(info.get("Bag-Count", "")), _BASE.fullmatch(self._base)
        group = info.get("Bag-Group-Identifier", "")
        if count is None or name is None or _GROUP.fullmatch(group) is None:
            raise not_a_part(f"{_INFO} does not say which part it is", _INFO)
        number, parts = int(count[1]), int(count[2])
        if (number, parts) != (int(name[1]), int(name[2])) or not 1 <= number <= parts:
            raise not_a_part(f"its name and {_INFO} say different things", _INFO)
        if info.get("Payload-Oxum") != f"{self._payload_size}.{self._payload_count}":
            raise not_a_part(f"{_INFO} counts its files otherwise", _INFO)
        return PartIdentity("bag", group, number, parts)

    def _info(self) -> dict[str, str]:
        text = self._texts[_INFO].decode("utf-8", "replace")
        pairs = (line.partition(":") for line in text.split("\n"))
        return {label: value.strip() for label, _, value in pairs}


class _DigestBook:
    """Digests by path. Memory stays flat: they are on the disk."""

    def __init__(self) -> None:
        self.count = 0
        self._book = sqlite3.connect("", check_same_thread=False)  # the collector closes it from any thread
        self._book.executescript("PRAGMA journal_mode = OFF; PRAGMA cache_size = -8000")  # kibibytes
        self._book.execute("CREATE TABLE digest (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID")

    def __del__(self) -> None:
        self._book.close()

    def add(self, path: str, sha256: str) -> None:
        self._book.execute("INSERT INTO digest VALUES (?, ?)", (path, sha256))
        self.count += 1

    def digest(self, path: str) -> str | None:
        row = self._book.execute("SELECT sha256 FROM digest WHERE path = ?", (path,)).fetchone()
        return None if row is None else str(row[0])


def listed(text: bytes) -> dict[str, str]:
    """Return the digests by path of a list as bags have them (RFC 8493, section 2.1.3). Raises BadArchive."""
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError:
        raise not_a_part("a list of its files is not UTF-8") from None
    digests: dict[str, str] = {}
    for line in lines:
        if not line:
            continue
        found = _LINE.fullmatch(line)
        if found is None or found[2] in digests:
            raise not_a_part("a list of its files cannot be read")
        digests[found[2]] = found[1].lower()
    return digests


def _payload(path: str, size: int, chunks: Iterator[bytes]) -> Payload | None:
    if path.startswith(_FILES):
        return Payload(PayloadKind.FILE, path, "", size, chunks)
    components = path.split("/")
    if path.startswith(_LISTS) and len(components) == _LIST_COMPONENTS and path.endswith(_RECORDS_SUFFIX):
        return Payload(PayloadKind.LIST, path, components[2], size, chunks)
    if path.startswith(f"{PAYLOAD}/"):
        if len(components) != _RECORD_COMPONENTS or not path.endswith(_RECORDS_SUFFIX):
            raise not_a_part(f"it cannot be told what {shown(path)} is", path)
        return Payload(PayloadKind.RECORDS, path, components[1], size, chunks)
    if path.startswith(_SCHEMAS) and path.endswith(_SCHEMA_SUFFIX):
        doctype = path[len(_SCHEMAS) : -len(_SCHEMA_SUFFIX)]
        return Payload(PayloadKind.SCHEMA, path, doctype, size, chunks)
    return None


def _changed(path: str, kind: type[BadArchive]) -> BadArchive:
    return kind(PartCode.WRONG_DIGEST, f"{shown(path)} is not what it was: its SHA-256 is another.", path)
