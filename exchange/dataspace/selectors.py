"""Every read of data spaces that takes a viewer. Nobody outside a space learns of it or of what it shares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from documents.models import Document
from exchange.catalogue.models import Product
from exchange.catalogue.permissions import EDIT_PRODUCTS
from exchange.catalogue.selectors import products_visible_to
from exchange.catalogue.states import ListingState, Visibility
from exchange.dataspace import rules
from exchange.dataspace.models import (
    Landing,
    Member,
    Milestone,
    Result,
    RuleVersion,
    SharedProduct,
    Space,
)
from exchange.dataspace.permissions import DECIDE, JOIN, LEAD, VIEW, VIEW_ALL
from exchange.dataspace.states import (
    BEGUN,
    LIVE_MEMBER,
    LandingState,
    MemberState,
    MilestoneState,
    SpaceKind,
    SpaceState,
)
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from web import desk, finding

_WATCHED = 20


# --- spaces -------------------------------------------------------------------------------------


def spaces_visible_to(viewer: Actor) -> QuerySet[Space]:
    """Those the viewer's organization leads, belongs to or is invited to; all for operator, department, auditor.

    Who left or was removed sees nothing any more.
    """
    if viewer.can(VIEW_ALL):
        return Space.objects.all()
    own = viewer.organization_id
    if own is None or not (viewer.can(VIEW) or viewer.can(JOIN) or viewer.can(LEAD)):
        return Space.objects.none()
    live = Member.objects.filter(space=OuterRef("pk"), organization=own, state__in=LIVE_MEMBER)
    invited_in_time = Exists(live) & Q(state__in=BEGUN)
    return Space.objects.filter(Q(leader_id=own) | invited_in_time)


def listed_spaces(viewer: Actor, *, state: str = "", kind: str = "") -> QuerySet[Space]:
    """What the list shows; NotAllowed without the right."""
    if not viewer.can(VIEW_ALL):
        viewer.require(VIEW)
    joined = Count("members", filter=Q(members__state=MemberState.JOINED))
    rows = spaces_visible_to(viewer).select_related("leader").defer("purpose", "first_rules")
    rows = rows.annotate(member_count=joined)
    if state in SpaceState.values:
        rows = rows.filter(state=state)
    return rows.filter(kind=kind) if kind in SpaceKind.values else rows


def space_for(viewer: Actor, space_id: UUID) -> Space:
    """One space; NotFound when the viewer may not see it."""
    found = spaces_visible_to(viewer).select_related("leader", "pilot").filter(pk=space_id).first()
    if found is None:
        raise NotFound
    return found


def leads(viewer: Actor, space: Space) -> bool:
    """Whether the viewer acts for the broker that leads the space."""
    return not viewer.is_system and viewer.can(LEAD) and viewer.belongs_to(space.leader_id)


def history_of(*subjects: UUID) -> list[Transition]:
    """The moves of some things, oldest first."""
    return list(Transition.objects.filter(subject_id__in=subjects).order_by("at", "pk"))


# --- rules, members -----------------------------------------------------------------------------


def rules_in_force(space: Space) -> RuleVersion | None:
    """The version that members are to accept; None before the approval."""
    return space.rule_versions.order_by("-version").first()


def rules_visible_to(viewer: Actor, space: Space) -> list[RuleVersion]:
    """Every version with the number of members that have accepted it, newest first."""
    rows = space.rule_versions.filter(space__in=spaces_visible_to(viewer))
    return list(rows.annotate(accepted_count=Count("acceptances")).order_by("-version"))


def members_in_sight() -> QuerySet[Member]:
    """Members with access: joined, their space active, the rules in force accepted."""
    return Member.objects.filter(
        state=MemberState.JOINED,
        space__state=SpaceState.ACTIVE,
        accepted_version=F("space__rules_version"),
    )


def own_member(viewer: Actor, space: Space) -> Member | None:
    """The viewer's organization's live place in the space."""
    if viewer.organization_id is None:
        return None
    return space.members.filter(organization=viewer.organization_id, state__in=LIVE_MEMBER).first()


def has_access(viewer: Actor, space: Space) -> bool:
    """Whether the viewer sees what the space shares: a member in sight, or who sees all spaces."""
    if viewer.can(VIEW_ALL):
        return True
    return members_in_sight().filter(space=space, organization=viewer.organization_id).exists()


def members_visible_to(viewer: Actor, space: Space) -> QuerySet[Member]:
    """Live members for members in sight; the former ones too for the leader and those who see all spaces."""
    rows = space.members.select_related("organization").order_by("-is_leader", "invited_at", "pk")
    if viewer.can(VIEW_ALL) or leads(viewer, space):
        return rows
    if not has_access(viewer, space):
        return rows.filter(organization=viewer.organization_id, state__in=LIVE_MEMBER)
    return rows.filter(state=MemberState.JOINED)


def member_for(viewer: Actor, member_id: UUID) -> Member:
    """One place in a space; NotFound when the viewer may not see it."""
    found = Member.objects.select_related("space__leader", "organization").filter(pk=member_id).first()
    if found is None or not spaces_visible_to(viewer).filter(pk=found.space_id).exists():
        raise NotFound
    if not members_visible_to(viewer, found.space).filter(pk=member_id).exists():
        raise NotFound
    return found


# --- products -----------------------------------------------------------------------------------


def shared_with(viewer: Actor, space: Space) -> QuerySet[SharedProduct]:
    """What a space shares, as far as the viewer may see it: nothing without access.

    Members find each listed product that the catalogue shows them, and all of their own.
    """
    rows = SharedProduct.objects.filter(space=space, taken_at=None)
    if not has_access(viewer, space):
        return rows.none()
    rows = rows.filter(product__in=products_visible_to(viewer).order_by().values("pk"))
    return rows.select_related("product__supplier").defer("product__search", "product__description")


def shared_for(viewer: Actor, shared_id: UUID) -> SharedProduct:
    """One shared product with its space; NotFound when the viewer may not see it."""
    found = (
        SharedProduct.objects.select_related("space", "product").filter(pk=shared_id, taken_at=None).first()
    )
    if found is None or not spaces_visible_to(viewer).filter(pk=found.space_id).exists():
        raise NotFound
    is_own = viewer.belongs_to(found.product.supplier_id)
    if not is_own and not shared_with(viewer, found.space).filter(pk=shared_id).exists():
        raise NotFound
    return found


def products_to_put(viewer: Actor, space: Space) -> list[Product]:
    """The viewer's products for invited buyers that are not in the space yet."""
    if not viewer.can(EDIT_PRODUCTS):
        return []
    inside = SharedProduct.objects.filter(space=space, taken_at=None).values("product")
    rows = Product.objects.filter(supplier=viewer.organization_id, visibility=Visibility.INVITED)
    rows = rows.exclude(state=ListingState.DELISTED).exclude(pk__in=inside)
    return list(rows.defer("search", "description").order_by("-pk")[: rules.MOST_PRODUCTS])


# --- progress -----------------------------------------------------------------------------------


def milestones_visible_to(viewer: Actor, space: Space) -> QuerySet[Milestone]:
    """The plan: for the leader, those who see all spaces, and members in sight."""
    rows = space.milestones.select_related("document").order_by("due_on", "pk")
    return rows if leads(viewer, space) or has_access(viewer, space) else rows.none()


def milestone_for(viewer: Actor, milestone_id: UUID) -> Milestone:
    """One milestone with its space; NotFound when the viewer may not see it."""
    found = Milestone.objects.select_related("space__leader", "document").filter(pk=milestone_id).first()
    if found is None or not spaces_visible_to(viewer).filter(pk=found.space_id).exists():
        raise NotFound
    if not milestones_visible_to(viewer, found.space).filter(pk=milestone_id).exists():
        raise NotFound
    return found


def results_visible_to(viewer: Actor, space: Space) -> QuerySet[Result]:
    """What came out of the space, for those who see its plan; the newest first."""
    rows = space.results.select_related("document").order_by("-reached_on", "-pk")
    return rows if leads(viewer, space) or has_access(viewer, space) else rows.none()


def landings_visible_to(viewer: Actor, space: Space) -> QuerySet[Landing]:
    """Landed projects: the verified for members in sight; all for the leader and those who see all spaces."""
    rows = space.landings.select_related("document").order_by("-landed_on", "-pk")
    if viewer.can(VIEW_ALL) or leads(viewer, space):
        return rows
    return rows.filter(state=LandingState.VERIFIED) if has_access(viewer, space) else rows.none()


def landing_for(viewer: Actor, landing_id: UUID) -> Landing:
    """One landed project with its space; NotFound when the viewer may not see it."""
    found = Landing.objects.select_related("space__leader", "document").filter(pk=landing_id).first()
    if found is None or not spaces_visible_to(viewer).filter(pk=found.space_id).exists():
        raise NotFound
    if not landings_visible_to(viewer, found.space).filter(pk=landing_id).exists():
        raise NotFound
    return found


def evidence_for(viewer: Actor, space_id: UUID, document_id: UUID) -> Document:
    """A file on which a space's progress rests: for the leader and those who see all spaces."""
    space = space_for(viewer, space_id)
    if not (viewer.can(VIEW_ALL) or leads(viewer, space)):
        raise NotFound
    rests = (
        space.milestones.filter(document=document_id).exists()
        or space.results.filter(document=document_id).exists()
        or space.landings.filter(document=document_id).exists()
    )
    found = Document.objects.filter(pk=document_id).first() if rests else None
    if found is None:
        raise NotFound
    return found


def landed_amount(landings: QuerySet[Landing]) -> Money:
    """What the verified of some landed projects add up to."""
    total = landings.filter(state=LandingState.VERIFIED).aggregate(total=Sum("amount_fen"))["total"]
    return Money(int(total or 0))


def late_milestones(today: date) -> QuerySet[Milestone]:
    """Open milestones of running spaces whose day has passed, the longest late first."""
    rows = Milestone.objects.filter(
        state__in=[MilestoneState.PLANNED, MilestoneState.REPORTED],
        due_on__lt=today,
        space__state__in=[SpaceState.ACTIVE, SpaceState.SUSPENDED],
    )
    return rows.order_by("due_on", "pk")


# --- desk, search -------------------------------------------------------------------------------


def todos(viewer: Actor) -> list[desk.Todo]:
    """Invitations to answer, rules to accept, milestones to reach; for the operator what waits for a decision."""
    own = viewer.organization_id
    if own is None or viewer.is_system:
        return []
    found = []
    if viewer.can(JOIN):
        found += _member_todos(own)
    if viewer.can(LEAD):
        found += _leader_todos(own, clock.now())
    if viewer.can(DECIDE):
        found += _operator_todos()
    return found


def _todo(title: str, name: str, key: UUID, number: str, due: date | datetime | None, icon: str) -> desk.Todo:
    return desk.Todo(title, reverse(name, args=[key]), number, due, icon)


def _member_todos(own: UUID) -> list[desk.Todo]:
    rows = Member.objects.filter(organization=own, space__state=SpaceState.ACTIVE).filter(
        Q(state=MemberState.INVITED)
        | Q(state=MemberState.JOINED) & ~Q(accepted_version=F("space__rules_version"))
    )
    return [
        _todo(
            (
                _("答复加入邀请：%(title)s")
                if each.state == MemberState.INVITED
                else _("同意新的空间规则：%(title)s")
            )
            % {"title": each.space.title},
            "dataspace:rules",
            each.space_id,
            each.space.number,
            None,
            "boxes",
        )
        for each in rows.select_related("space").order_by("pk")[:_WATCHED]
    ]


def _leader_todos(own: UUID, at: datetime) -> list[desk.Todo]:
    soon = clock.business_date(at) + timedelta(days=rules.SOON_DAYS)
    due = Milestone.objects.filter(
        space__leader=own, space__state=SpaceState.ACTIVE, state=MilestoneState.PLANNED, due_on__lte=soon
    )
    found = [
        _todo(_("里程碑：%(title)s") % {"title": each.title}, "dataspace:progress", each.space_id,
              each.space.number, each.due_on, "calendar-check")
        for each in due.select_related("space").order_by("due_on", "pk")[:_WATCHED]
    ]  # fmt: skip
    returned = Space.objects.filter(leader=own, state=SpaceState.RETURNED)
    return found + [
        _todo(_("数据空间申请被退回，请补正"), "dataspace:edit", each.pk, each.number, None, "undo-2")
        for each in returned.order_by("pk")[:_WATCHED]
    ]


def _operator_todos() -> list[desk.Todo]:
    found = [
        _todo(_("审核数据空间：%(title)s") % {"title": each.title}, "dataspace:decide", each.pk, each.number,
              None, "boxes")
        for each in Space.objects.filter(state=SpaceState.APPLIED).order_by("pk")[:_WATCHED]
    ]  # fmt: skip
    reported = Milestone.objects.filter(state=MilestoneState.REPORTED).select_related("space")
    found += [
        _todo(_("核验里程碑：%(title)s") % {"title": each.title}, "dataspace:decide_milestone", each.pk,
              each.space.number, None, "calendar-check")
        for each in reported.order_by("reported_at", "pk")[:_WATCHED]
    ]  # fmt: skip
    claimed = Landing.objects.filter(state=LandingState.CLAIMED)
    return found + [
        _todo(_("核验落地项目：%(title)s") % {"title": each.title}, "dataspace:decide_landing", each.pk,
              each.number, None, "landmark")
        for each in claimed.order_by("claimed_at", "pk")[:_WATCHED]
    ]  # fmt: skip


def find(viewer: Actor, text: str) -> list[finding.Hit]:
    """Spaces the viewer may see, by number or name; landed projects by number."""
    spaces = spaces_visible_to(viewer).filter(Q(number__iexact=text) | Q(title__icontains=text))
    landings = Landing.objects.filter(number__iexact=text, space__in=spaces_visible_to(viewer).values("pk"))
    return [
        _hit(each.title, each.get_kind_display(), each.number, each.pk, "dataspace:space", text)
        for each in spaces.order_by("-pk")[:10]
    ] + [
        _hit(each.title, each.get_state_display(), each.number, each.space_id, "dataspace:progress", text)
        for each in landings.select_related("space")[:10]
        if landings_visible_to(viewer, each.space).filter(pk=each.pk).exists()
    ]


def _hit(title: str, detail: str, number: str, key: UUID, name: str, text: str) -> finding.Hit:
    return finding.Hit(
        title=title, url=reverse(name, args=[key]), detail=detail, number=number,
        is_exact=text.lower() == number.lower(),
    )  # fmt: skip


def late_count(milestones: Iterable[Milestone], today: date) -> int:
    """How many of some milestones are late."""
    return sum(rules.is_late(each.state, each.due_on, today) for each in milestones)
