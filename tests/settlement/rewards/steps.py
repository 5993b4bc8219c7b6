"""The procedure's own steps for tests: an open notice with its budget, a claim brought to the award and the money."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from kernel.money import Money
from organizations.permissions import Actor
from settlement.rewards import services
from settlement.rewards.models import (
    ApplicationNotice,
    ApprovalBatch,
    Award,
    BudgetLine,
    Claim,
    Disbursement,
    NoticeMeasure,
    Office,
    Payment,
)
from settlement.rewards.selectors import MEASURE, offices
from settlement.rewards.states import PaymentState
from tests import cast

NEW_YEAR = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
DRAFTED = datetime(2026, 1, 12, 4, 0, tzinfo=UTC)  # a Monday
NOTICE_OVER = datetime(2026, 2, 2, 4, 0, tzinfo=UTC)
PAID = datetime(2026, 2, 4, 4, 0, tzinfo=UTC)
MARCH = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
_receipts = count(1)


def bureau_named() -> None:
    """The bureau acts for every department of the rule cards for which nobody was named yet."""
    for name, _measures, office in offices():
        if office is None:
            Office.objects.create(source=name.zh, organization=cast.organization(cast.BUREAU))


def budget(amount: str = "5000000.00", *, year: int = 2025, rule: str = "in_order") -> BudgetLine:
    """A budget of 2026 for one benefit year of article 3(1)."""
    bureau_named()
    return services.make_budget(
        by=cast.ruan(), at=NEW_YEAR, title=f"{year} 年度数据产品交易奖励", measures=[MEASURE], year=year,
        fiscal_year=2026, rule=rule, amount=Money.from_yuan(amount), source="清数财〔2026〕1 号（示例）",
        reason="年度预算",
    )  # fmt: skip


def notice(line: BudgetLine | None = None, *, year: int = 2025) -> ApplicationNotice:
    """The open notice of the year, published on first use; the window is January to mid-March 2026."""
    item = NoticeMeasure.objects.filter(measure=MEASURE, year=year, is_current=True).first()
    if item is not None:
        return item.notice
    line = line or budget(year=year)
    return services.publish_notice(
        by=cast.shen(), at=NEW_YEAR, title=f"{year} 年度申报通知（示例）", measures=[MEASURE], year=year,
        opens_at=NEW_YEAR, closes_at=datetime(2026, 3, 15, 16, 0, tzinfo=UTC), budget_id=line.pk,
    )  # fmt: skip


def announced(claim: Claim, *, firm: Actor | None = None, at: datetime = DRAFTED) -> Claim:
    """A drafted claim brought into its public notice."""
    notice(year=claim.year)
    services.confirm(by=firm or cast.lin(), at=at, claim_id=claim.pk)
    services.first_review(by=cast.gu(), at=at, claim_id=claim.pk, opinion="相符")
    services.second_review(by=cast.shen(), at=at, claim_id=claim.pk, opinion="同意")
    return services.announce(by=cast.shen(), at=at, claim_id=claim.pk)


def batch(line: BudgetLine | None = None, *, at: datetime = NOTICE_OVER) -> ApprovalBatch:
    """A batch proposed by the reviewer and approved by finance."""
    line = line or BudgetLine.objects.get()
    proposed = services.propose_batch(by=cast.shen(), at=at, line_id=line.pk)
    return services.approve_batch(by=cast.ruan(), at=at, batch_id=proposed.pk)


def awarded(claim: Claim, *, at: datetime = NOTICE_OVER) -> Award:
    """An announced claim's award."""
    batch(at=at)
    return Award.objects.filter(claim=claim).latest("granted_at", "pk")


def disbursement(*, at: datetime = PAID, firm: Actor | None = None) -> Disbursement:
    """An approved file of everything that can be paid."""
    services.set_payee_account(
        by=firm or cast.lin(), at=at, bank="示例银行清远分行", account_number="6222020000001234567"
    )
    prepared = services.prepare_disbursement(by=cast.ruan(), at=at)
    return services.approve_disbursement(by=cast.shen(), at=at, disbursement_id=prepared.pk)


def paid(*, at: datetime = PAID, firm: Actor | None = None) -> list[Payment]:
    """Everything that can be paid, paid, with receipts."""
    found = disbursement(at=at, firm=firm)
    return [
        services.enter_receipt(
            by=cast.ruan(), at=at, payment_id=payment.pk, reference=f"回单 {next(_receipts):04d}"
        )
        for payment in found.payments.filter(state=PaymentState.WAITING).order_by("position")
    ]
