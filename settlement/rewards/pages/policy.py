"""The policy in plain words, for everyone: every clause, and article 3(1) with its parameters and open questions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kernel import clock
from kernel.wording import listed
from settlement.rewards import measures, procedure, selectors
from settlement.rewards.engine.texts import Text, shown
from settlement.rewards.measures.data_product_trading import ID
from settlement.rewards.measures.outline import OUTLINE
from settlement.rewards.pages.shown import article_label, said
from web.parts import Fact


@require_GET
def policy(request: HttpRequest) -> HttpResponse:
    """政策与奖励: every clause in a sentence, article 3(1) with its parameters and open questions."""
    card, version = measures.DATA_PRODUCT_TRADING, measures.version_of(ID)
    day, today = version.first_day, clock.business_date(clock.now())
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
            {
                "article": each.article,
                "name": said(each.name.plain()),
                "text": said(each.text.plain()),
                "departments": listed([said(department.plain()) for department in each.departments]),
                "measure": each.measure,
            }
            for each in OUTLINE
        ],
        "notice_days": procedure.working_days("notice", today),
        "periods": [
            Fact(said(row.label.plain()), row.value, hint=said(row.note.plain()))
            for row in procedure.in_force(today)
        ],
    }
    return render(request, "rewards/policy.html", context)


def years_offered() -> list[int]:
    """The years within the policy's validity that have begun, the latest first."""
    first, after = selectors.validity_of()
    final = min(
        after.year - 1 if (after.month, after.day) == (1, 1) else after.year, clock.business_year(clock.now())
    )
    return list(range(final, first.year - 1, -1))
