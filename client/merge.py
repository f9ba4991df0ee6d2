"""``python -m client merge PATH… --into DIR``: put the archives of a chain together again.

PATH is a part, an unpacked part, a manifest, or a folder of them. Every part is held against its manifest.
"""

import argparse
import hashlib
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

LAYER = Path(__file__).parents[1] / "layers/waybill/python"
if str(LAYER) not in sys.path:
    sys.path.insert(0, str(LAYER))

from waybill.archive import verify  # noqa: E402 - the layer is not installed here
from waybill.archive.chain_names import LISTS  # noqa: E402
from waybill.archive.rebuild import ChainBroken, Link, Rebuild, in_order, link_of  # noqa: E402

Found = dict[tuple[str, int], Path]
"""The parts by the digest of their export's manifest and their number."""

_WORK = ".unfinished"


def main(arguments: list[str]) -> int:
    """Merge; return 0 if all is well, 1 if the archives do not go together, 2 if something cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m client merge", description="Put the exports of an incremental schedule together again."
    )
    parser.add_argument("path", nargs="+", metavar="PATH", help="a part, an unpacked part, a manifest, or a folder")
    parser.add_argument("--into", required=True, metavar="DIR", help="a folder that does not exist yet, or is empty")
    options = parser.parse_args(arguments)
    target = Path(options.into)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        print(f"{target} is not empty. Name a folder that does not exist yet.", file=sys.stderr)
        return 2
    try:
        return _merged([Path(path) for path in options.path], target)
    except ChainBroken as error:
        print(error, file=sys.stderr)
        return 1
    except verify.Unusable as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.", file=sys.stderr)
    finally:
        shutil.rmtree(target / _WORK, ignore_errors=True)
    return 2


def _merged(paths: Iterable[Path], target: Path) -> int:
    manifests, parts = _inputs(paths)
    chain = in_order([_link(path) for path in manifests])
    found = _matched(parts, chain)
    work = target / _WORK
    work.mkdir(parents=True)
    shelf = _Shelf(work)
    rebuild = Rebuild(str(work / "state.sqlite"), keep=shelf.keep, drop=shelf.drop)
    for link in chain:
        for part in link.parts:
            _take(found[link.digest, part["number"]], part, rebuild)
        rebuild.end_export()
    records, files = _write(rebuild, work, target)
    print(f"{len(chain)} exports, up to {chain[-1].name}: {records} records and {files} files in {target}.")
    return 0


def _inputs(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return the manifests and the parts among what was named, or lies in a folder that was named."""
    manifests: list[Path] = []
    parts: list[Path] = []
    for path in _looked_into(paths):
        (manifests if path.is_file() and path.suffix == ".json" else parts).append(path)
    if not manifests:
        raise ChainBroken("No manifest is here. Download it beside the parts: GET /move/exports/{id}/manifest.")
    return manifests, parts


def _looked_into(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir() and not (path / "bagit.txt").exists():
            for each in sorted(path.iterdir()):
                if each.is_dir():
                    yield from _looked_into([each])
                elif each.suffix == ".json" or verify.ARCHIVE.match(each.name):
                    yield each
        elif path.exists():
            yield path
        else:
            raise FileNotFoundError(2, "there is no such file or folder", str(path))


def _link(path: Path) -> Link:
    try:
        return link_of(path.read_bytes())
    except ChainBroken as error:
        raise ChainBroken(f"{path}: {error}") from None


def _matched(parts: Iterable[Path], chain: Iterable[Link]) -> Found:
    """Return where each part of the chain is. Raises ChainBroken for a foreign part and for a missing one."""
    wanted = [(link, part) for link in chain for part in link.parts]
    found: Found = {}
    for path in parts:
        own = [(link.digest, part["number"]) for link, part in wanted if _is_part(path, part)]
        if not own:
            raise ChainBroken(
                f"{path} is no part of these exports, or it was changed. Leave it out, or download it again."
            )
        found.update(dict.fromkeys(own, path))
    for link, part in wanted:
        if (link.digest, part["number"]) not in found:
            raise ChainBroken(f"The part {part['name']} of {link.name} is not here.")
    return found


def _is_part(path: Path, part: dict[str, object]) -> bool:
    if path.is_dir():
        with (path / verify.LISTS[0]).open("rb") as file:
            listed = verify.Hashed(file)
            while listed.read():
                pass
        return listed.digest.hexdigest() == part["entry_list_sha256"]
    if path.stat().st_size != part["size"]:
        return False
    with path.open("rb") as file:
        hashed = verify.Hashed(file)
        while hashed.read():
            pass
    return hashed.is_part(part)


class _Taking(verify.Bag):
    """A part whose files go on to the rebuild while they are hashed."""

    def __init__(self, name: str, rebuild: Rebuild) -> None:
        super().__init__(name)
        self._rebuild = rebuild

    def take(self, path: str, chunks: Iterator[bytes]) -> None:
        """Hand on one file."""
        is_text = path in {*verify.LISTS, "bag-info.txt"}
        seen = _Seen(chunks, is_text=is_text)
        self._rebuild.take(path, seen)
        path = unicodedata.normalize("NFC", path)
        self.files[path] = (seen.size, seen.digest.hexdigest())
        if is_text:
            self.texts[path] = bytes(seen.text)


class _Seen:
    """Chunks that are hashed when they are drawn; those of a text are kept."""

    def __init__(self, chunks: Iterator[bytes], *, is_text: bool) -> None:
        self._chunks = chunks
        self._is_text = is_text
        self.digest = hashlib.sha256()
        self.size = 0
        self.text = bytearray()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.digest.update(chunk)
            self.size += len(chunk)
            if self.size <= verify.MOST_TEXT and self._is_text:
                self.text += chunk
            yield chunk


def _take(path: Path, part: dict[str, object], rebuild: Rebuild) -> None:
    """Take in one part, and hold it against its own lists and against the manifest."""
    bag = _Taking(str(path), rebuild)
    try:
        if path.is_dir():
            for inner in sorted(verify.files_in(str(path), bag), key=_lists_first):
                verify.take_from_folder(str(path), inner, bag)
        else:
            with path.open("rb") as file:
                start = file.read(4)
                file.seek(0)
                verify.read_archive(start, verify.Hashed(file), str(path), bag)
    except (*verify.DAMAGES, verify.Broken) as error:
        raise ChainBroken(f"{path} is damaged and cannot be read to its end ({error}). Download it again.") from None
    verify.check_bag(bag)
    if not bag.faults and bag.files[verify.LISTS[0]][1] != part["entry_list_sha256"]:
        bag.faults.append("changed: its list of files is not the one that the manifest names")
    if bag.faults:
        raise ChainBroken(f"{path}: {bag.faults[0]}. Download it again.")


def _lists_first(path: str) -> tuple[bool, str]:
    """Order the files of an unpacked part: as in an archive, lists stand before the contents that they explain."""
    return not path.startswith(f"{LISTS}/"), path


class _Shelf:
    """Contents of files, until it is known where they go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    def keep(self, chunks: Iterable[bytes]) -> str:
        """Store a content; return its name."""
        self._number += 1
        name = f"{self._number:08}"
        with (self._folder / name).open("wb") as file:
            file.writelines(chunks)
        return name

    def drop(self, name: str) -> None:
        """Remove a content."""
        (self._folder / name).unlink()


def _write(rebuild: Rebuild, work: Path, target: Path) -> tuple[int, int]:
    """Write the state; return how many records and files it has."""
    records = files = 0
    for doctype, group in groupby(rebuild.records(), key=lambda record: record[0]):
        folder = target / "data" / doctype
        folder.mkdir(parents=True)
        with (folder / "0001-000001.ndjson").open("wb") as file:
            for _, _, line in group:
                file.write(line + b"\n")
                records += 1
    for path, content in rebuild.files():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(work / content, place)
        files += 1
    return records, files
