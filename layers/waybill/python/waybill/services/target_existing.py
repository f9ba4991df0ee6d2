"""What rules may ask the target while rows are judged."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from waybill.domain.catalog import Catalog, Doctype
from waybill.ports import Sink
from waybill.rules.unique_fields import unique_fields
from waybill.services.loading_contents import COPIERS
from waybill.services.validation_disk import ValidationDisk


class TargetExisting:
    """``rules.Existing`` of one tenant. ``disk`` has who holds unique values, and which contents came in.

    A record of a doctype that the catalog only exports cannot be asked for where it lies; it is taken to be there. A
    content that would be overwritten counts as its record does, also if it has none.
    """

    def __init__(self, sink: Sink, tenant: str, catalog: Catalog, disk: ValidationDisk) -> None:
        self._sink = sink
        self._tenant = tenant
        self._catalog = catalog
        self._disk = disk

    def existing(self, doctype: str, field: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Return which keys some record has in ``field``, each with what names that record."""
        known = self._catalog.doctypes.get(doctype)
        if known is not None and known.target is None:
            return {key: key for key in keys}
        if known is not None and field != unique_fields(known)[0]:
            return self._disk.holders[doctype].find(field, keys)
        found = {key: key for key in self._sink.existing(self._tenant, doctype, keys)}
        if known is not None and known.has_files:
            found.update(self._with_content(known, [key for key in keys if key not in found]))
        return found

    def _with_content(self, doctype: Doctype, keys: Sequence[str]) -> Mapping[str, str]:
        """Return those keys for which a content came in, and under which another one lies in the target."""
        brought = [key for key in keys if self._disk.book.find(doctype.name, key) is not None]
        if not brought:
            return {}
        with ThreadPoolExecutor(COPIERS) as pool:
            writers = pool.map(lambda key: self._sink.content_of(self._tenant, doctype.name, key), brought)
            return {key: key for key, writer in zip(brought, writers, strict=True) if writer is not None}
