"""What rules may ask the target while rows are judged."""

from collections.abc import Mapping, Sequence

from waybill.domain.catalog import Catalog
from waybill.ports import Sink
from waybill.rules.unique_fields import unique_fields
from waybill.services.unique_holders import UniqueHolders


class TargetExisting:
    """``rules.Existing`` of one tenant. ``holders`` are there for doctypes with further unique fields.

    A record of a doctype that the catalog only exports cannot be asked for where it lies; it is taken to be there.
    """

    def __init__(self, sink: Sink, tenant: str, catalog: Catalog, holders: Mapping[str, UniqueHolders]) -> None:
        self._sink = sink
        self._tenant = tenant
        self._catalog = catalog
        self._holders = holders

    def existing(self, doctype: str, field: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Return which keys some record has in ``field``, each with what names that record."""
        known = self._catalog.doctypes.get(doctype)
        if known is not None and known.target is None:
            return {key: key for key in keys}
        if known is None or field == unique_fields(known)[0]:
            return {key: key for key in self._sink.existing(self._tenant, doctype, keys)}
        return self._holders[doctype].find(field, keys)
