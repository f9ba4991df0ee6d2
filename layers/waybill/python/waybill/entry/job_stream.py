"""Where changes of job records enter: a batch of the Jobs table's stream (DynamoDB Streams, ``Record``)."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from waybill.adapters.dynamodb_jobs import job_of_image
from waybill.domain.change_event import ChangeEvent, change_of
from waybill.domain.errors import WaybillError
from waybill.entry.event import Happening
from waybill.entry.observability import logger


def each_change(happening: Happening, run: Callable[[str, ChangeEvent], object]) -> dict[str, Any]:
    """Call ``run`` with tenant and event of every change of an export's state, in their order.

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


def _handle(record: Mapping[str, Any], run: Callable[[str, ChangeEvent], object]) -> None:
    before = job_of_image(record["OldImage"]) if record.get("OldImage") else None
    after = job_of_image(record["NewImage"])
    event = change_of(before, after, datetime.fromtimestamp(int(record["ApproximateCreationDateTime"]), UTC))
    if event is not None:
        run(after.tenant, event)
