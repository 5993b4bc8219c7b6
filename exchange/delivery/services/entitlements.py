"""Entitlements: opened at delivery or claimed, followed, suspended, ended."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from assets.datasets.states import VersionState
from assets.registry.models import Certificate
from assets.registry.selectors import is_valid_on
from assets.registry.states import CertificateState
from audit.services import record
from documents import objects
from exchange.catalogue.models import Plan, Product
from exchange.catalogue.rules import LICENCE_TERMS, may_claim
from exchange.catalogue.selectors import is_running, products_visible_to, sample_rows
from exchange.catalogue.services import CertificateNotInForce, require_certificate
from exchange.catalogue.states import FREE_KINDS, Licence, ListingState, PlanKind
from exchange.delivery import selectors
from exchange.delivery.events import (
    EntitlementEnding,
    EntitlementResumed,
    EntitlementSuspended,
    QuotaReached,
    VersionAdded,
)
from exchange.delivery.models import EntitledVersion, Entitlement, Meter
from exchange.delivery.permissions import CLAIM, SUPERVISE
from exchange.delivery.rules import marks, terms
from exchange.delivery.selectors import entitlements_visible_to
from exchange.delivery.services.gates import locked_entitlement
from exchange.delivery.states import ENTITLEMENT, Covers, EntitlementState, QuotaUnit
from exchange.requests.selectors import holds_approval
from exchange.trading import policies
from exchange.trading.models import Order
from exchange.trading.selectors import is_kept_from
from exchange.trading.services import ApprovalNeeded, NotOnSale, OwnProduct, SoldExclusively
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from kernel.numbers import new_number
from organizations.models import Organization
from organizations.permissions import Actor

MARKS_NOTICE = _("按格式导出的数据表副本可能带有识别标记，用于在泄露后追溯来源；原始文件保持原样。")
_TOLD_AT = (100, 80)


class NotFree(Refusal):
    """Only free plans are claimed; the others are ordered."""

    code = "plan_not_free"
    message = _("方案“%(plan)s”需要下单购买，不能直接领取。")


class AlreadyClaimed(Refusal):
    """A trial is given once."""

    code = "already_claimed"
    message = _("贵单位已试用过产品 %(number)s，每个单位对同一产品只能试用一次。如需继续使用，请下单购买。")


class NoSample(Refusal):
    """The supplier froze no sample."""

    code = "no_sample"
    message = _("产品 %(number)s 还没有可领取的样例，请联系供方。")


def marking_key() -> bytes:
    """The secret from which marks are derived."""
    return str(settings.DELIVERY_KEY or settings.SECRET_KEY).encode()


def _licence_text(product: Product) -> str:
    told = LICENCE_TERMS.get(product.licence)
    notice = str(MARKS_NOTICE) if product.has_marked_copies else ""
    name = str(Licence(product.licence).label) if product.licence in Licence.values else product.licence
    return terms.licence_text(name, told.allowed if told else (), told.forbidden if told else (), notice)


def _opened(
    *,
    product: Product,
    plan: Plan,
    days: int | None,
    version_id: UUID,
    organization_id: UUID,
    number: str,
    at: datetime,
    **more: object,
) -> Entitlement:
    term = terms.term_of(plan.kind, starts_at=at, days=days, quantity=plan.included_quantity)
    entitlement = Entitlement(
        number=number,
        organization_id=organization_id,
        product=product,
        plan=plan,
        kind=plan.kind,
        version_id=version_id,
        covers=term.covers,
        starts_at=at,
        ends_at=term.ends_at,
        quota_unit=term.quota_unit,
        quota_amount=term.quota_amount,
        tag=marks.tag_of(marking_key(), number),
        **more,
    )
    entitlement.save(force_insert=True)
    Meter(entitlement=entitlement).save(force_insert=True)
    return entitlement


def _signed_text(number: str, policy: policies.Node) -> str:
    """The rules of a signed contract, one a line."""
    lines = [gettext("合同 %(number)s") % {"number": number}]
    for each in policies.in_words(policy):
        limits = f"（{'；'.join(each.conditions)}）" if each.conditions else ""
        lines.append(f"{each.label}：{each.action}{limits}")
    return "\n".join([*lines, str(MARKS_NOTICE)] if policies.marks_copies(policy) else lines)


def open_for_order(order: Order, *, at: datetime) -> Entitlement:
    """The buyer's entitlement, in the transaction of the delivery; term, licence and marks are the contract's."""
    with translation.override("zh-hans"):  # the language of the contract, whoever delivers
        return _opened_for(order, at)


def _opened_for(order: Order, at: datetime) -> Entitlement:
    policy = json.loads(order.contract.policy)
    return _opened(
        product=order.product,
        plan=order.plan,
        days=order.term_days,
        licence=policies.licence_in(policy),
        licence_text=_signed_text(order.contract.number, policy),
        has_marks=policies.marks_copies(policy),
        version_id=order.version_id,
        organization_id=order.buyer_id,
        number=order.number,
        at=at,
        order=order,
        accepted_by_id=order.placed_by_id,
        accepted_at=order.buyer_signed_at or order.placed_at,
    )


@transaction.atomic
def claim(*, by: Actor, at: datetime, plan_id: UUID, accepts_licence: bool) -> Entitlement:
    """Take a free sample or a trial for the actor's organization, with the licence accepted.

    A sample claimed before is given again; a trial is given once per organization and product, for good. Where the
    supplier looks at each use, a trial is claimed while its agreement to a request holds.
    Raises NotAllowed, NotFound, NotFree, NotOnSale, OwnProduct, CertificateNotInForce, InvalidInput, AlreadyClaimed,
    NoSample, ApprovalNeeded, SoldExclusively.
    """
    rows = Plan.objects.select_for_update(of=("product",), no_key=True).select_related(
        "product__certificate", "product__version"
    )
    plan = rows.filter(pk=plan_id).defer("product__search").first()
    if plan is None or not products_visible_to(by).filter(pk=plan.product_id).exists():
        raise NotFound
    product, organization = plan.product, by.organization
    by.require(CLAIM)
    if organization is None:
        raise NotAllowed(permission=CLAIM.label, organization="—")
    if plan.kind not in FREE_KINDS:
        raise NotFree(plan=plan.name)
    if organization.pk == product.supplier_id:
        raise OwnProduct
    known = Entitlement.objects.filter(product=product, organization=organization, kind=plan.kind).first()
    if known is not None and plan.kind == PlanKind.FREE_SAMPLE:
        return known
    if known is not None:
        raise AlreadyClaimed(number=product.number)
    if product.state != ListingState.LISTED or not is_running(plan, at):
        raise NotOnSale(number=product.number)
    if not may_claim(plan.kind, product.ordering) and not holds_approval(organization.pk, product.pk, at):
        raise ApprovalNeeded(number=product.number)
    require_certificate(product, at)
    if plan.kind == PlanKind.TRIAL and is_kept_from(organization.pk, product.version_id, at):
        raise SoldExclusively(number=product.number)
    if not accepts_licence:
        raise InvalidInput(field="accepts_licence", reason=gettext("请先阅读并接受使用许可。"))
    return _claimed(by, at, plan, product, organization)


def _claimed(
    by: Actor, at: datetime, plan: Plan, product: Product, organization: Organization
) -> Entitlement:
    sample: dict[str, object] = {}
    if plan.kind == PlanKind.FREE_SAMPLE:
        rows = sample_rows(product.version)
        if not rows:
            raise NoSample(number=product.number)
        body = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows).encode()
        stored = objects.put("samples", body, "application/x-ndjson")
        sample = {"sample_key": stored.key, "sample_sha256": stored.sha256, "sample_size": stored.size}
    entitlement = _opened(
        product=product,
        plan=plan,
        days=plan.term_days,
        licence=product.licence,
        licence_text=_licence_text(product),
        has_marks=product.has_marked_copies,
        version_id=product.version_id,
        organization_id=organization.pk,
        number=new_number("QY", at),
        at=at,
        accepted_by=by.user,
        accepted_at=at,
        **sample,
    )
    record(
        by=by, at=at, action="entitlements.claim", subject=entitlement,
        detail={"product": product.number, "plan": plan.name, "licence": product.licence},
    )  # fmt: skip
    return entitlement


# --- following ----------------------------------------------------------------------------------


@transaction.atomic
def follow_new_version(*, at: datetime, product_id: UUID, version_id: UUID) -> int:
    """Open a newer version to every running subscription of the product; how many it was opened to.

    For the news that a product moved to another version; said twice, it is opened once. Raises NotFound for a
    version that is not sealed or of another dataset, CertificateNotInForce for one without a certificate in force.
    """
    product = Product.objects.select_related("version").defer("search").get(pk=product_id)
    version = DatasetVersion.objects.filter(pk=version_id, state=VersionState.SEALED).first()
    if version is None or version.dataset_id != product.version.dataset_id:
        raise NotFound
    certificates = Certificate.objects.filter(version=version, holder_id=product.supplier_id)
    if not any(is_valid_on(each, clock.business_date(at)) for each in certificates):
        raise CertificateNotInForce(number=getattr(certificates.first(), "number", "—"))
    rows = Entitlement.objects.select_for_update(of=("self",), no_key=True).filter(
        product=product,
        covers=Covers.FOLLOWING,
        state__in=[EntitlementState.ACTIVE, EntitlementState.SUSPENDED],
    )
    opened = 0
    for entitlement in rows.select_related("order").order_by("pk"):
        if not selectors.is_running(entitlement, at):
            continue
        if selectors.versions_of(entitlement)[-1].version >= version.version:
            continue
        _row, is_new = EntitledVersion.objects.get_or_create(
            entitlement=entitlement, version=version, defaults={"added_at": at}
        )
        if is_new:
            opened += 1
            record(
                by=Actor.system("订阅"), at=at, action="entitlements.follow", subject=entitlement,
                detail={"version": version.version, "root_hash": version.root_hash},
            )  # fmt: skip
            announce(VersionAdded(at=at, entitlement_id=entitlement.pk, version=version.version))
    return opened


# --- suspending and ending ----------------------------------------------------------------------


def _supervised(by: Actor, entitlement_id: UUID) -> Entitlement:
    entitlement = locked_entitlement(entitlement_id)
    if not entitlements_visible_to(by).filter(pk=entitlement.pk).exists():
        raise NotFound
    by.require(SUPERVISE)
    return entitlement


def _suspend(entitlement: Entitlement, *, by: Actor, at: datetime, reason: str) -> None:
    ENTITLEMENT.move(entitlement, "suspend", by=by, at=at, reason=reason)
    record(by=by, at=at, action="entitlements.suspend", subject=entitlement, detail={"reason": reason})
    announce(EntitlementSuspended(at=at, entitlement_id=entitlement.pk, reason=reason))


@transaction.atomic
def suspend(*, by: Actor, at: datetime, entitlement_id: UUID, reason: str) -> Entitlement:
    """Stop the use of data for now (operator), with a reason that the buyer reads."""
    entitlement = _supervised(by, entitlement_id)
    ENTITLEMENT.check(entitlement, "suspend")
    if not reason.strip():
        raise InvalidInput(field="reason", reason=gettext("请写明理由，对方据此办理。"))
    _suspend(entitlement, by=by, at=at, reason=reason.strip()[:500])
    return entitlement


@transaction.atomic
def resume(*, by: Actor, at: datetime, entitlement_id: UUID, reason: str = "") -> Entitlement:
    """Let the data be used again (operator)."""
    entitlement = _supervised(by, entitlement_id)
    ENTITLEMENT.move(entitlement, "resume", by=by, at=at, reason=reason.strip()[:500])
    record(by=by, at=at, action="entitlements.resume", subject=entitlement)
    announce(EntitlementResumed(at=at, entitlement_id=entitlement.pk))
    return entitlement


@transaction.atomic
def suspend_revoked(*, at: datetime, certificate_id: UUID) -> int:
    """Suspend what opens a version whose certificate was revoked; how many. What was replaced is open no more.

    Every other end of a certificate (expiry, change, transfer, cancellation by the holder, an objection) leaves
    what was delivered open: the contract was made while it was in force.
    """
    certificate = Certificate.objects.get(pk=certificate_id)
    if certificate.state != CertificateState.REVOKED:
        return 0
    wanted = certificate.version_id
    opening = Entitlement.objects.filter(
        Q(version=wanted)
        | Q(added_versions__version=wanted)
        | Q(order__delivery__replacements__version=wanted)
    )
    rows = Entitlement.objects.select_for_update(of=("self",), no_key=True).filter(
        pk__in=opening.values("pk"), state=EntitlementState.ACTIVE
    )
    found = [
        each
        for each in rows.select_related("order").order_by("pk")
        if any(version.pk == wanted for version in selectors.versions_of(each))
    ]
    with_reason = gettext("登记证书 %(number)s 已被撤销") % {"number": certificate.number}
    for entitlement in found:
        _suspend(entitlement, by=Actor.system("登记撤销"), at=at, reason=with_reason)
    return len(found)


def _end(entitlement: Entitlement, *, at: datetime, reason: str) -> None:
    by = Actor.system("授权期限")
    ENTITLEMENT.move(entitlement, "end", by=by, at=at, reason=reason)
    record(by=by, at=at, action="entitlements.end", subject=entitlement, detail={"reason": reason})


@transaction.atomic
def end_refunded(*, at: datetime, order_id: UUID) -> bool:
    """End what was opened by an order whose whole price went back; whether there was something to end."""
    rows = Entitlement.objects.select_for_update(of=("self",), no_key=True).filter(order_id=order_id)
    entitlement = rows.exclude(state=EntitlementState.ENDED).filter(order__state="refunded").first()
    if entitlement is None:
        return False
    _end(entitlement, at=at, reason=gettext("订单已全额退款"))
    return True


@transaction.atomic
def end_expired(*, at: datetime, entitlement_id: UUID) -> bool:
    """End one whose term is over; False when it is not."""
    entitlement = locked_entitlement(entitlement_id)
    ending = selectors.ends_at_of(entitlement)
    if entitlement.state == EntitlementState.ENDED or ending is None or at < ending:
        return False
    _end(entitlement, at=at, reason=gettext("期限届满"))
    return True


@transaction.atomic
def follow_contract(*, at: datetime, order_id: UUID) -> bool:
    """A contract was prolonged or ended early: its entitlement runs as long; whether something changed.

    One that had ended opens again when the contract runs on; one that was suspended stays suspended. Nothing is
    opened where nothing was delivered. Said twice, it changes once.
    """
    entitlement_id = Entitlement.objects.filter(order_id=order_id).values_list("pk", flat=True).first()
    if entitlement_id is None:
        return False
    entitlement = locked_entitlement(entitlement_id)
    ending = selectors.ends_at_of(entitlement)
    if ending == entitlement.ends_at:
        return False
    entitlement.ends_at = ending
    entitlement.save(update_fields=["ends_at"])
    Meter.objects.filter(pk=entitlement.pk).update(is_end_told=False)
    by = Actor.system("合同期限")
    record(
        by=by, at=at, action="entitlements.follow_contract", subject=entitlement,
        detail={"ends_at": ending.isoformat() if ending else None},
    )  # fmt: skip
    if entitlement.state == EntitlementState.ENDED and selectors.is_running(entitlement, at):
        _prolong(entitlement, by=by, at=at)
    return True


def _prolong(entitlement: Entitlement, *, by: Actor, at: datetime) -> None:
    """Open it again as it was before it ended."""
    last = selectors.transitions_of(entitlement)[-1]
    ENTITLEMENT.move(entitlement, "prolong", by=by, at=at)
    if last.from_state == EntitlementState.SUSPENDED:
        reason = selectors.suspended_because(entitlement)
        ENTITLEMENT.move(entitlement, "suspend", by=by, at=at, reason=reason)


# --- telling in time ----------------------------------------------------------------------------


@transaction.atomic
def tell_ending(*, at: datetime, entitlement_id: UUID) -> bool:
    """Announce once that it ends within 14 days."""
    meter = Meter.objects.select_for_update(of=("self",)).select_related("entitlement").get(pk=entitlement_id)
    ends_at = meter.entitlement.ends_at
    if meter.is_end_told or ends_at is None or not at < ends_at <= at + selectors.ENDING_SOON:
        return False
    meter.is_end_told = True
    meter.save(update_fields=["is_end_told"])
    days = (clock.business_date(ends_at) - clock.business_date(at)).days
    announce(EntitlementEnding(at=at, entitlement_id=entitlement_id, days=days))
    return True


@transaction.atomic
def tell_quota(*, at: datetime, entitlement_id: UUID) -> int:
    """Announce once that 80, and once that 100 per cent are used; which was announced (0: none)."""
    meter = Meter.objects.select_for_update(of=("self",)).select_related("entitlement").get(pk=entitlement_id)
    entitlement = meter.entitlement
    used = meter.call_count if entitlement.quota_unit == QuotaUnit.CALLS else meter.byte_count
    percent = terms.percent_used(used, entitlement.quota_amount)
    for mark in _TOLD_AT:
        if percent >= mark > meter.told_percent:
            meter.told_percent = mark
            meter.save(update_fields=["told_percent"])
            announce(QuotaReached(at=at, entitlement_id=entitlement_id, percent=mark))
            return mark
    return 0
