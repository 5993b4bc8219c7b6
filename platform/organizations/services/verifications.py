"""Checking who an organization is: submit, approve, return."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel.errors import InvalidInput, NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.wording import listed
from organizations import rules
from organizations.events import VerificationDecided, VerificationSubmitted
from organizations.models import Organization
from organizations.permissions import EDIT_ORGANIZATION, VERIFY_ORGANIZATIONS, Actor
from organizations.selectors import missing_particulars
from organizations.services.profiles import locked_organization
from organizations.states import VERIFICATION


class VerificationIncomplete(Refusal):
    """Something that verification needs is missing."""

    code = "verification_incomplete"
    message = _("还缺少：%(missing)s。请补齐后再提交认证。")
    status = 422


@transaction.atomic
def submit_verification(*, by: Actor, at: datetime, organization_id: UUID) -> Organization:
    """Ask the operator to verify the organization; every required particular must be there."""
    organization = locked_organization(organization_id)
    if not by.belongs_to(organization.pk):
        raise NotFound
    by.require(EDIT_ORGANIZATION)
    VERIFICATION.check(organization, "submit")
    missing = missing_particulars(organization)
    if missing:
        labels = listed(rules.REQUIRED_FOR_VERIFICATION[name] for name in missing)
        raise VerificationIncomplete(missing=labels)
    VERIFICATION.move(organization, "submit", by=by, at=at)
    record(by=by, at=at, action="organizations.submit_verification", subject=organization)
    announce(
        VerificationSubmitted(at=at, organization_id=organization.pk, organization_name=organization.name)
    )
    return organization


def _require_reviewer(by: Actor, organization: Organization) -> None:
    by.require(VERIFY_ORGANIZATIONS)
    is_own = by.organization_id == organization.pk
    if is_own or (by.user is not None and by.user.memberships.filter(organization=organization).exists()):
        raise SelfReview


@transaction.atomic
def approve_verification(*, by: Actor, at: datetime, organization_id: UUID, remark: str = "") -> Organization:
    """Confirm who the organization is; nobody confirms an organization they belong or belonged to."""
    organization = locked_organization(organization_id)
    _require_reviewer(by, organization)
    VERIFICATION.check(organization, "approve")
    organization.verified_at = at
    VERIFICATION.move(organization, "approve", by=by, at=at, reason=remark, update_fields=["verified_at"])
    record(
        by=by,
        at=at,
        action="organizations.approve_verification",
        subject=organization,
        detail={"remark": remark},
    )
    announce(VerificationDecided(at=at, organization_id=organization.pk, is_approved=True, remark=remark))
    return organization


@transaction.atomic
def return_verification(*, by: Actor, at: datetime, organization_id: UUID, reason: str) -> Organization:
    """Send the particulars back with a reason that says what to correct."""
    organization = locked_organization(organization_id)
    _require_reviewer(by, organization)
    VERIFICATION.check(organization, "return")
    if not reason.strip():
        raise InvalidInput(field="opinion", reason=_("请写明退回原因和需要补正的内容。"))
    VERIFICATION.move(organization, "return", by=by, at=at, reason=reason.strip())
    record(
        by=by,
        at=at,
        action="organizations.return_verification",
        subject=organization,
        detail={"reason": reason},
    )
    announce(
        VerificationDecided(at=at, organization_id=organization.pk, is_approved=False, remark=reason.strip())
    )
    return organization
