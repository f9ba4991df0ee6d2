"""The pages on leaving a Cozy and Qiscus say what the code does."""

from pathlib import Path

import msgspec
import pytest

from waybill.entry.catalog_systems import Cozy, Qiscus, SystemEntry
from waybill.intake import cozy_link
from waybill.sources.cozy import choice, documents, secrets
from waybill.sources.qiscus import fetching, progress, rows, terms, windows

DOCS = Path(__file__).parents[2] / "docs"
COZY, QISCUS = ((DOCS / name).read_text() for name in ("cozy.md", "leaving-qiscus.md"))
LIMITS = (DOCS / "limits.md").read_text()


@pytest.mark.parametrize(("page", "entry"), [(COZY, Cozy), (QISCUS, Qiscus)])
def test_every_field_of_the_catalog_is_there(page: str, entry: type[SystemEntry]) -> None:
    names = {field.name for field in msgspec.structs.fields(entry)}

    assert {name for name in names if f"`{name}`" not in page} == set()


def test_every_secret_of_a_cozy_is_named() -> None:
    named = {*secrets.SECRETIVE, *(field for fields in secrets.FIELDS.values() for field in fields)}

    assert {name for name in named if f"`{name}`" not in COZY} == set()


@pytest.mark.parametrize(
    ("page", "figure"),
    [
        (COZY, f"{choice.MOST_DOCUMENT:,} bytes"),
        (COZY, f"take {cozy_link.PART_SECONDS // 60:.0f}\nminutes"),
        (COZY, f"Contents of up to {documents.SMALL // 2**20} MiB are stored eight at a time"),
        (LIMITS, f"{cozy_link.PART_SECONDS:.0f} s, begun three times"),
        (LIMITS, f"{choice.MOST_DOCUMENT:,} bytes"),
        (QISCUS, f"spans at most {windows.MOST_DAYS} days"),
        (
            QISCUS,
            f"{terms.CAPS['comments']:,} comments, {terms.CAPS['rooms']:,} rooms or {terms.CAPS['users']:,} users",
        ),
        (LIMITS, f"{terms.CAPS['users']:,} users, {terms.CAPS['rooms']:,} rooms, {terms.CAPS['comments']:,} comments"),
        (LIMITS, f"{fetching.MOST_FILE // 2**30} GiB, {fetching.FILE_SECONDS:.0f} s"),
    ],
)
def test_figures_are_those_of_the_code(page: str, figure: str) -> None:
    assert figure in page


def test_numbers_in_words_are_those_of_the_code() -> None:
    assert (cozy_link.DOWNLOADS, documents.SIDE_BY_SIDE) == (3, 8)
    assert (progress.MOST_TRIES, rows.AHEAD) == (3, 4)
    assert (fetching.PATIENCE.total_seconds(), progress.STAYS_FAILED.total_seconds()) == (7200, 900)
    assert rows.LATEST_OFFSET.total_seconds() == 7 * 3600
