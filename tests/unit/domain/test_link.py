"""A capability link opens the one export that it was made for, and nothing else opens it."""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.errors import ExportNotFound
from waybill.domain.link import claimed_export, is_same_link, make_link, new_secret

EXPORT = "0192f0c1a2b3c4d5e6f708192a3b4c5d"
OTHER = "0192f0c1a2b3ffffffffffffffffffff"
ENDS = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
SECRET = bytes(range(32))
LINK = make_link(EXPORT, ENDS, SECRET)

export_ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
secrets = st.binary(min_size=32, max_size=32)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def opens(text: str, genuine: str | None = LINK) -> bool:
    """Whether a text is taken for a link, first by its form, then by what it is held against."""
    try:
        claimed_export(text)
    except ExportNotFound:
        return False
    return is_same_link(text, genuine)


@given(export_id=export_ids, ends=moments, secret=secrets)
def test_a_link_leads_back_to_its_export_and_opens_it(export_id: str, ends: datetime, secret: bytes) -> None:
    link = make_link(export_id, ends, secret)

    assert claimed_export(link) == export_id
    assert opens(link, make_link(export_id, ends, secret))


def test_it_is_expiry_id_and_mac_as_written_down() -> None:
    claim = int(ENDS.timestamp()).to_bytes(8, "big") + bytes.fromhex(EXPORT)
    mac = hmac.new(SECRET, b"waybill export link\0" + claim, hashlib.sha256).digest()

    assert base64.urlsafe_b64decode(LINK + "=") == claim + mac
    assert re.fullmatch(r"[A-Za-z0-9_-]{75}", LINK)


def test_its_end_is_a_whole_second_and_not_before_the_exports() -> None:
    assert make_link(EXPORT, ENDS - timedelta(microseconds=1), SECRET) == LINK


@given(position=st.integers(0, 55), bit=st.integers(0, 7))
def test_one_changed_bit_anywhere_and_it_opens_nothing(position: int, bit: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(LINK + "="))
    raw[position] ^= 1 << bit

    assert not opens(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


@given(length=st.integers(0, len(LINK) - 1))
def test_a_truncated_link_opens_nothing(length: int) -> None:
    assert not opens(LINK[:length])


@pytest.mark.parametrize("added", ["A", "=", " ", "\n", "\0", LINK])
def test_a_link_with_something_behind_it_opens_nothing(added: str) -> None:
    assert not opens(LINK + added)


def test_another_text_for_the_same_bytes_opens_nothing() -> None:
    twin = chr(ord(LINK[-1]) + 1)  # the last character has two bits that say nothing

    assert base64.urlsafe_b64decode(f"{LINK[:-1]}{twin}=") == base64.urlsafe_b64decode(f"{LINK}=")
    assert not opens(LINK[:-1] + twin)


@given(raw=st.binary(max_size=120))
def test_random_bytes_open_nothing(raw: bytes) -> None:
    assert not opens(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


@given(text=st.text(max_size=120))
def test_random_text_opens_nothing(text: str) -> None:
    assert not opens(text)


@given(secret=secrets.filter(lambda secret: secret != SECRET))
def test_a_link_made_with_another_exports_secret_opens_nothing(secret: bytes) -> None:
    assert not opens(make_link(EXPORT, ENDS, secret))


def test_a_link_of_another_export_or_with_a_later_end_opens_nothing() -> None:
    assert not opens(make_link(OTHER, ENDS, SECRET))
    assert not opens(make_link(EXPORT, ENDS + timedelta(seconds=1), SECRET))


def test_nothing_opens_an_export_without_a_link() -> None:
    assert not opens(LINK, None)


@pytest.mark.parametrize("secret", [b"", b"short", bytes(33)])
def test_a_link_cannot_be_made_without_a_secret(secret: bytes) -> None:
    with pytest.raises(ValueError, match="secret"):
        make_link(EXPORT, ENDS, secret)


def test_secrets_do_not_repeat() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert {len(new_secret()) for _ in range(10)} == {32}
