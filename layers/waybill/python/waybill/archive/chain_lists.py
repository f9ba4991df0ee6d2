"""What an archive of a chain has besides records and files, so that a chain can be put together again.

All of it is under ``data/chain/<doctype>``, lists of one JSON object a line (docs/incremental.md):

- ``keys-<n>.ndjson`` has a line for every record of ``data/<doctype>/<n>.ndjson``, in the same order, that says by
  which key it is known.
- ``deleted-<n>.ndjson`` names the records that are there no more.
- ``files-<n>.ndjson`` says of every file whose record or content is in the archive where it belongs, and which path its
  content has here.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence

from waybill.archive.chain_names import FILES, LISTS
from waybill.archive.container import Container
from waybill.archive.layout import PackedRecords
from waybill.domain.plan import Directory, FileReference

MOST_LINES = 10_000


def list_path(doctype: str, kind: str, name: str) -> str:
    """Return where a list lies in a bag."""
    return f"{LISTS}/{doctype}/{kind}-{name}.ndjson"


def key_line(key: str, *, directory: Directory | None, is_file: bool) -> bytes:
    """Return the line of a record in a list of keys: also whether it is a directory, and which, or that of a file."""
    line: dict[str, object] = {"key": key}
    if directory is not None:
        line["directory"] = directory.path
    if is_file:
        line["file"] = True
    return _line(line)


def deleted_line(key: str) -> bytes:
    """Return the line of a record that is there no more."""
    return _line({"key": key})


def file_line(file: FileReference, path: str | None) -> bytes:
    """Return the line of a file: its name, the directory that it is in, and the path of its content in the archive."""
    line: dict[str, object] = {"key": file.id, "name": file.name, "in": file.directory}
    if path is not None:
        line["path"] = path
    return _line(line)


def packed_list(container: Container, path: str, lines: Sequence[bytes]) -> PackedRecords:
    """Return a list as an entry of an archive."""
    content = b"".join(lines)
    packed = b"".join(container.pack([content]))
    return PackedRecords(path, len(content), hashlib.sha256(content).hexdigest(), packed)


def file_lists(
    container: Container, files: Iterable[tuple[str, bytes]], *, target: int
) -> Iterator[tuple[str, PackedRecords]]:
    """Yield lists of files of about ``target`` bytes, by doctype; ``files`` are doctype and line, doctypes together."""
    doctype, number, lines, size = "", 0, list[bytes](), 0

    def packed() -> tuple[str, PackedRecords]:
        return doctype, packed_list(container, list_path(doctype, FILES, f"{number:06}"), lines)

    for name, line in files:
        if lines and (name != doctype or size >= target or len(lines) >= MOST_LINES):
            yield packed()
            lines, size = [], 0
        if not lines:
            doctype, number = name, (number if name == doctype else 0) + 1
        lines.append(line)
        size += len(line)
    if lines:
        yield packed()


def _line(value: dict[str, object]) -> bytes:
    """Return a line of ASCII, so that even half a surrogate pair, which UTF-8 has no bytes for, comes through."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
