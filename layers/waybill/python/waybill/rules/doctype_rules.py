"""What the rules of one doctype say of a row by itself: is it well formed, what names it, what does it refer to."""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from waybill.rules.verdict import Finding

MOST_KEY_BYTES = 1_024
"""Bytes. A record's key is a sort key of DynamoDB, which holds no more."""


Question = tuple[str, str, str]
"""Which record? Its doctype, a field, and the value that it has there."""


class Mention(msgspec.Struct, frozen=True, gc=False):
    """A value of a row, at ``pointer``, by which a record can be asked for."""

    question: Question
    pointer: str


class Checked(msgspec.Struct, frozen=True, gc=False):
    """A row by itself. ``value`` is what would be written.

    ``keys`` are its values that no two records may have in common, ``references`` those that name other records; both
    without those that are faulty themselves. The key in ``name_field`` of the rules comes first.
    """

    value: dict[str, Any]
    keys: tuple[Mention, ...]
    references: tuple[Mention, ...]
    faults: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()


class DoctypeRules(Protocol):
    """The rules of one doctype."""

    @property
    def doctype(self) -> str:
        """The doctype's name."""
        ...

    @property
    def name_field(self) -> str:
        """The field that names a record in the target."""
        ...

    def check(self, value: dict[str, Any]) -> Checked:
        """Return what is to be said of a row without looking at any other."""
        ...


def escaped(key: object) -> str:
    """Return a key or an index as it stands in a JSON Pointer (RFC 6901, section 3)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def pointer_of(path: Iterable[object]) -> str:
    """Return the JSON Pointer of a path of keys and indexes."""
    return "".join(f"/{escaped(step)}" for step in path)
