"""What the catalogue's JSON looks like. Amounts in fen, times in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, Field

from exchange.catalogue.models import Invitation, ListingRevision, Plan, Product, Question
from exchange.catalogue.rules import changes, plan_words, terms_in
from exchange.catalogue.selectors import sample_rows, told_plan
from kernel.money import Money


class PlanOut(Schema):
    """One way to buy; `price_fen` includes VAT at `tax_rate_bp` basis points.

    Quantities are calls (metered_calls) or bytes (metered_volume); `words` tells the price in sentences.
    """

    id: UUID
    kind: str
    name: str
    note: str
    price_fen: int
    tax_rate_bp: int
    term_days: int | None
    included_quantity: int | None
    buyer: str
    is_exclusive: bool
    valid_until: datetime | None
    words: list[str]

    @classmethod
    def of(cls, plan: Plan) -> PlanOut:
        told = told_plan(plan)
        return cls(
            **{
                name: told[name]
                for name in cls.model_fields
                if name in told and name not in ("buyer", "valid_until")
            },
            buyer=plan.buyer.uscc if plan.buyer else "",
            valid_until=plan.valid_until,
            words=plan_words(terms_in(told)),
        )


class NeedBody(Schema):
    """A business need that the product answers."""

    title: str
    industry: str


class ExampleBody(Schema):
    """A few lines that show how the product is used."""

    title: str
    code: str
    explanation: str


class ProductOut(Schema):
    """A product as a list shows it."""

    number: str
    title: str
    title_en: str
    summary: str
    kind: str
    modality: str
    industry: str
    licence: str
    state: str
    supplier: str
    price_from_fen: int | None
    row_count: int
    certificate: str
    listed_at: datetime | None

    @classmethod
    def of(cls, product: Product) -> ProductOut:
        return cls(**_listed(product))


class ProductDetailOut(ProductOut):
    """A product with everything its page shows."""

    description: str
    version: int
    root_hash: str
    file_count: int
    byte_count: int
    label_counts: dict[str, int]
    dictionary: list[dict[str, object]]
    sample: list[dict[str, object]]
    visibility: str
    ordering: str
    personal_information: str
    has_no_important_data: bool
    is_source_lawful: bool
    restrictions: str
    needs: list[NeedBody]
    examples: list[ExampleBody]
    plans: list[PlanOut]

    @classmethod
    def of(cls, product: Product) -> ProductDetailOut:
        """From `selectors.visible_product`, whose `plans_offered` are those the viewer may buy."""
        version = product.version
        return cls(
            visibility=product.visibility,
            ordering=product.ordering,
            personal_information=product.personal_information,
            has_no_important_data=product.has_no_important_data,
            is_source_lawful=product.is_source_lawful,
            restrictions=product.restrictions,
            needs=product.needs,
            examples=product.examples,
            **_listed(product),
            description=product.description,
            version=version.version,
            root_hash=version.root_hash,
            file_count=version.file_count,
            byte_count=version.byte_count,
            label_counts=version.label_counts,
            dictionary=version.dictionary,
            sample=sample_rows(version),
            plans=[PlanOut.of(plan) for plan in product.plans_offered],  # type: ignore[attr-defined]
        )


def _listed(product: Product) -> dict[str, Any]:
    return {
        "number": product.number,
        "title": product.title,
        "title_en": product.title_en,
        "summary": product.summary,
        "kind": product.kind,
        "modality": product.modality,
        "industry": product.industry,
        "licence": product.licence,
        "state": product.state,
        "supplier": product.supplier.name,
        "price_from_fen": product.price_from_fen,
        "row_count": product.version.row_count,
        "certificate": product.certificate.number,
        "listed_at": product.listed_at,
    }


class WantedIn(Schema):
    """What is searched for; each facet may be given several times."""

    q: str = ""
    industry: list[str] = []
    modality: list[str] = []
    kind: list[str] = []
    task: list[str] = []
    licence: list[str] = []
    price: list[str] = []
    certificate: list[str] = []
    quality: list[str] = []
    place: list[str] = []


class ChoiceOut(Schema):
    """A value of a facet and the number of products behind it; `is_more`: at least so many."""

    code: str
    label: str
    count: int
    is_more: bool


class FacetOut(Schema):
    """A group of choices."""

    code: str
    label: str
    choices: list[ChoiceOut]


class FacetsOut(Schema):
    """The number of results (`is_more`: at least so many) and all facets."""

    total: int
    is_more: bool
    facets: list[FacetOut]


class DraftIn(Schema):
    """A new product for the version of a certificate in force."""

    certificate_id: UUID
    title: str
    title_en: str = ""
    summary: str
    description: str
    industry: str
    licence: str


class WordingIn(Schema):
    """Changes to a draft or rejected listing; what is left out stays."""

    title: str | None = None
    title_en: str | None = None
    summary: str | None = None
    description: str | None = None
    industry: str | None = None
    licence: str | None = None


class ContentIn(WordingIn):
    """Changes to everything that is reviewed but plans and version; what is left out stays."""

    personal_information: str | None = None
    has_no_important_data: bool | None = None
    is_source_lawful: bool | None = None
    restrictions: str | None = None
    visibility: str | None = None
    needs: list[NeedBody] | None = None
    examples: list[ExampleBody] | None = None


_AMOUNT = 10**14
_QUANTITY = 10**15


class PlanIn(Schema):
    """A new plan; `price_fen` includes VAT and is 0 for free_sample and trial alone.

    `buyer`: USCC of the one organization that a private_offer is made to.
    """

    name: str
    price_fen: int = Field(ge=0, le=_AMOUNT)
    tax_rate_bp: int = 600
    kind: str = "one_off"
    note: str = ""
    term_days: int | None = Field(default=None, ge=1, le=3_650)
    included_quantity: int | None = Field(default=None, ge=1, le=_QUANTITY)
    buyer: str = Field(default="", max_length=36)
    is_exclusive: bool = False
    valid_until: AwareDatetime | None = None

    def terms(self) -> dict[str, Any]:
        """As the services take them."""
        return {**self.dict(exclude={"price_fen"}), "price": Money(self.price_fen)}


class ChangeOut(Schema):
    """One line of a diff, in words."""

    field: str
    label: str
    before: str
    after: str


class RevisionOut(Schema):
    """A change to a listed product, as a field-by-field difference."""

    id: UUID
    product: str
    state: str
    note: str
    created_at: datetime
    submitted_at: datetime | None
    decided_at: datetime | None
    changes: list[ChangeOut]

    @classmethod
    def of(cls, revision: ListingRevision) -> RevisionOut:
        return cls(
            id=revision.pk,
            product=revision.product.number,
            state=revision.state,
            note=revision.note,
            created_at=revision.created_at,
            submitted_at=revision.submitted_at,
            decided_at=revision.decided_at,
            changes=[
                ChangeOut(field=each.field, label=str(each.label), before=each.before, after=each.after)
                for each in changes(revision.before, revision.proposed)
            ],
        )


class VersionIn(Schema):
    """The certificate over the version to move to."""

    certificate_id: UUID


class NoteIn(Schema):
    """What a change is for."""

    note: str = Field(default="", max_length=500)


class OrderingIn(Schema):
    """instant or approval."""

    ordering: str


class InviteIn(Schema):
    """Whom to invite, by USCC."""

    uscc: str = Field(max_length=18)


class InvitationOut(Schema):
    """An organization that finds the product."""

    id: UUID
    organization: str
    uscc: str
    invited_at: datetime

    @classmethod
    def of(cls, invitation: Invitation) -> InvitationOut:
        return cls(
            id=invitation.pk,
            organization=invitation.organization.name,
            uscc=invitation.organization.uscc,
            invited_at=invitation.invited_at,
        )


class ContactBody(Schema):
    """A contact; name, phone and email all empty take it away."""

    kind: str
    name: str = ""
    phone: str = ""
    email: str = ""


class TextIn(Schema):
    """A question or an answer."""

    text: str = Field(max_length=2_000)


class QuestionOut(Schema):
    """A question about a product; `answer` is empty until the supplier answers."""

    id: UUID
    text: str
    asked_at: datetime
    answer: str
    answered_at: datetime | None
    is_hidden: bool

    @classmethod
    def of(cls, question: Question) -> QuestionOut:
        return cls(
            id=question.pk,
            text=question.text,
            asked_at=question.asked_at,
            answer=question.answer,
            answered_at=question.answered_at,
            is_hidden=question.hidden_at is not None,
        )


class ReasonIn(Schema):
    """Why."""

    reason: str = Field(default="", max_length=500)
