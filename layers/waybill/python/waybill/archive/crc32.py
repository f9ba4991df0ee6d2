"""CRC-32 (ISO 3309) of a whole from those of its pieces, without the bytes.

Appending n bytes to a content multiplies its remainder by x^(8n) modulo the polynomial; the remainders are then added.
So pieces may be summed up apart, some of them by the store that holds them.
"""

from functools import cache

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31  # x^0; bits stand in reverse


def combine(first: int, second: int, second_size: int) -> int:
    """Return the CRC-32 of two contents one after the other; the second has ``second_size`` bytes."""
    return _multiply(_power(second_size), first) ^ second


def _power(size: int) -> int:
    """Return x^(8 · size) modulo the polynomial."""
    product, bit = _ONE, 0
    while size:
        if size & 1:
            product = _multiply(_squared(bit), product)
        size >>= 1
        bit += 1
    return product


@cache
def _squared(bit: int) -> int:
    """Return x^(8 · 2^bit) modulo the polynomial."""
    if bit == 0:
        return _ONE >> 8
    root = _squared(bit - 1)
    return _multiply(root, root)


def _multiply(left: int, right: int) -> int:
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = left << 1 & 0xFFFFFFFF
        right = right >> 1 ^ (_POLYNOMIAL if right & 1 else 0)
    return product
