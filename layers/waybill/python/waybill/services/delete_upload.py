"""Remove an upload and its file."""

from waybill.ports import UploadParts, UploadStore


def delete_upload(tenant: str, upload_id: str, *, uploads: UploadStore, parts: UploadParts) -> None:
    """Remove an upload, finished or not. An import that runs and has not read it yet fails. Raises UploadNotFound."""
    upload = uploads.get(tenant, upload_id)
    parts.remove(upload)
    uploads.delete(tenant, upload_id)
