"""Waybill's packing of files: the service pack_part from S3 to S3, for the same task as the peers.

The part's plan, which PlanParts would have left in the bucket, is made here first from a listing, by the product's own
planning, and counts. Job records stay in memory, because a table is no part of the task.
"""

import mimetypes
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from bench.ours.stand_ins import TENANT, NoLimit, OneJob, running_job
from waybill.adapters.s3_objects import S3Objects
from waybill.archive.container import container_of
from waybill.archive.layouts import archive_layout_of
from waybill.archive.plan_parts import plan_parts
from waybill.domain import keys
from waybill.domain.catalog import Doctype, FilesSource, TableSource
from waybill.domain.options import ExportOptions
from waybill.domain.plan import FileEntry, FileReference, PackBatch, PartsHeader
from waybill.ports import ObjectStore
from waybill.services.pack_part import pack_part
from waybill.services.pinned_catalog import pin_catalog
from waybill.services.work_files import save

DOCTYPE = "io.cozy.files"
_UNREAD = TableSource("none", "pk", "none", "sk")


def main(bucket: str, prefix: str, key: str) -> None:
    """Pack the objects of a bucket under a prefix. ``key`` is where an export has its first part, in its format."""
    export_id = key.split("/")[1]
    store = S3Objects(bucket, region=os.environ["AWS_REGION"], endpoint=os.environ["AWS_ENDPOINT_URL_S3"])
    options = ExportOptions(format=key.rpartition("/")[2].partition(".")[2])
    (plan,) = plan_parts(
        [],
        _files(store, prefix),
        parts_size=options.parts_size,
        schemas={},
        container=container_of(options.format),
        layout=archive_layout_of(options.layout),
    )
    files = FilesSource(_UNREAD, bucket, "{tenant}/")
    pin_catalog(store, export_id, [Doctype(DOCTYPE, source=files, schema="{}")])
    save(store, keys.pack_batch(export_id, 0), PackBatch(0, (plan,)))
    save(store, keys.parts_header(export_id), PartsHeader("0" * 32, 1, 1))
    pack_part(
        TENANT,
        export_id,
        0,
        jobs=OneJob(running_job(export_id, options)),
        archives=store,
        buckets=lambda _name: store,
        budget=NoLimit(),
        clock=lambda: datetime.now(UTC),
    )


def _files(store: ObjectStore, prefix: str) -> Iterator[FileEntry]:
    for info in store.list(prefix):
        name = info.key.removeprefix(prefix)
        reference = FileReference(name, name, "/", info.key, info.size, info.etag, _mime(name))
        yield FileEntry(f"data/files/{name}", DOCTYPE, reference)


def _mime(name: str) -> str:
    """Return what an index record would say of a file: JSON and films here."""
    return mimetypes.guess_type(name)[0] or ""


if __name__ == "__main__":
    main(*sys.argv[1:])
