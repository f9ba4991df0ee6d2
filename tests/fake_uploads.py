"""Uploads and the internet, in memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from tests.fakes import MemoryObjects, etag_of

from waybill.domain.errors import InputBroken, InputRefused, UploadMissing, UploadNotFound
from waybill.domain.plan import Piece
from waybill.domain.upload import Upload
from waybill.domain.upload_keys import upload_object
from waybill.ports import Download, LinkedPart, RemoteBody


class MemoryUploads:
    """UploadStore."""

    def __init__(self, *, fail_on: Mapping[str, Exception] | None = None) -> None:
        self.uploads: dict[tuple[str, str], Upload] = {}
        self.fail_on = dict(fail_on or {})

    def put(self, upload: Upload) -> None:
        if "put" in self.fail_on:
            raise self.fail_on["put"]
        self.uploads[upload.tenant, upload.id] = upload

    def get(self, tenant: str, upload_id: str) -> Upload:
        try:
            return self.uploads[tenant, upload_id]
        except KeyError:
            raise UploadNotFound("There is no such upload here.") from None

    def list(self, tenant: str) -> Sequence[Upload]:
        return [upload for (owner, _), upload in sorted(self.uploads.items()) if owner == tenant]

    def delete(self, tenant: str, upload_id: str) -> None:
        self.uploads.pop((tenant, upload_id), None)


class MemoryUploadParts:
    """UploadParts over the objects of a bucket in memory. ``send`` is what a client does with a URL."""

    def __init__(self, objects: MemoryObjects) -> None:
        self.objects = objects
        self.urls: dict[str, tuple[Upload, int]] = {}

    def begin(self, upload: Upload) -> str:
        return self.objects.start_upload(upload_object(upload.id), download=Download("", ""))

    def url(self, upload: Upload, number: int, *, expires_in: timedelta) -> str:
        url = f"https://objects.invalid/{upload.id}/{number}?expires={int(expires_in.total_seconds())}"
        self.urls[url] = (upload, number)
        return url

    def send(self, url: str, data: bytes) -> int:
        """PUT a part; return the status."""
        upload, number = self.urls[url]
        if len(data) != upload.part(number).size:
            return 403
        if upload.multipart:
            self.objects.put_piece(upload_object(upload.id), upload.multipart, number, data)
        else:
            self.objects.put(upload_object(upload.id), data)
        return 200

    def there(self, upload: Upload) -> Sequence[Piece]:
        key = upload_object(upload.id)
        whole = self.objects.objects.get(key)
        if not upload.multipart:
            return [] if whole is None else [Piece(1, len(whole), "")]
        try:
            return self.objects.uploaded(key, upload.multipart)
        except UploadMissing:
            if whole is None or len(whole) != upload.size:
                return []
            parts = map(upload.part, range(1, upload.part_count + 1))
            return [Piece(part.number, part.size, "") for part in parts]

    def finish(self, upload: Upload, pieces: Sequence[Piece]) -> None:
        key = upload_object(upload.id)
        if upload.multipart not in self.objects.uploads and len(self.objects.objects.get(key, b"")) == upload.size:
            return
        self.objects.finish_upload(key, upload.multipart, pieces, crc32=None)

    def remove(self, upload: Upload) -> None:
        self.objects.delete_prefix(upload_object(upload.id))


@dataclass
class RemoteFile:
    """A file on a server. ``resumable`` is whether a download of it can be taken up, ``breaks_at`` where it breaks off.

    ``tells_size`` is whether the server says how long it is.
    """

    data: bytes
    name: str = "file"
    resumable: bool = True
    tells_size: bool = True
    breaks_at: list[int] = field(default_factory=list)
    refusal: InputRefused | None = None
    chunk_size: int = 65_536


class FakeInputsClient:
    """InputsClient on files in memory. ``asked`` are URL and start of every request."""

    def __init__(self, files: Mapping[str, RemoteFile] | None = None) -> None:
        self.files = dict(files or {})
        self.asked: list[tuple[str, int]] = []
        self.links: dict[str, list[LinkedPart]] = {}

    def parts(self, url: str) -> Sequence[LinkedPart] | None:
        return self.links.get(url)

    @contextmanager
    def open(self, url: str, *, start: int = 0, etag: str = "") -> Iterator[RemoteBody]:
        self.asked.append((url, start))
        file = self.files.get(url)
        if file is None:
            raise InputRefused("The server answered 404.", "url_status")
        if file.refusal is not None:
            raise file.refusal
        begin = start if file.resumable and etag == etag_of(file.data) else 0
        size = len(file.data) if file.tells_size else None
        yield RemoteBody(
            file.name, begin, size, etag_of(file.data) if file.resumable else "", self._chunks(file, begin)
        )

    def _chunks(self, file: RemoteFile, begin: int) -> Iterator[bytes]:
        end = file.breaks_at.pop(0) if file.breaks_at else len(file.data)
        for position in range(begin, end, file.chunk_size):
            yield file.data[position : min(position + file.chunk_size, end)]
        if end < len(file.data):
            raise InputBroken("The download broke off.", "url_broken")
