"""Cutting a set of sort keys into ranges of about the same size, from few of its keys, and where keys lie in it."""

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from os.path import commonprefix

_DIGITS = 8
"""How many characters behind the common prefix count. More would cut no finer than shards are."""


def cuts(sample: Sequence[str], last: str, ranges: int) -> list[str]:
    """Return up to ``ranges - 1`` keys, ascending, that cut the keys from ``sample[0]`` to ``last`` into ranges.

    ``sample`` is the first keys of the set. Between the first key and the last one, keys are taken to be spread evenly
    over the characters that the sample shows: ten of them for decimal numbers, sixteen for hexadecimal ones. Keys that
    are spread otherwise make ranges of unequal size, and nothing worse.
    """
    first = sample[0]
    if first == last:
        return []
    prefix = commonprefix([first, last])  # noqa: RUF071 - by character is what is meant
    alphabet = sorted({character for key in (*sample, last) for character in key[len(prefix) :]})
    low, high = (_number(key[len(prefix) :], alphabet) for key in (first, last))
    numbers = {low + (high - low) * part // ranges for part in range(1, ranges)}
    keys = (prefix + _text(number, alphabet) for number in sorted(numbers))
    return [key for key in keys if first < key <= last]


def _number(text: str, alphabet: Sequence[str]) -> int:
    """Read the first characters as the digits of a number, in the base that the alphabet gives.

    A character that the alphabet lacks counts as the next one that it has.
    """
    number = 0
    for character in text[:_DIGITS].ljust(_DIGITS, alphabet[0]):
        number = number * len(alphabet) + min(bisect_left(alphabet, character), len(alphabet) - 1)
    return number


def _text(number: int, alphabet: Sequence[str]) -> str:
    digits = []
    for _ in range(_DIGITS):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits))


class KeyScale:
    """Where the keys of a set lie between its first and its last one, taken to be spread as ``cuts`` takes them."""

    def __init__(self, sample: Sequence[str], last: str, *, numeric: bool = False) -> None:
        """Take ``sample`` for the first keys of the set, ascending. ``numeric`` keys are numbers, not texts."""
        first = sample[0]
        self._last = last
        self._numeric = numeric
        self._prefix = commonprefix([first, last])  # noqa: RUF071 - by character is what is meant
        digits = (key[len(self._prefix) :][:_DIGITS] for key in (*sample, last))
        self._alphabet = sorted({character for text in digits for character in text}) or [" "]
        self._low, self._high = self._place(first), self._place(last)

    def position(self, key: str) -> float:
        """Return where a key lies: 0 for the first of the set and below, 1 for the last and above."""
        if self._high <= self._low:
            return 0.0
        if not self._numeric and not key.startswith(self._prefix):
            return float(key > self._last)
        return float(min(max((self._place(key) - self._low) / (self._high - self._low), Decimal(0)), Decimal(1)))

    def cuts(self, after: str, ranges: int) -> list[str]:
        """Return up to ``ranges - 1`` keys, ascending, that cut the keys from ``after`` to the last into ranges."""
        low = self._place(after)
        places = (low + (self._high - low) * part / ranges for part in range(1, ranges))
        if self._numeric:
            return [f"{place:f}" for place in places] if self._high > low else []
        keys = (self._prefix + _text(int(place), self._alphabet) for place in places)
        return sorted({key for key in keys if after < key <= self._last})

    def _place(self, key: str) -> Decimal:
        if self._numeric:
            return Decimal(key)
        return Decimal(_number(key[len(self._prefix) :], self._alphabet))
