"""How OS2iot is asked: sign-in, and the forms that its lists come in (reference source-systems.md, A1 to A3)."""

from collections.abc import Iterator, Mapping

import msgspec

from waybill.domain.catalog import SystemSource
from waybill.domain.errors import SourceUnavailable
from waybill.sources.rest.auth import Ask, TokenAuth, bearer
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.paging import rows_by_key
from waybill.sources.rest.requests import MEBIBYTE, Pairs, Reply, Request, json_request
from waybill.sources.rest.secret import required, secret_fields, signed_in
from waybill.sources.system import Tools

PAGE = 100
"""Rows in a page. It is the API's own default."""

NO_LIMIT = 1_000_000_000
"""Where pages cannot be trusted, everything is asked for at once. 0 would mean the same, but not on every route."""

MOST_AT_ONCE = 128 * MEBIBYTE

NAME = "OS2iot"
_NOT_FOUND = 404


class _Id(msgspec.Struct):
    id: int


_ID = msgspec.json.Decoder(_Id)


class RowsPage(msgspec.Struct):
    """One page of a list, whatever the API calls its parts."""

    rows: list[msgspec.Raw]
    total: int


class _Data(msgspec.Struct):
    data: list[msgspec.Raw]
    count: int


class _ResultList(msgspec.Struct, rename="camel"):
    result_list: list[msgspec.Raw]
    total_count: int


class _Result(msgspec.Struct, rename="camel"):
    result: list[msgspec.Raw]
    total_count: str | int


class _Token(msgspec.Struct):
    access_token: str = msgspec.field(name="accessToken")


_DATA = msgspec.json.Decoder(_Data)
_RESULT_LIST = msgspec.json.Decoder(_ResultList)
_RESULT = msgspec.json.Decoder(_Result)
_TOKEN = msgspec.json.Decoder(_Token)
_DATA_ALONE = msgspec.json.Decoder(dict[str, list[msgspec.Raw]])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


def client_of(source: SystemSource, tools: Tools) -> RestClient:
    """Return the client of one backend. The secret has ``username`` and ``password``, or ``apiKey``."""

    def signing(ask: Ask, fresh: bool) -> Pairs:  # noqa: FBT001 - as TokenAuth calls it
        def headers(fields: Mapping[str, str]) -> Pairs:
            if fields.get("apiKey"):
                return (("x-api-key", fields["apiKey"]),)
            user, password = required(fields, ("username", "password"), NAME)
            reply = ask(json_request("auth/login", {"username": user, "password": password}, repeatable=True))
            return (bearer(reply.json(_TOKEN).access_token),)

        return signed_in(tools.secrets, source.secret, NAME, headers, fresh=fresh)

    return RestClient(
        NAME,
        source.url,
        connect=tools.connect,
        auth=TokenAuth(signing),
        limit=source.requests,
        timing=tools.timing,
    )


def uses_key(source: SystemSource, tools: Tools) -> bool:
    """Whether the secret is an API key, which opens less than a user's sign-in. Raises SourceUnavailable."""
    return bool(secret_fields(tools.secrets, source.secret, NAME).get("apiKey"))


def page_of(reply: Reply) -> RowsPage:
    """Read the usual form: ``{"data": [...], "count": n}``."""
    found = reply.json(_DATA)
    return RowsPage(found.data, found.count)


def gateways_of(reply: Reply) -> RowsPage:
    """Read the form of gateways: ``{"resultList": [...], "totalCount": n}``."""
    found = reply.json(_RESULT_LIST)
    return RowsPage(found.result_list, found.total_count)


def profiles_of(reply: Reply) -> RowsPage:
    """Read the form of ChirpStack's profiles: ``{"result": [...], "totalCount": "n"}``.

    The answer has status 200 and no body when ChirpStack does not answer OS2iot (A4).
    """
    if not reply.body.strip():
        raise SourceUnavailable(
            f"{reply.asked} was answered with nothing: the ChirpStack behind it does not answer. Look whether it runs."
        )
    found = reply.json(_RESULT)
    try:
        return RowsPage(found.result, int(found.total_count))
    except ValueError:
        raise SourceUnavailable(f"{reply.asked} was answered with a totalCount that is no number.") from None


def data_alone_of(reply: Reply) -> RowsPage:
    """Read ``{"data": [...]}`` without a count."""
    found = reply.json(_DATA_ALONE)
    if "data" not in found:
        raise SourceUnavailable(f"{reply.asked} was answered with JSON of another form: it has no data.")
    return RowsPage(found["data"], len(found["data"]))


def array_of(reply: Reply) -> RowsPage:
    """Read a bare array."""
    rows = reply.json(_ARRAY)
    return RowsPage(rows, len(rows))


def id_of(row: msgspec.Raw) -> int:
    """Return the number of a record. Raises SourceUnavailable if it has none."""
    try:
        return _ID.decode(row).id
    except msgspec.DecodeError:
        raise SourceUnavailable(
            "OS2iot gave a record that has no number as its id, so nothing can be told of it."
        ) from None


def page_request(
    path: str, offset: int, size: int, *more: tuple[str, str], taken: frozenset[int] = frozenset()
) -> Request:
    """Return the request for a page.

    Neither ``sort`` nor ``orderOn`` is sent: one without the other is answered with 500, and the order is by id without
    them (A2).
    """
    return Request(path, query=(("limit", str(size)), ("offset", str(offset)), *more), taken=taken)


def rows_in_order(
    client: RestClient, path: str, *more: tuple[str, str], after: int | None = None, first: Reply | None = None
) -> Iterator[msgspec.Raw]:
    """Yield the rows of a list in the order of their ids, those behind ``after``."""
    return rows_by_key(
        client,
        lambda offset, size: page_request(path, offset, size, *more),
        page_of,
        id_of,
        size=PAGE,
        after=after,
        first=first,
    )


def whole(reply: Reply, page: RowsPage) -> list[msgspec.Raw]:
    """Return the rows of an answer that must have them all. Raises SourceUnavailable if it has not."""
    if len(page.rows) != page.total:
        raise SourceUnavailable(
            f"{reply.asked} gave {len(page.rows)} rows, although it says that it has {page.total}. Nothing else is "
            "known of the others."
        )
    return page.rows


def all_at_once(path: str, *more: tuple[str, str], limited: bool = True) -> Request:
    """Return the request for a list whose pages cannot be trusted: for everything in one answer."""
    paging = (("limit", str(NO_LIMIT)), ("offset", "0")) if limited else ()
    return Request(path, query=(*paging, *more), most=MOST_AT_ONCE)


def is_missing(reply: Reply) -> bool:
    """Whether the API said that there is no such thing, or no such route."""
    return reply.status == _NOT_FOUND
