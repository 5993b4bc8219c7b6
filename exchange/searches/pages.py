"""保存的搜索: keeping a search of the catalogue, the list with what is new, opening, changing, forgetting."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange.catalogue.pages_search import asked_of, query_of
from exchange.catalogue.searching import FACETS, Wanted
from exchange.searches import services
from exchange.searches.forms import SearchForm
from exchange.searches.selectors import searches_with_news, visible_search, wanted_of
from gateway.api import actor
from kernel import clock
from kernel.errors import Refusal
from web.answers import redirect_once
from web.forms import show_refusal
from web.paging import paginate


def words_of(wanted: Wanted) -> str:
    """A search in words: the text and the chosen values."""
    parts = [f"“{wanted.text}”"] if wanted.text else []
    for code, values in wanted.chosen.items():
        known = FACETS[code][1]
        parts += [str(known[value]) for value in known if value in values]
    return " · ".join(parts)


@require_GET
@login_required
def searches(request: HttpRequest) -> HttpResponse:
    """保存的搜索: own and shared ones, with what came since the last look."""
    viewer = actor(request)
    page = paginate(searches_with_news(viewer), request.GET)
    rows = [(search, words_of(wanted_of(search)), search.owner_id == viewer.user_id) for search in page]
    return render(request, "searches/list.html", {"page": page, "rows": rows})


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Keep the search that stands in the address."""
    viewer, wanted = actor(request), asked_of(request)
    form = SearchForm(request.POST or None, initial={"name": wanted.text[:60]})
    if request.method == "POST" and form.is_valid():

        def work() -> str:
            services.save_search(by=viewer, at=clock.now(), wanted=wanted, **form.cleaned_data)
            return reverse("searches:list")

        try:
            return redirect_once(request, work)
        except services.NoOrganization:
            raise
        except Refusal as refusal:
            show_refusal(form, refusal)
    back_url = f"{reverse('catalogue:list')}?{query_of(wanted)}"
    context: dict[str, Any] = {"form": form, "words": words_of(wanted), "back_url": back_url, "search": None}
    return render(request, "searches/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def change(request: HttpRequest, search_id: UUID) -> HttpResponse:
    """Name, sharing and news of one's own search."""
    viewer = actor(request)
    search = visible_search(viewer, search_id)
    if search.owner_id != viewer.user_id:
        raise services.NotTheOwner(owner=str(search.owner))
    form = SearchForm(
        request.POST or None, initial={"name": search.name, "sharing": search.sharing, "news": search.news}
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.change_search(by=viewer, at=clock.now(), search_id=search_id, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return redirect("searches:list")
    context = {
        "form": form, "words": words_of(wanted_of(search)), "back_url": reverse("searches:list"), "search": search,
    }  # fmt: skip
    return render(request, "searches/form.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def act(request: HttpRequest, search_id: UUID) -> HttpResponse:
    """Open the results (and have seen them), stop the notices, or forget the search."""
    viewer, at, step = actor(request), clock.now(), request.POST.get("step", "")
    if step == "open":
        search = services.look_at(by=viewer, at=at, search_id=search_id)
        return redirect(f"{reverse('catalogue:list')}?{query_of(wanted_of(search))}")
    if step == "stop":
        services.stop_news(by=viewer, at=at, search_id=search_id)
        messages.success(request, _("已停止通知。"))
    elif step == "forget":
        services.forget_search(by=viewer, at=at, search_id=search_id)
        messages.success(request, _("已删除保存的搜索。"))
    else:
        visible_search(viewer, search_id)
    return redirect("searches:list")
