"""拨付: files for the bank by two people, receipts, what the bank sent back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.reauthentication import require_recent_authentication
from gateway.api import actor
from kernel import clock
from kernel.models import Transition
from kernel.money import Money
from settlement.rewards import funds, services
from settlement.rewards.models import Disbursement
from settlement.rewards.pages.answering import act
from settlement.rewards.permissions import DISBURSE, SEE_FUNDS
from settlement.rewards.states import DisbursementState, PaymentState
from web.answers import page_or_fragment, redirect_once
from web.paging import paginate
from web.parts import Fact


@login_required
@require_GET
def disbursements(request: HttpRequest) -> HttpResponse:
    """What can be paid now, and every file."""
    viewer = actor(request)
    viewer.require(SEE_FUNDS)
    return _list_page(request)


def _list_page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    viewer = actor(request)
    payables = funds.payables_for(viewer)
    context = {
        "page": paginate(funds.disbursements_visible_to(viewer), request.GET),
        "payables": payables,
        "ready_fen": sum(each.amount_fen for each in payables if each.account),
        "may_prepare": viewer.can(DISBURSE) and any(each.account for each in payables),
        "error": error,
    }
    return page_or_fragment(
        request, "rewards/disbursements.html", "rewards/disbursements_rows.html", context, status=status
    )


@login_required
@require_POST
def prepare(request: HttpRequest) -> HttpResponse:
    """Prepare a file of everything that can be paid; a second click leads to the same file."""
    viewer = actor(request)
    viewer.require(DISBURSE)
    require_recent_authentication(request, back=reverse("rewards:disbursements"))

    def work() -> str:
        made = services.prepare_disbursement(by=viewer, at=clock.now())
        return reverse("rewards:disbursement", args=[made.number])

    try:
        return redirect_once(request, work)
    except services.NothingToPay as refusal:
        return _list_page(request, error=str(refusal), status=refusal.status)


@login_required
@require_GET
def disbursement(request: HttpRequest, file_number: str) -> HttpResponse:
    """One file with its payments and receipts."""
    viewer = actor(request)
    viewer.require(SEE_FUNDS)
    return _page(request, funds.disbursement_for(viewer, file_number))


def _page(request: HttpRequest, found: Disbursement, *, error: str = "", status: int = 200) -> HttpResponse:
    viewer = actor(request)
    payments = funds.payments_of(found)
    may_act = viewer.can(DISBURSE) and viewer.belongs_to(found.organization_id)
    is_prepared = found.state == DisbursementState.PREPARED
    paid = sum(payment.amount_fen for payment in payments if payment.state == PaymentState.PAID)
    bounced = sum(payment.amount_fen for payment in payments if payment.reversal_id)
    context = {
        "file": found,
        "payments": payments,
        "facts": [
            Fact(_("合计"), Money(int(found.total_fen))),
            Fact(_("已到账"), Money(paid)),
            *([Fact(_("到账后被银行退回"), Money(bounced))] if bounced else []),
            Fact(_("笔数"), len(payments)),
            Fact(_("付款单位"), found.organization.display_name),
            Fact(_("编制人"), found.preparer_label),
            Fact(_("审批"), found.approver_label or "--"),
        ],
        "may_approve": may_act and is_prepared and viewer.user_id != found.prepared_by_id,
        "is_own": may_act and is_prepared and viewer.user_id == found.prepared_by_id,
        "may_cancel": may_act and is_prepared,
        "may_enter": may_act and found.state == DisbursementState.APPROVED,
        "may_reverse": may_act,
        "history": Transition.objects.filter(subject_id=found.pk).order_by("at", "pk"),
        "error": error,
    }
    return render(request, "rewards/disbursement.html", context, status=status)


@login_required
@require_GET
def file(request: HttpRequest, file_number: str) -> HttpResponse:
    """The file itself, byte for byte as approved."""
    viewer = actor(request)
    found = funds.disbursement_for(viewer, file_number)
    viewer.require(SEE_FUNDS)
    text = Disbursement.objects.values_list("file", flat=True).get(pk=found.pk)
    response = HttpResponse(text.encode(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.number}.csv"'
    return response


def _on_file(request: HttpRequest, file_number: str, service: Any, done: str, **more: Any) -> HttpResponse:
    viewer = actor(request)
    found = funds.disbursement_for(viewer, file_number)
    viewer.require(DISBURSE)
    here = reverse("rewards:disbursement", args=[found.number])
    require_recent_authentication(request, back=here)
    return act(
        request,
        lambda: service(by=viewer, at=clock.now(), disbursement_id=found.pk, **more),
        done=done,
        to=here,
        again=lambda request, **told: _page(request, found, **told),
    )


@login_required
@require_POST
def approve(request: HttpRequest, file_number: str) -> HttpResponse:
    """The second person approves the file."""
    return _on_file(
        request, file_number, services.approve_disbursement, _("拨付文件已审批，可以提交银行并登记回单。")
    )


@login_required
@require_POST
def cancel(request: HttpRequest, file_number: str) -> HttpResponse:
    """Drop a file that was not approved."""
    reason = request.POST.get("reason", "")[:2000]
    return _on_file(request, file_number, services.cancel_disbursement, _("拨付文件已取消。"), reason=reason)


@login_required
@require_POST
def settle(request: HttpRequest, reward_payment_id: UUID) -> HttpResponse:
    """Enter the bank's receipt of one payment, or that the bank sent it back (before a receipt, or after it)."""
    viewer = actor(request)
    payment = funds.payment_for(viewer, reward_payment_id)
    viewer.require(DISBURSE)
    found = funds.disbursement_for(viewer, payment.disbursement.number)
    text, reason = request.POST.get("reference", "")[:300], request.POST.get("reason", "")[:300]
    outcome = request.POST.get("outcome")
    is_return = outcome in ("returned", "bounced")

    def work() -> None:
        if outcome == "bounced":
            services.reverse_receipt(
                by=viewer, at=clock.now(), payment_id=payment.pk, reference=text, reason=reason
            )
        elif is_return:
            services.return_payment(by=viewer, at=clock.now(), payment_id=payment.pk, reason=text)
        else:
            services.enter_receipt(by=viewer, at=clock.now(), payment_id=payment.pk, reference=text)

    return act(
        request,
        work,
        done=_("已登记银行退回，企业将核对账户后重新拨付。") if is_return else _("已登记到账并记账。"),
        to=reverse("rewards:disbursement", args=[found.number]),
        again=lambda request, **told: _page(request, found, **told),
    )
