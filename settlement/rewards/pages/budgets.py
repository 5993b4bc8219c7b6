"""预算看板: budgets with what was granted, paid, waits and may follow; approval batches by two people."""

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
from organizations.permissions import Actor
from settlement.rewards import funds, rules, services
from settlement.rewards.forms import BudgetChangeForm, BudgetForm, RuleForm
from settlement.rewards.models import ApprovalBatch, BudgetLine
from settlement.rewards.pages.answering import act, act_on_form
from settlement.rewards.pages.notices import titles_of
from settlement.rewards.permissions import APPROVE_AWARDS, MANAGE_BUDGET, SEE_FUNDS
from settlement.rewards.states import BatchState, ShortfallRule
from web import charts
from web.parts import Fact, Kpi

SHOWN_LINES = 20


def _left_out_labels() -> dict[str, str]:
    return {
        funds.STALE: _("测算之后事实或金额已变，须退回重新测算"),
        funds.OPPOSED: _("有未处理的公示异议"),
        funds.SECOND_OF_FIRM: _("同一事项就高不就低：本批已有更高的一项，批准后退回重新测算"),
        funds.BLOCKED: _("有须先办结的风险事项"),
    }


@login_required
@require_GET
def budgets(request: HttpRequest) -> HttpResponse:
    """All budgets at a glance, the batches that wait, and where the money stands."""
    viewer = actor(request)
    viewer.require(SEE_FUNDS)
    lines = list(funds.lines_visible_to(viewer).order_by("-fiscal_year", "-pk")[:SHOWN_LINES])
    positions = funds.positions_of(lines)
    context = {
        "rows": [
            {"position": each, "measures": titles_of(each.line.measures), "bar": _bar(each)}
            for each in positions
        ],
        "kpis": _kpis(positions),
        "batches": list(funds.batches_visible_to(viewer).order_by("-pk")[:20]),
        "may_manage": viewer.can(MANAGE_BUDGET),
    }
    return render(request, "rewards/budgets.html", context)


def _kpis(positions: list[funds.Position]) -> list[Kpi]:
    amount = sum(each.amount_fen for each in positions)
    granted, paid = sum(each.granted_fen for each in positions), sum(each.paid_fen for each in positions)
    waiting, ahead = (
        sum(each.waiting_fen for each in positions),
        sum(each.forecast_fen for each in positions),
    )

    def share(fen: int) -> int | None:
        return min(fen * 100 // amount, 100) if amount else None

    return [
        Kpi(_("预算"), Money(amount), icon="landmark"),
        Kpi(_("已批准"), Money(granted), share=share(granted), icon="stamp"),
        Kpi(_("已拨付"), Money(paid), share=share(paid), icon="banknote"),
        Kpi(_("余额"), Money(amount - granted), tone="warn" if amount - granted < waiting else "", icon="wallet"),
        Kpi(_("待批准"), Money(waiting), hint=_("复审通过或公示中"), icon="clock"),
        Kpi(_("预计"), Money(ahead), hint=_("测算、确认和初审中"), icon="trending-up"),
    ]  # fmt: skip


def _parts(position: funds.Position) -> list[tuple[str, int, str]]:
    left = max(position.left_fen - position.waiting_fen - position.forecast_fen, 0)
    return [
        (_("已拨付（分）"), position.paid_fen, "green"),
        (_("已批准未拨付（分）"), max(position.granted_fen - position.paid_fen, 0), "teal"),
        (_("待批准（分）"), position.waiting_fen, "amber"),
        (_("预计（分）"), position.forecast_fen, "violet"),
        (_("余额（分）"), left, "neutral"),
    ]


def _bar(position: funds.Position) -> charts.Drawing:
    title = _("%(line)s 的使用情况") % {"line": position.line.title}
    return charts.stacked_bar(_parts(position), title=title)


def _waterfall(position: funds.Position) -> charts.Drawing:
    rest = position.left_fen - position.waiting_fen - position.forecast_fen
    changes = [
        charts.Change(_("预算"), position.amount_fen, "start"),
        charts.Change(_("已批准"), -position.granted_fen, "minus"),
        charts.Change(_("待批准"), -position.waiting_fen, "minus"),
        charts.Change(_("预计"), -position.forecast_fen, "minus"),
        charts.Change(_("预计结余") if rest >= 0 else _("预计缺口"), rest, "total"),
    ]

    def draw(width: int, height: int) -> charts.Drawing:
        return charts.waterfall(
            [each for each in changes if each.value or each.kind != "minus"],
            title=_("从预算到预计结余（万元）"),
            unit=_("万元"),
            width=width,
            height=height,
        )

    return charts.for_both(draw)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_budget(request: HttpRequest) -> HttpResponse:
    """Set up a budget."""
    viewer = actor(request)
    viewer.require(MANAGE_BUDGET)
    form = BudgetForm(request.POST or None)

    def show(form: forms.Form, status: int) -> HttpResponse:
        context = {
            "form": form,
            "title": _("设立预算"),
            "back_url": reverse("rewards:budgets"),
            "back_label": _("预算看板"),
            "submit": _("设立"),
        }
        return render(request, "rewards/form.html", context, status=status)

    if request.method != "POST":
        return show(form, 200)

    def work(given: dict[str, Any]) -> str:
        made = services.make_budget(by=viewer, at=clock.now(), **given)
        return reverse("rewards:budget", args=[made.number])

    return act_on_form(request, form, work, done=_("预算已设立。"), again=show)


@login_required
@require_GET
def budget(request: HttpRequest, line_number: str) -> HttpResponse:
    """One budget: its changes, and the batch that could be proposed now under each rule."""
    viewer = actor(request)
    viewer.require(SEE_FUNDS)
    return _budget_page(request, funds.line_for(viewer, line_number))


def _budget_page(
    request: HttpRequest,
    line: BudgetLine,
    *,
    change_form: forms.Form | None = None,
    rule_form: forms.Form | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    viewer = actor(request)
    position, preview = funds.position_of(line), funds.preview(line, clock.now(), checks_facts=False)
    labels = _left_out_labels()
    is_ours = viewer.belongs_to(line.organization_id)
    may_manage = is_ours and viewer.can(MANAGE_BUDGET)
    context = {
        "line": line,
        "position": position,
        "measures": titles_of(line.measures),
        "chart": _waterfall(position),
        "preview": preview,
        "rules": _under_each_rule(preview),
        "left_out": [{"claim": claim, "why": labels[why]} for claim, why in preview.left_out],
        "changes": list(line.changes.order_by("-made_at", "-pk")),
        "batches": list(line.batches.order_by("-pk")),
        "may_propose": is_ours
        and viewer.can(APPROVE_AWARDS)
        and preview.granted_fen > 0
        and not _open_batch(line),
        "change_form": (change_form or BudgetChangeForm()) if may_manage else None,
        "rule_form": (rule_form or RuleForm(initial={"rule": line.rule}, prefix="rule"))
        if may_manage
        else None,
        "error": error,
    }
    return render(request, "rewards/budget.html", context, status=status)


def _open_batch(line: BudgetLine) -> bool:
    return line.batches.filter(state=BatchState.PROPOSED).exists()


def _under_each_rule(preview: funds.Preview) -> list[dict[str, Any]]:
    """What each rule would grant, when the budget is short."""
    if not preview.is_short:
        return []
    due = [item.due_fen for item in preview.items]
    found = []
    for rule in ShortfallRule:
        granted = rules.allocated(rule, preview.available_fen, due)
        found.append(
            {
                "label": rule.label,
                "is_chosen": rule == preview.line.rule,
                "full": sum(1 for got, want in zip(granted, due, strict=True) if got == want),
                "cut": sum(1 for got, want in zip(granted, due, strict=True) if 0 < got < want),
                "waiting": sum(1 for got in granted if not got),
                "granted_fen": sum(granted),
            }
        )
    return found


def _line_to_manage(request: HttpRequest, line_number: str) -> tuple[Actor, BudgetLine]:
    viewer = actor(request)
    line = funds.line_for(viewer, line_number)
    viewer.require(MANAGE_BUDGET)
    return viewer, line


@login_required
@require_POST
def change_budget(request: HttpRequest, line_number: str) -> HttpResponse:
    """Raise or cut a budget."""
    viewer, line = _line_to_manage(request, line_number)
    form = BudgetChangeForm(request.POST)

    def work(given: dict[str, Any]) -> str:
        services.change_budget(by=viewer, at=clock.now(), line_id=line.pk, **given)
        return reverse("rewards:budget", args=[line.number])

    return act_on_form(
        request, form, work, done=_("预算已调整。"),
        again=lambda form, status: _budget_page(request, line, change_form=form, status=status),
    )  # fmt: skip


@login_required
@require_POST
def change_rule(request: HttpRequest, line_number: str) -> HttpResponse:
    """Choose another rule for when the budget does not suffice."""
    viewer, line = _line_to_manage(request, line_number)
    form = RuleForm(request.POST, prefix="rule")

    def work(given: dict[str, Any]) -> str:
        services.change_rule(by=viewer, at=clock.now(), line_id=line.pk, **given)
        return reverse("rewards:budget", args=[line.number])

    return act_on_form(
        request, form, work, done=_("处理方式已更改。"),
        again=lambda form, status: _budget_page(request, line, rule_form=form, status=status),
    )  # fmt: skip


@login_required
@require_POST
def propose(request: HttpRequest, line_number: str) -> HttpResponse:
    """Propose a batch of everything that is past its notice."""
    viewer = actor(request)
    line = funds.line_for(viewer, line_number)
    viewer.require(APPROVE_AWARDS)
    here = reverse("rewards:budget", args=[line.number])
    require_recent_authentication(request, back=here)
    return act(
        request,
        lambda: services.propose_batch(by=viewer, at=clock.now(), line_id=line.pk),
        done=_("批次已提出，等待另一人批准。"),
        to=here,
        again=lambda request, **more: _budget_page(request, line, **more),
    )


@login_required
@require_GET
def batch(request: HttpRequest, batch_number: str) -> HttpResponse:
    """批准批次: every claim with what is due and what the budget gives it."""
    viewer = actor(request)
    viewer.require(SEE_FUNDS)
    return _batch_page(request, funds.batch_for(viewer, batch_number))


def _batch_page(
    request: HttpRequest, found: ApprovalBatch, *, error: str = "", status: int = 200
) -> HttpResponse:
    viewer = actor(request)
    is_ours = viewer.can(APPROVE_AWARDS) and viewer.belongs_to(found.line.organization_id)
    is_open = is_ours and found.state == BatchState.PROPOSED
    context = {
        "batch": found,
        "items": funds.items_of(found),
        "facts": [
            Fact(_("预算"), f"{found.line.title}（{found.line.number}）"),
            Fact(_("应奖励合计"), Money(int(found.due_fen))),
            Fact(_("批次前可用预算"), Money(int(found.available_fen))),
            Fact(_("本批批准"), Money(int(found.granted_fen))),
            Fact(_("批后余额"), Money(int(found.available_fen - found.granted_fen))),
            Fact(_("不足时的处理"), found.get_rule_display()),
        ],
        "may_approve": is_open and viewer.user_id != found.proposed_by_id,
        "may_withdraw": is_open,
        "is_own": is_open and viewer.user_id == found.proposed_by_id,
        "history": Transition.objects.filter(subject_id=found.pk).order_by("at", "pk"),
        "error": error,
    }
    return render(request, "rewards/batch.html", context, status=status)


def _on_batch(request: HttpRequest, batch_number: str, service: Any, done: str) -> HttpResponse:
    viewer = actor(request)
    found = funds.batch_for(viewer, batch_number)
    viewer.require(APPROVE_AWARDS)
    here = reverse("rewards:batch", args=[found.number])
    require_recent_authentication(request, back=here)
    return act(
        request,
        lambda: service(by=viewer, at=clock.now(), batch_id=found.pk),
        done=done,
        to=here,
        again=lambda request, **more: _batch_page(request, found, **more),
    )


@login_required
@require_POST
def approve_batch(request: HttpRequest, batch_number: str) -> HttpResponse:
    """The second person approves."""
    return _on_batch(request, batch_number, services.approve_batch, _("批次已批准，奖励已写入登记簿。"))


@login_required
@require_POST
def withdraw_batch(request: HttpRequest, batch_number: str) -> HttpResponse:
    """Take a proposed batch back."""
    return _on_batch(request, batch_number, services.withdraw_batch, _("批次已撤回。"))
