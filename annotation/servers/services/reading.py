"""From a server: what changed since the cursor, everything at night, each result submitted once or kept aside with why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from annotation.servers.events import GapFound, ResultsKeptAside
from annotation.servers.models import Issue, Link, RemoteAnnotation
from annotation.servers.permissions import MANAGE
from annotation.servers.remote import Remote, RemoteFault
from annotation.servers.rules import OVERLAP, Heard, heard_of, marks_of, moment_of
from annotation.servers.selectors import LIVE, aside_for, counters_for, person_of
from annotation.servers.services.connecting import locked_link, note_answer, remote_of
from annotation.servers.services.sending import TAKEN_FOR, LinkNotActive, expire_lapsed, note_fault
from annotation.servers.states import ISSUE, SELF_HEALING, Aside, IssueState, LinkState, Outcome
from annotation.work.models import Submission, Task
from annotation.work.permissions import LABEL
from annotation.work.selectors import latest_submission
from annotation.work.services import ResultRefused, hand_over, skip, submit
from annotation.work.states import TaskState
from audit.services import record
from kernel.errors import Refusal
from kernel.events import announce
from organizations.permissions import Actor

PAGES_A_RUN = 200
DONE_HERE = (TaskState.SUBMITTED, TaskState.IN_REVIEW, TaskState.ACCEPTED, TaskState.DISPUTED)
SYNC = Actor.system("Label Studio")


class _KeepAside(Exception):
    """This result cannot be submitted now."""

    def __init__(self, why: Aside, reason: str = "") -> None:
        super().__init__(why)
        self.why, self.reason = why, reason


def pull(
    *,
    by: Actor,
    at: datetime,
    link_id: UUID,
    since: datetime | None = None,
    most_pages: int = PAGES_A_RUN,
) -> datetime | None:
    """Read what changed there since the cursor (less the overlap), or since where an earlier part of the run stopped.

    The answer is where to go on; None at the end. The cursor moves after a page is stored: whoever dies in between
    reads the page again, which changes nothing. Raises RemoteFault after writing it down.
    """
    link = _active_link(link_id)
    if link is None:
        return None
    if since is None and link.cursor_at:
        since = link.cursor_at - OVERLAP
    try:
        remote = remote_of(link.server)
        authors = remote.people()
        for number, page in enumerate(remote.changed_since(link.remote_project_id, since), 1):
            _take_in(link, at, [heard for task in page for heard in heard_of(task, authors)])
            if page:
                latest = moment_of(page[-1]["updated_at"])
                _move_cursor(link_id, latest)
                if number >= most_pages and latest != since:
                    return latest
    except RemoteFault as fault:
        note_fault(by, at, link_id, fault.code)
        raise
    _note_read(by, at, link, "pulled_at")
    return None


def sweep(*, by: Actor, at: datetime, link_id: UUID, most_pages: int = PAGES_A_RUN) -> bool:
    """Compare with everything that stands there; False when it goes on in another run. Raises RemoteFault.

    Finds results that no pull saw, tasks and results that are gone (what we have stays), and takes away doubles and
    called-back tasks on which nobody worked.
    """
    link = _active_link(link_id)
    if link is None:
        return True
    if not link.sweep_above or link.sweep_began_at is None:
        link.sweep_began_at, link.sweep_above = at, 0
        link.save(update_fields=["sweep_began_at", "sweep_above"])
    try:
        remote = remote_of(link.server)
        authors = remote.people()
        for number, page in enumerate(remote.everything(link.remote_project_id, link.sweep_above), 1):
            _compare(link, remote, at, page, authors)
            if number >= most_pages and page:
                Link.objects.filter(pk=link_id).update(sweep_above=max(int(task["id"]) for task in page))
                return False
    except RemoteFault as fault:
        note_fault(by, at, link_id, fault.code)
        raise
    _conclude_sweep(by, at, link)
    for kept in link.annotations.filter(outcome=Outcome.ASIDE, aside__in=SELF_HEALING).order_by("pk"):
        _take(link, at, None, kept)
    expire_lapsed(by=by, at=at, link_id=link_id)
    _note_read(by, at, link, "swept_at")
    return True


def retry_aside(*, by: Actor, at: datetime, annotation_id: UUID) -> RemoteAnnotation:
    """Try once more to submit a result that was kept aside; it stays aside, with the present reason, when it fails."""
    kept = aside_for(by, annotation_id)
    by.require(MANAGE)
    link = _active_link(kept.link_id)
    if link is None:
        raise LinkNotActive(state=kept.link.get_state_display())
    _take(link, at, None, kept)
    kept.refresh_from_db()
    record(
        by=by, at=at, action="label_servers.retry", subject=kept.link, detail={"remote_id": kept.remote_id}
    )
    return kept


def _active_link(link_id: UUID) -> Link | None:
    rows = Link.objects.select_related("server", "project").filter(pk=link_id, state=LinkState.ACTIVE)
    return rows.first()


def _move_cursor(link_id: UUID, seen: datetime) -> None:
    with transaction.atomic():
        link = locked_link(SYNC, link_id)
        if link.cursor_at is None or link.cursor_at < seen:
            link.cursor_at = seen
            link.save(update_fields=["cursor_at"])


@transaction.atomic
def _note_read(by: Actor, at: datetime, link: Link, moment: str) -> None:
    """The link was read to its end: tell what was kept aside and what is missing, once."""
    found = locked_link(SYNC, link.pk)
    setattr(found, moment, at)
    found.fault = ""
    untold = found.annotations.filter(outcome=Outcome.ASIDE, told_at=None)
    if count := untold.update(told_at=at):
        announce(ResultsKeptAside(at=at, link_id=found.pk, count=count))
    gap = abs(counters_for(found).gap)
    if gap > found.alarmed_count:
        announce(GapFound(at=at, link_id=found.pk, count=gap))
    found.alarmed_count = gap
    found.save(update_fields=[moment, "fault", "alarmed_count"])
    note_answer(by=by, at=at, server_id=found.server_id, fault="")


# --- one result -------------------------------------------------------------------------------------


def _take_in(link: Link, at: datetime, heard: Iterable[Heard]) -> None:
    """Each result that is not known yet, in a transaction of its own."""
    rows = list(heard)
    known = link.annotations.filter(remote_id__in=[each.remote_id for each in rows])
    newest = {each.remote_id: each for each in known.defer("result").order_by("remote_updated_at", "pk")}
    for each in rows:
        latest = newest.get(each.remote_id)
        if latest is None or (
            each.updated_at > latest.remote_updated_at
            and (each.sha256, each.is_skip) != (latest.sha256, latest.is_skip)
        ):
            _take(link, at, each, None)


@transaction.atomic
def _take(link: Link, at: datetime, heard: Heard | None, kept: RemoteAnnotation | None) -> None:
    """Store one result as it was read and submit it, or write down why not."""
    if kept is None:
        assert heard is not None
        kept = _stored(link, at, heard)
    else:
        kept = RemoteAnnotation.objects.select_for_update(of=("self",)).get(pk=kept.pk)
    if kept is None or kept.outcome != Outcome.ASIDE:
        return
    rows = Issue.objects.select_for_update(of=("self",)).select_related("task")
    issue = rows.get(pk=kept.issue_id) if kept.issue_id else None
    before = (kept.aside, kept.reason)
    with translation.override(settings.LANGUAGE_CODE):  # what is stored is in the source's language
        try:
            with transaction.atomic():
                kept.outcome, kept.submission = _done(link, at, issue, kept)
            kept.aside, kept.reason = "", ""
        except _KeepAside as found:
            kept.aside, kept.reason = found.why, found.reason
        except ResultRefused as refusal:
            kept.aside, kept.reason = Aside.INVALID, " ".join(refusal.reasons[:20])
        except Refusal as refusal:
            kept.aside, kept.reason = Aside.REFUSED, str(refusal)
    if kept.outcome == Outcome.ASIDE and before != (kept.aside, kept.reason):
        kept.told_at = None
    kept.save(update_fields=["outcome", "submission", "aside", "reason", "told_at"])


def _stored(link: Link, at: datetime, heard: Heard) -> RemoteAnnotation | None:
    """The row of this version; None when another reader has just made it."""
    mark = _uuid(heard.task_mark)
    issue = Issue.objects.filter(pk=mark, link=link).first() if mark else None
    row = RemoteAnnotation(
        link=link,
        issue=issue,
        remote_id=heard.remote_id,
        remote_task_id=heard.remote_task_id,
        author=heard.author[:254],
        is_skip=heard.is_skip,
        result=heard.result,
        sha256=heard.sha256,
        remote_updated_at=heard.updated_at,
        read_at=at,
        outcome=Outcome.ASIDE,
        aside=Aside.REFUSED,
    )
    RemoteAnnotation.objects.bulk_create([row], ignore_conflicts=True)
    former = link.annotations.filter(remote_id=row.remote_id, outcome=Outcome.ASIDE).exclude(pk=row.pk)
    former.filter(remote_updated_at__lt=row.remote_updated_at).update(outcome=Outcome.SUPERSEDED)
    return RemoteAnnotation.objects.select_for_update(of=("self",)).filter(pk=row.pk).first()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _done(
    link: Link, at: datetime, issue: Issue | None, kept: RemoteAnnotation
) -> tuple[Outcome, Submission | None]:
    """Submit (or skip) as the person who made it. Raises _KeepAside or a refusal of the task's own rules."""
    if issue is None:
        raise _KeepAside(Aside.UNKNOWN_TASK)
    membership = person_of(link.server.firm_id, kept.author)
    if membership is None:
        raise _KeepAside(Aside.UNKNOWN_PERSON)
    person = Actor.of(membership)
    if not person.can(LABEL):
        raise _KeepAside(Aside.NOT_LABELLER, str(membership.user))
    task = Task.objects.select_for_update(of=("self",)).get(pk=issue.task_id)
    former = latest_submission(task)
    if not kept.is_skip and former and _is_of(former, membership.user_id, kept.sha256):
        if former.pk != issue.former_id:
            _note_submission(issue, former, at)
        return Outcome.SAME, former
    if task.state in DONE_HERE:
        raise _KeepAside(Aside.AFTER_SUBMISSION, task.get_state_display())
    _into_hand(link, at, issue, task, person)
    if kept.is_skip:
        skip(by=person, at=at, task_id=task.pk, reason=_("在 Label Studio 中跳过"))
        if issue.state in LIVE:
            issue.expired_at = at
            ISSUE.move(issue, "expire", by=SYNC, at=at, update_fields=["expired_at"])
        return Outcome.SKIPPED, None
    submission = submit(by=person, at=at, task_id=task.pk, result=kept.result, is_timed=False)
    _note_submission(issue, submission, at)
    return Outcome.SUBMITTED, submission


def _is_of(former: Submission, user_id: UUID, sha256: str) -> bool:
    return former.annotator_id == user_id and former.result_sha256 == sha256


def _into_hand(link: Link, at: datetime, issue: Issue, task: Task, person: Actor) -> None:
    """The task in the hand of who did it: from the holder, or from nobody; never from somebody else."""
    assert person.user_id is not None
    if task.annotator_id == person.user_id and task.state in (TaskState.ASSIGNED, TaskState.RETURNED):
        return
    is_holders = task.state == TaskState.ASSIGNED and task.annotator_id == link.holder_id
    if task.state in (TaskState.READY, TaskState.SKIPPED) or (is_holders and issue.state in LIVE):
        hand_over(by=SYNC, at=at, task_id=task.pk, annotator_id=person.user_id)
        return
    raise _KeepAside(Aside.OTHER_HANDS, task.get_state_display())


def _note_submission(issue: Issue, submission: Submission, at: datetime) -> None:
    issue.submission = submission
    if issue.state == IssueState.SUBMITTED:
        issue.save(update_fields=["submission"])
    else:
        ISSUE.move(issue, "submit", by=SYNC, at=at, update_fields=["submission"])


# --- the sweep --------------------------------------------------------------------------------------


def _compare(
    link: Link, remote: Remote, at: datetime, page: list[dict[str, Any]], authors: dict[int, str]
) -> None:
    """One page of everything: read what is new, note what was seen, take away what nobody needs."""
    heard = [each for task in page for each in heard_of(task, authors)]
    _take_in(link, at, heard)
    began = link.sweep_began_at
    link.annotations.filter(remote_id__in=[each.remote_id for each in heard]).update(
        seen_at=began, gone_at=None
    )
    marks = {key: numbers for mark, numbers in marks_of(page).items() if (key := _uuid(mark))}
    worked_on = {each.remote_task_id for each in heard}
    superfluous: list[int] = []
    with transaction.atomic():
        rows = link.issues.select_for_update(of=("self",)).filter(pk__in=marks).order_by("pk")
        for issue in rows.exclude(state=IssueState.WAITING):
            numbers = marks[issue.pk]
            if issue.seen_at != began:  # the first of its doubles in this sweep, which goes by number
                if issue.remote_task_id not in numbers:
                    issue.remote_task_id = numbers[0]
                issue.seen_at = began
            changed = ["seen_at", "remote_task_id"]
            if issue.state == IssueState.MISSING:
                ISSUE.move(issue, "find", by=SYNC, at=at, update_fields=changed)
            else:
                issue.save(update_fields=changed)
            kept = () if issue.state == IssueState.EXPIRED else (issue.remote_task_id,)
            superfluous += [number for number in numbers if number not in kept and number not in worked_on]
    for number in superfluous:
        remote.remove_task(number)


@transaction.atomic
def _conclude_sweep(by: Actor, at: datetime, link: Link) -> None:
    """What was not seen is gone there; our submissions are not touched by that."""
    locked_link(SYNC, link.pk)
    began = link.sweep_began_at
    assert began is not None
    settled = began - TAKEN_FOR - timedelta(minutes=5)  # a task sent while the list was read may not be in it
    unseen = link.issues.select_for_update(of=("self",)).filter(state=IssueState.OPEN, issued_at__lt=settled)
    for issue in unseen.exclude(seen_at=began).order_by("pk"):
        ISSUE.move(issue, "miss", by=by, at=at)
    gone = link.annotations.filter(gone_at=None, read_at__lt=began).exclude(seen_at=began)
    gone.update(gone_at=at)
    Link.objects.filter(pk=link.pk).update(sweep_above=0, sweep_began_at=None)
