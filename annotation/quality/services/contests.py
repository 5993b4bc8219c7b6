"""Workers contest gold; the lead upholds it or corrects it for everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation.labelstudio.rules import digest_of
from annotation.quality.events import ContestDecided, GoldContested
from annotation.quality.models import GoldAnswer, GoldContest
from annotation.quality.permissions import KEEP_GOLD
from annotation.quality.selectors import contests_visible_to, gold_of_item, my_outcome
from annotation.quality.services.gold import checked_result, kept_project, words_of
from annotation.quality.services.scoring import recompute_outcomes
from annotation.quality.states import CONTEST, ContestState, GoldSource
from annotation.work.permissions import LABEL
from audit.services import record
from kernel.errors import NotAllowed, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor


class AlreadyContested(Refusal):
    """One contest an outcome."""

    code = "already_contested"
    message = _("您已对这道题提出过质疑，请等待项目经理处理，或查看已有的答复。")


@transaction.atomic
def contest_gold(*, by: Actor, at: datetime, outcome_id: UUID, reason: str) -> GoldContest:
    """Say that the gold answer behind one of one's own disclosed outcomes is wrong."""
    by.require(LABEL)
    outcome = my_outcome(by, outcome_id)
    list(GoldAnswer.objects.select_for_update(of=("self",), no_key=True).filter(pk=outcome.gold_id))
    if GoldContest.objects.filter(outcome=outcome).exists():
        raise AlreadyContested
    words = words_of(reason, "reason")
    made = GoldContest.objects.create(
        outcome=outcome, project=outcome.project, worker_id=outcome.worker_id, reason=words, contested_at=at
    )
    record(by=by, at=at, action="quality.contest", subject=made, detail={"reason": words})
    announce(GoldContested(at=at, contest_id=made.pk, by=by))
    return made


def _locked(by: Actor, contest_id: UUID, move: str) -> GoldContest:
    project_id = contests_visible_to(by).filter(pk=contest_id).values_list("project", flat=True).first()
    if project_id is None:
        raise NotFound
    kept_project(by, project_id)
    rows = GoldContest.objects.select_for_update(of=("self",))
    found = rows.select_related("project", "outcome__gold__item").get(pk=contest_id)
    if found.worker_id == by.user_id:
        raise NotAllowed(permission=KEEP_GOLD.label, organization=str(by.organization or "—"))
    CONTEST.check(found, move)
    return found


def _decide(found: GoldContest, move: str, answer: str, *, by: Actor, at: datetime) -> None:
    found.answer, found.decided_by, found.decided_at = answer, by.user, at
    CONTEST.move(
        found, move, by=by, at=at, reason=answer, update_fields=["answer", "decided_by", "decided_at"]
    )
    record(by=by, at=at, action=f"quality.{move}_contest", subject=found, detail={"answer": answer})


@transaction.atomic
def uphold_contested(*, by: Actor, at: datetime, contest_id: UUID, answer: str) -> GoldContest:
    """The gold answer stays, with the reason told."""
    found = _locked(by, contest_id, "uphold")
    _decide(found, "uphold", words_of(answer, "answer"), by=by, at=at)
    announce(ContestDecided(at=at, contest_id=found.pk, worker_ids=(), by=by))
    return found


@transaction.atomic
def correct_contested(
    *, by: Actor, at: datetime, contest_id: UUID, answer: str, result: Any = None
) -> GoldContest:
    """The worker was right: the given result, or the worker's own, is the gold answer now, and everybody is scored anew.

    Other open contests of the same item are settled by the same correction.
    """
    found = _locked(by, contest_id, "correct")
    words = words_of(answer, "answer")
    item = found.outcome.gold.item
    former = gold_of_item(item.pk)
    if former is None:
        raise NotFound
    given = found.outcome.submission.result if result is None else result
    kept = checked_result(found.project, item, given)
    gold = GoldAnswer.objects.create(
        project=found.project,
        item=item,
        version=former.version + 1,
        role=former.role,
        source=GoldSource.CORRECTED,
        result=kept,
        result_sha256=digest_of(kept),
        note=words,
        made_by=by.user,
        made_at=at,
    )
    changed = recompute_outcomes(by=by, at=at, gold=gold)
    others = GoldContest.objects.filter(outcome__gold__item=item, state=ContestState.OPEN)
    for each in others.select_for_update(of=("self",)).select_related("project").order_by("pk"):
        _decide(each, "correct", words, by=by, at=at)
        announce(ContestDecided(at=at, contest_id=each.pk, worker_ids=changed, by=by))
    found.refresh_from_db()
    return found
