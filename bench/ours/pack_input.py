"""Waybill's packing of as much made-up input as one likes: the services plan_parts and pack_part on a stand-in store.

Arguments: ``plan`` FOLDER GIBIBYTES FORMAT PARTS_SIZE leaves what ReadChunk would have left, plans the parts and prints
the number of pack batches. ``pack`` FOLDER BATCHES FORMAT PARTS_SIZE packs them all in one process, as one worker that
Lambda keeps warm, and prints its memory in MiB and how many bytes of archive it made.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.ours.made_up_store import MadeUpObjects, files
from bench.ours.run_step import peak_mib
from bench.ours.stand_ins import TENANT, NoLimit, OneJob, running_job
from waybill.domain import keys
from waybill.domain.catalog import Doctype, FilesSource, TableSource
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Count
from waybill.domain.options import ExportOptions
from waybill.domain.plan import ReadBatch, Shard, Staged
from waybill.services.pack_part import pack_part
from waybill.services.pinned_catalog import pin_catalog
from waybill.services.plan_parts import plan_parts
from waybill.services.work_files import load, save

_EXPORT = "made-up"
_DOCTYPE = "io.cozy.files"


def plan(folder: str, gibibytes: str, *options: str) -> None:
    """Leave the notes of files that ReadChunk leaves, a gibibyte a checkpoint, and plan the parts."""
    store = MadeUpObjects(Path(folder))
    store.invent()
    source = FilesSource(TableSource("none", "pk", "none", "sk"), "files", "{tenant}/")
    pin_catalog(store, _EXPORT, [Doctype(_DOCTYPE, source=source, schema="{}")])
    shard = Shard(0, _DOCTYPE)
    save(store, keys.read_batches(_EXPORT), [ReadBatch(0, 1, (shard,))])
    references = list(files(int(gibibytes)))
    per_note = len(references) // int(gibibytes)
    for sequence, start in enumerate(range(0, len(references), per_note)):
        some = tuple(references[start : start + per_note])
        note = Staged(
            shard=0,
            sequence=sequence,
            doctype=_DOCTYPE,
            segment=None,
            entries=(),
            directories=(),
            files=some,
            count=Count(),
            file_count=Count(expected=len(some)),
            gaps=(),
            resume_after=some[-1].id,
            next_entry=1,
            total_records=0,
            total_bytes=0,
            done=start + per_note >= len(references),
        )
        save(store, keys.staged(_EXPORT, 0, sequence), note)
    job = _job(*options)
    work = plan_parts(TENANT, _EXPORT, jobs=OneJob(job), archives=store, clock=_now)
    print(len(load(store, work.key, list[int])))


def pack(folder: str, batches: str, *options: str) -> None:
    """Pack the batches one after the other."""
    store = MadeUpObjects(Path(folder))
    start = peak_mib()
    for number in range(int(batches)):
        job = OneJob(_job(*options))
        done = pack_part(
            TENANT,
            _EXPORT,
            number,
            jobs=job,
            archives=store,
            buckets=lambda _name: store,
            budget=NoLimit(),
            clock=_now,
        )
        if not done:
            raise SystemExit(f"Batch {number} came back before it was done.")
    print(json.dumps({"start_mib": start, "peak_mib": peak_mib(), "bytes": store.thrown_away}))


def _job(archive_format: str, parts_size: str) -> ExportJob:
    return running_job(_EXPORT, ExportOptions(parts_size=int(parts_size), format=archive_format))


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    {"plan": plan, "pack": pack}[sys.argv[1]](*sys.argv[2:])
