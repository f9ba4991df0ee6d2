"""``python -m client os2iot-import``, against the stand-in on a port."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from client.os2iot_import import main
from tests.systems.os2iot.backend import ADMIN, API_KEY, Backend
from tests.systems.os2iot.devices import HEADER
from tests.systems.serving import served


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def url(backend: Backend) -> Iterator[str]:
    with served(backend) as running:
        yield f"{running.url}/api/v1"


@pytest.fixture(autouse=True)
def _signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS2IOT_USERNAME", ADMIN[0])
    monkeypatch.setenv("OS2IOT_PASSWORD", ADMIN[1])


def write_csv(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER.split(","))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_csv_is_imported_and_every_row_is_told(
    tmp_path: Path, url: str, backend: Backend, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(
        tmp_path / "devices.csv",
        {
            "name": "bench, left",
            "type": "generic_http",
            "comment": "two\nlines",
            "latitude": "56.1",
            "longitude": "10.2",
        },
        {"name": "bad", "type": "GENERIC_HTTP", "deviceModelId": "99"},
        {"name": "", "type": "GENERIC_HTTP"},
        {"name": "odd", "type": "SIGFOX"},
    )

    assert main([str(path), "--url", url, "--application", "4"]) == 1
    out, err = capsys.readouterr()
    lines = [line.split("\t") for line in out.splitlines()]
    assert [(line[0], line[1], line[3]) for line in lines] == [
        ("1", "created", "bench, left"), ("2", "failed", "bad"), ("3", "failed", ""), ("4", "failed", "odd")
    ]  # fmt: skip
    made = next(each for each in backend.data.devices if each["name"] == "bench, left")
    assert (made["comment"], made["_application"]) == ("two\nlines", 4)
    assert "3 rows were not taken" in err
    with (tmp_path / "devices.rejected.csv").open(encoding="utf-8", newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [(row["name"], row["_waybill_error"]) for row in rejected] == [
        ("bad", "MESSAGE.DEVICE-MODEL-DOES-NOT-EXIST"),
        ("", "name must have 1 to 50 characters."),
        ("odd", "It is a Sigfox device, and the CSV has nothing of Sigfox. Import the exported records instead."),
    ]


def test_what_was_rejected_can_be_mended_and_sent_again(tmp_path: Path, url: str, backend: Backend) -> None:
    path = write_csv(tmp_path / "devices.csv", {"name": "bad", "type": "GENERIC_HTTP", "deviceModelId": "99"})
    main([str(path), "--url", url, "--application", "4"])
    rejected = tmp_path / "devices.rejected.csv"
    rejected.write_text(rejected.read_text().replace("99", "1"))

    assert main([str(rejected), "--url", url, "--application", "4"]) == 0
    assert backend.data.devices[-1]["_model"] == 1


def test_records_of_an_archive_are_imported(tmp_path: Path, url: str, backend: Backend) -> None:
    path = tmp_path / "0001-000001.ndjson"
    good = {"id": 7, "name": "a", "type": "GENERIC_HTTP", "metadata": {"color": "red"}, "applicationId": 1}
    bad = {"id": 8, "name": "b", "type": "LORAWAN", "lorawanSettings": {"devEUI": "0" * 16, "activationType": "OTAA"}}
    path.write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n")

    assert main([str(path), "--url", url, "--application", "4", "--rejected", str(tmp_path / "no.ndjson")]) == 1
    assert backend.data.devices[-1]["metadata"] == {"color": "red"}
    assert json.loads((tmp_path / "no.ndjson").read_text()) == {**bad, "_waybill_error": "deviceProfileID is missing."}


def test_a_row_with_too_many_cells_is_not_guessed_at(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("name,type\na,GENERIC_HTTP,x\nb,GENERIC_HTTP\n")

    assert main([str(path), "--url", url, "--application", "4"]) == 1
    assert "It has more cells than there are columns." in capsys.readouterr().out


def test_a_key_will_do(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS2IOT_API_KEY", API_KEY)
    path = write_csv(tmp_path / "devices.csv", {"name": "a", "type": "GENERIC_HTTP"})

    assert main([str(path), "--url", url, "--application", "2"]) == 0


@pytest.mark.parametrize("application", ["99", "4"])
def test_what_cannot_go_on_says_so_and_shows_no_secret(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], application: str
) -> None:
    path = write_csv(tmp_path / "devices.csv", {"name": "a", "type": "GENERIC_HTTP"})
    if application == "4":
        monkeypatch.setenv("OS2IOT_PASSWORD", "wrong-word")

    assert main([str(path), "--url", url, "--application", application]) == 2
    err = capsys.readouterr().err
    assert "no application 99" in err or "401" in err
    assert "wrong-word" not in err
