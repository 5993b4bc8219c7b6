"""Broking as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from exchange.brokers import selectors, services
from exchange.brokers.schemas import (
    AnswerIn,
    AssessIn,
    BrokerIn,
    ConfirmIn,
    DealIn,
    DealOut,
    MandateOut,
    MandateTextOut,
    MatchIn,
    MatchOut,
    OfferIn,
    RateIn,
    ReasonIn,
    RecordIn,
    SignIn,
)
from exchange.pilots.schemas import AssessmentOut
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.money import Money

router = Router()


def _mandate(request: HttpRequest, mandate_id: UUID) -> MandateTextOut:
    return MandateTextOut.of(selectors.mandate_for(actor(request), mandate_id))


def _match(request: HttpRequest, match_id: UUID) -> MatchOut:
    return MatchOut.of(selectors.match_for(actor(request), match_id))


def _deal(request: HttpRequest, deal_id: UUID) -> DealOut:
    return DealOut.of(selectors.deal_for(actor(request), deal_id))


@router.get("/mandates", response=Page[MandateOut])
def list_mandates(
    request: HttpRequest, state: str = "", cursor: str | None = None, limit: int = 20
) -> Page[MandateOut]:
    """The caller's mandates, newest first."""
    rows = selectors.listed_mandates(actor(request), state=state)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[MandateOut](items=[MandateOut.of(each) for each in found], next=following)


@router.post("/mandates", response={201: MandateTextOut})
@idempotent
def post_mandate(request: HttpRequest, body: OfferIn) -> MandateTextOut:
    """Offer a mandate for both sides to sign."""
    made = services.offer_mandate(
        by=actor(request), at=clock.now(), principal_id=body.principal_id, broker_id=body.broker_id,
        terms=body.terms(),
    )  # fmt: skip
    return _mandate(request, made.pk)


@router.get("/mandates/{uuid:mandate_id}", response=MandateTextOut)
def get_mandate(request: HttpRequest, mandate_id: UUID) -> MandateTextOut:
    """One mandate with its text."""
    return _mandate(request, mandate_id)


@router.post("/mandates/{uuid:mandate_id}/signature", response=MandateTextOut)
@idempotent
def post_mandate_signature(request: HttpRequest, mandate_id: UUID, body: SignIn) -> MandateTextOut:
    """Sign for the caller's side; the hash tells which text was read."""
    services.sign_mandate(
        by=actor(request), at=clock.now(), mandate_id=mandate_id, text_sha256=body.text_sha256
    )
    return _mandate(request, mandate_id)


@router.post("/mandates/{uuid:mandate_id}/refusal", response=MandateTextOut)
@idempotent
def post_refusal(request: HttpRequest, mandate_id: UUID, body: ReasonIn) -> MandateTextOut:
    """Refuse what the other side offered."""
    services.refuse_mandate(by=actor(request), at=clock.now(), mandate_id=mandate_id, reason=body.reason)
    return _mandate(request, mandate_id)


@router.post("/mandates/{uuid:mandate_id}/withdrawal", response=MandateTextOut)
@idempotent
def post_withdrawal(request: HttpRequest, mandate_id: UUID, body: ReasonIn) -> MandateTextOut:
    """Take one's own offer back."""
    services.withdraw_mandate(by=actor(request), at=clock.now(), mandate_id=mandate_id, reason=body.reason)
    return _mandate(request, mandate_id)


@router.post("/mandates/{uuid:mandate_id}/end", response=MandateTextOut)
@idempotent
def post_end(request: HttpRequest, mandate_id: UUID, body: ReasonIn) -> MandateTextOut:
    """End a mandate early."""
    services.end_mandate(by=actor(request), at=clock.now(), mandate_id=mandate_id, reason=body.reason)
    return _mandate(request, mandate_id)


@router.post("/mandates/{uuid:mandate_id}/handover", response={201: MandateTextOut})
@idempotent
def post_handover(request: HttpRequest, mandate_id: UUID, body: BrokerIn) -> MandateTextOut:
    """The broker left the pilot: offer the same terms to another one."""
    made = services.hand_over(
        by=actor(request), at=clock.now(), mandate_id=mandate_id, broker_id=body.broker_id
    )
    return _mandate(request, made.pk)


@router.post("/mandates/{uuid:mandate_id}/matches", response={201: MatchOut})
@idempotent
def post_match(request: HttpRequest, mandate_id: UUID, body: MatchIn) -> MatchOut:
    """Propose a product to the principal: one to buy, or a demand that one of its own answers."""
    if body.demand_number:
        made = services.record_demand_match(
            by=actor(request), at=clock.now(), mandate_id=mandate_id, demand_number=body.demand_number,
            product_number=body.product_number, reason=body.reason,
        )  # fmt: skip
        return _match(request, made.pk)
    made = services.record_match(
        by=actor(request), at=clock.now(), mandate_id=mandate_id, product_number=body.product_number,
        reason=body.reason,
    )  # fmt: skip
    return _match(request, made.pk)


@router.get("/matches/{uuid:match_id}", response=MatchOut)
def get_match(request: HttpRequest, match_id: UUID) -> MatchOut:
    """One proposal."""
    return _match(request, match_id)


@router.post("/matches/{uuid:match_id}/answer", response=MatchOut)
@idempotent
def post_answer(request: HttpRequest, match_id: UUID, body: AnswerIn) -> MatchOut:
    """Accept or decline a proposal."""
    services.answer_match(
        by=actor(request), at=clock.now(), match_id=match_id, is_accepted=body.is_accepted, answer=body.answer
    )
    return _match(request, match_id)


@router.post("/matches/{uuid:match_id}/deal", response={201: DealOut})
@idempotent
def post_deal(request: HttpRequest, match_id: UUID, body: DealIn) -> DealOut:
    """Name the order that came of an accepted match."""
    made = services.propose_deal(
        by=actor(request), at=clock.now(), match_id=match_id, order_number=body.order_number
    )
    return _deal(request, made.pk)


@router.get("/deals", response=Page[DealOut])
def list_deals(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[DealOut]:
    """The caller's brokered deals, newest first."""
    rows = selectors.own_deals(actor(request))
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[DealOut](items=[DealOut.of(each) for each in found], next=following)


@router.get("/deals/{uuid:deal_id}", response=DealOut)
def get_deal(request: HttpRequest, deal_id: UUID) -> DealOut:
    """One deal with commissions and records."""
    return _deal(request, deal_id)


@router.post("/deals/{uuid:deal_id}/confirmation", response=DealOut)
@idempotent
def post_confirmation(request: HttpRequest, deal_id: UUID, body: ConfirmIn) -> DealOut:
    """Confirm the deal and its commission for the caller's side."""
    services.confirm_deal(
        by=actor(request), at=clock.now(), deal_id=deal_id, commission=Money(body.commission_fen)
    )
    return _deal(request, deal_id)


@router.post("/deals/{uuid:deal_id}/refusal", response=DealOut)
@idempotent
def post_deal_refusal(request: HttpRequest, deal_id: UUID, body: ReasonIn) -> DealOut:
    """Do not confirm; the order goes on without commission."""
    services.decline_deal(by=actor(request), at=clock.now(), deal_id=deal_id, reason=body.reason)
    return _deal(request, deal_id)


@router.post("/deals/{uuid:deal_id}/records", response={201: DealOut})
@idempotent
def post_record(request: HttpRequest, deal_id: UUID, body: RecordIn) -> DealOut:
    """Keep one record of a deal."""
    services.keep_record(by=actor(request), at=clock.now(), deal_id=deal_id, **body.dict())
    return _deal(request, deal_id)


@router.post("/deals/{uuid:deal_id}/rating", response=DealOut)
@idempotent
def post_rating(request: HttpRequest, deal_id: UUID, body: RateIn) -> DealOut:
    """Rate the broker, once."""
    services.rate_deal(by=actor(request), at=clock.now(), deal_id=deal_id, stars=body.stars, words=body.words)
    return _deal(request, deal_id)


@router.post("/pilots/{uuid:pilot_id}/assessments", response={201: AssessmentOut})
@idempotent
def post_assessment(request: HttpRequest, pilot_id: UUID, body: AssessIn) -> AssessmentOut:
    """Assess one year of a pilot with what the deals on record say."""
    made = services.assess_year(by=actor(request), at=clock.now(), pilot_id=pilot_id, year=body.year)
    return AssessmentOut.of(made)
