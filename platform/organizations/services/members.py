"""Members: invitations, roles, leaving."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from organizations.events import MemberInvited, MemberJoined
from organizations.models import Invitation, Membership
from organizations.permissions import MANAGE_MEMBERS, Actor
from organizations.services.profiles import SignInFirst, locked_organization
from organizations.states import Role

INVITATION_LIFETIME = timedelta(days=7)


class AlreadyMember(Refusal):
    """The invited person belongs to the organization."""

    code = "already_member"
    message = _("%(email)s 已经是本单位成员，可直接调整角色。")


class InvitationClosed(Refusal):
    """The offer was taken, withdrawn or has run out."""

    code = "invitation_closed"
    message = _("这份邀请已被接受、撤回或过期。请联系邀请人重新发送。")


class InvitationForAnother(Refusal):
    """The offer was made to another mailbox."""

    code = "invitation_for_another"
    message = _("这份邀请发给了另一个邮箱。请用收到邀请的邮箱登录后再接受。")
    status = 403


class LastAdministrator(Refusal):
    """An organization always keeps an administrator."""

    code = "last_administrator"
    message = _("本单位至少保留一名管理员。请先授予其他成员管理员角色。")


def token_digest(token: str) -> str:
    """SHA-256 (hex) under which an invitation's secret is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def _clean_roles(roles: Collection[str]) -> list[str]:
    chosen = [role.value for role in Role if role in roles]
    if not chosen or len(chosen) != len(set(roles)):
        raise InvalidInput(field="roles", reason=_("请至少选择一个有效的角色。"))
    return chosen


@transaction.atomic
def invite(*, by: Actor, at: datetime, email: str, roles: Collection[str]) -> tuple[Invitation, str]:
    """Offer membership of the actor's organization by e-mail; the answer is the offer and its secret.

    A second invitation to the same mailbox replaces the first. The offer runs for seven days.
    """
    organization = locked_organization(by.organization_id)
    by.require(MANAGE_MEMBERS)
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as wrong:
        raise InvalidInput(field="email", reason=_("请填写有效的电子邮箱。")) from wrong
    chosen = _clean_roles(roles)
    if Membership.objects.filter(organization=organization, user__email=address, ended_at=None).exists():
        raise AlreadyMember(field="email", email=address)
    earlier = Invitation.objects.filter(
        organization=organization, email=address, accepted_at=None, withdrawn_at=None
    )
    earlier.update(withdrawn_at=at)
    token = secrets.token_urlsafe(24)
    invitation = Invitation.objects.create(
        organization=organization,
        email=address,
        roles=chosen,
        token_sha256=token_digest(token),
        invited_by=by.user,
        expires_at=at + INVITATION_LIFETIME,
    )
    record(
        by=by, at=at, action="members.invite", subject=invitation, detail={"email": address, "roles": chosen}
    )
    announce(
        MemberInvited(
            at=at,
            organization_id=organization.pk,
            organization_name=organization.name,
            email=address,
            inviter=str(by.user or by.label),
            path=reverse("organizations:accept", args=[token]),
        )
    )
    return invitation, token


def _locked_invitation(**where: object) -> Invitation:
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("organization")
    found = rows.filter(**where).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def withdraw_invitation(*, by: Actor, at: datetime, invitation_id: UUID) -> Invitation:
    """Take back an offer that has not been accepted."""
    invitation = _locked_invitation(pk=invitation_id, organization_id=by.organization_id)
    by.require(MANAGE_MEMBERS)
    if invitation.accepted_at or invitation.withdrawn_at:
        raise InvitationClosed
    invitation.withdrawn_at = at
    invitation.save(update_fields=["withdrawn_at"])
    record(by=by, at=at, action="members.withdraw_invitation", subject=invitation)
    return invitation


@transaction.atomic
def accept_invitation(*, by: Actor, at: datetime, token: str) -> Membership:
    """Become a member; the account's e-mail must be the invited one. A former member comes back."""
    invitation = _locked_invitation(token_sha256=token_digest(token))
    if by.user is None:
        raise SignInFirst
    if by.user.email.lower() != invitation.email:
        raise InvitationForAnother
    if invitation.accepted_at or invitation.withdrawn_at or invitation.expires_at <= at:
        raise InvitationClosed
    membership, _made = Membership.objects.update_or_create(
        user=by.user,
        organization=invitation.organization,
        defaults={"roles": invitation.roles, "ended_at": None},
    )
    invitation.accepted_at = at
    invitation.save(update_fields=["accepted_at"])
    joined = Actor.of(membership)
    record(by=joined, at=at, action="members.join", subject=membership, detail={"roles": membership.roles})
    announce(
        MemberJoined(
            at=at, organization_id=invitation.organization_id, user_id=by.user.pk, person=str(by.user)
        )
    )
    return membership


def _locked_membership(by: Actor, membership_id: UUID) -> Membership:
    """The membership under lock; its organization first, so two administrators can't leave at once."""
    found = Membership.objects.filter(pk=membership_id, ended_at=None).first()
    if found is None or not by.belongs_to(found.organization_id):
        raise NotFound
    locked_organization(found.organization_id)
    rows = Membership.objects.select_for_update(of=("self",)).select_related("user", "organization")
    membership = rows.filter(pk=membership_id, ended_at=None).first()
    if membership is None:
        raise NotFound
    return membership


def _keep_an_administrator(membership: Membership) -> None:
    others = Membership.objects.filter(
        organization_id=membership.organization_id, ended_at=None, roles__contains=[Role.ADMINISTRATOR.value]
    ).exclude(pk=membership.pk)
    if Role.ADMINISTRATOR.value in membership.roles and not others.exists():
        raise LastAdministrator


@transaction.atomic
def change_roles(*, by: Actor, at: datetime, membership_id: UUID, roles: Collection[str]) -> Membership:
    """Give a member exactly these roles; the last administrator stays one."""
    membership = _locked_membership(by, membership_id)
    by.require(MANAGE_MEMBERS)
    chosen = _clean_roles(roles)
    if Role.ADMINISTRATOR.value not in chosen:
        _keep_an_administrator(membership)
    before = membership.roles
    if chosen == before:
        return membership
    membership.roles = chosen
    membership.save(update_fields=["roles"])
    detail = {"before": before, "after": chosen}
    record(by=by, at=at, action="members.change_roles", subject=membership, detail=detail)
    return membership


@transaction.atomic
def end_membership(*, by: Actor, at: datetime, membership_id: UUID) -> Membership:
    """Let a member go, or leave oneself; the last administrator can't. Their API keys stop with them."""
    membership = _locked_membership(by, membership_id)
    if by.user_id != membership.user_id:
        by.require(MANAGE_MEMBERS)
    _keep_an_administrator(membership)
    membership.ended_at = at
    membership.save(update_fields=["ended_at"])
    keys = membership.organization.api_keys.filter(created_by=membership.user, revoked_at=None).update(
        revoked_at=at
    )
    record(by=by, at=at, action="members.end", subject=membership, detail={"revoked_keys": keys})
    return membership
