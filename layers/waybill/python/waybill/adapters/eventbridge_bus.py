"""The bus that changes of exports and imports are told on, an EventBridge event bus."""

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.domain.change_event import SOURCE, Event, cloud_event, tenant_reference
from waybill.domain.errors import StorageUnavailable


class _Entry(msgspec.Struct, rename="pascal"):
    error_code: str = ""


class _Answer(msgspec.Struct, rename="pascal"):
    failed_entry_count: int = 0
    entries: list[_Entry] = []


class EventBridgeBus:
    """EventBus on one event bus.

    The whole CloudEvent is the ``detail``; its source and type are also EventBridge's ``source`` and ``detail-type``,
    which rules are cheapest to match by.
    """

    def __init__(self, client: AwsJsonClient, name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, event: Event, *, tenant: str) -> None:
        """Put an event on the bus. Raises StorageUnavailable, also if the bus takes the call but not the event."""
        document = cloud_event(event, tenant_reference(tenant, self._name))
        entry = {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": msgspec.json.encode(document).decode(),
            "Time": int(event.at.timestamp()),
            "Resources": [],
        }
        try:
            answer = msgspec.json.decode(self._client.call("PutEvents", {"Entries": [entry]}), type=_Answer)
        except AwsError as error:
            raise StorageUnavailable(f"The event bus cannot be used: {error.kind}.") from error
        except msgspec.DecodeError as error:
            raise StorageUnavailable("The event bus gave an answer that is none.") from error
        if answer.failed_entry_count:
            kind = next((each.error_code for each in answer.entries if each.error_code), "no reason given")
            raise StorageUnavailable(f"The event bus did not take an event ({kind}).")
