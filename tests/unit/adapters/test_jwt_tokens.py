"""Which bearer tokens are taken where API Gateway does not look, and how often keys are asked for."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.fakes import FakeClock

from waybill.adapters.jwt_tokens import KEYS_LIFE, JwtTokens
from waybill.domain.errors import StorageUnavailable, Unauthorized

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE"
JWKS = f"{ISSUER}/jwks"
CLIENT = "1example23456789"


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


KEY, OTHER = rsa_key(), rsa_key()


def jwk(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())
    else:
        public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())
    return dict(json.loads(public)) | {"kid": name, "use": "sig"}


class Issuer:
    """What the issuer answers, and how often it was asked."""

    def __init__(self) -> None:
        self.keys = [jwk(KEY, "one")]
        self.asked: list[str] = []
        self.fault: Exception | None = None

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if self.fault:
            raise self.fault
        if url.endswith("/.well-known/openid-configuration"):
            return json.dumps({"issuer": ISSUER, "jwks_uri": JWKS}).encode()
        assert url == JWKS
        return json.dumps({"keys": self.keys}).encode()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def tokens(issuer: Issuer, clock: FakeClock) -> JwtTokens:
    return JwtTokens(ISSUER, [CLIENT, "another"], clock=clock, get=issuer)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


Sign = Callable[..., str]


@pytest.fixture
def sign(clock: FakeClock) -> Sign:
    """Make a token that is taken, but for what is changed."""

    def make(key: Any = KEY, kid: str | None = "one", algorithm: str = "RS256", **changes: Any) -> str:
        now = clock().timestamp()
        usual = {"iss": ISSUER, "client_id": CLIENT, "sub": "alice", "scope": "a b", "exp": now + 60, "iat": now}
        claims = {name: value for name, value in (usual | changes).items() if value is not None}
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode(claims, key, algorithm=algorithm, headers=headers)

    return make


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"algorithm": "RS512"},
        {"client_id": "another"},
        {"aud": CLIENT, "client_id": None},
        {"aud": ["x", CLIENT], "client_id": None},
        {"iat": None},
    ],
)
def test_a_genuine_token_tells_its_claims(tokens: JwtTokens, sign: Sign, changes: dict[str, Any]) -> None:
    assert tokens.claims(sign(**changes))["sub"] == "alice"


def test_claims_that_are_lists_are_words(tokens: JwtTokens, sign: Sign) -> None:
    assert tokens.claims(sign(scp=["a", "b"]))["scp"] == "a b"


@pytest.mark.parametrize(
    "changes",
    [
        {"key": OTHER},
        {"kid": "two"},
        {"kid": None},
        {"iss": "https://evil.invalid"},
        {"iss": f"{ISSUER}/"},
        {"iss": None},
        {"client_id": "nobody"},
        {"client_id": None},
        {"aud": "nobody"},
        {"aud": []},
        {"aud": {"name": CLIENT}},
        {"aud": [[CLIENT]]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
    ],
)
def test_what_is_wrong_anywhere_is_refused(tokens: JwtTokens, sign: Sign, changes: dict[str, Any]) -> None:
    try:
        token = sign(**changes)
    except TypeError:  # the library makes no such token, so it is made by hand
        token = signed_by_hand({"iss": ISSUER, "client_id": CLIENT} | changes)
    with pytest.raises(Unauthorized):
        tokens.claims(token)


def signed_by_hand(claims: dict[str, Any]) -> str:
    body = ".".join(part(each) for each in ({"alg": "RS256", "kid": "one"}, claims))
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(body.encode(), KEY)
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_ends_to_the_second(tokens: JwtTokens, sign: Sign, clock: FakeClock) -> None:
    token = sign(exp=clock().timestamp() + 60)
    clock.advance(seconds=59)
    tokens.claims(token)
    clock.advance(seconds=1)

    with pytest.raises(Unauthorized):
        tokens.claims(token)


def test_a_token_without_signature_is_refused(tokens: JwtTokens, sign: Sign) -> None:
    claims = sign().split(".")[1]

    for token in (f"{part({'alg': 'none', 'kid': 'one'})}.{claims}.", f"{sign().rpartition('.')[0]}."):
        with pytest.raises(Unauthorized):
            tokens.claims(token)


def test_the_public_key_is_nobodys_secret(tokens: JwtTokens, sign: Sign) -> None:
    public = jwt.PyJWK.from_dict(jwk(KEY, "one")).key.public_bytes
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    body = f"{part({'alg': 'HS256', 'kid': 'one'})}.{sign().split('.')[1]}"
    mac = hmac.digest(public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), body.encode(), hashlib.sha256)

    with pytest.raises(Unauthorized):
        tokens.claims(f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


def test_a_key_of_another_kind_is_refused(tokens: JwtTokens, sign: Sign, issuer: Issuer) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    issuer.keys = [jwk(curve, "one")]

    for token in (sign(key=curve, algorithm="ES256"), sign()):
        with pytest.raises(Unauthorized):
            tokens.claims(token)


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "é.é.é", "\ud800.a.b", "x" * 9_000, base64.b64encode(b"[" * 6_000).decode() + ".e30.e30"],
)
def test_what_is_no_token_is_refused(tokens: JwtTokens, token: str) -> None:
    with pytest.raises(Unauthorized):
        tokens.claims(token)


def test_keys_are_asked_for_once_and_again_when_they_are_old(
    tokens: JwtTokens, sign: Sign, issuer: Issuer, clock: FakeClock
) -> None:
    for _ in range(3):
        tokens.claims(sign())
    assert issuer.asked == [f"{ISSUER}/.well-known/openid-configuration", JWKS]

    clock.now += KEYS_LIFE
    issuer.keys = [jwk(OTHER, "two")]

    with pytest.raises(Unauthorized):
        tokens.claims(sign())
    assert tokens.claims(sign(key=OTHER, kid="two"))["sub"] == "alice"


def test_a_new_key_is_found_soon_but_strangers_cannot_have_keys_fetched_all_the_time(
    tokens: JwtTokens, sign: Sign, issuer: Issuer, clock: FakeClock
) -> None:
    tokens.claims(sign())
    issuer.keys.append(jwk(OTHER, "two"))
    for _ in range(10):
        with pytest.raises(Unauthorized):
            tokens.claims(sign(key=OTHER, kid="two"))
    assert len(issuer.asked) == 2

    clock.now += timedelta(minutes=1)

    assert tokens.claims(sign(key=OTHER, kid="two"))["sub"] == "alice"
    assert len(issuer.asked) == 4


@pytest.mark.parametrize("keys", [[], [{"kty": "x"}], [1], None])
def test_keys_that_cannot_be_had_are_no_fault_of_the_caller(
    tokens: JwtTokens, sign: Sign, issuer: Issuer, keys: Any
) -> None:
    issuer.keys = keys

    with pytest.raises(StorageUnavailable):
        tokens.claims(sign())


def test_an_issuer_that_does_not_answer_is_asked_again_by_the_next_token(
    tokens: JwtTokens, sign: Sign, issuer: Issuer
) -> None:
    issuer.fault = StorageUnavailable("It does not answer.")
    with pytest.raises(StorageUnavailable):
        tokens.claims(sign())
    issuer.fault = None

    assert tokens.claims(sign())["sub"] == "alice"


def test_another_endpoint_stands_in_for_cognitos_only(issuer: Issuer, clock: FakeClock, sign: Sign) -> None:
    local = JwtTokens(ISSUER, [CLIENT], clock=clock, endpoint="http://127.0.0.1:4566/", get=issuer)
    local.claims(sign())
    assert issuer.asked[0] == "http://127.0.0.1:4566/eu-west-1_EXAMPLE/.well-known/openid-configuration"

    other = JwtTokens("https://id.example.org/", [CLIENT], clock=clock, endpoint="http://127.0.0.1:4566", get=issuer)
    with pytest.raises(Unauthorized):
        other.claims(sign())
    assert issuer.asked[2] == "https://id.example.org/.well-known/openid-configuration"
