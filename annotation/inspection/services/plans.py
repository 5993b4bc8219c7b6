"""Agreeing on inspection: one side proposes, the other answers; committing values that lots are drawn by."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.inspection import events as news
from annotation.inspection.models import DrawValue, InspectionPlan, PlanAnswer, SwitchingStep
from annotation.inspection.permissions import AGREE, INSPECT
from annotation.inspection.rules import LOT_LEAST, LOT_MOST, VALUE_LEAST, VALUE_MOST, scheme_of, sha256_of
from annotation.inspection.selectors import (
    IN_WORK,
    commitment_of,
    inspecting_side,
    plan_in_force,
    plan_waiting,
    sides_of,
    step_in_force,
)
from annotation.inspection.services.refusals import (
    NotDiscontinued,
    NotInWork,
    OwnProposal,
    PlanAnswered,
    PlanWaits,
)
from annotation.inspection.states import Basis, Cause, Level, Strictness
from annotation.projects.models import Project
from annotation.projects.rules import is_storable
from annotation.projects.selectors import projects_visible_to, review_firms_of
from annotation.projects.services import locked_project
from annotation.projects.states import ProjectState
from annotation.quality.sampling import Severity, Switching, resumed
from audit.services import record
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import announce
from organizations.permissions import Actor, Permission
from signing.sealing import Box

BOX = Box("inspection.draw")
WORDS_LIMIT = 2_000


def words_of(text: str, field: str, *, is_asked: bool = True) -> str:
    """A written reason, trimmed; InvalidInput when it is missing, too long or cannot be stored."""
    words = text.strip()
    if (is_asked and not words) or len(words) > WORDS_LIMIT or not is_storable(words):
        said = _("请写明理由，最多 %(limit)s 个字。")
        raise InvalidInput(field=field, reason=said % {"limit": WORDS_LIMIT})
    return words


def side_of(by: Actor, project: Project, right: Permission, *sides: UUID) -> None:
    """NotAllowed unless the actor holds the right for one of these organizations."""
    by.require(right)
    if not any(by.belongs_to(side) for side in sides):
        raise NotAllowed(permission=right.label, organization=str(by.organization or "—"))


def visible_project(by: Actor, project_id: UUID) -> Project:
    """The project, locked; NotFound when the actor may not see it."""
    project = locked_project(project_id)
    if not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    return project


def _require_negotiable(project: Project) -> None:
    if project.state not in (ProjectState.OPEN, *IN_WORK):
        raise NotInWork(state=project.get_state_display())


def checked_plan(plan: InspectionPlan, project: Project) -> InspectionPlan:
    """The plan, if its terms are within the tables. InvalidInput names the field otherwise."""
    known = (
        ("basis", plan.basis in Basis.values),
        ("level", plan.level in Level.values),
        ("initial", plan.initial in (Strictness.NORMAL, Strictness.TIGHTENED)),
    )
    for field, is_known in known:
        if not is_known:
            raise InvalidInput(field=field, reason=_("请从列出的选项中选择。"))
    if plan.lot_size is not None and not LOT_LEAST <= plan.lot_size <= LOT_MOST:
        words = _("每批条数应在 %(least)s 到 %(most)s 之间。")
        raise InvalidInput(field="lot_size", reason=words % {"least": LOT_LEAST, "most": LOT_MOST})
    if not 1 <= plan.limiting_quality <= 9_999:
        raise InvalidInput(field="limiting_quality", reason=_("极限质量应在 0.01% 到 99.99% 之间。"))
    if plan.good_quality is not None and not 0 <= plan.good_quality < plan.limiting_quality:
        raise InvalidInput(field="good_quality", reason=_("期望质量应低于极限质量。"))
    scheme_of(plan.terms, plan.lot_size or LOT_MOST, plan.initial)  # refuses what is not in the tables
    if plan.inspector_id is not None:
        firms = review_firms_of(project.firm_id)
        if not firms.filter(pk=plan.inspector_id).exists():
            words = _("抽检单位应为标注方以外的已认证标注企业；由委托方抽检时请留空。")
            raise InvalidInput(field="inspector", reason=words)
    return plan


@transaction.atomic
def propose_plan(
    *,
    by: Actor,
    at: datetime,
    project_id: UUID,
    basis: str = Basis.AQL,
    aql: str = "2.5",
    level: str = Level.II,
    initial: str = Strictness.NORMAL,
    is_reduction_allowed: bool = False,
    limiting_quality: int = 800,
    good_quality: int | None = None,
    lot_size: int | None = None,
    is_sample_finished: bool = True,
    is_again_tightened: bool = True,
    inspector_id: UUID | None = None,
) -> InspectionPlan:
    """Propose how the project's lots are inspected; it counts once the other side agreed, for lots submitted from then on.

    Shares in ten-thousandths. Raises PlanWaits while another proposal has no answer.
    """
    project = visible_project(by, project_id)
    side_of(by, project, AGREE, *sides_of(project))
    _require_negotiable(project)
    if plan_waiting(project_id) is not None:
        raise PlanWaits
    newest = project.inspection_plans.order_by("-version").first()
    plan = InspectionPlan(
        project=project,
        version=newest.version + 1 if newest else 1,
        basis=basis,
        aql=aql,
        level=level,
        initial=initial,
        is_reduction_allowed=is_reduction_allowed,
        limiting_quality=limiting_quality,
        good_quality=good_quality,
        lot_size=lot_size,
        is_sample_finished=is_sample_finished,
        is_again_tightened=is_again_tightened,
        inspector_id=inspector_id,
        proposed_by=by.user,
        proposed_for_id=by.organization_id or project.firm_id,
        proposed_at=at,
    )
    checked_plan(plan, project).save(force_insert=True)
    detail = {"version": plan.version, "basis": basis, "aql": aql, "level": level, "lot_size": lot_size}
    record(by=by, at=at, action="inspection.propose", subject=project, detail=detail)
    announce(news.PlanProposed(at=at, plan_id=plan.pk, by=by))
    return plan


@transaction.atomic
def answer_plan(
    *, by: Actor, at: datetime, plan_id: UUID, is_agreed: bool, reason: str = ""
) -> InspectionPlan:
    """The other side agrees to the newest plan, which is in force then, or declines it with a reason."""
    found = InspectionPlan.objects.filter(pk=plan_id).values_list("project", flat=True).first()
    if found is None:
        raise NotFound
    project = visible_project(by, found)
    side_of(by, project, AGREE, *sides_of(project))
    plan = InspectionPlan.objects.get(pk=plan_id)
    if project.client_id is None:
        is_own = by.user_id is not None and by.user_id == plan.proposed_by_id
    else:
        is_own = by.organization_id == plan.proposed_for_id
    if is_own:
        raise OwnProposal
    _require_negotiable(project)
    waiting = plan_waiting(project.pk)
    if waiting is None or waiting.pk != plan.pk:
        raise PlanAnswered
    words = words_of(reason, "reason", is_asked=not is_agreed)
    PlanAnswer.objects.create(
        plan=plan, is_agreed=is_agreed, reason=words, answered_by=by.user, answered_at=at
    )
    if is_agreed:
        if plan.basis == Basis.AQL:
            begin = Switching(Severity(plan.initial))
            note_step(plan, begin, Cause.BEGUN, at)
        if commitment_of(project.pk) is None:
            commit(by, at, project)
    detail = {"version": plan.version, "is_agreed": is_agreed, "reason": words}
    record(by=by, at=at, action="inspection.answer", subject=project, detail=detail)
    announce(news.PlanAnswered(at=at, plan_id=plan.pk, is_agreed=is_agreed, by=by))
    return plan


def note_step(
    plan: InspectionPlan, switching: Switching, cause: str, at: datetime, **more: object
) -> SwitchingStep:
    """Write down where inspection stands from now on."""
    former = step_in_force(plan)
    return SwitchingStep.objects.create(
        plan=plan,
        ordinal=former.ordinal + 1 if former else 1,
        severity=switching.severity,
        cause=cause,
        latest=list(switching.latest),
        score=switching.score,
        accepted_run=switching.accepted_run,
        not_accepted=switching.not_accepted,
        taken_at=at,
        **more,
    )


def commit(by: Actor, at: datetime, project: Project, value: str = "") -> DrawValue:
    """A commitment for the next lots; without a value to a random one. The project is locked."""
    chosen = value or secrets.token_hex(32)
    former = commitment_of(project.pk)
    return DrawValue.objects.create(
        project=project,
        ordinal=former.ordinal + 1 if former else 1,
        value_sha256=sha256_of(chosen),
        sealed=BOX.sealed(chosen),
        committed_by=by.user,
        committed_at=at,
    )


@transaction.atomic
def commit_value(*, by: Actor, at: datetime, project_id: UUID, value: str) -> DrawValue:
    """The inspecting side's own value for the next lots; its SHA-256 is open at once, itself when a lot is drawn.

    Lots that are frozen already keep the value committed before.
    """
    project = locked_project(project_id)
    plan = plan_in_force(project_id)
    side = inspecting_side(project, plan)
    if not by.belongs_to(side) and not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    side_of(by, project, INSPECT, side)
    _require_negotiable(project)
    words = value.strip()
    if not VALUE_LEAST <= len(words) <= VALUE_MOST or not is_storable(words):
        said = _("取值应有 %(least)s 到 %(most)s 个字，且不易被猜到。")
        raise InvalidInput(field="value", reason=said % {"least": VALUE_LEAST, "most": VALUE_MOST})
    made = commit(by, at, project, words)
    detail = {"ordinal": made.ordinal, "sha256": made.value_sha256}
    record(by=by, at=at, action="inspection.commit", subject=project, detail=detail)
    return made


@transaction.atomic
def resume_inspection(*, by: Actor, at: datetime, project_id: UUID, remark: str) -> SwitchingStep:
    """Discontinued inspection begins again, tightened, because the supplier has mended the causes."""
    project = locked_project(project_id)
    plan = plan_in_force(project_id)
    side = inspecting_side(project, plan)
    if not by.belongs_to(side) and not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    side_of(by, project, INSPECT, side)
    step = step_in_force(plan) if plan else None
    if plan is None or step is None or step.severity != Strictness.DISCONTINUED:
        raise NotDiscontinued
    words = words_of(remark, "remark")
    made = note_step(plan, resumed(step.switching), Cause.RESUMED, at, remark=words)
    record(by=by, at=at, action="inspection.resume", subject=project, detail={"remark": words})
    announce(news.StrictnessChanged(at=at, project_id=project.pk, step_id=made.pk, by=by))
    return made
