"""Reads a part in the layout ``cozy``, written by Waybill or by a Cozy (reference cozy-move, sections 2, 4 and 5.3).

A file stands directly behind its record. A Cozy leaves a file out that is gone by the time of the download, but not its
record, and then takes the next entry for the content; here such a record is a problem of its own and spoils nothing.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from waybill.archive.cozy import DATA, FILES
from waybill.intake.codes import PartCode
from waybill.intake.json_row import read_object
from waybill.intake.members import BadMember, Member, MemberKind, shown
from waybill.intake.part import PartIdentity, not_a_part
from waybill.intake.rows import MOST_ROW, Problem, Row, too_large

_COMMENT = re.compile(r"Waybill export ([!-~]{1,128}), part (\d{1,9}) of (\d{1,9})")
_DATA, _FILES = f"{DATA}/", f"{FILES}/"
_INSTANCE = f"{_DATA}instance.json"
_SUFFIX = ".json"
FILES_DOCTYPE, VERSIONS_DOCTYPE = "io.cozy.files", "io.cozy.files.versions"


@dataclass(frozen=True, slots=True)
class CozyItem:
    """A document, with its content if it is the record of a file or a file's version.

    ``id`` is the document's as the archive names it. Where ``problem`` is set, nothing of the item may be used: the
    record is bad, or it lost its content, or (without a row) a content has no record. Drawing the chunks of ``content``
    raises BadMember at the end if it is not what the record says. ``last`` is the place of its last member; ``paired``
    says that a content stands behind the record, whether it may be used or not.
    """

    doctype: str
    id: str
    row: Row | None
    content: Member | None
    problem: Problem | None
    last: int = 0
    paired: bool = False


def identity_of(comment: bytes) -> PartIdentity | None:
    """Return what the comment of a zip says that it is (``archive.cozy.part_comment``); a Cozy's own says nothing."""
    found = _COMMENT.fullmatch(comment.decode("ascii", "replace"))
    if found is None or not 1 <= int(found[2]) <= int(found[3]):
        return None
    return PartIdentity("cozy", found[1], int(found[2]), int(found[3]))


def cozy_items(members: Iterable[Member], *, most: int = MOST_ROW) -> Iterator[CozyItem]:
    """Yield the documents of a part in order, the files with their contents. Raises BadArchive.

    ``instance.json``, which is nobody's document, is read and left out. A document of more than ``most`` bytes is a
    problem, and not held.
    """
    pending: _Document | None = None
    number = 0
    for member in members:
        if member.kind is MemberKind.DIRECTORY:
            continue
        if member.path.startswith(_FILES):
            yield from _with_content(pending, member)
            pending = None
            continue
        if pending is not None:
            yield _alone(pending)
            pending = None
        if member.path == _INSTANCE:
            continue
        number += 1
        pending = _document(member, number, most)
    if pending is not None:
        yield _alone(pending)


@dataclass(frozen=True, slots=True)
class _Document:
    doctype: str
    id: str
    row: Row
    place: int

    @property
    def wants_content(self) -> bool:
        if self.doctype == VERSIONS_DOCTYPE:
            return True
        return self.doctype == FILES_DOCTYPE and (self.row.value or {}).get("type") != "directory"


def _document(member: Member, number: int, most: int) -> _Document:
    doctype, slash, name = member.path.removeprefix(_DATA).partition("/")
    if not (member.path.startswith(_DATA) and slash and name.endswith(_SUFFIX)):
        raise not_a_part(f"it cannot be told what {shown(member.path)} is", member.path)
    text = bytearray()
    for chunk in member.chunks:
        if len(text) <= most:
            text += chunk
    if member.size > most:
        row = too_large(number, 0, member.size)
    else:
        raw = bytes(text)
        read = read_object(raw)
        value, problem = (None, read) if isinstance(read, Problem) else (read, None)
        row = Row(number, 0, len(raw), raw, value, problem)
    return _Document(unquote(doctype), name.removesuffix(_SUFFIX), row, member.place)


def _alone(document: _Document) -> CozyItem:
    problem = document.row.problem
    if problem is None and document.wants_content:
        problem = Problem(PartCode.LOST_CONTENT, "", "The record is of a file, but no file stands behind it.")
    return CozyItem(document.doctype, document.id, document.row, None, problem, document.place)


def _with_content(document: _Document | None, member: Member) -> Iterator[CozyItem]:
    """Yield the document before a content, and both together if they belong together."""
    if document is not None and document.wants_content:
        problem, record = document.row.problem, document.row.value or {}
        content = None if problem else replace(member, chunks=_checked(member, record))
        yield CozyItem(document.doctype, document.id, document.row, content, problem, member.place, paired=True)
        return
    if document is not None:
        yield _alone(document)
    sentence = f"{shown(member.path)} does not stand behind the record of a file."
    problem = Problem(PartCode.CONTENT_WITHOUT_RECORD, "", sentence)
    yield CozyItem(FILES_DOCTYPE, "", None, None, problem, member.place)


def _checked(member: Member, record: dict[str, Any]) -> Iterator[bytes]:
    """Yield a content. Raises BadMember if it is not what its record says (section 4), which it need not say at all."""
    told_size, told_md5 = record.get("size"), record.get("md5sum")
    if told_size is not None and str(told_size) != str(member.size):
        sentence = f"{shown(member.path)} has {member.size:,} bytes, but its record names another size."
        raise BadMember(PartCode.NOT_AS_RECORDED, sentence, member.path)
    md5 = hashlib.md5(usedforsecurity=False)
    for chunk in member.chunks:
        md5.update(chunk)
        yield chunk
    if told_md5 is not None and _bytes_of(told_md5) != md5.digest():
        sentence = f"{shown(member.path)} is not what its record says: its MD5 is another."
        raise BadMember(PartCode.NOT_AS_RECORDED, sentence, member.path)


def _bytes_of(text: Any) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None
