"""Requests are signed as UForge wants it, with a password or with a pair of API keys."""

import pytest
from tests.systems.uforge.signin import Account as SignIn
from tests.unit.sources.uforge.account import BY_KEYS, BY_PASSWORD, Account

from waybill.domain.errors import SourceUnavailable
from waybill.sources.uforge.auth import signature


def test_the_vector_of_the_reference() -> None:
    signed = signature("SEC", "users/bob/appliances?count=10&offset=0&apiKey=PUB")
    assert signed == "v4CCK7+wIn6K482KWCJgl8/hQEA="


def test_a_password_goes_into_a_header() -> None:
    account = Account()
    account.read("profile")

    (asked,) = account.api.asked
    assert asked.target == "/api/users/bob"
    assert asked.headers["authorization"].startswith("Basic ")
    assert asked.headers["accept"] == "application/xml"


def test_keys_go_into_the_query_and_nowhere_else() -> None:
    account = Account(secret=BY_KEYS)
    account.read("accounts")

    (asked,) = account.api.asked
    assert asked.target.startswith("/api/users/bob/accounts?count=50&offset=0&apiKey=PUB&signature=")
    assert "+" not in asked.target
    assert "authorization" not in asked.headers
    assert "SEC" not in asked.target


@pytest.mark.parametrize(
    ("sign_in", "secret"),
    [
        (SignIn(password="another"), BY_PASSWORD),
        (SignIn(secret_key="another"), BY_KEYS),
        (SignIn(api_key="another"), BY_KEYS),
    ],
)
def test_a_wrong_password_or_key_says_where_to_look_and_not_what_it_is(sign_in: SignIn, secret: dict[str, str]) -> None:
    account = Account(secret=secret)
    account.uforge.account = sign_in

    with pytest.raises(SourceUnavailable) as met:
        account.read("profile")

    told = str(met.value)
    assert "UForge at uforge.example.org, asked for GET /api/users/{user}, was answered with 401" in told
    assert "secret that the catalog names" in told
    assert not [value for key, value in secret.items() if value in told]


@pytest.mark.parametrize("before", [BY_PASSWORD, BY_KEYS])
def test_a_secret_that_is_changed_in_the_middle_is_read_anew(before: dict[str, str]) -> None:
    account = Account(secret=before, changed={"login": "bob", "password": "the new one"})
    source = account.source("accounts")
    account.uforge.account = SignIn(password="the new one")

    assert len(source.measure(tenant="acme", pages=1, budget=None).items) == 3  # type: ignore[arg-type]


def test_a_request_that_is_refused_for_good_is_not_sent_again_and_again() -> None:
    account = Account(changed=BY_PASSWORD)
    account.uforge.account.revoked = True

    with pytest.raises(SourceUnavailable, match="401"):
        account.read("profile")

    assert len(account.api.asked) == 1
