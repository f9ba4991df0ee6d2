"""What a token does not grant is refused."""

from collections.abc import Callable

import pytest
from local import users
from local.aws import Aws
from local.exports_api import ExportsApi
from local.stack_file import Stack

pytestmark = pytest.mark.e2e

_ROUTES = {
    "exports.create": [
        ("POST", "/move/exports"),
        ("POST", "/move/exports/estimate"),
        ("POST", "/move/exports/{id}/retry"),
    ],
    "exports.read": [
        ("GET", "/move/exports"),
        ("GET", "/move/exports/{id}"),
        ("GET", "/move/exports/data/{id}"),
        ("GET", "/move/exports/{id}/manifest"),
    ],
    "exports.delete": [("DELETE", "/move/exports/{id}")],
}


@pytest.fixture(scope="module")
def signed_in(stack: Stack, aws: Aws, outputs: dict[str, str]) -> Callable[[list[str]], ExportsApi]:
    """Sign a user in with some of the scopes only."""
    pool, client = outputs["UserPoolId"], outputs["UserPoolClientId"]
    callback = aws.cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client)["UserPoolClient"]["CallbackURLs"]
    aws.cognito.admin_create_user(UserPoolId=pool, Username="scoped", MessageAction="SUPPRESS")
    password = "Only-for-this-test-1"
    aws.cognito.admin_set_user_password(UserPoolId=pool, Username="scoped", Password=password, Permanent=True)

    def sign_in(scopes: list[str]) -> ExportsApi:
        token = users.sign_in(
            stack.endpoint_url,
            client_id=client,
            redirect_uri=callback[0],
            scopes=scopes,
            username="scoped",
            password=password,
        )
        return ExportsApi(stack.api_url, token)

    return sign_in


@pytest.mark.parametrize("missing", list(_ROUTES))
def test_route_needs_its_scope(signed_in: Callable[[list[str]], ExportsApi], missing: str) -> None:
    api = signed_in([f"waybill/{scope}" for scope in _ROUTES if scope != missing])
    for scope, routes in _ROUTES.items():
        for method, path in routes:
            if scope == missing:
                answer = api.call(method, path.format(id="0" * 32), body="{}" if method == "POST" else None)
                assert answer.status == 403, path
            elif method == "GET":
                assert api.call(method, path.format(id="0" * 32)).status in {200, 404}, path
