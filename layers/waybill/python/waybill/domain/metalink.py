"""The metalink: all parts of an export in one document that download managers understand (RFC 5854, Metalink 4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from waybill.domain.plan import Pieces

MEDIA_TYPE = "application/metalink4+xml"
"""RFC 5854, section 6.1."""

MOST_PIECES = 50_000
"""More than this fill one answer of Lambda (6 MB) by themselves; then the digests of whole parts have to do."""


@dataclass(frozen=True, slots=True)
class LinkedPart:
    """A part in the metalink. ``sha256`` and ``pieces`` are None if they are not known."""

    name: str
    size: int
    sha256: str | None
    url: str
    pieces: Pieces | None = None


def build_metalink(parts: Iterable[LinkedPart]) -> str:
    """Return the document: for every part its name, size, digests and URL (RFC 5854, section 4)."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<metalink xmlns="urn:ietf:params:xml:ns:metalink">',
        "<generator>Waybill</generator>",
    ]
    for part in parts:
        lines += [
            f'<file name="{escape(part.name)}">',
            f"<size>{part.size}</size>",
            *([f'<hash type="sha-256">{escape(part.sha256)}</hash>'] if part.sha256 else []),
            *_pieces(part.pieces),
            f"<url>{escape(part.url)}</url>",
            "</file>",
        ]
    return "\n".join([*lines, "</metalink>", ""])


def _pieces(pieces: Pieces | None) -> Sequence[str]:
    if pieces is None or not pieces.digests:
        return ()
    hashes = (f"<hash>{escape(digest)}</hash>" for digest in pieces.digests)
    return (f'<pieces length="{pieces.length}" type="sha-256">', *hashes, "</pieces>")
