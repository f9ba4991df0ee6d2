"""An export of one deployment, imported into another one, both in memory."""

import io
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

import zstandard
from tests.fake_sink import MemorySink
from tests.fake_uploads import FakeInputsClient, MemoryUploads
from tests.fakes import FakeBudget, MemoryObjects, MemorySource
from tests.unit.services.exports import Product
from tests.unit.services.imports import TENANT, Importing

from waybill.domain.catalog import Catalog
from waybill.domain.import_job import ImportJob, new_import
from waybill.domain.import_limits import ImportLimits
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.domain.options import PLAIN, ExportOptions
from waybill.domain.upload import Upload, UploadState
from waybill.domain.upload_keys import upload_object
from waybill.rules.order import ranks
from waybill.services.import_report import ImportReport
from waybill.services.stage_import import stage_import


def deployment(catalog: Catalog) -> MemorySink:
    """An empty target, which is a source as well."""
    return MemorySink(catalog, MemoryObjects())


def exported(sink: MemorySink, options: ExportOptions) -> list[tuple[str, bytes]]:
    """The parts of an export, with their names."""
    sources = [MemorySource(name, sink.source_items(TENANT, name), TENANT) for name in sink.catalog.doctypes]
    product = Product(catalog=sink.catalog, more_sources=sources, files=sink.files)
    job = product.export(options)
    parts = product.manifest(job)["parts"]
    assert product.manifest(job)["gaps"] == [], "Everything is exported."
    return [(part["name"], data) for part, data in zip(parts, product.parts(job), strict=True)]


def imported(
    sink: MemorySink, files: Sequence[tuple[str, bytes]], options: ExportOptions, steps: int | None = None
) -> list[ImportReport]:
    """Import the parts of an export: together if they are archives, else those of each doctype by themselves."""
    if options.layout != PLAIN:
        return [_import(sink, files, None, steps)]
    rank = ranks(sink.catalog.doctypes.values())
    by_doctype: dict[str, list[tuple[str, bytes]]] = {}
    for name, data in files:
        doctype = next(each for each in sorted(rank, key=len, reverse=True) if each in name)
        by_doctype.setdefault(doctype, []).append((name, data))
    return [_import(sink, by_doctype[doctype], doctype, steps) for doctype in sorted(by_doctype, key=rank.__getitem__)]


def payload(files: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    """The data in the parts of an export, by their paths, as other programs unpack it."""
    found: dict[str, bytes] = {}
    for name, data in files:
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                found |= {each.filename: archive.read(each) for each in archive.infolist() if not each.is_dir()}
        elif ".tar" in name:
            unpacked = (
                zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) if "zst" in name else None
            )
            plain = unpacked.read() if unpacked else data
            with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
                for member in archive:
                    content = archive.extractfile(member)
                    if content is not None:
                        found[member.name] = content.read()
        else:
            found[name] = data
    return {_inside(path): data for path, data in found.items() if _is_data(path)}


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    return "/".join(parts[1:]) if "data" in parts[:2] else path


def _is_data(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return len(parts) == 1 or "data" in parts[:2] or parts[0] == "My Cozy"


def _import(
    sink: MemorySink, files: Sequence[tuple[str, bytes]], doctype: str | None, steps: int | None
) -> ImportReport:
    importing = Importing(sink.catalog, sink.archives)
    importing.sink = sink
    uploads, inputs = MemoryUploads(), []
    for number, (name, data) in enumerate(files):
        upload_id = f"{number:032x}"
        uploads.put(Upload(TENANT, upload_id, name, len(data), importing.clock(), state=UploadState.COMPLETE))
        sink.archives.objects[upload_object(upload_id)] = data
        inputs.append(ImportInput(InputKind.UPLOAD, upload_id))
    job = new_import(TENANT, ImportOptions(tuple(inputs), doctype), importing.clock())
    importing.imports.create(job)
    _stage(importing, uploads, job)
    return importing.run(job, steps)


def _stage(importing: Importing, uploads: MemoryUploads, job: ImportJob) -> None:
    while not stage_import(
        TENANT,
        job.id,
        imports=importing.imports,
        catalog=importing.catalog,
        archives=importing.archives,
        uploads=uploads,
        inputs_client=FakeInputsClient(),
        verifier=None,
        budget=FakeBudget(),
        clock=importing.clock,
        limits=ImportLimits(),
    ):
        pass


def without_failures(report: ImportReport) -> bool:
    """Whether every row of an import was taken."""
    return all(each.failed == each.skipped == 0 and each.written == each.rows for each in report.doctypes.values())
