"""AWS Signature Version 4, the two forms that Waybill needs: a signed request and a presigned URL.

Source: "Signing AWS API requests" and "Authenticating requests: query parameters" in the AWS and S3 references. Written
out because botocore's signer takes 0.2 s to load, half of what a cold start may cost; the tests hold it against
botocore's, request by request.
"""

import functools
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from waybill.adapters.credentials import Credentials

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
"""In place of a body's digest: the body is protected by TLS and, where it matters, by a checksum of its own."""

_ALGORITHM = "AWS4-HMAC-SHA256"

Query = Sequence[tuple[str, str]]


def encode_path(path: str) -> str:
    """Return a path with everything percent-encoded but unreserved characters (RFC 3986) and ``/``."""
    return quote(path, safe="/-_.~")


def encode_query(query: Query) -> str:
    """Return the query string in the form and order that the signature is made over."""
    return "&".join(
        f"{name}={value}" for name, value in sorted((_encode(name), _encode(value)) for name, value in query)
    )


def sign(
    method: str,
    path: str,
    query: Query,
    headers: Mapping[str, str],
    *,
    payload_digest: str,
    service: str,
    region: str,
    credentials: Credentials,
    now: datetime,
) -> dict[str, str]:
    """Return ``headers`` together with those that sign the request.

    ``path`` is already encoded. ``headers`` have lower-case names and hold ``host``; every one of them is signed.
    ``payload_digest`` is the body's SHA-256 in hexadecimal, or ``UNSIGNED_PAYLOAD``.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    signed = {**headers, "x-amz-date": stamp}
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    names = ";".join(sorted(signed))
    signature = _signature(
        [method, path, encode_query(query), _canonical(signed), names, payload_digest], stamp, scope, credentials
    )
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


def presign(
    method: str,
    path: str,
    query: Query,
    *,
    host: str,
    expires_in: timedelta,
    region: str,
    credentials: Credentials,
    now: datetime,
    headers: Mapping[str, str] | None = None,
) -> str:
    """Return the query string of an S3 request that anybody may make until ``now + expires_in``.

    ``path`` is already encoded; the URL is ``https://{host}{path}?{the returned string}``. Whoever makes the request
    has to send ``headers``, whose names are in lower case, with these very values.
    """
    headers = {"host": host, **(headers or {})}
    names = ";".join(sorted(headers))
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    signed = [
        *query,
        ("X-Amz-Algorithm", _ALGORITHM),
        ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", str(int(expires_in.total_seconds()))),
        ("X-Amz-SignedHeaders", names),
    ]
    if credentials.token:
        signed.append(("X-Amz-Security-Token", credentials.token))
    text = encode_query(signed)
    canonical = [method, path, text, _canonical(headers), names, UNSIGNED_PAYLOAD]
    return f"{text}&X-Amz-Signature={_signature(canonical, stamp, scope, credentials)}"


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _canonical(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))


def _signature(request: Sequence[str], stamp: str, scope: str, credentials: Credentials) -> str:
    digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
    key = _key(credentials.secret_key, scope)
    return hmac.digest(key, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode(), "sha256").hex()


@functools.lru_cache(maxsize=8)
def _key(secret_key: str, scope: str) -> bytes:
    """The signing key of a day, region and service. Kept, as it is the same for every request of the day."""
    key = f"AWS4{secret_key}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    return key
