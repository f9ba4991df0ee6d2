"""The layout ``bag``: every part is a complete bag (BagIt 1.0, RFC 8493) that can be opened and checked alone."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from waybill.archive.container import Container
from waybill.archive.media_types import compressible
from waybill.domain.plan import Entry, FileEntry

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PAYLOAD = "data"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"

MOST_GROUP_BYTES = 128

_MOST_PARTS = 99_999_999
_MOST_OCTETS = 10**18
_DIGEST = "0" * 64


def base_name(number: int, parts: int) -> str:
    """Return the name of part ``number`` of ``parts``: the one directory that it unpacks to (RFC 8493, section 4)."""
    return f"waybill-part-{number:05}-of-{parts:05}"


def schema_path(doctype: str) -> str:
    """Return where in a bag the JSON Schema of a doctype's records lies."""
    return f"schemas/{doctype}.json"


@dataclass
class Bag:
    """What a part's tag files tell about it: filled while the part is written, payload first, then the schemas.

    ``group`` is at most MOST_GROUP_BYTES of ASCII. Paths are relative to the bag and safe (``paths.safe_path``), so
    manifests need no percent-encoding (RFC 8493, section 2.1.3). No date is in it: the same data gives the same bag.
    """

    number: int
    parts: int
    group: str
    entries: int = 0
    payload_size: int = 0
    _payload: list[bytes] = field(default_factory=list, init=False)
    _tags: list[bytes] = field(default_factory=list, init=False)

    @property
    def base(self) -> str:
        """The bag's base directory, with a slash at its end."""
        return f"{base_name(self.number, self.parts)}/"

    def add_payload(self, path: str, size: int, sha256: str) -> None:
        """List an entry of the payload (``data/…``)."""
        self._payload.append(manifest_line(path, sha256))
        self.entries += 1
        self.payload_size += size

    def listed(self) -> list[bytes]:
        """Return the lines of the manifest so far."""
        return self._payload

    def restore(self, listed: Iterable[bytes], payload_size: int) -> None:
        """Take up what ``listed`` gave of a bag whose payload had ``payload_size`` bytes."""
        self._payload[:] = listed
        self.entries = len(self._payload)
        self.payload_size = payload_size

    def add_tag(self, path: str, content: bytes) -> None:
        """List a tag file that is written before the others, as schemas are."""
        self._tags.append(manifest_line(path, hashlib.sha256(content).hexdigest()))

    def tag_files(self) -> list[tuple[str, bytes]]:
        """Return the other tag files with their contents, in the order in which they go into the archive."""
        files = [("bagit.txt", BAGIT), ("bag-info.txt", self._info()), (MANIFEST, b"".join(self._payload))]
        listed = [manifest_line(path, hashlib.sha256(content).hexdigest()) for path, content in files]
        return [*files, (TAG_MANIFEST, b"".join([*self._tags, *listed]))]

    def _info(self) -> bytes:
        return "".join(
            f"{label}: {value}\n"
            for label, value in (
                ("Bag-Software-Agent", "Waybill"),
                ("External-Description", self._description()),
                ("Bag-Group-Identifier", self.group),
                ("Bag-Count", f"{self.number} of {self.parts}"),
                ("Payload-Oxum", f"{self.payload_size}.{self.entries}"),
            )
        ).encode("ascii")

    def _description(self) -> str:
        which = f"Part {self.number} of {self.parts} of a data export" if self.parts > 1 else "A data export"
        return f"{which}: records by kind in data, one JSON object a line, and files in data/files."


def manifest_line(path: str, sha256: str) -> bytes:
    """Return a manifest's line for one file (RFC 8493, section 2.1.3)."""
    return f"{sha256}  {path}\n".encode()


class BagBounds:
    """The most bytes that a part can have (``layout.PartBounds``), whatever the digests turn out to be."""

    def __init__(
        self, container: Container, schemas: Mapping[str, str], enclosed: Mapping[str, bytes] | None = None
    ) -> None:
        self._container = container
        self._schemas = schemas
        self._enclosed = enclosed or {}
        self._schema_bounds: dict[str, int] = {}

    def empty(self) -> int:
        """Return the bytes of a part without payload: its tag files and the end of the archive."""
        largest = Bag(_MOST_PARTS, _MOST_PARTS, "0" * MOST_GROUP_BYTES, _MOST_PARTS, _MOST_OCTETS)
        files = {path: content for path, content in largest.tag_files() if path != MANIFEST}
        texts = sum(self._container.text_bound(inside(path), content) for path, content in files.items())
        manifest = self._container.entry_bound(inside(MANIFEST), 1, compressible=False)
        tools = sum(self._packed(path, content) for path, content in self._enclosed.items())
        around = self._container.directory_bound(inside(PAYLOAD)) + self._container.end_bound()
        return texts + manifest + tools + around

    def record(self, entry: Entry, *, first: bool) -> int:
        """Return what a record entry adds to a part, its schema included if it brings it along."""
        packed = self._container.packed_bound(inside(entry.path), entry.size, entry.length)
        return packed + self.payload_line(entry.path) + (self.schema(entry.doctype) if first else 0)

    def file(self, file: FileEntry) -> int:
        """Return what a file adds to a part."""
        reference = file.reference
        shrinks = compressible(reference.mime, reference.name)
        entry = self._container.entry_bound(inside(file.path), reference.size, compressible=shrinks)
        return entry + self.payload_line(file.path)

    def payload_line(self, path: str) -> int:
        """Return what an entry of the payload adds to the manifest: a line, and its share in the manifest's blocks."""
        line = manifest_line(path, _DIGEST)
        return len(line) + (0 if line.isascii() else len(line) // 8 + 1) + 1

    def schema(self, doctype: str) -> int:
        """Return what a doctype's schema adds to a part: the file, packed, and its line in the tag manifest."""
        if doctype not in self._schema_bounds:
            self._schema_bounds[doctype] = self._packed(schema_path(doctype), self._schemas[doctype].encode())
        return self._schema_bounds[doctype]

    def _packed(self, path: str, content: bytes) -> int:
        length = sum(map(len, self._container.pack([content]))) * 9 // 8  # another processor may pack it otherwise
        return self._container.packed_bound(inside(path), len(content), length) + self.payload_line(path)


def inside(path: str) -> str:
    """Return ``path`` inside the longest base directory that a part can have, for bounds."""
    return f"{base_name(_MOST_PARTS, _MOST_PARTS)}/{path}"
