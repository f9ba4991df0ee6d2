"""Files in S3 with index records in DynamoDB."""

from waybill.domain.catalog import Doctype
from waybill.ports import ObjectStore
from waybill.sources.dynamodb import TableClient


class FilesIndex:
    """Source of a doctype whose records are the index of files."""

    def __init__(self, doctype: Doctype, client: TableClient, objects: ObjectStore) -> None: ...
