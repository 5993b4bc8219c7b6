"""Pure rules of the pilot: the scale, scoring, ranking, grades, the agreement's text, the yearly assessment.

Points are whole numbers from 0 to 100. Weighted totals are exact: in hundredths of a point ("centi"), because
the weights of a scale add up to 100. Means are exact fractions and are rounded once, at the end.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from statistics import median
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from exchange.pilots.states import BrokerType, Verdict
from kernel import clock, workdays
from kernel.money import Money
from kernel.periods import Period

FULL = 10_000  # centi: a hundred points
MOST_CRITERIA, LONGEST_TEXT = 12, 4_000
TIE_RULE = "heaviest_criterion_then_earlier_submission"
TIE_WORDS = _(
    "总分相同的，先比权重最大的指标均分，再依权重比其余指标，仍相同的，提交较早者在前，最后按申报编号。"
)


# --- parameters ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameters:
    """The numbers of the pilot from one day on. All are this platform's own choice: the policy states none.

    `bands`: least centi of each grade, best first; below the last one nobody is selected. `weights` of the
    yearly assessment add up to 100; `…_target` gives full points, `dispute_limit_bp` and more give none.
    """

    effective_from: date
    least_scorers: int
    outlier_points: int
    notice_working_days: int
    bands: tuple[tuple[str, int], ...]
    term_years: int
    extension_years: int
    improvement_days: int
    signing_days: int
    weights: tuple[tuple[str, int], ...]
    deals_target: int
    amount_target_fen: int
    dispute_limit_bp: int
    unrated_points: int
    records_floor_bp: int
    graduate_from: int
    continue_from: int
    exit_below: int


PARAMETERS: tuple[Parameters, ...] = (
    Parameters(
        effective_from=date(2024, 1, 1),
        least_scorers=3,
        outlier_points=15,
        notice_working_days=5,
        bands=(("A", 8_500), ("B", 7_500), ("C", 6_000)),
        term_years=2,
        extension_years=1,
        improvement_days=90,
        signing_days=30,
        weights=(("deals", 25), ("amount", 20), ("disputes", 20), ("records", 25), ("ratings", 10)),
        deals_target=12,
        amount_target_fen=1_000_000_00,
        dispute_limit_bp=1_000,
        unrated_points=60,
        records_floor_bp=9_500,
        graduate_from=8_500,
        continue_from=6_000,
        exit_below=4_000,
    ),
)


def parameters_on(day: date, table: Sequence[Parameters] = PARAMETERS) -> Parameters:
    """The row in force on a day; LookupError before the first one."""
    found = [row for row in table if row.effective_from <= day]
    if not found:
        raise LookupError(f"no pilot parameters on {day}")
    return max(found, key=lambda row: row.effective_from)


# --- the scale ----------------------------------------------------------------------------------

# Source: this platform's own choice. It follows what the provincial call for data brokers asks applicants to
# show (capability, own data or trust, security, team, cases, plan); the weights are not from any document.
DEFAULT_SCALE: tuple[dict[str, Any], ...] = (
    {
        "key": "capability",
        "label": gettext_noop("数据管理与技术能力"),
        "weight": 25,
        "guidance": gettext_noop(
            "90–100：DCMM 三级以上且有自有产品在用；75–89：有成熟产品；60–74：具备基本能力；60 以下：材料不能证明。"
        ),
    },
    {
        "key": "security",
        "label": gettext_noop("采集与处理的安全保障"),
        "weight": 20,
        "guidance": gettext_noop(
            "90–100：等保三级以上、制度与记录齐全；75–89：等保二级；60–74：有制度无测评；60 以下：有明显缺口。"
        ),
    },
    {
        "key": "speciality",
        "label": gettext_noop("类型专长"),
        "weight": 20,
        "guidance": gettext_noop(
            "按申报类型看：技术赋能看产品与能力，数据赋能看自有数据资源，受托行权看委托人与权益保护。"
        ),
    },
    {
        "key": "team",
        "label": gettext_noop("团队"),
        "weight": 15,
        "guidance": gettext_noop("90–100：法律、技术、行业人员齐备且稳定；75–89：缺一类；60–74：缺两类。"),
    },
    {
        "key": "cases",
        "label": gettext_noop("业绩与案例"),
        "weight": 10,
        "guidance": gettext_noop(
            "90–100：三个以上可核实案例；75–89：两个；60–74：一个；60 以下：没有可核实的。"
        ),
    },
    {
        "key": "plan",
        "label": gettext_noop("试点方案"),
        "weight": 10,
        "guidance": gettext_noop("90–100：目标可量化、分年度、有风险预案；75–89：有目标；60–74：方向明确。"),
    },
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a scale."""

    key: str
    label: str
    weight: int
    guidance: str


def scale_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Criterion, ...]:
    """A stored scale as criteria, in its order."""
    return tuple(Criterion(row["key"], row["label"], row["weight"], row["guidance"]) for row in rows)


def scale_fault(scale: Sequence[Criterion]) -> str | Promise:
    """What is wrong with a scale; empty when it is sound."""
    if not 1 <= len(scale) <= MOST_CRITERIA:
        return _("评分标准应有 1 至 12 项指标。")
    if len({row.key for row in scale}) != len(scale) or any(not row.label for row in scale):
        return _("每项指标都要有名称，且不能重复。")
    if any(row.weight < 1 for row in scale):
        return _("每项指标的权重应为 1 以上的整数。")
    if sum(row.weight for row in scale) != 100:
        return _("各项权重之和应为 100，现为 %(sum)s。") % {"sum": sum(row.weight for row in scale)}
    return ""


def points_fault(scale: Sequence[Criterion], points: Mapping[str, Any]) -> str:
    """The key of the first criterion without a whole number from 0 to 100; empty when all have one."""
    for row in scale:
        given = points.get(row.key)
        if type(given) is not int or not 0 <= given <= 100:
            return row.key
    return next((key for key in points if key not in {row.key for row in scale}), "")


def total_centi(scale: Sequence[Criterion], points: Mapping[str, int]) -> int:
    """The weighted total in hundredths of a point: Σ points × weight, exact, from 0 to 10,000."""
    return sum(points[row.key] * row.weight for row in scale)


def rounded(value: Fraction) -> int:
    """To the nearest whole hundredth, halves up."""
    return int((value * 2 + 1) // 2)


def mean_centi(totals: Sequence[int]) -> Fraction:
    """The exact mean of the scorers' totals."""
    return Fraction(sum(totals), len(totals))


def outliers(totals: Sequence[int], limit_points: int) -> list[bool]:
    """For each total whether it is further than the limit from the median; fewer than three have none.

    The median does not move with the value it judges, as a mean would. Outliers are shown, never left out.
    """
    if len(totals) < 3:
        return [False] * len(totals)
    middle = median([Fraction(total) for total in totals])
    return [abs(total - middle) > limit_points * 100 for total in totals]


def grade_of(centi: int, bands: Sequence[Sequence[Any]]) -> str:
    """The grade of a mean; empty below the lowest band."""
    return next((str(name) for name, least in bands if centi >= least), "")


# --- ranking ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sheet:
    """One scorer's valid sheet, as the result reads it."""

    seat: str
    version: int
    points: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One application to be ranked."""

    number: str
    submitted_at: datetime
    sheets: tuple[Sheet, ...]


def _standing(scale: Sequence[Criterion], candidate: Candidate) -> tuple[Any, ...]:
    """What is compared, lowest first: TIE_RULE."""
    means = [
        -mean_centi([sheet.points[row.key] for sheet in candidate.sheets])
        for row in sorted(scale, key=lambda row: -row.weight)
    ]
    whole = mean_centi([total_centi(scale, sheet.points) for sheet in candidate.sheets])
    return (-whole, *means, candidate.submitted_at, candidate.number)


def ranked(scale: Sequence[Criterion], candidates: Iterable[Candidate]) -> list[Candidate]:
    """Best first; ties fall by TIE_RULE, so that two orders of the same input give one result."""
    return sorted(candidates, key=lambda each: _standing(scale, each))


def result_of(
    scale: Sequence[Criterion],
    candidate: Candidate,
    *,
    rank: int,
    places: int,
    bands: Sequence[Sequence[Any]],
    outlier_points: int,
) -> dict[str, Any]:
    """The arithmetic of one application line by line, as plain JSON values (whole numbers only)."""
    totals = [total_centi(scale, sheet.points) for sheet in candidate.sheets]
    flags = outliers(totals, outlier_points)
    mean = rounded(mean_centi(totals))
    grade = grade_of(mean, bands)
    return {
        "schema": "qingshu.pilot_result/1",
        "application": candidate.number,
        "scale": [[row.key, row.weight] for row in scale],
        "lines": [
            {
                "seat": sheet.seat,
                "version": sheet.version,
                "terms": [[row.key, sheet.points[row.key], row.weight, sheet.points[row.key] * row.weight]
                          for row in scale],
                "total_centi": total,
                "is_outlier": flag,
            }
            for sheet, total, flag in zip(candidate.sheets, totals, flags, strict=True)
        ],
        "sum_centi": sum(totals),
        "scorers": len(totals),
        "mean_centi": mean,
        "rank": rank,
        "places": places,
        "tie_rule": TIE_RULE,
        "bands": [[name, least] for name, least in bands],
        "grade": grade,
        "is_proposed": bool(grade) and rank <= places,
    }  # fmt: skip


def document_sha256(document: Any) -> str:
    """SHA-256 (hex) of a document's JSON with sorted keys and no spaces."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# --- completeness -------------------------------------------------------------------------------

COMMON_FIELDS = ("dcmm_level", "protection_level", "own_data", "security", "team", "cases", "plan")
TYPE_FIELDS: dict[str, tuple[str, ...]] = {
    BrokerType.TECHNOLOGY_ENABLING: ("products", "capability"),
    BrokerType.DATA_ENABLING: ("data_resources", "data_sources"),
    BrokerType.ENTRUSTED_RIGHTS: ("principals", "protection"),
}
FIELD_LABELS: dict[str, str | Promise] = {
    "dcmm_level": _("DCMM 等级"),
    "protection_level": _("网络安全等级保护"),
    "own_data": _("自有数据"),
    "security": _("采集与处理的安全保障"),
    "team": _("团队"),
    "cases": _("案例"),
    "plan": _("试点方案"),
    "products": _("产品"),
    "capability": _("技术能力"),
    "data_resources": _("自有数据资源"),
    "data_sources": _("来源与授权"),
    "principals": _("代理哪些权利人"),
    "protection": _("权利人权益的保护"),
}
SECTIONS: dict[str, tuple[str | Promise, tuple[str, ...]]] = {
    "levels": (_("能力等级"), ("dcmm_level", "protection_level")),
    "security": (_("自有数据与安全"), ("own_data", "security")),
    "team": (_("团队与案例"), ("team", "cases")),
    "plan": (_("试点方案"), ("plan",)),
    "speciality": (_("类型专长"), ()),
}
LEAST_LENGTH = 10


def section_fields(key: str, broker_type: str) -> tuple[str, ...]:
    """The fields of one section of the task list."""
    return TYPE_FIELDS[broker_type] if key == "speciality" else SECTIONS[key][1]


def editable_fields(broker_type: str) -> tuple[str, ...]:
    """Every field of an application of that type."""
    return (*COMMON_FIELDS, *TYPE_FIELDS[broker_type])


def missing_fields(broker_type: str, values: Mapping[str, Any]) -> list[str]:
    """The fields without an answer, in order: a level not chosen, a text under ten characters."""

    def lacks(value: Any) -> bool:
        return value is None or (isinstance(value, str) and len(value.strip()) < LEAST_LENGTH)

    return [name for name in editable_fields(broker_type) if lacks(values.get(name))]


# --- time ---------------------------------------------------------------------------------------


def notice_end(on: date, working_days: int) -> date:
    """The final day of a public notice, by the Chinese working-day calendar."""
    return workdays.add_working_days(on, working_days)


def years_after(at: datetime, years: int) -> datetime:
    """The end (outside) of a term: the first moment of the same business day so many years later."""
    day = clock.business_date(at)
    try:
        end = day.replace(year=day.year + years)
    except ValueError:  # 29 February
        end = date(day.year + years, 3, 1)
    return clock.start_of(end)


# --- the agreement ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """All that an agreement names."""

    number: str
    on: date
    operator_name: str
    operator_uscc: str
    broker_name: str
    broker_uscc: str
    broker_type: str
    grade: str
    application_number: str
    pilot_number: str
    term_years: int


_AGREEMENT = """数据经纪人试点协议

协议编号：{number}
拟定日期：{on}

甲方（组织单位）：{operator_name}（统一社会信用代码 {operator_uscc}）
乙方（试点单位）：{broker_name}（统一社会信用代码 {broker_uscc}）

第一条 试点
乙方经申报（编号 {application_number}）、专家评审和公示入选，作为“{broker_type}”数据经纪人开展试点。
试点编号 {pilot_number}，评定等级 {grade}。

第二条 期限
试点期为 {term_years} 年，自双方签署完毕之时起算。
期满前未作出延长或结业结论的，乙方自期满之时起不再承接新的委托。

第三条 乙方的义务
从事数据交易中介服务时，要求数据提供方说明数据来源，审核交易双方的身份，并留存审核、交易记录。
记录应当完整、可以核对，并在甲方要求时提供。
不得冒用权利人名义，不得在撮合中隐瞒与任何一方的关联关系。

第四条 甲方的义务
公开试点名单与等级，按已公布的评分和考核标准办理，不向乙方收取试点费用。

第五条 年度考核
甲方每年按当年适用的考核权重，对撮合数量、金额、争议、记录完整和评价进行考核，逐项列明算式。
考核结论为继续、限期整改、延长、结业或退出，由甲方说明理由后作出。

第六条 退出
乙方退出试点的，在办委托应当移交或终止，并通知委托人；已完成交易的记录继续留存。

第七条 资金
试点为管理措施，不涉及奖励或补助资金。

第八条 生效
本协议由双方在平台各自签署后生效，签署时记录文本的 SHA-256 摘要，此后文本不再改动。
"""
_TYPE_WORDS = {
    "technology_enabling": "技术赋能型",
    "data_enabling": "数据赋能型",
    "entrusted_rights": "受托行权型",
}


def agreement_text(terms: Terms) -> str:
    """The canonical text: Unicode NFC, lines ended by LF, one final newline."""
    filled = _AGREEMENT.format(
        number=terms.number,
        on=f"{terms.on.year} 年 {terms.on.month} 月 {terms.on.day} 日",
        operator_name=terms.operator_name,
        operator_uscc=terms.operator_uscc,
        broker_name=terms.broker_name,
        broker_uscc=terms.broker_uscc,
        broker_type=_TYPE_WORDS[terms.broker_type],
        grade=terms.grade,
        application_number=terms.application_number,
        pilot_number=terms.pilot_number,
        term_years=terms.term_years,
    )
    lines = unicodedata.normalize("NFC", filled).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def text_hash(text: str) -> str:
    """SHA-256 (hex) of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


# --- the yearly assessment ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a broker did in one year. Amount in fen; ratings from 1 to 5, their number and sum.

    `required_records`: records that the law and the agreement ask for (数据安全法 art. 33: source statement,
    identity of both sides, review and transaction), `complete_records`: those that are whole.
    """

    deals: int = 0
    amount_fen: int = 0
    disputes: int = 0
    complete_records: int = 0
    required_records: int = 0
    ratings_count: int = 0
    ratings_sum: int = 0

    def plain(self) -> dict[str, int]:
        """As documents hold it."""
        return {name: getattr(self, name) for name in self.__slots__}

    def fault(self) -> str:
        """The name of the first fact that cannot be; empty when all can."""
        negative = next((name for name, value in self.plain().items() if value < 0), "")
        if negative:
            return negative
        if self.complete_records > self.required_records:
            return "complete_records"
        if not self.ratings_count <= self.ratings_sum <= 5 * self.ratings_count:
            return "ratings_sum"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDeal:
    """One deal as an assessment counts it. `amount_fen`: its price with VAT less what went back; `stars`: None when its
    buyer did not rate."""

    id: str
    number: str
    order: str
    amount_fen: int
    is_disputed: bool
    complete_records: int
    required_records: int
    stars: int | None

    def plain(self) -> dict[str, Any]:
        """As the trace holds it."""
        return {name: getattr(self, name) for name in self.__slots__}


def facts_from(deals: Sequence[CountedDeal]) -> Facts:
    """The year's facts, counted from its deals and nothing else."""
    stars = [each.stars for each in deals if each.stars is not None]
    return Facts(
        deals=len(deals),
        amount_fen=sum(each.amount_fen for each in deals),
        disputes=sum(each.is_disputed for each in deals),
        complete_records=sum(each.complete_records for each in deals),
        required_records=sum(each.required_records for each in deals),
        ratings_count=len(stars),
        ratings_sum=sum(stars),
    )


ITEM_LABELS: dict[str, str | Promise] = {
    "deals": _("撮合成交"),
    "amount": _("成交金额"),
    "disputes": _("争议"),
    "records": _("记录完整"),
    "ratings": _("评价"),
}


def _points(facts: Facts, parameters: Parameters) -> dict[str, Fraction]:
    """Each item's exact points from 0 to 100."""
    full = Fraction(100)
    rate = (
        Fraction(facts.disputes * 10_000, facts.deals) if facts.deals else Fraction(facts.disputes * 10_000)
    )
    rating = (
        Fraction(facts.ratings_sum - facts.ratings_count, 4 * facts.ratings_count) * 100
        if facts.ratings_count
        else Fraction(parameters.unrated_points)
    )
    return {
        "deals": min(full, Fraction(facts.deals * 100, parameters.deals_target)),
        "amount": min(full, Fraction(facts.amount_fen * 100, parameters.amount_target_fen)),
        "disputes": max(Fraction(0), full - rate * 100 / parameters.dispute_limit_bp),
        "records": Fraction(facts.complete_records * 100, facts.required_records)
        if facts.required_records
        else full,
        "ratings": rating,
    }


def proposal_of(centi: int, facts: Facts, parameters: Parameters, *, is_term_ending: bool) -> tuple[str, str]:
    """The proposed verdict and the key of its reason. Incomplete records never pass, whatever the total."""
    if centi < parameters.exit_below:
        return Verdict.EXIT.value, "below_exit"
    if facts.complete_records * 10_000 < facts.required_records * parameters.records_floor_bp:
        return Verdict.IMPROVE.value, "records"
    if centi < parameters.continue_from:
        return Verdict.IMPROVE.value, "below_continue"
    if not is_term_ending:
        return Verdict.CONTINUE.value, "on_course"
    if centi >= parameters.graduate_from:
        return Verdict.GRADUATE.value, "graduate"
    return Verdict.EXTEND.value, "extend"


REASON_WORDS: dict[str, str | Promise] = {
    "below_exit": _("总分低于退出线。"),
    "records": _("记录完整率低于下限：中介的审核与交易记录是法定义务，不能用其他得分抵补。"),
    "below_continue": _("总分低于合格线。"),
    "on_course": _("总分合格，试点期未满。"),
    "graduate": _("试点期满，总分达到结业线。"),
    "extend": _("试点期满，总分合格但未达到结业线。"),
}


def assessment_of(
    year: int, facts: Facts, *, until: datetime | None, deals: Sequence[CountedDeal] = ()
) -> dict[str, Any]:
    """The whole assessment as plain JSON values: same facts and parameters, same bytes.

    Parameters are those in force on the year's final day. The total is Σ points × weight, floored once to the
    hundredth. `until`: end of the term; a year in which it ends (or has ended) proposes graduation or extension.
    `deals`: what the facts were counted from, kept in the trace so that each figure can be followed to its deals.
    """
    parameters = parameters_on(date(year, 12, 31))
    points = _points(facts, parameters)
    exact = sum((points[key] * weight for key, weight in parameters.weights), Fraction(0))
    centi = int(exact // 1)
    is_ending = until is not None and until <= Period.of_year(year).end
    verdict, reason = proposal_of(centi, facts, parameters, is_term_ending=is_ending)
    return {
        "schema": "qingshu.pilot_assessment/1",
        "year": year,
        "rules_from": parameters.effective_from.isoformat(),
        "facts": facts.plain(),
        "deals": [each.plain() for each in deals],
        "lines": [
            {
                "key": key,
                "points": f"{points[key].numerator}/{points[key].denominator}",
                "weight": weight,
                "centi": int(points[key] * weight // 1),
                "formula": _formula(key, facts, parameters),
            }
            for key, weight in parameters.weights
        ],
        "total_centi": centi,
        "is_term_ending": is_ending,
        "limits": {
            "exit_below": parameters.exit_below,
            "continue_from": parameters.continue_from,
            "graduate_from": parameters.graduate_from,
            "records_floor_bp": parameters.records_floor_bp,
        },
        "proposal": verdict,
        "reason": reason,
    }


def _formula(key: str, facts: Facts, parameters: Parameters) -> str:
    """How an item's points come about, in figures only."""
    if key == "deals":
        return f"min(100, {facts.deals} × 100 ÷ {parameters.deals_target})"
    if key == "amount":
        amount, target = Money(facts.amount_fen), Money(parameters.amount_target_fen)
        return f"min(100, {amount} × 100 ÷ {target})"
    if key == "disputes":
        return f"max(0, 100 − {facts.disputes} ÷ {max(1, facts.deals)} × 10000 × 100 ÷ {parameters.dispute_limit_bp})"
    if key == "records":
        return (
            f"{facts.complete_records} × 100 ÷ {facts.required_records}" if facts.required_records else "100"
        )
    if facts.ratings_count:
        return f"({facts.ratings_sum} − {facts.ratings_count}) × 100 ÷ (4 × {facts.ratings_count})"
    return str(parameters.unrated_points)
