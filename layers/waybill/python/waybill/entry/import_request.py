"""The attributes of a new import, checked field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from waybill.domain.errors import InvalidAddress
from waybill.domain.import_limits import MOST_INPUTS
from waybill.domain.import_options import MIN_MAX_AGE, ImportInput, ImportOptions, InputKind, OnConflict
from waybill.domain.options import MAX_MAX_AGE
from waybill.domain.web_address import web_address
from waybill.entry.attribute_problems import ATTRIBUTES, attribute_problems
from waybill.entry.problem import Problem, Problems

MOST_URL = 8_192
"""Characters of a URL. A presigned one has some two thousand."""

_OF_A_COZY = "/exports/"
"""What the fragment of a Cozy's link begins with (reference cozy-move, section 4)."""


def _fetchable(url: str, info: ValidationInfo) -> str:
    """Return a URL that could be fetched. No sentence repeats it: it may be a secret."""
    place, _, fragment = url.partition("#")
    try:
        web_address(
            place if fragment.startswith(_OF_A_COZY) else url,
            allow_private=bool(info.context and info.context["allow_private"]),
            most=MOST_URL,
        )
    except InvalidAddress as error:
        raise PydanticCustomError("wrong_url", "{reason}", {"reason": str(error).rstrip(".")}) from None
    return url


_Url = Annotated[str, AfterValidator(_fetchable)]
_Upload = Annotated[str, Field(min_length=1, max_length=100)]


class _Attributes(BaseModel):
    """``upload`` and ``url`` name one input, ``uploads`` and ``urls`` several, such as the parts of an export."""

    model_config = ConfigDict(extra="forbid", strict=True)

    upload: _Upload | None = None
    uploads: list[_Upload] | None = None
    url: _Url | None = None
    urls: list[_Url] | None = None
    doctype: str | None = None
    dry_run: bool = False
    on_conflict: OnConflict = Field(default=OnConflict.FAIL, strict=False)
    allow_partial: bool = False
    max_age: int = Field(default=MAX_MAX_AGE, ge=MIN_MAX_AGE, le=MAX_MAX_AGE)


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What a request asks for. ``pointers`` are the JSON Pointers of the inputs."""

    options: ImportOptions
    pointers: tuple[str, ...]


def import_request(attributes: Mapping[str, Any], *, allow_private: bool = False) -> ImportRequest:
    """Return what the attributes ask for. ``allow_private`` lets URLs lead into private networks, for tests.

    Raises Problems with one 422 for every field that is unknown, of the wrong type or out of its range, and Problem if
    they name no input, more than MOST_INPUTS, or one of them twice.
    """
    try:
        checked = _Attributes.model_validate(attributes, context={"allow_private": allow_private})
    except ValidationError as error:
        unknown = f"An import has no attribute {{!r}}. Known: {', '.join(_Attributes.model_fields)}."
        raise Problems(attribute_problems(error, unknown=unknown)) from None
    inputs = _inputs(checked)
    _check_inputs(inputs)
    options = ImportOptions(
        inputs=tuple(each for each, _ in inputs),
        doctype=checked.doctype,
        dry_run=checked.dry_run,
        on_conflict=checked.on_conflict,
        allow_partial=checked.allow_partial,
        max_age=checked.max_age,
    )
    return ImportRequest(options, tuple(pointer for _, pointer in inputs))


def _inputs(checked: _Attributes) -> list[tuple[ImportInput, str]]:
    """Return all inputs with their pointers: uploads before URLs, each in the order in which they were named."""
    named = [
        (InputKind.UPLOAD, "upload", [] if checked.upload is None else [checked.upload]),
        (InputKind.UPLOAD, "uploads", checked.uploads or []),
        (InputKind.URL, "url", [] if checked.url is None else [checked.url]),
        (InputKind.URL, "urls", checked.urls or []),
    ]
    return [
        (ImportInput(kind, reference), f"{ATTRIBUTES}/{field}" + (f"/{position}" if field.endswith("s") else ""))
        for kind, field, references in named
        for position, reference in enumerate(references)
    ]


def _check_inputs(inputs: Sequence[tuple[ImportInput, str]]) -> None:
    if not inputs:
        raise _refused("Nothing is named to import. Give upload or url, or uploads or urls for several.", ATTRIBUTES)
    if len(inputs) > MOST_INPUTS:
        sentence = f"An import takes {MOST_INPUTS:,} inputs at most; this one names {len(inputs):,}."
        raise _refused(sentence, inputs[MOST_INPUTS][1])
    seen: set[ImportInput] = set()
    for each, pointer in inputs:
        if each in seen:
            raise _refused("This input is named twice.", pointer)
        seen.add(each)


def _refused(sentence: str, pointer: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_attribute", sentence, pointer=pointer)
