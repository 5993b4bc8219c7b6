"""What the catalogue's JSON looks like. Amounts in fen, times in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from exchange.catalogue.models import Plan, Product
from exchange.catalogue.selectors import sample_rows


class PlanOut(Schema):
    """One way to buy; `price_fen` includes VAT at `tax_rate_bp` basis points."""

    id: UUID
    kind: str
    name: str
    note: str
    price_fen: int
    tax_rate_bp: int

    @classmethod
    def of(cls, plan: Plan) -> PlanOut:
        return cls(
            id=plan.pk,
            kind=plan.kind,
            name=plan.name,
            note=plan.note,
            price_fen=plan.price_fen,
            tax_rate_bp=plan.tax_rate_bp,
        )


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
    plans: list[PlanOut]

    @classmethod
    def of(cls, product: Product) -> ProductDetailOut:
        version = product.version
        return cls(
            **_listed(product),
            description=product.description,
            version=version.version,
            root_hash=version.root_hash,
            file_count=version.file_count,
            byte_count=version.byte_count,
            label_counts=version.label_counts,
            dictionary=version.dictionary,
            sample=sample_rows(version),
            plans=[PlanOut.of(plan) for plan in product.plans.filter(withdrawn_at=None)],
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
    licence: list[str] = []
    price: list[str] = []


class ChoiceOut(Schema):
    """A value of a facet and the number of products behind it."""

    code: str
    label: str
    count: int


class FacetOut(Schema):
    """A group of choices."""

    code: str
    label: str
    choices: list[ChoiceOut]


class FacetsOut(Schema):
    """The number of results and all facets."""

    total: int
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


class PlanIn(Schema):
    """A new plan; `price_fen` includes VAT."""

    name: str
    price_fen: int = Field(gt=0, le=10**14)
    tax_rate_bp: int = 600
    kind: str = "one_off"
    note: str = ""


class ReasonIn(Schema):
    """Why."""

    reason: str = Field(default="", max_length=500)
