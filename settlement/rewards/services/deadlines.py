"""Deadlines: reviews are told of once before the day and once when it has passed; notices grow with the calendar."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from audit.services import record
from kernel import clock, workdays
from kernel.events import announce as tell
from organizations.permissions import Actor
from settlement.rewards import procedure, referrals, rules, selectors
from settlement.rewards.events import NoticeExtended, ReviewDue
from settlement.rewards.models import Claim, ReviewReminder
from settlement.rewards.services.guards import locked_claim
from settlement.rewards.services.turns import keep_deadline
from settlement.rewards.states import ClaimState, ReminderKind


def watch_deadlines(*, at: datetime) -> int:
    """Remind the reviewers of every claim whose stage is due by the next working day, or overdue; how many times.

    Each claim is a transaction of its own; running again reminds of nothing twice. What is on hold is left alone. Notices
    whose end was worked out before the holidays of its year were announced get their days.
    """
    for claim_id in (
        Claim.objects.filter(state=ClaimState.IN_NOTICE).order_by("pk").values_list("pk", flat=True)
    ):
        _lengthen_notice(claim_id, at=at)
    today = clock.business_date(at)
    near = workdays.add_working_days(today, procedure.working_days("reminder", today))
    under_review = Claim.objects.filter(state__in=referrals.STAGES)
    for claim_id in under_review.filter(review_due_on=None).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            keep_deadline(locked_claim(claim_id))
    due = under_review.filter(review_due_on__lte=near).order_by("review_due_on", "pk")
    return sum(_remind(claim, at=at) for claim in due)


@transaction.atomic
def _lengthen_notice(claim_id: UUID, *, at: datetime) -> bool:
    """Give a notice the working days it was announced for, by the calendar as it is known now; never fewer than told.

    One that is over stays over: what followed its end, a batch or a payment, stands on it.
    """
    claim = locked_claim(claim_id)
    begun = selectors.announced_at(claim)
    if claim.state != ClaimState.IN_NOTICE or claim.notice_until is None or begun is None:
        return False
    until = rules.notice_end(clock.business_date(begun))
    if until <= claim.notice_until or claim.notice_until < clock.business_date(at):
        return False
    told = claim.notice_until
    claim.notice_until = until
    claim.save(update_fields=["notice_until"])
    detail = {"number": claim.number, "told": told.isoformat(), "until": until.isoformat()}
    by = Actor.system("办理期限")
    record(by=by, at=at, action="rewards.lengthen_notice", subject=claim, detail=detail)
    tell(NoticeExtended(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by, until=until))
    return True


@transaction.atomic
def _remind(known: Claim, *, at: datetime) -> bool:
    claim, today = locked_claim(known.pk), clock.business_date(at)
    day = claim.review_due_on
    if claim.state not in referrals.STAGES or day != known.review_due_on or referrals.hold_of(claim, at):
        return False
    assert day is not None, "only claims with a deadline are looked at"
    kind = ReminderKind.OVERDUE if day < today else ReminderKind.SOON
    reminder, is_new = ReviewReminder.objects.get_or_create(
        claim=claim, due_on=day, kind=kind, defaults={"told_at": at}
    )
    if not is_new:
        return False
    by = Actor.system("办理期限")
    detail = {"number": claim.number, "due_on": day.isoformat(), "kind": kind.value}
    record(by=by, at=at, action="rewards.remind_review", subject=reminder, detail=detail)
    tell(
        ReviewDue(
            at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by, is_overdue=kind == ReminderKind.OVERDUE
        )
    )
    return True
