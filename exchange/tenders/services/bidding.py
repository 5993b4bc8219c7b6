"""The firm's side before the deadline: a bid drawn up, its samples labelled, submitted, taken back.

The audit log says that a firm bid, never what: the log is read by others while the bid is sealed.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from annotation.labelstudio.rules import parse_config, validate_result
from annotation.projects.contents import image_size, task_fields
from annotation.projects.rules import is_storable
from annotation.projects.services import PRICE_LIMIT
from audit.services import record
from exchange.tenders.models import Bid, SampleLabel, Tender
from exchange.tenders.permissions import BID
from exchange.tenders.selectors import tenders_visible_to
from exchange.tenders.services.refusals import OwnTender, SamplesMissing, SampleWrong
from exchange.tenders.services.tendering import MOST_FEN, MOST_WORK, locked_tender, require_open
from exchange.tenders.states import BID as BID_MOVES
from exchange.tenders.states import PriceUnit
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.money import Money
from organizations.permissions import Actor

BOUNDS = {"people_count": (1, 10_000), "days": (1, 1_000), "overlap": (1, 9), "review_share_bp": (0, 10_000)}


def _bidding(by: Actor, at: datetime, tender_id: UUID) -> Tender:
    """The tender under lock, for a firm that may bid for it now."""
    tender = locked_tender(tender_id)
    if not tenders_visible_to(by).filter(pk=tender_id).exists():
        raise NotFound
    by.require(BID)
    if by.organization is None:
        raise NotAllowed(permission=BID.label, organization="—")
    if by.organization_id == tender.buyer_id:
        raise OwnTender
    require_open(tender, at)
    return tender


def _own(tender: Tender, by: Actor) -> Bid | None:
    rows = Bid.objects.select_for_update(of=("self",), no_key=True).filter(tender=tender)
    return rows.filter(firm_id=by.organization_id).first()


def _held(tender: Tender, by: Actor) -> Bid:
    bid = _own(tender, by)
    if bid is None:
        raise NotFound
    return bid


def _checked(
    tender: Tender,
    at: datetime,
    *,
    unit: str,
    unit_price: Money,
    hours: int | None,
    task_pay: Money,
    plan: str,
    valid_until: date,
    numbers: dict[str, int],
) -> dict[str, Any]:
    """The columns of a bid; InvalidInput names the field and the remedy."""
    if unit not in PriceUnit.values:
        raise InvalidInput(field="unit", reason=gettext("请选择计价方式。"))
    quantity = tender.item_count if unit == PriceUnit.ITEM else hours
    if quantity is None or not 1 <= quantity <= MOST_WORK:
        raise InvalidInput(field="hours", reason=gettext("按小时计价时，请填写封顶的总小时数。"))
    if unit_price.fen <= 0 or unit_price.fen * quantity > MOST_FEN:
        raise InvalidInput(field="unit_price", reason=gettext("含税单价应大于零，总价不超过 1000 亿元。"))
    if not Money(0) <= task_pay <= PRICE_LIMIT:
        reason = gettext("标注员单条报酬应在 0 到 %(limit)s 之间。") % {"limit": PRICE_LIMIT}
        raise InvalidInput(field="task_pay", reason=reason)
    if unit_price.fen * quantity < tender.item_count:
        raise InvalidInput(field="unit_price", reason=gettext("总价摊到每条不足一分钱，请核对单价。"))
    for name, (least, most) in BOUNDS.items():
        if not least <= numbers[name] <= most:
            reason = gettext("应在 %(least)s 到 %(most)s 之间。") % {"least": least, "most": most}
            raise InvalidInput(field=name, reason=reason)
    text = plan.strip()
    if not 4 <= len(text) <= 4_000 or not is_storable(text):
        raise InvalidInput(field="plan", reason=gettext("请用 4 到 4000 个字写明人员分工、进度和质量控制。"))
    if valid_until < clock.business_date(tender.deadline):
        raise InvalidInput(field="valid_until", reason=gettext("报价有效期不能早于投标截止日。"))
    return {
        "unit": unit, "unit_price_fen": unit_price.fen, "quantity": quantity,
        "amount_fen": unit_price.fen * quantity, "task_pay_fen": task_pay.fen, "plan": text,
        "valid_until": valid_until, **numbers,
    }  # fmt: skip


@transaction.atomic
def draw_up_bid(
    *,
    by: Actor,
    at: datetime,
    tender_id: UUID,
    unit: str,
    unit_price: Money,
    task_pay: Money,
    people_count: int,
    days: int,
    plan: str,
    valid_until: date,
    hours: int | None = None,
    overlap: int = 1,
    review_share_bp: int = 10_000,
) -> Bid:
    """Begin a bid, or change it before the deadline; a submitted one stays submitted with the new terms.

    Raises BidsClosed, OwnTender, NotFound, InvalidInput.
    """
    tender = _bidding(by, at, tender_id)
    numbers = {
        "people_count": people_count,
        "days": days,
        "overlap": overlap,
        "review_share_bp": review_share_bp,
    }
    kept = _checked(
        tender, at, unit=unit, unit_price=unit_price, hours=hours, task_pay=task_pay, plan=plan,
        valid_until=valid_until, numbers=numbers,
    )  # fmt: skip
    bid = _own(tender, by)
    if bid is None:
        bid = Bid(tender=tender, firm=by.organization, drawn_up_by=by.user, drawn_up_at=at, **kept)
        bid.save(force_insert=True)
    else:
        for name, value in kept.items():
            setattr(bid, name, value)
        bid.save(update_fields=list(kept))
    record(by=by, at=at, action="bids.draw_up", subject=bid)
    return bid


@transaction.atomic
def keep_label(
    *, by: Actor, at: datetime, tender_id: UUID, ordinal: int, result: list[dict[str, Any]]
) -> SampleLabel:
    """Label one sample item for the firm's bid, or label it again, by the rules that real work is judged by.

    Raises SampleWrong with the reasons, BidsClosed, NotFound.
    """
    tender = _bidding(by, at, tender_id)
    bid = _held(tender, by)
    item = tender.items.filter(is_sample=True, ordinal=ordinal).first()
    if item is None:
        raise NotFound
    config = parse_config(tender.labeling_config)
    problems = validate_result(config, task_fields(config, item), result, image_size(item))
    if problems:
        told = "；".join(problem.told for problem in problems[:10])
        raise SampleWrong(field="result", ordinal=ordinal, reason=told)
    label, _made = SampleLabel.objects.update_or_create(
        bid=bid, item=item, defaults={"result": result, "labelled_at": at}
    )
    record(by=by, at=at, action="bids.label", subject=bid, detail={"sample": ordinal})
    return label


@transaction.atomic
def submit_bid(*, by: Actor, at: datetime, tender_id: UUID) -> Bid:
    """Put the bid in, sealed until the deadline; every sample item is labelled. Again after withdrawing."""
    tender = _bidding(by, at, tender_id)
    bid = _held(tender, by)
    BID_MOVES.check(bid, "submit")
    missing = tender.items.filter(is_sample=True).count() - bid.labels.count()
    if missing:
        raise SamplesMissing(count=missing)
    bid.submitted_at = at
    BID_MOVES.move(bid, "submit", by=by, at=at, update_fields=["submitted_at"])
    record(by=by, at=at, action="bids.submit", subject=bid)
    return bid


@transaction.atomic
def withdraw_bid(*, by: Actor, at: datetime, tender_id: UUID) -> Bid:
    """Take the bid back before the deadline; it may be submitted again until then."""
    tender = _bidding(by, at, tender_id)
    bid = _held(tender, by)
    BID_MOVES.move(bid, "withdraw", by=by, at=at)
    record(by=by, at=at, action="bids.withdraw", subject=bid)
    return bid
