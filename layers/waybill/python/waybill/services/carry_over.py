"""What a record that takes another one's place keeps of it: fields that exports leave out, so no archive has them."""

from collections.abc import Collection

import msgspec

from waybill.rules.passwords import PASSWORD, PASSWORD_HASH

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL = msgspec.Raw(b"null")


def carried_over(body: str, old: str, left_out: Collection[str]) -> str:
    """Return the JSON text of a record with those of ``left_out`` that it has not, or as null, as the old one has them.

    A password that is new is not joined by the old one. The text stays as it is if nothing is to be added.
    """
    try:
        stood = _FIELDS.decode(old)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return body  # what stood there was no record
    fields = _FIELDS.decode(body)
    if fields.get(PASSWORD_HASH, _NULL) != _NULL:
        stood.pop(PASSWORD, None)
    added = {name: stood[name] for name in left_out if name in stood and fields.get(name, _NULL) == _NULL}
    return msgspec.json.encode({**fields, **added}).decode() if added else body
