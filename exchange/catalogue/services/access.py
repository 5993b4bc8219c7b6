"""What takes effect at once: how orders come in, who is invited, whom buyers turn to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.catalogue.events import BuyerInvited
from exchange.catalogue.models import Contact, Invitation, Product
from exchange.catalogue.permissions import MARK_COPIES
from exchange.catalogue.services.listings import NotEditable, locked_own_product
from exchange.catalogue.states import ContactKind, ListingState, Ordering, Visibility
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from organizations.models import Organization
from organizations.permissions import Actor

MOST_INVITATIONS = 200


class OnlyInvitation(Refusal):
    """A product that only invited buyers find keeps one."""

    code = "only_invitation"
    message = _("这是最后一家受邀单位，不能收回。请先邀请另一家，或把可见范围改为公开。")


def _open_product(by: Actor, product_id: UUID) -> Product:
    product = locked_own_product(by, product_id)
    if product.state == ListingState.DELISTED:
        raise NotEditable(state=product.get_state_display())
    return product


@transaction.atomic
def set_ordering(*, by: Actor, at: datetime, product_id: UUID, ordering: str) -> Product:
    """Let buyers order at once, or ask first; holds for later orders only and needs no review."""
    product = _open_product(by, product_id)
    if ordering not in Ordering.values:
        raise InvalidInput(field="ordering", reason=gettext("请选择下单方式。"))
    if product.ordering != ordering:
        detail = {"from": product.ordering, "to": ordering}
        product.ordering = ordering
        product.save(update_fields=["ordering"])
        record(by=by, at=at, action="products.set_ordering", subject=product, detail=detail)
    return product


@transaction.atomic
def set_marking(*, by: Actor, at: datetime, product_id: UUID, is_marked: bool) -> Product:
    """Say whether copies of the own product's tables carry marks; contracts signed and licences accepted before keep
    what they say."""
    product = _open_product(by, product_id)
    by.require(MARK_COPIES)
    if product.has_marked_copies != is_marked:
        product.has_marked_copies = is_marked
        product.save(update_fields=["has_marked_copies"])
        detail = {"is_marked": is_marked}
        record(by=by, at=at, action="products.set_marking", subject=product, detail=detail)
    return product


@transaction.atomic
def invite(*, by: Actor, at: datetime, product_id: UUID, uscc: str) -> Invitation:
    """Let an organization find the product; asking twice changes nothing.

    On a product for one buyer the new invitation takes the place of the former one.
    """
    product = _open_product(by, product_id)
    guest = Organization.objects.filter(uscc=uscc.strip().upper()).first()
    if guest is None or not guest.is_verified:
        raise InvalidInput(field="uscc", reason=gettext("没有这家已认证的单位，请核对统一社会信用代码。"))
    if guest.pk == product.supplier_id:
        raise InvalidInput(field="uscc", reason=gettext("不用邀请本单位，请填写买方。"))
    live = product.invitations.filter(withdrawn_at=None)
    found = live.filter(organization=guest).first()
    if found is not None:
        return found
    if product.visibility == Visibility.ONE_BUYER:
        live.update(withdrawn_at=at)
    elif live.count() >= MOST_INVITATIONS:
        raise InvalidInput(
            field="uscc", reason=gettext("最多邀请 200 家单位，请先收回不用的邀请，或改为公开。")
        )
    made = Invitation(product=product, organization=guest, invited_by=by.user, invited_at=at)
    made.save(force_insert=True)
    record(by=by, at=at, action="products.invite", subject=product, detail={"organization": guest.name})
    if product.state == ListingState.LISTED:
        announce(BuyerInvited(at=at, product_id=product.pk, organization_id=guest.pk, by=by))
    return made


@transaction.atomic
def withdraw_invitation(*, by: Actor, at: datetime, product_id: UUID, invitation_id: UUID) -> Invitation:
    """The organization no longer finds the product; its orders go on. OnlyInvitation for the last of an offered one."""
    product = _open_product(by, product_id)
    found = product.invitations.select_related("organization").filter(pk=invitation_id).first()
    if found is None:
        raise NotFound
    if found.withdrawn_at is not None:
        return found
    is_offered = product.state in (ListingState.SUBMITTED, ListingState.LISTED, ListingState.SUSPENDED)
    others = product.invitations.filter(withdrawn_at=None).exclude(pk=found.pk)
    if is_offered and product.visibility != Visibility.PUBLIC and not others.exists():
        raise OnlyInvitation
    found.withdrawn_at = at
    found.save(update_fields=["withdrawn_at"])
    detail = {"organization": found.organization.name}
    record(by=by, at=at, action="products.withdraw_invitation", subject=product, detail=detail)
    return found


@transaction.atomic
def set_contact(
    *, by: Actor, at: datetime, product_id: UUID, kind: str, name: str, phone: str = "", email: str = ""
) -> Contact | None:
    """Keep one contact of a kind; an empty name, phone and email take it away. Holds at once, without review."""
    product = _open_product(by, product_id)
    if kind not in ContactKind.values:
        raise InvalidInput(field="kind", reason=gettext("请选择商务或技术联系人。"))
    name, phone, email = name.strip(), phone.strip(), email.strip()
    if not (name or phone or email):
        if kind == ContactKind.BUSINESS and product.state not in (ListingState.DRAFT, ListingState.REJECTED):
            raise InvalidInput(
                field="name", reason=gettext("已提交的产品须保留商务联系人，请填写新的联系人。")
            )
        product.contacts.filter(kind=kind).delete()
        record(by=by, at=at, action="products.remove_contact", subject=product, detail={"kind": kind})
        return None
    _require_reachable(name, phone, email)
    found, _made = Contact.objects.update_or_create(
        product=product, kind=kind, defaults={"name": name, "phone": phone, "email": email}
    )
    record(by=by, at=at, action="products.set_contact", subject=product, detail={"kind": kind})
    return found


def _require_reachable(name: str, phone: str, email: str) -> None:
    if not name or len(name) > 60:
        raise InvalidInput(field="name", reason=gettext("请填写联系人姓名，最多 60 字。"))
    if not (phone or email):
        raise InvalidInput(field="phone", reason=gettext("电话和邮箱至少填写一项。"))
    if len(phone) > 40:
        raise InvalidInput(field="phone", reason=gettext("电话最多 40 个字符。"))
    if email:
        try:
            validate_email(email)
        except ValidationError as wrong:
            raise InvalidInput(field="email", reason=gettext("邮箱格式不对，请核对。")) from wrong


@transaction.atomic(savepoint=False)
def open_to(
    *, by: Actor, at: datetime, product_id: UUID, organization_ids: Iterable[UUID]
) -> list[Invitation]:
    """Let organizations find a product because of what its supplier agreed to (for exchange.dataspace, which has
    checked that and holds the product's lock). Those who find it by an invitation already are left out."""
    wanted = set(organization_ids)
    if not wanted:
        return []
    product = Product.objects.defer("search").get(pk=product_id)
    live = product.invitations.filter(withdrawn_at=None, organization__in=wanted)
    wanted -= set(live.values_list("organization", flat=True))
    made = Invitation.objects.bulk_create(
        [
            Invitation(product_id=product_id, organization_id=each, invited_by=by.user, invited_at=at)
            for each in sorted(wanted)
        ]
    )
    if made:
        record(by=by, at=at, action="products.open_to", subject=product, detail={"count": len(made)})
    return made


@transaction.atomic(savepoint=False)
def close_to(*, by: Actor, at: datetime, product_id: UUID, invitation_ids: Iterable[UUID]) -> int:
    """Take back invitations made by `open_to`, even the last one: then nobody but the supplier finds the product."""
    live = Invitation.objects.filter(
        product=product_id, pk__in=list(invitation_ids), withdrawn_at=None
    ).update(withdrawn_at=at)
    if live:
        product = Product.objects.defer("search").get(pk=product_id)
        record(by=by, at=at, action="products.close_to", subject=product, detail={"count": live})
    return live
