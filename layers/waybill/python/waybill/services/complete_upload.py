"""Put the parts of an upload together, so that imports can name it."""

from waybill.domain.errors import UploadIncomplete, UploadMissing
from waybill.domain.upload import UploadState
from waybill.ports import Clock, UploadParts, UploadStore
from waybill.services.create_upload import UploadView
from waybill.services.get_upload import complete_view

MOST_NAMED = 20
"""Missing parts that a sentence names."""


def complete_upload(
    tenant: str, upload_id: str, *, uploads: UploadStore, parts: UploadParts, clock: Clock
) -> UploadView:
    """Complete an upload of which every part is there; return it. Safe to repeat.

    Raises UploadNotFound, UploadGone, and UploadIncomplete, which names what is missing and changes nothing.
    """
    upload = uploads.get(tenant, upload_id)
    upload.check_not_gone(clock())
    if upload.state is UploadState.COMPLETE:
        return complete_view(upload)
    there = parts.there(upload)
    missing = upload.missing(there)
    if missing:
        named = ", ".join(str(part.number) for part in missing[:MOST_NAMED]) + (" …" if missing[MOST_NAMED:] else "")
        raise UploadIncomplete(f"Of {upload.part_count} parts these are not here, or not whole: {named}.")
    if upload.multipart:
        wanted = [piece for piece in there if piece.number <= upload.part_count]
        try:
            parts.finish(upload, wanted)
        except UploadMissing:
            sentence = "A part was sent again at the same moment. Complete the upload once nothing is sent any more."
            raise UploadIncomplete(sentence) from None
    completed = upload.completed()
    uploads.put(completed)
    return complete_view(completed)
