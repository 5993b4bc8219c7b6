"""JSON of rewards, under /api/rewards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status

from gateway.api import Page, actor, confirmed_actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from kernel.money import Money
from organizations.permissions import Actor
from settlement.rewards import (
    comparisons,
    engine,
    funds,
    measures,
    recognitions,
    referrals,
    rules,
    selectors,
    services,
)
from settlement.rewards.cases import years_with_facts
from settlement.rewards.engine import shapes
from settlement.rewards.engine.decisions import NoSuchReading
from settlement.rewards.models import Claim, RecoveryCase
from settlement.rewards.permissions import RECOVER, SEE_ALL_CLAIMS, SEE_FUNDS, SEE_OWN_CLAIMS
from settlement.rewards.schemas import (
    AdjustIn,
    AnnouncedOut,
    AnswerIn,
    AssignIn,
    AwardOut,
    BatchOut,
    BudgetOut,
    ClaimOut,
    ComparisonIn,
    ComparisonOut,
    ConfirmIn,
    ConsultIn,
    DecisionOut,
    DeclarationOut,
    DeclareIn,
    DisbursementOut,
    DraftIn,
    EstimateIn,
    HoldIn,
    NoticeOut,
    ObjectionIn,
    OpinionIn,
    ParameterOut,
    ParkApplyIn,
    ParkRecogniseIn,
    ParkRecognitionOut,
    ParkRevokeIn,
    ParkVerdictIn,
    PaymentReturnIn,
    PolicyOut,
    ReasonIn,
    ReceiptIn,
    RecoverIn,
    RecoveryOut,
    ReleaseIn,
    ReleaseOut,
    ReplayOut,
    ReturnIn,
    ReviewOut,
    SecondOpinionIn,
    VerdictIn,
    WhyIn,
)
from settlement.rewards.states import ClaimState

router = Router()


def _viewer(request: HttpRequest) -> Actor:
    viewer = actor(request)
    if not selectors.sees_all_claims(viewer):
        viewer.require(SEE_OWN_CLAIMS)
    return viewer


@router.get("/claims", response=Page[ClaimOut])
def claim_list(
    request: HttpRequest, state: str = "", cursor: str | None = None, limit: int = 50
) -> Page[ClaimOut]:
    """Claims the caller may see, newest first."""
    claims = selectors.claims_visible_to(_viewer(request))
    if state:
        claims = claims.filter(state=state) if state in ClaimState.values else claims.none()
    rows, following = cursor_page(claims, cursor=cursor, limit=limit)
    return Page[ClaimOut](items=[ClaimOut.of(row) for row in rows], next=following)


@router.post("/claims", response={201: ClaimOut})
@idempotent
def draft(request: HttpRequest, body: DraftIn) -> Status[ClaimOut]:
    """Have a year worked out; the same facts give the same claim and decision."""
    viewer = actor(request)
    firm_id = body.firm or viewer.organization_id
    if firm_id is None:
        raise NotFound
    claim = services.draft_claim(
        by=viewer, at=clock.now(), firm_id=firm_id, year=body.year, measure=body.measure
    )
    return Status(201, ClaimOut.of(claim))


@router.get("/claims/{number}", response=ClaimOut)
def read_claim(request: HttpRequest, number: str) -> ClaimOut:
    """One claim."""
    return ClaimOut.of(selectors.claim_for(_viewer(request), number))


@router.get("/claims/{number}/decisions", response=list[DecisionOut])
def decision_list(request: HttpRequest, number: str) -> list[DecisionOut]:
    """Every decision made on the claim with facts and trace, the latest first."""
    claim = selectors.claim_for(_viewer(request), number)
    return [DecisionOut.of(decision) for decision in selectors.decisions_of(claim)]


def _moved(request: HttpRequest, number: str, service: Callable[..., Any], **more: Any) -> ClaimOut:
    viewer = _viewer(request)
    claim = selectors.claim_for(viewer, number)
    service(by=viewer, at=clock.now(), claim_id=claim.pk, **more)
    return ClaimOut.of(selectors.claim_for(viewer, number))


@router.post("/claims/{number}/confirm", response=ClaimOut)
@idempotent
def confirm(request: HttpRequest, number: str, body: ConfirmIn | None = None) -> ClaimOut:
    """The firm takes the statement as right; with `shown`, only the very statement that it saw."""
    return _moved(request, number, services.confirm, shown=body.shown if body else "")


@router.post("/claims/{number}/objections", response={201: ClaimOut})
@idempotent
def object_(request: HttpRequest, number: str, body: ObjectionIn) -> Status[ClaimOut]:
    """The firm objects to one item."""
    return Status(201, _moved(request, number, services.object_, **body.dict()))


@router.post("/claims/{number}/objections/{item_id}/answer", response=ClaimOut)
@idempotent
def answer(request: HttpRequest, number: str, item_id: UUID, body: AnswerIn) -> ClaimOut:
    """The exchange answers one item of the firm's objection."""
    viewer = _viewer(request)
    claim = selectors.claim_for(viewer, number)
    viewer.require(selectors.first_review_of(claim.firm))
    if not claim.objections.filter(pk=item_id).exists():
        raise NotFound
    services.answer_objection(by=viewer, at=clock.now(), objection_id=item_id, **body.dict())
    return ClaimOut.of(selectors.claim_for(viewer, number))


@router.post("/claims/{number}/redraft", response=ClaimOut)
@idempotent
def redraft(request: HttpRequest, number: str) -> ClaimOut:
    """Work the statement out anew."""
    return _moved(request, number, services.redraft_claim)


@router.post("/claims/{number}/first-review", response=ClaimOut)
@idempotent
def first_review(request: HttpRequest, number: str, body: OpinionIn) -> ClaimOut:
    """The exchange operator agrees."""
    return _moved(request, number, services.first_review, opinion=body.opinion)


@router.post("/claims/{number}/second-review", response=ClaimOut)
@idempotent
def second_review(request: HttpRequest, number: str, body: OpinionIn) -> ClaimOut:
    """The department agrees."""
    return _moved(request, number, services.second_review, opinion=body.opinion)


@router.post("/claims/{number}/return", response=ClaimOut)
@idempotent
def return_(request: HttpRequest, number: str, body: OpinionIn) -> ClaimOut:
    """Send the claim back to the firm."""
    return _moved(request, number, services.return_, reason=body.opinion)


@router.post("/claims/{number}/reject", response=ClaimOut)
@idempotent
def reject(request: HttpRequest, number: str, body: OpinionIn) -> ClaimOut:
    """Refuse the claim."""
    return _moved(request, number, services.reject, reason=body.opinion)


@router.post("/claims/{number}/announce", response=ClaimOut)
@idempotent
def announce(request: HttpRequest, number: str) -> ClaimOut:
    """Open the public notice."""
    return _moved(request, number, services.announce)


@router.get("/claims/{number}/review", response=ReviewOut)
def read_review(request: HttpRequest, number: str) -> ReviewOut:
    """Who works on a claim under review, and by when; for the offices and auditors."""
    viewer = _viewer(request)
    claim = selectors.claim_for(viewer, number)
    selectors.require_all_claims(viewer)
    standing, held = referrals.assignment_of(claim), referrals.hold_of(claim, clock.now())
    return ReviewOut(
        number=claim.number,
        state=claim.state,
        due_on=claim.review_due_on if claim.state in referrals.STAGES else None,
        assignee=standing.assignee_id if standing else None,
        held_until=held.until if held else None,
        awaited=[each.asked_of_id for each in referrals.open_consultations(claim)],
        colleagues=[each.pk for each in referrals.colleagues(viewer, claim)],
    )


@router.post("/claims/{number}/assign", response=ClaimOut)
@idempotent
def assign(request: HttpRequest, number: str, body: AssignIn) -> ClaimOut:
    """转交: another reviewer of the office decides this stage."""
    return _moved(request, number, services.assign, assignee_id=body.colleague, reason=body.reason)


@router.post("/claims/{number}/consult", response=ClaimOut)
@idempotent
def consult(request: HttpRequest, number: str, body: ConsultIn) -> ClaimOut:
    """加签: ask a colleague for a second opinion."""
    return _moved(request, number, services.consult, colleague_id=body.colleague, question=body.question)


@router.post("/claims/{number}/second-opinion", response=ClaimOut)
@idempotent
def give_opinion(request: HttpRequest, number: str, body: SecondOpinionIn) -> ClaimOut:
    """The opinion that the caller was asked for."""
    return _moved(request, number, services.give_opinion, **body.dict())


@router.post("/claims/{number}/hold", response=ClaimOut)
@idempotent
def hold(request: HttpRequest, number: str, body: HoldIn) -> ClaimOut:
    """挂起: nothing is decided until the end of a day."""
    return _moved(request, number, services.hold, **body.dict())


@router.post("/claims/{number}/resume", response=ClaimOut)
@idempotent
def resume(request: HttpRequest, number: str) -> ClaimOut:
    """恢复: end a hold before its day."""
    return _moved(request, number, services.resume)


@router.post("/claims/{number}/take-back", response=ClaimOut)
@idempotent
def take_back(request: HttpRequest, number: str, body: WhyIn) -> ClaimOut:
    """撤回: the reviewer's own agreement, while nobody has worked on the next step."""
    return _moved(request, number, services.take_back, reason=body.reason)


@router.post("/claims/{number}/adjust", response=ClaimOut)
@idempotent
def adjust(request: HttpRequest, number: str, body: AdjustIn) -> ClaimOut:
    """调整后同意: agree under another reading; the firm confirms the new statement first."""
    return _moved(request, number, services.adjust, **body.dict())


@router.post("/claims/{number}/replay", response=ReplayOut)
@idempotent
def replay(request: HttpRequest, number: str) -> ReplayOut:
    """Compute the present decision again and compare every byte."""
    viewer = _viewer(request)
    claim = selectors.claim_for(viewer, number)
    assert claim.decision_id is not None, "a drafted claim has a decision"
    return ReplayOut.of(services.replay(by=viewer, at=clock.now(), decision_id=claim.decision_id))


@router.post("/estimate", response=dict[str, Any], auth=None)
def estimate(request: HttpRequest, body: EstimateIn) -> dict[str, Any]:
    """Decide a case of any measure from its facts alone; nothing is stored."""
    measure = body.facts.get("measure")
    if not isinstance(measure, str) or measure not in measures.CARDS:
        raise InvalidInput(
            field="facts", reason=_("没有这项措施：%(measure)s") % {"measure": str(measure)[:40]}
        )
    try:
        found = rules.decide(measure, engine.Facts(body.facts), interpretation=body.interpretation)
    except (engine.FactsInvalid, NoSuchReading) as error:
        raise InvalidInput(field="facts", reason=_("事实或口径无效：%(error)s") % {"error": error}) from error
    return dict(found.document)


@router.post("/comparisons", response=ComparisonOut)
def compare(request: HttpRequest, body: ComparisonIn) -> ComparisonOut:
    """Decide all measures for all firms of a year in two ways: who gains, who loses, what it costs; nothing is stored."""
    actor(request).require(SEE_ALL_CLAIMS)
    if body.year not in years_with_facts():
        raise InvalidInput(field="year", reason=_("该年度没有企业有实际收入或经核实的申报。"))
    one, other = (comparisons.scheme_of(**way.dict()) for way in (body.one, body.other))
    return ComparisonOut.of(comparisons.compared(body.year, one, other))


def _card(measure: str) -> engine.Measure:
    if measure not in measures.CARDS:
        raise NotFound
    return measures.CARDS[measure]


def _policy(card: engine.Measure) -> PolicyOut:
    version = measures.version_of(card.id)
    return PolicyOut(
        measure=card.id,
        version=version.name,
        document_sha256=version.document_sha256,
        parameters=[ParameterOut(**row.plain()) for row in version.parameters],
        defaults=card.defaults(),
    )


@router.get("/policy", response=PolicyOut, auth=None)
def read_policy(request: HttpRequest) -> PolicyOut:
    """The parameters of article 3(1) in the current version, and the default readings of its open questions."""
    return _policy(measures.DATA_PRODUCT_TRADING)


@router.get("/measures", response=list[PolicyOut], auth=None)
def measure_list(request: HttpRequest) -> list[PolicyOut]:
    """Every measure with an amount: its parameters and default readings."""
    return [_policy(card) for card in measures.CARDS.values()]


@router.get("/measures/{measure}", response=PolicyOut, auth=None)
def read_measure(request: HttpRequest, measure: str) -> PolicyOut:
    """One measure."""
    return _policy(_card(measure))


@router.get("/measures/{measure}/facts-schema", response=dict[str, Any], auth=None)
def facts_schema(request: HttpRequest, measure: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the facts that the measure is decided from."""
    return shapes.of_facts(_card(measure))


@router.get("/releases", response=list[ReleaseOut], auth=None)
def release_list(request: HttpRequest) -> list[ReleaseOut]:
    """Releases of the rules and open proposals, the newest first."""
    return [ReleaseOut.of(release) for release in selectors.releases()]


@router.post("/releases", response={201: ReleaseOut})
@idempotent
def propose_release(request: HttpRequest, body: ReleaseIn) -> Status[ReleaseOut]:
    """Propose to release the rules as their files are now; another person approves."""
    made = services.propose_release(by=actor(request), at=clock.now(), note=body.note, version=body.version)
    return Status(201, ReleaseOut.of(made))


@router.post("/releases/{uuid:release_id}/approve", response=ReleaseOut)
@idempotent
def approve_release(request: HttpRequest, release_id: UUID) -> ReleaseOut:
    """The second person releases what was proposed."""
    services.approve_release(by=actor(request), at=clock.now(), release_id=release_id)
    return next(ReleaseOut.of(each) for each in selectors.releases() if each.pk == release_id)


@router.get("/decision-schema", response=dict[str, Any], auth=None)
def decision_schema(request: HttpRequest) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a decision with its trace."""
    return shapes.of_decision()


# --- the public ---------------------------------------------------------------------------------


@router.get("/notices", response=list[NoticeOut], auth=None)
def notice_list(request: HttpRequest) -> list[NoticeOut]:
    """Application notices, the newest first."""
    return [NoticeOut.of(notice) for notice in selectors.notices()[:100]]


@router.get("/announced", response=list[AnnouncedOut], auth=None)
def announced_list(request: HttpRequest) -> list[AnnouncedOut]:
    """Claims that anybody may object to now."""
    return [
        AnnouncedOut(
            number=claim.number,
            firm_name=claim.firm.name,
            measure=claim.measure,
            year=claim.year,
            amount_fen=claim.decision.amount_fen if claim.decision else 0,
            notice_until=claim.notice_until,
            is_provisional=rules.is_provisional(claim.notice_until),
        )
        for claim in selectors.announced_claims(clock.now())[:200]
        if claim.notice_until
    ]


def _award(claim: Claim) -> AwardOut:
    return AwardOut(
        number=claim.number,
        firm_name=claim.firm.name,
        measure=claim.measure,
        year=claim.year,
        amount_fen=claim.granted_fen,  # type: ignore[attr-defined]
        granted_at=claim.first_granted_at,  # type: ignore[attr-defined]
    )


@router.get("/awards", response=Page[AwardOut], auth=None)
def award_list(
    request: HttpRequest, year: int | None = None, cursor: str | None = None, limit: int = 100
) -> Page[AwardOut]:
    """The public register of awards, the newest claim first."""
    if year is not None and not 2000 <= year <= 2100:
        return Page[AwardOut](items=[])
    rows, following = cursor_page(funds.published_awards(year), cursor=cursor, limit=limit)
    return Page[AwardOut](items=[_award(row) for row in rows], next=following)


# --- money --------------------------------------------------------------------------------------


def _payer(request: HttpRequest) -> Actor:
    """Who moves a department's money, in a browser just confirmed."""
    _funds_viewer(request)
    return confirmed_actor(request)


def _funds_viewer(request: HttpRequest) -> Actor:
    viewer = actor(request)
    viewer.require(SEE_FUNDS)
    return viewer


@router.get("/budgets", response=list[BudgetOut])
def budget_list(request: HttpRequest) -> list[BudgetOut]:
    """Budgets with what was granted, paid, is left, waits and may follow."""
    lines = funds.lines_visible_to(_funds_viewer(request)).order_by("-fiscal_year", "-pk")[:100]
    return [BudgetOut.of(position) for position in funds.positions_of(list(lines))]


@router.post("/budgets/{line_number}/batches", response={201: BatchOut})
@idempotent
def propose_batch(request: HttpRequest, line_number: str) -> Status[BatchOut]:
    """Propose a batch of everything past its notice; another person approves it."""
    viewer = _payer(request)
    line = funds.line_for(viewer, line_number)
    batch = services.propose_batch(by=viewer, at=clock.now(), line_id=line.pk)
    return Status(201, BatchOut.of(batch))


@router.post("/batches/{batch_number}/approve", response=BatchOut)
@idempotent
def approve_batch(request: HttpRequest, batch_number: str) -> BatchOut:
    """The second person approves: all awards are written, or none."""
    viewer = _payer(request)
    batch = funds.batch_for(viewer, batch_number)
    return BatchOut.of(services.approve_batch(by=viewer, at=clock.now(), batch_id=batch.pk))


@router.post("/disbursements", response={201: DisbursementOut})
@idempotent
def prepare_disbursement(request: HttpRequest) -> Status[DisbursementOut]:
    """Prepare a file of everything that can be paid."""
    viewer = _payer(request)
    found = services.prepare_disbursement(by=viewer, at=clock.now())
    return Status(201, DisbursementOut.of(found, funds.payments_of(found)))


@router.get("/disbursements/{file_number}", response=DisbursementOut)
def read_disbursement(request: HttpRequest, file_number: str) -> DisbursementOut:
    """One file with its payments."""
    found = funds.disbursement_for(_funds_viewer(request), file_number)
    return DisbursementOut.of(found, funds.payments_of(found))


@router.post("/disbursements/{file_number}/approve", response=DisbursementOut)
@idempotent
def approve_disbursement(request: HttpRequest, file_number: str) -> DisbursementOut:
    """The second person approves the file."""
    viewer = _payer(request)
    found = funds.disbursement_for(viewer, file_number)
    services.approve_disbursement(by=viewer, at=clock.now(), disbursement_id=found.pk)
    return read_disbursement(request, file_number)


@router.post("/payments/{reward_payment_id}/receipt", response=DisbursementOut)
@idempotent
def enter_receipt(request: HttpRequest, reward_payment_id: UUID, body: ReceiptIn) -> DisbursementOut:
    """The bank paid one payment: enter its receipt; the same receipt again changes nothing."""
    viewer = _funds_viewer(request)
    payment = funds.payment_for(viewer, reward_payment_id)
    services.enter_receipt(by=viewer, at=clock.now(), payment_id=payment.pk, reference=body.reference)
    return read_disbursement(request, payment.disbursement.number)


@router.post("/payments/{reward_payment_id}/return", response=DisbursementOut)
@idempotent
def enter_bank_return(
    request: HttpRequest, reward_payment_id: UUID, body: PaymentReturnIn
) -> DisbursementOut:
    """The bank sent one payment back: before its receipt nothing is posted, after it the entry is reversed."""
    viewer = _payer(request)
    payment = funds.payment_for(viewer, reward_payment_id)
    given: dict[str, Any] = {
        "by": viewer,
        "at": clock.now(),
        "payment_id": payment.pk,
        "reason": body.reason,
    }
    if payment.entry_id is None:
        services.return_payment(**given)
    else:
        services.reverse_receipt(**given, reference=body.reference)
    return read_disbursement(request, payment.disbursement.number)


# --- declared facts ------------------------------------------------------------------------------


@router.get("/declarations", response=Page[DeclarationOut])
def declaration_list(
    request: HttpRequest, cursor: str | None = None, limit: int = 50
) -> Page[DeclarationOut]:
    """Declared facts that the caller may see, newest first."""
    found = selectors.declarations_visible_to(_viewer(request))
    rows, following = cursor_page(found, cursor=cursor, limit=limit)
    return Page[DeclarationOut](items=[DeclarationOut.of(row) for row in rows], next=following)


@router.post("/declarations", response={201: DeclarationOut})
@idempotent
def declare(request: HttpRequest, body: DeclareIn) -> Status[DeclarationOut]:
    """Declare a fact of the firm's own case; the department verifies it."""
    given = body.dict()
    documents = given.pop("documents")
    made = services.declare(by=actor(request), at=clock.now(), document_ids=documents, **given)
    return Status(201, DeclarationOut.of(made))


@router.get("/declarations/{uuid:declaration_id}", response=DeclarationOut)
def read_declaration(request: HttpRequest, declaration_id: UUID) -> DeclarationOut:
    """One declared fact."""
    return DeclarationOut.of(selectors.declaration_for(actor(request), declaration_id))


@router.post("/declarations/{uuid:declaration_id}/verdict", response=DeclarationOut)
@idempotent
def verify_declaration(request: HttpRequest, declaration_id: UUID, body: VerdictIn) -> DeclarationOut:
    """The named department verifies the fact, or refuses it with the reason."""
    viewer = actor(request)
    found = selectors.declaration_for(viewer, declaration_id)
    told = body.dict()
    return DeclarationOut.of(
        services.verify_declaration(by=viewer, at=clock.now(), declaration_id=found.pk, **told)
    )


@router.post("/declarations/{uuid:declaration_id}/withdraw", response=DeclarationOut)
@idempotent
def withdraw_declaration(request: HttpRequest, declaration_id: UUID) -> DeclarationOut:
    """The firm takes a declaration back before it was decided."""
    viewer = actor(request)
    found = selectors.declaration_for(viewer, declaration_id)
    return DeclarationOut.of(
        services.withdraw_declaration(by=viewer, at=clock.now(), declaration_id=found.pk)
    )


# --- recognised parks ----------------------------------------------------------------------------


@router.get("/parks", response=Page[ParkRecognitionOut])
def park_list(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Page[ParkRecognitionOut]:
    """Recognitions of parks, and of the firms in them that the caller may see, newest first."""
    rows, following = cursor_page(recognitions.visible_to(actor(request)), cursor=cursor, limit=limit)
    return Page[ParkRecognitionOut](items=[ParkRecognitionOut.of(row) for row in rows], next=following)


@router.post("/parks", response={201: ParkRecognitionOut})
@idempotent
def recognise_park(request: HttpRequest, body: ParkRecogniseIn) -> Status[ParkRecognitionOut]:
    """The department in charge recognises a park."""
    given = body.dict()
    document = given.pop("document")
    made = services.recognise_park(by=actor(request), at=clock.now(), document_id=document, **given)
    return Status(201, ParkRecognitionOut.of(made))


@router.post("/parks/applications", response={201: ParkRecognitionOut})
@idempotent
def apply_for_park(request: HttpRequest, body: ParkApplyIn) -> Status[ParkRecognitionOut]:
    """The caller's firm asks to be recognised in a park."""
    given = body.dict()
    told = {"park_id": given.pop("park"), "document_id": given.pop("document")}
    made = services.apply_for_park(by=actor(request), at=clock.now(), **told, **given)
    return Status(201, ParkRecognitionOut.of(made))


@router.get("/parks/{uuid:recognition_id}", response=ParkRecognitionOut)
def read_park(request: HttpRequest, recognition_id: UUID) -> ParkRecognitionOut:
    """One recognition."""
    return ParkRecognitionOut.of(recognitions.recognition_for(actor(request), recognition_id))


@router.post("/parks/{uuid:recognition_id}/verdict", response=ParkRecognitionOut)
@idempotent
def decide_park(request: HttpRequest, recognition_id: UUID, body: ParkVerdictIn) -> ParkRecognitionOut:
    """The department recognises the firm in the park, or refuses with the reason."""
    viewer = actor(request)
    found = recognitions.recognition_for(viewer, recognition_id)
    if found.firm_id is None:
        raise NotFound
    return ParkRecognitionOut.of(
        services.decide_park_application(by=viewer, at=clock.now(), recognition_id=found.pk, **body.dict())
    )


@router.post("/parks/{uuid:recognition_id}/withdraw", response=ParkRecognitionOut)
@idempotent
def withdraw_park(request: HttpRequest, recognition_id: UUID) -> ParkRecognitionOut:
    """The firm takes its application back before it was decided."""
    viewer = actor(request)
    found = recognitions.recognition_for(viewer, recognition_id)
    return ParkRecognitionOut.of(
        services.withdraw_park_application(by=viewer, at=clock.now(), recognition_id=found.pk)
    )


@router.post("/parks/{uuid:recognition_id}/revoke", response=ParkRecognitionOut)
@idempotent
def revoke_park(request: HttpRequest, recognition_id: UUID, body: ParkRevokeIn) -> ParkRecognitionOut:
    """The department takes the recognition back from a day on."""
    viewer = actor(request)
    found = recognitions.recognition_for(viewer, recognition_id)
    return ParkRecognitionOut.of(
        services.revoke_park_recognition(by=viewer, at=clock.now(), recognition_id=found.pk, **body.dict())
    )


# --- reopening and recovery ----------------------------------------------------------------------


@router.post("/claims/{number}/reopen", response=ClaimOut)
@idempotent
def reopen(request: HttpRequest, number: str, body: ReasonIn) -> ClaimOut:
    """The department reopens a granted claim, with the reason."""
    return _moved(request, number, services.reopen, reason=body.reason)


@router.post("/claims/{number}/uphold", response=ClaimOut)
@idempotent
def uphold(request: HttpRequest, number: str, body: ReasonIn) -> ClaimOut:
    """A reopened claim stays as it was granted."""
    return _moved(request, number, services.uphold, reason=body.reason)


def _case(viewer: Actor, number: str) -> RecoveryCase:
    found = funds.recovery_for(viewer, number)
    viewer.require(RECOVER)
    return found


def _recovery(case: RecoveryCase) -> RecoveryOut:
    return RecoveryOut.of(case, funds.outstanding_of(case))


@router.post("/claims/{number}/recoveries", response={201: RecoveryOut})
@idempotent
def open_recovery(request: HttpRequest, number: str, body: RecoverIn) -> Status[RecoveryOut]:
    """Propose to reduce an award and to take back what was paid beyond it; another person confirms."""
    viewer = actor(request)
    claim = selectors.claim_for(viewer, number)
    viewer.require(RECOVER)
    confirmed_actor(request)
    made = services.open_recovery(by=viewer, at=clock.now(), claim_id=claim.pk, **body.dict())
    return Status(201, _recovery(made))


@router.get("/recoveries", response=list[RecoveryOut])
def recovery_list(request: HttpRequest) -> list[RecoveryOut]:
    """Recovery cases that the caller may see, the newest first."""
    viewer = actor(request)
    if not viewer.can(SEE_FUNDS):
        viewer.require(SEE_OWN_CLAIMS)
    rows = list(funds.recoveries_visible_to(viewer).order_by("-pk")[:100])
    outstanding = funds.outstandings_of(rows)
    return [RecoveryOut.of(case, outstanding[case.pk]) for case in rows]


@router.get("/recoveries/{case_number}", response=RecoveryOut)
def read_recovery(request: HttpRequest, case_number: str) -> RecoveryOut:
    """One recovery case."""
    return _recovery(funds.recovery_for(actor(request), case_number))


@router.post("/recoveries/{case_number}/confirm", response=RecoveryOut)
@idempotent
def confirm_recovery(request: HttpRequest, case_number: str) -> RecoveryOut:
    """The second person confirms."""
    viewer = actor(request)
    case = _case(viewer, case_number)
    confirmed_actor(request)
    return _recovery(services.confirm_recovery(by=viewer, at=clock.now(), case_id=case.pk))


@router.post("/recoveries/{case_number}/withdraw", response=RecoveryOut)
@idempotent
def withdraw_recovery(request: HttpRequest, case_number: str, body: ReasonIn) -> RecoveryOut:
    """Take a proposed case back."""
    viewer = actor(request)
    case = _case(viewer, case_number)
    return _recovery(
        services.withdraw_recovery(by=viewer, at=clock.now(), case_id=case.pk, reason=body.reason)
    )


@router.post("/recoveries/{case_number}/propose-lift", response=RecoveryOut)
@idempotent
def propose_lift(request: HttpRequest, case_number: str, body: ReasonIn) -> RecoveryOut:
    """Propose not to ask for what is still owed, after facts came back; another person decides."""
    viewer = actor(request)
    case = _case(viewer, case_number)
    confirmed_actor(request)
    return _recovery(services.propose_lift(by=viewer, at=clock.now(), case_id=case.pk, reason=body.reason))


@router.post("/recoveries/{case_number}/lift", response=RecoveryOut)
@idempotent
def lift_recovery(request: HttpRequest, case_number: str) -> RecoveryOut:
    """The second person agrees: what the claim is worth again is restored and no longer owed."""
    viewer = actor(request)
    case = _case(viewer, case_number)
    confirmed_actor(request)
    return _recovery(services.lift_recovery(by=viewer, at=clock.now(), case_id=case.pk))


@router.post("/recoveries/{case_number}/keep", response=RecoveryOut)
@idempotent
def keep_recovery(request: HttpRequest, case_number: str, body: ReasonIn) -> RecoveryOut:
    """Turn a proposal to lift down, with the reason: what is owed stays owed."""
    viewer = actor(request)
    case = _case(viewer, case_number)
    confirmed_actor(request)
    return _recovery(services.keep_recovery(by=viewer, at=clock.now(), case_id=case.pk, reason=body.reason))


@router.post("/recoveries/{case_number}/receipts", response=RecoveryOut)
@idempotent
def enter_return(request: HttpRequest, case_number: str, body: ReturnIn) -> RecoveryOut:
    """Money came back: book it, once per bank reference."""
    viewer = actor(request)
    case = _case(viewer, case_number)
    confirmed_actor(request)
    services.enter_return(
        by=viewer, at=clock.now(), case_id=case.pk, amount=Money(body.amount_fen), reference=body.reference
    )
    return _recovery(funds.recovery_for(viewer, case_number))
