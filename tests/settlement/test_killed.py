"""kill -9 while money is paid out: at any statement nothing has happened, at the end everything, and again nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.test import Client

from kernel import clock
from kernel.money import Money
from settlement.banking import services as banking
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.merchant import services as merchant
from settlement.merchant.models import Event, Payout, Transfer
from settlement.payruns import services as payruns
from settlement.payruns.models import PayRun
from settlement.rewards import services as rewards
from settlement.rewards.models import Disbursement, Payment
from settlement.rewards.services.payments import NothingToPay
from tests import cast
from tests.crashes import Mortal, mortal
from tests.settlement.merchant import shop

pytestmark = pytest.mark.django_db(transaction=True)
APRIL = datetime(2026, 4, 2, 4, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def process(transactional_db: None) -> Iterator[Mortal]:
    with mortal("tests.settlement.test_killed") as found:
        yield found


# --- the works: they run in a process that dies ----------------------------------------------------


def ask(path: str, body: str, key: str, once: str) -> dict[str, object]:
    """A call of `/v1/` under an idempotency key."""
    told = {"Authorization": f"Bearer {key}", "Idempotency-Key": once}
    answer = Client().post(path, body, content_type=FORM, headers=told)
    assert answer.status_code == 200, answer.content
    found: dict[str, object] = answer.json()
    return found


def settle(payout_id: str) -> None:
    merchant.settle_payout(by=shop.qian(), at=clock.now(), payout_id=UUID(payout_id))


def pay_run(run_id: str) -> None:
    payruns.pay(at=APRIL, run_id=UUID(run_id))


def prepare() -> None:
    from tests.settlement.rewards import steps

    rewards.prepare_disbursement(by=cast.ruan(), at=steps.PAID)


def enter(payment_id: str) -> None:
    from tests.settlement.rewards import steps

    rewards.enter_receipt(by=cast.ruan(), at=steps.PAID, payment_id=UUID(payment_id), reference="回单 9001")


def book(order_id: str) -> None:
    from tests.settlement.banking.test_receipts import sun

    banking.book_receipt(by=sun(), at=cast.NOON, order_id=UUID(order_id))


# --- merchants --------------------------------------------------------------------------------------


def test_a_killed_payout_is_asked_for_once(process: Mortal) -> None:
    key = shop.key_of(cast.lin())
    shop.pay_account()
    shop.sale(10_000)
    call = ("/v1/payouts", "amount=7000&currency=cny", key, "payout-1")

    def nothing_yet() -> None:
        assert not Payout.objects.exists()
        assert shop.books() == {"bank": -10_000, "wallet": 10_000}

    assert process.die_everywhere("ask", *call, between=nothing_yet) >= 2
    payout = Payout.objects.get()
    assert shop.books() == {"bank": -10_000, "wallet": 3_000, "payouts": 7_000}
    assert ask(*call)["id"] == f"po_{payout.pk.hex}"
    assert Payout.objects.count() == Entry.objects.filter(kind="payout").count() == 1
    assert shop.books() == {"bank": -10_000, "wallet": 3_000, "payouts": 7_000}

    def not_settled() -> None:
        assert Payout.objects.get().state == "in_transit"
        assert shop.books() == {"bank": -10_000, "wallet": 3_000, "payouts": 7_000}

    shop.qian()
    assert process.die_everywhere("settle", str(payout.pk), between=not_settled) >= 1
    assert Payout.objects.get().state == "paid"
    assert shop.books() == {"bank": -3_000, "wallet": 3_000}
    told = Event.objects.filter(object_id=f"po_{payout.pk.hex}").order_by("sequence")
    assert list(told.values_list("type", "sequence")) == [
        ("payout.created", 1), ("payout.updated", 2), ("payout.paid", 3),
    ]  # fmt: skip


def test_a_killed_transfer_moves_the_money_once(process: Mortal) -> None:
    key, other = shop.key_of(cast.lin()), cast.organization(cast.BEIJIANG)
    shop.sale(10_000)
    call = ("/v1/transfers", f"amount=4000&currency=cny&destination=acct_{other.pk.hex}", key, "transfer-1")

    def nothing_yet() -> None:
        assert not Transfer.objects.exists()
        assert shop.wallet() == 10_000

    assert process.die_everywhere("ask", *call, between=nothing_yet) >= 2
    moved = Transfer.objects.get()
    assert ask(*call)["id"] == f"tr_{moved.pk.hex}"
    assert Entry.objects.filter(kind="transfer").count() == 1
    assert (shop.wallet(), shop.wallet(cast.he())) == (6_000, 4_000)

    back = (f"/v1/transfers/tr_{moved.pk.hex}/reversals", "amount=1000", key, "back-1")

    def nothing_back() -> None:
        assert (shop.wallet(), shop.wallet(cast.he())) == (6_000, 4_000)

    assert process.die_everywhere("ask", *back, between=nothing_back) >= 2
    ask(*back)
    assert (shop.wallet(), shop.wallet(cast.he())) == (7_000, 3_000)
    assert shop.books() == {"bank": -10_000, "wallet": 10_000}


# --- a buyer's transfer -----------------------------------------------------------------------------


def test_a_killed_booking_leaves_the_order_unpaid_and_again_pays_it_once(process: Mortal) -> None:
    from settlement.payments.services import AlreadyPaid
    from tests.exchange import market
    from tests.settlement.banking.test_receipts import matched, sun

    order = market.contracted()
    matched(order)
    sun()

    def unpaid() -> None:
        order.refresh_from_db()
        assert (order.state, Entry.objects.count()) == ("contracted", 0)

    assert process.die_everywhere("book", str(order.pk), between=unpaid) >= 2
    with pytest.raises(AlreadyPaid):
        book(str(order.pk))
    order.refresh_from_db()
    assert (order.state, Entry.objects.filter(kind="payment").count()) == ("paid", 1)
    assert shop.books() == {"bank": -order.amount_fen, "escrow": order.amount_fen}


# --- annotators' pay --------------------------------------------------------------------------------


def test_a_killed_pay_run_pays_everybody_once(process: Mortal, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.settlement.payments.deals import sold
    from tests.settlement.payruns.runs import approved, earned, told_account

    monkeypatch.setattr("settlement.payruns.services.runs._queue", lambda run: None)
    sold()
    earned(200_000, mei=1, ning=3)
    told_account("mei"), told_account("ning", 2)
    run = approved()
    before = shop.books()

    def nothing_yet() -> None:
        assert PayRun.objects.get().state == "approved"
        assert shop.books() == before

    assert process.die_everywhere("pay_run", str(run.pk), between=nothing_yet) >= 2
    run.refresh_from_db()
    after = shop.books()
    assert (run.state, Entry.objects.filter(kind="payrun").count()) == ("paid", 2)
    assert ledger.total_of(Purpose.EARNINGS) == Money(0)
    assert after["bank"] - before["bank"] == run.net_fen
    pay_run(str(run.pk))
    assert shop.books() == after


# --- rewards ----------------------------------------------------------------------------------------


def test_a_killed_disbursement_pays_each_award_once(process: Mortal) -> None:
    from tests.settlement.rewards import steps
    from tests.settlement.rewards.test_money import claim_of

    steps.awarded(claim_of())
    rewards.set_payee_account(
        by=cast.lin(), at=steps.PAID, bank="示例银行清远分行", account_number="6222020000001234567"
    )
    books = shop.books()

    def no_file() -> None:
        assert not Disbursement.objects.exists()
        assert not Payment.objects.exists()

    assert process.die_everywhere("prepare", between=no_file) >= 2
    found = Disbursement.objects.get()
    with pytest.raises(NothingToPay):
        prepare()
    rewards.approve_disbursement(by=cast.shen(), at=steps.PAID, disbursement_id=found.pk)
    payment = Payment.objects.get()
    assert shop.books() == books

    def not_paid() -> None:
        assert Payment.objects.get().state == "waiting"
        assert shop.books() == books

    assert process.die_everywhere("enter", str(payment.pk), between=not_paid) >= 2
    enter(str(payment.pk))
    payment.refresh_from_db()
    assert (payment.state, Entry.objects.filter(kind="reward").count()) == ("paid", 1)
    fen = int(payment.amount_fen)
    assert shop.books() == {**books, "fiscal": -fen, "firm_bank": fen}
