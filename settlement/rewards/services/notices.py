"""Application notices: opening a year for a set of measures, and drafting the statements of all firms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from jobs import services as jobs
from jobs.models import Job
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.numbers import new_number
from organizations.permissions import Actor
from settlement.rewards import measures as cards
from settlement.rewards import selectors
from settlement.rewards.models import ApplicationNotice, BudgetLine, DraftRun, NoticeMeasure
from settlement.rewards.permissions import OPEN_NOTICES
from settlement.rewards.services.claims import draft_claim
from settlement.rewards.services.guards import require_department, require_lead
from settlement.rewards.states import NOTICE, NoticeState

DRAFT_KIND = "rewards.draft_statements"


class NoticeStands(Refusal):
    """A measure and year stand in one notice at a time."""

    code = "notice_stands"
    message = _("该年度的这项措施已有一份有效的申报通知，请先撤回原通知。")


class NoticeUsed(Refusal):
    """A notice under which firms have acted is not withdrawn."""

    code = "notice_used"
    message = _("已有企业按此通知确认或提出异议，不能撤回。")


class WindowNotOpen(Refusal):
    """Statements are drafted within the window."""

    code = "window_not_open"
    message = _("只能在申报期内批量测算。")


def _checked_measures(wanted: Sequence[str]) -> list[str]:
    found = sorted(set(wanted))
    if not found or any(name not in cards.CARDS for name in found):
        raise InvalidInput(field="measures", reason=_("请至少选择一项奖励措施。"))
    return found


@transaction.atomic
def publish_notice(
    *,
    by: Actor,
    at: datetime,
    title: str,
    measures: Sequence[str],
    year: int,
    opens_at: datetime,
    closes_at: datetime,
    budget_id: UUID,
    body: str = "",
) -> ApplicationNotice:
    """Open the application for a year: from `opens_at` until just before `closes_at`, paid from a named budget.

    By the department that leads its measures. Raises InvalidInput, NoticeStands, LeadMissing, OtherLead.
    """
    by.require(OPEN_NOTICES)
    wanted = _checked_measures(measures)
    if not title.strip():
        raise InvalidInput(field="title", reason=_("请填写标题。"))
    if closes_at <= opens_at:
        raise InvalidInput(field="closes_at", reason=_("截止时间须晚于开始时间。"))
    if clock.business_year(opens_at) <= year:
        raise InvalidInput(field="opens_at", reason=_("年度结束后才能开始申报。"))
    budget = BudgetLine.objects.select_related("organization").filter(pk=budget_id).first()
    if budget is None or budget.year != year or not set(wanted) <= set(budget.measures):
        raise InvalidInput(field="budget", reason=_("请选择同一年度、包含所选措施的预算。"))
    require_department(by, budget.organization)
    require_lead(by, wanted)
    notice = ApplicationNotice.objects.create(
        number=new_number("TZ", at),
        title=title.strip(),
        body=body.strip(),
        organization=by.organization or budget.organization,
        measures=wanted,
        year=year,
        opens_at=opens_at,
        closes_at=closes_at,
        budget=budget,
        published_by=by.user,
        published_at=at,
    )
    try:
        with transaction.atomic():
            NoticeMeasure.objects.bulk_create(
                [NoticeMeasure(notice=notice, measure=name, year=year) for name in wanted]
            )
    except IntegrityError as error:
        raise NoticeStands from error
    detail = {"number": notice.number, "measures": wanted, "year": year, "budget": budget.number}
    record(by=by, at=at, action="rewards.publish_notice", subject=notice, detail=detail)
    return notice


def _locked_notice(notice_id: UUID) -> ApplicationNotice:
    rows = ApplicationNotice.objects.select_for_update(of=("self",)).select_related("budget__organization")
    found = rows.filter(pk=notice_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def withdraw_notice(*, by: Actor, at: datetime, notice_id: UUID, reason: str) -> ApplicationNotice:
    """Take a notice back before any firm has acted under it, with the reason."""
    notice = _locked_notice(notice_id)
    by.require(OPEN_NOTICES)
    require_department(by, notice.budget.organization)
    NOTICE.check(notice, "withdraw")
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明撤回理由。"))
    if notice.claims.exists():
        raise NoticeUsed
    NoticeMeasure.objects.filter(notice=notice).update(is_current=False)
    NOTICE.move(notice, "withdraw", by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="rewards.withdraw_notice", subject=notice, detail={"reason": reason.strip()})
    return notice


@transaction.atomic
def queue_drafts(*, by: Actor, at: datetime, notice_id: UUID) -> Job:
    """Have the statements of all firms drafted under an open notice (免申即享); the job shows how far it is."""
    notice = _locked_notice(notice_id)
    by.require(OPEN_NOTICES)
    require_department(by, notice.budget.organization)
    if notice.state != NoticeState.PUBLISHED or not notice.opens_at <= at < notice.closes_at:
        raise WindowNotOpen
    title = _("批量测算 %(number)s") % {"number": notice.number}
    total = selectors.firms_of_notice().count()
    return jobs.queue(
        by=by, at=at, kind=DRAFT_KIND, title=title, arguments={"notice": str(notice.pk)}, total=total
    )


@transaction.atomic
def draft_run(*, notice_id: UUID, job_id: UUID) -> DraftRun:
    """The run of a job, begun or found where it stopped."""
    run, _made = DraftRun.objects.get_or_create(job_id=job_id, defaults={"notice_id": notice_id})
    return run


@transaction.atomic
def draft_next(*, at: datetime, run_id: UUID, size: int = 50) -> int:
    """Draft the statements of the next firms of a run; how many firms, 0 at the end.

    Only firms whose decision grants something or lacks a fact that the firm has begun to declare get a claim. What was
    done is remembered with it, so that a run which was cut off goes on behind the final firm.
    """
    run = DraftRun.objects.select_for_update(of=("self",)).select_related("notice").get(pk=run_id)
    firms = selectors.firms_of_notice()
    if run.through is not None:
        firms = firms.filter(pk__gt=run.through)
    found = list(firms.order_by("pk")[:size])
    by = Actor.system("奖励测算")
    for firm in found:
        for measure in run.notice.measures:
            if selectors.deserves_draft(firm, run.notice.year, measure):
                draft_claim(by=by, at=at, firm_id=firm.pk, year=run.notice.year, measure=measure)
                run.drafted_count += 1
            else:
                run.passed_count += 1
        run.through = firm.pk
    run.save(update_fields=["through", "drafted_count", "passed_count"])
    return len(found)
