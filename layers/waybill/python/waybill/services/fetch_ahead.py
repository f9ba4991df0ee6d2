"""Fetch small files ahead of their turn, so that packing does not wait for one request after the other."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import FileEntry, FileReference

SMALL = 2 * MEBIBYTE
"""Files up to this size are fetched ahead and whole; larger ones are streamed when their turn comes."""

MOST_IN_FLIGHT = 32
"""Requests at once. With S3's 50 ms a request this is some 600 files a second (reference performance.md, section 3)."""

MOST_BYTES_AHEAD = 8 * MEBIBYTE
"""Bytes fetched and not yet packed. It bounds the memory, whatever the number of files."""


class FetchAhead:
    """Opens the files of a part in their order, the small ones fetched by then.

    ``fetch`` gives a file's content from some byte on, in chunks; what it raises is raised when that file is opened or
    read. A context manager: leaving it drops what was fetched in vain.
    """

    def __init__(self, files: Sequence[FileEntry], fetch: Callable[[FileEntry, int], Iterator[bytes]]) -> None:
        # By identity: the same object may be in a part twice, as a file of two doctypes.
        self._files = {id(entry.reference): entry for entry in files}
        self._fetch = fetch
        self._waiting = deque(entry for entry in files if entry.reference.size <= SMALL)
        self._ahead: dict[int, Future[bytes]] = {}
        self._bytes_ahead = 0
        self._threads = ThreadPoolExecutor(MOST_IN_FLIGHT, thread_name_prefix="fetch")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def open(self, reference: FileReference, start: int = 0) -> Iterator[bytes]:
        """Yield the content of a file from ``start`` on. Files are opened in the given order; some may be left out."""
        if reference.size > SMALL:
            yield from self._fetch(self._files[id(reference)], start)
            return
        self._skip_to(reference)
        self._fill()
        content = self._ahead.pop(id(reference)).result()
        self._bytes_ahead -= reference.size
        self._fill()
        yield content[start:]

    def _skip_to(self, reference: FileReference) -> None:
        """Drop files that were left out, so that they do not fill the window for ever."""
        for key in list(self._ahead):
            if key == id(reference):
                return
            self._ahead.pop(key).cancel()
            self._bytes_ahead -= self._files[key].reference.size
        while self._waiting and self._waiting[0].reference is not reference:
            self._waiting.popleft()

    def _fill(self) -> None:
        while self._waiting and self._has_room(self._waiting[0].reference.size):
            entry = self._waiting.popleft()
            self._ahead[id(entry.reference)] = self._threads.submit(self._whole, entry)
            self._bytes_ahead += entry.reference.size

    def _has_room(self, size: int) -> bool:
        if not self._ahead:
            return True
        return len(self._ahead) < MOST_IN_FLIGHT and self._bytes_ahead + size <= MOST_BYTES_AHEAD

    def _whole(self, entry: FileEntry) -> bytes:
        return b"".join(self._fetch(entry, 0))
