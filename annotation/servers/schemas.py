"""JSON of Label Studio servers. A token goes in and never comes out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Field, Schema

from annotation.servers.models import Link, RemoteAnnotation, Server
from annotation.servers.rules import Counters
from annotation.servers.states import Aside


class ServerIn(Schema):
    """A server to register: address and the token of its administrator's account."""

    name: str
    address: str
    token: str


class ServerOut(Schema):
    """A server as its firm sees it."""

    id: UUID
    name: str
    address: str
    version: str
    fault: str
    checked_at: datetime | None
    state: str

    @classmethod
    def of(cls, server: Server) -> ServerOut:
        return cls.model_validate(server, from_attributes=True)


class LinkIn(Schema):
    """A project to link, and the annotator who keeps the tasks that are sent."""

    project_id: UUID
    holder_id: UUID


class CountersOut(Schema):
    """issued = submitted + open + expired; `gap` is what is missing in that sum."""

    waiting: int
    issued: int
    submitted: int
    open: int
    expired: int
    gap: int
    aside: int
    gone: int


class LinkOut(Schema):
    """A link with its published counters."""

    id: UUID
    server_id: UUID
    project_id: UUID
    holder_id: UUID
    remote_project_id: int
    fault: str
    pulled_at: datetime | None
    swept_at: datetime | None
    state: str
    counters: CountersOut

    @classmethod
    def of(cls, link: Link, sums: Counters) -> LinkOut:
        names = CountersOut.model_fields
        return cls(
            id=link.pk,
            server_id=link.server_id,
            project_id=link.project_id,
            holder_id=link.holder_id,
            remote_project_id=link.remote_project_id,
            fault=link.fault,
            pulled_at=link.pulled_at,
            swept_at=link.swept_at,
            state=link.state,
            counters=CountersOut(**{name: getattr(sums, name) for name in names}),
        )


class IssueIn(Schema):
    """How many tasks to send."""

    count: int = Field(ge=1, le=1_000)


class IssuedOut(Schema):
    """How many tasks were put into the outbox."""

    count: int


class AsideOut(Schema):
    """A result that was kept aside; `code` is stable, `reasons` are in the caller's language."""

    id: UUID
    task_id: UUID | None
    remote_id: int
    author: str
    code: str
    label: str
    reasons: list[str]
    read_at: datetime

    @classmethod
    def of(cls, kept: RemoteAnnotation, reasons: list[str]) -> AsideOut:
        return cls(
            id=kept.pk,
            task_id=kept.issue.task_id if kept.issue else None,
            remote_id=kept.remote_id,
            author=kept.author,
            code=kept.aside,
            label=str(Aside(kept.aside).label) if kept.aside else "",
            reasons=reasons,
            read_at=kept.read_at,
        )
