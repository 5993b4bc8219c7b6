"""Reading inspection plans, lots, samples and where inspection stands, each time for one viewer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.inspection.models import (
    DrawValue,
    InspectionPlan,
    Lot,
    LotItem,
    PlanAnswer,
    SampleItem,
    SwitchingStep,
)
from annotation.inspection.permissions import AGREE, INSPECT
from annotation.inspection.rules import verdict_so_far
from annotation.inspection.states import FROZEN, LotState, Strictness
from annotation.projects.models import Project
from annotation.projects.permissions import RUN, VIEW
from annotation.projects.selectors import projects_visible_to
from annotation.projects.states import ProjectState
from annotation.quality.selectors import current_consensus
from annotation.work.models import Review, Submission, Task
from annotation.work.selectors import FINISHED
from annotation.work.states import TaskState
from kernel.errors import NotFound
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from web.desk import Todo

IN_WORK = (ProjectState.IN_PROGRESS, ProjectState.DELIVERED)
"""While a project is in one of these, its lots are submitted and inspected."""


# --- plans --------------------------------------------------------------------------------------


def plans_of(project: Project) -> QuerySet[InspectionPlan]:
    """Every proposed plan with its answer, the newest first."""
    rows = project.inspection_plans.select_related("proposed_by", "proposed_for", "inspector", "answer")
    return rows.order_by("-version")


def plan_for(viewer: Actor, plan_id: UUID) -> InspectionPlan:
    """One plan of a project whose lots the viewer may read; NotFound otherwise."""
    rows = InspectionPlan.objects.select_related("project", "proposed_for", "inspector", "answer")
    found = rows.filter(pk=plan_id, project__in=projects_visible_to(viewer).values("pk")).first()
    if found is None:
        raise NotFound
    return found


def plan_in_force(project_id: UUID) -> InspectionPlan | None:
    """The newest plan on which both sides agreed."""
    rows = InspectionPlan.objects.filter(project=project_id, answer__is_agreed=True)
    return rows.select_related("inspector", "answer").order_by("-version").first()


def plan_waiting(project_id: UUID) -> InspectionPlan | None:
    """The newest plan, if it waits for its answer."""
    newest = InspectionPlan.objects.filter(project=project_id).select_related(
        "proposed_for", "proposed_by", "inspector"
    )
    found = newest.order_by("-version").first()
    return found if found and not PlanAnswer.objects.filter(plan=found).exists() else None


def sides_of(project: Project) -> tuple[UUID, UUID]:
    """The organizations that agree on inspection: the firm, and the client (for itself the firm once more)."""
    return project.firm_id, project.client_id or project.firm_id


def inspecting_side(project: Project, plan: InspectionPlan | None) -> UUID:
    """Who draws and inspects: the plan's inspector, else the client, else the firm itself."""
    if plan is not None and plan.inspector_id is not None:
        return plan.inspector_id
    return sides_of(project)[1]


def may_propose(viewer: Actor, project: Project) -> bool:
    """Whether the viewer may propose a plan now."""
    is_side = any(viewer.belongs_to(side) for side in sides_of(project))
    return viewer.can(AGREE) and is_side and project.state in (ProjectState.OPEN, *IN_WORK)


def may_answer(viewer: Actor, project: Project, plan: InspectionPlan | None) -> bool:
    """Whether the viewer is the other side of a plan that waits: not of the proposer's organization, or another person."""
    if plan is None or not may_propose(viewer, project):
        return False
    if project.client_id is None:
        return viewer.user_id != plan.proposed_by_id
    return not viewer.belongs_to(plan.proposed_for_id)


def may_submit(viewer: Actor, project: Project) -> bool:
    """Whether the viewer submits the project's lots."""
    return viewer.can(RUN) and viewer.belongs_to(project.firm_id) and project.state in IN_WORK


def may_inspect(viewer: Actor, project: Project, plan: InspectionPlan | None) -> bool:
    """Whether the viewer draws, inspects and decides for the inspecting side."""
    return viewer.can(INSPECT) and viewer.belongs_to(inspecting_side(project, plan))


def commitment_of(project_id: UUID) -> DrawValue | None:
    """The commitment that the next lots will be drawn by."""
    return DrawValue.objects.filter(project=project_id).order_by("-ordinal").first()


# --- what lots are made of ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deliverable:
    """An item on which nobody works, with the result it delivers now."""

    item_id: UUID
    number: int
    item_sha256: str
    result_sha256: str
    submission_id: UUID
    consensus_id: UUID | None


def deliverable(project_id: UUID) -> list[Deliverable]:
    """Every item that is finished: one accepted answer, or several merged as they are now; in order of numbers."""
    unfinished = Task.objects.filter(item=OuterRef("task__item")).exclude(state__in=FINISHED)
    rows = (
        Submission.objects.filter(
            ~Exists(unfinished), task__project=project_id, task__state=TaskState.ACCEPTED
        )
        .order_by("task_id", "-ordinal")
        .distinct("task_id")
        .values_list("task__item_id", "task__item__ordinal", "task__item__sha256", "pk", "result_sha256")
    )
    answers: defaultdict[UUID, list[tuple[int, str, UUID, str]]] = defaultdict(list)
    for item_id, number, sha256, pk, result in rows.iterator(5_000):
        answers[item_id].append((number, sha256, pk, result))
    merged = {
        item_id: (pk, result, set(evidence), is_settled)
        for item_id, pk, result, evidence, is_settled in current_consensus(project_id).values_list(
            "item_id", "pk", "result_sha256", "evidence", "is_settled"
        )
    }
    found = []
    for item_id, given in answers.items():
        number, sha256, first, result = min(given, key=lambda each: str(each[2]))
        known = merged.get(item_id)
        if known is not None and known[2] == {each[2] for each in given}:
            if known[3]:
                found.append(Deliverable(item_id, number, sha256, known[1], first, known[0]))
        elif len(given) == 1:
            found.append(Deliverable(item_id, number, sha256, result, first, None))
    return sorted(found, key=lambda each: each.number)


def places_of(project_id: UUID) -> dict[UUID, tuple[str, str, bool | None]]:
    """The latest lot of each item that ever was in one: the lot's state, the frozen digest, what was found."""
    rows = (
        LotItem.objects.filter(lot__project=project_id)
        .order_by("item_id", "-lot_id")
        .distinct("item_id")
        .values_list("item_id", "lot__state", "digest", "drawn__is_conforming")
    )
    return {item_id: (state, digest, found) for item_id, state, digest, found in rows.iterator(5_000)}


def is_covered(place: tuple[str, str, bool | None] | None, digest: str) -> bool:
    """Whether an accepted lot speaks for this result: as it was frozen, or mended after it was found nonconforming."""
    if place is None or place[0] != LotState.ACCEPTED:
        return False
    return (place[1] == digest) is not (place[2] is False)


# --- lots ---------------------------------------------------------------------------------------


def lots_visible_to(viewer: Actor) -> QuerySet[Lot]:
    """The lots of one's own projects and of those one commissioned or inspects; all for auditors."""
    rows = Lot.objects.select_related("project__firm", "project__client", "plan__inspector")
    if viewer.is_system:
        return rows
    if not viewer.can(VIEW) or (viewer.organization_id is None):
        return rows.none()
    if OrganizationKind.AUDITOR in viewer.kinds:
        return rows
    here = viewer.organization_id
    return rows.filter(Q(project__firm=here) | Q(project__client=here) | Q(plan__inspector=here))


def lots_of_project(viewer: Actor, project_id: UUID) -> QuerySet[Lot]:
    """The project's lots that the viewer may read, the newest first, each with `inspected` and `faulty` counts."""
    rows = lots_visible_to(viewer).filter(project=project_id).select_related("former", "step")
    counted = rows.annotate(
        inspected=Count("sample", filter=Q(sample__is_conforming__isnull=False)),
        faulty=Count("sample", filter=Q(sample__is_conforming=False)),
    )
    return counted.order_by("-ordinal", "-version")


def lot_for(viewer: Actor, lot_id: UUID) -> Lot:
    """One lot; NotFound when the viewer may not see it."""
    rows = lots_visible_to(viewer).select_related("former", "following", "commitment", "decided_by")
    found = rows.filter(pk=lot_id).first()
    if found is None:
        raise NotFound
    return found


def sample_of(lot: Lot) -> QuerySet[SampleItem]:
    """The sample in the order of the draw, with the items and the results as they were frozen."""
    rows = lot.sample.select_related(
        "content__item", "content__submission", "content__consensus", "inspected_by"
    )
    return rows.order_by("place")


def sample_item_for(viewer: Actor, sample_id: UUID) -> SampleItem:
    """One drawn item of a lot that the viewer may read; NotFound otherwise."""
    rows = SampleItem.objects.select_related(
        "lot__project",
        "lot__plan",
        "content__item",
        "content__submission",
        "content__consensus",
        "inspected_by",
    )
    found = rows.filter(pk=sample_id, lot__in=lots_visible_to(viewer).values("pk")).first()
    if found is None:
        raise NotFound
    return found


def contents_of(lot: Lot) -> Iterable[tuple[int, str]]:
    """Number and digest of every item of the lot, in order."""
    return lot.contents.order_by("number").values_list("number", "digest").iterator(5_000)


def worked_on(user_id: UUID | None, item_id: UUID) -> bool:
    """Whether this person labelled or reviewed the item."""
    if user_id is None:
        return False
    if Submission.objects.filter(task__item=item_id, annotator=user_id).exists():
        return True
    return Review.objects.filter(submission__task__item=item_id, reviewer=user_id).exists()


def next_to_inspect(lot: Lot, user_id: UUID | None) -> SampleItem | None:
    """The first drawn item that waits and on which this person did not work."""
    labelled = Submission.objects.filter(task__item=OuterRef("content__item"), annotator=user_id)
    reviewed = Review.objects.filter(submission__task__item=OuterRef("content__item"), reviewer=user_id)
    rows = lot.sample.filter(~Exists(labelled), ~Exists(reviewed), is_conforming__isnull=True)
    return rows.order_by("place").first()


@dataclass(frozen=True, slots=True)
class Course:
    """How far a lot's inspection is: `verdict` True or False once certain, None before."""

    inspected: int
    nonconforming: int
    verdict: bool | None


def course_of(lot: Lot) -> Course:
    """The counts of a drawn lot."""
    counted = lot.sample.aggregate(
        inspected=Count("pk", filter=Q(is_conforming__isnull=False)),
        bad=Count("pk", filter=Q(is_conforming=False)),
    )
    return Course(
        counted["inspected"],
        counted["bad"],
        verdict_so_far(lot.scheme, counted["inspected"], counted["bad"]),
    )


# --- where inspection stands ----------------------------------------------------------------------


def step_in_force(plan: InspectionPlan) -> SwitchingStep | None:
    """Where inspection under the plan stands; None where lots are judged by themselves."""
    return plan.steps.order_by("-ordinal").first()


def steps_of(project: Project) -> QuerySet[SwitchingStep]:
    """Every step of switching in the project, the newest first."""
    rows = SwitchingStep.objects.filter(plan__project=project).select_related("lot__project", "plan")
    return rows.order_by("-plan__version", "-ordinal")


@dataclass(frozen=True, slots=True)
class InspectionState:
    """What others need to know of a project's inspection: whether there is a plan, its lots by state, accepted items."""

    has_plan: bool
    severity: str
    lots: dict[str, int]
    accepted_items: int

    @property
    def is_discontinued(self) -> bool:
        return self.severity == Strictness.DISCONTINUED

    @property
    def open_lots(self) -> int:
        return sum(self.lots.get(state, 0) for state in (*FROZEN, LotState.REJECTED))

    @property
    def first_pass(self) -> tuple[int, int]:
        """Original lots accepted at once, and all original lots that were judged."""
        return self.lots.get("accepted_first", 0), self.lots.get("judged_first", 0)


def inspection_state(project_id: UUID) -> InspectionState:
    """Where a project's inspection stands, in a few queries; for the system's own use, no viewer."""
    plan = plan_in_force(project_id)
    step = step_in_force(plan) if plan else None
    rows = Lot.objects.filter(project=project_id).values_list("state", "version", "size")
    counts: defaultdict[str, int] = defaultdict(int)
    items = 0
    for state, version, size in rows:
        counts[state] += 1
        items += size if state == LotState.ACCEPTED else 0
        if version == 1 and state not in FROZEN:
            counts["judged_first"] += 1
            counts["accepted_first"] += state == LotState.ACCEPTED
    return InspectionState(plan is not None, step.severity if step else "", dict(counts), items)


# --- the desk -------------------------------------------------------------------------------------


def todos(viewer: Actor) -> list[Todo]:
    """Lots that wait for the viewer's inspection, and plans that wait for an answer."""
    if viewer.organization_id is None or viewer.user_id is None or viewer.is_system:
        return []
    found: list[Todo] = []
    if viewer.can(INSPECT):
        found += _inspections(viewer)
    if viewer.can(AGREE):
        found += _answers(viewer)
    return found


def _inspections(viewer: Actor) -> list[Todo]:
    here = viewer.organization_id
    mine = (
        Q(plan__inspector=here)
        | Q(plan__inspector=None, project__client=here)
        | Q(plan__inspector=None, project__client=None, project__firm=here)
    )
    rows = Lot.objects.filter(mine, state__in=FROZEN, project__state__in=IN_WORK).select_related("project")
    return [
        Todo(
            title=_("第 %(lot)s 批待抽检") % {"lot": lot.number},
            url=reverse("inspection:lot", args=[lot.pk]),
            detail=lot.project.title,
            due_at=lot.project.due_on,
            icon="scan-search",
            tone="teal",
        )
        for lot in rows.order_by("submitted_at", "pk")[:20]
    ]


def _answers(viewer: Actor) -> list[Todo]:
    here = viewer.organization_id
    newer = InspectionPlan.objects.filter(project=OuterRef("project"), version__gt=OuterRef("version"))
    other = Q(project__client=None, project__firm=here) & ~Q(proposed_by=viewer.user_id) | (
        Q(project__client__isnull=False)
        & (Q(project__firm=here) | Q(project__client=here))
        & ~Q(proposed_for=here)
    )
    rows = InspectionPlan.objects.filter(
        other, ~Exists(newer), answer=None, project__state__in=[ProjectState.OPEN, *IN_WORK]
    )
    return [
        Todo(
            title=_("抽检方案待答复"),
            url=reverse("projects:inspection", args=[plan.project_id]),
            detail=plan.project.title,
            due_at=plan.project.due_on,
            icon="scale",
            tone="blue",
        )
        for plan in rows.select_related("project").order_by("proposed_at", "pk")[:20]
    ]
