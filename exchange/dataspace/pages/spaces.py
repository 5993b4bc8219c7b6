"""Spaces: the list, the application, the decision, one space and its moves."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from exchange.dataspace import selectors, services
from exchange.dataspace.forms import DecisionForm, OutcomeForm, ReasonForm, SpaceForm
from exchange.dataspace.models import Space
from exchange.dataspace.pages.shown import back_to, form_page, head
from exchange.dataspace.permissions import DECIDE, LEAD, VIEW_ALL
from exchange.dataspace.states import MemberState, SpaceState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotAllowed, NotFound, Refusal
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Link


@login_required
@require_safe
def spaces(request: HttpRequest) -> HttpResponse:
    """行业数据空间: those the viewer leads, belongs to or is asked to join; all for the operator."""
    viewer, state = actor(request), request.GET.get("state", "")
    chips = [Link(_("全部"), "?", is_current=not state)] + [
        Link(label, f"?state={value}", is_current=state == value) for value, label in SpaceState.choices
    ]
    context = {
        "page": paginate(selectors.listed_spaces(viewer, state=state), request.GET),
        "chips": chips,
        "may_apply": viewer.can(LEAD),
        "sees_all": viewer.can(VIEW_ALL),
    }
    return page_or_fragment(request, "dataspace/spaces.html", "dataspace/space_rows.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest) -> HttpResponse:
    """申请: what the space is for and by which rules."""
    viewer = actor(request)
    viewer.require(LEAD)
    form = SpaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():

        def work() -> str:
            made = services.apply_space(by=viewer, at=clock.now(), stated=form.stated())
            return reverse("dataspace:plan", args=[made.pk])

        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            show_refusal(form, refusal)
    context = {
        "form": form,
        "title": _("申请行业数据空间或流通平台"),
        "lead": _("提交后登记里程碑，由服务基地审核。"),
        "button": _("提交申请"),
        "back_label": _("行业数据空间"),
        "back_url": reverse("dataspace:spaces"),
        "is_danger": False,
    }
    return render(request, "dataspace/form.html", context, status=422 if form.is_bound else 200)


def _require_leader(space: Space, viewer: Actor) -> None:
    if not selectors.leads(viewer, space):
        raise NotAllowed(permission=LEAD.label, organization=str(viewer.organization or "—"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """A returned application is amended and handed in again."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    _require_leader(found, viewer)
    if found.state != SpaceState.RETURNED:
        return redirect("dataspace:space", space_id)
    initial = {
        "kind": found.kind, "title": found.title, "industry": found.industry, "purpose": found.purpose,
        "rules": found.first_rules,
    }  # fmt: skip
    form = SpaceForm(request.POST or None, initial=initial)

    def deed() -> object:
        return services.amend_space(by=viewer, at=clock.now(), space_id=space_id, stated=form.stated())

    words = (_("补正申请"), found.opinion, _("重新提交"))
    return form_page(request, form, words, back_to(found), deed)


def _waiting(space: Space, viewer: Actor) -> str:
    """One sentence: whose turn it is; empty when it is nobody's."""
    by_state = {
        SpaceState.APPLIED: _("等待服务基地审核。"),
        SpaceState.RETURNED: _("已退回：%(reason)s 轮到牵头单位补正。") % {"reason": space.opinion},
        SpaceState.SUSPENDED: _("空间已暂停，成员看不到共享产品，由服务基地恢复或关闭。"),
    }
    member = selectors.own_member(viewer, space)
    if space.state != SpaceState.ACTIVE or member is None:
        return by_state.get(SpaceState(space.state), "")
    if member.state == MemberState.INVITED:
        return _("贵单位受邀加入：请阅读规则，同意后加入。")
    if member.accepted_version != space.rules_version:
        return _("规则已更新：贵单位同意现行规则后才能看到共享产品。")
    return ""


@login_required
@require_safe
def space(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """A space: whose turn it is, what it is for, how it goes."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    own, leader = selectors.own_member(viewer, found), selectors.leads(viewer, found)
    decides = viewer.can(DECIDE) and not viewer.belongs_to(found.leader_id)
    today = clock.business_date(clock.now())
    milestones = list(selectors.milestones_visible_to(viewer, found))
    facts = [
        Fact(_("项目类型"), found.get_kind_display()),
        Fact(_("行业"), found.get_industry_display()),
        Fact(_("牵头单位"), str(found.leader)),
        Fact(_("申请时间"), clock.business_date(found.applied_at).isoformat()),
    ]
    if found.decided_at:
        facts.append(
            Fact(_("审核时间"), clock.business_date(found.decided_at).isoformat(), hint=found.opinion)
        )
    if found.state in ("active", "suspended", "closed"):
        facts.append(Fact(_("现行规则"), _("第 %(version)s 版") % {"version": found.rules_version}))
    context = {
        **head(found, viewer, "space"),
        "waiting": _waiting(found, viewer),
        "facts": facts,
        "figures": _figures(found, viewer) if selectors.has_access(viewer, found) or leader else [],
        "milestones": milestones,
        "late": selectors.late_count(milestones, today),
        "is_undecided": found.state in ("applied", "returned"),
        "needs_rules": own is not None
        and found.state == SpaceState.ACTIVE
        and own.accepted_version != found.rules_version,
        "may_decide": decides and found.state == SpaceState.APPLIED,
        "may_edit": leader and found.state == SpaceState.RETURNED,
        "may_withdraw": leader and found.state in ("applied", "returned"),
        "may_plan": leader and found.state in ("applied", "returned", "active"),
        "may_suspend": (leader or decides) and found.state == SpaceState.ACTIVE,
        "may_resume": decides and found.state == SpaceState.SUSPENDED,
        "may_close": (leader or decides) and found.state in ("active", "suspended"),
        "may_leave": own is not None and not own.is_leader and found.state in ("active", "suspended"),
        "history": selectors.history_of(found.pk) if leader or viewer.can(VIEW_ALL) else [],
    }
    return render(request, "dataspace/space.html", context)


def _figures(found: Space, viewer: Actor) -> list[Fact]:
    landings = selectors.landings_visible_to(viewer, found)
    return [
        Fact(_("成员"), selectors.members_visible_to(viewer, found).filter(state=MemberState.JOINED).count()),
        Fact(_("共享产品"), found.shared_products.filter(taken_at=None).count()),
        Fact(_("成果"), found.results.count()),
        Fact(_("已核验落地金额"), str(selectors.landed_amount(landings))),
    ]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """The operator's decision on an application, with what it says."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    viewer.require(DECIDE)
    verdicts = [("approve", _("批准")), ("return", _("退回补正")), ("reject", _("不予批准"))]
    form = DecisionForm(request.POST or None, verdicts=verdicts)
    deeds = {
        "approve": services.approve_space, "return": services.return_space, "reject": services.reject_space,
    }  # fmt: skip
    if request.method == "POST" and form.is_valid():

        def work() -> str:
            deed = deeds[form.cleaned_data["verdict"]]
            deed(by=viewer, at=clock.now(), space_id=space_id, reason=form.cleaned_data["reason"])
            return reverse("dataspace:space", args=[space_id])

        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
    context = {
        **head(found, viewer, "space"),
        "form": form,
        "milestones": list(selectors.milestones_visible_to(viewer, found)),
        "is_open": found.state == SpaceState.APPLIED,
        "history": selectors.history_of(found.pk),
    }
    return render(request, "dataspace/decide.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, space_id: UUID, space_move: str) -> HttpResponse:
    """Withdraw, suspend, resume or close, with the reason."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    leader = selectors.leads(viewer, found)
    known = {
        "withdraw": (services.withdraw_space, leader, _("撤回申请"), _("撤回后可以重新申请。")),
        "suspend": (services.suspend_space, leader or viewer.can(DECIDE), _("暂停空间"), _("成员立即看不到共享产品，已有订单照常进行。")),
        "resume": (services.resume_space, viewer.can(DECIDE), _("恢复运行"), _("已同意现行规则的成员重新看到共享产品。")),
        "close": (services.close_space, leader or viewer.can(DECIDE), _("关闭空间"), _("关闭后不能恢复，成员立即看不到共享产品，已有订单照常进行。")),
    }  # fmt: skip
    if space_move not in known:
        raise NotFound
    service, may, title, lead = known[space_move]
    if not may:
        right = DECIDE if space_move == "resume" else LEAD
        raise NotAllowed(permission=right.label, organization=str(viewer.organization or "—"))
    form = (OutcomeForm if space_move == "close" else ReasonForm)(request.POST or None)

    def deed() -> object:
        return service(by=viewer, at=clock.now(), space_id=space_id, reason=form.cleaned_data["reason"])

    words = (title, lead, _("确认"))
    return form_page(request, form, words, back_to(found), deed, is_danger=space_move in ("close", "suspend"))
