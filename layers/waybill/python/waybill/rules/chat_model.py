"""What the three doctypes of seed 003 have in common: kinds of fields, and faults in place of pydantic's errors."""

import functools
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from waybill.rules.codes import FaultCode, NoticeCode
from waybill.rules.doctype_rules import escaped, pointer_of
from waybill.rules.verdict import MOST_FINDINGS, Finding

MOST_EMAIL = 254
"""Characters (RFC 5321, section 4.5.3.1, less the brackets around a path)."""

MOST_ID = 255
"""Characters of ids, tokens and names. In UTF-8 no id is longer than a sort key of DynamoDB may be."""

MOST_URL = 2_048
MOST_PASSWORD = 1_024

_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_TIME}:[0-5][0-9](\.[0-9]{{1,9}})?(Z|[+-]{_TIME})$"
_ID = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
_LINK = re.compile(r"(https?)://[^\s/?#@\\\x00-\x1f\x7f]+(?:[/?#][^\s\x00-\x1f\x7f]*)?", re.IGNORECASE)
_EMAIL = r"^[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+$"
"""What stands before and behind one @. Chat servers make up addresses, so that mail could reach them is not asked."""


class ChatModel(BaseModel):
    """A row of seed 003: types as they are said, nothing converted, other keys left out."""

    model_config = ConfigDict(strict=True, extra="ignore")


def _of_a_day_that_is(text: str) -> str:
    if not _is_day(text[:10]):
        raise PydanticCustomError(FaultCode.BAD_FORMAT, "There is no such day.")
    return text


@functools.lru_cache(maxsize=1_000)
def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


Email = Annotated[str, Field(min_length=1, max_length=MOST_EMAIL, pattern=_EMAIL)]
Id = Annotated[str, Field(min_length=1, max_length=MOST_ID, pattern=_ID)]
Text = Annotated[str, Field(max_length=MOST_ID)]
Url = Annotated[str, Field(max_length=MOST_URL)]
Moment = Annotated[str, Field(pattern=_MOMENT), AfterValidator(_of_a_day_that_is)]

_FORMATS = {
    _MOMENT: "A moment is written as 2017-05-10T11:46:30Z, with Z or an offset from UTC.",
    _EMAIL: "An email has one @ with something on both sides of it, and no white space.",
    _ID: "An id has no control characters, and no white space at its beginning and end.",
}

_KINDS = {
    "string_type": "a text",
    "string_unicode": "a text in Unicode",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
}


def findings_of(error: ValidationError, *above: str) -> list[Finding]:
    """Return what pydantic found, as faults; ``above`` leads to the value that was looked at."""
    found: dict[str, Finding] = {}
    for each in error.errors(include_url=False, include_input=False)[:MOST_FINDINGS]:
        pointer = pointer_of((*above, *_path(each)))
        found.setdefault(pointer, _finding(each, pointer))
    return list(found.values())


def _path(error: ErrorDetails) -> list[int | str]:
    """Return the keys and indexes that lead to an error: pydantic's path, but for the types of a union in it."""
    path = list(error["loc"])
    return path if error["type"] == "extra_forbidden" else [step for step in path if step not in _BRANCHES]


_BRANCHES = frozenset({"str", "int"})
_OUR_CODES = frozenset(FaultCode)


def _finding(error: ErrorDetails, pointer: str) -> Finding:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _SENTENCES:
        code, sentence = _SENTENCES[kind]
        return Finding(code, pointer, sentence.format(**context))
    if kind == "string_pattern_mismatch":
        return Finding(FaultCode.BAD_FORMAT, pointer, _FORMATS[context["pattern"]])
    if kind in _OUR_CODES:
        return Finding(kind, pointer, error["msg"])
    return Finding(FaultCode.WRONG_TYPE, pointer, f"This must be {_KINDS.get(kind, 'of another type')}.")


_SENTENCES = {
    "missing": (FaultCode.REQUIRED, "The field is missing."),
    "string_too_short": (FaultCode.EMPTY, "The text must not be empty."),
    "string_too_long": (FaultCode.TOO_LONG, "The text has more than {max_length:,} characters."),
    "too_short": (FaultCode.TOO_SHORT, "There must be at least {min_length:,} of these."),
    "too_long": (FaultCode.TOO_LONG, "There may be at most {max_length:,} of these."),
    "literal_error": (FaultCode.UNKNOWN_VALUE, "The value must be {expected}."),
    "extra_forbidden": (FaultCode.UNKNOWN_FIELD, "There is no such field here."),
}


def read(model: type[ChatModel], row: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Return the fields of a row that are good by themselves, with defaults, and the faults of the others.

    The first may be the row itself, which is not to be changed.
    """
    try:
        validated = model.model_validate(row)
        return (row if row.keys() == _names(model) else validated.__dict__), []
    except ValidationError as error:
        faults = findings_of(error)
    bad = {fault.pointer.split("/", 2)[1] for fault in faults if fault.pointer}
    good = {name: row.get(name, field.default) for name, field in model.model_fields.items() if name not in bad}
    return good, faults


@functools.cache
def _names(model: type[ChatModel]) -> frozenset[str]:
    return frozenset(model.model_fields)


def discarded(row: Mapping[str, Any], known: frozenset[str]) -> list[Finding]:
    """Return a notice if the row has other keys than these."""
    if known.issuperset(row):
        return []
    names = [name for name in row if name not in known]
    pointer = f"/{escaped(names[0])}" if len(names) == 1 else ""
    sentence = f"{len(names):,} field(s) that this type does not have are left out."
    return [Finding(NoticeCode.FIELDS_DISCARDED, pointer, sentence)]


def avatar_scheme(url: str) -> str:
    """Return ``https`` or ``http`` for a link of that kind; nothing for what is no such link."""
    match = _LINK.fullmatch(url)
    return match[1].lower() if match else ""


def as_moment(now: datetime) -> str:
    """Return a moment as seed 003 writes it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
