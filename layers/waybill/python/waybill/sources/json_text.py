"""Records that are stored as JSON text.

The text is checked and otherwise left as it is: numbers keep every digit, strings their escapes, objects their order.
"""

from collections.abc import Collection

import msgspec

from waybill.sources.leave_out import hidden, without

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""Checks the whole text, strictly (RFC 8259, no NaN, no half of a surrogate pair), and parses the top level alone."""


class NotAnObject(ValueError):
    """The text is not one JSON object. The message is the end of a sentence and holds nothing of the text."""


def one_line(text: str, leave_out: Collection[str] = ()) -> bytes:
    """Return a JSON object as one line of UTF-8, without the fields named in ``leave_out`` (``sources.leave_out``).

    A name is compared as what it means, so escapes hide nothing. Where names are written twice, the text keeps both,
    unless something may have been left out: then the last of them stands. Raises NotAnObject.
    """
    try:
        fields = _FIELDS.decode(text)
        what = hidden(tuple(leave_out))
        if not what.may_touch(fields):
            return _without_line_ends(text.strip().encode())
        kept = without(fields, what)
    except RecursionError as error:
        raise NotAnObject("is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise NotAnObject("holds half of a surrogate pair") from error
    except msgspec.ValidationError as error:
        raise NotAnObject("is JSON, but not an object") from error
    except msgspec.DecodeError as error:
        raise NotAnObject("is not valid JSON") from error
    return _without_line_ends(msgspec.json.encode(kept))


def _without_line_ends(line: bytes) -> bytes:
    """In valid JSON a line end stands only between tokens, where a space does as well."""
    if b"\n" in line or b"\r" in line:
        return line.replace(b"\r", b" ").replace(b"\n", b" ")
    return line
