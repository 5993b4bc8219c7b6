"""Deals: the order that came of a match, its commission confirmed by both sides, completed with the order."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.acceptance.selectors import kept_of
from exchange.brokers import rules
from exchange.brokers.events import DealCompleted, DealProposed
from exchange.brokers.models import Commission, Deal, Match, Rating
from exchange.brokers.permissions import CONFIRM, RATE, WORK
from exchange.brokers.selectors import OPEN_ORDERS, earning_of, held_at, match_by_code
from exchange.brokers.services.mandates import MandateNotInForce
from exchange.brokers.services.matches import locked_match
from exchange.brokers.services.records import locked_deal, note_identities, note_transaction
from exchange.brokers.states import DEAL, DealState, MatchState, Payer
from exchange.trading.models import Order
from exchange.trading.services import locked_order
from kernel.errors import InvalidInput, NotAllowed, Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor


class NotThatOrder(Refusal):
    """The order did not come of this match, or it is over."""

    code = "not_an_order_of_the_match"
    message = _("该订单不是这次撮合后由委托人下的、尚未完成的订单。请核对订单编号。")
    status = 422


class UnknownMatch(Refusal):
    """No accepted match of that number fits the order."""

    code = "unknown_match_code"
    message = _("撮合编号不适用：须为本单位已接受、该产品、委托仍有效的撮合。请核对编号，或留空后直接下单。")
    status = 422


class OwnBrokerage(Refusal):
    """Nobody brokers its own trade."""

    code = "own_brokerage"
    message = _("数据经纪人是这笔订单的一方，不能为自己的交易收取佣金。")


class CommissionTooHigh(Refusal):
    """Commissions leave the supplier its price."""

    code = "commission_too_high"
    message = _("佣金合计 %(amount)s 超过订单金额的 %(most)s，请先与委托人变更佣金。")
    status = 422


class OtherCommission(Refusal):
    """The amount that was read is not the deal's."""

    code = "other_commission"
    message = _("佣金合计为 %(amount)s，与您看到的不一致。请刷新页面核对后再确认。")


class WrongSide(Refusal):
    """Only the order's own sides confirm."""

    code = "not_a_side_of_the_deal"
    message = _("只有订单的供方和需方可以确认这笔成交。")
    status = 403


@transaction.atomic
def propose_deal(*, by: Actor, at: datetime, match_id: UUID, order_number: str) -> Deal:
    """The broker names the order that came of an accepted match; both sides are then to confirm.

    The order was placed by the principal after the match, while the mandate held, and is not complete. The
    commissions are those of the demand-side mandate and, when the broker told so in the match, of the supplier's.
    Naming the same order again gives the deal that is there. Raises NotThatOrder, MandateNotInForce,
    OwnBrokerage, CommissionTooHigh.
    """
    order_id = Order.objects.filter(number=order_number.strip()).values_list("pk", flat=True).first()
    order = locked_order(order_id, "contract") if order_id is not None else None
    match = locked_match(by, match_id)
    by.require(WORK)
    if not by.belongs_to(match.mandate.broker_id):
        raise NotAllowed(permission=WORK.label, organization=str(by.organization or "—"))
    if order is not None:
        known = Deal.objects.filter(order=order, match=match).first()
        if known is not None:
            return known
    if order is None or not _came_of(order, match):
        raise NotThatOrder(field="order_number")
    return _proposed(match, order, by, at)


def _proposed(
    match: Match, order: Order, by: Actor, at: datetime, *, buyer_confirmed_at: datetime | None = None
) -> Deal:
    """The deal of an order that came of a match, with its commissions, written and told (order locked)."""
    if match.mandate.broker_id in (order.supplier_id, order.buyer_id):
        raise OwnBrokerage(field="order_number")
    if not held_at(match.mandate, order.placed_at):
        raise MandateNotInForce(number=match.mandate.number)
    price = Money(order.amount_fen)
    earning = earning_of(match, price, order.placed_at)
    total = Money.sum(amount for _mandate, amount in earning)
    if total > rules.commission_limit(price):
        raise CommissionTooHigh(
            field="order_number", amount=total, most=rules.percent(rules.MOST_OF_PRICE_BP)
        )
    deal = Deal(
        number=new_number("JC", at), order=order, match=match, broker_id=match.mandate.broker_id,
        commission_fen=total.fen, proposed_at=at, buyer_confirmed_at=buyer_confirmed_at,
    )  # fmt: skip
    deal.save(force_insert=True)
    for mandate, amount in earning:
        Commission(deal=deal, mandate=mandate, payer=mandate.payer, amount_fen=amount.fen).save(
            force_insert=True
        )
    note_identities(deal, by=by, at=at)
    record(
        by=by, at=at, action="deals.propose", subject=deal,
        detail={"order": order.number, "match": match.number, "commission_fen": total.fen,
                "is_confirmed_by_buyer": buyer_confirmed_at is not None},
    )  # fmt: skip
    announce(DealProposed(at=at, deal_id=deal.pk, by=by))
    return deal


def _came_of(order: Order, match: Match) -> bool:
    return (
        match.state == MatchState.ACCEPTED
        and order.product_id == match.product_id
        and order.buyer_id == match.buyer_id
        and order.placed_at >= match.matched_at
        and order.state in OPEN_ORDERS
        and not Deal.objects.filter(order=order).exists()
    )


@transaction.atomic(savepoint=False)
def open_deal(*, by: Actor, at: datetime, order_id: UUID, code: str, commission: Money) -> Deal:
    """The buyer ordered under a match's number, having read the commission in all: the deal, confirmed for its side.

    Follows from the order (placed in the same transaction). The supplier confirms as always. Raises UnknownMatch,
    OtherCommission: then nothing is ordered either.
    """
    order = locked_order(order_id, "contract")
    match = match_by_code(order.buyer_id, order.product_id, code, at)
    if match is None:
        raise UnknownMatch(field="match_code")
    total = Money.sum(amount for _mandate, amount in earning_of(match, Money(order.amount_fen), at))
    if commission != total:
        raise OtherCommission(field="match_code", amount=total)
    return _proposed(match, order, by, at, buyer_confirmed_at=at if by.can(CONFIRM) else None)


def _sides(deal: Deal, by: Actor) -> str:
    """The column of the actor's side; WrongSide for others."""
    if by.belongs_to(deal.order.supplier_id) and not by.is_system:
        return "supplier_confirmed_at"
    if by.belongs_to(deal.order.buyer_id) and not by.is_system:
        return "buyer_confirmed_at"
    raise WrongSide


def _locked_with_order(by: Actor, deal_id: UUID) -> Deal:
    """The deal under lock after its order: the order's row stands for all its money."""
    order_id = Deal.objects.filter(pk=deal_id).values_list("order_id", flat=True).first()
    order = locked_order(order_id) if order_id is not None else None
    deal = locked_deal(by, deal_id)
    assert order is not None, "a deal that was found has an order"
    deal.order.state = order.state
    return deal


@transaction.atomic
def confirm_deal(*, by: Actor, at: datetime, deal_id: UUID, commission: Money) -> Deal:
    """Confirm for the actor's side that the broker brought the deal about and earns that commission in all.

    The second side's word confirms the deal. Confirming again changes nothing. Raises OtherCommission, WrongSide,
    MoveNotAllowed.
    """
    deal = _locked_with_order(by, deal_id)
    column = _sides(deal, by)
    by.require(CONFIRM)
    if getattr(deal, column) is not None:
        return deal
    DEAL.check(deal, "confirm")
    if commission.fen != deal.commission_fen:
        raise OtherCommission(field="commission", amount=Money(deal.commission_fen))
    setattr(deal, column, at)
    if deal.supplier_confirmed_at is not None and deal.buyer_confirmed_at is not None:
        DEAL.move(deal, "confirm", by=by, at=at, update_fields=[column])
    else:
        deal.save(update_fields=[column])
    note_identities(deal, by=by, at=at)
    record(
        by=by, at=at, action="deals.confirm", subject=deal,
        detail={"side": column.split("_", maxsplit=1)[0], "commission_fen": deal.commission_fen},
    )  # fmt: skip
    return deal


@transaction.atomic
def decline_deal(*, by: Actor, at: datetime, deal_id: UUID, reason: str) -> Deal:
    """A side does not confirm, with the reason for the broker: the order goes on without commission."""
    deal = _locked_with_order(by, deal_id)
    _sides(deal, by)
    by.require(CONFIRM)
    DEAL.check(deal, "decline")
    reason = reason.strip()
    if not rules.LEAST_WORDS <= len(reason) <= rules.MOST_WORDS:
        raise InvalidInput(field="reason", reason=_("请用 4 到 1000 个字写明理由，对方能看到。"))
    DEAL.move(deal, "decline", by=by, at=at, reason=reason)
    record(by=by, at=at, action="deals.decline", subject=deal, detail={"reason": reason})
    return deal


def _deal_of(order_id: UUID) -> Deal | None:
    rows = Deal.objects.select_for_update(of=("self",), no_key=True).select_related(
        "order__contract", "order__reduction"
    )
    return rows.filter(order=order_id).order_by("pk").first()


@transaction.atomic(savepoint=False)
def complete_deal(*, by: Actor, at: datetime, order_id: UUID) -> Deal | None:
    """The order is complete: a confirmed deal earns its commission, an unconfirmed one lapses.

    Follows from the order (its row is locked by whoever completes it), so it asks no permission. Told again it
    changes nothing; None when no broker had a part.
    """
    deal = _deal_of(order_id)
    if deal is None or deal.state not in (DealState.PROPOSED, DealState.CONFIRMED):
        return deal
    if deal.state == DealState.PROPOSED:
        DEAL.move(deal, "lapse", by=by, at=at, reason="订单完成时双方尚未确认")
        record(by=by, at=at, action="deals.lapse", subject=deal)
        return deal
    deal.completed_at, deal.refunded_fen = at, kept_of(deal.order).reduced.fen
    DEAL.move(deal, "complete", by=by, at=at, update_fields=["completed_at", "refunded_fen"])
    note_identities(deal, by=by, at=at)
    note_transaction(deal, by=by, at=at)
    record(
        by=by, at=at, action="deals.complete", subject=deal, detail={"commission_fen": deal.commission_fen}
    )
    announce(DealCompleted(at=at, deal_id=deal.pk, order_id=order_id, by=by))
    return deal


@transaction.atomic(savepoint=False)
def lapse_deal(*, by: Actor, at: datetime, order_id: UUID, reason: str) -> Deal | None:
    """The order was cancelled, or its whole price went back before release: nothing is earned. Follows from the order."""
    deal = _deal_of(order_id)
    if deal is None or deal.state not in (DealState.PROPOSED, DealState.CONFIRMED):
        return deal
    DEAL.move(deal, "lapse", by=by, at=at, reason=reason)
    record(by=by, at=at, action="deals.lapse", subject=deal, detail={"reason": reason})
    return deal


@transaction.atomic(savepoint=False)
def note_refund(*, by: Actor, at: datetime, order_id: UUID, refunded_total: Money) -> Deal | None:
    """Money of the order went back after its release, `refunded_total` in all: the year's facts count the rest."""
    deal = _deal_of(order_id)
    if deal is None or deal.state != DealState.COMPLETED:
        return deal
    refunded = refunded_total + kept_of(deal.order).reduced
    if refunded.fen <= deal.refunded_fen:
        return deal
    deal.refunded_fen = refunded.fen
    deal.save(update_fields=["refunded_fen"])
    record(by=by, at=at, action="deals.note_refund", subject=deal, detail={"refunded_fen": refunded.fen})
    return deal


@transaction.atomic
def rate_deal(*, by: Actor, at: datetime, deal_id: UUID, stars: int, words: str = "") -> Rating:
    """The buyer rates the broker after a completed deal, 1 to 5, once; the first word stands."""
    deal = locked_deal(by, deal_id)
    if not by.belongs_to(deal.order.buyer_id) or by.is_system:
        raise WrongSide
    by.require(RATE)
    known = Rating.objects.filter(deal=deal).first()
    if known is not None:
        return known
    if deal.state != DealState.COMPLETED:
        raise InvalidInput(field="stars", reason=_("成交完成后才能评价。"))
    if stars not in range(1, 6):
        raise InvalidInput(field="stars", reason=_("请在 1 到 5 分之间评分。"))
    made = Rating(
        deal=deal, stars=stars, words=words.strip()[: rules.MOST_WORDS], rated_by=by.user, rated_at=at
    )
    made.save(force_insert=True)
    record(by=by, at=at, action="deals.rate", subject=deal, detail={"stars": stars})
    return made


def payer_id(deal: Deal, payer: str) -> UUID:
    """The organization that pays: the order's supplier or buyer."""
    found: UUID = deal.order.supplier_id if payer == Payer.SUPPLIER else deal.order.buyer_id
    return found
