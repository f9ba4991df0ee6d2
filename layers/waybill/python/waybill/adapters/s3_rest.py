"""Signed S3 requests, for what the object store library cannot do.

obstore reads content (s3_objects). It lists by path segments, fails on a listing that holds a key which is no path
(``a//b``, ``a/../b``), and gives no hold of the pieces of an upload. boto3 does, but takes half a second to load.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus

from isal import isal_zlib

from waybill.adapters.backoff import Backoff
from waybill.adapters.credentials import CredentialSource
from waybill.adapters.http import Answer, Disconnected, Endpoint
from waybill.adapters.sigv4 import UNSIGNED_PAYLOAD, Query, encode_path, encode_query, presign, sign
from waybill.domain.errors import (
    ObjectChanged,
    ObjectDenied,
    ObjectMissing,
    StorageUnavailable,
    UploadMissing,
    WaybillError,
)
from waybill.domain.plan import Piece, StoredDigests
from waybill.ports import Body, Clock, CopySource, Download, ObjectInfo

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_GOOD = frozenset({200, 204, 206})
_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "HTTP 404"})
_CHANGED = frozenset({"PreconditionFailed", "HTTP 412"})
_DENIED = frozenset({"AccessDenied", "HTTP 403"})
_UPLOAD_MISSING = frozenset({"NoSuchUpload", "InvalidPart", "InvalidPartOrder", "BadDigest"})
_TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_TRY_AGAIN_IN_BODY = frozenset({"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout"})
_PAGE = 1000
_PATIENCE = 300.0
"""Seconds. S3 may be silent while it copies 5 GiB or puts 10,000 pieces together."""


class S3Rest:
    """Requests to one bucket.

    ``endpoint`` is None for AWS, which is asked under the bucket's own host name; a URL is used path style, as the
    embedded stack and other stores want it. Every method raises StorageUnavailable if S3 refuses, or does not answer
    after all attempts; AWS's own words are attached as a note for the log.
    """

    def __init__(
        self,
        bucket: str,
        *,
        region: str,
        endpoint: str | None,
        credentials: CredentialSource,
        clock: Clock,
        backoff: Backoff,
        timeout: float,
    ) -> None:
        self._bucket = bucket
        self._region = region
        self._credentials = credentials
        self._clock = clock
        self._backoff = backoff
        self.url, self._root = _address(bucket, region, endpoint)
        self.virtual_hosted = self._root == "/"
        self._endpoint = Endpoint(self.url, timeout=timeout)
        self._patient = Endpoint(self.url, timeout=max(timeout, _PATIENCE))

    def open(self, key: str, *, etag: str | None, start: int, end: int | None) -> Answer:
        """Return an object's bytes in ``[start, end)``, the body unread, that version only if ``etag`` is given.

        Raises ObjectMissing and ObjectChanged too.
        """
        headers = {"if-match": etag} if etag else {}
        if start or end is not None:
            headers["range"] = f"bytes={start}-{'' if end is None else end - 1}"
        return self._request("GET", key, headers=headers)

    def list(self, prefix: str, after: str | None) -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix`` behind the key ``after``, in the order of their keys' UTF-8 bytes."""
        while True:
            query = [("list-type", "2"), ("max-keys", str(_PAGE)), ("encoding-type", "url"), ("prefix", prefix)]
            page = self._page(query + ([("start-after", after)] if after else []))
            encoded = page.findtext("EncodingType") == "url"
            for entry in page.iterfind("Contents"):
                after = _key_of(entry, encoded=encoded)
                yield ObjectInfo(after, int(entry.findtext("Size") or 0), entry.findtext("ETag") or "")
            if page.findtext("IsTruncated") != "true":
                return

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield in their order the beginnings of the objects' keys, from ``prefix`` to the next ``/`` and with it."""
        token: list[tuple[str, str]] = []
        query = [("list-type", "2"), ("max-keys", str(_PAGE)), ("encoding-type", "url"), ("prefix", prefix)]
        while True:
            page = self._page([*query, ("delimiter", "/"), *token])
            encoded = page.findtext("EncodingType") == "url"
            for entry in page.iterfind("CommonPrefixes"):
                folder = entry.findtext("Prefix") or ""
                yield unquote_plus(folder) if encoded else folder
            if page.findtext("IsTruncated") != "true":
                return
            token = [("continuation-token", page.findtext("NextContinuationToken") or "")]

    def size(self, key: str) -> int | None:
        """Return how many bytes an object has, None if there is none."""
        try:
            with self._request("HEAD", key) as answer:
                return int(answer.header("content-length") or 0)
        except ObjectMissing:
            return None

    def stored_digests(self, key: str, etag: str) -> StoredDigests:
        """Return the checksums that S3 keeps of an object; those of single pieces only do not count."""
        with self._request("HEAD", key, headers={"if-match": etag, "x-amz-checksum-mode": "ENABLED"}) as answer:
            if answer.header("x-amz-checksum-type") == "COMPOSITE":
                return StoredDigests()
            sha256 = _decoded(answer.header("x-amz-checksum-sha256"))
            return StoredDigests(sha256.hex() if sha256 else None, _number(answer.header("x-amz-checksum-crc32")))

    def start_upload(self, key: str, download: Download | None) -> str:
        """Begin a multipart upload; return its id.

        S3 shall keep the CRC-32 of its whole, except of one that is not to be downloaded: whoever sends its pieces need
        not know how to make one.
        """
        checksum = {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}
        headers = {} if download is None else {**_presented(download), **checksum}
        with self._request("POST", key, [("uploads", "")], headers) as answer:
            return _parsed(answer.read()).findtext("UploadId") or ""

    def put(self, key: str, data: bytes | Body, download: Download | None) -> None:
        """Store an object whole. S3 refuses it if its CRC-32 is not the one that is sent along."""
        headers = {"x-amz-checksum-crc32": _encoded(_crc32(data))}
        if download is not None:
            headers |= _presented(download)
        with self._request("PUT", key, (), headers, data, is_content=True) as answer:
            answer.read()

    def put_piece(self, key: str, upload: str, number: int, data: bytes | Body) -> Piece:
        """Store a piece. S3 refuses it if its CRC-32 is not the one that is sent along."""
        crc32 = _crc32(data)
        headers = {"x-amz-checksum-crc32": _encoded(crc32)}
        with self._request("PUT", key, _piece_query(upload, number), headers, data, is_content=True) as answer:
            answer.read()
            return Piece(number, len(data), _bare(answer.header("etag")), crc32)

    def copy_piece(self, key: str, upload: str, number: int, source: CopySource) -> Piece:
        """Let S3 copy bytes of an object into a piece, of the version that is named."""
        headers = {
            "x-amz-copy-source": encode_path(f"{source.bucket or self._bucket}/{source.key}"),
            "x-amz-copy-source-range": f"bytes={source.start}-{source.end - 1}",
            **({"x-amz-copy-source-if-match": source.etag} if source.etag else {}),
        }
        result = self._exchange("PUT", key, _piece_query(upload, number), headers, about=source.key)
        crc32 = _number(result.findtext("ChecksumCRC32"))
        return Piece(number, source.end - source.start, _bare(result.findtext("ETag")), crc32)

    def uploaded(self, key: str, upload: str) -> Iterator[Piece]:
        """Yield the pieces that an upload has, in the order of their numbers."""
        marker = "0"
        while True:
            query = [("uploadId", upload), ("max-parts", str(_PAGE)), ("part-number-marker", marker)]
            with self._request("GET", key, query) as answer:
                page = _parsed(answer.read())
            for entry in page.iterfind("Part"):
                marker = entry.findtext("PartNumber") or "0"
                yield Piece(int(marker), int(entry.findtext("Size") or 0), _bare(entry.findtext("ETag")))
            if page.findtext("IsTruncated") != "true":
                return

    def finish_upload(self, key: str, upload: str, pieces: Sequence[Piece], crc32: int | None) -> None:
        """Turn pieces into the object. S3 refuses that if the whole does not have this CRC-32."""
        listed = "".join(
            f'<Part><PartNumber>{piece.number}</PartNumber><ETag>"{escape(piece.etag)}"</ETag></Part>'
            for piece in pieces
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        headers = {"content-type": "application/xml"}
        if crc32 is not None:
            headers |= {"x-amz-checksum-crc32": _encoded(crc32), "x-amz-checksum-type": "FULL_OBJECT"}
        self._exchange("POST", key, [("uploadId", upload)], headers, body)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove up to 1,000 objects; those that are not there count as removed."""
        entries = "".join(f"<Object><Key>{escape(key, quote=False)}</Key></Object>" for key in keys)
        body = f"<Delete><Quiet>true</Quiet>{entries}</Delete>".encode()
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        query = [("delete", "")]
        with self._request(
            "POST", "", query, {"content-md5": digest, "content-type": "application/xml"}, body
        ) as answer:
            error = _parsed(answer.read()).find("Error")
        if error is not None:
            raise self._refused("DeleteObjects", error.findtext("Code") or "", error.findtext("Message") or "")

    def abort_uploads(self, prefix: str) -> None:
        """Abort every unfinished multipart upload under ``prefix``."""
        for key, upload in self.uploads(prefix):
            self._abort(key, upload)

    def uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield key and id of every unfinished multipart upload under ``prefix``, in the order of their keys."""
        marker: list[tuple[str, str]] = []
        while True:
            page = self._page([("uploads", ""), ("encoding-type", "url"), ("prefix", prefix), *marker])
            encoded = page.findtext("EncodingType") == "url"
            for entry in page.iterfind("Upload"):
                key, upload = _key_of(entry, encoded=encoded), entry.findtext("UploadId") or ""
                yield key, upload
                marker = [("key-marker", key), ("upload-id-marker", upload)]
            if page.findtext("IsTruncated") != "true":
                return

    def presign(self, key: str, *, expires_in: timedelta) -> str:
        """Return a URL that anybody may GET the object from, for ``expires_in`` at most."""
        return self._presigned("GET", key, [], expires_in, {})

    def presign_put(self, key: str, size: int, *, expires_in: timedelta, upload: str = "", number: int = 0) -> str:
        """Return a URL that anybody may PUT ``size`` bytes to, no more and no less, for ``expires_in`` at most.

        They become the object, or the piece ``number`` of a multipart upload.
        """
        query = _piece_query(upload, number) if upload else []
        return self._presigned("PUT", key, query, expires_in, {"content-length": str(size)})

    def _presigned(self, method: str, key: str, query: Query, expires_in: timedelta, headers: Mapping[str, str]) -> str:
        path = f"{self._root}{encode_path(key)}"
        signed = presign(
            method,
            path,
            query,
            host=self._endpoint.host,
            expires_in=expires_in,
            region=self._region,
            credentials=self._credentials(),
            now=self._clock(),
            headers=headers,
        )
        return f"{self.url}{path}?{signed}"

    def head(self, key: str) -> Mapping[str, str] | None:
        """Return what S3 says of an object, by the names of the headers in small letters; None if there is none."""
        try:
            with self._request("HEAD", key) as answer:
                return answer.headers
        except ObjectMissing:
            return None

    def copy(self, key: str, source: tuple[str, str], headers: Mapping[str, str]) -> None:
        """Let S3 copy an object, given by bucket and key, of up to 5 GiB. ``headers`` say how it presents itself."""
        asked = {**headers, "x-amz-copy-source": encode_path("/".join(source)), "x-amz-metadata-directive": "REPLACE"}
        self._exchange("PUT", key, (), asked, about=source[1])

    def copy_in_pieces(
        self, key: str, source: tuple[str, str], size: int, headers: Mapping[str, str], *, piece: int
    ) -> None:
        """Let S3 copy an object of any size, so many bytes at once. A copy that fails leaves nothing behind."""
        asked = {**headers, "x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}
        with self._request("POST", key, [("uploads", "")], asked) as answer:
            upload = _parsed(answer.read()).findtext("UploadId") or ""
        try:
            pieces = [
                self.copy_piece(key, upload, number, CopySource(*source, None, start, min(start + piece, size)))
                for number, start in enumerate(range(0, size, piece), 1)
            ]
            self.finish_upload(key, upload, pieces, None)
        except WaybillError:
            self._abort(key, upload)
            raise

    def _abort(self, key: str, upload: str) -> None:
        try:
            self._request("DELETE", key, [("uploadId", upload)]).close()
        except UploadMissing:
            return  # it was finished or aborted meanwhile

    def _page(self, query: Query) -> "Element":
        with self._request("GET", "", query) as answer:
            return _parsed(answer.read())

    def _exchange(
        self,
        method: str,
        key: str,
        query: Query,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        about: str | None = None,
    ) -> "Element":
        """Return the answer to a request that S3 may first accept (200) and then refuse in the answer's body."""
        kind = words = ""
        for _ in self._backoff.rounds():
            with self._request(method, key, query, headers, body, endpoint=self._patient, about=about) as answer:
                try:
                    document = _parsed(answer.read())
                except Disconnected as error:
                    kind, words = "Disconnected", str(error)
                    continue
            if document.tag != "Error":
                return document
            kind, words = document.findtext("Code") or "", document.findtext("Message") or ""
            if kind not in _TRY_AGAIN_IN_BODY:
                break
        raise self._error(method, about or key, kind, words)

    def _request(
        self,
        method: str,
        key: str,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | Body = b"",
        *,
        is_content: bool = False,
        endpoint: Endpoint | None = None,
        about: str | None = None,
    ) -> Answer:
        """Return a good answer. ``is_content`` says that the body is large and protected by a checksum of its own.

        ``about`` is the key that an error is about, if it is not ``key``.
        """
        kind = words = ""
        for _ in self._backoff.rounds():
            try:
                digest = UNSIGNED_PAYLOAD
                if isinstance(body, bytes) and body and not is_content:
                    digest = hashlib.sha256(body).hexdigest()
                answer = self._send(
                    method, key, query, headers or {}, body, digest=digest, endpoint=endpoint or self._endpoint
                )
                if answer.status in _GOOD:
                    return answer
                with answer:
                    kind, words = _refusal(answer)
            except Disconnected as error:
                kind, words = "Disconnected", str(error)
                continue
            if answer.status not in _TRY_AGAIN:
                break
        raise self._error(method, about or key, kind, words)

    def _send(
        self,
        method: str,
        key: str,
        query: Query,
        headers: Mapping[str, str],
        body: bytes | Body,
        *,
        digest: str,
        endpoint: Endpoint,
    ) -> Answer:
        path = f"{self._root}{encode_path(key)}"
        signed = sign(
            method,
            path,
            query,
            {"host": endpoint.host, "x-amz-content-sha256": digest, **headers},
            payload_digest=digest,
            service="s3",
            region=self._region,
            credentials=self._credentials(),
            now=self._clock(),
        )
        return endpoint.request(method, f"{path}?{encode_query(query)}" if query else path, signed, body)

    def _error(self, method: str, key: str, kind: str, words: str) -> WaybillError:
        """Return our error for what S3 says."""
        if kind in _UPLOAD_MISSING:
            return UploadMissing(
                f"The upload of {shown(key)} in the bucket {self._bucket} is not as it was left ({kind})."
            )
        if kind in _MISSING:
            return ObjectMissing(f"There is no object {shown(key)} in the bucket {self._bucket}.")
        if kind in _CHANGED:
            return ObjectChanged(
                f"The object {shown(key)} in the bucket {self._bucket} is no longer the planned version."
            )
        if kind in _DENIED and key:
            return ObjectDenied(
                f"The bucket {self._bucket} denies access: S3 refused the {method} of {shown(key)} ({kind})."
            )
        return self._refused(method, kind, words)

    def _refused(self, what: str, kind: str, words: str) -> StorageUnavailable:
        error = StorageUnavailable(f"The bucket {self._bucket} cannot be used: S3 refused {what} ({kind}).")
        if words:
            error.add_note(f"S3 said: {words}")
        return error


def _address(bucket: str, region: str, endpoint: str | None) -> tuple[str, str]:
    """Return the URL of the bucket's server and the path of its root.

    A bucket whose name has a dot is asked path style: S3's certificate would not fit its host name.
    """
    if endpoint is not None:
        return endpoint.rstrip("/"), f"/{bucket}/"
    domain = f"s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    return (f"https://{domain}", f"/{bucket}/") if "." in bucket else (f"https://{bucket}.{domain}", "/")


def attachment(filename: str) -> str:
    """Return the Content-Disposition (RFC 6266) that saves a download as ``filename``, for old clients in ASCII."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_" for letter in filename
    )
    extended = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'attachment; filename="{plain}"{extended}'


def _presented(download: Download) -> dict[str, str]:
    return {"content-disposition": attachment(download.filename), "content-type": download.media_type}


def _crc32(data: bytes | Body) -> int:
    return isal_zlib.crc32(data) if isinstance(data, bytes) else data.crc32


def _piece_query(upload: str, number: int) -> Query:
    return [("partNumber", str(number)), ("uploadId", upload)]


def _bare(etag: str | None) -> str:
    """Return an ETag without the quotation marks that some answers have and others have not."""
    return (etag or "").strip('"')


def _encoded(crc32: int) -> str:
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()


def _decoded(checksum: str | None) -> bytes | None:
    """Return a checksum's bytes; one of a composite (``…-3``) is none."""
    return base64.b64decode(checksum) if checksum and "-" not in checksum else None


def _number(crc32: str | None) -> int | None:
    raw = _decoded(crc32)
    return int.from_bytes(raw, "big") if raw else None


def _key_of(entry: "Element", *, encoded: bool) -> str:
    key = entry.findtext("Key") or ""
    return unquote_plus(key) if encoded else key


def _refusal(answer: Answer) -> tuple[str, str]:
    """Return S3's name for an error and its words."""
    try:
        error = _parsed(answer.read())
    except StorageUnavailable:
        return f"HTTP {answer.status}", ""
    return error.findtext("Code") or f"HTTP {answer.status}", error.findtext("Message") or ""


def _parsed(body: bytes) -> "Element":
    """Return an answer's XML without its namespace. Raises StorageUnavailable if it is none."""
    from xml.etree import ElementTree  # noqa: PLC0415 - S3 wrote it; loaded only when something is listed

    try:
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError as error:
        raise StorageUnavailable("S3 sent an answer that is not XML.") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def shown(key: str) -> str:
    """Return a key as error texts may show it: without its folders, one of which names the tenant of a file."""
    return f"…/{key.rpartition('/')[2]}"
