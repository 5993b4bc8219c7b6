"""What a space shares: the catalogue's invitations follow membership, rules and what suppliers put in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Product
from exchange.catalogue.permissions import EDIT_PRODUCTS
from exchange.catalogue.states import ListingState, Visibility
from exchange.dataspace import rules
from exchange.dataspace.models import Opening, SharedProduct, Space
from exchange.dataspace.selectors import members_in_sight, shared_for, spaces_visible_to
from exchange.dataspace.states import SpaceState
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from organizations.permissions import Actor


class NoAccess(Refusal):
    """The space shares with members that have accepted its rules, while it runs."""

    code = "space_no_access"
    message = _("请先加入空间并同意现行规则；空间暂停或关闭后不能共享产品。")
    status = 403


class NotForInvited(Refusal):
    """A product that everybody finds is not shared among members only."""

    code = "space_product_not_for_invited"
    message = _("只有可见范围为“仅受邀单位”的产品可以放入空间。请先在上架产品中调整可见范围。")
    status = 422


def locked_space(by: Actor, space_id: UUID) -> Space:
    """The space under lock; NotFound unless the actor may see it."""
    rows = Space.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    found = rows.select_related("leader", "pilot").filter(pk=space_id).first()
    if found is None or not (by.is_system or spaces_visible_to(by).filter(pk=space_id).exists()):
        raise NotFound
    return found


@transaction.atomic
def put_product(*, by: Actor, at: datetime, space_id: UUID, product_number: str) -> SharedProduct:
    """A member puts a product of its own into the space: members find it, nobody else does. Twice changes nothing.

    Raises NoAccess, NotForInvited, InvalidInput.
    """
    space = locked_space(by, space_id)
    by.require(EDIT_PRODUCTS)
    if not members_in_sight().filter(space=space, organization=by.organization_id).exists():
        raise NoAccess
    rows = Product.objects.select_for_update(of=("self",), no_key=True).defer("search")
    product = rows.filter(number=product_number.strip(), supplier=by.organization_id).first()
    if product is None or product.state == ListingState.DELISTED:
        raise InvalidInput(field="product_number", reason=_("请选择本单位尚未下架的产品。"))
    if product.visibility != Visibility.INVITED:
        raise NotForInvited(field="product_number")
    known = space.shared_products.filter(product=product, taken_at=None).first()
    if known is not None:
        return known
    if space.shared_products.filter(taken_at=None).count() >= rules.MOST_PRODUCTS:
        raise InvalidInput(field="product_number", reason=_("空间最多共享 200 个产品，请先移出不用的。"))
    made = SharedProduct(space=space, product=product, put_by=by.user, put_at=at)
    made.save(force_insert=True)
    record(by=by, at=at, action="dataspaces.put_product", subject=space, detail={"product": product.number})
    follow(by=by, at=at, product_ids=[product.pk])
    return made


@transaction.atomic
def take_product(*, by: Actor, at: datetime, shared_id: UUID) -> SharedProduct:
    """The supplier or the leader takes a product out: members lose sight of it at once; orders go on."""
    space = locked_space(by, shared_for(by, shared_id).space_id)
    found = SharedProduct.objects.select_for_update(of=("self",)).select_related("product").get(pk=shared_id)
    is_leader = by.belongs_to(space.leader_id)
    if not (by.belongs_to(found.product.supplier_id) and by.can(EDIT_PRODUCTS)) and not is_leader:
        raise NotAllowed(permission=EDIT_PRODUCTS.label, organization=str(by.organization or "—"))
    if found.taken_at is None:
        take([found], by=by, at=at)
    return found


def take(shared: Iterable[SharedProduct], *, by: Actor, at: datetime) -> None:
    """Take products out (their space is locked by the caller)."""
    rows = list(shared)
    SharedProduct.objects.filter(pk__in=[each.pk for each in rows]).update(taken_at=at)
    for each in rows:
        each.taken_at = at
        detail = {"product": each.product.number}
        record(by=by, at=at, action="dataspaces.take_product", subject=each.space, detail=detail)
    follow(by=by, at=at, product_ids=[each.product_id for each in rows])


def follow_product(*, by: Actor, at: datetime, product_id: UUID) -> None:
    """A product's visibility may have changed: bring its openings into line. Follows from the change."""
    with transaction.atomic():
        follow(by=by, at=at, product_ids=[product_id])


def follow_space(space: Space, *, by: Actor, at: datetime) -> None:
    """Bring everything that a space shares into line with who has access now (space locked by the caller)."""
    shared = space.shared_products.filter(taken_at=None).values_list("product", flat=True)
    follow(by=by, at=at, product_ids=shared)


def follow(*, by: Actor, at: datetime, product_ids: Iterable[UUID]) -> None:
    """Open each product to exactly those who see it through some space, and close what was opened to others.

    Invitations that suppliers made by hand are left alone, and what a supplier took back by hand stays shut.
    Twice changes nothing.
    """
    ids = set(product_ids)
    if not ids:
        return
    rows = Product.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=ids)
    products = {each.pk: each for each in rows.only("pk", "number", "visibility", "supplier").order_by("pk")}
    wanted = _wanted(products)
    openings = Opening.objects.filter(product__in=ids, closed_at=None).select_related("invitation")
    kept: dict[UUID, set[UUID]] = {}
    over: dict[UUID, list[Opening]] = {}
    for opening in openings.order_by("pk"):
        if opening.organization_id in wanted[opening.product_id]:
            kept.setdefault(opening.product_id, set()).add(opening.organization_id)
        else:
            over.setdefault(opening.product_id, []).append(opening)
    for key in products:
        closing = over.get(key, [])
        Opening.objects.filter(pk__in=[each.pk for each in closing]).update(closed_at=at)
        catalogue.close_to(
            by=by, at=at, product_id=key, invitation_ids=[each.invitation_id for each in closing]
        )
        made = catalogue.open_to(
            by=by, at=at, product_id=key, organization_ids=wanted[key] - kept.get(key, set())
        )
        Opening.objects.bulk_create(
            [Opening(invitation=each, product_id=key, organization_id=each.organization_id) for each in made]
        )


def _wanted(products: dict[UUID, Product]) -> dict[UUID, set[UUID]]:
    """For each product the organizations that see it through a space.

    The supplier has to be a member in sight as well: what it shared under former rules is not shown under new ones
    before it has accepted them.
    """
    shared = SharedProduct.objects.filter(
        product__in=products, taken_at=None, space__state=SpaceState.ACTIVE
    ).values_list("product", "space")
    pairs = list(shared)
    members: dict[UUID, set[UUID]] = {}
    rows = members_in_sight().filter(space__in={space for _product, space in pairs})
    for space_id, organization_id in rows.values_list("space", "organization"):
        members.setdefault(space_id, set()).add(organization_id)
    found: dict[UUID, set[UUID]] = {key: set() for key in products}
    for product_id, space_id in pairs:
        product, inside = products[product_id], members.get(space_id, set())
        if product.visibility == Visibility.INVITED and product.supplier_id in inside:
            found[product_id] |= inside - {product.supplier_id}
    return found
