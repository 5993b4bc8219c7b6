"""Data spaces as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from exchange.dataspace import selectors, services
from exchange.dataspace.models import SharedProduct, Space
from exchange.dataspace.schemas import (
    AcceptIn,
    DecisionIn,
    InviteIn,
    LandingIn,
    LandingOut,
    MemberOut,
    MilestoneDecisionIn,
    MilestoneIn,
    MilestoneOut,
    MoveIn,
    ProductIn,
    ReasonIn,
    ReportIn,
    RulesIn,
    RulesOut,
    SharedOut,
    SpaceIn,
    SpaceOut,
)
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput
from kernel.money import Money

router = Router()
MOVES = {
    "approve": services.approve_space,
    "return": services.return_space,
    "reject": services.reject_space,
    "withdraw": services.withdraw_space,
    "suspend": services.suspend_space,
    "resume": services.resume_space,
    "close": services.close_space,
}


def _space(request: HttpRequest, space_id: UUID) -> Space:
    return selectors.space_for(actor(request), space_id)


def _shared(shared_id: UUID) -> SharedOut:
    return SharedOut.of(SharedProduct.objects.select_related("product__supplier").get(pk=shared_id))


@router.get("", response=Page[SpaceOut])
def list_spaces(
    request: HttpRequest, state: str = "", kind: str = "", cursor: str | None = None, limit: int = 20
) -> Page[SpaceOut]:
    """Spaces the caller leads, belongs to or is asked to join, newest first."""
    rows = selectors.listed_spaces(actor(request), state=state, kind=kind)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[SpaceOut](items=[SpaceOut.of(each) for each in found], next=following)


@router.post("", response={201: SpaceOut})
@idempotent
def post_space(request: HttpRequest, body: SpaceIn) -> SpaceOut:
    """Apply for a space; milestones follow."""
    made = services.apply_space(by=actor(request), at=clock.now(), stated=body.stated())
    return SpaceOut.of(_space(request, made.pk))


@router.get("/{uuid:space_id}", response=SpaceOut)
def get_space(request: HttpRequest, space_id: UUID) -> SpaceOut:
    """One space."""
    return SpaceOut.of(_space(request, space_id))


@router.post("/{uuid:space_id}/application", response=SpaceOut)
@idempotent
def post_application(request: HttpRequest, space_id: UUID, body: SpaceIn) -> SpaceOut:
    """Amend a returned application and hand it in again."""
    services.amend_space(by=actor(request), at=clock.now(), space_id=space_id, stated=body.stated())
    return SpaceOut.of(_space(request, space_id))


@router.post("/{uuid:space_id}/moves", response=SpaceOut)
@idempotent
def post_move(request: HttpRequest, space_id: UUID, body: MoveIn) -> SpaceOut:
    """Decide on a space, or suspend, resume, close it."""
    found = _space(request, space_id)
    if body.move not in MOVES:
        raise InvalidInput(field="move", reason=_("没有这个办理事项。"))
    MOVES[body.move](by=actor(request), at=clock.now(), space_id=found.pk, reason=body.reason)
    return SpaceOut.of(_space(request, space_id))


@router.get("/{uuid:space_id}/rules", response=list[RulesOut])
def list_rules(request: HttpRequest, space_id: UUID) -> list[RulesOut]:
    """Every version of the rules, newest first."""
    return [
        RulesOut.of(each) for each in selectors.rules_visible_to(actor(request), _space(request, space_id))
    ]


@router.post("/{uuid:space_id}/rules", response={201: RulesOut})
@idempotent
def post_rules(request: HttpRequest, space_id: UUID, body: RulesIn) -> RulesOut:
    """Publish new rules: every member is asked again."""
    return RulesOut.of(
        services.publish_rules(
            by=actor(request), at=clock.now(), space_id=space_id, text=body.text, reason=body.reason
        )
    )


@router.get("/{uuid:space_id}/members", response=list[MemberOut])
def list_members(request: HttpRequest, space_id: UUID) -> list[MemberOut]:
    """Who belongs to the space, as far as the caller may see."""
    rows = selectors.members_visible_to(actor(request), _space(request, space_id))
    return [MemberOut.of(each) for each in rows[:500]]


@router.post("/{uuid:space_id}/members", response={201: MemberOut})
@idempotent
def post_member(request: HttpRequest, space_id: UUID, body: InviteIn) -> MemberOut:
    """Ask an organization to join."""
    return MemberOut.of(
        services.invite_member(by=actor(request), at=clock.now(), space_id=space_id, uscc=body.uscc)
    )


@router.post("/{uuid:space_id}/membership", response={201: MemberOut})
@idempotent
def post_membership(request: HttpRequest, space_id: UUID, body: AcceptIn) -> MemberOut:
    """Accept the invitation together with the rules in force."""
    return MemberOut.of(
        services.join_space(
            by=actor(request), at=clock.now(), space_id=space_id, text_sha256=body.text_sha256
        )
    )


@router.post("/{uuid:space_id}/acceptance", response=MemberOut)
@idempotent
def post_acceptance(request: HttpRequest, space_id: UUID, body: AcceptIn) -> MemberOut:
    """Accept new rules as a member."""
    return MemberOut.of(
        services.accept_rules(
            by=actor(request), at=clock.now(), space_id=space_id, text_sha256=body.text_sha256
        )
    )


@router.post("/{uuid:space_id}/refusal", response=MemberOut)
@idempotent
def post_refusal(request: HttpRequest, space_id: UUID, body: ReasonIn) -> MemberOut:
    """Decline the invitation."""
    return MemberOut.of(
        services.decline_invitation(by=actor(request), at=clock.now(), space_id=space_id, reason=body.reason)
    )


@router.post("/{uuid:space_id}/departure", response=MemberOut)
@idempotent
def post_departure(request: HttpRequest, space_id: UUID, body: ReasonIn) -> MemberOut:
    """Leave the space."""
    return MemberOut.of(
        services.leave_space(by=actor(request), at=clock.now(), space_id=space_id, reason=body.reason)
    )


@router.post("/members/{uuid:member_id}/removal", response=MemberOut)
@idempotent
def post_removal(request: HttpRequest, member_id: UUID, body: ReasonIn) -> MemberOut:
    """Remove a member."""
    return MemberOut.of(
        services.remove_member(by=actor(request), at=clock.now(), member_id=member_id, reason=body.reason)
    )


@router.post("/members/{uuid:member_id}/cancellation", response=MemberOut)
@idempotent
def post_cancellation(request: HttpRequest, member_id: UUID, body: ReasonIn) -> MemberOut:
    """Take an unanswered invitation back."""
    return MemberOut.of(
        services.cancel_invitation(by=actor(request), at=clock.now(), member_id=member_id, reason=body.reason)
    )


@router.get("/{uuid:space_id}/products", response=Page[SharedOut])
def list_products(
    request: HttpRequest, space_id: UUID, cursor: str | None = None, limit: int = 20
) -> Page[SharedOut]:
    """What the space shares, as far as the caller may see it; newest first."""
    rows = selectors.shared_with(actor(request), _space(request, space_id))
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[SharedOut](items=[SharedOut.of(each) for each in found], next=following)


@router.post("/{uuid:space_id}/products", response={201: SharedOut})
@idempotent
def post_product(request: HttpRequest, space_id: UUID, body: ProductIn) -> SharedOut:
    """Put a product of the caller's into the space."""
    made = services.put_product(
        by=actor(request), at=clock.now(), space_id=space_id, product_number=body.product_number
    )
    return _shared(made.pk)


@router.post("/products/{uuid:shared_id}/removal", response=SharedOut)
@idempotent
def post_product_removal(request: HttpRequest, shared_id: UUID) -> SharedOut:
    """Take a product out of its space."""
    taken = services.take_product(by=actor(request), at=clock.now(), shared_id=shared_id)
    return _shared(taken.pk)


@router.get("/{uuid:space_id}/milestones", response=list[MilestoneOut])
def list_milestones(request: HttpRequest, space_id: UUID) -> list[MilestoneOut]:
    """The plan, by day."""
    today = clock.business_date(clock.now())
    rows = selectors.milestones_visible_to(actor(request), _space(request, space_id))
    return [MilestoneOut.of(each, today) for each in rows]


@router.post("/{uuid:space_id}/milestones", response={201: MilestoneOut})
@idempotent
def post_milestone(request: HttpRequest, space_id: UUID, body: MilestoneIn) -> MilestoneOut:
    """Set a milestone."""
    at = clock.now()
    made = services.plan_milestone(by=actor(request), at=at, space_id=space_id, **body.dict())
    return MilestoneOut.of(made, clock.business_date(at))


@router.post("/milestones/{uuid:milestone_id}/report", response=MilestoneOut)
@idempotent
def post_report(request: HttpRequest, milestone_id: UUID, body: ReportIn) -> MilestoneOut:
    """Report a milestone as reached."""
    at = clock.now()
    found = services.report_milestone(by=actor(request), at=at, milestone_id=milestone_id, **body.dict())
    return MilestoneOut.of(found, clock.business_date(at))


@router.post("/milestones/{uuid:milestone_id}/decision", response=MilestoneOut)
@idempotent
def post_milestone_decision(
    request: HttpRequest, milestone_id: UUID, body: MilestoneDecisionIn
) -> MilestoneOut:
    """Confirm, send back or drop a milestone."""
    at = clock.now()
    found = services.decide_milestone(by=actor(request), at=at, milestone_id=milestone_id, **body.dict())
    return MilestoneOut.of(found, clock.business_date(at))


@router.get("/{uuid:space_id}/landings", response=list[LandingOut])
def list_landings(request: HttpRequest, space_id: UUID) -> list[LandingOut]:
    """Landed projects, as far as the caller may see them."""
    rows = selectors.landings_visible_to(actor(request), _space(request, space_id))
    return [LandingOut.of(each) for each in rows]


@router.post("/{uuid:space_id}/landings", response={201: LandingOut})
@idempotent
def post_landing(request: HttpRequest, space_id: UUID, body: LandingIn) -> LandingOut:
    """Claim a landed project."""
    told = body.dict()
    amount = Money(told.pop("amount_fen"))
    return LandingOut.of(
        services.claim_landing(by=actor(request), at=clock.now(), space_id=space_id, amount=amount, **told)
    )


@router.post("/landings/{uuid:landing_id}/decision", response=LandingOut)
@idempotent
def post_landing_decision(request: HttpRequest, landing_id: UUID, body: DecisionIn) -> LandingOut:
    """Verify a landed project, or do not."""
    return LandingOut.of(
        services.decide_landing(by=actor(request), at=clock.now(), landing_id=landing_id, **body.dict())
    )
