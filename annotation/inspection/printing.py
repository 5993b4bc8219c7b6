"""The report of a lot on paper: what was agreed, frozen, drawn, found and decided, and how to draw again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from annotation.inspection.models import Lot
from annotation.inspection.rules import passes_with, telling_share
from annotation.inspection.selectors import sample_of
from annotation.inspection.states import Basis, LotState
from documents.printing import typeset
from kernel import clock

TEMPLATE = Path(__file__).resolve().parent / "templates" / "inspection" / "report.typ"
LINES_SHOWN = 500


def _at(moment: Any) -> str:
    return f"{moment.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}" if moment else "—"


def _plan_lines(lot: Lot) -> list[tuple[str, str]]:
    plan = lot.plan
    lines = [("方案", f"第 {plan.version} 版"), ("依据", str(plan.get_basis_display()))]
    if plan.basis == Basis.AQL:
        lines += [("AQL", f"{plan.aql}%"), ("检验水平", str(plan.get_level_display()))]
    else:
        lines += [("极限质量", f"{plan.limiting_quality / 100:g}%")]
    if lot.sample_size is None:
        return lines
    scheme = lot.scheme
    share = telling_share(plan.terms)
    chance = passes_with(scheme, share, is_isolated=plan.basis == Basis.LQ)
    return [
        *lines,
        ("严格度", str(lot.get_severity_display()) or "单独检验"),
        ("样本量", f"{scheme.sample_size} 条" + (f"（字码 {lot.letter}）" if lot.letter else "")),
        ("Ac / Re", f"{scheme.accept} / {scheme.reject}"),
        ("须知", f"不合格率 {share * 100:g}% 的一批，按此方案仍有 {round(chance * 100)}% 的可能被接收。"),
    ]


def sheet_of(lot: Lot) -> dict[str, Any]:
    """What the report shows; the sample up to its first lines, the rest is in the CSV."""
    sample = list(sample_of(lot)[:LINES_SHOWN]) if lot.sample_size is not None else []
    verdict = {LotState.SUBMITTED: "尚未抽样", LotState.DRAWN: "抽检中", LotState.ACCEPTED: "接收"}
    return {
        "number": f"{lot.project.number} 第 {lot.number} 批",
        "title": lot.project.title,
        "parties": [lot.project.firm.name, lot.project.client.name if lot.project.client else "—"],
        "size": lot.size,
        "times": [_at(lot.submitted_at), _at(lot.drawn_at), _at(lot.decided_at)],
        "plan": _plan_lines(lot),
        "verdict": verdict.get(LotState(lot.state), "不接收"),
        "faulty": lot.nonconforming_count,
        "scope": str(lot.get_rework_scope_display()),
        "remark": lot.remark,
        "contents": lot.contents_sha256,
        "commitment": lot.commitment.value_sha256,
        "value": lot.value or "（抽样时公布）",
        "seed": lot.seed or "（抽样时得出）",
        "sample": [
            {
                "place": row.place,
                "number": row.content.number,
                "found": "—" if row.is_conforming is None else "合格" if row.is_conforming else "不合格",
                "why": f"{row.get_fault_display()}：{row.reason}" if row.fault else "",
            }
            for row in sample
        ],
        "more": max((lot.sample_size or 0) - LINES_SHOWN, 0),
        "is_demo": lot.project.firm.is_demo,
    }


def pdf(lot: Lot) -> bytes:
    """The report as PDF; the same lot in the same state gives the same bytes."""
    url = f"{settings.SITE_URL}{reverse('inspection:lot', args=[lot.pk])}"
    on = clock.business_date(lot.decided_at or lot.drawn_at or lot.submitted_at)
    with translation.override("zh-hans"):
        sheet = sheet_of(lot) | {"on": [on.year, on.month, on.day], "url": url}
    return typeset(TEMPLATE, sheet, url=url, on=on)
