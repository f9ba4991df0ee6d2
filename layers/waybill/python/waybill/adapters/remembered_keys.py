"""The items of the table of jobs that say which export or import an ``Idempotency-Key`` stands for."""

from datetime import UTC, datetime

from waybill.adapters.dynamodb_table import TTL, Delete, DynamoDbTable, Put, key, number, text, ttl
from waybill.domain.idempotency import RememberedKey


def remembered_key(
    table: DynamoDbTable, tenant: str, digest: str, *, job_attribute: str, now: datetime
) -> RememberedKey | None:
    """Return what the key with this digest stands for at ``now``, strongly consistent; None if for nothing.

    ``job_attribute`` is the attribute with the id, which says of what kind the job is.
    """
    item = table.get(tenant, _sort_key(digest))
    if not item or int(item[TTL].number) <= now.timestamp():
        return None
    until = datetime.fromtimestamp(int(item[TTL].number), UTC)
    return RememberedKey(digest, item[job_attribute].text, item["options"].text, until)


def key_put(tenant: str, used: RememberedKey, *, job_attribute: str, now: datetime) -> Put:
    """Return the write that remembers a key, if it stands for nothing at ``now``."""
    item = {
        **key(tenant, _sort_key(used.digest)),
        job_attribute: text(used.job_id),
        "options": text(used.options),
        TTL: ttl(used.expires_at),
    }
    expired = {":now": number(now.timestamp())}
    return Put(item, f"attribute_not_exists(pk) OR {TTL} <= :now", expired)


def key_delete(tenant: str, digest: str) -> Delete:
    """Return the write that forgets a key."""
    return Delete(tenant, _sort_key(digest))


def _sort_key(digest: str) -> str:
    return f"idempotency#{digest}"
