"""List a tenant's imports."""

from waybill.domain.errors import InvalidPageCursor
from waybill.domain.job import is_export_id
from waybill.ports import Clock, ImportPage, ImportStore


def list_imports(
    tenant: str, *, limit: int, after: str | None = None, imports: ImportStore, clock: Clock
) -> ImportPage:
    """Return one page of imports, newest first. ``after`` is the ``after`` of the page before.

    Raises InvalidPageCursor if it cannot be one.
    """
    if after is not None and not is_export_id(after):
        raise InvalidPageCursor("page[cursor] is not from a list answer. Follow links.next instead of making one.")
    return imports.list(tenant, now=clock(), limit=limit, after=after)
