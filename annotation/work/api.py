"""JSON of annotation tasks, under /api/tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status
from ninja.decorators import decorate_view

from annotation.labelstudio.rules import LabelingConfig, parse_config
from annotation.projects.models import GuidelineQuestion
from annotation.projects.schemas import QuestionOut
from annotation.projects.selectors import latest_guideline
from annotation.work import services
from annotation.work.models import Draft, KeptAnswer, Review, Submission, Task
from annotation.work.rules import editor_config, task_fields
from annotation.work.schemas import (
    AssignmentIn,
    ClaimIn,
    DeskOut,
    DraftIn,
    DraftOut,
    KeptAnswerOut,
    NextReviewIn,
    QuestionIn,
    ReasonIn,
    ReviewIn,
    ReviewOut,
    StartOut,
    StatementLineOut,
    SubmissionIn,
    SubmissionOut,
    TaskDetail,
    TaskOut,
    TurnIn,
    TurnOut,
    WageFloorIn,
    WageFloorOut,
)
from annotation.work.selectors import (
    FloorRow,
    StatementLine,
    floors_visible_to,
    judges_blind,
    kept_answers_of,
    next_in_hand,
    returned_because,
    starting_result,
    statement_of,
    submissions_visible_to,
    task_for,
    task_in_hand,
    tasks_visible_to,
)
from annotation.work.shown import moment_of, shown_note
from annotation.work.states import TaskState
from documents import objects
from gateway.api import Page, actor, cursor_page, idempotent, problem
from kernel import clock
from kernel.money import Money

router = Router()
LOST = services.LeaseLost.code.encode()


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


@router.get("/kept-answers", response=Page[KeptAnswerOut])
def kept_answers(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Page[KeptAnswerOut]:
    """The caller's own answers that came too late, newest first."""
    found, following = cursor_page(kept_answers_of(actor(request)), cursor=cursor, limit=limit)
    return Page[KeptAnswerOut](items=[_kept(row) for row in found], next=following)


def _kept(row: KeptAnswer) -> KeptAnswerOut:
    return KeptAnswerOut.model_validate(row, from_attributes=True)


@router.get("/statement", response=list[StatementLineOut])
def statement(request: HttpRequest, first_on: date, until_on: date) -> list[StatementLine]:
    """The firm's work statement over the days from `first_on` (inside) to `until_on` (outside)."""
    return statement_of(actor(request), first_on, until_on)


@router.get("/wage-floors", response=list[WageFloorOut])
def wage_floors(request: HttpRequest) -> list[WageFloorOut]:
    """Every place's wage floors and the caller's firm's own, the latest start first."""
    return [_floor(row) for row in floors_visible_to(actor(request))]


@router.post("/wage-floors", response={201: WageFloorOut})
@idempotent
def set_wage_floor(request: HttpRequest, body: WageFloorIn) -> Status[WageFloorOut]:
    """Set the least that an hour should earn from a day on; nothing is changed, the later row counts."""
    told = body.dict(exclude={"hourly_fen"})
    made = services.set_wage_floor(by=actor(request), at=clock.now(), hourly=Money(body.hourly_fen), **told)
    return Status(201, WageFloorOut.model_validate(made, from_attributes=True))


def _floor(row: FloorRow) -> WageFloorOut:
    floor, setting = row.floor, row.setting
    return WageFloorOut(
        effective_from=floor.effective_from,
        hourly_fen=floor.hourly_fen,
        source=floor.source,
        notice=floor.notice,
        is_assumption=floor.is_assumption,
        place=floor.place,
        set_at=setting.set_at if setting else None,
    )


@router.post("/rework", response=list[TaskOut])
@idempotent
def reopen_touched(request: HttpRequest, body: ClaimIn) -> list[TaskOut]:
    """Return the accepted tasks that a change of the project's guideline touches to their annotators."""
    tasks = services.reopen_touched(by=actor(request), at=clock.now(), project_id=body.project_id)
    return [TaskOut.of(task) for task in tasks]


@router.get("/{uuid:task_id}", response=TaskDetail)
def read_task(request: HttpRequest, task_id: UUID) -> TaskDetail:
    """One task with its data, config and guideline."""
    viewer = actor(request)
    task = task_for(viewer, task_id)
    config = parse_config(task.project.labeling_config)
    guideline = latest_guideline(task.project)
    return TaskDetail(
        **TaskOut.of(task).dict(),
        data=_fields(config, task),
        labeling_config=config.xml,
        guideline_version=guideline.version if guideline else None,
        returned_because="" if judges_blind(viewer, task) else returned_because(task),
        shown=shown_note(viewer, task.pk),
    )


def _fields(config: LabelingConfig, task: Task) -> dict[str, str]:
    item, address = task.item, ""
    if config.objects[0].kind == "image":
        address = objects.signed_link(
            item.object_key, file_name=item.name, media_type=item.media_type, inline=True
        )
    return task_fields(config, item, address)


def _desk(task: Task, shown: str) -> DeskOut:
    """A task in hand as the labelling page's script needs it; `shown`: the note of this showing."""
    config = parse_config(task.project.labeling_config)
    return DeskOut(
        id=task.pk,
        ordinal=task.item.ordinal,
        state=task.state,
        data=_fields(config, task),
        labeling_config=editor_config(config.xml),
        returned_because=returned_because(task),
        attempt=task.attempt,
        lease_ends_at=task.lease_ends_at,
        shown=shown,
        start=StartOut.model_validate(starting_result(task), from_attributes=True),
    )


@router.get("/{uuid:task_id}/desk", response=DeskOut)
def read_desk(request: HttpRequest, task_id: UUID) -> DeskOut:
    """A task in the caller's own hand with what to begin with."""
    viewer = actor(request)
    return _desk(task_in_hand(viewer, task_id), shown_note(viewer, task_id))


@router.get("/{uuid:task_id}/following", response=DeskOut | None)
def read_following(request: HttpRequest, task_id: UUID) -> DeskOut | None:
    """The task that comes after this one among those in the caller's hand, not shown yet; null when none is."""
    viewer = actor(request)
    task = task_in_hand(viewer, task_id)
    following = next_in_hand(viewer, task.project_id, after=task)
    return _desk(following, "") if following else None


@router.put("/{uuid:task_id}/draft", response=DraftOut)
def save_draft(request: HttpRequest, task_id: UUID, body: DraftIn) -> Draft | HttpResponse:
    """Keep unfinished work; 409 with `draft` when it was saved from elsewhere since."""
    try:
        return services.save_draft(
            by=actor(request), at=clock.now(), task_id=task_id, result=body.result, revision=body.revision
        )
    except services.StaleDraft as refusal:
        kept = DraftOut.from_orm(refusal.draft).model_dump(mode="json") if refusal.draft else None
        return problem(request, refusal.status, refusal.code, str(refusal), field="revision", draft=kept)


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
    """The results of the task that the caller may read, the first one first; others' only when not blind."""
    viewer = actor(request)
    return list(submissions_visible_to(viewer, task_for(viewer, task_id)))


def _keeping(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep an answer that came too late: the refusal undid everything that the request had written."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code == services.LeaseLost.status and LOST in response.content:
            result = json.loads(request.body)["result"]
            services.keep_answer(by=actor(request), at=clock.now(), task_id=kwargs["task_id"], result=result)
        return response

    return answered


@router.post("/{uuid:task_id}/submissions", response={201: SubmissionOut})
@decorate_view(_keeping)
@idempotent
def submit(request: HttpRequest, task_id: UUID, body: SubmissionIn) -> Status[Submission] | HttpResponse:
    """Submit a Label Studio result; 422 with `problems` (code, region, message) when it is no answer.

    409 `lease_lost` when the time was over and somebody else has the task; the answer is kept then.
    """
    by = actor(request)
    try:
        return Status(
            201,
            services.submit(
                by=by,
                at=clock.now(),
                task_id=task_id,
                result=body.result,
                shown_at=moment_of(by, task_id, body.shown),
            ),
        )
    except services.ResultRefused as refusal:
        return _result_problem(request, refusal)


def _result_problem(request: HttpRequest, refusal: services.ResultRefused) -> HttpResponse:
    found = [{"code": one.code, "region": one.region, "message": one.message} for one in refusal.problems]
    return problem(request, refusal.status, refusal.code, str(refusal), problems=found)


@router.post("/{uuid:task_id}/turn", response={201: TurnOut})
@decorate_view(_keeping)
@idempotent
def turn(request: HttpRequest, task_id: UUID, body: TurnIn) -> Status[TurnOut] | HttpResponse:
    """Submit a result and get the next task of the project in the same answer."""
    viewer, now = actor(request), clock.now()
    try:
        submission = services.submit(
            by=viewer,
            at=now,
            task_id=task_id,
            result=body.result,
            shown_at=moment_of(viewer, task_id, body.shown),
        )
    except services.ResultRefused as refusal:
        return _result_problem(request, refusal)
    following = None
    if body.is_going_on:
        following = services.take_following(by=viewer, at=now, project_id=submission.task.project_id)
    desk = _desk(following, shown_note(viewer, following.pk)) if following else None
    return Status(201, TurnOut(submission_id=submission.pk, following=desk))


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


@router.post("/reviews/next", response=TaskOut)
@idempotent
def take_next(request: HttpRequest, body: NextReviewIn) -> TaskOut:
    """Take the oldest submission that waits for the caller's review."""
    return TaskOut.of(services.take_next(by=actor(request), at=clock.now(), project_id=body.project_id))


@router.post("/{uuid:task_id}/take", response=TaskOut)
@idempotent
def take(request: HttpRequest, task_id: UUID) -> TaskOut:
    """Take a submission, so that nobody else reviews it meanwhile."""
    return TaskOut.of(services.take(by=actor(request), at=clock.now(), task_id=task_id))


@router.post("/{uuid:task_id}/put-back", response=TaskOut)
@idempotent
def put_back(request: HttpRequest, task_id: UUID) -> TaskOut:
    """Put a taken submission back into the queue."""
    return TaskOut.of(services.put_back(by=actor(request), at=clock.now(), task_id=task_id))


@router.post("/{uuid:task_id}/extend", response=TaskOut)
@idempotent
def extend(request: HttpRequest, task_id: UUID) -> TaskOut:
    """A sign of work: the lease of a task in hand runs on."""
    return TaskOut.of(services.extend(by=actor(request), at=clock.now(), task_id=task_id))


@router.post("/{uuid:task_id}/questions", response={201: QuestionOut})
@idempotent
def ask(request: HttpRequest, task_id: UUID, body: QuestionIn) -> Status[GuidelineQuestion]:
    """Ask about the guideline at this task."""
    return Status(
        201, services.ask(by=actor(request), at=clock.now(), task_id=task_id, question=body.question)
    )


@router.post("/{uuid:task_id}/reassign", response=TaskOut)
@idempotent
def reassign(request: HttpRequest, task_id: UUID, body: ReasonIn) -> TaskOut:
    """Give a returned task to somebody else, with the reason."""
    return TaskOut.of(
        services.reassign(by=actor(request), at=clock.now(), task_id=task_id, reason=body.reason)
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
