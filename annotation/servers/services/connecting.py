"""Servers and links: add, check, connect, pause, close."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.projects.models import Project
from annotation.projects.rules import is_storable
from annotation.projects.selectors import project_for
from annotation.servers.events import ServerLost
from annotation.servers.models import Link, Server
from annotation.servers.permissions import MANAGE
from annotation.servers.remote import Remote, RemoteFault, looked_up
from annotation.servers.rules import title_of
from annotation.servers.selectors import LIVE, link_for, links_visible_to, server_for, servers_visible_to
from annotation.servers.states import CHUNK, ISSUE, LINK, SERVER, ChunkState, LinkState, ServerState
from annotation.work.selectors import WORKABLE, firm_annotator
from audit.services import record
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from organizations.models import Organization
from organizations.permissions import Actor
from signing.sealing import Box

BOX = Box("label-server-token")
NAME_LIMIT, ADDRESS_LIMIT, TOKEN_LIMIT = 80, 300, 1_000
FAULTS = {
    "unreachable": gettext_lazy("服务器没有应答，请确认它在运行、地址与端口正确、网络相通。"),
    "address_not_allowed": gettext_lazy(
        "地址不允许：须为公网 https 地址；内网或回环地址须由平台管理员放行。"
    ),
    "token_refused": gettext_lazy("服务器不认令牌，请换成管理员账号的访问令牌。"),
    "not_label_studio": gettext_lazy("应答不像 Label Studio，请核对地址。"),
    "not_found": gettext_lazy("服务器上没有这个项目，可能已被删除。"),
    "refused": gettext_lazy("服务器不接受请求，请核对版本（1.23 已验证）与标注配置。"),
    "conflict": gettext_lazy("服务器上已有同样的内容。"),
    "answer_too_large": gettext_lazy("应答过大，请联系平台管理员。"),
}


class ServerUnreachable(Refusal):
    """A server did not do what was asked; nothing changed here."""

    code = "label_server_unreachable"
    message = gettext_lazy("Label Studio 服务器：%(reason)s")
    status = 502


class ServerNotUsable(Refusal):
    """A server is linked to only after a check that it passed."""

    code = "label_server_not_usable"
    message = gettext_lazy("服务器目前%(state)s，请先检查连接。")


class ServerInUse(Refusal):
    """A server with links in use stays."""

    code = "label_server_in_use"
    message = gettext_lazy("还有 %(count)s 个项目连接在这台服务器上，请先结束连接。")


class AddressTaken(Refusal):
    """A firm knows an address once."""

    code = "label_server_address_taken"
    message = gettext_lazy("这个地址已经登记过了，请直接使用那台服务器，或先停用它。")


class ProjectNotLinkable(Refusal):
    """Only a project in work, and only once."""

    code = "label_link_not_possible"
    message = gettext_lazy("项目不能连接：%(reason)s")


class HintsNotTaken(Refusal):
    """A hint without the secret of its link."""

    code = "label_hint_refused"
    message = gettext_lazy("提示没有带正确的密钥。")
    status = 404


def fault_words(code: str) -> str:
    """What a fault's code means and what to do."""
    return str(FAULTS.get(code, code))


def remote_of(server: Server) -> Remote:
    """The server as one that can be asked."""
    return Remote(server.address, BOX.opened(server.token_sealed))


def locked_server(by: Actor, server_id: UUID) -> Server:
    """The server, locked until the transaction ends; NotFound when not visible."""
    found = servers_visible_to(by).select_for_update(of=("self",), no_key=True).filter(pk=server_id).first()
    if found is None:
        raise NotFound
    return found


def locked_link(by: Actor, link_id: UUID) -> Link:
    """The link, locked until the transaction ends; NotFound when not visible."""
    found = links_visible_to(by).select_for_update(of=("self",), no_key=True).filter(pk=link_id).first()
    if found is None:
        raise NotFound
    return found


def _checked_address(address: str) -> str:
    cleaned = address.strip().rstrip("/")
    try:
        scheme = urlsplit(cleaned).scheme
        if not scheme or len(cleaned) > ADDRESS_LIMIT or not is_storable(cleaned):
            raise ValueError
        looked_up(cleaned)
    except ValueError as error:
        raise InvalidInput(
            field="address", reason=_("请填写完整地址，例如 https://labels.example.cn。")
        ) from error
    except RemoteFault as fault:
        raise InvalidInput(field="address", reason=fault_words(fault.code)) from fault
    return cleaned


def _checked_token(token: str) -> str:
    cleaned = token.strip()
    if not 8 <= len(cleaned) <= TOKEN_LIMIT or not cleaned.isascii() or not cleaned.isprintable():
        raise InvalidInput(field="token", reason=_("请粘贴 Label Studio 账号设置中的访问令牌。"))
    return cleaned


def add_server(
    *, by: Actor, at: datetime, name: str, address: str, token: str, firm: Organization | None = None
) -> Server:
    """Register a server of the actor's firm (the system names the firm). The token is sealed at once."""
    by.require(MANAGE)
    owner = firm if by.is_system else by.organization
    if owner is None:
        raise NotFound
    words = " ".join(name.split())
    if not words or len(words) > NAME_LIMIT or not is_storable(words):
        raise InvalidInput(
            field="name", reason=_("请填写名称，最多 %(limit)s 个字。") % {"limit": NAME_LIMIT}
        )
    where, sealed = _checked_address(address), BOX.sealed(_checked_token(token))
    with transaction.atomic():
        Organization.objects.select_for_update(of=("self",), no_key=True).get(pk=owner.pk)
        known = Server.objects.filter(firm=owner, address=where).exclude(state=ServerState.RETIRED)
        if known.exists():
            raise AddressTaken(field="address")
        server = Server.objects.create(
            firm=owner, name=words, address=where, token_sealed=sealed, created_by=by.user, created_at=at
        )
        record(by=by, at=at, action="label_servers.add", subject=server, detail={"address": where})
    return server


@transaction.atomic
def replace_token(*, by: Actor, at: datetime, server_id: UUID, token: str) -> Server:
    """Put another token in the place of the one that is known."""
    server = locked_server(by, server_id)
    by.require(MANAGE)
    if server.state == ServerState.RETIRED:
        raise ServerNotUsable(state=server.get_state_display())
    server.token_sealed = BOX.sealed(_checked_token(token))
    server.save(update_fields=["token_sealed"])
    record(by=by, at=at, action="label_servers.replace_token", subject=server)
    return server


def check_server(*, by: Actor, at: datetime, server_id: UUID) -> Server:
    """Ask the server who it is; its state says afterwards whether it can be used, `fault` why not."""
    server = server_for(by, server_id)
    by.require(MANAGE)
    if server.state == ServerState.RETIRED:
        raise ServerNotUsable(state=server.get_state_display())
    try:
        version, fault = remote_of(server).version(), ""
    except RemoteFault as found:
        version, fault = server.version, found.code
    return note_answer(by=by, at=at, server_id=server_id, fault=fault, version=version)


@transaction.atomic
def note_answer(*, by: Actor, at: datetime, server_id: UUID, fault: str, version: str = "") -> Server:
    """Write down whether the server answered (fault empty); who relies on it is told when it is lost."""
    server = locked_server(by, server_id)
    if server.state == ServerState.RETIRED:
        return server
    server.checked_at, server.fault, server.version = at, fault, version or server.version
    changed = ["checked_at", "fault", "version"]
    if fault and server.state == ServerState.READY:
        SERVER.move(server, "fail", by=by, at=at, reason=fault, update_fields=changed)
        announce(ServerLost(at=at, server_id=server.pk, fault=fault))
    elif fault and server.state == ServerState.UNCHECKED:
        SERVER.move(server, "fail", by=by, at=at, reason=fault, update_fields=changed)
    elif not fault and server.state != ServerState.READY:
        SERVER.move(server, "pass", by=by, at=at, update_fields=changed)
        record(by=by, at=at, action="label_servers.pass", subject=server, detail={"version": server.version})
    else:
        server.save(update_fields=changed)
    return server


@transaction.atomic
def retire_server(*, by: Actor, at: datetime, server_id: UUID) -> Server:
    """Take a server out of use; its token is forgotten."""
    server = locked_server(by, server_id)
    by.require(MANAGE)
    SERVER.check(server, "retire")
    if count := server.links.exclude(state=LinkState.CLOSED).count():
        raise ServerInUse(count=count)
    server.token_sealed = ""
    SERVER.move(server, "retire", by=by, at=at, update_fields=["token_sealed"])
    record(by=by, at=at, action="label_servers.retire", subject=server)
    return server


def connect_project(*, by: Actor, at: datetime, server_id: UUID, project_id: UUID, holder_id: UUID) -> Link:
    """Give a project its place on a server. `holder_id`: the annotator who keeps the tasks that are sent there.

    A project that an earlier try left on the server is found by its mark and used.
    """
    server, project = server_for(by, server_id), project_for(by, project_id)
    by.require(MANAGE)
    if not by.belongs_to(project.firm_id) or project.firm_id != server.firm_id:
        raise NotAllowed(permission=MANAGE.label, organization=str(by.organization or "—"))
    if server.state != ServerState.READY:
        raise ServerNotUsable(state=server.get_state_display())
    _require_linkable(project)
    holder = firm_annotator(project.firm_id, holder_id)
    if holder is None:
        raise InvalidInput(field="holder", reason=_("请选择本单位的标注员保管发出的任务。"))
    try:
        number = _project_there(remote_of(server), project)
    except RemoteFault as fault:
        raise ServerUnreachable(reason=fault_words(fault.code)) from fault
    with transaction.atomic():
        server = locked_server(by, server_id)
        if server.state != ServerState.READY:
            raise ServerNotUsable(state=server.get_state_display())
        _require_linkable(Project.objects.select_for_update(of=("self",), no_key=True).get(pk=project_id))
        link = Link.objects.create(
            server=server,
            project=project,
            holder=holder,
            remote_project_id=number,
            created_by=by.user,
            created_at=at,
        )
        detail = {"project": project.pk, "remote_project_id": number, "holder": holder.pk}
        record(by=by, at=at, action="label_servers.connect", subject=link, detail=detail)
    return want_hints(by=by, link_id=link.pk)


def _require_linkable(project: Project) -> None:
    if project.state not in WORKABLE:
        words = _("项目目前%(state)s，发布之后、交付之前才能连接。") % {"state": project.get_state_display()}
        raise ProjectNotLinkable(field="project", reason=words)
    if project.hourly_rate_fen is not None:
        words = _("按小时计酬的项目只能在平台上标注：在别处花的时间平台无法核实。")
        raise ProjectNotLinkable(field="project", reason=words)
    if Link.objects.filter(project=project).exclude(state=LinkState.CLOSED).exists():
        raise ProjectNotLinkable(field="project", reason=_("它已经连接在一台服务器上。"))


def _project_there(remote: Remote, project: Project) -> int:
    """The project's number there: of one that carries our mark, else of a new one."""
    mark = f"qingshu:{project.pk}"
    for told in remote.projects():
        if str(told.get("description") or "").strip() == mark:
            return int(told["id"])
    return remote.new_project(title_of(project.number, project.title), project.labeling_config, mark)


def want_hints(*, by: Actor, link_id: UUID) -> Link:
    """Ask the server to call when something changes; without hints everything is read on time all the same."""
    link, secret = link_for(by, link_id), secrets.token_urlsafe(32)
    url = settings.SITE_URL + reverse("servers:hint", args=[link.pk])
    try:
        remote_of(link.server).want_hints(link.remote_project_id, url, secret)
        link.hint_sha256 = hashlib.sha256(secret.encode()).hexdigest()
    except RemoteFault:
        link.hint_sha256 = ""
    link.save(update_fields=["hint_sha256"])
    return link


def note_hint(*, at: datetime, link_id: UUID, secret: str) -> Link:
    """A server says that something changed. HintsNotTaken unless it shows the link's secret."""
    link = Link.objects.filter(pk=link_id, state=LinkState.ACTIVE).first()
    shown = hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
    if link is None or not link.hint_sha256 or not hmac.compare_digest(shown, link.hint_sha256):
        raise HintsNotTaken
    Link.objects.filter(pk=link_id).update(hinted_at=at)
    return link


@transaction.atomic
def pause_link(*, by: Actor, at: datetime, link_id: UUID) -> Link:
    """Stop sending and reading for a while; nothing is lost meanwhile."""
    link = locked_link(by, link_id)
    by.require(MANAGE)
    LINK.move(link, "pause", by=by, at=at)
    record(by=by, at=at, action="label_servers.pause", subject=link)
    return link


@transaction.atomic
def resume_link(*, by: Actor, at: datetime, link_id: UUID) -> Link:
    """Send and read again; what happened meanwhile is read from the cursor on."""
    link = locked_link(by, link_id)
    by.require(MANAGE)
    LINK.move(link, "resume", by=by, at=at)
    record(by=by, at=at, action="label_servers.resume", subject=link)
    return link


@transaction.atomic
def close_link(*, by: Actor, at: datetime, link_id: UUID) -> Link:
    """End a link: what is not done there is called back and stays in the holder's hand; what was read stays."""
    link = locked_link(by, link_id)
    by.require(MANAGE)
    LINK.check(link, "close")
    for issue in link.issues.select_for_update(of=("self",)).filter(state__in=LIVE).order_by("pk"):
        issue.expired_at = at
        ISSUE.move(issue, "expire", by=by, at=at, update_fields=["expired_at"])
    unsent = [ChunkState.PENDING, ChunkState.SENDING]
    for chunk in link.chunks.select_for_update(of=("self",)).filter(state__in=unsent).order_by("pk"):
        CHUNK.move(chunk, "drop", by=by, at=at)
    LINK.move(link, "close", by=by, at=at)
    record(by=by, at=at, action="label_servers.close", subject=link)
    return link
