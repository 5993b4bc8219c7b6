"""Unfinished work kept for its author, and the turn from one task to the next."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.labelstudio.rules import RESULT_LIMIT, canonical
from annotation.projects.rules import is_storable
from annotation.work.models import Draft, Task
from annotation.work.selectors import next_in_hand
from annotation.work.services.handing_out import claim_task
from annotation.work.services.leases import extend, locked_own_task
from annotation.work.services.refusals import StaleDraft
from annotation.work.states import TASK, TaskState
from kernel.errors import InvalidInput, Refusal
from organizations.permissions import Actor


@transaction.atomic
def save_draft(*, by: Actor, at: datetime, task_id: UUID, result: Any, revision: int) -> Draft:
    """Keep unfinished work on a task in hand; `revision` is the one it builds on (0: none). The lease runs on.

    Raises StaleDraft when another save came between, so that neither is lost, and LeaseLost. The same save again
    gives the same draft. A draft is no statement: it is neither validated against the config nor in the audit log.
    """
    task = locked_own_task(by, at, task_id)
    TASK.check(task, "resume" if task.state == TaskState.RETURNED else "submit")
    _require_keepable(result)
    kept = Draft.objects.filter(task=task).first()
    present = kept.revision if kept and kept.by_id == by.user_id else 0
    if kept and present == revision + 1 and kept.result == result:
        return kept
    if present != revision:
        raise StaleDraft(kept if present else None)
    assert by.user is not None
    if kept is None:
        kept = Draft(task=task)
    kept.by, kept.result, kept.revision, kept.saved_at = by.user, result, revision + 1, at
    kept.save()
    extend(by=by, at=at, task_id=task_id)
    return kept


def _require_keepable(result: Any) -> None:
    try:
        written = canonical(result) if isinstance(result, list) else ""
    except (ValueError, TypeError, RecursionError):
        written = ""
    if not written or len(written) > RESULT_LIMIT or "\\u0000" in written or not is_storable(written):
        words = _("草稿应为标注结果的列表，最多 %(limit)s 个字符，且不含 NUL 字符。")
        raise InvalidInput(field="result", reason=words % {"limit": f"{RESULT_LIMIT:,}"})


def take_following(*, by: Actor, at: datetime, project_id: UUID) -> Task | None:
    """The annotator's next task of a project, handed out now if none is in hand; None when none can be had.

    It is about to be shown, so its time begins. What stands against handing one out is told where tasks are claimed.
    """
    held = next_in_hand(by, project_id)
    try:
        if held is not None:
            return extend(by=by, at=at, task_id=held.pk)
        return claim_task(by=by, at=at, project_id=project_id)
    except Refusal:
        return None
