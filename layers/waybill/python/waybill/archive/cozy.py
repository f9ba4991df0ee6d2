"""The names and records of the layout ``cozy`` (reference cozy-move, section 2)."""

from urllib.parse import quote

import msgspec

from waybill.archive.paths import safe_path

DATA = "My Cozy/Data"
FILES = "My Cozy/Files"
INSTANCES = "io.cozy.instances"

_UNESCAPED = "$&+=:@"
"""What Go's url.PathEscape leaves as it is, besides letters, digits and ``-_.~``."""

_TEXT = msgspec.json.Decoder(str)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Identified(msgspec.Struct):
    id: msgspec.Raw = msgspec.field(name="_id", default=msgspec.Raw())


_IDENTIFIED = msgspec.json.Decoder(_Identified)


def document_path(doctype: str, name: str) -> str:
    """Return where a document lies. An id that every extractor takes stands there as it is, slashes included."""
    return f"{DATA}/{quote(doctype, safe=_UNESCAPED)}/{safe_path(f'{name}.json')}"


def document_id(key: str, line: bytes) -> str:
    """Return a document's ``_id``, or ``key`` if it has none."""
    return _text(_IDENTIFIED.decode(line).id) or key


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
    told = fields.get("size", msgspec.Raw(b"null"))
    if _text(told) == str(size):
        return line
    if bytes(told) not in {b"null", b"%d" % size}:
        fields.pop("md5sum", None)
    fields["size"] = msgspec.Raw(b'"%d"' % size)
    return msgspec.json.encode(fields)


def _text(value: msgspec.Raw) -> str | None:
    """Return what a JSON string says, None for any other value: a number may be too large to be decoded."""
    return _TEXT.decode(value) if bytes(value).startswith(b'"') else None
