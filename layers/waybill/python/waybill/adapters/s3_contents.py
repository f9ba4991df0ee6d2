"""Contents of imported files: copied by S3 from bucket to bucket, each marked with the import that wrote it."""

from collections.abc import Mapping

from waybill.adapters.s3_rest import S3Rest
from waybill.domain.options import MEBIBYTE

MARK = "x-amz-meta-waybill-import"
"""The header under which an object keeps the id of the import that wrote it."""

COPIED_AT_ONCE = 1024 * MEBIBYTE
"""Larger objects are copied in pieces of this size: S3 copies up to 5 GiB at once, and is silent meanwhile."""


class S3Contents:
    """The contents in one bucket."""

    def __init__(self, rest: S3Rest) -> None:
        self._rest = rest

    def writer(self, key: str) -> str | None:
        """Return the import that wrote an object; empty if none did, None if there is no object."""
        found = self._rest.head(key)
        return None if found is None else found.get(MARK, "")

    def put(self, key: str, source: tuple[str, str], size: int, *, import_id: str, media_type: str) -> None:
        """Copy an object, bucket and key, to a key of this bucket. S3 keeps its SHA-256, or CRC-32 if it is large."""
        headers = {MARK: import_id, "content-type": media_type or "application/octet-stream"}
        self._copy(key, source, size, headers)

    def copy_as_it_is(self, key: str, source: tuple[str, str], found: Mapping[str, str]) -> None:
        """Copy an object with what its answer to HEAD says of it."""
        kept = {name: value for name, value in found.items() if name.startswith("x-amz-meta-")}
        kept.update({name: found[name] for name in _PRESENTED if name in found})
        self._copy(key, source, int(found["content-length"]), kept)

    def head(self, key: str) -> Mapping[str, str] | None:
        """Return the headers of an object by their names in small letters, None if there is none."""
        return self._rest.head(key)

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        self._rest.delete([key])

    def _copy(self, key: str, source: tuple[str, str], size: int, headers: Mapping[str, str]) -> None:
        if size <= COPIED_AT_ONCE:
            self._rest.copy(key, source, {**headers, "x-amz-checksum-algorithm": "SHA256"})
        else:
            self._rest.copy_in_pieces(key, source, size, headers, piece=COPIED_AT_ONCE)


_PRESENTED = ("content-type", "content-disposition", "content-encoding", "content-language", "cache-control")
