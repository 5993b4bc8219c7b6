"""Merchants' money by the services: who may, what is refused, what the database itself refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.money import Money
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from settlement.merchant import refusals, rules, selectors, services
from settlement.merchant.models import CashMove, Charge, Event, Payout, Refund
from tests import cast
from tests.settlement.merchant import shop

pytestmark = pytest.mark.django_db
NOON = cast.NOON


def asked(fen: int) -> Payout:
    """A payout out of a balance that covers it."""
    shop.pay_account()
    shop.sale(fen)
    return services.create_payout(by=cast.lin(), at=NOON, amount=Money(fen))


# --- payouts ------------------------------------------------------------------------------------


def test_a_large_payout_is_sent_when_two_others_have_approved(settings: Any) -> None:
    settings.PAYOUT_APPROVAL_FEN = 1_000
    payout = asked(1_001)
    assert (payout.state, payout.approvals_needed) == ("pending", 2)
    assert shop.books() == {"bank": -1001, "payouts": 1001}
    given: dict[str, Any] = {"at": NOON, "payout_id": payout.pk}
    with pytest.raises(refusals.OwnPayout):
        services.approve_payout(by=cast.lin(), **given)
    assert services.approve_payout(by=shop.fang(), **given).state == "pending"
    with pytest.raises(refusals.ApprovedBefore):
        services.approve_payout(by=shop.fang(), **given)
    with pytest.raises(NotFound):
        services.approve_payout(by=cast.he(), **given)
    with pytest.raises(NotAllowed):
        services.approve_payout(by=cast.mei(), **given)
    with pytest.raises(MoveNotAllowed):
        services.settle_payout(by=shop.qian(), **given)
    assert services.approve_payout(by=shop.bo(), **given).state == "in_transit"
    assert services.settle_payout(by=shop.qian(), **given).state == "paid"
    assert shop.books() == {}
    back = services.fail_payout(by=shop.qian(), reason="账户已注销，银行退汇", **given)
    assert (back.state, shop.books()) == ("failed", {"bank": -1001, "wallet": 1001})
    kinds = list(
        Event.objects.filter(object_id=rules.public_id("po", payout.pk))
        .order_by("sequence")
        .values_list("type", flat=True)
    )
    assert kinds == ["payout.created", "payout.updated", "payout.paid", "payout.failed"]


def test_many_small_payouts_of_a_day_are_no_way_round_the_two_people(settings: Any) -> None:
    settings.PAYOUT_APPROVAL_FEN = 1_000
    shop.pay_account()
    shop.sale(10_000)

    def pay_out(fen: int, at: datetime = NOON) -> Payout:
        return services.create_payout(by=cast.lin(), at=at, amount=Money(fen))

    assert [pay_out(fen).state for fen in (600, 400, 1, 600)] == [
        "in_transit", "in_transit", "pending", "pending",
    ]  # fmt: skip
    midnight = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)  # the next day in Shanghai
    assert pay_out(1, midnight - timedelta(seconds=1)).state == "pending"
    assert pay_out(1_000, midnight).state == "in_transit"


def test_what_failed_and_what_others_sent_leave_the_limit_of_the_day_alone(settings: Any) -> None:
    settings.PAYOUT_APPROVAL_FEN = 1_000
    failed = asked(1_000)
    services.fail_payout(by=shop.qian(), at=NOON, payout_id=failed.pk, reason="账户已注销")
    shop.pay_account(cast.he())
    shop.sale(1_000, who=cast.he())
    assert services.create_payout(by=cast.he(), at=NOON, amount=Money(1_000)).state == "in_transit"
    assert services.create_payout(by=cast.lin(), at=NOON, amount=Money(1_000)).state == "in_transit"


def test_transfers_and_payouts_share_the_limit_of_the_day(settings: Any) -> None:
    settings.PAYOUT_APPROVAL_FEN = 1_000
    shop.pay_account()
    shop.sale(10_000)
    given: dict[str, Any] = {"by": cast.lin(), "at": NOON, "destination_id": cast.he().organization_id}
    with pytest.raises(refusals.DayLimit):
        services.create_transfer(**given, amount=Money(1_001))
    services.create_transfer(**given, amount=Money(700))
    with pytest.raises(refusals.DayLimit, match=r"3\.00"):
        services.create_transfer(**given, amount=Money(301))
    assert services.create_payout(by=cast.lin(), at=NOON, amount=Money(301)).state == "pending"
    assert services.create_payout(by=cast.lin(), at=NOON, amount=Money(300)).state == "in_transit"
    with pytest.raises(refusals.DayLimit):
        services.create_transfer(**given, amount=Money(1))


def test_a_payout_at_the_limit_goes_at_once_and_only_the_operator_settles(settings: Any) -> None:
    settings.PAYOUT_APPROVAL_FEN = 1_000
    payout = asked(1_000)
    assert payout.state == "in_transit"
    with pytest.raises(NotAllowed):
        services.settle_payout(by=cast.lin(), at=NOON, payout_id=payout.pk)
    with pytest.raises(InvalidInput):
        services.fail_payout(by=shop.qian(), at=NOON, payout_id=payout.pk, reason=" ")
    with pytest.raises(MoveNotAllowed):
        services.cancel_payout(by=cast.lin(), at=NOON, payout_id=payout.pk)


def test_the_database_sends_no_payout_without_its_approvals(settings: Any) -> None:
    settings.PAYOUT_APPROVAL_FEN = 1_000
    payout = asked(1_001)
    with pytest.raises(DatabaseError, match="0 of 2 approvals"), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(state="in_transit")
    with pytest.raises(DatabaseError), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(approvals_needed=0)


def test_a_key_changes_no_bank_account_and_approves_nothing(settings: Any) -> None:
    settings.PAYOUT_APPROVAL_FEN = 0
    payout = asked(50)
    program = Actor(
        user=shop.fang().user, organization=shop.fang().organization, roles=shop.fang().roles,
        kinds=shop.fang().kinds, scopes=frozenset({"merchant.pay_out", "merchant.approve_payouts"}),
    )  # fmt: skip
    with pytest.raises(refusals.PersonNeeded):
        shop.pay_account(program)
    with pytest.raises(refusals.PersonNeeded):
        services.approve_payout(by=program, at=NOON, payout_id=payout.pk)


def test_a_payout_without_account_or_money_is_refused() -> None:
    with pytest.raises(refusals.BankAccountMissing):
        services.create_payout(by=cast.lin(), at=NOON, amount=Money(1))
    shop.pay_account()
    with pytest.raises(refusals.BalanceTooLow), transaction.atomic():
        services.create_payout(by=cast.lin(), at=NOON, amount=Money(1))
    assert not Payout.objects.exists()


# --- charges and refunds ------------------------------------------------------------------------


def test_refunds_above_what_was_captured_are_refused_by_the_database_too() -> None:
    intent = shop.sale(1_000)
    charge = Charge.objects.get(intent=intent)
    first = services.refund_charge(by=cast.lin(), at=NOON, charge_id=charge.pk, amount=Money(600))
    with pytest.raises(refusals.ChargeAlreadyRefunded):
        services.refund_charge(by=cast.lin(), at=NOON, charge_id=charge.pk, amount=Money(401))
    other = shop.sale(500)
    entry = Charge.objects.get(intent=other).entry
    with pytest.raises(DatabaseError, match="charge_refunds_within_captured"), transaction.atomic():
        Refund.objects.create(
            organization=charge.organization, charge=charge, amount_fen=401, entry=entry, created_at=NOON
        )
    for change in ({"refunded_fen": 0}, {"captured_fen": 2_000}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Charge.objects.filter(pk=charge.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Refund.objects.filter(pk=first.pk).update(amount_fen=1)
    charge.refresh_from_db()
    assert charge.refunded_fen == 600


def test_a_capture_of_nothing_or_too_much_takes_nothing() -> None:
    held = shop.sale(1_000, capture_method="manual")
    for fen, refusal in ((0, InvalidInput), (1_001, refusals.AmountTooLarge)):
        with pytest.raises(refusal):
            services.capture_intent(by=cast.lin(), at=NOON, intent_id=held.pk, amount=Money(fen))
    assert shop.books() == {}
    taken = services.capture_intent(by=cast.lin(), at=NOON, intent_id=held.pk, amount=Money(400))
    assert (taken.state, taken.received_fen) == ("succeeded", 400)
    assert shop.books() == {"bank": -400, "wallet": 400}


def test_a_refund_needs_the_balance() -> None:
    intent = shop.sale(1_000)
    other = cast.organization(cast.BEIJIANG)
    services.create_transfer(by=cast.lin(), at=NOON, destination_id=other.pk, amount=Money(700))
    charge = Charge.objects.get(intent=intent)
    with pytest.raises(refusals.BalanceTooLow), transaction.atomic():
        services.refund_charge(by=cast.lin(), at=NOON, charge_id=charge.pk)
    assert shop.books() == {"bank": -1000, "wallet": 1000}


def test_a_live_installation_knows_no_test_cards(settings: Any) -> None:
    method = shop.card()
    settings.PAYMENTS_LIVE = True
    with pytest.raises(refusals.TestOnly):
        shop.card()
    with pytest.raises(refusals.TestOnly):
        services.create_intent(by=cast.lin(), at=NOON, amount=Money(1), method=method)
    customer = services.create_customer(by=cast.lin(), at=NOON, name="甲")
    with pytest.raises(refusals.TestOnly):
        services.fund_for_test(by=cast.lin(), at=NOON, customer_id=customer.pk, amount=Money(1))


def test_what_is_another_organizations_is_not_there() -> None:
    intent = shop.sale(100)
    charge = Charge.objects.get(intent=intent)
    for verb in (services.cancel_intent, services.capture_intent, services.confirm_intent):
        with pytest.raises(NotFound):
            verb(by=cast.he(), at=NOON, intent_id=intent.pk)
    with pytest.raises(NotFound):
        services.refund_charge(by=cast.he(), at=NOON, charge_id=charge.pk)
    with pytest.raises(NotFound):
        services.create_intent(by=cast.he(), at=NOON, amount=Money(1), method=shop.card())
    with pytest.raises(NotAllowed):
        services.create_intent(by=cast.mei(), at=NOON, amount=Money(1))


# --- bank transfers -----------------------------------------------------------------------------


def test_an_arrival_is_booked_once_per_bank_reference() -> None:
    customer = services.create_customer(by=cast.lin(), at=NOON, name="云山（示例）")
    account = services.open_virtual_account(by=cast.lin(), at=NOON, customer_id=customer.pk)
    assert rules.is_virtual_account(account.number)
    told: dict[str, Any] = {
        "by": shop.qian(), "at": NOON, "virtual_account": account.number, "reference": "20260302-001",
    }  # fmt: skip
    first = services.money_arrived(**told, amount=Money(800))
    assert services.money_arrived(**told, amount=Money(800)) == first
    with pytest.raises(refusals.ReferenceReused):
        services.money_arrived(**told, amount=Money(801))
    with pytest.raises(NotFound):
        services.money_arrived(**{**told, "virtual_account": "880000000000000"}, amount=Money(1))
    with pytest.raises(NotAllowed):
        services.money_arrived(**{**told, "by": cast.lin()}, amount=Money(800))
    assert shop.books() == {"bank": -800, "customer_cash": 800}
    assert CashMove.objects.count() == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        CashMove.objects.update(amount_fen=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        type(customer).objects.filter(pk=customer.pk).update(cash_fen=0)


# --- balance transactions are the ledger --------------------------------------------------------


def test_every_change_of_the_balance_is_one_leg_of_one_entry() -> None:
    shop.pay_account()
    intent = shop.sale(5_000)
    services.refund_charge(
        by=cast.lin(), at=NOON, charge_id=Charge.objects.get(intent=intent).pk, amount=Money(1_000)
    )
    services.create_payout(by=cast.lin(), at=NOON, amount=Money(1_500))
    legs = list(selectors.balance_legs(cast.lin()).order_by("pk"))
    assert [(leg.entry.kind, leg.amount_fen) for leg in legs] == [
        ("charge", 5000), ("charge_refund", -1000), ("payout", -1500),
    ]  # fmt: skip
    assert sum(leg.amount_fen for leg in legs) == shop.wallet() == 2_500
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id"
            " WHERE a.purpose = 'wallet'"
        )
        assert cursor.fetchone() == (3,)
