"""How the pages of the procedure answer a button: go on, or say on the page what stands against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise

from kernel.errors import Refusal
from web.forms import show_refusal

Again = Callable[..., HttpResponse]


def act(
    request: HttpRequest, work: Callable[[], Any], *, done: str | Promise, to: str, again: Again
) -> HttpResponse:
    """Do `work`; then say `done` and go to `to`, or show the page again with the refusal."""
    try:
        work()
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        return again(request, error=str(refusal), status=refusal.status)
    messages.success(request, str(done))
    return redirect(to)


def act_on_form(
    request: HttpRequest,
    form: forms.Form,
    work: Callable[[dict[str, Any]], str],
    *,
    done: str | Promise,
    again: Callable[[forms.Form, int], HttpResponse],
) -> HttpResponse:
    """Do `work` with what a sound form says; it gives the address to go to. Otherwise show the form again."""
    status = 422
    if form.is_valid():
        try:
            to = work(form.cleaned_data)
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
            status = refusal.status
        else:
            messages.success(request, str(done))
            return redirect(to)
    return again(form, status)
