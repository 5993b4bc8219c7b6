"""Every write of supplements: proposing, signing, declining. They change or end a contract, never its text."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.trading import rules
from exchange.trading.events import OrderCancelled, SupplementEnded, SupplementInForce, SupplementProposed
from exchange.trading.models import Order, Supplement, SupplementSignature
from exchange.trading.selectors import access_ends_at
from exchange.trading.services import AlreadySigned, OtherText, locked_order, party_of, require_signer
from exchange.trading.states import (
    ORDER,
    SUPPLEMENT,
    OrderState,
    Party,
    SupplementKind,
    SupplementState,
)
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

_SIDES = ("contract", "supplier", "buyer")
BEFORE_DELIVERY = (OrderState.CONTRACTED, OrderState.PAID)
AFTER_DELIVERY = (OrderState.DELIVERED, OrderState.ACCEPTED, OrderState.COMPLETED, OrderState.DISPUTED)


class NotForSupplements(Refusal):
    """The order is in a state in which this supplement has no meaning."""

    code = "supplement_not_now"
    message = _("订单当前为“%(state)s”，不能这样补充：%(remedy)s")


class SupplementOpen(Refusal):
    """One supplement after the other."""

    code = "supplement_open"
    message = _("还有一份补充合同等待签署，请先签署、谢绝或撤回它，再提出新的。")


class OtherSidesSupplement(Refusal):
    """Withdrawing is for who proposed, declining for the other side."""

    code = "other_sides_supplement"
    message = _("提出方只能撤回，对方只能谢绝。请按您单位所在的一方办理。")
    status = 403


def _locked(supplement_id: UUID) -> tuple[Supplement, Order]:
    """The supplement and its order, both under lock, the order first; NotFound when there is none."""
    order_id = (
        Supplement.objects.filter(pk=supplement_id).values_list("contract__order_id", flat=True).first()
    )
    if order_id is None:
        raise NotFound
    order = locked_order(order_id, *_SIDES, heavy=("contract__text", "contract__policy"))
    found = Supplement.objects.select_for_update(of=("self",)).get(pk=supplement_id)
    found.contract = order.contract
    return found, order


def _amendment(order: Order, term_days: int | None, inspection_days: int | None) -> None:
    """Raise unless the new values may replace the order's present ones."""
    if order.state not in (*BEFORE_DELIVERY, *AFTER_DELIVERY):
        raise NotForSupplements(state=order.get_state_display(), remedy=gettext("合同须已签署且仍在履行。"))
    if term_days is None and inspection_days is None:
        raise InvalidInput(field="term_days", reason=gettext("请至少填写一项变更：许可期限或验收期。"))
    if term_days is not None:
        if order.term_days is None:
            raise InvalidInput(field="term_days", reason=gettext("原合同不设许可期限，无需延长。"))
        if not order.term_days < term_days <= rules.LONGEST_TERM:
            reason = gettext("许可期限只能延长：请填写 %(least)s 到 %(most)s 之间的天数。") % {
                "least": order.term_days + 1, "most": rules.LONGEST_TERM,
            }  # fmt: skip
            raise InvalidInput(field="term_days", reason=reason)
    if inspection_days is not None:
        if order.state not in BEFORE_DELIVERY:
            raise InvalidInput(field="inspection_days", reason=gettext("已经交付，验收期不能再变更。"))
        least, most = rules.SHORTEST_INSPECTION, rules.LONGEST_INSPECTION
        if not least <= inspection_days <= most or inspection_days == order.inspection_days:
            reason = gettext("验收期应为 %(least)s 到 %(most)s 天，且与现在不同。") % {
                "least": least, "most": most,
            }  # fmt: skip
            raise InvalidInput(field="inspection_days", reason=reason)


def _termination(order: Order, ends_on: date | None, at: datetime) -> None:
    """Raise unless the order may end like this: before payment at once, after delivery from a day on."""
    if order.state == OrderState.CONTRACTED:
        if ends_on is not None:
            raise InvalidInput(field="ends_on", reason=gettext("付款之前终止即取消订单，不需要日期。"))
        return
    if order.state not in AFTER_DELIVERY:
        remedy = gettext("请先交付，或联系交易场所处理已托管的款项。")
        if order.state != OrderState.PAID:
            remedy = gettext("合同须已签署且仍在履行。")
        raise NotForSupplements(state=order.get_state_display(), remedy=remedy)
    if ends_on is None or ends_on <= clock.business_date(at):
        raise InvalidInput(field="ends_on", reason=gettext("请填写今天之后的日期，自该日起不再使用数据。"))
    ending = access_ends_at(order)
    if ending is not None and clock.start_of(ends_on) >= ending:
        raise InvalidInput(field="ends_on", reason=gettext("许可在这一天之前已经到期，无需终止。"))


@transaction.atomic
def propose_supplement(
    *,
    by: Actor,
    at: datetime,
    order_id: UUID,
    kind: str,
    reason: str,
    term_days: int | None = None,
    inspection_days: int | None = None,
    ends_on: date | None = None,
) -> Supplement:
    """Draw up a supplement for both sides to sign; state proposed. Days count from delivery.

    Raises NotFound, WrongSide, NotAllowed, NotForSupplements, SupplementOpen, InvalidInput.
    """
    order = locked_order(order_id, *_SIDES, heavy=("contract__text", "contract__policy"))
    party = require_signer(order, by)
    reason = " ".join(reason.split())
    if not 2 <= len(reason) <= 500:
        raise InvalidInput(field="reason", reason=gettext("请用 2 到 500 个字写明理由，写入补充合同。"))
    if kind not in SupplementKind.values:
        raise InvalidInput(field="kind", reason=gettext("请选择变更或终止。"))
    if kind == SupplementKind.AMENDMENT:
        ends_on = None
        _amendment(order, term_days, inspection_days)
    else:
        term_days = inspection_days = None
        _termination(order, ends_on, at)
    supplement = _drawn_up(order, at, kind, reason, term_days, inspection_days, ends_on)
    supplement.proposed_party, supplement.proposed_by = party, by.user
    supplement.proposer_label = by.label[:200]
    supplement.save(force_insert=True)
    record(
        by=by, at=at, action="supplements.propose", subject=supplement,
        detail={"order": order.number, "kind": kind, "text_sha256": supplement.text_sha256},
    )  # fmt: skip
    announce(SupplementProposed(at=at, supplement_id=supplement.pk, by=by))
    return supplement


def _drawn_up(
    order: Order,
    at: datetime,
    kind: str,
    reason: str,
    term_days: int | None,
    inspection_days: int | None,
    ends_on: date | None,
) -> Supplement:
    contract = order.contract
    known = Supplement.objects.filter(contract=contract)
    if known.filter(state=SupplementState.PROPOSED).exists():
        raise SupplementOpen
    supplement = Supplement(
        contract=contract,
        ordinal=(known.aggregate(last=Max("ordinal"))["last"] or 0) + 1,
        kind=kind,
        contract_sha256=contract.text_sha256,
        reason=reason,
        term_days=term_days,
        inspection_days=inspection_days,
        ends_on=ends_on,
        proposed_at=at,
    )
    supplement.text = rules.supplement_text(
        rules.SupplementTerms(
            number=supplement.number,
            kind=kind,
            contract_number=contract.number,
            contract_sha256=contract.text_sha256,
            order_number=order.number,
            on=clock.business_date(at),
            supplier_name=order.supplier.name,
            supplier_uscc=order.supplier.uscc,
            buyer_name=order.buyer.name,
            buyer_uscc=order.buyer.uscc,
            reason=reason,
            term_days=(order.term_days, term_days) if order.term_days and term_days else None,
            inspection_days=(order.inspection_days, inspection_days) if inspection_days else None,
            ends_on=ends_on,
        )
    )
    supplement.text_sha256 = rules.text_hash(supplement.text)
    return supplement


@transaction.atomic
def sign_supplement(*, by: Actor, at: datetime, supplement_id: UUID, text_sha256: str = "") -> Supplement:
    """Sign for the actor's side; with the second signature the supplement is in force and does what it says.

    No money moves. Raises what `propose_supplement` raises when the order has moved on, OtherText,
    AlreadySigned, MoveNotAllowed.
    """
    supplement, order = _locked(supplement_id)
    party = require_signer(order, by)
    SUPPLEMENT.check(supplement, "enter_into_force")
    signed = set(supplement.signatures.values_list("party", flat=True))
    if party in signed:
        raise AlreadySigned(party=party.label)
    if text_sha256 and text_sha256 != supplement.text_sha256:
        raise OtherText(field="text_sha256")
    if supplement.kind == SupplementKind.AMENDMENT:
        _amendment(order, supplement.term_days, supplement.inspection_days)
    else:
        _still_ends(order, supplement)
    SupplementSignature(
        supplement=supplement,
        party=party,
        organization_id=order.supplier_id if party is Party.SUPPLIER else order.buyer_id,
        signed_by=by.user,
        signer_label=by.label[:200],
        text_sha256=supplement.text_sha256,
        signed_at=at,
    ).save(force_insert=True)
    record(
        by=by, at=at, action="supplements.sign", subject=supplement,
        detail={"party": party.value, "text_sha256": supplement.text_sha256},
    )  # fmt: skip
    if signed:
        _enter_into_force(supplement, order, by=by, at=at)
    return supplement


def _still_ends(order: Order, supplement: Supplement) -> None:
    """Raise NotForSupplements when the order has moved on since the termination was drawn up."""
    fits = (
        order.state == OrderState.CONTRACTED if supplement.ends_on is None else order.state in AFTER_DELIVERY
    )
    if not fits:
        remedy = gettext("提出之后订单已有变化，请撤回或谢绝，再按现在的状态重新提出。")
        raise NotForSupplements(state=order.get_state_display(), remedy=remedy)


def _enter_into_force(supplement: Supplement, order: Order, *, by: Actor, at: datetime) -> None:
    supplement.in_force_at = at
    SUPPLEMENT.move(supplement, "enter_into_force", by=by, at=at, update_fields=["in_force_at"])
    if supplement.kind == SupplementKind.AMENDMENT:
        order.term_days = supplement.term_days or order.term_days
        order.inspection_days = supplement.inspection_days or order.inspection_days
        order.save(update_fields=["term_days", "inspection_days"])
    elif supplement.ends_on is None:
        reason = f"双方签署补充合同 {supplement.number} 终止。"
        ORDER.move(order, "cancel", by=by, at=at, reason=reason)
        announce(OrderCancelled(at=at, order_id=order.pk, by=by, reason=reason))
    else:
        order.terminated_at = max(at, clock.start_of(supplement.ends_on))
        order.save(update_fields=["terminated_at"])
    record(by=by, at=at, action="supplements.in_force", subject=supplement, detail={"order": order.number})
    announce(SupplementInForce(at=at, supplement_id=supplement.pk, by=by))


@transaction.atomic
def end_supplement(*, by: Actor, at: datetime, supplement_id: UUID, move: str, reason: str) -> Supplement:
    """Give an open supplement up: "withdraw" by the side that proposed it, "decline" by the other."""
    assert move in ("withdraw", "decline"), move
    supplement, order = _locked(supplement_id)
    require_signer(order, by)
    is_own = party_of(order, by) == supplement.proposed_party
    SUPPLEMENT.check(supplement, move)
    if is_own != (move == "withdraw"):
        raise OtherSidesSupplement
    reason = reason.strip()
    if not 2 <= len(reason) <= 500:
        raise InvalidInput(field="reason", reason=gettext("请用 2 到 500 个字写明理由，对方能看到。"))
    SUPPLEMENT.move(supplement, move, by=by, at=at, reason=reason)
    record(by=by, at=at, action=f"supplements.{move}", subject=supplement, detail={"reason": reason})
    announce(SupplementEnded(at=at, supplement_id=supplement.pk, by=by, reason=reason))
    return supplement
