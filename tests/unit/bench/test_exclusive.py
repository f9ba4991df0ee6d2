"""Two runs at once in one checkout are refused; one after the other they are not."""

from pathlib import Path

import pytest
from bench.exclusive import only_run
from local.errors import LocalError


def test_a_second_run_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with only_run(tmp_path), pytest.raises(LocalError, match="already"), only_run(tmp_path):
        pass
    with only_run(tmp_path):
        pass
