"""Every write of demands. The demand is locked first, its answers after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from assets.registry.states import ProductKind
from audit.services import record
from exchange.catalogue.models import Product
from exchange.catalogue.states import Industry, ListingState, TaskType
from exchange.demands import rules
from exchange.demands.events import (
    AnswerShortlisted,
    DemandAnswered,
    DemandAwarded,
    DemandEnded,
    DemandHidden,
    DemandMatched,
    DemandPublished,
    MessageSent,
)
from exchange.demands.models import Answer, AnswerMessage, Demand, DemandInvitation, ToldMatch
from exchange.demands.permissions import ANSWER_DEMANDS, MODERATE_DEMANDS, POST_DEMANDS
from exchange.demands.selectors import (
    answers_visible_to,
    demands_visible_to,
    firms_to_invite,
    open_demands_visible_to,
    products_for,
)
from exchange.demands.states import (
    ANSWER,
    DEMAND,
    LIVE_ANSWER,
    OPEN_DEMAND,
    AnswerState,
    DemandState,
    DemandVisibility,
    Side,
)
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from organizations.models import Organization
from organizations.permissions import Actor

WORDING = (
    "title", "description", "industry", "kind", "modality", "task", "quantity", "quality_bp", "budget_least_fen",
    "budget_most_fen", "deadline", "visibility", "contact_name", "contact_phone", "contact_email",
)  # fmt: skip
MOST_FEN = 10**15
MOST_QUANTITY = 10**12
MOST_DELIVERY_DAYS = 3_650


class DemandLocked(Refusal):
    """What was published stays as firms have read it."""

    code = "demand_locked"
    message = _("需求当前为“%(state)s”，内容已锁定。如需修改，请撤回后重新发布。")


class DeadlinePassed(Refusal):
    """Answers are taken, edited and withdrawn before the deadline only."""

    code = "demand_deadline_passed"
    message = _("应答已于 %(deadline)s 截止，不能再提交、修改或撤回。")


class OwnDemand(Refusal):
    """Nobody answers itself."""

    code = "own_demand"
    message = _("不能应答本单位发布的需求。")


class NobodyInvited(Refusal):
    """A demand for invited firms names at least one."""

    code = "demand_nobody_invited"
    message = _("可见范围为“仅受邀单位”，请至少邀请一家单位后再发布。")
    status = 422


class NotTheirTurn(Refusal):
    """The step belongs to the other side."""

    code = "demand_wrong_side"
    message = _("这一步由%(side)s办理。")
    status = 403


class DemandIsHidden(Refusal):
    """The operator took it out of sight."""

    code = "demand_hidden"
    message = _("该需求已被服务基地隐藏，暂停征集。如有疑问请联系服务基地。")


def locked_demand(demand_id: UUID) -> Demand:
    """The demand under lock with its buyer; NotFound when there is none."""
    rows = Demand.objects.select_for_update(of=("self",), no_key=True).filter(pk=demand_id)
    found = rows.select_related("buyer").defer("search").first()
    if found is None:
        raise NotFound
    return found


def _own_demand(by: Actor, demand_id: UUID) -> Demand:
    """The buyer's demand under lock: 404 when the actor does not see it, 403 when it is another's."""
    demand = locked_demand(demand_id)
    if not by.belongs_to(demand.buyer_id):
        if not demands_visible_to(by).filter(pk=demand_id).exists():
            raise NotFound
        raise NotTheirTurn(side=Side.BUYER.label)
    by.require(POST_DEMANDS)
    return demand


# --- the buyer's demand -------------------------------------------------------------------------


def _checked(values: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The wording of a demand with texts stripped; InvalidInput names the field and the remedy."""
    kept: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in values.items()
    }
    for name, value in kept.items():
        most = getattr(Demand._meta.get_field(name), "max_length", None)
        if isinstance(value, str) and most is not None and len(value) > most:
            raise InvalidInput(field=name, reason=gettext("最多 %(most)s 个字符。") % {"most": most})
    for name, reason in (
        ("title", gettext("请填写需求名称。")),
        ("description", gettext("请写明用途、范围和格式要求。")),
        ("contact_name", gettext("请填写联系人。")),
    ):
        if not kept.get(name):
            raise InvalidInput(field=name, reason=reason)
    known = (("industry", Industry), ("kind", ProductKind), ("modality", Modality), ("task", TaskType))
    for name, choices in known:
        if kept.get(name, "") not in choices.values and (name == "industry" or kept.get(name)):
            raise InvalidInput(field=name, reason=gettext("请从给出的选项中选择。"))
    if kept["visibility"] not in DemandVisibility.values:
        raise InvalidInput(field="visibility", reason=gettext("请从给出的选项中选择。"))
    _check_numbers(kept)
    if kept["deadline"] <= at:
        raise InvalidInput(field="deadline", reason=gettext("截止时间应晚于现在。"))
    if not kept.get("contact_phone") and not kept.get("contact_email"):
        raise InvalidInput(field="contact_phone", reason=gettext("电话和邮箱请至少填写一项。"))
    if kept.get("contact_email"):
        try:
            validate_email(kept["contact_email"])
        except ValidationError as wrong:
            raise InvalidInput(field="contact_email", reason=gettext("请填写有效的邮箱地址。")) from wrong
    return kept


def _check_numbers(kept: Mapping[str, Any]) -> None:
    least, most = kept.get("budget_least_fen"), kept.get("budget_most_fen")
    if least is not None and most is None:
        raise InvalidInput(
            field="budget_most_fen", reason=gettext("请填写预算上限，或把上下限都留空表示面议。")
        )
    if most is not None and not 0 < most <= MOST_FEN:
        raise InvalidInput(field="budget_most_fen", reason=gettext("预算上限应大于零且不超过 10 万亿元。"))
    if least is not None and not 0 <= least <= (most or 0):
        raise InvalidInput(field="budget_least_fen", reason=gettext("预算下限不能高于上限。"))
    quantity, quality = kept.get("quantity"), kept.get("quality_bp")
    if quantity is not None and not 0 < quantity <= MOST_QUANTITY:
        raise InvalidInput(field="quantity", reason=gettext("数量应在 1 到 1 万亿之间，不限请留空。"))
    if quality is not None and not 0 < quality <= 10_000:
        raise InvalidInput(field="quality_bp", reason=gettext("质量要求应在 0 到 100% 之间，不限请留空。"))


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log keeps of a demand: everything but the contact."""
    return {name: value for name, value in values.items() if not name.startswith("contact_")}


@transaction.atomic
def draft_demand(*, by: Actor, at: datetime, invited: Iterable[UUID] = (), **wording: Any) -> Demand:
    """A new demand of the actor's organization; `wording` has the keys of WORDING. State: draft.

    Raises NotAllowed, InvalidInput.
    """
    assert set(wording) <= set(WORDING), f"unknown: {set(wording) - set(WORDING)}"
    by.require(POST_DEMANDS)
    if by.organization is None:
        raise NotAllowed(permission=POST_DEMANDS.label, organization="—")
    kept = _checked({"visibility": DemandVisibility.PUBLIC, **wording}, at)
    demand = Demand(
        number=new_number("XQ", at), buyer=by.organization, created_by=by.user, created_at=at, **kept
    )
    demand.save(force_insert=True)
    names = _invite(demand, by, at, invited)
    record(by=by, at=at, action="demands.draft", subject=demand, detail={**_told(kept), "invited": names})
    return demand


@transaction.atomic
def edit_demand(
    *, by: Actor, at: datetime, demand_id: UUID, invited: Iterable[UUID] | None = None, **wording: Any
) -> Demand:
    """Change a draft; what is left out stays. Raises DemandLocked once it is published."""
    assert set(wording) <= set(WORDING), f"unknown: {set(wording) - set(WORDING)}"
    demand = _own_demand(by, demand_id)
    if demand.state != DemandState.DRAFT:
        raise DemandLocked(state=demand.get_state_display())
    kept = _checked({**{name: getattr(demand, name) for name in WORDING}, **wording}, at)
    changed = {name: value for name, value in kept.items() if getattr(demand, name) != value}
    for name, value in changed.items():
        setattr(demand, name, value)
    if changed:
        demand.save(update_fields=list(changed))
    detail: dict[str, Any] = _told(changed)
    if invited is not None:
        demand.invitations.all().delete()
        detail["invited"] = _invite(demand, by, at, invited)
    record(by=by, at=at, action="demands.edit", subject=demand, detail=detail)
    return demand


def _invite(demand: Demand, by: Actor, at: datetime, invited: Iterable[UUID]) -> list[str]:
    wanted = list(dict.fromkeys(invited))
    if len(wanted) > rules.MOST_INVITED:
        raise InvalidInput(
            field="invited", reason=gettext("最多邀请 %(most)s 家单位。") % {"most": rules.MOST_INVITED}
        )
    firms = list(firms_to_invite(by).filter(pk__in=wanted))
    if len(firms) != len(wanted):
        raise InvalidInput(field="invited", reason=gettext("请从已认证的供方单位中选择。"))
    DemandInvitation.objects.bulk_create(
        [DemandInvitation(demand=demand, organization=firm, invited_at=at) for firm in firms]
    )
    return [firm.name for firm in firms]


@transaction.atomic
def publish_demand(*, by: Actor, at: datetime, demand_id: UUID) -> Demand:
    """Open a draft for answers. Raises NobodyInvited, InvalidInput when its deadline has passed meanwhile."""
    demand = _own_demand(by, demand_id)
    DEMAND.check(demand, "publish")
    if demand.deadline <= at:
        raise InvalidInput(field="deadline", reason=gettext("截止时间应晚于现在。"))
    invited = list(demand.invitations.order_by("pk").values_list("organization_id", flat=True))
    if demand.visibility == DemandVisibility.INVITED and not invited:
        raise NobodyInvited
    demand.published_at = at
    DEMAND.move(demand, "publish", by=by, at=at, update_fields=["published_at"])
    record(by=by, at=at, action="demands.publish", subject=demand)
    announce(DemandPublished(at=at, demand_id=demand.pk, invited=tuple(invited), by=by))
    return demand


@transaction.atomic
def close_demand(*, by: Actor, at: datetime, demand_id: UUID, reason: str = "") -> Demand:
    """End a published demand without a choice; live answers are told so."""
    return _end(_own_demand(by, demand_id), "close", by=by, at=at, reason=reason)


@transaction.atomic
def withdraw_demand(*, by: Actor, at: datetime, demand_id: UUID, reason: str = "") -> Demand:
    """Take a demand back, as if it had not been asked; live answers are told so."""
    return _end(_own_demand(by, demand_id), "withdraw", by=by, at=at, reason=reason)


class NotOverdue(Refusal):
    """There is still time."""

    code = "demand_not_overdue"
    message = _("需求尚未到期。")


@transaction.atomic
def expire_demand(*, at: datetime, demand_id: UUID) -> Demand:
    """End one demand by time: without answers at its deadline, with answers when nobody was chosen in time."""
    demand = locked_demand(demand_id)
    DEMAND.check(demand, "expire")
    end = rules.decision_end(demand.deadline) if demand.state == DemandState.ANSWERED else demand.deadline
    if at < end:
        raise NotOverdue
    return _end(demand, "expire", by=Actor.system("需求到期"), at=at, reason="")


def _end(demand: Demand, move: str, *, by: Actor, at: datetime, reason: str) -> Demand:
    DEMAND.check(demand, move)
    demand.ended_at = at
    live = _locked_answers(demand).filter(state__in=LIVE_ANSWER)
    ended = []
    for answer in live:
        ANSWER.move(answer, "decline", by=by, at=at, reason=reason.strip())
        ended.append(answer.pk)
    DEMAND.move(demand, move, by=by, at=at, reason=reason.strip(), update_fields=["ended_at"])
    record(by=by, at=at, action=f"demands.{move}", subject=demand, detail={"reason": reason.strip()})
    announce(DemandEnded(at=at, demand_id=demand.pk, answers=tuple(ended), by=by))
    return demand


# --- moderation ---------------------------------------------------------------------------------


@transaction.atomic
def hide_demand(*, by: Actor, at: datetime, demand_id: UUID, reason: str) -> Demand:
    """Take a demand out of sight (operator), with the reason for its buyer; hiding again changes nothing."""
    demand = _demand_to_moderate(by, demand_id)
    if not reason.strip():
        raise InvalidInput(field="reason", reason=gettext("请写明隐藏的理由，需方能看到。"))
    if demand.hidden_at is not None:
        return demand
    demand.hidden_at, demand.hidden_by, demand.hidden_reason = at, by.user, reason.strip()[:500]
    demand.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    record(by=by, at=at, action="demands.hide", subject=demand, detail={"reason": demand.hidden_reason})
    announce(DemandHidden(at=at, demand_id=demand.pk, by=by, reason=demand.hidden_reason))
    return demand


@transaction.atomic
def show_demand(*, by: Actor, at: datetime, demand_id: UUID) -> Demand:
    """Bring a hidden demand back into sight (operator)."""
    demand = _demand_to_moderate(by, demand_id)
    if demand.hidden_at is None:
        return demand
    demand.hidden_at, demand.hidden_by, demand.hidden_reason = None, None, ""
    demand.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    record(by=by, at=at, action="demands.show", subject=demand)
    return demand


def _demand_to_moderate(by: Actor, demand_id: UUID) -> Demand:
    demand = locked_demand(demand_id)
    if not demands_visible_to(by).filter(pk=demand_id).exists():
        raise NotFound
    by.require(MODERATE_DEMANDS)
    return demand


# --- a firm's answer ----------------------------------------------------------------------------


def _locked_answers(demand: Demand) -> QuerySet[Answer]:
    return Answer.objects.select_for_update(of=("self",), no_key=True).filter(demand=demand).order_by("pk")


def _require_open(demand: Demand, at: datetime) -> None:
    if demand.state not in OPEN_DEMAND:
        DEMAND.check(demand, "close")
    if demand.hidden_at is not None:
        raise DemandIsHidden
    if at >= demand.deadline:
        raise DeadlinePassed(deadline=f"{demand.deadline.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}")


@transaction.atomic
def submit_answer(
    *,
    by: Actor,
    at: datetime,
    demand_id: UUID,
    product_number: str = "",
    words: str = "",
    price: Money | None = None,
    delivery_days: int | None = None,
) -> Answer:
    """Answer a demand before its deadline, with a product on sale or an offer in words; again to change it.

    An offer in words needs a price and a delivery time. Raises NotAllowed, NotFound, OwnDemand, DeadlinePassed,
    DemandIsHidden, InvalidInput.
    """
    demand = locked_demand(demand_id)
    if not demands_visible_to(by).filter(pk=demand_id).exists():
        raise NotFound
    by.require(ANSWER_DEMANDS)
    firm = by.organization
    if firm is None:
        raise NotAllowed(permission=ANSWER_DEMANDS.label, organization="—")
    if firm.pk == demand.buyer_id:
        raise OwnDemand
    answer = _locked_answers(demand).filter(firm=firm).first()
    if answer is None and not open_demands_visible_to(by).filter(pk=demand_id).exists():
        _require_open(demand, at)
        raise NotFound
    _require_open(demand, at)
    offer = _checked_offer(firm, product_number, words, price, delivery_days)
    if answer is None:
        answer = Answer(demand=demand, firm=firm, submitted_by=by.user, submitted_at=at, **offer)
        answer.save(force_insert=True)
        is_news = True
    else:
        is_news = _changed(answer, offer, by=by, at=at)
    record(by=by, at=at, action="answers.submit", subject=answer, detail=_told_offer(answer))
    if is_news:
        if demand.state == DemandState.PUBLISHED:
            DEMAND.move(demand, "answer", by=by, at=at)
        announce(DemandAnswered(at=at, demand_id=demand.pk, answer_id=answer.pk, by=by))
    return answer


def _changed(answer: Answer, offer: Mapping[str, Any], *, by: Actor, at: datetime) -> bool:
    """Put the new offer into an answer; whether it had been withdrawn and is news again."""
    was_withdrawn: bool = answer.state == AnswerState.WITHDRAWN
    if not was_withdrawn and answer.state not in LIVE_ANSWER:
        ANSWER.check(answer, "withdraw")
    for name, value in offer.items():
        setattr(answer, name, value)
    answer.edited_at = at
    names = [*offer, "edited_at"]
    if was_withdrawn:
        ANSWER.move(answer, "resubmit", by=by, at=at, update_fields=names)
    else:
        answer.save(update_fields=names)
    return was_withdrawn


def _told_offer(answer: Answer) -> dict[str, Any]:
    return {
        "product": answer.product.number if answer.product else "",
        "price_fen": answer.price_fen,
        "delivery_days": answer.delivery_days,
    }


def _checked_offer(
    firm: Organization, product_number: str, words: str, price: Money | None, delivery_days: int | None
) -> dict[str, Any]:
    text, product = words.strip(), None
    if product_number:
        own = Product.objects.filter(supplier=firm, state=ListingState.LISTED)
        product = own.defer("search").filter(number=product_number).first()
        if product is None:
            raise InvalidInput(field="product", reason=gettext("请选择本单位正在销售的产品。"))
    if len(text) > 4_000:
        raise InvalidInput(field="words", reason=gettext("最多 %(most)s 个字符。") % {"most": 4_000})
    if product is None and not text:
        raise InvalidInput(field="words", reason=gettext("请选择一个产品，或写明您的方案。"))
    if price is not None and not 0 < price.fen <= MOST_FEN:
        raise InvalidInput(field="price", reason=gettext("报价应大于零。"))
    if delivery_days is not None and not 0 < delivery_days <= MOST_DELIVERY_DAYS:
        raise InvalidInput(field="delivery_days", reason=gettext("交付时间应在 1 到 3650 天之间。"))
    if product is None and price is None:
        raise InvalidInput(field="price", reason=gettext("不选产品时，请填写含税报价。"))
    if product is None and delivery_days is None:
        raise InvalidInput(field="delivery_days", reason=gettext("不选产品时，请填写交付时间。"))
    return {
        "product": product,
        "words": text,
        "price_fen": price.fen if price is not None else None,
        "delivery_days": delivery_days,
    }


def _locked_answer(by: Actor, answer_id: UUID) -> tuple[Demand, Answer, Side]:
    """The demand and the answer under lock, and which side the actor is on; NotFound for everybody else."""
    found = answers_visible_to(by).filter(pk=answer_id).values_list("demand_id", flat=True).first()
    if found is None:
        raise NotFound
    demand = locked_demand(found)
    answer = (
        _locked_answers(demand).select_related("firm", "product").defer("product__search").get(pk=answer_id)
    )
    answer.demand = demand
    return demand, answer, Side.BUYER if by.belongs_to(demand.buyer_id) else Side.FIRM


def _require_side(side: Side, wanted: Side, by: Actor) -> None:
    if side is not wanted and not by.is_system:
        raise NotTheirTurn(side=wanted.label)
    by.require(POST_DEMANDS if wanted is Side.BUYER else ANSWER_DEMANDS)


@transaction.atomic
def withdraw_answer(*, by: Actor, at: datetime, answer_id: UUID) -> Answer:
    """Take an answer back before the deadline; it may be submitted again until then."""
    demand, answer, side = _locked_answer(by, answer_id)
    _require_side(side, Side.FIRM, by)
    ANSWER.check(answer, "withdraw")
    _require_open(demand, at)
    ANSWER.move(answer, "withdraw", by=by, at=at)
    record(by=by, at=at, action="answers.withdraw", subject=answer)
    return answer


@transaction.atomic
def shortlist_answer(*, by: Actor, at: datetime, answer_id: UUID) -> Answer:
    """The buyer looks closer at an answer."""
    _demand, answer, side = _locked_answer(by, answer_id)
    _require_side(side, Side.BUYER, by)
    ANSWER.move(answer, "shortlist", by=by, at=at)
    record(by=by, at=at, action="answers.shortlist", subject=answer)
    announce(AnswerShortlisted(at=at, answer_id=answer.pk, by=by))
    return answer


@transaction.atomic
def send_message(*, by: Actor, at: datetime, answer_id: UUID, text: str) -> AnswerMessage:
    """Write to the other side about an answer while it is live or chosen; kept as it was sent."""
    _demand, answer, side = _locked_answer(by, answer_id)
    _require_side(side, side, by)
    if answer.state not in (*LIVE_ANSWER, AnswerState.CHOSEN):
        ANSWER.check(answer, "decline")
    if not text.strip() or len(text) > 2_000:
        raise InvalidInput(field="text", reason=gettext("请写 1 到 2000 个字。"))
    message = AnswerMessage.objects.create(
        answer=answer, side=side, text=text.strip(), sent_by=by.user, sender_label=by.label[:200], sent_at=at
    )
    record(by=by, at=at, action="answers.message", subject=answer, detail={"side": side.value})
    announce(MessageSent(at=at, answer_id=answer.pk, message_id=message.pk, by=by))
    return message


@transaction.atomic
def award_answer(*, by: Actor, at: datetime, answer_id: UUID, reason: str = "") -> Demand:
    """Choose one answer; all other live ones are declined and told politely. Places no order by itself."""
    demand, answer, side = _locked_answer(by, answer_id)
    _require_side(side, Side.BUYER, by)
    DEMAND.check(demand, "award")
    ANSWER.move(answer, "choose", by=by, at=at, reason=reason.strip())
    declined = []
    for other in _locked_answers(demand).filter(state__in=LIVE_ANSWER):
        ANSWER.move(other, "decline", by=by, at=at)
        declined.append(other.pk)
    demand.ended_at = at
    DEMAND.move(demand, "award", by=by, at=at, reason=reason.strip(), update_fields=["ended_at"])
    record(by=by, at=at, action="demands.award", subject=demand,
           detail={"firm": answer.firm.name, "reason": reason.strip(), "declined": len(declined)})  # fmt: skip
    announce(DemandAwarded(at=at, demand_id=demand.pk, answer_id=answer.pk, declined=tuple(declined), by=by))
    return demand


# --- suggestions --------------------------------------------------------------------------------


@transaction.atomic
def tell_matches(*, at: datetime, demand_id: UUID) -> int:
    """Tell firms of an open demand that one of their products answers; each firm once. How many were told now.

    A firm is told only of a demand that it finds, and only of products that the buyer would find.
    """
    demand = locked_demand(demand_id)
    if demand.state not in OPEN_DEMAND or demand.hidden_at is not None or at >= demand.deadline:
        return 0
    buyer = Actor(organization=demand.buyer)
    told = set(ToldMatch.objects.filter(demand=demand).values_list("organization_id", flat=True))
    told |= set(demand.answers.values_list("firm_id", flat=True))
    count = 0
    for suggested in products_for(buyer, demand):
        firm = suggested.product.supplier
        if (
            firm.pk in told
            or not open_demands_visible_to(Actor(organization=firm)).filter(pk=demand.pk).exists()
        ):
            continue
        told.add(firm.pk)
        ToldMatch.objects.create(demand=demand, organization=firm, product=suggested.product, told_at=at)
        announce(
            DemandMatched(
                at=at, demand_id=demand.pk, organization_id=firm.pk, product_id=suggested.product.pk
            )
        )
        count += 1
    return count
