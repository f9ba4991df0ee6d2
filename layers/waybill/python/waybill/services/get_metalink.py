"""Give the metalink of a finished export."""

from dataclasses import replace
from datetime import timedelta

import msgspec

from waybill.archive.container import container_of
from waybill.domain import keys
from waybill.domain.errors import MetalinkTooLarge
from waybill.domain.job import ExportJob
from waybill.domain.metalink import LinkedPart, build_metalink
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Pieces
from waybill.ports import Clock, JobStore, ObjectStore
from waybill.services.find_export import find_export
from waybill.services.work_files import load

MOST_BYTES = 5 * MEBIBYTE
"""Lambda answers with 6 MB at most, quotation marks escaped."""


class _Part(msgspec.Struct):
    number: int
    name: str
    size: int
    sha256: str | None


class _Manifest(msgspec.Struct):
    parts: list[_Part]


def get_metalink(
    tenant: str,
    export_id: str,
    *,
    jobs: JobStore,
    archives: ObjectStore,
    clock: Clock,
    lifetime: timedelta,
) -> str:
    """Return the metalink of a finished export, with URLs that were made for this request.

    The URLs are presigned and not the API's own: ordinary download managers send no token, and one that could be told
    to would send it on to S3 with the redirect. They work for ``lifetime``, an hour unless the operator has it
    otherwise, and no longer than the export is there, because a manager asks for each of them many times: for every
    range, and when a part's turn has come. Whoever needs longer asks for the metalink again and goes on where the
    download stopped. Digests of pieces are left out where the document would get too large for one answer.

    Raises ExportNotFound, ExportGone, ExportNotReady, or MetalinkTooLarge if even that does not help.
    """
    now = clock()
    job = find_export(tenant, export_id, jobs=jobs, clock=clock)
    job.check_done()
    manifest = load(archives, keys.manifest(job.id), _Manifest)
    pieces = load(archives, keys.pieces(job.id), list[Pieces | None]) or [None] * len(manifest.parts)
    until = min(lifetime, job.expires_at - now)
    parts = [
        LinkedPart(part.name, part.size, part.sha256, _url(job, part, archives, until), its_pieces)
        for part, its_pieces in zip(manifest.parts, pieces, strict=True)
    ]
    metalink = build_metalink(parts)
    if len(metalink) > MOST_BYTES:
        metalink = build_metalink(replace(part, pieces=None) for part in parts)
    if len(metalink) > MOST_BYTES:
        raise MetalinkTooLarge(
            f"The {len(parts)} parts of this export are too many for one metalink. Download them by their cursors, or "
            f"create the export again with a larger parts_size."
        )
    return metalink


def _url(job: ExportJob, part: _Part, archives: ObjectStore, lifetime: timedelta) -> str:
    extension = container_of(job.options.format).extension
    return archives.presign(keys.part(job.id, part.number, extension), expires_in=lifetime)
