"""JSON of lot inspection, under /api/inspection."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from annotation.inspection import services
from annotation.inspection.models import DrawValue, InspectionPlan, SwitchingStep
from annotation.inspection.schemas import (
    AnswerIn,
    FindingIn,
    LotOut,
    PlanIn,
    PlanOut,
    RemarkIn,
    SampleOut,
    StateOut,
    StepOut,
    SubmitIn,
    ValueIn,
    ValueOut,
    VerdictIn,
)
from annotation.inspection.selectors import (
    commitment_of,
    inspection_state,
    lot_for,
    lots_visible_to,
    plan_in_force,
    plans_of,
    sample_item_for,
    sample_of,
)
from annotation.projects.selectors import project_for
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock

router = Router()


def _told(request: HttpRequest) -> dict[str, Any]:
    return {"by": actor(request), "at": clock.now()}


@router.get("/projects/{uuid:project_id}", response=StateOut)
def read_state(request: HttpRequest, project_id: UUID) -> StateOut:
    """Where a project's inspection stands."""
    project = project_for(actor(request), project_id)
    plan, state, commitment = (
        plan_in_force(project_id),
        inspection_state(project.pk),
        commitment_of(project.pk),
    )
    return StateOut(
        plan=PlanOut.model_validate(plan, from_attributes=True) if plan else None,
        severity=state.severity,
        is_discontinued=state.is_discontinued,
        lots=state.lots,
        accepted_items=state.accepted_items,
        commitment_sha256=commitment.value_sha256 if commitment else "",
    )


@router.get("/projects/{uuid:project_id}/plans", response=list[PlanOut])
def plan_list(request: HttpRequest, project_id: UUID) -> list[InspectionPlan]:
    """Every proposed plan, the newest first."""
    return list(plans_of(project_for(actor(request), project_id)))


@router.post("/projects/{uuid:project_id}/plans", response={201: PlanOut})
@idempotent
def propose_plan(request: HttpRequest, project_id: UUID, body: PlanIn) -> Status[InspectionPlan]:
    """Propose a plan; the other side answers."""
    return Status(201, services.propose_plan(**_told(request), project_id=project_id, **body.dict()))


@router.post("/plans/{uuid:plan_id}/answer", response=PlanOut)
@idempotent
def answer_plan(request: HttpRequest, plan_id: UUID, body: AnswerIn) -> InspectionPlan:
    """Agree to the plan that waits, or decline it."""
    return services.answer_plan(**_told(request), plan_id=plan_id, **body.dict())


@router.post("/projects/{uuid:project_id}/values", response={201: ValueOut})
@idempotent
def commit_value(request: HttpRequest, project_id: UUID, body: ValueIn) -> Status[DrawValue]:
    """Commit the inspecting side's own value for the lots frozen from now on."""
    return Status(201, services.commit_value(**_told(request), project_id=project_id, value=body.value))


@router.post("/projects/{uuid:project_id}/resume", response=StepOut)
@idempotent
def resume(request: HttpRequest, project_id: UUID, body: RemarkIn) -> SwitchingStep:
    """Resume discontinued inspection, tightened."""
    return services.resume_inspection(**_told(request), project_id=project_id, remark=body.remark)


@router.get("/projects/{uuid:project_id}/lots", response=Page[LotOut])
def lot_list(
    request: HttpRequest, project_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[LotOut]:
    """The lots of a project, the newest first."""
    rows = lots_visible_to(actor(request)).filter(project=project_id).select_related("commitment")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[LotOut](items=[LotOut.of(lot) for lot in found], next=following)


@router.post("/projects/{uuid:project_id}/lots", response={201: list[LotOut]})
@idempotent
def submit_lots(request: HttpRequest, project_id: UUID, body: SubmitIn) -> Status[list[LotOut]]:
    """Freeze what is finished as lots."""
    made = services.submit_lots(**_told(request), project_id=project_id, size=body.size)
    return Status(201, [LotOut.of(lot) for lot in made])


@router.get("/lots/{uuid:lot_id}", response=LotOut)
def read_lot(request: HttpRequest, lot_id: UUID) -> LotOut:
    """One lot."""
    return LotOut.of(lot_for(actor(request), lot_id))


@router.post("/lots/{uuid:lot_id}/draw", response=LotOut)
@idempotent
def draw_sample(request: HttpRequest, lot_id: UUID) -> LotOut:
    """Draw the sample; the committed value is revealed."""
    return LotOut.of(services.draw_sample(**_told(request), lot_id=lot_id))


@router.get("/lots/{uuid:lot_id}/sample", response=Page[SampleOut])
def sample_list(
    request: HttpRequest, lot_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[SampleOut]:
    """The sample of a lot."""
    rows = sample_of(lot_for(actor(request), lot_id))
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[SampleOut](items=[SampleOut.of(row) for row in found], next=following)


@router.post("/samples/{uuid:sample_id}/finding", response=SampleOut)
@idempotent
def inspect_item(request: HttpRequest, sample_id: UUID, body: FindingIn) -> SampleOut:
    """Say whether a drawn item conforms."""
    services.inspect_item(**_told(request), sample_id=sample_id, **body.dict())
    return SampleOut.of(sample_item_for(actor(request), sample_id))


@router.post("/lots/{uuid:lot_id}/decide", response=LotOut)
@idempotent
def decide_lot(request: HttpRequest, lot_id: UUID, body: VerdictIn) -> LotOut:
    """Judge a lot by its sample."""
    return LotOut.of(services.decide_lot(**_told(request), lot_id=lot_id, **body.dict()))


@router.post("/lots/{uuid:lot_id}/resubmit", response={201: LotOut})
@idempotent
def resubmit_lot(request: HttpRequest, lot_id: UUID) -> Status[LotOut]:
    """Submit a rejected lot again after its rework."""
    return Status(201, LotOut.of(services.resubmit_lot(**_told(request), lot_id=lot_id)))
