"""JSON of annotation quality, under /api/quality."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from annotation.quality import services
from annotation.quality.models import (
    Consensus,
    GoldAnswer,
    GoldContest,
    GoldOutcome,
    GoldPlan,
    Measurement,
    Qualification,
)
from annotation.quality.schemas import (
    AdjudicateIn,
    ConsensusOut,
    ContestOut,
    CorrectContestIn,
    CorrectIn,
    GoldImportIn,
    GoldImportOut,
    GoldIn,
    GoldOut,
    JobOut,
    MeasurementOut,
    OutcomeOut,
    PlanIn,
    PlanOut,
    ReasonIn,
    StandingOut,
    TakeIn,
    UpholdIn,
)
from annotation.quality.selectors import (
    consensus_visible_to,
    contests_visible_to,
    gold_visible_to,
    latest_measurement,
    may_see_gold,
    my_outcomes,
    plan_of,
    qualifications_visible_to,
    quality_project,
)
from gateway.api import Page, actor, cursor_page, idempotent
from jobs.models import Job
from kernel import clock
from kernel.errors import NotFound

router = Router()


def _told(request: HttpRequest) -> dict[str, Any]:
    return {"by": actor(request), "at": clock.now()}


# --- projects -------------------------------------------------------------------------------------


@router.get("/projects/{uuid:project_id}/plan", response=PlanOut)
def read_plan(request: HttpRequest, project_id: UUID) -> GoldPlan:
    """The gold plan in force; 404 when there is none."""
    project = quality_project(actor(request), project_id)
    found = plan_of(project.pk)
    if found is None or not may_see_gold(actor(request), project):
        raise NotFound
    return found


@router.post("/projects/{uuid:project_id}/plan", response={201: PlanOut})
@idempotent
def set_plan(request: HttpRequest, project_id: UUID, body: PlanIn) -> Status[GoldPlan]:
    """Put a new version of the gold plan in force."""
    return Status(201, services.set_plan(**_told(request), project_id=project_id, **body.dict()))


@router.get("/projects/{uuid:project_id}/gold", response=Page[GoldOut])
def gold_list(
    request: HttpRequest, project_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[GoldOut]:
    """The gold answers in force, newest first; for who keeps gold and for auditors."""
    project = quality_project(actor(request), project_id)
    if not may_see_gold(actor(request), project):
        raise NotFound
    rows, following = cursor_page(gold_visible_to(actor(request), project), cursor=cursor, limit=limit)
    return Page[GoldOut](
        items=[GoldOut.model_validate(row, from_attributes=True) for row in rows], next=following
    )


@router.post("/projects/{uuid:project_id}/gold", response={201: GoldOut})
@idempotent
def make_gold(request: HttpRequest, project_id: UUID, body: GoldIn) -> Status[GoldAnswer]:
    """Write the gold answer of an item."""
    return Status(201, services.make_gold(**_told(request), project_id=project_id, **body.dict()))


@router.post("/projects/{uuid:project_id}/gold/take", response={201: list[GoldOut]})
@idempotent
def take_accepted(request: HttpRequest, project_id: UUID, body: TakeIn) -> Status[list[GoldAnswer]]:
    """Make gold of accepted results, drawn by lot."""
    return Status(201, services.take_accepted(**_told(request), project_id=project_id, **body.dict()))


@router.post("/projects/{uuid:project_id}/gold/import", response={201: GoldImportOut})
@idempotent
def import_gold(request: HttpRequest, project_id: UUID, body: GoldImportIn) -> Status[GoldImportOut]:
    """Make gold of labels, all or none."""
    rows = [services.GoldRow(row.item, row.result) for row in body.rows]
    made, same = services.import_gold(**_told(request), project_id=project_id, rows=rows, role=body.role)
    return Status(201, GoldImportOut(made=made, same=same))


@router.post("/gold/{uuid:item_id}/correct", response={201: GoldOut})
@idempotent
def correct_gold(request: HttpRequest, item_id: UUID, body: CorrectIn) -> Status[GoldAnswer]:
    """Correct an item's gold; everybody is scored anew."""
    return Status(201, services.correct_gold(**_told(request), item_id=item_id, **body.dict()))


@router.post("/gold/{uuid:item_id}/retire", response={201: GoldOut})
@idempotent
def retire_gold(request: HttpRequest, item_id: UUID, body: ReasonIn) -> Status[GoldAnswer]:
    """Use an item's gold no more."""
    return Status(201, services.retire_gold(**_told(request), item_id=item_id, note=body.reason))


@router.get("/projects/{uuid:project_id}/measurement", response=MeasurementOut)
def read_measurement(request: HttpRequest, project_id: UUID) -> Measurement:
    """The latest measurement; 404 before the first."""
    found = latest_measurement(quality_project(actor(request), project_id).pk)
    if found is None:
        raise NotFound
    return found


@router.post("/projects/{uuid:project_id}/measurement", response={202: JobOut})
@idempotent
def measure(request: HttpRequest, project_id: UUID) -> Status[Job]:
    """Queue a measurement; work that is under way already is the answer."""
    return Status(202, services.queue_measuring(**_told(request), project_id=project_id))


@router.get("/projects/{uuid:project_id}/consensus", response=Page[ConsensusOut])
def consensus_list(
    request: HttpRequest,
    project_id: UUID,
    is_settled: bool | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ConsensusOut]:
    """The merged results in force with posterior and evidence, newest first."""
    rows = consensus_visible_to(actor(request), quality_project(actor(request), project_id))
    if is_settled is not None:
        rows = rows.filter(is_settled=is_settled)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    items = [ConsensusOut.model_validate(row, from_attributes=True) for row in found]
    return Page[ConsensusOut](items=items, next=following)


@router.post("/consensus/{uuid:item_id}/adjudicate", response={201: ConsensusOut})
@idempotent
def adjudicate(request: HttpRequest, item_id: UUID, body: AdjudicateIn) -> Status[Consensus]:
    """Decide what an item with several answers delivers."""
    return Status(201, services.adjudicate(**_told(request), item_id=item_id, **body.dict()))


# --- people ---------------------------------------------------------------------------------------


@router.get("/standings", response=Page[StandingOut])
def standing_list(
    request: HttpRequest, project_id: UUID | None = None, cursor: str | None = None, limit: int = 50
) -> Page[StandingOut]:
    """One's own standing, and that of everybody in projects whose quality one may read."""
    rows = qualifications_visible_to(actor(request))
    if project_id is not None:
        rows = rows.filter(project=project_id)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    items = [StandingOut.model_validate(row, from_attributes=True) for row in found]
    return Page[StandingOut](items=items, next=following)


@router.post("/standings/{uuid:qualification_id}/appeal", response=StandingOut)
@idempotent
def appeal(request: HttpRequest, qualification_id: UUID, body: ReasonIn) -> Qualification:
    """A stopped worker asks the lead to look again."""
    return services.appeal(**_told(request), qualification_id=qualification_id, reason=body.reason)


@router.post("/standings/{uuid:qualification_id}/stop", response=StandingOut)
@idempotent
def stop(request: HttpRequest, qualification_id: UUID, body: ReasonIn) -> Qualification:
    """Stop the hand-out to a worker."""
    return services.stop(**_told(request), qualification_id=qualification_id, reason=body.reason)


@router.post("/standings/{uuid:qualification_id}/uphold", response=StandingOut)
@idempotent
def uphold(request: HttpRequest, qualification_id: UUID, body: ReasonIn) -> Qualification:
    """An appeal changes nothing."""
    return services.uphold(**_told(request), qualification_id=qualification_id, reason=body.reason)


@router.post("/standings/{uuid:qualification_id}/reinstate", response=StandingOut)
@idempotent
def reinstate(request: HttpRequest, qualification_id: UUID, body: ReasonIn) -> Qualification:
    """Hand out to the worker again."""
    return services.reinstate(**_told(request), qualification_id=qualification_id, reason=body.reason)


@router.post("/standings/{uuid:qualification_id}/readmit", response=StandingOut)
@idempotent
def readmit(request: HttpRequest, qualification_id: UUID, body: ReasonIn) -> Qualification:
    """Let a worker take the screening a second time."""
    return services.readmit(**_told(request), qualification_id=qualification_id, reason=body.reason)


@router.get("/outcomes", response=Page[OutcomeOut])
def outcome_list(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Page[OutcomeOut]:
    """The caller's own outcomes on gold, as far as they are disclosed."""
    found, following = cursor_page(my_outcomes(actor(request)), cursor=cursor, limit=limit)
    return Page[OutcomeOut](items=[_outcome(row) for row in found], next=following)


def _outcome(row: GoldOutcome) -> OutcomeOut:
    return OutcomeOut.model_validate(row, from_attributes=True)


@router.post("/outcomes/{uuid:outcome_id}/contest", response={201: ContestOut})
@idempotent
def contest(request: HttpRequest, outcome_id: UUID, body: ReasonIn) -> Status[GoldContest]:
    """Say that the gold answer is wrong."""
    return Status(201, services.contest_gold(**_told(request), outcome_id=outcome_id, reason=body.reason))


@router.get("/contests", response=Page[ContestOut])
def contest_list(
    request: HttpRequest, project_id: UUID | None = None, cursor: str | None = None, limit: int = 50
) -> Page[ContestOut]:
    """One's own contests, and those of projects whose quality one may read."""
    rows = contests_visible_to(actor(request))
    if project_id is not None:
        rows = rows.filter(project=project_id)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    items = [ContestOut.model_validate(row, from_attributes=True) for row in found]
    return Page[ContestOut](items=items, next=following)


@router.post("/contests/{uuid:contest_id}/uphold", response=ContestOut)
@idempotent
def uphold_contest(request: HttpRequest, contest_id: UUID, body: UpholdIn) -> GoldContest:
    """The gold answer stays."""
    return services.uphold_contested(**_told(request), contest_id=contest_id, answer=body.answer)


@router.post("/contests/{uuid:contest_id}/correct", response=ContestOut)
@idempotent
def correct_contest(request: HttpRequest, contest_id: UUID, body: CorrectContestIn) -> GoldContest:
    """The gold answer is corrected; everybody is scored anew."""
    return services.correct_contested(
        **_told(request), contest_id=contest_id, answer=body.answer, result=body.result
    )
