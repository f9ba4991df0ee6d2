"""Whether the parts that came in are those of one export, all of them, and those that its manifest names."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from waybill.intake.codes import PartCode
from waybill.intake.inspection import InspectedPart
from waybill.intake.members import BadArchive, shown

MOST_NAMED = 20
"""Missing parts that a sentence names."""

_MOST_PARTS = 1_000_000
_CHANGED_BY_BROWSERS = re.compile(r"[^\w.+-]")


class Verifier(Protocol):
    """Checks signatures with a public key that the operator trusts."""

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether the signature (ECDSA on P-256 with SHA-256, DER) is that of the message."""
        ...


@dataclass(frozen=True, slots=True)
class GroupFault:
    """What is wrong with a group; ``part`` is the name of the file that it is about, empty if of none."""

    code: PartCode
    part: str
    sentence: str


class ManifestPart(msgspec.Struct, frozen=True):
    """What a manifest says of a part (docs/manifest.md)."""

    number: int
    name: str
    size: int
    sha256: str | None
    entry_list_sha256: str | None = None
    crc32: str | None = None


class ManifestGap(msgspec.Struct, frozen=True):
    """Something that is not in the export."""

    doctype: str
    kind: str
    id: str


class Manifest(msgspec.Struct, frozen=True):
    """What an import needs of a manifest."""

    version: int
    group: str
    format: str
    layout: str
    parts: tuple[ManifestPart, ...]
    gaps: tuple[ManifestGap, ...] = ()

    def without_content(self, doctype: str) -> frozenset[str]:
        """Return the ids of the files of a doctype whose contents are not in the export."""
        return frozenset(gap.id for gap in self.gaps if gap.kind == "file" and gap.doctype == doctype)


_MANIFEST = msgspec.json.Decoder(Manifest)
_VERSION = 1


def read_manifest(text: bytes, signature: bytes | None = None, verifier: Verifier | None = None) -> Manifest:
    """Return what a manifest.json says. Raises BadArchive if it is none, or if the signature is not its own.

    A signature needs a verifier; without both nothing is known of who wrote the manifest.
    """
    if signature is not None and (verifier is None or not verifier.verify(text, signature)):
        sentence = "The manifest's signature is not its own, or it was made with another key."
        raise BadArchive(PartCode.WRONG_SIGNATURE, sentence)
    try:
        manifest = _MANIFEST.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BadArchive(PartCode.BAD_MANIFEST, "The manifest is not one of Waybill's.") from None
    if manifest.version != _VERSION:
        sentence = f"The manifest is of version {manifest.version}; this is understood up to {_VERSION}."
        raise BadArchive(PartCode.BAD_MANIFEST, sentence)
    if [part.number for part in manifest.parts] != list(range(1, len(manifest.parts) + 1)):
        raise BadArchive(PartCode.BAD_MANIFEST, "The manifest does not name its parts one by one.")
    return manifest


def check_group(parts: Sequence[InspectedPart], manifest: Manifest | None = None) -> list[GroupFault]:
    """Return what is wrong with parts that came in any order; nothing if they are one export, whole.

    A part that says nothing of itself, as a Cozy's own or a file of records, can be placed by a manifest only, by its
    name. Without one it belongs to no group, and is neither missing nor foreign.
    """
    if manifest is not None:
        return _against_manifest(parts, manifest)
    placed = [part for part in parts if part.identity is not None]
    kinds = Counter(_kind(part) for part in placed)
    main = max(kinds, key=lambda kind: (kinds[kind], kind), default=None)
    if main is None:
        return []
    faults: list[GroupFault] = []
    numbers: set[int] = set()
    for part in parts:
        if part.identity is None or _kind(part) != main:
            sentence = f"{shown(part.name)} belongs to another export than the other parts."
            faults.append(GroupFault(PartCode.FOREIGN_PART, part.name, sentence))
        elif part.identity.number in numbers:
            faults.append(_double(part, part.identity.number))
        else:
            numbers.add(part.identity.number)
    count = main[2]
    if len(numbers) < count:
        faults.append(_missing([str(number) for number in _first_missing(numbers, count)], count - len(numbers), count))
    return faults


def _kind(part: InspectedPart) -> tuple[str, str, int]:
    identity = part.identity
    return (part.layout, identity.group, identity.parts) if identity else (part.layout, "", 0)


def _against_manifest(parts: Sequence[InspectedPart], manifest: Manifest) -> list[GroupFault]:
    faults: list[GroupFault] = []
    found: set[int] = set()
    by_name = {_plain(part.name): part.number for part in manifest.parts}
    for part in parts:
        number = _number(part, manifest, by_name)
        if number is None:
            sentence = f"The manifest does not name {shown(part.name)}."
            faults.append(GroupFault(PartCode.FOREIGN_PART, part.name, sentence))
        elif number in found:
            faults.append(_double(part, number))
        else:
            found.add(number)
            if not _is(part, manifest.parts[number - 1]):
                sentence = f"{shown(part.name)} is not the part {number} that the manifest names: download it again."
                faults.append(GroupFault(PartCode.WRONG_PART, part.name, sentence))
    missing = [part.name for part in manifest.parts if part.number not in found]
    if missing:
        faults.append(_missing([shown(name) for name in missing[:MOST_NAMED]], len(missing), len(manifest.parts)))
    return faults


def _number(part: InspectedPart, manifest: Manifest, by_name: dict[str, int]) -> int | None:
    identity = part.identity
    if identity is None:
        return by_name.get(_plain(part.name))
    ours = (identity.layout, identity.group, identity.parts) == (manifest.layout, manifest.group, len(manifest.parts))
    return identity.number if ours else None


def _is(part: InspectedPart, told: ManifestPart) -> bool:
    """Whether a part is the one of the manifest. Of what a store put together only its CRC-32 is known, if anything."""
    return (
        part.size == told.size
        and told.sha256 in (None, part.sha256)
        and told.crc32 in (None, part.crc32)
        and told.entry_list_sha256 in (None, part.list_sha256)
    )


def _plain(name: str) -> str:
    """Return a file's name as browsers and file systems may have changed it: some know no colon."""
    return _CHANGED_BY_BROWSERS.sub("_", name)


def _double(part: InspectedPart, number: int) -> GroupFault:
    return GroupFault(PartCode.DOUBLE_PART, part.name, f"{shown(part.name)} is part {number}, which is here already.")


def _missing(named: Sequence[str], missing: int, count: int) -> GroupFault:
    more = " …" if missing > len(named) else ""
    sentence = f"Of {count} parts {missing} {'is' if missing == 1 else 'are'} not here: {', '.join(named)}{more}."
    return GroupFault(PartCode.MISSING_PART, "", sentence)


def _first_missing(numbers: set[int], count: int) -> Iterable[int]:
    missing = (number for number in range(1, min(count, _MOST_PARTS) + 1) if number not in numbers)
    return [number for number, _ in zip(missing, range(MOST_NAMED), strict=False)]
