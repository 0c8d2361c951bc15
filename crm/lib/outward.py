"""Speak to addresses on the internet that somebody typed in, without being led back into our own network.

A name is looked up once, every address it stands for is judged, and the connection goes to the judged address itself:
a second look-up (DNS rebinding) never happens, and redirects are not followed. `is_private` of the standard
library misses shared, NAT64, 6to4 and multicast addresses, so an address must be global and is unwrapped first.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is routed on the internet
_NOBODYS = [ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")]
_ISATAP = {0x00005EFE, 0x02005EFE}  # the middle of an address that ends in an IPv4 one
_MOST_READ = 64 * 1024


class NotAllowed(ValueError):
    """The address is not one we may speak to: not https, or inside a private network."""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


def check(url: str) -> None:
    """Raise NotAllowed unless this is an https address of a public host; names are looked up when connecting."""
    parts = _split(url)
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return
    if not is_public(address) and parts.hostname not in settings.WEBHOOK_HOSTS:
        raise NotAllowed(url)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address lies on the public internet, also when an IPv4 address hides inside it."""
    if isinstance(address, ipaddress.IPv6Address):
        last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.ipv4_mapped or address in _NAT64:
            return is_public(last)
        inner = [address.sixtofour, *(address.teredo or ())]
        if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
            inner.append(last)
        if address not in _UNICAST or any(one is not None and not is_public(one) for one in inner):
            return False
    is_nobodys = any(address in network for network in _NOBODYS)
    return address.is_global and not address.is_multicast and not is_nobodys


def post(url: str, *, body: bytes, headers: Mapping[str, str], timeout: float = 10.0) -> Answer:
    """Post to an address and return what it answered; raise NotAllowed, or OSError when nobody answers."""
    parts = _split(url)
    connection = _Connection(parts.hostname, parts.port, is_secure=parts.scheme == "https", timeout=timeout)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    try:
        connection.request("POST", target, body=body, headers=dict(headers))
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(_MOST_READ).decode("utf-8", "replace"))
    except http.client.HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()


def _split(url: str):
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise NotAllowed(url) from None
    is_own = parts.hostname in settings.WEBHOOK_HOSTS
    if not parts.hostname or parts.username or parts.scheme not in ({"https", "http"} if is_own else {"https"}):
        raise NotAllowed(url)
    return parts


class _Connection(http.client.HTTPConnection):
    """A connection to the judged address of a host, with TLS for the host's name."""

    def __init__(self, host: str, port: int | None, *, is_secure: bool, timeout: float):
        super().__init__(host, port or (443 if is_secure else 80), timeout=timeout)
        self.is_secure = is_secure

    def connect(self) -> None:
        addresses = [found[4][0] for found in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)]
        if self.host not in settings.WEBHOOK_HOSTS and not all(
            is_public(ipaddress.ip_address(address.partition("%")[0])) for address in addresses
        ):
            raise NotAllowed(self.host)
        self.sock = socket.create_connection((addresses[0], self.port), self.timeout)
        if self.is_secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
