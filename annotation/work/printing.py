"""A firm's work statement of a month on paper: who did what, how long it took and what it pays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from annotation.work.selectors import StatementLine
from documents.printing import typeset
from kernel.money import Money
from organizations.models import Organization

TEMPLATE = Path(__file__).resolve().parent / "templates" / "work" / "statement.typ"


def statement_pdf(
    firm: Organization, lines: Sequence[StatementLine], first: date, until: date, *, today: date
) -> bytes:
    """The days from `first` (inside) to `until` (outside) as PDF; the same lines give the same bytes.

    It is dated by the last of its days, or by `today` while they are not over.
    """
    url = f"{settings.SITE_URL}{reverse('work:statement')}?month={first:%Y-%m}"
    last = until - timedelta(days=1)
    on = min(last, today)
    with translation.override("zh-hans"):
        sheet = {
            "firm": firm.name,
            "uscc": firm.uscc,
            "month": f"{first:%Y-%m}",
            "days": [f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"],
            "drawn": f"{on:%Y-%m-%d}",
            "is_over": last < today,
            "lines": [_line(line) for line in lines],
            "totals": {
                "count": f"{sum(line.task_count for line in lines):,}",
                "pay": str(Money(sum(line.amount_fen for line in lines))),
                "rework_firm": str(Money(sum(line.rework_firm_fen for line in lines))),
                "rework_client": str(Money(sum(line.rework_client_fen for line in lines))),
            },
            "on": [on.year, on.month, on.day],
            "url": url,
            "is_demo": firm.is_demo,
        }
    return typeset(TEMPLATE, sheet, url=url, on=on)


def _line(line: StatementLine) -> dict[str, str]:
    return {
        "annotator": line.annotator,
        "project": line.project_title,
        "number": line.project_number,
        "count": f"{line.task_count:,}",
        "hours": line.hours,
        "pay": str(Money(line.amount_fen)),
        "rework": str(Money(line.rework_firm_fen + line.rework_client_fen)),
    }
