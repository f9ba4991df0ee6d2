"""The files of a user: directories, index records with Cozy's fields, contents, and the photo albums."""

import base64
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.demo_data import content
from local.demo_data.names import DEEP, ODD_NAMES
from local.demo_data.record import Record, StoredFile, made_record, record
from local.demo_data.seed import NOW, chance, identifier, iso, moment
from local.demo_data.words import CITIES, phrase

_FILES, _ALBUMS = "io.cozy.files", "io.cozy.photos.albums"
ROOT_ID = "io.cozy.files.root-dir"
TRASH_ID = "io.cozy.files.trash-dir"
_CLASSES = {"jpg": ("image", "image/jpeg"), "mp4": ("video", "video/mp4"), "pdf": ("pdf", "application/pdf")}
_TEXT = ("text", "text/plain")


@dataclass(frozen=True, slots=True)
class LibrarySize:
    """How much a user has: photos in albums, documents, and the sizes of large files in bytes."""

    albums: int
    photos: int
    documents: int
    largest: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """An index record and, for a file, its content."""

    record: Record
    file: StoredFile | None = None


class Library:
    """Makes one user's files, directories before what is in them."""

    def __init__(self, user: str, size: LibrarySize) -> None:
        self._user = user
        self._size = size

    def items(self) -> Iterator[Item]:
        """Yield every directory and file."""
        rng = chance(self._user, "library")
        yield self._directory(ROOT_ID, "", "", "/", NOW)
        yield self._directory(TRASH_ID, ".cozy_trash", ROOT_ID, "/.cozy_trash", NOW)
        for section in (self._documents, self._photos, self._odd, self._deep, self._large, self._trash):
            yield from section(rng)

    def albums(self) -> Iterator[Record]:
        """Yield the photo albums, each naming its photos."""
        rng = chance(self._user, _ALBUMS)
        for album in range(self._size.albums):
            photos = [self._id(f"photo/{number}") for number in range(album, self._size.photos, self._size.albums)]
            name = f"{rng.choice(CITIES)} {2015 + album}"
            data = [{"_id": key, "_type": _FILES} for key in photos]
            relations = {"photos": {"data": data}}
            yield record(self._user, _ALBUMS, album, moment(rng), name=name, relationships=relations)

    def _documents(self, rng: random.Random) -> Iterator[Item]:
        yield self._directory(self._id("documents"), "Documents", ROOT_ID, "/Documents", NOW)
        for number in range(self._size.documents):
            extension = rng.choice(("txt", "md", "pdf"))
            size = 0 if number % 25 == 0 else int(10 ** rng.uniform(1, 5))
            name = f"{number:03d} {phrase(rng, 3)}.{extension}"
            yield self._file(f"document/{number}", name, self._id("documents"), size, rng)

    def _photos(self, rng: random.Random) -> Iterator[Item]:
        yield self._directory(self._id("photos"), "Photos", ROOT_ID, "/Photos", NOW)
        for year in range(2015, 2015 + self._size.albums):
            yield self._directory(self._id(f"photos/{year}"), str(year), self._id("photos"), f"/Photos/{year}", NOW)
        for number in range(self._size.photos):
            year = 2015 + number % self._size.albums
            name = f"IMG_{year}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}_{number:04d}.jpg"
            size = int(10 ** rng.uniform(4.3, 5.6))
            yield self._file(f"photo/{number}", name, self._id(f"photos/{year}"), size, rng)

    def _odd(self, rng: random.Random) -> Iterator[Item]:
        yield self._directory(self._id("odd"), "Odd näмes 名", ROOT_ID, "/Odd näмes 名", NOW)
        for number, name in enumerate(ODD_NAMES):
            yield self._file(f"odd/{number}", name, self._id("odd"), number * 37, rng)

    def _deep(self, rng: random.Random) -> Iterator[Item]:
        parent, path = ROOT_ID, ""
        for name in DEEP:
            path, key = f"{path}/{name}", self._id(f"deep/{name}")
            yield self._directory(key, name, parent, path, NOW)
            parent = key
        yield self._file("deep/file", "at the bottom.txt", parent, 4096, rng)

    def _large(self, rng: random.Random) -> Iterator[Item]:
        yield self._directory(self._id("videos"), "Vidéos", ROOT_ID, "/Vidéos", NOW)
        for number, size in enumerate(self._size.largest):
            yield self._file(f"large/{number}", f"Holiday film {number + 1}.mp4", self._id("videos"), size, rng)

    def _trash(self, rng: random.Random) -> Iterator[Item]:
        for number in range(5):
            yield self._file(f"trash/{number}", f"old draft {number}.txt", TRASH_ID, 700 * number, rng, trashed=True)

    def _id(self, key: str) -> str:
        return identifier(self._user, _FILES, key)

    @staticmethod
    def _directory(key: str, name: str, parent: str, path: str, when: datetime) -> Item:
        return Item(
            made_record(
                _FILES,
                key,
                when,
                type="directory",
                name=name,
                dir_id=parent,
                path=path,
                created_at=iso(when),
                updated_at=iso(when),
                tags=[],
            )
        )

    def _file(self, key: str, name: str, parent: str, size: int, rng: random.Random, **fields: Any) -> Item:
        kind, mime = _CLASSES.get(name.rpartition(".")[2], _TEXT)
        data = content.make(kind, chance(self._user, key), size)
        when = moment(rng, 3000)
        described = {
            "type": "file",
            "name": name,
            "dir_id": parent,
            "size": str(len(data)),
            "md5sum": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
            "mime": mime,
            "class": kind,
            "executable": name == "-rf",
            "trashed": False,
            "tags": [phrase(rng, 1)] if rng.random() < 0.1 else [],
            "created_at": iso(when),
            "updated_at": iso(when),
        }
        identity = self._id(key)
        indexed = made_record(_FILES, identity, when, **(described | fields))
        return Item(indexed, StoredFile(identity, mime, data))
