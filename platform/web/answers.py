"""How pages answer: the whole page, or the fragment that htmx asked for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from web.parts import JobFace

STOP_POLLING = 286


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page (and not a boosted or restored whole)."""
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def page_or_fragment(
    request: HttpRequest, page: str, fragment: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render `fragment` for htmx and `page` (which includes the fragment) otherwise."""
    response = render(request, fragment if wants_fragment(request) else page, context, status=status)
    response["Vary"] = "HX-Request"
    return response


def job_progress(request: HttpRequest, face: JobFace) -> HttpResponse:
    """The progress component; status 286 tells htmx to stop asking once the work has ended."""
    status = STOP_POLLING if face.is_finished and wants_fragment(request) else 200
    return render(request, "web/job_fragment.html", {"face": face}, status=status)


def next_address(request: HttpRequest, default: str) -> str:
    """The address in `next` when it is on this site, `default` otherwise."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else default
