"""Of a password a salted hash is kept that says how it was made."""

import base64
import hashlib
import re
from typing import Any

import pytest
from tests.unit.rules.court import USER

from waybill.rules.passwords import stored

SALT = bytes(range(16))


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """A stored user. Made once, because a hash takes long."""
    return stored(USER, SALT)


def matches(password: str, kept: str) -> bool:
    """Check a password as a product does, by what the hash itself says."""
    found = re.fullmatch(r"\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)", kept)
    assert found is not None
    log_n, r, p = map(int, found.groups()[:3])
    salt, digest = (base64.b64decode(text + "=" * (-len(text) % 4)) for text in found.groups()[3:])
    return digest == hashlib.scrypt(
        password.encode(), salt=salt, n=1 << log_n, r=r, p=p, maxmem=256 * 1024 * 1024, dklen=len(digest)
    )


def test_the_password_is_replaced_by_a_hash_that_it_matches(kept: dict[str, Any]) -> None:
    assert {key: value for key, value in kept.items() if key != "PasswordHash"} == {
        key: value for key, value in USER.items() if key != "Password"
    }
    assert matches("correct horse", kept["PasswordHash"])
    assert not matches("correct mouse", kept["PasswordHash"])
    assert "correct horse" not in repr(kept)


def test_the_same_salt_gives_the_same_hash_and_another_another(kept: dict[str, Any]) -> None:
    assert stored(USER, SALT) == kept
    assert stored(USER, SALT[::-1])["PasswordHash"] != kept["PasswordHash"]


def test_the_cost_is_what_owasp_asks_for_at_16_mib(kept: dict[str, Any]) -> None:
    assert kept["PasswordHash"].startswith("$scrypt$ln=14,r=8,p=5$")


@pytest.mark.parametrize("password", [None, ""])
def test_without_a_password_there_is_no_hash(password: str | None) -> None:
    assert stored({"Email": "ada@example.com", "Password": password}, SALT) == {"Email": "ada@example.com"}
    assert stored({"Email": "ada@example.com"}, SALT) == {"Email": "ada@example.com"}


def test_a_salt_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        stored(USER, SALT[:15])
