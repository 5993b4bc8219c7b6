"""The catalogue as JSON: public search, the supplier's products, the operator's decisions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from exchange.catalogue import services
from exchange.catalogue.models import Product
from exchange.catalogue.permissions import REVIEW_LISTINGS
from exchange.catalogue.schemas import (
    ChoiceOut,
    ContactBody,
    ContentIn,
    DraftIn,
    FacetOut,
    FacetsOut,
    InvitationOut,
    InviteIn,
    NoteIn,
    OrderingIn,
    PlanIn,
    PlanOut,
    ProductDetailOut,
    ProductOut,
    QuestionOut,
    ReasonIn,
    RevisionOut,
    TextIn,
    VersionIn,
    WantedIn,
    WordingIn,
)
from exchange.catalogue.searching import Wanted, facets, read_wanted, search_products
from exchange.catalogue.selectors import (
    contacts_of,
    licence_policy_of,
    listings_to_review,
    live_invitations,
    own_product,
    own_products,
    products_visible_to,
    questions_visible_to,
    revisions_visible_to,
    visible_product,
    visible_revision,
)
from gateway.api import KeyAuth, Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import NotFound
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
            choices=[
                ChoiceOut(code=c.code, label=str(c.label), count=c.count, is_more=c.is_more)
                for c in group.choices
            ],
        )
        for group in groups
    ]
    return FacetsOut(total=total.count, is_more=total.is_more, facets=shown)


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
    return _shown(request, made.number)


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


def _given(body: ContentIn) -> dict[str, Any]:
    """The fields that were sent."""
    return {name: value for name, value in body.dict().items() if value is not None}


@router.post("/products/{number}/content", response=ProductDetailOut)
@idempotent
def post_content(request: HttpRequest, number: str, body: ContentIn) -> ProductDetailOut:
    """Change wording, declarations, needs, examples or visibility of a draft or rejected listing."""
    found = _found(request, number)
    services.edit_product(by=actor(request), at=clock.now(), product_id=found.pk, **_given(body))
    return _shown(request, number)


@router.post("/products/{number}/plans", response={201: PlanOut})
@idempotent
def post_plan(request: HttpRequest, number: str, body: PlanIn) -> PlanOut:
    """Add a plan to a draft or rejected listing."""
    found = _found(request, number)
    plan = services.add_plan(by=actor(request), at=clock.now(), product_id=found.pk, **body.terms())
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


# --- changes to what is listed ------------------------------------------------------------------


@router.get("/revisions", response=Page[RevisionOut])
def list_revisions(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[RevisionOut]:
    """Changes to the caller's own products; for the operator all that were submitted."""
    rows = revisions_visible_to(actor(request)).select_related("product").defer("product__search")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[RevisionOut](items=[RevisionOut.of(each) for each in found], next=following)


@router.get("/revisions/{uuid:revision_id}", response=RevisionOut)
def get_revision(request: HttpRequest, revision_id: UUID) -> RevisionOut:
    """One change, field by field."""
    return RevisionOut.of(visible_revision(actor(request), revision_id))


@router.post("/products/{number}/revision/content", response=RevisionOut)
@idempotent
def post_revision_content(request: HttpRequest, number: str, body: ContentIn) -> RevisionOut:
    """Propose new content of a listed product; opens the draft of a change when there is none."""
    found = _found(request, number)
    return RevisionOut.of(
        services.propose(by=actor(request), at=clock.now(), product_id=found.pk, **_given(body))
    )


@router.post("/products/{number}/revision/plans", response=RevisionOut)
@idempotent
def post_revision_plan(request: HttpRequest, number: str, body: PlanIn) -> RevisionOut:
    """Propose a new plan."""
    found = _found(request, number)
    return RevisionOut.of(
        services.propose_plan(by=actor(request), at=clock.now(), product_id=found.pk, **body.terms())
    )


@router.post("/products/{number}/revision/plans/{uuid:plan_id}/withdrawal", response=RevisionOut)
@idempotent
def post_revision_withdrawal(request: HttpRequest, number: str, plan_id: UUID) -> RevisionOut:
    """Propose that a plan is no longer sold."""
    found = _found(request, number)
    return RevisionOut.of(
        services.propose_withdrawal(by=actor(request), at=clock.now(), product_id=found.pk, plan_id=plan_id)
    )


@router.post("/products/{number}/revision/version", response=RevisionOut)
@idempotent
def post_revision_version(request: HttpRequest, number: str, body: VersionIn) -> RevisionOut:
    """Propose another certified version."""
    found = _found(request, number)
    return RevisionOut.of(
        services.propose_version(
            by=actor(request), at=clock.now(), product_id=found.pk, certificate_id=body.certificate_id
        )
    )


@router.post("/revisions/{uuid:revision_id}/submission", response=RevisionOut)
@idempotent
def post_revision_submission(request: HttpRequest, revision_id: UUID, body: NoteIn) -> RevisionOut:
    """Hand a change to the operator."""
    return RevisionOut.of(
        services.submit_revision(by=actor(request), at=clock.now(), revision_id=revision_id, note=body.note)
    )


@router.post("/revisions/{uuid:revision_id}/withdrawal", response=RevisionOut)
@idempotent
def post_revision_drop(request: HttpRequest, revision_id: UUID) -> RevisionOut:
    """Drop a change, or take it back from review."""
    return RevisionOut.of(
        services.withdraw_revision(by=actor(request), at=clock.now(), revision_id=revision_id)
    )


@router.post("/revisions/{uuid:revision_id}/application", response=RevisionOut)
@idempotent
def post_application(request: HttpRequest, revision_id: UUID, body: ReasonIn) -> RevisionOut:
    """The operator's yes: all of it holds at once."""
    return RevisionOut.of(
        services.apply_revision(
            by=actor(request), at=clock.now(), revision_id=revision_id, reason=body.reason
        )
    )


@router.post("/revisions/{uuid:revision_id}/rejection", response=RevisionOut)
@idempotent
def post_revision_rejection(request: HttpRequest, revision_id: UUID, body: ReasonIn) -> RevisionOut:
    """The operator's no."""
    return RevisionOut.of(
        services.reject_revision(
            by=actor(request), at=clock.now(), revision_id=revision_id, reason=body.reason
        )
    )


# --- what holds at once -------------------------------------------------------------------------


@router.post("/products/{number}/ordering", response=ProductDetailOut)
@idempotent
def post_ordering(request: HttpRequest, number: str, body: OrderingIn) -> ProductDetailOut:
    """Orders at once, or after approval; for later orders."""
    found = _found(request, number)
    services.set_ordering(by=actor(request), at=clock.now(), product_id=found.pk, ordering=body.ordering)
    return _shown(request, number)


@router.get("/products/{number}/invitations", response=list[InvitationOut])
def list_invitations(request: HttpRequest, number: str) -> list[InvitationOut]:
    """Who finds the supplier's own product."""
    return [InvitationOut.of(each) for each in live_invitations(own_product(actor(request), number))]


@router.post("/products/{number}/invitations", response={201: InvitationOut})
@idempotent
def post_invitation(request: HttpRequest, number: str, body: InviteIn) -> InvitationOut:
    """Let an organization find the product."""
    found = _found(request, number)
    return InvitationOut.of(
        services.invite(by=actor(request), at=clock.now(), product_id=found.pk, uscc=body.uscc)
    )


@router.post("/products/{number}/invitations/{uuid:invitation_id}/withdrawal", response=InvitationOut)
@idempotent
def post_invitation_withdrawal(request: HttpRequest, number: str, invitation_id: UUID) -> InvitationOut:
    """Take an invitation back."""
    found = _found(request, number)
    return InvitationOut.of(
        services.withdraw_invitation(
            by=actor(request), at=clock.now(), product_id=found.pk, invitation_id=invitation_id
        )
    )


@router.get("/products/{number}/contacts", response=list[ContactBody])
def list_contacts(request: HttpRequest, number: str) -> list[ContactBody]:
    """The contacts of the supplier's own product; buyers read them with their order."""
    return _contacts(request, number)


@router.post("/products/{number}/contacts", response=list[ContactBody])
@idempotent
def post_contact(request: HttpRequest, number: str, body: ContactBody) -> list[ContactBody]:
    """Keep one contact; holds at once."""
    found = _found(request, number)
    services.set_contact(by=actor(request), at=clock.now(), product_id=found.pk, **body.dict())
    return _contacts(request, number)


def _contacts(request: HttpRequest, number: str) -> list[ContactBody]:
    found = own_product(actor(request), number)
    return [
        ContactBody(kind=each.kind, name=each.name, phone=each.phone, email=each.email)
        for each in contacts_of(found)
    ]


# --- questions, licence -------------------------------------------------------------------------


@router.get("/products/{number}/questions", response=Page[QuestionOut], auth=None)
def list_questions(
    request: HttpRequest, number: str, cursor: str | None = None, limit: int = 20
) -> Page[QuestionOut]:
    """Questions with their answers; needs no key."""
    viewer = _caller(request)
    rows = questions_visible_to(viewer, visible_product(viewer, number))
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[QuestionOut](items=[QuestionOut.of(each) for each in found], next=following)


@router.post("/products/{number}/questions", response={201: QuestionOut})
@idempotent
def post_question(request: HttpRequest, number: str, body: TextIn) -> QuestionOut:
    """Ask the supplier."""
    found = _found(request, number)
    return QuestionOut.of(
        services.ask(by=actor(request), at=clock.now(), product_id=found.pk, text=body.text)
    )


@router.post("/questions/{uuid:question_id}/answer", response=QuestionOut)
@idempotent
def post_answer(request: HttpRequest, question_id: UUID, body: TextIn) -> QuestionOut:
    """Answer a question, or better the answer."""
    return QuestionOut.of(
        services.answer_question(by=actor(request), at=clock.now(), question_id=question_id, text=body.text)
    )


@router.post("/questions/{uuid:question_id}/hiding", response=QuestionOut)
@idempotent
def post_hiding(request: HttpRequest, question_id: UUID, body: ReasonIn) -> QuestionOut:
    """Take a question out of sight (operator)."""
    return QuestionOut.of(
        services.hide_question(by=actor(request), at=clock.now(), question_id=question_id, reason=body.reason)
    )


@router.get("/products/{number}/policy", response=dict[str, object], auth=None)
def get_policy(request: HttpRequest, number: str) -> dict[str, object]:
    """The licence as an ODRL 2.2 offer; needs no key."""
    return licence_policy_of(visible_product(_caller(request), number))
