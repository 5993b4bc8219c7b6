"""Demands as JSON: public search, the buyer's steps, a firm's answers."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from exchange.demands import services
from exchange.demands.models import Demand
from exchange.demands.schemas import (
    AnswerIn,
    AnswerOut,
    DemandIn,
    DemandOut,
    DemandsWantedIn,
    HidingIn,
    MatchOut,
    MessageOut,
    ReasonOut,
    TextIn,
)
from exchange.demands.selectors import (
    answers_to,
    messages_of,
    own_answers,
    own_demands,
    products_for,
    read_wanted,
    search_demands,
    visible_answer,
    visible_demand,
)
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.money import Money

router = Router()


@router.get("/demands", response=Page[DemandOut], auth=None)
def list_demands(
    request: HttpRequest, asked: Query[DemandsWantedIn], cursor: str | None = None, limit: int = 20
) -> Page[DemandOut]:
    """Open demands by text and facets, newest first; needs no key."""
    chosen = asked.dict()
    rows = search_demands(read_wanted(chosen.pop("q"), chosen), actor(request))
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[DemandOut](items=[DemandOut.of(each) for each in found], next=following)


@router.get("/own", response=Page[DemandOut])
def list_own(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[DemandOut]:
    """The caller's own demands in every state."""
    rows = own_demands(actor(request)).select_related("buyer")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[DemandOut](items=[DemandOut.of(each) for each in found], next=following)


@router.get("/answers", response=Page[AnswerOut])
def list_answers(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[AnswerOut]:
    """What the caller's organization answered."""
    rows = own_answers(actor(request)).select_related("firm")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[AnswerOut](items=[AnswerOut.of(each) for each in found], next=following)


@router.get("/demands/{number}", response=DemandOut, auth=None)
def get_demand(request: HttpRequest, number: str) -> DemandOut:
    """One demand; needs no key when it is public."""
    return DemandOut.of(visible_demand(actor(request), number))


@router.post("/demands", response={201: DemandOut})
@idempotent
def post_demand(request: HttpRequest, body: DemandIn) -> DemandOut:
    """Draft a demand."""
    return DemandOut.of(services.draft_demand(by=actor(request), at=clock.now(), **body.dict()))


def _moved(request: HttpRequest, number: str, act: Callable[..., Demand], **more: str) -> DemandOut:
    viewer = actor(request)
    act(by=viewer, at=clock.now(), demand_id=visible_demand(viewer, number).pk, **more)
    return DemandOut.of(visible_demand(viewer, number))


@router.post("/demands/{number}/publication", response=DemandOut)
@idempotent
def post_publication(request: HttpRequest, number: str) -> DemandOut:
    """Open a draft for answers."""
    return _moved(request, number, services.publish_demand)


@router.post("/demands/{number}/closure", response=DemandOut)
@idempotent
def post_closure(request: HttpRequest, number: str) -> DemandOut:
    """End a demand without a choice."""
    return _moved(request, number, services.close_demand)


@router.post("/demands/{number}/withdrawal", response=DemandOut)
@idempotent
def post_withdrawal(request: HttpRequest, number: str) -> DemandOut:
    """Take a demand back."""
    return _moved(request, number, services.withdraw_demand)


@router.post("/demands/{number}/hiding", response=DemandOut)
@idempotent
def post_hiding(request: HttpRequest, number: str, body: HidingIn) -> DemandOut:
    """Take a demand out of sight (operator)."""
    return _moved(request, number, services.hide_demand, reason=body.reason)


@router.post("/demands/{number}/showing", response=DemandOut)
@idempotent
def post_showing(request: HttpRequest, number: str) -> DemandOut:
    """Bring a hidden demand back into sight (operator)."""
    return _moved(request, number, services.show_demand)


@router.get("/demands/{number}/matches", response=list[MatchOut])
def list_matches(request: HttpRequest, number: str) -> list[MatchOut]:
    """Products that answer a demand, with reasons; a firm gets its own only."""
    viewer = actor(request)
    demand = visible_demand(viewer, number)
    found = products_for(viewer, demand, own_only=not viewer.belongs_to(demand.buyer_id))
    return [
        MatchOut(
            product=each.product.number, title=each.product.title, supplier=each.product.supplier.name,
            score=each.match.score,
            reasons=[ReasonOut(code=reason.code, words=reason.words) for reason in each.match.reasons],
        )
        for each in found
    ]  # fmt: skip


@router.get("/demands/{number}/answers", response=list[AnswerOut])
def list_answers_to(request: HttpRequest, number: str) -> list[AnswerOut]:
    """The answers to a demand that the caller may see: all for the buyer, its own for a firm."""
    viewer = actor(request)
    demand = visible_demand(viewer, number)
    found = answers_to(viewer, demand)
    for answer in found:
        answer.demand = demand
    return [AnswerOut.of(answer) for answer in found]


@router.post("/demands/{number}/answers", response={201: AnswerOut})
@idempotent
def post_answer(request: HttpRequest, number: str, body: AnswerIn) -> AnswerOut:
    """Answer a demand, or change the answer before the deadline."""
    viewer = actor(request)
    made = services.submit_answer(
        by=viewer, at=clock.now(), demand_id=visible_demand(viewer, number).pk, product_number=body.product,
        words=body.words, price=None if body.price_fen is None else Money(body.price_fen),
        delivery_days=body.delivery_days,
    )  # fmt: skip
    return AnswerOut.of(visible_answer(viewer, made.pk))


@router.post("/answers/{answer_id}/shortlisting", response=AnswerOut)
@idempotent
def post_shortlisting(request: HttpRequest, answer_id: UUID) -> AnswerOut:
    """The buyer looks closer."""
    viewer = actor(request)
    services.shortlist_answer(by=viewer, at=clock.now(), answer_id=answer_id)
    return AnswerOut.of(visible_answer(viewer, answer_id))


@router.post("/answers/{answer_id}/award", response=AnswerOut)
@idempotent
def post_award(request: HttpRequest, answer_id: UUID) -> AnswerOut:
    """The buyer chooses this answer; no order is placed by it."""
    viewer = actor(request)
    services.award_answer(by=viewer, at=clock.now(), answer_id=answer_id)
    return AnswerOut.of(visible_answer(viewer, answer_id))


@router.post("/answers/{answer_id}/withdrawal", response=AnswerOut)
@idempotent
def post_answer_withdrawal(request: HttpRequest, answer_id: UUID) -> AnswerOut:
    """The firm takes its answer back."""
    viewer = actor(request)
    services.withdraw_answer(by=viewer, at=clock.now(), answer_id=answer_id)
    return AnswerOut.of(visible_answer(viewer, answer_id))


@router.get("/answers/{answer_id}/messages", response=list[MessageOut])
def list_messages(request: HttpRequest, answer_id: UUID) -> list[MessageOut]:
    """What both sides wrote, oldest first."""
    return [MessageOut.of(each) for each in messages_of(visible_answer(actor(request), answer_id))]


@router.post("/answers/{answer_id}/messages", response={201: MessageOut})
@idempotent
def post_message(request: HttpRequest, answer_id: UUID, body: TextIn) -> MessageOut:
    """Write to the other side."""
    made = services.send_message(by=actor(request), at=clock.now(), answer_id=answer_id, text=body.text)
    return MessageOut.of(made)
