"""How a Cozy cuts its export, and what its zip files are like (reference cozy-move, section 2)."""

import io
import json
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.systems.cozy.data import FILES, Content, Cozy

DATA, CONTENTS = "My Cozy/Data", "My Cozy/Files"


@dataclass(frozen=True)
class Spoiled:
    """What a Cozy does wrong with some contents, each by its document's id (section 5).

    ``lost`` were removed since the export was made: their record is there, and no content. ``cut`` could not be read to
    their end. ``renamed_digest`` are other bytes than the record says.
    """

    lost: Collection[str] = ()
    cut: Collection[str] = ()
    altered: Collection[str] = ()
    gone: Collection[str] = ()


NOTHING = Spoiled()


@dataclass(frozen=True)
class Cut:
    """The contents of one part. Only the first part has no cursor, and the documents."""

    cursor: str
    contents: list[tuple[str, Content]]


def cut(cozy: Cozy, parts_size: int, doctypes: Collection[str] = ()) -> list[Cut]:
    """Cut the contents into parts: a new one begins where a content does not fit, unless the part is empty."""
    parts = [Cut("", [])]
    left = parts_size
    for doctype, contents in cozy.contents.items():
        if doctypes and doctype not in doctypes:
            continue
        for content in contents:
            if len(content.data) > left and parts[-1].contents:
                parts.append(Cut(f"{doctype}/{content.id}", []))
                left = parts_size
            parts[-1].contents.append((doctype, content))
            left -= len(content.data)
    return parts


def json_size(cozy: Cozy) -> int:
    """How many bytes the documents have."""
    return sum(len(_text(each)) for each in (*cozy.directories, *(d for each in cozy.documents.values() for d in each)))


def entries(
    cozy: Cozy, part: Cut, doctypes: Collection[str] = (), spoiled: Spoiled = NOTHING
) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of a part's entries, in their order."""
    if not part.cursor:
        yield f"{DATA}/instance.json", _text({"_id": "0" * 32, "domain": cozy.domain})
        for doctype, documents in sorted(cozy.documents.items()):
            if not doctypes or doctype in doctypes:
                for document in sorted(documents, key=lambda each: str(each["_id"]).encode()):
                    yield _document(doctype, document)
        if not doctypes or FILES in doctypes:
            for directory in cozy.directories:
                yield _document(FILES, directory)
    for doctype, content in part.contents:
        if content.id in spoiled.gone:
            continue
        yield _document(doctype, content.document)
        if content.id in spoiled.lost:
            continue
        data = content.data[: len(content.data) // 2] if content.id in spoiled.cut else content.data
        yield f"{CONTENTS}{content.path}", b"!" + data[1:] if content.id in spoiled.altered else data


def zipped(found: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield a zip as it is streamed: what stands behind a content says how long it was."""
    out = _Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in found:
            entry = zipfile.ZipInfo(name, (2026, 3, 1, 12, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o640 << 16
            archive.writestr(entry, data)
            yield out.taken()
    yield out.taken()


class _Pipe(io.RawIOBase):
    """A file that cannot be sought, as a response is not."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        data = bytes(self._held)
        self._held.clear()
        return data


def _document(doctype: str, document: dict[str, Any]) -> tuple[str, bytes]:
    return f"{DATA}/{quote(doctype, safe='$&+=:@')}/{document['_id']}.json", _text(document)


def _text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
