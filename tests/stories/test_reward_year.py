"""A firm's year under article 3(1): notice, draft, objection, reviews, public notice, batch, bank, and what came after.

Everything is wired as in the product: a refund or a revoked certificate reopens the award by itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from assets.registry.events import CertificateLapsed
from assets.registry.models import Certificate
from assets.registry.states import CERTIFICATE
from config import wiring
from exchange.trading.models import Order
from kernel.money import Money
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Account, Entry, Purpose
from settlement.revenue import selectors as revenue
from settlement.rewards import funds, selectors, services
from settlement.rewards.models import Award, BudgetLine, Claim, RecoveryCase
from settlement.rewards.states import ClaimState
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps
from tests.settlement.rewards.steps import DRAFTED, MARCH

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("登记机构")
JUNE = datetime(2025, 6, 2, 4, 0, tzinfo=UTC)


def books(firm: Organization) -> tuple[int, int]:
    """What the treasury has paid out net, and what the firm's own bank has of it; the ledger proved sound."""
    assert ledger.prove().is_sound
    fiscal = Account.objects.filter(purpose=Purpose.FISCAL).values_list("posted_fen", flat=True)
    bank = Account.objects.filter(purpose=Purpose.FIRM_BANK, organization=firm)
    return -sum(fiscal), sum(bank.values_list("posted_fen", flat=True))


def certificate_revoked(claim: Claim, large: Order) -> None:
    """The certificate of the large sale is revoked: it never covered the sale, the whole rest comes back."""
    firm = claim.firm
    certificate = Certificate.objects.get(pk=large.certificate_id)
    CERTIFICATE.move(certificate, "revoke", by=SYSTEM, at=MARCH)
    for handler in wiring._rewards()[CertificateLapsed]:  # what the wiring does with the news
        handler(CertificateLapsed(at=MARCH, certificate_id=certificate.pk, by=SYSTEM))
    assert revenue.annual(firm.pk, 2025).counted_fen == 50_000_000
    claim.refresh_from_db()
    assert claim.state == ClaimState.REOPENED
    case = services.open_recovery(
        by=cast.ruan(), at=MARCH, claim_id=claim.pk, cause="证书撤销", due_on=date(2026, 4, 30)
    )
    assert case.amount_fen == 5_700_000
    services.confirm_recovery(by=cast.shen(), at=MARCH, case_id=case.pk)
    services.enter_return(
        by=cast.ruan(), at=MARCH, case_id=case.pk, amount=Money(5_700_000), reference="缴款 2"
    )
    claim.refresh_from_db()
    assert claim.state == ClaimState.RECOVERED
    assert books(firm) == (0, 0)
    assert list(funds.published_awards()) == []
    assert selectors.gather_facts(firm, 2026).value("prior_awards") == []


def test_a_year_of_a_firm_from_the_notice_to_the_money_and_back() -> None:
    firm = cast.organization(cast.QINGLAN)
    large, small = trades.sale("5200000.00"), trades.sale("900000.00", at=JUNE)
    assert revenue.annual(firm.pk, 2025).counted_fen == 610_000_000

    # The department opens the year; the system drafts every firm's statement; the firm sees it on its desk.
    notice = steps.notice()
    run = services.draft_run(notice_id=notice.pk, job_id=uuid4())
    while services.draft_next(at=DRAFTED, run_id=run.pk):
        pass
    claim = Claim.objects.get()
    assert claim.decision is not None
    assert (claim.state, claim.decision.amount_fen) == (ClaimState.DRAFTED, 6_100_000)
    assert claim.number in [todo.detail.split(" · ")[0] for todo in selectors.todos(cast.lin())]
    assert books(firm) == (0, 0)

    # It objects; the exchange answers with reasons; the dissent stays and the firm confirms.
    objection = services.object_(
        by=cast.lin(), at=DRAFTED, claim_id=claim.pk, item="revenue", statement="漏计一笔十二月到账"
    )
    services.answer_objection(
        by=cast.gu(), at=DRAFTED, objection_id=objection.pk, is_accepted=False, reasons="该笔次年一月到账"
    )
    claim = steps.announced(Claim.objects.get(pk=claim.pk))
    assert (claim.state, claim.notice_until) == (ClaimState.IN_NOTICE, date(2026, 1, 19))

    # Two people approve against the budget; two people pay; the ledger names the claim.
    assert steps.awarded(claim).amount_fen == 6_100_000
    line = BudgetLine.objects.get()
    assert funds.left_in(line) == 500_000_000 - 6_100_000
    assert books(firm) == (0, 0)
    steps.paid()
    claim.refresh_from_db()
    assert claim.state == ClaimState.DISBURSED
    assert books(firm) == (6_100_000, 6_100_000)
    assert Entry.objects.get(kind="reward").memo == claim.number

    # February: a refund. The award is reopened by itself, and the difference comes back under dual control.
    trades.refund(small, "400000.00", at=MARCH)
    claim.refresh_from_db()
    assert claim.state == ClaimState.REOPENED
    case = services.open_recovery(
        by=cast.shen(), at=MARCH, claim_id=claim.pk, cause="年后退款", due_on=date(2026, 4, 30)
    )
    services.confirm_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    services.enter_return(
        by=cast.ruan(), at=MARCH, case_id=case.pk, amount=Money(400_000), reference="缴款 1"
    )
    claim.refresh_from_db()
    assert claim.state == ClaimState.RECOVERED
    assert books(firm) == (5_700_000, 5_700_000)

    certificate_revoked(claim, large)

    # Every past decision still replays to the same bytes.
    decisions = selectors.decisions_of(claim)
    assert len(decisions) == 3
    assert all(selectors.replay(decision.pk).is_same for decision in decisions)
    assert (Award.objects.count(), RecoveryCase.objects.count()) == (3, 2)
