"""The fields of a request that may come as JSON, as a form, or in the query."""

import io
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

from multipart import MultipartError, MultipartParser, parse_options_header

from waybill.entry.http import Request
from waybill.entry.jsonapi_body import parse_json
from waybill.entry.problem import Problem

MOST_FIELDS = 20

_JSON = ("", "application/json")
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"


def read_fields(request: Request, known: frozenset[str]) -> Mapping[str, str]:
    """Return the fields of the body and of the query by name; those that are empty or null are left out.

    Raises Problem: 415 for another media type, 400 for a body that is not what it says, 422 for a field that is not
    ``known``, is given twice, or is no text.
    """
    found: dict[str, str] = {}
    for name, value in (*_of_query(request), *_of_body(request)):
        if name not in known:
            raise _wrong("unknown_attribute", name, f"There is no such field. Known: {', '.join(sorted(known))}.")
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise _wrong("invalid_attribute", name, "It must be a text.")
        if found.setdefault(name, value) != value:
            raise _wrong("invalid_attribute", name, "It is given twice, with different values.")
    return found


def _of_query(request: Request) -> Iterable[tuple[str, object]]:
    return request.query.items()


def _of_body(request: Request) -> Iterator[tuple[str, object]]:
    if not request.body:
        return
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind in _JSON:
        yield from _of_json(request.body)
    elif kind == _FORM:
        yield from _of_form(request.body)
    elif kind == _MULTIPART:
        yield from _of_multipart(request.body, options.get("boundary", ""))
    else:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            f"Send the body as application/json, {_FORM} or {_MULTIPART}.",
            header="content-type",
        )


def _of_json(body: bytes) -> Iterator[tuple[str, object]]:
    document = parse_json(body)
    if not isinstance(document, dict):
        raise _malformed("The body must be a JSON object.")
    yield from document.items()


def _of_form(body: bytes) -> Iterator[tuple[str, object]]:
    try:
        yield from parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise _malformed(f"The body is not a form of up to {MOST_FIELDS} fields in UTF-8.") from None


def _of_multipart(body: bytes, boundary: str) -> Iterator[tuple[str, object]]:
    fields: list[tuple[str, object]] = []
    try:
        for part in MultipartParser(io.BytesIO(body), boundary.encode(), part_limit=MOST_FIELDS, strict=True):
            fields.append((part.name, None if part.filename else part.value))
            if part.filename:
                raise _wrong("invalid_attribute", part.name, "It must be a text, not a file.")
    except (MultipartError, ValueError, LookupError):
        raise _malformed(f"The body is not a form of up to {MOST_FIELDS} fields in several parts.") from None
    yield from fields


def _wrong(code: str, name: str, detail: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, f"{name}: {detail}", pointer=f"/{name}")


def _malformed(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "malformed_body", detail)
