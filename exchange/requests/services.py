"""Every write of requests: asking, answering, offering, agreeing. Each locks the request first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.catalogue.models import Plan
from exchange.catalogue.selectors import plan_on_sale
from exchange.catalogue.states import Licence
from exchange.requests import rules
from exchange.requests.events import (
    OfferAccepted,
    OfferMade,
    RequestApproved,
    RequestExpired,
    RequestMade,
    RequestRefused,
    RequestWithdrawn,
)
from exchange.requests.models import Offer, PurchaseRequest
from exchange.requests.permissions import ANSWER, ASK
from exchange.requests.selectors import may_ask_again, requests_visible_to
from exchange.requests.states import OPEN, REQUEST, Place, Purpose, RequestState
from exchange.trading.models import Order
from exchange.trading.permissions import PLACE_ORDERS
from exchange.trading.rules import (
    LONGEST_INSPECTION,
    MOST_USE_LENGTH,
    SHORTEST_INSPECTION,
    Agreed,
    contradiction,
)
from exchange.trading.services import NotOnSale, OwnProduct, WrongSide, listed_terms, place_agreed, stated_use
from exchange.trading.states import Clause, ContractTemplate, Party, Territory
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor, Permission

MOST_STATED_LENGTH = MOST_USE_LENGTH - 400  # the contract adds place, people and the rest to it


class AlreadyAsked(Refusal):
    """One open request for one plan."""

    code = "already_asked"
    message = _("贵单位对这个方案已有一份办理中的使用申请，请在“使用申请”中打开它继续。")


class RequestClosed(Refusal):
    """Nothing is negotiated under a request that has ended."""

    code = "request_closed"
    message = _("这份申请当前为“%(state)s”，不能再谈条件。需要时请再次申请。")


class ApprovalLapsed(Refusal):
    """The supplier's word no longer holds."""

    code = "approval_lapsed"
    message = _("供方的同意已于 %(until)s 过期，请再次申请。")


class OfferOutdated(Refusal):
    """There is a newer version of the terms than the one that was read."""

    code = "offer_outdated"
    message = _("条件已有第 %(latest)s 版，请打开最新一版再办理。")


class OfferLapsed(Refusal):
    """The offer was open for acceptance for a time, which is over."""

    code = "offer_lapsed"
    message = _("这一版条件的有效期已过，请提出新的一版。")


class OwnOffer(Refusal):
    """Nobody agrees with oneself."""

    code = "own_offer"
    message = _("这一版是贵单位提出的，由对方接受。")


class NothingOffered(Refusal):
    """There is no version to accept."""

    code = "nothing_offered"
    message = _("还没有任何一版条件，请先提出。")


@dataclass(frozen=True, slots=True)
class Stated:
    """The stated use: what for, where, how long (days from delivery; None: no end), how many people."""

    purpose: str
    use_statement: str
    place: str
    people_count: int
    is_training: bool
    is_abroad: bool
    place_note: str = ""
    term_days: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """One version of the terms as a side puts it: price in fen with VAT, periods in days."""

    plan_id: UUID
    price: Money
    licence: str
    inspection_days: int
    template: str = "provision"
    territory: str = "CN"
    term_days: int | None = None
    user_count: int | None = None
    is_exclusive: bool = False
    clauses: Sequence[str] = ()
    note: str = ""


# --- locks and sides ------------------------------------------------------------------------------


def locked_request(request_id: UUID) -> PurchaseRequest:
    """The request under lock, with its plan, product and sides; NotFound when there is none."""
    rows = PurchaseRequest.objects.select_for_update(of=("self",), no_key=True).filter(pk=request_id)
    found = rows.select_related("plan", "product", "supplier", "buyer").defer("product__search").first()
    if found is None:
        raise NotFound
    return found


def _require_side(request: PurchaseRequest, by: Actor, party: Party, *wanted: Permission) -> None:
    """404 unless visible, 403 unless the actor stands on that side and holds the permissions."""
    side = request.buyer_id if party is Party.BUYER else request.supplier_id
    if by.belongs_to(side):
        for permission in wanted:
            by.require(permission)
        return
    if not requests_visible_to(by).filter(pk=request.pk).exists():
        raise NotFound
    raise WrongSide(party=party.label)


def require_negotiator(request: PurchaseRequest, by: Actor) -> Party:
    """The side for which the actor may speak; raises NotFound, WrongSide or NotAllowed."""
    party = Party.SUPPLIER if by.organization_id == request.supplier_id else Party.BUYER
    _require_side(request, by, party, ANSWER if party is Party.SUPPLIER else ASK)
    return party


def _require_alive(request: PurchaseRequest, at: datetime) -> None:
    if request.state not in OPEN:
        raise RequestClosed(state=request.get_state_display())
    if rules.is_over(request.approval_until, at):
        assert request.approval_until is not None
        raise ApprovalLapsed(until=clock.business_date(request.approval_until))


def _reason(text: str, field: str = "reason", *, least: int = rules.LEAST_REASON) -> str:
    found = text.strip()
    if not least <= len(found) <= rules.MOST_REASON:
        told = {"least": least, "most": rules.MOST_REASON}
        raise InvalidInput(
            field=field, reason=gettext("请用 %(least)s 到 %(most)s 个字写明，对方能看到。") % told
        )
    return found


# --- asking -----------------------------------------------------------------------------------------


def _checked(stated: Stated) -> Stated:
    stated_use(stated.use_statement)
    if len(stated.use_statement) > MOST_STATED_LENGTH:
        reason = gettext("用途说明最多 %(most)s 个字。") % {"most": MOST_STATED_LENGTH}
        raise InvalidInput(field="use_statement", reason=reason)
    if stated.purpose not in Purpose.values:
        raise InvalidInput(field="purpose", reason=gettext("请选择用途类别。"))
    if stated.place not in Place.values:
        raise InvalidInput(field="place", reason=gettext("请选择处理场所。"))
    if stated.place == Place.ABROAD and not stated.is_abroad:
        raise InvalidInput(field="is_abroad", reason=gettext("在境外处理即向境外提供，请勾选。"))
    if len(stated.place_note) > 200:
        raise InvalidInput(field="place_note", reason=gettext("最多 %(most)s 个字符。") % {"most": 200})
    if stated.term_days is not None and not 1 <= stated.term_days <= rules.LONGEST_TERM:
        reason = gettext("请填写 1 到 %(most)s 之间的天数，或留空。") % {"most": rules.LONGEST_TERM}
        raise InvalidInput(field="term_days", reason=reason)
    if not 1 <= stated.people_count <= rules.MOST_PEOPLE:
        reason = gettext("请填写 1 到 %(most)s 之间的人数。") % {"most": rules.MOST_PEOPLE}
        raise InvalidInput(field="people_count", reason=reason)
    return stated


@transaction.atomic
def ask(
    *,
    by: Actor,
    at: datetime,
    plan_id: UUID,
    stated: Stated,
    previous_id: UUID | None = None,
    change_note: str = "",
) -> PurchaseRequest:
    """Ask the supplier to agree to a use; state requested. `previous_id`: an ended request that this one follows.

    Raises NotFound, NotAllowed, OwnProduct, AlreadyAsked, InvalidInput.
    """
    plan, buyer = plan_on_sale(by, plan_id, at), by.organization
    by.require(ASK)
    if buyer is None:
        raise NotAllowed(permission=ASK.label, organization="—")
    if buyer.pk == plan.product.supplier_id:
        raise OwnProduct
    previous = may_ask_again(by, previous_id) if previous_id is not None else None
    if previous is not None:
        if previous.product_id != plan.product_id:
            raise NotFound
        change_note = _reason(change_note, "change_note")
    request = PurchaseRequest(
        number=new_number("QG", at),
        product=plan.product,
        plan=plan,
        supplier=plan.product.supplier,
        buyer=buyer,
        previous=previous,
        change_note=change_note if previous is not None else "",
        requested_by=by.user,
        requested_at=at,
        **asdict(_checked(stated)),
    )
    try:
        with transaction.atomic():
            request.save(force_insert=True)
    except IntegrityError as error:  # another open one, or another that follows the same
        raise AlreadyAsked from error
    detail = {"plan": plan.name, "previous": previous.number if previous else "", **asdict(stated)}
    record(by=by, at=at, action="requests.ask", subject=request, detail=detail)
    announce(RequestMade(at=at, request_id=request.pk, by=by))
    return request


@transaction.atomic
def withdraw(*, by: Actor, at: datetime, request_id: UUID, reason: str) -> PurchaseRequest:
    """The buyer no longer asks."""
    request = locked_request(request_id)
    _require_side(request, by, Party.BUYER, ASK)
    REQUEST.check(request, "withdraw")
    reason = _reason(reason)
    REQUEST.move(request, "withdraw", by=by, at=at, reason=reason)
    record(by=by, at=at, action="requests.withdraw", subject=request, detail={"reason": reason})
    announce(RequestWithdrawn(at=at, request_id=request.pk, by=by))
    return request


# --- answering --------------------------------------------------------------------------------------


def _approval(request: PurchaseRequest, at: datetime) -> tuple[str, str]:
    """Set when the approval was given and until when it holds; the columns that were set."""
    request.approved_at = at
    request.approval_until = rules.lapses_at(at, settings.REQUEST_APPROVAL_DAYS)
    return "approved_at", "approval_until"


@transaction.atomic
def approve(*, by: Actor, at: datetime, request_id: UUID, remark: str = "") -> PurchaseRequest:
    """The supplier agrees to the stated use, for REQUEST_APPROVAL_DAYS days."""
    request = locked_request(request_id)
    _require_side(request, by, Party.SUPPLIER, ANSWER)
    REQUEST.check(request, "approve")
    if len(remark) > rules.MOST_REASON:
        reason = gettext("最多 %(most)s 个字符。") % {"most": rules.MOST_REASON}
        raise InvalidInput(field="remark", reason=reason)
    columns = _approval(request, at)
    REQUEST.move(request, "approve", by=by, at=at, reason=remark.strip(), update_fields=columns)
    detail = {"until": request.approval_until.isoformat() if request.approval_until else ""}
    record(by=by, at=at, action="requests.approve", subject=request, detail=detail)
    announce(RequestApproved(at=at, request_id=request.pk, by=by))
    return request


@transaction.atomic
def refuse(*, by: Actor, at: datetime, request_id: UUID, reason: str, advice: str = "") -> PurchaseRequest:
    """The supplier does not agree; `advice` says what to change before asking again."""
    request = locked_request(request_id)
    _require_side(request, by, Party.SUPPLIER, ANSWER)
    REQUEST.check(request, "refuse")
    request.refusal_reason = _reason(reason)
    request.advice = _reason(advice, "advice") if advice.strip() else ""
    REQUEST.move(
        request, "refuse", by=by, at=at, reason=request.refusal_reason,
        update_fields=["refusal_reason", "advice"],
    )  # fmt: skip
    detail = {"reason": request.refusal_reason, "advice": request.advice}
    record(by=by, at=at, action="requests.refuse", subject=request, detail=detail)
    announce(RequestRefused(at=at, request_id=request.pk, by=by))
    return request


class StillApproved(Refusal):
    """The approval holds for some time yet."""

    code = "still_approved"
    message = _("供方的同意仍在有效期内。")


@transaction.atomic
def expire(*, at: datetime, request_id: UUID) -> PurchaseRequest:
    """End one approved request whose approval has lapsed; StillApproved before that."""
    request, by = locked_request(request_id), Actor.system("使用申请")
    REQUEST.check(request, "expire")
    if not rules.is_over(request.approval_until, at):
        raise StillApproved
    REQUEST.move(request, "expire", by=by, at=at, reason="同意的有效期届满，没有下单。")
    record(by=by, at=at, action="requests.expire", subject=request)
    announce(RequestExpired(at=at, request_id=request.pk, by=by))
    return request


# --- agreeing ---------------------------------------------------------------------------------------


def _use_in_contract(request: PurchaseRequest) -> str:
    """The stated use with its particulars, in Chinese: it becomes part of the contract."""
    with translation.override("zh-hans"):
        place = request.get_place_display() + (f"（{request.place_note}）" if request.place_note else "")
        particulars = (
            f"用途类别：{request.get_purpose_display()}",
            f"处理场所：{place}",
            f"使用人数：{request.people_count} 人",
            f"训练模型：{'是' if request.is_training else '否'}",
            f"向境外提供：{'是' if request.is_abroad else '否'}",
        )
    return "\n".join((request.use_statement, *(f"{line}。" for line in particulars)))


@transaction.atomic
def order_as_listed(*, by: Actor, at: datetime, request_id: UUID) -> Order:
    """The buyer orders what was approved at the listed price, for the term and people that were stated."""
    request = locked_request(request_id)
    _require_side(request, by, Party.BUYER, ASK, PLACE_ORDERS)
    REQUEST.check(request, "order")
    _require_alive(request, at)
    listed = listed_terms(request.plan)
    terms = [each for each in (listed.term_days, request.term_days) if each is not None]
    agreed = Agreed(
        gross=listed.gross,
        licence=listed.licence,
        inspection_days=listed.inspection_days,
        term_days=min(terms, default=None),
        user_count=request.people_count,
        is_exclusive=listed.is_exclusive,
    )
    return _ordered(request, request.plan_id, agreed, None, by=by, at=at)


def _ordered(
    request: PurchaseRequest, plan_id: UUID, agreed: Agreed, version: int | None, *, by: Actor, at: datetime
) -> Order:
    """Place the order and close the request with it; from a request not yet answered, agreeing is the approval."""
    order = place_agreed(
        by=by,
        at=at,
        plan_id=plan_id,
        buyer=request.buyer,
        use_statement=_use_in_contract(request),
        agreed=agreed,
    )
    request.order, request.accepted_version = order, version
    columns, moves = ["order", "accepted_version"], ["order"]
    if request.state == RequestState.REQUESTED:
        columns += _approval(request, at)
        moves = ["approve", "order"]
    reason = f"按第 {version} 版条件谈定。" if version is not None else ""
    REQUEST.walk(request, moves, by=by, at=at, reason=reason, update_fields=columns)
    detail = {"order": order.number, "version": version, "amount_fen": order.amount_fen}
    record(by=by, at=at, action="requests.order", subject=request, detail=detail)
    return order


def _latest(request: PurchaseRequest) -> Offer | None:
    return Offer.objects.filter(request=request).select_related("plan").order_by("-version").first()


def _told(offer: Offer) -> dict[str, Any]:
    """What is compared between versions, ready for JSON."""
    values = {name: getattr(offer, name) for name in rules.COMPARED if name != "plan"}
    return {**values, "plan": offer.plan.name}


def _checked_terms(proposal: Proposal, request: PurchaseRequest) -> tuple[Plan, list[str]]:
    """The plan and the clauses in order; raises InvalidInput, NotOnSale."""
    closed = (("licence", Licence), ("template", ContractTemplate), ("territory", Territory))
    for field, known in closed:
        if getattr(proposal, field) not in known.values:
            raise InvalidInput(field=field, reason=gettext("请在列出的选项中选择。"))
    ranges = (
        ("term_days", 1, rules.LONGEST_TERM),
        ("user_count", 1, rules.MOST_PEOPLE),
        ("inspection_days", SHORTEST_INSPECTION, LONGEST_INSPECTION),
    )
    for field, least, most in ranges:
        value = getattr(proposal, field)
        if value is not None and not least <= value <= most:
            told = {"least": least, "most": most}
            reason = gettext("请填写 %(least)s 到 %(most)s 之间的整数。") % told
            raise InvalidInput(field=field, reason=reason)
    if not 1 <= proposal.price.fen <= rules.MOST_PRICE_FEN:
        raise InvalidInput(field="price", reason=gettext("请填写大于零的含税价。"))
    if len(proposal.note) > rules.MOST_REASON:
        reason = gettext("最多 %(most)s 个字符。") % {"most": rules.MOST_REASON}
        raise InvalidInput(field="note", reason=reason)
    try:
        clauses = rules.in_order(proposal.clauses, Clause.values)
    except ValueError as error:
        raise InvalidInput(field="clauses", reason=gettext("请在列出的选项中选择。")) from error
    if contradiction(proposal.licence, clauses):
        reason = gettext("“不得用于训练任何模型”与所选许可相反，请改选“仅限内部使用”或去掉这一项。")
        raise InvalidInput(field="clauses", reason=reason)
    plan = Plan.objects.filter(pk=proposal.plan_id, product_id=request.product_id).first()
    if plan is None:
        raise InvalidInput(field="plan", reason=gettext("请选择这个产品的在售方案。"))
    if plan.withdrawn_at is not None:
        raise NotOnSale(field="plan", number=request.product.number)
    return plan, clauses


@transaction.atomic
def make_offer(*, by: Actor, at: datetime, request_id: UUID, proposal: Proposal, after_version: int) -> Offer:
    """Put a new version of the terms on the table, for either side; `after_version`: the latest that was read (0: none).

    Raises NotFound, WrongSide, NotAllowed, RequestClosed, ApprovalLapsed, OfferOutdated, InvalidInput, NotOnSale.
    """
    request = locked_request(request_id)
    party = require_negotiator(request, by)
    _require_alive(request, at)
    before = _latest(request)
    latest = before.version if before is not None else 0
    if after_version != latest:
        raise OfferOutdated(latest=latest)
    plan, clauses = _checked_terms(proposal, request)
    offer = Offer(
        request=request,
        version=latest + 1,
        party=party,
        plan=plan,
        price_fen=proposal.price.fen,
        licence=proposal.licence,
        template=proposal.template,
        territory=proposal.territory,
        term_days=proposal.term_days,
        user_count=proposal.user_count,
        inspection_days=proposal.inspection_days,
        is_exclusive=proposal.is_exclusive,
        clauses=clauses,
        note=proposal.note.strip(),
        made_by=by.user,
        maker_label=by.label[:200],
        made_at=at,
        valid_until=rules.lapses_at(at, settings.OFFER_VALID_DAYS),
    )
    offer.changes = rules.differences(_told(before), _told(offer)) if before is not None else []
    offer.save(force_insert=True)
    detail = {"version": offer.version, "party": party.value, **_told(offer)}
    record(by=by, at=at, action="requests.offer", subject=request, detail=detail)
    announce(OfferMade(at=at, request_id=request.pk, offer_id=offer.pk, party=party.value, by=by))
    return offer


@transaction.atomic
def accept_offer(*, by: Actor, at: datetime, request_id: UUID, version: int) -> Order:
    """The other side agrees to the latest version: the order is placed at exactly that price and those terms.

    Raises NotFound, WrongSide, NotAllowed, RequestClosed, ApprovalLapsed, NothingOffered, OfferOutdated,
    OwnOffer, OfferLapsed, and what `trading.services.place_agreed` raises.
    """
    request = locked_request(request_id)
    party = require_negotiator(request, by)
    if party is Party.BUYER:
        by.require(PLACE_ORDERS)
    _require_alive(request, at)
    offer = _latest(request)
    if offer is None:
        raise NothingOffered
    if version != offer.version:
        raise OfferOutdated(latest=offer.version)
    if offer.party == party:
        raise OwnOffer
    if rules.is_over(offer.valid_until, at):
        raise OfferLapsed
    agreed = Agreed(
        gross=Money(offer.price_fen),
        licence=offer.licence,
        inspection_days=offer.inspection_days,
        template=offer.template,
        territory=offer.territory,
        term_days=offer.term_days,
        user_count=offer.user_count,
        is_exclusive=offer.is_exclusive,
        clauses=tuple(offer.clauses),
    )
    order = _ordered(request, offer.plan_id, agreed, offer.version, by=by, at=at)
    announce(OfferAccepted(at=at, request_id=request.pk, offer_id=offer.pk, party=party.value, by=by))
    return order
