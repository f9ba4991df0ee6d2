"""Which entries of a part belong to a doctype, by their names and their order alone (cozy-move, section 2)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import unquote

from waybill.archive.cozy import DATA, FILES, INSTANCES
from waybill.intake.cozy_reader import FILES_DOCTYPE
from waybill.intake.members import BadArchive, Member
from waybill.intake.zip_reader import ZipReader

_DATA, _FILES = f"{DATA}/", f"{FILES}/"
_INSTANCE = f"{_DATA}instance.json"

MOST_DOCUMENT = 16_000_000
"""Bytes of a document that is held in memory. CouchDB takes none above 8,000,000 (``max_document_size``)."""


class _Choice:
    """Says of one name after the other whether it belongs to doctypes that are ``taken``.

    A content belongs to the document that it stands behind. One that stands behind another content is nobody's, and
    counts for the files.
    """

    def __init__(self, taken: Callable[[str], bool]) -> None:
        self._taken = taken
        self._before: bool | None = None

    def __call__(self, name: str) -> bool:
        if name.startswith(_FILES):
            taken, self._before = self._before, None
            return self._taken(FILES_DOCTYPE) if taken is None else taken
        self._before = self._taken(doctype_of(name))
        return self._before


def doctype_of(name: str) -> str:
    """Return the doctype of the document that an entry is; that of the document about the Cozy itself is INSTANCES."""
    return INSTANCES if name == _INSTANCE else unquote(name.removeprefix(_DATA).partition("/")[0])


class ChosenMembers:
    """The members of a part that belong to doctypes that are ``taken``, from place ``start`` on.

    Documents are read here. One that is damaged becomes an empty one, which is no document, and ``damaged`` has its
    place; so it spoils nothing of those behind it. Raises BadArchive for a part that contradicts itself.
    """

    def __init__(self, archive: ZipReader, taken: Callable[[str], bool], start: int) -> None:
        self._archive = archive
        self._taken = taken
        self._start = start
        self.damaged: set[int] = set()

    def __iter__(self) -> Iterator[Member]:
        for member in self._archive.chosen(_Choice(self._taken), start=self._start):
            yield member if member.path.startswith(_FILES) else self._document(member)

    def _document(self, member: Member) -> Member:
        path = f"{_DATA}{INSTANCES}/instance.json" if member.path == _INSTANCE else member.path
        if member.size > MOST_DOCUMENT:
            return replace(member, path=path)
        try:
            text = b"".join(member.chunks)
        except BadArchive:
            self.damaged.add(member.place)
            return replace(member, path=path, size=0, chunks=iter(()))
        return replace(member, path=path, chunks=iter((text,)))
