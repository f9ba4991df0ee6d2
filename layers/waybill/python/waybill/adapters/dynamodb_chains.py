"""The last good run of every chain of exports, on the jobs table.

The partition key is the tenant, the sort key ``chain#<key>``. An item goes 400 days after it was written, as the
objects do that it leads to: later than the next run of a yearly schedule.
"""

from datetime import datetime, timedelta

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_table import TTL, ConditionFailed, DynamoDbTable, text, ttl
from waybill.adapters.dynamodb_table import key as item_key
from waybill.domain.chain import GoodRun

_LIFE = timedelta(days=400)


class DynamoDbChains:
    """ChainStore on one DynamoDB table with the string keys ``pk`` and ``sk`` and the TTL attribute ``expires_at``."""

    def __init__(self, client: AwsJsonClient, table: str) -> None:
        self._table = DynamoDbTable(client, table)

    def last_good(self, tenant: str, key: str) -> GoodRun | None:
        """Return the last good run of a chain, strongly consistent; None if there is none."""
        item = self._table.get(tenant, _sort_key(key))
        if not item:
            return None
        return GoodRun(item["export_id"].text, item["manifest_sha256"].text, datetime.fromisoformat(item["at"].text))

    def note_good(self, tenant: str, key: str, run: GoodRun, *, after: str) -> bool:
        """Keep a run as the last good one if the one before it is the export ``after``; return whether it is now."""
        item = {
            **item_key(tenant, _sort_key(key)),
            "export_id": text(run.export_id),
            "manifest_sha256": text(run.manifest_sha256),
            "at": text(run.at.isoformat()),
            TTL: ttl(run.at + _LIFE),
        }
        try:
            if after:
                self._table.put(item, condition="export_id = :after", values={":after": text(after)})
            else:
                self._table.put(item, condition="attribute_not_exists(pk)")
        except ConditionFailed:
            stored = self.last_good(tenant, key)
            return stored is not None and stored.export_id == run.export_id
        return True

    def forget(self, tenant: str, key: str, export_id: str | None = None) -> None:
        """Forget the last good run, only if it is that of ``export_id`` if that is given. Safe to repeat."""
        stored = self.last_good(tenant, key) if export_id is not None else None
        if export_id is None or (stored is not None and stored.export_id == export_id):
            self._table.delete(tenant, _sort_key(key))


def _sort_key(key: str) -> str:
    return f"chain#{key}"
