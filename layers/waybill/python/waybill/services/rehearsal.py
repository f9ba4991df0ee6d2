"""Going through reading and planning of an export in memory, with what was read already.

The steps are those of a real export, so its parts are cut as that would cut them. Nothing is stored.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from waybill.archive.container import container_of
from waybill.archive.layout import PartBounds
from waybill.archive.layouts import archive_layout_of
from waybill.archive.media_types import compressible
from waybill.domain.catalog import Catalog
from waybill.domain.job import ExportJob
from waybill.domain.plan import FileEntry, PartPlan, Shard
from waybill.ports import ObjectInfo, SourceItem
from waybill.services.parts_plan import PartsPlan, parts_plan_of
from waybill.services.read_chunk import take_whole
from waybill.services.read_content import ReadContent

SHRINKS_TO: Mapping[str, float] = {"tar.gz": 1 / 3.1, "zip": 1 / 3.1, "tar.zst": 1 / 3.75}
"""What is left of a content that compression makes smaller: of JSON in files of 1 MB, as bench/data.py makes it."""

_PACKED = "application/zip"


class Rehearsal:
    """An export of some items, as far as its plan."""

    def __init__(
        self, job: ExportJob, catalog: Catalog, shards: Sequence[Shard], items: Mapping[str, Sequence[SourceItem]]
    ) -> None:
        """Read and plan. Raises InvalidOptions if the format or the layout cannot hold what was read."""
        self._options = job.options
        self._schemas = catalog.schemas
        drawer = _Drawer()
        for shard in shards:
            reads_files = catalog.doctypes[shard.doctype].has_files
            take_whole(job, shard, _within(items[shard.doctype], shard), archives=drawer, reads_files=reads_files)
        self.segments = sum("/segments/" in key for key in drawer.objects)
        self.content = ReadContent(job, list(shards), drawer)
        self.parts_plan: PartsPlan = parts_plan_of(job.options, catalog, self.content, created_at=job.created_at)

    def size(self, part: PartPlan) -> int:
        """Return about how many bytes a part has: its bound, less what compression is thought to take from files."""
        return part.bound - sum(map(self.shrinks_by, part.files))

    def shrinks_by(self, file: FileEntry) -> int:
        """Return how many bytes less than its bound a file is thought to take."""
        reference = file.reference
        left = SHRINKS_TO.get(self._options.format)
        if left is None or not compressible(reference.mime, reference.name):
            return 0
        packed = replace(reference, size=round(reference.size * left), mime=_PACKED)
        return self._bounds.file(file) - self._bounds.file(replace(file, reference=packed))

    @cached_property
    def _bounds(self) -> PartBounds:
        options = self._options
        layout = archive_layout_of(options.layout)
        return layout.bounds(container_of(options.format), self._schemas, options.parts_size)


def _within(items: Sequence[SourceItem], shard: Shard) -> Iterable[SourceItem]:
    if shard.first is None and shard.last is None:
        return items
    names = [item.key for item in items]
    begin = 0 if shard.first is None else bisect_left(names, shard.first)
    end = len(names) if shard.last is None else bisect_left(names, shard.last)
    return items[begin:end]


class _Drawer:
    """A store in memory (``ports.WorkStore``)."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, data: bytes) -> None:
        """Keep an object."""
        self.objects[key] = data

    def get(self, key: str) -> bytes:
        """Return an object."""
        return self.objects[key]

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix``."""
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield ObjectInfo(key, len(self.objects[key]), "")
