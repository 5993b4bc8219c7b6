"""奖励试算: at most six questions for each measure, answered by the rules themselves; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from settlement.rewards import engine, measures, rules
from settlement.rewards.forms import EstimateForm, TrialForm
from settlement.rewards.measures.data_product_trading import EXCLUSIONS, GROUP, ID
from settlement.rewards.pages.policy import years_offered
from settlement.rewards.pages.shown import conclusion_of, said, steps_of
from web.parts import Link

GRADUATED = "{year}-01-01"


@require_GET
def estimate(request: HttpRequest) -> HttpResponse:
    """The trial of one measure (`?measure=`, article 3(1) unless told)."""
    card = measures.CARDS.get(request.GET.get("measure", ID))
    if card is None:
        raise Http404
    answers = {name: str(value) for name, value in request.GET.items() if name != "measure"}
    form = _form(card, answers or None)
    context: dict[str, Any] = {
        "form": form,
        "measure": card.id,
        "title": said(card.title.plain()),
        "rule_url": reverse("rewards:rule", args=[card.id]),
        "tabs": [
            Link(
                said(each.title.plain()),
                f"{reverse('rewards:estimate')}?measure={each.id}",
                is_current=each is card,
            )
            for each in measures.CARDS.values()
        ],
    }
    if not answers:
        return render(request, "rewards/estimate.html", context)
    if not form.is_valid():
        return render(request, "rewards/estimate.html", context, status=422)
    facts = _trading_facts(form.cleaned_data) if card.id == ID else _facts(card, form.cleaned_data)
    decision = rules.decide(card.id, facts)
    context |= {
        "conclusion": conclusion_of(decision.document),
        "steps": steps_of(decision.document),
        "outcome": decision.outcome,
        "kicker": _("试算结果，不作为申报依据"),
    }
    return render(request, "rewards/estimate.html", context)


def _form(card: engine.Measure, answers: Mapping[str, str] | None) -> forms.Form:
    if card.id == ID:
        return EstimateForm(answers, years=years_offered())
    return TrialForm(answers, card=card, years=years_offered())


def _scope(scope: str) -> dict[str, Any]:
    return {
        "is_annotation_firm": scope == "annotation",
        "industry_class": None if scope == "annotation" else scope,
        "in_recognised_park": False,
    }


def _awards(card: engine.Measure, year: int, count: int) -> list[dict[str, Any]]:
    """So many awards, one in each year before."""
    return [
        {
            "measure": card.id,
            "group": card.group,
            "year": year - 1 - i,
            "amount_fen": _full(card),
            "number": "",
        }
        for i in range(count)
    ]


def _full(card: engine.Measure) -> int:
    """What an earlier award stands for where its amount matters: the whole of what may be had once."""
    names = ("settlement_award", "award_cap", "total_cap")
    version = measures.version_of(card.id)
    found = next((row.value for row in version.parameters if row.name in names), 0)
    assert isinstance(found, int)
    return found


def _facts(card: engine.Measure, answers: Mapping[str, Any]) -> engine.Facts:
    """The answers as facts of the measure; what was left open is missing."""
    year = answers["year"]
    values: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value for name, value in card.trial_takes.items()
    }
    for ask in card.trial:
        spec = card.spec(ask.fact)
        if spec.name == "is_annotation_firm":
            values |= _scope(answers["scope"])
        elif spec.unit == "rows":
            values[spec.name] = _interns(year, answers)
        elif spec.unit == "awards":
            values[spec.name] = _awards(card, year, answers[spec.name])
        elif spec.unit == "fen":
            values[spec.name] = answers[spec.name].fen if answers[spec.name] else None
        elif spec.choices:
            values[spec.name] = answers[spec.name] or None
        else:
            values[spec.name] = {"yes": True, "no": False}.get(answers[spec.name])
    return _given(card, year, values)


def _interns(year: int, answers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """So many graduates of the same year, the same months and pay for each."""
    return [
        {
            "person": str(person),
            "month": month,
            "is_graduate": True,
            "graduated_on": GRADUATED.format(year=year),
            "is_unemployed": False,
            "paid_fen": answers["paid"].fen,
        }
        for person in range(1, answers["interns"] + 1)
        for month in range(13 - answers["months"], 13)
    ]


def _trading_facts(answers: Mapping[str, Any]) -> engine.Facts:
    """The answers on article 3(1)."""
    card, year = measures.DATA_PRODUCT_TRADING, answers["year"]
    deductions = answers["deductions"].fen if answers["deductions"] else 0
    values: dict[str, Any] = {
        **_scope(answers["scope"]),
        "certificate_count": {"yes": 1, "no": 0}.get(answers["certificate"]),
        "transaction_count": 1,
        "excluded_count": 0,
        "receipts_fen": answers["receipts"].fen,
        "refunds_fen": -deductions,
        **{f"excluded_{code}_fen": 0 for code in EXCLUSIONS},
        "vat_fen": 0,
        "fees_fen": 0,
        "prior_awards": [{**award, "group": GROUP} for award in _awards(card, year, answers["awards"] or 0)],
    }
    return _given(card, year, values)


def _given(card: engine.Measure, year: int, values: Mapping[str, Any]) -> engine.Facts:
    given = {
        name: {"value": value, "source": "upload"} for name, value in values.items() if value is not None
    }
    return engine.Facts.of(card.id, year, given)
