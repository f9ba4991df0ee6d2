"""Find out what each input is, and bring them into the order in which they are read: parts by their numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from waybill.domain.arrival_codes import ArrivalCode
from waybill.domain.errors import InputRefused
from waybill.domain.options import MEBIBYTE
from waybill.intake.codes import PartCode
from waybill.intake.cozy_reader import identity_of
from waybill.intake.formats import format_of
from waybill.intake.group import Manifest, Verifier, read_manifest
from waybill.intake.json_row import read_object
from waybill.intake.members import BadArchive, Limits, shown
from waybill.intake.part import packing_of
from waybill.intake.rows import BOM
from waybill.intake.staged_inputs import InputRole
from waybill.intake.tar_reader import tar_members
from waybill.intake.zip_reader import ZipReader
from waybill.ports import ObjectStore
from waybill.services.staging_state import StoredInput
from waybill.services.stored_part import StoredPart

MOST_MANIFEST = 16 * MEBIBYTE
"""Bytes of a file that may be a manifest; one of 10,000 parts and as many gaps has 5 MB."""

_HEAD = 64 * 1024
_MOST_SIGNATURE = 80
_SEQUENCE = 0x30
"""What a signature in DER begins with, before its length (ITU-T X.690)."""

_NUMBERED = re.compile(r"waybill-part-(\d{5,9})-of-\d{5,9}")
_PLAIN = re.compile(r".*_exported_(?P<doctype>.+?)(?:_(?P<number>\d+))?\.(?:json|csv)")
"""How files of records are named (docs/manifest.md, "Records alone")."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """The inputs that have rows or files, in their order; and the manifest, if one is among the inputs.

    ``signed`` is whether its signature was checked.
    """

    inputs: Sequence[StoredInput]
    manifest: StoredInput | None
    signature: StoredInput | None


def arrange_inputs(
    stored: Sequence[StoredInput],
    *,
    doctype: str | None,
    known: Mapping[str, object],
    limits: Limits,
    archives: ObjectStore,
) -> Arranged:
    """Say of each input what it is, and sort them. ``known`` are the doctypes of the catalog. Raises InputRefused."""
    told = [_told(each, archives, doctype) for each in stored]
    manifests = [each for each in told if each.role is InputRole.MANIFEST]
    signatures = [each for each in told if each.role is InputRole.SIGNATURE]
    if len(manifests) > 1 or len(signatures) > 1 or (signatures and not manifests):
        sentence = "An import takes one manifest at most, and one signature of it."
        raise InputRefused(sentence, ArrivalCode.NOTHING_TO_IMPORT)
    loads = [each for each in told if each.role in (InputRole.ROWS, InputRole.PART)]
    if not loads:
        raise InputRefused("There is nothing among the inputs that could be imported.", ArrivalCode.NOTHING_TO_IMPORT)
    for each in loads:
        if each.role is InputRole.ROWS:
            _set_doctype(each, doctype, known)
    numbers = {each.number: _number(each, archives, limits) for each in loads}
    _check_numbers([each for each in loads if each.role is InputRole.PART], numbers)
    loads.sort(key=lambda each: (each.role is InputRole.ROWS, numbers[each.number], each.number))
    return Arranged(loads, next(iter(manifests), None), next(iter(signatures), None))


def manifest_of(
    manifest: StoredInput, signature: StoredInput | None, verifier: Verifier | None, archives: ObjectStore
) -> Manifest:
    """Return what the manifest among the inputs says. Raises InputRefused, also if its signature is not its own."""
    text = b"".join(StoredPart(archives, manifest).open())
    signed = None if signature is None else b"".join(StoredPart(archives, signature).open())
    try:
        return read_manifest(text, signed, verifier)
    except BadArchive as error:
        raise InputRefused(str(error), error.code) from None


def _told(stored: StoredInput, archives: ObjectStore, doctype: str | None) -> StoredInput:
    part = StoredPart(archives, stored)
    head = part.read_at(0, min(_HEAD, stored.size)) if stored.size else b""
    packing = packing_of(head)
    if packing is not None and doctype is not None:
        sentence = f"{shown(stored.name)} is packed. Unpack rows; or leave out the doctype, which a part says itself."
        raise InputRefused(sentence, ArrivalCode.UNEXPECTED_ARCHIVE)
    if packing is not None:
        return _as(stored, InputRole.PART, packing)
    if doctype is None and stored.size <= _MOST_SIGNATURE and head[:2] == bytes([_SEQUENCE, len(head) - 2]):
        return _as(stored, InputRole.SIGNATURE, "")
    form = _format(stored.name.lower(), head)
    if doctype is None and form == "ndjson" and stored.size <= MOST_MANIFEST and _is_manifest(part):
        return _as(stored, InputRole.MANIFEST, "")
    return _as(stored, InputRole.ROWS, form)


def _format(name: str, head: bytes) -> str:
    """Return which format of rows a file is in: as it is called, if it looks like that. Raises InputRefused."""
    if name.endswith(".csv"):
        return "csv"
    if name.endswith((".ndjson", ".jsonl")):
        return "ndjson"
    if b"\0" in head:
        sentence = f"{shown(name)} is neither JSON nor CSV, and no archive that can be read."
        raise InputRefused(sentence, ArrivalCode.UNKNOWN_FORMAT)
    looks = format_of(head) or "ndjson"
    if name.endswith(".json") and looks != "json":
        line = head.removeprefix(BOM).lstrip().partition(b"\n")[0].strip()
        return "ndjson" if isinstance(read_object(line), dict) else "json"
    return looks


def _as(stored: StoredInput, role: InputRole, form: str) -> StoredInput:
    return msgspec.structs.replace(stored, role=role, format=form)


class _Manifest(msgspec.Struct):
    version: int
    group: str
    parts: list[msgspec.Raw]


_MANIFEST = msgspec.json.Decoder(_Manifest)


def _is_manifest(part: StoredPart) -> bool:
    """Whether a file is meant to be a manifest, right or wrong."""
    if part.size > _HEAD and b'"group"' not in part.read_at(0, _HEAD) + part.read_at(part.size - _HEAD, _HEAD):
        return False
    try:
        _MANIFEST.decode(b"".join(part.open()))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def _set_doctype(stored: StoredInput, doctype: str | None, known: Mapping[str, object]) -> None:
    """Set what the rows of a file are: what the caller says, or what Waybill named the file after."""
    named = _PLAIN.fullmatch(stored.name)
    stored.doctype = doctype or (named["doctype"] if named else "")
    if not stored.doctype:
        sentence = f"{shown(stored.name)} does not say what its rows are: name their doctype."
        raise InputRefused(sentence, ArrivalCode.DOCTYPE_MISSING)
    if stored.doctype not in known:
        raise InputRefused(f"There is no doctype {shown(stored.doctype)} here.", ArrivalCode.UNKNOWN_DOCTYPE)


def _check_numbers(parts: Sequence[StoredInput], numbers: Mapping[int, int]) -> None:
    """Refuse two parts of one number at once, before the files of one are taken for those of the other."""
    first: dict[int, StoredInput] = {}
    for part in parts:
        number = numbers[part.number]
        other = first.setdefault(number, part)
        if number and other is not part:
            same = (part.size, part.etag) == (other.size, other.etag)
            sentence = f"{shown(part.name)} is part {number}, and so is {shown(other.name)}."
            raise InputRefused(sentence, PartCode.DOUBLE_PART if same else PartCode.FOREIGN_PART)


def _number(stored: StoredInput, archives: ObjectStore, limits: Limits) -> int:
    """Return which part of its group an input says that it is, 0 if it does not. Nothing of it is checked yet."""
    if stored.role is InputRole.ROWS:
        named = _PLAIN.fullmatch(stored.name)
        return int(named["number"] or 1) if named else 0
    source = StoredPart(archives, stored)
    try:
        if stored.format == "zip":
            archive = ZipReader(source.size, source.read_at, limits)
            identity = identity_of(archive.comment)
            if identity is not None:
                return identity.number
            name = archive.first_name() or ""
        else:
            first = next(tar_members(source.open(), stored.format, limits), None)
            name = first.path if first is not None else ""
    except BadArchive:
        return 0  # it is refused when its turn comes
    found = _NUMBERED.match(name)
    return int(found[1]) if found else 0
