"""Whose turn a claim under review is: on hold nobody's, passed on only the assignee's, and opinions come first."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from kernel.errors import Refusal
from kernel.wording import listed
from organizations.permissions import Actor
from settlement.rewards import referrals
from settlement.rewards.models import Claim


class ClaimOnHold(Refusal):
    """Nothing is decided on a claim that is on hold."""

    code = "claim_on_hold"
    message = _("该申报已挂起至 %(until)s，请先恢复办理再作决定。")


class AssignedToOther(Refusal):
    """A stage that was passed on is decided by the person it was passed to."""

    code = "assigned_to_other"
    message = _("该环节已转交 %(assignee)s 办理。需要由您办理的，请先转交给自己并写明理由。")


class OpinionAwaited(Refusal):
    """A reviewer who asked for a second opinion agrees only when it is there."""

    code = "opinion_awaited"
    message = _("尚待 %(who)s 的加签意见。收到意见后再同意，或退回、驳回。")


def keep_deadline(claim: Claim) -> None:
    """Write down by when the claim's present stage is to be decided; the claim is under lock."""
    claim.review_due_on = referrals.due_on(claim)
    claim.save(update_fields=["review_due_on"])


def require_turn(by: Actor, at: datetime, claim: Claim) -> None:
    """The claim is not on hold, and its stage was not passed to somebody else."""
    hold = referrals.hold_of(claim, at)
    if hold is not None:
        raise ClaimOnHold(until=hold.until.isoformat())
    standing = referrals.assignment_of(claim)
    if standing is not None and not by.is_system and standing.assignee_id != by.user_id:
        raise AssignedToOther(assignee=standing.assignee)


def require_opinions(claim: Claim) -> None:
    """Every opinion asked for at this stage was given."""
    awaited = referrals.open_consultations(claim)
    if awaited:
        raise OpinionAwaited(who=listed(each.asked_of for each in awaited))
