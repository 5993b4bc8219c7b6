"""JSON of annotation tasks, under /api/tasks."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from annotation.labelstudio.rules import parse_config
from annotation.projects.selectors import latest_guideline
from annotation.work import services
from annotation.work.models import Review, Submission
from annotation.work.rules import task_fields
from annotation.work.schemas import (
    AssignmentIn,
    ClaimIn,
    ReasonIn,
    ReviewIn,
    ReviewOut,
    SubmissionIn,
    SubmissionOut,
    TaskDetail,
    TaskOut,
)
from annotation.work.selectors import returned_because, submissions_of, task_for, tasks_visible_to
from annotation.work.states import TaskState
from documents import objects
from gateway.api import Page, actor, cursor_page, idempotent, problem
from kernel import clock

router = Router()


@router.get("", response=Page[TaskOut])
def task_list(
    request: HttpRequest,
    project_id: UUID | None = None,
    state: TaskState | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[TaskOut]:
    """The tasks that the caller may see, newest first."""
    rows = tasks_visible_to(actor(request))
    if project_id is not None:
        rows = rows.filter(project=project_id)
    if state is not None:
        rows = rows.filter(state=state)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[TaskOut](items=[TaskOut.of(task) for task in found], next=following)


@router.get("/{uuid:task_id}", response=TaskDetail)
def read_task(request: HttpRequest, task_id: UUID) -> TaskDetail:
    """One task with its data, config and guideline."""
    task = task_for(actor(request), task_id)
    config = parse_config(task.project.labeling_config)
    item = task.item
    address = ""
    if config.objects[0].kind == "image":
        address = objects.signed_link(
            item.object_key, file_name=item.name, media_type=item.media_type, inline=True
        )
    guideline = latest_guideline(task.project)
    return TaskDetail(
        **TaskOut.of(task).dict(),
        data=task_fields(config, item, address),
        labeling_config=config.xml,
        guideline_version=guideline.version if guideline else None,
        returned_because=returned_because(task),
    )


@router.post("/assignments", response={201: list[TaskOut]})
@idempotent
def assign(request: HttpRequest, body: AssignmentIn) -> Status[list[TaskOut]]:
    """Give an annotator of the firm unassigned tasks."""
    tasks = services.assign_tasks(
        by=actor(request),
        at=clock.now(),
        project_id=body.project_id,
        annotator_id=body.annotator_id,
        count=body.count,
    )
    return Status(201, [TaskOut.of(task) for task in tasks])


@router.post("/claims", response={201: TaskOut})
@idempotent
def claim(request: HttpRequest, body: ClaimIn) -> Status[TaskOut]:
    """Take the next task of a project, or get the one in hand."""
    task = services.claim_task(by=actor(request), at=clock.now(), project_id=body.project_id)
    return Status(201, TaskOut.of(task))


@router.get("/{uuid:task_id}/submissions", response=list[SubmissionOut])
def submission_list(request: HttpRequest, task_id: UUID) -> list[Submission]:
    """Every result of the task, the first one first."""
    return list(submissions_of(task_for(actor(request), task_id)))


@router.post("/{uuid:task_id}/submissions", response={201: SubmissionOut})
@idempotent
def submit(request: HttpRequest, task_id: UUID, body: SubmissionIn) -> Status[Submission] | HttpResponse:
    """Submit a Label Studio result; 422 with `problems` (code, region, message) when it is no answer."""
    try:
        return Status(
            201, services.submit(by=actor(request), at=clock.now(), task_id=task_id, result=body.result)
        )
    except services.ResultRefused as refusal:
        found = [{"code": one.code, "region": one.region, "message": one.message} for one in refusal.problems]
        return problem(request, refusal.status, refusal.code, str(refusal), problems=found)


@router.post("/{uuid:task_id}/reviews", response={201: ReviewOut})
@idempotent
def review(request: HttpRequest, task_id: UUID, body: ReviewIn) -> Status[Review]:
    """Accept the submission or return it with a comment."""
    return Status(
        201,
        services.review(
            by=actor(request), at=clock.now(), task_id=task_id, verdict=body.verdict, comment=body.comment
        ),
    )


@router.post("/{uuid:task_id}/resume", response=TaskOut)
@idempotent
def resume(request: HttpRequest, task_id: UUID) -> TaskOut:
    """Take up a returned task again."""
    return TaskOut.of(services.resume(by=actor(request), at=clock.now(), task_id=task_id))


@router.post("/{uuid:task_id}/release", response=TaskOut)
@idempotent
def release(request: HttpRequest, task_id: UUID) -> TaskOut:
    """Put a task in hand back among the unassigned ones."""
    return TaskOut.of(services.release(by=actor(request), at=clock.now(), task_id=task_id))


@router.post("/{uuid:task_id}/skip", response=TaskOut)
@idempotent
def skip(request: HttpRequest, task_id: UUID, body: ReasonIn) -> TaskOut:
    """Give a task up that cannot be labelled."""
    return TaskOut.of(services.skip(by=actor(request), at=clock.now(), task_id=task_id, reason=body.reason))


@router.post("/{uuid:task_id}/dispute", response=TaskOut)
@idempotent
def dispute(request: HttpRequest, task_id: UUID, body: ReasonIn) -> TaskOut:
    """Contest a return."""
    return TaskOut.of(
        services.dispute(by=actor(request), at=clock.now(), task_id=task_id, reason=body.reason)
    )


@router.post("/{uuid:task_id}/reopen", response=TaskOut)
@idempotent
def reopen(request: HttpRequest, task_id: UUID, body: ReasonIn) -> TaskOut:
    """Return an accepted task after a later check."""
    return TaskOut.of(services.reopen(by=actor(request), at=clock.now(), task_id=task_id, reason=body.reason))
