"""Orders as JSON."""

from __future__ import annotations

import json
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from ninja import Router

from exchange.trading import policies, printing, services, supplements
from exchange.trading.models import ContractDocument, Supplement
from exchange.trading.schemas import (
    CancelIn,
    ContractOut,
    OrderOut,
    PlaceIn,
    RuleOut,
    SignatureOut,
    SignIn,
    SupplementIn,
    SupplementOut,
)
from exchange.trading.selectors import listed_orders, visible_order, visible_supplement
from gateway.api import Page, actor, confirmed_actor, cursor_page, idempotent
from kernel import clock
from kernel.money import Money

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
        by=actor(request), at=clock.now(), plan_id=body.plan_id, use_statement=body.use_statement,
        referral=body.match_code, commission=Money(body.commission_fen),
    )  # fmt: skip
    return OrderOut.of(order)


@router.get("/{uuid:order_id}", response=OrderOut)
def get_order(request: HttpRequest, order_id: UUID) -> OrderOut:
    """One order."""
    return _shown(request, order_id)


@router.get("/{uuid:order_id}/contract", response=ContractOut)
def get_contract(request: HttpRequest, order_id: UUID) -> ContractOut:
    """The contract with its policy and its signatures."""
    contract = visible_order(actor(request), order_id).contract
    signatures = [
        SignatureOut(
            party=each.party,
            signer=each.signer_label,
            text_sha256=each.text_sha256,
            policy_sha256=each.policy_sha256,
            signed_at=each.signed_at,
        )
        for each in contract.signatures.order_by("signed_at", "pk")
    ]
    made = ContractDocument.objects.filter(contract=contract).first()
    return ContractOut(
        number=contract.number,
        template=contract.template,
        text=contract.text,
        text_sha256=contract.text_sha256,
        policy=json.loads(contract.policy),
        policy_sha256=contract.policy_sha256,
        policy_url=reverse("trading:policy", args=[order_id]),
        document_sha256=made.sha256 if made else "",
        signatures=signatures,
    )


@router.get("/{uuid:order_id}/contract/rules", response=list[RuleOut])
def get_rules(request: HttpRequest, order_id: UUID) -> list[RuleOut]:
    """The licence rule by rule, in plain words of the caller's language."""
    policy = json.loads(visible_order(actor(request), order_id).contract.policy)
    return [
        RuleOut(
            kind=each.kind,
            party=str(each.party),
            action=str(each.action),
            conditions=list(each.conditions),
        )
        for each in policies.in_words(policy)
    ]


@router.post("/{uuid:order_id}/contract/document", response=ContractOut)
@idempotent
def post_document(request: HttpRequest, order_id: UUID) -> ContractOut:
    """Have the signed contract made as PDF; making it again changes nothing."""
    printing.issue_document(by=actor(request), at=clock.now(), order_id=order_id)
    return get_contract(request, order_id)


@router.post("/{uuid:order_id}/signature", response=OrderOut)
@idempotent
def post_signature(request: HttpRequest, order_id: UUID, body: SignIn) -> OrderOut:
    """Sign the contract for the caller's side; the hash tells which text was read."""
    _shown(request, order_id)
    confirmed_actor(request)
    services.sign_contract(by=actor(request), at=clock.now(), order_id=order_id, text_sha256=body.text_sha256)
    return _shown(request, order_id)


# --- supplements --------------------------------------------------------------------------------


def _supplement(request: HttpRequest, supplement_id: UUID) -> SupplementOut:
    return SupplementOut.of(visible_supplement(actor(request), supplement_id))


@router.get("/{uuid:order_id}/supplements", response=list[SupplementOut])
def list_supplements(request: HttpRequest, order_id: UUID) -> list[SupplementOut]:
    """The supplements of an order's contract, oldest first."""
    contract = visible_order(actor(request), order_id).contract
    rows = Supplement.objects.filter(contract=contract).select_related("contract").order_by("ordinal")
    return [SupplementOut.of(each) for each in rows.prefetch_related("signatures")]


@router.post("/{uuid:order_id}/supplements", response={201: SupplementOut})
@idempotent
def post_supplement(request: HttpRequest, order_id: UUID, body: SupplementIn) -> SupplementOut:
    """Propose to change or end the contract; both sides sign afterwards."""
    made = supplements.propose_supplement(by=actor(request), at=clock.now(), order_id=order_id, **body.dict())
    return SupplementOut.of(made)


@router.get("/supplements/{uuid:supplement_id}", response=SupplementOut)
def get_supplement(request: HttpRequest, supplement_id: UUID) -> SupplementOut:
    """One supplement."""
    return _supplement(request, supplement_id)


@router.post("/supplements/{uuid:supplement_id}/signature", response=SupplementOut)
@idempotent
def post_supplement_signature(request: HttpRequest, supplement_id: UUID, body: SignIn) -> SupplementOut:
    """Sign a supplement for the caller's side; with the second signature it is in force."""
    _supplement(request, supplement_id)
    confirmed_actor(request)
    supplements.sign_supplement(
        by=actor(request), at=clock.now(), supplement_id=supplement_id, text_sha256=body.text_sha256
    )
    return _supplement(request, supplement_id)


@router.post("/supplements/{uuid:supplement_id}/withdrawal", response=SupplementOut)
@idempotent
def post_supplement_withdrawal(request: HttpRequest, supplement_id: UUID, body: CancelIn) -> SupplementOut:
    """Take one's own side's open proposal back."""
    supplements.end_supplement(
        by=actor(request), at=clock.now(), supplement_id=supplement_id, move="withdraw", reason=body.reason
    )
    return _supplement(request, supplement_id)


@router.post("/supplements/{uuid:supplement_id}/refusal", response=SupplementOut)
@idempotent
def post_supplement_refusal(request: HttpRequest, supplement_id: UUID, body: CancelIn) -> SupplementOut:
    """Decline the other side's open proposal."""
    supplements.end_supplement(
        by=actor(request), at=clock.now(), supplement_id=supplement_id, move="decline", reason=body.reason
    )
    return _supplement(request, supplement_id)


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
