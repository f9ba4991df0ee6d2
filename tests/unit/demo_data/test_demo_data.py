"""The demo data is what the catalog says, the same every time, and another for every user."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from local.demo_data import cloud
from local.demo_data.record import Record

CATALOG = Path(__file__).parents[3] / "layers" / "catalog"
SCHEMAS = CATALOG / "schemas"


def everything(user: str) -> list[Record]:
    return [*cloud.records(user), *(item.record for item in cloud.library(user).items())]


@pytest.fixture(scope="module")
def owner() -> list[Record]:
    return everything("owner")


def test_every_record_is_as_its_schema_says(owner: list[Record]) -> None:
    validators = {path.stem: Draft202012Validator(json.loads(path.read_text())) for path in SCHEMAS.glob("*.json")}

    wrong = [
        f"{record.doctype}: {error.json_path} {error.message}"
        for record in owner
        for error in validators[record.doctype].iter_errors(record.body)
    ]

    assert wrong == []


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_every_schema_is_one(path: Path) -> None:
    Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_it_is_a_believable_cloud(owner: list[Record]) -> None:
    kinds = Counter(record.doctype for record in owner)

    assert set(kinds) == set(yaml.safe_load((CATALOG / "catalog.yaml").read_text())["doctypes"])
    assert len(kinds) >= 8
    assert kinds.total() > 2_000


def test_it_is_the_same_every_time_and_another_for_another_user() -> None:
    def digest(user: str) -> str:
        return hashlib.sha256(json.dumps([record.body for record in everything(user)]).encode()).hexdigest()

    assert digest("stranger") == digest("stranger") != digest("owner")
