"""凭证验真: open to everybody, throttled."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from assets.registry.verification_pages import throttle
from exchange.filings import verification
from exchange.filings.forms import VoucherForm
from exchange.filings.selectors import Issue
from exchange.filings.verification import Outcome, Verdict
from kernel import clock
from kernel.errors import InvalidInput
from kernel.money import Money
from web.forms import show_refusal
from web.parts import Fact
from web.templatetags.ui import moment


def issue_facts(issue: Issue) -> list[Fact]:
    """What an issue says, for who holds it."""
    claims = issue.claims
    facts = [
        Fact(_("供方"), claims["supplier"]["name"], claims["supplier"]["uscc"]),
        Fact(_("需方"), claims["buyer"]["name"], claims["buyer"]["uscc"]),
        Fact(_("产品"), claims["product"]["title"], claims["product"]["number"]),
        Fact(_("登记证书"), claims["certificate"]),
        Fact(_("合同含税金额"), Money(claims["amount_fen"])),
        Fact(_("备案金额"), Money(claims["filed_fen"])),
    ]
    if claims["refunded_fen"]:
        facts.insert(5, Fact(_("已退款"), Money(claims["refunded_fen"])))
    return facts


def _context(verdict: Verdict) -> dict[str, Any]:
    context: dict[str, Any] = {"verdict": verdict, "checked_at": clock.now()}
    if verdict.issue is not None:
        context["facts"] = issue_facts(verdict.issue)
    if verdict.filing is not None and verdict.current is not None:
        current = verdict.current
        context["standing"] = [
            Fact(_("交易凭证编号"), verdict.number),
            Fact(_("交易场所"), verdict.filing.venue),
            Fact(_("状态"), verdict.filing.get_state_display()),
            Fact(_("备案时间"), moment(verdict.filing.filed_at)),
            Fact(_("现行版次"), _("第 %(sequence)s 版") % {"sequence": current.sequence}),
            Fact(_("本版签发时间"), moment(current.issued_at)),
        ]
    return context


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Verify by number or signed text, or by file (POST)."""
    form, context, status = VoucherForm(), {}, 200
    if request.method == "POST":
        throttle(request)
        form = VoucherForm(request.POST, request.FILES)
        status = 422
        if form.is_valid():
            file, text = form.cleaned_data["file"], form.cleaned_data["presented"]
            try:
                verdict = (
                    verification.by_file(file.read(verification.LARGEST_FILE + 1))
                    if file
                    else verification.by_text(text)
                )
                context, status = _context(verdict), 200
            except InvalidInput as refusal:
                show_refusal(form, refusal)
    return render(request, "filings/verify.html", {"form": form, **context}, status=status)


@never_cache
@require_safe
def verify_number(request: HttpRequest, number: str) -> HttpResponse:
    """Where a QR code leads; `?check=` proves which issue was printed."""
    throttle(request)
    verdict = verification.by_number(number[:64], check=request.GET.get("check", "")[:64])
    status = 404 if verdict.outcome is Outcome.UNKNOWN else 200
    context = {"form": VoucherForm(initial={"presented": verdict.number}), **_context(verdict)}
    return render(request, "filings/verify.html", context, status=status)
