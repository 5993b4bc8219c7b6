"""Random payments, captures, refunds, arrivals, transfers and payouts against a dictionary that does the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.errors import Refusal
from kernel.money import Money
from settlement.merchant import selectors, services
from settlement.merchant.models import Event, Intent, Payout
from tests import cast
from tests.settlement.merchant import shop

pytestmark = pytest.mark.django_db

LIMIT = 5_000_000
FEN = st.sampled_from([1, 99, 10_000, 2_500_000, LIMIT, LIMIT + 1, 30_000_000])
PLACE = st.integers(0, 5)
STEP = st.one_of(
    st.tuples(
        st.sampled_from(["sale", "hold", "declined", "ask", "arrive", "payout", "transfer"]), PLACE, FEN
    ),
    st.tuples(st.sampled_from(["capture", "refund"]), PLACE, FEN),
    st.tuples(st.sampled_from(["cancel", "drop", "settle", "fail", "first", "second"]), PLACE, FEN),
)
NAMES = {"bank": "bank", "wallet": "wallet", "customer_cash": "cash", "payouts": "under_way"}


@dataclass
class Model:
    """What should be there: amounts in fen, intents and payouts in the order of their making."""

    own: int = 0
    theirs: int = 0
    cash: int = 0
    under_way: int = 0
    intents: list[dict[str, Any]] = field(default_factory=list)
    payouts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bank(self) -> int:
        return -(self.own + self.theirs + self.cash + self.under_way)

    def sale(self, fen: int) -> str:
        self.intents.append({"state": "succeeded", "fen": fen, "taken": fen, "back": 0, "card": True})
        self.own += fen
        return "done"

    def hold(self, fen: int) -> str:
        self.intents.append({"state": "requires_capture", "fen": fen, "taken": 0, "back": 0, "card": True})
        return "done"

    def declined(self, fen: int) -> str:
        self.intents.append(
            {"state": "requires_payment_method", "fen": fen, "taken": 0, "back": 0, "card": True}
        )
        return "done"

    def ask(self, fen: int) -> str:
        self.intents.append({"state": "requires_action", "fen": fen, "taken": 0, "back": 0, "card": False})
        return self._use_cash()

    def arrive(self, fen: int) -> str:
        self.cash += fen
        return self._use_cash()

    def _use_cash(self) -> str:
        for each in self.intents:
            if each["state"] == "requires_action":
                if self.cash < each["fen"]:
                    break
                self.cash -= each["fen"]
                self.own += each["fen"]
                each.update(state="succeeded", taken=each["fen"])
        return "done"

    def capture(self, place: int, fen: int) -> str:
        each = self.intents[place]
        if each["state"] != "requires_capture":
            return "UnexpectedState"
        if fen > each["fen"]:
            return "AmountTooLarge"
        each.update(state="succeeded", taken=fen)
        self.own += fen
        return "done"

    def cancel(self, place: int) -> str:
        each = self.intents[place]
        if each["state"] in ("succeeded", "canceled"):
            return "UnexpectedState"
        each["state"] = "canceled"
        return "done"

    def refund(self, place: int, fen: int) -> str:
        each = self.intents[place]
        if not each["taken"]:
            return "ChargeNotCaptured"
        if fen > each["taken"] - each["back"]:
            return "ChargeAlreadyRefunded"
        if fen > self.own:
            return "BalanceTooLow"
        each["back"] += fen
        self.own -= fen
        if not each["card"]:
            self.cash += fen
        return "done"

    @property
    def left_today(self) -> int:
        """What one person may still send out: every step is of one day."""
        alone = (each["fen"] for each in self.payouts if each["alone"] and each["state"] != "failed")
        return LIMIT - sum(alone) - self.theirs

    def transfer(self, fen: int) -> str:
        if fen > self.left_today:
            return "DayLimit"
        if fen > self.own:
            return "BalanceTooLow"
        self.own -= fen
        self.theirs += fen
        return "done"

    def payout(self, fen: int) -> str:
        if fen > self.own:
            return "BalanceTooLow"
        alone = fen <= self.left_today
        self.own -= fen
        self.under_way += fen
        self.payouts.append(
            {
                "state": "in_transit" if alone else "pending",
                "fen": fen,
                "approved": set(),
                "alone": alone,
            }
        )
        return "done"

    def approve(self, place: int, who: str) -> str:
        each = self.payouts[place]
        if each["state"] != "pending":
            return "MoveNotAllowed"
        if who in each["approved"]:
            return "ApprovedBefore"
        each["approved"].add(who)
        if len(each["approved"]) == 2:
            each["state"] = "in_transit"
        return "done"

    def end(self, place: int, verb: str) -> str:
        each = self.payouts[place]
        allowed = {"drop": ("pending",), "settle": ("in_transit",), "fail": ("in_transit", "paid")}[verb]
        if each["state"] not in allowed:
            return "MoveNotAllowed"
        if each["state"] != "paid":
            self.under_way -= each["fen"]
        if verb != "settle":
            self.own += each["fen"]
        each["state"] = {"drop": "canceled", "settle": "paid", "fail": "failed"}[verb]
        return "done"


class Real:
    """The same verbs by the product's services."""

    def __init__(self) -> None:
        self.by, self.at = cast.lin(), cast.NOON
        shop.pay_account()
        self.intents: list[UUID] = []
        self.payouts: list[UUID] = []
        self.customer = services.create_customer(by=self.by, at=self.at, name="云山（示例）")
        self.account = services.open_virtual_account(by=self.by, at=self.at, customer_id=self.customer.pk)
        self.arrivals = 0

    def make(self, verb: str, fen: int) -> None:
        if verb == "ask":
            method = services.create_method(by=self.by, at=self.at, kind="customer_balance")
            made = services.create_intent(
                by=self.by, at=self.at, amount=Money(fen), customer_id=self.customer.pk, method=method
            )
        else:
            name = "pm_card_chargeDeclined" if verb == "declined" else "pm_card_visa"
            made = services.create_intent(
                by=self.by, at=self.at, amount=Money(fen), method=shop.card(name),
                capture_method="manual" if verb == "hold" else "automatic",
            )  # fmt: skip
        self.intents.append(made.pk)
        services.confirm_intent(by=self.by, at=self.at, intent_id=made.pk)

    def refund(self, place: int, fen: int) -> None:
        charges = Intent.objects.get(pk=self.intents[place]).charges
        charge = charges.filter(failure_code="").first() or charges.first()
        if charge is None:
            from settlement.merchant.refusals import ChargeNotCaptured

            raise ChargeNotCaptured
        services.refund_charge(by=self.by, at=self.at, charge_id=charge.pk, amount=Money(fen))

    def arrive(self, fen: int) -> None:
        self.arrivals += 1
        for _twice in range(2):  # the same line of the statement, read again
            services.money_arrived(
                by=shop.qian(), at=self.at, virtual_account=self.account.number, amount=Money(fen),
                reference=f"LS-{self.arrivals}",
            )  # fmt: skip

    def do(self, verb: str, place: int, fen: int) -> None:
        given: dict[str, Any] = {"by": self.by, "at": self.at}
        if verb in ("sale", "hold", "declined", "ask"):
            self.make(verb, fen)
        elif verb == "arrive":
            self.arrive(fen)
        elif verb == "transfer":
            other = cast.organization(cast.BEIJIANG)
            services.create_transfer(**given, destination_id=other.pk, amount=Money(fen))
        elif verb == "payout":
            self.payouts.append(services.create_payout(**given, amount=Money(fen)).pk)
        elif verb == "capture":
            services.capture_intent(**given, intent_id=self.intents[place], amount=Money(fen))
        elif verb == "cancel":
            services.cancel_intent(**given, intent_id=self.intents[place])
        elif verb == "refund":
            self.refund(place, fen)
        elif verb in ("first", "second"):
            who = shop.fang() if verb == "first" else shop.bo()
            services.approve_payout(by=who, at=self.at, payout_id=self.payouts[place])
        elif verb == "drop":
            services.cancel_payout(**given, payout_id=self.payouts[place])
        elif verb == "settle":
            services.settle_payout(by=shop.qian(), at=self.at, payout_id=self.payouts[place])
        else:
            services.fail_payout(by=shop.qian(), at=self.at, payout_id=self.payouts[place], reason="户名不符")


def expected(model: Model, verb: str, place: int, fen: int) -> str | None:
    """What the step should lead to; None when there is nothing it could be done to."""
    if verb in ("sale", "hold", "declined", "ask", "arrive", "transfer", "payout"):
        return str(getattr(model, verb)(fen))
    if place >= len(model.intents if verb in ("capture", "refund", "cancel") else model.payouts):
        return None
    if verb in ("capture", "refund"):
        return str(getattr(model, verb)(place, fen))
    if verb == "cancel":
        return model.cancel(place)
    if verb in ("first", "second"):
        return model.approve(place, verb)
    return model.end(place, verb)


def outcome(real: Real, verb: str, place: int, fen: int) -> str:
    try:
        with transaction.atomic():
            real.do(verb, place, fen)
    except Refusal as refusal:
        return type(refusal).__name__
    return "done"


def compare(model: Model, real: Real) -> None:
    connection.check_constraints()
    told = {"bank": 0, "wallet": 0, "customer_cash": 0, "payouts": 0, **shop.books()}
    assert told == {
        "bank": model.bank, "wallet": model.own + model.theirs, "customer_cash": model.cash,
        "payouts": model.under_way,
    }  # fmt: skip
    assert shop.wallet() == model.own
    real.customer.refresh_from_db()
    assert real.customer.cash_fen == model.cash
    states = dict(Intent.objects.values_list("pk", "state"))
    assert [states[key] for key in real.intents] == [each["state"] for each in model.intents]
    states = dict(Payout.objects.values_list("pk", "state"))
    assert [states[key] for key in real.payouts] == [each["state"] for each in model.payouts]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEP, min_size=4, max_size=14))
def test_any_sequence_leaves_what_the_model_says(steps: list[tuple[str, int, int]]) -> None:
    with transaction.atomic():
        model, real = Model(), Real()
        for verb, place, fen in steps:
            wanted = expected(model, verb, place, fen)
            if wanted is not None:
                assert outcome(real, verb, place, fen) == wanted, (verb, place, fen)
        compare(model, real)
        legs = selectors.balance_legs(cast.lin())
        assert (legs.aggregate(sum=Sum("amount_fen"))["sum"] or 0) == model.own
        for object_id in set(Event.objects.values_list("object_id", flat=True)):
            numbers = Event.objects.filter(object_id=object_id).order_by("pk")
            counted = list(numbers.values_list("sequence", flat=True))
            assert counted == list(range(1, len(counted) + 1))
        transaction.set_rollback(True)
