"""重新核定与追回: reopening a claim, the difference, the case by two people, what came back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauthentication import require_recent_authentication
from gateway.api import actor
from kernel import clock
from kernel.models import Transition
from kernel.money import Money
from settlement.rewards import funds, selectors, services
from settlement.rewards.forms import RecoveryForm, ReturnForm
from settlement.rewards.models import RecoveryCase
from settlement.rewards.pages.answering import act, act_on_form
from settlement.rewards.pages.claims import claim_page
from settlement.rewards.permissions import RECOVER, SEE_FUNDS, SEE_OWN_CLAIMS
from settlement.rewards.states import ClaimState, RecoveryState
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Fact

OWED = (RecoveryState.CONFIRMED, RecoveryState.LIFTING)


@login_required
@require_GET
def recoveries(request: HttpRequest) -> HttpResponse:
    """Every recovery the viewer may see, and the claims that wait for a decision after reopening."""
    viewer = actor(request)
    if not viewer.can(SEE_FUNDS):
        viewer.require(SEE_OWN_CLAIMS)
    reopened = list(selectors.claims_visible_to(viewer).filter(state="reopened").order_by("number")[:50])
    standings = funds.standings_of(reopened)
    context = {
        "page": paginate(funds.recoveries_visible_to(viewer), request.GET),
        "today": clock.business_date(clock.now()),
        "reopened": [{"claim": claim, "standing": standings[claim.pk]} for claim in reopened],
    }
    return page_or_fragment(request, "rewards/recoveries.html", "rewards/recoveries_rows.html", context)


@login_required
@require_GET
def recovery(request: HttpRequest, case_number: str) -> HttpResponse:
    """One case: amounts, cause, day, receipts, how to contest it."""
    return _page(request, funds.recovery_for(actor(request), case_number))


def _page(
    request: HttpRequest,
    case: RecoveryCase,
    *,
    form: forms.Form | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    viewer = actor(request)
    may_recover = viewer.can(RECOVER) and selectors.is_in_charge(viewer, case.claim)
    is_opened = case.state == RecoveryState.OPENED and may_recover
    left = funds.outstanding_of(case)
    worth_more = max(funds.standing_of(case.claim).difference_fen, 0)
    is_lifting = case.state == RecoveryState.LIFTING and may_recover
    context = {
        "case": case,
        "is_overdue": case.state == RecoveryState.CONFIRMED
        and case.due_on < clock.business_date(clock.now()),
        "claim": case.claim,
        "facts": [
            Fact(_("企业"), case.claim.firm.display_name),
            Fact(_("奖励年度"), case.claim.year),
            Fact(_("核减金额"), Money(int(case.reduction_fen))),
            Fact(_("应缴回"), Money(int(case.amount_fen))),
            *([Fact(_("已撤销金额"), Money(int(case.lifted_fen)))] if case.lifted_fen else []),
            Fact(_("尚欠"), Money(left if case.state in OWED else 0)),
            Fact(_("缴回期限"), f"{case.due_on:%Y-%m-%d}"),
            Fact(_("提出"), case.opener_label),
            Fact(_("核定"), case.confirmer_label or "--"),
        ],
        "receipts": list(case.receipts.order_by("received_at", "pk")),
        "history": Transition.objects.filter(subject_id=case.pk).order_by("at", "pk"),
        "may_confirm": is_opened and viewer.user_id != case.opened_by_id,
        "is_own": is_opened and viewer.user_id == case.opened_by_id,
        "may_withdraw": is_opened,
        "liftable": Money(min(left, worth_more)),
        "may_propose_lift": case.state == RecoveryState.CONFIRMED
        and may_recover
        and case.claim.state == ClaimState.REOPENED
        and min(left, worth_more) > 0,
        "may_lift": is_lifting and viewer.user_id != case.lift_proposed_by_id,
        "is_own_lift": is_lifting and viewer.user_id == case.lift_proposed_by_id,
        "may_keep": is_lifting,
        "return_form": (form or ReturnForm())
        if case.state == RecoveryState.CONFIRMED and may_recover
        else None,
        "error": error,
    }
    return render(request, "rewards/recovery.html", context, status=status)


def _on_case(request: HttpRequest, case_number: str, service: Any, done: str, **more: Any) -> HttpResponse:
    viewer = actor(request)
    case = funds.recovery_for(viewer, case_number)
    viewer.require(RECOVER)
    here = reverse("rewards:recovery", args=[case.number])
    require_recent_authentication(request, back=here)
    return act(
        request,
        lambda: service(by=viewer, at=clock.now(), case_id=case.pk, **more),
        done=done,
        to=here,
        again=lambda request, **told: _page(request, case, **told),
    )


@login_required
@require_POST
def confirm_recovery(request: HttpRequest, case_number: str) -> HttpResponse:
    """The second person confirms."""
    return _on_case(request, case_number, services.confirm_recovery, _("追回已核定，企业会收到通知。"))


@login_required
@require_POST
def withdraw_recovery(request: HttpRequest, case_number: str) -> HttpResponse:
    """Take a proposed case back."""
    reason = request.POST.get("reason", "")[:2000]
    return _on_case(request, case_number, services.withdraw_recovery, _("追回已撤回。"), reason=reason)


@login_required
@require_POST
def propose_lift(request: HttpRequest, case_number: str) -> HttpResponse:
    """Facts came back: propose not to ask for what is still owed."""
    reason = request.POST.get("reason", "")[:2000]
    done = _("撤销追回已提出，等待另一人核定。")
    return _on_case(request, case_number, services.propose_lift, done, reason=reason)


@login_required
@require_POST
def lift_recovery(request: HttpRequest, case_number: str) -> HttpResponse:
    """The second person agrees."""
    return _on_case(request, case_number, services.lift_recovery, _("撤销已核定，奖励登记已恢复。"))


@login_required
@require_POST
def keep_recovery(request: HttpRequest, case_number: str) -> HttpResponse:
    """The proposal to lift is turned down."""
    reason = request.POST.get("reason", "")[:2000]
    return _on_case(request, case_number, services.keep_recovery, _("已维持追回。"), reason=reason)


@login_required
@require_POST
def enter_return(request: HttpRequest, case_number: str) -> HttpResponse:
    """Money came back."""
    viewer = actor(request)
    case = funds.recovery_for(viewer, case_number)
    viewer.require(RECOVER)
    require_recent_authentication(request, back=reverse("rewards:recovery", args=[case.number]))
    form = ReturnForm(request.POST)

    def work(given: dict[str, Any]) -> str:
        services.enter_return(by=viewer, at=clock.now(), case_id=case.pk, **given)
        return reverse("rewards:recovery", args=[case.number])

    return act_on_form(
        request, form, work, done=_("缴回已登记并记账。"),
        again=lambda form, status: _page(request, case, form=form, status=status),
    )  # fmt: skip


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest, number: str) -> HttpResponse:
    """Propose a recovery for a reopened claim that is worth less than was granted."""
    viewer = actor(request)
    claim = selectors.claim_for(viewer, number)
    viewer.require(RECOVER)
    standing = funds.standing_of(claim)
    form = RecoveryForm(request.POST or None)

    def show(form: forms.Form, status: int) -> HttpResponse:
        lead = _("核减 %(less)s，其中须缴回 %(back)s") % {
            "less": Money(max(-standing.difference_fen, 0)),
            "back": Money(standing.to_recover_fen),
        }
        context = {
            "form": form,
            "title": _("启动追回"),
            "lead": lead,
            "back_url": reverse("rewards:claim", args=[claim.number]),
            "back_label": claim.number,
            "submit": _("提出，交另一人核定"),
        }
        return render(request, "rewards/form.html", context, status=status)

    if request.method != "POST":
        return show(form, 200)
    require_recent_authentication(request, back=request.path)

    def work(given: dict[str, Any]) -> str:
        made = services.open_recovery(by=viewer, at=clock.now(), claim_id=claim.pk, **given)
        return reverse("rewards:recovery", args=[made.number])

    return act_on_form(request, form, work, done=_("追回已提出，等待另一人核定。"), again=show)


def _on_claim(request: HttpRequest, number: str, service: Any, done: str) -> HttpResponse:
    viewer = actor(request)
    claim = selectors.claim_for(viewer, number)
    selectors.require_all_claims(viewer)
    viewer.require(RECOVER)
    reason = request.POST.get("reason", "")[:2000]
    return act(
        request,
        lambda: service(by=viewer, at=clock.now(), claim_id=claim.pk, reason=reason),
        done=done,
        to=reverse("rewards:claim", args=[claim.number]),
        again=lambda request, **told: claim_page(request, selectors.claim_for(viewer, number), **told),
    )


@login_required
@require_POST
def reopen(request: HttpRequest, number: str) -> HttpResponse:
    """The department reopens a granted claim by hand."""
    return _on_claim(request, number, services.reopen, _("已重新核定。"))


@login_required
@require_POST
def uphold(request: HttpRequest, number: str) -> HttpResponse:
    """A reopened claim stays as it was granted."""
    return _on_claim(request, number, services.uphold, _("已维持原金额。"))
