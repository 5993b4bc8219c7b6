"""The public catalogue: search, facets, results."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from exchange.catalogue.searching import (
    FACETS,
    NEWEST,
    RELEVANCE,
    SORTS,
    Wanted,
    facets,
    found_page,
    read_wanted,
)
from gateway.api import actor
from web.answers import page_or_fragment
from web.navigation import resolved

SORT_LABELS = {
    RELEVANCE: gettext_lazy("最相关"),
    NEWEST: gettext_lazy("最新上架"),
    "cheapest": gettext_lazy("价格从低到高"),
    "dearest": gettext_lazy("价格从高到低"),
    "quality": gettext_lazy("质量从高到低"),
}


def asked_of(request: HttpRequest) -> Wanted:
    """What the address asks for."""
    asked = request.GET
    return read_wanted(
        asked.get("q", ""), {name: asked.getlist(name) for name in FACETS}, asked.get("sort", "")
    )


def query_of(wanted: Wanted) -> str:
    """The search as the query of an address; the order stands in it when it is not the usual one."""
    pairs = [("q", wanted.text)] if wanted.text else []
    pairs += [(code, value) for code, values in wanted.chosen.items() for value in sorted(values)]
    if wanted.sort != (RELEVANCE if wanted.text else NEWEST):
        pairs.append(("sort", wanted.sort))
    return urlencode(pairs)


@require_GET
def catalogue(request: HttpRequest) -> HttpResponse:
    """数据目录: facets with counts, results, sort; the found part alone for htmx."""
    viewer, wanted = actor(request), asked_of(request)
    groups, total = facets(wanted, viewer)
    keep_url = resolved("searches:new") if viewer.organization_id else ""
    context = {
        "wanted": wanted,
        "facets": groups,
        "total": total,
        "page": found_page(wanted, viewer, request.GET, total=total),
        "sorts": [
            (code, SORT_LABELS[code], code == wanted.sort)
            for code in SORTS
            if code != RELEVANCE or wanted.text
        ],
        "keep_url": f"{keep_url}?{query_of(wanted)}" if keep_url and wanted.is_narrowed else "",
    }
    return page_or_fragment(request, "catalogue/list.html", "catalogue/list_found.html", context)
