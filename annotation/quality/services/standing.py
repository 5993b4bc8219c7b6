"""A worker's standing in a project: training, screening, the sequential test on hidden gold, appeal and second try."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.projects.models import Project
from annotation.quality.events import StandingChanged, WorkerWarned
from annotation.quality.models import GoldPlan, Qualification
from annotation.quality.permissions import KEEP_GOLD
from annotation.quality.scoring import WHOLE
from annotation.quality.selectors import (
    active_gold,
    counted_outcomes,
    plan_of,
    qualifications_visible_to,
    untouched_by,
)
from annotation.quality.skill import Decision, SequentialTest
from annotation.quality.states import QUALIFICATION, GoldRole, Standing
from annotation.work.permissions import LABEL
from audit.services import record
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

SYSTEM = Actor.system("quality")
REASON_LIMIT = 2_000


class NoScreeningLeft(Refusal):
    """A second try needs screening tasks that the worker has not seen."""

    code = "no_screening_left"
    message = gettext_lazy("没有该标注员未做过的测试题。请先增加测试题，或直接恢复派发。")


def locked_qualification(project: Project, worker_id: UUID, at: datetime) -> Qualification:
    """The worker's standing in the project, locked; begun on first use."""
    Qualification.objects.get_or_create(project=project, worker_id=worker_id, defaults={"attempt_at": at})
    rows = Qualification.objects.select_for_update(of=("self",)).select_related("project", "worker")
    return rows.get(project=project, worker=worker_id)


def _locked(by: Actor, qualification_id: UUID) -> Qualification:
    rows = qualifications_visible_to(by).select_for_update(of=("self",))
    found = rows.filter(pk=qualification_id).first()
    if found is None:
        raise NotFound
    return found


def _move(
    found: Qualification,
    move: str,
    *,
    by: Actor,
    at: datetime,
    reason: str = "",
    fields: tuple[str, ...] = (),
    is_told: bool = True,
) -> None:
    """Take the move and write it down; nobody hears of a step that asked nothing of them."""
    found.reason = reason
    QUALIFICATION.move(found, move, by=by, at=at, reason=reason, update_fields=["reason", *fields])
    detail = {"worker": found.worker_id, "move": move, "reason": reason}
    record(by=by, at=at, action="quality.standing", subject=found.project, detail=detail)
    if is_told:
        announce(StandingChanged(at=at, qualification_id=found.pk, move=move, by=by))


# --- judging --------------------------------------------------------------------------------------


def unseen(project_id: UUID, worker_id: UUID, role: str) -> list[UUID]:
    """Items with gold of that role which the worker has not seen."""
    rows = untouched_by(active_gold(project_id).filter(role=role), worker_id)
    return list(rows.order_by("item_id").values_list("item_id", flat=True))


def _answers(found: Qualification, *roles: str) -> list[bool]:
    rows = counted_outcomes(found.project_id).filter(
        worker=found.worker_id, role__in=roles, submission__submitted_at__gte=found.attempt_at
    )
    return list(rows.order_by("submission__submitted_at", "pk").values_list("is_right", flat=True))


def _needed(found: Qualification, role: str, wanted: int, answered: int) -> int:
    """How many answers decide: as many as the plan says, as far as there is gold for them."""
    if answered >= wanted:
        return wanted
    return min(wanted, answered + len(unseen(found.project_id, found.worker_id, role)))


def judge(found: Qualification, plan: GoldPlan, *, at: datetime) -> None:
    """Move the standing on as far as the answers say; the qualification is locked."""
    if found.state == Standing.TRAINING:
        answered = len(_answers(found, GoldRole.TRAINING))
        if answered >= _needed(found, GoldRole.TRAINING, plan.training_count, answered):
            _move(found, "begin_screening", by=SYSTEM, at=at, is_told=answered > 0)
    if found.state == Standing.SCREENING:
        _screen(found, plan, at)
    elif found.state == Standing.QUALIFIED:
        _watch(found, plan, at)


def _screen(found: Qualification, plan: GoldPlan, at: datetime) -> None:
    answers = _answers(found, GoldRole.SCREENING)
    needed = _needed(found, GoldRole.SCREENING, plan.screening_count, len(answers))
    if len(answers) < needed:
        return
    right, asked = sum(answers), max(needed, len(answers))
    if right * WHOLE >= plan.pass_share * asked:
        _move(found, "pass", by=SYSTEM, at=at, is_told=asked > 0)
        return
    words = _("测试题答对 %(right)s / %(asked)s，未达到合格线 %(mark)s%%。")
    told = words % {"right": right, "asked": asked, "mark": plan.pass_share // 100}
    _move(found, "fail", by=SYSTEM, at=at, reason=told)


def test_of(plan: GoldPlan) -> SequentialTest:
    """The sequential test between the plan's two accuracies."""
    return SequentialTest(plan.poor / WHOLE, plan.good / WHOLE)


def _watch(found: Qualification, plan: GoldPlan, at: datetime) -> None:
    answers = _answers(found, GoldRole.HIDDEN)
    test = test_of(plan)
    decision, count = test.run(answers)
    right = sum(answers[:count])
    if decision is Decision.REJECT:
        words = _("隐藏质检题答对 %(right)s / %(count)s，序贯检验判定低于要求的正确率。")
        _move(found, "stop", by=SYSTEM, at=at, reason=words % {"right": right, "count": count})
    elif decision is Decision.CONTINUE and found.warned_at is None:
        low, _high = test.bounds
        if test.ratio(right, count - right) <= low / 2:
            found.warned_at = at
            found.save(update_fields=["warned_at"])
            announce(WorkerWarned(at=at, qualification_id=found.pk, by=SYSTEM))


def judge_again(project: Project, worker_id: UUID, plan: GoldPlan, *, at: datetime) -> None:
    """After gold was corrected: whoever would not have been stopped under it is reinstated."""
    found = locked_qualification(project, worker_id, at)
    if found.state not in (Standing.STOPPED, Standing.APPEALED):
        judge(found, plan, at=at)
        return
    answers = _answers(found, GoldRole.SCREENING)
    has_passed = sum(answers) * WHOLE >= plan.pass_share * max(len(answers), 1) if answers else True
    is_rejected = test_of(plan).run(_answers(found, GoldRole.HIDDEN))[0] is Decision.REJECT
    if has_passed and not is_rejected:
        _move(found, "reinstate", by=SYSTEM, at=at, reason=_("标准答案更正后重新计算，恢复派发。"))


# --- people decide --------------------------------------------------------------------------------


def _reason(text: str, field: str = "reason") -> str:
    words = text.strip()
    if not words or len(words) > REASON_LIMIT or "\x00" in words:
        said = _("请写明理由，最多 %(limit)s 个字。")
        raise InvalidInput(field=field, reason=said % {"limit": REASON_LIMIT})
    return words


@transaction.atomic
def appeal(*, by: Actor, at: datetime, qualification_id: UUID, reason: str) -> Qualification:
    """A stopped worker asks the lead to look again."""
    found = _locked(by, qualification_id)
    by.require(LABEL)
    if found.worker_id != by.user_id:
        raise NotAllowed(permission=LABEL.label, organization=str(by.organization or "—"))
    QUALIFICATION.check(found, "appeal")
    found.appeal = _reason(reason)
    _move(found, "appeal", by=by, at=at, reason=found.reason, fields=("appeal",))
    return found


def _by_lead(by: Actor, qualification_id: UUID, move: str, reason: str) -> tuple[Qualification, str]:
    found = _locked(by, qualification_id)
    by.require(KEEP_GOLD)
    if not by.belongs_to(found.project.firm_id) or found.worker_id == by.user_id:
        raise NotAllowed(permission=KEEP_GOLD.label, organization=str(by.organization or "—"))
    QUALIFICATION.check(found, move)
    return found, _reason(reason)


@transaction.atomic
def stop(*, by: Actor, at: datetime, qualification_id: UUID, reason: str) -> Qualification:
    """The lead stops the hand-out to a worker, with the reason told."""
    found, words = _by_lead(by, qualification_id, "stop", reason)
    _move(found, "stop", by=by, at=at, reason=words)
    return found


@transaction.atomic
def uphold(*, by: Actor, at: datetime, qualification_id: UUID, reason: str) -> Qualification:
    """An appeal changes nothing, with the reason told."""
    found, words = _by_lead(by, qualification_id, "uphold", reason)
    _move(found, "uphold", by=by, at=at, reason=words)
    return found


@transaction.atomic
def reinstate(*, by: Actor, at: datetime, qualification_id: UUID, reason: str) -> Qualification:
    """Hand out to the worker again; the sequential test begins anew."""
    found, words = _by_lead(by, qualification_id, "reinstate", reason)
    found.attempt_at, found.warned_at = at, None
    _move(found, "reinstate", by=by, at=at, reason=words, fields=("attempt_at", "warned_at"))
    return found


@transaction.atomic
def readmit(*, by: Actor, at: datetime, qualification_id: UUID, reason: str) -> Qualification:
    """Let a worker take the screening a second time, on tasks not seen before. NoScreeningLeft without any."""
    found, words = _by_lead(by, qualification_id, "readmit", reason)
    plan = plan_of(found.project_id)
    if plan is None or not unseen(found.project_id, found.worker_id, GoldRole.SCREENING):
        raise NoScreeningLeft
    found.attempt, found.attempt_at, found.warned_at = found.attempt + 1, at, None
    _move(found, "readmit", by=by, at=at, reason=words, fields=("attempt", "attempt_at", "warned_at"))
    return found
