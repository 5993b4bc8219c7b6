"""What several pages of a space share: its head with tabs, one form on a page, an uploaded file."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from documents.services import store_upload
from exchange.dataspace import selectors
from exchange.dataspace.models import Space
from exchange.dataspace.states import BEGUN
from gateway.api import actor
from kernel import clock
from kernel.errors import Refusal
from organizations.permissions import Actor
from web.answers import redirect_once
from web.forms import show_refusal
from web.parts import Link


def head(space: Space, viewer: Actor, current: str) -> dict[str, object]:
    """What every page of a space shows above its own content."""
    names = [("space", _("概况")), ("progress", _("进展"))]
    if space.state in BEGUN:
        names[1:1] = [("members", _("成员")), ("products", _("产品")), ("rules", _("规则"))]
    return {
        "space": space,
        "tabs": [
            Link(label, reverse(f"dataspace:{name}", args=[space.pk]), is_current=name == current)
            for name, label in names
        ],
        "meta": [space.number, space.get_kind_display(), space.get_industry_display()],
        "leads": selectors.leads(viewer, space),
    }


def form_page(
    request: HttpRequest,
    form: forms.Form,
    words: tuple[str, str, str],
    back: tuple[str, str],
    deed: Callable[[], object],
    *,
    is_danger: bool = False,
) -> HttpResponse:
    """One form: title, lead and button; the deed once, however often it is clicked; back to (label, address)."""
    if request.method == "POST" and form.is_valid():

        def work() -> str:
            deed()
            return back[1]

        try:
            answer = redirect_once(request, work)
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已办理。"))
            return answer
    title, lead, button = words
    context = {
        "form": form, "title": title, "lead": lead, "button": button, "back_label": back[0], "back_url": back[1],
        "is_danger": is_danger,
    }  # fmt: skip
    return render(request, "dataspace/form.html", context, status=422 if form.is_bound else 200)


def back_to(space: Space, page: str = "space") -> tuple[str, str]:
    """Label and address of one of a space's pages."""
    return space.title, reverse(f"dataspace:{page}", args=[space.pk])


def stored(request: HttpRequest, form: forms.Form) -> UUID | None:
    """The id of the file that came with the form, kept as evidence; None without one."""
    file = form.cleaned_data["file"]
    if not file:
        return None
    kept = store_upload(by=actor(request), at=clock.now(), purpose="evidence", name=file.name, file=file)
    return kept.pk
