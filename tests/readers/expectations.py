"""What must be found in the parts of an export, whoever opens them."""

import hashlib
import unicodedata
from collections import Counter
from pathlib import Path

from tests.readers.contents import File
from tests.readers.exports import Made

LISTS = ("manifest-sha256.txt", "tagmanifest-sha256.txt")
_CHUNK = 1024 * 1024


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by path."""
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def base_of(part: Path, kind: str) -> str:
    """The one folder that a part unpacks to."""
    return part.name.removesuffix(f".{kind}")


def composed(path: str) -> str:
    """A path as readers show it that compose characters."""
    return unicodedata.normalize("NFC", path)


def check_bag(made: Made, number: int, bag: Path, names: list[str], *, composes: bool) -> dict[str, str]:
    """Check that an unpacked part holds what its own lists, and the export's manifest, say; return its payload.

    ``names`` are those that the reader has shown for it. If it ``composes`` them, that is the only liberty it may take.
    The payload comes with the paths that the lists have.
    """
    found = digests(bag)
    listed = dict(_listed(bag / LISTS[0]) + _listed(bag / LISTS[1]))
    if composes:
        found = {path: found.pop(composed(path)) for path in [*listed, LISTS[1]]} | found
        names = [composed(name) for name in names]
    assert {path: digest for path, digest in found.items() if path != LISTS[1]} == listed
    part = made.manifest["parts"][number]
    payload = {path: digest for path, digest in found.items() if path.startswith("data/")}
    assert (found[LISTS[0]], len(payload)) == (part["entry_list_sha256"], part["entries"])
    assert (bag / "data").is_dir()
    empty = [] if payload else ["data"]
    wanted = [f"{bag.name}/{path}" for path in [*found, *empty]]
    assert sorted(names) == sorted(map(composed, wanted) if composes else wanted)
    return payload


def _listed(file: Path) -> list[tuple[str, str]]:
    """Path and digest of every line of a bag's list."""
    lines = [line.split("  ", 1) for line in file.read_text().split("\n") if line]
    return [(path, digest) for digest, path in lines]


def check_payload(made: Made, bags: list[Path], payload: dict[str, str]) -> None:
    """Check that what all parts together hold is what went in, and nothing else."""
    wanted = Counter(wanted_digest(file) for file in made.contents.wanted_files)
    files = {path: digest for path, digest in payload.items() if path.startswith("data/files/")}
    assert Counter(files.values()) == wanted
    for file in made.contents.wanted_files:
        if file.wanted_path is None:
            check_shortened(file, [path for path, digest in files.items() if digest == wanted_digest(file)])
        else:
            assert files[file.wanted_path] == wanted_digest(file)
    for doctype in ("contacts", "pictures"):
        lines = b"".join(
            path.read_bytes() for bag in bags for path in sorted((bag / "data" / doctype).glob("*.ndjson"))
        )
        assert lines == made.contents.records(doctype)
    kinds = {path.split("/")[1] for path in payload}
    assert kinds <= {"files", "contacts", "pictures"}


def wanted_digest(file: File) -> str:
    """The SHA-256 of what went in."""
    return hashlib.sha256(file.content).hexdigest()


def check_shortened(file: File, paths: list[str]) -> None:
    """A path that is too long has become one that fits, begins as before, and ends as before."""
    (path,) = paths
    names = path.removeprefix("data/files/").split("/")
    assert all(len(name.encode()) <= 255 for name in names)
    assert len(path.encode()) <= 1_000
    assert path.removeprefix("data/files/").startswith(f"{file.folder}/{file.name}".strip("/")[:50])
    _, dot, extension = file.name.rpartition(".")
    assert not dot or path.endswith(dot + extension)
