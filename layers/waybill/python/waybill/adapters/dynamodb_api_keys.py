"""API keys on the Jobs table: ``pk`` is ``apikey#<app id>``, ``sk`` is ``key``. They have no TTL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_table import ConditionFailed, DynamoDbTable, Item, NewItem, key, text, texts
from waybill.domain.api_key import ApiKey
from waybill.domain.errors import ApiKeyExists, ApiKeyMissing

_PREFIX = "apikey#"
_SORT_KEY = "key"


class DynamoDbApiKeys:
    """ApiKeys on one DynamoDB table with the string keys ``pk`` and ``sk``."""

    def __init__(self, client: AwsJsonClient, table: str) -> None:
        self._table = DynamoDbTable(client, table)

    def find(self, app_id: str) -> ApiKey | None:
        """Return a key, strongly consistent, revoked or not; None if there is none."""
        item = self._table.get(f"{_PREFIX}{app_id}", _SORT_KEY)
        return _key_of(item) if item else None

    def add(self, key: ApiKey) -> None:
        """Store a new key. Raises ApiKeyExists if its app id is taken, also by one that was revoked."""
        try:
            self._table.put(_item_of(key), condition="attribute_not_exists(pk)")
        except ConditionFailed as failed:
            if not (failed.repeated and self.find(key.app_id) == key):
                raise ApiKeyExists(f"There is an API key {key.app_id} already. Choose another app id.") from failed

    def revoke(self, app_id: str) -> None:
        """Have a key taken no longer, from this moment on. Safe to repeat. Raises ApiKeyMissing."""
        key = self.find(app_id)
        if key is None:
            raise ApiKeyMissing(f"There is no API key {app_id}.")
        self._table.put(_item_of(replace(key, enabled=False)))

    def all(self) -> Iterator[ApiKey]:
        """Yield all keys, in no order. It reads the whole table, so it is for an operator and not for a request."""
        values = {":prefix": text(_PREFIX), ":sk": text(_SORT_KEY)}
        for item in self._table.scan("begins_with(pk, :prefix) AND sk = :sk", values):
            yield _key_of(item)


def _item_of(each: ApiKey) -> NewItem:
    return {
        **key(f"{_PREFIX}{each.app_id}", _SORT_KEY),
        "tenant": text(each.tenant),
        "scopes": texts(each.scopes),
        "time_zone": text(each.time_zone),
        "created": text(each.created_at.isoformat()),
        "salt": {"B": each.salt},
        "digest": {"B": each.digest},
        "enabled": {"BOOL": each.enabled},
    }


def _key_of(item: Item) -> ApiKey:
    return ApiKey(
        app_id=item["pk"].text.removeprefix(_PREFIX),
        tenant=item["tenant"].text,
        scopes=tuple(each.text for each in item["scopes"].members),
        time_zone=item["time_zone"].text,
        created_at=datetime.fromisoformat(item["created"].text),
        salt=item["salt"].octets,
        digest=item["digest"].octets,
        enabled=item["enabled"].truth,
    )
