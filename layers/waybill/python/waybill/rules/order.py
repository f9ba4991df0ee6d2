"""The order in which doctypes are imported: what is referred to comes before what refers to it."""

from collections.abc import Iterable, Mapping

from waybill.domain.catalog import Doctype
from waybill.domain.errors import CatalogError

CHAT_REFERENCES: Mapping[str, tuple[str, ...]] = {
    "users": (),
    "rooms": ("users",),
    "comments": ("comments", "rooms", "users"),
}
"""The doctypes of seed 003, whose references are in its text and not in a catalog."""


def ranks(doctypes: Iterable[Doctype]) -> dict[str, int]:
    """Return the rank of each doctype: 0 if it refers to no other, else one more than the highest it refers to.

    References of a doctype to itself, and to doctypes that are not among these, do not count. Raises CatalogError,
    naming the way round, if doctypes refer to each other in a circle.
    """
    all_references = {each.name: _references(each) for each in doctypes}
    left = {
        name: sorted(set(references) & all_references.keys() - {name}) for name, references in all_references.items()
    }
    found: dict[str, int] = {}
    while left:
        ready = [name for name in sorted(left) if all(each in found for each in left[name])]
        if not ready:
            raise CatalogError(
                f"Doctypes refer to each other in a circle: {' → '.join(_circle(left, found))}. Rows that refer to "
                "each other cannot be imported one after the other; take one of these references out of the catalog."
            )
        found.update({name: 1 + max((found[each] for each in left.pop(name)), default=-1) for name in ready})
    return found


def _references(doctype: Doctype) -> tuple[str, ...]:
    chat = CHAT_REFERENCES.get(doctype.name)
    return tuple(doctype.references.values()) if chat is None else chat


def _circle(left: Mapping[str, list[str]], found: Mapping[str, int]) -> list[str]:
    """Return the names along a circle, from its first in the alphabet back to it. All of ``left`` lead into one."""
    way: list[str] = [min(left)]
    while True:
        following = next(each for each in left[way[-1]] if each not in found)
        if following in way:
            circle = way[way.index(following) :]
            first = circle.index(min(circle))
            return [*circle[first:], *circle[:first], circle[first]]
        way.append(following)
