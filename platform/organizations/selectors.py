"""Which organizations, members, invitations and keys a viewer sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.functional import Promise

from accounts.models import User
from kernel.errors import NotFound
from kernel.models import Transition
from organizations import rules
from organizations.models import ApiKey, Invitation, Membership, Organization, Park
from organizations.permissions import (
    MANAGE_KEYS,
    MANAGE_MEMBERS,
    REGISTRY,
    VERIFY_ORGANIZATIONS,
    Actor,
    Permission,
)
from organizations.states import Role, VerificationState

LICENCE_PURPOSE = "business_licence"


@dataclass(frozen=True, slots=True)
class Particular:
    """One line of the verification task list."""

    name: str
    label: str | Promise
    is_given: bool


def organizations_visible_to(viewer: Actor) -> QuerySet[Organization]:
    """The viewer's present organization; verifiers and the system see all."""
    if viewer.can(VERIFY_ORGANIZATIONS):
        return Organization.objects.all()
    return Organization.objects.filter(Q(pk=viewer.organization_id))


def verifications_visible_to(viewer: Actor) -> QuerySet[Organization]:
    """Organizations that wait for verification, for those who verify; nothing for others."""
    if not viewer.can(VERIFY_ORGANIZATIONS):
        return Organization.objects.none()
    return Organization.objects.filter(verification=VerificationState.SUBMITTED)


def verification_for(viewer: Actor, organization_id: UUID) -> Organization:
    """One organization for its verifier; NotFound (404) for anyone else."""
    if not viewer.can(VERIFY_ORGANIZATIONS):
        raise NotFound
    found = Organization.objects.select_related("park").filter(pk=organization_id).first()
    if found is None:
        raise NotFound
    return found


def members_visible_to(viewer: Actor) -> QuerySet[Membership]:
    """Present members of the viewer's organization."""
    found = Membership.objects.filter(Q(organization_id=viewer.organization_id), ended_at=None)
    return found.select_related("user", "organization").order_by("user__name", "pk")


def invitations_visible_to(viewer: Actor) -> QuerySet[Invitation]:
    """Open and expired invitations of the viewer's organization, for who manages members."""
    if not viewer.can(MANAGE_MEMBERS):
        return Invitation.objects.none()
    found = Invitation.objects.filter(
        Q(organization_id=viewer.organization_id), accepted_at=None, withdrawn_at=None
    )
    return found.select_related("invited_by").order_by("-pk")


def keys_visible_to(viewer: Actor) -> QuerySet[ApiKey]:
    """The organization's API keys, newest first, for who manages keys."""
    if not viewer.can(MANAGE_KEYS):
        return ApiKey.objects.none()
    return (
        ApiKey.objects.filter(Q(organization_id=viewer.organization_id))
        .select_related("created_by")
        .order_by("-pk")
    )


def task_list(organization: Organization) -> list[Particular]:
    """What a verification needs and whether it is there, in order."""
    missing = missing_particulars(organization)
    return [
        Particular(name, label, name not in missing)
        for name, label in rules.REQUIRED_FOR_VERIFICATION.items()
    ]


def missing_particulars(organization: Organization) -> list[str]:
    """Names of the required particulars that are still empty."""
    return rules.missing_for_verification(
        {n: getattr(organization, n) for n in rules.REQUIRED_FOR_VERIFICATION}
    )


def history_of(organization: Organization) -> QuerySet[Transition]:
    """The verification's moves, oldest first."""
    return Transition.objects.filter(subject_id=organization.pk).order_by("at", "pk")


def parks() -> QuerySet[Park]:
    """Every park, by name."""
    return Park.objects.order_by("name")


def permissions_of(viewer: Actor) -> list[Permission]:
    """What the viewer may do in its present organization, by code."""
    return [found for _code, found in sorted(REGISTRY.items()) if viewer.can(found)]


def holders(organization_id: UUID, roles: Iterable[Role]) -> QuerySet[User]:
    """The organization's present members who hold one of the roles."""
    return User.objects.filter(
        memberships__organization_id=organization_id,
        memberships__ended_at=None,
        memberships__roles__overlap=[Role(role).value for role in roles],
        is_active=True,
    ).distinct()


def is_expired(invitation: Invitation, at: datetime) -> bool:
    """Whether the offer has run out."""
    return invitation.expires_at <= at
