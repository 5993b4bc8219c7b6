"""Ways to buy: added and withdrawn in a draft; what is listed changes by a revision."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.catalogue.models import Plan, Product
from exchange.catalogue.rules import MOST_PLANS, YEAR_DAYS, PlanTerms, plan_fault
from exchange.catalogue.services.listings import (
    keep_price_from,
    locked_own_product,
    locked_product,
    require_editable,
)
from exchange.catalogue.states import PlanKind
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.money import Money
from organizations.models import Organization
from organizations.permissions import Actor


class OnlyPlan(Refusal):
    """What is offered keeps at least one plan."""

    code = "only_plan"
    message = _("这是最后一个在售方案，不能停售。如不再出售，请下架产品。")


def checked_terms(product: Product, at: datetime, *, price: Money, **given: Any) -> PlanTerms:
    """The terms of a new plan, complete and checked. Raises InvalidInput with field and remedy.

    `buyer`: USCC or id of the organization that a private offer is made to; `valid_until`: a moment.
    """
    valid_until = given.pop("valid_until", None)
    kind = given.get("kind", PlanKind.ONE_OFF)
    if kind == PlanKind.SUBSCRIPTION and given.get("term_days") is None:
        given["term_days"] = YEAR_DAYS
    buyer = _buyer(product, given.pop("buyer", None) or "")
    told: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in given.items()
    }
    terms = PlanTerms(
        price_fen=price.fen,
        buyer=str(buyer.pk) if buyer else "",
        valid_until=valid_until.isoformat() if valid_until else "",
        **told,
    )
    fault = plan_fault(terms)
    if fault is not None:
        raise InvalidInput(field=fault[0].removesuffix("_fen"), reason=fault[1])
    if valid_until is not None and valid_until <= at:
        raise InvalidInput(field="valid_until", reason=gettext("报价有效期须晚于现在，请改为将来的日期。"))
    return terms


def _buyer(product: Product, told: str) -> Organization | None:
    if not told:
        return None
    rows = Organization.objects.all()
    try:
        found = rows.filter(pk=UUID(told)).first()
    except ValueError:
        found = rows.filter(uscc=told.strip().upper()).first()
    if found is None or not found.is_verified:
        raise InvalidInput(field="buyer", reason=gettext("没有这家已认证的单位，请核对统一社会信用代码。"))
    if found.pk == product.supplier_id:
        raise InvalidInput(field="buyer", reason=gettext("专属报价不能给本单位，请填写买方。"))
    return found


def plan_of(product: Product, terms: PlanTerms) -> Plan:
    """A plan with these terms, not yet written."""
    values = asdict(terms)
    buyer, valid_until = values.pop("buyer"), values.pop("valid_until")
    return Plan(
        product=product,
        buyer_id=UUID(buyer) if buyer else None,
        valid_until=parse_datetime(valid_until) if valid_until else None,
        **values,
    )


def make_plan(product: Product, terms: PlanTerms, plan_id: UUID | None = None) -> Plan:
    """Write a plan with checked terms behind the product's others."""
    plan = plan_of(product, terms)
    plan.ordinal = product.plans.count()
    plan.pk = plan_id or plan.pk
    plan.save(force_insert=True)
    return plan


@transaction.atomic
def add_plan(*, by: Actor, at: datetime, product_id: UUID, name: str, price: Money, **given: Any) -> Plan:
    """Add a way to buy to a draft or rejected listing; what is listed changes by a revision (NotEditable).

    `price` includes VAT at `tax_rate_bp` (600 = 6 %). Further: kind, note, term_days, included_quantity, buyer
    (USCC or id), is_exclusive, valid_until. Raises InvalidInput.
    """
    product = locked_own_product(by, product_id)
    require_editable(product)
    if product.plans.filter(withdrawn_at=None).count() >= MOST_PLANS:
        raise InvalidInput(field="name", reason=gettext("在售方案已达 30 个，请先停售不用的方案。"))
    plan = make_plan(product, checked_terms(product, at, name=name, price=price, **given))
    keep_price_from(product)
    detail = {"plan": plan.name, "kind": plan.kind, "price_fen": price.fen}
    record(by=by, at=at, action="plans.add", subject=product, detail=detail)
    return plan


@transaction.atomic
def withdraw_plan(*, by: Actor, at: datetime, plan_id: UUID) -> Plan:
    """Take a plan out of a draft or rejected listing; what is listed changes by a revision (NotEditable)."""
    plan = Plan.objects.filter(pk=plan_id).first()
    if plan is None:
        raise NotFound
    product = locked_own_product(by, plan.product_id)
    plan.refresh_from_db()
    if plan.withdrawn_at is not None:
        return plan
    require_editable(product)
    plan.withdrawn_at = at
    plan.save(update_fields=["withdrawn_at"])
    keep_price_from(product)
    record(by=by, at=at, action="plans.withdraw", subject=product, detail={"plan": plan.name})
    return plan


@transaction.atomic
def end_sale(*, by: Actor, at: datetime, plan_id: UUID) -> list[Plan]:
    """An exclusive plan was sold: no plan of its product is sold to anybody again. Nothing for other plans.

    Called by the handler of `trading`'s OrderContracted; a second call changes nothing.
    """
    sold = Plan.objects.filter(pk=plan_id, is_exclusive=True).first()
    if sold is None:
        return []
    product = locked_product(sold.product_id)
    ended = list(product.plans.filter(withdrawn_at=None))
    product.plans.filter(withdrawn_at=None).update(withdrawn_at=at)
    if ended:
        record(by=by, at=at, action="plans.end_sale", subject=product, detail={"exclusive": sold.name})
    return ended
