"""What a firm's leads are told of its Label Studio servers; wired in `wiring.py`."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from annotation.servers import events as news
from annotation.servers.models import Link, Server
from notifications.services import notify_holders
from organizations.states import Role


def tell_kept_aside(event: news.ResultsKeptAside) -> None:
    """The firm's leads: results came that could not be submitted."""
    link = Link.objects.select_related("project").get(pk=event.link_id)
    notify_holders(
        organization_id=link.project.firm_id,
        roles=(Role.PROJECT_LEAD,),
        at=event.at,
        title=_("“%(title)s”有 %(count)s 条 Label Studio 结果未能提交，已另存"),
        words={"title": link.project.title, "count": event.count},
        url=reverse("servers:link", args=[link.pk]),
        is_mailed=False,
    )


def tell_gap(event: news.GapFound) -> None:
    """The firm's leads: issued tasks are nowhere."""
    link = Link.objects.select_related("project").get(pk=event.link_id)
    notify_holders(
        organization_id=link.project.firm_id,
        roles=(Role.PROJECT_LEAD,),
        at=event.at,
        title=_("告警：“%(title)s”发到 Label Studio 的任务缺 %(count)s 条"),
        words={"title": link.project.title, "count": event.count},
        url=reverse("servers:link", args=[link.pk]),
        is_mailed=True,
    )


def tell_server_lost(event: news.ServerLost) -> None:
    """The firm's leads: a server answers no longer."""
    server = Server.objects.get(pk=event.server_id)
    notify_holders(
        organization_id=server.firm_id,
        roles=(Role.PROJECT_LEAD,),
        at=event.at,
        title=_("Label Studio 服务器“%(name)s”连接失败，恢复后自动补齐"),
        words={"name": server.name},
        url=reverse("servers:server", args=[server.pk]),
        is_mailed=True,
    )
