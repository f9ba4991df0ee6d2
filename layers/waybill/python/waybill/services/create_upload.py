"""Begin an upload: a file that imports can name once it is here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from waybill.domain.errors import TooManyUploads
from waybill.domain.import_limits import ImportLimits
from waybill.domain.upload import Upload, UploadPart, new_upload
from waybill.ports import Clock, UploadParts, UploadStore

URL_LIFE = timedelta(hours=1)
"""How long a part may be sent to its URL. Asking for the upload gives fresh ones."""

MOST_URLS = 100
"""Missing parts of which one answer has URLs; those behind them come with the next answer."""


@dataclass(frozen=True, slots=True)
class WantedPart:
    """A part that is to be sent, and where to."""

    part: UploadPart
    url: str


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload as its owner sees it.

    ``uploaded`` are the parts that are there. ``wanted`` are the first of those that are missing, ``missing`` counts
    all of them; a complete upload misses none.
    """

    upload: Upload
    uploaded: Sequence[UploadPart]
    wanted: Sequence[WantedPart]
    missing: int


def create_upload(
    tenant: str,
    name: str,
    size: int,
    *,
    limits: ImportLimits,
    uploads: UploadStore,
    parts: UploadParts,
    clock: Clock,
) -> UploadView:
    """Store a new upload and return it with the URLs of its first parts.

    Raises InvalidUpload, TooManyUploads and StorageUnavailable. What is begun and never finished is removed by the
    bucket's lifecycle rules.
    """
    now = clock()
    upload = new_upload(tenant, name, size, now, most=limits.input_bytes)
    if sum(now < each.expires_at for each in uploads.list(tenant)) >= limits.uploads:
        raise TooManyUploads(
            f"There are {limits.uploads} uploads already, which is the most. Delete those that are not needed."
        )
    if upload.part_count > 1:
        upload = replace(upload, multipart=parts.begin(upload))
    uploads.put(upload)
    return view_of(upload, parts)


def view_of(upload: Upload, parts: UploadParts) -> UploadView:
    """Return an open upload with what is there of it, and with URLs for what is missing."""
    missing = upload.missing(there := parts.there(upload))
    absent = {part.number for part in missing}
    return UploadView(
        upload,
        [UploadPart(piece.number, piece.size) for piece in there if piece.number not in absent],
        [WantedPart(part, parts.url(upload, part.number, expires_in=URL_LIFE)) for part in missing[:MOST_URLS]],
        len(missing),
    )
