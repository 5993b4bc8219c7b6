"""Scoring what was submitted against gold, when it comes and again when gold is corrected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from annotation.intake.models import Proposal
from annotation.labelstudio.rules import parse_config
from annotation.projects.models import Project
from annotation.quality.events import TrainingScored
from annotation.quality.models import GoldAnswer, GoldOutcome
from annotation.quality.scoring import WHOLE, Scored, score
from annotation.quality.selectors import gold_of_item, least_of, plan_of
from annotation.quality.services.standing import judge, judge_again, locked_qualification
from annotation.quality.states import GoldRole
from annotation.work.events import TaskSubmitted
from annotation.work.models import Submission
from kernel.events import announce
from organizations.permissions import Actor


def _scorer(project: Project, gold: GoldAnswer) -> Callable[[Any], Scored]:
    """How near a result comes to the gold answer, under the project's config and its plan."""
    config = parse_config(project.labeling_config)
    least = least_of(plan_of(project.pk))
    return lambda result: score(config, result, gold.result, least=least)


def _outcome(submission: Submission, gold: GoldAnswer, role: str, at: datetime) -> GoldOutcome:
    project = submission.task.project
    found = _scorer(project, gold)(submission.result)
    return GoldOutcome.objects.create(
        submission=submission,
        gold=gold,
        project=project,
        worker_id=submission.annotator_id,
        role=role,
        score=found.score,
        parts=dict(found.parts),
        is_right=found.is_right,
        scored_at=at,
    )


def score_submitted(news: TaskSubmitted) -> None:
    """Score a worker's first answer to an item that has gold; training and screening are accepted and pay at once."""
    submission = Submission.objects.select_related("task__project", "task__item").get(pk=news.submission_id)
    gold = gold_of_item(submission.task.item_id)
    if gold is None:
        return
    earlier = Submission.objects.filter(task__item=submission.task.item_id, annotator=submission.annotator_id)
    is_first = not earlier.exclude(pk=submission.pk).exists()
    if is_first and not (gold.role == GoldRole.HIDDEN and was_given_away(gold, before=news.at)):
        outcome = _outcome(submission, gold, gold.role, news.at)
        plan = plan_of(gold.project_id)
        if plan is not None:
            qualification = locked_qualification(submission.task.project, submission.annotator_id, news.at)
            judge(qualification, plan, at=news.at)
        if gold.role == GoldRole.TRAINING:
            announce(TrainingScored(at=news.at, outcome_id=outcome.pk, by=news.by))
    if gold.role != GoldRole.HIDDEN:
        news.accepted_because.append(str(GoldRole(gold.role).label))


def was_given_away(gold: GoldAnswer, *, before: datetime) -> bool:
    """Whether the item's starting point already was the gold answer: who only confirms it shows nothing."""
    given = list(
        Proposal.objects.filter(item=gold.item_id, made_at__lte=before).values_list("result", flat=True)
    )
    if not given:
        return False
    scored = _scorer(gold.project, gold)
    return any(scored(result).score == WHOLE for result in given)


def recompute_outcomes(*, by: Actor, at: datetime, gold: GoldAnswer) -> tuple[UUID, ...]:
    """Score everybody whose answer an earlier version of this gold had scored; whose figures may be others now.

    Who stands stopped by answers that are right now is reinstated.
    """
    former = GoldOutcome.objects.filter(gold__item=gold.item_id).exclude(gold=gold)
    latest = former.order_by("submission_id", "-gold__version").distinct("submission_id")
    rows = GoldOutcome.objects.filter(pk__in=latest.values("pk")).order_by("pk")
    workers: dict[UUID, None] = {}
    for outcome in rows.select_related("submission__task__project"):
        if gold.is_active:
            again = _outcome(outcome.submission, gold, outcome.role, at)
            if again.is_right == outcome.is_right and again.score == outcome.score:
                continue
        workers[outcome.worker_id] = None
    plan = plan_of(gold.project_id)
    if plan is not None:
        for worker_id in sorted(workers, key=str):
            judge_again(gold.project, worker_id, plan, at=at)
    return tuple(workers)
