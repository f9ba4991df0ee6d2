"""Reads a part from its first byte to its last and says what it is, before anything of it is used."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from waybill.intake.bag_reader import BagReader
from waybill.intake.codes import ArchiveCode, PartCode
from waybill.intake.cozy_reader import CozyItem, cozy_items, identity_of
from waybill.intake.members import BadArchive, BadMember, Limits, Member
from waybill.intake.part import HEAD, PartIdentity, PartSource, Tally, packing_of
from waybill.intake.rows import Problem
from waybill.intake.tar_reader import tar_members
from waybill.intake.zip_reader import ZipReader

MOST_PROBLEMS = 100
"""Problems of one part that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class NamedProblem:
    """What is wrong with one document or file of a part; ``path`` names it."""

    path: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class InspectedPart:
    """A part that was read whole.

    ``identity`` is None for a part that says nothing of itself, as a Cozy's own. ``list_text`` is a bag's list of
    digests, which ``bag_reader.listed`` reads, and ``list_sha256`` the digest of it, for where the list is not kept;
    both are empty in other layouts. ``problems`` is of a part for Cozy, whose
    documents and files can be bad one by one; ``problem_count`` counts all of them.
    """

    name: str
    packing: str
    layout: str
    identity: PartIdentity | None
    size: int
    sha256: str
    crc32: str
    list_text: bytes = b""
    list_sha256: str = ""
    problems: tuple[NamedProblem, ...] = ()
    problem_count: int = 0


def inspect_part(source: PartSource, limits: Limits) -> InspectedPart:
    """Read a part whole and check all that it says of itself. Raises BadArchive. Memory stays flat."""
    tally = Tally()
    packing = packing_of(source.read_at(0, min(HEAD, source.size)))
    if packing is None:
        raise BadArchive(ArchiveCode.NOT_AN_ARCHIVE, "The file is neither a tar nor a zip archive.")
    if packing != "zip":
        return _bag(source.name, packing, tar_members(tally.over(source.open()), packing, limits), tally)
    archive = ZipReader(source.size, source.read_at, limits)
    if is_bag(archive):
        return _bag(source.name, packing, archive.members(), tally, source.open())
    return _cozy(source.name, archive, tally, source.open())


def inspect_records(source: PartSource, format_name: str) -> InspectedPart:
    """Read a file of records whole, which is a part of the layout ``plain``. Only a manifest can say if it is right."""
    tally = Tally()
    _sum_up(tally, source.open())
    return InspectedPart(source.name, format_name, "plain", None, tally.size, tally.sha256, f"{tally.crc32:08x}")


def is_bag(archive: ZipReader) -> bool:
    """Whether a zip is a bag by its first member's name; an empty one is a part for Cozy. Raises BadArchive."""
    first = archive.first_name()
    return first is not None and first.startswith("waybill-part-")


def _bag(
    name: str, packing: str, members: Iterator[Member], tally: Tally, whole: Iterator[bytes] | None = None
) -> InspectedPart:
    reader = BagReader(members)
    for _ in reader:
        pass
    _sum_up(tally, whole)
    return InspectedPart(
        name,
        packing,
        "bag",
        reader.identity,
        tally.size,
        tally.sha256,
        f"{tally.crc32:08x}",
        reader.list_text,
        sha256(reader.list_text).hexdigest(),
    )


def _cozy(name: str, archive: ZipReader, tally: Tally, whole: Iterator[bytes]) -> InspectedPart:
    problems: list[NamedProblem] = []
    count = 0
    for item in cozy_items(archive.members()):
        problem = item.problem or _problem_of_content(item)
        if problem is not None:
            count += 1
            if len(problems) < MOST_PROBLEMS:
                problems.append(NamedProblem(f"{item.doctype}/{item.id}", problem))
    _sum_up(tally, whole)
    return InspectedPart(
        name,
        "zip",
        "cozy",
        identity_of(archive.comment),
        tally.size,
        tally.sha256,
        f"{tally.crc32:08x}",
        problems=tuple(problems),
        problem_count=count,
    )


def _problem_of_content(item: CozyItem) -> Problem | None:
    try:
        for _ in item.content.chunks if item.content else ():
            pass
    except BadMember as error:
        return Problem(PartCode(error.code), "", str(error))
    return None


def _sum_up(tally: Tally, whole: Iterator[bytes] | None) -> None:
    for _ in tally.over(whole or ()):
        pass
