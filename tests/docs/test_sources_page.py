"""docs/sources.md and docs/os2iot.md say what the code does, and the worked example works as it stands there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import yaml
from client import os2iot_import
from tests.docs.test_docs import listed, page, section, words
from tests.system_sources import REPOSITORY, SYSTEM_CATALOGS, system_catalog

from waybill.entry.catalog_systems import MOST_REQUESTS, SystemEntry
from waybill.sources.os2iot import OS2IOT, SECRETS
from waybill.sources.os2iot.device_columns import ABP_COLUMNS, COLUMNS
from waybill.sources.rest.timing import PATIENCE
from waybill.sources.systems import SYSTEMS

PACKAGE = "layers/waybill/python/waybill"


def test_every_field_of_a_system_is_in_the_page() -> None:
    fields = {field.name: field for field in msgspec.structs.fields(SystemEntry)}
    text = section(page("sources.md"), "Fields of every system")

    assert listed(text) == {"kind", *fields}
    assert f"| {fields['requests'].default} | requests in flight at once, 1 to {MOST_REQUESTS} |" in text
    assert f"for {PATIENCE:.0f} seconds" in page("sources.md")


def test_every_system_has_a_catalog_that_can_be_read_and_names_all_it_has() -> None:
    assert {path.stem for path in SYSTEM_CATALOGS.glob("*.yaml")} >= set(SYSTEMS)
    for kind in SYSTEMS:
        catalog = system_catalog(kind)
        assert {each.collection for each in catalog.doctypes.values()} >= {"iot-devices"} or kind != "os2iot"
        assert all(each.tenants for each in catalog.doctypes.values())


def test_every_doctype_and_secret_of_os2iot_is_in_its_page() -> None:
    text = page("os2iot.md")

    assert {f"os2iot.{name}" for name in OS2IOT.collections} <= listed(section(text, "What is read"))
    assert {name.removeprefix("**.") for name in SECRETS} <= words(section(text, "What is read"))
    shipped = yaml.safe_load((SYSTEM_CATALOGS / "os2iot.yaml").read_text(encoding="utf-8"))
    assert set(shipped["doctypes"]) == {f"os2iot.{name}" for name in OS2IOT.collections}


def test_the_columns_in_the_page_are_those_of_the_csv() -> None:
    text = section(page("os2iot.md"), "The CSV of devices")

    assert ",".join(COLUMNS) in words(text)
    assert set(ABP_COLUMNS) <= words(text)


def test_every_argument_of_the_import_is_in_the_page() -> None:
    actions = os2iot_import._parser()._actions
    names = {(each.option_strings or [each.dest])[-1] for each in actions} - {"--help"}

    assert listed(section(page("os2iot.md"), "Into another application")) == names


def blocks(language: str) -> list[str]:
    text = section(page("sources.md"), "A system of your own")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def insert(path: Path, before: str, text: str) -> None:
    """Put a text before a line, as a person who follows the page would."""
    source = path.read_text(encoding="utf-8")
    assert before in source, (path, before)
    path.write_text(source.replace(before, f"{text}\n\n{before}", 1), encoding="utf-8")


def test_the_worked_example_works(tmp_path: Path) -> None:
    """Follow the page in a copy of the checkout, and run the test that stands in it."""
    for folder in ("layers", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "e2e", "readers", "workflow")
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    module, kind, entry, test = blocks("python")
    [catalog], [schema] = blocks("yaml"), blocks("json")
    package = tmp_path / PACKAGE
    (package / "sources" / "shelf.py").write_text(module, encoding="utf-8")
    insert(package / "sources" / "systems.py", "SYSTEMS: Mapping", kind)
    systems = (package / "sources" / "systems.py").read_text(encoding="utf-8")
    systems = re.sub(r"(SYSTEMS: .*= \{)", r'\1"shelf": _shelf, ', systems)
    (package / "sources" / "systems.py").write_text(systems, encoding="utf-8")
    insert(package / "entry" / "catalog_systems.py", "def collection_of(", entry)
    reader = package / "entry" / "catalog_file.py"
    text = reader.read_text(encoding="utf-8").replace("catalog_systems import ", "catalog_systems import Shelf, ")
    reader.write_text(text.replace("sources: dict[str, ", "sources: dict[str, Shelf | ", 1), encoding="utf-8")
    (tmp_path / "layers/catalog/systems/shelf.yaml").write_text(catalog, encoding="utf-8")
    (tmp_path / "layers/catalog/schemas/shelf.books.json").write_text(schema, encoding="utf-8")
    (tmp_path / "tests/unit/sources/test_shelf.py").write_text(test, encoding="utf-8")

    run = [sys.executable, "-m", "pytest", "-q", "tests/unit/sources/test_shelf.py"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert f"{test.count('def test_') + 5} passed" in done.stdout
    for tool in (["ruff", "check", "--select", "E,F,I,UP,B,RUF", str(package / "sources" / "shelf.py")],):
        checked = subprocess.run(
            [sys.executable, "-m", *tool], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout
