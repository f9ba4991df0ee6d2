"""Signed S3 requests, for what the object store library cannot do.

obstore moves content (s3_objects). It lists by path segments, fails on a listing that holds a key which is no path
(``a//b``, ``a/../b``), knows no unfinished uploads and presigns no file name. boto3 does, but takes half a second to
load.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus

from waybill.adapters.backoff import Backoff
from waybill.adapters.credentials import CredentialSource
from waybill.adapters.http import Answer, Disconnected, Endpoint
from waybill.adapters.sigv4 import UNSIGNED_PAYLOAD, Query, encode_path, encode_query, presign, sign
from waybill.domain.errors import ObjectChanged, ObjectMissing, StorageUnavailable
from waybill.ports import Clock, ObjectInfo

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_GOOD = frozenset({200, 204, 206})
_MISSING = frozenset({"NoSuchKey", "NoSuchUpload", "NoSuchVersion"})
_TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_PAGE = 1000


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
        marker: list[tuple[str, str]] = []
        while True:
            page = self._page([("uploads", ""), ("encoding-type", "url"), ("prefix", prefix), *marker])
            encoded = page.findtext("EncodingType") == "url"
            for entry in page.iterfind("Upload"):
                key, upload = _key_of(entry, encoded=encoded), entry.findtext("UploadId") or ""
                self._abort(key, upload)
                marker = [("key-marker", key), ("upload-id-marker", upload)]
            if page.findtext("IsTruncated") != "true":
                return

    def presign(self, key: str, *, expires_in: timedelta, filename: str) -> str:
        """Return a URL that anybody may GET the object from, for ``expires_in`` at most."""
        path = f"{self._root}{encode_path(key)}"
        query = presign(
            "GET",
            path,
            [("response-content-disposition", _attachment(filename))],
            host=self._endpoint.host,
            expires_in=expires_in,
            region=self._region,
            credentials=self._credentials(),
            now=self._clock(),
        )
        return f"{self.url}{path}?{query}"

    def _abort(self, key: str, upload: str) -> None:
        try:
            self._request("DELETE", key, [("uploadId", upload)]).close()
        except ObjectMissing:
            return  # it was finished or aborted meanwhile

    def _page(self, query: Query) -> "Element":
        with self._request("GET", "", query) as answer:
            return _parsed(answer.read())

    def _request(
        self, method: str, key: str, query: Query = (), headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        kind = words = ""
        for _ in self._backoff.rounds():
            try:
                answer = self._send(method, key, query, headers or {}, body)
                if answer.status in _GOOD:
                    return answer
                with answer:
                    kind, words = _refusal(answer)
            except Disconnected as error:
                kind, words = "Disconnected", str(error)
                continue
            if answer.status not in _TRY_AGAIN:
                break
        if kind in _MISSING:
            raise ObjectMissing(f"There is no object {shown(key)} in the bucket {self._bucket}.")
        if kind == "PreconditionFailed":
            raise ObjectChanged(
                f"The object {shown(key)} in the bucket {self._bucket} is no longer the planned version."
            )
        raise self._refused(method, kind, words)

    def _send(self, method: str, key: str, query: Query, headers: Mapping[str, str], body: bytes) -> Answer:
        path = f"{self._root}{encode_path(key)}"
        digest = hashlib.sha256(body).hexdigest() if body else UNSIGNED_PAYLOAD
        signed = sign(
            method,
            path,
            query,
            {"host": self._endpoint.host, "x-amz-content-sha256": digest, **headers},
            payload_digest=digest,
            service="s3",
            region=self._region,
            credentials=self._credentials(),
            now=self._clock(),
        )
        return self._endpoint.request(method, f"{path}?{encode_query(query)}" if query else path, signed, body)

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


def _attachment(filename: str) -> str:
    """Return the Content-Disposition (RFC 6266) that saves a download as ``filename``, for old clients in ASCII."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_" for letter in filename
    )
    extended = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'attachment; filename="{plain}"{extended}'


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
