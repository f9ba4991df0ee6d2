"""What an import has come to: its counts, its report, and the files of rejected rows."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby

import msgspec

from waybill.domain import import_keys
from waybill.domain.errors import ObjectMissing
from waybill.domain.import_job import ImportJob, ImportPhase, RowCounts
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Piece
from waybill.intake.failures import FailuresForm
from waybill.intake.formats import failures
from waybill.intake.row_file import rows_of
from waybill.intake.rows import Problem, Row
from waybill.intake.staged_inputs import Remark, RemarkCode, StagedInputs, failures_form
from waybill.ports import Download, ObjectStore
from waybill.rules.codes import FaultCode
from waybill.services.import_report import DoctypeReport, ImportReport, failures_file
from waybill.services.import_tally import MOST_SHOWN, Tally, counts_of, together
from waybill.services.load_rows import Loading
from waybill.services.validate_rows import Validation
from waybill.services.verdict_file import RejectedRow, rejected_rows
from waybill.services.work_files import load_if_there

_PIECE = 8 * MEBIBYTE
_MEDIA_TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}


def conclude(job: ImportJob, archives: ObjectStore) -> RowCounts:
    """Store the files of rejected rows and the report of an import, and return its final counts. Safe to repeat.

    It works with what validation and loading have got to, and needs what lies under ``import_keys.work``. Raises
    StorageUnavailable.
    """
    validation = load_if_there(archives, import_keys.validation(job.id), Validation) or Validation()
    loading = load_if_there(archives, import_keys.loading(job.id), Loading) or Loading()
    staged = load_if_there(archives, import_keys.inputs(job.id), StagedInputs) or StagedInputs((), 0, 0, 0)
    counted = together(validation.tallies, loading.tallies)
    tallies = {name: counted[name] for name in _in_order(job.id, archives) if name in counted}
    archives.delete_prefix(import_keys.failures(job.id))
    named = {
        name: _put_failures(job.id, name, staged, archives) if tally.failed else "" for name, tally in tallies.items()
    }
    meanwhile = [
        _taken_meanwhile(name, each) for name, each in loading.tallies.items() if FaultCode.TAKEN in each.reasons
    ]
    report = ImportReport(
        dry_run=job.options.dry_run,
        doctypes={name: _doctype_report(tally, named[name]) for name, tally in tallies.items()},
        faults=tuple([*validation.shown, *loading.shown][:MOST_SHOWN]),
        inputs=staged.inputs,
        remarks=(*staged.remarks, *meanwhile),
        remark_count=staged.remark_count + len(meanwhile),
        signed=staged.signed,
    )
    archives.put(import_keys.report(job.id), msgspec.json.encode(report))
    return counts_of(tallies.values(), job.counts)


def _taken_meanwhile(doctype: str, loaded: Tally) -> Remark:
    """Return what is to be said of references to rows that were accepted, and then not written."""
    sentence = (
        f"Of {doctype} {loaded.reasons[FaultCode.TAKEN]:,} rows were accepted and then not written, because a value "
        "was taken meanwhile. Rows that refer to them are written all the same. Mend the rejected rows and send them."
    )
    return Remark(RemarkCode.TAKEN_MEANWHILE, "", sentence)


def _in_order(import_id: str, archives: ObjectStore) -> Iterator[str]:
    """Yield the doctypes of an import in the order in which they are loaded."""
    for folder in archives.prefixes(import_keys.rows(import_id)):
        yield import_keys.doctype_of(folder)


def _doctype_report(tally: Tally, failures_name: str) -> DoctypeReport:
    return DoctypeReport(
        tally.rows,
        tally.accepted,
        tally.skipped,
        tally.failed,
        tally.written,
        tally.reasons,
        tally.notices,
        failures_name,
    )


def _put_failures(import_id: str, doctype: str, staged: StagedInputs, archives: ObjectStore) -> str:
    """Store the rejected rows of a doctype as one file, in the form in which they came, and return its name."""
    format_name, columns = failures_form(staged.inputs, doctype)
    name = f"{doctype}-failures.{format_name}"
    key = failures_file(import_id, name)
    chunks = _file(failures(format_name, columns), _rejected(import_id, doctype, archives))
    _upload(key, chunks, Download(name, _MEDIA_TYPES[format_name]), archives)
    return name


def _file(form: FailuresForm, rows: Iterable[tuple[Row, Problem]]) -> Iterator[bytes]:
    yield form.opening()
    first = True
    for row, problem in rows:
        yield form.row(row, problem, first=first)
        first = False
    yield form.closing(empty=first)


def _rejected(import_id: str, doctype: str, archives: ObjectStore) -> Iterator[tuple[Row, Problem]]:
    """Yield the rejected rows of a doctype, in the order in which they came."""
    phases = (ImportPhase.VALIDATE, ImportPhase.LOAD)
    names = [_names(import_keys.rejected(import_id, "", phase), archives) for phase in phases]
    for name, _ in groupby(merge(*names)):
        row_key = f"{import_keys.rows(import_id)}{name}"
        if import_keys.doctype_of(row_key) == doctype:
            pieces = [_piece(import_keys.rejected(import_id, row_key, phase), archives) for phase in phases]
            yield from _with_rows(merge(*pieces, key=lambda row: row.at), archives.get(row_key))


def _names(prefix: str, archives: ObjectStore) -> Iterator[str]:
    return (info.key.removeprefix(prefix) for info in archives.list(prefix))


def _piece(key: str, archives: ObjectStore) -> Iterator[RejectedRow]:
    try:
        return rejected_rows(archives.get(key))
    except ObjectMissing:
        return iter(())


def _with_rows(rejected: Iterator[RejectedRow], row_file: bytes) -> Iterator[tuple[Row, Problem]]:
    """Yield rejected rows as they came in. Both are in the same order."""
    each = next(rejected, None)
    for at, line in enumerate(row_file.splitlines()):
        if each is None:
            return
        if at == each.at:
            _, row = next(rows_of([line]))
            yield row, Problem(each.code, each.pointer, each.sentence)
            each = next(rejected, None)


def _upload(key: str, chunks: Iterator[bytes], download: Download, archives: ObjectStore) -> None:
    """Store an object of any size, holding no more than a piece of it."""
    upload, pieces, held = "", list[Piece](), bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) >= _PIECE:
            upload = upload or archives.start_upload(key, download=download)
            pieces.append(archives.put_piece(key, upload, len(pieces) + 1, bytes(held)))
            held.clear()
    if not upload:
        archives.put(key, bytes(held), download=download)
        return
    if held:
        pieces.append(archives.put_piece(key, upload, len(pieces) + 1, bytes(held)))
    archives.finish_upload(key, upload, pieces, crc32=None)
