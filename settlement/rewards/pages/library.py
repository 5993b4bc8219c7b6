"""规则库: each clause beside its rule, parameters, scenarios, versions and open questions; two ways compared."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from gateway.api import actor
from kernel.money import Money
from settlement.rewards import comparisons, engine, measures, scenarios
from settlement.rewards.cases import years_with_facts
from settlement.rewards.comparisons import Comparison, Total
from settlement.rewards.engine import wording
from settlement.rewards.engine.operations import Defined, Fact, MonthParam, Param, walk
from settlement.rewards.engine.texts import Text, shown
from settlement.rewards.forms import CompareForm
from settlement.rewards.pages.shown import article_label, said
from settlement.rewards.permissions import SEE_ALL_CLAIMS
from settlement.rewards.states import Outcome
from web import charts
from web.parts import Kpi

BAR_LETTERS = 9
TESTED = {Outcome.GRANTED: "green", Outcome.UNDETERMINED: "amber"}


def _card(measure: str) -> engine.Measure:
    card = measures.CARDS.get(measure)
    if card is None:
        raise Http404
    return card


@cache
def _tested(measure: str) -> list[tuple[scenarios.Scenario, bool]]:
    """The measure's scenarios and whether each holds; cards and scenarios do not change while we run."""
    return [(scenario, not scenarios.problems(scenario)) for scenario in scenarios.of(measure)]


def rule_rows() -> list[dict[str, Any]]:
    """Every measure with an amount."""
    return [
        {
            "measure": card.id,
            "article": card.article,
            "title": said(card.title.plain()),
            "recipient": said(card.recipient.plain()),
            "department": said(card.department.plain()),
            "versions": len(measures.versions_of(card.id)),
            "holding": sum(holds for _scenario, holds in _tested(card.id)),
            "scenarios": len(_tested(card.id)),
            "questions": len(card.questions),
        }
        for card in measures.CARDS.values()
    ]


@require_GET
def rule(request: HttpRequest, measure: str) -> HttpResponse:
    """One card: clause, rule, parameters, facts, scenarios, versions, open questions."""
    card = _card(measure)
    version = measures.version_of(card.id)
    day = version.first_day

    def find(name: str) -> Text:
        row = version.at(name, day)
        return shown(row.value, row.unit)

    def formula(operation: Any) -> str:
        return said(wording.formula(card, version, operation).plain())

    context = {
        "card": card,
        "title": said(card.title.plain()),
        "summary": said(card.summary.filled(find).plain()),
        "article": article_label(card.article),
        "facts_about": _about(card),
        "steps": [_step(card, version, step, formula) for step in card.steps],
        "definitions": [(name, formula(operation)) for name, operation in card.definitions.items()],
        "parameters": [_parameter(row) for row in version.parameters],
        "facts": [_fact(spec) for spec in card.facts],
        "questions": [
            (said(q.label.plain()), [said(option.label.plain()) for option in q.options])
            for q in card.questions
        ],
        "scenarios": [_scenario(scenario, holds) for scenario, holds in _tested(card.id)],
        "versions": [
            (found.name, said(found.label.plain()), said(found.status.plain()), found.document_sha256)
            for found in measures.versions_of(card.id)
        ],
        "competition": said(card.competition.plain()),
        "schema_url": f"/api/rewards/measures/{card.id}/facts-schema",
        "may_compare": actor(request).can(SEE_ALL_CLAIMS),
    }
    return render(request, "rewards/rule.html", context)


def _about(card: engine.Measure) -> list[tuple[str, str]]:
    return [
        (_("奖励对象"), said(card.recipient.plain())),
        (_("牵头部门"), said(card.department.plain())),
        (_("互斥组"), card.group),
    ]


def _step(
    card: engine.Measure, version: engine.PolicyVersion, step: engine.Condition, formula: Any
) -> dict[str, Any]:
    roots = [step.test] if step.test is not None else []
    roots += [line.amount for line in step.lines]
    used = {each.name for root in roots for each in walk(root) if isinstance(each, Param | MonthParam)}
    defined = [each.name for root in roots for each in walk(root) if isinstance(each, Defined)]
    for name in defined:
        used |= {e.name for e in walk(card.definitions[name]) if isinstance(e, Param | MonthParam)}
    return {
        "title": said(step.title.plain()),
        "clause": said(step.clause.text.plain()),
        "article": article_label(step.clause.article),
        "formula": formula(step.test) if step.test is not None else "",
        "lines": [(said(line.label.plain()), _written(card, line.amount, formula)) for line in step.lines],
        "parameters": [_parameter(row) for row in version.parameters if row.name in used],
        "otherwise": str(Outcome(step.otherwise.value).label) if step.test is not None else "",
    }


def _written(card: engine.Measure, operation: Any, formula: Any) -> str:
    """What stands in a line: a fact by its label, a definition written out, anything else as it is."""
    if isinstance(operation, Fact):
        return said(card.spec(operation.name).label.plain())
    if isinstance(operation, Defined):
        return f"[{operation.name}] = {formula(card.definitions[operation.name])}"
    return str(formula(operation))


def _parameter(row: engine.Parameter) -> dict[str, Any]:
    return {
        "name": row.name,
        "label": said(row.label.plain()),
        "value": said(shown(row.value, row.unit).plain()) if row.unit != "rounding" else _("向下取整到分"),
        "article": row.article,
        "effective_from": row.effective_from,
        "effective_to": row.effective_to,
        "is_assumption": row.is_assumption,
        "note": said(row.note.plain()),
    }


def _fact(spec: engine.FactSpec) -> dict[str, Any]:
    verifier = spec.verifier_name
    return {
        "name": spec.name,
        "label": said(spec.label.plain()),
        "source": said(spec.source.plain()),
        "verifier": said(verifier.plain()) if verifier else "",
    }


def _scenario(scenario: scenarios.Scenario, holds: bool) -> dict[str, Any]:
    outcome = Outcome(scenario.expected["outcome"])
    amount = scenario.expected.get("amount")
    return {
        "name": said(scenario.name.plain()),
        "outcome": outcome.label,
        "tone": TESTED.get(outcome, "neutral"),
        "amount": Money(scenarios.fen(amount)) if amount and outcome == Outcome.GRANTED else None,
        "holds": holds,
    }


# --- two ways over all firms ------------------------------------------------------------------------


@require_GET
@login_required
def compare_all(request: HttpRequest) -> HttpResponse:
    """Two versions or readings of the whole policy over all firms of a year."""
    return _compared(request, list(measures.CARDS.values()), "")


@require_GET
@login_required
def compare(request: HttpRequest, measure: str) -> HttpResponse:
    """The same, with one measure's readings and parameters to choose from; every measure is worked out."""
    card = _card(measure)
    return _compared(request, [card], said(card.title.plain()))


def _compared(request: HttpRequest, cards: list[engine.Measure], title: str) -> HttpResponse:
    actor(request).require(SEE_ALL_CLAIMS)
    years = years_with_facts()
    versions = {version.name: version for card in cards for version in measures.versions_of(card.id)}
    form = CompareForm(request.GET or None, cards=cards, years=years, versions=list(versions.values()))
    context: dict[str, Any] = {
        "card": cards[0] if title else None,
        "title": title,
        "form": form,
        "has_years": bool(years),
    }
    if not request.GET:
        return render(request, "rewards/compare.html", context)
    if not form.is_valid():
        return render(request, "rewards/compare.html", context, status=422)
    found = comparisons.compared(form.cleaned_data["year"], form.scheme("one"), form.scheme("other"))
    context |= {
        "found": found,
        "kpis": _kpis(found.total),
        "chart": _chart(found),
        "totals": [(_title(total.measure), total) for total in found.by_measure],
        "rows": [
            (row, _title(row.measure), said(row.one_why.plain()), said(row.other_why.plain()))
            for row in found.changed
        ],
    }
    return render(request, "rewards/compare.html", context)


def _title(measure: str) -> str:
    return said(measures.CARDS[measure].title.plain())


def _kpis(found: Total) -> list[Kpi]:
    return [
        Kpi(_("方案甲合计"), Money(found.one_fen), hint=_("%(count)s 家获奖") % {"count": found.one_count}),
        Kpi(
            _("方案乙合计"), Money(found.other_fen), hint=_("%(count)s 家获奖") % {"count": found.other_count}
        ),
        Kpi(_("预算变化"), Money(found.change_fen), tone="warn" if found.change_fen > 0 else ""),
        Kpi(_("受益企业"), found.gaining_count, tone="up" if found.gaining_count else ""),
        Kpi(_("受损企业"), found.losing_count, tone="down" if found.losing_count else ""),
        Kpi(
            _("事实不全"),
            found.undetermined_count,
            hint=_("共 %(count)s 家参与计算") % {"count": found.firm_count},
        ),
    ]


def _short(name: str) -> str:
    """A firm's name as a bar has room for it."""
    return name if len(name) <= BAR_LETTERS else f"{name[: BAR_LETTERS - 1]}…"


def _chart(found: Comparison) -> charts.Drawing | str:
    """The firms that gain or lose most, as bars."""
    if not found.changed:
        return ""
    changes: dict[str, int] = {}
    for row in found.changed:
        name = row.firm.display_name
        changes[name] = changes.get(name, 0) + row.change_fen
    most = sorted(changes.items(), key=lambda each: -abs(each[1]))[:10]
    bars = [
        charts.Bar(_short(name), abs(fen), "+" if fen > 0 else "−", "green" if fen > 0 else "red")
        for name, fen in most
        if fen
    ]
    if not bars:
        return ""

    def draw(width: int, _height: int) -> charts.Drawing:
        return charts.distribution(
            bars,
            title=_("变化最大的企业（万元）"),
            show=charts.wan,
            unit=_("万元"),
            width=width,
            label_width=128,
        )

    return charts.for_both(draw)
