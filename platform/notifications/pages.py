"""消息: a person's notifications."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kernel import clock
from notifications import selectors, services
from organizations.permissions import Actor
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Link, Moment


def _viewer(request: HttpRequest) -> Actor:
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    return viewer


def latest(viewer: Actor) -> list[Moment]:
    """The newest five, oldest first, for the work desk's timeline."""
    rows = selectors.notifications_visible_to(viewer).order_by("-created_at")[:5]
    return [Moment(title=row.title, at=row.created_at, reason=row.body) for row in reversed(rows)]


@require_GET
@login_required
def notifications(request: HttpRequest) -> HttpResponse:
    """The viewer's messages, newest first; `only=unread` narrows."""
    viewer = _viewer(request)
    rows = selectors.notifications_visible_to(viewer).select_related("organization")
    is_narrow = request.GET.get("only") == "unread"
    unread = selectors.unread_count(viewer)
    context = {
        "page": paginate(rows.filter(read_at=None) if is_narrow else rows, request.GET),
        "unread_count": unread,
        "chips": [
            Link(_("全部"), request.path, is_current=not is_narrow),
            Link(_("未读"), f"{request.path}?only=unread", unread, is_current=is_narrow),
        ],
    }
    return page_or_fragment(request, "notifications/list.html", "notifications/list_rows.html", context)


@require_POST
@login_required
def open_notification(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    """Mark as read and go to what it is about."""
    found = services.mark_read(by=_viewer(request), at=clock.now(), notification_id=notification_id)
    is_ours = url_has_allowed_host_and_scheme(found.url, allowed_hosts={request.get_host()})
    return redirect(found.url if found.url and is_ours else "notifications:list")


@require_POST
@login_required
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark everything as read."""
    services.mark_all_read(by=_viewer(request), at=clock.now())
    messages.success(request, _("全部消息已标为已读。"))
    return redirect("notifications:list")
