"""The items of the table of jobs that say which export or import an ``Idempotency-Key`` stands for."""

from dataclasses import dataclass
from datetime import UTC, datetime

from waybill.adapters.dynamodb_table import TTL, Delete, DynamoDbTable, Put, key, number, text, ttl
from waybill.domain.idempotency import RememberedKey


@dataclass(frozen=True, slots=True)
class RememberedKeys:
    """Those of one kind of job, so that a key that has made an export can also make an import.

    Their sort keys begin with ``prefix``; ``job_attribute`` has the id of the job.
    """

    prefix: str
    job_attribute: str

    def get(self, table: DynamoDbTable, tenant: str, digest: str, *, now: datetime) -> RememberedKey | None:
        """Return what the key with this digest stands for at ``now``, strongly consistent; None if for nothing."""
        item = table.get(tenant, f"{self.prefix}{digest}")
        if not item or int(item[TTL].number) <= now.timestamp():
            return None
        until = datetime.fromtimestamp(int(item[TTL].number), UTC)
        return RememberedKey(digest, item[self.job_attribute].text, item["options"].text, until)

    def put(self, tenant: str, used: RememberedKey, *, now: datetime) -> Put:
        """Return the write that remembers a key, if it stands for nothing at ``now``."""
        item = {
            **key(tenant, f"{self.prefix}{used.digest}"),
            self.job_attribute: text(used.job_id),
            "options": text(used.options),
            TTL: ttl(used.expires_at),
        }
        expired = {":now": number(now.timestamp())}
        return Put(item, f"attribute_not_exists(pk) OR {TTL} <= :now", expired)

    def delete(self, tenant: str, digest: str) -> Delete:
        """Return the write that forgets a key."""
        return Delete(tenant, f"{self.prefix}{digest}")
