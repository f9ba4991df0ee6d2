"""The opaque names of an export's parts.

A cursor is base64url of the part's number and a check that binds it to its export, so that a
cursor of another export, or a mistyped one, is recognised without a look-up. It grants nothing:
every download is authorised by the caller's token.
"""

import base64
import binascii
import hashlib

from waybill.domain.errors import UnknownCursor

_NUMBER_BYTES = 3
_CHECK_BYTES = 6


def encode(export_id: str, part: int) -> str:
    """Return the cursor of part ``part`` (from 1) of an export: 12 characters that need no escaping in a URL."""
    number = part.to_bytes(_NUMBER_BYTES, "big")
    return base64.urlsafe_b64encode(number + _check(export_id, number)).decode()


def decode(export_id: str, cursor: str, parts: int) -> int:
    """Return the part number that ``cursor`` names in an export of ``parts`` parts.

    Raises UnknownCursor if it names none.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    number, check = raw[:_NUMBER_BYTES], raw[_NUMBER_BYTES:]
    part = int.from_bytes(number, "big")
    if len(raw) != _NUMBER_BYTES + _CHECK_BYTES or check != _check(export_id, number) or not 1 <= part <= parts:
        raise UnknownCursor("The cursor names no part of this export. Take one from the export's parts_cursors.")
    return part


def _check(export_id: str, number: bytes) -> bytes:
    return hashlib.sha256(b"waybill cursor\0" + export_id.encode() + b"\0" + number).digest()[:_CHECK_BYTES]
