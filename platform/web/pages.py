"""Home, help, work desk, todos, search, preferences, and the addresses that operators watch."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from prometheus_client import CONTENT_TYPE_LATEST

from kernel import clock
from organizations.permissions import Actor
from web import desk, errors, finding, gallery, health, metrics, navigation
from web.answers import next_address
from web.context import TYPE_SIZE_COOKIE
from web.parts import Link

YEAR_SECONDS = 365 * 24 * 3600


def _viewer(request: HttpRequest) -> Actor:
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    return viewer


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The public front page: what this is, where to go, live figures."""
    doors = [(door, url) for door in desk.doors() if (url := navigation.resolved(door.url_name))]
    return render(
        request,
        "web/home.html",
        {
            "doors": doors,
            "figures": desk.public_figures(),
            "catalogue_url": navigation.resolved("catalogue:list"),
        },
    )


@require_GET
@login_required
def work_desk(request: HttpRequest) -> HttpResponse:
    """工作台: what waits for the viewer, the viewer's figures, the newest notifications."""
    viewer = _viewer(request)
    todos, inbox = desk.todos_for(viewer), desk.inbox()
    today = clock.business_date(clock.now())
    context = {
        "todos": todos[:8],
        "todo_count": len(todos),
        "late_count": sum(desk.is_late(todo, today) for todo in todos),
        "first": todos[0] if todos else None,
        "figures": desk.figures_for(viewer),
        "latest": inbox.latest(viewer) if inbox else [],
        "today": today,
        "create_url": "" if viewer.organization else navigation.resolved("organizations:create"),
    }
    return render(request, "web/desk.html", context)


@require_GET
@login_required
def todos(request: HttpRequest) -> HttpResponse:
    """我的待办: everything that waits, nearest deadline first."""
    viewer = _viewer(request)
    waiting = desk.todos_for(viewer)
    today = clock.business_date(clock.now())
    wanted = request.GET.get("due", "")
    late = [todo for todo in waiting if desk.is_late(todo, today)]
    shown = late if wanted == "late" else waiting
    chips = [
        Link(_("全部"), request.path, len(waiting), is_current=wanted != "late"),
        Link(_("已逾期"), f"{request.path}?due=late", len(late), is_current=wanted == "late"),
    ]
    return render(request, "web/todos.html", {"todos": shown, "chips": chips})


@require_GET
def find(request: HttpRequest) -> HttpResponse:
    """Search over everything the viewer may see; an exact number leads straight to its page."""
    text = request.GET.get("q", "").strip()[:100]
    found = finding.find(_viewer(request), text)
    exact = finding.only_exact(found)
    if exact:
        return redirect(exact.url)
    base = "base_app.html" if _viewer(request).user else "base_public.html"
    total = sum(len(kind.hits) for kind in found)
    return render(request, "web/find.html", {"text": text, "found": found, "total": total, "base": base})


@require_GET
@login_required
def me(request: HttpRequest) -> HttpResponse:
    """我的: account, organizations and every page of the side navigation, for phones."""
    return render(request, "web/me.html")


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """How things are done here, and where to object."""
    return render(request, "web/help.html")


@require_GET
def accessibility(request: HttpRequest) -> HttpResponse:
    """What is done for readers with impairments and for elder people."""
    return render(request, "web/accessibility.html")


@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    """What is stored about people, why and how long."""
    return render(request, "web/privacy.html")


@require_POST
def type_size(request: HttpRequest) -> HttpResponse:
    """Switch large type (适老) on or off; kept in a cookie for a year."""
    response = HttpResponseRedirect(next_address(request, navigation.resolved("web:home")))
    size = "large" if request.POST.get("size") == "large" else "normal"
    response.set_cookie(
        TYPE_SIZE_COOKIE,
        size,
        max_age=YEAR_SECONDS,
        samesite="Lax",
        secure=request.is_secure(),
        httponly=True,
    )
    return response


@require_GET
def design(request: HttpRequest) -> HttpResponse:
    """Every component with sample values; only while developing or for operators."""
    if not settings.DEBUG and "exchange_operator" not in _viewer(request).kinds:
        raise Http404
    return render(request, "web/gallery.html", gallery.samples(clock.now()))


@never_cache
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """Everything the process needs answers; 503 names what does not."""
    found = health.states()
    down = sorted(name for name, is_up in found.items() if not is_up)
    parts = {name: "up" if is_up else "down" for name, is_up in found.items()}
    body = {"status": "unavailable" if down else "ok", "down": down, "parts": parts}
    return JsonResponse(body, status=503 if down else 200)


@never_cache
@require_GET
def prometheus(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus, for this machine or with the token."""
    if not metrics.may_read(request):
        return errors.trouble_page(request, 403)
    return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


@require_GET
def robots(request: HttpRequest) -> HttpResponse:
    """Search engines may read the public pages only."""
    closed = ("desk", "todos", "me", "find", "design", "api", "accounts", "metrics")
    body = "User-agent: *\n" + "".join(f"Disallow: /{name}/\n" for name in closed)
    return HttpResponse(body, content_type="text/plain; charset=utf-8")
