"""Contents of files on their way from an input into the bucket, each an object of its own."""

import base64
import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from waybill.archive.spool import Spool
from waybill.domain import import_keys
from waybill.domain.errors import UploadMissing
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Piece
from waybill.intake.content_book import BookedContent
from waybill.ports import Budget, Download, ObjectStore

SMALL = MEBIBYTE
"""Contents up to this size are stored several at once: a bucket takes tens of milliseconds for each."""

MOST_IN_FLIGHT = 8

PIECE = 16 * MEBIBYTE
"""Bytes of a larger content that are sent in one piece."""

_MOST_PIECES = 10_000
_DOWNLOAD = Download("content", "application/octet-stream")


class OutOfTime(Exception):
    """The budget was spent within a content. Nothing of it was stored."""


class ContentFiles:
    """Stores contents under the numbers that it gives them, from ``number`` on. A context manager.

    Memory: MOST_IN_FLIGHT small contents, or a piece's buffer; what is larger is on the disk.
    """

    def __init__(self, archives: ObjectStore, import_id: str, number: int, budget: Budget) -> None:
        self.number = number
        self._archives = archives
        self._import_id = import_id
        self._budget = budget
        self._threads = ThreadPoolExecutor(MOST_IN_FLIGHT, thread_name_prefix="content")
        self._sent: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=kind is not None)

    def store(self, name: str, size: int, chunks: Iterator[bytes]) -> BookedContent:
        """Store a content and return what there is to know of it. It is surely there only once ``settle`` returned.

        Raises what drawing the chunks raises, and OutOfTime; then it has no number.
        """
        key = import_keys.content(self._import_id, self.number)
        digests = _Digests()
        if size <= SMALL:
            content = b"".join(digests.over(chunks))
            while len(self._sent) >= MOST_IN_FLIGHT:
                self._sent.popleft().result()
            self._sent.append(self._threads.submit(self._archives.put, key, content))
        else:
            self._large(key, size, digests.over(chunks))
        booked = BookedContent(self.number, size, digests.sha256, digests.md5, name)
        self.number += 1
        return booked

    def settle(self) -> None:
        """Wait until all contents are stored. Raises StorageUnavailable if one could not be."""
        while self._sent:
            self._sent.popleft().result()

    def go_back(self, number: int) -> None:
        """Remove the contents with this number and those behind it."""
        self.settle()
        for each in range(number, self.number):
            self._archives.delete_prefix(import_keys.content(self._import_id, each))
        self.number = number

    def _check_time(self) -> None:
        if self._budget.spent():
            raise OutOfTime

    def _large(self, key: str, size: int, chunks: Iterator[bytes]) -> None:
        most = max(PIECE, -(-size // _MOST_PIECES))
        upload = self._archives.start_upload(key, download=_DOWNLOAD)
        pieces: list[Piece] = []
        spool = Spool()
        try:
            for chunk in chunks:
                self._check_time()
                spool.write(chunk)
                if len(spool) >= most:
                    pieces.append(self._archives.put_piece(key, upload, len(pieces) + 1, spool))
                    spool.close()
                    spool = Spool()
            if len(spool) or not pieces:
                pieces.append(self._archives.put_piece(key, upload, len(pieces) + 1, spool))
            self._archives.finish_upload(key, upload, pieces, crc32=None)
        except UploadMissing:
            raise OutOfTime from None  # another call of the same step was here; the next one begins anew
        except BaseException:
            self._archives.abort_uploads(key)
            raise
        finally:
            spool.close()


class _Digests:
    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        return base64.b64encode(self._md5.digest()).decode()

    def over(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._sha256.update(chunk)
            self._md5.update(chunk)
            yield chunk
