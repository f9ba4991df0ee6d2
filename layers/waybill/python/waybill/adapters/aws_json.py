"""AWS JSON protocol."""

import random
import time
from collections.abc import Callable
from typing import Any

from waybill.adapters.credentials import CredentialSource, ambient


class AwsJsonClient:
    """Calls one AWS service that speaks the AWS JSON 1.0 protocol: DynamoDB, Step Functions."""

    def __init__(
        self,
        service: str,
        target_prefix: str,
        *,
        endpoint: str,
        region: str,
        credentials: CredentialSource = ambient,
        attempts: int = 6,
        timeout: float = 20.0,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None: ...

    def call(self, operation: str, payload: dict[str, Any]) -> bytes:
        """Return the raw body of the answer."""
        raise NotImplementedError


def dynamodb(*, endpoint: str, region: str) -> AwsJsonClient:
    """Return a client of DynamoDB at ``endpoint`` (a URL)."""
    return AwsJsonClient("dynamodb", "DynamoDB_20120810", endpoint=endpoint, region=region)


def step_functions(*, endpoint: str, region: str) -> AwsJsonClient:
    """Return a client of Step Functions at ``endpoint`` (a URL)."""
    return AwsJsonClient("states", "AWSStepFunctions", endpoint=endpoint, region=region)
