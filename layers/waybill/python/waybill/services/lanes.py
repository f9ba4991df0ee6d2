"""Which shards go to one reader, because their system allows so many requests at once and no more."""

from collections.abc import Sequence

from waybill.domain.catalog import Catalog, SystemSource
from waybill.domain.plan import Shard


def lanes(shards: Sequence[Shard], catalog: Catalog) -> list[list[Shard]]:
    """Group shards that one reader shall have; those of tables and buckets are alone.

    A source counts its requests within one reader. So doctypes of one system that are not cut into shards stay
    together. Where the catalog cuts one, it asks for several readers, and each has the source's ``requests``.
    """
    found: list[list[Shard]] = []
    of_system: dict[SystemSource, list[Shard]] = {}
    for shard in shards:
        doctype = catalog.doctypes.get(shard.doctype)
        source = doctype.source if doctype is not None and doctype.shards == 1 else None
        if not isinstance(source, SystemSource):
            found.append([shard])
        elif source in of_system:
            of_system[source].append(shard)
        else:
            of_system[source] = [shard]
            found.append(of_system[source])
    return found
