"""JSON of imports and models, under /api/intake."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import File, Router, Status
from ninja.files import UploadedFile

from annotation.intake import services
from annotation.intake.models import IntakeFile, Storage
from annotation.intake.schemas import (
    BeginIn,
    DecisionIn,
    IntakeFileOut,
    IntakeOut,
    PredictorIn,
    PredictorOut,
    ProposalOut,
    StateIn,
    StorageIn,
    StorageOut,
)
from annotation.intake.selectors import (
    inside,
    intake_for,
    intakes_visible_to,
    predictors_of,
    proposals_in,
    storages_visible_to,
)
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock

router = Router()


@router.get("/projects/{uuid:project_id}/imports", response=Page[IntakeOut])
def intake_list(
    request: HttpRequest, project_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[IntakeOut]:
    """The imports of a project, newest first."""
    project = inside(actor(request), project_id)
    rows = intakes_visible_to(actor(request)).filter(project=project)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[IntakeOut](items=[IntakeOut.of(row) for row in found], next=following)


@router.post("/projects/{uuid:project_id}/imports", response={201: IntakeOut})
@idempotent
def begin_import(request: HttpRequest, project_id: UUID, body: BeginIn) -> Status[IntakeOut]:
    """Begin an import; files follow, then the dry run, then the decision."""
    made = services.begin(by=actor(request), at=clock.now(), project_id=project_id, **body.dict())
    return Status(201, IntakeOut.of(made))


@router.get("/imports/{uuid:intake_id}", response=IntakeOut)
def read_import(request: HttpRequest, intake_id: UUID) -> IntakeOut:
    """One import with what its dry run found."""
    return IntakeOut.of(intake_for(actor(request), intake_id))


@router.post("/imports/{uuid:intake_id}/files", response={201: list[IntakeFileOut]})
def add_files(
    request: HttpRequest, intake_id: UUID, uploads: File[list[UploadedFile]]
) -> Status[list[IntakeFile]]:
    """Files for an import, streamed; the same path again replaces, so a repeated request changes nothing."""
    made = [
        services.add_file(
            by=actor(request), at=clock.now(), intake_id=intake_id, path=one.name or "", chunks=one.chunks()
        )
        for one in uploads
    ]
    return Status(201, made)


@router.post("/imports/{uuid:intake_id}/check", response=IntakeOut)
@idempotent
def check_import(request: HttpRequest, intake_id: UUID) -> IntakeOut:
    """Start the dry run."""
    return IntakeOut.of(services.start_check(by=actor(request), at=clock.now(), intake_id=intake_id))


@router.post("/imports/{uuid:intake_id}/reopen", response=IntakeOut)
@idempotent
def reopen_import(request: HttpRequest, intake_id: UUID) -> IntakeOut:
    """Back from the result of a dry run to the files."""
    return IntakeOut.of(services.gather_again(by=actor(request), at=clock.now(), intake_id=intake_id))


@router.post("/imports/{uuid:intake_id}/decision", response=IntakeOut)
@idempotent
def decide_import(request: HttpRequest, intake_id: UUID, body: DecisionIn) -> IntakeOut:
    """Decide about near-duplicates, personal information and bad rows, and start the import."""
    return IntakeOut.of(
        services.decide(by=actor(request), at=clock.now(), intake_id=intake_id, **body.dict())
    )


@router.post("/imports/{uuid:intake_id}/cancel", response=IntakeOut)
@idempotent
def cancel_import(request: HttpRequest, intake_id: UUID) -> IntakeOut:
    """Give an import up."""
    return IntakeOut.of(services.cancel(by=actor(request), at=clock.now(), intake_id=intake_id))


@router.get("/projects/{uuid:project_id}/proposals", response=Page[ProposalOut])
def proposal_list(
    request: HttpRequest, project_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[ProposalOut]:
    """The starting points of a project's items, newest first."""
    project = inside(actor(request), project_id)
    found, following = cursor_page(proposals_in(project), cursor=cursor, limit=limit)
    return Page[ProposalOut](items=[ProposalOut.of(row) for row in found], next=following)


@router.get("/storages", response=list[StorageOut])
def storage_list(request: HttpRequest) -> list[Storage]:
    """The buckets that the caller's firm has connected."""
    return list(storages_visible_to(actor(request)))


@router.post("/storages", response={201: StorageOut})
@idempotent
def connect_storage(request: HttpRequest, body: StorageIn) -> Status[Storage]:
    """Connect a bucket that can be read with this key."""
    return Status(201, services.connect(by=actor(request), at=clock.now(), **body.dict()))


@router.post("/storages/{uuid:storage_id}/end", response=StorageOut)
@idempotent
def end_storage(request: HttpRequest, storage_id: UUID) -> Storage:
    """End a bucket's use; its secret is forgotten."""
    return services.disconnect(by=actor(request), at=clock.now(), storage_id=storage_id)


@router.get("/projects/{uuid:project_id}/predictors", response=list[PredictorOut])
def predictor_list(request: HttpRequest, project_id: UUID) -> list[PredictorOut]:
    """The models of a project."""
    return [PredictorOut.of(row) for row in predictors_of(inside(actor(request), project_id))]


@router.post("/projects/{uuid:project_id}/predictors", response={201: PredictorOut})
@idempotent
def add_predictor(request: HttpRequest, project_id: UUID, body: PredictorIn) -> Status[PredictorOut]:
    """Set up a model for a project."""
    made = services.add_predictor(by=actor(request), at=clock.now(), project_id=project_id, **body.dict())
    return Status(201, PredictorOut.of(made))


@router.post("/predictors/{uuid:predictor_id}/run", response=PredictorOut)
@idempotent
def run_predictor(request: HttpRequest, predictor_id: UUID) -> PredictorOut:
    """Let a model learn and propose."""
    return PredictorOut.of(services.start_run(by=actor(request), at=clock.now(), predictor_id=predictor_id))


@router.post("/predictors/{uuid:predictor_id}/state", response=PredictorOut)
@idempotent
def set_predictor_state(request: HttpRequest, predictor_id: UUID, body: StateIn) -> PredictorOut:
    """Take a model out of use, or into use again."""
    return PredictorOut.of(
        services.set_active(
            by=actor(request), at=clock.now(), predictor_id=predictor_id, is_active=body.is_active
        )
    )
