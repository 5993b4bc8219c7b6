"""Requests and negotiations as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from exchange.requests import selectors, services
from exchange.requests.schemas import (
    AcceptIn,
    ApproveIn,
    OfferIn,
    OfferOut,
    RefuseIn,
    RequestOut,
    StatedIn,
    WithdrawIn,
)
from exchange.requests.services import Proposal, Stated
from exchange.trading.schemas import OrderOut
from exchange.trading.selectors import visible_order
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.money import Money

router = Router()


def _shown(request: HttpRequest, request_id: UUID) -> RequestOut:
    return RequestOut.of(selectors.visible_request(actor(request), request_id))


@router.get("/", response=Page[RequestOut])
def list_requests(
    request: HttpRequest, side: str = "", state: str = "", cursor: str | None = None, limit: int = 20
) -> Page[RequestOut]:
    """The caller's requests, newest first; `side`: asked or received."""
    rows = selectors.listed_requests(actor(request), side=side, state=state).defer("product__search")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[RequestOut](items=[RequestOut.of(each) for each in found], next=following)


@router.post("/", response={201: RequestOut})
@idempotent
def post_request(request: HttpRequest, body: StatedIn) -> RequestOut:
    """Ask the supplier to agree to a use."""
    values = body.dict(exclude={"plan_id", "previous_id", "change_note"})
    made = services.ask(
        by=actor(request),
        at=clock.now(),
        plan_id=body.plan_id,
        stated=Stated(**values),
        previous_id=body.previous_id,
        change_note=body.change_note,
    )
    return RequestOut.of(made)


@router.get("/{uuid:request_id}", response=RequestOut)
def get_request(request: HttpRequest, request_id: UUID) -> RequestOut:
    """One request."""
    return _shown(request, request_id)


@router.post("/{uuid:request_id}/approval", response=RequestOut)
@idempotent
def post_approval(request: HttpRequest, request_id: UUID, body: ApproveIn) -> RequestOut:
    """The supplier agrees."""
    services.approve(by=actor(request), at=clock.now(), request_id=request_id, remark=body.remark)
    return _shown(request, request_id)


@router.post("/{uuid:request_id}/refusal", response=RequestOut)
@idempotent
def post_refusal(request: HttpRequest, request_id: UUID, body: RefuseIn) -> RequestOut:
    """The supplier does not agree."""
    services.refuse(
        by=actor(request), at=clock.now(), request_id=request_id, reason=body.reason, advice=body.advice
    )
    return _shown(request, request_id)


@router.post("/{uuid:request_id}/withdrawal", response=RequestOut)
@idempotent
def post_withdrawal(request: HttpRequest, request_id: UUID, body: WithdrawIn) -> RequestOut:
    """The buyer no longer asks."""
    services.withdraw(by=actor(request), at=clock.now(), request_id=request_id, reason=body.reason)
    return _shown(request, request_id)


@router.get("/{uuid:request_id}/offers", response=list[OfferOut])
def list_offers(request: HttpRequest, request_id: UUID) -> list[OfferOut]:
    """Every version of the terms, the oldest first."""
    found = selectors.visible_request(actor(request), request_id)
    return [OfferOut.of(each) for each in selectors.offers_of(found)]


@router.post("/{uuid:request_id}/offers", response={201: OfferOut})
@idempotent
def post_offer(request: HttpRequest, request_id: UUID, body: OfferIn) -> OfferOut:
    """Put a new version of the terms on the table."""
    values = body.dict(exclude={"price_fen", "after_version"})
    made = services.make_offer(
        by=actor(request),
        at=clock.now(),
        request_id=request_id,
        proposal=Proposal(price=Money(body.price_fen), **values),
        after_version=body.after_version,
    )
    return OfferOut.of(made)


@router.post("/{uuid:request_id}/acceptance", response={201: OrderOut})
@idempotent
def post_acceptance(request: HttpRequest, request_id: UUID, body: AcceptIn) -> OrderOut:
    """Accept the other side's latest version; the order is placed on exactly these terms."""
    made = services.accept_offer(
        by=actor(request), at=clock.now(), request_id=request_id, version=body.version
    )
    return OrderOut.of(visible_order(actor(request), made.pk))


@router.post("/{uuid:request_id}/order", response={201: OrderOut})
@idempotent
def post_order(request: HttpRequest, request_id: UUID) -> OrderOut:
    """Order what was approved at the listed price."""
    made = services.order_as_listed(by=actor(request), at=clock.now(), request_id=request_id)
    return OrderOut.of(visible_order(actor(request), made.pk))
