"""A firm's statements: the list, one statement with its whole trace, confirming and objecting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from gateway.api import actor
from kernel import clock
from kernel.errors import Refusal
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from settlement.revenue import selectors as revenue
from settlement.rewards import funds, measures, procedure, rules, selectors, services, sheets
from settlement.rewards.blocks import blocks_of
from settlement.rewards.forms import DraftForm, ObjectionForm
from settlement.rewards.models import Claim
from settlement.rewards.pages.judging import risk_part_of, with_risk
from settlement.rewards.pages.policy import years_offered
from settlement.rewards.pages.referrals import moments_of_referrals, referral_context
from settlement.rewards.pages.shown import (
    article_label,
    conclusion_of,
    provisional_note,
    questions_of,
    said,
    steps_of,
)
from settlement.rewards.permissions import (
    CLAIM_REWARDS,
    FIRST_REVIEW,
    RECOVER,
    REPLAY,
    SECOND_REVIEW,
    SEE_FUNDS,
    SEE_OWN_CLAIMS,
)
from settlement.rewards.states import CLAIM, ClaimState, Outcome
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Link, Moment, Option, Stage

REACHED = {
    ClaimState.DRAFTED: 1,
    ClaimState.OBJECTED: 1,
    ClaimState.RETURNED: 1,
    ClaimState.CONFIRMED: 2,
    ClaimState.FIRST_REVIEWED: 3,
    ClaimState.REJECTED: 3,
    ClaimState.SECOND_REVIEWED: 4,
    ClaimState.IN_NOTICE: 5,
    ClaimState.APPROVED: 6,
    ClaimState.REOPENED: 6,
}


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """All claims the viewer may see; a firm may have a year worked out here."""
    viewer = actor(request)
    if not selectors.sees_all_claims(viewer):
        viewer.require(SEE_OWN_CLAIMS)
    shown = request.GET.get("state", "")
    claims = selectors.claims_visible_to(viewer)
    if shown in ClaimState.values:
        claims = claims.filter(state=shown)
    labels = [("", _("全部")), *((state.value, str(state.label)) for state in list(ClaimState)[:8])]
    context = {
        "page": paginate(claims, request.GET),
        "chips": [
            Link(label, f"?state={key}" if key else "?", is_current=key == shown) for key, label in labels
        ],
        "form": DraftForm(years=years_offered()) if viewer.can(CLAIM_REWARDS) else None,
        "shows_firm": selectors.sees_all_claims(viewer),
    }
    return page_or_fragment(request, "rewards/index.html", "rewards/claims_list.html", context)


@require_POST
@login_required
def draft(request: HttpRequest) -> HttpResponse:
    """Have a year worked out for the viewer's own firm."""
    viewer = actor(request)
    viewer.require(CLAIM_REWARDS)
    form = DraftForm(request.POST, years=years_offered())
    if not form.is_valid() or viewer.organization_id is None:
        messages.error(request, _("请选择要测算的年度。"))
        return redirect("rewards:index")
    found = services.draft_claim(
        by=viewer,
        at=clock.now(),
        firm_id=viewer.organization_id,
        year=form.cleaned_data["year"],
        measure=form.cleaned_data["measure"] or selectors.MEASURE,
    )
    return redirect("rewards:claim", number=found.number)


@require_GET
@login_required
def claim(request: HttpRequest, number: str) -> HttpResponse:
    """One claim: the firm's statement, or the office's review page, by who looks."""
    return claim_page(request, selectors.claim_for(actor(request), number))


def claim_page(
    request: HttpRequest,
    found: Claim,
    *,
    objection: ObjectionForm | None = None,
    error: str = "",
    selected: str = "",
    opinion: str = "",
    bound: Mapping[str, forms.Form] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of a claim, with what went wrong in a form of it."""
    viewer = actor(request)
    decision = found.decision
    assert decision is not None, "a drafted claim has a decision"
    transitions = selectors.transitions_of(found)
    trace = decision.trace
    can_confirm = viewer.can(CLAIM_REWARDS) and viewer.belongs_to(found.firm_id)
    steps, conclusion = with_risk(
        steps_of(trace, firm_id=found.firm_id, annuals=revenue.annuals(found.firm_id)),
        conclusion_of(trace),
        risk_part_of(viewer, found),
    )
    questions = questions_of(decision) if selectors.sees_all_claims(viewer) else []
    context = {
        "claim": found,
        "decision": decision,
        "conclusion": conclusion,
        "steps": steps,
        "stages": stages_of(found, transitions),
        "moments": moments_of(found, transitions, is_office=selectors.sees_all_claims(viewer)),
        "meta": meta_of(found),
        "objections": selectors.objections_of(found),
        "can_answer": found.state == ClaimState.OBJECTED
        and viewer.can(selectors.first_review_of(found.firm)),
        "has_conflict": selectors.has_reviewing_claimant(found.firm),
        "public_objections": selectors.public_objections_of(viewer, found),
        "can_answer_public": viewer.can(SECOND_REVIEW) and selectors.is_in_charge(viewer, found),
        **_money_of(viewer, found),
        "notice": found.application_notice or selectors.open_notice(found.measure, found.year, clock.now()),
        "blocks": blocks_of(found) if found.state == ClaimState.FIRST_REVIEWED else [],
        "is_office": selectors.sees_all_claims(viewer),
        "can_confirm": can_confirm and found.state in (ClaimState.DRAFTED, ClaimState.RETURNED),
        "can_object": can_confirm
        and found.state in (ClaimState.DRAFTED, ClaimState.RETURNED, ClaimState.OBJECTED),
        "can_redraft": (can_confirm or viewer.can(FIRST_REVIEW) or viewer.can(SECOND_REVIEW))
        and CLAIM.moves["redraft"] in CLAIM.allowed(found.state)
        and found.state != ClaimState.OBJECTED,
        "rules_change": selectors.rules_change_of(found) if found.state in selectors.WITH_FIRM else None,
        "before": _before(found),
        "can_replay": viewer.can(REPLAY),
        "is_running": found.year >= clock.business_year(clock.now()),
        "is_granted": decision.outcome == Outcome.GRANTED,
        "objection_form": objection or ObjectionForm(items=_items(trace)),
        "choices": choices_of(viewer, found),
        "error": error,
        "selected": selected,
        "opinion": opinion,
        "phrases": [_("凭证、证书与资金流水相符，同意。"), _("请补充材料：")],
        "questions": questions,
        **referral_context(viewer, found, transitions, questions, bound or {}),
    }
    name = "rewards/review.html" if selectors.sees_all_claims(viewer) else "rewards/statement.html"
    return render(request, name, context, status=status)


def _money_of(viewer: Actor, found: Claim) -> dict[str, Any]:
    """What was granted, paid, is owed back; nothing before the first award."""
    standing = funds.standing_of(found)
    is_reopened = found.state == ClaimState.REOPENED
    may_recover = viewer.can(RECOVER) and selectors.is_in_charge(viewer, found)
    if standing.is_first:
        return {"standing": None, "can_reopen": False, "reopened": False}
    return {
        "standing": standing,
        "less_fen": max(-standing.difference_fen, 0),
        "today": clock.business_date(clock.now()),
        "awards": list(found.awards.select_related("batch").order_by("granted_at", "pk")),
        "payments": list(found.payments.select_related("disbursement").order_by("pk")),
        "recoveries": list(funds.recoveries_visible_to(viewer).filter(claim=found).order_by("pk")),
        "shows_numbers": viewer.can(SEE_FUNDS),
        "reopened": is_reopened,
        "can_reopen": may_recover and not is_reopened,
        "can_uphold": may_recover and is_reopened and not standing.difference_fen,
        "can_recover": may_recover and is_reopened and standing.difference_fen < 0,
    }


def _before(found: Claim) -> dict[str, Any] | None:
    """What the decision before this one came to, when another release of the rules stands between them."""
    decisions = selectors.decisions_of(found)[:2]
    if len(decisions) < 2 or decisions[0].release_id in (None, decisions[1].release_id):
        return None
    now, former = decisions
    return {
        "release": now.release.number if now.release else now.policy_version,
        "former": former.release.number if former.release else former.policy_version,
        "former_fen": former.amount_fen,
        "now_fen": now.amount_fen,
        "difference_fen": now.amount_fen - former.amount_fen,
    }


def _items(trace: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["key"], f"{step['number']}. {said(step['title'])}") for step in trace["steps"]]


def meta_of(found: Claim) -> list[str]:
    """The remarks under the claim's head."""
    decision = found.decision
    assert decision is not None, "a drafted claim has a decision"
    card = measures.CARDS[found.measure]
    version = measures.version_of(found.measure, decision.policy_version)
    remarks = [
        _("%(year)s 年度") % {"year": found.year},
        f"{said(card.title.plain())} · {article_label(card.article)}",
        _("规则版本 %(version)s") % {"version": said(version.label.plain())},
    ]
    if found.notice_until and found.state == ClaimState.IN_NOTICE:
        remarks.append(_("公示至 %(day)s") % {"day": found.notice_until.isoformat()})
        if rules.is_provisional(found.notice_until):
            remarks.append(provisional_note(found.notice_until))
    return remarks


def _notice_days() -> int:
    return procedure.working_days("notice", clock.business_date(clock.now()))


def stages_of(found: Claim, transitions: list[Transition]) -> list[Stage]:
    """The procedure as a process bar, with the moment of each step that is done."""
    labels = [_("系统测算"), _("企业确认"), _("初审"), _("复审"), _("公示"), _("批准"), _("拨付")]
    moves = ["", "confirm", "first_review", "second_review", "announce", "approve", "disburse"]
    waiting = [
        "",
        _("企业办理"),
        _("服务基地办理"),
        _("主管部门办理"),
        _("%(days)s 个工作日") % {"days": _notice_days()},
        _("公示结束后"),
        _("财务办理"),
    ]
    reached = REACHED.get(ClaimState(found.state), len(labels))
    latest = {row.move: row for row in transitions}
    stages = []
    for number, (label, move, detail) in enumerate(zip(labels, moves, waiting, strict=True)):
        state = "done" if number < reached else "current" if number == reached else "ahead"
        at = found.drafted_at if not move else latest[move].at if move in latest else None
        done = f"{at.astimezone(clock.SHANGHAI):%m-%d %H:%M}" if at and state == "done" else ""
        stages.append(Stage(label, done or detail, state))
    return stages


def moments_of(found: Claim, transitions: list[Transition], *, is_office: bool) -> list[Moment]:
    """The claim's timeline, the earliest first."""
    drafts = [
        Moment(_("系统测算：%(outcome)s") % {"outcome": each.get_outcome_display()}, each.decided_at)
        for each in reversed(selectors.decisions_of(found))
    ]
    moves = [
        Moment(row.move_label, row.at, row.actor_label, row.reason)
        for row in transitions
        if row.move != "redraft"
    ]
    others = moments_of_referrals(found, is_office=is_office)
    return sorted([*drafts, *moves, *others], key=lambda moment: moment.at or found.drafted_at)


def choices_of(viewer: Actor, found: Claim) -> list[Option]:
    """What the viewer may decide at this stage; nothing when it is not theirs."""
    state = ClaimState(found.state)
    first = state == ClaimState.CONFIRMED and viewer.can(selectors.first_review_of(found.firm))
    is_second = viewer.can(SECOND_REVIEW) and selectors.is_in_charge(viewer, found)
    second = state == ClaimState.FIRST_REVIEWED and is_second
    if first or second:
        decision = found.decision
        amount = str(Money(decision.amount_fen)) if decision else ""
        to = _("进入复审") if first else _("进入公示")
        return [
            Option(
                "agree", _("同意测算结果"), _("奖励 %(amount)s，%(next)s") % {"amount": amount, "next": to}
            ),
            Option("return", _("退回补正"), _("一次性告知所缺材料")),
            Option("reject", _("不予支持"), _("告知理由与救济途径")),
        ]
    if state in (ClaimState.SECOND_REVIEWED, ClaimState.REOPENED) and is_second:
        if state == ClaimState.REOPENED and funds.standing_of(found).difference_fen <= 0:
            return []
        return [Option("announce", _("开始公示"), _("公示 %(days)s 个工作日") % {"days": _notice_days()})]
    if state == ClaimState.IN_NOTICE and is_second and not found.awards.exists():
        return [
            Option("return", _("退回补正"), _("公示中发现须更正的事项")),
            Option("reject", _("不予支持"), _("告知理由与救济途径")),
        ]
    return []


@require_POST
@login_required
def confirm(request: HttpRequest, number: str) -> HttpResponse:
    """The firm takes the statement as right."""
    viewer = actor(request)
    found = selectors.claim_for(viewer, number)
    try:
        shown = request.POST.get("shown", "")[:64]
        services.confirm(by=viewer, at=clock.now(), claim_id=found.pk, shown=shown)
    except (
        services.YearNotOver, services.NothingToConfirm, services.FactsChanged, services.NoNoticeOpen,
        services.RulesChanged, services.StatementChanged,
    ) as refusal:  # fmt: skip
        return claim_page(request, found, error=str(refusal), status=refusal.status)
    messages.success(request, _("已确认并提交初审。"))
    return redirect("rewards:claim", number=number)


@require_POST
@login_required
def objection(request: HttpRequest, number: str) -> HttpResponse:
    """The firm objects to one item."""
    viewer = actor(request)
    found = selectors.claim_for(viewer, number)
    assert found.decision is not None, "a drafted claim has a decision"
    form = ObjectionForm(request.POST, items=_items(found.decision.trace))
    status = 422
    if form.is_valid():
        try:
            services.object_(by=viewer, at=clock.now(), claim_id=found.pk, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
            status = refusal.status
        else:
            messages.success(request, _("异议已提交，服务基地将核对后重新测算。"))
            return redirect("rewards:claim", number=number)
    return claim_page(request, found, objection=form, status=status)


@require_GET
@login_required
def sheet(request: HttpRequest, number: str) -> HttpResponse:
    """奖励测算书 as PDF/A: the statement with its steps, for the firm's file."""
    found = selectors.claim_for(actor(request), number)
    response = HttpResponse(sheets.statement_pdf(found), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{found.number}.pdf"'
    return response


@require_POST
@login_required
def redraft(request: HttpRequest, number: str) -> HttpResponse:
    """Work the statement out anew."""
    viewer = actor(request)
    found = selectors.claim_for(viewer, number)
    services.redraft_claim(
        by=viewer, at=clock.now(), claim_id=found.pk, reason=request.POST.get("reason", "")[:2000]
    )
    messages.success(request, _("已按最新事实重新测算。"))
    return redirect("rewards:claim", number=number)
