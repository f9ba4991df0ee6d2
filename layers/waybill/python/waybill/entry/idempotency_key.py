"""The header ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header-07)."""

import re
from http import HTTPStatus

from waybill.entry.http import Request
from waybill.entry.problem import Problem

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(request: Request) -> str | None:
    """Return the key of a request, apart from keys that are not a caller's; None if it has none.

    Any visible ASCII is a key; quotes, which the draft puts around it, are taken as part of it. Raises Problem.
    """
    key = request.headers.get(HEADER.lower())
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "invalid_idempotency_key",
            f"{HEADER} must be 1 to 255 visible ASCII characters, without spaces.",
            header=HEADER,
        )
    return f"caller:{key}"
