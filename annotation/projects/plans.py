"""Quality plans: how many people label an item, for how long, and who reviews what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.projects.events import QualityPlanDecided
from annotation.projects.models import Project, QualityPlan
from annotation.projects.permissions import RUN
from annotation.projects.selectors import plan_in_force, projects_visible_to, review_firms_of
from annotation.projects.services import FEEDABLE, create_project, locked_project
from annotation.projects.states import ProjectState
from audit.services import record
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

BOUNDS = {
    "overlap": (1, 9),
    "lease_minutes": (5, 10_080),
    "review_share_bp": (0, 10_000),
    "attempt_limit": (1, 20),
    "idle_minutes": (1, 60),
}
"""What each number of a plan may be; the table holds the same."""


class PlanFixed(Refusal):
    """A plan changes only while work can still follow it."""

    code = "quality_plan_fixed"
    message = gettext_lazy("项目目前%(state)s，质量方案不能再改。")


class OverlapLowered(Refusal):
    """Copies that were handed out are not taken back."""

    code = "overlap_lowered"
    message = gettext_lazy("项目已发布，每条标注份数只能增加，不能从 %(former)s 份减为 %(wanted)s 份。")


def _checked(by: Actor, project: Project, review_firm_id: UUID | None, numbers: dict[str, int]) -> None:
    for field, (least, most) in BOUNDS.items():
        if not least <= numbers[field] <= most:
            words = _("应在 %(least)s 到 %(most)s 之间。")
            raise InvalidInput(field=field, reason=words % {"least": least, "most": most})
    if review_firm_id is not None and not review_firms_of(project.firm_id).filter(pk=review_firm_id).exists():
        words = _("质检单位应为已认证的其他标注企业；由本单位质检时请留空。")
        raise InvalidInput(field="review_firm", reason=words)


@transaction.atomic
def decide_quality_plan(
    *,
    by: Actor,
    at: datetime,
    project_id: UUID,
    overlap: int = 1,
    lease_minutes: int = 120,
    review_share_bp: int = 10_000,
    has_second_review: bool = False,
    review_firm_id: UUID | None = None,
    attempt_limit: int = 3,
    idle_minutes: int = 5,
) -> QualityPlan:
    """Put the next version of a project's quality plan into force; equal terms give the version in force.

    It holds for what is handed out, submitted and reviewed from now on. Once published, `overlap` may only grow.
    """
    project = locked_project(project_id)
    if not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    by.require(RUN)
    if not by.belongs_to(project.firm_id):
        raise NotAllowed(permission=RUN.label, organization=str(by.organization or "—"))
    if project.state not in FEEDABLE:
        raise PlanFixed(state=project.get_state_display())
    numbers = {
        "overlap": overlap,
        "lease_minutes": lease_minutes,
        "review_share_bp": review_share_bp,
        "attempt_limit": attempt_limit,
        "idle_minutes": idle_minutes,
    }
    _checked(by, project, review_firm_id, numbers)
    current = plan_in_force(project)
    former = current.overlap if current else 1
    if project.state != ProjectState.DRAFT and overlap < former:
        raise OverlapLowered(field="overlap", former=former, wanted=overlap)
    terms = {**numbers, "has_second_review": has_second_review, "review_firm_id": review_firm_id}
    if current and all(getattr(current, name) == value for name, value in terms.items()):
        return current
    plan = QualityPlan.objects.create(
        project=project,
        version=current.version + 1 if current else 1,
        decided_by=by.user,
        decided_at=at,
        **terms,
    )
    detail = {"version": plan.version, **terms}
    record(by=by, at=at, action="projects.decide_quality_plan", subject=project, detail=detail)
    if project.state != ProjectState.DRAFT:
        announce(QualityPlanDecided(at=at, project_id=project.pk, plan_id=plan.pk, by=by))
    return plan


@transaction.atomic
def create_planned_project(
    *, by: Actor, at: datetime, plan: Mapping[str, Any] | None, **terms: Any
) -> Project:
    """A new draft together with its quality plan, both or none; `plan` and `terms` as the two services take them."""
    project = create_project(by=by, at=at, **terms)
    if plan is not None:
        decide_quality_plan(by=by, at=at, project_id=project.pk, **plan)
    return project
