"""Uploads in one S3 bucket: clients send their parts there by presigned URLs, nothing comes through the functions."""

from collections.abc import Sequence
from datetime import timedelta

from waybill.adapters.backoff import Backoff
from waybill.adapters.clock import system_clock
from waybill.adapters.credentials import CredentialSource, ambient
from waybill.adapters.s3_rest import S3Rest
from waybill.domain.errors import UploadMissing
from waybill.domain.plan import Piece
from waybill.domain.upload import Upload
from waybill.domain.upload_keys import upload_object
from waybill.ports import Clock


class S3Uploads:
    """UploadParts on one bucket. ``endpoint`` is None for AWS itself; ``timeout`` is in seconds."""

    def __init__(
        self,
        bucket: str,
        *,
        region: str,
        endpoint: str | None = None,
        credentials: CredentialSource = ambient,
        clock: Clock = system_clock,
        backoff: Backoff | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._rest = S3Rest(
            bucket,
            region=region,
            endpoint=endpoint,
            credentials=credentials,
            clock=clock,
            backoff=backoff or Backoff(),
            timeout=timeout,
        )

    def begin(self, upload: Upload) -> str:
        """Begin a multipart upload; return its id."""
        return self._rest.start_upload(upload_object(upload.id), None)

    def url(self, upload: Upload, number: int, *, expires_in: timedelta) -> str:
        """Return a URL that takes one part by PUT. The length of what is sent is part of the signature."""
        size = upload.part(number).size
        key = upload_object(upload.id)
        return self._rest.presign_put(key, size, expires_in=expires_in, upload=upload.multipart, number=number)

    def there(self, upload: Upload) -> Sequence[Piece]:
        """Return the parts that are there; all of them if they are put together already."""
        key = upload_object(upload.id)
        if upload.multipart:
            try:
                return list(self._rest.uploaded(key, upload.multipart))
            except UploadMissing:
                if self._rest.size(key) != upload.size:
                    return []
                parts = map(upload.part, range(1, upload.part_count + 1))
                return [Piece(part.number, part.size, "") for part in parts]
        size = self._rest.size(key)
        return [] if size is None else [Piece(1, size, "")]

    def finish(self, upload: Upload, pieces: Sequence[Piece]) -> None:
        """Put the parts together. Raises UploadMissing if they are not those that are there."""
        key = upload_object(upload.id)
        try:
            self._rest.finish_upload(key, upload.multipart, pieces, None)
        except UploadMissing:
            if self._rest.size(key) != upload.size:
                raise

    def remove(self, upload: Upload) -> None:
        """Remove the file, finished or not."""
        key = upload_object(upload.id)
        self._rest.abort_uploads(key)
        self._rest.delete([key])
