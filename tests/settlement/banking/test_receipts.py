"""A buyer's transfer becomes the order's payment: whole, from the buyer, by a second person, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from exchange.trading.models import Order
from kernel.errors import NotAllowed, Refusal
from organizations.permissions import Actor
from settlement.banking import selectors, services
from settlement.banking.models import Match
from settlement.banking.states import Gap
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.merchant import services as merchant
from settlement.merchant.models import Payout
from settlement.payments import services as payments
from settlement.payments.models import PaymentIntent
from tests import cast
from tests.exchange import market
from tests.sessions import confirm_identity
from tests.settlement.banking.statements import AT, imported, qian, row
from tests.settlement.merchant import shop

PRICE = market.PRICE.fen


def sun() -> Actor:
    """The second person in finance at the exchange's service base."""
    return cast.person("sun", cast.BASE, cast.Role.FINANCE)


@pytest.fixture(autouse=True)
def live(settings: Any) -> None:
    """No test method pays here."""
    settings.PAYMENTS_LIVE = True
    settings.PAYMENTS_CUSTODY_ACCOUNT = "44180100000001"


def matched(order: Order, **told: Any) -> Match:
    """A line of the bank's statement, imported and matched by 钱."""
    [line] = imported(row(**{"text": order.number, **told}))
    return services.match_line(by=qian(), at=AT, line_id=line.pk, kind="receipt", target_id=order.pk)


def gaps(order: Order) -> list[tuple[Gap, int]]:
    return list(selectors.order_visible_to(cast.zhou(), order.pk).gaps)


def nothing_is_booked(order: Order) -> bool:
    order.refresh_from_db()
    return (order.state, Entry.objects.count(), PaymentIntent.objects.count()) == ("contracted", 0, 0)


@pytest.mark.django_db
def test_the_whole_price_from_the_buyer_is_booked_once_by_a_second_person() -> None:
    order = market.contracted()
    matched(order)
    assert gaps(order) == [(Gap.RECEIPT_UNBOOKED, PRICE)]
    intent = services.book_receipt(by=sun(), at=AT, order_id=order.pk)
    order.refresh_from_db()
    assert (order.state, order.paid_at) == ("paid", AT)
    assert (intent.state, intent.method, intent.amount_fen) == ("requires_capture", "bank_transfer", PRICE)
    assert (ledger.total_of(Purpose.BANK).fen, ledger.total_of(Purpose.ESCROW).fen) == (-PRICE, PRICE)
    assert gaps(order) == [(Gap.NOT_DELIVERED, PRICE)]
    with pytest.raises(payments.AlreadyPaid):
        services.book_receipt(by=sun(), at=AT, order_id=order.pk)
    assert Entry.objects.count() == 1


@pytest.mark.django_db
def test_a_part_waits_for_the_rest_and_a_surplus_is_told_until_it_went_back() -> None:
    order = market.contracted()
    matched(order, credit="60000.00")
    assert gaps(order) == [(Gap.RECEIPT_PARTIAL, 800_000)]
    with pytest.raises(services.ReceiptShort, match=r"还差 ¥8,000\.00"):
        services.book_receipt(by=sun(), at=AT, order_id=order.pk)
    assert nothing_is_booked(order)
    matched(order, credit="8000.01")
    assert selectors.receipt_of(order).surplus.fen == 1
    services.book_receipt(by=sun(), at=AT, order_id=order.pk)
    assert ledger.total_of(Purpose.ESCROW).fen == PRICE
    assert gaps(order) == [(Gap.OVERPAID, 1), (Gap.NOT_DELIVERED, PRICE)]
    [back] = imported(row(credit="", debit="0.01"))
    services.match_line(by=qian(), at=AT, line_id=back.pk, kind="surplus", target_id=order.pk)
    assert gaps(order) == [(Gap.NOT_DELIVERED, PRICE)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "told",
    [
        {"party_name": cast.BEIJIANG[0]},
        {"party_uscc": cast.BEIJIANG[1]},
        {"party_name": ""},
    ],
    ids=["another name", "another code under the buyer's name", "nobody"],
)
def test_the_money_of_somebody_else_is_not_the_buyers_payment(told: dict[str, str]) -> None:
    order = market.contracted()
    cast.he()
    matched(order, **told)
    with pytest.raises(services.PayerNotBuyer):
        services.book_receipt(by=sun(), at=AT, order_id=order.pk)
    assert nothing_is_booked(order)


@pytest.mark.django_db
def test_an_account_of_the_orders_own_names_a_payer_that_the_bank_does_not(settings: Any) -> None:
    settings.BANK_VIRTUAL_PREFIX = "6229"
    order = market.contracted()
    matched(order, party_name="", virtual_account=selectors.account_of(order))
    assert services.book_receipt(by=sun(), at=AT, order_id=order.pk).state == "requires_capture"


@pytest.mark.django_db
def test_who_imported_or_matched_does_not_book_and_neither_does_a_program_or_a_stranger() -> None:
    order = market.contracted()
    [line] = imported(row(text=order.number))
    services.match_line(by=sun(), at=AT, line_id=line.pk, kind="receipt", target_id=order.pk)
    key = Actor(
        organization=sun().organization, roles=sun().roles, kinds=sun().kinds,
        scopes=frozenset({"bank.book", "reconciliation.view_all"}),
    )  # fmt: skip
    refusals: list[tuple[Actor, type[Refusal]]] = [
        (qian(), services.SameHand), (sun(), services.SameHand), (key, services.PersonBooks),
        (cast.zhou(), NotAllowed), (cast.gu(), NotAllowed), (cast.lin(), NotAllowed),
    ]  # fmt: skip
    for who, refusal in refusals:
        with pytest.raises(refusal):
            services.book_receipt(by=who, at=AT, order_id=order.pk)
    assert nothing_is_booked(order)
    third = cast.person("zheng", cast.BASE, cast.Role.FINANCE)
    assert services.book_receipt(by=third, at=AT, order_id=order.pk).state == "requires_capture"


@pytest.mark.django_db
def test_the_evidence_of_a_booked_payment_stays() -> None:
    order = market.contracted()
    match = matched(order)
    services.book_receipt(by=sun(), at=AT, order_id=order.pk)
    with pytest.raises(services.ReceiptBooked):
        services.end_match(by=qian(), at=AT, match_id=match.pk, reason="认错了订单")
    assert gaps(order) == [(Gap.NOT_DELIVERED, PRICE)]


@pytest.mark.django_db(transaction=True)
def test_sixteen_people_book_at_once_and_the_price_lies_in_escrow_once() -> None:
    order = market.contracted()
    matched(order)
    people = [cast.person(f"f{n}", cast.BASE, cast.Role.FINANCE) for n in range(16)]

    def book(who: Actor) -> str:
        try:
            return str(services.book_receipt(by=who, at=AT, order_id=order.pk).state)
        except payments.AlreadyPaid:
            return "already"
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        told = sorted(pool.map(book, people))
    assert told == ["already"] * 15 + ["requires_capture"]
    assert ledger.total_of(Purpose.ESCROW).fen == PRICE


# --- pages, API --------------------------------------------------------------------------------


def client_of(actor: Actor) -> Client:
    client = Client()
    assert actor.user is not None
    client.force_login(actor.user)
    confirm_identity(client)
    return client


@pytest.mark.django_db
def test_the_buyer_is_told_where_to_pay_and_finance_books_on_the_orders_page() -> None:
    order = market.contracted()
    page = client_of(cast.zhou()).get(reverse("payments:pay", args=[order.pk])).content.decode()
    for told in ("44180100000001", "清远数据交易服务基地托管专户", "¥68,000.00", order.number):
        assert told in page
    assert "pm_test_ok" not in page
    answer = client_of(cast.zhou()).get(f"/api/payments/orders/{order.pk}/transfer").json()
    assert (answer["account"], answer["remark"], answer["amount_fen"]) == (
        "44180100000001",
        order.number,
        PRICE,
    )
    assert client_of(cast.lin()).get(f"/api/payments/orders/{order.pk}/transfer").status_code == 403
    assert client_of(cast.he()).get(f"/api/payments/orders/{order.pk}/transfer").status_code == 404

    matched(order)
    address = f"/reconciliation/orders/{order.pk}/"
    assert "不能自己登记入账" in client_of(qian()).get(address).content.decode()
    assert "登记买方付款" not in client_of(cast.zhou()).get(address).content.decode()
    assert client_of(cast.zhou()).post(f"{address}book/").status_code == 403
    assert client_of(cast.he()).post(f"{address}book/").status_code == 404
    client = client_of(sun())
    assert "登记为付款到托管" in client.get(address).content.decode()
    for _twice in range(2):
        assert client.post(f"{address}book/", {"idempotency_key": "a"}).status_code == 302
    order.refresh_from_db()
    assert (order.state, Entry.objects.count()) == ("paid", 1)


@pytest.mark.django_db
def test_the_api_tells_what_is_in_the_way_and_books_once_per_key() -> None:
    order = market.contracted()
    matched(order, credit="60000.00")
    client, address = client_of(sun()), f"/api/reconciliation/orders/{order.pk}/receipt"
    told = client.get(address).json()
    assert (told["code"], told["received_fen"], told["missing_fen"]) == ("receipt_short", 6_000_000, 800_000)
    ask = {"content_type": "application/json", "headers": {"Idempotency-Key": "k"}}
    answer = client.post(address, {}, **ask)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["title"]) == (409, "receipt_short")
    matched(order, credit="8000.00")
    assert client.get(address).json()["code"] == ""
    ask = {"content_type": "application/json", "headers": {"Idempotency-Key": "l"}}
    for _twice in range(2):
        answer = client.post(address, {}, **ask)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["booked_fen"]) == (200, PRICE)
    assert client_of(cast.gu()).get(address).status_code == 403
    assert client_of(cast.zhou()).post(address, {}, **ask).status_code == 403  # type: ignore[arg-type]
    assert Entry.objects.count() == 1


# --- payouts -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_payout_that_the_bank_says_went_out_does_not_come_back_before_the_match_is_ended(
    settings: Any,
) -> None:
    settings.PAYMENTS_LIVE = False
    merchant_selectors_know_the_bank()
    shop.pay_account()
    shop.sale(10_000)
    payout = merchant.create_payout(by=cast.lin(), at=AT, amount=shop.Money(7_000))
    merchant.settle_payout(by=qian(), at=AT, payout_id=payout.pk)
    [line] = imported(row(credit="", debit="70.00"))
    match = services.match_line(by=qian(), at=AT, line_id=line.pk, kind="payout", target_id=payout.pk)
    books = shop.books()
    later = AT + timedelta(days=21)
    with pytest.raises(Refusal, match="请先在银行对账中撤销匹配") as refused:
        merchant.fail_payout(by=qian(), at=later, payout_id=payout.pk, reason="账户已注销")
    assert (refused.value.code, Payout.objects.get().state) == ("payout_at_bank", "paid")
    assert shop.books() == books
    services.end_match(by=qian(), at=later, match_id=match.pk, reason="银行退汇")
    merchant.fail_payout(by=qian(), at=later, payout_id=payout.pk, reason="账户已注销")
    assert shop.wallet() == 10_000


def merchant_selectors_know_the_bank() -> None:
    """What the shell tells merchants at start."""
    from settlement.merchant import selectors as merchants

    merchants.register_bank_evidence(selectors.is_payout_matched)
