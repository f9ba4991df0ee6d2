"""Chains of exports in memory: states of the data, the exports that they give, and what comes of these."""

import io
import itertools
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.fakes import etag_of
from tests.unit.services.exports import SCHEDULE, TENANT, Product, record

from waybill.archive.rebuild import Rebuild, in_order, link_of
from waybill.domain import keys
from waybill.domain.job import ExportJob
from waybill.domain.options import ExportOptions
from waybill.domain.plan import Directory, FileReference
from waybill.ports import SourceItem
from waybill.services.chains import next_in_chain

CHAIN = SCHEDULE.chain_key
TAR = ExportOptions(format="tar")


@dataclass(frozen=True)
class Picture:
    """A file of a state."""

    name: str
    content: bytes
    folder: str = "root"
    note: str = ""


@dataclass(frozen=True)
class State:
    """What a tenant has at one moment, all by key. ``folders`` gives paths."""

    contacts: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """What an archive, or a chain of them, holds: the lines of each doctype in order, and the files by path."""

    records: Mapping[str, list[bytes]]
    files: Mapping[str, bytes]


def show(product: Product, state: State) -> None:
    """Let the product's sources have this state."""
    product.contacts = [record(key, text) for key, text in state.contacts.items()]
    product.pictures = [
        *(folder_item(key, path) for key, path in state.folders.items()),
        *(picture_item(key, picture) for key, picture in state.pictures.items()),
    ]
    product.files.objects = {f"{TENANT}/{key}": picture.content for key, picture in state.pictures.items()}


def folder_item(key: str, path: str) -> SourceItem:
    """The record of a directory."""
    line = json.dumps({"_id": key, "type": "directory", "path": path}).encode()
    return SourceItem(key, line=line, directory=Directory(key, path))


def picture_item(key: str, picture: Picture) -> SourceItem:
    """The record of a file."""
    fields = {"_id": key, "type": "file", "name": picture.name, "dir_id": picture.folder, "note": picture.note}
    reference = FileReference(
        key, picture.name, picture.folder, f"{TENANT}/{key}", len(picture.content), etag_of(picture.content)
    )
    return SourceItem(key, line=json.dumps(fields).encode(), file=reference)


def run(product: Product, options: ExportOptions = TAR) -> ExportJob:
    """Make the next export of the chain."""
    product.clock.advance(hours=1)
    return product.export(options, chain=next_in_chain(TENANT, CHAIN, chains=product.chains))


def entries(parts: Iterable[bytes]) -> dict[str, bytes]:
    """The payload of parts in tar, by path in the bag and in the archive's order."""
    found = {}
    for part in parts:
        with tarfile.open(fileobj=io.BytesIO(part)) as archive:
            for member in archive.getmembers():
                path = member.name.partition("/")[2]
                if member.isfile() and path.startswith("data/"):
                    content = archive.extractfile(member)
                    assert content is not None
                    found[path] = content.read()
    return found


def content_of(product: Product, job: ExportJob) -> Content:
    """What an export holds that is complete by itself."""
    records: dict[str, list[bytes]] = {}
    files = {}
    for path, content in entries(product.parts(job)).items():
        if path.startswith("data/files/"):
            files[path] = content
        elif not path.startswith("data/chain/"):
            records.setdefault(path.split("/")[1], []).extend(content.split(b"\n")[:-1])
    return Content(records, files)


def rebuilt(product: Product, jobs: Iterable[ExportJob]) -> Content:
    """What the exports of a chain come to."""
    manifests = {product.archives.objects[keys.manifest(job.id)]: job for job in jobs}
    by_digest = {link_of(manifest).digest: job for manifest, job in manifests.items()}
    shelf: dict[str, bytes] = {}
    numbers = itertools.count()

    def keep(chunks: Iterable[bytes]) -> str:
        name = str(next(numbers))
        shelf[name] = b"".join(chunks)
        return name

    rebuild = Rebuild("", keep=keep, drop=shelf.pop)
    for link in in_order(link_of(manifest) for manifest in manifests):
        for path, content in entries(product.parts(by_digest[link.digest])).items():
            rebuild.take(path, [content])
        rebuild.end_export()
    records: dict[str, list[bytes]] = {}
    for doctype, _, line in rebuild.records():
        records.setdefault(doctype, []).append(line)
    files = {path: shelf[name] for path, name in rebuild.files()}
    assert len(shelf) == len(files)
    return Content(records, files)
