"""What the caller of an export may choose (seed 002, "Exports options fields")."""

from dataclasses import dataclass

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
GIBIBYTE = 1024 * MEBIBYTE

MIN_PARTS_SIZE = 10_240
"""Bytes. The value of seed 002's sample request."""

DEFAULT_PARTS_SIZE = GIBIBYTE
"""Bytes. Few parts, each still downloadable in one sitting."""

MAX_PARTS_SIZE = 5 * 1024 * GIBIBYTE
"""Bytes. What S3 stored in one object for most of its time, and what stores like it store today."""

SECOND_NS = 1_000_000_000
MAX_MAX_AGE = 7 * 24 * 3600 * SECOND_NS
"""Nanoseconds: seven days, the default as well as the most (reference cozy-move, section 1)."""

FORMATS = ("tar.gz", "tar", "tar.zst", "zip")
COZY = "cozy"
LAYOUTS = ("bag", COZY)
FORMATS_OF = {"bag": FORMATS, COZY: ("zip",)}
"""The formats that a layout comes in, its default first. Cozy imports zip alone (reference cozy-move, section 4)."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of one export, already checked.

    ``parts_size`` is in bytes, ``max_age`` in nanoseconds. An empty ``with_doctypes`` means all doctypes of the
    catalog. ``without_files`` leaves out the files index and with it every file. ``format`` is one of those that
    FORMATS_OF has for ``layout``.
    """

    parts_size: int = DEFAULT_PARTS_SIZE
    max_age: int = MAX_MAX_AGE
    with_doctypes: tuple[str, ...] = ()
    without_files: bool = False
    format: str = FORMATS[0]
    layout: str = LAYOUTS[0]
