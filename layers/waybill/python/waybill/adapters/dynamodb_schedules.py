"""The schedules on the DynamoDB table of the job records: partition key the tenant, sort key ``schedule#<name>``.

The options stand as one JSON text, so that a record keeps them whatever options later releases add.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_table import LAST, ConditionFailed, DynamoDbTable, Item, NewItem, key, number, text
from waybill.domain.errors import ScheduleChanged, ScheduleNotFound
from waybill.domain.options import ExportOptions
from waybill.domain.schedule import Run, RunResult, Schedule, Terms


class DynamoDbSchedules:
    """ScheduleStore on one DynamoDB table with the string keys ``pk`` and ``sk``."""

    def __init__(self, client: AwsJsonClient, table: str) -> None:
        self._table = DynamoDbTable(client, table)

    def get(self, tenant: str, name: str) -> Schedule:
        """Return a schedule, strongly consistent. Raises ScheduleNotFound."""
        item = self._table.get(tenant, _key(name))
        if not item:
            raise ScheduleNotFound("There is no schedule of this name. GET /move/schedules lists those that there are.")
        return _schedule_of(item)

    def list(self, tenant: str) -> Sequence[Schedule]:
        """Return all schedules of a tenant, sorted by name."""
        return [_schedule_of(item) for item in self._table.query(tenant, _key(""), _key(LAST))]

    def put(self, schedule: Schedule) -> None:
        """Store a schedule that is new, or whose stored rev is one less. Raises ScheduleChanged.

        If an attempt broke off and the next one finds the condition broken, the first may have done it: then what is
        stored decides.
        """
        try:
            if schedule.rev == 1:
                self._table.put(_item_of(schedule), condition="attribute_not_exists(pk)")
            else:
                values = {":rev": number(schedule.rev - 1)}
                self._table.put(_item_of(schedule), condition="rev = :rev", values=values)
        except ConditionFailed as failed:
            stored = self._table.get(schedule.tenant, _key(schedule.name)) if failed.repeated else {}
            if not stored or _schedule_of(stored) != schedule:
                raise ScheduleChanged(
                    "The schedule was changed by somebody else meanwhile. Repeat the request."
                ) from None

    def delete(self, tenant: str, name: str) -> None:
        """Remove a schedule. Safe to repeat."""
        self._table.delete(tenant, _key(name))


def _key(name: str) -> str:
    return f"schedule#{name}"


def _item_of(schedule: Schedule) -> NewItem:
    terms, run = schedule.terms, schedule.run
    item: dict[str, Mapping[str, object]] = {
        **key(schedule.tenant, _key(schedule.name)),
        "name": text(schedule.name),
        "expression": text(terms.expression),
        "time_zone": text(terms.time_zone),
        "enabled": {"BOOL": terms.enabled},
        "incremental": {"BOOL": terms.incremental},
        "options": text(msgspec.json.encode(terms.options).decode()),
        "created": text(schedule.created_at.isoformat()),
        "counts_since": text(schedule.counts_since.isoformat()),
        "rev": number(schedule.rev),
    }
    if run is not None:
        item |= {
            "run_at": text(run.at.isoformat()),
            "run_result": text(run.result.value),
            "run_export": text(run.export_id),
            "run_error": text(run.error),
        }
    return item


def _schedule_of(item: Item) -> Schedule:
    return Schedule(
        tenant=item["pk"].text,
        name=item["name"].text,
        terms=Terms(
            expression=item["expression"].text,
            time_zone=item["time_zone"].text,
            enabled=item["enabled"].truth,
            options=msgspec.json.decode(item["options"].text, type=ExportOptions),
            incremental=item["incremental"].truth,
        ),
        created_at=datetime.fromisoformat(item["created"].text),
        counts_since=datetime.fromisoformat(item["counts_since"].text),
        rev=int(item["rev"].number),
        run=_run_of(item) if "run_at" in item else None,
    )


def _run_of(item: Item) -> Run:
    return Run(
        at=datetime.fromisoformat(item["run_at"].text),
        result=RunResult(item["run_result"].text),
        export_id=item["run_export"].text,
        error=item["run_error"].text,
    )
