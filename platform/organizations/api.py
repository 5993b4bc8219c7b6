"""JSON: the caller, its organization, members, invitations, keys, verifications."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import Router, Status

from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from organizations import selectors, services
from organizations.models import ApiKey, Invitation, Membership, Organization
from organizations.permissions import MANAGE_KEYS, MANAGE_MEMBERS, VERIFY_ORGANIZATIONS
from organizations.schemas import (
    DecisionIn,
    InvitationIn,
    InvitationOut,
    KeyOut,
    MemberOut,
    OrganizationOut,
    RolesIn,
    ViewerOut,
)

router = Router()


@router.get("/me", response=ViewerOut)
def me(request: HttpRequest) -> dict[str, Any]:
    """Who calls and what they may do."""
    viewer = actor(request)
    return {
        "user": viewer.user,
        "organization": viewer.organization,
        "roles": sorted(viewer.roles),
        "permissions": [found.code for found in selectors.permissions_of(viewer)],
    }


@router.get("", response=Page[OrganizationOut])
def organizations(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """The caller's organization; verifiers see all."""
    rows, following = cursor_page(
        selectors.organizations_visible_to(actor(request)), cursor=cursor, limit=limit
    )
    return {"items": rows, "next": following}


@router.get("/members", response=Page[MemberOut])
def members(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """Present members of the caller's organization."""
    actor(request).require(MANAGE_MEMBERS)
    rows, following = cursor_page(selectors.members_visible_to(actor(request)), cursor=cursor, limit=limit)
    return {"items": rows, "next": following}


@router.put("/members/{membership_id}/roles", response=MemberOut)
def change_roles(request: HttpRequest, membership_id: UUID, body: RolesIn) -> Membership:
    """Give a member exactly these roles."""
    return services.change_roles(
        by=actor(request), at=clock.now(), membership_id=membership_id, roles=body.roles
    )


@router.delete("/members/{membership_id}", response={204: None})
def end_membership(request: HttpRequest, membership_id: UUID) -> Status[None]:
    """Let a member go."""
    services.end_membership(by=actor(request), at=clock.now(), membership_id=membership_id)
    return Status(204, None)


@router.get("/invitations", response=Page[InvitationOut])
def invitations(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """Invitations that are not accepted yet."""
    actor(request).require(MANAGE_MEMBERS)
    rows, following = cursor_page(
        selectors.invitations_visible_to(actor(request)), cursor=cursor, limit=limit
    )
    return {"items": rows, "next": following}


@router.post("/invitations", response={201: InvitationOut})
@idempotent
def invite(request: HttpRequest, body: InvitationIn) -> Status[Invitation]:
    """Invite somebody by e-mail; a second invitation replaces the first."""
    found, _token = services.invite(by=actor(request), at=clock.now(), email=body.email, roles=body.roles)
    return Status(201, found)


@router.delete("/invitations/{invitation_id}", response={204: None})
def withdraw_invitation(request: HttpRequest, invitation_id: UUID) -> Status[None]:
    """Take back an invitation."""
    services.withdraw_invitation(by=actor(request), at=clock.now(), invitation_id=invitation_id)
    return Status(204, None)


@router.get("/keys", response=Page[KeyOut])
def keys(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """API keys; a key is made by a signed-in person on the page, where its text is shown once."""
    actor(request).require(MANAGE_KEYS)
    rows, following = cursor_page(selectors.keys_visible_to(actor(request)), cursor=cursor, limit=limit)
    return {"items": rows, "next": following}


@router.post("/keys/{key_id}/revoke", response=KeyOut)
@idempotent
def revoke_key(request: HttpRequest, key_id: UUID) -> ApiKey:
    """Stop a key at once."""
    return services.revoke_api_key(by=actor(request), at=clock.now(), key_id=key_id)


@router.get("/verifications", response=Page[OrganizationOut])
def verifications(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """Organizations that wait for verification."""
    actor(request).require(VERIFY_ORGANIZATIONS)
    rows, following = cursor_page(
        selectors.verifications_visible_to(actor(request)), cursor=cursor, limit=limit
    )
    return {"items": rows, "next": following}


@router.post("/verification/submit", response=OrganizationOut)
@idempotent
def submit_verification(request: HttpRequest) -> Organization:
    """Submit the caller's organization for verification."""
    viewer = actor(request)
    if viewer.organization_id is None:
        raise NotFound
    return services.submit_verification(by=viewer, at=clock.now(), organization_id=viewer.organization_id)


@router.post("/verifications/{organization_id}/decision", response=OrganizationOut)
@idempotent
def decide_verification(request: HttpRequest, organization_id: UUID, body: DecisionIn) -> Organization:
    """Approve or return a verification."""
    viewer = actor(request)
    selectors.verification_for(viewer, organization_id)
    if body.decision == "approve":
        return services.approve_verification(
            by=viewer, at=clock.now(), organization_id=organization_id, remark=body.opinion
        )
    if body.decision == "return":
        return services.return_verification(
            by=viewer, at=clock.now(), organization_id=organization_id, reason=body.opinion
        )
    raise InvalidInput(field="decision", reason=_("decision 应为 approve 或 return。"))


@router.get("/{organization_id}", response=OrganizationOut)
def organization(request: HttpRequest, organization_id: UUID) -> Organization:
    """One organization that the caller sees."""
    found = selectors.organizations_visible_to(actor(request)).filter(pk=organization_id).first()
    if found is None:
        raise NotFound
    return found
