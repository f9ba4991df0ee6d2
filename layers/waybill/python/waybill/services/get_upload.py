"""Show one upload: what is there of it, and where to send what is not."""

from waybill.domain.upload import Upload, UploadState
from waybill.ports import Clock, UploadParts, UploadStore
from waybill.services.create_upload import UploadView, view_of


def get_upload(tenant: str, upload_id: str, *, uploads: UploadStore, parts: UploadParts, clock: Clock) -> UploadView:
    """Return an upload, with fresh URLs for missing parts if it is open. Raises UploadNotFound and UploadGone."""
    upload = uploads.get(tenant, upload_id)
    upload.check_not_gone(clock())
    return complete_view(upload) if upload.state is UploadState.COMPLETE else view_of(upload, parts)


def complete_view(upload: Upload) -> UploadView:
    """Return an upload of which everything is there."""
    every = [upload.part(number) for number in range(1, upload.part_count + 1)]
    return UploadView(upload, every, [], 0)
