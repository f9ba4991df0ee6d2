"""What stands around a content that the store copies to where it belongs, so that its bytes do not pass through us."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CopiedEntry:
    """The frame of an entry whose content is copied.

    ``header`` gives the ``header_length`` bytes in front. It is called once, with the content's CRC-32, or with None if
    that is not known; then ``needs_crc32`` must be False. ``trailer`` stands behind the content.
    """

    header_length: int
    header: Callable[[int | None], bytes]
    trailer: bytes
    needs_crc32: bool
