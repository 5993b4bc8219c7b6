"""JSON of the risk watch, under /api/risk."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from settlement.risk import selectors, services
from settlement.risk.models import Case, Holding, Trait
from settlement.risk.schemas import (
    AnswerIn,
    CaseDetailOut,
    CaseOut,
    DecideIn,
    DecisionOut,
    DeclaredOut,
    EffectOut,
    FindingDetailOut,
    FindingOut,
    HearingOut,
    HoldingIn,
    OpenIn,
    ReasonIn,
    StatementOut,
    TraitIn,
)
from settlement.risk.selectors import Wanted

router = Router()


@router.get("/findings", response=Page[FindingOut])
def list_findings(
    request: HttpRequest,
    kind: str = "",
    state: str = "open",
    year: int | None = None,
    firm: UUID | None = None,
    least_score: int = 0,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[FindingOut]:
    """Signals for those who watch, newest first."""
    known_year = year if year is not None and 2000 <= year <= 9999 else None
    score = min(max(least_score, 0), 101)
    wanted = Wanted(kind=kind, state=state, year=known_year, firm=firm, least_score=score)
    rows, following = cursor_page(selectors.board(actor(request), wanted), cursor=cursor, limit=limit)
    return Page[FindingOut](items=[FindingOut.of(row) for row in rows], next=following)


@router.get("/findings/{uuid:finding_id}", response=FindingDetailOut)
def read_finding(request: HttpRequest, finding_id: UUID) -> FindingDetailOut:
    """One signal with reason and evidence."""
    return FindingDetailOut.told(selectors.finding_for(actor(request), finding_id))


def _told(case: Case) -> CaseDetailOut:
    findings = selectors.findings_of(case)
    return CaseDetailOut(
        **CaseOut.of(case).dict(),
        findings=[FindingOut.of(row) for row in findings],
        effect=EffectOut.of(selectors.effect_of(case, findings)),
        statements=[StatementOut.of(row) for row in selectors.statements_of(case)],
        decisions=[DecisionOut.of(row) for row in selectors.decisions_of(case)],
    )


@router.get("/cases", response=Page[CaseOut])
def list_cases(
    request: HttpRequest, state: str = "", cursor: str | None = None, limit: int = 50
) -> Page[CaseOut]:
    """Cases for those who watch, newest first."""
    rows, following = cursor_page(
        selectors.listed_cases(actor(request), state=state), cursor=cursor, limit=limit
    )
    return Page[CaseOut](items=[CaseOut.of(row) for row in rows], next=following)


@router.post("/cases", response={201: CaseDetailOut})
@idempotent
def post_case(request: HttpRequest, body: OpenIn) -> Status[CaseDetailOut]:
    """Open a case from findings (a reviewer, signed in)."""
    made = services.open_case(
        by=actor(request),
        at=clock.now(),
        finding_ids=body.findings,
        reason=body.reason,
        assignee_id=body.assignee,
    )
    return Status(201, _told(made))


@router.get("/cases/{uuid:case_id}", response=CaseDetailOut)
def read_case(request: HttpRequest, case_id: UUID) -> CaseDetailOut:
    """One case with the effect of excluding its trades."""
    return _told(selectors.case_for(actor(request), case_id))


@router.post("/cases/{uuid:case_id}/review", response=CaseDetailOut)
@idempotent
def post_review(request: HttpRequest, case_id: UUID) -> CaseDetailOut:
    """Begin the review."""
    services.begin(by=actor(request), at=clock.now(), case_id=case_id)
    return _told(selectors.case_for(actor(request), case_id))


@router.post("/cases/{uuid:case_id}/decisions", response={201: CaseDetailOut})
@idempotent
def post_decision(request: HttpRequest, case_id: UUID, body: DecideIn) -> Status[CaseDetailOut]:
    """Decide a case (another person than who opened it, when trades are excluded)."""
    services.decide(
        by=actor(request), at=clock.now(), case_id=case_id, outcome=body.outcome, text=body.text,
        citations=body.citations, shown=body.shown, order_ids=body.orders, code=body.code,
    )  # fmt: skip
    return Status(201, _told(selectors.case_for(actor(request), case_id)))


@router.post("/cases/{uuid:case_id}/reopening", response=CaseDetailOut)
@idempotent
def post_reopening(request: HttpRequest, case_id: UUID, body: ReasonIn) -> CaseDetailOut:
    """Look at a decided case again."""
    services.reopen(by=actor(request), at=clock.now(), case_id=case_id, reason=body.reason)
    return _told(selectors.case_for(actor(request), case_id))


@router.get("/hearings/{uuid:case_id}", response=HearingOut)
def read_hearing(request: HttpRequest, case_id: UUID) -> HearingOut:
    """A case as the firm that it is about sees it."""
    case = selectors.hearing_for(actor(request), case_id)
    findings = selectors.findings_of(case)
    return HearingOut(
        **CaseOut.of(case).dict(),
        concerns=list(dict.fromkeys(each.signal.concern for each in findings)),
        orders=[line.order.pk for line in selectors.effect_of(case, findings).lines],
        statements=[StatementOut.of(row) for row in selectors.statements_of(case)],
        decisions=[DecisionOut.of(row) for row in selectors.decisions_of(case)],
    )


@router.post("/hearings/{uuid:case_id}/statements", response={201: StatementOut})
@idempotent
def post_statement(request: HttpRequest, case_id: UUID, body: AnswerIn) -> Status[StatementOut]:
    """The firm's answer, with documents."""
    made = services.state_answer(
        by=actor(request), at=clock.now(), case_id=case_id, text=body.text, document_ids=body.documents
    )
    return Status(201, StatementOut.of(made))


def _declared(row: Holding | Trait) -> DeclaredOut:
    return DeclaredOut(id=row.pk, declared_at=row.declared_at, ended_at=row.ended_at)


@router.post("/firms/{uuid:firm_id}/holdings", response={201: DeclaredOut})
@idempotent
def post_holding(request: HttpRequest, firm_id: UUID, body: HoldingIn) -> Status[DeclaredOut]:
    """Declare a share (the firm itself or the operator's reviewers)."""
    made = services.declare_holding(by=actor(request), at=clock.now(), firm_id=firm_id, **body.dict())
    return Status(201, _declared(made))


@router.post("/firms/{uuid:firm_id}/details", response={201: DeclaredOut})
@idempotent
def post_trait(request: HttpRequest, firm_id: UUID, body: TraitIn) -> Status[DeclaredOut]:
    """Declare a detail (the firm itself or the operator's reviewers)."""
    made = services.declare_trait(by=actor(request), at=clock.now(), firm_id=firm_id, **body.dict())
    return Status(201, _declared(made))
