"""How pages answer: the whole page, or the fragment that htmx asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from gateway import services as gateway
from web.parts import JobFace

STOP_POLLING = 286


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page (and not a boosted or restored whole)."""
    htmx = getattr(request, "htmx", None)
    if not htmx:
        return False
    return not htmx.boosted and not htmx.history_restore_request


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


def redirect_once(request: HttpRequest, work: Callable[[], str]) -> HttpResponseRedirect:
    """Do `work` (which makes a thing and gives its address) once per `{% idempotency_key %}` of the form.

    A second click gets the first one's address. Raises KeyMissing, KeyReused; a refusal of `work` undoes all.
    """
    actor = request.actor  # type: ignore[attr-defined]
    key = request.POST.get("idempotency_key", "")
    caller = actor.organization_id or actor.user_id
    told = sorted((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
    (_status, _media_type, address), _replayed = gateway.answer_once(
        caller=caller,
        key=f"page:{key}" if key else "",
        fingerprint=gateway.fingerprint("POST", request.path, repr(told).encode()),
        work=lambda: (303, "text/plain", work()),
    )
    return HttpResponseRedirect(address)
