"""Pages of the public verification, under their own short address (it stands in every QR code)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from assets.credentials import verification, wording
from assets.credentials.forms import VerificationForm
from assets.credentials.verification import Answer
from assets.registry.states import Outcome
from assets.registry.verification_pages import throttle, verdict_context
from kernel import clock


def answer_context(answer: Answer) -> dict[str, Any]:
    """What the page shows of an answer."""
    rows = [
        (wording.label_of(each), *wording.VERDICTS[each.verdict], wording.reason_of(each))
        for each in answer.statements
    ]
    return {
        **verdict_context(answer.verdict),
        "rows": rows,
        "credential": answer.credential,
        "proofs": answer.proofs,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Verify by number (GET `?number=` or POST) or by file (POST)."""
    given = request.GET.get("number") is not None or request.method == "POST"
    form: forms.Form = VerificationForm()
    context: dict[str, Any] = {}
    status = 200
    if given:
        throttle(request)
        form = (
            VerificationForm(request.POST, request.FILES)
            if request.method == "POST"
            else VerificationForm(request.GET)
        )
        if form.is_valid():
            file, at = form.cleaned_data["file"], clock.now()
            answer = (
                verification.by_file(file, file.size, at=at)
                if file
                else verification.by_text(form.cleaned_data["number"], at=at)
            )
            context = answer_context(answer)
        else:
            status = 422
    return render(request, "credentials/verify.html", {"form": form, **context}, status=status)


@require_safe
def verify_number(request: HttpRequest, number: str) -> HttpResponse:
    """Where a QR code leads."""
    throttle(request)
    answer = verification.by_number(number, at=clock.now())
    context = {"form": VerificationForm(initial={"number": number}), **answer_context(answer)}
    is_unknown = answer.verdict.outcome == Outcome.UNKNOWN
    return render(request, "credentials/verify.html", context, status=404 if is_unknown else 200)
