"""`/v1/` as plain HTTP: keys, form fields, idempotency under stress, errors, what an order looks like."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from gateway.models import GivenAnswer
from settlement.merchant.models import Charge, Intent, PaymentMethod
from settlement.merchant.v1.reading import nested
from settlement.payments import services as payments
from tests import cast
from tests.exchange import market
from tests.settlement.merchant import shop
from tests.settlement.payments.deals import delivered_and_accepted, sold

FORM = "application/x-www-form-urlencoded"
PAID = "amount=900&currency=cny&confirm=true&payment_method=pm_card_visa"


class Caller:
    """A program with a key."""

    def __init__(self, key: str, client: Client | None = None) -> None:
        self.key, self.client = key, client or Client(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: str = "", **headers: str) -> Any:
        sent = {"Authorization": f"Bearer {self.key}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if method == "GET":
            return self.client.get(path, headers=sent)
        kind = sent.pop("Content-Type", FORM)
        return self.client.generic(method, path, body, content_type=kind, headers=sent)


@pytest.fixture
def call(db: None) -> Caller:
    return Caller(shop.key_of(cast.lin()))


@pytest.mark.django_db(transaction=True)
def test_sixteen_threads_with_one_key_make_one_payment() -> None:
    key = shop.key_of(cast.lin())

    def send(_number: int) -> tuple[int, str, str]:
        try:
            answer = Caller(key)("POST", "/v1/payment_intents", PAID, Idempotency_Key="once")
            return answer.status_code, answer.content.decode(), answer.get("Idempotent-Replayed", "")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert {answer[:2] for answer in answers} == {(200, answers[0][1])}
    assert sorted(answer[2] for answer in answers) == [""] + ["true"] * 15
    assert (Intent.objects.count(), Charge.objects.count()) == (1, 1)
    assert shop.books() == {"bank": -900, "wallet": 900}


@pytest.mark.django_db(transaction=True)
def test_sixteen_refunds_at_once_never_give_back_more_than_was_taken() -> None:
    key = shop.key_of(cast.lin())
    charge = Charge.objects.get(intent=shop.sale(1_000))
    shop.sale(5_000)

    def send(_number: int) -> int:
        try:
            body = f"charge=ch_{charge.pk.hex}&amount=300"
            return int(Caller(key)("POST", "/v1/refunds", body).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert sorted(answers) == [200] * 3 + [400] * 13
    charge.refresh_from_db()
    assert charge.refunded_fen == 900
    assert shop.books() == {"bank": -5100, "wallet": 5100}


def test_a_failure_of_ours_is_a_500_that_leaves_nothing_and_is_not_kept(
    call: Caller, monkeypatch: Any
) -> None:
    from settlement.merchant.v1 import resources

    def breaks(*_given: Any, **_more: Any) -> None:
        raise RuntimeError("no")

    with monkeypatch.context() as patched:
        patched.setattr(resources.services, "confirm_intent", breaks)
        answer = call("POST", "/v1/payment_intents", PAID, Idempotency_Key="k")
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "api_error")
    assert not GivenAnswer.objects.exists()
    assert not Intent.objects.exists()
    assert not PaymentMethod.objects.exists()
    assert call("POST", "/v1/payment_intents", PAID, Idempotency_Key="k").status_code == 200


def test_a_refusal_is_not_kept_either(call: Caller) -> None:
    first = call("POST", "/v1/payment_intents", "amount=0&currency=cny", Idempotency_Key="k")
    assert first.status_code == 400
    assert not GivenAnswer.objects.exists()
    assert call("POST", "/v1/payment_intents", PAID, Idempotency_Key="k").status_code == 200
    other = call("POST", "/v1/payment_intents", PAID + "0", Idempotency_Key="k")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert call("POST", "/v1/payment_intents", PAID, Idempotency_Key="k" * 256).status_code == 400


def test_keys_are_read_from_bearer_and_basic_and_from_nowhere_else(call: Caller) -> None:
    client = Client()
    basic = base64.b64encode(f"{call.key}:".encode()).decode()
    answer = client.get("/v1/balance", headers={"Authorization": f"Basic {basic}"})
    assert (answer.status_code, answer.json()["object"]) == (200, "balance")
    assert answer["Request-Id"].startswith("req_")
    for value in ("", "Basic %%%", f"Bearer {call.key}x", "Bearer ", f"Token {call.key}", "Bearer \x00"):
        refused = client.get("/v1/balance", headers={"Authorization": value})
        assert (refused.status_code, refused.json()["error"]["type"]) == (401, "invalid_request_error")
    client.force_login(cast.lin().user)  # a browser's session opens nothing here
    assert client.get("/v1/balance").status_code == 401


def test_calls_are_limited_by_key(call: Caller, settings: Any) -> None:
    settings.PAYMENTS_CALLS_A_MINUTE = 0
    answer = call("GET", "/v1/balance")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit")


def test_brackets_nest_and_what_contradicts_itself_is_refused(call: Caller) -> None:
    assert nested([("a[b][c]", "1"), ("a[b][d]", "2"), ("e[]", "x"), ("e[]", "y"), ("f[0]", "z")]) == {
        "a": {"b": {"c": "1", "d": "2"}}, "e": {"0": "x", "1": "y"}, "f": {"0": "z"},
    }  # fmt: skip
    good = "amount=1&currency=cny&metadata[0]=a&metadata[%E5%8D%95%E5%8F%B7]=%E6%B8%85"
    answer = call("POST", "/v1/payment_intents", good)
    assert answer.json()["metadata"] == {"0": "a", "单号": "清"}
    for bad in (
        "amount=1&currency=cny&metadata=x", "amount[a]=1&currency=cny", "a[b]=1&a=2&currency=cny",
        "amount=1&currency=cny&metadata[a][b]=c", "[]=1", "a[[b]]=1", "a" + "[b]" * 9 + "=1", "%FF=1",
        "amount=1.5&currency=cny", "amount=1e3&currency=cny", "amount=-1&currency=cny", "amount=&currency=cny",
        "amount=%00&currency=cny", "amount=100000000000&currency=cny", "amount=1&currency=cny&expand=x",
        "amount=1&currency=cny&expand[]=nothing", "amount=1&currency=cny&expand[]=amount",
        "amount=1&currency=cny&expand[]=a.b.c.d.e", "amount=1&currency=cny&capture_method=soon",
        "amount=1&currency=cny&customer=cus_x", "amount=1&currency=cny&payment_method=pm_card_nobody",
        "amount=1&currency=cny&metadata[" + "k" * 41 + "]=v", "amount=1&currency=cny&metadata[k]=" + "v" * 501,
        "&".join(f"a{n}=1" for n in range(1_001)),
    ):  # fmt: skip
        answer = call("POST", "/v1/payment_intents", bad)
        assert answer.status_code in (400, 404), bad[:80]
        assert answer.json()["error"]["type"] == "invalid_request_error", bad[:80]
    as_json = call("POST", "/v1/payment_intents", '{"amount": 1}', **{"Content-Type": "application/json"})
    assert as_json.status_code == 400
    assert Intent.objects.count() == 1


def test_lists_refuse_bad_cursors_and_limits(call: Caller) -> None:
    shop.sale(100)
    for bad in (
        "limit=0", "limit=101", "limit=x", "starting_after=x", "created=x", "created[gte]=-1", "created[or]=1",
        "created=99999999999999", "colour=red", "starting_after=pi_1&ending_before=pi_2",
    ):  # fmt: skip
        assert call("GET", f"/v1/payment_intents?{bad}").status_code in (400, 404), bad
    found = call("GET", "/v1/payment_intents?expand[]=data.latest_charge").json()
    assert found["data"][0]["latest_charge"]["object"] == "charge"


def test_unknown_addresses_and_methods_answer_in_the_same_form(call: Caller) -> None:
    for method, path, status in (
        ("GET", "/v1/nothing", 404), ("POST", "/v1/", 404), ("DELETE", "/v1/charges", 405),
        ("GET", "/v1/events/evt_x", 404), ("GET", "/v1/payment_methods/pm_card_visa", 404),
    ):  # fmt: skip
        answer = call(method, path)
        assert answer.status_code == status, path
        if path != "/v1/":
            assert answer.json()["error"]["message"], path


def test_another_account_in_the_header_is_not_there(call: Caller) -> None:
    own, other = cast.organization(cast.QINGLAN), cast.organization(cast.BEIJIANG)
    assert call("GET", "/v1/balance", Stripe_Account=f"acct_{own.pk.hex}").status_code == 200
    assert call("GET", "/v1/balance", Stripe_Account=f"acct_{other.pk.hex}").status_code == 404
    assert call("GET", f"/v1/accounts/acct_{other.pk.hex}").status_code == 404


def test_money_in_escrow_is_pending_without_the_fee_until_it_is_released(call: Caller) -> None:
    def told() -> tuple[int, int]:
        shape = call("GET", "/v1/balance").json()
        return shape["pending"][0]["amount"], shape["available"][0]["amount"]

    assert told() == (0, 0)
    order = market.contracted()
    assert told() == (0, 0)  # signed, not paid
    payments.pay_order(by=cast.zhou(), at=cast.NOON, order_id=order.pk)
    assert told() == (6_664_000, 0)
    buyer = Caller(shop.key_of(cast.zhou(), "merchant.view", name="查询程序"))
    assert buyer("GET", "/v1/balance").json()["pending"][0]["amount"] == 0
    delivered_and_accepted(order)
    assert told() == (0, 6_664_000)


def test_a_released_order_shows_its_fee_and_its_refund(call: Caller) -> None:
    order = sold()
    line = call("GET", "/v1/balance_transactions?expand[]=data.source").json()["data"][0]
    assert (line["type"], line["amount"], line["fee"], line["net"]) == (
        "payment",
        6_800_000,
        136_000,
        6_664_000,
    )
    intent = call("GET", "/v1/payment_intents").json()["data"][0]
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 6_800_000)
    assert intent["metadata"] == {"order": order.number, "order_id": str(order.pk)}
    assert line["source"]["payment_intent"] == intent["id"]
    key = Caller(shop.key_of(cast.lin(), *shop.SCOPES, "payments.refund", name="退款程序"))
    back = key(
        "POST", "/v1/refunds", f"payment_intent={intent['id']}&amount=680000&metadata[reason]=样本重复"
    )
    assert back.status_code == 200, back.content.decode()
    assert (back.json()["amount"], back.json()["charge"]) == (680_000, intent["latest_charge"])
    charge = call("GET", f"/v1/charges/{intent['latest_charge']}").json()
    assert (charge["amount_refunded"], charge["refunded"]) == (680_000, False)
    newest = call("GET", "/v1/balance_transactions").json()["data"][0]
    assert (newest["type"], newest["amount"], newest["fee"], newest["net"]) == (
        "payment_refund", -680_000, -13_600, -666_400,
    )  # fmt: skip
    assert newest["source"] == back.json()["id"]
    listed = call("GET", f"/v1/refunds?payment_intent={intent['id']}").json()["data"]
    assert [each["id"] for each in listed] == [back.json()["id"]]


def test_an_order_is_cancelled_with_its_open_intent(db: None) -> None:
    from exchange.trading import services as trading
    from settlement.payments.models import PaymentIntent

    order = market.contracted()
    payments.open_intent(by=cast.zhou(), at=cast.NOON, order_id=order.pk)
    trading.cancel_order(by=cast.zhou(), at=cast.NOON, order_id=order.pk, reason="项目取消")
    assert PaymentIntent.objects.get(order=order).state == "canceled"
