"""The authority's side: acceptance, compliance review, return, refusal, notice.

Never done by the author of an application, nor by anyone of the registrant's organization.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from assets.datasets.selectors import VersionCheck, verify_version
from assets.registry import rules
from assets.registry.models import Application, Finding
from assets.registry.permissions import REVIEW
from assets.registry.selectors import CheckStand, standing
from assets.registry.services.applications import locked_application
from assets.registry.states import APPLICATION, ApplicationState, CheckVerdict, Classification
from audit.services import record
from kernel import clock
from kernel.errors import InvalidInput, Refusal, SelfReview
from kernel.states import MoveNotAllowed
from organizations.models import Membership
from organizations.permissions import Actor


class UnknownCheck(Refusal):
    """The code is not in the checklist of points that a person judges."""

    code = "unknown_check"
    message = _("审查清单中没有“%(check)s”这一项。")
    status = 422


class ChecksOpen(Refusal):
    """Some points of the checklist are not judged, or not met."""

    code = "checks_open"
    message = _("还不能通过：%(checks)s 尚未判断或不符合。")


class CoreData(Refusal):
    """Core data are never registered."""

    code = "core_data"
    message = _("核心数据不得登记和交易，请退回或不予登记。")


class ReasonMissing(Refusal):
    """A return or refusal tells the registrant everything that is wrong, once."""

    code = "reason_missing"
    message = _("请写明理由，并一次性列出全部需要补正的事项。")
    status = 422


def ensure_independent(by: Actor, application: Application) -> None:
    """SelfReview if the actor wrote the application or belongs to the registrant, in whatever membership."""
    if by.user_id is None:
        assert by.is_system, "a reviewer is a person, or the system"
        return
    is_author = by.user_id in (application.created_by_id, application.submitted_by_id)
    is_insider = (
        by.organization_id == application.registrant_id
        or Membership.objects.filter(
            user_id=by.user_id, organization_id=application.registrant_id, ended_at=None
        ).exists()
    )
    if is_author or is_insider:
        raise SelfReview


def _under_review(by: Actor, application_id: UUID) -> Application:
    application = locked_application(application_id)
    by.require(REVIEW)
    ensure_independent(by, application)
    return application


@transaction.atomic
def accept_for_review(*, by: Actor, at: datetime, application_id: UUID) -> Application:
    """The authority takes the submitted application in."""
    application = _under_review(by, application_id)
    application.due_on = rules.review_due(clock.business_date(at))
    APPLICATION.move(application, "accept", by=by, at=at, update_fields=["due_on"])
    record(
        by=by,
        at=at,
        action="registry.accept",
        subject=application,
        detail={"due_on": str(application.due_on)},
    )
    return application


@transaction.atomic
def begin_review(*, by: Actor, at: datetime, application_id: UUID) -> Application:
    """A reviewer takes the application and begins the compliance review."""
    application = _under_review(by, application_id)
    application.reviewer = by.user
    APPLICATION.move(application, "review", by=by, at=at, update_fields=["reviewer"])
    record(by=by, at=at, action="registry.begin_review", subject=application)
    return application


@transaction.atomic
def record_finding(
    *, by: Actor, at: datetime, application_id: UUID, check_code: str, verdict: str, remark: str = ""
) -> Finding:
    """Judge one point of the checklist; "fail" needs a remark. A later verdict replaces an earlier one."""
    application = _under_review(by, application_id)
    if application.state != ApplicationState.COMPLIANCE_REVIEW:
        raise MoveNotAllowed(state=application.get_state_display(), move=_("判断审查项"))
    check = rules.CHECKS.get(check_code)
    if check is None or check.is_automatic:
        raise UnknownCheck(field="check_code", check=check_code)
    if verdict not in CheckVerdict.values:
        raise InvalidInput(field="verdict", reason=_("请选择符合、不符合或不适用。"))
    if verdict == CheckVerdict.FAIL and not remark.strip():
        raise InvalidInput(field="remark", reason=_("判断为不符合时，请写明哪里不符合、如何补正。"))
    finding = Finding.objects.create(
        application=application,
        check_code=check_code,
        verdict=verdict,
        remark=remark.strip(),
        reviewer=by.user,
        found_at=at,
    )
    record(
        by=by,
        at=at,
        action="registry.find",
        subject=application,
        detail={"check": check_code, "verdict": verdict},
    )
    return finding


def _open_titles(stands: list[CheckStand]) -> str:
    return "、".join(str(stand.check.title) for stand in stands if not stand.holds)


@transaction.atomic
def pass_review(*, by: Actor, at: datetime, application_id: UUID, reason: str = "") -> Application:
    """End the compliance review well and begin the public notice; every check must hold."""
    application = _under_review(by, application_id)
    APPLICATION.check(application, "pass")
    if application.classification == Classification.CORE:
        raise CoreData
    stands = standing(application)
    if not all(stand.holds for stand in stands):
        raise ChecksOpen(checks=_open_titles(stands))
    days: int = settings.REGISTRATION_NOTICE_WORKING_DAYS
    application.notice_until = rules.notice_end(clock.business_date(at), days)
    application.due_on = application.notice_until
    application.decision_reason = reason.strip()
    APPLICATION.move(
        application,
        "pass",
        by=by,
        at=at,
        reason=reason.strip(),
        update_fields=["notice_until", "due_on", "decision_reason"],
    )
    record(
        by=by,
        at=at,
        action="registry.pass",
        subject=application,
        detail={"notice_until": str(application.notice_until), "working_days": days},
    )
    return application


@transaction.atomic
def return_(*, by: Actor, at: datetime, application_id: UUID, reason: str) -> Application:
    """Send the application back to be corrected, with every reason at once."""
    application = _under_review(by, application_id)
    APPLICATION.check(application, "return")
    if not reason.strip():
        raise ReasonMissing(field="opinion")
    application.decision_reason = reason.strip()
    application.due_on = rules.correction_due(clock.business_date(at))
    APPLICATION.move(
        application,
        "return",
        by=by,
        at=at,
        reason=reason.strip(),
        update_fields=["decision_reason", "due_on"],
    )
    record(by=by, at=at, action="registry.return", subject=application, detail={"reason": reason.strip()})
    return application


@transaction.atomic
def reject(*, by: Actor, at: datetime, application_id: UUID, reason: str) -> Application:
    """Refuse the registration, with the reason."""
    application = _under_review(by, application_id)
    APPLICATION.check(application, "reject")
    if not reason.strip():
        raise ReasonMissing(field="opinion")
    application.decision_reason, application.due_on = reason.strip(), None
    APPLICATION.move(
        application,
        "reject",
        by=by,
        at=at,
        reason=reason.strip(),
        update_fields=["decision_reason", "due_on"],
    )
    record(by=by, at=at, action="registry.reject", subject=application, detail={"reason": reason.strip()})
    return application


@transaction.atomic
def check_integrity(*, by: Actor, at: datetime, application_id: UUID) -> VersionCheck:
    """Re-hash the version's files from the store for the reviewer; the outcome is recorded."""
    application = _under_review(by, application_id)
    check = verify_version(application.version_id)
    record(
        by=by,
        at=at,
        action="registry.check_integrity",
        subject=application,
        detail={
            "is_intact": check.is_intact,
            "files": check.checked_count,
            "mismatches": [mismatch.path for mismatch in check.mismatches[:20]],
        },
    )
    return check
