"""Check a Waybill export.

Run: python3 verify.py PATH [PATH ...]

PATH is a part (….tar.gz, .tar, .zip, .tar.zst, .json, .csv), an unpacked part, or a folder of either. Needs Python 3.9
or newer and nothing else; for .tar.zst Python 3.14, with --signature also the openssl command. Reads only: nothing is
unpacked, written or sent. What an archive says of itself is compared with what is in it (BagIt, RFC 8493); paths in it
are compared as text and never opened. A part for Cozy says which part of which export it is, and its checksums cover
all that is in it; a .json or .csv file says nothing of itself, so give --manifest with it.

Ends with 0 if all is well, with 1 if something is wrong, with 2 if it could not be checked.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import importlib
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

CHUNK = 1024 * 1024
BLOCK = 512
MOST_TEXT = 64 * CHUNK  # bytes of a tag file; a part of Waybill's has 25,000 entries at most
MOST_FILES = 1_000_000
MOST_SHOWN = 20  # faults of one part that are printed
NAME = re.compile(r"waybill-part-(\d+)-of-(\d+)")
ARCHIVE = re.compile(r".*\.(tar\.gz|tgz|tar|tar\.zst|zip)$", re.IGNORECASE)
RECORDS = re.compile(r".*_exported_.*\.(json|csv)$", re.IGNORECASE)
LISTS = ("manifest-sha256.txt", "tagmanifest-sha256.txt")
COMMENT = re.compile(r"Waybill export (\S+), part (\d{1,9}) of (\d{1,9})")  # of a zip in the layout cozy
DAMAGES = (OSError, zlib.error, ValueError, LookupError, RuntimeError, tarfile.TarError, zipfile.BadZipFile)
COZY_DATA, COZY_FILES = "My Cozy/Data/", "My Cozy/Files/"


class Broken(Exception):
    """A part that cannot be read to its end; the text says why."""


class Unusable(Exception):
    """Something that was asked for cannot be checked at all."""


class Bag:
    """What was found in one part: ``files`` maps path to (size, SHA-256), ``texts`` holds the tag files."""

    def __init__(self, name: str) -> None:
        """Start with nothing found."""
        self.name = name
        self.base = os.path.basename(name)
        self.files: dict[str, tuple[int, str]] = {}
        self.texts: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.archive: Hashed | None = None  # the part as downloaded
        self.comment: re.Match[str] | None = None  # what a part for Cozy says of itself
        self.lists_itself = True

    def take(self, path: str, chunks: Iterator[bytes]) -> None:
        """Take in one file."""
        path = unicodedata.normalize("NFC", path)
        digest, size, kept = hashlib.sha256(), 0, bytearray()
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            if "/" not in path and size <= MOST_TEXT:
                kept += chunk
        if path in self.files:
            self.faults.append(f"extra: {path} is in it twice")
        if len(self.files) >= MOST_FILES:
            raise Broken("changed: it has more files than any part can have")
        self.files[path] = (size, digest.hexdigest())
        if path in (*LISTS, "bag-info.txt"):
            self.texts[path] = bytes(kept)

    def info(self, label: str) -> str:
        """Return a value of bag-info.txt, or nothing."""
        text = self.texts.get("bag-info.txt", b"").decode("utf-8", "replace")
        found = re.search(rf"^{re.escape(label)}: *(.*)$", text, re.MULTILINE)
        return found[1].strip() if found else ""

    @property
    def group(self) -> str:
        """The name that all parts of one export share."""
        return self.comment[1] if self.comment else self.info("Bag-Group-Identifier")

    @property
    def identity(self) -> str:
        """What two copies of the same part have in common, packed or unpacked."""
        if self.lists_itself or not self.archive:
            return self.files.get(LISTS[0], (0, ""))[1]
        return self.archive.digest.hexdigest()

    @property
    def place(self) -> tuple[int, int] | None:
        """Which part of how many this is, as it says itself or, if it is broken, by its name."""
        if self.comment:
            return int(self.comment[2]), int(self.comment[3])
        found = re.fullmatch(r"(\d{1,9}) of (\d{1,9})", self.info("Bag-Count")) or NAME.match(self.base)
        return (int(found[1]), int(found[2])) if found else None


def bag_of_archive(path: str) -> Bag:
    """Read a part from its first byte to its last, holding one chunk of it."""
    bag = Bag(path)
    with open(path, "rb") as file:
        start = file.read(4)
        file.seek(0)
        raw = Hashed(file)
        try:
            read_archive(start, raw, path, bag)
        except EOFError:
            bag.faults.append("truncated: it ends before its end; download it again")
        except DAMAGES as error:
            bag.faults.append(f"changed: it is damaged and cannot be read to its end ({error})")
        except Broken as error:
            bag.faults.append(str(error))
        while raw.read(CHUNK):
            pass
    bag.archive = raw
    if not bag.lists_itself and not bag.comment and not raw.last.endswith((b"]\n", b"\r\n")):
        bag.faults.append("truncated: it ends before its end; download it again")
    return bag


class Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin at the file's start."""
        self._file = file
        self.digest = hashlib.sha256()
        self.crc32 = 0
        self.size = 0
        self.last = b""

    def is_part(self, part: dict[str, Any]) -> bool:
        """Whether size and digest are those in the manifest; of what S3 put together it names the CRC-32, if any."""
        if self.size != part["size"]:
            return False
        if part["sha256"] is not None:
            return bool(self.digest.hexdigest() == part["sha256"])
        return part.get("crc32") in (None, f"{self.crc32:08x}")

    def read(self, size: int = CHUNK) -> bytes:
        """Return the next bytes."""
        chunk = self._file.read(size)
        self.digest.update(chunk)
        self.crc32 = zlib.crc32(chunk, self.crc32)
        self.size += len(chunk)
        self.last = (self.last + chunk[-2:])[-2:]
        return chunk


def read_archive(start: bytes, raw: Hashed, path: str, bag: Bag) -> None:
    """Read a part by what its first bytes say that it is. Raises EOFError if it ends before its end."""
    if RECORDS.match(os.path.basename(path)):
        bag.lists_itself = False
    elif start[:2] == b"PK":
        read_zip(path, bag)
    elif start[:2] == b"\x1f\x8b":
        read_tar(gzip.GzipFile(fileobj=raw), bag)  # type: ignore[call-overload]
    elif start == b"\x28\xb5\x2f\xfd":
        read_tar(zstandard(raw), bag)
    else:
        read_tar(raw, bag)  # type: ignore[arg-type]


def zstandard(raw: Hashed) -> BinaryIO:
    """Return the content of a file that is packed with Zstandard, if this Python can read it (3.14 and newer can)."""
    if sys.version_info < (3, 14):
        raise Unusable("This Python cannot read .tar.zst. Unpack it (tar --zstd -xf FILE) and check the folder.")
    zstd = importlib.import_module("compression.zstd")
    return zstd.ZstdFile(raw)


def read_zip(path: str, bag: Bag) -> None:
    """Read the entries of a zip by its directory, which is at its end. Raises EOFError if there is none."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise EOFError from None
    with archive:
        bag.comment = COMMENT.fullmatch(archive.comment.decode("ascii", "replace"))
        if bag.comment:
            bag.lists_itself = False
            read_cozy(archive, bag)
            return
        for info in archive.infolist():
            base, _, inner = info.filename.partition("/")
            if base != bag.base and bag.files:
                raise Broken(f"changed: it would unpack {info.filename!r} outside its folder")
            bag.base = base
            if not info.is_dir():
                with archive.open(info) as content:
                    bag.take(inner, iter(lambda content=content: content.read(CHUNK), b""))  # type: ignore[misc]


def read_cozy(archive: zipfile.ZipFile, bag: Bag) -> None:
    """Read a part that a Cozy imports: a file stands directly behind its record, and its record says what it is."""
    before, record = "", b""
    for info in archive.infolist():
        if info.filename.startswith(COZY_FILES):
            md5 = hashlib.md5(usedforsecurity=False)
            with archive.open(info) as content:
                bag.take(info.filename, hashed_too(content, md5))
            if not before.startswith(COZY_DATA):
                bag.faults.append(f"changed: {info.filename} does not stand behind its record")
            elif not is_of(record, info.file_size, md5.digest()):
                bag.faults.append(f"changed: {info.filename} is not what its record says")
        else:
            check_file_followed(before, record, bag)
            if not info.filename.startswith(COZY_DATA) or info.file_size > MOST_TEXT:
                raise Broken(f"changed: it holds an entry that Waybill never writes ({info.filename!r})")
            record = archive.read(info)
            bag.take(info.filename, iter([record]))
        before = info.filename
    check_file_followed(before, record, bag)


def check_file_followed(before: str, record: bytes, bag: Bag) -> None:
    """Check that what no file stands behind is no record of a file, because Cozy takes whatever is there for it."""
    if before.startswith(f"{COZY_DATA}io.cozy.files/") and fields_of(record).get("type") != "directory":
        bag.faults.append(f"missing: the file of {before} is not in it")


def fields_of(record: bytes) -> dict[str, Any]:
    """Return the fields of a record, none if it is not an object."""
    fields = json.loads(record)
    return fields if isinstance(fields, dict) else {}


def is_of(record: bytes, size: int, md5: bytes) -> bool:
    """Whether a record is that of a file with this size and MD5."""
    fields = fields_of(record)
    return fields.get("size") == str(size) and fields.get("md5sum") in (None, base64.b64encode(md5).decode())


def hashed_too(content: Any, digest: Any) -> Iterator[bytes]:
    """Yield a content, and hash it on the way."""
    for chunk in iter(lambda: content.read(CHUNK), b""):
        digest.update(chunk)
        yield chunk


def read_tar(file: BinaryIO, bag: Bag) -> None:
    """Read the entries that Waybill writes: files, directories and pax records (POSIX.1-2001). Raises EOFError."""
    longer: dict[str, str] = {}
    while True:
        block = b"".join(exactly(file, BLOCK))
        if not any(block):
            break
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        size = int(longer.get("size", header.size))
        if size < 0:
            raise Broken("changed: it holds an entry of less than nothing")
        if header.type == tarfile.XHDTYPE and size <= CHUNK:
            longer = pax_records(b"".join(exactly(file, size)))
        elif header.type in (tarfile.REGTYPE, tarfile.DIRTYPE):
            base, _, path = longer.get("path", header.name).partition("/")
            if base != bag.base and bag.files:
                raise Broken(f"changed: it would unpack {longer.get('path', header.name)!r} outside its folder")
            bag.base = base
            if header.type == tarfile.REGTYPE:
                bag.take(path, exactly(file, size))
            longer = {}
        else:
            raise Broken(f"changed: it holds an entry that Waybill never writes ({header.name!r})")
        for _ in exactly(file, -size % BLOCK):
            pass
    if any(any(rest) for rest in iter(lambda: file.read(CHUNK), b"")):
        raise Broken("changed: there is something behind its end")


def exactly(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the next ``size`` bytes. Raises EOFError if there are fewer."""
    while size:
        chunk = file.read(min(size, CHUNK))
        if not chunk:
            raise EOFError
        size -= len(chunk)
        yield chunk


def pax_records(data: bytes) -> dict[str, str]:
    """Return the records ``length keyword=value`` of a pax header. Raises ValueError."""
    records = {}
    while data:
        length = int(data.split(b" ", 1)[0])
        record, data = data[:length], data[length:]
        keyword, _, value = record.split(b" ", 1)[1].rstrip(b"\n").partition(b"=")
        records[keyword.decode()] = value.decode()
    return records


def bag_of_folder(path: str) -> Bag:
    """Read an unpacked part. Links are not followed."""
    bag = Bag(path)
    for inner in files_in(path, bag):
        take_from_folder(path, inner, bag)
    return bag


def files_in(path: str, bag: Bag) -> Iterator[str]:
    """Yield the paths of the files in an unpacked part; what is no file is a fault."""
    bag.base = os.path.basename(os.path.abspath(path))
    for folder, directories, names in os.walk(path):
        for name in sorted(directories + names):
            full = os.path.join(folder, name)
            inner = os.path.relpath(full, path).replace(os.sep, "/")
            mode = os.lstat(full).st_mode
            if stat.S_ISREG(mode):
                yield inner
            elif not stat.S_ISDIR(mode):
                bag.faults.append(f"extra: {inner} is a link or a device, which no part has")


def take_from_folder(path: str, inner: str, bag: Bag) -> None:
    """Take in one file of an unpacked part."""
    with open(os.path.join(path, inner), "rb") as file:
        bag.take(inner, iter(lambda: file.read(CHUNK), b""))


def check_bag(bag: Bag) -> None:
    """Compare a part with the lists in it (RFC 8493, sections 2.1.3, 2.2.1 and 2.2.2)."""
    if not bag.lists_itself:
        return
    if bag.archive and bag.faults:
        return  # it cannot be read to its end; what lies behind that is not missing
    lists = [listed(bag, name) for name in LISTS]
    if None in lists or "bag-info.txt" not in bag.texts:
        bag.faults.append("truncated: its own lists of what it holds are missing")
        return
    expected = {path: digest for each in lists if each for path, digest in each.items()}
    for path, digest in expected.items():
        if path not in bag.files:
            bag.faults.append(f"missing: {path} is not in it")
        elif bag.files[path][1] != digest:
            bag.faults.append(f"changed: {path} is not what it was")
    for path in bag.files:
        if path not in expected and path != LISTS[1]:
            bag.faults.append(f"extra: {path} is in it, but in none of its lists")
    payload = [size for path, (size, _) in bag.files.items() if path.startswith("data/")]
    if bag.info("Payload-Oxum") != f"{sum(payload)}.{len(payload)}":
        bag.faults.append(f"changed: it has {len(payload)} files of {sum(payload)} bytes, but says otherwise")


def listed(bag: Bag, name: str) -> dict[str, str] | None:
    """Return the digests by path that a list in the bag names."""
    if name not in bag.texts:
        return None
    digests = {}
    for line in bag.texts[name].decode("utf-8", "replace").split("\n"):
        digest, _, path = line.partition("  ")
        if line:
            digests[unicodedata.normalize("NFC", path)] = digest.lower()
    return digests


def check_group(bags: list[Bag], group: str | None) -> list[str]:
    """Check that the parts are all of one export and that none is missing."""
    whole = [bag for bag in bags if bag.group]
    kinds = Counter((bag.group, bag.place[1] if bag.place else 0) for bag in whole)
    named = [kind for kind in kinds if group in (None, kind[0])]
    main = max(named, key=lambda kind: kinds[kind], default=None)
    numbers: dict[int, str] = {}
    faults = []
    for bag in bags:
        if bag.group and (bag.group, bag.place[1] if bag.place else 0) != main:
            bag.faults.append("foreign part: it belongs to another export")
        elif bag.place and numbers.setdefault(bag.place[0], bag.identity) != bag.identity:
            faults.append(f"there are two different parts {bag.place[0]}")
    count = main[1] if main else max((bag.place[1] for bag in bags if bag.place), default=0)
    missing = [str(number) for number in range(1, min(count, MOST_FILES) + 1) if number not in numbers]
    if missing:
        shown = ", ".join(missing[:MOST_SHOWN]) + (" …" if len(missing) > MOST_SHOWN else "")
        faults.append(f"missing part: of {count} parts, {shown} {'is' if len(missing) == 1 else 'are'} not here")
    return faults


def check_manifest(manifest: dict[str, Any], bags: list[Bag]) -> list[str]:
    """Compare the parts with the manifest, and the manifest's counts with each other."""
    parts = {part["number"]: part for part in manifest["parts"]}
    for bag in bags:
        part = parts.get(number_of(bag, parts))
        if part is None:
            bag.faults.append("foreign part: the manifest does not name it")
        elif bag.archive and not bag.archive.is_part(part):
            short = bag.archive.size < part["size"]
            bag.faults.append(
                f"{'truncated' if short else 'changed'}: it has {bag.archive.size} bytes and is not the part of "
                f"{part['size']} bytes that the manifest names"
            )
        elif bag.lists_itself and bag.files.get(LISTS[0], (0, ""))[1] != part["entry_list_sha256"]:
            bag.faults.append("changed: its list of files is not the one that the manifest names")
    have = {number_of(bag, parts) for bag in bags}
    faults = [f"missing part: the manifest names {part['name']}" for n, part in parts.items() if n not in have]
    counts = {**manifest["doctypes"], "files": manifest["files"]}
    for name, count in counts.items():
        unchanged = count.get("unchanged", 0)  # of an incremental export: what an earlier one has
        if count["expected"] != count["written"] + unchanged + count["skipped"] + count["failed"]:
            faults.append(f"changed: the manifest's counts of {name} do not add up")
    gaps = len(manifest["gaps"]) + sum(manifest["gaps_not_listed"].values())
    if gaps != sum(count["skipped"] + count["failed"] for count in counts.values()):
        faults.append("changed: the manifest does not name as many gaps as it counts")
    return faults


def number_of(bag: Bag, parts: dict[int, dict[str, Any]]) -> int:
    """Return the number of the part that this is, 0 if it is none. A part that says nothing of itself has its name."""
    if bag.place:
        return bag.place[0]
    names = {plain_name(part["name"]): number for number, part in parts.items()}
    return names.get(plain_name(bag.base), 0)


def plain_name(name: str) -> str:
    """Return a file name as browsers and file systems may have changed it: some know no colon."""
    return re.sub(r"[^\w.+-]", "_", name)


def check_signature(manifest: bytes, signature: str, key: str) -> list[str]:
    """Let openssl check the manifest's signature (ECDSA with SHA-256)."""
    command = ["openssl", "dgst", "-sha256", "-verify", os.path.abspath(key), "-signature", os.path.abspath(signature)]
    try:
        done = subprocess.run(command, input=manifest, capture_output=True, check=False)  # noqa: S603
    except OSError:
        raise Unusable("The signature cannot be checked: there is no openssl command here.") from None
    return [] if done.returncode == 0 else ["changed: the signature is not the manifest's, or the key is another"]


def found_in(path: str) -> list[Callable[[], Bag]]:
    """Return how to read what PATH is: one part, or those in a folder."""
    if not os.path.isdir(path):
        return [lambda: bag_of_archive(path)]
    inside = sorted(os.listdir(path))
    if NAME.match(os.path.basename(os.path.abspath(path))) or "bagit.txt" in inside:
        return [lambda: bag_of_folder(path)]
    readers: list[Callable[[], Bag]] = []
    for name in inside:
        full = os.path.join(path, name)
        if os.path.isdir(full) and (NAME.match(name) or os.path.exists(os.path.join(full, "bagit.txt"))):
            readers.append(lambda full=full: bag_of_folder(full))  # type: ignore[misc]
        elif os.path.isfile(full) and (ARCHIVE.match(name) or RECORDS.match(name)):
            readers.append(lambda full=full: bag_of_archive(full))  # type: ignore[misc]
    if not readers:
        raise Unusable(f"There is no part in {path}.")
    return readers


def say(line: str) -> None:
    """Print a line without what a terminal would take for a command."""
    print("".join(char if char.isprintable() else "?" for char in line))


def verify(options: argparse.Namespace) -> int:
    """Check everything that was asked for; return the exit code."""
    bags = []
    for read in [reader for path in options.path for reader in found_in(path)]:
        bags.append(read())
        check_bag(bags[-1])
    if not options.manifest and any(not bag.lists_itself and not bag.comment for bag in bags):
        raise Unusable("A .json or .csv file says nothing of itself: give --manifest with it.")
    group, faults = None, []
    if options.manifest:
        with open(options.manifest, "rb") as file:
            text = file.read()
        manifest = json.loads(text)
        group = manifest["group"]
        faults += check_manifest(manifest, bags)
        if options.signature:
            faults += check_signature(text, options.signature, options.key)
    faults += [fault for fault in check_group(bags, group) if not (options.manifest and fault.startswith("missing"))]
    for bag in bags:
        say(f"{'BAD ' if bag.faults else 'good'} {bag.name}")
        for fault in bag.faults[:MOST_SHOWN]:
            say(f"     {fault}")
        if len(bag.faults) > MOST_SHOWN:
            say(f"     and {len(bag.faults) - MOST_SHOWN} more")
    for fault in faults:
        say(f"BAD  {fault}")
    bad = len(faults) + sum(len(bag.faults) for bag in bags)
    if not bad and not options.signature:
        say("The signature was not checked: give --manifest, --signature and --key to know who made this export.")
    say(f"Something is wrong ({bad})." if bad else f"All is well: {len(bags)} part{'s' if len(bags) > 1 else ''}.")
    return 1 if bad else 0


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, check, and return the exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description=(__doc__ or "").split("\n\n", 1)[1])
    parser.add_argument("path", nargs="+", metavar="PATH", help="a part, an unpacked part, or a folder of either")
    parser.add_argument("--manifest", help="the export's manifest.json")
    parser.add_argument("--signature", help="the manifest's signature, manifest.json.sig")
    parser.add_argument("--key", help="the operator's public key, waybill.pem, from a place that you trust")
    options = parser.parse_args(arguments)
    if options.signature and not (options.manifest and options.key):
        parser.error("--signature needs --manifest and --key")
    try:
        return verify(options)
    except Unusable as error:
        say(str(error))
    except OSError as error:
        say(f"{error.filename or 'A file'} cannot be read: {error.strerror or error}.")
    except (ValueError, KeyError, TypeError, AttributeError):
        say(f"{options.manifest} is not a manifest of Waybill's.")
    return 2


if __name__ == "__main__":
    sys.exit(main())
