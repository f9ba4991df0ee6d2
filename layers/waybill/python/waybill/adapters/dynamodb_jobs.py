"""The job records on one DynamoDB table."""

from waybill.adapters.aws_json import AwsJsonClient
from waybill.ports import Clock


class DynamoDbJobs:
    """JobStore on one DynamoDB table with the string keys ``pk`` and ``sk`` and the TTL attribute ``expires_at``."""

    def __init__(self, client: AwsJsonClient, table: str, *, clock: Clock) -> None: ...
