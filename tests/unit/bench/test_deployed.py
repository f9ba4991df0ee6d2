"""What measured functions get is what the template gives."""

import pytest
from bench.deployed import allocator_settings, memory_mib


@pytest.mark.parametrize(("function", "memory"), [("pack_part", 1769), ("get_export", 512)])
def test_a_function_has_its_own_memory_or_that_of_all(function: str, memory: int) -> None:
    assert memory_mib(function) == memory


def test_the_allocator_is_tuned_as_deployed() -> None:
    assert allocator_settings() == {"MALLOC_ARENA_MAX": "1"}
