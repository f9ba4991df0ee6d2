"""Patch 3: multipart uploads refuse what S3 refuses, and tell what S3 tells.

The stock engine joins parts under 5 MiB before the last and parts out of order, so that a packer which works locally
would fail on AWS. It takes the checksum of a whole object (type FULL_OBJECT) for a composite one and refuses it. And it
does not tell the checksum of a part that it copied.
"""

import base64
import zlib
from typing import Any

from ministack.services import s3

from local.engine.guard import check_source

_SMALLEST = 5 * 1024 * 1024
_TOO_SMALL = "Your proposed upload is smaller than the minimum allowed size"
_OUT_OF_ORDER = "The list of parts was not in ascending order. Parts must be ordered by part number."
_BAD_DIGEST = "The CRC32 you specified did not match the calculated checksum."


def apply() -> None:
    """Check the listed parts before the stock engine joins them, and tell checksums of copied ones."""
    check_source(s3._complete_multipart_upload, "9e2d6452dfe128a0")
    check_source(s3._upload_part_copy, "890950db69f20539")
    _refuse_what_s3_refuses()
    _tell_checksums_of_copies()


def _refuse_what_s3_refuses() -> None:
    stock = s3._complete_multipart_upload

    def complete(
        bucket_name: str,
        key: str,
        body: bytes,
        query_params: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> Any:
        upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"))
        given = dict(headers or {})
        crc32 = given.pop("x-amz-checksum-crc32", None) if given.get("x-amz-checksum-type") == "FULL_OBJECT" else None
        if upload is not None and upload["bucket"] == bucket_name and upload["key"] == key:
            refusal = _refusal(upload["parts"], _part_numbers(body), crc32)
            if refusal is not None:
                return s3._error(*refusal, 400, f"/{bucket_name}/{key}")
        return stock(bucket_name, key, body, query_params, given if crc32 else headers)

    s3._complete_multipart_upload = complete


def _refusal(stored: dict[int, Any], numbers: list[int], crc32: str | None) -> tuple[str, str] | None:
    if numbers != sorted(set(numbers)):
        return "InvalidPartOrder", _OUT_OF_ORDER
    there = [stored[number]["body"] for number in numbers if number in stored]
    if any(len(part) < _SMALLEST for part in there[:-1]):
        return "EntityTooSmall", _TOO_SMALL
    if crc32 is not None and len(there) == len(numbers) and crc32 != _crc32(*there):
        return "BadDigest", _BAD_DIGEST
    return None


def _tell_checksums_of_copies() -> None:
    stock = s3._upload_part_copy

    def copy(bucket_name: str, dest_key: str, query_params: dict[str, Any], headers: dict[str, str]) -> Any:
        status, answer_headers, body = stock(bucket_name, dest_key, query_params, headers)
        upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"))
        if status == 200 and upload is not None and upload.get("checksum_algorithm") == "CRC32":
            part = upload["parts"][int(s3._qp(query_params, "partNumber"))]
            part["checksums"] = {"CRC32": _crc32(part["body"])}
            told = f"<ChecksumCRC32>{_crc32(part['body'])}</ChecksumCRC32></CopyPartResult>"
            body = body.replace(b"</CopyPartResult>", told.encode())
        return status, answer_headers, body

    s3._upload_part_copy = copy


def _crc32(*parts: bytes) -> str:
    total = 0
    for part in parts:
        total = zlib.crc32(part, total)
    return base64.b64encode(total.to_bytes(4, "big")).decode()


def _part_numbers(body: bytes) -> list[int]:
    """Return the part numbers in the order listed; none for a body that the stock engine will refuse itself."""
    try:
        root = s3.fromstring(body)
    except s3.ParseError:
        return []
    return [int(element.text or 0) for element in root.iter() if element.tag.rpartition("}")[2] == "PartNumber"]
