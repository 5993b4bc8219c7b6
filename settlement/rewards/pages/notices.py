"""Public pages of the procedure: application notices, claims in their notice with objections, the register."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gateway.api import actor
from kernel import clock
from kernel.wording import listed
from settlement.rewards import funds, measures, selectors, services
from settlement.rewards.forms import NoticeForm, PublicObjectionForm
from settlement.rewards.models import ApplicationNotice, Claim
from settlement.rewards.pages.answering import act, act_on_form
from settlement.rewards.pages.shown import article_label, provisional_note, said
from settlement.rewards.permissions import OPEN_NOTICES
from settlement.rewards.services.publicity import TooMany
from settlement.rewards.states import NoticeState
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Fact, Link

OBJECTIONS_AN_HOUR = 5


def titles_of(names: Sequence[str]) -> list[str]:
    """The measures' titles in the reader's language."""
    return [said(measures.CARDS[name].title.plain()) for name in names if name in measures.CARDS]


@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """申报与公示: which applications are open, and which claims anybody may object to now."""
    at = clock.now()
    found = list(selectors.notices()[:50])
    context = {
        "open": [_row(each) for each in found if _is_open(each)],
        "others": [_row(each) for each in found if not _is_open(each)],
        "announced": [
            {"claim": claim, "title": said(measures.CARDS[claim.measure].title.plain())}
            for claim in selectors.announced_claims(at)[:200]
        ],
        "may_open": actor(request).can(OPEN_NOTICES),
    }
    return render(request, "rewards/notices.html", context)


def _is_open(notice: ApplicationNotice) -> bool:
    return notice.state == NoticeState.PUBLISHED and notice.opens_at <= clock.now() < notice.closes_at


def _row(notice: ApplicationNotice) -> dict[str, Any]:
    return {"notice": notice, "measures": titles_of(notice.measures)}


@require_GET
def notice(request: HttpRequest, notice_number: str) -> HttpResponse:
    """One application notice; the department drafts all statements or withdraws it here."""
    return _notice_page(request, selectors.notice_for(notice_number))


def _notice_page(
    request: HttpRequest, found: ApplicationNotice, *, error: str = "", status: int = 200
) -> HttpResponse:
    viewer = actor(request)
    may_open = viewer.can(OPEN_NOTICES)
    context = {
        "notice": found,
        "facts": [
            Fact(_("奖励年度"), found.year),
            Fact(_("措施"), listed(titles_of(found.measures))),
            Fact(_("开始时间"), f"{found.opens_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"),
            Fact(_("截止时间"), f"{found.closes_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"),
            Fact(_("发布单位"), found.organization.display_name),
            Fact(_("预算"), f"{found.budget.title}（{found.budget.number}）"),
        ],
        "is_open": _is_open(found),
        "may_draft": may_open and _is_open(found),
        "may_withdraw": may_open and found.state == NoticeState.PUBLISHED,
        "runs": list(found.runs.order_by("-pk")[:5]) if may_open else [],
        "error": error,
    }
    return render(request, "rewards/notice.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: HttpRequest) -> HttpResponse:
    """Publish an application notice."""
    viewer = actor(request)
    viewer.require(OPEN_NOTICES)
    form = NoticeForm(request.POST or None)

    def show(form: forms.Form, status: int) -> HttpResponse:
        context = {
            "form": form,
            "title": _("发布申报通知"),
            "back_url": reverse("rewards:notices"),
            "back_label": _("申报与公示"),
            "submit": _("发布"),
        }
        return render(request, "rewards/form.html", context, status=status)

    if request.method != "POST":
        return show(form, 200)

    def work(given: dict[str, Any]) -> str:
        budget = given.pop("budget")
        made = services.publish_notice(by=viewer, at=clock.now(), budget_id=budget.pk, **given)
        return reverse("rewards:notice", args=[made.number])

    return act_on_form(request, form, work, done=_("申报通知已发布。"), again=show)


@login_required
@require_POST
def draft_all(request: HttpRequest, notice_number: str) -> HttpResponse:
    """Have all firms' statements drafted; the job's page shows how far it is."""
    viewer = actor(request)
    found = selectors.notice_for(notice_number)
    viewer.require(OPEN_NOTICES)
    try:
        job = services.queue_drafts(by=viewer, at=clock.now(), notice_id=found.pk)
    except services.WindowNotOpen as refusal:
        return _notice_page(request, found, error=str(refusal), status=refusal.status)
    messages.success(request, _("已开始批量测算。"))
    return redirect("jobs:detail", job.pk)


@login_required
@require_POST
def withdraw_notice(request: HttpRequest, notice_number: str) -> HttpResponse:
    """Take a notice back."""
    viewer = actor(request)
    found = selectors.notice_for(notice_number)
    viewer.require(OPEN_NOTICES)
    reason = request.POST.get("reason", "")[:2000]
    return act(
        request,
        lambda: services.withdraw_notice(by=viewer, at=clock.now(), notice_id=found.pk, reason=reason),
        done=_("申报通知已撤回。"),
        to=reverse("rewards:notice", args=[found.number]),
        again=lambda request, **more: _notice_page(request, found, **more),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def announced(request: HttpRequest, number: str) -> HttpResponse:
    """One claim in its public notice, and the form with which anybody objects to it."""
    at = clock.now()
    found = selectors.announced_claim(number, at)
    form = PublicObjectionForm(request.POST or None)

    def show(form: forms.Form, status: int) -> HttpResponse:
        return render(request, "rewards/announced.html", _told(found, form), status=status)

    if request.method != "POST":
        return show(form, 200)

    def work(given: dict[str, Any]) -> str:
        _slow_down(request)
        services.object_publicly(by=actor(request), at=at, claim_id=found.pk, **given)
        return reverse("rewards:announced", args=[number])

    return act_on_form(request, form, work, done=_("异议已提交，主管部门将核实并在批准前处理。"), again=show)


def _told(found: Claim, form: forms.Form) -> dict[str, Any]:
    decision, card = found.decision, measures.CARDS[found.measure]
    assert decision is not None, "an announced claim has a decision"
    return {
        "claim": found,
        "form": form,
        "amount_fen": decision.amount_fen,
        "sentence": said(decision.trace["sentence"]),
        "facts": [
            Fact(_("措施"), said(card.title.plain())),
            Fact(_("依据"), article_label(card.article)),
            Fact(_("奖励年度"), found.year),
            Fact(_("主管部门"), said(card.department.plain())),
            Fact(
                _("公示截止日"), f"{found.notice_until:%Y-%m-%d}", hint=provisional_note(found.notice_until)
            ),
        ],
    }


def _slow_down(request: HttpRequest) -> None:
    """At most so many objections from one address in an hour."""
    key = f"rewards.objections.{request.META.get('REMOTE_ADDR', '')}"
    cache.add(key, 0, timeout=3600)
    if cache.incr(key) > OBJECTIONS_AN_HOUR:
        raise TooMany


@require_GET
def awards(request: HttpRequest) -> HttpResponse:
    """奖励公开: the register of granted awards."""
    asked = request.GET.get("year", "")
    year = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 4 else None
    rows = funds.published_awards(year)
    page = paginate(rows, request.GET, order=funds.PUBLISHED_ORDER, size=funds.AWARDS_A_PAGE)
    is_english = said({"zh": "", "en": "1"}) == "1"
    context = {
        "page": page,
        "rows": [
            {
                "award": row,
                "firm": row.firm.name_en if is_english and row.firm.name_en else row.firm.name,
                "title": said(measures.CARDS[row.measure].title.plain()),
            }
            for row in page
        ],
        "total_fen": funds.published_total_fen(year),
        "chips": _years(request.path, funds.published_years(), year),
    }
    return page_or_fragment(request, "rewards/awards.html", "rewards/awards_rows.html", context)


def _years(path: str, years: Sequence[int], chosen: int | None) -> list[Link]:
    """All years and each year as links; none when there is nothing to choose between."""
    if len(years) < 2 and chosen is None:
        return []
    links = [Link(_("全部年度"), path, is_current=chosen is None)]
    return links + [Link(str(each), f"{path}?year={each}", is_current=each == chosen) for each in years]
