"""What several pages of the pilot show the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from exchange.pilots import rules
from exchange.pilots.models import Application, Assessment, Round
from exchange.pilots.selectors import Point, completeness, exact_points
from exchange.pilots.states import ApplicationState, Level, RoundState
from kernel import clock
from kernel.wording import listed
from web.parts import Fact, Stage


def points_of(centi: int | None) -> str:
    """Hundredths of a point as people read them: 7950 → 79.50."""
    return "--" if centi is None else f"{centi // 100}.{centi % 100:02d}"


@dataclass(frozen=True, slots=True)
class Line:
    """One scorer's arithmetic in words."""

    label: str
    terms: str
    total: str
    is_outlier: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """A result's arithmetic, line by line."""

    lines: list[Line]
    mean: str
    mean_terms: str
    rank: str
    grade: str
    tie_rule: str
    sha256: str


def trace_of(application: Application) -> Trace | None:
    """The arithmetic behind an announced result; scorers are numbered, not named."""
    result = application.result
    if result is None or application.state in (ApplicationState.DRAFT, ApplicationState.APPLIED):
        return None
    lines = [
        Line(
            _("评审人 %(number)s") % {"number": number},
            f"({' + '.join(f'{points}×{weight}' for _key, points, weight, _product in line['terms'])}) ÷ 100",
            points_of(line["total_centi"]),
            line["is_outlier"],
        )
        for number, line in enumerate(result["lines"], 1)
    ]
    return Trace(
        lines=lines,
        mean=points_of(result["mean_centi"]),
        mean_terms=f"{points_of(result['sum_centi'])} ÷ {result['scorers']}",
        rank=_("第 %(rank)s 名，名额 %(places)s 个") % {"rank": result["rank"], "places": result["places"]},
        grade=result["grade"] or _("未达最低等级线"),
        tie_rule=str(rules.TIE_WORDS),
        sha256=application.result_sha256,
    )


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a yearly assessment in words."""

    label: str
    formula: str
    points: str
    weight: int
    total: str


def items_of(assessment: Assessment) -> list[Item]:
    """The arithmetic of a yearly assessment."""
    return [
        Item(
            str(rules.ITEM_LABELS[line["key"]]),
            line["formula"],
            exact_points(line["points"]),
            line["weight"],
            points_of(line["centi"]),
        )
        for line in assessment.trace["lines"]
    ]


def reason_of(assessment: Assessment) -> str:
    """Why the assessment proposes what it does."""
    return str(rules.REASON_WORDS[assessment.trace["reason"]])


@dataclass(frozen=True, slots=True)
class Answer:
    """One section of an application: its answers and what they lack; `key` empty: nothing to edit."""

    key: str
    label: str
    facts: list[Fact]
    missing: list[str]


def _value(application: Application, name: str) -> str:
    value = getattr(application, name)
    if value is None or value == "":
        return "--"
    return str(Level(value).label) if isinstance(value, int) else str(value)


def answers_of(application: Application) -> list[Answer]:
    """The sections of an application in the order of the task list."""
    missing: dict[str, list[str]] = {}
    points: list[Point] = completeness(application) if application.state == ApplicationState.DRAFT else []
    for point in points:
        missing.setdefault(point.section, []).append(str(point.words))
    answers = [
        Answer(
            key,
            str(rules.SECTIONS[key][0]),
            [
                Fact(rules.FIELD_LABELS[name], _value(application, name))
                for name in rules.section_fields(key, application.type)
            ],
            missing.get(key, []),
        )
        for key in rules.SECTIONS
    ]
    files = listed(application.attachments.select_related("document").order_by("pk")) or "--"
    answers.append(Answer("files", _("附件材料"), [Fact(_("文件"), files)], missing.get("files", [])))
    if "organization" in missing:
        answers.append(Answer("", _("单位认证"), [], missing["organization"]))
    return answers


def stages_of(application: Application) -> list[Stage]:
    """Where an application stands."""
    call: Round = application.round
    order = ["draft", "applied", "review", "reviewed", "selected"]
    labels = [_("填写申报"), _("提交"), _("专家评审"), _("结果公示"), _("确定结果")]
    state = application.state
    if state == ApplicationState.APPLIED and call.state != RoundState.PUBLISHED:
        state = "review"
    here = {"not_selected": "selected"}.get(state, state)
    if here not in order:
        return []
    position = order.index(here)
    ends = here == "selected"
    details = {
        0: _day(call.closes_at), 1: _day(call.closes_at), 3: str(call.notice_until or ""),
    }  # fmt: skip
    return [
        Stage(
            label,
            details.get(index, "") if index == position else "",
            "done" if index < position or ends else "current" if index == position else "ahead",
        )
        for index, label in enumerate(labels)
    ]


def _day(at: Any) -> str:
    return f"{at.astimezone(clock.SHANGHAI):%m-%d %H:%M}"


def round_facts(call: Round) -> list[Fact]:
    """A call's dates and numbers."""
    places = listed(f"{each.label} {call.places_of(each)}" for each in call.types)
    shown = "%Y-%m-%d %H:%M"
    return [
        Fact(_("开始申报"), f"{call.opens_at.astimezone(clock.SHANGHAI):{shown}}"),
        Fact(_("截止申报"), f"{call.closes_at.astimezone(clock.SHANGHAI):{shown}}"),
        Fact(_("名额"), places),
        Fact(_("评审"), _("每份 %(count)s 位评审人") % {"count": call.scorers_count}),
        Fact(_("等级线"), listed(f"{name} ≥ {points_of(least)}" for name, least in call.bands)),
        Fact(_("公示"), _("%(days)s 个工作日") % {"days": call.notice_working_days}),
        Fact(_("试点期"), _("%(years)s 年") % {"years": call.term_years}),
        Fact(_("组织单位"), str(call.operator)),
    ]
