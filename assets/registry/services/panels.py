"""Review by several: hand-over of the lead, the second reviewer, the committee's vote on important data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from assets.registry import rules
from assets.registry.events import ReviewerAssigned
from assets.registry.models import Application, CommitteeSeat, CommitteeVote, ReviewAssignment
from assets.registry.permissions import MANAGE_REVIEWS, REVIEW, VOTE
from assets.registry.selectors import (
    assignment_of,
    committee_of,
    grading_of,
    is_panel_open,
    members_for,
    reviewers_for,
)
from assets.registry.services.applications import locked_application
from assets.registry.services.reviews import NotYourReview, ReasonMissing, ensure_independent, led
from assets.registry.states import ApplicationState, Classification, ReviewerRole
from audit.services import record
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor


class NotImportant(Refusal):
    """Only important data are looked at twice and voted on."""

    code = "not_important"
    message = _("只有重要数据须复核和委员会表决；这份申请的分级是“%(level)s”。")


class AlreadyConvened(Refusal):
    """A committee is convened once for a submission."""

    code = "already_convened"
    message = _("委员会已经召集，表决结束前不能更换委员。")


class AlreadyVoted(Refusal):
    """A vote is given once."""

    code = "already_voted"
    message = _("您已经表决，表决不能更改。")


def _in_review(application: Application, what: str) -> Application:
    if application.state != ApplicationState.COMPLIANCE_REVIEW:
        raise MoveNotAllowed(state=application.get_state_display(), move=what)
    return application


def _open_panel(application: Application, what: str) -> Application:
    if not is_panel_open(application):
        raise MoveNotAllowed(state=application.get_state_display(), move=what)
    return application


def _important(application: Application) -> Application:
    grading = grading_of(application)
    if grading.effective != Classification.IMPORTANT:
        raise NotImportant(level=str(grading.label))
    return application


def _chosen(application: Application, people: Sequence[User], user_id: UUID, field: str) -> User:
    found = next((user for user in people if user.pk == user_id), None)
    if found is None:
        reason = _("请选择与各方无关的人员：提交人、各方单位的成员不得参与审查。")
        raise InvalidInput(field=field, reason=reason)
    return found


@transaction.atomic
def hand_over(
    *, by: Actor, at: datetime, application_id: UUID, reviewer_id: UUID, reason: str
) -> Application:
    """Give the lead of a review to another independent reviewer: by the lead, or a manager; with the reason."""
    application = locked_application(application_id)
    by.require(REVIEW)
    ensure_independent(by, application)
    _in_review(application, str(_("转交审查")))
    if by.user_id != application.reviewer_id and not by.can(MANAGE_REVIEWS):
        raise NotYourReview(reviewer=str(application.reviewer))
    if not reason.strip():
        raise ReasonMissing(field="reason")
    chosen = _chosen(application, reviewers_for(application), reviewer_id, "reviewer")
    second = assignment_of(application, ReviewerRole.SECOND)
    if chosen.pk == application.reviewer_id or (second is not None and second.reviewer_id == chosen.pk):
        raise InvalidInput(field="reviewer", reason=_("请选择另一位审查人；主审与复核不能是同一人。"))
    ReviewAssignment.objects.filter(application=application, role=ReviewerRole.LEAD, ended_at=None).update(
        ended_at=at, ended_reason=reason.strip()
    )
    ReviewAssignment.objects.create(
        application=application, reviewer=chosen, role=ReviewerRole.LEAD, assigned_at=at, assigned_by=by.user
    )
    before, application.reviewer = application.reviewer, chosen
    application.save(update_fields=["reviewer"])
    detail = {"from": str(before or ""), "to": str(chosen), "reason": reason.strip()}
    record(by=by, at=at, action="registry.hand_over", subject=application, detail=detail)
    announce(ReviewerAssigned(at=at, application_id=application.pk, user_id=chosen.pk))
    return application


@transaction.atomic
def assign_second(*, by: Actor, at: datetime, application_id: UUID, reviewer_id: UUID) -> ReviewAssignment:
    """Ask a second reviewer for an opinion on important data; a new one replaces the one before."""
    application = _important(_open_panel(led(by, application_id), str(_("指定复核人"))))
    chosen = _chosen(application, reviewers_for(application), reviewer_id, "reviewer")
    if chosen.pk == application.reviewer_id:
        raise InvalidInput(field="reviewer", reason=_("请选择另一位审查人；主审与复核不能是同一人。"))
    open_ones = ReviewAssignment.objects.filter(
        application=application, role=ReviewerRole.SECOND, ended_at=None
    )
    open_ones.update(ended_at=at)
    found = ReviewAssignment.objects.create(
        application=application,
        reviewer=chosen,
        role=ReviewerRole.SECOND,
        assigned_at=at,
        assigned_by=by.user,
    )
    record(by=by, at=at, action="registry.assign_second", subject=application, detail={"to": str(chosen)})
    announce(ReviewerAssigned(at=at, application_id=application.pk, user_id=chosen.pk))
    return found


@transaction.atomic
def give_opinion(
    *, by: Actor, at: datetime, application_id: UUID, concurs: bool, opinion: str
) -> ReviewAssignment:
    """The second reviewer agrees or not, with the reason; a later opinion replaces an earlier one."""
    application = locked_application(application_id)
    by.require(REVIEW)
    ensure_independent(by, application)
    _open_panel(application, str(_("复核")))
    found = assignment_of(application, ReviewerRole.SECOND)
    if found is None or found.reviewer_id != by.user_id:
        raise NotFound
    if not opinion.strip():
        raise ReasonMissing(field="opinion")
    found.concurs, found.opinion, found.opinion_at = concurs, opinion.strip(), at
    found.save(update_fields=["concurs", "opinion", "opinion_at"])
    detail = {"concurs": concurs, "opinion": opinion.strip()}
    record(by=by, at=at, action="registry.second_opinion", subject=application, detail=detail)
    return found


@transaction.atomic
def convene(
    *, by: Actor, at: datetime, application_id: UUID, member_ids: Sequence[UUID]
) -> list[CommitteeSeat]:
    """Convene the committee for important data: an odd number of three or more, nobody with an interest.

    Neither the lead nor the second reviewer sits on it.
    """
    application = _important(_open_panel(led(by, application_id), str(_("召集委员会"))))
    if committee_of(application).seats:
        raise AlreadyConvened
    wanted = list(dict.fromkeys(member_ids))
    if not rules.is_committee(len(wanted)):
        raise InvalidInput(field="members", reason=_("委员会至少三人，且须为单数。"))
    second = assignment_of(application, ReviewerRole.SECOND)
    reviewing = {application.reviewer_id, second.reviewer_id if second else None}
    people = [user for user in members_for(application) if user.pk not in reviewing]
    chosen = [_chosen(application, people, user_id, "members") for user_id in wanted]
    seats = CommitteeSeat.objects.bulk_create(
        CommitteeSeat(application=application, member=user, convened_at=at, convened_by=by.user)
        for user in chosen
    )
    detail = {"members": [str(user) for user in chosen]}
    record(by=by, at=at, action="registry.convene", subject=application, detail=detail)
    for user in chosen:
        announce(ReviewerAssigned(at=at, application_id=application.pk, user_id=user.pk))
    return seats


@transaction.atomic
def vote(*, by: Actor, at: datetime, application_id: UUID, is_in_favour: bool, reason: str) -> CommitteeVote:
    """A committee member's vote, with its reason; once."""
    application = locked_application(application_id)
    by.require(VOTE)
    ensure_independent(by, application)
    _open_panel(application, str(_("表决")))
    seat = next((one for one in committee_of(application).seats if one.member_id == by.user_id), None)
    if seat is None:
        raise NotFound
    if hasattr(seat, "vote"):
        raise AlreadyVoted
    if not reason.strip():
        raise ReasonMissing(field="reason")
    found = CommitteeVote.objects.create(
        seat=seat, is_in_favour=is_in_favour, reason=reason.strip(), voted_at=at
    )
    detail = {"is_in_favour": is_in_favour, "reason": reason.strip()}
    record(by=by, at=at, action="registry.vote", subject=application, detail=detail)
    return found
