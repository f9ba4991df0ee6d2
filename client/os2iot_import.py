"""``python -m client os2iot-import``: make the devices of an export in an application of OS2iot.

It takes the CSV that Waybill and OS2iot export, or records of ``os2iot.iot-devices`` as they lie in an archive, and
says of every row what became of it. Rows that failed are written as they were, each with its reason in
``_waybill_error``, to be mended and sent again. The secret comes from the environment: OS2IOT_USERNAME and
OS2IOT_PASSWORD, or OS2IOT_API_KEY.
"""

import argparse
import csv
import functools
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waybill.adapters.http import Endpoint
from waybill.domain.catalog import SystemSource
from waybill.domain.errors import WaybillError
from waybill.intake.json_row import ERROR
from waybill.sinks.os2iot import Made, Os2iotSink, Row, RowResult
from waybill.sinks.os2iot_rows import BadRow, device_of_record, device_of_row
from waybill.sources.os2iot.api import client_of
from waybill.sources.system import Tools

_IDLE_SECONDS = 4.0


class EnvironmentSecrets:
    """The secret of one backend, from environment variables (port Secrets)."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, name: str, *, fresh: bool = False) -> str:  # noqa: ARG002 - as the port says
        """Return the secret as Secrets Manager would have it."""
        variables = {"username": "OS2IOT_USERNAME", "password": "OS2IOT_PASSWORD", "apiKey": "OS2IOT_API_KEY"}
        found = {field: self._environment.get(variable) for field, variable in variables.items()}
        return json.dumps({field: value for field, value in found.items() if value})


@dataclass(frozen=True)
class Given:
    """A row as it was given, to be written again if it fails."""

    row: Row
    cells: Mapping[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Run the command: 0 if every row was taken, 1 if some were not, 2 if it could not go on."""
    asked = _parser().parse_args(arguments)
    source = SystemSource("os2iot", "os2iot", asked.url, "environment", ())
    connect = functools.partial(Endpoint, idle=_IDLE_SECONDS)
    client = client_of(source, Tools(connect, EnvironmentSecrets(os.environ)))
    sink = Os2iotSink(client, asked.application)
    given: dict[int, Given] = {}
    failed: list[tuple[Given, str]] = []
    try:
        sink.check()
        for result in sink.create(_kept(rows_of(asked.file), given)):
            print(line_of(result))
            if result.made is Made.FAILED:
                failed.append((given[result.number], result.reason))
            del given[result.number]
    except (WaybillError, OSError, ValueError) as error:
        print(f"{error} Of the rows behind the last one above it is not known whether they were made.", file=sys.stderr)
        return 2
    finally:
        if failed:
            write_rejected(asked.rejected or asked.file.with_suffix(f".rejected{asked.file.suffix}"), failed)
    return 1 if failed else 0


def rows_of(path: Path) -> Iterator[Given]:
    """Yield the devices of a file: a CSV with a header row, or one JSON object a line."""
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, cells in enumerate(csv.DictReader(file, restval="", strict=True), start=1):
                yield _given(number, {name: value for name, value in cells.items() if name != ERROR}, device_of_row)
    else:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate((each for each in file if each.strip()), start=1):
                record = {name: value for name, value in json.loads(line).items() if name != ERROR}
                yield _given(number, record, device_of_record)


def line_of(result: RowResult) -> str:
    """Return what is printed of a row: number, outcome, id, name and reason, with tabs between."""
    return "\t".join((str(result.number), result.made, str(result.id or ""), result.name, result.reason))


def write_rejected(path: Path, failed: Sequence[tuple[Given, str]]) -> None:
    """Write rows as they were given, each with its reason."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".csv":
            names = [*dict.fromkeys(name for given, _ in failed for name in given.cells), ERROR]
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows({**given.cells, ERROR: reason} for given, reason in failed)
        else:
            for given, reason in failed:
                file.write(json.dumps({**given.cells, ERROR: reason}, ensure_ascii=False) + "\n")
    print(f"{len(failed)} rows were not taken: {path}", file=sys.stderr)


def _given(number: int, cells: Mapping[str, Any], device_of: Any) -> Given:
    if None in cells:  # csv puts cells without a column there
        cells = {name: value for name, value in cells.items() if name is not None}
        return Given(Row(number, {"name": cells.get("name", "")}, "It has more cells than there are columns."), cells)
    try:
        return Given(Row(number, device_of(cells)), cells)
    except BadRow as error:
        return Given(Row(number, {"name": cells.get("name", "")}, str(error)), cells)


def _kept(rows: Iterator[Given], given: dict[int, Given]) -> Iterator[Row]:
    """Pass rows on, and keep what they were until it is known what became of them."""
    for each in rows:
        given[each.row.number] = each
        yield each.row


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m client os2iot-import", description=__doc__)
    parser.add_argument("file", type=Path, help="a .csv, or a .ndjson with exported records")
    parser.add_argument("--url", required=True, help="of the API, such as https://os2iot.example.org/api/v1")
    parser.add_argument("--application", type=int, required=True, help="the number of the application to make them in")
    parser.add_argument("--rejected", type=Path, help="where to write rows that failed. Default: beside the file")
    return parser
