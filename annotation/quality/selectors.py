"""Reading gold, standing, figures, measurements and merged results, each time for one viewer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from annotation.labelstudio.rules import digest_of, parse_config
from annotation.projects.models import Item, Project
from annotation.projects.selectors import project_for, projects_visible_to, sees_inside
from annotation.projects.states import ProjectState
from annotation.quality.answers import PICKED, Result, is_woven, label_of
from annotation.quality.merging import Asked
from annotation.quality.models import (
    Consensus,
    GoldAnswer,
    GoldContest,
    GoldOutcome,
    GoldPlan,
    Measurement,
    Qualification,
)
from annotation.quality.permissions import KEEP_GOLD, VIEW_QUALITY
from annotation.quality.scoring import Least
from annotation.quality.skill import Accuracy, accuracy
from annotation.quality.states import ContestState, GoldRole, Origin, Standing
from annotation.work.models import Handback, Review, Submission, Task
from annotation.work.permissions import LABEL
from annotation.work.rules import image_size, task_fields
from annotation.work.selectors import FINISHED, HANDED_OVER
from annotation.work.states import BARRING, TaskState, Verdict
from kernel.errors import NotFound, Refusal
from organizations.permissions import Actor
from organizations.states import OrganizationKind

COUNTED = (GoldRole.HIDDEN, GoldRole.SCREENING)
"""Roles of gold that tell of a worker's accuracy; training does not."""


class ConsensusMissing(Refusal):
    """An item with several answers has no merged result for the answers it has now."""

    code = "consensus_missing"
    message = _("有 %(count)s 条数据的多份结果还没有合并。请在项目的“质量”页计算一次，再交付或封版。")


# --- who may see --------------------------------------------------------------------------------


def quality_project(viewer: Actor, project_id: UUID) -> Project:
    """The project whose quality the viewer may read: its firm's own people, and auditors; NotFound otherwise."""
    project = project_for(viewer, project_id)
    if not viewer.can(VIEW_QUALITY) or not sees_inside(viewer, project):
        raise NotFound
    return project


def may_keep(viewer: Actor, project: Project) -> bool:
    """Whether the viewer keeps this project's gold."""
    return viewer.can(KEEP_GOLD) and viewer.belongs_to(project.firm_id)


def may_see_gold(viewer: Actor, project: Project) -> bool:
    """Whether the viewer may know which items have gold: who keeps it, and auditors."""
    is_auditor = OrganizationKind.AUDITOR in viewer.kinds and viewer.can(VIEW_QUALITY)
    return may_keep(viewer, project) or is_auditor


# --- gold ---------------------------------------------------------------------------------------


def plan_of(project_id: UUID) -> GoldPlan | None:
    """The plan in force."""
    return GoldPlan.objects.filter(project=project_id).order_by("-version").first()


def least_of(plan: GoldPlan | None) -> Least:
    """From which scores an answer counts as right; the usual ones without a plan."""
    return plan.least if plan else Least()


def active_gold(project_id: UUID) -> QuerySet[GoldAnswer]:
    """The gold answers in force, one an item."""
    newest = GoldAnswer.objects.filter(project=project_id).order_by("item_id", "-version").distinct("item_id")
    return GoldAnswer.objects.filter(pk__in=newest.values("pk"), is_active=True)


def gold_of_item(item_id: UUID) -> GoldAnswer | None:
    """The gold answer in force for an item."""
    found = GoldAnswer.objects.filter(item=item_id).order_by("-version").first()
    return found if found is not None and found.is_active else None


def gold_visible_to(viewer: Actor, project: Project) -> QuerySet[GoldAnswer]:
    """The gold in force for those who keep or oversee it, each with `answered` and `right` counts; else nothing.

    Reviewers see none of it: they may label too, and talk to those who do.
    """
    if not may_see_gold(viewer, project):
        return GoldAnswer.objects.none()
    rows = active_gold(project.pk).select_related("item", "made_by")
    return rows.annotate(
        answered=Count("outcomes"), right=Count("outcomes", filter=Q(outcomes__is_right=True))
    )


def counted_outcomes(project_id: UUID) -> QuerySet[GoldOutcome]:
    """The outcomes under the gold answers in force."""
    return GoldOutcome.objects.filter(gold__in=active_gold(project_id).values("pk"))


def untouched_by(rows: QuerySet[Any], worker_id: UUID, item: str = "item") -> QuerySet[Any]:
    """Rows whose item the worker neither has, nor had, nor gave up."""
    holds = Task.objects.filter(item=OuterRef(item), annotator=worker_id)
    answered = Submission.objects.filter(task__item=OuterRef(item), annotator=worker_id)
    barred = Handback.objects.filter(
        item=OuterRef(item), annotator=worker_id, cause__in=[cause.value for cause in BARRING]
    )
    return rows.filter(~Exists(holds), ~Exists(answered), ~Exists(barred))


def ready_items(project_id: UUID, worker_id: UUID, count: int) -> list[UUID]:
    """Items with a task to hand out to that worker: those a model is less sure of first, among equals by lot."""
    rows = Task.objects.filter(project=project_id, state=TaskState.READY)
    drawn = untouched_by(rows, worker_id).order_by("-priority", "?").values_list("item_id", flat=True)
    return list(dict.fromkeys(drawn[: count * 2]))[:count]


# --- a worker's own figures ---------------------------------------------------------------------


def disclosed_outcomes(worker_id: UUID) -> QuerySet[GoldOutcome]:
    """A worker's outcomes of which the worker may know.

    Training at once; screening when its attempt is decided; hidden gold when the plan's number of further tasks
    was submitted in the project, or the project was handed over.
    """
    later = (
        Submission.objects.filter(
            task__project=OuterRef("project"),
            annotator=OuterRef("worker"),
            submitted_at__gt=OuterRef("submission__submitted_at"),
        )
        .order_by()
        .values("annotator")
        .annotate(n=Count("task", distinct=True))
        .values("n")
    )
    wanted = GoldPlan.objects.filter(project=OuterRef("project")).order_by("-version").values("reveal_after")
    undecided = Qualification.objects.filter(
        project=OuterRef("project"), worker=OuterRef("worker"), state=Standing.SCREENING
    ).filter(attempt_at__lte=OuterRef("submission__submitted_at"))
    newest = GoldAnswer.objects.filter(item=OuterRef("gold__item")).order_by("-version").values("pk")[:1]
    rows = GoldOutcome.objects.filter(worker=worker_id, gold=Subquery(newest)).annotate(
        later=Subquery(later[:1]), reveal_after=Subquery(wanted[:1]), is_undecided=Exists(undecided)
    )
    return rows.filter(
        Q(role=GoldRole.TRAINING)
        | Q(role=GoldRole.SCREENING, is_undecided=False)
        | Q(role=GoldRole.HIDDEN, later__gte=F("reveal_after"))
        | Q(role=GoldRole.HIDDEN, project__state__in=HANDED_OVER)
    )


def my_outcomes(viewer: Actor) -> QuerySet[GoldOutcome]:
    """The viewer's own outcomes that are disclosed, in the present organization."""
    if viewer.user_id is None or not viewer.can(LABEL):
        return GoldOutcome.objects.none()
    rows = disclosed_outcomes(viewer.user_id).filter(project__firm=viewer.organization_id)
    return rows.select_related("project", "gold", "submission__task__item", "contest")


def my_outcome(viewer: Actor, outcome_id: UUID) -> GoldOutcome:
    """One of them; NotFound for any other, also for one that is not disclosed yet."""
    found = my_outcomes(viewer).filter(pk=outcome_id).first()
    if found is None:
        raise NotFound
    return found


def my_standings(viewer: Actor) -> QuerySet[Qualification]:
    """The viewer's standing in the projects of the present organization, the latest first."""
    if viewer.user_id is None or not viewer.can(LABEL):
        return Qualification.objects.none()
    rows = Qualification.objects.filter(worker=viewer.user_id, project__firm=viewer.organization_id)
    return rows.select_related("project", "worker").order_by("-pk")


def _own_or_inside(viewer: Actor) -> Q:
    """Rows about the viewer's own work, and of projects whose quality the viewer may read."""
    own = Q(worker=viewer.user_id, project__firm=viewer.organization_id)
    mine = own if viewer.user_id and viewer.can(LABEL) else Q(pk__in=[])
    if not viewer.can(VIEW_QUALITY):
        return mine
    inside = projects_visible_to(viewer)
    if not viewer.is_system and OrganizationKind.AUDITOR not in viewer.kinds:
        inside = inside.filter(firm=viewer.organization_id)
    return mine | Q(project__in=inside.values("pk"))


def qualifications_visible_to(viewer: Actor) -> QuerySet[Qualification]:
    """One's own, and those in projects whose quality the viewer may read."""
    rows = Qualification.objects.select_related("project", "worker")
    return rows.filter(_own_or_inside(viewer))


def contests_visible_to(viewer: Actor) -> QuerySet[GoldContest]:
    """One's own, and those in projects whose quality the viewer may read."""
    rows = GoldContest.objects.select_related(
        "project", "worker", "outcome__gold__item", "outcome__submission__task"
    )
    return rows.filter(_own_or_inside(viewer))


def open_contests(project_id: UUID) -> QuerySet[GoldContest]:
    """Contests of a project that wait for the lead, the oldest first."""
    rows = GoldContest.objects.filter(project=project_id, state=ContestState.OPEN)
    return rows.select_related("worker", "outcome__gold__item", "outcome__submission").order_by("pk")


@dataclass(frozen=True, slots=True)
class Checked:
    """How many of a worker's first answers were checked by gold and by review, and how many were right."""

    gold_right: int = 0
    gold_count: int = 0
    review_right: int = 0
    review_count: int = 0

    @property
    def right(self) -> int:
        return self.gold_right + self.review_right

    @property
    def count(self) -> int:
        return self.gold_count + self.review_count


def checked_of(project_id: UUID) -> dict[UUID, Checked]:
    """By worker: gold that counts, and first reviews of first submissions (not of gold); two queries."""
    gold = counted_outcomes(project_id).filter(role__in=COUNTED)
    return _counted(gold, _first_reviews().filter(submission__task__project=project_id), "worker")


def my_checked(viewer: Actor) -> dict[UUID, Checked]:
    """The viewer's own, by project, as far as it is disclosed; two queries."""
    if viewer.user_id is None:
        return {}
    gold = my_outcomes(viewer).filter(role__in=COUNTED).select_related(None)
    reviews = _first_reviews().filter(submission__annotator=viewer.user_id)
    return _counted(gold, reviews, "project")


def _first_reviews() -> QuerySet[Review]:
    rows = Review.objects.filter(ordinal=1, submission__ordinal=1)
    return rows.filter(~Exists(GoldOutcome.objects.filter(submission=OuterRef("submission"))))


def _counted(gold: QuerySet[GoldOutcome], reviews: QuerySet[Review], by: str) -> dict[UUID, Checked]:
    told = gold.order_by().values(by).annotate(n=Count("pk"), right=Count("pk", filter=Q(is_right=True)))
    path = {"worker": "submission__annotator", "project": "submission__task__project"}[by]
    judged = (
        reviews.order_by()
        .values(key=F(path))
        .annotate(n=Count("pk"), right=Count("pk", filter=Q(verdict=Verdict.ACCEPT)))
    )
    found: defaultdict[UUID, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in told:
        found[row[by]][:2] = [row["right"], row["n"]]
    for row in judged:
        found[row["key"]][2:] = [row["right"], row["n"]]
    return {key: Checked(*counts) for key, counts in found.items()}


def accuracy_of(checked: Checked) -> Accuracy:
    """The Beta posterior of one worker, with its interval."""
    return accuracy([checked.right], [checked.count])


def answers_in_order(project_id: UUID) -> dict[UUID, list[tuple[datetime, bool]]]:
    """By worker: when each checked answer was given and whether it was right, the earliest first."""
    gold = counted_outcomes(project_id).filter(role__in=COUNTED)
    rows = list(gold.values_list("worker", "submission__submitted_at", "is_right"))
    reviews = _first_reviews().filter(submission__task__project=project_id)
    told = reviews.values_list("submission__annotator", "submission__submitted_at", "verdict")
    rows += [(worker, at, verdict == Verdict.ACCEPT) for worker, at, verdict in told]
    found: defaultdict[UUID, list[tuple[datetime, bool]]] = defaultdict(list)
    for worker, at, is_right in sorted(rows, key=lambda row: (row[1], str(row[0]))):
        found[worker].append((at, is_right))
    return dict(found)


# --- what is measured and merged ----------------------------------------------------------------


@dataclass(slots=True)
class Gathered:
    """One item's answers: of each worker, in the order in which they came."""

    item_id: UUID
    workers: list[UUID] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    days: list[float] = field(default_factory=list)
    submissions: list[UUID] = field(default_factory=list)


class Watcher(Protocol):
    """Who is told how far the work is (jobs.services.Progress)."""

    def start(self, total: int, *, done: int = 0) -> None: ...

    def advance(self, count: int = 1) -> None: ...


def _spare(project: Project) -> Any:
    """A function that lets equal answers share one object, where only the picked labels matter: memory for a million."""
    config = parse_config(project.labeling_config)
    if is_woven(config) or any(control.kind not in PICKED for control in config.controls):
        return lambda result: result
    kept: dict[tuple[str, ...], Result] = {}

    def shared(result: Result) -> Result:
        return kept.setdefault(tuple(label_of(control, result) for control in config.controls), result)

    return shared


def first_answers(project: Project, watcher: Watcher | None = None) -> list[Gathered]:
    """Everybody's first answer to every item, before any review of it: what agreement is measured on."""
    rows = (
        Submission.objects.filter(task__project=project)
        .order_by("task__item_id", "annotator_id", "ordinal")
        .distinct("task__item_id", "annotator_id")
    )
    return _gathered(project, rows, watcher)


def final_answers(project: Project, item_ids: Sequence[UUID] | None = None) -> list[Gathered]:
    """The accepted answers of every item on which nobody works any more: what merged results rest on."""
    unfinished = Task.objects.filter(item=OuterRef("task__item")).exclude(state__in=FINISHED)
    rows = (
        Submission.objects.filter(~Exists(unfinished), task__project=project, task__state=TaskState.ACCEPTED)
        .order_by("task__item_id", "task_id", "-ordinal")
        .distinct("task__item_id", "task_id")
    )
    if item_ids is not None:
        rows = rows.filter(task__item__in=item_ids)
    return _gathered(project, rows, None)


def _gathered(project: Project, rows: QuerySet[Submission], watcher: Watcher | None) -> list[Gathered]:
    shared = _spare(project)
    found: list[Gathered] = []
    told = rows.values_list("task__item_id", "annotator_id", "result", "submitted_at", "pk")
    for item_id, worker, result, at, pk in told.iterator(2_000):
        if not found or found[-1].item_id != item_id:
            found.append(Gathered(item_id))
        here = found[-1]
        here.workers.append(worker)
        here.results.append(shared(result))
        here.days.append(at.timestamp() / 86_400)
        here.submissions.append(pk)
        if watcher is not None:
            watcher.advance()
    return found


def asked_of(project: Project, gathered: Sequence[Gathered], *, with_gold: bool = True) -> list[Asked]:
    """The same with what merging needs: fields and size of the item where regions are drawn, the gold answer."""
    config = parse_config(project.labeling_config)
    gold: Mapping[UUID, Result] = (
        dict(active_gold(project.pk).values_list("item_id", "result")) if with_gold else {}
    )
    if all(control.kind in PICKED for control in config.controls):
        return [Asked(each.workers, each.results, gold=gold.get(each.item_id)) for each in gathered]
    items = Item.objects.in_bulk([each.item_id for each in gathered])
    return [
        Asked(
            each.workers,
            each.results,
            task_fields(config, items[each.item_id]),
            image_size(items[each.item_id]),
            gold.get(each.item_id),
        )
        for each in gathered
    ]


def latest_measurement(project_id: UUID) -> Measurement | None:
    """What was measured last."""
    return Measurement.objects.filter(project=project_id).order_by("-ordinal").first()


def current_consensus(project_id: UUID) -> QuerySet[Consensus]:
    """The merged result in force of every item that has one."""
    newest = Consensus.objects.filter(project=project_id).order_by("item_id", "-version").distinct("item_id")
    return Consensus.objects.filter(pk__in=newest.values("pk"))


def consensus_visible_to(viewer: Actor, project: Project) -> QuerySet[Consensus]:
    """The merged results in force, for those who read the project's quality."""
    if not viewer.can(VIEW_QUALITY) or not sees_inside(viewer, project):
        return Consensus.objects.none()
    rows = current_consensus(project.pk).select_related("item", "decided_by")
    return rows if may_see_gold(viewer, project) else rows.exclude(origin=Origin.GOLD)


def to_adjudicate(project_id: UUID) -> QuerySet[Consensus]:
    """Merged results that are too unsure to be delivered, the least sure first."""
    rows = current_consensus(project_id).filter(is_settled=False)
    return rows.select_related("item").order_by("confidence", "pk")


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's answer as an adjudicator sees it: by a letter, not by name."""

    letter: str
    submission: Submission


def answers_behind(consensus: Consensus) -> list[Answer]:
    """The submissions that a merged result rests on, in an order that tells nothing of who gave them."""
    rows = list(
        Submission.objects.filter(pk__in=consensus.evidence).select_related("task__project", "task__item")
    )
    rows.sort(key=lambda row: digest_of([str(row.pk)]))
    return [Answer(chr(ord("A") + place % 26), row) for place, row in enumerate(rows)]


# --- what is delivered --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one item delivers: a result, the submissions it rests on, and how they were merged if there are several."""

    item: Item
    result: list[dict[str, Any]]
    submissions: Sequence[Submission]
    consensus: Consensus | None = None


def delivered_results(project_id: UUID) -> Iterator[Delivered]:
    """The delivered result of every item with accepted work, in the order of the items.

    One accepted answer is delivered as it is; several, or one beside a gold answer, as their consensus.
    ConsensusMissing when an item's answers are not merged as they are now.
    """
    newest = (
        Submission.objects.filter(task__project=project_id, task__state=TaskState.ACCEPTED)
        .order_by("task_id", "-ordinal")
        .distinct("task_id")
    )
    rows = Submission.objects.filter(pk__in=newest.values("pk")).select_related("task__item", "guideline")
    merged = {each.item_id: each for each in current_consensus(project_id)}
    answers: defaultdict[UUID, list[Submission]] = defaultdict(list)
    for submission in rows.order_by("task__item__ordinal", "task__copy"):
        answers[submission.task.item_id].append(submission)
    missing = sum(
        len(found) > 1 and not _covers(merged.get(item_id), found) for item_id, found in answers.items()
    )
    if missing:
        raise ConsensusMissing(count=missing)
    for item_id, found in answers.items():
        consensus = merged.get(item_id)
        if consensus is not None and _covers(consensus, found):
            yield Delivered(found[0].task.item, consensus.result, found, consensus)
        else:
            yield Delivered(found[0].task.item, found[0].result, found)


def _covers(consensus: Consensus | None, submissions: Sequence[Submission]) -> bool:
    return consensus is not None and set(consensus.evidence) == {each.pk for each in submissions}


def confusion_rows(project: Project) -> list[dict[str, Any]]:
    """How each worker errs by the latest measurement, with pseudonyms W001 … in place of people."""
    found = latest_measurement(project.pk)
    return list(found.confusion) if found else []


# --- people and the desk ------------------------------------------------------------------------


def people_of(ids: Sequence[str]) -> dict[str, User]:
    """The people behind ids kept in a measurement."""
    return {str(pk): user for pk, user in User.objects.in_bulk([UUID(one) for one in ids]).items()}


def due_for_measuring() -> list[UUID]:
    """Projects in work of which so many results came since the last measurement as their plan says."""
    since = Measurement.objects.filter(project=OuterRef("pk")).order_by("-ordinal").values("submission_count")
    every = GoldPlan.objects.filter(project=OuterRef("pk")).order_by("-version").values("measure_every")
    rows = (
        Project.objects.filter(state=ProjectState.IN_PROGRESS)
        .annotate(known=Subquery(since[:1]), every=Subquery(every[:1]))
        .filter(every__isnull=False)
        .annotate(present=Count("tasks__submissions"))
        .order_by("pk")
    )
    return [row.pk for row in rows if row.present - (row.known or 0) >= row.every]
