"""Exports as they are made: contents taken through the product's own steps, their parts laid on the disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.readers.contents import Contents
from tests.readers.stores import SparseObjects
from tests.unit.services.exports import Product

from waybill.domain import keys
from waybill.domain.job import ExportJob
from waybill.domain.options import ExportOptions


@dataclass(frozen=True)
class Made:
    """A finished export. ``parts`` are its parts as they are downloaded, in order, under the names they have then."""

    kind: str
    contents: Contents
    product: Product
    archives: SparseObjects
    job: ExportJob
    parts: list[Path]
    manifest: dict[str, Any]


def make(kind: str, contents: Contents, folder: Path) -> Made:
    """Make an export of ``contents`` in the format ``kind``."""
    archives = SparseObjects()
    product = Product(
        contacts=contents.contact_items,
        pictures=contents.picture_items,
        archives=archives,
        files=contents.bucket(),
    )
    job = product.export(
        ExportOptions(format=kind, parts_size=contents.parts_size, without_files=contents.without_files)
    )
    manifest = product.manifest(job)
    parts = [folder / part["name"] for part in manifest["parts"]]
    for number, part in enumerate(parts, start=1):
        archives.lay_down(keys.part(job.id, number, kind), part)
    return Made(kind, contents, product, archives, job, parts, manifest)


def write_signed_manifest(made: Made, folder: Path) -> None:
    """Lay down what the signature is checked with, under the names that the documentation gives."""
    archives = made.archives
    (folder / "manifest.json").write_bytes(archives.objects[keys.manifest(made.job.id)])
    (signature,) = [key for key in archives.objects if key.endswith(".sig")]
    (folder / "manifest.json.sig").write_bytes(archives.objects[signature])
    (folder / "waybill.pem").write_bytes(made.product.signer.public_key_pem())
