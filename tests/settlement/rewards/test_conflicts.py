"""The exchange operator claims article 3(2): two departments review it, the operator never reviews itself (ADR 18)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kernel.errors import NotAllowed, SelfReview
from kernel.money import Money
from organizations.permissions import Actor
from organizations.states import OrganizationKind, Role
from settlement.rewards import selectors, services
from settlement.rewards.models import BudgetLine, Claim
from settlement.rewards.states import ClaimState
from tests import cast
from tests.settlement.rewards import steps
from tests.settlement.rewards.steps import DRAFTED

pytestmark = pytest.mark.django_db
FINANCE = ("市财政局（示例）", "91441800MA5000901R", (OrganizationKind.DEPARTMENT,))
VENUE = {
    "is_recognised_venue": True, "turnover_fen": 1_200_000_000, "contribution_fen": 90_000_000,
    "contribution_previous_fen": 30_000_000,
}  # fmt: skip


def wen() -> Actor:
    """Finance at the exchange's service base: claims for it."""
    return cast.person("wen", cast.BASE, Role.FINANCE)


def tian() -> Actor:
    """Second reviewer at another department."""
    return cast.person("tian", FINANCE, Role.SECOND_REVIEWER)


def confirmed() -> Claim:
    from tests.settlement.rewards.test_notices import document

    wen_ = wen()
    line = BudgetLine.objects.first() or services.make_budget(
        by=cast.ruan(), at=steps.NEW_YEAR, title="交易场所奖补", measures=["exchange_venue"], year=2025,
        fiscal_year=2026, rule="in_order", amount=Money.from_yuan("2000000.00"), source="示例", reason="年度预算",
    )  # fmt: skip
    services.publish_notice(
        by=cast.shen(), at=steps.NEW_YEAR, title="交易场所申报通知（示例）", measures=["exchange_venue"], year=2025,
        opens_at=steps.NEW_YEAR, closes_at=datetime(2026, 3, 15, 16, 0, tzinfo=UTC), budget_id=line.pk,
    )  # fmt: skip
    for fact, value in VENUE.items():
        declared = services.declare(
            by=wen_, at=DRAFTED, measure="exchange_venue", year=2025, fact=fact, value=value,
            document_ids=[document(wen_).pk],
        )  # fmt: skip
        services.verify_declaration(by=cast.shen(), at=DRAFTED, declaration_id=declared.pk, is_verified=True)
    firm = cast.organization(cast.BASE)
    claim = services.draft_claim(by=wen_, at=DRAFTED, firm_id=firm.pk, year=2025, measure="exchange_venue")
    return services.confirm(by=wen_, at=DRAFTED, claim_id=claim.pk)


def test_the_operator_is_granted_3_2_reviewed_by_two_departments() -> None:
    claim = confirmed()
    assert claim.decision is not None
    assert claim.decision.amount_fen == 60_000_000
    assert list(selectors.queue(cast.gu())) == []
    assert [each.pk for each in selectors.queue(tian())] == [claim.pk]
    with pytest.raises(NotAllowed):  # its own reviewer
        services.first_review(by=cast.gu(), at=DRAFTED, claim_id=claim.pk)
    services.first_review(by=tian(), at=DRAFTED, claim_id=claim.pk, opinion="相符")
    with pytest.raises(services.SameReviewer):
        services.second_review(by=tian(), at=DRAFTED, claim_id=claim.pk)
    claim = services.second_review(by=cast.shen(), at=DRAFTED, claim_id=claim.pk, opinion="同意")
    assert claim.state == ClaimState.SECOND_REVIEWED


def test_another_firms_claim_is_still_first_reviewed_by_the_operator_alone() -> None:
    from tests.settlement.rewards.test_procedure import at_state

    claim = at_state(ClaimState.CONFIRMED)
    with pytest.raises(NotAllowed):
        services.first_review(by=tian(), at=DRAFTED, claim_id=claim.pk)
    assert [each.pk for each in selectors.queue(cast.gu())] == [claim.pk]
    assert list(selectors.queue(tian())) == []


def test_who_has_a_place_at_the_operator_reviews_its_claim_nowhere() -> None:
    claim = confirmed()
    cast.person("tian", FINANCE, Role.SECOND_REVIEWER)
    from organizations.models import Membership

    Membership.objects.create(user=tian().user, organization=claim.firm, roles=[])
    with pytest.raises(SelfReview):
        services.first_review(by=tian(), at=DRAFTED, claim_id=claim.pk)
