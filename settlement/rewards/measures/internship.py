"""Article 7(1): subsidy for firms that host interns, as a rule card."""

from __future__ import annotations

from settlement.rewards.engine.cards import Ask, Clause, Condition, Exclusivity, Line, Measure
from settlement.rewards.engine.departments import LABOUR_BUREAU
from settlement.rewards.engine.facts import FactSpec, Member
from settlement.rewards.engine.operations import (
    AgeInMonth,
    Always,
    Compare,
    Defined,
    Fact,
    InRow,
    MonthParam,
    MonthsSince,
    Negated,
    Param,
    SumOfAwards,
    SumOver,
    all_of,
    any_of,
    difference,
    greatest,
    least,
    ratio,
    rounded,
)
from settlement.rewards.engine.texts import Text
from settlement.rewards.measures import clauses
from settlement.rewards.measures.clauses import NOTHING

ID = "internship"
GROUP = "article_7_1"
INTERNS = "interns"

_MONTH = InRow("month", INTERNS)
_PAID = InRow("paid_fen", INTERNS)
_WAGE = MonthParam("minimum_wage", _MONTH)
_SINCE = MonthsSince(InRow("graduated_on", INTERNS), _MONTH)
_AGE = AgeInMonth(InRow("born_on", INTERNS), _MONTH)

# A graduate in a month that begins within two years of graduation.
GRADUATE = all_of(
    InRow("is_graduate", INTERNS),
    Compare(_SINCE, ">=", NOTHING),
    Compare(Param("graduate_months"), ">=", _SINCE),
)
# An unemployed person of 16 to 24 completed years on the month's first day.
YOUTH = all_of(
    InRow("is_unemployed", INTERNS),
    Compare(_AGE, ">=", Param("youngest_age")),
    Compare(Param("oldest_age"), ">=", _AGE),
)
PAID_ENOUGH = Compare(_PAID, ">=", ratio(_WAGE, Param("least_paid_share")))
COUNTS = all_of(any_of(GRADUATE, YOUTH), PAID_ENOUGH)

ROWS = FactSpec(
    INTERNS,
    Text("见习人员按月名单", "Interns, month by month"),
    "rows",
    Text("企业申报名单与工作补贴发放凭证", "the firm's list with proof of payment"),
    verifier=LABOUR_BUREAU,
    unique=("person", "month"),
    members=(
        Member("person", Text("人员编号", "Person"), "text"),
        Member("month", Text("月份", "Month"), "count", least=1, most=12),
        Member("is_graduate", Text("高校毕业生", "Graduate"), "flag"),
        Member("graduated_on", Text("毕业日期", "Graduated on"), "day", is_optional=True),
        Member("is_unemployed", Text("失业青年", "Unemployed"), "flag"),
        Member("born_on", Text("出生日期", "Born on"), "day", is_optional=True),
        Member("paid_fen", Text("当月实发工作补贴", "Paid in the month"), "fen"),
    ),
)

EMPLOYER = Condition(
    key="employer",
    title=Text("是否劳务派遣单位？", "Is it a labour-dispatch firm?"),
    clause=Clause(
        Text("劳务派遣单位除外。", "Labour-dispatch firms are excluded."),
        Text("劳务派遣单位", "Labour-dispatch firms"),
        "7(1)",
    ),
    found=Text("劳务派遣单位：{is_labour_dispatch}", "Labour-dispatch firm: {is_labour_dispatch}"),
    requirement=Text("不是劳务派遣单位", "Not one"),
    test=Negated(Fact("is_labour_dispatch")),
    reason=Text("劳务派遣单位不享受见习补贴。", "A labour-dispatch firm receives no internship subsidy."),
)

INTERN_MONTHS = Condition(
    key="interns",
    title=Text("哪些见习月份可以计入？", "Which months of interns count?"),
    clause=Clause(
        Text(
            "吸纳毕业两年内高校毕业生或者 16 至 24 岁失业青年见习，每月工作补贴不低于当地最低工资的百分之八十。",
            "Interns who graduated within two years, or are unemployed and 16 to 24 years old, paid each month at least eighty "
            "per cent of the local minimum wage.",
        ),
        Text("百分之八十", "eighty per cent"),
        "7(1)",
    ),
    found=Text(
        "名单 {listed_count} 人月，符合 {counted_count} 人月",
        "{listed_count} months listed, {counted_count} count",
    ),
    requirement=Text(
        "毕业 {graduate_months} 个月内，或失业且 {youngest_age} 至 {oldest_age} 岁；实发不低于最低工资的 {least_paid_share}",
        "Graduated within {graduate_months} months, or unemployed and {youngest_age} to {oldest_age}; paid at least "
        "{least_paid_share} of the minimum wage",
    ),
    test=Compare(Defined("counted_count"), ">", NOTHING),
    reason=Text(
        "{year} 年度没有符合条件的见习人月。", "No month of an intern fulfils the conditions in {year}."
    ),
    reads=(INTERNS,),
)

AMOUNT = Condition(
    key="amount",
    title=Text("应补贴多少？", "How much is the subsidy?"),
    clause=Clause(
        Text(
            "每人每月按当地最低工资与实际支付的工作补贴两者中较低的补贴。",
            "For each intern and month the lower of the local minimum wage and what was really paid.",
        ),
        Text("较低", "the lower"),
        "7(1)",
    ),
    found=Text("{counted_count} 人月合计 {reward}", "{counted_count} months, {reward} together"),
    requirement=Text("逐人逐月计算", "Computed for each intern and month"),
    lines=(
        Line(
            Text("应补贴（逐人逐月合计）", "Subsidy (each intern and month)"),
            Defined("reward"),
            "total",
            "reward",
        ),
    ),
)

CARD = Measure(
    id=ID,
    article="7(1)",
    title=Text("就业见习补贴", "Internship subsidy"),
    summary=Text(
        "通用人工智能企业（劳务派遣单位除外）组织毕业 {graduate_months} 个月内高校毕业生或 {youngest_age} 至 {oldest_age} 岁失业青年见习，"
        "每月实发不低于最低工资 {least_paid_share} 的，每人每月按最低工资与实发金额中较低的补贴。",
        "General-AI firms other than labour-dispatch firms that host graduates of the past {graduate_months} months or unemployed "
        "people of {youngest_age} to {oldest_age}, paid at least {least_paid_share} of the minimum wage, receive the lower of minimum "
        "wage and real pay for each intern and month.",
    ),
    department=clauses.led_by(LABOUR_BUREAU),
    recipient=Text("接收见习人员的企业", "Firms that host interns"),
    competition=clauses.REVIEWED,
    exclusivity=Exclusivity(GROUP, whole="whole", already="granted_already"),
    facts=(
        *clauses.SCOPE_FACTS,
        clauses.recognition("is_labour_dispatch", "是否劳务派遣单位", "Labour-dispatch firm", LABOUR_BUREAU),
        ROWS,
        clauses.REGISTER,
    ),
    questions=(),
    definitions={
        "listed_count": SumOver(INTERNS, Always()),
        "counted_count": SumOver(INTERNS, COUNTS),
        "whole": rounded(SumOver(INTERNS, COUNTS, least(_WAGE, _PAID)), Param("rounding")),
        "granted_already": SumOfAwards(GROUP),
        "reward": greatest(NOTHING, difference(Defined("whole"), Defined("granted_already"))),
    },
    conditions=(clauses.scope(), EMPLOYER, clauses.VALIDITY, INTERN_MONTHS),
    amount=AMOUNT,
    award="reward",
    limits=(clauses.once("7(1)"),),
    granted=Text(
        "{year} 年度符合条件的见习 {counted_count} 人月，补贴 {reward}。",
        "{counted_count} months of interns count in {year}; the subsidy is {reward}.",
    ),
    trial=(
        Ask("is_annotation_firm", Text("企业从事什么？", "What does the firm do?")),
        Ask("is_labour_dispatch", Text("是否劳务派遣单位？", "Is it a labour-dispatch firm?")),
        Ask(
            INTERNS,
            Text("有多少名符合条件的见习人员？", "How many interns fulfil the conditions?"),
            Text(
                "毕业两年内的高校毕业生，或 16 至 24 岁失业青年",
                "Graduated within two years, or unemployed and 16 to 24",
            ),
        ),
    ),
    trial_takes={"registered_place": "441802", "tax_place": "441802", "prior_awards": ()},
)
