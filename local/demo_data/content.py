"""The content of files: the same at every run, cheap to make, and as compressible as the real thing."""

import random
from collections.abc import Callable

from local.demo_data.words import text

_PAGE = 16 * 1024


def picture(rng: random.Random, size: int) -> bytes:
    """Return bytes that look like a JPEG at both ends and do not compress in between."""
    if size < 4:
        return rng.randbytes(size)
    return b"\xff\xd8" + rng.randbytes(size - 4) + b"\xff\xd9"


def prose(rng: random.Random, size: int) -> bytes:
    """Return readable text of exactly ``size`` bytes."""
    page = text(rng, 120).encode()[:_PAGE] or b" "
    return (page * (size // len(page) + 1))[:size].decode(errors="ignore").encode().ljust(size)


MAKERS: dict[str, Callable[[random.Random, int], bytes]] = {"image": picture, "video": picture, "text": prose}


def make(kind: str, rng: random.Random, size: int) -> bytes:
    """Return the content of a file of class ``kind``: text for texts, noise for everything that is packed already."""
    return MAKERS.get(kind, picture)(rng, size)
