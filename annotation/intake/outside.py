"""Connections to a firm's own bucket and to its models: only to configured hosts, and to public addresses.

The address is judged when the connection stands, so a name that changes its meaning between look-up and use leads
nowhere. Redirects are not followed, proxies not used.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from kernel.errors import Refusal

NAT64 = ipaddress.ip_network("64:ff9b::/96")
CONNECT_SECONDS, READ_SECONDS = 5, 60
ANSWER_LIMIT = 32 * 1024**2


class AddressRefused(Refusal):
    """The address is not one that imports may reach."""

    code = "address_refused"
    message = _(
        "地址“%(address)s”不能使用：请填 https 地址，且主机须在平台允许的名单内（由平台运维方配置）。"
    )
    status = 422


class OutsideUnreachable(Refusal):
    """The store or the model does not answer as it should."""

    code = "outside_unreachable"
    message = _("“%(address)s”没有正确应答：%(reason)s。请核对地址与密钥，稍后重试。")
    status = 502


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


def is_listed(host: str, hosts: Sequence[str]) -> bool:
    """Whether a host is on the list; an entry with a leading dot stands for all names below it."""
    named = host.lower().rstrip(".")
    return any(named == each or (each.startswith(".") and named.endswith(each)) for each in hosts)


def checked_address(address: str, hosts: Sequence[str], *, field: str) -> str:
    """The address without a final slash, if imports may reach it. Raises AddressRefused."""
    try:
        parts = urlsplit(address.strip())
        host, _port = parts.hostname or "", parts.port
    except ValueError as wrong:
        raise AddressRefused(field=field, address=address[:100]) from wrong
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and settings.INTAKE_PRIVATE_ADDRESSES)
    is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if not is_secure or not is_plain or not is_listed(host, hosts):
        raise AddressRefused(field=field, address=address[:100])
    return address.strip().rstrip("/")


def _judged(line: socket.socket, connection: HTTPConnection) -> socket.socket:
    """The connected socket, unless it leads where it must not."""
    if not settings.INTAKE_PRIVATE_ADDRESSES and not is_public(str(line.getpeername()[0])):
        line.close()
        raise NewConnectionError(connection, "the address is private")
    return line


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _judged(super()._new_conn(), self)


class _Secure(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _judged(super()._new_conn(), self)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


def pool() -> urllib3.PoolManager:
    """Connections whose far end is judged, without redirects."""
    found = urllib3.PoolManager(
        maxsize=8,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        retries=urllib3.Retry(2, redirect=False, backoff_factor=0.2),
    )
    found.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return found


# --- buckets ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """How to reach a bucket."""

    endpoint: str
    bucket: str
    region: str
    access_key: str
    secret: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a bucket."""

    name: str
    size: int


class Bucket:
    """A firm's own bucket, read only. Every call raises OutsideUnreachable when the store does not answer well."""

    def __init__(self, key: Key) -> None:
        address = checked_address(key.endpoint, settings.INTAKE_STORAGE_HOSTS, field="endpoint")
        parts = urlsplit(address)
        self._key = key
        self._client = Minio(
            parts.netloc,
            access_key=key.access_key,
            secret_key=key.secret,
            secure=parts.scheme == "https",
            region=key.region or "us-east-1",
            http_client=pool(),
        )

    def listed(self, prefix: str, most: int) -> list[Listed]:
        """The objects under a prefix, in the order of their names; one more than `most` at the most."""
        found: list[Listed] = []
        try:
            for entry in self._client.list_objects(self._key.bucket, prefix=prefix, recursive=True):
                if entry.object_name.endswith("/"):
                    continue
                found.append(Listed(entry.object_name, int(entry.size or 0)))
                if len(found) > most:
                    break
        except (S3Error, MinioException, HTTPError, OSError, ValueError) as wrong:
            raise self._unreachable(wrong) from wrong
        return found

    def chunks(self, name: str, most: int) -> Iterator[bytes]:
        """The bytes of an object, up to `most`."""
        try:
            response = self._client.get_object(self._key.bucket, name)
        except (S3Error, MinioException, HTTPError, OSError, ValueError) as wrong:
            raise self._unreachable(wrong) from wrong
        try:
            left = most
            for chunk in response.stream(1 << 20):
                yield chunk[:left]
                left -= len(chunk)
                if left <= 0:
                    return
        except (HTTPError, OSError) as wrong:
            raise self._unreachable(wrong) from wrong
        finally:
            response.close()
            response.release_conn()

    def whole(self, name: str, most: int) -> bytes:
        return b"".join(self.chunks(name, most))

    def _unreachable(self, wrong: Exception) -> OutsideUnreachable:
        reason = wrong.code if isinstance(wrong, S3Error) else type(wrong).__name__
        return OutsideUnreachable(field="storage", address=self._key.endpoint, reason=reason)


# --- models -----------------------------------------------------------------------------------------


def asked(address: str, path: str, token: str = "", body: Any = None) -> Any:
    """The JSON answer of a model's server to one request (GET without a body). Raises OutsideUnreachable."""
    checked_address(address, settings.INTAKE_MODEL_HOSTS, field="address")
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    try:
        answer = pool().request(
            "GET" if sent is None else "POST",
            f"{address}{path}",
            body=sent,
            headers=headers,
            preload_content=False,
            redirect=False,
        )
        told = answer.read(ANSWER_LIMIT + 1)
        answer.release_conn()
    except (HTTPError, OSError) as wrong:
        raise OutsideUnreachable(field="address", address=address, reason=type(wrong).__name__) from wrong
    if not 200 <= answer.status < 300 or len(told) > ANSWER_LIMIT:
        raise OutsideUnreachable(field="address", address=address, reason=f"HTTP {answer.status}")
    try:
        return json.loads(told) if told.strip() else {}
    except (ValueError, RecursionError) as wrong:
        raise OutsideUnreachable(field="address", address=address, reason="JSON") from wrong
