"""The container tar.zst: a tar archive as a row of Zstandard frames."""

from waybill.archive import tar, zstd_frames
from waybill.archive.tar_members import TarMembers


def _header_bound(path: str, size: int) -> int:
    """Headers of one path and size differ in digits and letters only, never in where their zeros are."""
    return zstd_frames.text_bound(tar.header(path, size, 0))


TAR_ZSTD = TarMembers("tar.zst", "application/zstd", zstd_frames, _header_bound)
