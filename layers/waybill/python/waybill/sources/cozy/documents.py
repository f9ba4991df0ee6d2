"""The documents of an export of a Cozy as a source, and the contents of its files.

Every doctype is read from the parts by itself: the first part has all documents, the others those of files and versions
with their contents. A shard is what one part has of one doctype. A key says which part, which download of it, and how
many of its entries are read.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

import msgspec

from waybill.domain.errors import SourceUnavailable
from waybill.domain.estimate import Amount
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.plan import KeptContent, Shard
from waybill.intake.codes import PartCode
from waybill.intake.cozy_reader import FILES_DOCTYPE, VERSIONS_DOCTYPE, CozyItem, cozy_items
from waybill.intake.members import BadArchive
from waybill.ports import Budget, Measure, SourceItem, Staging
from waybill.sources.cozy.choice import MOST_DOCUMENT, ChosenMembers
from waybill.sources.cozy.downloads import Downloads, OpenPart
from waybill.sources.cozy.file_items import directory_of, file_item, updated_at
from waybill.sources.cozy.secrets import SECRETIVE
from waybill.sources.json_text import NotAnObject, one_line
from waybill.sources.rest.window import Stop, in_order

WITH_CONTENTS = frozenset((FILES_DOCTYPE, VERSIONS_DOCTYPE))

SIDE_BY_SIDE = 8
"""Small contents that are stored at once."""

SMALL = 1024 * 1024
"""Bytes. A content up to this is held in memory while it is stored, a larger one goes by in pieces."""

_GUESSED_DOCUMENT = 500
_GUESSED_FILE = 1_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """What a doctype of the catalog takes of an export.

    ``name`` is the doctype. The one that ``takes_others`` has the documents of all doctypes that are not ``named`` in
    the catalog. ``leave_out`` are fields that never leave; ``keeps_secrets`` says that secrets are asked for, and
    ``with_contents`` that the contents of files are.
    """

    name: str
    leave_out: tuple[str, ...] = ()
    takes_others: bool = False
    named: frozenset[str] = frozenset()
    keeps_secrets: bool = False
    with_contents: bool = True

    def takes(self, doctype: str) -> bool:
        """Whether documents of a Cozy's doctype belong here."""
        return doctype not in self.named if self.takes_others else doctype == self.name


@dataclass(slots=True)
class _Found:
    """An item, and what is still to be stored of it: its file's content, if that is small."""

    item: SourceItem
    name: str = ""
    data: bytes | None = None
    file: Callable[[KeptContent], SourceItem] | None = None


class CozyDocuments:
    """Source of one doctype of a Cozy's export."""

    def __init__(self, choice: Choice, downloads: Downloads, staging: Staging | None) -> None:
        self._choice = choice
        self._downloads = downloads
        self._staging = staging

    def shards(self, *, tenant: str, start: int) -> list[Shard]:  # noqa: ARG002 - a Cozy is one person's
        """Return a shard for each part that may have something of the doctype. Raises SourceUnavailable."""
        parts = self._downloads.plan()
        mine = parts if self._choice.takes_others or self._choice.name in WITH_CONTENTS else parts[:1]
        return [
            Shard(start + position, self._choice.name, f"{part.number:06}", f"{part.number + 1:06}", position + 1)
            for position, part in enumerate(mine)
        ]

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:  # noqa: ARG002
        """Yield the documents of one part in their order. Raises SourceUnavailable and SourceNotReady."""
        download, _ = _place(after)
        part = self._downloads.opened(int(shard.first or "1"), shard=shard.number, download=download)
        if self._choice.takes_others or self._choice.name in WITH_CONTENTS:
            yield from self._stored(self._found(part, after))
        else:
            yield from (found.item for found in self._found(part, after))

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:  # noqa: ARG002
        """Guess: the manifest says how large all documents are together, and how the files were cut.

        Nothing is downloaded for it. Raises SourceUnavailable.
        """
        manifest = self._downloads.manifest()
        size = manifest.json_bytes // max(len(self._choice.named), 1)
        amount = Amount(records=size // _GUESSED_DOCUMENT, record_bytes=size)
        if self._choice.name == FILES_DOCTYPE:
            files = manifest.parts_size * (len(manifest.parts) - 1) + manifest.parts_size // 2
            amount = replace(amount, files=files // _GUESSED_FILE, file_bytes=files)
        return Measure(amount, Amount(), (), exact=False, pages=1)

    def _found(self, part: OpenPart, after: str | None) -> Iterator[_Found]:
        """Yield what a part has behind the key ``after``."""
        members = ChosenMembers(part.archive, self._choice.takes, _place(after)[1])
        reader = _PartReader(self._choice, self._downloads, self._staging, part, members.damaged)
        if after is None and part.part.number == 1 and not self._downloads.holds(self._choice.name):
            yield reader.not_exported()
        try:
            first = reader.expected() if after is None else None
            for item in cozy_items(members, most=MOST_DOCUMENT):
                if first is not None and item.doctype == self._choice.name and _has_content(item):
                    yield from reader.missing(first) if item.id != first else ()
                    first = None
                yield reader.found(item)
            if first is not None:
                yield from reader.missing(first)
        except BadArchive as error:
            raise SourceUnavailable(
                f"Part {part.part.number} of {part.part.parts} of the Cozy cannot be read on. {error} Make a new "
                "export there, and use its link."
            ) from None

    def _stored(self, found: Iterator[_Found]) -> Iterator[SourceItem]:
        """Yield the items in their order, small contents being stored side by side."""
        yield from in_order(self._store, found, limit=SIDE_BY_SIDE)

    def _store(self, found: _Found, stop: Stop) -> SourceItem:
        stop.check()
        if found.data is None or found.file is None or self._staging is None:
            return found.item
        return found.file(self._staging.keep(found.name, [found.data]))


@dataclass(slots=True)
class _PartReader:
    """Makes items of what stands in one part."""

    choice: Choice
    downloads: Downloads
    staging: Staging | None
    part: OpenPart
    damaged: Collection[int] = field(default_factory=set)

    def expected(self) -> str | None:
        """Return the id of the document that the part is named by, if it is of this doctype."""
        first = self.part.part.first
        return first[1] if first and first[0] == self.choice.name else None

    def missing(self, identifier: str) -> Iterator[_Found]:
        """Yield what stands for a file that the part is named by, and that is not in it."""
        reason = "The part is named by this file, and has neither its record nor its content: it was removed meanwhile."
        record = self._gap("record", identifier, Outcome.FAILED, "file_missing", reason)
        lost = self._gap("file", identifier, Outcome.FAILED, "file_missing", reason)
        file_gap = lost if self.choice.with_contents else None
        yield _Found(SourceItem(self._key(0), gap=record, file_gap=file_gap, id=identifier))

    def not_exported(self) -> _Found:
        """Return what stands for documents that the Cozy's export does not have, because it was made of others."""
        reason = "The Cozy's export was made of some doctypes only, without these. Whether there are any is not known."
        gap = self._gap("record", self.choice.name, Outcome.SKIPPED, "not_asked_for", reason)
        return _Found(SourceItem(self._key(0), gap=gap, id=self.choice.name))

    def found(self, item: CozyItem) -> _Found:
        """Return the item that a document is, with its file if it has one."""
        key, name = self._key(item.last + 1), self._id(item)
        if item.row is None:
            reason = "The part has a content here that stands behind no record."
            gap = self._gap("file", f"entry {item.last + 1}", Outcome.SKIPPED, "file_without_record", reason)
            return _Found(SourceItem(key, gap=gap))
        if self.choice.takes_others and not self.choice.keeps_secrets and item.doctype in SECRETIVE:
            reason = "The document has secrets, and the catalog neither asks for those nor names its doctype."
            gap = self._gap("record", name, Outcome.SKIPPED, "secret_left_out", reason)
            return _Found(SourceItem(key, gap=gap, id=name))
        try:
            line = self._line(item)
        except NotAnObject as fault:
            return _Found(self._unreadable(key, name, item, str(fault)))
        if item.doctype not in WITH_CONTENTS:
            return _Found(SourceItem(key, line, updated_at=updated_at(item.row.raw), id=name))
        return self._of_files(item, SourceItem(key, line, updated_at=updated_at(item.row.raw), id=name))

    def _of_files(self, item: CozyItem, made: SourceItem) -> _Found:
        """Return the item of a directory, a file or a version."""
        raw = item.row.raw if item.row else b""
        if not self.choice.with_contents and not self.choice.takes_others:
            return _Found(made)
        directory = directory_of(item.doctype, item.id, raw)
        if not self.choice.takes_others and item.doctype == FILES_DOCTYPE and directory is not None:
            return _Found(replace(made, directory=directory))
        if self.choice.takes_others:
            if not item.paired:
                return _Found(made)
            reason = f"The catalog does not name {item.doctype}, so the content has no place."
            gap = self._gap("file", made.id, Outcome.SKIPPED, "file_without_record", reason)
            return _Found(replace(made, file_gap=gap))
        if item.content is None:
            return _Found(replace(made, file_gap=self._lost(item)))
        return self._with_content(item, replace(made, directory=directory))

    def _with_content(self, item: CozyItem, made: SourceItem) -> _Found:
        """Return the item of a file; a large content is stored at once, a small one is read and stored later."""
        content, raw = item.content, item.row.raw if item.row else b""
        assert content is not None  # noqa: S101 - the caller has looked
        name = self.downloads.content_name(self.part, content.place)
        kept = self.staging.kept(name) if self.staging else None

        def file(kept: KeptContent) -> SourceItem:
            return replace(made, file=file_item(item.doctype, item.id, raw, kept))

        try:
            if kept is None and content.size <= SMALL:
                return _Found(made, name, b"".join(content.chunks), file)
            if kept is None and self.staging is not None:
                kept = self.staging.keep(name, content.chunks)
        except BadArchive as error:
            reason = f"The content is not what the Cozy's record says, or it is damaged. {error}"
            lost = self._gap("file", item.id, Outcome.FAILED, "file_damaged", reason)
            return _Found(replace(made, file_gap=lost))
        return _Found(made if kept is None else file(kept))

    def _line(self, item: CozyItem) -> bytes:
        """Return a document as a line. Raises NotAnObject."""
        row = item.row
        if row is None or (row.size and not row.raw):
            raise NotAnObject(f"has more than {MOST_DOCUMENT:,} bytes")
        if item.last in self.damaged:
            raise NotAnObject("is damaged in the part")
        try:
            line = one_line(row.raw.decode(), () if self.choice.takes_others else self.choice.leave_out)
        except UnicodeDecodeError:
            raise NotAnObject("is not UTF-8") from None
        if not self.choice.takes_others:
            return line
        wrapped = msgspec.json.encode({"doctype": item.doctype, "document": msgspec.Raw(line)})
        return one_line(wrapped.decode(), self.choice.leave_out) if self.choice.leave_out else wrapped

    def _unreadable(self, key: str, name: str, item: CozyItem, fault: str) -> SourceItem:
        gap = self._gap("record", name, Outcome.FAILED, "invalid_json", f"The document {fault}.")
        if not _has_content(item) or not self.choice.with_contents:
            return SourceItem(key, gap=gap, id=name)
        reason = "The record of the file cannot be read, so its name is not known."
        lost = self._gap("file", name, Outcome.FAILED, "file_record_unreadable", reason)
        return SourceItem(key, gap=gap, file_gap=lost, id=name)

    def _lost(self, item: CozyItem) -> Gap:
        """Return why a file has no content: the Cozy gave none, or nobody could tell what its record says."""
        if item.problem is not None and item.problem.code != PartCode.LOST_CONTENT:
            reason = "The record of the file cannot be read as a file's, so its content was not taken."
            return self._gap("file", item.id, Outcome.FAILED, "file_record_unreadable", reason)
        reason = "The Cozy gave the file's record without its content: it was removed after the export was made."
        return self._gap("file", item.id, Outcome.FAILED, "file_missing", reason)

    def _id(self, item: CozyItem) -> str:
        return f"{item.doctype}/{item.id}" if self.choice.takes_others else item.id

    def _key(self, read: int) -> str:
        return f"{self.part.part.number:06}/{self.part.download}/{read:09}"

    def _gap(self, kind: str, name: str, outcome: Outcome, code: str, reason: str) -> Gap:
        return Gap(self.choice.name, kind, name, outcome, code, reason)


def _has_content(item: CozyItem) -> bool:
    """Whether a content belongs to a document, be it there or lost."""
    return item.paired or (item.problem is not None and item.problem.code == PartCode.LOST_CONTENT)


def _place(after: str | None) -> tuple[str | None, int]:
    """Return the download that reading stopped in, and how many of its entries were read."""
    if after is None:
        return None, 0
    _, download, read = after.split("/")
    return download, int(read)
