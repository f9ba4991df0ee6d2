"""Archives for the tests: read from memory in chunks of any size, and made wrong on purpose."""

import io
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.unit.intake.reading import chunked

from waybill.intake.members import BadArchive, Limits, Member, MemberKind
from waybill.intake.tar_reader import tar_members
from waybill.intake.zip_reader import ZipReader

LIMITS = Limits(total=1 << 30, member=1 << 28)


@dataclass(frozen=True)
class Bytes:
    """A file that somebody sent (``part.PartSource``)."""

    name: str
    data: bytes
    sizes: Sequence[int] = (100_000,)

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> Iterator[bytes]:
        return chunked(self.data, self.sizes)

    def read_at(self, offset: int, length: int) -> bytes:
        assert 0 <= offset <= offset + length <= len(self.data)
        return self.data[offset : offset + length]


def members_of(
    data: bytes, packing: str, limits: Limits = LIMITS, sizes: Sequence[int] = (100_000,)
) -> Iterator[Member]:
    if packing == "zip":
        return ZipReader(len(data), Bytes("", data).read_at, limits).members()
    return tar_members(chunked(data, sizes), packing, limits)


def contents(data: bytes, packing: str, limits: Limits = LIMITS, sizes: Sequence[int] = (100_000,)) -> dict[str, bytes]:
    """The files of an archive by path."""
    found = {}
    for member in members_of(data, packing, limits, sizes):
        content = b"".join(member.chunks)
        assert len(content) == member.size
        if member.kind is MemberKind.FILE:
            found[member.path] = content
    return found


def outcome(data: bytes, packing: str, sizes: Sequence[int] = (100_000,)) -> str:
    """What becomes of an archive: ``good``, or the code for which it is refused."""
    try:
        contents(data, packing, sizes=sizes)
    except BadArchive as error:
        return error.code
    return "good"


def a_tar(*infos: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive made by the standard library."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for info, content in infos:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    made.linkname = target
    return made


def a_zip(
    *files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED, streamed: bool = False
) -> bytes:
    """A zip archive made by the standard library; ``streamed`` is with data descriptors, as a Cozy writes."""
    file = _Pipe() if streamed else io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content, method)
    return file.getvalue()


class _Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError
