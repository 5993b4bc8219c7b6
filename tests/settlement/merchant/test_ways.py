"""Ways to pay are adapters: whatever keeps the interface's promises can be asked for money, without another change."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import pytest

from kernel.errors import InvalidInput, Refusal
from kernel.money import Money
from settlement.banking import services as banking
from settlement.ledger.models import Purpose
from settlement.ledger.services import Address
from settlement.merchant import services, ways
from settlement.merchant.models import CashMove, Intent, PaymentMethod
from settlement.merchant.states import MethodType
from tests import cast
from tests.settlement.banking import statements
from tests.settlement.merchant import shop

pytestmark = pytest.mark.django_db
NOON = cast.NOON


class SlowDesk(ways.Way):
    """A way that nobody has built in: it grants amounts that end in 00 and refuses all others."""

    kind: ClassVar[str] = "slow_desk"

    def make(self, method: PaymentMethod, token: str) -> None:
        if token != "desk-7":
            raise InvalidInput(field="card[token]", reason="no such desk")
        method.brand = "desk"

    def require_fitting(self, intent: Intent) -> None:
        if intent.amount_fen > 100_000:
            raise InvalidInput(field="amount", reason="too much for a desk")

    def ask(self, method: PaymentMethod) -> ways.Answer:
        if method.metadata.get("mood") == "bad":
            return ways.Answer(ways.Outcome.REFUSED, "card_declined", "do_not_honor")
        return ways.Answer(ways.Outcome.GRANTED)

    def counterpart(self, organization_id: UUID, charge_id: UUID) -> Address:
        return Address.of_platform(Purpose.BANK, charge_id)


def test_every_kind_of_method_has_its_adapter_and_no_other() -> None:
    assert set(ways.WAYS) == set(MethodType.values)
    for kind, way in ways.WAYS.items():
        assert (way.kind, isinstance(way, ways.Way)) == (kind, True)


def test_a_way_from_outside_pays_declines_refunds_and_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ways.WAYS, SlowDesk.kind, SlowDesk())
    given: dict[str, Any] = {"by": cast.lin(), "at": NOON}
    with pytest.raises(InvalidInput):
        services.create_method(**given, kind="slow_desk", token="desk-8")
    good = services.create_method(**given, kind="slow_desk", token="desk-7")
    bad = services.create_method(**given, kind="slow_desk", token="desk-7", metadata={"mood": "bad"})
    with pytest.raises(InvalidInput) as refused:
        services.create_intent(**given, amount=Money(100_001), method=good)
    assert refused.value.field == "amount"
    made = services.create_intent(**given, amount=Money(500), method=bad)
    declined = services.confirm_intent(**given, intent_id=made.pk)
    assert (declined.state, declined.last_error["decline_code"]) == (
        "requires_payment_method", "do_not_honor",
    )  # fmt: skip
    paid = services.confirm_intent(**given, intent_id=made.pk, method=good)
    assert (paid.state, shop.books()) == ("succeeded", {"bank": -500, "wallet": 500})
    charge = paid.charges.get(failure_code="")
    services.refund_charge(**given, charge_id=charge.pk, amount=Money(200))
    assert shop.books() == {"bank": -300, "wallet": 300}


@pytest.mark.parametrize("kind", sorted(ways.WAYS))
def test_a_built_in_way_answers_the_same_for_the_same_method_and_moves_nothing(kind: str) -> None:
    way = ways.WAYS[kind]
    method = PaymentMethod(organization=cast.lin().organization, kind=kind)
    way.make(method, "tok_visa" if kind == "card" else "")
    assert way.ask(method) == way.ask(method)
    assert way.waits == (way.ask(method).outcome is ways.Outcome.AWAITED)
    with pytest.raises(Refusal):
        way.make(method, "6222020000001234567")
    assert shop.books() == {}


def test_a_line_of_a_bank_statement_file_pays_the_waiting_intent() -> None:
    customer = services.create_customer(by=cast.lin(), at=NOON, name="云山（示例）")
    method = services.create_method(by=cast.lin(), at=NOON, kind="customer_balance")
    made = services.create_intent(
        by=cast.lin(), at=NOON, amount=Money(30_000), customer_id=customer.pk, method=method
    )
    waiting = services.confirm_intent(by=cast.lin(), at=NOON, intent_id=made.pk)
    number = services.open_virtual_account(by=cast.lin(), at=NOON, customer_id=customer.pk).number
    assert (waiting.state, shop.books()) == ("requires_action", {})
    body = statements.csv_of([statements.row(credit="300.00", virtual_account=number)])
    for _twice in range(2):  # the same file again brings nothing new
        found = statements.checked(body)
        banking.confirm(by=statements.qian(), at=statements.AT, import_id=found.pk)
        banking.book_arrivals(at=statements.AT)
    made.refresh_from_db()
    assert (made.state, made.received_fen) == ("succeeded", 30_000)
    assert shop.books() == {"bank": -30_000, "wallet": 30_000}
    assert CashMove.objects.filter(kind="funded").count() == 1
