"""A stored decision as the components show it: conclusion, judged steps with their evidence, charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from kernel.money import Money
from kernel.wording import listed
from settlement.revenue.models import AnnualRevenue
from settlement.rewards import measures, rules, selectors
from settlement.rewards.models import Decision
from settlement.rewards.rules import capitals
from settlement.rewards.states import Outcome
from web import charts
from web.parts import Evidence, Fact, RuleStep

ICONS = {
    "certificate": "badge-check",
    "revenue_lines": "landmark",
    "award": "award",
    "organization": "building-2",
    "declaration": "file-check",
    "park_recognition": "building-2",
}
STATES = {"met": "ok", "stated": "ok", "not_met": "no", "unknown": "waiting"}
UNOWED = (Outcome.NOT_ELIGIBLE, Outcome.SUPERSEDED, Outcome.UNDETERMINED)
OPEN_STEPS = ("trades", "revenue", "threshold", "amount")


@dataclass(frozen=True, slots=True)
class SumLine:
    """One line of a sum: `cls` is minus, total or empty."""

    label: str
    text: str
    cls: str


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step with what stands inside it: remark, sum, chart, and what the risk watch says of it."""

    face: RuleStep
    lines: Sequence[SumLine] = ()
    chart: charts.Drawing | str = ""
    change: str = ""
    parameters: Sequence[Mapping[str, Any]] = ()
    risk: object = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The head of a decision."""

    amount_fen: int | None
    headline: str
    words: str
    sentence: str
    facts: Sequence[Fact]
    done: int
    total: int


def said(text: Mapping[str, str] | None) -> str:
    """A sentence of the rules in the reader's language."""
    if text is None:
        return ""
    return text["en"] if (get_language() or "").startswith("en") else text["zh"]


def provisional_note(last_day: date | None) -> str:
    """What is said beside the end of a period in a year whose holidays are not announced; empty otherwise."""
    if last_day is None or not rules.is_provisional(last_day):
        return ""
    return _("%(year)s 年放假安排尚未公布，截止日为暂定；公布后如需顺延会自动顺延，不会缩短。") % {
        "year": last_day.year
    }


def article_label(article: str) -> str:
    """`1, 3(1)` as people cite it."""
    return _("第 %(article)s 条（本平台转述）") % {"article": article}


def conclusion_of(trace: Mapping[str, Any]) -> Conclusion:
    """The amount, the sentence, and how far the case stands from the next limit."""
    outcome, steps = Outcome(trace["outcome"]), trace["steps"]
    by_key = {step["key"]: step for step in steps}
    is_granted = outcome == Outcome.GRANTED
    facts = []
    margin = by_key["threshold"]["margin"] if "threshold" in by_key else None
    if margin is not None and margin["unit"] == "fen":
        is_over = margin["by"] >= 0
        label = _("结论余量") if is_over else _("距奖励条件")
        hint = _("再减少超过此数才会改变结论") if is_over else _("再增加此数即达到条件")
        facts.append(Fact(label, Money(abs(margin["by"])), hint))
    cap = by_key["amount"]["margin"] if "amount" in by_key else None
    if cap is not None and is_granted:
        at_cap = cap["by"] >= 0
        value = _("已达到上限") if at_cap else str(Money(-cap["by"]))
        hint = _("再增加也不改变金额") if at_cap else _("奖励距每年上限")
        facts.append(Fact(_("每年上限"), value, hint))
    cited = {repr(proof) for step in steps for each in step["inputs"] for proof in each["evidence"]}
    if cited:
        count = ngettext("%(n)s 项", "%(n)s 项", len(cited)) % {"n": len(cited)}
        facts.append(Fact(_("证据"), count, _("来自登记、平台台账与已核实的申报")))
    return Conclusion(
        amount_fen=trace["amount_fen"] if is_granted else None,
        headline="" if is_granted else str(outcome.label),
        words=capitals(trace["amount_fen"]) if is_granted else "",
        sentence=said(trace["sentence"]),
        facts=facts,
        done=sum(step["verdict"] != "unknown" for step in steps),
        total=len(steps),
    )


def steps_of(
    trace: Mapping[str, Any], *, firm_id: UUID | None = None, annuals: Sequence[AnnualRevenue] = ()
) -> list[ShownStep]:
    """Every step of the trace for the chain of rule steps."""
    by_key = {step["key"]: step for step in trace["steps"]}
    found = []
    for step in trace["steps"]:
        chart: charts.Drawing | str = ""
        if step["key"] == "revenue" and "trades" in by_key:
            chart = _waterfall(step, by_key["trades"])
        elif step["key"] == "threshold" and "revenue" in by_key:
            chart = _years(trace, by_key, annuals)
        found.append(
            ShownStep(
                face=_face(step, trace, firm_id),
                lines=[sum_line(line) for line in step["lines"]],
                chart=chart,
                change=said(step["change"]),
                parameters=step["parameters"],
                remark=_("以下是公式算出的数，因有条件不满足或尚未查清，不构成应奖励金额。")
                if _is_only_computed(step, trace)
                else "",
            )
        )
    return found


def _is_only_computed(step: Mapping[str, Any], trace: Mapping[str, Any]) -> bool:
    """Whether a step gives an amount that nobody owes: the formula's, though a condition does not hold."""
    return step["key"] == "amount" and trace["outcome"] in UNOWED and step["verdict"] == "stated"


def verdict_of(step: Mapping[str, Any], outcome: str = "") -> str:
    """The word at the end of a step; an amount is only said where it is due."""
    if step["key"] == "amount" and step["verdict"] == "stated" and outcome in UNOWED:
        return _("待认定") if outcome == Outcome.UNDETERMINED else _("不予奖励")
    if step["key"] == "amount" and step["lines"] and step["verdict"] == "stated":
        return f"= {step['lines'][-1]['shown']}"
    words = {"met": _("满足"), "not_met": _("不满足"), "unknown": _("事实不全"), "stated": _("已核定")}
    return words[step["verdict"]]


def _state_of(step: Mapping[str, Any], trace: Mapping[str, Any]) -> str:
    if _is_only_computed(step, trace):
        return "waiting" if trace["outcome"] == Outcome.UNDETERMINED else "no"
    return STATES[step["verdict"]]


def _face(step: Mapping[str, Any], trace: Mapping[str, Any], firm_id: UUID | None) -> RuleStep:
    missing = [said(measures.CARDS[trace["measure"]].spec(name).label.plain()) for name in step["missing"]]
    found = said(step["found"])
    if missing:
        found = _("缺少：%(facts)s") % {"facts": listed(missing)}
    return RuleStep(
        key=step["key"],
        number=step["number"],
        title=said(step["title"]),
        fact=found,
        verdict=verdict_of(step, trace["outcome"]),
        state=_state_of(step, trace),
        clause=said(step["clause"]),
        mark=said(step["mark"]),
        article=article_label(step["article"]),
        requirement=said(step["requirement"]),
        evidence=_evidence(step, trace["year"], firm_id),
        is_open=step["key"] in OPEN_STEPS or step["verdict"] in ("not_met", "unknown"),
    )


def _evidence(step: Mapping[str, Any], year: int, firm_id: UUID | None) -> list[Evidence]:
    proofs: dict[str, Evidence] = {}
    for each in step["inputs"]:
        for proof in each["evidence"]:
            proofs.setdefault(repr(proof), proof_chip(proof, each["source"], year, firm_id))
    return list(proofs.values())


def proof_chip(proof: Mapping[str, Any], source: str, year: int, firm_id: UUID | None) -> Evidence:
    """A piece of evidence as a chip that leads to it."""
    kind = proof["kind"]
    labels = {
        "certificate": _("登记证书"),
        "revenue_lines": _("实际收入台账 %(year)s") % {"year": year},
        "award": _("奖励登记 %(year)s") % {"year": proof["label"]},
        "organization": _("单位认证"),
        "declaration": _("已核实的企业申报"),
        "park_recognition": _("园区认定，自 %(day)s 起") % {"day": proof["label"]},
    }
    details = {
        "revenue_lines": _("%(count)s 笔 · 指纹 %(sha)s")
        % {"count": proof["label"], "sha": str(proof.get("sha256"))[:8]},
    }
    origins = {"authority": _("登记信息"), "upload": _("企业填报，部门核实")}
    origin = origins.get(source, _("平台台账"))
    return Evidence(
        label=labels.get(kind, kind),
        origin=origin,
        detail=details.get(kind, proof["number"]),
        url=_proof_url(kind, proof, year, firm_id),
        source=source or "platform",
        icon=ICONS.get(kind, "file-text"),
    )


def _proof_url(kind: str, proof: Mapping[str, Any], year: int, firm_id: UUID | None) -> str:
    try:
        if kind == "certificate":
            return reverse("verification:number", args=[proof["number"]])
        if kind == "declaration":
            return reverse("rewards:declaration", args=[proof["id"]])
        if kind == "park_recognition":
            return reverse("rewards:park", args=[proof["id"]])
        if kind == "award":
            return reverse("rewards:claim", args=[proof["number"]])
        if kind == "revenue_lines" and firm_id:
            return f"{reverse('revenue:index')}?firm={firm_id}&year={year}"
    except NoReverseMatch:
        pass
    return ""


def sum_line(line: Mapping[str, Any]) -> SumLine:
    """One line of an arithmetic with its amount in yuan."""
    is_minus = (line["amount_fen"] or 0) < 0
    cls = "total" if line["kind"] == "total" else "minus" if is_minus else ""
    text = line["shown"] if not line["exact"] else f"{line['shown']}…"
    return SumLine(said(line["label"]), text, cls)


def _waterfall(step: Mapping[str, Any], trades: Mapping[str, Any]) -> charts.Drawing | str:
    """Received → refunds → each reason for not counting → what counts."""
    lines = {line["key"]: line for line in step["lines"]}
    if any(line["amount_fen"] is None for line in step["lines"]):
        return ""
    changes = [charts.Change(_("到账"), lines["receipts"]["amount_fen"], "start")]
    if lines["refunds"]["amount_fen"]:
        changes.append(charts.Change(_("退款与红字发票"), lines["refunds"]["amount_fen"], "minus"))
    reasons = [line for line in trades["lines"] if line["amount_fen"]]
    if len(reasons) > 2:
        changes.append(charts.Change(_("不计入"), lines["excluded"]["amount_fen"], "minus"))
    else:
        changes += [
            charts.Change(_wrapped(said(line["label"])), line["amount_fen"], "minus") for line in reasons
        ]
    for key, label in (("tax", _("增值税")), ("fees", _("服务费"))):
        if key in lines:
            amount = lines[key]["amount_fen"]
            changes.append(charts.Change(label, amount, "plus" if amount >= 0 else "minus"))
    changes.append(charts.Change(_("核定收入"), lines["revenue"]["amount_fen"], "total"))
    return charts.waterfall(
        changes, title=_("从到账到核定收入（万元）"), unit=_("万元"), width=360, height=230
    )


def _wrapped(label: str, width: int = 7) -> str:
    return (
        f"{label[:width]}\n{label[width : 2 * width]}"
        if len(label) > width and label.isascii() is False
        else label
    )


def _years(
    trace: Mapping[str, Any], by_key: Mapping[str, Any], annuals: Sequence[AnnualRevenue]
) -> charts.Drawing | str:
    """Each year's revenue against the threshold; the benefit year as decided."""
    row = next((p for p in by_key["threshold"]["parameters"] if p["name"] == "revenue_threshold"), None)
    revenue = next((line for line in by_key["revenue"]["lines"] if line["key"] == "revenue"), None)
    if row is None or revenue is None or revenue["amount_fen"] is None:
        return ""
    year = trace["year"]
    columns = [charts.Column(str(a.year), max(a.counted_fen, 0)) for a in annuals if a.year < year][-3:]
    columns.append(charts.Column(str(year), max(revenue["amount_fen"], 0), "now"))
    is_met = by_key["threshold"]["verdict"] == "met"
    label = _("达到条件") if is_met else _("奖励条件")
    level = charts.Level(row["value"], label, "met" if is_met else "next")
    title = _("各年度实际收入与奖励条件（万元）")

    def draw(width: int, height: int) -> charts.Drawing:
        return charts.threshold(columns, [level], title=title, unit=_("万元"), width=width, height=height)

    return charts.for_both(draw)


@dataclass(frozen=True, slots=True)
class ShownReading:
    """One reading of an open question and what it would give."""

    name: str
    label: str
    is_chosen: bool
    is_available: bool
    outcome: str
    amount_fen: int | None
    change_fen: int | None


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    """An open question of the policy with its readings."""

    name: str
    label: str
    readings: Sequence[ShownReading]


def questions_of(decision: Decision) -> list[ShownQuestion]:
    """The open questions, the chosen reading, and the difference every other would make."""
    card = measures.CARDS[decision.trace["measure"]]
    differences = selectors.differences_of(decision)
    found = []
    for question in card.questions:
        readings = [
            ShownReading(
                each.option,
                said(question.option(each.option).label.plain()),
                each.is_chosen,
                each.is_available,
                str(Outcome(each.outcome).label) if each.outcome else "",
                each.amount_fen,
                each.change_fen,
            )
            for each in differences
            if each.question == question.name
        ]
        found.append(ShownQuestion(question.name, said(question.label.plain()), readings))
    return found
