"""Cutting a set of sort keys into ranges of about the same size, from few of its keys."""

from collections.abc import Sequence
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
    """Read the first characters as the digits of a number, in the base that the alphabet gives."""
    number = 0
    for character in text[:_DIGITS].ljust(_DIGITS, alphabet[0]):
        number = number * len(alphabet) + alphabet.index(character)
    return number


def _text(number: int, alphabet: Sequence[str]) -> str:
    digits = []
    for _ in range(_DIGITS):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits))
