"""Who works on a claim under review, what it waits for, and by when: read by the services and the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from kernel import clock, workdays
from kernel.models import Transition
from organizations.models import Membership
from organizations.permissions import Actor, Permission
from settlement.rewards import procedure, selectors
from settlement.rewards.models import Assignment, Claim, Consultation, Hold
from settlement.rewards.permissions import SECOND_REVIEW
from settlement.rewards.states import ClaimState
from web.desk import Todo

STAGES = (ClaimState.CONFIRMED, ClaimState.FIRST_REVIEWED, ClaimState.SECOND_REVIEWED)
"""The states in which a claim waits for a reviewer."""


def permission_of_stage(claim: Claim) -> Permission | None:
    """What a person needs to work on the claim now; None when it is not under review."""
    if claim.state not in STAGES:
        return None
    is_first = claim.state == ClaimState.CONFIRMED
    return selectors.first_review_of(claim.firm) if is_first else SECOND_REVIEW


def assignment_of(claim: Claim) -> Assignment | None:
    """To whom the present stage was passed on; None while anybody of the office may take it."""
    rows = Assignment.objects.filter(claim=claim, stage=claim.state).select_related("assignee")
    return rows.order_by("-assigned_at", "-pk").first()


def hold_of(claim: Claim, at: datetime) -> Hold | None:
    """The hold that stands at a moment; one whose last day is over has ended by itself."""
    rows = Hold.objects.filter(claim=claim, ended_at=None, until__gte=clock.business_date(at))
    return rows.order_by("-held_at", "-pk").first()


def open_consultations(claim: Claim) -> list[Consultation]:
    """Opinions that were asked for at the present stage and have not come."""
    rows = Consultation.objects.filter(claim=claim, stage=claim.state, answer=None)
    return list(rows.select_related("asked_of").order_by("asked_at", "pk"))


def colleagues(viewer: Actor, claim: Claim) -> list[User]:
    """Who of the viewer's own office may work on the claim's present stage: nobody with a place in its firm."""
    wanted = permission_of_stage(claim)
    if wanted is None or viewer.organization_id is None:
        return []
    inside = Membership.objects.filter(organization=claim.firm_id, ended_at=None).values("user")
    rows = (
        Membership.objects.filter(
            organization=viewer.organization_id,
            ended_at=None,
            roles__overlap=[str(role) for role in wanted.roles],
            user__is_active=True,
        )
        .exclude(user__in=inside)
        .select_related("user")
    )
    return sorted({row.user for row in rows}, key=lambda user: (user.name, str(user.pk)))


def reviewers_of(claim: Claim) -> QuerySet[User]:
    """Who may decide the claim's present stage: its assignee, else every reviewer of the office that does."""
    standing = assignment_of(claim)
    if standing is not None:
        return User.objects.filter(pk=standing.assignee_id)
    wanted = permission_of_stage(claim)
    if wanted is None:
        return User.objects.none()
    places = Membership.objects.filter(
        ended_at=None,
        roles__overlap=[str(role) for role in wanted.roles],
        organization__kinds__overlap=[str(kind) for kind in wanted.kinds],
    ).exclude(organization=claim.firm_id)
    department = selectors.department_of(claim) if claim.state != ClaimState.CONFIRMED else None
    if department is not None:
        places = places.filter(organization=department)
    return User.objects.filter(pk__in=places.values("user"), is_active=True)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day of the present stage, and how many working days are left (negative: overdue)."""

    day: date
    left_days: int

    @property
    def is_overdue(self) -> bool:
        return self.left_days < 0


def deadline_of(claim: Claim, transitions: Sequence[Transition], at: datetime) -> Deadline | None:
    """By when the present stage is to be decided; the working days on hold do not count."""
    if claim.state not in STAGES or not transitions:
        return None
    day = _due_on(claim, transitions[-1].at)
    today = clock.business_date(at)
    left = workdays.working_days_between(today, day) if day >= today else -1
    return Deadline(day, left)


def due_on(claim: Claim) -> date | None:
    """The last day of the claim's present stage, as worked out from its moves and holds; None when not under review."""
    if claim.state not in STAGES:
        return None
    moves = Transition.objects.filter(machine="reward_claim", subject_id=claim.pk).order_by("-at", "-pk")
    begun = moves.values_list("at", flat=True).first()
    return _due_on(claim, begun) if begun else None


def _due_on(claim: Claim, begun: datetime) -> date:
    first_day = clock.business_date(begun)
    days = procedure.review_days(ClaimState(claim.state), first_day)
    day = workdays.add_working_days(first_day, days)
    for hold in Hold.objects.filter(claim=claim, held_at__gte=begun).order_by("held_at", "pk"):
        first = clock.business_date(hold.held_at)
        last = min(clock.business_date(hold.ended_at), hold.until) if hold.ended_at else hold.until
        day = workdays.add_working_days(day, workdays.working_days_between(first, last))
    return day


def asked_of(viewer: Actor) -> list[Consultation]:
    """Opinions that the viewer is asked for and has not given; claims that went on meanwhile are left out."""
    rows = Consultation.objects.filter(asked_of=viewer.user_id, answer=None).select_related("claim__firm")
    seen = selectors.claims_visible_to(viewer)
    rows = rows.filter(claim__in=seen.values("pk"), stage=F("claim__state"))
    return list(rows.order_by("asked_at", "pk"))


def todos(viewer: Actor) -> list[Todo]:
    """For the work desk: second opinions that the viewer is asked for."""
    if viewer.user_id is None:
        return []
    return [
        Todo(
            _("请您加签：%(firm)s") % {"firm": asked.claim.firm.display_name},
            reverse("rewards:claim", args=[asked.claim.number]),
            asked.claim.number,
            icon="messages-square",
        )
        for asked in asked_of(viewer)
    ]
