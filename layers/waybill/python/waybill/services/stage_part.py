"""Stage one part of an export: its rows, and the contents of its files, while everything in it is checked.

A part is read from its first byte in every call, because its digests stand at its end; what was staged before is
passed over. What is wrong with it shows at its end at the latest, and then all that was staged of it is taken back.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from waybill.archive.bag import PAYLOAD
from waybill.archive.chain_names import DELETED, FILES
from waybill.archive.cozy import FILES as COZY_FILES
from waybill.domain.catalog import Catalog, Doctype, is_doctype
from waybill.intake.bag_reader import BagReader, Payload, PayloadKind
from waybill.intake.codes import PartCode
from waybill.intake.content_book import ContentBook
from waybill.intake.cozy_reader import FILES_DOCTYPE, CozyItem, cozy_items, identity_of
from waybill.intake.group import Manifest
from waybill.intake.inspection import InspectedPart, is_bag
from waybill.intake.members import BadMember, Limits, Member, shown
from waybill.intake.ndjson import NdjsonRows
from waybill.intake.part import PartIdentity, Tally, not_a_part
from waybill.intake.row_file import line_of
from waybill.intake.rows import Broken, Problem, Row
from waybill.intake.staged_inputs import RemarkCode
from waybill.intake.tar_reader import tar_members
from waybill.intake.zip_reader import ZipReader
from waybill.ports import Budget
from waybill.services.content_files import ContentFiles, OutOfTime
from waybill.services.part_index import PartIndex
from waybill.services.row_files import RowFiles
from waybill.services.stage_rows import turn_of
from waybill.services.staging_state import Reading, StoredInput
from waybill.services.stored_part import StoredPart

_FILES = f"{PAYLOAD}/files/"

UNKNOWN_DOCTYPE = "unknown_doctype"
"""The code of rows of a doctype that the catalog does not have."""

Remark = Callable[[RemarkCode, str], None]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What staging a part works with. ``remark`` notes what is about no row."""

    catalog: Catalog
    limits: Limits
    manifest: Manifest | None
    row_files: RowFiles
    contents: ContentFiles
    book: ContentBook
    index: PartIndex
    budget: Budget
    remark: Remark


def stage_part(stored: StoredInput, source: StoredPart, reading: Reading, workshop: Workshop) -> InspectedPart | None:
    """Stage a part from where ``reading`` stands. Return what it is, None if the budget was spent before its end.

    Raises BadArchive for a part that is not what it should be.
    """
    stage = _PartStage(stored, source, reading, workshop)
    try:
        return stage.run()
    except (_Stopped, OutOfTime):
        return None


class _Stopped(Exception):
    """The budget is spent."""


class _PartStage:
    def __init__(self, stored: StoredInput, source: StoredPart, reading: Reading, workshop: Workshop) -> None:
        self._stored = stored
        self._source = source
        self._reading = reading
        self._at = workshop
        self._tally = Tally()
        self._payload = 0

    def run(self) -> InspectedPart:
        if self._stored.format != "zip":
            chunks = self._source.open()
            if self._at.manifest is not None:
                chunks = self._tally.over(chunks)
            reader = BagReader(tar_members(chunks, self._stored.format, self._at.limits))
            return self._bag(reader, whole=None)
        archive = ZipReader(self._source.size, self._source.read_at, self._at.limits)
        whole = self._source.open() if self._at.manifest is not None else None
        if is_bag(archive):
            return self._bag(BagReader(archive.members()), whole)
        for item in cozy_items(archive.members()):
            if self._is_new():
                self._cozy(item)
                self._step_over()
            elif item.content is not None:
                with suppress(BadMember):  # it was told when it was staged
                    self._draw(item.content.chunks)
            self._pass_over(())
        return self._inspected("cozy", identity_of(archive.comment), b"", whole)

    def _bag(self, reader: BagReader, whole: Iterator[bytes] | None) -> InspectedPart:
        takers = {
            PayloadKind.RECORDS: self._records,
            PayloadKind.FILE: self._file,
            PayloadKind.LIST: self._list,
        }
        for payload in reader:
            if self._is_new():
                takers.get(payload.kind, self._nothing)(payload)
                self._step_over()
            self._pass_over(payload.chunks)
        return self._inspected("bag", reader.identity, reader.list_text, whole)

    def _is_new(self) -> bool:
        """Whether the member at hand is not staged yet."""
        return self._payload >= self._reading.payload

    def _step_over(self) -> None:
        """Note that the member at hand is staged."""
        self._reading.payload = self._payload + 1
        self._reading.rows = 0

    def _pass_over(self, rest: Iterator[bytes] | tuple[()]) -> None:
        """Draw what is left of the member at hand, and go on to the next one. Raises _Stopped."""
        self._draw(rest)
        self._payload += 1
        if self._at.budget.spent():
            raise _Stopped

    def _draw(self, chunks: Iterator[bytes] | tuple[()]) -> None:
        for _ in chunks:
            if self._at.budget.spent():
                raise _Stopped

    def _records(self, payload: Payload) -> None:
        doctype = self._doctype(payload.doctype, payload.path)
        if doctype is not None and doctype.has_files and self._at.index.begun:
            raise not_a_part(f"{shown(payload.path)} has records of files and stands behind files", payload.path)
        source = f"{self._stored.name}: {payload.path}"
        done = self._reading.rows
        for position, row in enumerate(NdjsonRows(payload.chunks)):
            if isinstance(row, Broken):
                if row.offset or payload.size:
                    raise not_a_part(f"{shown(payload.path)} breaks off: {row.sentence}", payload.path)
                return
            if position < done:
                continue
            self._stage(payload.doctype, doctype, source, row)
            self._reading.rows += 1
            if self._at.budget.spent():
                raise _Stopped

    def _stage(self, name: str, doctype: Doctype | None, source: str, row: Row) -> None:
        if doctype is None and row.problem is None:
            problem = Problem(UNKNOWN_DOCTYPE, "", f"There is no doctype {shown(name)} here.")
            row = msgspec.structs.replace(row, value=None, problem=problem)
        self._at.row_files.add(name, turn_of(doctype, row.value), line_of(row, source, is_json=True))
        self._reading.count += 1

    def _file(self, payload: Payload) -> None:
        owner = self._at.index.owner_of(payload.path)
        if owner is None:
            sentence = f"{shown(payload.path)} is the file of no record, and is left out."
            self._at.remark(RemarkCode.CONTENT_WITHOUT_RECORD, sentence)
            return
        self._keep(*owner, payload.path.removeprefix(_FILES), payload)

    def _keep(self, doctype: str, record_id: str, name: str, file: Payload | Member) -> None:
        content = self._at.contents.store(name, file.size, file.chunks)
        if self._at.book.add(doctype, record_id, content):
            self._reading.file_bytes += file.size
            return
        self._at.contents.go_back(content.number)
        sentence = f"{shown(name)} is a second file of one record, and is left out."
        self._at.remark(RemarkCode.CONTENT_WITHOUT_RECORD, sentence)

    def _nothing(self, payload: Payload) -> None:
        """Leave a schema to the deployment, which has its own."""

    def _list(self, payload: Payload) -> None:
        """Take in a list of an export of a chain: where its files belong, and that something was deleted."""
        kind = payload.path.rpartition("/")[2].partition("-")[0]
        if kind == FILES:
            self._at.index.add_list(payload.doctype, NdjsonRows(payload.chunks))
        elif kind == DELETED:
            sentence = "The export says what was deleted since the one before it. An import deletes nothing."
            self._at.remark(RemarkCode.DELETIONS_LEFT_OUT, sentence)

    def _cozy(self, item: CozyItem) -> None:
        if item.row is None:
            sentence = item.problem.sentence if item.problem is not None else ""
            self._at.remark(RemarkCode.CONTENT_WITHOUT_RECORD, sentence)
            return
        doctype = self._doctype(item.doctype, item.id)
        row, problem = item.row, item.problem
        if item.content is not None and problem is None:
            problem = self._cozy_content(item, doctype)
        if problem is not None and row.problem is None:
            row = msgspec.structs.replace(row, value=None, problem=problem)
        self._stage(item.doctype, doctype, self._stored.name, row)

    def _cozy_content(self, item: CozyItem, doctype: Doctype | None) -> Problem | None:
        """Store the content of a record. Return why that is not its content, if it is not."""
        content, record = item.content, item.row.value if item.row is not None else None
        if content is None or record is None:
            return None
        if doctype is None or not doctype.has_files:
            sentence = f"The contents of {shown(item.doctype)} have no place here, and are left out."
            self._at.remark(RemarkCode.CONTENT_OF_UNKNOWN_DOCTYPE, sentence)
            return None
        named = record.get(doctype.key_fields[0], item.id)
        try:
            self._keep(item.doctype, str(named), content.path.removeprefix(f"{COZY_FILES}/"), content)
        except BadMember as error:
            return Problem(PartCode(error.code), "", str(error))
        return None

    def _doctype(self, name: str, path: str) -> Doctype | None:
        """Return a doctype of the catalog, None if it does not have it. Raises BadArchive for what can be none."""
        if not is_doctype(name):
            raise not_a_part(f"{shown(name or FILES_DOCTYPE)} cannot be a doctype", path)
        return self._at.catalog.doctypes.get(name)

    def _inspected(
        self, layout: str, identity: PartIdentity | None, list_text: bytes, whole: Iterator[bytes] | None
    ) -> InspectedPart:
        self._draw(self._tally.over(whole or ()))
        return InspectedPart(
            self._stored.name,
            self._stored.format,
            layout,
            identity,
            self._source.size,
            self._tally.sha256,
            f"{self._tally.crc32:08x}",
            list_sha256=sha256(list_text).hexdigest() if list_text else "",
        )
