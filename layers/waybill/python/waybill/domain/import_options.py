"""What the caller of an import may choose."""

from dataclasses import dataclass
from enum import StrEnum

from waybill.domain.options import MAX_MAX_AGE, SECOND_NS

MIN_MAX_AGE = 24 * 3600 * SECOND_NS
"""One day in nanoseconds: longer than an import may run, so that none expires while it writes."""


class InputKind(StrEnum):
    """How the bytes of an input get here."""

    UPLOAD = "upload"
    URL = "url"
    REQUEST = "request"


class OnConflict(StrEnum):
    """What becomes of a row whose record stands in the target already."""

    FAIL = "fail"
    SKIP = "skip"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class ImportInput:
    """One input of an import.

    ``reference`` is the id of an upload, or a URL, which may be a secret: never log it; of a file that came with the
    request it is the SHA-256. Only of such a file ``name`` and ``size``, in bytes, are known.
    """

    kind: InputKind
    reference: str
    name: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of one import, already checked.

    ``inputs`` are in the order in which they were named. ``doctype`` says what the rows of all inputs are; None for
    archives, which say it themselves. ``dry_run`` does everything but the last write. A row that fails never keeps
    others from being written; ``allow_partial`` also lets those rows be written that stand before the place where an
    input breaks off, or in the parts of a group that are there. ``max_age`` is how long report and journal are kept, in
    nanoseconds.
    """

    inputs: tuple[ImportInput, ...]
    doctype: str | None = None
    dry_run: bool = False
    on_conflict: OnConflict = OnConflict.FAIL
    allow_partial: bool = False
    max_age: int = MAX_MAX_AGE
