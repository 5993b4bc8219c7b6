"""Orders as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from exchange.trading import services
from exchange.trading.schemas import CancelIn, ContractOut, OrderOut, PlaceIn, SignatureOut, SignIn
from exchange.trading.selectors import listed_orders, visible_order
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock

router = Router()


def _shown(request: HttpRequest, order_id: UUID) -> OrderOut:
    return OrderOut.of(visible_order(actor(request), order_id))


@router.get("/", response=Page[OrderOut])
def list_orders(
    request: HttpRequest, side: str = "", state: str = "", cursor: str | None = None, limit: int = 20
) -> Page[OrderOut]:
    """The caller's orders, newest first; `side`: bought or sold."""
    rows = listed_orders(actor(request), side=side, state=state)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[OrderOut](items=[OrderOut.of(order) for order in found], next=following)


@router.post("/", response={201: OrderOut})
@idempotent
def post_order(request: HttpRequest, body: PlaceIn) -> OrderOut:
    """Order one plan for a stated use."""
    order = services.place_order(
        by=actor(request), at=clock.now(), plan_id=body.plan_id, use_statement=body.use_statement
    )
    return OrderOut.of(order)


@router.get("/{uuid:order_id}", response=OrderOut)
def get_order(request: HttpRequest, order_id: UUID) -> OrderOut:
    """One order."""
    return _shown(request, order_id)


@router.get("/{uuid:order_id}/contract", response=ContractOut)
def get_contract(request: HttpRequest, order_id: UUID) -> ContractOut:
    """The contract with its signatures."""
    contract = visible_order(actor(request), order_id).contract
    signatures = [
        SignatureOut(
            party=each.party, signer=each.signer_label, text_sha256=each.text_sha256, signed_at=each.signed_at
        )
        for each in contract.signatures.order_by("signed_at", "pk")
    ]
    return ContractOut(
        number=contract.number,
        template=contract.template,
        text=contract.text,
        text_sha256=contract.text_sha256,
        signatures=signatures,
    )


@router.post("/{uuid:order_id}/signature", response=OrderOut)
@idempotent
def post_signature(request: HttpRequest, order_id: UUID, body: SignIn) -> OrderOut:
    """Sign the contract for the caller's side; the hash tells which text was read."""
    services.sign_contract(by=actor(request), at=clock.now(), order_id=order_id, text_sha256=body.text_sha256)
    return _shown(request, order_id)


@router.post("/{uuid:order_id}/acceptance", response=OrderOut)
@idempotent
def post_acceptance(request: HttpRequest, order_id: UUID) -> OrderOut:
    """Accept the delivery; escrow goes to the supplier."""
    services.accept_order(by=actor(request), at=clock.now(), order_id=order_id)
    return _shown(request, order_id)


@router.post("/{uuid:order_id}/cancellation", response=OrderOut)
@idempotent
def post_cancellation(request: HttpRequest, order_id: UUID, body: CancelIn) -> OrderOut:
    """End an order that is not paid."""
    services.cancel_order(by=actor(request), at=clock.now(), order_id=order_id, reason=body.reason)
    return _shown(request, order_id)
