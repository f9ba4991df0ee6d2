"""Made-up documents are JSON of about the size that was asked for, and no two are alike."""

import json
import zlib
from collections.abc import Callable, Iterator

import pytest
from bench.data import documents, large_documents


@pytest.mark.parametrize(("make", "size"), [(documents, 20_000), (large_documents, 200_000)])
def test_documents_are_json_of_that_size(make: Callable[[int, int], Iterator[bytes]], size: int) -> None:
    made = list(make(3, size))
    assert len(set(made)) == 3
    assert all(json.loads(document)["records"] for document in made)
    assert all(0.9 * size < len(document) < 1.2 * size for document in made)


def test_a_large_document_compresses_as_one_of_new_records_only() -> None:
    fresh = b"".join(documents(10, 20_000))
    shuffled = b"".join(large_documents(1, 200_000))
    ratios = [len(text) / len(zlib.compress(text, level=1)) for text in (fresh, shuffled)]
    assert ratios[1] == pytest.approx(ratios[0], rel=0.02)
