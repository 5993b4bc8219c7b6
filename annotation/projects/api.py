"""JSON of annotation projects, under /api/annotation."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import File, Form, Router, Status
from ninja.files import UploadedFile

from annotation.projects import guidelines, plans, services
from annotation.projects.models import (
    GuidelineExample,
    GuidelineQuestion,
    GuidelineVersion,
    QualityPlan,
)
from annotation.projects.schemas import (
    AnswerIn,
    ExampleIn,
    ExampleOut,
    GuidelineIn,
    GuidelineOut,
    ImportIn,
    ImportOut,
    OpenIn,
    PlanIn,
    PlanOut,
    ProjectIn,
    ProjectOut,
    QuestionOut,
    ReasonIn,
    SendBackIn,
)
from annotation.projects.selectors import (
    answers_of_project,
    examples_of,
    guidelines_of,
    latest_guideline,
    project_for,
    projects_visible_to,
    questions_of,
    sees_inside,
)
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.money import Money

router = Router()


@router.get("/projects", response=Page[ProjectOut])
def project_list(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Page[ProjectOut]:
    """The projects that the caller's organization runs or commissioned, newest first."""
    rows, following = cursor_page(projects_visible_to(actor(request)), cursor=cursor, limit=limit)
    return Page[ProjectOut](items=[ProjectOut.of(row) for row in rows], next=following)


@router.post("/projects", response={201: ProjectOut})
@idempotent
def create_project(request: HttpRequest, body: ProjectIn) -> Status[ProjectOut]:
    """A new draft of the caller's firm."""
    terms = body.dict()
    price, hourly = Money(terms.pop("task_price_fen")), terms.pop("hourly_rate_fen")
    project = services.create_project(
        by=actor(request),
        at=clock.now(),
        task_price=price,
        hourly_rate=Money(hourly) if hourly else None,
        **terms,
    )
    return Status(201, ProjectOut.of(project))


@router.get("/projects/{uuid:project_id}", response=ProjectOut)
def read_project(request: HttpRequest, project_id: UUID) -> ProjectOut:
    """One project."""
    return ProjectOut.of(project_for(actor(request), project_id))


@router.get("/projects/{uuid:project_id}/guidelines", response=list[GuidelineOut])
def guideline_list(request: HttpRequest, project_id: UUID) -> list[GuidelineVersion]:
    """Every guideline version, the newest first."""
    return list(guidelines_of(project_for(actor(request), project_id)))


@router.post("/projects/{uuid:project_id}/guidelines", response={201: GuidelineOut})
@idempotent
def publish_guideline(request: HttpRequest, project_id: UUID, body: GuidelineIn) -> Status[GuidelineVersion]:
    """Publish the next guideline version."""
    return Status(
        201,
        services.publish_guideline(by=actor(request), at=clock.now(), project_id=project_id, **body.dict()),
    )


@router.get("/projects/{uuid:project_id}/quality-plans", response=list[PlanOut])
def plan_list(request: HttpRequest, project_id: UUID) -> list[QualityPlan]:
    """Every version of the quality plan, the newest first; none: one copy, no lease, all reviewed."""
    return list(project_for(actor(request), project_id).quality_plans.order_by("-version"))


@router.post("/projects/{uuid:project_id}/quality-plans", response={201: PlanOut})
@idempotent
def decide_plan(request: HttpRequest, project_id: UUID, body: PlanIn) -> Status[QualityPlan]:
    """Put the next version of the quality plan into force."""
    decided = plans.decide_quality_plan(
        by=actor(request), at=clock.now(), project_id=project_id, **body.dict()
    )
    return Status(201, decided)


@router.get("/projects/{uuid:project_id}/examples", response=list[ExampleOut])
def example_list(request: HttpRequest, project_id: UUID) -> list[GuidelineExample]:
    """The examples of the guideline in force."""
    return examples_of(latest_guideline(project_for(actor(request), project_id)))


@router.post("/projects/{uuid:project_id}/examples", response={201: ExampleOut})
@idempotent
def add_example(request: HttpRequest, project_id: UUID, body: ExampleIn) -> Status[GuidelineExample]:
    """Add a worked example to the guideline in force."""
    made = guidelines.add_example(by=actor(request), at=clock.now(), project_id=project_id, **body.dict())
    return Status(201, made)


@router.get("/projects/{uuid:project_id}/questions", response=list[QuestionOut])
def question_list(request: HttpRequest, project_id: UUID) -> list[GuidelineQuestion]:
    """The questions about the guideline, the newest first; outside the firm the answered ones."""
    viewer = actor(request)
    project = project_for(viewer, project_id)
    return list(questions_of(project)) if sees_inside(viewer, project) else answers_of_project(project)


@router.post("/projects/{uuid:project_id}/questions/{uuid:question_id}/answer", response=QuestionOut)
@idempotent
def answer_question(
    request: HttpRequest, project_id: UUID, question_id: UUID, body: AnswerIn
) -> GuidelineQuestion:
    """Answer a question once, for everybody who works on the project."""
    return guidelines.answer_question(
        by=actor(request),
        at=clock.now(),
        project_id=project_id,
        question_id=question_id,
        answer=body.answer,
    )


@router.post("/projects/{uuid:project_id}/items", response={201: ImportOut})
@idempotent
def import_texts(request: HttpRequest, project_id: UUID, body: ImportIn) -> Status[ImportOut]:
    """Import text items; content that is there already is skipped."""
    raw = [services.RawItem(item.name, item.text.encode(errors="surrogatepass")) for item in body.items]
    outcome = services.import_raw(
        by=actor(request),
        at=clock.now(),
        project_id=project_id,
        raw=raw,
        source=body.source,
        licence=body.licence,
    )
    return Status(201, _imported(outcome))


@router.post("/projects/{uuid:project_id}/files", response={201: ImportOut})
@idempotent
def import_files(
    request: HttpRequest,
    project_id: UUID,
    uploads: File[list[UploadedFile]],
    source: Form[str],
    licence: Form[str],
) -> Status[ImportOut]:
    """Import files (images, or TXT, CSV, JSONL with texts); up to 10 MB in one request."""
    outcome = services.import_files(
        by=actor(request),
        at=clock.now(),
        project_id=project_id,
        files=((one.name or "", one.read()) for one in uploads),
        source=source,
        licence=licence,
    )
    return Status(201, _imported(outcome))


def _imported(outcome: services.ImportOutcome) -> ImportOut:
    return ImportOut(
        batch_id=outcome.batch.pk,
        ordinal=outcome.batch.ordinal,
        added_count=outcome.added_count,
        skipped_count=outcome.skipped_count,
    )


@router.post("/projects/{uuid:project_id}/open", response=ProjectOut)
@idempotent
def open_project(request: HttpRequest, project_id: UUID, body: OpenIn | None = None) -> ProjectOut:
    """Publish a draft: tasks for every item. 409 `pay_below_floor` asks for a reason."""
    return ProjectOut.of(
        services.open_project(
            by=actor(request),
            at=clock.now(),
            project_id=project_id,
            pay_reason=body.pay_reason if body else "",
        )
    )


@router.post("/projects/{uuid:project_id}/deliver", response=ProjectOut)
@idempotent
def deliver_project(request: HttpRequest, project_id: UUID) -> ProjectOut:
    """Hand the finished work over."""
    return ProjectOut.of(services.deliver_project(by=actor(request), at=clock.now(), project_id=project_id))


@router.post("/projects/{uuid:project_id}/accept", response=ProjectOut)
@idempotent
def accept_project(request: HttpRequest, project_id: UUID) -> ProjectOut:
    """Accept a delivered project."""
    return ProjectOut.of(services.accept_project(by=actor(request), at=clock.now(), project_id=project_id))


@router.post("/projects/{uuid:project_id}/send-back", response=ProjectOut)
@idempotent
def send_back(request: HttpRequest, project_id: UUID, body: SendBackIn) -> ProjectOut:
    """Send a delivered project back for rework."""
    return ProjectOut.of(
        services.send_back(
            by=actor(request),
            at=clock.now(),
            project_id=project_id,
            reason=body.reason,
            item_ids=body.item_ids,
        )
    )


@router.post("/projects/{uuid:project_id}/cancel", response=ProjectOut)
@idempotent
def cancel_project(request: HttpRequest, project_id: UUID, body: ReasonIn) -> ProjectOut:
    """Give up a project that nobody has begun to work on."""
    return ProjectOut.of(
        services.cancel_project(by=actor(request), at=clock.now(), project_id=project_id, reason=body.reason)
    )
