"""Long work: queued as a row and a task, run by any worker, safe to be handed out twice.

A kind of work is a function `(job, progress)` registered by `@job_kind("name")` in its app's `tasks.py`. It
commits in steps and goes on where it stopped, because a worker may die at any moment and the task comes
back. It may return plain JSON values; `url` among them becomes the link to the result.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache import cache
from django.db import connection, transaction
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.services import record
from jobs.models import Job
from jobs.permissions import RETRY
from jobs.selectors import job_visible_to
from jobs.states import JOB, JobState
from kernel import clock
from kernel.errors import Refusal
from notifications.services import notify
from organizations.permissions import Actor

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 20
WRITE_EVERY_SECONDS = 0.5
LOST_AFTER = timedelta(minutes=2)
HEARTBEAT_KEY = "jobs.heartbeat"
HEARTBEAT_LIFETIME = 3600  # seconds

Work = Callable[["Job", "Progress"], dict[str, Any] | None]
KINDS: dict[str, Work] = {}


class UnknownKind(Refusal):
    """No such work is registered."""

    code = "job_kind_unknown"
    message = gettext_lazy("没有名为“%(kind)s”的作业。")
    status = 422


def job_kind(name: str) -> Callable[[Work], Work]:
    """Register the decorated function as the work behind jobs of this kind."""

    def register(work: Work) -> Work:
        assert name not in KINDS, f"job kind {name} is registered twice"
        KINDS[name] = work
        return work

    return register


class Progress:
    """How far a job is; writes to its row at most twice a second, outside the work's own sums."""

    def __init__(self, job: Job) -> None:
        self._job_id, self._written_at = job.pk, 0.0
        self.done, self.total = job.done_count, job.total_count

    def start(self, total: int, *, done: int = 0) -> None:
        """Say how much there is, and how much was done before a break."""
        self.done, self.total = done, total
        self.write()

    def advance(self, count: int = 1) -> None:
        """So much more is done."""
        self.done += count
        if time.monotonic() - self._written_at >= WRITE_EVERY_SECONDS:
            self.write()

    def write(self) -> None:
        """Write now."""
        self._written_at = time.monotonic()
        Job.objects.filter(pk=self._job_id).update(done_count=self.done, total_count=self.total)


@transaction.atomic
def queue(
    *,
    by: Actor,
    at: datetime,
    kind: str,
    title: str | Promise,
    arguments: dict[str, Any] | None = None,
    total: int = 0,
) -> Job:
    """Queue work of a registered kind with plain JSON arguments (ids, not objects); starts after commit."""
    if kind not in KINDS:
        raise UnknownKind(kind=kind)
    job = Job.objects.create(
        organization=by.organization,
        started_by=by.user,
        kind=kind,
        title=str(title)[:160],
        arguments=arguments or {},
        total_count=total,
        created_at=at,
    )
    record(by=by, at=at, action="jobs.queue", subject=job, detail={"kind": kind, "arguments": job.arguments})
    send(job)
    return job


def send(job: Job) -> None:
    """Hand the job's task to the broker once the transaction is committed."""
    from jobs.tasks import run_job

    transaction.on_commit(lambda: run_job.delay(str(job.pk)))


@contextmanager
def _sole_runner(job_id: UUID) -> Iterator[bool]:
    """Whether nobody else runs this job now; held by the database session, so a dead worker lets go."""
    number = job_id.int & 0x7FFF_FFFF_FFFF_FFFF
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        (is_held,) = cursor.fetchone()
    try:
        yield is_held
    finally:
        if is_held and connection.connection is not None and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


@transaction.atomic
def _start(job_id: UUID, at: datetime) -> Job | None:
    job = Job.objects.select_for_update(of=("self",)).filter(pk=job_id).first()
    if job is None or job.state not in (JobState.QUEUED, JobState.RUNNING):
        return None
    job.attempt_count += 1
    JOB.move(job, "start", by=Actor.system("jobs"), at=at, update_fields=["attempt_count"])
    return job


@transaction.atomic
def _end(job_id: UUID, *, result: dict[str, Any] | None = None, error: str = "") -> Job:
    job = Job.objects.select_for_update(of=("self",)).get(pk=job_id)
    at = clock.now()
    job.ended_at, job.error = at, error
    if error:
        JOB.move(
            job, "fail", by=Actor.system("jobs"), at=at, reason=error, update_fields=["ended_at", "error"]
        )
    else:
        job.result = result or {}
        job.result_url = str(job.result.get("url", ""))[:300]
        job.done_count = job.total_count = max(job.done_count, job.total_count)
        changed = ["ended_at", "error", "result", "result_url", "done_count", "total_count"]
        JOB.move(job, "succeed", by=Actor.system("jobs"), at=at, update_fields=changed)
    _tell(job, at)
    return job


def _tell(job: Job, at: datetime) -> None:
    """Tell who started the work what became of it."""
    is_done = job.state == JobState.SUCCEEDED
    notify(
        users=[job.started_by] if job.started_by else [],
        at=at,
        title=gettext_lazy("已完成：%(title)s") if is_done else gettext_lazy("未完成：%(title)s"),
        body=job.error.replace("%", "%%"),
        words={"title": job.title},
        url=reverse("jobs:detail", args=[job.pk]),
        organization_id=job.organization_id,
        is_mailed=False,
    )


def run(*, job_id: UUID, at: datetime) -> JobState | None:
    """Do the work of a job, or go on with it; what became of it, None when there was nothing to do.

    A refusal or a mistake in the work ends the job with one sentence; running out of a task's time sends
    it round again as long as it gets further.
    """
    with _sole_runner(job_id) as is_sole:
        job = _start(job_id, at) if is_sole else None
        if job is None:
            return None
        if job.attempt_count > MOST_ATTEMPTS:
            return _ended(job, error=_("作业多次中断，已停止。请重试；仍然失败请联系运营方。"))
        return _work(job)


def _work(job: Job) -> JobState:
    progress = Progress(job)
    before, result, error = progress.done, None, ""
    try:
        result = KINDS[job.kind](job, progress)
    except SoftTimeLimitExceeded:
        progress.write()
        if progress.done > before:
            send(job)
            return JobState.RUNNING
        error = _("单个步骤超过时限，请缩小范围后重试。")
    except Refusal as refusal:
        error = str(refusal)
    except Exception:
        logger.exception("job %s (%s) failed", job.pk, job.kind)
        error = _("办理中出现意外错误，参考号 %(id)s。请重试或联系运营方。") % {"id": job.pk}
    progress.write()
    return _ended(job, result=result, error=error)


def _ended(job: Job, *, result: dict[str, Any] | None = None, error: str = "") -> JobState:
    return JobState(_end(job.pk, result=result, error=error).state)


@transaction.atomic
def retry(*, by: Actor, at: datetime, job_id: UUID) -> Job:
    """Queue failed work again; for who started it and for administrators."""
    job_visible_to(by, job_id)
    job = Job.objects.select_for_update(of=("self",)).get(pk=job_id)
    if by.user_id is None or by.user_id != job.started_by_id:
        by.require(RETRY)
    JOB.check(job, "retry")
    job.error, job.ended_at, job.attempt_count = "", None, 0
    JOB.move(job, "retry", by=by, at=at, update_fields=["error", "ended_at", "attempt_count"])
    record(by=by, at=at, action="jobs.retry", subject=job)
    send(job)
    return job


def resend_lost(*, at: datetime, limit: int = 200) -> int:
    """Send again what should run but that no worker holds (a broker lost its queue); how many.

    Each job is sent at most once in ten minutes; one that did run does nothing the second time.
    """
    waiting = Job.objects.filter(
        state__in=(JobState.QUEUED, JobState.RUNNING), created_at__lt=at - LOST_AFTER
    )
    count = 0
    for job in waiting.order_by("pk")[:limit]:
        with _sole_runner(job.pk) as is_idle:
            if not is_idle:
                continue
        if cache.add(f"jobs.resent.{job.pk}", True, timeout=600):
            send(job)
            count += 1
    return count


def beat(*, at: datetime) -> None:
    """A worker says that it works."""
    cache.set(HEARTBEAT_KEY, int(at.timestamp()), timeout=HEARTBEAT_LIFETIME)


def worker_heartbeat_age() -> int | None:
    """Whole seconds since a worker last ran the heart-beat task; None when none did within the hour."""
    beaten_at = cache.get(HEARTBEAT_KEY)
    return None if beaten_at is None else max(int(clock.now().timestamp()) - int(beaten_at), 0)
