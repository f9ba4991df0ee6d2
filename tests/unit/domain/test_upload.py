"""How a file is cut into the parts that are sent."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.errors import InvalidUpload, UploadGone
from waybill.domain.plan import Piece
from waybill.domain.upload import LEAST_PART, LIFE, MOST_PARTS, SINGLE_MOST, is_upload_id, new_upload

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOST = 5 * 1024**4
"""S3 takes no larger object."""


@given(size=st.one_of(st.integers(1, MOST), st.integers(1, 4 * LEAST_PART)))
def test_the_parts_are_the_file_and_as_the_store_wants_them(size: int) -> None:
    upload = new_upload("alice", "x", size, NOW, most=MOST)

    count = upload.part_count
    assert 1 <= count <= MOST_PARTS
    assert (count == 1) == (size <= SINGLE_MOST)
    assert upload.part_size * (count - 1) + upload.part(count).size == size
    assert 0 < upload.part(count).size <= upload.part_size
    assert count == 1 or 5 * 1024**2 <= upload.part_size <= 5 * 1024**3


@given(size=st.integers(1, 6 * LEAST_PART), there=st.sets(st.integers(1, 6)), short=st.sets(st.integers(1, 6)))
def test_missing_are_the_parts_that_are_not_there_or_not_whole(size: int, there: set[int], short: set[int]) -> None:
    upload = new_upload("alice", "x", size, NOW, most=MOST)
    pieces = [Piece(n, upload.part(n).size - (n in short), "") for n in sorted(there) if n <= upload.part_count]

    missing = {part.number for part in upload.missing(pieces)}
    assert missing == {n for n in range(1, upload.part_count + 1) if n not in there or n in short}


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\\b", "\x00", "a\u2028b", "x" * 256, "\ud800"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidUpload) as caught:
        new_upload("alice", name, 1, NOW, most=MOST)
    assert caught.value.pointer == "/data/attributes/name"


def test_it_ends_after_seven_days() -> None:
    upload = new_upload("alice", "x", 1, NOW, most=MOST)
    upload.check_not_gone(NOW)
    with pytest.raises(UploadGone):
        upload.check_not_gone(NOW + LIFE)


def test_ids_are_told_from_other_texts() -> None:
    assert is_upload_id(new_upload("alice", "x", 1, NOW, most=MOST).id)
    assert not [text for text in ("", "x", "0" * 31, "0" * 33, "G" * 32, "../" + "0" * 29) if is_upload_id(text)]
