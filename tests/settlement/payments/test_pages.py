"""The pages and the API of the books and of payments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from exchange.trading.models import Order
from organizations.permissions import Actor
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Account, Entry
from settlement.payments import selectors, services
from settlement.payments.models import PaymentIntent, Refund
from tests import cast
from tests.exchange import market
from tests.sessions import confirm_identity
from tests.settlement.payments.deals import NOON, project, refund, sold

pytestmark = pytest.mark.django_db
Browse = Callable[[Actor], Client]


@pytest.fixture
def browse() -> Browse:
    """A browser in which somebody is signed in."""

    def signed_in(who: Actor) -> Client:
        client = Client()
        assert who.user is not None
        client.force_login(who.user)
        confirm_identity(client)
        return client

    return signed_in


def text(answer: object) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))  # type: ignore[attr-defined]


def test_the_buyer_pays_on_the_page(browse: Browse) -> None:
    order = market.contracted()
    page, address = browse(cast.zhou()), reverse("payments:pay", args=[order.pk])
    assert "¥68,000.00" in text(page.get(address))
    declined = page.post(address, {"method": "pm_test_declined"})
    assert declined.status_code == 402
    assert "付款方账户拒绝了这笔付款" in text(declined)
    assert page.post(address, {"method": "pm_gold"}).status_code == 422
    paid = page.post(address, {"method": "pm_test_ok"})
    assert paid["Location"] == reverse("trading:order", args=[order.pk])
    again = page.post(address, {"method": "pm_test_ok"})
    assert again["Location"] == reverse("payments:detail", args=[order.pk])
    assert Entry.objects.count() == 1
    assert "不需要付款" in text(page.get(address))


def test_orders_are_paid_and_refunded_only_by_who_has_just_confirmed_who_they_are() -> None:
    waiting, done = market.contracted(), sold()
    for who, name, order, told in (
        (cast.zhou(), "pay", waiting, {"method": "pm_test_ok"}),
        (cast.lin(), "refund", done, {"amount": "1.00", "reason": "重复付款", "idempotency_key": "r"}),
    ):
        client, address = Client(), reverse(f"payments:{name}", args=[order.pk])
        assert who.user is not None
        client.force_login(who.user)
        before = Entry.objects.count()
        answer = client.post(address, told)
        assert answer["Location"] == f"/accounts/reauthenticate/?{urlencode({'next': address})}"
        verb, body = ("pay", {"method": "pm_test_ok"}) if name == "pay" else ("refunds", _REFUND)
        answer = client.post(
            f"/api/payments/orders/{order.pk}/{verb}", json.dumps(body), content_type="application/json",
            headers={"Idempotency-Key": name},
        )  # fmt: skip
        assert (answer.status_code, answer.json()["title"]) == (403, "identity_not_confirmed")
        assert Entry.objects.count() == before
        confirm_identity(client)
        assert client.post(address, told).status_code == 302
        assert Entry.objects.count() == before + 1


_REFUND = {"amount_fen": 100, "reason": "重复付款"}


def test_who_sees_and_who_may_pay(browse: Browse) -> None:
    order = market.contracted()
    address = reverse("payments:pay", args=[order.pk])
    expected = {cast.lin: 403, cast.gu: 403, cast.he: 404, cast.mei: 404}
    for who, status in expected.items():
        assert browse(who()).get(address).status_code == status, who
        assert browse(who()).post(address, {"method": "pm_test_ok"}).status_code == status, who
    assert Client().get(address)["Location"].startswith("/accounts/login/")
    assert not PaymentIntent.objects.exists()


def test_a_refund_on_the_page_is_done_once_however_often_it_is_sent(browse: Browse) -> None:
    order = sold()
    page, address = browse(cast.gu()), reverse("payments:refund", args=[order.pk])
    key = re.search(r'name="idempotency_key" value="([^"]+)"', page.get(address).content.decode())
    assert key is not None
    form = {"amount": "680.00", "reason": "部分样本重复", "idempotency_key": key[1]}
    for _click in range(2):
        assert page.post(address, form)["Location"] == reverse("payments:detail", args=[order.pk])
    assert Refund.objects.get().amount_fen == 68_000
    too_much = page.post(address, {**form, "amount": "67320.01", "idempotency_key": "another"})
    assert too_much.status_code == 422
    assert "最多还能退 ¥67,320.00" in text(too_much)
    administrator = browse(cast.person("ding", cast.BASE))
    shown = text(administrator.get(reverse("payments:detail", args=[order.pk])))
    for words in ("¥680.00", "部分样本重复", "验收放款", "付款到托管", "费率 2.00%"):
        assert words in shown
    assert "¥680.00" in text(page.get(reverse("payments:refunds")))


def test_the_refund_page_is_for_supplier_finance_and_operator(browse: Browse) -> None:
    address = reverse("payments:refund", args=[sold().pk])
    expected = {cast.lin: 200, cast.gu: 200, cast.zhou: 403, cast.yan: 403, cast.he: 404, cast.mei: 404}
    for who, status in expected.items():
        assert browse(who()).get(address).status_code == status, who


def test_lists_show_each_firm_its_own(browse: Browse) -> None:
    order = sold()
    number = PaymentIntent.objects.get(order=order).number
    for who, sees in (
        (cast.lin, True),
        (cast.zhou, True),
        (cast.gu, True),
        (cast.yan, True),
        (cast.he, False),
    ):
        page = browse(who()).get(reverse("payments:list"))
        assert page.status_code == 200, who
        assert (number in text(page)) is sees, who
    assert browse(cast.mei()).get(reverse("payments:list")).status_code == 403
    waiting = browse(cast.gu()).get(reverse("payments:list"), {"state": "requires_capture"})
    assert number not in text(waiting)


def test_a_list_costs_the_same_queries_however_long(
    browse: Browse, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    page = browse(cast.gu())
    product = market.listed()
    for _number in range(4):
        services.pay_order(by=cast.zhou(), at=NOON, order_id=market.contracted(product).pk)
    for name, most in (
        ("payments:list", 7),
        ("payments:refunds", 7),
        ("ledger:accounts", 7),
        ("ledger:index", 14),
    ):
        with django_assert_max_num_queries(most):  # type: ignore[attr-defined]
            page.get(reverse(name))


def test_a_firm_reads_its_balances_and_statement(browse: Browse) -> None:
    sold()
    page = browse(cast.lin())
    assert "¥66,640.00" in text(page.get(reverse("ledger:index")))
    wallet = Account.objects.get(purpose="wallet")
    address = reverse("ledger:statement", args=[wallet.pk])
    shown = text(page.get(address))
    assert "验收放款" in shown
    assert "+¥66,640.00" in shown
    assert text(page.get(address, {"year": "2026"})).count("¥66,640.00") == 4
    assert page.get(address, {"year": "999999"}).status_code == 200
    entry = Entry.objects.get(kind="release")
    shown = text(page.get(reverse("ledger:entry", args=[entry.pk])))
    assert "另有 2 条分录属于其他单位" in shown
    assert "¥1,360.00" not in shown


def test_nobody_reads_the_accounts_of_others(browse: Browse) -> None:
    sold()
    wallet = Account.objects.get(purpose="wallet")
    for who, status in ((cast.zhou, 404), (cast.he, 404), (cast.mei, 404), (cast.yan, 200), (cast.gu, 404)):
        got = browse(who()).get(reverse("ledger:statement", args=[wallet.pk])).status_code
        assert got == status, who
    for who in (cast.lin, cast.zhou, cast.mei, cast.gu):
        assert browse(who()).get(reverse("ledger:accounts")).status_code == 403, who


def test_the_auditor_reads_the_trial_balance_now_and_on_any_day(browse: Browse) -> None:
    sold()
    page = browse(cast.yan())
    shown = text(page.get(reverse("ledger:index")))
    for words in ("¥68,000.00", "¥1,360.00", "还没有核对过，每天夜里自动核对"):
        assert words in shown
    before = text(page.get(reverse("ledger:index"), {"on": "2026-03-02"}))
    assert "交易托管款" in before
    assert "¥1,360.00" not in before
    for odd in ("9999-12-31", "0001-01-01", "x"):
        assert page.get(reverse("ledger:index"), {"on": odd}).status_code == 200
    assert "清蓝" in text(page.get(reverse("ledger:accounts"), {"q": "清蓝"}))


def test_an_annotator_reads_own_earnings(browse: Browse) -> None:
    services.pay_annotators(by=Actor.system("测试"), at=NOON, project_id=project(mei=3, ning=5).pk)
    shown = text(browse(cast.mei()).get(reverse("payments:earnings")))
    assert "¥1.50" in shown
    assert "¥2.50" not in shown
    assert browse(cast.zhou()).get(reverse("payments:earnings")).status_code == 403


def test_desk_figures_and_finders() -> None:
    order = market.contracted()
    services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    assert [str(figure.value) for figure in selectors.figures(cast.lin())] == ["¥68,000.00"]
    assert [str(figure.value) for figure in ledger.figures(cast.zhou())] == ["¥0.00", "¥68,000.00"]
    assert [str(figure.value) for figure in ledger.figures(cast.yan())] == ["¥68,000.00", "¥0.00"]
    number = PaymentIntent.objects.get(order=order).number
    hits = {who: selectors.find_payments(who(), number) for who in (cast.lin, cast.zhou, cast.yan, cast.he)}
    assert [bool(found) for found in hits.values()] == [True, True, True, False]
    assert hits[cast.lin][0].is_exact
    assert selectors.find_refunds(cast.lin(), "TK-2026") == []


# --- API ---------------------------------------------------------------------------------------


def send(client: Client, address: str, body: object, key: str) -> tuple[int, dict[str, object]]:
    answer = client.post(
        address, json.dumps(body), content_type="application/json", headers={"Idempotency-Key": key}
    )
    return answer.status_code, answer.json()


def api_order(order: Order, end: str) -> str:
    return f"/api/payments/orders/{order.pk}/{end}"


def test_paying_and_refunding_over_the_api_is_idempotent(browse: Browse) -> None:
    order = market.contracted()
    buyer, operator = browse(cast.zhou()), browse(cast.gu())
    status, problem = send(buyer, api_order(order, "pay"), {"method": "pm_test_declined"}, "k0")
    assert (status, problem["title"]) == (402, "payment_declined")
    answers = [send(buyer, api_order(order, "pay"), {}, "k1") for _try in range(2)]
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["state"]) == (200, "requires_capture")
    assert send(buyer, api_order(order, "pay"), {"method": "pm_test_declined"}, "k1")[0] == 409
    assert send(buyer, api_order(order, "pay"), {}, "k2")[1]["title"] == "already_paid"
    assert Entry.objects.count() == 1
    assert send(operator, api_order(order, "refunds"), {"amount_fen": 1, "reason": "重复"}, "r0")[1][
        "title"
    ] == ("nothing_released")
    assert buyer.get("/api/payments/intents").json()["items"][0]["order_number"] == order.number
    assert buyer.get(api_order(order, "intent")).json()["amount_fen"] == 6_800_000


def test_refunds_over_the_api(browse: Browse) -> None:
    order, operator = sold(), browse(cast.gu())
    answers = [
        send(operator, api_order(order, "refunds"), {"amount_fen": 680, "reason": "重复"}, "r1")
        for _try in range(2)
    ]
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["fee_fen"]) == (200, 13)
    assert Refund.objects.count() == 1
    assert send(operator, api_order(order, "refunds"), {"amount_fen": 0, "reason": "重复"}, "r2")[0] == 422
    assert [row["amount_fen"] for row in operator.get("/api/payments/refunds").json()["items"]] == [680]


def test_reading_the_books_over_the_api(browse: Browse) -> None:
    order = sold()
    refund(order, 680)
    firm, auditor = browse(cast.lin()), browse(cast.yan())
    accounts = firm.get("/api/ledger/accounts").json()["items"]
    assert [(row["purpose"], row["posted_fen"]) for row in accounts] == [("wallet", 6_664_000 - 667)]
    told = firm.get(f"/api/ledger/accounts/{accounts[0]['id']}/statement").json()
    assert [(row["kind"], row["balance_fen"]) for row in told["items"]] == [
        ("refund", 6_663_333),
        ("release", 6_664_000),
    ]
    assert told["closing_fen"] == 6_663_333
    entry = firm.get(f"/api/ledger/entries/{told['items'][0]['entry']}").json()
    assert (entry["legs"][0]["amount_fen"], entry["hidden_count"]) == (-667, 2)
    assert firm.get(f"/api/ledger/entries/{UUID(int=1)}").status_code == 404
    assert firm.get("/api/ledger/trial-balance").status_code == 403
    trial = auditor.get("/api/ledger/trial-balance").json()
    assert trial["is_balanced"]
    assert trial["debit_fen"] == trial["credit_fen"] == 6_799_320
    mine = browse(cast.mei()).get("/api/payments/earnings").json()
    assert (mine["balance_fen"], mine["items"]) == (0, [])
