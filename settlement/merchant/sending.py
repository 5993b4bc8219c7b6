"""One event to one address: the name is looked up once, the connection goes to exactly that address.

No redirect is followed, no proxy used; the whole exchange has a time limit, of the answer only the status counts.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

CONNECT_SECONDS, WHOLE_SECONDS = 5, 15
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressNotAllowed(Exception):
    """The address leads into a private network, or is no address to send to."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send: looked up and allowed."""

    scheme: str
    host: str
    port: int
    path: str
    address: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the HTTP status (None when none came) and the fault's name."""

    status: int | None
    error: str = ""

    @property
    def is_acknowledged(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def is_public(address: str) -> bool:
    """Whether the address is one of the open internet, also when it wears IPv6 around an IPv4 address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None and not is_public(str(inner)):
            return False
    return found.is_global and not found.is_multicast


def looked_up(url: str) -> Target:
    """The target behind a URL. Raises AddressNotAllowed when any of its addresses is not public, OSError when none."""
    parts = urlsplit(url)
    is_open = bool(settings.WEBHOOK_PRIVATE_ADDRESSES)
    if parts.scheme != "https" and not (is_open and parts.scheme == "http"):
        raise AddressNotAllowed(parts.scheme)
    if not parts.hostname or parts.username or parts.password:
        raise AddressNotAllowed(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    if not is_open and not all(is_public(address) for address in addresses):
        raise AddressNotAllowed(parts.hostname)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port, path, addresses[0])


def _connected(target: Target) -> socket.socket:
    plain = socket.create_connection((target.address, target.port), timeout=CONNECT_SECONDS)
    if target.scheme == "http":
        return plain
    return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """Send once; never raises for what the other side does."""
    try:
        target = looked_up(url)
        line = _connected(target)
    except AddressNotAllowed:
        return Outcome(None, "address_not_allowed")
    except (OSError, ValueError, UnicodeError) as error:
        return Outcome(None, type(error).__name__)
    end = threading.Timer(WHOLE_SECONDS, _cut, (line,))
    end.daemon = True
    end.start()
    try:
        line.settimeout(WHOLE_SECONDS)
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = line
        connection.request("POST", target.path, body, {**headers, "Connection": "close"})
        return Outcome(connection.getresponse().status)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Outcome(None, type(error).__name__)
    finally:
        end.cancel()
        line.close()


def _cut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
