"""docs/formats-in.md names every code, format and limit that the readers have, and none besides."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from waybill.adapters import public_web, web_inputs
from waybill.archive.container import container_of
from waybill.domain import import_limits
from waybill.domain.arrival_codes import ArrivalCode
from waybill.domain.options import FORMATS_OF
from waybill.intake import json_row, members, rows
from waybill.intake.codes import ArchiveCode, BreakCode, PartCode, RowCode
from waybill.intake.formats import FORMATS
from waybill.intake.json_row import ERROR
from waybill.intake.staged_inputs import RemarkCode
from waybill.intake.tar_reader import PACKINGS

TEXT = (Path(__file__).parents[2] / "docs" / "formats-in.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """What stands under a heading, up to the next heading."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def first_cells(text: str) -> list[str]:
    """What stands between backticks in the first cells of table rows."""
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize(
    ("heading", "codes"),
    [
        ("Codes of inputs", ArrivalCode),
        ("Remarks", RemarkCode),
        ("Codes of a row", RowCode),
        ("Codes that end the reading", BreakCode),
        ("Codes of an archive", ArchiveCode),
        ("Parts and groups", PartCode),
    ],
)
def test_every_code_is_described_once_and_no_other(heading: str, codes: type[StrEnum]) -> None:
    assert first_cells(section(heading)) == [code.value for code in codes]


def test_every_format_is_described() -> None:
    formats = [word for word in first_cells(section("Rows")) if word in FORMATS]
    assert formats == list(FORMATS)
    packings = first_cells(section("Archives"))
    assert set(packings) == {*PACKINGS, "zip"} == {container_of(name).extension for name in FORMATS_OF["bag"]}


def test_the_limits_are_those_of_the_code() -> None:
    told = {
        match[2]: match[1]
        for match in re.finditer(r"^\| [^|]+ \| ([^|]+) \| `(\w+)` \|$", section("Rows"), re.MULTILINE)
    }
    assert told == {
        RowCode.ROW_TOO_LARGE: f"{rows.MOST_ROW:,} bytes",
        BreakCode.ENDLESS_ROW: f"{rows.MOST_PASSED:,} bytes",
        RowCode.TOO_DEEP: f"{rows.MOST_DEPTH} levels",
        BreakCode.ENDLESS_DEPTH: f"{rows.MOST_TRACKED_DEPTH:,} levels",
        RowCode.NUMBER_TOO_LARGE: (
            f"{json_row.MOST_DIGITS}, and a magnitude from 1e{json_row.LEAST_EXPONENT} to "
            f"1e{json_row.MOST_EXPONENT + 1}"
        ),
    }
    archives = section("Archives")
    limits = members.Limits(total=1, member=1)
    unpacked = f"{import_limits.UNPACKED_TIMES} times `MaxInputBytes`, have {limits.members:,} members"
    assert unpacked in archives
    assert f"{limits.ratio} times its own size (beyond the\nfirst {members.RATIO_FREE // 2**20} MiB)" in archives
    assert f"up to {members.MOST_PATH_BYTES:,} bytes" in archives


def test_the_limits_of_inputs_are_those_of_the_code() -> None:
    inputs = section("Inputs")
    assert f"up to {import_limits.MOST_INPUTS:,}, in any order" in inputs
    assert f"less than {web_inputs.LEAST_SPEED:,} bytes come a second\non average over a minute" in inputs
    assert web_inputs.WINDOW_SECONDS == 60
    assert public_web.MOST_REDIRECTS == 5
    assert "at most five redirects" in inputs


def test_the_name_of_the_reason_is_the_one_in_the_code() -> None:
    assert set(re.findall(r"_\w+_error", TEXT)) == {ERROR}
