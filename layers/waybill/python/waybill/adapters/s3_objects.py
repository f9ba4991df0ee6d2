"""One S3 bucket: content through obstore, everything else through signed requests (s3_rest)."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store

from waybill.adapters.backoff import Backoff
from waybill.adapters.clock import system_clock
from waybill.adapters.credentials import CredentialSource, ambient
from waybill.adapters.http import Answer, Disconnected
from waybill.adapters.s3_rest import S3Rest, shown
from waybill.domain.errors import ObjectChanged, ObjectMissing, StorageUnavailable
from waybill.ports import Clock, ObjectInfo

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import S3Credential

_MEBIBYTE = 1024 * 1024
_UPLOAD_PIECE = 8 * _MEBIBYTE
"""Bytes. 10,000 pieces, the most that S3 takes, are 78 GiB; a worker holds three of them at a time."""

_UPLOADS_AT_ONCE = 2
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

    def put(self, key: str, data: bytes) -> None:
        """Store an object whole, replacing what was there."""
        with self._mapped("PUT", key):
            obstore.put(self._store, key, data, use_multipart=False)

    def put_stream(self, key: str, chunks: Iterator[bytes]) -> None:
        """Store an object from chunks of any size; it appears only when the iterator has ended well.

        Content that fits in one piece is one request. More is a multipart upload, with two pieces under way while the
        next one fills. What the iterator raises comes out unchanged, and the upload is aborted.
        """
        head: list[bytes] = []
        size = 0
        for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > _UPLOAD_PIECE:
                break
        else:
            self.put(key, b"".join(head))
            return
        theirs: list[Exception] = []
        with self._mapped("multipart upload", key, theirs), ThreadPoolExecutor(1, "chunks") as thread:
            obstore.put(
                self._store,
                key,
                _watched(_elsewhere(thread, chain(_emptied(head), chunks)), theirs),
                use_multipart=True,
                chunk_size=_UPLOAD_PIECE,
                max_concurrency=_UPLOADS_AT_ONCE,
            )

    def get(self, key: str) -> bytes:
        """Return an object whole. Raises ObjectMissing."""
        return b"".join(self._read(key, None, 0, None))

    def stream_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """Yield ``length`` bytes from ``offset`` on. Raises ObjectMissing, StorageUnavailable if there are fewer."""
        left = length
        for chunk in self._read(key, None, offset, offset + length) if length else ():
            left -= len(chunk)
            yield chunk
        if left:
            raise StorageUnavailable(f"The object {shown(key)} in the bucket {self._bucket} is shorter than it was.")

    def stream(self, key: str, *, etag: str | None = None) -> Iterator[bytes]:
        """Yield an object's content in chunks, that version only if ``etag`` is given.

        A broken connection is taken up again where it broke, in the same version. Raises ObjectMissing, ObjectChanged,
        and StorageUnavailable rather than end early.
        """
        return self._read(key, etag, 0, None)

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix``, sorted by their keys' UTF-8 bytes, those behind the key ``after``."""
        return self._rest.list(prefix, after)

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

    def presign(self, key: str, *, expires_in: timedelta, filename: str) -> str:
        """Return a GET URL that works for ``expires_in``, and downloads as ``filename``.

        It ends earlier if the credentials that sign it do (a Lambda's last hours).
        """
        return self._rest.presign(key, expires_in=expires_in, filename=filename)

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
        raise StorageUnavailable(
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
    def _mapped(self, what: str, key: str, theirs: Sequence[Exception] = ()) -> Iterator[None]:
        """Turn obstore's errors into ours, but let those in ``theirs`` through."""
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            if theirs and error is theirs[0]:
                raise
            code = _code(error)
            if isinstance(error, PreconditionError):
                raise ObjectChanged(
                    f"The object {shown(key)} in the bucket {self._bucket} is no longer the planned version."
                ) from error
            if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
                raise ObjectMissing(f"There is no object {shown(key)} in the bucket {self._bucket}.") from error
            raise StorageUnavailable(
                f"The bucket {self._bucket} cannot be used: S3 refused the {what} of {shown(key)} ({code})."
            ) from error


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


def _emptied(chunks: list[bytes]) -> Iterator[bytes]:
    """Yield chunks without holding on to those that have been taken."""
    chunks.reverse()
    while chunks:
        yield chunks.pop()


def _elsewhere(thread: Executor, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks, gathered to larger ones on another thread.

    obstore takes them inside its own event loop, where nothing may call obstore again; the chunks may come from there.
    """

    def gather() -> bytes:
        gathered: list[bytes] = []
        size = 0
        for chunk in chunks:
            gathered.append(chunk)
            size += len(chunk)
            if size >= _READ_PIECE:
                break
        return b"".join(gathered)

    while piece := thread.submit(gather).result():
        yield piece


def _watched(chunks: Iterator[bytes], raised: list[Exception]) -> Iterator[bytes]:
    """Yield chunks, and keep what their iterator raises, to tell it from what obstore raises."""
    try:
        yield from chunks
    except Exception as error:
        raised.append(error)
        raise
