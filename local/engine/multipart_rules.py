"""Patch 3: CompleteMultipartUpload refuses what S3 refuses, parts under 5 MiB before the last and parts out of order.

The stock engine accepts both, so that a packer which works locally would fail on AWS.
"""

from typing import Any

from ministack.services import s3

from local.engine.guard import check_source

_SMALLEST = 5 * 1024 * 1024
_TOO_SMALL = "Your proposed upload is smaller than the minimum allowed size"
_OUT_OF_ORDER = "The list of parts was not in ascending order. Parts must be ordered by part number."


def apply() -> None:
    """Check the listed parts before the stock engine joins them."""
    check_source(s3._complete_multipart_upload, "9e2d6452dfe128a0")
    stock = s3._complete_multipart_upload

    def complete(
        bucket_name: str,
        key: str,
        body: bytes,
        query_params: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> Any:
        upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"))
        if upload is not None and upload["bucket"] == bucket_name and upload["key"] == key:
            numbers = _part_numbers(body)
            if numbers != sorted(set(numbers)):
                return s3._error("InvalidPartOrder", _OUT_OF_ORDER, 400, f"/{bucket_name}/{key}")
            stored = upload["parts"]
            if any(number in stored and len(stored[number]["body"]) < _SMALLEST for number in numbers[:-1]):
                return s3._error("EntityTooSmall", _TOO_SMALL, 400, f"/{bucket_name}/{key}")
        return stock(bucket_name, key, body, query_params, headers)

    s3._complete_multipart_upload = complete


def _part_numbers(body: bytes) -> list[int]:
    """Return the part numbers in the order listed; none for a body that the stock engine will refuse itself."""
    try:
        root = s3.fromstring(body)
    except s3.ParseError:
        return []
    return [int(element.text or 0) for element in root.iter() if element.tag.rpartition("}")[2] == "PartNumber"]
