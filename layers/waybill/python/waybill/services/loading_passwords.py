"""Bodies of users whose passwords must not be stored: made anew with a hash in place of the password."""

import hmac
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import Any

import msgspec

from waybill.rules.passwords import stored
from waybill.services.verdict_file import AcceptedRow

_RECORD = msgspec.json.Decoder(dict[str, Any])
_ENCODE = msgspec.json.Encoder().encode


def hashed_bodies(secret: bytes, rows: Sequence[AcceptedRow]) -> Mapping[int, str]:
    """Return the bodies of rows with a password, by the rows' positions.

    Salts are made of ``secret`` and of what no other row has, so the same row gives the same hash. One takes some
    tenths of a second, and 16 MiB; there are as many at once as the function has processors.
    """
    salted = [row for row in rows if row.salted_by]
    if not salted:
        return {}
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        return dict(zip([row.at for row in salted], pool.map(lambda row: _body(secret, row), salted), strict=True))


def _body(secret: bytes, row: AcceptedRow) -> str:
    salt = hmac.digest(secret, row.salted_by.encode("utf-8", "surrogatepass"), "sha256")
    return _ENCODE(stored(_RECORD.decode(row.body), salt)).decode()
