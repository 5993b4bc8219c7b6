"""The catalogue as JSON: public search, the supplier's products, the operator's decisions."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from exchange.catalogue import services
from exchange.catalogue.models import Product
from exchange.catalogue.permissions import REVIEW_LISTINGS
from exchange.catalogue.schemas import (
    ChoiceOut,
    DraftIn,
    FacetOut,
    FacetsOut,
    PlanIn,
    PlanOut,
    ProductDetailOut,
    ProductOut,
    ReasonIn,
    WantedIn,
    WordingIn,
)
from exchange.catalogue.selectors import (
    Wanted,
    facets,
    listings_to_review,
    own_products,
    products_visible_to,
    read_wanted,
    search_products,
    visible_product,
)
from gateway.api import KeyAuth, Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import NotFound
from kernel.money import Money
from organizations.permissions import Actor

router = Router()


def _caller(request: HttpRequest) -> Actor:
    """Who asks a public endpoint: a key or session if one came along, so that invited products are found."""
    if request.headers.get("Authorization"):
        KeyAuth()(request)
    return actor(request)


def _read(asked: WantedIn) -> Wanted:
    chosen = asked.dict()
    return read_wanted(chosen.pop("q"), chosen)


@router.get("/products", response=Page[ProductOut], auth=None)
def list_products(
    request: HttpRequest, asked: Query[WantedIn], cursor: str | None = None, limit: int = 20
) -> Page[ProductOut]:
    """Listed products by text and facets, newest first; needs no key."""
    rows = search_products(_read(asked), _caller(request))
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[ProductOut](items=[ProductOut.of(each) for each in found], next=following)


@router.get("/facets", response=FacetsOut, auth=None)
def list_facets(request: HttpRequest, asked: Query[WantedIn]) -> FacetsOut:
    """How many products stand behind each choice; needs no key."""
    groups, total = facets(_read(asked), _caller(request))
    shown = [
        FacetOut(
            code=group.code,
            label=str(group.label),
            choices=[ChoiceOut(code=c.code, label=str(c.label), count=c.count) for c in group.choices],
        )
        for group in groups
    ]
    return FacetsOut(total=total, facets=shown)


@router.get("/products/{number}", response=ProductDetailOut, auth=None)
def get_product(request: HttpRequest, number: str) -> ProductDetailOut:
    """A listed product with plans, dictionary and sample; needs no key."""
    return ProductDetailOut.of(visible_product(_caller(request), number))


@router.get("/own", response=Page[ProductOut])
def list_own(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[ProductOut]:
    """The caller's own products in every state."""
    rows = own_products(actor(request)).select_related("supplier").defer("search")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[ProductOut](items=[ProductOut.of(each) for each in found], next=following)


@router.get("/reviews", response=Page[ProductOut])
def list_reviews(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[ProductOut]:
    """Listings that wait for the operator."""
    rows = listings_to_review(actor(request)).defer("search")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[ProductOut](items=[ProductOut.of(each) for each in found], next=following)


@router.post("/products", response={201: ProductDetailOut})
@idempotent
def post_product(request: HttpRequest, body: DraftIn) -> ProductDetailOut:
    """Draft a product."""
    made = services.draft_product(by=actor(request), at=clock.now(), **body.dict())
    return ProductDetailOut.of(made)


def _found(request: HttpRequest, number: str) -> Product:
    found = products_visible_to(actor(request)).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def _shown(request: HttpRequest, number: str) -> ProductDetailOut:
    return ProductDetailOut.of(visible_product(actor(request), number))


@router.post("/products/{number}/wording", response=ProductDetailOut)
@idempotent
def post_wording(request: HttpRequest, number: str, body: WordingIn) -> ProductDetailOut:
    """Change a draft or rejected listing."""
    changes = {name: value for name, value in body.dict().items() if value is not None}
    services.edit_product(by=actor(request), at=clock.now(), product_id=_found(request, number).pk, **changes)
    return _shown(request, number)


@router.post("/products/{number}/plans", response={201: PlanOut})
@idempotent
def post_plan(request: HttpRequest, number: str, body: PlanIn) -> PlanOut:
    """Add a plan."""
    plan = services.add_plan(
        by=actor(request),
        at=clock.now(),
        product_id=_found(request, number).pk,
        name=body.name,
        price=Money(body.price_fen),
        tax_rate_bp=body.tax_rate_bp,
        kind=body.kind,
        note=body.note,
    )
    return PlanOut.of(plan)


@router.post("/plans/{plan_id}/withdrawal", response=PlanOut)
@idempotent
def post_withdrawal(request: HttpRequest, plan_id: UUID) -> PlanOut:
    """Stop selling a plan."""
    return PlanOut.of(services.withdraw_plan(by=actor(request), at=clock.now(), plan_id=plan_id))


@router.post("/products/{number}/submission", response=ProductDetailOut)
@idempotent
def post_submission(request: HttpRequest, number: str) -> ProductDetailOut:
    """Hand the listing to the operator."""
    services.submit_listing(by=actor(request), at=clock.now(), product_id=_found(request, number).pk)
    return _shown(request, number)


@router.post("/products/{number}/publication", response=ProductDetailOut)
@idempotent
def post_publication(request: HttpRequest, number: str, body: ReasonIn) -> ProductDetailOut:
    """The operator's yes."""
    found = _found(request, number)
    services.publish_listing(by=actor(request), at=clock.now(), product_id=found.pk, reason=body.reason)
    return _shown(request, number)


@router.post("/products/{number}/rejection", response=ProductDetailOut)
@idempotent
def post_rejection(request: HttpRequest, number: str, body: ReasonIn) -> ProductDetailOut:
    """The operator's no."""
    found = _found(request, number)
    services.reject_listing(by=actor(request), at=clock.now(), product_id=found.pk, reason=body.reason)
    return _shown(request, number)


@router.post("/products/{number}/suspension", response=ProductDetailOut)
@idempotent
def post_suspension(request: HttpRequest, number: str, body: ReasonIn) -> ProductDetailOut:
    """Off sale for now (operator)."""
    found = _found(request, number)
    services.suspend_listing(by=actor(request), at=clock.now(), product_id=found.pk, reason=body.reason)
    return _shown(request, number)


@router.post("/products/{number}/relisting", response=ProductDetailOut)
@idempotent
def post_relisting(request: HttpRequest, number: str) -> ProductDetailOut:
    """On sale again (operator)."""
    actor(request).require(REVIEW_LISTINGS)
    services.relist(by=actor(request), at=clock.now(), product_id=_found(request, number).pk)
    return _shown(request, number)


@router.post("/products/{number}/delisting", response=ProductDetailOut)
@idempotent
def post_delisting(request: HttpRequest, number: str, body: ReasonIn) -> ProductDetailOut:
    """Out of the catalogue for good (supplier or operator)."""
    found = _found(request, number)
    services.delist(by=actor(request), at=clock.now(), product_id=found.pk, reason=body.reason)
    return _shown(request, number)
