"""Public pages: the policy in plain words, and the trial that stores nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kernel import clock
from settlement.rewards import engine, measures, rules, selectors
from settlement.rewards.engine.texts import Text, shown
from settlement.rewards.forms import EstimateForm
from settlement.rewards.measures.data_product_trading import EXCLUSIONS, GROUP, ID
from settlement.rewards.measures.outline import OUTLINE
from settlement.rewards.pages.shown import article_label, conclusion_of, said, steps_of


@require_GET
def policy(request: HttpRequest) -> HttpResponse:
    """政策与奖励: article 3(1) with its parameters and open questions, the other articles in a sentence."""
    card, version = measures.DATA_PRODUCT_TRADING, measures.version_of(ID)
    day = version.first_day
    rows = version.in_force(day)

    def find(name: str) -> Text:
        row = version.at(name, day)
        return shown(row.value, row.unit)

    context = {
        "title": said(card.title.plain()),
        "summary": said(card.summary.filled(find).plain()),
        "department": said(card.department.plain()),
        "version": version,
        "version_label": said(version.label.plain()),
        "document": said(version.document.plain()),
        "status": said(version.status.plain()),
        "clauses": [
            {
                "title": said(step.title.plain()),
                "text": said(step.clause.text.plain()),
                "article": article_label(step.clause.article),
            }
            for step in card.steps
        ],
        "parameters": [
            {
                "label": said(row.label.plain()),
                "value": said(shown(row.value, row.unit).plain()),
                "article": row.article,
                "effective_from": row.effective_from,
                "is_assumption": row.is_assumption,
                "note": said(row.note.plain()),
            }
            for row in rows
            if row.unit != "rounding"
        ],
        "questions": [
            {"label": said(q.label.plain()), "default": said(q.options[0].label.plain())}
            for q in card.questions
        ],
        "outline": [
            {"article": article, "name": said(name.plain()), "text": said(text.plain())}
            for article, name, text in OUTLINE
        ],
        "notice_days": rules.NOTICE_WORKING_DAYS,
    }
    return render(request, "rewards/policy.html", context)


def years_offered() -> list[int]:
    """The years within the policy's validity that have begun, the latest first."""
    first, after = selectors.validity_of()
    final = min(
        after.year - 1 if (after.month, after.day) == (1, 1) else after.year, clock.business_year(clock.now())
    )
    return list(range(final, first.year - 1, -1))


@require_GET
def estimate(request: HttpRequest) -> HttpResponse:
    """奖励试算: at most six questions, the rules' own answer with its trace; nothing is stored."""
    years = years_offered()
    if not request.GET:
        return render(request, "rewards/estimate.html", {"form": EstimateForm(years=years)})
    form = EstimateForm(request.GET, years=years)
    if not form.is_valid():
        return render(request, "rewards/estimate.html", {"form": form}, status=422)
    decision = rules.decide(ID, _facts(form.cleaned_data))
    context = {
        "form": form,
        "conclusion": conclusion_of(decision.document),
        "steps": steps_of(decision.document),
        "outcome": decision.outcome,
        "again_url": reverse("rewards:estimate"),
        "kicker": _("试算结果，不作为申报依据"),
    }
    return render(request, "rewards/estimate.html", context)


def _facts(answers: dict[str, Any]) -> engine.Facts:
    """The answers as facts of the measure; what was left open is missing."""
    year, scope = answers["year"], answers["scope"]
    deductions = answers["deductions"].fen if answers["deductions"] else 0
    certificates = {"yes": 1, "no": 0}.get(answers["certificate"])
    values: dict[str, Any] = {
        "is_annotation_firm": scope == "annotation",
        "industry_class": None if scope == "annotation" else scope,
        "certificate_count": certificates,
        "transaction_count": 1,
        "excluded_count": 0,
        "receipts_fen": answers["receipts"].fen,
        "refunds_fen": -deductions,
        **{f"excluded_{code}_fen": 0 for code in EXCLUSIONS},
        "vat_fen": 0,
        "fees_fen": 0,
        "prior_awards": [
            {"measure": ID, "group": GROUP, "year": year - 1 - i, "amount_fen": 0, "number": ""}
            for i in range(answers["awards"] or 0)
        ],
    }
    given = {
        name: {"value": value, "source": "upload"} for name, value in values.items() if value is not None
    }
    return engine.Facts.of(ID, year, given)
