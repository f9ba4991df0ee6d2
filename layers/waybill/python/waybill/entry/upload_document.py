"""An upload as a JSON:API document."""

from typing import Any

from waybill.domain.upload import Upload
from waybill.services.create_upload import UploadView

RESOURCE_TYPE = "waybill.uploads"


def upload_path(upload: Upload) -> str:
    """Return the path of an upload."""
    return f"/move/uploads/{upload.id}"


def upload_document(view: UploadView) -> dict[str, Any]:
    """Return the document. ``uploaded`` are the numbers of parts that are there, ``wanted`` where to send others."""
    upload = view.upload
    return {
        "jsonapi": {"version": "1.1"},
        "data": {
            "type": RESOURCE_TYPE,
            "id": upload.id,
            "attributes": {
                "name": upload.name,
                "size": upload.size,
                "state": upload.state.value,
                "part_size": upload.part_size,
                "part_count": upload.part_count,
                "uploaded": [part.number for part in view.uploaded],
                "missing": view.missing,
                "wanted": [
                    {"number": each.part.number, "size": each.part.size, "url": each.url} for each in view.wanted
                ],
                "created_at": upload.created_at.isoformat(),
                "expires_at": upload.expires_at.isoformat(),
            },
            "links": {"self": upload_path(upload)},
        },
    }
