"""One row of JSON text: an object that means the same to every reader (RFC 8259; I-JSON, RFC 7493).

Two ways lead to the same result. msgspec decodes nearly every row; what it does not refuse by itself is found by
counting: a row has as many quotation marks as the same value written again, unless a key came twice. Where that decides
nothing, and where a row is bad, the standard library's decoder with hooks looks at everything and names the place.
"""

import json
from decimal import Decimal
from typing import Any

import msgspec

from waybill.intake.codes import RowCode
from waybill.intake.rows import MOST_DEPTH, Problem

ERROR = "_waybill_error"
"""The member, or column, in which ``failures`` tells why a row was rejected. Who sends it again is not asked to remove
it."""

MOST_DIGITS = 38
LEAST_EXPONENT, MOST_EXPONENT = -130, 125
"""Numbers have up to 38 significant digits, and a magnitude from 1e-130 to 1e126: what DynamoDB stores exactly."""

_SURELY_EXACT = 16
_LONG_NUMBER = b"0" * (MOST_DIGITS + 1)
_STRIDE = 7
_SAMPLES = b"0" * (len(_LONG_NUMBER) // _STRIDE)
"""Every seventh byte of a text that holds a long number has as many digits in a row, which nearly no other text has."""

_FOLDED = bytes.maketrans(b"123456789[", b"000000000{")

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


class _Refused(ValueError):
    """A number that cannot be kept."""


def number(text: str) -> float | Decimal:
    """Return a number with a fraction or an exponent: a float if that is exactly it, else a Decimal.

    Raises ValueError if it has too many digits or is too large or too small.
    """
    if len(text) <= _SURELY_EXACT and "e" not in text and "E" not in text:
        return float(text)
    exact = Decimal(text)
    if not _fits(exact):
        raise _Refused
    near = float(text)
    return near if Decimal(repr(near)) == exact else exact


def whole(text: str) -> int:
    """Return a number without fraction and exponent. Raises ValueError if it has too many digits."""
    if len(text) > MOST_DIGITS and not _fits(Decimal(text)):
        raise _Refused
    return int(text)


def _fits(exact: Decimal) -> bool:
    digits = len(bytes(exact.as_tuple().digits).strip(b"\0"))
    return not exact or (digits <= MOST_DIGITS and LEAST_EXPONENT <= exact.adjusted() <= MOST_EXPONENT)


_DECODE = msgspec.json.Decoder(dict[str, Any], float_hook=number).decode


def read_object(raw: bytes) -> dict[str, Any] | Problem:
    """Return the object that ``raw`` is the text of, or why it is none that can be taken."""
    try:
        value = _DECODE(raw)
        again = _ENCODE(value)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return read_slowly(raw)
    if again != raw and (raw.count(b'"') != again.count(b'"') or (b"\\" in raw and b"\\u0022" in raw)):
        return read_slowly(raw)
    if (b"[" in raw or raw.find(b"{", 1) > 0) and raw.translate(_FOLDED).count(b"{") > MOST_DEPTH:
        return read_slowly(raw)
    if _has_long_number(raw):
        return read_slowly(raw)
    return without_error(value) if ERROR in value else value


def read_again(raw: bytes) -> dict[str, Any] | Problem:
    """Return what ``read_object`` returns of a text that it has made an object of before, in half the time."""
    try:
        value = _DECODE(raw)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return read_object(raw)
    if _has_long_number(raw):
        return read_slowly(raw)
    return without_error(value) if ERROR in value else value


def _has_long_number(raw: bytes) -> bool:
    """Whether a text has a number with more digits than the fast decoder can be trusted with."""
    return _SAMPLES in raw[::_STRIDE].translate(_FOLDED) and _LONG_NUMBER in raw.translate(_FOLDED)


def read_slowly(raw: bytes) -> dict[str, Any] | Problem:
    """Return what ``read_object`` returns, in five times the time."""
    value = read_value(raw)
    if isinstance(value, Problem):
        return value
    if not isinstance(value, dict):
        return Problem(RowCode.NOT_AN_OBJECT, "", f"The row is {_kind(value)}; a row is a JSON object.")
    return without_error(value) if ERROR in value else value


def without_error(value: dict[str, Any]) -> dict[str, Any] | Problem:
    """Return a row that was rejected before without the reason; a row of which only the reason is left is bad.

    Only what ``failures`` writes is taken for a reason: any other member of that name is the sender's.
    """
    reason = value[ERROR]
    if not isinstance(reason, dict) or not {"row", "code", "pointer", "detail"} <= reason.keys():
        return value
    if "sent" in reason and len(value) == 1:
        return Problem(
            RowCode.NOT_MENDED, "", f"The row is still as it was rejected: write it in place of {ERROR}, or remove it."
        )
    del value[ERROR]
    return value


def read_value(raw: bytes) -> Any:
    """Return any value that ``raw`` is the text of, or the first Problem with it."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Problem(RowCode.NOT_UTF_8, "", f"Byte {error.start} of the row is not UTF-8.")
    if depth_of(raw) > MOST_DEPTH:
        return Problem(RowCode.TOO_DEEP, "", f"The row is nested deeper than {MOST_DEPTH} levels.")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = len(text[: error.pos].encode())
        return Problem(RowCode.NOT_JSON, "", f"The row is not JSON: {error.msg} (byte {place} of the row).")
    except _Constant as error:
        return Problem(RowCode.NOT_JSON, "", f"The row is not JSON: there is no number {error}.")
    return _fault(value, "") or value


def depth_of(raw: bytes) -> int:
    """Return how deep the brackets of a text are nested, those in strings left out; more than MOST_DEPTH is enough."""
    if raw.translate(_FOLDED).count(b"{") <= MOST_DEPTH:
        return 0
    deepest = depth = position = 0
    in_string = False
    while position < len(raw):
        byte = raw[position]
        if in_string:
            if byte == _BACKSLASH:
                position += 1
            in_string = byte != _QUOTE
        elif byte == _QUOTE:
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MOST_DEPTH:
                break
        elif byte in b"]}":
            depth -= 1
        position += 1
    return deepest


_QUOTE, _BACKSLASH = b'"\\'


class _Constant(Exception):
    """NaN or Infinity."""


class _Unfit:
    """Stands for a number that cannot be kept."""


class _Doubled(dict[str, Any]):
    """An object in which a key came twice."""

    key = ""


def _float(text: str) -> Any:
    try:
        return number(text)
    except (ValueError, ArithmeticError):
        return _Unfit()


def _int(text: str) -> Any:
    try:
        return whole(text)
    except (ValueError, ArithmeticError):
        return _Unfit()


def _refuse_constant(name: str) -> Any:
    raise _Constant(name)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    doubled = _Doubled(members)
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            doubled.key = key
            break
        seen.add(key)
    return doubled


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_refuse_constant
)


def _fault(value: Any, pointer: str) -> Problem | None:
    """Return the first problem in a value that is at ``pointer``, in the order in which it stands."""
    if isinstance(value, str):
        return _unless_text(value, pointer)
    if isinstance(value, _Unfit):
        sentence = f"The number has more than {MOST_DIGITS} digits, or is too large or too small to be kept as it is."
        return Problem(RowCode.NUMBER_TOO_LARGE, pointer, sentence)
    if isinstance(value, _Doubled):
        return Problem(RowCode.DUPLICATE_KEY, f"{pointer}/{escaped(value.key)}", "The key stands twice in its object.")
    if isinstance(value, dict):
        for key, each in value.items():
            fault = _unless_text(key, pointer) or _fault(each, f"{pointer}/{escaped(key)}")
            if fault:
                return fault
    elif isinstance(value, list):
        for index, each in enumerate(value):
            fault = _fault(each, f"{pointer}/{index}")
            if fault:
                return fault
    return None


def _unless_text(text: str, pointer: str) -> Problem | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        sentence = "The text has half of a surrogate pair, which no UTF-8 can say."
        return Problem(RowCode.LONE_SURROGATE, pointer, sentence)
    return None


def escaped(key: str) -> str:
    """Return a key as it stands in a JSON Pointer (RFC 6901, section 3). What no UTF-8 can say becomes ``?``."""
    return key.replace("~", "~0").replace("/", "~1").encode("utf-8", "replace").decode()


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    return "an array" if isinstance(value, list) else "a number"
