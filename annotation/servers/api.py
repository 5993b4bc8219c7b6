"""JSON of Label Studio servers, under /api/label-studio."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from annotation.servers import services, tasks
from annotation.servers.models import Link
from annotation.servers.schemas import AsideOut, IssuedOut, IssueIn, LinkIn, LinkOut, ServerIn, ServerOut
from annotation.servers.selectors import (
    counters_by_link,
    kept_aside,
    link_for,
    links_visible_to,
    reasons_of,
    server_for,
    servers_visible_to,
)
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock

router = Router()


def _told(link: Link) -> LinkOut:
    return LinkOut.of(link, counters_by_link([link])[link.pk])


@router.get("/servers", response=Page[ServerOut])
def server_list(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Page[ServerOut]:
    """The servers of the caller's firm, newest first."""
    rows, following = cursor_page(servers_visible_to(actor(request)), cursor=cursor, limit=limit)
    return Page[ServerOut](items=[ServerOut.of(row) for row in rows], next=following)


@router.post("/servers", response={201: ServerOut})
@idempotent
def add_server(request: HttpRequest, body: ServerIn) -> Status[ServerOut]:
    """Register a server; check it afterwards."""
    return Status(201, ServerOut.of(services.add_server(by=actor(request), at=clock.now(), **body.dict())))


@router.get("/servers/{uuid:server_id}", response=ServerOut)
def read_server(request: HttpRequest, server_id: UUID) -> ServerOut:
    """One server."""
    return ServerOut.of(server_for(actor(request), server_id))


@router.post("/servers/{uuid:server_id}/check", response=ServerOut)
@idempotent
def check_server(request: HttpRequest, server_id: UUID) -> ServerOut:
    """Ask the server who it is; `state` and `fault` say what came of it."""
    return ServerOut.of(services.check_server(by=actor(request), at=clock.now(), server_id=server_id))


@router.post("/servers/{uuid:server_id}/retire", response=ServerOut)
@idempotent
def retire_server(request: HttpRequest, server_id: UUID) -> ServerOut:
    """Take a server out of use."""
    return ServerOut.of(services.retire_server(by=actor(request), at=clock.now(), server_id=server_id))


@router.post("/servers/{uuid:server_id}/links", response={201: LinkOut})
@idempotent
def connect_project(request: HttpRequest, server_id: UUID, body: LinkIn) -> Status[LinkOut]:
    """Give a project its place on the server."""
    link = services.connect_project(by=actor(request), at=clock.now(), server_id=server_id, **body.dict())
    return Status(201, _told(link))


@router.get("/links", response=Page[LinkOut])
def link_list(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Page[LinkOut]:
    """The links of the caller's firm with their counters, newest first."""
    rows, following = cursor_page(links_visible_to(actor(request)), cursor=cursor, limit=limit)
    sums = counters_by_link(rows)
    return Page[LinkOut](items=[LinkOut.of(row, sums[row.pk]) for row in rows], next=following)


@router.get("/links/{uuid:link_id}", response=LinkOut)
def read_link(request: HttpRequest, link_id: UUID) -> LinkOut:
    """One link with its counters."""
    return _told(link_for(actor(request), link_id))


@router.get("/links/{uuid:link_id}/aside", response=Page[AsideOut])
def aside_list(
    request: HttpRequest, link_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[AsideOut]:
    """What was read and could not be submitted, newest first, with the reasons."""
    link = link_for(actor(request), link_id)
    rows, following = cursor_page(kept_aside(link), cursor=cursor, limit=limit)
    return Page[AsideOut](items=[AsideOut.of(row, reasons_of(link, row)) for row in rows], next=following)


@router.post("/links/{uuid:link_id}/issue", response={201: IssuedOut})
@idempotent
def issue_tasks(request: HttpRequest, link_id: UUID, body: IssueIn) -> Status[IssuedOut]:
    """Send tasks to the server."""
    count = services.issue_tasks(by=actor(request), at=clock.now(), link_id=link_id, count=body.count)
    tasks.exchange_soon(link_id)
    return Status(201, IssuedOut(count=count))


@router.post("/links/{uuid:link_id}/resend", response=IssuedOut)
@idempotent
def resend_missing(request: HttpRequest, link_id: UUID) -> IssuedOut:
    """Send again what the server has lost."""
    return IssuedOut(count=services.resend_missing(by=actor(request), at=clock.now(), link_id=link_id))


@router.post("/links/{uuid:link_id}/expire", response=IssuedOut)
@idempotent
def expire_missing(request: HttpRequest, link_id: UUID) -> IssuedOut:
    """Give up what the server has lost; the tasks stay in the holder's hand."""
    return IssuedOut(count=services.expire_missing(by=actor(request), at=clock.now(), link_id=link_id))


@router.post("/links/{uuid:link_id}/pause", response=LinkOut)
@idempotent
def pause_link(request: HttpRequest, link_id: UUID) -> LinkOut:
    """Stop sending and reading for a while."""
    return _told(services.pause_link(by=actor(request), at=clock.now(), link_id=link_id))


@router.post("/links/{uuid:link_id}/resume", response=LinkOut)
@idempotent
def resume_link(request: HttpRequest, link_id: UUID) -> LinkOut:
    """Send and read again."""
    return _told(services.resume_link(by=actor(request), at=clock.now(), link_id=link_id))


@router.post("/links/{uuid:link_id}/close", response=LinkOut)
@idempotent
def close_link(request: HttpRequest, link_id: UUID) -> LinkOut:
    """End a link; what was read stays."""
    return _told(services.close_link(by=actor(request), at=clock.now(), link_id=link_id))
