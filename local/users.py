"""The demo users: they are created in the stack's user pool and sign in as people do, on its sign-in page.

Only that flow (authorization code with PKCE) gives access tokens with the scopes of the API; Cognito's sign-in calls
give ``aws.cognito.signin.user.admin`` alone.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from local import web
from local.aws import Aws
from local.errors import LocalError
from local.paths import SYSTEM

NAMES = ("owner", "stranger")
_TENANT_CLAIM = "username" if SYSTEM else "sub"
"""As the deployment has it: the catalog of a system must name a tenant before there are users."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class User:
    """A demo user: the tenant that they are, and an access token."""

    name: str
    tenant: str
    token: str

    @property
    def expires_at(self) -> int:
        """When the token ends, in Unix seconds."""
        return int(_claims(self.token)["exp"])


def sign_in_all(endpoint_url: str, pool_id: str, client_id: str, names: Sequence[str] = NAMES) -> list[User]:
    """Create users unless they are there, and sign each in."""
    cognito = Aws(endpoint_url).cognito
    client = cognito.describe_user_pool_client(UserPoolId=pool_id, ClientId=client_id)["UserPoolClient"]
    users = []
    for name in names:
        with suppress(cognito.exceptions.UsernameExistsException):
            cognito.admin_create_user(UserPoolId=pool_id, Username=name, MessageAction="SUPPRESS")
        password = f"Aa1!{secrets.token_urlsafe(24)}"
        cognito.admin_set_user_password(UserPoolId=pool_id, Username=name, Password=password, Permanent=True)
        token = sign_in(
            endpoint_url,
            client_id=client_id,
            redirect_uri=client["CallbackURLs"][0],
            scopes=client["AllowedOAuthScopes"],
            username=name,
            password=password,
        )
        users.append(User(name, str(_claims(token)[_TENANT_CLAIM]), token))
    return users


def sign_in(
    base_url: str, *, client_id: str, redirect_uri: str, scopes: list[str], username: str, password: str
) -> str:
    """Go through the pool's sign-in page as a browser would; return an access token with ``scopes``."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    question = urlencode(
        {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(scopes),
            "state": secrets.token_urlsafe(12),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
    )
    page = _expect(web.request("GET", f"{base_url}/oauth2/authorize?{question}"), 200, "sign-in page")
    form = _SignInForm(page.body.decode())
    filled = urlencode(form.fields | {"username": username, "password": password})
    answer = web.request("POST", urljoin(f"{base_url}/", form.action), headers=_FORM, body=filled)
    location = _expect(answer, 302, "sign-in").headers["location"]
    exchange = urlencode(
        {
            "grant_type": "authorization_code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "code": parse_qs(urlsplit(location).query)["code"][0],
            "code_verifier": verifier,
        }
    )
    tokens: dict[str, Any] = _expect(
        web.request("POST", f"{base_url}/oauth2/token", headers=_FORM, body=exchange), 200, "token endpoint"
    ).document
    return str(tokens["access_token"])


class _SignInForm(HTMLParser):
    """The form of the sign-in page: where it goes and its prefilled fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the form's action and its inputs."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")


def _claims(token: str) -> dict[str, Any]:
    """Return the claims of a token that has just come from its issuer, so that nothing has to be verified."""
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def _expect(answer: web.Answer, status: int, what: str) -> web.Answer:
    if answer.status != status:
        text = answer.body[:300].decode(errors="replace")
        raise LocalError(f"The user pool's {what} answered {answer.status} instead of {status}: {text}")
    return answer
