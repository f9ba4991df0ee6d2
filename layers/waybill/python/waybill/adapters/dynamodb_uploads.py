"""The records of uploads on the Jobs table: partition key the tenant, sort key ``upload#<id>``, removed by TTL."""

from collections.abc import Sequence
from datetime import datetime

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_table import LAST, TTL, DynamoDbTable, Item, key, number, text, ttl
from waybill.domain.errors import UploadNotFound
from waybill.domain.upload import Upload, UploadState, is_upload_id

_ALL = "upload#"


class DynamoDbUploads:
    """UploadStore on a DynamoDB table with the string keys ``pk`` and ``sk`` and the TTL attribute ``expires_at``."""

    def __init__(self, client: AwsJsonClient, table: str) -> None:
        self._table = DynamoDbTable(client, table)

    def put(self, upload: Upload) -> None:
        """Store an upload in place of what was there."""
        self._table.put(
            {
                **key(upload.tenant, f"{_ALL}{upload.id}"),
                "name": text(upload.name),
                "size": number(upload.size),
                "created_at": text(upload.created_at.isoformat()),
                "multipart": text(upload.multipart),
                "state": text(upload.state),
                TTL: ttl(upload.expires_at),
            }
        )

    def get(self, tenant: str, upload_id: str) -> Upload:
        """Return an upload, strongly consistent. Raises UploadNotFound."""
        item = self._table.get(tenant, f"{_ALL}{upload_id}") if is_upload_id(upload_id) else {}
        if not item:
            raise UploadNotFound("There is no such upload here.")
        return _upload_of(item)

    def list(self, tenant: str) -> Sequence[Upload]:
        """Return the uploads of a tenant by id."""
        return [_upload_of(item) for item in self._table.query(tenant, _ALL, _ALL + LAST)]

    def delete(self, tenant: str, upload_id: str) -> None:
        """Remove the record of an upload. Safe to repeat."""
        self._table.delete(tenant, f"{_ALL}{upload_id}")


def _upload_of(item: Item) -> Upload:
    return Upload(
        tenant=item["pk"].text,
        id=item["sk"].text.removeprefix(_ALL),
        name=item["name"].text,
        size=int(item["size"].number),
        created_at=datetime.fromisoformat(item["created_at"].text),
        multipart=item["multipart"].text,
        state=UploadState(item["state"].text),
    )
