"""Bearer tokens, checked as API Gateway's JWT authorizer checks them, for routes that it cannot guard.

Source: "Control access to HTTP APIs with JWT authorizers in API Gateway" (API Gateway developer guide): the key by its
``kid`` from the issuer's ``jwks_uri``, an RSA signature, ``iss``, ``aud`` or else ``client_id``, ``exp``, ``nbf``,
``iat``.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt

from waybill.adapters.http import Disconnected, Endpoint
from waybill.domain.errors import StorageUnavailable, Unauthorized
from waybill.ports import Clock

ALGORITHMS = ("RS256", "RS384", "RS512")
"""API Gateway takes RSA only."""

KEYS_LIFE = timedelta(hours=1)
"""For so long keys are kept, so that one that the issuer has withdrawn is not taken much longer."""

PAUSE = timedelta(minutes=1)
"""Between two requests for keys, however many tokens name keys that are not there."""

_OK = 200
_TIMEOUT_SECONDS = 5.0
_COGNITO = "cognito-idp."
_RSA = "RSA"

Fetch = Callable[[str], bytes]


def fetch(url: str) -> bytes:
    """Return the body at ``url``. Raises StorageUnavailable."""
    address = urlsplit(url)
    target = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
    try:
        endpoint = Endpoint(f"{address.scheme}://{address.netloc}", timeout=_TIMEOUT_SECONDS)
        with endpoint.request("GET", target, {"accept": "application/json"}) as answer:
            if answer.status == _OK:
                return answer.read()
            told = f"it answered {answer.status}"
    except Disconnected:
        told = "it does not answer"
    raise StorageUnavailable(f"The keys of the tokens' issuer cannot be had: {told}.")


class JwtTokens:
    """TokenVerifier for the tokens of one issuer, made for one of ``audience``.

    ``endpoint`` replaces the scheme and host of Cognito's address, as in the AWS SDKs. Keys are fetched when the first
    token comes and kept for KEYS_LIFE.
    """

    def __init__(
        self,
        issuer: str,
        audience: Sequence[str],
        *,
        clock: Clock,
        endpoint: str | None = None,
        get: Fetch = fetch,
    ) -> None:
        self._issuer = issuer
        self._audience = frozenset(audience)
        self._clock = clock
        self._endpoint = endpoint
        self._get = get
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at: datetime | None = None

    def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a genuine token that is in force; claims that are lists as words with spaces between.

        Raises Unauthorized, and StorageUnavailable if the issuer's keys cannot be had.
        """
        try:
            key = self._key(str(jwt.get_unverified_header(token).get("kid")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,  # not the JWK, which takes RS256 alone if it names no algorithm
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                # Times are held against our own clock, audiences against two claims.
                options={
                    "require": ["exp", "iss"],
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise _refused() from None
        self._check_times(claims)
        made_for = claims.get("aud", claims.get("client_id"))
        names = made_for if isinstance(made_for, list) else [made_for]
        if self._audience.isdisjoint(name for name in names if isinstance(name, str)):
            raise _refused()
        return {name: " ".join(map(str, each)) if isinstance(each, list) else each for name, each in claims.items()}

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock().timestamp()
        times = [claims["exp"], claims.get("nbf", 0), claims.get("iat", 0)]
        if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
            raise _refused()
        expires, *begins = times
        if expires <= now or any(time > now for time in begins):
            raise _refused()

    def _key(self, name: str) -> jwt.PyJWK:
        now = self._clock()
        age = None if self._fetched_at is None else now - self._fetched_at
        if age is None or age >= KEYS_LIFE or (name not in self._keys and age >= PAUSE):
            self._keys, self._fetched_at = self._fetched(), now
        if name not in self._keys:
            raise _refused()
        return self._keys[name]

    def _fetched(self) -> Mapping[str, jwt.PyJWK]:
        """Return the issuer's keys by their names (OpenID Connect Discovery 1.0, section 4; RFC 7517, section 5)."""
        try:
            found = json.loads(self._get(f"{self._address().rstrip('/')}/.well-known/openid-configuration"))
            document = json.loads(self._get(str(found["jwks_uri"])))
            keys = jwt.PyJWKSet.from_dict(document).keys
            return {str(key.key_id): key for key in keys if key.key_type == _RSA}
        except (jwt.PyJWTError, ValueError, KeyError, TypeError):
            raise StorageUnavailable("The keys of the tokens' issuer cannot be read.") from None

    def _address(self) -> str:
        address = urlsplit(self._issuer)
        if self._endpoint and address.netloc.startswith(_COGNITO):
            return f"{self._endpoint.rstrip('/')}{address.path}"
        return self._issuer


def _refused() -> Unauthorized:
    """Return the one error for every token that is not taken; why is nobody's business but its holder's."""
    return Unauthorized("This token is not taken. It has expired, or it is not of the issuer that is trusted here.")
