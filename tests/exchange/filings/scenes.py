"""Short ways to filings, and the outside exchange as a server on the loopback."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from exchange.filings import services as filings
from exchange.filings.models import Filing
from kernel.money import Money
from organizations.permissions import Actor
from tests.cast import NOON
from tests.exchange import market

FILED = NOON + timedelta(days=1)
LATER = FILED + timedelta(days=5)
SECRET = "only-for-tests"


def filed() -> Filing:
    """A completed trade of 68,000 yuan on the register."""
    return filings.file_trade(by=market.SYSTEM, at=FILED, order_id=market.completed().pk)


def refunded(filing: Filing, yuan: str, *, days: int = 5) -> Filing:
    """The filing after refunds of so many yuan altogether."""
    return filings.amend_after_refund(
        by=market.SYSTEM,
        at=FILED + timedelta(days=days),
        order_id=filing.order_id,
        refunded_total=Money.from_yuan(yuan),
    )


def client_of(actor: Actor) -> Client:
    """A browser with that person signed in."""
    client = Client()
    assert actor.user is not None
    client.force_login(actor.user)
    return client


@dataclass
class StandIn:
    """What the other side keeps, and how it is told to behave.

    `mood` is used up one by one: a status to answer with, "drop" (accept, then hang up), "wait" (accept too
    late); afterwards it answers as it should.
    """

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    mood: list[int | str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    listed: list[dict[str, Any]] | None = None
    url: str = ""
    forged: int = 0

    def page(self, day: str, cursor: str) -> dict[str, Any]:
        """Its list, two at a time; the latest issue of each number counts."""
        latest: dict[str, dict[str, Any]] = {}
        for each in sorted(self.kept.values(), key=lambda told: told["sequence"]):
            latest[each["number"]] = {name: each[name] for name in ("number", "amount_fen", "state")}
        items = self.listed if self.listed is not None else list(latest.values())
        start = int(cursor or 0)
        more = str(start + 2) if len(items) > start + 2 else None
        return {"day": day, "items": items[start : start + 2], "next": more}


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandIn

    def log_message(self, *_arguments: Any) -> None:
        pass

    def _is_signed(self, signed: bytes) -> bool:
        parts = dict(part.split("=", 1) for part in self.headers["Qingshu-Signature"].split(","))
        wanted = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(parts["v1"], wanted)

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        there = self.stand_in
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Idempotency-Key"]
        there.requests.append(("POST", key))
        there.bodies.append(body)
        if not self._is_signed(body):
            there.forged += 1
            return self._answer(401, {"error": "signature"})
        mood = there.mood.pop(0) if there.mood else 201
        if isinstance(mood, int) and mood != 201:
            told = {"key": key, "receipt": f"R-{len(there.kept)}"} if mood == 409 else {"error": "no"}
            return self._answer(mood, told)
        if key in there.kept:
            return self._answer(409, {"key": key, "receipt": f"R-{key[-1]}"})
        there.kept[key] = json.loads(body)
        if mood == "drop":
            self.close_connection = True
            self.connection.close()
            return None
        if mood == "wait":
            time.sleep(0.6)
        return self._answer(201, {"key": key, "receipt": f"R-{key[-1]}"})

    def do_GET(self) -> None:
        there = self.stand_in
        there.requests.append(("GET", self.path))
        if not self._is_signed(self.path.encode()):
            there.forged += 1
            return self._answer(401, {"error": "signature"})
        mood = there.mood.pop(0) if there.mood else 200
        if isinstance(mood, int) and mood != 200:
            return self._answer(mood, {"error": "no"})
        asked = parse_qs(urlsplit(self.path).query)
        return self._answer(200, there.page(asked["day"][0], asked.get("cursor", [""])[0]))


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """The other side, running in a thread."""
    there = StandIn()
    handler = type("Handler", (_Handler,), {"stand_in": there})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    there.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
