"""Pages of Label Studio servers: add, check, connect a project, its counters and what was kept aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.servers import services, tasks
from annotation.servers.forms import ConnectForm, IssueForm, ServerForm, TokenForm
from annotation.servers.models import Issue, Link, Server
from annotation.servers.permissions import MANAGE
from annotation.servers.selectors import (
    LIVE,
    counters_by_link,
    counters_for,
    kept_aside,
    link_for,
    links_visible_to,
    may_manage,
    missing_issues,
    ready_count,
    reasons_of,
    server_for,
    servers_visible_to,
    unsent_chunks,
)
from annotation.servers.services.connecting import fault_words
from annotation.servers.services.sending import MEDIA
from annotation.servers.states import LinkState, ServerState
from documents import objects
from kernel import clock
from kernel.errors import Refusal
from organizations.permissions import Actor
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi
from web.templatetags.ui import moment

HINT_HEADER = "X-Qingshu-Hint"


def viewer_of(request: HttpRequest) -> Actor:
    """Who looks."""
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    return viewer


@require_GET
@login_required
def server_list(request: HttpRequest) -> HttpResponse:
    """Label Studio 服务器: the firm's servers, and the projects that are linked to them with their counters."""
    viewer = viewer_of(request)
    links = paginate(links_visible_to(viewer), request.GET)
    counted = counters_by_link(links.items)
    context = {
        "servers": list(servers_visible_to(viewer).exclude(state=ServerState.RETIRED)[:50]),
        "page": links,
        "rows": [(link, counted[link.pk]) for link in links.items],
        "may_manage": may_manage(viewer),
    }
    return render(request, "servers/list.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """添加服务器: it is checked at once."""
    viewer = viewer_of(request)
    viewer.require(MANAGE)
    form = ServerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            server = services.add_server(by=viewer, at=clock.now(), **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            server = services.check_server(by=viewer, at=clock.now(), server_id=server.pk)
            _say_checked(request, server)
            return redirect("servers:server", server.pk)
    return render(request, "servers/new.html", {"form": form}, status=422 if form.is_bound else 200)


def _say_checked(request: HttpRequest, server: Server) -> None:
    if server.state == ServerState.READY:
        messages.success(request, _("检查通过，Label Studio %(version)s。") % {"version": server.version})
    else:
        messages.error(request, fault_words(server.fault))


@require_GET
@login_required
def server_page(request: HttpRequest, server_id: UUID) -> HttpResponse:
    """One server."""
    viewer = viewer_of(request)
    return _server(request, server_for(viewer, server_id), ConnectForm(viewer=viewer), TokenForm())


def _server(
    request: HttpRequest, server: Server, connect_form: ConnectForm, token_form: TokenForm
) -> HttpResponse:
    viewer = viewer_of(request)
    links = list(links_visible_to(viewer).filter(server=server)[:100])
    counted = counters_by_link(links)
    is_bound = connect_form.is_bound or token_form.is_bound
    context = {
        "server": server,
        "facts": [
            Fact(_("地址"), server.address),
            Fact(_("版本"), server.version or "--"),
            Fact(_("检查时间"), moment(server.checked_at)),
            Fact(_("访问令牌"), _("已加密保存")),
        ],
        "fault": fault_words(server.fault) if server.fault else "",
        "rows": [(link, counted[link.pk]) for link in links],
        "connect_form": connect_form,
        "token_form": token_form,
        "may_manage": may_manage(viewer) and server.state != ServerState.RETIRED,
        "may_connect": may_manage(viewer) and server.state == ServerState.READY,
    }
    return render(request, "servers/server.html", context, status=422 if is_bound else 200)


@require_POST
@login_required
def check(request: HttpRequest, server_id: UUID) -> HttpResponse:
    """Ask the server who it is."""
    server = services.check_server(by=viewer_of(request), at=clock.now(), server_id=server_id)
    _say_checked(request, server)
    return redirect("servers:server", server_id)


@require_POST
@login_required
def token(request: HttpRequest, server_id: UUID) -> HttpResponse:
    """Another token, checked at once."""
    viewer = viewer_of(request)
    server, form = server_for(viewer, server_id), TokenForm(request.POST)
    viewer.require(MANAGE)
    if form.is_valid():
        try:
            services.replace_token(by=viewer, at=clock.now(), server_id=server_id, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            _say_checked(request, services.check_server(by=viewer, at=clock.now(), server_id=server_id))
            return redirect("servers:server", server_id)
    return _server(request, server, ConnectForm(viewer=viewer), form)


@require_POST
@login_required
def retire(request: HttpRequest, server_id: UUID) -> HttpResponse:
    """Take a server out of use."""
    services.retire_server(by=viewer_of(request), at=clock.now(), server_id=server_id)
    messages.success(request, _("服务器已停用，令牌已删除。"))
    return redirect("servers:list")


@require_POST
@login_required
def connect(request: HttpRequest, server_id: UUID) -> HttpResponse:
    """Give a project its place on the server."""
    viewer = viewer_of(request)
    server, form = server_for(viewer, server_id), ConnectForm(request.POST, viewer=viewer)
    viewer.require(MANAGE)
    if form.is_valid():
        try:
            link = services.connect_project(
                by=viewer,
                at=clock.now(),
                server_id=server_id,
                project_id=UUID(form.cleaned_data["project"]),
                holder_id=UUID(form.cleaned_data["holder"]),
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("项目已连接。现在可以发出任务。"))
            return redirect("servers:link", link.pk)
    return _server(request, server, form, TokenForm())


@require_GET
@login_required
def link_page(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """One link: counters, alarm, what was kept aside, what waits."""
    viewer = viewer_of(request)
    return _link(request, link_for(viewer, link_id), IssueForm())


def _link(request: HttpRequest, link: Link, form: IssueForm) -> HttpResponse:
    viewer, sums = viewer_of(request), counters_for(link)
    kept = paginate(kept_aside(link), request.GET)
    is_active = link.state == LinkState.ACTIVE
    context = {
        "link": link,
        "sums": sums,
        "kpis": [
            Kpi(_("已发出"), sums.issued, hint=_("待发送 %(count)s") % {"count": sums.waiting}),
            Kpi(_("已提交"), sums.submitted),
            Kpi(_("待标注"), sums.open),
            Kpi(_("已收回"), sums.expired),
            Kpi(_("缺口"), sums.gap, tone="down" if sums.gap else ""),
        ],
        "facts": [
            Fact(_("标注项目"), link.project.title, url=reverse("projects:detail", args=[link.project_id])),
            Fact(_("服务器"), link.server.name, url=reverse("servers:server", args=[link.server_id])),
            Fact(_("对方项目编号"), link.remote_project_id),
            Fact(_("任务保管人"), link.holder),
            Fact(_("待分配"), ready_count(link)),
            Fact(_("最近读取"), moment(link.pulled_at)),
            Fact(_("最近核对"), moment(link.swept_at)),
            Fact(_("对方已删除的标注"), sums.gone, hint=_("本平台的结果不受影响")),
        ],
        "fault": fault_words(link.fault) if link.fault else "",
        "page": kept,
        "kept": [(one, reasons_of(link, one)) for one in kept.items],
        "missing": list(missing_issues(link)[:20]),
        "chunks": list(unsent_chunks(link)[:20]),
        "form": form,
        "may_manage": may_manage(viewer),
        "is_active": is_active,
        "may_issue": may_manage(viewer) and is_active,
    }
    return render(request, "servers/link.html", context, status=422 if form.is_bound else 200)


@require_POST
@login_required
def issue(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Send tasks."""
    viewer = viewer_of(request)
    link, form = link_for(viewer, link_id), IssueForm(request.POST)
    viewer.require(MANAGE)
    if form.is_valid():
        try:
            count = services.issue_tasks(
                by=viewer, at=clock.now(), link_id=link_id, count=form.cleaned_data["count"]
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            tasks.exchange_soon(link_id)
            messages.success(request, _("正在发出 %(count)s 条任务。") % {"count": count})
            return redirect("servers:link", link_id)
    return _link(request, link, form)


def _deed(service: Callable[..., Any], said: Any) -> Callable[[HttpRequest, UUID], HttpResponse]:
    """A button of the link's page: one service, one sentence."""

    @require_POST
    @login_required
    def pressed(request: HttpRequest, link_id: UUID) -> HttpResponse:
        service(by=viewer_of(request), at=clock.now(), link_id=link_id)
        messages.success(request, str(said))
        return redirect("servers:link", link_id)

    return pressed


def _ask_exchange(*, by: Actor, at: Any, link_id: UUID) -> None:
    link_for(by, link_id)
    by.require(MANAGE)
    tasks.exchange_soon(link_id)


def _ask_sweep(*, by: Actor, at: Any, link_id: UUID) -> None:
    link_for(by, link_id)
    by.require(MANAGE)
    tasks.sweep_soon(link_id)


exchange = _deed(_ask_exchange, gettext_lazy("正在收发，稍后刷新页面。"))
sweep = _deed(_ask_sweep, gettext_lazy("正在逐条核对，稍后刷新页面。"))
pause = _deed(services.pause_link, gettext_lazy("连接已暂停。"))
resume = _deed(services.resume_link, gettext_lazy("连接已恢复。"))
close = _deed(services.close_link, gettext_lazy("连接已结束，没有完成的任务留在保管人手中。"))
resend = _deed(services.resend_missing, gettext_lazy("缺失的任务将重新发送。"))
expire = _deed(services.expire_missing, gettext_lazy("缺失的任务已收回，留在保管人手中。"))


@require_POST
@login_required
def retry(request: HttpRequest, annotation_id: UUID) -> HttpResponse:
    """Try once more to submit what was kept aside."""
    kept = services.retry_aside(by=viewer_of(request), at=clock.now(), annotation_id=annotation_id)
    if kept.aside:
        messages.warning(request, _("仍然不能提交：%(reason)s") % {"reason": kept.get_aside_display()})
    else:
        messages.success(request, _("已提交。"))
    return redirect("servers:link", kept.link_id)


@csrf_exempt
@require_POST
def hint(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """A server says that something changed: answered at once, read afterwards. What it says is not looked at."""
    try:
        services.note_hint(at=clock.now(), link_id=link_id, secret=request.headers.get(HINT_HEADER, ""))
    except services.HintsNotTaken as refusal:
        raise Http404 from refusal
    tasks.pull_soon(str(link_id))
    return HttpResponse(status=204)


@require_GET
def media(request: HttpRequest, token: str) -> HttpResponse:
    """The picture of an issued task, for who labels it on the server: as long as the task is open there."""
    try:
        key = UUID(MEDIA.unsign(token))
    except (BadSignature, ValueError) as error:
        raise Http404 from error
    row = Issue.objects.select_related("task__item").filter(pk=key, link__state=LinkState.ACTIVE).first()
    if row is None or not (row.state in LIVE or row.task.state == "returned"):
        raise Http404
    item = row.task.item
    address = objects.signed_link(
        item.object_key, file_name=item.name, media_type=item.media_type, inline=True
    )
    return HttpResponseRedirect(address)
