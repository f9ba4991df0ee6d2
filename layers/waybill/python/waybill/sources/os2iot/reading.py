"""How each kind of record of OS2iot is read: which requests, in which order, and what is known to go wrong.

Every reader yields records in the order of their positions, and begins behind the one that it is given. A position is
the record's id, where there is one of its kind per backend, else its parent's id and its own; numbers are filled up
with zeros, so that positions sort as texts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

import msgspec

from waybill.domain.errors import SourceUnavailable
from waybill.domain.ledger import Gap, Outcome
from waybill.sources.os2iot.api import (
    PAGE,
    RowsPage,
    all_at_once,
    array_of,
    data_alone_of,
    gateways_of,
    id_of,
    is_missing,
    page_of,
    page_request,
    profiles_of,
    rows_in_order,
    whole,
)
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.requests import Reply, Request

_DIGITS = 10
"""Ids are 32-bit numbers (A6: serial)."""

_TAKES_404 = frozenset((404,))
_MQTT = ("MQTT_INTERNAL_BROKER", "MQTT_EXTERNAL_BROKER")

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Found:
    """One record: its position, what people know it by, and its fields; or why it could not be had."""

    position: str
    id: str
    fields: Mapping[str, object] | None = None
    gap: tuple[Outcome, str, str] | None = None

    def gap_of(self, doctype: str) -> Gap | None:
        """Return the gap, if it is one."""
        if self.gap is None:
            return None
        outcome, code, reason = self.gap
        return Gap(doctype=doctype, kind="record", id=self.id, outcome=outcome, code=code, reason=reason)


@dataclass(slots=True)
class Backend:
    """One OS2iot while it is read. ``by_key`` says that it is opened with an API key."""

    client: RestClient
    by_key: Callable[[], bool]
    with_secrets: bool


Reader = Callable[[Backend, str | None], Iterator[Found]]
"""Yields what there is of one kind behind a position."""


def _organizations(backend: Backend, after: str | None) -> Iterator[Found]:
    """Organizations. An API key opens none of their routes, but the one that says whose key it is (A1)."""
    if not backend.by_key():
        yield from _flat("organization")(backend, after)
        return
    found = _found(msgspec.Raw(backend.client.send(Request("api-key-info/organization")).body))
    if after is None or found.position > after:
        yield found


def _flat(path: str) -> Reader:
    """Read a list that has all records of its kind, in pages."""

    def read(backend: Backend, after: str | None) -> Iterator[Found]:
        for row in rows_in_order(backend.client, path, after=None if after is None else int(after)):
            yield _found(row)

    return read


def _of_users(path: str) -> Reader:
    """Read a list that is closed to API keys (A1)."""

    def read(backend: Backend, after: str | None) -> Iterator[Found]:
        if backend.by_key():
            raise SourceUnavailable(
                "An API key opens neither the users nor the permissions of OS2iot. Let the secret have a username and "
                "a password, or leave out os2iot.users and os2iot.permissions."
            )
        yield from _flat(path)(backend, after)

    return read


def _at_once(path: str, page: Callable[[Reply], RowsPage]) -> Reader:
    """Read a list whose pages cannot be trusted: all of it in one answer, which must be complete."""

    def read(backend: Backend, after: str | None) -> Iterator[Found]:
        reply = backend.client.send(all_at_once(path))
        found = sorted((_found(row) for row in whole(reply, page(reply))), key=_position_of)
        yield from (each for each in found if after is None or each.position > after)

    return read


def _applications(backend: Backend, after: str | None) -> Iterator[Found]:
    """Applications, each by its id: only so they say which organization they belong to (A3)."""
    numbers = [
        id_of(row) for row in rows_in_order(backend.client, "application", after=None if after is None else int(after))
    ]
    replies = backend.client.many(Request(f"application/{number}", taken=_TAKES_404) for number in numbers)
    for number, reply in zip(numbers, replies, strict=True):
        yield _one(reply, _position(number), str(number))


def _devices(backend: Backend, after: str | None) -> Iterator[Found]:
    """Devices by application, whose number is added, because the list leaves it out."""
    parents = _behind(_numbers(backend, "application"), after)
    firsts = backend.client.many(page_request(_devices_of(parent), 0, PAGE, taken=_TAKES_404) for parent in parents)
    for parent, first in zip(parents, firsts, strict=True):
        begun = _begun(parent, after)
        if is_missing(first):
            found = _devices_one_by_one(backend, parent, begun, first)
        else:
            rows = rows_in_order(backend.client, _devices_of(parent), after=begun, first=first)
            found = (_found(row, parent, "applicationId") for row in rows)
        yield from _with_settings(backend, found) if backend.with_secrets else found


def _devices_of(application: int) -> str:
    return f"application/{application}/iot-devices"


def _devices_one_by_one(backend: Backend, application: int, after: int | None, refused: Reply) -> Iterator[Found]:
    """Read the devices of an application whose list is refused.

    It is answered with 404 when ChirpStack does not answer, which passes, and when it does not know one of the devices,
    which does not (A4). Then that one is a gap, and the others are read. Raises SourceUnavailable.
    """
    profiles_of(backend.client.send(page_request("chirpstack/device-profiles", 0, 1)))
    reply = backend.client.send(Request(f"application/{application}", taken=_TAKES_404))
    if is_missing(reply):
        raise SourceUnavailable(f"{refused.asked} was answered with 404, and so was the application itself.")
    listed = reply.json(_APPLICATION).iot_devices
    numbers = sorted(each.id for each in listed if after is None or each.id > after)
    replies = backend.client.many(Request(f"iot-device/{number}", taken=_TAKES_404) for number in numbers)
    for number, each in zip(numbers, replies, strict=True):
        yield _one(each, _position(application, number), str(number), applicationId=application)


def _with_settings(backend: Backend, found: Iterable[Found]) -> Iterator[Found]:
    """Add what lists of devices have in cipher only: the passwords of brokers (A4). For who asks for secrets alone."""

    def settled(each: Found) -> Found:
        if each.fields is None or _text(each.fields.get("type")) not in _MQTT:
            return each
        reply = backend.client.send(Request(f"iot-device/{each.id}", taken=_TAKES_404))
        if is_missing(reply):
            return Found(each.position, each.id, gap=_LISTED_AND_MISSING)
        return Found(each.position, each.id, {**each.fields, **_FIELDS.decode(reply.body)})

    return backend.client.each(settled, found)


def _device_models(backend: Backend, after: str | None) -> Iterator[Found]:
    """Device models by organization: an administrator of all who names none is told that there are none (A2)."""
    for parent in _behind(_organization_numbers(backend), after):
        rows = rows_in_order(
            backend.client, "device-model", ("organizationId", str(parent)), after=_begun(parent, after)
        )
        yield from (_found(row, parent, "organizationId") for row in rows)


def _of_each(
    parents: Callable[[Backend], list[int]],
    request: Callable[[int], Request],
    page: Callable[[Reply], RowsPage],
    field: str,
) -> Reader:
    """Read lists that each parent has one of, whole. ``field`` gets the parent's number, unless it is empty."""

    def read(backend: Backend, after: str | None) -> Iterator[Found]:
        numbers = _behind(parents(backend), after)
        for parent, reply in zip(numbers, backend.client.many(request(each) for each in numbers), strict=True):
            found = sorted((_found(row, parent, field) for row in whole(reply, page(reply))), key=_position_of)
            yield from (each for each in found if after is None or each.position > after)

    return read


def _sigfox_groups(backend: Backend, after: str | None) -> Iterator[Found]:
    """Groups of Sigfox. When Sigfox does not answer, they come all the same, without what only Sigfox knows (A3)."""
    read = _of_each(
        _organization_numbers, lambda each: Request("sigfox-group", query=(("organizationId", str(each)),)), page_of, ""
    )
    for each in read(backend, None):
        items = [each]
        if each.fields is not None and bytes(_raw(each.fields.get("sigfoxGroupData"))) == b"null":
            reason = "Sigfox did not answer OS2iot, so the group's record has no sigfoxGroupData."
            gap = _gap(Outcome.FAILED, "record_incomplete", reason)
            items.append(Found(f"{each.position}/sigfoxGroupData", f"{each.id} (sigfoxGroupData)", gap=gap))
        yield from (item for item in items if after is None or item.position > after)


def _group_numbers(backend: Backend) -> list[int]:
    replies = backend.client.many(
        Request("sigfox-group", query=(("organizationId", str(each)),)) for each in _organization_numbers(backend)
    )
    return sorted(id_of(row) for reply in replies for row in whole(reply, page_of(reply)))


def _by_group(path: str) -> Callable[[int], Request]:
    return lambda group: Request(path, query=(("groupId", str(group)),))


def _device_profiles(backend: Backend, after: str | None) -> Iterator[Found]:
    """Device profiles of ChirpStack, each by its id: the list has only their names (A3)."""
    reply = backend.client.send(all_at_once("chirpstack/device-profiles"))
    listed = sorted((_found(row) for row in whole(reply, profiles_of(reply))), key=_position_of)
    left = [each for each in listed if after is None or each.position > after]
    replies = backend.client.many(
        Request(f"chirpstack/device-profiles/{quote(each.id, safe='')}", taken=_TAKES_404) for each in left
    )
    for each, one in zip(left, replies, strict=True):
        yield _merged(each, one)


def _service_profiles(backend: Backend, after: str | None) -> Iterator[Found]:
    """Service profiles, which OS2iot has no more since it uses ChirpStack 4 (A3). That is said, and is no failure."""
    if after is not None:
        return
    request = all_at_once("chirpstack/service-profiles")
    reply = backend.client.send(replace(request, taken=_TAKES_404))
    if is_missing(reply):
        reason = "This version of OS2iot has no service profiles."
        yield Found("all", "all", gap=_gap(Outcome.SKIPPED, "not_supported", reason))
        return
    yield from sorted((_found(row) for row in whole(reply, profiles_of(reply))), key=_position_of)


READERS: Mapping[str, Reader] = {
    "organizations": _organizations,
    "applications": _applications,
    "device-models": _device_models,
    "iot-devices": _devices,
    # In no order, and with one only where paging by it fails (A2), so all targets of an application at once.
    "data-targets": _of_each(
        lambda backend: _numbers(backend, "application"),
        lambda each: all_at_once("data-target", ("applicationId", str(each))),
        page_of,
        "",
    ),
    "payload-decoders": _flat("payload-decoder"),
    # A page counts joined rows, and so cuts the devices of a connection off (A2).
    "connections": _at_once("iot-device-payload-decoder-data-target-connection", page_of),
    "users": _of_users("user"),
    "permissions": _of_users("permission"),
    "sigfox-groups": _sigfox_groups,
    "sigfox-device-types": _of_each(_group_numbers, _by_group("sigfox-device-type"), data_alone_of, "groupId"),
    "sigfox-contracts": _of_each(_group_numbers, _by_group("sigfox-contract"), array_of, "groupId"),
    "gateways": _at_once("chirpstack/gateway", gateways_of),
    "service-profiles": _service_profiles,
    "device-profiles": _device_profiles,
}
"""By what OS2iot's records are called in a doctype, behind the dot."""


def count(backend: Backend, collection: str) -> int | None:
    """Return how many records there are, if that can be asked without reading them; else None."""
    if collection in _COUNTED:
        return page_of(backend.client.send(page_request(_COUNTED[collection], 0, 1))).total
    if collection != "iot-devices":
        return None
    asked = (page_request(_devices_of(each), 0, 1, taken=_TAKES_404) for each in _numbers(backend, "application"))
    return sum(0 if is_missing(reply) else page_of(reply).total for reply in backend.client.many(asked))


_COUNTED: Mapping[str, str] = {
    "organizations": "organization",
    "applications": "application",
    "payload-decoders": "payload-decoder",
    "users": "user",
    "permissions": "permission",
}
"""Lists that are read in pages, by the paths of those. Others come whole, or are short."""


class _Device(msgspec.Struct):
    id: int


class _Application(msgspec.Struct, rename="camel"):
    iot_devices: list[_Device]


_APPLICATION = msgspec.json.Decoder(_Application)
_NULL = msgspec.Raw(b"null")


def _gap(outcome: Outcome, code: str, reason: str) -> tuple[Outcome, str, str]:
    return outcome, code, reason


_LISTED_AND_MISSING = _gap(
    Outcome.FAILED,
    "record_refused",
    "The list names it, but when it was asked for by its id, OS2iot answered that it does not exist.",
)


def _numbers(backend: Backend, path: str) -> list[int]:
    """Return the ids of a list, ascending."""
    return [id_of(row) for row in rows_in_order(backend.client, path)]


def _organization_numbers(backend: Backend) -> list[int]:
    return [int(each.position) for each in _organizations(backend, None)]


def _position(*numbers: int) -> str:
    return "/".join(f"{number:0{_DIGITS}}" for number in numbers)


def _position_of(found: Found) -> str:
    return found.position


def _behind(parents: Sequence[int], after: str | None) -> list[int]:
    """Return the parents that may have something behind a position: its own parent too."""
    first = 0 if after is None else int(after[:_DIGITS])
    return [parent for parent in parents if parent >= first]


def _begun(parent: int, after: str | None) -> int | None:
    """Return the last number that is read of a parent."""
    if after is None or not after.startswith(f"{_position(parent)}/"):
        return None
    return int(after[_DIGITS + 1 :])


def _found(row: msgspec.Raw, parent: int | None = None, field: str = "") -> Found:
    """Return a record as it came, with its parent's number where it does not say it. Raises SourceUnavailable."""
    fields: dict[str, object] = dict(_fields_of(row))
    raw = bytes(_raw(fields.get("id")))
    name = raw.decode().strip('"')
    if not name or raw == b"null":
        raise SourceUnavailable("OS2iot gave a record without an id, so nothing can be told of it.")
    own = f"{name:0>{_DIGITS}}" if name.isdecimal() else name
    if field:
        fields.setdefault(field, parent)
    return Found(own if parent is None else f"{_position(parent)}/{own}", name, fields)


def _fields_of(row: msgspec.Raw) -> Mapping[str, msgspec.Raw]:
    try:
        return _FIELDS.decode(row)
    except msgspec.DecodeError:
        raise SourceUnavailable("OS2iot gave a record that is no JSON object, so nothing can be told of it.") from None


def _one(reply: Reply, position: str, name: str, **more: int) -> Found:
    """Return a record that was asked for by its id."""
    if is_missing(reply):
        return Found(position, name, gap=_LISTED_AND_MISSING)
    return Found(position, name, {**more, **reply.json(_FIELDS)})


def _merged(listed: Found, reply: Reply) -> Found:
    """Return a record of a list with what it has by its id."""
    if is_missing(reply) or listed.fields is None:
        return Found(listed.position, listed.id, gap=_LISTED_AND_MISSING)
    return Found(listed.position, listed.id, {**reply.json(_FIELDS), **listed.fields})


def _raw(value: object) -> msgspec.Raw:
    return value if isinstance(value, msgspec.Raw) else _NULL


def _text(value: object) -> str:
    return bytes(_raw(value)).decode().strip('"')
