"""Which fields of a doctype name its records, and which others no two records may have in common.

Apart from the rules, so that who writes rows need not load what checks them.
"""

from waybill.domain.catalog import Doctype

_CHAT = {
    "users": ("Email", "AuthenticationToken"),
    "rooms": ("UniqueId",),
    "comments": ("UniqueId",),
}
"""The doctypes of seed 003, which the catalog has no say in."""


def unique_fields(doctype: Doctype) -> tuple[str, ...]:
    """Return the unique fields of a doctype, first the one that names a record."""
    return _CHAT.get(doctype.name, doctype.key_fields)
