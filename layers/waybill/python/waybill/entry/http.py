"""Where an API request enters: event in, one service, answer out (API Gateway HTTP API, payload format 2.0)."""

import base64
import binascii
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from waybill.domain.date_range import DEFAULT_TIME_ZONE
from waybill.domain.errors import WaybillError
from waybill.domain.options import KIBIBYTE
from waybill.entry import problem
from waybill.entry.bootstrap import Wiring, wiring
from waybill.entry.observability import logger, place_of
from waybill.entry.problem import Problem, Problems

MEDIA_TYPE = "application/vnd.api+json"
MAX_BODY = 64 * KIBIBYTE


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a caller whose token was checked; of nobody in particular, with no tenant, on a public route.

    ``headers`` have lower-case names. ``time_zone`` (IANA) is the caller's, where callers have one. ``host`` is the
    name that the API was called by.
    """

    tenant: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    wiring: Wiring
    time_zone: str = DEFAULT_TIME_ZONE
    host: str = ""

    @property
    def export_id(self) -> str:
        """The id in the path."""
        return self.path["id"]

    @property
    def import_id(self) -> str:
        """The id in the path, of an import."""
        return self.path["id"]

    @property
    def name(self) -> str:
        """The name in the path."""
        return self.path["name"]

    @property
    def link(self) -> str:
        """The capability link in the path."""
        return self.path["link"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers: ``document`` as JSON, or ``body``, which is sent as it is, text or bytes."""

    status: HTTPStatus
    document: Mapping[str, Any] | None = None
    body: str | bytes = ""
    media_type: str = MEDIA_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, once that is known: the tenant, and the time zone (IANA) that they live in, if they told it."""

    tenant: str
    time_zone: str = DEFAULT_TIME_ZONE


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the APIs: how a caller is known, who has to have a scope, and how a request is refused."""

    caller: Callable[[Mapping[str, Any], str, Wiring], Caller]
    refusal: Callable[[Sequence[Problem]], Answer]


def route(
    *,
    scope: str | None,
    parameters: frozenset[str] = frozenset(),
    dialect: Dialect | None = None,
    most_body: int = MAX_BODY,
) -> Callable[[Callable[[Request], Answer]], Callable[[dict[str, Any], Any], dict[str, Any]]]:
    """Make a Lambda handler of a function that takes a Request.

    The caller's token must grant ``scope``; None makes a route without token, which the template must exempt from the
    authorizer too. Query parameters other than ``parameters`` are refused (JSON:API 1.1, "Query Parameters"). Whatever
    goes wrong is answered as a JSON:API error document, never as a stack trace. Another ``dialect`` has another form of
    errors, and callers of its own. A body has at most ``most_body`` bytes.
    """
    speaks = dialect or _JSONAPI

    def decorate(run: Callable[[Request], Answer]) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
        @functools.wraps(run)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            log = logger()
            log.append_keys(request_id=context.aws_request_id, route=event.get("routeKey", ""))
            parts = wiring()
            try:
                answer = run(_request(event, scope, parameters, parts, speaks, most_body=most_body))
            except Problems as several:
                answer = speaks.refusal(several.problems)
            except Problem as one:
                answer = speaks.refusal([one])
            except WaybillError as error:
                told = problem.of_error(error)
                answer = speaks.refusal([told])
                # The sentence of a refusal may repeat what the caller sent, so its code must do.
                of_ours = {"detail": str(error)} if told.status >= HTTPStatus.INTERNAL_SERVER_ERROR else {}
                log.warning("request failed", extra={"code": error.code, **of_ours})
            except Exception as error:
                # The last line of defence. The text of an unforeseen error may hold personal data: its place is logged.
                answer = speaks.refusal([problem.internal()])
                log.error("request broke", extra={"error": type(error).__name__, "at": place_of(error)})  # noqa: TRY400
            finally:
                parts.metrics.flush()
            return _response(answer)

        return handler

    return decorate


def _request(
    event: Mapping[str, Any],
    scope: str | None,
    parameters: frozenset[str],
    parts: Wiring,
    dialect: Dialect,
    *,
    most_body: int,
) -> Request:
    caller = Caller("") if scope is None else dialect.caller(event, scope, parts)  # first: a stranger is told no more
    query = event.get("queryStringParameters") or {}
    for name in query:
        if name not in parameters:
            known = f"It takes {', '.join(sorted(parameters))}." if parameters else "It takes none."
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "unknown_parameter",
                f"This route does not take the query parameter {name!r}. {known}",
                parameter=name,
            )
    return Request(
        tenant=caller.tenant,
        path=event.get("pathParameters") or {},
        query=query,
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_body(event, most_body),
        wiring=parts,
        time_zone=caller.time_zone,
        host=event["requestContext"].get("domainName", ""),
    )


def _caller(event: Mapping[str, Any], scope: str, parts: Wiring) -> Caller:
    return Caller(
        tenant_of(event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {}), scope, parts)
    )


def tenant_of(claims: Mapping[str, Any], scope: str, parts: Wiring) -> str:
    """Return whose data it is: from the token's claims and nowhere else. Raises Problem, also without the scope."""
    claim = parts.settings.tenant_claim
    tenant = claims.get(claim)
    if not isinstance(tenant, str) or not tenant:
        raise Problem(
            HTTPStatus.FORBIDDEN, "tenant_missing", f"The token has no claim {claim!r} that names the tenant."
        )
    needed = parts.settings.scope_prefix + scope
    granted = str(claims.get("scope") or claims.get("scp") or "").strip("[]").replace(",", " ").split()
    if needed not in granted:
        raise Problem(HTTPStatus.FORBIDDEN, "scope_missing", f"The token does not grant the scope {needed!r}.")
    return tenant


def _body(event: Mapping[str, Any], most: int) -> bytes:
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise Problem(HTTPStatus.BAD_REQUEST, "malformed_body", "The body cannot be decoded.") from None
    if len(body) > most:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "body_too_large",
            f"The body has more than {most} bytes.",
            pointer="",
        )
    return body


def refusal(problems: Sequence[Problem]) -> Answer:
    """Return the JSON:API answer that tells what is wrong (JSON:API 1.1, "Error Objects")."""
    errors = [
        {
            "status": str(int(each.status)),
            "code": each.code,
            "title": each.status.phrase,
            "detail": each.detail,
            **({"source": each.source} if each.source else {}),
            **({"meta": each.meta} if each.meta else {}),
        }
        for each in problems
    ]
    wait = problems[0].retry_after
    headers = {} if wait is None else {"retry-after": str(wait)}
    return Answer(problems[0].status, {"errors": errors}, headers=headers)


def _response(answer: Answer) -> dict[str, Any]:
    headers = {"cache-control": "no-store", **answer.headers}
    body = answer.body if answer.document is None else json.dumps(answer.document, ensure_ascii=False)
    if body:
        headers["content-type"] = answer.media_type
    response = {"statusCode": int(answer.status), "headers": headers}
    if isinstance(body, bytes):
        return {**response, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return {**response, "body": body}


_JSONAPI = Dialect(_caller, refusal)
