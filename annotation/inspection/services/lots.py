"""Cutting finished items into frozen lots, and submitting a lot again after its rework."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotation.inspection.events import LotsSubmitted
from annotation.inspection.models import DrawValue, InspectionPlan, Lot, LotItem
from annotation.inspection.rules import (
    LOT_LEAST,
    LOT_MOST,
    chunks,
    cut,
    digest_of_item,
    digest_of_lot,
)
from annotation.inspection.selectors import (
    IN_WORK,
    Deliverable,
    commitment_of,
    deliverable,
    is_covered,
    lots_visible_to,
    places_of,
    plan_in_force,
    step_in_force,
)
from annotation.inspection.services.plans import commit, side_of, visible_project
from annotation.inspection.services.refusals import (
    InspectionDiscontinued,
    ItemFrozen,
    LotsNotAccepted,
    LotUnfinished,
    NoPlanInForce,
    NothingForLots,
    NotInWork,
)
from annotation.inspection.states import FROZEN, LOT, LotState, Strictness
from annotation.projects.events import ProjectAccepted, ProjectDelivered
from annotation.projects.models import Project
from annotation.projects.permissions import RUN
from annotation.work.events import TasksReopened
from annotation.work.models import Task
from annotation.work.selectors import FINISHED
from audit.services import record
from kernel.errors import InvalidInput, NotFound
from kernel.events import announce
from organizations.permissions import Actor


def digest(row: Deliverable) -> str:
    """What stands for the item with the result it delivers now."""
    return digest_of_item(row.item_sha256, row.result_sha256)


def available(project_id: UUID) -> list[Deliverable]:
    """The finished items of which no lot speaks: in none yet, or with another result than the accepted one."""
    places = places_of(project_id)
    held = {*FROZEN, LotState.REJECTED}
    found = []
    for row in deliverable(project_id):
        place = places.get(row.item_id)
        if (place is None or place[0] not in held) and not is_covered(place, digest(row)):
            found.append(row)
    return found


def _require_running(plan: InspectionPlan) -> None:
    step = step_in_force(plan)
    if step is not None and step.severity == Strictness.DISCONTINUED:
        raise InspectionDiscontinued


def _plan(project: Project) -> InspectionPlan:
    plan = plan_in_force(project.pk)
    if plan is None:
        raise NoPlanInForce
    if project.state not in IN_WORK:
        raise NotInWork(state=project.get_state_display())
    _require_running(plan)
    return plan


@transaction.atomic
def submit_lots(*, by: Actor, at: datetime, project_id: UUID, size: int | None = None) -> list[Lot]:
    """Freeze what is finished and in no lot yet as lots of the agreed size; what is left over waits for more.

    `size`: items of a lot where the plan leaves it open; without either all is one lot.
    """
    project = visible_project(by, project_id)
    side_of(by, project, RUN, project.firm_id)
    plan = _plan(project)
    if size is not None and not LOT_LEAST <= size <= LOT_MOST:
        words = _("每批条数应在 %(least)s 到 %(most)s 之间。")
        raise InvalidInput(field="size", reason=words % {"least": LOT_LEAST, "most": LOT_MOST})
    rows = available(project_id)
    sizes = cut(len(rows), plan.lot_size or size, keeps_rest=False)
    if not sizes:
        raise NothingForLots(count=len(rows))
    return _submit(by, at, project, plan, rows, sizes)


def _submit(
    by: Actor,
    at: datetime,
    project: Project,
    plan: InspectionPlan,
    rows: Sequence[Deliverable],
    sizes: Sequence[int],
) -> list[Lot]:
    commitment = _commitment(by, at, project)
    first = (project.inspection_lots.aggregate(top=Max("ordinal"))["top"] or 0) + 1
    made = []
    for place, piece in enumerate(chunks(rows, sizes)):
        pieces = cast("Sequence[Deliverable]", piece)
        lot = Lot(project=project, plan=plan, ordinal=first + place, commitment=commitment)
        made.append(_freeze(by, at, lot, pieces))
    commit(by, at, project)  # the next lots are drawn by a value that nobody knows yet
    announce(LotsSubmitted(at=at, project_id=project.pk, lot_ids=tuple(lot.pk for lot in made), by=by))
    return made


def _commitment(by: Actor, at: datetime, project: Project) -> DrawValue:
    return commitment_of(project.pk) or commit(by, at, project)


def _freeze(by: Actor, at: datetime, lot: Lot, rows: Sequence[Deliverable]) -> Lot:
    ordered = sorted(rows, key=lambda row: row.number)
    lot.size = len(ordered)
    lot.contents_sha256 = digest_of_lot((row.number, digest(row)) for row in ordered)
    lot.submitted_by, lot.submitted_at = by.user, at
    lot.save(force_insert=True)
    LotItem.objects.bulk_create(
        (
            LotItem(
                lot=lot,
                item_id=row.item_id,
                number=row.number,
                digest=digest(row),
                submission_id=row.submission_id,
                consensus_id=row.consensus_id,
            )
            for row in ordered
        ),
        batch_size=2_000,
    )
    detail = {
        "lot": lot.number,
        "size": lot.size,
        "sha256": lot.contents_sha256,
        "commitment": lot.commitment.value_sha256,
    }
    record(by=by, at=at, action="inspection.submit_lot", subject=lot, detail=detail)
    return lot


def locked_lot(by: Actor, lot_id: UUID) -> tuple[Project, Lot]:
    """The lot and its project, both locked, the project first; NotFound when the actor may not see it."""
    project_id = lots_visible_to(by).filter(pk=lot_id).values_list("project", flat=True).first()
    if project_id is None:
        raise NotFound
    project = Project.objects.select_for_update(of=("self",), no_key=True).get(pk=project_id)
    lot = Lot.objects.select_for_update(of=("self",)).select_related("plan", "commitment").get(pk=lot_id)
    lot.project = project
    return project, lot


@transaction.atomic
def resubmit_lot(*, by: Actor, at: datetime, lot_id: UUID) -> Lot:
    """Submit a lot again whose rework is done: its items as they are now, frozen as its next version."""
    project, lot = locked_lot(by, lot_id)
    side_of(by, project, RUN, project.firm_id)
    LOT.check(lot, "resubmit")
    plan = _plan(project)
    made = _resubmit(by, at, project, plan, lot, {row.item_id: row for row in deliverable(project.pk)})
    announce(LotsSubmitted(at=at, project_id=project.pk, lot_ids=(made.pk,), by=by))
    return made


def _resubmit(
    by: Actor,
    at: datetime,
    project: Project,
    plan: InspectionPlan,
    lot: Lot,
    finished: dict[UUID, Deliverable],
) -> Lot:
    ids = list(lot.contents.values_list("item_id", flat=True))
    open_tasks = Task.objects.filter(project=project, item__in=ids).exclude(state__in=FINISHED)
    left = open_tasks.values("item").distinct().count()
    rows = [finished[item_id] for item_id in ids if item_id in finished]
    if left or not rows:  # a skipped item is left out; with nothing left there is nothing to inspect
        raise LotUnfinished(count=left or len(ids))
    LOT.move(lot, "resubmit", by=by, at=at)
    commitment = _commitment(by, at, project)
    made = _freeze(
        by,
        at,
        Lot(
            project=project,
            plan=plan,
            ordinal=lot.ordinal,
            version=lot.version + 1,
            former=lot,
            commitment=commitment,
        ),
        rows,
    )
    commit(by, at, project)
    return made


# --- what a delivery and an acceptance ask ----------------------------------------------------------


def cut_before_delivery(news: ProjectDelivered) -> None:
    """With a plan in force what is delivered is lots: rejected ones once more, and what is in none yet."""
    project = Project.objects.get(pk=news.project_id)
    plan = plan_in_force(project.pk)
    if plan is None:
        return
    finished = {row.item_id: row for row in deliverable(project.pk)}
    rejected = Lot.objects.select_for_update(of=("self",)).select_related("commitment")
    again = []
    for lot in rejected.filter(project=project, state=LotState.REJECTED).order_by("pk"):
        if lot.contents.filter(item__in=list(finished)).exists():
            _require_running(plan)
            again.append(_resubmit(news.by, news.at, project, plan, lot, finished).pk)
    if again:
        announce(LotsSubmitted(at=news.at, project_id=project.pk, lot_ids=tuple(again), by=news.by))
    rows = available(project.pk)
    if rows:
        _require_running(plan)
        _submit(news.by, news.at, project, plan, rows, cut(len(rows), plan.lot_size, keeps_rest=True))


def keep_frozen(news: TasksReopened) -> None:
    """Refuse rework of what lies in a lot that waits for its verdict."""
    held = (
        LotItem.objects.filter(
            lot__project=news.project_id, lot__state__in=FROZEN, item__in=list(news.item_ids)
        )
        .select_related("lot")
        .order_by("number")
        .first()
    )
    if held is not None:
        raise ItemFrozen(number=held.number, lot=held.lot.number)


def require_lots_accepted(news: ProjectAccepted) -> None:
    """Refuse the acceptance of a project with a plan while a result of it is in no accepted lot."""
    if plan_in_force(news.project_id) is None:
        return
    places = places_of(news.project_id)
    rows = deliverable(news.project_id)
    waiting = sum(not is_covered(places.get(row.item_id), digest(row)) for row in rows)
    if waiting:
        raise LotsNotAccepted(count=waiting)
