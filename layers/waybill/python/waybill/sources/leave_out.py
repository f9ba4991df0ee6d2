"""Fields that never leave: secrets, wherever in a record they stand.

An entry of ``leave_out`` is the name of a field. A dot leads into a field inside it (``lorawanSettings.devAddr``),
arrays are passed through (``iotDevices.apiKey`` is that of each), and ``**.`` before a name means the field of that
name at any depth. A field whose own name has dots is meant as well.
"""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

ANYWHERE = "**."

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT, _ARRAY = b"{", b"["

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is left out of an object: ``here`` are names of its fields, ``inside`` says what of the fields in it."""

    here: frozenset[str] = frozenset()
    inside: Mapping[str, "Hidden"] = field(default_factory=dict)
    anywhere: frozenset[str] = frozenset()

    def kept(self, fields: Mapping[str, V]) -> list[tuple[str, V, "Hidden | None"]]:
        """Return the fields that stay, and what is to be left out of each; None if nothing is."""
        below = Hidden(anywhere=self.anywhere) if self.anywhere else None
        return [
            (name, value, self.inside.get(name, below))
            for name, value in fields.items()
            if name not in self.here and name not in self.anywhere
        ]

    def may_touch(self, fields: Mapping[str, object]) -> bool:
        """Whether an object with these fields may have something that is left out."""
        return bool(self.anywhere) or not (
            fields.keys().isdisjoint(self.here) and fields.keys().isdisjoint(self.inside)
        )


@functools.lru_cache(maxsize=256)
def hidden(leave_out: tuple[str, ...]) -> Hidden:
    """Return what a list of fields means."""
    anywhere = frozenset(each.removeprefix(ANYWHERE) for each in leave_out if each.startswith(ANYWHERE))
    return _of_paths(frozenset(each for each in leave_out if not each.startswith(ANYWHERE)), anywhere)


def _of_paths(paths: frozenset[str], anywhere: frozenset[str]) -> Hidden:
    inside: dict[str, set[str]] = {}
    for path in paths:
        parts = path.split(".")
        for end in range(1, len(parts)):
            inside.setdefault(".".join(parts[:end]), set()).add(".".join(parts[end:]))
    return Hidden(paths, {name: _of_paths(frozenset(below), anywhere) for name, below in inside.items()}, anywhere)


def without(fields: Mapping[str, msgspec.Raw], what: Hidden) -> dict[str, object]:
    """Return the fields of a JSON object without what is left out. Texts of values are kept as they are written."""
    return {name: value if below is None else _value(value, below) for name, value, below in what.kept(fields)}


def _value(value: msgspec.Raw, what: Hidden) -> object:
    text = bytes(value)
    if text.startswith(_OBJECT):
        return without(_FIELDS.decode(text), what)
    if text.startswith(_ARRAY):
        return [_value(element, what) for element in _ELEMENTS.decode(text)]
    return value


def is_left_out(path: str, leave_out: Collection[str]) -> bool:
    """Whether the field at ``path``, with dots, would not be in a record any more."""
    names = path.split(".")
    beginnings = {".".join(names[:end]) for end in range(1, len(names) + 1)}
    return not beginnings.isdisjoint(leave_out) or any(f"{ANYWHERE}{name}" in leave_out for name in names)
