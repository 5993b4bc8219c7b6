"""JSON of rewards, under /api/rewards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status

from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from organizations.permissions import Actor
from settlement.rewards import engine, measures, rules, selectors, services
from settlement.rewards.engine import shapes
from settlement.rewards.engine.decisions import NoSuchReading
from settlement.rewards.permissions import SEE_ALL_CLAIMS, SEE_OWN_CLAIMS
from settlement.rewards.schemas import (
    ClaimOut,
    DecisionOut,
    DraftIn,
    EstimateIn,
    ObjectionIn,
    OpinionIn,
    ParameterOut,
    PolicyOut,
    ReplayOut,
)
from settlement.rewards.states import ClaimState

router = Router()


def _viewer(request: HttpRequest) -> Actor:
    viewer = actor(request)
    if not viewer.can(SEE_ALL_CLAIMS):
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
    claim = services.draft_claim(by=viewer, at=clock.now(), firm_id=firm_id, year=body.year)
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
def confirm(request: HttpRequest, number: str) -> ClaimOut:
    """The firm takes the statement as right."""
    return _moved(request, number, services.confirm)


@router.post("/claims/{number}/objections", response={201: ClaimOut})
@idempotent
def object_(request: HttpRequest, number: str, body: ObjectionIn) -> Status[ClaimOut]:
    """The firm objects to one item."""
    return Status(201, _moved(request, number, services.object_, **body.dict()))


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


@router.get("/decision-schema", response=dict[str, Any], auth=None)
def decision_schema(request: HttpRequest) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a decision with its trace."""
    return shapes.of_decision()
