"""Events reach their endpoints: signed twice, in order, until acknowledged, and never into a private network."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
import stripe
from django.db import DatabaseError, transaction

from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from settlement.merchant import rules, sending, services
from settlement.merchant.models import Event, EventDelivery, WebhookEndpoint
from settlement.merchant.services import deliveries
from signing import services as signing
from tests import cast
from tests.settlement.merchant import shop
from tests.workers import WorkerProcess, wait_for

NOON = cast.NOON


@dataclass
class Receiver:
    """A firm's server on the loopback: what came, and how it answers."""

    url: str = ""
    status: int = 200
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _headers, body in self.came]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    kept = Receiver()
    kept.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.came.append((dict(self.headers), body))
            kept.may_answer.wait(20)
            try:
                self.send_response(kept.status)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()
            except OSError:
                return

        def log_message(self, *_given: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook?from=qingshu"
    yield kept
    kept.may_answer.set()
    server.shutdown()
    server.server_close()


def endpoint(url: str, *wanted: str) -> tuple[WebhookEndpoint, str]:
    return services.create_endpoint(by=cast.lin(), at=NOON, url=url, enabled_events=wanted or ["*"])


def waiting() -> list[EventDelivery]:
    return list(EventDelivery.objects.filter(state="pending").order_by("event__pk"))


@pytest.mark.django_db
def test_an_event_carries_both_signatures_and_is_acknowledged_once(receiver: Receiver) -> None:
    made, secret = endpoint(receiver.url, "payment_intent.succeeded")
    shop.sale(1_234)
    [row] = waiting()
    now = clock.now()
    services.deliver(at=now, delivery_id=row.pk)
    services.deliver(at=now, delivery_id=row.pk)
    [(headers, body)] = receiver.came
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)  # type: ignore[no-untyped-call]
    assert (event.type, event.data.object.amount, event.sequence) == ("payment_intent.succeeded", 1234, 2)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", headers["Stripe-Signature"], secret)  # type: ignore[no-untyped-call]
    claims = signing.verify(headers["Qingshu-Signature"])
    assert claims["jti"] == event.id
    assert claims["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert claims["aud"] == made.url
    header = jwt.get_unverified_header(headers["Qingshu-Signature"])
    assert (header["typ"], header["alg"]) == ("event+jwt", "EdDSA")
    row.refresh_from_db()
    assert (row.state, row.attempt_count, row.last_status) == ("acknowledged", 1, 200)


@pytest.mark.django_db
def test_no_answer_means_later_and_later_events_of_the_object_wait(receiver: Receiver) -> None:
    endpoint(receiver.url)
    receiver.status = 302  # a redirect is no acknowledgement and is not followed
    intent = shop.sale(500)
    key = rules.public_id("pi", intent.pk)
    [first, second] = EventDelivery.objects.filter(event__object_id=key).order_by("event__sequence")
    at = NOON
    assert services.deliver(at=at, delivery_id=second.pk) is None
    for attempt in range(1, 4):
        services.deliver(at=at, delivery_id=first.pk)
        first.refresh_from_db()
        assert (first.state, first.attempt_count, first.last_status) == ("pending", attempt, 302)
        whole = timedelta(seconds=10 * 2 ** (attempt - 1))
        assert whole / 2 <= first.next_at - at <= whole
        assert services.deliver(at=first.next_at - timedelta(seconds=1), delivery_id=first.pk) is None
        at = first.next_at
    receiver.status = 204
    services.deliver(at=at, delivery_id=first.pk)
    assert services.deliver(at=at, delivery_id=second.pk) is not None
    assert [each["sequence"] for each in receiver.events] == [1, 1, 1, 1, 2]
    assert len({each["id"] for each in receiver.events}) == 2


@pytest.mark.django_db
def test_a_dead_receiver_loses_nothing(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    endpoint(address, "charge.succeeded")
    shop.sale(500)
    [row] = waiting()
    services.deliver(at=NOON, delivery_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.last_status, row.last_error) == ("pending", None, "ConnectionRefusedError")
    late = NOON + timedelta(days=300)
    assert list(deliveries.due(late)) == [row]


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://inside.example.cn/", ["10.0.0.5"]), ("https://inside.example.cn/", ["8.8.8.8", "127.0.0.1"]),
        ("https://a.example.cn/", ["169.254.169.254"]), ("https://a.example.cn/", ["::1"]),
        ("https://a.example.cn/", ["::ffff:192.168.0.1"]), ("https://a.example.cn/", ["64:ff9b::a00:1"]),
        ("https://a.example.cn/", ["fd00::1"]), ("https://a.example.cn/", ["100.64.0.1"]),
        ("https://a.example.cn/", ["224.0.0.1"]), ("http://a.example.cn/", ["8.8.8.8"]),
        ("https://u:p@a.example.cn/", ["8.8.8.8"]), ("ftp://a.example.cn/", ["8.8.8.8"]),
    ],
)  # fmt: skip
def test_nothing_goes_into_private_networks(url: str, addresses: list[str], monkeypatch: Any) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(sending.socket, "getaddrinfo", lambda *_given, **_more: found)
    tried: list[object] = []
    monkeypatch.setattr(sending.socket, "create_connection", lambda *given, **_more: tried.append(given))
    assert sending.post(url, b"{}", {}) == sending.Outcome(None, "address_not_allowed")
    assert tried == []


def test_the_connection_goes_to_the_address_that_was_looked_up(monkeypatch: Any) -> None:
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])  # a name that changes its mind

    def look_up(_host: str, port: int, **_more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in next(answers)]

    went: list[Any] = []

    def connect(where: Any, **_more: Any) -> Any:
        went.append(where)
        raise TimeoutError

    monkeypatch.setattr(sending.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(sending.socket, "create_connection", connect)
    assert sending.post("https://hook.example.cn/", b"{}", {}) == sending.Outcome(None, "TimeoutError")
    assert went == [("93.184.215.14", 443)]


def test_a_receiver_that_drips_is_cut_off(monkeypatch: Any, settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    monkeypatch.setattr(sending, "WHOLE_SECONDS", 0.4)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            line, _address = server.accept()
            with line:
                for _byte in range(100):
                    try:
                        line.sendall(b"H")
                    except OSError:
                        break
                    if ended.wait(0.1):
                        break

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        outcome = sending.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        ended.set()
        thread.join(5)
    assert outcome.status is None
    assert outcome.error


@pytest.mark.django_db
def test_a_changed_secret_signs_beside_the_former_for_a_day(receiver: Receiver) -> None:
    made, former = endpoint(receiver.url, "charge.succeeded")
    at = clock.now()
    _row, fresh = services.roll_secret(by=cast.lin(), at=at, endpoint_id=made.pk)
    assert former != fresh
    shop.sale(100)
    services.deliver(at=at, delivery_id=waiting()[0].pk)
    headers, body = receiver.came[0]
    for secret in (former, fresh):
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)  # type: ignore[no-untyped-call]
    made.refresh_from_db()
    assert deliveries.secrets_in_force(made, at + timedelta(days=1)) == [fresh]
    assert fresh not in made.secret_sealed


@pytest.mark.django_db
def test_events_are_kept_and_can_be_sent_again(receiver: Receiver) -> None:
    made, _secret = endpoint(receiver.url, "payout.paid")
    shop.sale(100)
    assert waiting() == []
    event = Event.objects.get(type="payment_intent.succeeded")
    given: dict[str, Any] = {"at": NOON, "event_id": event.pk, "endpoint_id": made.pk}
    for _time in range(2):
        row = services.replay(by=cast.lin(), **given)
        services.deliver(at=NOON, delivery_id=row.pk)
    assert [each["id"] for each in receiver.events] == [rules.public_id("evt", event.pk)] * 2
    assert EventDelivery.objects.count() == 1
    with pytest.raises(NotFound):
        services.replay(by=cast.he(), **given)
    with pytest.raises(NotAllowed):
        services.replay(by=shop.fang(), **given)
    for change in ({"type": "x"}, {"data": {}}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Event.objects.filter(pk=event.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Event.objects.filter(pk=event.pk).delete()


@pytest.mark.django_db
def test_disabled_endpoints_wait_and_deleted_ones_are_dropped(receiver: Receiver) -> None:
    made, _secret = endpoint(receiver.url, "charge.succeeded")
    shop.sale(100)
    services.update_endpoint(by=cast.lin(), at=NOON, endpoint_id=made.pk, is_enabled=False)
    shop.sale(200)
    [row] = waiting()
    assert services.deliver(at=NOON, delivery_id=row.pk) is None
    services.update_endpoint(by=cast.lin(), at=NOON, endpoint_id=made.pk, is_enabled=True)
    assert services.deliver(at=NOON, delivery_id=row.pk) is not None
    shop.sale(300)
    services.delete_endpoint(by=cast.lin(), at=NOON, endpoint_id=made.pk)
    assert waiting() == []
    assert [each["data"]["object"]["amount"] for each in receiver.events] == [100]


@pytest.mark.django_db
def test_what_is_no_address_or_no_event_is_refused() -> None:
    for url in ("", "example.cn", "http://example.cn/", "https://u:p@example.cn/", "https://x:0/", "https://",
                "https://example.cn/ x", "https://example.cn:99999/", "https://" + "a" * 500):  # fmt: skip
        with pytest.raises(InvalidInput):
            endpoint(url)
    for wanted in ("x", "Payment.x", "a.b; c"):
        with pytest.raises(InvalidInput):
            endpoint("https://example.cn/", wanted)
    with pytest.raises(NotAllowed):
        services.create_endpoint(by=shop.fang(), at=NOON, url="https://example.cn/", enabled_events=["*"])


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_no_event_and_books_nothing_twice(
    celery_worker_process: WorkerProcess, receiver: Receiver, monkeypatch: Any
) -> None:
    monkeypatch.setenv("WEBHOOK_PRIVATE_ADDRESSES", "1")
    endpoint(receiver.url, "charge.succeeded")
    celery_worker_process.start()
    receiver.may_answer.clear()
    shop.sale(900)
    wait_for(lambda: len(receiver.came) == 1, what="the first attempt")
    celery_worker_process.kill()
    receiver.may_answer.set()
    row = EventDelivery.objects.get()
    assert (row.state, row.attempt_count) == ("pending", 1)
    EventDelivery.objects.update(next_at=clock.now())  # its lease is over
    celery_worker_process.start()
    services.deliver_due(at=clock.now())
    wait_for(lambda: EventDelivery.objects.get().state == "acknowledged", what="the second attempt")
    assert len({each["id"] for each in receiver.events}) == 1
    assert len(receiver.came) == 2
    assert shop.books() == {"bank": -900, "wallet": 900}
