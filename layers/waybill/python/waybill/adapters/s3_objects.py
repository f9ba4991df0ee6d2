"""One S3 bucket: content is read through obstore, everything else is done by signed requests (s3_rest)."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from heapq import merge
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store

from waybill.adapters.backoff import Backoff
from waybill.adapters.clock import system_clock
from waybill.adapters.credentials import CredentialSource, ambient
from waybill.adapters.http import Answer, Disconnected
from waybill.adapters.s3_rest import S3Rest, shown
from waybill.domain.errors import (
    ObjectChanged,
    ObjectDenied,
    ObjectMissing,
    ObjectUnreadable,
    StorageUnavailable,
    UploadMissing,
)
from waybill.domain.plan import Piece, StoredDigests
from waybill.ports import Body, Clock, CopySource, Download, ObjectInfo

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import S3Credential

_MEBIBYTE = 1024 * 1024
_READ_PIECE = _MEBIBYTE
_DELETE_BATCH = 1000
_CREDENTIALS_KEPT = timedelta(minutes=5)
_LONGEST_TRANSFER = timedelta(minutes=14)
"""The time limit of one request, body included: a Lambda lives no longer than 15 minutes."""

_LONGEST_RETRY = timedelta(minutes=1)
_BROKEN_BODY = (BaseError, Disconnected)


class _Body(NamedTuple):
    """An object's content from some offset on. ``size`` is the whole object's."""

    etag: str | None
    size: int
    chunks: Iterator[bytes]


class S3Objects:
    """ObjectStore on one S3 bucket.

    ``endpoint`` is None for AWS itself, else the URL of the embedded stack or another store, used path style.
    ``timeout`` is how many seconds the store may be silent. Nothing is connected before the first request.
    """

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
        self._bucket = bucket
        self._backoff = backoff or Backoff()
        self._rest = S3Rest(
            bucket,
            region=region,
            endpoint=endpoint,
            credentials=credentials,
            clock=clock,
            backoff=self._backoff,
            timeout=timeout,
        )

        def credential() -> "S3Credential":
            access_key, secret_key, token = credentials()
            return {
                "access_key_id": access_key,
                "secret_access_key": secret_key,
                "token": token,
                "expires_at": clock() + _CREDENTIALS_KEPT,
            }

        self._store = S3Store(
            bucket,
            region=region,
            endpoint=self._rest.url,
            virtual_hosted_style_request=self._rest.virtual_hosted,
            unsigned_payload=True,
            credential_provider=credential,
            client_options={
                "allow_http": self._rest.url.startswith("http:"),
                "read_timeout": timedelta(seconds=timeout),
                "timeout": _LONGEST_TRANSFER,
            },
            retry_config={
                "max_retries": self._backoff.attempts - 1,
                "retry_timeout": _LONGEST_RETRY,
                "backoff": {
                    "init_backoff": timedelta(seconds=self._backoff.first),
                    "max_backoff": timedelta(seconds=self._backoff.most),
                },
            },
        )

    def put(self, key: str, data: bytes | Body, *, download: Download | None = None) -> None:
        """Store an object whole, replacing what was there; S3 checks its CRC-32."""
        self._rest.put(key, data, download)

    def start_upload(self, key: str, *, download: Download) -> str:
        """Begin an object that is put together of pieces; return the upload's id."""
        return self._rest.start_upload(key, download)

    def put_piece(self, key: str, upload: str, number: int, data: bytes | Body) -> Piece:
        """Store a piece of an upload; S3 checks its CRC-32. Raises UploadMissing."""
        return self._rest.put_piece(key, upload, number, data)

    def copy_piece(self, key: str, upload: str, number: int, source: CopySource) -> Piece:
        """Let S3 copy up to 5 GiB into a piece. Raises UploadMissing, ObjectMissing, ObjectChanged, ObjectDenied."""
        return self._rest.copy_piece(key, upload, number, source)

    def uploaded(self, key: str, upload: str) -> Sequence[Piece]:
        """Return the pieces that an upload has so far, without their CRC-32. Raises UploadMissing."""
        return list(self._rest.uploaded(key, upload))

    def finish_upload(self, key: str, upload: str, pieces: Sequence[Piece], *, crc32: int | None) -> None:
        """Turn the pieces into the object; S3 checks ``crc32`` of the whole. Safe to repeat. Raises UploadMissing."""
        try:
            self._rest.finish_upload(key, upload, pieces, crc32)
        except UploadMissing:
            if self._rest.size(key) != sum(piece.size for piece in pieces):
                raise

    def abort_uploads(self, prefix: str) -> None:
        """Drop every unfinished upload under ``prefix``."""
        self._rest.abort_uploads(prefix)

    def stored_digests(self, key: str, *, etag: str) -> StoredDigests:
        """Return what S3 knows of the whole object. Raises ObjectMissing, ObjectChanged or ObjectDenied."""
        return self._rest.stored_digests(key, etag)

    def get(self, key: str) -> bytes:
        """Return an object whole. Raises ObjectMissing."""
        return b"".join(self._read(key, None, 0, None))

    def stream_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        """Yield ``length`` bytes from ``offset`` on, of that version only if ``etag`` is given.

        Raises ObjectMissing, ObjectChanged, and StorageUnavailable if there are fewer.
        """
        left = length
        for chunk in self._read(key, etag, offset, offset + length) if length else ():
            left -= len(chunk)
            yield chunk
        if left:
            raise StorageUnavailable(f"The object {shown(key)} in the bucket {self._bucket} is shorter than it was.")

    def stream(self, key: str, *, etag: str | None = None, start: int = 0) -> Iterator[bytes]:
        """Yield an object's content from ``start`` on in chunks, that version only if ``etag`` is given.

        A broken connection is taken up again where it broke, in the same version. Raises ObjectMissing, ObjectChanged,
        and StorageUnavailable rather than end early.
        """
        return self._read(key, etag, start, None)

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix``, sorted by their keys' UTF-8 bytes, those behind the key ``after``."""
        return self._rest.list(prefix, after)

    def prefixes(self, prefix: str) -> Iterator[str]:
        """Yield in their order the beginnings of keys, from ``prefix`` on to the next ``/`` and with it."""
        uploads = sorted({folder for key, _ in self._rest.uploads(prefix) if (folder := _folder(key, prefix))})
        return (folder for folder, _ in groupby(merge(self._rest.folders(prefix), uploads)))

    def delete_prefix(self, prefix: str) -> int:
        """Remove every unfinished upload and every object under ``prefix``; return how many objects.

        Uploads go first, so that none of them turns into an object behind our back.
        """
        self._rest.abort_uploads(prefix)
        removed = 0
        found = self._rest.list(prefix, None)
        while keys := [info.key for info in islice(found, _DELETE_BATCH)]:
            self._rest.delete(keys)
            removed += len(keys)
        return removed

    def presign(self, key: str, *, expires_in: timedelta) -> str:
        """Return a GET URL that works for ``expires_in``; it ends earlier if the credentials that sign it do."""
        return self._rest.presign(key, expires_in=expires_in)

    def _read(self, key: str, etag: str | None, start: int, end: int | None) -> Iterator[bytes]:
        """Yield the bytes in ``[start, end)``, taking up broken bodies; attempts count from the last progress."""
        position, rounds = start, self._backoff.rounds()
        failure: Exception | None = None
        while next(rounds, None) is not None:
            try:
                body = self._open(key, etag, position, end)
                etag = body.etag or etag
                for chunk in body.chunks:
                    position += len(chunk)
                    yield chunk
                    rounds = self._backoff.rounds()
                if position >= (body.size if end is None else min(end, body.size)):
                    return
            except _BROKEN_BODY as error:
                failure = error
        raise ObjectUnreadable(
            f"The object {shown(key)} in the bucket {self._bucket} cannot be read: "
            f"its content breaks off at byte {position}."
        ) from failure

    def _open(self, key: str, etag: str | None, start: int, end: int | None) -> _Body:
        if not _is_path(key):
            answer = self._rest.open(key, etag=etag, start=start, end=end)
            return _Body(answer.header("etag"), answer.whole_length, _pieces(answer))
        options: GetOptions = {"if_match": etag} if etag else {}
        if end is not None:
            options["range"] = (start, end)
        elif start:
            options["range"] = {"offset": start}
        with self._mapped("GET", key):
            found = obstore.get(self._store, key, options=options)
        return _Body(found.meta["e_tag"], found.meta["size"], found.stream(min_chunk_size=_READ_PIECE))

    @contextmanager
    def _mapped(self, what: str, key: str) -> Iterator[None]:
        """Turn obstore's errors into ours."""
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            code = _code(error)
            if isinstance(error, PreconditionError):
                raise ObjectChanged(
                    f"The object {shown(key)} in the bucket {self._bucket} is no longer the planned version."
                ) from error
            if code == "AccessDenied":
                raise ObjectDenied(
                    f"The bucket {self._bucket} denies access: S3 refused the {what} of {shown(key)} ({code})."
                ) from error
            if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
                raise ObjectMissing(f"There is no object {shown(key)} in the bucket {self._bucket}.") from error
            raise StorageUnavailable(
                f"The bucket {self._bucket} cannot be used: S3 refused the {what} of {shown(key)} ({code})."
            ) from error


def _folder(key: str, prefix: str) -> str | None:
    """Return a key's beginning up to the first slash behind ``prefix``, None if there is none."""
    name, slash, _ = key.removeprefix(prefix).partition("/")
    return f"{prefix}{name}/" if slash else None


def _is_path(key: str) -> bool:
    """Whether obstore can name the key. It takes keys for paths and would change or refuse others."""
    return key.isprintable() and not any(segment in {"", ".", ".."} for segment in key.split("/"))


def _code(error: Exception) -> str:
    """Return S3's name for an error out of obstore's message, else its HTTP status."""
    found = re.search(r"<Code>(\w+)</Code>", str(error)) or re.search(r"status code: (\d+)", str(error))
    return found[1] if found else "Disconnected"


def _pieces(answer: Answer) -> Iterator[bytes]:
    with answer:
        while piece := answer.read(_READ_PIECE):
            yield piece
