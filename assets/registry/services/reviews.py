"""The authority's side: acceptance, compliance review, return, refusal, notice.

Never done by the author of an application, nor by anyone of the registrant's organization.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from assets.datasets.selectors import VersionCheck, verify_version
from assets.registry import rules
from assets.registry.events import ApplicationInNotice, ApplicationRejected, ApplicationReturned
from assets.registry.models import Application, CorrectionLetter, Finding, ReviewAssignment
from assets.registry.permissions import REVIEW
from assets.registry.selectors import (
    CheckStand,
    effective_classification,
    parameters_on,
    standing,
    still_needed,
)
from assets.registry.services.applications import locked_application
from assets.registry.states import (
    APPLICATION,
    ApplicationState,
    CheckVerdict,
    Classification,
    RegistrationKind,
    ReviewerRole,
)
from audit.services import record
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.states import MoveNotAllowed
from kernel.wording import listed
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


class NotYourReview(Refusal):
    """Another person leads this review."""

    code = "not_your_review"
    message = _("这份申请由 %(reviewer)s 主审。需要换人时，请由主审人或管理员写明理由后转交。")
    status = 403


class LetterIncomplete(Refusal):
    """A letter tells everything at once, so every point is judged before it is sent."""

    code = "letter_incomplete"
    message = _("补正须一次性告知：请先判断完全部审查项（%(open)s），并至少指出一项不符合。")


class BeyondFirstLetter(Refusal):
    """A later letter may not ask for what the first one could have asked."""

    code = "beyond_first_letter"
    message = _("第一次补正通知没有提出：%(points)s。再次退回只能针对已提出的事项；确有新事实的，请写明。")


class WrongKind(Refusal):
    """The kind of registration goes another way."""

    code = "wrong_kind"
    message = _("“%(kind)s”%(way)s。")


class MoreNeeded(Refusal):
    """Important data need a second reviewer and a committee besides the checklist."""

    code = "more_needed"
    message = _("重要数据还不能通过，尚缺：%(needed)s。")


def ensure_independent(by: Actor, application: Application) -> None:
    """SelfReview if the actor wrote the application or belongs to a party of it, in whatever membership."""
    if by.user_id is None:
        assert by.is_system, "a reviewer is a person, or the system"
        return
    is_author = by.user_id in (
        application.created_by_id,
        application.submitted_by_id,
        application.agreed_by_id,
    )
    parties = [one for one in (application.registrant_id, application.other_id) if one is not None]
    if is_author or by.organization_id in parties or belongs_to_any(by.user_id, parties):
        raise SelfReview


def belongs_to_any(user_id: UUID, organizations: Sequence[UUID]) -> bool:
    """Whether a person is a member of one of some organizations, whatever it acts for now."""
    rows = Membership.objects.filter(user_id=user_id, organization__in=organizations, ended_at=None)
    return rows.exists()


def under_review(by: Actor, application_id: UUID) -> Application:
    """The locked application, for an independent reviewer."""
    application = locked_application(application_id)
    by.require(REVIEW)
    ensure_independent(by, application)
    return application


def led(by: Actor, application_id: UUID) -> Application:
    """The same; while it is reviewed, only for its lead reviewer."""
    application = under_review(by, application_id)
    is_reviewed = application.state == ApplicationState.COMPLIANCE_REVIEW
    if is_reviewed and not by.is_system and application.reviewer_id not in (None, by.user_id):
        raise NotYourReview(reviewer=str(application.reviewer))
    return application


@transaction.atomic
def accept_for_review(*, by: Actor, at: datetime, application_id: UUID) -> Application:
    """The authority takes the submitted application in."""
    application = under_review(by, application_id)
    on = clock.business_date(at)
    application.due_on = rules.due_after(on, parameters_on(on).review_working_days)
    application.escalated_at = None
    APPLICATION.move(application, "accept", by=by, at=at, update_fields=["due_on", "escalated_at"])
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
    application = under_review(by, application_id)
    application.reviewer = by.user
    APPLICATION.move(application, "review", by=by, at=at, update_fields=["reviewer"])
    ReviewAssignment.objects.filter(application=application, ended_at=None).update(ended_at=at)
    if by.user is not None:
        ReviewAssignment.objects.create(
            application=application,
            reviewer=by.user,
            role=ReviewerRole.LEAD,
            assigned_at=at,
            assigned_by=by.user,
        )
    record(by=by, at=at, action="registry.begin_review", subject=application)
    return application


@transaction.atomic
def record_finding(
    *, by: Actor, at: datetime, application_id: UUID, check_code: str, verdict: str, remark: str = ""
) -> Finding:
    """Judge one point of the checklist; "fail" needs a remark. A later verdict replaces an earlier one."""
    application = led(by, application_id)
    if application.state != ApplicationState.COMPLIANCE_REVIEW:
        raise MoveNotAllowed(state=application.get_state_display(), move=_("判断审查项"))
    check = rules.CHECKS.get(check_code)
    wanted = {point.code for point in rules.checklist_of(application.kind, application.product_kind)}
    if check is None or check.is_automatic or check_code not in wanted:
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
    return listed(stand.check.title for stand in stands if not stand.holds)


def ensure_passable(application: Application) -> None:
    """Refuse unless every check holds and, for important data, the second reviewer and the committee agree."""
    ensure_not_core(application)
    stands = standing(application)
    if not all(stand.holds for stand in stands):
        raise ChecksOpen(checks=_open_titles(stands))
    ensure_agreed(application)


def ensure_not_core(application: Application) -> None:
    """CoreData if the grade in effect is core; giving up a registration stays possible."""
    is_core = effective_classification(application) == Classification.CORE
    if is_core and application.kind != RegistrationKind.CANCELLATION:
        raise CoreData


def ensure_agreed(application: Application) -> None:
    """MoreNeeded while important data lack the second reviewer's or the committee's agreement."""
    needed = still_needed(application)
    if needed:
        raise MoreNeeded(needed=listed(needed))


@transaction.atomic
def pass_review(*, by: Actor, at: datetime, application_id: UUID, reason: str = "") -> Application:
    """End the compliance review well and begin the public notice; every check must hold."""
    application = led(by, application_id)
    APPLICATION.check(application, "pass")
    if not rules.KINDS[application.kind].has_notice:
        raise WrongKind(kind=application.get_kind_display(), way=_("无须公示，请直接准予登记"))
    ensure_passable(application)
    on = clock.business_date(at)
    days = parameters_on(on).notice_working_days
    application.notice_from, application.notice_until = on, rules.due_after(on, days)
    application.due_on = application.notice_until
    application.decision_reason = reason.strip()
    application.escalated_at, application.notice_ended_at = None, None
    fields = ["notice_from", "notice_until", "due_on", "decision_reason", "escalated_at", "notice_ended_at"]
    APPLICATION.move(application, "pass", by=by, at=at, reason=reason.strip(), update_fields=fields)
    record(
        by=by,
        at=at,
        action="registry.pass",
        subject=application,
        detail={"notice_until": str(application.notice_until), "working_days": days},
    )
    announce(ApplicationInNotice(at=at, application_id=application.pk))
    return application


def _points(application: Application, given: Sequence[str], new_facts: str) -> list[str]:
    """The points of a letter: what the review found wrong, or what the authority names at acceptance.

    LetterIncomplete before everything is judged; BeyondFirstLetter for a late point without new facts.
    """
    if application.state == ApplicationState.COMPLIANCE_REVIEW:
        stands = standing(application)
        points = [stand.check.code for stand in stands if stand.verdict == CheckVerdict.FAIL]
        if not points or any(stand.is_open for stand in stands):
            open_ones = [stand for stand in stands if stand.is_open]
            raise LetterIncomplete(open=_open_titles(open_ones) or str(_("全部已判断，均符合")))
    else:
        known = {check.code for check in rules.checklist_of(application.kind, application.product_kind)}
        points = list(dict.fromkeys(given))
        if not set(points) <= known:
            raise InvalidInput(field="points", reason=_("请从审查清单中选择补正事项。"))
    first = CorrectionLetter.objects.filter(application=application, stage=application.state).order_by(
        "ordinal"
    )
    earlier = first.first()
    beyond = rules.points_beyond(points, earlier.points) if earlier is not None else []
    if beyond and not new_facts.strip():
        raise BeyondFirstLetter(points=listed(rules.CHECKS[code].title for code in beyond))
    return points


@transaction.atomic
def return_(
    *,
    by: Actor,
    at: datetime,
    application_id: UUID,
    reason: str,
    points: Sequence[str] = (),
    new_facts: str = "",
) -> Application:
    """Send the application back to be corrected, with every point at once.

    During the review the points are those judged not to hold; before it, `points` of the checklist, if any.
    `new_facts`: what has come to light since the first letter, for points that it did not name.
    """
    application = led(by, application_id)
    APPLICATION.check(application, "return")
    if not reason.strip():
        raise ReasonMissing(field="opinion")
    named = _points(application, points, new_facts)
    on = clock.business_date(at)
    due_on = rules.due_after(on, parameters_on(on).correction_working_days)
    letter = CorrectionLetter.objects.create(
        application=application,
        ordinal=application.letters.count() + 1,
        stage=application.state,
        points=named,
        words=reason.strip(),
        new_facts=new_facts.strip(),
        sent_by=by.user,
        sent_at=at,
        due_on=due_on,
    )
    application.decision_reason, application.due_on, application.escalated_at = reason.strip(), due_on, None
    fields = ["decision_reason", "due_on", "escalated_at"]
    APPLICATION.move(application, "return", by=by, at=at, reason=reason.strip(), update_fields=fields)
    detail = {"reason": reason.strip(), "points": named, "letter": letter.ordinal}
    record(by=by, at=at, action="registry.return", subject=application, detail=detail)
    announce(ApplicationReturned(at=at, application_id=application.pk))
    return application


@transaction.atomic
def reject(*, by: Actor, at: datetime, application_id: UUID, reason: str) -> Application:
    """Refuse the registration, with the reason."""
    application = led(by, application_id)
    return refuse(application, by=by, at=at, reason=reason)


def refuse(application: Application, *, by: Actor, at: datetime, reason: str) -> Application:
    """End a locked application with a refusal; ReasonMissing without a reason."""
    APPLICATION.check(application, "reject")
    if not reason.strip():
        raise ReasonMissing(field="opinion")
    application.decision_reason, application.due_on = reason.strip(), None
    fields = ["decision_reason", "due_on"]
    APPLICATION.move(application, "reject", by=by, at=at, reason=reason.strip(), update_fields=fields)
    record(by=by, at=at, action="registry.reject", subject=application, detail={"reason": reason.strip()})
    announce(ApplicationRejected(at=at, application_id=application.pk))
    return application


@transaction.atomic
def check_integrity(*, by: Actor, at: datetime, application_id: UUID) -> VersionCheck:
    """Re-hash the version's files from the store for the reviewer; the outcome is recorded."""
    application = under_review(by, application_id)
    if application.version_id is None:
        raise NotFound
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
