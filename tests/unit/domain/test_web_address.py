"""Which addresses are asked that others have chosen: public ones, in whatever form a private one is written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.errors import InvalidAddress, InvalidWebhookAddress
from waybill.domain.web_address import is_public, web_address
from waybill.domain.webhook_address import webhook_address


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://hooks.example.org", "hooks.example.org", 443, "/", "hooks.example.org"),
        ("https://Hooks.Example.org:443/a/b?c=d", "hooks.example.org", 443, "/a/b?c=d", "hooks.example.org"),
        ("https://hooks.example.org:8443/x", "hooks.example.org", 8443, "/x", "hooks.example.org:8443"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://93.184.216.34/hook", "93.184.216.34", 443, "/hook", "93.184.216.34"),
        ("https://[2606:2800:220:1::1]:9000/", "2606:2800:220:1::1", 9000, "/", "[2606:2800:220:1::1]:9000"),
    ],
)
def test_a_public_https_address_is_taken(url: str, host: str, port: int, target: str, authority: str) -> None:
    address = web_address(url, allow_private=False)

    assert (address.secure, address.host, address.port, address.target) == (True, host, port, target)
    assert address.authority == authority


REFUSED = [
    "http://hooks.example.org/",
    "ftp://hooks.example.org/",
    "//hooks.example.org/",
    "hooks.example.org",
    "",
    "https://",
    "https:///path",
    "https://user@hooks.example.org/",
    "https://user:password@hooks.example.org/",
    "https://@hooks.example.org/",
    "https://hooks.example.org/#fragment",
    "https://hooks.example.org:22/",
    "https://hooks.example.org:80/",
    "https://hooks.example.org:0/",
    "https://hooks.example.org:/",
    "https://hooks.example.org:65536/",
    "https://hooks.example.org:x/",
    "https://hooks.example.org/a b",
    "https://hooks.example.org/\r\nx: y",
    "https://hooks.example.org\\@10.0.0.1/",
    "https://bücher.example/",
    "https://-hooks.example.org/",
    "https://hooks..example.org/",
    "https://hooks.example.org./",
    "https://localhost/",
    "https://LOCALHOST:8443/",
    "https://a.localhost/",
    "https://intranet/",
    "https://printer.local/",
    "https://vault.internal/",
    "https://router.home.arpa/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://1.2.3.4.5/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://192.0.2.1/",
    "https://[::]/",
    "https://[::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[fec0::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:db8::1]/",
    "https://[::1/",
    "https://hooks.example.org/" + "x" * 2048,
    "https://" + ".".join(["a" * 60] * 5) + ".org/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_any_other_is_refused(url: str) -> None:
    with pytest.raises(InvalidAddress) as refusal:
        web_address(url, allow_private=False)

    assert url == "" or url not in str(refusal.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/hook", "https://localhost/", "http://[::1]/"])
def test_private_addresses_are_taken_where_they_are_allowed(url: str) -> None:
    assert web_address(url, allow_private=True).host in {"127.0.0.1", "localhost", "::1"}


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://user@127.0.0.1/", "http://"])
def test_even_there_not_everything_is_taken(url: str) -> None:
    with pytest.raises(InvalidAddress):
        web_address(url, allow_private=True)


PRIVATE = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")]
PRIVATE += [ipaddress.ip_network(each) for each in ("169.254.0.0/16", "100.64.0.0/10", "224.0.0.0/4", "0.0.0.0/8")]


@given(st.ip_addresses(v=4))
def test_no_address_of_a_private_range_is_public_nor_any_ipv6_form_of_it(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    forms = [
        ipaddress.IPv6Address(prefix | number) for prefix in (0xFFFF << 32, 0, int(ipaddress.IPv6Address("64:ff9b::")))
    ]
    forms.append(ipaddress.IPv6Address(0x2002 << 112 | number << 80))

    assert not any(map(is_public, forms))
    if any(address in network for network in PRIVATE):
        assert not is_public(address)


@given(st.text(max_size=60))
def test_whatever_text_comes_it_is_an_address_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.org/{text}"):
        try:
            address = web_address(url, allow_private=False)
        except InvalidAddress:
            continue
        assert address.secure
        assert address.target.startswith("/")


def test_what_a_webhook_may_not_be_is_told_in_its_own_words() -> None:
    with pytest.raises(InvalidWebhookAddress, match="https://"):
        webhook_address("http://hooks.example.org/", allow_private=False)


def test_what_may_be_a_secret_is_not_shown() -> None:
    assert "secret" not in repr(web_address("https://example.org/secret?secret", allow_private=False))
