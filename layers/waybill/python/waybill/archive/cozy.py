"""The names and records of the layout ``cozy`` (reference cozy-move, section 2)."""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from waybill.archive.paths import safe_path

DATA = "My Cozy/Data"
FILES = "My Cozy/Files"
INSTANCES = "io.cozy.instances"

_UNESCAPED = "$&+=:@"
"""What Go's url.PathEscape leaves as it is, besides letters, digits and ``-_.~``."""

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Identified(msgspec.Struct):
    id: object = msgspec.field(name="_id", default=None)


_IDENTIFIED = msgspec.json.Decoder(_Identified)


def document_path(doctype: str, name: str) -> str:
    """Return where a document lies. An id that every extractor takes stands there as it is, slashes included."""
    return f"{DATA}/{quote(doctype, safe=_UNESCAPED)}/{safe_path(f'{name}.json')}"


def document_id(key: str, line: bytes) -> str:
    """Return a document's ``_id``, or ``key`` if it has none."""
    found = _IDENTIFIED.decode(line).id
    return found if isinstance(found, str) and found else key


def instance(tenant: str) -> tuple[str, bytes]:
    """Return the path and the content of ``instance.json``: whose data it is. No id of the export, and no time."""
    return f"{DATA}/instance.json", msgspec.json.encode({"_id": tenant, "_type": INSTANCES})


def part_comment(group: str, number: int, parts: int) -> bytes:
    """Return the zip's comment, so that parts of two exports are not mixed unnoticed. Readers of zip pass it over."""
    return f"Waybill export {group}, part {number} of {parts}".encode("ascii")


def with_true_size(line: bytes, size: int) -> bytes:
    """Return a file's record with the number of bytes that the file has, as a text, which is what Cozy compares.

    If the record names another size, its ``md5sum`` is of another content, and goes: Cozy would refuse the file.
    Nothing else changes.
    """
    fields = _FIELDS.decode(line)
    told = _size(fields)
    if fields.get("size") is not None and msgspec.json.decode(fields["size"]) == str(size):
        return line
    fields["size"] = msgspec.Raw(b'"%d"' % size)
    if told is not None and told != str(size):
        fields.pop("md5sum", None)
    return msgspec.json.encode(fields)


def _size(fields: Mapping[str, msgspec.Raw]) -> str | None:
    """Return the size that a record names: a text, or a number, as text."""
    if "size" not in fields:
        return None
    value = msgspec.json.decode(fields["size"])
    return None if value is None else str(value)
