"""Changes to what is listed: proposed by the supplier, looked at by the operator, applied in one go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.registry.models import Certificate
from audit.services import record
from exchange.catalogue.events import RevisionApplied, RevisionRejected, RevisionSubmitted
from exchange.catalogue.models import ListingRevision, Product
from exchange.catalogue.permissions import EDIT_PRODUCTS, REVIEW_LISTINGS
from exchange.catalogue.rules import FIELDS, MOST_PLANS, changes, fits_visibility, terms_in
from exchange.catalogue.selectors import (
    OPEN_STATES,
    open_revision_of,
    snapshot_of,
    told_certificate,
    told_plan,
)
from exchange.catalogue.services.listings import (
    AlreadyOffered,
    NotEditable,
    checked_content,
    keep_price_from,
    keywords_of,
    locked_own_product,
    locked_product,
    require_in_force,
    require_reason,
)
from exchange.catalogue.services.plans import OnlyPlan, checked_terms, make_plan, plan_of
from exchange.catalogue.states import LISTING_REVISION, ListingState, RevisionState
from kernel.errors import InvalidInput, NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.money import Money
from organizations.permissions import Actor

REVISABLE = (ListingState.LISTED, ListingState.SUSPENDED)


class RevisionUnderReview(Refusal):
    """The operator is looking; what is looked at stays."""

    code = "revision_under_review"
    message = _("上一次变更正在审核。请等待结果，或先撤回再修改。")


class NothingChanged(Refusal):
    """There is nothing to review."""

    code = "nothing_changed"
    message = _("变更与现在的内容相同，没有需要审核的内容。请先修改再提交。")
    status = 422


class RevisionOutdated(Refusal):
    """The listing changed under the revision."""

    code = "revision_outdated"
    message = _("产品的“%(fields)s”在提交变更之后已经变化。请退回，由供方按现状重新提交变更。")


class InvitationMissing(Refusal):
    """A product that only invited buyers find needs them first."""

    code = "invitation_missing"
    message = _("可见范围与邀请不一致：仅受邀单位须至少邀请一家，仅一家买方须恰好邀请一家。请先调整邀请。")


def _draft(by: Actor, at: datetime, product_id: UUID) -> ListingRevision:
    """The open draft of one's own listed product, under the product's lock; opened when there is none."""
    product = locked_own_product(by, product_id)
    if product.state not in REVISABLE:
        raise NotEditable(state=product.get_state_display())
    found = open_revision_of(product)
    if found is None:
        told = snapshot_of(product)
        found = ListingRevision(
            product=product, before=told, proposed=told, created_by=by.user, created_at=at
        )
        found.save(force_insert=True)
        record(by=by, at=at, action="revisions.open", subject=found, detail={"product": product.number})
    elif found.state == RevisionState.SUBMITTED:
        raise RevisionUnderReview
    found.product = product
    return found


def _keep(revision: ListingRevision, proposed: dict[str, Any], *, by: Actor, at: datetime) -> ListingRevision:
    changed = sorted(name for name in proposed if proposed[name] != revision.proposed[name])
    if changed:
        revision.proposed = proposed
        revision.save(update_fields=["proposed"])
        record(by=by, at=at, action="revisions.edit", subject=revision, detail={"fields": changed})
    return revision


@transaction.atomic
def propose(*, by: Actor, at: datetime, product_id: UUID, **content: Any) -> ListingRevision:
    """Put new wording, licence, declarations, needs, examples or visibility into the product's draft revision.

    Opens the draft when there is none; the product itself does not change. Raises NotEditable,
    RevisionUnderReview, InvalidInput.
    """
    revision = _draft(by, at, product_id)
    return _keep(revision, {**revision.proposed, **checked_content(content)}, by=by, at=at)


@transaction.atomic
def propose_plan(
    *, by: Actor, at: datetime, product_id: UUID, name: str, price: Money, **given: Any
) -> ListingRevision:
    """Put a new plan into the draft revision; arguments as of `add_plan`."""
    revision = _draft(by, at, product_id)
    plans = revision.proposed["plans"]
    if len(plans) >= MOST_PLANS:
        raise InvalidInput(field="name", reason=gettext("在售方案已达 30 个，请先停售不用的方案。"))
    terms = checked_terms(revision.product, at, name=name, price=price, **given)
    told = told_plan(plan_of(revision.product, terms))
    return _keep(revision, {**revision.proposed, "plans": [*plans, told]}, by=by, at=at)


@transaction.atomic
def propose_withdrawal(*, by: Actor, at: datetime, product_id: UUID, plan_id: UUID) -> ListingRevision:
    """Leave a plan out of what is proposed: one on sale, or one that the draft itself added."""
    revision = _draft(by, at, product_id)
    plans = [plan for plan in revision.proposed["plans"] if plan["id"] != str(plan_id)]
    if len(plans) == len(revision.proposed["plans"]):
        raise NotFound
    if not any(plan["price_fen"] for plan in plans):
        raise OnlyPlan
    return _keep(revision, {**revision.proposed, "plans": plans}, by=by, at=at)


@transaction.atomic
def propose_version(*, by: Actor, at: datetime, product_id: UUID, certificate_id: UUID) -> ListingRevision:
    """Move the listing to another certified version of its dataset. Raises CertificateNotInForce, AlreadyOffered."""
    revision = _draft(by, at, product_id)
    certificate = Certificate.objects.select_related("version").filter(pk=certificate_id).first()
    if certificate is None or not by.belongs_to(certificate.holder_id):
        raise NotFound
    _require_fitting(revision.product, certificate, at)
    return _keep(revision, {**revision.proposed, "certificate": told_certificate(certificate)}, by=by, at=at)


def _require_fitting(product: Product, certificate: Certificate, at: datetime) -> None:
    """The certificate holds, for this supplier, over a version of this very dataset that nobody else offers."""
    version = certificate.version
    if version is None or version.dataset_id != product.version.dataset_id:
        raise InvalidInput(
            field="certificate",
            reason=gettext("这张证书登记的不是本产品的数据集，请选择同一数据集的新版本证书。"),
        )
    require_in_force(certificate, version_id=version.pk, holder_id=product.supplier_id, at=at)
    others = Product.objects.filter(version=version, state__in=OPEN_STATES).exclude(pk=product.pk)
    other = others.first()
    if other is not None:
        raise AlreadyOffered(number=other.number)


def _locked(revision_id: UUID) -> tuple[ListingRevision, Product]:
    """A revision and its product, both locked (the product first, as everywhere); NotFound when there is none."""
    product_id = ListingRevision.objects.filter(pk=revision_id).values_list("product_id", flat=True).first()
    if product_id is None:
        raise NotFound
    product = locked_product(product_id)
    revision = ListingRevision.objects.select_for_update(of=("self",), no_key=True).get(pk=revision_id)
    revision.product = product
    return revision, product


def _own(by: Actor, revision_id: UUID) -> ListingRevision:
    revision, product = _locked(revision_id)
    if not by.belongs_to(product.supplier_id):
        raise NotFound
    by.require(EDIT_PRODUCTS)
    return revision


def _require_invitations(product: Product, visibility: str) -> None:
    if not fits_visibility(visibility, product.invitations.filter(withdrawn_at=None).count()):
        raise InvitationMissing(field="visibility")


@transaction.atomic
def submit_revision(*, by: Actor, at: datetime, revision_id: UUID, note: str = "") -> ListingRevision:
    """Hand the draft to the operator. Raises NothingChanged, InvitationMissing."""
    revision = _own(by, revision_id)
    LISTING_REVISION.check(revision, "submit")
    if not changes(revision.before, revision.proposed):
        raise NothingChanged
    if len(note) > 500:
        raise InvalidInput(field="note", reason=gettext("最多 %(most)s 个字符。") % {"most": 500})
    _require_invitations(revision.product, revision.proposed["visibility"])
    revision.note, revision.submitted_by, revision.submitted_at = note.strip(), by.user, at
    LISTING_REVISION.move(
        revision, "submit", by=by, at=at, reason=revision.note,
        update_fields=["note", "submitted_by", "submitted_at"],
    )  # fmt: skip
    record(
        by=by, at=at, action="revisions.submit", subject=revision, detail={"product": revision.product.number}
    )
    announce(RevisionSubmitted(at=at, product_id=revision.product_id, revision_id=revision.pk, by=by))
    return revision


@transaction.atomic
def withdraw_revision(*, by: Actor, at: datetime, revision_id: UUID) -> ListingRevision:
    """The supplier drops a draft, or takes a submitted change back."""
    revision = _own(by, revision_id)
    revision.decided_at = at
    LISTING_REVISION.move(revision, "withdraw", by=by, at=at, update_fields=["decided_at"])
    record(by=by, at=at, action="revisions.withdraw", subject=revision)
    return revision


def _for_review(by: Actor, revision_id: UUID, move: str) -> ListingRevision:
    revision, product = _locked(revision_id)
    if not by.can(REVIEW_LISTINGS) and not by.belongs_to(product.supplier_id):
        raise NotFound
    by.require(REVIEW_LISTINGS)
    authors = {revision.created_by_id, revision.submitted_by_id} - {None}
    if not by.is_system and (by.organization_id == product.supplier_id or by.user_id in authors):
        raise SelfReview
    LISTING_REVISION.check(revision, move)
    return revision


@transaction.atomic
def apply_revision(*, by: Actor, at: datetime, revision_id: UUID, reason: str = "") -> ListingRevision:
    """The operator's yes: everything proposed holds from now on, or nothing does.

    Orders keep the price, version and certificate they were placed with. Raises SelfReview, RevisionOutdated,
    CertificateNotInForce, AlreadyOffered, InvitationMissing.
    """
    revision = _for_review(by, revision_id, "apply")
    product = revision.product
    if product.state not in REVISABLE:
        raise NotEditable(state=product.get_state_display())
    _require_current(revision, snapshot_of(product))
    _require_invitations(product, revision.proposed["visibility"])
    told = changes(revision.before, revision.proposed)
    fields = _apply_fields(revision, at)
    _apply_plans(revision, at)
    keep_price_from(product)
    product.decided = snapshot_of(product)
    product.save(update_fields=[*fields, "decided"])
    revision.decided_at = at
    LISTING_REVISION.move(
        revision, "apply", by=by, at=at, reason=reason.strip(), update_fields=["decided_at"]
    )
    record(
        by=by, at=at, action="revisions.apply", subject=product,
        detail={"revision": str(revision.pk), "changes": sorted({each.field for each in told})},
    )  # fmt: skip
    announce(RevisionApplied(at=at, product_id=product.pk, revision_id=revision.pk, by=by))
    return revision


def _require_current(revision: ListingRevision, now: Mapping[str, Any]) -> None:
    """What the revision changes must still be as its author saw it."""
    before, proposed = revision.before, revision.proposed
    stale = [name for name in proposed if proposed[name] != before[name] and now[name] != before[name]]
    if stale:
        labels = "、".join(str(FIELDS.get(name, _("价格方案"))) for name in stale)
        raise RevisionOutdated(fields=labels)


def _apply_fields(revision: ListingRevision, at: datetime) -> list[str]:
    """Set the changed columns on the product; their names."""
    product, before, proposed = revision.product, revision.before, revision.proposed
    fields = [name for name in FIELDS if name != "certificate" and proposed[name] != before[name]]
    for name in fields:
        setattr(product, name, proposed[name])
    if proposed["certificate"] == before["certificate"]:
        return fields
    rows = Certificate.objects.select_related("version").filter(pk=proposed["certificate"]["id"])
    certificate = rows.get()
    _require_fitting(product, certificate, at)
    assert certificate.version is not None
    product.certificate, product.version = certificate, certificate.version
    product.keywords = keywords_of(certificate.version.label_counts, certificate.version.dictionary)
    return [*fields, "certificate", "version", "keywords"]


def _apply_plans(revision: ListingRevision, at: datetime) -> None:
    product = revision.product
    before = {plan["id"] for plan in revision.before["plans"]}
    wanted = {plan["id"]: plan for plan in revision.proposed["plans"]}
    gone = [UUID(key) for key in before - wanted.keys()]
    product.plans.filter(pk__in=gone, withdrawn_at=None).update(withdrawn_at=at)
    for key, plan in wanted.items():
        if key not in before:
            make_plan(product, terms_in(plan), UUID(key))


@transaction.atomic
def reject_revision(*, by: Actor, at: datetime, revision_id: UUID, reason: str) -> ListingRevision:
    """The operator's no, with the reason; the listing stays as it was, and another revision may be opened."""
    revision = _for_review(by, revision_id, "reject")
    require_reason(reason)
    revision.decided_at = at
    LISTING_REVISION.move(
        revision, "reject", by=by, at=at, reason=reason.strip(), update_fields=["decided_at"]
    )
    record(by=by, at=at, action="revisions.reject", subject=revision, detail={"reason": reason.strip()})
    announce(
        RevisionRejected(
            at=at, product_id=revision.product_id, revision_id=revision.pk, by=by, reason=reason.strip()
        )
    )
    return revision
