"""Which addresses this service may call: the strict reading of a URL, and the deny table (security.md section 10).

Pure decisions: names are resolved and sockets opened in gateways/http.py. The tables are our own, because the flags of
`ipaddress` call several non-public ranges global.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from addin_host.domain.errors import Misconfigured

MAX_URL = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Peer:
    """One end of a call: scheme, host (a DNS name in lower case, or an IP literal without brackets) and port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The host, and the port where it is not the scheme's own, as a URL writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and authority, without a trailing slash."""
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What may be called. The default is production's; `exceptions` are the exact local peers of demo and tests.

    `allow_private` opens RFC 1918, unique-local and shared (100.64/10) addresses, and nothing else.
    """

    allow_private: bool = False
    ports: frozenset[int] = frozenset({443, 444, 8443})
    exceptions: frozenset[Peer] = frozenset()


_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]+)(?P<rest>[/?][^#]*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::(?P<port>[1-9][0-9]{0,4}))?")
_FORBIDDEN_CHARACTER = re.compile(r"[^!-~]|[\\\"<>^`{|}]")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def parse_url(url: str, policy: AddressPolicy) -> Peer:
    """Return whom the URL names. What two parsers could split differently is refused, so there is one reading.

    Raises Misconfigured with the rule that is broken, for the administrator who entered the URL.
    """
    found = None if len(url) > MAX_URL or _FORBIDDEN_CHARACTER.search(url) else _URL.fullmatch(url)
    if found is None:
        raise Misconfigured("The address is not a plain https:// URL. Enter it in full, without spaces or a # part.")
    if "@" in found["authority"]:
        raise Misconfigured("The address holds a user name or password. Enter it without them.")
    scheme, authority = found["scheme"].lower(), _AUTHORITY.fullmatch(found["authority"].lower())
    if authority is None:
        raise Misconfigured(
            "The host or port of the address is not written plainly. Enter a DNS name, such as a.example."
        )
    peer = Peer(scheme, parse_host(authority["host"]), int(authority["port"] or DEFAULT_PORTS[scheme]))
    if peer not in policy.exceptions:
        _check_entrance(peer, policy)
    return peer


def _check_entrance(peer: Peer, policy: AddressPolicy) -> None:
    if peer.scheme != "https":
        raise Misconfigured("The address does not begin with https://. Only encrypted connections are made.")
    if peer.port not in policy.ports:
        allowed = ", ".join(str(port) for port in sorted(policy.ports))
        raise Misconfigured(f"The port of the address is not allowed. Use one of {allowed}.")


def parse_host(text: str) -> str:
    """Return a DNS name in lower case, or an IP literal (IPv6 may stand in brackets) in its one canonical spelling.

    Raises Misconfigured for anything else: numeric hosts of other bases, short forms, trailing dots, zone identifiers.
    """
    host = text.lower()
    literal = host[1:-1] if host.startswith("[") else host
    if is_ip_literal(literal):
        return literal
    labels = host.split(".")
    is_name = text.isascii() and len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    if not is_name or _NUMBER.fullmatch(labels[-1]):
        raise Misconfigured("The host of the address is neither a DNS name nor an ordinary IP address.")
    return host


def is_ip_literal(host: str) -> bool:
    """Whether the host is an IP address in canonical spelling, the only one that is accepted."""
    ip = _ip(host)
    return ip is not None and str(ip) == host


def address_allowed(ip: str, policy: AddressPolicy, peer: Peer | None = None) -> bool:
    """Whether a resolved address may be connected to.

    An excepted `peer` may stand on a loopback address; that is all an exception opens here.
    """
    address = _ip(ip)
    if address is None:
        return False
    address = _unmapped(address)
    if peer in policy.exceptions and _within(address, _LOOPBACK):
        return True
    inner = _embedded(address)
    if inner is not None:
        # RFC 6052 and RFC 3056: a translated or tunnelled private address is never a legitimate target.
        return not _within(inner, _NEVER) and not _within(inner, _PRIVATE)
    if _within(address, _NEVER):
        return False
    return policy.allow_private if _within(address, _PRIVATE) else _is_unicast(address)


def proxy_allowed(ip: str) -> bool:
    """Whether the platform's web proxy may stand at an address: public, private, or on this machine.

    The platform administrator names it, not an integration, and it is sent CONNECT lines only; still it is never a
    link-local, multicast or cloud metadata address.
    """
    address = _ip(ip)
    return address is not None and (
        _within(_unmapped(address), _LOOPBACK) or address_allowed(ip, AddressPolicy(allow_private=True))
    )


_Address = IPv4Address | IPv6Address
_Networks = tuple[IPv4Network | IPv6Network, ...]


def _networks(*texts: str) -> _Networks:
    return tuple(IPv6Network(text) if ":" in text else IPv4Network(text) for text in texts)


_LOOPBACK = _networks("127.0.0.0/8", "::1/128")
_PRIVATE = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
_NEVER = _networks(
    "0.0.0.0/8",  # this network
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local, with the metadata services of most clouds
    "100.100.100.200/32",  # metadata service inside the shared range
    "168.63.129.16/32",  # a cloud's host agent on a public address
    "192.0.0.0/24",  # protocol assignments, and one more metadata service
    "192.0.2.0/24",  # documentation
    "192.31.196.0/24",  # AS112
    "192.52.193.0/24",  # multicast tunnelling
    "192.88.99.0/24",  # 6to4 relay anycast
    "192.175.48.0/24",  # AS112
    "198.18.0.0/15",  # benchmarking
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, with broadcast
    "fd00:ec2::/32",  # cloud metadata inside unique-local space
    "fd20:ce::/32",  # likewise
    "2001::/23",  # protocol assignments, with Teredo, whose embedded addresses are not worth reading
    "2001:db8::/32",  # documentation
    "2620:4f:8000::/48",  # AS112
    "3fff::/20",  # documentation
)
# In IPv6 all but global unicast and unique-local space is refused without being listed: loopback, link-local,
# site-local, multicast, discard, segment routing, IPv4-compatible, and local NAT64 (64:ff9b:1::/48), whose embedding
# depends on the network and cannot be unwrapped here.
_GLOBAL_UNICAST = _networks("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")


def _ip(text: str) -> _Address | None:
    try:
        return IPv6Address(text) if ":" in text and "%" not in text else IPv4Address(text)
    except ValueError:
        return None


def _unmapped(address: _Address) -> _Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _embedded(address: _Address) -> IPv4Address | None:
    if isinstance(address, IPv6Address) and address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if isinstance(address, IPv6Address) and address in _6TO4:
        return IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return None


def _within(address: _Address, networks: _Networks) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _is_unicast(address: _Address) -> bool:
    return isinstance(address, IPv4Address) or _within(address, _GLOBAL_UNICAST)
