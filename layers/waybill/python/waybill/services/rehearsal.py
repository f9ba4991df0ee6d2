"""Going through reading and planning of an export in memory, with what was read already.

The steps are those of a real export, so its parts are cut as that would cut them. Nothing is stored.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

from waybill.archive.media_types import compressible
from waybill.domain.catalog import Catalog
from waybill.domain.job import ExportJob
from waybill.domain.plan import PartPlan, Shard
from waybill.ports import ObjectInfo, SourceItem
from waybill.services.parts_plan import PartsPlan, parts_plan_of
from waybill.services.read_chunk import take_whole
from waybill.services.read_content import ReadContent

SHRINKS_TO: Mapping[str, float] = {"tar.gz": 1 / 3.1, "zip": 1 / 3.1, "tar.zst": 1 / 3.1}
"""What is left of a content that compression makes smaller, by format: JSON in files (docs/performance.md)."""


class Rehearsal:
    """An export of some items, as far as its plan."""

    def __init__(
        self, job: ExportJob, catalog: Catalog, shards: Sequence[Shard], items: Mapping[str, Sequence[SourceItem]]
    ) -> None:
        """Read and plan. Raises InvalidOptions if the format or the layout cannot hold what was read."""
        self._format = job.options.format
        drawer = _Drawer()
        for shard in shards:
            reads_files = catalog.doctypes[shard.doctype].has_files
            take_whole(job, shard, _within(items[shard.doctype], shard), archives=drawer, reads_files=reads_files)
        self.segments = sum("/segments/" in key for key in drawer.objects)
        self.content = ReadContent(job, list(shards), drawer)
        self.parts_plan: PartsPlan = parts_plan_of(job.options, catalog, self.content, created_at=job.created_at)

    def size(self, part: PartPlan) -> int:
        """Return about how many bytes a part has: its bound, less what compression is thought to take from files."""
        files = (file.reference for file in part.files)
        return part.bound - shrunk_by(
            self._format, sum(file.size for file in files if compressible(file.mime, file.name))
        )


def shrunk_by(archive_format: str, size: int) -> int:
    """Return how many bytes compression is thought to take from ``size`` bytes of contents that shrink."""
    return round(size * (1 - SHRINKS_TO.get(archive_format, 1)))


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
