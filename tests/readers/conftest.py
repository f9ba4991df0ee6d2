"""Exports to read, each made once."""

from collections.abc import Callable

import pytest

pytest.register_assert_rewrite("tests.readers.expectations")

from tests.readers.contents import Contents  # noqa: E402 - the line above must come before
from tests.readers.exports import Made, make  # noqa: E402
from tests.readers.tools import ARIA2  # noqa: E402

collect_ignore = [] if ARIA2.is_tested else ["test_downloads.py"]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Contents], Made]:
    """An export in a format, the same one whenever it is asked for."""
    exports: dict[tuple[str, str], Made] = {}

    def give(kind: str, contents: Contents) -> Made:
        if (kind, contents.name) not in exports:
            exports[kind, contents.name] = make(kind, contents, tmp_path_factory.mktemp("export"))
        return exports[kind, contents.name]

    return give
