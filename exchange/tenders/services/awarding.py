"""After the deadline: the buyer compares, shortlists, and awards with a reason."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from audit.services import record
from exchange.tenders import rules
from exchange.tenders.events import TenderAwarded
from exchange.tenders.models import Bid, Engagement, Milestone, ServiceContract, Tender
from exchange.tenders.selectors import bids_visible_to, tenders_visible_to
from exchange.tenders.services.refusals import BidExpired, BidsSealed
from exchange.tenders.services.tendering import locked_bids, own_tender
from exchange.tenders.states import BID, IN_THE_RUNNING, TENDER
from exchange.trading.rules import text_hash
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor


def _opened(by: Actor, at: datetime, bid_id: UUID) -> tuple[Tender, list[Bid], Bid]:
    """The tender and its bids under lock, for its buyer after the deadline; NotFound when the bid is not seen."""
    found = Bid.objects.filter(pk=bid_id).values("tender_id", "firm_id").first()
    if found is None:
        raise NotFound
    is_theirs = by.belongs_to(found["firm_id"]) and not by.is_system
    if (
        not is_theirs
        and not tenders_visible_to(by).filter(pk=found["tender_id"], buyer=by.organization_id).exists()
    ):
        raise NotFound
    tender = own_tender(by, found["tender_id"])
    if at < tender.deadline:
        raise BidsSealed(deadline=f"{tender.deadline.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}")
    if not bids_visible_to(by, at).filter(pk=bid_id).exists():
        raise NotFound
    bids = locked_bids(tender)
    return tender, bids, next(bid for bid in bids if bid.pk == bid_id)


@transaction.atomic
def shortlist_bid(*, by: Actor, at: datetime, bid_id: UUID) -> Bid:
    """The buyer looks closer at a bid. Raises BidsSealed before the deadline."""
    tender, _bids, bid = _opened(by, at, bid_id)
    TENDER.check(tender, "award")
    BID.move(bid, "shortlist", by=by, at=at)
    record(by=by, at=at, action="bids.shortlist", subject=bid)
    return bid


def _words(text: str, field: str) -> str:
    words = text.strip()
    if not 4 <= len(words) <= 500:
        raise InvalidInput(field=field, reason=gettext("请用 4 到 500 个字写明理由，投标单位能看到。"))
    return words


@transaction.atomic
def award_bid(*, by: Actor, at: datetime, bid_id: UUID, reason: str, others: str = "") -> Engagement:
    """Choose one bid with a reason; the others are declined and told why (`others`, else the reason).

    Draws up the engagement with its contract and lots. Raises BidsSealed, BidExpired, MoveNotAllowed.
    """
    tender, bids, bid = _opened(by, at, bid_id)
    TENDER.check(tender, "award")
    why = _words(reason, "reason")
    told = _words(others, "others") if others.strip() else why
    if clock.business_date(at) > bid.valid_until:
        raise BidExpired(on=f"{bid.valid_until:%Y-%m-%d}")
    bid.outcome = why
    BID.move(bid, "choose", by=by, at=at, reason=why, update_fields=["outcome"])
    declined = []
    for other in bids:
        if other.state in IN_THE_RUNNING:
            other.outcome = told
            BID.move(other, "decline", by=by, at=at, reason=told, update_fields=["outcome"])
            declined.append(other.pk)
    tender.ended_at, tender.award_reason = at, why
    TENDER.move(tender, "award", by=by, at=at, reason=why, update_fields=["ended_at", "award_reason"])
    engagement = _engage(tender, bid, at)
    detail = {"firm": bid.firm.name, "amount_fen": bid.amount_fen, "declined": len(declined), "reason": why,
              "contract_sha256": engagement.contract.text_sha256}  # fmt: skip
    record(by=by, at=at, action="tenders.award", subject=tender, detail=detail)
    announce(
        TenderAwarded(
            at=at, tender_id=tender.pk, engagement_id=engagement.pk, declined=tuple(declined), by=by
        )
    )
    return engagement


def _engage(tender: Tender, bid: Bid, at: datetime) -> Engagement:
    """The engagement of a chosen bid with its lots and its contract."""
    amount = Money(bid.amount_fen)
    engagement = Engagement(
        number=new_number("FW", at),
        tender=tender,
        bid=bid,
        buyer=tender.buyer,
        firm=bid.firm,
        amount_fen=amount.fen,
        tax_fen=rules.tax_of(amount).fen,
        awarded_at=at,
    )
    engagement.save(force_insert=True)
    lots = rules.lots_of(tender.item_count, tender.lot_count, amount, bid.days)
    Milestone.objects.bulk_create(
        Milestone(
            engagement=engagement,
            ordinal=lot.ordinal,
            item_count=lot.item_count,
            last_item=lot.last_item,
            amount_fen=lot.amount.fen,
            due_days=lot.due_days,
        )
        for lot in lots
    )
    text = rules.contract_text(_terms(engagement, lots, at))
    ServiceContract(engagement=engagement, text=text, text_sha256=text_hash(text), drawn_up_at=at).save(
        force_insert=True
    )
    return engagement


def _terms(engagement: Engagement, lots: list[rules.Lot], at: datetime) -> rules.ServiceTerms:
    tender, bid = engagement.tender, engagement.bid
    return rules.ServiceTerms(
        number=engagement.number,
        tender_number=tender.number,
        on=clock.business_date(at),
        firm_name=engagement.firm.name,
        firm_uscc=engagement.firm.uscc,
        buyer_name=engagement.buyer.name,
        buyer_uscc=engagement.buyer.uscc,
        title=tender.title,
        brief=tender.brief,
        source=tender.source,
        licence=tender.licence,
        labeling_config=tender.labeling_config,
        guideline=tender.guideline,
        unit=bid.unit,
        unit_price=Money(bid.unit_price_fen),
        quantity=bid.quantity,
        amount=Money(bid.amount_fen),
        people_count=bid.people_count,
        overlap=bid.overlap,
        review_share_bp=bid.review_share_bp,
        plan=bid.plan,
        aql_percent=tender.aql_percent,
        limiting_percent=tender.limiting_percent,
        lots=lots,
    )
