"""Points in time as products write them, as whole Unix seconds."""

import pytest

from waybill.sources.moments import unix_seconds

NEW_YEAR = 1_767_225_600


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.999999999Z",
        "2026-01-01T02:00:00+02:00",
        "2026-01-01T00:00:00",
        "2026-01-01",
        NEW_YEAR,
        NEW_YEAR + 0.9,
        NEW_YEAR * 1000 + 999,
        str(NEW_YEAR),
        f"{NEW_YEAR}.5",
        str(NEW_YEAR * 1000),
    ],
)
def test_a_moment_is_read_in_any_usual_form(value: object) -> None:
    assert unix_seconds(value) == NEW_YEAR


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "yesterday",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "NaN",
        "inf",
        "9" * 400,
        -1,
        10**18,
        10**400,
        float("nan"),
        float("inf"),
        True,
        [],
        {},
    ],
)
def test_what_is_no_moment_is_zero(value: object) -> None:
    assert unix_seconds(value) == 0
