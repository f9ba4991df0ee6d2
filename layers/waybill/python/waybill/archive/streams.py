"""Small tools for contents that arrive in chunks of any size."""

from collections.abc import Iterable, Iterator

from waybill.archive.errors import ContentSizeChanged

BLOCK = 1024 * 1024
"""Bytes. Contents are packed in blocks of this size, each by itself: enough for a compressor, little enough to hold."""


def blocks(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes in blocks of ``size`` and one shorter block at the end, so that cuts never depend on I/O."""
    buffer = bytearray()
    for chunk in chunks:
        if not buffer and len(chunk) == size:
            yield chunk
            continue
        buffer += chunk
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)


def exactly(chunks: Iterable[bytes], size: int, path: str) -> Iterator[bytes]:
    """Yield ``chunks``, which are the content of ``path`` and must add up to ``size`` bytes.

    Raises ContentSizeChanged: on too many bytes before any of the surplus is given, on too few at the end.
    """
    left = size
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise ContentSizeChanged(path)
        yield chunk
    if left:
        raise ContentSizeChanged(path)


class Stream:
    """Chunks from which runs of known length are taken, one after the other."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._position = 0

    def take(self, size: int) -> Iterator[bytes]:
        """Yield the next ``size`` bytes, or as many as are left."""
        while size:
            if self._position == len(self._chunk):
                chunk = next(self._chunks, None)
                if chunk is None:
                    return
                self._chunk, self._position = chunk, 0
            start, self._position = self._position, min(self._position + size, len(self._chunk))
            size -= self._position - start
            yield self._chunk[start : self._position]

    def rest(self) -> Iterator[bytes]:
        """Yield what is left."""
        if self._position < len(self._chunk):
            yield self._chunk[self._position :]
            self._position = len(self._chunk)
        yield from self._chunks
