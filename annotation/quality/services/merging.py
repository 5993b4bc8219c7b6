"""Measuring a project and merging what several people answered; adjudication; the check before delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation.labelstudio.rules import digest_of, parse_config
from annotation.projects.events import ProjectDelivered
from annotation.projects.models import Project
from annotation.projects.services import locked_project
from annotation.quality.events import DriftSeen
from annotation.quality.forecast import drift
from annotation.quality.measuring import measured
from annotation.quality.merging import VERSION, Confusion, Merged, merge
from annotation.quality.models import Consensus, GoldPlan, Measurement
from annotation.quality.permissions import KEEP_GOLD
from annotation.quality.scoring import WHOLE
from annotation.quality.selectors import (
    Gathered,
    Watcher,
    accuracy_of,
    active_gold,
    answers_in_order,
    asked_of,
    checked_of,
    current_consensus,
    final_answers,
    first_answers,
    plan_of,
    quality_project,
    to_adjudicate,
)
from annotation.quality.services.gold import checked_result, kept_project, words_of
from annotation.quality.services.handing import withdraw_spare
from annotation.quality.services.standing import test_of
from annotation.quality.skill import speed
from annotation.quality.states import Origin
from annotation.work.models import Submission
from audit.services import record
from jobs import services as jobs
from jobs.models import Job
from jobs.states import JobState
from kernel.errors import NotAllowed, NotFound, Refusal, SelfReview
from kernel.events import announce
from organizations.permissions import Actor

JOB_KIND = "quality.measure"
MERGED_AT_ONCE = 5_000
"""Items that are merged while the lead waits for the hand-over; more are left to the job."""
USUAL = GoldPlan()
"""The plan of a project that has none."""


class NothingToMeasure(Refusal):
    """Nobody has submitted anything yet."""

    code = "nothing_to_measure"
    message = _("还没有提交的结果，无法计算一致率。有人提交后再计算。")


class ItemsToAdjudicate(Refusal):
    """Merged results that are too unsure are decided by a person before the hand-over."""

    code = "items_to_adjudicate"
    message = _("有 %(count)s 条数据的多份结果分歧较大，请先在“质量 · 裁定”中逐条确定，再交付。")


class TooManyToMerge(Refusal):
    """So many results are merged by a job."""

    code = "too_many_to_merge"
    message = _("有 %(count)s 条数据的结果还没有合并，请先在“质量”页计算一次，完成后再交付。")


class OwnAnswer(SelfReview):
    """Nobody decides between own answers and others'."""

    message = _("您标注过这条数据，不能由您裁定，请由其他项目经理裁定。")


# --- measuring ------------------------------------------------------------------------------------


@transaction.atomic
def queue_measuring(*, by: Actor, at: datetime, project_id: UUID) -> Job:
    """Queue the measurement of a project; work that is under way already is the answer."""
    project = quality_project(by, project_id)
    by.require(KEEP_GOLD)
    if not by.belongs_to(project.firm_id):
        raise NotAllowed(permission=KEEP_GOLD.label, organization=str(by.organization or "—"))
    locked_project(project_id)
    if not Submission.objects.filter(task__project=project).exists():
        raise NothingToMeasure
    under_way = Job.objects.filter(
        kind=JOB_KIND, arguments__project=str(project_id), state__in=(JobState.QUEUED, JobState.RUNNING)
    ).first()
    if under_way is not None:
        return under_way
    title = _("计算标注质量：%(title)s") % {"title": project.title}
    return jobs.queue(by=by, at=at, kind=JOB_KIND, title=title, arguments={"project": str(project_id)})


def measure(*, by: Actor, at: datetime, project_id: UUID, watcher: Watcher | None = None) -> Measurement:
    """Measure agreement, people and drift of a project and merge its results; kept as its next measurement."""
    project = Project.objects.get(pk=project_id)
    plan = plan_of(project_id) or USUAL
    config = parse_config(project.labeling_config)
    count = Submission.objects.filter(task__project=project).count()
    if watcher is not None:
        watcher.start(count)
    first = first_answers(project, watcher)
    asked = asked_of(project, first, with_gold=False)
    facts = measured(config, asked, [each.days for each in first], iou=plan.iou / WHOLE)
    facts["people"] = _people(project, plan, facts)
    final = final_answers(project)
    with transaction.atomic():
        locked_project(project_id)
        learnt = _merge(by, at, project, plan, final)
        former = project.measurements.order_by("-ordinal").first()
        facts["gold"] = active_gold(project_id).count()
        made = Measurement.objects.create(
            project=project,
            ordinal=former.ordinal + 1 if former else 1,
            submission_count=count,
            facts=facts,
            confusion=_without_names(learnt),
            measured_at=at,
        )
        detail = {"ordinal": made.ordinal, "submissions": count, "items": facts["items"]}
        record(by=by, at=at, action="quality.measure", subject=project, detail=detail)
        _tell_drift(by, at, project, facts, former)
    return made


def _people(project: Project, plan: GoldPlan, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Accuracy with its interval, the sequential test, drift and speed of everybody, most checked first."""
    checked, ordered = checked_of(project.pk), answers_in_order(project.pk)
    times = Submission.objects.filter(task__project=project, ordinal=1, work_seconds__gt=0)
    rows = list(times.order_by("pk").values_list("annotator", "work_seconds"))
    workers = sorted({row[0] for row in rows} | set(checked), key=str)
    places = {worker: place for place, worker in enumerate(workers)}
    pace = speed(
        [row[1] for row in rows],
        [places[row[0]] for row in rows],
        ["task"] * len(rows),
        worker_count=len(workers),
    )
    agreed = dict(zip(facts["workers"], _main_of(facts).get("by_worker", []), strict=False))
    test, found = test_of(plan), []
    for worker in workers:
        mine = checked.get(worker)
        known = accuracy_of(mine) if mine else None
        answers = [is_right for _at, is_right in ordered.get(worker, [])]
        fall = drift(answers, usual=plan.good / WHOLE, fallen=plan.poor / WHOLE) if answers else None
        z = pace.workers[places[worker]]
        found.append(
            {
                "worker": str(worker),
                "right": mine.right if mine else 0,
                "count": mine.count if mine else 0,
                "gold_right": mine.gold_right if mine else 0,
                "gold_count": mine.gold_count if mine else 0,
                "mean": round(float(known.mean[0]), 6) if known else None,
                "low": round(float(known.low[0]), 6) if known else None,
                "high": round(float(known.high[0]), 6) if known else None,
                "decision": str(test.decide(mine.right, mine.count - mine.right)) if mine else "continue",
                "speed": round(float(z), 3) if np.isfinite(z) else None,
                "is_unusual": bool(pace.is_unusual[places[worker]]),
                "agreement": agreed.get(str(worker)),
                "drift_at": fall.alarm if fall else None,
                "drift_from": fall.began if fall else None,
            }
        )
    return sorted(found, key=lambda row: (-row["count"], row["worker"]))


def _main_of(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The control by which the project is told: the first of which agreement can be told."""
    controls: Sequence[Mapping[str, Any]] = facts["controls"]
    return next((each for each in controls if each["value"] is not None), controls[0] if controls else {})


def _tell_drift(
    by: Actor, at: datetime, project: Project, facts: Mapping[str, Any], former: Measurement | None
) -> None:
    """Announce whose fall was not known at the measurement before."""
    known = (
        {row["worker"] for row in former.facts["people"] if row["drift_at"] is not None} if former else set()
    )
    for row in facts["people"]:
        if row["drift_at"] is not None and row["worker"] not in known:
            announce(DriftSeen(at=at, project_id=project.pk, worker_id=UUID(row["worker"]), by=by))


def _without_names(learnt: Sequence[Confusion]) -> list[dict[str, Any]]:
    """Confusions with pseudonyms W001, W002 … in the order of the workers' ids."""
    return [
        {
            "control": each.control,
            "labels": list(each.labels),
            "workers": [f"W{number:03d}" for number, _worker in enumerate(each.workers, 1)],
            "table": [list(row) for row in each.table],
            "trust": list(each.trust),
        }
        for each in learnt
    ]


# --- merging --------------------------------------------------------------------------------------


def _merge(
    by: Actor, at: datetime, project: Project, plan: GoldPlan, final: Sequence[Gathered]
) -> list[Confusion]:
    """Write the merged result of every item whose answers or outcome are others than before; the project is locked."""
    config = parse_config(project.labeling_config)
    asked = asked_of(project, final)
    merged, learnt = merge(config, asked, method=plan.method, iou=plan.iou / WHOLE)
    present = {each.item_id: each for each in current_consensus(project.pk)}
    rows = []
    for each, question, outcome in zip(final, asked, merged, strict=True):
        if len(each.results) < 2 and question.gold is None and each.item_id not in present:
            continue
        made = _consensus(each, outcome, plan, is_gold=question.gold is not None)
        if _differs(made, former := present.get(each.item_id)):
            made.project, made.decided_at = project, at
            made.version = former.version + 1 if former else 1
            rows.append(made)
    Consensus.objects.bulk_create(rows, batch_size=2_000)
    if rows:
        detail = {"items": len(rows), "method": plan.method, "method_version": VERSION}
        record(by=by, at=at, action="quality.merge", subject=project, detail=detail)
    return learnt


def _consensus(each: Gathered, outcome: Merged, plan: GoldPlan, *, is_gold: bool) -> Consensus:
    sure = int(min(max(outcome.confidence, 0.0), 1.0) * WHOLE + 1e-6)
    return Consensus(
        item_id=each.item_id,
        origin=Origin.GOLD if is_gold else Origin.MERGED,
        method=plan.method,
        method_version=VERSION,
        result=outcome.result,
        result_sha256=digest_of(outcome.result),
        confidence=sure,
        posterior=outcome.posterior,
        evidence=sorted(each.submissions),
        is_settled=is_gold or sure >= plan.sure,
    )


def _differs(made: Consensus, former: Consensus | None) -> bool:
    """Whether there is something new to write; a person's decision on the same answers stays."""
    if former is None or sorted(former.evidence) != made.evidence:
        return True
    if former.origin == Origin.ADJUDICATED and made.origin != Origin.GOLD:
        return False
    return (former.result_sha256, former.origin, former.is_settled) != (
        made.result_sha256,
        made.origin,
        made.is_settled,
    )


@transaction.atomic
def adjudicate(*, by: Actor, at: datetime, item_id: UUID, result: Any, reason: str) -> Consensus:
    """Decide what an item with several answers delivers, with the reason. Never by one of its annotators."""
    newest = Consensus.objects.filter(item=item_id).order_by("-version").first()
    if newest is None:
        raise NotFound
    project = kept_project(by, newest.project_id)
    former = Consensus.objects.filter(item=item_id).order_by("-version").select_related("item").first()
    assert former is not None
    if by.user_id and Submission.objects.filter(task__item=item_id, annotator=by.user_id).exists():
        raise OwnAnswer
    words = words_of(reason, "reason")
    kept = checked_result(project, former.item, result)
    made = Consensus.objects.create(
        item=former.item,
        project=project,
        version=former.version + 1,
        origin=Origin.ADJUDICATED,
        method=former.method,
        method_version=former.method_version,
        result=kept,
        result_sha256=digest_of(kept),
        confidence=WHOLE,
        posterior=former.posterior,
        evidence=former.evidence,
        is_settled=True,
        reason=words,
        decided_by=by.user,
        decided_at=at,
    )
    detail = {"item": former.item.ordinal, "sha256": made.result_sha256, "reason": words}
    record(by=by, at=at, action="quality.adjudicate", subject=project, detail=detail)
    return made


# --- hand-over ------------------------------------------------------------------------------------


def withdraw_before_delivery(news: ProjectDelivered) -> None:
    """Take back gold copies that nobody took, so that they do not stand in the way of the hand-over."""
    withdraw_spare(by=news.by, at=news.at, project_id=news.project_id)


def settle_before_delivery(news: ProjectDelivered) -> None:
    """Merge what is not merged yet; refuse the hand-over while merged results wait for an adjudicator."""
    project = Project.objects.get(pk=news.project_id)
    plan = plan_of(project.pk) or USUAL
    gold = set(active_gold(project.pk).values_list("item_id", flat=True))
    known = {each.item_id: sorted(each.evidence) for each in current_consensus(project.pk)}
    stale = [
        each
        for each in final_answers(project)
        if (len(each.results) > 1 or each.item_id in gold)
        and known.get(each.item_id) != sorted(each.submissions)
    ]
    if len(stale) > MERGED_AT_ONCE:
        raise TooManyToMerge(count=len(stale))
    if stale or gold:
        _merge(news.by, news.at, project, plan, final_answers(project))
    waiting = to_adjudicate(project.pk).count()
    if waiting:
        raise ItemsToAdjudicate(count=waiting)
