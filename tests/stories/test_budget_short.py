"""A budget that does not suffice: the board says so first, nobody is overtaken, more money brings the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from kernel import clock
from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Account, Purpose
from settlement.rewards import funds, services
from settlement.rewards.models import Award, BudgetLine, Claim
from settlement.rewards.states import ClaimState
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps
from tests.settlement.rewards.steps import DRAFTED, MARCH, NOTICE_OVER
from tests.settlement.risk import town

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("奖励测算")


def announced(firm: Callable[[], Actor], net: str, *, minutes: int) -> Claim:
    """A claim in its notice; `minutes` orders the confirmations."""
    trades.sale(net, seller=firm)
    found = firm().organization
    assert found is not None
    claim = services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=found.pk, year=2025)
    return steps.announced(claim, firm=firm(), at=DRAFTED + timedelta(minutes=minutes))


def page(line: BudgetLine) -> str:
    client = Client(headers={"accept-language": "zh-hans"})
    user = cast.shen().user
    assert user is not None
    client.force_login(user)
    with clock.moved_to(NOTICE_OVER):
        return str(client.get(reverse("rewards:budget", args=[line.number])).content.decode())


def test_a_short_budget_from_the_board_to_the_last_yuan() -> None:
    steps.notice(steps.budget("130000.00"))
    first = announced(cast.lin, "6800000.00", minutes=0)
    second = announced(cast.he, "9000000.00", minutes=1)
    third = announced(town.jia, "5000000.00", minutes=2)
    line = BudgetLine.objects.get()

    # Before anything is proposed: what is due, what is there, and what each rule would do.
    position = funds.position_of(line)
    assert (position.waiting_fen, position.left_fen, position.short_fen) == (
        20_800_000,
        13_000_000,
        7_800_000,
    )
    assert [item.granted_fen for item in funds.preview(line, NOTICE_OVER).items] == [6_800_000, 0, 0]
    assert "预算不足" in page(line)

    # In order of confirmation; the third would fit and still waits behind the second.
    steps.batch(line)
    assert dict(Award.objects.values_list("claim_id", "amount_fen")) == {first.pk: 6_800_000}
    assert [Claim.objects.get(pk=each.pk).state for each in (first, second, third)] == [
        ClaimState.APPROVED, ClaimState.IN_NOTICE, ClaimState.IN_NOTICE,
    ]  # fmt: skip
    with pytest.raises(services.NothingReady):
        services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=line.pk)

    # Another budget of the same measure and year does not pay claims under this notice.
    other = steps.budget("1000000.00")
    with pytest.raises(services.NothingReady):
        services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=other.pk)

    # More money, with its document: both are granted in their order, to the last yuan.
    services.change_budget(
        by=cast.ruan(), at=MARCH, line_id=line.pk, amount=Money(7_800_000), source="清数财〔2026〕9 号（示例）", reason="追加"
    )  # fmt: skip
    steps.batch(line, at=MARCH)
    assert list(Award.objects.order_by("recorded_at", "pk").values_list("amount_fen", flat=True)) == [
        6_800_000, 9_000_000, 5_000_000,
    ]  # fmt: skip
    assert (funds.left_in(line), funds.position_of(line).short_fen) == (0, 0)
    for firm in (cast.he, town.jia):
        services.set_payee_account(by=firm(), at=MARCH, bank="示例银行", account_number="6222020000007654321")
    assert sum(payment.amount_fen for payment in steps.paid(at=MARCH)) == 20_800_000
    assert set(Claim.objects.values_list("state", flat=True)) == {ClaimState.DISBURSED}
    fiscal = Account.objects.filter(purpose=Purpose.FISCAL).values_list("posted_fen", flat=True)
    assert (sum(fiscal), ledger.prove().is_sound) == (-20_800_000, True)
