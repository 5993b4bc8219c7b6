"""Claims of article 6 brought through the procedure for tests: both measures are one group, the highest once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from documents.models import Document
from documents.states import DocumentState
from kernel.money import Money
from organizations.permissions import Actor
from settlement.rewards import services
from settlement.rewards.models import BudgetLine, Claim, Declaration, NoticeMeasure
from tests import cast
from tests.settlement.rewards.steps import DRAFTED, NEW_YEAR

HIGH_TECH, BENCHMARK = "high_tech_enterprise", "benchmark_high_tech"
RECOGNISED = {HIGH_TECH: "is_high_tech", BENCHMARK: "is_benchmark"}


def document(who: Actor) -> Document:
    """A stored document of somebody's organization."""
    return Document.objects.create(
        organization=who.organization, purpose="evidence", name="证明.pdf", media_type="application/pdf", size=10,
        sha256="a" * 64, object_key=f"documents/{uuid4()}", created_at=DRAFTED, state=DocumentState.STORED,
    )  # fmt: skip


def verified(
    measure: str,
    year: int,
    fact: str,
    value: Any,
    *,
    firm: Callable[[], Actor] = cast.lin,
    at: datetime = DRAFTED,
) -> Declaration:
    """A fact declared by the firm and verified by the bureau."""
    made = services.declare(
        by=firm(),
        at=at,
        measure=measure,
        year=year,
        fact=fact,
        value=value,
        document_ids=[document(firm()).pk],
    )
    return services.verify_declaration(by=cast.shen(), at=at, declaration_id=made.pk, is_verified=True)


def opened(measure: str, year: int) -> BudgetLine:
    """The budget of an open notice for one measure and year; made on first use."""
    item = NoticeMeasure.objects.filter(measure=measure, year=year, is_current=True).first()
    if item is not None:
        return item.notice.budget
    line = services.make_budget(
        by=cast.ruan(), at=NEW_YEAR, title=f"{measure} {year}", measures=[measure], year=year, fiscal_year=2026,
        rule="in_order", amount=Money.from_yuan("5000000.00"), source="清数财〔2026〕3 号（示例）", reason="年度预算",
    )  # fmt: skip
    services.publish_notice(
        by=cast.shen(), at=NEW_YEAR, title=f"{measure} {year}", measures=[measure], year=year, opens_at=NEW_YEAR,
        closes_at=datetime(2026, 3, 15, 16, 0, tzinfo=UTC), budget_id=line.pk,
    )  # fmt: skip
    return line


def reviewed(claim: Claim, *, firm: Callable[[], Actor] = cast.lin, at: datetime = DRAFTED) -> Claim:
    """A drafted claim in its public notice."""
    services.confirm(by=firm(), at=at, claim_id=claim.pk)
    services.first_review(by=cast.gu(), at=at, claim_id=claim.pk)
    services.second_review(by=cast.shen(), at=at, claim_id=claim.pk)
    return services.announce(by=cast.shen(), at=at, claim_id=claim.pk)


def drafted(measure: str, year: int, *, firm: Callable[[], Actor] = cast.lin) -> Claim:
    """A drafted claim of a recognised firm, with its notice open."""
    opened(measure, year)
    verified(measure, year, RECOGNISED[measure], True, firm=firm)
    by = firm()
    assert by.organization_id is not None
    return services.draft_claim(by=by, at=DRAFTED, firm_id=by.organization_id, year=year, measure=measure)
