"""Mandates: offered by either side, signed by both, ended, handed over when the broker leaves the pilot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from audit.services import record
from exchange.brokers import rules
from exchange.brokers.events import HandoverOpened, MandateEnded, MandateOffered, MandateSigned
from exchange.brokers.models import Mandate, MandateSignature
from exchange.brokers.permissions import ENTRUST, SIGN_AS_BROKER, WORK
from exchange.brokers.selectors import (
    due_mandates,
    mandates_visible_to,
    reach_of,
    signed_parties,
    standing_of,
)
from exchange.brokers.states import MANDATE, RUNNING, MandateState, Party, Payer, Scope, Side
from exchange.catalogue.models import Product
from exchange.catalogue.selectors import listed_products
from exchange.catalogue.states import Industry
from exchange.pilots.models import Pilot
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from kernel.records import new_id
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind as Kind


class NotABroker(Refusal):
    """Only a broker in the pilot, or graduated from it, takes mandates."""

    code = "not_a_broker_in_pilot"
    message = _("%(name)s目前不是试点中或已结业的数据经纪人，不能承接委托。请从试点名录中选择其他经纪人。")


class NotAPrincipal(Refusal):
    """A supply-side mandate is a supplier's, a demand-side mandate a buyer's."""

    code = "not_a_principal"
    message = _("%(name)s不能作为%(side)s委托人：供给侧须为数据标注企业，需求侧须为数据买方。")


class AlreadySigned(Refusal):
    """Each side signs once."""

    code = "mandate_already_signed"
    message = _("%(party)s已签署过这份委托，等待对方签署。")


class OtherText(Refusal):
    """The signer read another text."""

    code = "mandate_other_text"
    message = _("签署的文本摘要与委托合同不一致，请重新打开全文核对后再签。")


class ExclusiveElsewhere(Refusal):
    """An exclusive mandate leaves no room for another broker in the same scope."""

    code = "exclusive_mandate"
    message = _("与委托 %(number)s 的独占范围重叠。请先终止该委托，或缩小范围、错开期限后重新发起。")


class MandateNotInForce(Refusal):
    """The mandate does not hold at this moment."""

    code = "mandate_not_in_force"
    message = _("委托 %(number)s 此刻不在有效期内，或经纪人已退出试点。请先办理新的委托。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The terms that one side offers. Exactly one of `commission_bp` and `commission` is given."""

    side: str
    scope: str = Scope.ALL.value
    industries: tuple[str, ...] = ()
    product_numbers: tuple[str, ...] = ()
    wish_modality: str = ""
    wish_labels: tuple[str, ...] = ()
    wish_budget: Money | None = None
    starts_at: datetime
    ends_at: datetime
    commission_bp: int = 0
    commission: Money = Money(0)  # noqa: RUF009 - immutable
    payer: str
    is_exclusive: bool = False


def locked_mandate(by: Actor, mandate_id: UUID) -> Mandate:
    """The mandate under lock; NotFound unless the actor may see it."""
    rows = Mandate.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    found = rows.select_related("principal", "broker", "pilot").filter(pk=mandate_id).first()
    if found is None or not (by.is_system or mandates_visible_to(by).filter(pk=mandate_id).exists()):
        raise NotFound
    return found


def party_of(mandate: Mandate, by: Actor) -> Party:
    """The actor's side; NotAllowed for onlookers and without the right of that side."""
    if by.belongs_to(mandate.broker_id) and not by.is_system:
        by.require(WORK)
        return Party.BROKER
    if by.belongs_to(mandate.principal_id):
        by.require(ENTRUST)
        return Party.PRINCIPAL
    raise NotAllowed(permission=ENTRUST.label, organization=str(by.organization or "—"))


@transaction.atomic
def offer_mandate(
    *, by: Actor, at: datetime, principal_id: UUID, broker_id: UUID, terms: Proposal
) -> Mandate:
    """Draw up a mandate for both to sign; offered by the principal or by the broker.

    Raises NotABroker, NotAPrincipal, InvalidInput (field of `terms`), NotAllowed for anybody else.
    """
    if by.belongs_to(broker_id) and not by.is_system:
        by.require(WORK)
        offerer = Party.BROKER
    elif by.belongs_to(principal_id):
        by.require(ENTRUST)
        offerer = Party.PRINCIPAL
    else:
        raise NotAllowed(permission=ENTRUST.label, organization=str(by.organization or "—"))
    return _offer(by, at, offerer, principal_id, broker_id, terms, follows=None)


def _offer(
    by: Actor, at: datetime, offerer: Party, principal_id: UUID, broker_id: UUID, terms: Proposal,
    *, follows: Mandate | None,
) -> Mandate:  # fmt: skip
    principal = Organization.objects.filter(pk=principal_id).first()
    broker = Organization.objects.filter(pk=broker_id).first()
    if principal is None or broker is None:
        raise NotFound
    pilot = standing_of(broker_id, at)
    if pilot is None:
        raise NotABroker(name=broker.name)
    products = _checked(principal, broker, terms, at)
    made = _mandate(principal, broker, pilot, terms, products, at)
    made.offered_by_party, made.follows = offerer, follows
    made.save(force_insert=True)
    made.products.set(products)
    record(
        by=by, at=at, action="mandates.offer", subject=made,
        detail={"principal": principal.uscc, "broker": broker.uscc, "text_sha256": made.text_sha256},
    )  # fmt: skip
    announce(MandateOffered(at=at, mandate_id=made.pk, by=by))
    return made


def _checked(principal: Organization, broker: Organization, terms: Proposal, at: datetime) -> list[Product]:
    """The products of the scope, after every check of the terms."""
    if terms.side not in Side.values:
        raise InvalidInput(field="side", reason=_("请选择委托方向。"))
    wanted = Kind.ANNOTATION_FIRM if terms.side == Side.SUPPLY else Kind.BUYER
    if not principal.is_kind(wanted) or principal.pk == broker.pk:
        raise NotAPrincipal(name=principal.name, side=Side(terms.side).label)
    if terms.payer not in Payer.values:
        raise InvalidInput(field="payer", reason=_("请选择佣金由哪一方承担。"))
    _check_term(terms, at)
    _check_commission(terms)
    if terms.wish_modality and terms.wish_modality not in Modality.values:
        raise InvalidInput(field="wish_modality", reason=_("请选择列出的数据形态。"))
    if terms.wish_budget is not None and terms.wish_budget.fen <= 0:
        raise InvalidInput(field="wish_budget", reason=_("预算应大于零；没有预算请留空。"))
    return _scoped_products(principal, terms)


def _check_term(terms: Proposal, at: datetime) -> None:
    if not terms.starts_at < terms.ends_at or terms.ends_at <= at:
        raise InvalidInput(field="ends_at", reason=_("期满时间应晚于开始时间和现在。"))
    if terms.starts_at - at > timedelta(days=rules.MOST_TERM_DAYS):
        raise InvalidInput(field="starts_at", reason=_("开始时间应在三年以内。"))
    if terms.ends_at - terms.starts_at > timedelta(days=rules.MOST_TERM_DAYS):
        raise InvalidInput(field="ends_at", reason=_("委托期限最长三年，请缩短期限。"))


def _check_commission(terms: Proposal) -> None:
    if (terms.commission_bp > 0) == bool(terms.commission) or terms.commission_bp < 0:
        raise InvalidInput(field="commission_bp", reason=_("佣金比例和固定佣金填写其中一项。"))
    if terms.commission_bp > rules.MOST_COMMISSION_BP or terms.commission.fen < 0:
        reason = _("佣金比例最高 %(most)s。") % {"most": rules.percent(rules.MOST_COMMISSION_BP)}
        raise InvalidInput(field="commission_bp", reason=reason)


def _scoped_products(principal: Organization, terms: Proposal) -> list[Product]:
    if terms.scope not in Scope.values:
        raise InvalidInput(field="scope", reason=_("请选择委托范围。"))
    if terms.scope == Scope.INDUSTRIES and not (
        terms.industries and set(terms.industries) <= set(Industry.values)
    ):
        raise InvalidInput(field="industries", reason=_("请至少选择一个行业。"))
    if terms.scope != Scope.PRODUCTS:
        return []
    rows = listed_products().filter(number__in=terms.product_numbers)
    rows = rows.filter(supplier=principal) if terms.side == Side.SUPPLY else rows.exclude(supplier=principal)
    found = list(rows.order_by("pk"))
    if not found or len(found) != len(set(terms.product_numbers)):
        reason = _("请填写在售产品的编号：供给侧限本单位产品，需求侧限其他单位产品。")
        raise InvalidInput(field="product_numbers", reason=reason)
    return found


def _mandate(
    principal: Organization, broker: Organization, pilot: Pilot, terms: Proposal, products: list[Product],
    at: datetime,
) -> Mandate:  # fmt: skip
    number = new_number("WT", at)
    labels = rules.words(terms.wish_labels)
    text = rules.mandate_text(
        rules.Terms(
            number=number,
            on=clock.business_date(at),
            side=terms.side,
            principal_name=principal.name,
            principal_uscc=principal.uscc,
            broker_name=broker.name,
            broker_uscc=broker.uscc,
            pilot_number=pilot.number,
            scope_words=_scope_words(terms, products),
            wish_words=_wish_words(terms, labels),
            first_day=clock.business_date(terms.starts_at),
            until=terms.ends_at,
            basis_points=terms.commission_bp,
            fixed=terms.commission,
            payer_words="供方" if terms.payer == Payer.SUPPLIER else "需方",
            is_exclusive=terms.is_exclusive,
        )
    )
    return Mandate(
        id=new_id(), number=number, side=terms.side, principal=principal, broker=broker, pilot=pilot,
        scope=terms.scope, industries=sorted(set(terms.industries)) if terms.scope == Scope.INDUSTRIES else [],
        wish_modality=terms.wish_modality, wish_labels=labels,
        wish_budget_fen=terms.wish_budget.fen if terms.wish_budget else None,
        starts_at=terms.starts_at, ends_at=terms.ends_at, commission_bp=terms.commission_bp,
        commission_fen=terms.commission.fen, payer=terms.payer, is_exclusive=terms.is_exclusive,
        text=text, text_sha256=rules.text_hash(text), offered_at=at,
    )  # fmt: skip


# The contract is Chinese whatever language the offerer reads in.
_INDUSTRY_WORDS = {
    "science": "科学研究", "manufacturing": "工业制造", "agriculture": "农业农村", "energy": "智慧能源",
    "transport": "交通运输", "finance": "金融服务", "health": "医疗卫生", "education": "教育教学",
    "commerce": "商贸流通", "labour": "人力资源", "tourism": "文化旅游", "emergency": "应急管理",
    "weather": "气象服务", "green": "绿色低碳", "safety": "公共安全", "governance": "城市治理",
}  # fmt: skip
_MODALITY_WORDS = {
    "text": "文本", "image": "图像", "audio": "音频", "video": "视频", "point_cloud": "点云", "table": "表格",
}  # fmt: skip


def _scope_words(terms: Proposal, products: list[Product]) -> str:
    if terms.scope == Scope.INDUSTRIES:
        return "、".join(_INDUSTRY_WORDS[code] for code in sorted(set(terms.industries))) + "行业的数据产品"
    if terms.scope == Scope.PRODUCTS:
        return "、".join(f"“{product.title}”（{product.number}）" for product in products)
    return "全部数据产品"


def _wish_words(terms: Proposal, labels: list[str]) -> str:
    if terms.side != Side.DEMAND:
        return ""
    parts = []
    if terms.wish_modality:
        parts.append(f"数据形态为{_MODALITY_WORDS.get(terms.wish_modality, terms.wish_modality)}")
    if labels:
        parts.append(f"标签包括{'、'.join(labels)}")
    if terms.wish_budget:
        parts.append(f"单笔预算不超过 {str(terms.wish_budget).lstrip('¥')} 元")
    return "；".join(parts)


@transaction.atomic
def sign_mandate(*, by: Actor, at: datetime, mandate_id: UUID, text_sha256: str) -> Mandate:
    """Sign for the actor's side the text with that hash; the second signature makes the mandate hold.

    The caller has let the person confirm who they are. Raises OtherText, AlreadySigned, NotABroker,
    ExclusiveElsewhere, MoveNotAllowed, InvalidInput when the term has run out meanwhile.
    """
    mandate = locked_mandate(by, mandate_id)
    party = party_of(mandate, by)
    if party is Party.BROKER:
        by.require(SIGN_AS_BROKER)
    MANDATE.check(mandate, "sign")
    if text_sha256 != mandate.text_sha256:
        raise OtherText(field="text_sha256")
    signed = signed_parties(mandate)
    if party.value in signed:
        raise AlreadySigned(party=party.label)
    if standing_of(mandate.broker_id, at) is None:
        raise NotABroker(name=mandate.broker.name)
    if at >= mandate.ends_at:
        raise InvalidInput(field="text_sha256", reason=_("委托期限已过，请重新发起。"))
    MandateSignature(
        mandate=mandate,
        party=party,
        organization_id=mandate.broker_id if party is Party.BROKER else mandate.principal_id,
        signed_by=by.user,
        signer_label=by.label[:200],
        text_sha256=mandate.text_sha256,
        signed_at=at,
    ).save(force_insert=True)
    is_whole = len(signed | {party.value}) == len(Party)
    if is_whole:
        _require_room(mandate, at)
        MANDATE.walk(mandate, ["sign", "activate"] if mandate.starts_at <= at else ["sign"], by=by, at=at)
    record(
        by=by, at=at, action="mandates.sign", subject=mandate,
        detail={"party": party.value, "text_sha256": mandate.text_sha256},
    )  # fmt: skip
    if is_whole:
        announce(MandateSigned(at=at, mandate_id=mandate.pk, by=by))
    return mandate


def _require_room(mandate: Mandate, at: datetime) -> None:
    """No exclusive mandate of another broker in the way; the principal's row keeps two signings apart."""
    Organization.objects.select_for_update(no_key=True).get(pk=mandate.principal_id)
    others = Mandate.objects.filter(
        principal=mandate.principal_id, side=mandate.side, state__in=RUNNING, ends_at__gt=at,
        starts_at__lt=mandate.ends_at,
    )  # fmt: skip
    own = reach_of(mandate)
    for other in (
        others.exclude(broker=mandate.broker_id).filter(ends_at__gt=mandate.starts_at).order_by("pk")
    ):
        if (mandate.is_exclusive or other.is_exclusive) and rules.overlap(own, reach_of(other)):
            raise ExclusiveElsewhere(number=other.number)


def _said(reason: str) -> str:
    reason = reason.strip()
    if not rules.LEAST_WORDS <= len(reason) <= rules.MOST_WORDS:
        raise InvalidInput(field="reason", reason=_("请用 4 到 1000 个字写明理由，对方能看到。"))
    return reason


def _over(mandate: Mandate, move: str, by: Actor, at: datetime, reason: str) -> Mandate:
    """One move that ends a mandate, with its reason, written down and told."""
    mandate.ended_at = at
    MANDATE.move(mandate, move, by=by, at=at, reason=reason, update_fields=["ended_at"])
    record(by=by, at=at, action=f"mandates.{move}", subject=mandate, detail={"reason": reason})
    announce(MandateEnded(at=at, mandate_id=mandate.pk, by=by))
    return mandate


@transaction.atomic
def refuse_mandate(*, by: Actor, at: datetime, mandate_id: UUID, reason: str) -> Mandate:
    """The side to whom the mandate was offered does not want it."""
    mandate = locked_mandate(by, mandate_id)
    if party_of(mandate, by) == mandate.offered_by_party:
        raise NotAllowed(permission=_("谢绝对方发起的委托"), organization=str(by.organization or "—"))
    MANDATE.check(mandate, "refuse")
    return _over(mandate, "refuse", by, at, _said(reason))


@transaction.atomic
def withdraw_mandate(*, by: Actor, at: datetime, mandate_id: UUID, reason: str) -> Mandate:
    """The offerer takes its offer back before both have signed."""
    mandate = locked_mandate(by, mandate_id)
    if party_of(mandate, by) != mandate.offered_by_party:
        raise NotAllowed(permission=_("撤回本方发起的委托"), organization=str(by.organization or "—"))
    MANDATE.check(mandate, "withdraw")
    return _over(mandate, "withdraw", by, at, _said(reason))


@transaction.atomic
def end_mandate(*, by: Actor, at: datetime, mandate_id: UUID, reason: str) -> Mandate:
    """Either side ends a running mandate early, the principal one that waits for a handover; deals stand."""
    mandate = locked_mandate(by, mandate_id)
    party = party_of(mandate, by)
    if mandate.state == MandateState.HANDING_OVER and party is Party.BROKER:
        raise NotAllowed(permission=ENTRUST.label, organization=str(by.organization or "—"))
    MANDATE.check(mandate, "end")
    return _over(mandate, "end", by, at, _said(reason))


@transaction.atomic
def open_handovers(*, by: Actor, at: datetime, broker_id: UUID) -> int:
    """The broker left the pilot: running mandates wait for their principals, offers end. Follows from the exit.

    Nothing passes to anybody else by itself. A broker that stays in another pilot, or
    graduated from one, keeps its mandates.
    """
    if standing_of(broker_id, at) is not None:
        return 0
    rows = Mandate.objects.select_for_update(of=("self",), no_key=True).filter(broker=broker_id)
    opened = 0
    for mandate in rows.filter(state__in=[MandateState.OFFERED, *RUNNING]).order_by("pk"):
        if mandate.state == MandateState.OFFERED:
            _over(mandate, "withdraw", by, at, "经纪人退出试点，未签署的委托作废。")
            continue
        MANDATE.move(mandate, "hand_over", by=by, at=at, reason="经纪人退出试点")
        record(by=by, at=at, action="mandates.hand_over", subject=mandate)
        announce(HandoverOpened(at=at, mandate_id=mandate.pk, by=by))
        opened += 1
    return opened


@transaction.atomic
def hand_over(*, by: Actor, at: datetime, mandate_id: UUID, broker_id: UUID) -> Mandate:
    """The principal offers the same terms for the rest of the term to another broker; the former mandate ends.

    The new mandate holds only when both have signed it. Raises NotABroker, MoveNotAllowed.
    """
    former = locked_mandate(by, mandate_id)
    if party_of(former, by) is not Party.PRINCIPAL:
        raise NotAllowed(permission=ENTRUST.label, organization=str(by.organization or "—"))
    MANDATE.check(former, "end")
    if former.state != MandateState.HANDING_OVER:
        raise InvalidInput(field="broker", reason=_("经纪人仍在试点中，不需要移交；要更换请先终止委托。"))
    if former.broker_id == broker_id:
        raise InvalidInput(field="broker", reason=_("请选择另一家经纪人。"))
    terms = Proposal(
        side=former.side, scope=former.scope, industries=tuple(former.industries),
        product_numbers=tuple(former.products.values_list("number", flat=True)),
        wish_modality=former.wish_modality, wish_labels=tuple(former.wish_labels),
        wish_budget=Money(former.wish_budget_fen) if former.wish_budget_fen else None,
        starts_at=max(at, former.starts_at), ends_at=former.ends_at, commission_bp=former.commission_bp,
        commission=Money(former.commission_fen), payer=former.payer, is_exclusive=former.is_exclusive,
    )  # fmt: skip
    _over(former, "end", by, at, "委托人选择移交其他经纪人。")
    return _offer(by, at, Party.PRINCIPAL, former.principal_id, broker_id, terms, follows=former)


def follow_terms(*, at: datetime) -> int:
    """Begin and end the mandates whose time has come, each in its own transaction; for the schedule."""
    system, moved = Actor.system("委托期限"), 0
    for mandate_id in due_mandates(at):
        with transaction.atomic():
            mandate = locked_mandate(system, mandate_id)
            if mandate.state == MandateState.SIGNED and mandate.starts_at <= at:
                MANDATE.move(mandate, "activate", by=system, at=at)
                record(by=system, at=at, action="mandates.activate", subject=mandate)
                moved += 1
            if mandate.state in (MandateState.ACTIVE, MandateState.HANDING_OVER) and mandate.ends_at <= at:
                _over(mandate, "expire", system, at, "委托期满")
                moved += 1
    return moved
