"""What goes into the exports: contents that archives, and those who read them, are known to stumble over."""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tests.fakes import etag_of
from tests.readers.stores import ZerosBeside
from tests.unit.services.exports import TENANT

from waybill.domain.ledger import Gap, Outcome
from waybill.domain.options import DEFAULT_PARTS_SIZE, GIBIBYTE, MEBIBYTE
from waybill.domain.plan import Directory, FileReference, StoredDigests
from waybill.ports import SourceItem

MANY = 65_537
"""Two more than 16 bits can say in a zip, where all ones mean: look elsewhere (APPNOTE.TXT, section 4.4.1.4)."""

LARGE = 5 * GIBIBYTE + 1
"""Bytes. More than 32 bits can say, and more than S3 copies in one go."""

LARGE_SHA256 = "edcddf01fc829bf06be2b5393a9793cdd43598a0fd483c57f41a9b58183f6e33"
"""Of LARGE zeros: ``head -c 5368709121 /dev/zero | sha256sum``."""

LARGER = 8 * GIBIBYTE + 1
"""Bytes. More than the size field of a ustar header can say, so that it stands in a pax record."""

LARGER_SHA256 = "b47800cd5a0c0bd2a7d6c2ac9402cc117bbe89363299bdc51f8a72aef8543693"
"""Of LARGER zeros: ``head -c 8589934593 /dev/zero | sha256sum``."""

_SINCE = 1_700_000_000


@dataclass(frozen=True)
class File:
    """A file of the product. ``path`` is what its path under ``data/files`` must be, None if it is to be shortened.

    With ``zeros`` the content is so many zeros instead of ``content``. ``sha256`` is what the bucket knows of it; then
    the store can copy it into a part by itself.
    """

    name: str
    content: bytes = b""
    folder: str = "/"
    path: str | None = ""
    mime: str = ""
    zeros: int = 0
    sha256: str | None = None

    @property
    def size(self) -> int:
        """The content's size in bytes."""
        return self.zeros or len(self.content)

    @property
    def wanted_path(self) -> str | None:
        """Where it must be in a part."""
        plain = f"{self.folder}/{self.name}".strip("/")
        return None if self.path is None else f"data/files/{self.path or plain}"


@dataclass(frozen=True)
class Contents:
    """What an export is made of, and its options.

    ``indexed`` says that the files' index records can be read. ``parts`` is how many parts it makes in any format, None
    if that depends on the format.
    """

    name: str
    files: Sequence[File] = ()
    contacts: int = 0
    parts_size: int = DEFAULT_PARTS_SIZE
    indexed: bool = True
    without_files: bool = False
    parts: int | None = 1

    @cached_property
    def contact_items(self) -> list[SourceItem]:
        """The records of the doctype ``contacts``."""
        lines = [json.dumps({"_id": f"{n:06}", "name": f"Zoë {n}"}).encode() for n in range(self.contacts)]
        return [SourceItem(f"{n:06}", line=line, updated_at=_SINCE + n) for n, line in enumerate(lines)]

    @cached_property
    def picture_items(self) -> list[SourceItem]:
        """The index of the files: the records of the doctype ``pictures``."""
        folders = sorted({file.folder for file in self.files})
        items = [_folder_item(folder, is_record=self.indexed) for folder in folders]
        for number, file in enumerate(self.files):
            items.append(_file_item(number, file, is_record=self.indexed))
        return items

    @property
    def wanted_files(self) -> Sequence[File]:
        """The files that must come out."""
        return () if self.without_files else self.files

    def bucket(self) -> ZerosBeside:
        """The bucket that the files lie in."""
        small = {_key(number): file.content for number, file in enumerate(self.files) if not file.zeros}
        bucket = ZerosBeside(small, {_key(number): file.zeros for number, file in enumerate(self.files) if file.zeros})
        bucket.digests.update((_key(number), StoredDigests(file.sha256)) for number, file in enumerate(self.files))
        return bucket

    def records(self, doctype: str) -> bytes:
        """All records of a doctype, as they must come out."""
        if doctype == "pictures" and self.without_files:
            return b""
        items = {"contacts": self.contact_items, "pictures": self.picture_items}[doctype]
        return b"".join(item.line + b"\n" for item in items if item.line is not None)

    def __str__(self) -> str:
        return self.name


def _key(number: int) -> str:
    return f"{TENANT}/{number:06}"


def _folder_item(folder: str, *, is_record: bool) -> SourceItem:
    directory = Directory(folder, folder)
    key = f"0{folder}"
    if not is_record:
        return SourceItem(key, gap=_gap(key), directory=directory)
    line = json.dumps({"_id": key, "type": "directory"}).encode()
    return SourceItem(key, line=line, directory=directory, updated_at=_SINCE)


def _file_item(number: int, file: File, *, is_record: bool) -> SourceItem:
    key = f"1{number:06}"
    etag = ZerosBeside.ETAG if file.zeros else etag_of(file.content)
    reference = FileReference(key, file.name, file.folder, _key(number), file.size, etag, file.mime, _SINCE + number)
    if not is_record:
        return SourceItem(key, gap=_gap(key), file=reference)
    line = json.dumps({"_id": key, "type": "file"}).encode()
    return SourceItem(key, line=line, file=reference, updated_at=_SINCE)


def _gap(key: str) -> Gap:
    return Gap("pictures", "record", key, Outcome.FAILED, "invalid_json", "It is not JSON.")


def _noise(size: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(size)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _text(size: int) -> bytes:
    line = b"All work and no play makes a dull archive. "
    return (line * (size // len(line) + 1))[:size]


_AROUND = (5 * MEBIBYTE - 1, 5 * MEBIBYTE, 5 * MEBIBYTE + 1)

SIZES = Contents(
    "an empty file and files around 5 MiB",
    [
        File("empty"),
        *[File(f"text-{size}.txt", _text(size)) for size in _AROUND],
        *[File(f"film-{size}.mp4", _noise(size), mime="video/mp4") for size in _AROUND],
        File("empty too.txt", folder="/below"),
    ],
    contacts=3,
)
"""5 MiB is what S3 wants in every piece of an upload but the last."""

_LONGEST = "n" * 251 + ".txt"

LONG_NAMES = Contents(
    "long names",
    [
        File(_LONGEST, b"255 bytes, which file systems take"),
        File("a" * 296 + ".txt", b"300 bytes of ASCII", path=None),
        File("é" * 148 + ".txt", b"300 bytes of UTF-8", path=None),
        File("😀" * 75, b"300 bytes without an extension", path=None),
        File("a" * 296 + ".TXT", b"another one of 300 bytes", path=None),
        File("deep.txt", b"far down", folder="/" + "/".join(letter * 200 for letter in "abcd")),
        File("deeper.txt", b"too far down", folder="/" + "/".join(letter * 200 for letter in "efghijk"), path=None),
        File(_LONGEST, b"255 bytes below another 255", folder="/" + "o" * 255),
    ],
    contacts=1,
)
"""Linux takes 255 bytes for a name; ustar's fields take 100 and 155, so that all of these need pax records."""

UNICODE = Contents(
    "unicode names",
    [
        File("Ångström.txt", b"composed, NFC"),
        File("Ångström.txt", b"decomposed, NFD", path="Ångström (2).txt"),
        File("A\u030angstro\u0308m alone.txt", b"NFD that nothing stands against"),
        File("👩‍👩‍👧‍👦 🇫🇷 \U0001f600.txt", b"emoji, joined and beyond 16 bits"),
        File("שלום עולם.txt", b"Hebrew", folder="/مجلد"),
        File("\u202egnp.txt", b"turned around"),
        File("\u200fמימין\u200e.txt", b"marks of direction"),
        File("日本語 ﾃｷｽﾄ.txt", b"wide and narrow", folder="/ファイル/ภาษาไทย"),
        File("ﬁ Ω Ω \u00a0 ß ı.txt", b"what normalization and case folding would change"),
        File("zero\u200bwidth\ufeff.txt", b"invisible"),
        File("-rf --help 'q' [1] #;&$(x)`.txt", b"what a shell would take for its own"),
        File("100 %.txt", b"percent", path="100 ％.txt"),
    ],
    contacts=1,
)
"""The second Ångström would be the same file as the first where composition makes no difference, as on macOS."""

LARGER_THAN_A_PART = Contents(
    "an entry larger than a part",
    [
        File("before.bin", _noise(300_000, 1)),
        File("large.bin", _noise(3 * MEBIBYTE, 2)),
        File("large.mp4", _noise(2 * MEBIBYTE, 3), mime="video/mp4"),
        File("behind.bin", _noise(300_000, 4)),
    ],
    contacts=200,
    parts_size=MEBIBYTE,
    parts=4,
)

_FILMS = [_noise(size, size) for size in (10 * MEBIBYTE, 11 * MEBIBYTE + 1, 12 * MEBIBYTE)]

COPIED = Contents(
    "files that the store copies",
    [
        File("1 small.txt", b"It comes first."),
        *[File(f"2 {len(film)}.mp4", film, mime="video/mp4", sha256=_sha256(film)) for film in _FILMS],
        File("3 text.txt", _text(10 * MEBIBYTE), sha256=_sha256(_text(10 * MEBIBYTE))),
        File("4 small.txt", b"It comes last."),
    ],
    contacts=2,
)
"""From 10 MiB on, in formats that take a content as it is. There is not enough else to stand between them."""

NO_FILES = Contents("no files", [File("left out.txt", b"not asked for")], contacts=500, without_files=True)

NO_RECORDS = Contents("no records", [File("alone.txt", b"its record cannot be read")], indexed=False)

NOTHING = Contents("neither records nor files")

ALL = (SIZES, LONG_NAMES, UNICODE, LARGER_THAN_A_PART, COPIED, NO_FILES, NO_RECORDS, NOTHING)
"""What every reader unpacks in every format."""

DOWNLOADED = Contents("forty mebibytes", [File("noise.bin", _noise(40 * MEBIBYTE))], contacts=1)
"""Three pieces of a metalink."""

MANY_FILES = Contents(
    f"{MANY} files",
    [File(f"{number}", b"%d\n" % number, folder=f"/{number % 9}") for number in range(MANY)],
    parts=3,
)

BEFORE = File("1 before.txt", b"It comes first.\n")
BEHIND = File("3 behind.txt", b"It comes last.\n")

LARGE_FILE = Contents(
    "a file of more than 5 GiB",
    [BEFORE, File("2 large.bin", zeros=LARGE, sha256=LARGE_SHA256), BEHIND],
    parts_size=10 * GIBIBYTE,
)

LARGE_FILM = Contents(
    "a film of more than 8 GiB",
    [BEFORE, File("2 large.mp4", zeros=LARGER, sha256=LARGER_SHA256, mime="video/mp4"), BEHIND],
    parts_size=10 * GIBIBYTE,
)
