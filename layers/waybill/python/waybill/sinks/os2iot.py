"""Devices for an application of OS2iot, by its bulk API ``createMany`` (reference source-systems.md, A5).

The API answers row by row, but not always: a batch with one row that its form does not allow is refused whole (400),
and one that it fails on is answered with 500, whatever was made of it. So rows are checked before they are sent; a
batch that is refused is halved until the row is found; and after a failure the application is looked at, so that no
device is made twice and none is said to be made that is not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import msgspec

from waybill.domain.errors import SourceUnavailable
from waybill.sinks.os2iot_rows import problem_of
from waybill.sources.os2iot.api import rows_in_order
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.failures import NoAnswer, RequestRefused
from waybill.sources.rest.requests import Request, json_request

MOST_ROWS = 50
"""In one request (A5: create-iot-device-batch.dto.ts)."""

_BAD_REQUEST, _SERVER_ERROR = 400, 500
_NOT_FOUND = frozenset((404,))
_MOST_MESSAGE = 200


class Made(StrEnum):
    """What became of a row."""

    CREATED = "created"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Row:
    """One device to be made. ``number`` is its place in what is imported, from 1; ``device`` a CreateIoTDeviceDto.

    ``problem`` says why it cannot be sent, if that is known already.
    """

    number: int
    device: Mapping[str, Any]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row: the new device's ``id``, or the ``reason`` why there is none."""

    number: int
    name: str
    made: Made
    id: int | None = None
    reason: str = ""


class _Device(msgspec.Struct):
    id: int
    name: str = ""


class _Error(msgspec.Struct):
    message: str = ""


class _RowAnswer(msgspec.Struct):
    data: _Device | None = None
    error: _Error | None = None


_ANSWERS = msgspec.json.Decoder(list[_RowAnswer])
_DEVICE = msgspec.json.Decoder(_Device)


class Os2iotSink:
    """Makes devices in one application of the backend that ``client`` asks."""

    def __init__(self, client: RestClient, application: int) -> None:
        self._client = client
        self._application = application
        self._last_id = 0

    def check(self) -> None:
        """Raise SourceUnavailable if there is no such application: the API would answer 500 to every batch."""
        reply = self._client.send(Request(f"application/{self._application}", taken=_NOT_FOUND))
        if reply.status in _NOT_FOUND:
            raise SourceUnavailable(
                f"There is no application {self._application}, or it may not be read. Nothing was made."
            )
        self._last_id = max((device.id for device in self._devices(after=None)), default=0)

    def create(self, rows: Iterable[Row]) -> Iterator[RowResult]:
        """Make the devices; yield what became of each row, in their order.

        Raises SourceUnavailable if OS2iot does not answer any more. Then no row behind the last result was made, but
        for those of its batch, of which that is not known.
        """
        left = iter(rows)
        while batch := list(islice(left, MOST_ROWS)):
            found = {row.number: row.problem or problem_of(row.device) for row in batch}
            good = [row for row in batch if not found[row.number]]
            results = {result.number: result for result in self._made(good)} if good else {}
            for row in batch:
                yield results.get(row.number) or _failed(row, found[row.number])

    def _made(self, rows: Sequence[Row]) -> list[RowResult]:
        """Send rows; if they are refused together, send each half by itself."""
        try:
            return self._sent(rows)
        except RequestRefused as error:
            if error.status != _BAD_REQUEST and error.status < _SERVER_ERROR:
                raise
            made = [] if error.status == _BAD_REQUEST else self._looked_up(rows)
            reason = f"OS2iot refused it with {error.status}{_why(error.body)}"
        except NoAnswer as error:
            made, reason = self._looked_up(rows), f"OS2iot did not answer: {error}"
        there = {result.number for result in made}
        rest = [row for row in rows if row.number not in there]
        if len(rest) == 1 and len(rows) == 1:
            return [*made, _failed(rest[0], reason)]
        middle = -(-len(rest) // 2)
        return made + [result for half in (rest[:middle], rest[middle:]) if half for result in self._made(half)]

    def _sent(self, rows: Sequence[Row]) -> list[RowResult]:
        data = [{**row.device, "applicationId": self._application} for row in rows]
        reply = self._client.send(json_request("iot-device/createMany", {"data": data}, repeatable=False))
        answers = reply.json(_ANSWERS)
        if len(answers) != len(rows):
            raise SourceUnavailable(f"{reply.asked} told of {len(answers)} rows, and {len(rows)} were sent.")
        results = [_result(row, answer) for row, answer in zip(rows, answers, strict=True)]
        self._last_id = max((result.id for result in results if result.id is not None), default=self._last_id)
        return results

    def _looked_up(self, rows: Sequence[Row]) -> list[RowResult]:
        """Return those rows that have become devices although the answer did not say so, by their names."""
        new: dict[str, list[int]] = {}
        for device in self._devices(after=self._last_id):
            new.setdefault(device.name, []).append(device.id)
            self._last_id = max(self._last_id, device.id)
        results = []
        for row in rows:
            ids = new.get(str(row.device.get("name")))
            if ids:
                results.append(RowResult(row.number, str(row.device["name"]), Made.CREATED, ids.pop(0)))
        return results

    def _devices(self, after: int | None) -> Iterator[_Device]:
        path = f"application/{self._application}/iot-devices"
        return (_DEVICE.decode(row) for row in rows_in_order(self._client, path, after=after))


def _result(row: Row, answer: _RowAnswer) -> RowResult:
    if answer.data is not None and answer.error is None:
        return RowResult(row.number, str(row.device.get("name")), Made.CREATED, answer.data.id)
    return _failed(row, answer.error.message[:_MOST_MESSAGE] if answer.error else "OS2iot did not say why.")


def _failed(row: Row, reason: str) -> RowResult:
    return RowResult(row.number, str(row.device.get("name", "")), Made.FAILED, reason=reason)


def _why(body: bytes) -> str:
    """Return which field OS2iot found wrong, as far as it says so in a form that is known."""
    try:
        message = msgspec.json.decode(body)["message"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return "."
    return f": {message}"[:_MOST_MESSAGE] if isinstance(message, str) else _constraints(message)


def _constraints(message: object) -> str:
    found: list[str] = []

    def walk(faults: object) -> None:
        for fault in faults if isinstance(faults, list) else ():
            if isinstance(fault, dict):
                constraints = fault.get("constraints")
                found.extend(map(str, constraints.values()) if isinstance(constraints, dict) else ())
                walk(fault.get("children"))

    walk(message)
    return f": {'; '.join(found)}"[:_MOST_MESSAGE] if found else "."
