"""Reading tasks, submissions and the figures of a project, each time for one viewer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.intake.predicting import Example
from annotation.intake.selectors import proposal_for
from annotation.labelstudio.kinds import labels_given
from annotation.projects.models import GuidelineVersion, Project
from annotation.projects.permissions import ACCEPT, RUN, VIEW
from annotation.projects.selectors import plans_naming_reviewers, plans_reviewed_by, projects_visible_to
from annotation.projects.states import ProjectState
from annotation.work.models import Draft, Handback, KeptAnswer, Review, Submission, Task, WageSetting
from annotation.work.permissions import ASSIGN, FLOOR_VIEW, LABEL, LABELLERS, REVIEW, STATEMENT
from annotation.work.rules import hourly_earning
from annotation.work.states import BARRING, HandbackCause, TaskState, Verdict
from annotation.work.wages import WageFloor, floor_on, shipped_floors
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from kernel.models import Transition
from organizations.models import Membership, Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from web.desk import Figure, Todo

IN_HAND = (TaskState.ASSIGNED, TaskState.RETURNED)
FOR_REVIEW = (TaskState.SUBMITTED, TaskState.IN_REVIEW, TaskState.DISPUTED)
FINISHED = (TaskState.ACCEPTED, TaskState.SKIPPED)
JUDGED = (*FOR_REVIEW, TaskState.ACCEPTED, TaskState.RETURNED)
HANDED_OVER = (ProjectState.DELIVERED, ProjectState.ACCEPTED, ProjectState.CLOSED)
PILOT_LEAST = 10  # timed tasks before their median says anything
WORKABLE = (ProjectState.OPEN, ProjectState.IN_PROGRESS)


def tasks_visible_to(viewer: Actor) -> QuerySet[Task]:
    """An annotator's own tasks; all of the firm's for those who run or review; accepted ones for the client.

    The client sees results once the project was handed over; auditors see everything. Reviewers whose
    organization reviews under a project's plan see what was submitted there, and nothing else of that firm.
    """
    rows = Task.objects.select_related("project", "project__firm", "item", "annotator")
    if viewer.is_system:
        return rows
    allowed = Q(pk__in=[])
    if viewer.can(LABEL):
        allowed |= Q(annotator=viewer.user_id, project__firm=viewer.organization_id)
    if viewer.can(VIEW):
        if OrganizationKind.AUDITOR in viewer.kinds:
            return rows
        allowed |= Q(project__firm=viewer.organization_id)
        if viewer.can(REVIEW):
            allowed |= Q(project__in=plans_reviewed_by(viewer.organization_id).values("project")) & Q(
                state__in=JUDGED
            )
        allowed |= Q(
            project__client=viewer.organization_id, project__state__in=HANDED_OVER, state=TaskState.ACCEPTED
        )
    return rows.filter(allowed)


def task_for(viewer: Actor, task_id: UUID) -> Task:
    """One task; NotFound when the viewer may not see it."""
    found = tasks_visible_to(viewer).filter(pk=task_id).first()
    if found is None:
        raise NotFound
    return found


def submissions_of(task: Task) -> QuerySet[Submission]:
    """Every result of the task, the first one first, with its reviews."""
    rows = task.submissions.select_related("annotator", "guideline").prefetch_related("reviews__reviewer")
    return rows.order_by("ordinal")


def submissions_visible_to(viewer: Actor, task: Task) -> QuerySet[Submission]:
    """The results of a visible task that the viewer may read, the first one first.

    Blind: while a copy of the item is open, others' results are read only by who leads or reviews the work and
    holds no open copy. Annotators read their own, whatever they once were given.
    """
    rows = submissions_of(task)
    if viewer.is_system or OrganizationKind.AUDITOR in viewer.kinds:
        return rows
    mine = rows.filter(annotator=viewer.user_id)
    copies = Task.objects.filter(item=task.item_id).exclude(state__in=FINISHED)
    is_inside = any(viewer.can(right) for right in (RUN, ASSIGN, REVIEW))
    if is_inside and not viewer.belongs_to(task.project.client_id):
        return mine if copies.filter(annotator=viewer.user_id).exists() else rows
    return rows if viewer.can(VIEW) and not copies.exists() else mine


def judges_blind(viewer: Actor, task: Task) -> bool:
    """Whether the viewer may settle this dispute and so is not told the contested verdict, by whom or why."""
    return task.state == TaskState.DISPUTED and review_queue(viewer).filter(pk=task.pk).exists()


def latest_submission(task: Task) -> Submission | None:
    """The result that counts now: its present annotator's, so that who takes a task over starts afresh."""
    return task.submissions.filter(annotator=task.annotator_id).order_by("-ordinal").first()


@dataclass(frozen=True, slots=True)
class Start:
    """What a labelling page begins with; `origin`: draft, submission, proposal or nothing.

    `revision` is what the next save of the draft builds on.
    """

    result: list[dict[str, Any]]
    origin: str = ""
    revision: int = 0
    saved_at: datetime | None = None


def starting_result(task: Task) -> Start:
    """The holder's draft; else what was submitted before; else a proposal; else nothing."""
    draft = Draft.objects.filter(task=task, by=task.annotator_id).first()
    if draft is not None:
        return Start(draft.result, "draft", draft.revision, draft.saved_at)
    former = latest_submission(task)
    if former is not None:
        return Start(former.result, "submission")
    proposal = proposal_for(task.item)
    return Start(proposal.result, "proposal") if proposal else Start([])


def history_of(task: Task) -> QuerySet[Transition]:
    """The task's moves, oldest first."""
    return Transition.objects.filter(machine="annotation_task", subject_id=task.pk).order_by("at", "pk")


BLIND_MOVES = ("return", "take", "put_back", "pass_on")


def history_visible_to(viewer: Actor, task: Task) -> QuerySet[Transition]:
    """The task's moves, oldest first; without those that tell the contested verdict to who judges it anew."""
    rows = history_of(task)
    return rows.exclude(move__in=BLIND_MOVES) if judges_blind(viewer, task) else rows


def returned_because(task: Task) -> str:
    """Why the task came back to its present annotator; empty unless it is returned or was taken up again."""
    moves = history_of(task).filter(move__in=["return", "reopen"])
    move = moves.filter(at__gte=task.assigned_at).last() if task.assigned_at else None
    return move.reason if move and task.state in (*IN_HAND, TaskState.DISPUTED) else ""


def my_tasks(viewer: Actor) -> QuerySet[Task]:
    """The annotator's own tasks in the present organization."""
    if viewer.user_id is None or not viewer.can(LABEL):
        return Task.objects.none()
    rows = Task.objects.select_related("project", "item")
    return rows.filter(annotator=viewer.user_id, project__firm=viewer.organization_id)


def lapsed_from(viewer: Actor, task_id: UUID) -> Task | None:
    """The task that the viewer once had and lost because its time ran out; None when there was none."""
    lapsed = Handback.objects.filter(
        task=OuterRef("pk"), annotator=viewer.user_id, cause=HandbackCause.LAPSED
    )
    rows = Task.objects.select_related("project", "item").filter(Exists(lapsed), pk=task_id)
    return rows.filter(project__firm=viewer.organization_id).first() if viewer.user_id else None


def handbacks_of(viewer: Actor) -> QuerySet[Handback]:
    """What left the viewer's own hand without counting, newest first, with the reason."""
    rows = Handback.objects.select_related("task__project", "item")
    mine = rows.filter(annotator=viewer.user_id, task__project__firm=viewer.organization_id)
    return mine.order_by("-handed_back_at", "-pk") if viewer.user_id else rows.none()


def kept_answers_of(viewer: Actor) -> QuerySet[KeptAnswer]:
    """The viewer's own answers that came too late, newest first."""
    rows = KeptAnswer.objects.select_related("task__project", "task__item")
    mine = rows.filter(annotator=viewer.user_id, task__project__firm=viewer.organization_id)
    return mine.order_by("-kept_at", "-pk") if viewer.user_id else rows.none()


def next_in_hand(viewer: Actor, project_id: UUID, after: Task | None = None) -> Task | None:
    """The annotator's next unfinished task of a project: what came back first, then the oldest."""
    rows = my_tasks(viewer).filter(project=project_id, state__in=IN_HAND)
    if after is not None:
        rows = rows.exclude(pk=after.pk)
    return rows.order_by("-state", "pk").first()


def may_be_given(user: User) -> QuerySet[Task]:
    """The tasks whose item this person neither holds, nor reviewed, nor gave up for good: blind and fresh."""
    here = OuterRef("item")
    return Task.objects.filter(
        ~Exists(Task.objects.filter(item=here, annotator=user)),
        ~Exists(Handback.objects.filter(item=here, annotator=user, cause__in=BARRING)),
        ~Exists(Review.objects.filter(submission__task__item=here, reviewer=user)),
    )


def task_in_hand(viewer: Actor, task_id: UUID) -> Task:
    """A task that the viewer works on now; NotFound for any other."""
    rows = my_tasks(viewer).filter(state__in=IN_HAND, project__state__in=WORKABLE)
    found = rows.filter(pk=task_id).first()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Offer:
    """A project with tasks that an annotator may claim."""

    project: Project
    ready_count: int


def offers_for(viewer: Actor) -> list[Offer]:
    """The firm's projects with unassigned tasks, the nearest deadline first; no content is shown."""
    if not viewer.can(LABEL) or viewer.user is None:
        return []
    ready = may_be_given(viewer.user).filter(
        project__firm=viewer.organization_id, project__state__in=WORKABLE, state=TaskState.READY
    )
    counts = dict(ready.order_by().values_list("project").annotate(n=Count("item", distinct=True)))
    rows = Project.objects.filter(pk__in=counts).order_by("due_on", "pk")
    return [Offer(project, counts[project.pk]) for project in rows]


def review_queue(viewer: Actor) -> QuerySet[Task]:
    """What waits for the viewer's review, by the organization that the project's plan names.

    Never an item of which the viewer labelled a copy, nor a submission the viewer judged before (a dispute, the
    second level), nor one that another reviewer has taken.
    """
    rows = Task.objects.select_related("project", "item", "annotator")
    if not viewer.can(REVIEW):
        return rows.none()
    here = viewer.organization_id
    elsewhere = plans_naming_reviewers().exclude(review_firm=here).values("project")
    own = Q(project__firm=here) & ~Q(project__in=elsewhere)
    waiting = rows.filter(
        own | Q(project__in=plans_reviewed_by(here).values("project")), state__in=FOR_REVIEW
    )
    labelled = Submission.objects.filter(task__item=OuterRef("item"), annotator=viewer.user_id)
    judged = Review.objects.filter(
        submission__task=OuterRef("pk"), submission__annotator=OuterRef("annotator"), reviewer=viewer.user_id
    )
    waiting = waiting.filter(~Exists(labelled))
    waiting = waiting.filter(~Q(state=TaskState.DISPUTED) & ~Q(review_level=2) | ~Exists(judged))
    waiting = waiting.filter(~Q(state=TaskState.IN_REVIEW) | Q(reviewer=viewer.user_id))
    return waiting.annotate(submitted_at=Max("submissions__submitted_at"))


def annotators_of(firm_id: UUID | None) -> list[User]:
    """The firm's people who may be given tasks."""
    members = Membership.objects.filter(
        organization=firm_id, ended_at=None, roles__overlap=[role.value for role in LABELLERS]
    )
    return [member.user for member in members.select_related("user").order_by("user__name", "pk")]


def firm_annotator(firm_id: UUID, user_id: UUID) -> User | None:
    """That person, if the firm may give them tasks."""
    return next((user for user in annotators_of(firm_id) if user.pk == user_id), None)


# --- figures of one project -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """How many tasks of a project stand where; `payable_fen` is what its accepted tasks pay."""

    by_state: Mapping[str, int]
    payable_fen: int
    accepted_per_day: Mapping[date, int]
    verdicts: Mapping[str, int]

    def count(self, *states: str) -> int:
        return sum(self.by_state.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        return sum(self.by_state.values())

    @property
    def accepted(self) -> int:
        return self.count(TaskState.ACCEPTED)

    @property
    def unfinished(self) -> int:
        return self.total - self.count(*FINISHED)

    @property
    def reviewed(self) -> int:
        return sum(self.verdicts.values())

    @property
    def passed(self) -> int:
        return self.verdicts.get(Verdict.ACCEPT, 0)


def progress_of(project: Project) -> Progress:
    """The project's figures in three queries."""
    states = project.tasks.order_by().values("state").annotate(n=Count("pk"), fen=Sum("price_fen"))
    rows = list(states)
    days = (
        project.tasks.filter(state=TaskState.ACCEPTED)
        .order_by()
        .values(day=TruncDate("accepted_at", tzinfo=clock.SHANGHAI))
        .annotate(n=Count("pk"))
    )
    verdicts = Review.objects.filter(submission__task__project=project).order_by().values("verdict")
    return Progress(
        by_state={row["state"]: row["n"] for row in rows},
        payable_fen=sum(row["fen"] for row in rows if row["state"] == TaskState.ACCEPTED),
        accepted_per_day={row["day"]: row["n"] for row in days},
        verdicts={row["verdict"]: row["n"] for row in verdicts.annotate(n=Count("pk"))},
    )


@dataclass(slots=True)
class MemberRow:
    """One annotator's share in a project; `recent` counts submissions of the latest seven days."""

    user: User
    in_hand: int = 0
    waiting: int = 0
    accepted: int = 0
    payable_fen: int = 0
    passed: int = 0
    reviewed: int = 0
    recent: list[int] = field(default_factory=lambda: [0] * 7)


def members_of(project: Project, today: date) -> list[MemberRow]:
    """Everyone who has tasks in the project, most accepted first; four queries whatever the size."""
    tasks = project.tasks.exclude(annotator=None).order_by().values("annotator", "state")
    grouped: Iterable[dict[str, Any]] = tasks.annotate(n=Count("pk"), fen=Sum("price_fen"))
    found: dict[UUID, MemberRow] = {}
    counted: list[dict[str, Any]] = list(grouped)
    users = User.objects.in_bulk({row["annotator"] for row in counted})
    for row in counted:
        member = found.setdefault(row["annotator"], MemberRow(users[row["annotator"]]))
        if row["state"] == TaskState.ACCEPTED:
            member.accepted, member.payable_fen = row["n"], row["fen"]
        elif row["state"] in IN_HAND:
            member.in_hand += row["n"]
        elif row["state"] in FOR_REVIEW:
            member.waiting += row["n"]
    reviews = Review.objects.filter(submission__task__project=project).order_by()
    for line in reviews.values("submission__annotator", "verdict").annotate(n=Count("pk")):
        if judged := found.get(line["submission__annotator"]):
            judged.reviewed += line["n"]
            judged.passed += line["n"] if line["verdict"] == Verdict.ACCEPT else 0
    since = clock.start_of(today - timedelta(days=6))
    recent = Submission.objects.filter(task__project=project, submitted_at__gte=since).order_by()
    days = recent.values("annotator", day=TruncDate("submitted_at", tzinfo=clock.SHANGHAI))
    for line in days.annotate(n=Count("pk")):
        place = 6 - (today - line["day"]).days
        if (worker := found.get(line["annotator"])) and 0 <= place <= 6:
            worker.recent[place] = line["n"]
    return sorted(found.values(), key=lambda member: (-member.accepted, str(member.user)))


@dataclass(frozen=True, slots=True)
class Pace:
    """Median seconds of a task by the server's clock, over so many tasks."""

    seconds: int
    task_count: int

    @property
    def minutes(self) -> str:
        """Minutes and seconds, as 1:05."""
        return f"{self.seconds // 60}:{self.seconds % 60:02d}"


_PACES = """
SELECT annotator_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds), count(*)
FROM (
    SELECT s.task_id, s.annotator_id, sum(s.work_seconds) AS seconds
    FROM work_submission s JOIN work_task t ON t.id = s.task_id AND t.annotator_id = s.annotator_id
    WHERE t.project_id = ANY(%s) GROUP BY s.task_id, s.annotator_id HAVING sum(s.work_seconds) > 0
) tasks GROUP BY GROUPING SETS ((annotator_id), ())
"""


_OWN_PACES = """
SELECT project_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds), count(*)
FROM (
    SELECT t.project_id, s.task_id, sum(s.work_seconds) AS seconds
    FROM work_submission s JOIN work_task t ON t.id = s.task_id AND t.annotator_id = s.annotator_id
    WHERE t.project_id = ANY(%s) AND s.annotator_id = %s
    GROUP BY t.project_id, s.task_id HAVING sum(s.work_seconds) > 0
) tasks GROUP BY project_id ORDER BY project_id
"""


def paces_of(project_ids: Sequence[UUID]) -> dict[UUID | None, Pace]:
    """Median time of a task for each annotator of the projects together, and for all of them under None."""
    with connection.cursor() as cursor:
        cursor.execute(_PACES, [list(project_ids)])
        return {user: Pace(int(seconds), count) for user, seconds, count in cursor.fetchall() if count}


def my_paces(viewer: Actor) -> list[tuple[Project, Pace]]:
    """The annotator's own median time of a task in each project that has work for them; two queries."""
    if viewer.user_id is None:
        return []
    rows = my_tasks(viewer).filter(project__state__in=WORKABLE).order_by().select_related(None)
    projects = Project.objects.filter(pk__in=rows.values("project")).in_bulk()
    with connection.cursor() as cursor:
        cursor.execute(_OWN_PACES, [list(projects), viewer.user_id])
        return [(projects[key], Pace(int(seconds), count)) for key, seconds, count in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Pilot:
    """What timed tasks under a project's config say of the hour at this project's pay."""

    task_count: int
    median_seconds: int
    hourly_fen: int
    floor: WageFloor

    @property
    def is_below(self) -> bool:
        return self.hourly_fen < self.floor.hourly_fen


def pilot_of(project: Project, today: date) -> Pilot | None:
    """The firm's timed tasks under the same config, this project's included; None with fewer than PILOT_LEAST."""
    same = Project.objects.filter(firm=project.firm_id, labeling_config=project.labeling_config)
    pace = paces_of(list(same.values_list("pk", flat=True))).get(None)
    if pace is None or pace.task_count < PILOT_LEAST:
        return None
    hourly = hourly_earning(project.task_price_fen, project.hourly_rate_fen, pace.seconds)
    return Pilot(pace.task_count, pace.seconds, hourly, floor_for(project.firm, today))


def _as_floor(row: WageSetting) -> WageFloor:
    return WageFloor(row.effective_from, row.hourly_fen, row.source, row.is_assumption, row.notice, row.place)


def floor_for(firm: Organization, today: date) -> WageFloor:
    """The floor in force for a firm: that of the place where it is registered, or its own where that is higher."""
    rows = list(WageSetting.objects.filter(Q(firm=firm) | Q(firm=None)).order_by("set_at", "pk"))
    place = floor_on(
        today, firm.registered_place, more=[_as_floor(row) for row in rows if row.firm_id is None]
    )
    own = [_as_floor(row) for row in rows if row.firm_id is not None and row.effective_from <= today]
    newest = max(own, key=lambda floor: floor.effective_from, default=None)
    latest = [floor for floor in own if newest and floor.effective_from == newest.effective_from][-1:]
    return next((floor for floor in latest if floor.hourly_fen > place.hourly_fen), place)


@dataclass(frozen=True, slots=True)
class FloorRow:
    """A wage floor as it is listed; `setting` is None for one that comes with the product."""

    floor: WageFloor
    setting: WageSetting | None


def floors_visible_to(viewer: Actor) -> list[FloorRow]:
    """Every place's floors and, for a firm, its own, the latest start first; one query."""
    viewer.require(FLOOR_VIEW)
    rows = WageSetting.objects.filter(Q(firm=viewer.organization_id) | Q(firm=None)).select_related("set_by")
    found = [FloorRow(floor, None) for floor in shipped_floors()]
    found += [FloorRow(_as_floor(row), row) for row in rows.order_by("set_at", "pk")]
    return sorted(found, key=lambda row: row.floor.effective_from, reverse=True)


def latest_change(project: Project) -> GuidelineVersion | None:
    """The newest guideline version that says who pays for rework; None when none does."""
    return project.guidelines.exclude(rework_payer="").order_by("-version").first()


def touched_tasks(project: Project) -> dict[UUID, list[str]]:
    """The accepted tasks that a later change of the guideline touches, each with the labels by which it does.

    A change is a version that says who pays for rework. It touches results under older versions that use one of
    its labels, or all of them (no label told then) when it names none.
    """
    changes = list(project.guidelines.exclude(rework_payer="").values_list("version", "touched_labels"))
    if not changes:
        return {}
    later = Submission.objects.filter(task=OuterRef("task"), ordinal__gt=OuterRef("ordinal"))
    rows = Submission.objects.filter(
        ~Exists(later),
        task__project=project,
        task__state=TaskState.ACCEPTED,
        guideline__version__lt=max(version for version, _labels in changes),
    ).order_by("task_id")
    found: dict[UUID, list[str]] = {}
    for task_id, under, result in rows.values_list("task_id", "guideline__version", "result").iterator(2_000):
        newer = [labels for version, labels in changes if version > under]
        used = {label for region in result for label in labels_given(region)}
        hit = sorted(used.intersection(set[str]().union(*newer)))
        if hit or not all(newer):
            found[task_id] = hit
    return found


@dataclass(frozen=True, slots=True)
class PayUnderWay:
    """An annotator's pay that is not owed yet: `held_fen` waits for review, `earned_fen` for the acceptance.

    By the hour, what waits for review is the most it can be.
    """

    held_fen: int
    held_count: int
    earned_fen: int
    earned_count: int


def pay_under_way(viewer: Actor) -> PayUnderWay:
    """The viewer's own pay before it is owed, over all firms worked for."""
    own = Task.objects.filter(annotator=viewer.user_id)
    held = Q(state__in=FOR_REVIEW)
    earned = Q(state=TaskState.ACCEPTED) & ~Q(project__state__in=[ProjectState.ACCEPTED, ProjectState.CLOSED])
    found = own.aggregate(
        held=Sum("price_fen", filter=held),
        held_count=Count("pk", filter=held),
        earned=Sum("price_fen", filter=earned),
        earned_count=Count("pk", filter=earned),
    )
    return PayUnderWay(
        int(found["held"] or 0), found["held_count"], int(found["earned"] or 0), found["earned_count"]
    )


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What one annotator did in one project in a period: accepted tasks, time, pay, and rework by who bears it."""

    annotator: str
    project_number: str
    project_title: str
    task_count: int
    seconds: int
    amount_fen: int
    rework_firm_fen: int
    rework_client_fen: int

    @property
    def hours(self) -> str:
        """Hours with two decimals, rounded down."""
        hundredths = self.seconds // 36
        return f"{hundredths // 100}.{hundredths % 100:02d}"


_STATEMENT = """
SELECT u.name, p.number, p.title, count(*), coalesce(sum(w.seconds), 0), sum(t.price_fen),
       coalesce(sum(r.firm_fen), 0), coalesce(sum(r.client_fen), 0)
FROM work_task t
JOIN projects_project p ON p.id = t.project_id
JOIN accounts_user u ON u.id = t.annotator_id
LEFT JOIN LATERAL (
    SELECT sum(s.work_seconds) AS seconds FROM work_submission s
    WHERE s.task_id = t.id AND s.annotator_id = t.annotator_id
) w ON true
LEFT JOIN LATERAL (
    SELECT sum(amount_fen) FILTER (WHERE payer = 'firm') AS firm_fen,
           sum(amount_fen) FILTER (WHERE payer = 'client') AS client_fen
    FROM work_reworkpay WHERE task_id = t.id
) r ON true
WHERE t.state = 'accepted' AND p.firm_id = %s AND t.accepted_at >= %s AND t.accepted_at < %s
GROUP BY u.id, u.name, p.id, p.number, p.title ORDER BY u.name, u.id, p.number
"""


def statement_of(viewer: Actor, first: date, until: date) -> list[StatementLine]:
    """The firm's work statement over the days from `first` (inside) to `until` (outside), by day of acceptance."""
    viewer.require(STATEMENT)
    if not date(2000, 1, 1) <= first < until <= date(2100, 1, 1):
        raise InvalidInput(field="first_on", reason=_("请填写 2000 年至 2099 年间的起止日期，先起后止。"))
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, [viewer.organization_id, clock.start_of(first), clock.start_of(until)])
        return [StatementLine(*row[:3], *(int(number) for number in row[3:])) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class ReviewerRow:
    """One reviewer's verdicts in a project, and what became of those that were contested."""

    user: User
    reviewed: int
    returned: int
    overturned: int
    upheld: int


def reviewers_of(project: Project) -> list[ReviewerRow]:
    """Everyone who reviewed in the project, most verdicts first; two queries whatever the size."""
    rows = Review.objects.filter(submission__task__project=project).order_by().values("reviewer")
    counted: list[dict[str, Any]] = list(
        rows.annotate(
            n=Count("pk"),
            returned=Count("pk", filter=Q(verdict=Verdict.RETURN)),
            overturned=Count("pk", filter=Q(settled_by__verdict=Verdict.ACCEPT)),
            upheld=Count("pk", filter=Q(settled_by__verdict=Verdict.RETURN)),
        )
    )
    users = User.objects.in_bulk([row["reviewer"] for row in counted])
    found = [
        ReviewerRow(users[row["reviewer"]], row["n"], row["returned"], row["overturned"], row["upheld"])
        for row in counted
    ]
    return sorted(found, key=lambda row: (-row.reviewed, str(row.user)))


def label_counts(project: Project) -> list[tuple[str, int]]:
    """How often each label stands in the accepted results, the most frequent first."""
    newest = project.tasks.filter(state=TaskState.ACCEPTED).annotate(top=Max("submissions__ordinal"))
    wanted = dict(newest.values_list("pk", "top"))
    rows = Submission.objects.filter(task__project=project, task__state=TaskState.ACCEPTED)
    counts: defaultdict[str, int] = defaultdict(int)
    for task_id, ordinal, result in rows.values_list("task_id", "ordinal", "result").iterator(2_000):
        if wanted.get(task_id) != ordinal:
            continue
        for region in result:
            for label in labels_given(region):
                counts[label] += 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


# --- what models are told ---------------------------------------------------------------------------


def accepted_examples(project_id: UUID, most: int) -> Iterator[Example]:
    """The accepted results of a project with their texts, the newest first."""
    rows = Submission.objects.filter(task__project=project_id, task__state=TaskState.ACCEPTED)
    newest = rows.order_by("task", "-ordinal").distinct("task").values("pk")
    chosen = Submission.objects.filter(pk__in=newest).order_by("-task__accepted_at", "-pk")[:most]
    for item_id, text, result in chosen.values_list("task__item", "task__item__text", "result"):
        yield Example(item_id, text, result)


def accepted_count(project_id: UUID) -> int:
    """How many tasks of a project are accepted."""
    return Task.objects.filter(project=project_id, state=TaskState.ACCEPTED).count()


def waiting_items(project_id: UUID) -> Iterator[UUID]:
    """The items of a project that have a task which nobody holds, in their order."""
    rows = Task.objects.filter(project=project_id, state=TaskState.READY).order_by("item__ordinal", "copy")
    return iter(dict.fromkeys(rows.values_list("item", flat=True)))


# --- the desk -------------------------------------------------------------------------------------


def todos(viewer: Actor) -> list[Todo]:
    """What waits for the viewer in annotation: own tasks, reviews, hand-outs, deliveries, acceptance."""
    found: list[Todo] = []
    if viewer.organization_id is None or viewer.user_id is None:
        return found
    if viewer.can(LABEL):
        found += _own_todos(viewer)
    if viewer.can(REVIEW):
        found += _review_todos(viewer)
    if viewer.can(RUN) or viewer.can(ASSIGN):
        found += _lead_todos(viewer)
    if viewer.can(ACCEPT):
        found += _acceptance_todos(viewer)
    return found


def _own_todos(viewer: Actor) -> list[Todo]:
    rows = my_tasks(viewer).filter(state__in=IN_HAND).order_by().select_related(None)
    counts = rows.values("project__title", "project__due_on", "state").annotate(n=Count("pk"))
    words = {
        TaskState.ASSIGNED.value: _("标注任务：%(count)s 条待标注"),
        TaskState.RETURNED.value: _("标注任务：%(count)s 条被退回，待返工"),
    }
    return [
        Todo(
            title=words[row["state"]] % {"count": row["n"]},
            url=reverse("work:mine"),
            detail=row["project__title"],
            due_at=row["project__due_on"],
            icon="pencil" if row["state"] == TaskState.ASSIGNED else "undo-2",
            tone="blue" if row["state"] == TaskState.ASSIGNED else "amber",
        )
        for row in counts.order_by("project__title", "state")
    ]


def _review_todos(viewer: Actor) -> list[Todo]:
    found = review_queue(viewer).order_by().aggregate(n=Count("pk"), due=Min("project__due_on"))
    if not found["n"]:
        return []
    title = _("%(count)s 条标注结果待质检") % {"count": found["n"]}
    return [Todo(title=title, url=reverse("work:reviews"), due_at=found["due"], icon="clipboard-check")]


def _lead_todos(viewer: Actor) -> list[Todo]:
    rows = (
        Project.objects.filter(firm=viewer.organization_id, state__in=WORKABLE)
        .annotate(
            ready=Count("tasks", filter=Q(tasks__state=TaskState.READY)),
            unfinished=Count("tasks", filter=~Q(tasks__state__in=FINISHED)),
        )
        .filter(Q(ready__gt=0) | Q(unfinished=0))
        .order_by("due_on", "pk")
    )
    found = []
    for project in rows[:20]:
        if project.ready:
            title = _("%(count)s 条任务待分配") % {"count": project.ready}
            url, icon = reverse("projects:members", args=[project.pk]), "split"
        else:
            title = _("项目已全部完成，待交付")
            url, icon = reverse("projects:delivery", args=[project.pk]), "package-check"
        found.append(Todo(title=title, url=url, detail=project.title, due_at=project.due_on, icon=icon))
    return found


def _acceptance_todos(viewer: Actor) -> list[Todo]:
    mine = Q(client=viewer.organization_id) | (
        Q(client=None, firm=viewer.organization_id) & ~Q(delivered_by=viewer.user_id)
    )
    rows = projects_visible_to(viewer).filter(mine, state=ProjectState.DELIVERED).order_by("delivered_at")
    return [
        Todo(
            title=_("标注项目已交付，待验收"),
            url=reverse("projects:delivery", args=[project.pk]),
            detail=project.title,
            due_at=project.due_on,
            icon="badge-check",
            tone="teal",
        )
        for project in rows[:20]
    ]


def figures(viewer: Actor) -> list[Figure]:
    """The viewer's annotation figures for the desk."""
    found: list[Figure] = []
    if viewer.organization_id is None or viewer.user_id is None:
        return found
    if viewer.can(ASSIGN):
        tasks = Task.objects.filter(project__firm=viewer.organization_id, project__state__in=WORKABLE)
        row = tasks.aggregate(
            projects=Count("project", distinct=True),
            done=Count("pk", filter=Q(state=TaskState.ACCEPTED)),
            all=Count("pk"),
        )
        hint = _("已通过 %(done)s / %(all)s 条") % {"done": f"{row['done']:,}", "all": f"{row['all']:,}"}
        found.append(Figure(_("在制标注项目"), row["projects"], hint, reverse("projects:list")))
    elif viewer.can(LABEL):
        mine = (
            my_tasks(viewer)
            .select_related(None)
            .aggregate(
                accepted=Count("pk", filter=Q(state=TaskState.ACCEPTED)),
                waiting=Count("pk", filter=Q(state__in=FOR_REVIEW)),
            )
        )
        hint = _("%(count)s 条待质检") % {"count": mine["waiting"]}
        found.append(Figure(_("我通过的标注"), mine["accepted"], hint, reverse("work:mine")))
    return found


def waiting(viewer: Actor) -> list[QuerySet[Any]]:
    """The tasks that the annotator holds, for the side navigation."""
    return [my_tasks(viewer).filter(state__in=IN_HAND)] if viewer.can(LABEL) else []


def waiting_reviews(viewer: Actor) -> list[QuerySet[Any]]:
    """The results that wait for the viewer's review, for the side navigation."""
    return [review_queue(viewer)] if viewer.can(REVIEW) else []
