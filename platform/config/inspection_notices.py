"""What the two sides of a project are told of its lot inspection; wired in `wiring.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.inspection import events as news
from annotation.inspection.models import InspectionPlan, Lot, SwitchingStep
from annotation.inspection.selectors import inspecting_side
from annotation.inspection.states import Strictness
from annotation.projects.models import Project
from kernel.events import Event
from notifications.services import notify_holders
from organizations.states import Role

FIRM_ROLES = (Role.PROJECT_LEAD, Role.QUALITY_REVIEWER)
CLIENT_ROLES = (Role.PROJECT_LEAD, Role.QUALITY_REVIEWER, Role.PURCHASER)


def _tell(
    event: Event,
    organization_id: UUID,
    roles: tuple[Role, ...],
    title: Promise,
    words: Mapping[str, Any],
    url: str,
) -> None:
    notify_holders(
        organization_id=organization_id,
        roles=roles,
        at=event.at,
        title=title,
        words=words,
        url=url,
        is_mailed=False,
    )


def _page(project: Project) -> str:
    return reverse("projects:inspection", args=[project.pk])


def tell_proposed(event: news.PlanProposed) -> None:
    """The other side, which owes an answer."""
    plan = InspectionPlan.objects.select_related("project").get(pk=event.plan_id)
    project = plan.project
    other = project.firm_id if plan.proposed_for_id == project.client_id else project.client_id
    title = _("“%(project)s”：对方提出抽检方案，请查看抽检特性曲线后答复")
    words = {"project": project.title}
    _tell(event, other or project.firm_id, CLIENT_ROLES, title, words, _page(project))


def tell_answered(event: news.PlanAnswered) -> None:
    """Who proposed it."""
    plan = InspectionPlan.objects.select_related("project").get(pk=event.plan_id)
    title = (
        _("“%(project)s”：抽检方案已获同意，自此提交的批按它检验")
        if event.is_agreed
        else _("“%(project)s”：抽检方案未获同意，理由见“抽检”页")
    )
    words = {"project": plan.project.title}
    _tell(event, plan.proposed_for_id, CLIENT_ROLES, title, words, _page(plan.project))


def tell_submitted(event: news.LotsSubmitted) -> None:
    """Who inspects."""
    lot = Lot.objects.select_related("project", "plan").get(pk=event.lot_ids[0])
    side, words = inspecting_side(lot.project, lot.plan), {"project": lot.project.title, "lot": lot.number}
    if len(event.lot_ids) == 1:
        title, url = _("“%(project)s”第 %(lot)s 批待抽检"), reverse("inspection:lot", args=[lot.pk])
    else:
        title, url = _("“%(project)s”有 %(count)s 批待抽检"), _page(lot.project)
        words["count"] = str(len(event.lot_ids))
    if side not in (lot.project.firm_id, lot.project.client_id):
        url = reverse("inspection:lot", args=[lot.pk])
    _tell(event, side, CLIENT_ROLES, title, words, url)


def tell_accepted(event: news.LotAccepted) -> None:
    """The firm."""
    _tell_verdict(event, event.lot_id, _("“%(project)s”第 %(lot)s 批已接收"))


def tell_rejected(event: news.LotRejected) -> None:
    """The firm, which has rework to do."""
    _tell_verdict(event, event.lot_id, _("“%(project)s”第 %(lot)s 批不接收，返工后请再次提交"))


def _tell_verdict(event: Event, lot_id: UUID, title: Promise) -> None:
    lot = Lot.objects.select_related("project").get(pk=lot_id)
    words = {"project": lot.project.title, "lot": lot.number}
    _tell(event, lot.project.firm_id, FIRM_ROLES, title, words, reverse("inspection:lot", args=[lot.pk]))


def tell_strictness(event: news.StrictnessChanged) -> None:
    """Both sides, with the rule by which it changed."""
    step = SwitchingStep.objects.select_related("plan__project").get(pk=event.step_id)
    project = step.plan.project
    title = (
        _("“%(project)s”：检验已暂停，请改进后由抽检方恢复")
        if step.severity == "discontinued"
        else _("“%(project)s”：检验的严格度已变为%(severity)s")
    )
    words = {"project": project.title, "severity": Strictness(step.severity).label}
    sides = dict.fromkeys(
        side for side in (project.firm_id, project.client_id, step.plan.inspector_id) if side is not None
    )
    for side in sides:
        url = (
            _page(project) if side in (project.firm_id, project.client_id) else reverse("inspection:waiting")
        )
        _tell(event, side, CLIENT_ROLES, title, words, url)
