"""Drafting a listing, its review, its suspension and its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Min
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.registry.models import Certificate
from assets.registry.selectors import is_valid_on
from audit.services import record
from exchange.catalogue.events import (
    ListingEnded,
    ListingPublished,
    ListingRejected,
    ListingSubmitted,
    ListingSuspended,
)
from exchange.catalogue.models import Product
from exchange.catalogue.permissions import EDIT_PRODUCTS, REVIEW_LISTINGS
from exchange.catalogue.selectors import OPEN_STATES, products_visible_to, snapshot_of, steps_of
from exchange.catalogue.states import (
    LISTING,
    LISTING_REVISION,
    OPEN_REVISION,
    Industry,
    Licence,
    ListingState,
    PersonalInformation,
    Visibility,
)
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.models import Transition
from kernel.numbers import new_number
from kernel.wording import listed
from organizations.permissions import Actor

WORDING = ("title", "title_en", "summary", "description", "industry", "licence")
DECLARED = ("personal_information", "has_no_important_data", "is_source_lawful", "restrictions")
CONTENT = (*WORDING, *DECLARED, "needs", "examples", "visibility")
"""What `edit_product` changes in a draft and `revisions.propose` in a listed product."""
MOST_NEEDS, MOST_EXAMPLES = 6, 6
MOST_DESCRIPTION = 8_000


class CertificateNotInForce(Refusal):
    """No registration, no trade: the certificate does not cover this version today."""

    code = "certificate_not_in_force"
    message = _("登记证书 %(number)s 今天不在有效状态，或不是登记该版本。请先完成登记或续展，再上架或交易。")


class AlreadyOffered(Refusal):
    """The version has an open product already."""

    code = "already_offered"
    message = _("该数据版本已有产品 %(number)s，请在原产品上修改。")


class ListingIncomplete(Refusal):
    """Steps of the task list are open."""

    code = "listing_incomplete"
    message = _("还有未完成的步骤：%(missing)s。请补齐后再提交。")
    status = 422


class NotEditable(Refusal):
    """What is under review or on sale stays as it was reviewed."""

    code = "listing_not_editable"
    message = _(
        "产品当前为“%(state)s”，这项内容已锁定。审核中的请等待结果，已上架的请提交变更，经审核后生效。"
    )


class ReasonMissing(Refusal):
    """The other side is owed a reason."""

    code = "reason_missing"
    message = _("请写明理由，对方据此办理。")
    status = 422


def locked_product(product_id: UUID) -> Product:
    """The product under lock with certificate, version and supplier; NotFound when there is none."""
    rows = Product.objects.select_for_update(of=("self",), no_key=True).filter(pk=product_id)
    found = rows.select_related("certificate", "version__dataset", "supplier").first()
    if found is None:
        raise NotFound
    return found


def locked_own_product(by: Actor, product_id: UUID) -> Product:
    product = locked_product(product_id)
    if not by.belongs_to(product.supplier_id):
        raise NotFound
    by.require(EDIT_PRODUCTS)
    return product


def require_certificate(product: Product, at: datetime) -> None:
    """Raise CertificateNotInForce unless the certificate covers the product's very version on that day."""
    require_in_force(product.certificate, version_id=product.version_id, holder_id=product.supplier_id, at=at)


def require_in_force(certificate: Certificate, *, version_id: UUID, holder_id: UUID, at: datetime) -> None:
    """Raise CertificateNotInForce unless the certificate covers that version and holder that day."""
    is_theirs = certificate.version_id == version_id and certificate.holder_id == holder_id
    if not (is_theirs and is_valid_on(certificate, clock.business_date(at))):
        raise CertificateNotInForce(number=certificate.number)


_CHOSEN = {
    "industry": (Industry, _("请选择行业。")),
    "licence": (Licence, _("请选择使用许可。")),
    "personal_information": (PersonalInformation, _("请选择个人信息的处理情况。")),
    "visibility": (Visibility, _("请选择可见范围。")),
}


def checked_content(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content trimmed and checked; keys are those of CONTENT. Raises InvalidInput with field and remedy."""
    assert set(content) <= set(CONTENT), f"not editable: {set(content) - set(CONTENT)}"
    checked: dict[str, Any] = {}
    for name, value in content.items():
        if name == "needs":
            checked[name] = _checked_needs(value)
        elif name == "examples":
            checked[name] = _checked_examples(value)
        elif isinstance(value, bool):
            checked[name] = value
        else:
            checked[name] = _checked_text(name, value)
    return checked


def _checked_text(name: str, value: str) -> str:
    text = value.strip()
    most = getattr(Product._meta.get_field(name), "max_length", None) or MOST_DESCRIPTION
    if len(text) > most:
        raise InvalidInput(field=name, reason=gettext("最多 %(most)s 个字符。") % {"most": most})
    if "\x00" in text:
        raise InvalidInput(field=name, reason=gettext("文字中有不能保存的控制字符，请删除后重试。"))
    if name == "title" and not text:
        raise InvalidInput(field="title", reason=gettext("请填写产品名称。"))
    if name in _CHOSEN and text not in _CHOSEN[name][0].values:
        raise InvalidInput(field=name, reason=str(_CHOSEN[name][1]))
    return text


def _within(field: str, row: Mapping[str, Any], name: str, most: int) -> str:
    text = str(row.get(name, "")).strip()
    if not text or len(text) > most or "\x00" in text:
        raise InvalidInput(
            field=field, reason=gettext("每一项都要填写完整，且不超过 %(most)s 个字符。") % {"most": most}
        )
    return text


def _checked_needs(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    if len(rows) > MOST_NEEDS:
        raise InvalidInput(field="needs", reason=gettext("最多填写 6 个业务需求，请删去多余的。"))
    found = [
        {"title": _within("needs", row, "title", 120), "industry": str(row.get("industry", ""))}
        for row in rows
    ]
    if any(row["industry"] not in Industry.values for row in found):
        raise InvalidInput(field="needs", reason=gettext("请为每个业务需求选择行业。"))
    return found


def _checked_examples(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    if len(rows) > MOST_EXAMPLES:
        raise InvalidInput(field="examples", reason=gettext("最多填写 6 个使用示例，请删去多余的。"))
    limits = {"title": 80, "code": 2_000, "explanation": 400}
    return [{name: _within("examples", row, name, most) for name, most in limits.items()} for row in rows]


@transaction.atomic
def draft_product(
    *,
    by: Actor,
    at: datetime,
    certificate_id: UUID,
    title: str,
    summary: str,
    description: str,
    industry: str,
    licence: str,
    title_en: str = "",
) -> Product:
    """A new product for the version of one of the supplier's certificates in force; state draft.

    Raises NotFound, NotAllowed, CertificateNotInForce, AlreadyOffered, InvalidInput.
    """
    rows = Certificate.objects.select_for_update(of=("self",), no_key=True).filter(pk=certificate_id)
    certificate = rows.select_related("version__dataset", "application", "holder").first()
    if certificate is None or not by.belongs_to(certificate.holder_id):
        raise NotFound
    by.require(EDIT_PRODUCTS)
    if certificate.version is None:  # what is offered here is delivered from a dataset version
        raise CertificateNotInForce(number=certificate.number)
    wording = checked_content(
        {"title": title, "title_en": title_en, "summary": summary, "description": description,
         "industry": industry, "licence": licence}
    )  # fmt: skip
    version = certificate.version
    product = Product(
        supplier=certificate.holder,
        version=version,
        certificate=certificate,
        kind=certificate.application.product_kind,
        modality=version.dataset.modality,
        keywords=keywords_of(version.label_counts, version.dictionary),
        created_by=by.user,
        created_at=at,
        **wording,
    )
    require_certificate(product, at)
    open_one = Product.objects.filter(version=version, state__in=OPEN_STATES).first()
    if open_one is not None:
        raise AlreadyOffered(number=open_one.number)
    product.number = new_number("CP", at)
    product.save(force_insert=True)
    record(
        by=by,
        at=at,
        action="products.draft",
        subject=product,
        detail={"certificate": certificate.number, **wording},
    )
    return product


def keywords_of(label_counts: dict[str, int], dictionary: Sequence[dict[str, Any]]) -> str:
    """Labels, the most frequent first, and field names, so that they are found too."""
    labels = sorted(label_counts, key=lambda label: (-label_counts[label], label))
    fields = [str(each.get("name", "")) for each in dictionary]
    return " ".join([*labels, *fields])[:4_000]


@transaction.atomic
def edit_product(*, by: Actor, at: datetime, product_id: UUID, **content: Any) -> Product:
    """Change what CONTENT names of a draft or rejected listing; NotEditable in any other state."""
    product = locked_own_product(by, product_id)
    require_editable(product)
    changed = {}
    for name, value in checked_content(content).items():
        if getattr(product, name) != value:
            changed[name] = {"from": getattr(product, name), "to": value}
            setattr(product, name, value)
    if changed:
        product.save(update_fields=list(changed))
        if "visibility" in changed:
            keep_price_from(product)
        record(by=by, at=at, action="products.edit", subject=product, detail=changed)
    return product


def keep_price_from(product: Product) -> None:
    """Work out the lowest price for facets and sorting.

    Free plans do not count; a private offer only where nobody else finds the product anyway.
    """
    paid = product.plans.filter(withdrawn_at=None, price_fen__gt=0)
    lowest = paid.filter(buyer=None).aggregate(lowest=Min("price_fen"))["lowest"]
    if lowest is None and product.visibility != Visibility.PUBLIC:
        lowest = paid.aggregate(lowest=Min("price_fen"))["lowest"]
    product.price_from_fen = lowest
    product.save(update_fields=["price_from_fen"])


def require_editable(product: Product) -> None:
    if product.state not in (ListingState.DRAFT, ListingState.REJECTED):
        raise NotEditable(state=product.get_state_display())


@transaction.atomic
def submit_listing(*, by: Actor, at: datetime, product_id: UUID) -> Product:
    """Hand a complete listing to the operator. Raises CertificateNotInForce, ListingIncomplete."""
    product = locked_own_product(by, product_id)
    LISTING.check(product, "submit")
    require_certificate(product, at)
    missing = [step for step in steps_of(product, at) if not step.is_done and not step.is_optional]
    if missing:
        raise ListingIncomplete(missing=listed(step.label for step in missing))
    product.submitted_at, product.submitted_by = at, by.user
    LISTING.move(product, "submit", by=by, at=at, update_fields=["submitted_at", "submitted_by"])
    record(by=by, at=at, action="listings.submit", subject=product)
    announce(ListingSubmitted(at=at, product_id=product.pk, by=by))
    return product


def _product_for_review(by: Actor, product_id: UUID) -> Product:
    """The product under lock for an operator who is neither its supplier nor its author."""
    product = locked_product(product_id)
    if not by.can(REVIEW_LISTINGS) and not products_visible_to(by).filter(pk=product_id).exists():
        raise NotFound
    by.require(REVIEW_LISTINGS)
    authors = {product.created_by_id, product.submitted_by_id} - {None}
    if not by.is_system and (by.organization_id == product.supplier_id or by.user_id in authors):
        raise SelfReview
    return product


@transaction.atomic
def publish_listing(*, by: Actor, at: datetime, product_id: UUID, reason: str = "") -> Product:
    """The operator's yes: the product is on sale. Raises SelfReview, CertificateNotInForce."""
    product = _product_for_review(by, product_id)
    LISTING.check(product, "publish")
    require_certificate(product, at)
    product.listed_at = at
    product.decided = snapshot_of(product)
    LISTING.move(product, "publish", by=by, at=at, reason=reason, update_fields=["listed_at", "decided"])
    record(by=by, at=at, action="listings.publish", subject=product, detail={"reason": reason})
    announce(ListingPublished(at=at, product_id=product.pk, by=by))
    return product


@transaction.atomic
def reject_listing(*, by: Actor, at: datetime, product_id: UUID, reason: str) -> Product:
    """The operator's no, with the reason; the supplier may change it and submit again."""
    product = _product_for_review(by, product_id)
    LISTING.check(product, "reject")
    require_reason(reason)
    product.decided = snapshot_of(product)
    LISTING.move(product, "reject", by=by, at=at, reason=reason.strip(), update_fields=["decided"])
    record(by=by, at=at, action="listings.reject", subject=product, detail={"reason": reason.strip()})
    announce(ListingRejected(at=at, product_id=product.pk, by=by, reason=reason.strip()))
    return product


def require_reason(reason: str) -> None:
    """Raise ReasonMissing for an empty reason."""
    if not reason.strip():
        raise ReasonMissing(field="reason")


@transaction.atomic
def suspend_listing(*, by: Actor, at: datetime, product_id: UUID, reason: str) -> Product:
    """Take a listed product off sale for now (operator); nothing new is ordered until it is relisted."""
    product = _product_for_review(by, product_id)
    require_reason(reason)
    return _suspend(product, by=by, at=at, reason=reason.strip())


def _suspend(product: Product, *, by: Actor, at: datetime, reason: str) -> Product:
    LISTING.move(product, "suspend", by=by, at=at, reason=reason)
    record(by=by, at=at, action="listings.suspend", subject=product, detail={"reason": reason})
    announce(ListingSuspended(at=at, product_id=product.pk, by=by, reason=reason))
    return product


@transaction.atomic
def relist(
    *, by: Actor, at: datetime, product_id: UUID, certificate_id: UUID | None = None, reason: str = ""
) -> Product:
    """Put a suspended product on sale again (operator); `certificate_id`: the renewed one of its version.

    A reason is not asked for; a given one is kept and shown to the supplier.
    Raises CertificateNotInForce unless the certificate covers that very version and supplier today.
    """
    product = _product_for_review(by, product_id)
    LISTING.check(product, "relist")
    if certificate_id is not None and certificate_id != product.certificate_id:
        renewed = Certificate.objects.filter(pk=certificate_id).first()
        if renewed is None:
            raise NotFound
        product.certificate = renewed
    require_certificate(product, at)
    reason = reason.strip()
    LISTING.move(product, "relist", by=by, at=at, reason=reason, update_fields=["certificate"])
    record(
        by=by,
        at=at,
        action="listings.relist",
        subject=product,
        detail={"certificate": product.certificate.number, "reason": reason},
    )
    announce(ListingPublished(at=at, product_id=product.pk, by=by))
    return product


@transaction.atomic
def delist(*, by: Actor, at: datetime, product_id: UUID, reason: str = "") -> Product:
    """Take a product out of the catalogue for good: its supplier, or the operator with a reason."""
    product = locked_product(product_id)
    if not by.can(REVIEW_LISTINGS):
        if not by.belongs_to(product.supplier_id):
            raise NotFound
        by.require(EDIT_PRODUCTS)
    elif not by.is_system:
        require_reason(reason)
    LISTING.move(product, "delist", by=by, at=at, reason=reason.strip())
    _close_revision(product, by=by, at=at)
    record(by=by, at=at, action="listings.delist", subject=product, detail={"reason": reason.strip()})
    announce(ListingEnded(at=at, product_id=product.pk, by=by, reason=reason.strip()))
    return product


def _close_revision(product: Product, *, by: Actor, at: datetime) -> None:
    """What is no longer on sale has nothing left to change."""
    rows = product.revisions.select_for_update(of=("self",), no_key=True).filter(state__in=OPEN_REVISION)
    for revision in rows.order_by("pk"):
        revision.decided_at = at
        LISTING_REVISION.move(
            revision, "withdraw", by=by, at=at, reason="产品已下架。", update_fields=["decided_at"]
        )


_LAPSE = Actor.system("登记证书失效")


@transaction.atomic
def suspend_lapsed(*, by: Actor, at: datetime, certificate_id: UUID) -> list[Product]:
    """Handler of CertificateLapsed: every listing under the certificate goes off sale by itself."""
    rows = Product.objects.select_for_update(of=("self",), no_key=True).select_related("certificate")
    listed = list(rows.filter(certificate_id=certificate_id, state=ListingState.LISTED).order_by("pk"))
    for product in listed:
        with translation.override("zh-hans"):  # kept in the log, whatever language the request speaks
            state = product.certificate.get_state_display()
        reason = f"登记证书 {product.certificate.number} 已不在有效状态（{state}），自动暂停交易。"
        _suspend(product, by=_LAPSE, at=at, reason=reason)
    return listed


def relist_under(*, at: datetime, former_id: UUID, certificate_id: UUID) -> list[Product]:
    """Handler of CertificateResumed and CertificateReplaced: what only the lapse took off sale comes back.

    Nothing comes back whose version or holder the certificate does not cover, nor what the operator suspended.
    """
    certificate = Certificate.objects.get(pk=certificate_id)
    if not is_valid_on(certificate, clock.business_date(at)):
        return []
    rows = Product.objects.filter(
        certificate_id=former_id,
        state=ListingState.SUSPENDED,
        version_id=certificate.version_id,
        supplier_id=certificate.holder_id,
    )
    found = []
    for key in rows.order_by("pk").values_list("pk", flat=True):
        moves = Transition.objects.filter(machine=LISTING.name, subject_id=key).order_by("at", "id")
        last = moves.last()
        if last is not None and last.move == "suspend" and last.actor_label == _LAPSE.label:
            found.append(relist(by=_LAPSE, at=at, product_id=key, certificate_id=certificate_id))
    return found
