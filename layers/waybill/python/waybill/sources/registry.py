"""Finds the source of a doctype in the catalog."""

from collections.abc import Callable

from waybill.domain.catalog import Catalog
from waybill.ports import ObjectStore
from waybill.sources.dynamodb import TableClient


class CatalogSources:
    """Sources of a catalog. ``tables`` is the DynamoDB client, ``bucket`` gives the store of a bucket by its name."""

    def __init__(self, catalog: Catalog, *, tables: TableClient, bucket: Callable[[str], ObjectStore]) -> None: ...
