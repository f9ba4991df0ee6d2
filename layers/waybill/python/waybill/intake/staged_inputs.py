"""What the inputs of an import turned out to be, for the steps behind staging and for the report."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

ROWS_WITHOUT_FORM = "ndjson"
"""The format of rejected rows that did not all come in one format, or came in an archive."""


class InputRole(StrEnum):
    """What an input is in its import."""

    ROWS = "rows"
    PART = "part"
    MANIFEST = "manifest"
    SIGNATURE = "signature"


class RemarkCode(StrEnum):
    """What the report says of an import besides its rows; docs/formats-in.md describes each."""

    BROKEN_INPUT = "broken_input"
    PART_LEFT_OUT = "part_left_out"
    PART_MISSING = "part_missing"
    CONTENT_WITHOUT_RECORD = "content_without_record"
    CONTENT_OF_UNKNOWN_DOCTYPE = "content_of_unknown_doctype"
    DELETIONS_LEFT_OUT = "deletions_left_out"
    GAPS_OF_EXPORT = "gaps_of_export"
    TAKEN_MEANWHILE = "taken_meanwhile"


class Remark(msgspec.Struct, frozen=True):
    """Something that is about no row. ``input`` is the name of the input that it is about, empty if about none."""

    code: RemarkCode
    input: str
    sentence: str


class StagedInput(msgspec.Struct, frozen=True):
    """One input.

    ``name`` is what the sources of its rows begin with. ``format`` is ``json``, ``ndjson`` or ``csv`` for rows, for a
    part how it is packed, else empty. ``doctype`` and ``columns`` (of a table) are those of rows. ``rows`` counts the
    good and the bad ones. ``whole`` is whether all of it could be read; of rows that are not whole, those before the
    break are staged, of a part nothing.
    """

    name: str
    role: InputRole
    size: int
    format: str = ""
    doctype: str = ""
    columns: tuple[str, ...] = ()
    rows: int = 0
    whole: bool = True


class Refusal(msgspec.Struct, frozen=True):
    """Why nothing of an import is written although its rows are judged: a stable code and a sentence."""

    code: str
    sentence: str


class StagedInputs(msgspec.Struct, frozen=True):
    """All inputs, in the order in which they were staged.

    ``signed`` is whether a signature was checked. Of ``remarks`` at most MOST_REMARKS are kept; ``remark_count`` counts
    all of them. ``refusal`` is there if an input breaks off that had to be whole: its rows before the break are judged,
    for the report, and none is written.
    """

    inputs: tuple[StagedInput, ...]
    rows: int
    files: int
    file_bytes: int
    signed: bool = False
    remarks: tuple[Remark, ...] = ()
    remark_count: int = 0
    refusal: Refusal | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        broken = (RemarkCode.BROKEN_INPUT, RemarkCode.PART_LEFT_OUT, RemarkCode.PART_MISSING)
        return all(each.whole for each in self.inputs) and not any(each.code in broken for each in self.remarks)


MOST_REMARKS = 1_000


def failures_form(inputs: Sequence[StagedInput], doctype: str) -> tuple[str, tuple[str, ...]]:
    """Return the format that rejected rows of a doctype are written in, and its columns if it is a table.

    It is the one that all its rows came in, ROWS_WITHOUT_FORM if they came in several, or in an archive.
    """
    forms = {(each.format, each.columns) for each in inputs if each.role is InputRole.ROWS and each.doctype == doctype}
    in_archives = any(each.role is InputRole.PART for each in inputs)
    return forms.pop() if len(forms) == 1 and not in_archives else (ROWS_WITHOUT_FORM, ())
