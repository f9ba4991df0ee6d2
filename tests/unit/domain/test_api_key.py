"""API keys."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from waybill.domain.api_key import SCOPES, is_app_id, new_key, nobodys_key

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_a_key_is_opened_by_its_secret_and_no_other() -> None:
    key, secret = new_key("alice", time_zone="UTC", now=NOW)
    _, other = new_key("alice", time_zone="UTC", now=NOW)

    assert key.opens_with(secret)
    assert not any(key.opens_with(wrong) for wrong in (other, "", secret[:-1], f"{secret} ", "\ud800"))
    assert key.scopes == SCOPES


def test_a_revoked_key_is_opened_by_nothing() -> None:
    key, secret = new_key("alice", time_zone="UTC", now=NOW)

    assert not replace(key, enabled=False).opens_with(secret)


def test_a_key_does_not_tell_its_secret() -> None:
    key, secret = new_key("alice", time_zone="UTC", now=NOW)

    assert len(secret) >= 43
    assert secret not in repr(key)
    assert "digest" not in repr(key)
    assert secret.encode() not in key.digest + key.salt


def test_two_keys_never_look_alike() -> None:
    keys = [new_key("alice", time_zone="UTC", now=NOW)[0] for _ in range(50)]

    assert len({key.salt for key in keys}) == len({key.digest for key in keys}) == len({k.app_id for k in keys}) == 50


def test_nobodys_key_is_opened_by_nothing() -> None:
    assert not any(nobodys_key("x", NOW).opens_with(secret) for secret in ("", "x"))


@pytest.mark.parametrize("name", ["", "a b", "a#b", "ü", "x" * 65, "-a", "a\n"])
def test_what_is_no_app_id_makes_no_key(name: str) -> None:
    assert not is_app_id(name)
    if name:
        with pytest.raises(ValueError, match="app id"):
            new_key("alice", app_id=name, time_zone="UTC", now=NOW)
