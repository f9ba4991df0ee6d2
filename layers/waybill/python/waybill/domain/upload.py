"""The record of one upload: a file on its way here, sent to the bucket in parts, that imports can then name.

A small file is sent by one request. A larger one is cut into parts of one size, each sent by a request of its own and
in any order, so that a broken-off upload goes on with the parts that are missing.
"""

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from waybill.domain.errors import InvalidUpload, UploadGone
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Piece

LIFE = timedelta(days=7)
"""How long an upload is kept, finished or not; the bucket's lifecycle rules count the same days."""

SINGLE_MOST = 16 * MEBIBYTE
"""Bytes of a file that is sent by one request."""

LEAST_PART = 16 * MEBIBYTE
MOST_PARTS = 10_000
"""As many as S3 puts together ("Amazon S3 multipart upload limits")."""

MOST_NAME = 255
_ID_BYTES = 16
_ID = re.compile(r"[0-9a-f]{32}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029/\\]")


class UploadState(StrEnum):
    """``open`` takes parts; ``complete`` is a file that an import can name."""

    OPEN = "open"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class UploadPart:
    """One part of an upload: its number from 1, and its bytes."""

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload of one tenant.

    ``name`` is the file's. ``size`` is in bytes, as announced. ``multipart`` is the store's id of the unfinished
    upload, empty for a file that is sent by one request.
    """

    tenant: str
    id: str
    name: str
    size: int
    created_at: datetime
    multipart: str = ""
    state: UploadState = UploadState.OPEN

    @property
    def expires_at(self) -> datetime:
        """When it is forgotten."""
        return self.created_at + LIFE

    @property
    def part_size(self) -> int:
        """The bytes of every part but the last."""
        if self.size <= SINGLE_MOST:
            return self.size
        return max(LEAST_PART, -(-self.size // MOST_PARTS // MEBIBYTE) * MEBIBYTE)

    @property
    def part_count(self) -> int:
        """How many parts it has."""
        return max(1, -(-self.size // max(1, self.part_size)))

    def part(self, number: int) -> UploadPart:
        """Return a part by its number."""
        return UploadPart(number, min(self.part_size, self.size - (number - 1) * self.part_size))

    def missing(self, there: Collection[Piece]) -> Sequence[UploadPart]:
        """Return the parts that are not there, or not whole, in their order."""
        sizes = {piece.number: piece.size for piece in there}
        parts = (self.part(number) for number in range(1, self.part_count + 1))
        return [part for part in parts if sizes.get(part.number) != part.size]

    def check_not_gone(self, now: datetime) -> None:
        """Raise UploadGone if it has expired."""
        if now >= self.expires_at:
            raise UploadGone(f"This upload expired at {self.expires_at.isoformat()}. Make another one.")

    def completed(self) -> "Upload":
        """Return it as a file that is whole."""
        return replace(self, state=UploadState.COMPLETE)


def is_upload_id(text: str) -> bool:
    """Whether a text can be the id of an upload."""
    return _ID.fullmatch(text) is not None


def new_upload(tenant: str, name: str, size: int, now: datetime, *, most: int) -> Upload:
    """Return a new upload of at most ``most`` bytes. Raises InvalidUpload."""
    if size > most:
        raise InvalidUpload(f"The file has {size:,} bytes; the most is {most:,}.", "/data/attributes/size")
    if size < 1:
        raise InvalidUpload("There is nothing in the file.", "/data/attributes/size")
    if not name.strip() or len(name) > MOST_NAME or _CONTROL.search(name):
        sentence = f"A file's name has 1 to {MOST_NAME} characters, no slashes and no control characters."
        raise InvalidUpload(sentence, "/data/attributes/name")
    return Upload(tenant, secrets.token_hex(_ID_BYTES), name, size, now)
