"""Which contents the store copies into a part by itself, and how files are arranged so that this costs little.

A part is put together of pieces. Each is either written by us or copied by the store, and none but the last may have
less than LEAST_PIECE bytes (S3, "Amazon S3 multipart upload limits"). So what is written between two copied contents
must reach that size. Small files, which have to be written anyway, fill it up; where they run out, the head of the
copied file does, which is why it must be LEAST_COPIED bytes long.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from waybill.archive.container import Container, CopyingWriter
from waybill.archive.media_types import compressible
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import FileEntry, FileReference

LEAST_PIECE = 5 * MEBIBYTE
LEAST_COPIED = 2 * LEAST_PIECE

_MOST_COPIED = 2_500
"""Files that are copied into one part. Each takes up to four of the 10,000 pieces that a part may have."""


def least_copied(bound: int) -> int:
    """Return how many bytes a file must have to be copied into a part of at most ``bound`` bytes.

    In a very large part only the largest are, so that it does not get too many pieces.
    """
    return max(LEAST_COPIED, -(-bound // _MOST_COPIED))


def may_be_copied(container: Container, reference: FileReference, bound: int) -> bool:
    """Whether a file is large enough to be copied, and goes into such an archive as it is."""
    if reference.size < least_copied(bound):
        return False
    writer = container.writer()
    shrinks = compressible(reference.mime, reference.name)
    return isinstance(writer, CopyingWriter) and writer.takes_copy(compressible=shrinks)


def arranged(files: Iterable[FileEntry], container: Container, *, written: int, bound: int) -> Sequence[FileEntry]:
    """Return files in an order in which every copied one has LEAST_PIECE written bytes before it, as long as there are.

    ``written`` bytes stand before the first file; the part has at most ``bound``. The order among copied files stays,
    and so does that among the others.
    """
    others: deque[FileEntry] = deque()
    copied: list[FileEntry] = []
    for file in files:
        (copied if may_be_copied(container, file.reference, bound) else others).append(file)
    order: list[FileEntry] = []
    for file in copied:
        while written < LEAST_PIECE and others:
            written += others[0].reference.size
            order.append(others.popleft())
        order.append(file)
        written = 0
    return (*order, *others)
