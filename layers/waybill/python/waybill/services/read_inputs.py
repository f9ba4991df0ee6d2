"""Read the inputs of an import one after the other, and check that they belong together."""

from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from isal.isal_zlib import crc32

from waybill.archive.sha256 import Sha256
from waybill.archive.spool import Spool
from waybill.domain import import_keys
from waybill.domain.arrival_codes import ArrivalCode
from waybill.domain.catalog import Catalog
from waybill.domain.errors import InputRefused
from waybill.domain.import_job import ImportJob
from waybill.domain.import_limits import ImportLimits
from waybill.domain.options import MEBIBYTE
from waybill.intake.codes import PartCode
from waybill.intake.content_book import ContentBook
from waybill.intake.group import Manifest, check_group
from waybill.intake.inspection import InspectedPart
from waybill.intake.members import BadArchive, Limits, shown
from waybill.intake.rows import Broken
from waybill.intake.staged_inputs import (
    MOST_REMARKS,
    InputRole,
    Refusal,
    Remark,
    RemarkCode,
    StagedInput,
    StagedInputs,
)
from waybill.ports import Budget, ObjectStore
from waybill.rules.order import ranks
from waybill.services.content_files import ContentFiles
from waybill.services.part_index import PartIndex
from waybill.services.row_files import RowFiles
from waybill.services.stage_part import Workshop, stage_part
from waybill.services.stage_rows import stage_rows
from waybill.services.staging_state import Reading, Staging, StoredInput
from waybill.services.stored_part import StoredPart

MOST_NAMED = 10
"""Faults of a group that a sentence names."""


class InputsReader:
    """Reads what ``state`` says is next, and notes there how far it got. A context manager: its book is on the disk."""

    def __init__(
        self,
        state: Staging,
        job: ImportJob,
        *,
        manifest: Manifest | None,
        catalog: Catalog,
        limits: ImportLimits,
        archives: ObjectStore,
        budget: Budget,
        row_file_size: int,
    ) -> None:
        self._state = state
        self._job = job
        self._manifest = manifest
        self._catalog = catalog
        self._archives = archives
        self._budget = budget
        self._limits = Limits(total=limits.unpacked_bytes, member=limits.unpacked_bytes)
        by_name = ranks(catalog.doctypes.values())
        self._row_files = RowFiles(archives, job.id, by_name, state.row_files, target=row_file_size)
        self._folder = TemporaryDirectory()
        self._book = ContentBook(self._copied_book())
        self._contents = ContentFiles(archives, job.id, state.contents, budget)
        self._index = self._new_index(begun=state.files_begun)

    def _copied_book(self) -> Path:
        """Return where the book is on the disk, as the last call left it."""
        path = Path(self._folder.name) / "contents.sqlite"
        if self._state.turn or self._state.reading is not None:
            try:
                with path.open("wb") as file:
                    for chunk in self._archives.stream(import_keys.content_book(self._job.id)):
                        file.write(chunk)
            except BaseException:
                self._folder.cleanup()
                raise
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._contents.__exit__(kind, error, trace)
        self._book.close()
        self._folder.cleanup()

    def run(self) -> bool:
        """Read on. Return whether all inputs are read; False if the budget was spent first. Raises InputRefused."""
        state = self._state
        while state.turn < len(state.stored):
            stored = state.stored[state.turn]
            if state.reading is None:
                self._row_files.flush()
                state.reading = Reading(
                    numbers=self._row_files.numbers, contents=self._contents.number, files_begun=self._index.begun
                )
            staged = self._part(stored) if stored.role is InputRole.PART else self._rows(stored)
            if staged is None:
                return False
            state.done.append(staged)
            state.rows += state.reading.count
            state.file_bytes += state.reading.file_bytes
            state.reading = None
            state.turn += 1
            if state.turn < len(state.stored) and self._budget.spent():
                return False
        self._row_files.flush()
        return True

    def settle(self) -> None:
        """Make sure that everything is stored that ``state`` says is done."""
        self._contents.settle()
        self._state.contents = self._contents.number
        self._state.files_begun = self._index.begun
        self._state.row_files = self._row_files.state()
        with self._book.settle().open("rb") as file:
            spool = Spool()
            while chunk := file.read(MEBIBYTE):
                spool.write(chunk)
        self._archives.put(import_keys.content_book(self._job.id), spool)
        spool.close()

    def finish(self) -> StagedInputs:
        """Return what the inputs turned out to be, once all are read. Raises InputRefused for a group that is none."""
        state = self._state
        for fault in self._faults():
            self._remark(RemarkCode.PART_MISSING, fault)
        if not any(each.whole or each.rows for each in state.done):
            raise InputRefused("No input could be read.", ArrivalCode.NOTHING_TO_IMPORT)
        if self._manifest is not None and self._manifest.gaps:
            sentence = f"The export says itself that it lacks {len(self._manifest.gaps):,} records or files, or more."
            self._remark(RemarkCode.GAPS_OF_EXPORT, sentence)
        return StagedInputs(
            inputs=tuple(state.done),
            rows=state.rows,
            files=self._contents.number,
            file_bytes=state.file_bytes,
            signed=state.signed,
            remarks=tuple(state.remarks),
            remark_count=state.remark_count,
            refusal=state.refusal,
        )

    def _rows(self, stored: StoredInput) -> StagedInput | None:
        """Stage a file of rows."""
        reading = self._at
        source = StoredPart(self._archives, stored)
        if self._manifest is not None and not self._is_hashed(stored, source, reading):
            return None
        doctype = self._catalog.doctypes[stored.doctype]
        read = stage_rows(stored, source, reading, doctype=doctype, row_files=self._row_files, budget=self._budget)
        if not read.done:
            return None
        if read.broken is not None:
            self._take_broken(stored, read.broken)
        return StagedInput(
            stored.name,
            InputRole.ROWS,
            stored.size,
            stored.format,
            stored.doctype,
            read.columns,
            reading.count,
            whole=read.broken is None,
        )

    def _take_broken(self, stored: StoredInput, broken: Broken) -> None:
        """Take the rows before a break, only to be judged unless that is allowed. Raises InputRefused if none are."""
        count = self._at.count
        sentence = f"{shown(stored.name)}: {broken.sentence} Before that there are {count:,} rows."
        if not self._job.options.allow_partial:
            if not count:
                raise InputRefused(sentence, broken.code)
            self._state.refusal = self._state.refusal or Refusal(broken.code, f"{sentence} None of them is written.")
        self._remark(RemarkCode.BROKEN_INPUT, sentence)

    def _is_hashed(self, stored: StoredInput, source: StoredPart, reading: Reading) -> bool:
        """Sum up a file that a manifest names. Return False if the budget was spent before its end."""
        if len(self._state.parts) > self._state.turn:
            return True
        digest = Sha256(reading.digest or None)
        spent = False
        for chunk in source.open(reading.hashed):
            digest.update(chunk)
            reading.crc32 = crc32(chunk, reading.crc32)
            reading.hashed += len(chunk)
            spent = self._budget.spent()
            if spent:
                break
        if reading.hashed < source.size:
            reading.digest = digest.state()
            return False
        summed = (digest.hexdigest(), f"{reading.crc32:08x}")
        self._state.parts.append(InspectedPart(stored.name, stored.format, "plain", None, source.size, *summed))
        return not spent

    def _part(self, stored: StoredInput) -> StagedInput | None:
        """Stage an archive."""
        source = StoredPart(self._archives, stored)
        workshop = Workshop(
            self._catalog,
            self._limits,
            self._manifest,
            self._row_files,
            self._contents,
            self._book,
            self._index,
            self._budget,
            self._remark,
        )
        whole = True
        try:
            inspected = stage_part(stored, source, self._at, workshop)
            if inspected is None:
                return None
            self._state.parts.append(inspected)
        except BadArchive as error:
            whole = False
            self._leave_out(stored, error)
        count = self._at.count
        return StagedInput(stored.name, InputRole.PART, stored.size, stored.format, rows=count, whole=whole)

    def _leave_out(self, stored: StoredInput, error: BadArchive) -> None:
        """Take back all that was staged of a part."""
        sentence = f"{shown(stored.name)}: {error}"
        if not self._job.options.allow_partial:
            raise InputRefused(sentence, error.code)
        reading = self._at
        self._row_files.go_back(reading.numbers)
        self._contents.go_back(reading.contents)
        self._book.forget(reading.contents)
        self._index = self._new_index(begun=reading.files_begun)
        reading.count = reading.file_bytes = 0
        self._remark(RemarkCode.PART_LEFT_OUT, sentence)

    def _faults(self) -> list[str]:
        """Return what is missing, if that is allowed. Raises InputRefused for all else that is wrong with the group."""
        faults = check_group(self._state.parts, self._manifest)
        left = [
            fault for fault in faults if not (self._job.options.allow_partial and fault.code is PartCode.MISSING_PART)
        ]
        if left:
            more = f" And {len(left) - MOST_NAMED:,} more." if len(left) > MOST_NAMED else ""
            raise InputRefused(" ".join(fault.sentence for fault in left[:MOST_NAMED]) + more, left[0].code)
        return [fault.sentence for fault in faults]

    def _remark(self, code: RemarkCode, sentence: str) -> None:
        name = self._state.stored[self._state.turn].name if self._state.reading is not None else ""
        self._state.remark_count += 1
        if len(self._state.remarks) < MOST_REMARKS:
            self._state.remarks.append(Remark(code, name, sentence))

    @property
    def _at(self) -> Reading:
        if self._state.reading is None:
            raise RuntimeError("No input is being read.")
        return self._state.reading

    def _new_index(self, *, begun: bool) -> PartIndex:
        return PartIndex(self._catalog, self._row_files, self._book, self._manifest, begun=begun)
