"""Where changes of job records enter: a batch of the Jobs table's stream (DynamoDB Streams, ``Record``)."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from waybill.adapters.dynamodb_imports import import_of_image
from waybill.adapters.dynamodb_jobs import job_of_image
from waybill.domain.change_event import Event, change_of
from waybill.domain.errors import WaybillError
from waybill.domain.import_event import import_change_of
from waybill.entry.event import Happening
from waybill.entry.observability import logger


def each_change(happening: Happening, run: Callable[[str, Event], object]) -> dict[str, Any]:
    """Call ``run`` with tenant and event of every change of a state, of exports and imports, in their order.

    The first record that meets an error of Waybill's ends the batch: Lambda is told its number, and comes again with it
    and those behind it (Lambda, "Reporting batch item failures"). Those before it are done.
    """
    for record in happening.payload["Records"]:
        try:
            _handle(record["dynamodb"], run)
        except WaybillError as error:
            logger().warning("change not published", extra={"code": error.code, "detail": str(error)})
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def _handle(record: Mapping[str, Any], run: Callable[[str, Event], object]) -> None:
    at = datetime.fromtimestamp(int(record["ApproximateCreationDateTime"]), UTC)
    is_import = record["Keys"]["sk"]["S"].startswith("import#")
    event = _import_event(record, at) if is_import else _export_event(record, at)
    if event is not None:
        run(record["Keys"]["pk"]["S"], event)


def _export_event(record: Mapping[str, Any], at: datetime) -> Event | None:
    before = job_of_image(record["OldImage"]) if record.get("OldImage") else None
    return change_of(before, job_of_image(record["NewImage"]), at)


def _import_event(record: Mapping[str, Any], at: datetime) -> Event | None:
    before = import_of_image(record["OldImage"]) if record.get("OldImage") else None
    return import_change_of(before, import_of_image(record["NewImage"]), at)
