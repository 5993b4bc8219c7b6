"""Reading what the firm's Label Studio servers hold, each time for one viewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.labelstudio.rules import parse_config, validate_result
from annotation.projects.models import Project
from annotation.projects.selectors import projects_visible_to
from annotation.servers.models import Chunk, Issue, Link, RemoteAnnotation, Server
from annotation.servers.permissions import MANAGE, VIEW
from annotation.servers.rules import Counters, counters_of
from annotation.servers.states import Aside, ChunkState, IssueState, LinkState, Outcome, ServerState
from annotation.work.models import Task
from annotation.work.rules import image_size, task_fields
from annotation.work.selectors import WORKABLE, annotators_of
from annotation.work.states import TaskState
from kernel.errors import NotFound
from organizations.models import Membership
from organizations.permissions import Actor
from web.desk import Todo

LIVE = (IssueState.WAITING, IssueState.OPEN, IssueState.MISSING)


def servers_visible_to(viewer: Actor) -> QuerySet[Server]:
    """The servers of the viewer's firm, the newest first."""
    rows = Server.objects.select_related("firm").order_by("-pk")
    if viewer.is_system:
        return rows
    return rows.filter(firm=viewer.organization_id) if viewer.can(VIEW) else rows.none()


def server_for(viewer: Actor, server_id: UUID) -> Server:
    """One server; NotFound when the viewer may not see it."""
    found = servers_visible_to(viewer).filter(pk=server_id).first()
    if found is None:
        raise NotFound
    return found


def links_visible_to(viewer: Actor) -> QuerySet[Link]:
    """The links of the viewer's firm, the newest first."""
    rows = Link.objects.select_related("server__firm", "project__firm", "holder").order_by("-pk")
    if viewer.is_system:
        return rows
    return rows.filter(server__firm=viewer.organization_id) if viewer.can(VIEW) else rows.none()


def link_for(viewer: Actor, link_id: UUID) -> Link:
    """One link; NotFound when the viewer may not see it."""
    found = links_visible_to(viewer).filter(pk=link_id).first()
    if found is None:
        raise NotFound
    return found


def may_manage(viewer: Actor) -> bool:
    """Whether the viewer connects servers and moves tasks."""
    return viewer.can(MANAGE)


def counters_for(link: Link) -> Counters:
    """The published sum of one link."""
    return counters_by_link([link])[link.pk]


def counters_by_link(links: Iterable[Link]) -> Mapping[UUID, Counters]:
    """The published sums of some links, in two queries."""
    wanted = [link.pk for link in links]
    states: dict[UUID, dict[str, int]] = {key: {} for key in wanted}
    submitted = dict.fromkeys(wanted, 0)
    rows: Iterable[dict[str, Any]] = (
        Issue.objects.filter(link__in=wanted)
        .order_by()
        .values("link", "state")
        .annotate(n=Count("pk"), given=Count("submission"))
    )
    for row in rows:
        states[row["link"]][row["state"]] = row["n"]
        submitted[row["link"]] += row["given"]
    told = dict.fromkeys(wanted, (0, 0))
    for row in (
        RemoteAnnotation.objects.filter(link__in=wanted)
        .order_by()
        .values("link")
        .annotate(
            aside=Count("pk", filter=Q(outcome=Outcome.ASIDE)),
            gone=Count("pk", filter=Q(gone_at__isnull=False)),
        )
    ):
        told[row["link"]] = (row["aside"], row["gone"])
    return {
        key: counters_of(states[key], submitted[key], aside=told[key][0], gone=told[key][1]) for key in wanted
    }


def kept_aside(link: Link) -> QuerySet[RemoteAnnotation]:
    """Results that were read and not submitted, the newest first."""
    rows = link.annotations.filter(outcome=Outcome.ASIDE)
    return rows.select_related("issue__task__item").order_by("-pk")


def aside_for(viewer: Actor, annotation_id: UUID) -> RemoteAnnotation:
    """One result that was kept aside; NotFound when the viewer may not see it."""
    rows = RemoteAnnotation.objects.filter(link__in=links_visible_to(viewer).values("pk"))
    found = rows.select_related("link").filter(pk=annotation_id, outcome=Outcome.ASIDE).first()
    if found is None:
        raise NotFound
    return found


def reasons_of(link: Link, kept: RemoteAnnotation) -> list[str]:
    """Why a result was kept aside, in the reader's language; no query when rows come from `kept_aside`."""
    if kept.aside == Aside.INVALID and kept.issue is not None:
        config = parse_config(link.project.labeling_config)
        item = kept.issue.task.item
        found = validate_result(config, task_fields(config, item), kept.result, image_size(item))
        return [problem.told for problem in found]
    return [kept.reason] if kept.reason else []


def missing_issues(link: Link) -> QuerySet[Issue]:
    """Issued tasks that the server has no longer."""
    rows = link.issues.filter(state=IssueState.MISSING)
    return rows.select_related("task__item").order_by("pk")


def unsent_chunks(link: Link) -> QuerySet[Chunk]:
    """Imports that have not been confirmed, the oldest first, each with how many tasks it holds."""
    rows = link.chunks.filter(state__in=[ChunkState.PENDING, ChunkState.SENDING])
    return rows.annotate(task_count=Count("issues")).order_by("ordinal")


def linkable_projects(viewer: Actor) -> QuerySet[Project]:
    """The firm's projects in work that have no link."""
    rows = projects_visible_to(viewer).filter(
        firm=viewer.organization_id, state__in=WORKABLE, hourly_rate_fen=None
    )
    taken = Link.objects.exclude(state=LinkState.CLOSED).values("project")
    return rows.exclude(pk__in=taken).order_by("-pk")


def holders_for(viewer: Actor) -> list[User]:
    """Who may keep issued tasks: the firm's annotators."""
    return annotators_of(viewer.organization_id)


def ready_count(link: Link) -> int:
    """How many tasks of the project wait to be handed out."""
    return link.project.tasks.filter(state=TaskState.READY).count()


def person_of(firm_id: UUID, address: str) -> Membership | None:
    """The firm's member with that e-mail address."""
    if not address:
        return None
    rows = Membership.objects.select_related("user", "organization")
    return rows.filter(
        organization=firm_id, ended_at=None, user__email__iexact=address, user__is_active=True
    ).first()


def in_hand_unissued(link: Link) -> QuerySet[Task]:
    """What the link's holder has in hand and no server has; one copy of an item at most goes to one server."""
    sent = Issue.objects.filter(state__in=LIVE).values("task")
    items = (
        Issue.objects.filter(link__server=link.server_id).exclude(task=OuterRef("pk")).values("task__item")
    )
    rows = Task.objects.filter(
        project=link.project_id,
        annotator=link.holder_id,
        state__in=[TaskState.ASSIGNED, TaskState.RETURNED],
    )
    return rows.exclude(pk__in=sent).exclude(item__in=items).select_related("project", "item").order_by("pk")


def lapsed_issues(link: Link) -> QuerySet[Issue]:
    """Live issues whose task is no longer the holder's to give: expired, released, or done elsewhere."""
    held = Q(task__annotator=link.holder_id, task__state__in=[TaskState.ASSIGNED, TaskState.RETURNED])
    return link.issues.filter(state__in=LIVE).exclude(held).order_by("pk")


def untold_returns(link: Link) -> QuerySet[Issue]:
    """Submitted tasks that came back and whose return the server does not show yet."""
    newest = (
        Task.objects.filter(pk=OuterRef("task"))
        .order_by()
        .annotate(top=Count("submissions"))
        .values("top")[:1]
    )
    rows = link.issues.filter(state=IssueState.SUBMITTED, task__state=TaskState.RETURNED)
    rows = rows.annotate(top=Subquery(newest)).filter(
        noted_ordinal__lt=F("top"), remote_task_id__isnull=False
    )
    return rows.select_related("task__project", "task__item").order_by("pk")


def todos(viewer: Actor) -> list[Todo]:
    """Gaps, lost servers and results kept aside, for the lead's desk."""
    if not viewer.can(MANAGE) or viewer.organization_id is None:
        return []
    links = list(links_visible_to(viewer).exclude(state=LinkState.CLOSED)[:50])
    counted = counters_by_link(links)
    found = []
    for link in links:
        sums, url = counted[link.pk], reverse("servers:link", args=[link.pk])
        if sums.gap:
            title = _("Label Studio 连接缺 %(count)s 条任务，请核对") % {"count": sums.gap}
            found.append(Todo(title=title, url=url, detail=link.project.title, icon="unplug", tone="red"))
        elif sums.aside:
            title = _("Label Studio 有 %(count)s 条结果未能提交") % {"count": sums.aside}
            found.append(Todo(title=title, url=url, detail=link.project.title, icon="inbox", tone="amber"))
    for server in servers_visible_to(viewer).filter(state=ServerState.FAILING)[:20]:
        title = _("Label Studio 服务器连接失败")
        url = reverse("servers:server", args=[server.pk])
        found.append(Todo(title=title, url=url, detail=server.name, icon="unplug", tone="red"))
    return found
