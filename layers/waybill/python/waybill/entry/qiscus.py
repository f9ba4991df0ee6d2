"""The Qiscus dialect: how its callers are known and how they are refused (reference source-systems, C1)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from waybill.domain.errors import Unauthorized
from waybill.entry.bootstrap import Wiring
from waybill.entry.http import Answer, Caller, Dialect, refusal, tenant_of
from waybill.entry.problem import Problem
from waybill.services.check_api_key import check_api_key

MEDIA_TYPE = "application/json"

_APP_ID = "qiscus-sdk-app-id"
_SECRET = "qiscus-sdk-secret"  # noqa: S105 - the name of a header
_BEARER = "bearer"


def success(results: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer that holds ``results``: 200 on every route, also where something was made."""
    document = {"results": results, "status": int(HTTPStatus.OK)}
    return Answer(HTTPStatus.OK, document, media_type=MEDIA_TYPE, headers=headers or {})


def _caller(event: Mapping[str, Any], scope: str, parts: Wiring) -> Caller:
    """Return who asks: the tenant of an API key, or else of a bearer token.

    Clients write the headers of the key with hyphens or with underscores.
    """
    headers = {name.lower().replace("_", "-"): text for name, text in (event.get("headers") or {}).items()}
    if _APP_ID in headers or _SECRET in headers:
        return _caller_of_key(headers.get(_APP_ID, ""), headers.get(_SECRET, ""), scope, parts)
    kind, _, token = headers.get("authorization", "").strip().partition(" ")
    if kind.lower() != _BEARER or not token:
        raise Unauthorized("Send QISCUS-SDK-APP-ID with QISCUS-SDK-SECRET, or Authorization: Bearer with a token.")
    return Caller(tenant_of(parts.tokens.claims(token.strip()), scope, parts), parts.settings.time_zone)


def _caller_of_key(app_id: str, secret: str, scope: str, parts: Wiring) -> Caller:
    key = check_api_key(app_id, secret, keys=parts.api_keys, clock=parts.clock)
    if scope not in key.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "scope_missing", f"This API key does not grant the scope {scope!r}.")
    return Caller(key.tenant, key.time_zone)


def _refusal(problems: Sequence[Problem]) -> Answer:
    """Return the error envelope that Qiscus's clients read, with the status and headers of the JSON:API answer.

    ``detailed_messages`` are the sentences, ``message`` the code, which is what Qiscus answers to unknown callers.
    """
    usual = refusal(problems)
    headers = dict(usual.headers)
    if usual.status is HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"  # RFC 9110, section 15.5.2
    error = {"message": problems[0].code, "detailed_messages": [_sentence(each) for each in problems]}
    return Answer(usual.status, {"error": error, "status": int(usual.status)}, media_type=MEDIA_TYPE, headers=headers)


def _sentence(problem: Problem) -> str:
    """Return what is wrong, with the field's name before it if the sentence does not begin with it."""
    place = problem.source.get("parameter") or problem.source.get("pointer", "").rpartition("/")[2]
    return f"{place}: {problem.detail}" if place and not problem.detail.startswith(place) else problem.detail


QISCUS = Dialect(_caller, _refusal)
