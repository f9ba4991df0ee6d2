"""Unpack a part of any format, as people do: with what Python brings along, and the library zstandard."""

import tarfile
import zipfile
from pathlib import Path

import zstandard


def unpack(archive: Path, target: Path) -> set[str]:
    """Unpack ``archive`` into ``target``; return the names that now lie there because of it, which should be one.

    What the archive holds of absolute paths, or paths that lead elsewhere, stays within ``target`` or is refused.
    """
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(target)
            return {name.split("/", 1)[0] for name in packed.namelist()}
    if archive.suffix == ".zst":
        with (
            archive.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as content,
            tarfile.open(fileobj=content, mode="r|") as tar,
        ):
            return _unpack_tar(tar, target)
    with tarfile.open(archive) as tar:
        return _unpack_tar(tar, target)


def _unpack_tar(tar: tarfile.TarFile, target: Path) -> set[str]:
    # Absent before Python 3.11.4; what is unpacked here is compared with its manifest right after.
    tar.extraction_filter = getattr(tarfile, "data_filter", None)
    tops = set()
    for member in tar:
        tar.extract(member, target)
        tops.add(member.name.split("/", 1)[0])
    return tops
