"""Which URLs are read and which addresses may be called."""
# ruff: noqa: E501, RUF001 - tables of spellings

from urllib.parse import urlsplit

import pytest
import requests
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from addin_host.domain.addresses import (
    AddressPolicy,
    Peer,
    address_allowed,
    is_ip_literal,
    parse_host,
    parse_url,
    proxy_allowed,
)
from addin_host.domain.errors import Misconfigured

PRODUCTION = AddressPolicy()
INTERNAL = AddressPolicy(allow_private=True)

PUBLIC = ["8.8.8.8", "1.1.1.1", "20.190.159.0", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700:4700::1111"]
PUBLIC += ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]
PRIVATE = ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255"]
PRIVATE += ["fc00::1", "fdff::1", "::ffff:10.0.0.1", "::ffff:100.64.0.1"]
NEVER = [
    "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "169.254.170.2",
    "100.100.100.200", "168.63.129.16", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1",
    "192.88.99.1", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
    "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8",
    "64:ff9b:1::127.0.0.1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "2002:a9fe:a9fe::1", "2002:c058:6301::", "2620:4f:8000::1", "3fff::1",
    "5f00::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "fd00:ec2::254", "fd20:ce::254", "4000::1", "8000::1",
    "", "example.com", "127.1", "0177.0.0.1", "1.2.3", "8.8.8.8 ", "[::1]",
]  # fmt: skip


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_addresses_may_be_called(ip: str) -> None:
    assert address_allowed(ip, PRODUCTION)


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_addresses_need_internal_exchange(ip: str) -> None:
    assert not address_allowed(ip, PRODUCTION)
    assert address_allowed(ip, INTERNAL)


@pytest.mark.parametrize("ip", NEVER)
def test_special_addresses_are_never_called(ip: str) -> None:
    assert not address_allowed(ip, PRODUCTION)
    assert not address_allowed(ip, INTERNAL)


def test_an_exception_opens_loopback_for_its_exact_peer_only() -> None:
    peer = Peer("https", "idp.test", 9443)
    policy = AddressPolicy(exceptions=frozenset({peer}))
    assert address_allowed("127.0.0.1", policy, peer)
    assert address_allowed("::ffff:127.0.0.1", policy, peer)
    assert not address_allowed("169.254.169.254", policy, peer)
    assert not address_allowed("10.0.0.1", policy, peer)
    assert not address_allowed("127.0.0.1", policy, Peer("https", "idp.test", 9444))
    assert not address_allowed("127.0.0.1", policy)


def test_the_production_policy_has_no_exception_and_no_private_addresses() -> None:
    assert AddressPolicy().exceptions == frozenset()
    assert AddressPolicy().ports == {443, 444, 8443}
    assert not AddressPolicy().allow_private


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "10.0.0.1", "8.8.8.8"])
def test_the_web_proxy_may_stand_on_this_machine_or_inside(ip: str) -> None:
    assert proxy_allowed(ip)


@pytest.mark.parametrize(
    "ip", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "fd00:ec2::254", "fe80::1", "::ffff:169.254.1.1"]
)
def test_the_web_proxy_is_never_a_metadata_service(ip: str) -> None:
    assert not proxy_allowed(ip)


@pytest.mark.parametrize(
    ("url", "peer"),
    [
        ("https://login.example.com/a/b?c=d", Peer("https", "login.example.com", 443)),
        ("HTTPS://Login.Example.COM", Peer("https", "login.example.com", 443)),
        ("https://exchange:8443/", Peer("https", "exchange", 8443)),
        ("https://xn--bcher-kva.example:444?x", Peer("https", "xn--bcher-kva.example", 444)),
        ("https://8.8.8.8/", Peer("https", "8.8.8.8", 443)),
        ("https://[2606:4700::1111]/", Peer("https", "2606:4700::1111", 443)),
        ("https://1.example.com/@a:b", Peer("https", "1.example.com", 443)),
    ],
)
def test_plain_urls_are_read(url: str, peer: Peer) -> None:
    assert parse_url(url, PRODUCTION) == peer


def test_http_is_read_for_an_exact_exception_only() -> None:
    policy = AddressPolicy(exceptions=frozenset({Peer("http", "127.0.0.1", 9000)}))
    assert parse_url("http://127.0.0.1:9000/x", policy) == Peer("http", "127.0.0.1", 9000)
    for url in ("http://127.0.0.1:9001/", "https://127.0.0.1:9000/", "http://localhost:9000/", "http://127.0.0.1/"):
        with pytest.raises(Misconfigured):
            parse_url(url, policy)


@pytest.mark.parametrize(
    "url",
    [
        "", "https://", "https:///path", "//example.com/", "example.com", "ftp://example.com/", "http://example.com/",
        "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "https:example.com", "https:/example.com",
        "https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/", "https://allowed.example@evil.example/",
        "https://example.com\\@evil.example/", "https://example.com\\.evil.example/", "https://example.com /", " https://example.com/",
        "https://exa\nmple.com/", "https://exa\tmple.com/", "https://example.com/\r\nHost: x", "https://example.com/\x00",
        "https://example.com/#fragment", "https://example.com:/", "https://example.com:0/", "https://example.com:0443/",
        "https://example.com:65536/", "https://example.com:99999999/", "https://example.com:22/", "https://example.com:80/",
        "https://example.com:5432/", "https://example.com:+443/", "https://example.com:4 43/", "https://example.com:443:444/",
        "https://example.com./", "https://.example.com/", "https://exa..mple.com/", "https://-example.com/", "https://example-.com/",
        "https://exam_ple.com/", "https://exa%6dple.com/", "https://%31%32%37.0.0.1/", "https://127.0.0.1%00.example.com/",
        "https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/",
        "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.01/", "https://127.0.0.0x1/", "https://1.2.3.4.5/",
        "https://example.1/", "https://example.0x10/", "https://256.1.1.1/", "https://127.0.0.1./",
        "https://①②⑦.0.0.1/", "https://１２７.0.0.1/", "https://127。0。0。1/", "https://١٢٧.0.0.1/", "https://bücher.example/",
        "https://ｅxample.com/", "https://examp\u200ble.com/", "https://\u212aexample.com/",
        "https://[::1/", "https://::1/", "https://[::ffff:127.0.0.1]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::0001]/",
        "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[v1.a]/", "https://[]/", "https://[::1]x/", "https://[127.0.0.1]/",
        "https://[example.com]/", "https://" + "a" * 64 + ".example/", "https://" + "a." * 130 + "example/",
        "https://example.com/" + "a" * 3000, "https://example.com/<", 'https://example.com/"', "https://example.com/a b", "https://a,b/", "https://a|b/",
    ],
)  # fmt: skip
def test_other_spellings_are_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        parse_url(url, PRODUCTION)


PIECES = ["https://", "http://", "//", "/", ":", "@", "#", "?", "\\", "[", "]", ".", "-", "%", "%2e", "0x7f", "0177", "127.0.0.1", "2130706433",
          "::1", "::ffff:", "a.example", "localhost", "xn--a", "443", "8443", "22", " ", "\t", "\n", "\0", "。", "①", "\u00ad", "\u212a", "ﬁ", "_", "&", ";"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join))
@settings(max_examples=2000, deadline=None)
def test_a_url_that_is_read_has_the_same_peer_for_every_other_parser(rest: str) -> None:
    url = "https://" + rest
    try:
        peer = parse_url(url, PRODUCTION)
    except Misconfigured:
        return
    standard, library = urlsplit(url), urllib3.util.parse_url(requests.Request("GET", url).prepare().url or "")
    assert (standard.hostname, standard.port or 443, standard.username) == (peer.host, peer.port, None)
    assert ((library.host or "").strip("[]"), library.port or 443, library.auth) == (peer.host, peer.port, None)


def test_only_canonical_literals_count_as_addresses() -> None:
    assert is_ip_literal("127.0.0.1") and is_ip_literal("::1")
    assert not any(map(is_ip_literal, ["127.1", "::0001", "::ffff:1.2.3.4", "[::1]", "example.com", "fe80::1%eth0"]))
    assert parse_host("[::1]") == "::1"


def test_authority_and_origin_leave_the_usual_port_out() -> None:
    assert Peer("https", "fs.example.com", 443).origin == "https://fs.example.com"
    assert Peer("https", "2606:4700::1", 8443).authority == "[2606:4700::1]:8443"
