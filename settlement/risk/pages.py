"""风险监测: the board of signals, a firm's signals, cases, hearings, declarations, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from documents.services import link_to, store_upload
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.money import Money
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.risk import parameters, selectors, services, showing, wording
from settlement.risk.forms import (
    AnswerForm,
    AssignForm,
    DecisionForm,
    FilterForm,
    HoldingForm,
    OpenForm,
    ReasonForm,
    TraitForm,
)
from settlement.risk.models import Case, Finding
from settlement.risk.parameters import Parameter
from settlement.risk.permissions import DECLARE, REVIEW_CASES, WATCH
from settlement.risk.selectors import Wanted
from settlement.risk.states import DECIDED, UNDECIDED, CaseState, FindingState, SignalKind
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi, Link


def _once(request: HttpRequest, form: forms.Form, work: Callable[[], str], said: str) -> HttpResponse | None:
    """Do the work once per form and lead on; None when it was refused, with the reason on the form."""
    try:
        answer = redirect_once(request, work)
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        show_refusal(form, refusal)
        return None
    messages.success(request, said)
    return answer


def _status(*bound: forms.Form) -> int:
    return 422 if any(form.errors for form in bound) else 200


def _year(request: HttpRequest) -> int | None:
    asked = request.GET.get("year", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 4 else None


# --- the board ----------------------------------------------------------------------------------


@require_GET
@login_required
def board(request: HttpRequest) -> HttpResponse:
    """信号: what waits for a person, the highest score first; by signal, year, firm, score and amount."""
    viewer = actor(request)
    viewer.require(WATCH)
    form = FilterForm(request.GET or None)
    told: Mapping[str, Any] = form.cleaned_data if form.is_bound and form.is_valid() else {}
    wanted = Wanted(
        kind=request.GET.get("kind", ""),
        year=_year(request),
        state=request.GET.get("state", FindingState.OPEN.value),
        least_score=told.get("score") or 0,
        least_fen=told["amount"].fen if told.get("amount") else 0,
    )
    rows = selectors.board(viewer, wanted)
    if told.get("name"):
        rows = rows.filter(firm__name__icontains=told["name"])
    page = paginate(rows, request.GET, order=("-score", "-id"))
    context = {
        "page": page,
        "reasons": [(each, _reason_without_evidence(each)) for each in page],
        "kinds": _kind_chips(request, selectors.counts_by_kind(viewer, wanted), wanted),
        "states": _state_chips(request, wanted),
        "kpis": _kpis(viewer),
        "latest": selectors.latest_run(),
        "form": form,
        "kept": [(name, request.GET[name]) for name in ("kind", "state", "year") if request.GET.get(name)],
    }
    return page_or_fragment(request, "risk/board.html", "risk/board_rows.html", context)


def _reason_without_evidence(finding: Finding) -> str:
    """The board does not load the evidence: a related pair is told by its figures alone."""
    if finding.signal == SignalKind.RELATED_PARTY:
        words = {"size": finding.figures["size"], "trade": Money(finding.figures["trade_fen"])}
        return (
            ngettext(
                "与买方有 %(size)s 项联系，双方交易 %(trade)s。",
                "与买方共有 %(size)s 项联系，双方交易 %(trade)s。",
                finding.figures["size"],
            )
            % words
        )
    return wording.reason(finding)


def _query(request: HttpRequest, **changed: str) -> str:
    kept = request.GET.copy()
    for name in ("after", "before"):
        kept.pop(name, None)
    for name, value in changed.items():
        kept.pop(name, None)
        if value:
            kept[name] = value
    return f"?{kept.urlencode()}"


def _kind_chips(request: HttpRequest, counts: Mapping[str, int], wanted: Wanted) -> list[Link]:
    is_all = wanted.kind not in SignalKind.values
    shown = [kind for kind in SignalKind if kind.value in counts or kind.value == wanted.kind]
    return [Link(_("全部"), _query(request, kind=""), sum(counts.values()), is_current=is_all)] + [
        Link(
            kind.label,
            _query(request, kind=kind.value),
            counts.get(kind.value, 0),
            is_current=wanted.kind == kind.value,
        )
        for kind in shown
    ]


def _state_chips(request: HttpRequest, wanted: Wanted) -> list[Link]:
    return [
        Link(state.label, _query(request, state=state.value), is_current=wanted.state == state.value)
        for state in FindingState
    ]


def _kpis(viewer: Actor) -> list[Kpi]:
    told = selectors.totals(viewer)
    return [
        Kpi(_("待立案信号"), f"{told.open_count:,}", tone="warn" if told.open_count else ""),
        Kpi(_("涉及企业"), f"{told.firm_count:,}"),
        Kpi(_("最高分值"), told.top_score or "--", hint=_("分值只用于排序，不作结论")),
        Kpi(_("未决案件"), f"{told.case_count:,}", url=reverse("risk:cases")),
    ]


# --- findings -----------------------------------------------------------------------------------


@require_GET
@login_required
def finding(request: HttpRequest, finding_id: UUID) -> HttpResponse:
    """One signal with its whole evidence."""
    found = selectors.finding_for(actor(request), finding_id)
    parties = selectors.parties_of([found])
    chips = list(showing.evidence(found, parties))
    shown = showing.shown(found, parties, is_drawn=True)
    context = {"shown": shown, "finding": found, "chips": chips, "facts": _facts(found)}
    return render(request, "risk/finding.html", context)


def _facts(found: Finding) -> list[Fact]:
    return [
        Fact(_("企业"), found.firm.display_name, url=_firm_url(found)),
        Fact(_("年度"), found.year),
        Fact(_("涉及金额"), Money(found.amount_fen)),
        Fact(_("首次发现"), clock.business_date(found.found_at).isoformat()),
        Fact(_("最近复查"), clock.business_date(found.seen_at).isoformat()),
        Fact(_("证据指纹"), found.evidence_sha256[:16]),
    ]


def _firm_url(found: Finding | Case) -> str:
    return f"{reverse('risk:firm', args=[found.firm_id])}?year={found.year}"


@require_GET
@login_required
def firm(request: HttpRequest, firm_id: UUID) -> HttpResponse:
    """A firm's signals of a year, to be put into a case."""
    viewer = actor(request)
    held = selectors.watched_firm(viewer, firm_id)
    return _firm_page(request, held, _year(request), OpenForm(reviewers=selectors.reviewers()))


def _firm_page(
    request: HttpRequest, held: Organization, year: int | None, form: OpenForm, chosen: Sequence[str] = ()
) -> HttpResponse:
    viewer = actor(request)
    years = selectors.years_of_firm(viewer, held.pk)
    present = year or (years[0] if years else clock.business_year(clock.now()))
    found = selectors.findings_of_firm(viewer, held.pk, present)
    parties = selectors.parties_of(found)
    ticked = set(chosen) or {str(each.pk) for each in found if each.state == FindingState.OPEN}
    context = {
        "firm": held,
        "year": present,
        "years": [Link(str(each), f"?year={each}", is_current=each == present) for each in years],
        "shown": [showing.shown(each, parties) for each in found],
        "ticked": ticked,
        "form": form,
        "may_open": viewer.can(REVIEW_CASES) and any(each.state == FindingState.OPEN for each in found),
    }
    return render(request, "risk/firm.html", context, status=_status(form))


def _ids(values: Sequence[str]) -> list[UUID]:
    try:
        return [UUID(each) for each in values]
    except ValueError as error:
        raise NotFound from error


@require_POST
@login_required
def open_case(request: HttpRequest, firm_id: UUID) -> HttpResponse:
    """立案 from the ticked signals of a firm's year."""
    viewer = actor(request)
    held = selectors.watched_firm(viewer, firm_id)
    viewer.require(REVIEW_CASES)
    form, chosen = OpenForm(request.POST, reviewers=selectors.reviewers()), request.POST.getlist("findings")

    def work() -> str:
        told = form.cleaned_data
        assignee = UUID(told["assignee"]) if told["assignee"] else None
        made = services.open_case(
            by=viewer, at=clock.now(), finding_ids=_ids(chosen), reason=told["reason"], assignee_id=assignee
        )
        return reverse("risk:case", args=[made.pk])

    if form.is_valid() and (answer := _once(request, form, work, _("已立案，企业已收到陈述通知。"))):
        return answer
    return _firm_page(request, held, _year(request), form, chosen)


# --- cases --------------------------------------------------------------------------------------


@require_GET
@login_required
def cases(request: HttpRequest) -> HttpResponse:
    """案件: by state, the latest first."""
    viewer, state = actor(request), request.GET.get("state", "")
    rows = selectors.listed_cases(viewer, state=state)
    counts = selectors.counts_by_state(viewer)
    known = (*CaseState.values, "undecided")
    undecided = sum(counts.get(each.value, 0) for each in UNDECIDED)
    chips = [
        Link(_("全部"), "?", sum(counts.values()), is_current=state not in known),
        Link(_("未决"), "?state=undecided", undecided, is_current=state == "undecided"),
        *(
            Link(label, f"?state={value}", counts[value], is_current=state == value)
            for value, label in CaseState.choices
            if value in counts
        ),
    ]
    context = {"page": paginate(rows, request.GET), "chips": chips}
    return page_or_fragment(request, "risk/cases.html", "risk/case_rows.html", context)


@require_GET
@login_required
def case(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """One case: signals with the ring, the firm's answer, the effect, the decision."""
    return _case_page(request, selectors.case_for(actor(request), case_id))


def _case_page(
    request: HttpRequest, found: Case, *, ticked: Sequence[str] | None = None, **bound: forms.Form
) -> HttpResponse:
    viewer, at = actor(request), clock.now()
    findings = selectors.findings_of(found)
    parties = selectors.parties_of(findings)
    effect = selectors.effect_of(found, findings)
    may_review = viewer.can(REVIEW_CASES)
    may_decide = may_review and found.state == CaseState.IN_REVIEW
    statements = selectors.statements_of(found)
    reviewers = selectors.reviewers() if may_review else []
    reopening = selectors.reopening_of(found)
    own: dict[str, forms.Form] = {
        "decision_form": DecisionForm(),
        "reopen_form": ReasonForm(),
        "assign_form": AssignForm(reviewers=reviewers, initial={"assignee": found.assignee_id}),
        **bound,
    }
    context = {
        "case": found,
        "shown": [showing.shown(each, parties, is_drawn=number == 0) for number, each in enumerate(findings)],
        "effect": effect,
        "ticked": set(ticked) if ticked is not None else {str(line.order.pk) for line in effect.lines},
        "statements": statements,
        "decisions": selectors.decisions_of(found),
        "history": selectors.history(found),
        "is_hearing": found.state in UNDECIDED and at < found.hearing_until and not statements,
        "is_opener": viewer.user_id in (found.opened_by_id, reopening.user_id if reopening else None),
        "may_begin": may_review and found.state in (CaseState.OPEN, CaseState.REOPENED),
        "may_assign": may_review and found.state in UNDECIDED,
        "may_decide": may_decide,
        "may_reopen": may_review and found.state in DECIDED,
        "firm_url": _firm_url(found),
        "facts": [
            Fact(_("企业"), found.firm.display_name, url=_firm_url(found)),
            Fact(_("年度"), found.year),
            Fact(_("立案人"), found.opener_label),
            Fact(_("承办人"), found.assignee or "--"),
            Fact(_("企业陈述期限"), found.hearing_ends_on.isoformat()),
        ],
        **own,
    }
    return render(request, "risk/case.html", context, status=_status(*bound.values()))


def _back(case_id: UUID) -> str:
    return reverse("risk:case", args=[case_id])


@require_POST
@login_required
def assign(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Give the case to a reviewer."""
    viewer = actor(request)
    found = selectors.case_for(viewer, case_id)
    viewer.require(REVIEW_CASES)
    form = AssignForm(request.POST, reviewers=selectors.reviewers())

    def work() -> str:
        wanted = UUID(form.cleaned_data["assignee"])
        services.assign(by=viewer, at=clock.now(), case_id=case_id, assignee_id=wanted)
        return _back(case_id)

    if form.is_valid() and (answer := _once(request, form, work, _("承办人已更新。"))):
        return answer
    return _case_page(request, found, assign_form=form)


@require_POST
@login_required
def begin(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """开始审查."""
    viewer = actor(request)
    selectors.case_for(viewer, case_id)
    viewer.require(REVIEW_CASES)

    def work() -> str:
        services.begin(by=viewer, at=clock.now(), case_id=case_id)
        return _back(case_id)

    return redirect_once(request, work)


@require_POST
@login_required
def decide(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """作出决定 on the table of effects that was shown."""
    viewer = actor(request)
    found = selectors.case_for(viewer, case_id)
    viewer.require(REVIEW_CASES)
    form, ticked = DecisionForm(request.POST), request.POST.getlist("orders")

    def work() -> str:
        told = form.cleaned_data
        is_excluded = told["outcome"] == "excluded"
        services.decide(
            by=viewer, at=clock.now(), case_id=case_id, outcome=told["outcome"], text=told["text"],
            citations=told["citations"], shown=request.POST.get("shown", ""), order_ids=_ids(ticked) if is_excluded else [],
            code=told["code"] if is_excluded else "",
        )  # fmt: skip
        return _back(case_id)

    if form.is_valid() and (answer := _once(request, form, work, _("决定已记录，年度实际收入已重新汇总。"))):
        return answer
    return _case_page(request, found, ticked=ticked, decision_form=form)


@require_POST
@login_required
def reopen(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """重新审查 a decided case."""
    viewer = actor(request)
    found = selectors.case_for(viewer, case_id)
    viewer.require(REVIEW_CASES)
    form = ReasonForm(request.POST)

    def work() -> str:
        services.reopen(by=viewer, at=clock.now(), case_id=case_id, reason=form.cleaned_data["reason"])
        return _back(case_id)

    if form.is_valid() and (answer := _once(request, form, work, _("案件已重新审查，企业可以再次陈述。"))):
        return answer
    return _case_page(request, found, reopen_form=form)


@require_POST
@login_required
def file(request: HttpRequest, case_id: UUID, document_id: UUID) -> HttpResponse:
    """A short-lived link to a document beside a statement; on record."""
    viewer = actor(request)
    found = selectors.attachment_for(viewer, case_id, document_id)
    return redirect(link_to(by=viewer, at=clock.now(), document=found.document))


# --- hearings -----------------------------------------------------------------------------------


@require_GET
@login_required
def hearing(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """陈述: what the firm is asked, its own trades, its answers, the decision. No threshold, no score."""
    return _hearing_page(request, selectors.hearing_for(actor(request), case_id), AnswerForm())


def _hearing_page(request: HttpRequest, found: Case, form: AnswerForm) -> HttpResponse:
    findings = selectors.findings_of(found)
    context = {
        "case": found,
        "concerns": list(dict.fromkeys(each.signal.concern for each in findings)),
        "orders": [line.order for line in selectors.effect_of(found, findings).lines],
        "statements": selectors.statements_of(found),
        "decisions": selectors.decisions_of(found),
        "is_open": found.state in UNDECIDED,
        "form": form,
    }
    return render(request, "risk/hearing.html", context, status=_status(form))


@require_POST
@login_required
def answer(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """The firm's answer with a document."""
    viewer = actor(request)
    found = selectors.hearing_for(viewer, case_id)
    form = AnswerForm(request.POST, request.FILES)

    def work() -> str:
        told, documents = form.cleaned_data, []
        if told["file"] is not None:
            kept = store_upload(
                by=viewer, at=clock.now(), purpose="evidence", name=told["file"].name or "",
                file=cast(BinaryIO, told["file"]),
            )  # fmt: skip
            documents.append(kept.pk)
        services.state_answer(
            by=viewer, at=clock.now(), case_id=case_id, text=told["text"], document_ids=documents
        )
        return reverse("risk:hearing", args=[case_id])

    if form.is_valid() and (done := _once(request, form, work, _("陈述已提交。"))):
        return done
    return _hearing_page(request, found, form)


# --- declarations -------------------------------------------------------------------------------


@require_GET
@login_required
def own_declarations(request: HttpRequest) -> HttpResponse:
    """股权与联系信息 of the viewer's own firm, with its cases."""
    viewer = actor(request)
    viewer.require(DECLARE)
    return _declarations_page(request, selectors.declaring_firm(viewer, None))


@require_GET
@login_required
def declarations(request: HttpRequest, firm_id: UUID) -> HttpResponse:
    """The same of any firm, for those who watch."""
    return _declarations_page(request, selectors.declaring_firm(actor(request), firm_id))


def _declarations_page(request: HttpRequest, held: Organization, **bound: forms.Form) -> HttpResponse:
    viewer = actor(request)
    is_own = viewer.belongs_to(held.pk)
    own: dict[str, forms.Form] = {
        "holding_form": HoldingForm(prefix="holding"),
        "trait_form": TraitForm(prefix="detail"),
        **bound,
    }
    holdings = selectors.holdings_of(held.pk)
    present = sum(each.share_bp for each in holdings if each.ended_at is None)
    context = {
        "firm": held,
        "is_own": is_own,
        "may_declare": (is_own and viewer.can(DECLARE)) or viewer.can(REVIEW_CASES),
        "holdings": holdings,
        "declared": wording.percent(present),
        "stakes": selectors.stakes_of(held.pk),
        "traits": selectors.traits_of(held.pk),
        "hearings": selectors.hearings_of(viewer) if is_own else [],
        **own,
    }
    return render(request, "risk/ownership.html", context, status=_status(*bound.values()))


def _declared(viewer: Actor, firm_id: UUID) -> str:
    return (
        reverse("risk:ownership")
        if viewer.belongs_to(firm_id)
        else reverse("risk:ownership_of", args=[firm_id])
    )


def _require_declaring(viewer: Actor, firm_id: UUID) -> Organization:
    held = selectors.declaring_firm(viewer, firm_id)
    viewer.require(DECLARE if viewer.belongs_to(firm_id) else REVIEW_CASES)
    return held


@require_POST
@login_required
def declare_holding(request: HttpRequest, firm_id: UUID) -> HttpResponse:
    """Declare a share."""
    viewer = actor(request)
    held = _require_declaring(viewer, firm_id)
    form = HoldingForm(request.POST, prefix="holding")

    def work() -> str:
        told = form.cleaned_data
        services.declare_holding(
            by=viewer, at=clock.now(), firm_id=firm_id, holder_name=told["holder_name"],
            holder_code=told["holder_code"], share_bp=told["share"], is_state=told["is_state"],
        )  # fmt: skip
        return _declared(viewer, firm_id)

    if form.is_valid() and (answer := _once(request, form, work, _("股权已申报。"))):
        return answer
    return _declarations_page(request, held, holding_form=form)


@require_POST
@login_required
def declare_trait(request: HttpRequest, firm_id: UUID) -> HttpResponse:
    """Declare a detail."""
    viewer = actor(request)
    held = _require_declaring(viewer, firm_id)
    form = TraitForm(request.POST, prefix="detail")

    def work() -> str:
        services.declare_trait(by=viewer, at=clock.now(), firm_id=firm_id, **form.cleaned_data)
        return _declared(viewer, firm_id)

    if form.is_valid() and (answer := _once(request, form, work, _("信息已申报。"))):
        return answer
    return _declarations_page(request, held, trait_form=form)


@require_POST
@login_required
def end_holding(request: HttpRequest, holding_id: UUID) -> HttpResponse:
    """The share is held no longer."""
    viewer = actor(request)

    def work() -> str:
        ended = services.end_holding(by=viewer, at=clock.now(), holding_id=holding_id)
        return _declared(viewer, ended.firm_id)

    return redirect_once(request, work)


@require_POST
@login_required
def end_trait(request: HttpRequest, trait_id: UUID) -> HttpResponse:
    """The detail holds no longer."""
    viewer = actor(request)

    def work() -> str:
        ended = services.end_trait(by=viewer, at=clock.now(), trait_id=trait_id)
        return _declared(viewer, ended.firm_id)

    return redirect_once(request, work)


# --- thresholds ---------------------------------------------------------------------------------


@require_GET
@login_required
def settings(request: HttpRequest) -> HttpResponse:
    """参数: every threshold with its basis, period and reason."""
    actor(request).require(WATCH)
    today = clock.business_date(clock.now())
    labels = {**{kind.value: str(kind.label) for kind in SignalKind}, "case": str(_("案件"))}
    groups: dict[str, list[tuple[Parameter, str, bool]]] = {}
    for row in parameters.all_rows():
        groups.setdefault(row.signal, []).append((row, _value(row), row.applies_on(today)))
    context = {
        "groups": [(labels[name], rows) for name, rows in groups.items()],
        "version": parameters.in_force(today).version,
    }
    return render(request, "risk/parameters.html", context)


def _value(row: Parameter) -> str:
    if row.unit == "yuan":
        return str(Money(int(row.value)))
    if row.unit == "ratio":
        return wording.percent(int(row.value * 10_000)) if row.value <= 1 else f"{float(row.value):g}"
    return (
        ngettext("%(count)s 天", "%(count)s 天", int(row.value)) % {"count": row.value}
        if row.unit == "days"
        else str(row.value)
    )
