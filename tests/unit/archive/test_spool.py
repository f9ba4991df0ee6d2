"""Bytes on their way to a store lie in memory as long as they are few, then on the disk, and can be read again."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.archive import spool
from waybill.archive.spool import Spool


@given(st.lists(st.binary(max_size=300)), st.integers(1, 200))
def test_what_was_written_is_read_as_often_as_need_be(chunks: list[bytes], in_memory: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "IN_MEMORY", in_memory)
        written = Spool()
        for chunk in chunks:
            written.write(chunk)
        content = b"".join(chunks)
        assert (len(written), written.crc32) == (len(content), zlib.crc32(content))
        assert [b"".join(written) for _ in range(2)] == [content] * 2
        written.close()


def test_much_is_read_in_chunks() -> None:
    written = Spool(b"x" * (2 * spool.IN_MEMORY + 1))
    assert max(map(len, written)) <= spool.IN_MEMORY
    written.close()
