"""The state machine that sends events to webhooks, on Step Functions."""

import hashlib

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.domain.errors import StorageUnavailable
from waybill.domain.webhook_message import WebhookMessage

_DIGITS = 16


class WebhookExecutions:
    """WebhookWorkflow on one state machine of type Standard, with an execution for each event and webhook.

    An execution is named by the event and a digest of tenant and webhook, so that its name tells neither. Step
    Functions keeps a name for 90 days, so starting twice is starting once.
    """

    def __init__(self, client: AwsJsonClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, tenant: str, name: str, message: WebhookMessage) -> None:
        """Start sending a message to a webhook. A second start of the same does nothing. Raises StorageUnavailable."""
        state_input = {"tenant": tenant, "webhook": name, "id": message.id, **message.document()}
        payload = {
            "stateMachineArn": self._arn,
            "name": f"{message.id.replace('/', '-')}-{_digest(tenant, name)}",
            "input": msgspec.json.encode(state_input).decode(),
        }
        try:
            self._client.call("StartExecution", payload)
        except AwsError as error:
            if error.kind != "ExecutionAlreadyExists":
                raise StorageUnavailable(f"The webhook workflow cannot be used ({error.kind}).") from error


def _digest(tenant: str, name: str) -> str:
    return hashlib.sha256(f"{tenant}\0{name}".encode()).hexdigest()[:_DIGITS]
