"""The container of formats that are no archives: a part is what is written to it, one content behind the other.

Such a part is one file without a path in it. Everything that stands around a content elsewhere is nothing here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from waybill.archive.streams import exactly


@dataclass(frozen=True, slots=True)
class Bare:
    """The container as planning and packing see it (``container.Container``)."""

    extension: str
    media_type: str

    def writer(self, state: bytes | None = None) -> "BareWriter":  # noqa: ARG002
        """Return a writer for one part; where another one stood makes no difference to it."""
        return BareWriter()

    def pack(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a content as it is."""
        yield from content

    def entry_bound(self, path: str, size: int, *, compressible: bool) -> int:  # noqa: ARG002
        """Return the size of a content."""
        return size

    def text_bound(self, path: str, text: bytes) -> int:  # noqa: ARG002
        """Return the size of a content."""
        return len(text)

    def packed_bound(self, path: str, size: int, length: int) -> int:  # noqa: ARG002
        """Return the size of a content."""
        return length

    def directory_bound(self, path: str) -> int:  # noqa: ARG002
        """Return nothing: there are no directories."""
        return 0

    def end_bound(self) -> int:
        """Return nothing: the last content is the end."""
        return 0


class BareWriter:
    """Writes one part (``container.EntryWriter``)."""

    def entry(
        self,
        path: str,
        size: int,
        mtime: int,  # noqa: ARG002
        content: Iterable[bytes],
        *,
        executable: bool = False,  # noqa: ARG002
        compressible: bool = True,  # noqa: ARG002
    ) -> Iterator[bytes]:
        """Yield a content as it is. Raises ContentSizeChanged."""
        yield from exactly(content, size, path)

    def packed_entry(self, path: str, size: int, mtime: int, packed: Iterable[bytes]) -> Iterator[bytes]:  # noqa: ARG002
        """Yield a content as it is. Raises ContentSizeChanged."""
        yield from exactly(packed, size, path)

    def directory(self, path: str, mtime: int) -> Iterator[bytes]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()

    def end(self) -> Iterator[bytes]:
        """Yield nothing."""
        yield from ()

    def state(self) -> bytes:
        """Return nothing: no writer needs to know what was written before."""
        return b""

    def rest_of_entry(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rest of a content."""
        yield from content
