"""Matching: the broker records what it proposed and why; the principal answers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.brokers import rules
from exchange.brokers.events import MatchAnswered, MatchRecorded
from exchange.brokers.models import Match
from exchange.brokers.permissions import ENTRUST, WORK
from exchange.brokers.selectors import (
    demands_open_to,
    is_in_force,
    matches_visible_to,
    may_buy,
    offer_of,
    products_for,
    products_under,
    supply_mandate_for,
    wish_of,
)
from exchange.brokers.services.mandates import MandateNotInForce, locked_mandate
from exchange.brokers.states import MATCH, Side
from exchange.demands import rules as demand_rules
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from kernel.numbers import new_number
from organizations.permissions import Actor


class AlreadyMatched(Refusal):
    """A product is proposed once under a mandate."""

    code = "already_matched"
    message = _("该产品已在撮合 %(number)s 中推荐过，请查看委托人的答复。")


class OutsideMandate(Refusal):
    """The product is not on sale for the principal, or not within the mandate."""

    code = "outside_mandate"
    message = _("产品不在委托范围内，或委托人现在买不到它。请从候选产品中选择。")
    status = 422


def _said(text: str, field: str) -> str:
    text = text.strip()
    if not rules.LEAST_WORDS <= len(text) <= rules.MOST_WORDS:
        raise InvalidInput(field=field, reason=_("请用 4 到 1000 个字写明理由，对方能看到。"))
    return text


@transaction.atomic
def record_match(*, by: Actor, at: datetime, mandate_id: UUID, product_number: str, reason: str) -> Match:
    """Record that a product was proposed to the principal of a demand-side mandate in force.

    The score and its parts are those of this moment; whether the broker also works for the supplier stands in
    the match. Raises MandateNotInForce, OutsideMandate, AlreadyMatched, InvalidInput.
    """
    mandate = locked_mandate(by, mandate_id)
    by.require(WORK)
    if not by.belongs_to(mandate.broker_id):
        raise NotAllowed(permission=WORK.label, organization=str(by.organization or "—"))
    if mandate.side != Side.DEMAND or not is_in_force(mandate, at):
        raise MandateNotInForce(number=mandate.number)
    known = mandate.matches.filter(product__number=product_number, demand=None).first()
    if known is not None:
        raise AlreadyMatched(field="product_number", number=known.number)
    product = products_for(mandate).filter(number=product_number).first()
    if product is None:
        raise OutsideMandate(field="product_number")
    reason = _said(reason, "reason")
    fit = rules.fit(wish_of(mandate), offer_of(product))
    made = Match(
        number=new_number("CH", at),
        mandate=mandate,
        supply_mandate=supply_mandate_for(mandate.broker_id, product, at),
        product=product,
        score=fit.score,
        trace=[asdict(each) for each in fit.reasons],
        reason=reason,
        recorded_by=by.user,
        matched_at=at,
    )
    made.save(force_insert=True)
    record(
        by=by, at=at, action="matches.record", subject=made,
        detail={"mandate": mandate.number, "product": product.number, "score": fit.score},
    )  # fmt: skip
    announce(MatchRecorded(at=at, match_id=made.pk, by=by))
    return made


@transaction.atomic
def record_demand_match(
    *, by: Actor, at: datetime, mandate_id: UUID, demand_number: str, product_number: str, reason: str
) -> Match:
    """Record that a product under a supply-side mandate in force answers a demand on the board.

    The principal agrees first; then the demand's buyer is told and may order under the match's number. Raises
    MandateNotInForce, OutsideMandate, AlreadyMatched, InvalidInput.
    """
    mandate = locked_mandate(by, mandate_id)
    by.require(WORK)
    if not by.belongs_to(mandate.broker_id):
        raise NotAllowed(permission=WORK.label, organization=str(by.organization or "—"))
    if mandate.side != Side.SUPPLY or not is_in_force(mandate, at):
        raise MandateNotInForce(number=mandate.number)
    demand = demands_open_to(mandate, at).select_related("buyer").filter(number=demand_number).first()
    product = products_under(mandate).filter(number=product_number).first()
    if demand is None or product is None or not may_buy(demand.buyer, product):
        raise OutsideMandate(field="wanted")
    known = mandate.matches.filter(product=product, demand=demand).first()
    if known is not None:
        raise AlreadyMatched(field="wanted", number=known.number)
    found = demand_rules.match(demand, product)
    made = Match(
        number=new_number("CH", at),
        mandate=mandate,
        product=product,
        demand=demand,
        score=found.score,
        trace=[
            {"key": each.code, "points": demand_rules.WEIGHTS[each.code],
             "most": demand_rules.WEIGHTS[each.code], "detail": each.words}
            for each in found.reasons
        ],
        reason=_said(reason, "reason"),
        recorded_by=by.user,
        matched_at=at,
    )  # fmt: skip
    made.save(force_insert=True)
    record(
        by=by, at=at, action="matches.record", subject=made,
        detail={"mandate": mandate.number, "product": product.number, "demand": demand.number, "score": found.score},
    )  # fmt: skip
    announce(MatchRecorded(at=at, match_id=made.pk, by=by))
    return made


def locked_match(by: Actor, match_id: UUID) -> Match:
    """The match under lock; NotFound unless the actor may see it."""
    rows = Match.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    found = rows.select_related("mandate", "supply_mandate", "product", "demand").filter(pk=match_id).first()
    if found is None or not (by.is_system or matches_visible_to(by).filter(pk=match_id).exists()):
        raise NotFound
    return found


@transaction.atomic
def answer_match(*, by: Actor, at: datetime, match_id: UUID, is_accepted: bool, answer: str = "") -> Match:
    """The principal accepts or declines a proposal; declining needs a word of why."""
    match = locked_match(by, match_id)
    by.require(ENTRUST)
    if not by.belongs_to(match.mandate.principal_id):
        raise NotAllowed(permission=ENTRUST.label, organization=str(by.organization or "—"))
    move = "accept" if is_accepted else "decline"
    MATCH.check(match, move)
    match.answer = answer.strip()[: rules.MOST_WORDS] if is_accepted else _said(answer, "answer")
    match.answered_at = at
    MATCH.move(match, move, by=by, at=at, reason=match.answer, update_fields=["answer", "answered_at"])
    record(by=by, at=at, action=f"matches.{move}", subject=match, detail={"answer": match.answer})
    announce(MatchAnswered(at=at, match_id=match.pk, by=by))
    return match
