"""Tenders as JSON: the public hall and directory, the buyer's and the firm's steps, engagements and their lots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from annotation.projects.rules import RawItem
from exchange.tenders import directory, services
from exchange.tenders.models import Engagement
from exchange.tenders.schemas import (
    AwardIn,
    BidIn,
    BidOut,
    EngagementOut,
    InspectionIn,
    InspectionOut,
    LabelIn,
    LotOut,
    ProviderOut,
    QuestionOut,
    RatingIn,
    SampleOut,
    SigningIn,
    TenderIn,
    TenderOut,
    TextIn,
)
from exchange.tenders.selectors import (
    bids_to,
    engagements_for,
    milestone_for,
    milestones_of,
    open_tenders,
    own_bid,
    questions_of,
    samples_of,
    sees_samples,
    visible_bid,
    visible_engagement,
    visible_tender,
)
from gateway.api import Page, actor, confirmed_actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import NotFound
from kernel.money import Money

router = Router()


def _raw(name: str, texts: list[str]) -> list[RawItem]:
    return [RawItem(f"{name}:{place}", text.encode()) for place, text in enumerate(texts, 1)]


@router.get("/tenders", response=Page[TenderOut], auth=None)
def list_tenders(
    request: HttpRequest, q: str = "", task: str = "", cursor: str | None = None, limit: int = 20
) -> Page[TenderOut]:
    """Tenders that take bids now, newest first; needs no key."""
    rows = open_tenders(actor(request), clock.now(), q, task).defer(None)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[TenderOut](items=[TenderOut.of(each) for each in found], next=following)


@router.get("/providers", response=Page[ProviderOut], auth=None)
def list_providers(
    request: HttpRequest, q: str = "", task: str = "", cursor: str | None = None, limit: int = 20
) -> Page[ProviderOut]:
    """标注服务商目录 with counted figures; needs no key."""
    found, following = cursor_page(directory.search(q, task), cursor=cursor, limit=limit)
    return Page[ProviderOut](items=[ProviderOut.of(each) for each in found], next=following)


@router.post("/tenders", response={201: TenderOut})
@idempotent
def post_tender(request: HttpRequest, body: TenderIn) -> TenderOut:
    """Draft a tender."""
    told = body.dict()
    samples, work = _raw("samples", told.pop("samples")), _raw("work", told.pop("work"))
    made = services.draft_tender(by=actor(request), at=clock.now(), samples=samples, work=work, **told)
    return TenderOut.of(made)


@router.get("/tenders/{number}", response=TenderOut, auth=None)
def get_tender(request: HttpRequest, number: str) -> TenderOut:
    """One tender; needs no key when it is public."""
    return TenderOut.of(visible_tender(actor(request), number))


@router.get("/tenders/{number}/samples", response=list[SampleOut])
def list_samples(request: HttpRequest, number: str) -> list[SampleOut]:
    """The sample items, for the buyer and firms that may bid."""
    viewer = actor(request)
    found = visible_tender(viewer, number)
    if not sees_samples(viewer, found):
        raise NotFound
    return [SampleOut.of(item) for item in samples_of(found)]


@router.get("/tenders/{number}/questions", response=list[QuestionOut])
def list_questions(request: HttpRequest, number: str) -> list[QuestionOut]:
    """Questions and answers, for all who may bid."""
    return [QuestionOut.of(each) for each in questions_of(visible_tender(actor(request), number))]


@router.post("/tenders/{number}/questions", response={201: QuestionOut})
@idempotent
def post_question(request: HttpRequest, number: str, body: TextIn) -> QuestionOut:
    """A firm asks."""
    viewer = actor(request)
    found = visible_tender(viewer, number)
    made = services.ask_question(by=viewer, at=clock.now(), tender_id=found.pk, question=body.text)
    return QuestionOut.of(made)


@router.post("/questions/{uuid:question_id}/answer", response=QuestionOut)
@idempotent
def post_answer(request: HttpRequest, question_id: UUID, body: TextIn) -> QuestionOut:
    """The buyer answers, for all."""
    made = services.answer_question(
        by=actor(request), at=clock.now(), question_id=question_id, answer=body.text
    )
    return QuestionOut.of(made)


def _moved(request: HttpRequest, number: str, act: Callable[..., Any], **more: str) -> TenderOut:
    viewer = actor(request)
    act(by=viewer, at=clock.now(), tender_id=visible_tender(viewer, number).pk, **more)
    return TenderOut.of(visible_tender(viewer, number))


@router.post("/tenders/{number}/publication", response=TenderOut)
@idempotent
def post_publication(request: HttpRequest, number: str) -> TenderOut:
    """Open a draft for bids."""
    return _moved(request, number, services.publish_tender)


@router.post("/tenders/{number}/closure", response=TenderOut)
@idempotent
def post_closure(request: HttpRequest, number: str, body: TextIn) -> TenderOut:
    """End a tender without an award."""
    return _moved(request, number, services.close_tender, reason=body.text)


# --- bids ---------------------------------------------------------------------------------------------


def _bid_out(request: HttpRequest, number: str) -> BidOut:
    viewer = actor(request)
    found = visible_tender(viewer, number)
    bid = own_bid(viewer, found)
    if bid is None:
        raise NotFound
    bid.tender = found
    return BidOut.of(bid)


@router.get("/tenders/{number}/bids", response=list[BidOut])
def list_bids(request: HttpRequest, number: str) -> list[BidOut]:
    """The firm's own bid; from the deadline on all bids, for the buyer."""
    viewer = actor(request)
    return [BidOut.of(bid) for bid in bids_to(viewer, visible_tender(viewer, number), clock.now())]


@router.post("/tenders/{number}/bid", response={201: BidOut})
@idempotent
def post_bid(request: HttpRequest, number: str, body: BidIn) -> BidOut:
    """Draw a bid up, or change it before the deadline."""
    viewer, told = actor(request), body.dict()
    services.draw_up_bid(
        by=viewer, at=clock.now(), tender_id=visible_tender(viewer, number).pk,
        unit_price=Money(told.pop("unit_price_fen")), task_pay=Money(told.pop("task_pay_fen")), **told,
    )  # fmt: skip
    return _bid_out(request, number)


@router.post("/tenders/{number}/bid/samples/{int:ordinal}", response=BidOut)
@idempotent
def post_sample_label(request: HttpRequest, number: str, ordinal: int, body: LabelIn) -> BidOut:
    """Label a sample item."""
    viewer = actor(request)
    services.keep_label(
        by=viewer,
        at=clock.now(),
        tender_id=visible_tender(viewer, number).pk,
        ordinal=ordinal,
        result=body.result,
    )
    return _bid_out(request, number)


@router.post("/tenders/{number}/bid/submission", response=BidOut)
@idempotent
def post_submission(request: HttpRequest, number: str) -> BidOut:
    """Put the bid in, sealed until the deadline."""
    viewer = actor(request)
    services.submit_bid(by=viewer, at=clock.now(), tender_id=visible_tender(viewer, number).pk)
    return _bid_out(request, number)


@router.post("/tenders/{number}/bid/withdrawal", response=BidOut)
@idempotent
def post_bid_withdrawal(request: HttpRequest, number: str) -> BidOut:
    """Take the bid back before the deadline."""
    viewer = actor(request)
    services.withdraw_bid(by=viewer, at=clock.now(), tender_id=visible_tender(viewer, number).pk)
    return _bid_out(request, number)


@router.post("/bids/{uuid:bid_id}/shortlisting", response=BidOut)
@idempotent
def post_shortlisting(request: HttpRequest, bid_id: UUID) -> BidOut:
    """The buyer looks closer."""
    viewer = actor(request)
    services.shortlist_bid(by=viewer, at=clock.now(), bid_id=bid_id)
    return BidOut.of(visible_bid(viewer, bid_id, clock.now()))


def _engagement_out(found: Engagement) -> EngagementOut:
    return EngagementOut.of(found, milestones_of(found))


@router.post("/bids/{uuid:bid_id}/award", response={201: EngagementOut})
@idempotent
def post_award(request: HttpRequest, bid_id: UUID, body: AwardIn) -> EngagementOut:
    """The buyer awards with a reason; the contract and its lots are drawn up."""
    made = services.award_bid(
        by=actor(request), at=clock.now(), bid_id=bid_id, reason=body.reason, others=body.others
    )
    return _engagement_out(made)


# --- engagements --------------------------------------------------------------------------------------


@router.get("/contracts", response=Page[EngagementOut])
def list_contracts(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[EngagementOut]:
    """The caller's service contracts, on either side."""
    rows = engagements_for(actor(request)).select_related("contract").prefetch_related("milestones")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    items = [
        EngagementOut.of(each, sorted(each.milestones.all(), key=lambda lot: lot.ordinal)) for each in found
    ]
    return Page[EngagementOut](items=items, next=following)


@router.get("/contracts/{number}", response=EngagementOut)
def get_contract(request: HttpRequest, number: str) -> EngagementOut:
    """One service contract with its lots."""
    return _engagement_out(visible_engagement(actor(request), number))


def _stepped(request: HttpRequest, number: str, act: Callable[..., Any], **more: Any) -> EngagementOut:
    viewer = actor(request)
    act(by=viewer, at=clock.now(), engagement_id=visible_engagement(viewer, number).pk, **more)
    return _engagement_out(visible_engagement(viewer, number))


@router.post("/contracts/{number}/signature", response=EngagementOut)
@idempotent
def post_signature(request: HttpRequest, number: str, body: SigningIn) -> EngagementOut:
    """Sign for the caller's side; the hash tells which text was read."""
    visible_engagement(actor(request), number)
    confirmed_actor(request)
    return _stepped(request, number, services.sign_contract, text_sha256=body.text_sha256)


@router.post("/contracts/{number}/cancellation", response=EngagementOut)
@idempotent
def post_cancellation(request: HttpRequest, number: str, body: TextIn) -> EngagementOut:
    """Either side steps back before both have signed."""
    return _stepped(request, number, services.cancel_engagement, reason=body.text)


@router.post("/contracts/{number}/termination", response=EngagementOut)
@idempotent
def post_termination(request: HttpRequest, number: str, body: TextIn) -> EngagementOut:
    """Propose to end a running contract."""
    return _stepped(request, number, services.ask_termination, reason=body.text)


@router.post("/contracts/{number}/termination/agreement", response=EngagementOut)
@idempotent
def post_agreement(request: HttpRequest, number: str) -> EngagementOut:
    """The other side agrees; what lies in escrow goes back."""
    return _stepped(request, number, services.agree_termination)


@router.post("/contracts/{number}/termination/overdue", response=EngagementOut)
@idempotent
def post_overdue(request: HttpRequest, number: str, body: TextIn) -> EngagementOut:
    """The buyer ends alone what is long overdue."""
    return _stepped(request, number, services.end_overdue, reason=body.text)


@router.post("/contracts/{number}/rating", response=EngagementOut)
@idempotent
def post_rating(request: HttpRequest, number: str, body: RatingIn) -> EngagementOut:
    """The buyer rates the firm, once."""
    return _stepped(request, number, services.rate_firm, **body.dict())


@router.post("/contracts/{number}/rating/reply", response=EngagementOut)
@idempotent
def post_reply(request: HttpRequest, number: str, body: TextIn) -> EngagementOut:
    """The firm answers, once."""
    return _stepped(request, number, services.answer_rating, words=body.text)


@router.post("/lots/{uuid:milestone_id}/delivery", response=LotOut)
@idempotent
def post_delivery(request: HttpRequest, milestone_id: UUID) -> LotOut:
    """The firm hands a lot over."""
    viewer = actor(request)
    lot = milestone_for(viewer, milestone_id)
    return LotOut.of(services.deliver_lot(by=viewer, at=clock.now(), milestone_id=lot.pk))


@router.post("/lots/{uuid:milestone_id}/inspection", response={201: InspectionOut})
@idempotent
def post_inspection(request: HttpRequest, milestone_id: UUID, body: InspectionIn) -> InspectionOut:
    """The buyer tells what the sample showed; the plan decides."""
    viewer = actor(request)
    lot = milestone_for(viewer, milestone_id)
    return InspectionOut.of(
        services.inspect_lot(
            by=viewer, at=clock.now(), milestone_id=lot.pk, defect_count=body.defect_count, words=body.words
        )
    )
