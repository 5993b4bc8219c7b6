"""Every read of the catalogue that takes a viewer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from annotation.intake.sensitive import tells_of_persons
from assets.datasets.models import DatasetFile, DatasetVersion
from assets.datasets.states import VersionState
from assets.profiles.selectors import frozen_sample_of
from assets.registry.models import Certificate
from assets.registry.selectors import is_valid_on
from assets.registry.states import CertificateState
from documents.objects import signed_link
from exchange.catalogue import rules
from exchange.catalogue.models import Contact, Invitation, ListingRevision, Plan, Product, Question
from exchange.catalogue.permissions import EDIT_PRODUCTS, REVIEW_LISTINGS, SEE_ALL_PRODUCTS
from exchange.catalogue.states import (
    FREE_KINDS,
    OPEN_REVISION,
    ListingState,
    RevisionState,
    Visibility,
)
from kernel import clock
from kernel.errors import NotFound
from kernel.search import matching
from organizations.permissions import Actor
from web import desk, finding

ANYBODY = Actor.anonymous()
MOST_INVITED = 1_000
"""Invitations of one organization that a list looks at."""

OPEN_STATES = (
    ListingState.DRAFT,
    ListingState.SUBMITTED,
    ListingState.LISTED,
    ListingState.SUSPENDED,
    ListingState.REJECTED,
)


def plans_on_sale() -> QuerySet[Plan]:
    """Plans that were not withdrawn, in their order; whom they are for and until when is asked separately."""
    return Plan.objects.filter(withdrawn_at=None).order_by("ordinal", "pk")


def _offered(viewer: Actor, at: datetime, prefix: str = "") -> Q:
    """Not run out, and public or made to the viewer's organization."""
    open_still = Q(**{f"{prefix}valid_until": None}) | Q(**{f"{prefix}valid_until__gt": at})
    for_all = Q(**{f"{prefix}buyer": None})
    if viewer.organization_id is not None:
        for_all |= Q(**{f"{prefix}buyer": viewer.organization_id})
    return open_still & for_all


def plans_on_sale_to(viewer: Actor, product: Product, at: datetime) -> QuerySet[Plan]:
    """The plans of a product that this viewer may buy now.

    A private offer is seen by its buyer alone (the supplier and the operator see it among all plans of the product).
    """
    return plans_on_sale().filter(_offered(viewer, at), product=product)


def is_offered_to(viewer: Actor, plan: Plan) -> bool:
    """Whether the plan (loaded with its product) is for this viewer at all.

    Not another's private offer, and the product public or the viewer's organization invited.
    """
    if plan.buyer_id is not None and not viewer.belongs_to(plan.buyer_id):
        return False
    product = plan.product
    if product.visibility == Visibility.PUBLIC or viewer.belongs_to(product.supplier_id):
        return True
    live = Invitation.objects.filter(product=product, withdrawn_at=None)
    return live.filter(organization=viewer.organization_id).exists()


def is_running(plan: Plan, at: datetime) -> bool:
    """Whether the offer still stands: not withdrawn, not run out."""
    return plan.withdrawn_at is None and (plan.valid_until is None or at < plan.valid_until)


def _sees_all(viewer: Actor) -> bool:
    return viewer.can(SEE_ALL_PRODUCTS) or viewer.can(REVIEW_LISTINGS)


def _found_by(viewer: Actor) -> Q:
    """What of the listed a viewer finds: the public, and what its organization is invited to."""
    public = Q(visibility=Visibility.PUBLIC)
    if viewer.organization_id is None:
        return public
    live = Invitation.objects.filter(organization=viewer.organization_id, withdrawn_at=None)
    invited = list(live.values_list("product_id", flat=True)[:MOST_INVITED])
    return public | Q(pk__in=invited) if invited else public


def products_visible_to(viewer: Actor) -> QuerySet[Product]:
    """What is listed and public or open to the viewer by invitation; suppliers all of their own; operator,
    department and auditor all."""
    rows = Product.objects.all()
    if _sees_all(viewer):
        return rows
    listed = Q(state=ListingState.LISTED) & _found_by(viewer)
    return rows.filter(listed | Q(supplier_id=viewer.organization_id) if viewer.organization_id else listed)


def listed_products() -> QuerySet[Product]:
    """What the public catalogue shows to everybody."""
    return Product.objects.filter(state=ListingState.LISTED, visibility=Visibility.PUBLIC)


def listed_products_for(viewer: Actor) -> QuerySet[Product]:
    """What the catalogue shows to this viewer: the public, and what its organization is invited to."""
    rows = Product.objects.filter(state=ListingState.LISTED)
    return rows if _sees_all(viewer) else rows.filter(_found_by(viewer))


def own_products(viewer: Actor) -> QuerySet[Product]:
    """The products of the viewer's organization, in every state."""
    viewer.require(EDIT_PRODUCTS)
    return Product.objects.filter(supplier_id=viewer.organization_id).select_related(
        "version__dataset", "certificate"
    )


def listings_to_review(viewer: Actor) -> QuerySet[Product]:
    """Submitted listings; the reviewer's own organization's are left out (nobody reviews what is theirs)."""
    viewer.require(REVIEW_LISTINGS)
    waiting = Product.objects.filter(state=ListingState.SUBMITTED).exclude(supplier_id=viewer.organization_id)
    return waiting.select_related("supplier", "certificate", "version__dataset")


def visible_product(viewer: Actor, number: str, at: datetime | None = None) -> Product:
    """One product with all that its page shows; NotFound when the viewer may not see it.

    `plans_offered`: what the viewer may buy; the supplier and those who see everything get every plan on sale.
    """
    rows = products_visible_to(viewer).select_related(
        "supplier", "certificate__application", "certificate__holder", "version__dataset", "version__project"
    )
    product = rows.filter(number=number).first()
    if product is None:
        raise NotFound
    if viewer.belongs_to(product.supplier_id) or _sees_all(viewer):
        plans = plans_on_sale().filter(product=product)
    else:
        plans = plans_on_sale_to(viewer, product, at or clock.now())
    product.plans_offered = list(plans.select_related("buyer"))  # type: ignore[attr-defined]
    return product


def plan_on_sale(viewer: Actor, plan_id: UUID, at: datetime) -> Plan:
    """A plan that this viewer may buy now, of a listed product, with product and supplier; NotFound otherwise."""
    rows = plans_on_sale().filter(_offered(viewer, at), pk=plan_id, product__in=listed_products_for(viewer))
    found = rows.select_related("product__supplier", "product__version").defer("product__search").first()
    if found is None:
        raise NotFound
    return found


def own_product(viewer: Actor, number: str) -> Product:
    """One product of the viewer's organization for editing; others' are not found."""
    viewer.require(EDIT_PRODUCTS)
    product = visible_product(viewer, number)
    if not viewer.belongs_to(product.supplier_id):
        raise NotFound
    return product


# --- what stands on a product's page ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShownSample:
    """A sample with its picture's short-lived address (empty for texts)."""

    sample: rules.Sample
    picture_url: str


def sample_rows(version: DatasetVersion) -> list[dict[str, Any]]:
    """The rows that the firm froze for the catalogue; while it chose none, those kept at sealing.

    A row that tells of persons is never shown.
    """
    frozen = frozen_sample_of(version.pk)
    rows = [row["shown"] for row in frozen.rows] if frozen else version.sample
    return [row for row in rows if isinstance(row, dict) and not tells_of_persons(row)]


def samples_of(version: DatasetVersion) -> list[ShownSample]:
    """The version's samples; at most two queries."""
    samples = [rules.read_sample(row) for row in sample_rows(version)]
    paths = [sample.path for sample in samples if sample.path and not sample.marks]
    rows = DatasetFile.objects.filter(version=version, path__in=paths, media_type__startswith="image/")
    links = {
        file.path: signed_link(file.object_key, file_name=file.path, media_type=file.media_type, inline=True)
        for file in (rows if paths else ())
    }
    return [ShownSample(sample, links.get(sample.path, "")) for sample in samples]


def versions_of(product: Product) -> list[DatasetVersion]:
    """The versions of the dataset that were registered and on sale under this product, newest first."""
    applied = product.revisions.filter(state=RevisionState.APPLIED).values_list("before", flat=True)
    known = {product.version_id, *(UUID(before["certificate"]["version_id"]) for before in applied)}
    rows = DatasetVersion.objects.filter(
        dataset_id=product.version.dataset_id,
        pk__in=known,
        state=VersionState.SEALED,
        certificates__isnull=False,
    )
    return list(rows.distinct().defer("sample", "dictionary", "label_counts").order_by("-version")[:20])


def listed_count_of(supplier_id: UUID) -> int:
    """How many products of a supplier are listed now."""
    return listed_products().filter(supplier_id=supplier_id).count()


def certificates_to_list(viewer: Actor, on: date) -> QuerySet[Certificate]:
    """The viewer's certificates in force on a day whose version has no open product."""
    viewer.require(EDIT_PRODUCTS)
    return (
        Certificate.objects.filter(
            holder_id=viewer.organization_id,
            version__isnull=False,
            state=CertificateState.VALID,
            valid_from__lte=on,
            valid_until__gte=on,
        )
        .exclude(version__products__state__in=OPEN_STATES)
        .select_related("version__dataset", "application")
        .order_by("-issued_at", "-pk")
    )


def steps_of(product: Product, at: datetime) -> list[rules.Step]:
    """The supplier's task list for a product that was loaded with certificate and version."""
    certificate, version = product.certificate, product.version
    return rules.listing_steps(
        rules.Standing(
            title=product.display_title,
            summary=product.summary,
            description=product.description,
            licence=product.licence,
            personal_information=product.personal_information,
            has_no_important_data=product.has_no_important_data,
            is_source_lawful=product.is_source_lawful,
            visibility=product.visibility,
            live_invitations=product.invitations.filter(withdrawn_at=None).count(),
            plan_count=product.plans.filter(withdrawn_at=None).exclude(kind__in=FREE_KINDS).count(),
            sample_count=len(version.sample),
            field_count=len(version.dictionary),
            contact_count=product.contacts.count(),
            need_count=len(product.needs),
            example_count=len(product.examples),
            is_certified=certificate.version_id == version.pk
            and is_valid_on(certificate, clock.business_date(at)),
        )
    )


# --- what is under review -----------------------------------------------------------------------


def told_certificate(certificate: Certificate) -> dict[str, Any]:
    """A certificate as a snapshot keeps it: with the version it covers."""
    assert certificate.version is not None, "what is offered has a version"
    return {
        "id": str(certificate.pk),
        "number": certificate.number,
        "version_id": str(certificate.version_id),
        "version": certificate.version.version,
    }


def version_moved_by(revision_id: UUID) -> UUID | None:
    """The version to which an applied revision moved its product; None when it left the version alone."""
    told = ListingRevision.objects.only("before", "proposed").get(pk=revision_id)
    before, after = (each["certificate"]["version_id"] for each in (told.before, told.proposed))
    return UUID(after) if after != before else None


def told_plan(plan: Plan) -> dict[str, Any]:
    """A plan as a snapshot keeps it."""
    return {
        "id": str(plan.pk),
        "name": plan.name,
        "price_fen": plan.price_fen,
        "kind": plan.kind,
        "note": plan.note,
        "tax_rate_bp": plan.tax_rate_bp,
        "term_days": plan.term_days,
        "included_quantity": plan.included_quantity,
        "buyer": str(plan.buyer_id or ""),
        "buyer_name": plan.buyer.name if plan.buyer else "",
        "is_exclusive": plan.is_exclusive,
        "valid_until": plan.valid_until.isoformat() if plan.valid_until else "",
    }


def snapshot_of(product: Product) -> dict[str, Any]:
    """Everything of a product that the operator reviews, as JSON; keys are those of `rules.FIELDS` and plans."""
    plain = {name: getattr(product, name) for name in rules.FIELDS if name != "certificate"}
    plans = plans_on_sale().filter(product=product).select_related("buyer")
    certificate = product.certificate
    certificate.version = (
        product.version if certificate.version_id == product.version_id else certificate.version
    )
    return {
        **plain,
        "certificate": told_certificate(certificate),
        "plans": [told_plan(plan) for plan in plans],
    }


def open_revision_of(product: Product) -> ListingRevision | None:
    """The product's draft or submitted revision."""
    return product.revisions.filter(state__in=OPEN_REVISION).first()


def revisions_of(product: Product) -> list[ListingRevision]:
    """The product's revisions, newest first."""
    return list(product.revisions.order_by("-pk")[:50])


def revisions_visible_to(viewer: Actor) -> QuerySet[ListingRevision]:
    """Those of the viewer's own products; for operator, department and auditor those that were submitted."""
    if _sees_all(viewer):
        return ListingRevision.objects.filter(submitted_at__isnull=False)
    if viewer.organization_id is None or not viewer.can(EDIT_PRODUCTS):
        return ListingRevision.objects.none()
    return ListingRevision.objects.filter(product__supplier_id=viewer.organization_id)


def visible_revision(viewer: Actor, revision_id: UUID) -> ListingRevision:
    """One revision with its product; NotFound when the viewer may not see it."""
    rows = revisions_visible_to(viewer).select_related("product__supplier", "product__certificate")
    found = rows.defer("product__search").filter(pk=revision_id).first()
    if found is None:
        raise NotFound
    return found


def revisions_to_review(viewer: Actor) -> QuerySet[ListingRevision]:
    """Submitted revisions, but for those of the reviewer's own organization."""
    viewer.require(REVIEW_LISTINGS)
    waiting = ListingRevision.objects.filter(state=RevisionState.SUBMITTED)
    own = waiting.exclude(product__supplier_id=viewer.organization_id)
    return own.select_related("product__supplier").defer("product__search").order_by("submitted_at", "pk")


def newer_certificates(product: Product, on: date) -> list[Certificate]:
    """The supplier's certificates in force over other versions of the product's dataset that nobody offers yet."""
    rows = Certificate.objects.filter(
        holder_id=product.supplier_id,
        version__dataset_id=product.version.dataset_id,
        state=CertificateState.VALID,
        valid_from__lte=on,
        valid_until__gte=on,
    )
    taken = Product.objects.filter(state__in=OPEN_STATES).exclude(pk=product.pk).values("version_id")
    other = rows.exclude(version_id=product.version_id).exclude(version_id__in=taken)
    return list(other.select_related("version").order_by("-version__version", "-pk")[:20])


# --- invitations, contacts, questions -----------------------------------------------------------


def live_invitations(product: Product) -> list[Invitation]:
    """Who is invited now, by name."""
    rows = product.invitations.filter(withdrawn_at=None).select_related("organization")
    return list(rows.order_by("organization__name", "pk"))


def contacts_of(product: Product) -> list[Contact]:
    """The contacts of a product, for its supplier and (by `trading`) for those who have ordered."""
    return list(product.contacts.order_by("kind"))


def questions_visible_to(viewer: Actor, product: Product) -> QuerySet[Question]:
    """Answered questions that are not hidden; the asker its own; supplier and operator all."""
    rows = Question.objects.filter(product=product).select_related("asker", "product").order_by("-pk")
    if viewer.can(REVIEW_LISTINGS):
        return rows
    shown = Q(answered_at__isnull=False, hidden_at=None)
    own = viewer.organization_id
    if own is None:
        return rows.filter(shown)
    return rows if own == product.supplier_id else rows.filter(shown | Q(asker_id=own))


def open_questions(viewer: Actor) -> QuerySet[Question]:
    """Questions to the viewer's organization that wait for an answer."""
    viewer.require(EDIT_PRODUCTS)
    rows = Question.objects.filter(
        product__supplier_id=viewer.organization_id, answered_at=None, hidden_at=None
    )
    return rows.select_related("asker", "product").defer("product__search").order_by("pk")


def licence_policy_of(product: Product) -> dict[str, Any]:
    """The product's licence as an ODRL 2.2 offer."""
    page = settings.SITE_URL + reverse("catalogue:product", args=[product.number])
    return rules.licence_policy(licence=product.licence, page=page, supplier=product.supplier.uscc)


# --- desk, search ------------------------------------------------------------------------------


def todos(viewer: Actor) -> list[desk.Todo]:
    """What of the catalogue waits for a viewer: listings and changes to review, listings sent back or suspended,
    questions to answer."""
    waiting: list[desk.Todo] = []
    if viewer.can(REVIEW_LISTINGS):
        waiting += [
            desk.Todo(
                title=_("审核上架：%(title)s") % {"title": product.display_title},
                url=reverse("catalogue:review", args=[product.number]),
                detail=f"{product.number} · {product.supplier}",
                icon="store",
            )
            for product in listings_to_review(viewer).order_by("submitted_at", "pk")[:10]
        ]
        waiting += [
            desk.Todo(
                title=_("审核变更：%(title)s") % {"title": revision.product.display_title},
                url=reverse("catalogue:review_change", args=[revision.pk]),
                detail=f"{revision.product.number} · {revision.product.supplier}",
                icon="git-compare",
            )
            for revision in revisions_to_review(viewer)[:10]
        ]
    if viewer.organization_id and viewer.can(EDIT_PRODUCTS):
        mine = Product.objects.filter(supplier_id=viewer.organization_id)
        stuck = mine.filter(state__in=[ListingState.REJECTED, ListingState.SUSPENDED]).order_by("-pk")[:10]
        waiting += [
            desk.Todo(
                title=_("%(state)s：%(title)s")
                % {"state": product.get_state_display(), "title": product.display_title},
                url=reverse("selling:product", args=[product.number]),
                detail=product.number,
                icon="store",
                tone="amber",
            )
            for product in stuck
        ]
        waiting += [
            desk.Todo(
                title=_("回答提问：%(text)s") % {"text": question.text[:40]},
                url=reverse("selling:answer", args=[question.product.number, question.pk]),
                detail=f"{question.product.number} · {question.asker}",
                icon="message-circle-question-mark",
            )
            for question in open_questions(viewer)[:10]
        ]
    return waiting


def figures(viewer: Actor) -> list[desk.Figure]:
    """How many products a supplier has on sale; how many listings wait for the operator."""
    shown: list[desk.Figure] = []
    if viewer.organization_id and viewer.can(EDIT_PRODUCTS):
        number = listed_count_of(viewer.organization_id)
        shown.append(desk.Figure(_("在售产品"), number, url=reverse("selling:products")))
    if viewer.can(REVIEW_LISTINGS):
        shown.append(
            desk.Figure(_("待审上架"), listings_to_review(viewer).count(), url=reverse("catalogue:queue"))
        )
    return shown


def public_figures() -> list[desk.Figure]:
    """Live figures of the home page: products listed, samples in them, suppliers."""
    found = listed_products().aggregate(
        products=Count("pk"), rows=Sum("version__row_count"), suppliers=Count("supplier", distinct=True)
    )
    url = reverse("catalogue:list")
    return [
        desk.Figure(_("在售数据产品"), f"{found['products']:,}", url=url),
        desk.Figure(_("样本总量"), f"{found['rows'] or 0:,}"),
        desk.Figure(pgettext_lazy("several", "供方"), f"{found['suppliers']:,}"),
    ]


def find_products(viewer: Actor, text: str) -> list[finding.Hit]:
    """Products the viewer may see, by number or words."""
    rows = products_visible_to(viewer).filter(Q(number__iexact=text) | matching("search", text))
    own = viewer.organization_id
    return [
        finding.Hit(
            title=product.display_title,
            url=reverse("catalogue:product", args=[product.number]),
            detail=str(product.get_state_display()) if product.supplier_id == own else str(product.supplier),
            number=product.number,
            is_exact=product.number.lower() == text.lower(),
        )
        for product in rows.select_related("supplier").defer("search").order_by("-pk")[:10]
    ]


def sales_words(number: int) -> str:
    """The provider line of a product page."""
    return ngettext("%(number)s 个在售产品", "%(number)s 个在售产品", number) % {"number": number}
