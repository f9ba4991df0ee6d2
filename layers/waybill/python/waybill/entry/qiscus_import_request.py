"""The file that callers of the Qiscus dialect import, with its type (seed 003, "Make an Import")."""

import io
import re
from dataclasses import dataclass
from http import HTTPStatus

from multipart import MultipartError, MultipartParser, MultipartPart, parse_options_header

from waybill.domain.options import KIBIBYTE
from waybill.domain.qiscus import MOST_FILE, RESOURCES
from waybill.entry.http import Request
from waybill.entry.problem import Problem, Problems

MOST_BODY = MOST_FILE + 64 * KIBIBYTE
"""Bytes of a request: the largest file, and what stands around it."""

MOST_NAME = 255
_MULTIPART = "multipart/form-data"
_MOST_FIELDS = 20
_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class SentFile:
    """What came in: a file of rows of one resource type. ``name`` is what its sender calls it, without folders."""

    resource: str
    name: str
    content: bytes


def read_file(request: Request) -> SentFile:
    """Return the file that the request brings.

    Raises Problem: 415 for another media type, 400 for a body that is not what it says, 413 for a file of more than
    MOST_FILE bytes; Problems with one 422 for every field that is unknown, missing, given twice or wrong.
    """
    fields = _fields(request)
    problems = [_wrong(name, "There is no such field. Known: file, type.") for name in fields if name not in _KNOWN]
    problems += [_wrong(name, "It is given twice.") for name in _KNOWN if len(fields.get(name, ())) > 1]
    resource = fields["type"][0].value if "type" in fields and not fields["type"][0].filename else ""
    if resource not in RESOURCES:
        problems.append(_wrong("type", f"It must be one of {', '.join(RESOURCES)}."))
    content = fields["file"][0].raw if "file" in fields else b""
    if not content:
        problems.append(_wrong("file", "Send the rows as a file of JSON that is not empty."))
    if problems:
        raise Problems(problems)
    if len(content) > MOST_FILE:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "body_too_large",
            f"file: It has {len(content):,} bytes; the most is {MOST_FILE:,}. Cut it into several, or import it as an "
            "upload at /move/imports.",
            pointer="/file",
        )
    return SentFile(resource, _name(fields["file"][0].filename or "", resource), content)


_KNOWN = ("type", "file")


def _fields(request: Request) -> dict[str, list[MultipartPart]]:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != _MULTIPART:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            f"Send the body as {_MULTIPART}, with the fields type and file.",
            header="content-type",
        )
    found: dict[str, list[MultipartPart]] = {}
    try:
        boundary = options.get("boundary", "").encode("latin-1")
        parser = MultipartParser(
            io.BytesIO(request.body), boundary, part_limit=_MOST_FIELDS, spool_limit=MOST_BODY, strict=True
        )
        for part in parser:
            found.setdefault(part.name, []).append(part)
        for part in found.get("type", ()):
            _ = part.value  # what is no text is told here
    except (MultipartError, ValueError, LookupError):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "malformed_body",
            f"The body is not a form of up to {_MOST_FIELDS} fields in several parts.",
        ) from None
    return found


def _name(sent: str, resource: str) -> str:
    """Return a file's name as it can be shown: some clients send it with its folders, or none at all."""
    return _CONTROL.sub("", _FOLDERS.sub("", sent)).strip()[-MOST_NAME:] or f"{resource}.json"


def _wrong(name: str, detail: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_attribute", f"{name}: {detail}", pointer=f"/{name}")
