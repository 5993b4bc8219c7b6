"""Towards a server: tasks in chunks that are looked up before they are sent again, former results, returns."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.signing import Signer
from django.db import transaction
from django.db.models import Max, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.labelstudio.rules import parse_config
from annotation.servers.models import Chunk, Issue, Link
from annotation.servers.permissions import MANAGE
from annotation.servers.remote import Remote, RemoteFault
from annotation.servers.rules import chunks, marks_of, unique_id_of, written_task
from annotation.servers.selectors import in_hand_unissued, lapsed_issues, missing_issues, untold_returns
from annotation.servers.services.connecting import locked_link, note_answer, remote_of
from annotation.servers.states import CHUNK, ISSUE, ChunkState, IssueState, LinkState
from annotation.work.models import Task
from annotation.work.rules import task_fields
from annotation.work.selectors import latest_submission, returned_because
from annotation.work.services import ASSIGN_LIMIT, NothingReady, assign_tasks
from audit.services import record
from kernel.errors import InvalidInput, Refusal
from organizations.permissions import Actor

TAKEN_FOR = timedelta(minutes=5)
"""How long a sender may take: longer than any request lasts, so that a look-up after it sees all that arrived."""
MEDIA = Signer(salt="label-server-media")


class LinkNotActive(Refusal):
    """Tasks travel only over a link that is in use."""

    code = "label_link_not_active"
    message = gettext_lazy("连接目前%(state)s，不能收发任务。")


class NothingToIssue(Refusal):
    """There is no task that could be sent."""

    code = "label_nothing_to_issue"
    message = gettext_lazy("没有可以发出的任务：待分配的任务已发完，或同一条数据的另一副本已在这台服务器上。")


@transaction.atomic
def issue_tasks(*, by: Actor, at: datetime, link_id: UUID, count: int) -> int:
    """Put up to `count` tasks into the outbox: those in the holder's hand first, then unassigned ones. How many."""
    link = locked_link(by, link_id)
    by.require(MANAGE)
    _require_active(link)
    if not 1 <= count <= ASSIGN_LIMIT:
        words = _("发出条数应在 1 到 %(limit)s 之间。")
        raise InvalidInput(field="count", reason=words % {"limit": ASSIGN_LIMIT})
    tasks = list(in_hand_unissued(link)[:count])
    if len(tasks) < count:
        with contextlib.suppress(NothingReady):
            assign_tasks(
                by=by,
                at=at,
                project_id=link.project_id,
                annotator_id=link.holder_id,
                count=count - len(tasks),
            )
        tasks = list(in_hand_unissued(link)[:count])
    one_per_item = list({task.item_id: task for task in reversed(tasks)}.values())[::-1]
    if not one_per_item:
        raise NothingToIssue
    _outbox(link, at, one_per_item)
    record(by=by, at=at, action="label_servers.issue", subject=link, detail={"count": len(one_per_item)})
    return len(one_per_item)


def _require_active(link: Link) -> None:
    if link.state != LinkState.ACTIVE:
        raise LinkNotActive(state=link.get_state_display())


def _outbox(link: Link, at: datetime, tasks: Sequence[Task]) -> None:
    top = link.chunks.aggregate(top=Max("ordinal"))["top"] or 0
    for ordinal, part in enumerate(chunks(tasks), top + 1):
        chunk = Chunk.objects.create(link=link, ordinal=ordinal, created_at=at)
        rows = [Issue(link=link, chunk=chunk, task=task, former=latest_submission(task)) for task in part]
        Issue.objects.bulk_create(rows)


@transaction.atomic
def resend_missing(*, by: Actor, at: datetime, link_id: UUID) -> int:
    """Send again what the server has lost; how many tasks."""
    link = locked_link(by, link_id)
    by.require(MANAGE)
    _require_active(link)
    rows = list(missing_issues(link).select_for_update(of=("self",)))
    top = link.chunks.aggregate(top=Max("ordinal"))["top"] or 0
    for ordinal, part in enumerate(chunks(rows), top + 1):
        chunk = Chunk.objects.create(link=link, ordinal=ordinal, created_at=at)
        for issue in part:
            issue.chunk, issue.remote_task_id, issue.former_written_at = chunk, None, None
            fields = ["chunk", "remote_task_id", "former_written_at"]
            ISSUE.move(issue, "resend", by=by, at=at, update_fields=fields)
    link.alarmed_count = 0
    link.save(update_fields=["alarmed_count"])
    record(by=by, at=at, action="label_servers.resend", subject=link, detail={"count": len(rows)})
    return len(rows)


@transaction.atomic
def expire_missing(*, by: Actor, at: datetime, link_id: UUID) -> int:
    """Give up what the server has lost: the tasks stay in the holder's hand here. How many."""
    link = locked_link(by, link_id)
    by.require(MANAGE)
    rows = list(missing_issues(link).select_for_update(of=("self",)))
    for issue in rows:
        issue.expired_at = at
        ISSUE.move(issue, "expire", by=by, at=at, reason=_("服务器上缺失"), update_fields=["expired_at"])
    link.alarmed_count = 0
    link.save(update_fields=["alarmed_count"])
    record(by=by, at=at, action="label_servers.expire", subject=link, detail={"count": len(rows)})
    return len(rows)


@transaction.atomic
def expire_lapsed(*, by: Actor, at: datetime, link_id: UUID) -> int:
    """Call back issued tasks that are no longer the holder's (released, expired, done elsewhere). How many."""
    link = locked_link(by, link_id)
    rows = list(lapsed_issues(link).select_for_update(of=("self",)))
    for issue in rows:
        issue.expired_at = at
        ISSUE.move(issue, "expire", by=by, at=at, update_fields=["expired_at"])
    return len(rows)


def send_due(*, by: Actor, at: datetime, link_id: UUID, most: int = 50) -> int:
    """Send what waits, the oldest first, and what goes with it; how many imports were confirmed.

    A sender that died is found by its chunk being taken for too long: its tasks are looked up before anything is
    sent again. Raises RemoteFault after writing it down.
    """
    expire_lapsed(by=by, at=at, link_id=link_id)
    sent = 0
    try:
        while sent < most:
            chunk = _take(by, at, link_id)
            if chunk is None:
                break
            _send(by, at, chunk)
            sent += 1
        _write_beside(by, at, link_id)
    except RemoteFault as fault:
        note_fault(by, at, link_id, fault.code)
        raise
    return sent


@transaction.atomic
def _take(by: Actor, at: datetime, link_id: UUID) -> Chunk | None:
    link = locked_link(by, link_id)
    if link.state != LinkState.ACTIVE:
        return None
    stale = Q(state=ChunkState.SENDING, taken_at__lt=at - TAKEN_FOR)
    rows = Chunk.objects.select_for_update(of=("self",), skip_locked=True)
    chunk = rows.filter(Q(state=ChunkState.PENDING) | stale, link=link).order_by("ordinal").first()
    if chunk is None:
        return None
    chunk.taken_at, chunk.attempts = at, chunk.attempts + 1
    CHUNK.move(chunk, "take", by=by, at=at, update_fields=["taken_at", "attempts"])
    return chunk


def _send(by: Actor, at: datetime, chunk: Chunk) -> None:
    link = Link.objects.select_related("server", "project").get(pk=chunk.link_id)
    remote = remote_of(link.server)
    try:
        rows = list(
            chunk.issues.filter(state=IssueState.WAITING).select_related("task__item", "task__project")
        )
        there: dict[str, list[int]] = {}
        if chunk.attempts > 1:
            there = marks_of(remote.of_chunk(link.remote_project_id, str(chunk.pk)))
        absent = [issue for issue in rows if str(issue.pk) not in there]
        if absent:
            remote.send_tasks(link.remote_project_id, [_written(issue) for issue in absent])
            there = marks_of(remote.of_chunk(link.remote_project_id, str(chunk.pk)))
        if any(str(issue.pk) not in there for issue in rows):
            raise RemoteFault("not_label_studio")
    except RemoteFault as fault:
        _put_back(by, at, chunk.pk, fault.code)
        raise
    _confirm(by, at, chunk.pk, there)


def _written(issue: Issue, note: str = "") -> dict[str, Any]:
    config = parse_config(issue.task.project.labeling_config)
    address = ""
    if config.objects[0].kind == "image":
        address = settings.SITE_URL + reverse("servers:media", args=[MEDIA.sign(str(issue.pk))])
    return written_task(task_fields(config, issue.task.item, address), issue.pk, issue.chunk_id, note)


@transaction.atomic
def _put_back(by: Actor, at: datetime, chunk_id: UUID, fault: str) -> None:
    """A fault that came back at once: try again later, looking up first. A silent server keeps the chunk taken."""
    chunk = Chunk.objects.select_for_update(of=("self",)).get(pk=chunk_id)
    if chunk.state != ChunkState.SENDING:
        return
    chunk.fault = fault
    if fault == "unreachable":  # the request may still be under way there
        chunk.save(update_fields=["fault"])
    else:
        CHUNK.move(chunk, "put_back", by=by, at=at, reason=fault, update_fields=["fault"])


@transaction.atomic
def _confirm(by: Actor, at: datetime, chunk_id: UUID, there: dict[str, list[int]]) -> None:
    chunk = Chunk.objects.select_for_update(of=("self",)).get(pk=chunk_id)
    rows = chunk.issues.select_for_update(of=("self",)).filter(state=IssueState.WAITING).order_by("pk")
    for issue in rows:
        issue.remote_task_id, issue.issued_at = there[str(issue.pk)][0], at
        ISSUE.move(issue, "send", by=by, at=at, update_fields=["remote_task_id", "issued_at"])
    if chunk.state != ChunkState.SENDING:  # the link was closed meanwhile
        return
    chunk.sent_at, chunk.fault = at, ""
    CHUNK.move(chunk, "confirm", by=by, at=at, update_fields=["sent_at", "fault"])


def _write_beside(by: Actor, at: datetime, link_id: UUID) -> None:
    """Former results beside their tasks, and why a task came back."""
    link = Link.objects.select_related("server", "project").get(pk=link_id)
    if link.state != LinkState.ACTIVE:
        return
    formers = link.issues.filter(
        state=IssueState.OPEN, former__isnull=False, former_written_at=None, remote_task_id__isnull=False
    ).select_related("former__annotator")
    returns = untold_returns(link)
    if not (formers.exists() or returns.exists()):
        return
    remote = remote_of(link.server)
    accounts = {address: number for number, address in remote.people().items()}
    for issue in formers.order_by("pk")[:200]:
        assert issue.former is not None
        assert issue.remote_task_id is not None
        author = accounts.get(issue.former.annotator.email.lower())
        key = str(unique_id_of(issue.former_id, link.pk)) if issue.former_id else ""
        remote.write_annotation(issue.remote_task_id, issue.former.result, key, author)
        Issue.objects.filter(pk=issue.pk).update(former_written_at=at)
    for issue in returns[:200]:
        _tell_return(remote, issue)


def _tell_return(remote: Remote, issue: Any) -> None:
    """The reviewer's reason as a field of the task there."""
    note = str(returned_because(issue.task)) or str(_("退回返工"))
    try:
        remote.write_data(issue.remote_task_id, _written(issue, note)["data"])
    except RemoteFault as fault:
        if fault.status != 404:  # deleted there: the sweep finds out, and the person sees the return here
            raise
    Issue.objects.filter(pk=issue.pk).update(noted_ordinal=issue.top)


def note_fault(by: Actor, at: datetime, link_id: UUID, code: str) -> None:
    """Write a fault down at the link, and at the server when all of it is concerned."""
    link = Link.objects.select_related("server").get(pk=link_id)
    Link.objects.filter(pk=link_id).update(fault=code)
    if code in ("unreachable", "token_refused", "address_not_allowed"):
        note_answer(by=by, at=at, server_id=link.server_id, fault=code)
