"""The digests of a part's pieces, wherever its chunks are cut."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from waybill.archive.pieces import MOST, SHORTEST, PieceDigests, piece_length
from waybill.domain.options import GIBIBYTE


@given(st.lists(st.binary(max_size=40)), st.integers(1, 16))
def test_they_are_those_of_the_whole_content_cut_into_pieces(chunks: list[bytes], length: int) -> None:
    pieces = PieceDigests(length)
    for chunk in chunks:
        pieces.update(chunk)

    content = b"".join(chunks)
    cut = [content[start : start + length] for start in range(0, len(content), length)]
    assert pieces.digests() == tuple(hashlib.sha256(piece).hexdigest() for piece in cut)


def test_pieces_grow_with_the_part_so_that_there_are_never_many() -> None:
    assert piece_length(10_240) == piece_length(GIBIBYTE) == SHORTEST
    assert piece_length(GIBIBYTE + 1) == 2 * SHORTEST
    assert -(-5_000 * GIBIBYTE // piece_length(5_000 * GIBIBYTE)) <= MOST
