"""The report of an import, for those who show it. What makes it (``import_results``) brings much more code with it."""

import msgspec

from waybill.domain import import_keys
from waybill.intake.staged_inputs import Remark, StagedInput
from waybill.ports import ObjectStore
from waybill.services.import_tally import ShownFault
from waybill.services.work_files import load_if_there


class DoctypeReport(msgspec.Struct, frozen=True):
    """What became of the rows of one doctype. ``failures`` is the name of the file of those that failed, if any."""

    rows: int
    accepted: int
    skipped: int
    failed: int
    written: int
    reasons: dict[str, int]
    notices: dict[str, int]
    failures: str = ""


class ImportReport(msgspec.Struct, frozen=True):
    """What an import has come to. But for ``dry_run`` and ``written``, that of a dry run is that of the real one.

    ``faults`` are the first MOST_SHOWN rows that failed, ``remarks`` what is said of the inputs.
    """

    dry_run: bool
    doctypes: dict[str, DoctypeReport]
    faults: tuple[ShownFault, ...]
    inputs: tuple[StagedInput, ...]
    remarks: tuple[Remark, ...]
    remark_count: int
    signed: bool


def report_of(import_id: str, archives: ObjectStore) -> ImportReport | None:
    """Return the report of an import, None before there is one."""
    return load_if_there(archives, import_keys.report(import_id), ImportReport)


def failures_file(import_id: str, name: str) -> str:
    """Return where a file of rejected rows lies; ``name`` is as the report has it."""
    return f"{import_keys.failures(import_id)}{name}"
