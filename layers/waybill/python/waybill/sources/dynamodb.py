"""Records in a DynamoDB table."""

from typing import Any, Protocol

from waybill.domain.catalog import Doctype


class TableClient(Protocol):
    """What the source needs of a DynamoDB client; ``adapters.aws_json`` has one."""

    def call(self, operation: str, payload: dict[str, Any]) -> bytes:
        """Return the raw body of the answer. Raises StorageUnavailable."""
        ...


class TableRecords:
    """Source of a doctype in a DynamoDB table."""

    def __init__(self, doctype: Doctype, client: TableClient) -> None: ...
