"""The names of an export's parts in the API: a part's number and a check, or, in the layout ``cozy``, what is in it.

A numbered cursor is base64url of the part's number and a check that binds it to its export, so that a
cursor of another export, or a mistyped one, is recognised without a look-up.

Cozy names a part by the first file in it, ``io.cozy.files/<id>``; the first part has no name and needs none (reference
cozy-move, section 2). Such names are kept with the export and compared as they are.

No cursor grants anything: every download is authorised by a token or by a capability link.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence

from waybill.domain.errors import TooManyParts, UnknownCursor

MOST_NAME_BYTES = 300_000
"""All names of an export's parts together, in UTF-8: they lie in its record, and DynamoDB holds 400 KB an item."""

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
        raise _unknown()
    return part


def find(names: Sequence[str], cursor: str) -> int:
    """Return the number of the part that ``cursor`` names, where ``names`` are those of all parts but the first.

    Raises UnknownCursor if it names none.
    """
    try:
        return names.index(cursor) + 2
    except ValueError:
        raise _unknown() from None


def check_names(names: Sequence[str], parts: int) -> None:
    """Check the names of all parts but the first, for an export of ``parts`` parts.

    Raises TooManyParts if together they are more than MOST_NAME_BYTES; ValueError unless every part has a name of its
    own, because a part without one could never be downloaded.
    """
    if len(set(names)) != len(names) or "" in names or len(names) != max(parts - 1, 0):
        raise ValueError("Every part of this export but the first needs a name of its own.")
    size = sum(len(name.encode("utf-8", "surrogatepass")) for name in names)
    if size > MOST_NAME_BYTES:
        raise TooManyParts(names_too_long(size, parts))


def names_too_long(size: int, parts: int) -> str:
    """Return the sentence for ``parts`` parts whose names have ``size`` bytes, which is more than MOST_NAME_BYTES."""
    return (
        f"The names of the {parts:,} parts of this export are too long together: {size:,} bytes, and "
        f"{MOST_NAME_BYTES:,} is the most. Create it again with a larger parts_size, so that there are fewer."
    )


def _unknown() -> UnknownCursor:
    return UnknownCursor("The cursor names no part of this export. Take one from the export's parts_cursors.")


def _check(export_id: str, number: bytes) -> bytes:
    return hashlib.sha256(b"waybill cursor\0" + export_id.encode() + b"\0" + number).digest()[:_CHECK_BYTES]
