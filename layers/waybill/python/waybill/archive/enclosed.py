"""What an archive brings along to be checked with, on any machine and without us: the program ``verify.py``."""

import functools
import importlib.resources
from collections.abc import Mapping

from waybill.domain.options import MEBIBYTE

VERIFY = "verify.py"

LEAST_PARTS_SIZE = MEBIBYTE
"""Bytes. In smaller parts the program, some 6 KB packed, would take room from the data."""


def enclosed(parts_size: int) -> Mapping[str, bytes]:
    """Return the tag files, by path, that every part of an export brings along.

    Every part, because every part can be opened and checked alone; none at all if parts are smaller than
    LEAST_PARTS_SIZE. So it depends on the export's options only, and planning and packing agree.
    """
    return {VERIFY: _program()} if parts_size >= LEAST_PARTS_SIZE else {}


@functools.cache
def _program() -> bytes:
    return (importlib.resources.files(__package__) / VERIFY).read_bytes()
