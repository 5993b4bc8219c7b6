"""An order's money from the buyer's bank to the supplier's balance and back, with the books at every step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from exchange.acceptance.rules import exchange_fee
from exchange.delivery import services as delivery
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel.errors import NotAllowed, NotFound, Refusal
from kernel.models import Transition
from kernel.money import Money
from kernel.states import MoveNotAllowed
from settlement.ledger import selectors as ledger
from settlement.ledger import services as ledger_services
from settlement.ledger.models import STRIPES, Account, Entry, Purpose
from settlement.payments import rules, services
from settlement.payments.models import PaymentIntent, Refund, Release
from tests import cast
from tests.exchange import market
from tests.settlement.ledger import books
from tests.settlement.payments.deals import PRICE, refund, sold

NOON = cast.NOON


def told() -> dict[str, str]:
    """The balance of every purpose, in yuan; the books balance, proven from the raw rows."""
    connection.check_constraints()
    assert ledger.prove().is_sound
    assert ledger.trial_balance().is_balanced
    return {
        row.purpose.value: Money(row.credit_fen - row.debit_fen).yuan
        for row in ledger.trial_balance().rows
        if row.credit_fen or row.debit_fen
    }


@pytest.mark.django_db
def test_the_money_of_an_order_from_payment_to_full_refund() -> None:
    order = market.contracted()
    assert told() == {}

    intent = services.open_intent(by=cast.zhou(), at=NOON, order_id=order.pk)
    assert (intent.state, intent.amount_fen) == ("requires_payment_method", PRICE.fen)
    assert services.open_intent(by=cast.zhou(), at=NOON, order_id=order.pk) == intent
    assert told() == {}

    paid = services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk, method="pm_test_ok")
    assert paid == intent
    assert paid.state == "requires_capture"
    assert told() == {"bank": "-68000.00", "escrow": "68000.00"}
    assert ledger.balance_of(organization=order.buyer, purpose=Purpose.ESCROW) == PRICE
    order.refresh_from_db()
    assert order.state == "paid"

    delivery.deliver(by=cast.lin(), at=NOON + timedelta(days=1), order_id=order.pk)
    assert told() == {"bank": "-68000.00", "escrow": "68000.00"}

    trading.accept_order(by=cast.zhou(), at=NOON + timedelta(days=2), order_id=order.pk)
    order.refresh_from_db()
    assert order.state == "completed"
    release = Release.objects.get(order=order)
    assert (release.fee_bp, release.fee_fen, release.seller_fen) == (200, 136_000, 6_664_000)
    assert told() == {"bank": "-68000.00", "fees": "1360.00", "wallet": "66640.00"}
    assert ledger.balance_of(organization=order.supplier, purpose=Purpose.WALLET) == Money(6_664_000)
    intent.refresh_from_db()
    assert intent.state == "succeeded"
    moves = (
        Transition.objects.filter(subject_id=intent.pk).order_by("at", "pk").values_list("move", flat=True)
    )
    assert list(moves) == ["choose_method", "confirm", "authorize", "capture"]

    part = refund(order, 1_700_000)  # a quarter
    assert (part.tax_fen, part.fee_fen) == (order.tax_fen // 4, 34_000)
    assert told() == {"bank": "-51000.00", "fees": "1020.00", "wallet": "49980.00"}
    order.refresh_from_db()
    assert order.state == "completed"

    rest = refund(order, 5_100_000)
    assert part.tax_fen + rest.tax_fen == order.tax_fen
    assert part.fee_fen + rest.fee_fen == release.fee_fen
    assert told() == {}
    order.refresh_from_db()
    assert order.state == "refunded"


@pytest.mark.django_db
def test_paying_releasing_and_posting_an_order_costs_few_statements() -> None:
    books.wallet(), books.escrow()
    for stripe in range(STRIPES):
        for purpose in (Purpose.BANK, Purpose.FEES):
            ledger_services.account(purpose=purpose, stripe=stripe)
    order, buyer = market.contracted(), cast.zhou()
    with CaptureQueriesContext(connection) as paying:
        services.pay_order(by=buyer, at=NOON, order_id=order.pk)
    delivery.deliver(by=cast.lin(), at=NOON, order_id=order.pk)
    with CaptureQueriesContext(connection) as accepting:
        trading.accept_order(by=buyer, at=NOON, order_id=order.pk)
    moving, accepted = 4, 6  # trading's own: an order's move; its acceptance with the savepoint
    # A serial whose check character would be `*` is left out: one number in 37 takes the sequence twice.
    counted = [each for each in paying.captured_queries if "nextval(" not in each["sql"]]
    assert len(counted) - moving == 10
    assert len(accepting) - moving - accepted == 8


@pytest.mark.django_db
def test_an_order_that_is_not_contracted_cannot_be_paid() -> None:
    order = market.placed()
    for work in (services.open_intent, services.pay_order):
        with pytest.raises(services.OrderNotPayable):
            work(by=cast.zhou(), at=NOON, order_id=order.pk)
    assert not PaymentIntent.objects.exists()
    assert told() == {}


@pytest.mark.django_db
def test_a_declined_payment_leaves_the_intent_open_for_another_method() -> None:
    order = market.contracted()
    with pytest.raises(services.PaymentDeclined, match="付款方账户拒绝了这笔付款"):
        services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk, method="pm_test_declined")
    intent = PaymentIntent.objects.get(order=order)
    assert (intent.state, intent.failure) == ("requires_payment_method", "declined")
    order.refresh_from_db()
    assert order.state == "contracted"
    assert told() == {}
    again = services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk, method="pm_test_ok")
    assert (again, again.failure) == (intent, "")
    assert told() == {"bank": "-68000.00", "escrow": "68000.00"}


@pytest.mark.django_db
def test_an_unknown_method_is_refused() -> None:
    order = market.contracted()
    with pytest.raises(Refusal, match="没有这种付款方式"):
        services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk, method="pm_gold")


@pytest.mark.django_db
def test_a_live_installation_takes_no_test_money(settings: Any) -> None:
    order = market.contracted()
    settings.PAYMENTS_LIVE = True
    with pytest.raises(services.TestMethodsOff):
        services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    order.refresh_from_db()
    assert (order.state, PaymentIntent.objects.count(), Entry.objects.count()) == ("contracted", 0, 0)


@pytest.mark.django_db
def test_a_paid_order_is_not_paid_again() -> None:
    order = market.contracted()
    services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    with pytest.raises(services.AlreadyPaid):
        services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    assert Entry.objects.count() == 1


@pytest.mark.django_db
def test_only_the_buyer_pays() -> None:
    order = market.contracted()
    finance_of_seller = cast.person("qian", cast.QINGLAN, cast.Role.FINANCE)
    clerk_of_buyer = cast.person("wu", cast.YUNSHAN, cast.Role.TRADER)
    for who, refusal in (
        (finance_of_seller, trading.WrongSide),
        (clerk_of_buyer, NotAllowed),
        (cast.he(), NotFound),
    ):
        with pytest.raises(refusal):
            services.pay_order(by=who, at=NOON, order_id=order.pk)
    assert not PaymentIntent.objects.exists()


@pytest.mark.django_db
def test_escrow_is_released_once() -> None:
    order = sold()
    before = told()
    release = services.release_escrow(by=cast.zhou(), at=NOON + timedelta(days=5), order_id=order.pk)
    assert release == Release.objects.get(order=order)
    assert told() == before


@pytest.mark.django_db
def test_nothing_is_released_before_acceptance() -> None:
    order = market.contracted()
    with pytest.raises(services.EscrowNotHeld), transaction.atomic():
        services.release_escrow(by=cast.zhou(), at=NOON, order_id=order.pk)
    services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    with pytest.raises(MoveNotAllowed), transaction.atomic():
        services.release_escrow(by=cast.zhou(), at=NOON, order_id=order.pk)
    assert told() == {"bank": "-68000.00", "escrow": "68000.00"}


@pytest.mark.django_db
@pytest.mark.parametrize(("fee_bp", "fees"), [(0, None), (1, "6.80"), (333, "2264.40")])
def test_the_fee_rate_is_a_setting_and_the_fee_is_floored(
    fee_bp: int, fees: str | None, settings: object
) -> None:
    settings.EXCHANGE_FEE_BP = fee_bp  # type: ignore[attr-defined]
    order = sold()
    assert told().get("fees") == fees
    refund(order, PRICE.fen)
    assert told() == {}


@pytest.mark.django_db
def test_a_disputed_order_gives_its_escrow_back_whole() -> None:
    order = market.contracted()
    services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    delivery.deliver(by=cast.lin(), at=NOON, order_id=order.pk)
    with pytest.raises(MoveNotAllowed), transaction.atomic():
        services.return_escrow(by=cast.gu(), at=NOON, order_id=order.pk, reason="标签与约定不符")
    Order.objects.filter(pk=order.pk).update(state="disputed")
    returned = services.return_escrow(by=cast.gu(), at=NOON, order_id=order.pk, reason="标签与约定不符")
    assert (returned.amount_fen, returned.tax_fen) == (PRICE.fen, order.tax_fen)
    assert PaymentIntent.objects.get(order=order).state == "canceled"
    assert services.return_escrow(by=cast.gu(), at=NOON, order_id=order.pk, reason="又一次") == returned
    order.refresh_from_db()
    assert order.state == "refunded"
    assert told() == {}


@pytest.mark.django_db
@pytest.mark.parametrize("fen", [0, -1])
def test_a_refund_gives_something_back(fen: int) -> None:
    order = sold()
    with pytest.raises(Refusal, match="大于零"):
        refund(order, fen)


@pytest.mark.django_db
def test_a_refund_never_exceeds_what_is_left() -> None:
    order = sold()
    refund(order, 6_000_000)
    with pytest.raises(services.RefundTooLarge, match=r"最多还能退 ¥8,000\.00"):
        refund(order, 800_001)
    refund(order, 800_000)
    with pytest.raises(services.RefundTooLarge, match=r"¥0\.00"):
        refund(order, 1)


@pytest.mark.django_db
def test_an_order_that_was_not_released_has_nothing_to_refund() -> None:
    order = market.contracted()
    services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    with pytest.raises(services.NothingReleased):
        refund(order, 1)


@pytest.mark.django_db
def test_a_refund_needs_the_suppliers_balance_whoever_asks() -> None:
    order = sold()
    books.move("payout", books.wallet(), books.bank(), 6_600_000)
    with pytest.raises(services.WalletTooLow, match=r"供方可用余额 ¥640\.00，不足以承担退款 ¥980\.00"):
        refund(order, 100_000)
    assert not Refund.objects.exists()
    refund(order, 65_000)
    assert told()["wallet"] == "3.00"


@pytest.mark.django_db
def test_the_suppliers_finance_and_the_operator_refund_and_nobody_else() -> None:
    order = sold()
    seller = cast.person("qian", cast.QINGLAN, cast.Role.FINANCE)
    for who, refusal in (
        (cast.zhou(), trading.WrongSide),
        (cast.person("tan", cast.QINGLAN, cast.Role.TRADER), NotAllowed),
        (cast.he(), NotFound),
        (cast.yan(), trading.WrongSide),
    ):
        with pytest.raises(refusal):
            refund(order, 1, who=who)
    assert not Refund.objects.exists()
    refund(order, 1, who=seller)
    refund(order, 1, who=cast.gu())
    assert Refund.objects.count() == 2


@pytest.mark.django_db
def test_the_same_refund_sent_twice_is_one_refund() -> None:
    order = sold()
    assert refund(order, 500, key="form-1") == refund(order, 500, key="form-1")
    with pytest.raises(services.RefundKeyReused):
        refund(order, 501, key="form-1")
    refund(order, 500, key="form-2")
    assert Refund.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_refund_more_than_was_released_nor_change_what_happened() -> None:
    order = sold()
    done = refund(order, PRICE.fen - 10)
    entry = books.move("raw", books.bank(), books.wallet(), 11)
    columns = "id, recorded_at, number, order_id, amount_fen, tax_fen, fee_fen, reason, refunded_at, entry_id"
    raw = f"""INSERT INTO payments_refund ({columns})
              SELECT gen_random_uuid(), now(), 'TK-RAW', order_id, 11, 0, 0, 'x', now(), %s
              FROM payments_refund"""
    for statement, reason in (
        (raw, "exceed what was released"),
        (raw.replace("11, 0, 0", "10, 10, 0"), "exceed what was released"),
        ("UPDATE payments_refund SET amount_fen = 1 WHERE entry_id <> %s", "Cannot update or delete"),
        ("DELETE FROM payments_release WHERE entry_id <> %s", "Cannot update or delete"),
    ):
        with pytest.raises(DatabaseError, match=reason), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [entry.pk])
    assert list(Refund.objects.all()) == [done]


@pytest.mark.django_db(transaction=True)
def test_sixteen_threads_pay_one_order_once() -> None:
    order, buyer = market.contracted(), cast.zhou()
    results = books.at_once(16, lambda _n: services.pay_order(by=buyer, at=NOON, order_id=order.pk))
    assert sum(isinstance(found, PaymentIntent) for found in results) == 1
    assert sum(isinstance(found, services.AlreadyPaid) for found in results) == 15
    assert told() == {"bank": "-68000.00", "escrow": "68000.00"}


@pytest.mark.django_db(transaction=True)
def test_racing_refunds_give_back_at_most_what_was_released() -> None:
    order, operator = sold(), cast.gu()
    results = books.at_once(8, lambda _n: refund(order, 2_000_000, who=operator))
    assert sum(isinstance(found, Refund) for found in results) == 3
    assert sum(isinstance(found, services.RefundTooLarge) for found in results) == 5
    assert told()["bank"] == "-8000.00"


@pytest.mark.django_db(transaction=True)
def test_many_orders_of_two_firms_settle_at_the_same_time() -> None:
    product, buyer = market.listed(), cast.zhou()
    orders = [market.contracted(product) for _number in range(8)]
    for order in orders:
        services.pay_order(by=buyer, at=NOON, order_id=order.pk)
        delivery.deliver(by=cast.lin(), at=NOON, order_id=order.pk)
    results = books.at_once(
        8, lambda number: trading.accept_order(by=buyer, at=NOON, order_id=orders[number].pk).number
    )
    assert results == [order.number for order in orders]
    assert told() == {"bank": "-544000.00", "fees": "10880.00", "wallet": "533120.00"}
    assert Account.objects.get(purpose="escrow").posted_fen == 0


@given(
    gross=st.integers(1, 10**12),
    tax_bp=st.integers(0, 9_999),
    fee_bp=st.integers(0, 10_000),
    shares=st.lists(st.integers(1, 100), min_size=1, max_size=12),
)
def test_refunds_that_add_up_give_back_exactly_tax_and_fee(
    gross: int, tax_bp: int, fee_bp: int, shares: list[int]
) -> None:
    whole, tax = Money(gross), Money(gross).share(tax_bp, 10_000)
    fee, refunded = exchange_fee(whole, fee_bp), Money(0)
    total = {"tax": 0, "fee": 0, "seller": 0}
    for amount in whole.split(shares):
        if not amount:
            continue
        parts = rules.refund_parts(gross=whole, tax=tax, fee=fee, refunded=refunded, amount=amount)
        refunded += amount
        assert Money(0) <= parts.tax <= amount
        assert Money(0) <= parts.fee <= amount
        assert parts.seller + parts.fee == amount
        for name in total:
            total[name] += getattr(parts, name).fen
    assert total == {"tax": tax.fen, "fee": fee.fen, "seller": (whole - fee).fen}
