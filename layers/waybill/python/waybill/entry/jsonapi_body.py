"""Read the attributes of a JSON:API request document."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from waybill.entry.http import MEDIA_TYPE, Request
from waybill.entry.problem import Problem

_TAKEN = (MEDIA_TYPE, "application/json")


def read_attributes(request: Request, resource_type: str, resource_id: str | None = None) -> Mapping[str, Any]:
    """Return ``data.attributes`` of the body, an empty object if there are none.

    ``resource_id`` is the id that the path gives, if it does; the body may repeat it.

    Raises Problem: 415 for another media type, 400 for what is not JSON or not a JSON:API document, 422 for another
    resource type or a member that JSON:API does not know here.
    """
    _check_media_type(request.headers.get("content-type"))
    document = parse_json(request.body)
    if not isinstance(document, dict):
        raise _malformed("The body must be a JSON object.", "")
    data = document.get("data")
    if not isinstance(data, dict):
        raise _malformed("The body must have a member `data` that is an object.", "/data")
    _refuse_unknown(document, {"data", "meta", "jsonapi", "links"}, "")
    _refuse_unknown(data, {"type", "attributes", "meta", *(["id"] if resource_id is not None else [])}, "/data")
    if data.get("id", resource_id) != resource_id:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "wrong_id",
            f"The id must be the one in the path, {resource_id!r}, or left out.",
            pointer="/data/id",
        )
    if data.get("type", resource_type) != resource_type:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "wrong_type",
            f"The type of this resource is {resource_type!r}.",
            pointer="/data/type",
        )
    attributes = data.get("attributes", {})
    if not isinstance(attributes, dict):
        raise _malformed("`attributes` must be an object.", "/data/attributes")
    return attributes


def _check_media_type(content_type: str | None) -> None:
    """JSON:API 1.1, "Server Responsibilities": its media type takes no parameters but `ext` and `profile`."""
    if not content_type:
        return
    name, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    if name not in _TAKEN or (name == MEDIA_TYPE and any(not each.startswith("profile=") for each in parameters)):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            f"Send the body as {MEDIA_TYPE} or application/json.",
            header="content-type",
        )


def parse_json(body: bytes) -> object:
    """Return the value of a JSON text (RFC 8259). Raises Problem with 400 for what is none.

    A half of a surrogate pair is refused too (RFC 7493, section 2.1): no answer could repeat a text that holds one.
    """
    try:
        value: object = json.loads(body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise _malformed("The body is not UTF-8.", "") from None
    except UnicodeEncodeError:
        raise _malformed("The body holds half of a surrogate pair, which is no character.", "") from None
    except json.JSONDecodeError as error:
        raise _malformed(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.", ""
        ) from None
    except (RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _malformed(f"The body cannot be read: {reason}.", "") from None
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names a member twice (RFC 8259, section 4: what it means is not defined)."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a member twice")
    return found


def _refuse_unknown(members: Mapping[str, Any], known: set[str], pointer: str) -> None:
    for name in members:
        if name not in known:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "unknown_member",
                f"The member {name!r} is not known here.",
                pointer=f"{pointer}/{escape(name)}",
            )


def escape(name: str) -> str:
    """Return a member name as it stands in a JSON Pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def _malformed(detail: str, pointer: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "malformed_body", detail, pointer=pointer)
