"""Which events a viewer sees, narrowed by what they look for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

from audit.models import AuditEvent, ChainLink
from audit.permissions import READ_ALL, READ_OWN
from kernel.errors import NotFound
from organizations.models import Organization
from organizations.permissions import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an auditor looks for; every given part narrows."""

    text: str = ""  # a public number, a name, or an id
    who: str = ""
    action: str = ""
    organization_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far the log is sealed."""

    length: int
    head: str
    sealed_at: datetime | None
    waiting_count: int


def may_read(viewer: Actor) -> bool:
    """Whether the viewer reads any of the log."""
    return viewer.can(READ_ALL) or viewer.can(READ_OWN)


def events_visible_to(viewer: Actor) -> QuerySet[AuditEvent]:
    """Everything for auditors; what was done by or to their organization for its administrators."""
    if viewer.can(READ_ALL):
        return AuditEvent.objects.all()
    if viewer.can(READ_OWN):
        own = Q(organization_id=viewer.organization_id) | Q(subject_id=viewer.organization_id)
        return AuditEvent.objects.filter(own)
    return AuditEvent.objects.none()


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def matching(rows: QuerySet[AuditEvent], question: Question) -> QuerySet[AuditEvent]:
    """The rows that answer the question; a text is found in names, numbers, ids and in the told detail."""
    text = question.text.strip()
    found_id = _as_id(text)
    if found_id:
        rows = rows.filter(Q(subject_id=found_id) | Q(pk=found_id) | Q(user_id=found_id))
    elif text:
        rows = rows.annotate(told=Cast("detail", TextField()))
        rows = rows.filter(Q(subject_label__icontains=text) | Q(told__icontains=text))
    if question.who:
        rows = rows.filter(actor_label__icontains=question.who)
    if question.action:
        rows = rows.filter(action=question.action)
    if question.organization_id:
        rows = rows.filter(organization_id=question.organization_id)
    if question.since:
        rows = rows.filter(at__gte=question.since)
    if question.until:
        rows = rows.filter(at__lt=question.until)
    return rows


def event_visible_to(viewer: Actor, event_id: UUID) -> AuditEvent:
    """One event; NotFound otherwise."""
    found = events_visible_to(viewer).select_related("link").filter(pk=event_id).first()
    if found is None:
        raise NotFound
    return found


def link_of(event: AuditEvent) -> ChainLink | None:
    """The event's place in the chain, None while it waits to be sealed."""
    return ChainLink.objects.filter(event_id=event.pk).first()


def neighbours(event: AuditEvent) -> tuple[ChainLink | None, ChainLink | None, ChainLink | None]:
    """The links before, of and after the event."""
    link = link_of(event)
    if link is None:
        return None, None, None
    around = {
        one.position: one
        for one in ChainLink.objects.filter(position__in=(link.position - 1, link.position + 1))
    }
    return around.get(link.position - 1), link, around.get(link.position + 1)


def actions() -> list[str]:
    """Every action that was ever recorded."""
    return list(AuditEvent.objects.order_by("action").values_list("action", flat=True).distinct())


def chain_state() -> ChainState:
    """Length and head of the chain, and how many events wait for it."""
    final = ChainLink.objects.order_by("-position").first()
    waiting = AuditEvent.objects.filter(link=None).count()
    if final is None:
        return ChainState(0, "", None, waiting)
    return ChainState(final.position, final.hash, final.sealed_at, waiting)


def organization_names(rows: list[AuditEvent]) -> dict[UUID, str]:
    """Names of the organizations that these events were done for, in one query."""
    wanted = {row.organization_id for row in rows if row.organization_id}
    return {one.pk: str(one) for one in Organization.objects.filter(pk__in=wanted)}


def trail_of(subject: Model) -> QuerySet[AuditEvent]:
    """Everything that was ever done to one thing, oldest first."""
    return AuditEvent.objects.filter(subject_id=subject.pk).order_by("at", "pk")
