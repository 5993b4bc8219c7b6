"""Article 3(2): support for recognised data exchange venues, as a rule card."""

from __future__ import annotations

from settlement.rewards.engine.cards import Ask, Clause, Condition, Exclusivity, Line, Margin, Measure
from settlement.rewards.engine.departments import DATA_BUREAU
from settlement.rewards.engine.facts import FactSpec
from settlement.rewards.engine.operations import (
    Compare,
    CountPriorAwards,
    Defined,
    Fact,
    Param,
    SumOfAwards,
    difference,
    greatest,
    least,
    ratio,
    rounded,
    total,
)
from settlement.rewards.engine.texts import Text
from settlement.rewards.measures import clauses

ID = "exchange_venue"
GROUP = "article_3_2"
SCENARIOS_GROUP = "article_4"

VENUE = Condition(
    key="venue",
    title=Text("交易场所是否经认定？", "Is the venue recognised?"),
    clause=Clause(
        Text(
            "数据交易场所须经省级以上监管部门认定，奖补给其运营主体。",
            "A regulator of the province or above must have recognised the venue; its operator is supported.",
        ),
        Text("省级以上监管部门认定", "regulator of the province or above"),
        "3(2)",
    ),
    found=Text("已认定：{is_recognised_venue}", "Recognised: {is_recognised_venue}"),
    requirement=Text("经省级以上监管部门认定", "Recognised by the province or above"),
    test=Fact("is_recognised_venue"),
    reason=Text(
        "数据交易场所未经省级以上监管部门认定。",
        "No regulator of the province or above has recognised the venue.",
    ),
)

THRESHOLD = Condition(
    key="threshold",
    title=Text("年度交易额是否达到条件？", "Is the turnover high enough?"),
    clause=Clause(
        Text("年度交易额须达到一千万元（含）以上。", "The annual turnover must be ten million yuan or more."),
        Text("一千万元（含）以上", "ten million yuan or more"),
        "3(2)",
    ),
    found=Text("交易额 {turnover_fen}", "Turnover {turnover_fen}"),
    requirement=Text("不低于 {turnover_threshold}", "At least {turnover_threshold}"),
    test=Compare(Fact("turnover_fen"), ">=", Param("turnover_threshold")),
    reason=Text(
        "{year} 年度交易额 {turnover_fen}，距 {turnover_threshold} 的条件还差 {margin}。",
        "The turnover of {turnover_fen} in {year} is short of {turnover_threshold} by {margin}.",
    ),
    margin=Margin(Fact("turnover_fen"), Param("turnover_threshold")),
    holds=Text(
        "交易额再减少超过 {margin} 才会低于条件。", "Only a loss of more than {margin} would bring it below."
    ),
    change=Text("交易额再增加 {margin} 即达到条件。", "{margin} more of turnover would reach it."),
)

AMOUNT = Condition(
    key="amount",
    title=Text("应奖补多少？", "How much is the support?"),
    clause=Clause(
        Text(
            "按运营主体地方经济贡献新增部分的百分之百奖补，每年最高一百万元。",
            "One hundred per cent of the increase in the operator's local contribution, at most one million yuan a year.",
        ),
        Text("百分之百", "One hundred per cent"),
        "3(2)",
    ),
    found=Text(
        "{increase} × {contribution_rate}，上限 {annual_cap}",
        "{increase} × {contribution_rate}, at most {annual_cap}",
    ),
    requirement=Text("不高于每年上限", "At most the yearly cap"),
    margin=Margin(Defined("share"), Param("annual_cap")),
    lines=(
        Line(Text("新增部分", "Increase"), Defined("increase"), "start", "increase"),
        Line(Text("按比例计算", "At the rate"), Defined("share"), "start", "share"),
        Line(Text("每年上限", "Yearly cap"), Param("annual_cap"), "start", "cap"),
        Line(
            Text("同一新增已按第四条奖励", "Granted on it under article 4"),
            difference(clauses.NOTHING, Defined("paid_beside")),
            "minus",
            "beside",
            shows_zero=False,
        ),
        Line(
            Text("应奖补（向下取整到分）", "Support (floored to the fen)"),
            Defined("reward"),
            "total",
            "reward",
        ),
    ),
)

CARD = Measure(
    id=ID,
    article="3(2)",
    title=Text("数据交易场所奖补", "Support for exchange venues"),
    summary=Text(
        "经省级以上监管部门认定的本市数据交易场所，年度交易额达到 {turnover_threshold} 的，按运营主体地方经济贡献新增部分的 "
        "{contribution_rate} 奖补，每年最高 {annual_cap}，最多 {most_awards} 年。",
        "Operators of venues in the city recognised by the province or above receive {contribution_rate} of the increase in "
        "their local contribution once turnover reaches {turnover_threshold} a year, at most {annual_cap} a year, for up to "
        "{most_awards} years.",
    ),
    department=clauses.led_by(DATA_BUREAU),
    recipient=Text("数据交易场所运营主体", "Operators of exchange venues"),
    competition=clauses.EXPOSED,
    exclusivity=Exclusivity(
        GROUP,
        whole="whole",
        already="granted_already",
        most_awards="most_awards",
        beside=(SCENARIOS_GROUP,),
        beside_by=("same_increase", "once"),
    ),
    facts=(
        FactSpec(
            "registered_place", Text("工商登记地", "Place of registration"), "code", clauses.VERIFICATION
        ),
        FactSpec("tax_place", Text("税务登记地", "Place of tax registration"), "code", clauses.VERIFICATION),
        clauses.recognition(
            "is_recognised_venue",
            "交易场所是否经省级以上监管部门认定",
            "Venue recognised by the province or above",
        ),
        FactSpec(
            "turnover_fen",
            Text("年度交易额", "Annual turnover"),
            "fen",
            clauses.DECLARATION,
            1,
            verifier=DATA_BUREAU,
        ),
        *clauses.contribution_facts(Text("运营主体", "the operator")),
        clauses.REGISTER,
    ),
    questions=(clauses.BASE_YEAR, clauses.SAME_INCREASE),
    definitions=clauses.CONTRIBUTION
    | {
        "share": ratio(Defined("increase"), Param("contribution_rate")),
        "whole": rounded(least(Defined("share"), Param("annual_cap")), Param("rounding")),
        "paid_beside": clauses.paid_beside(SCENARIOS_GROUP),
        "reward": greatest(clauses.NOTHING, difference(Defined("whole"), Defined("paid_beside"))),
        "prior_count": CountPriorAwards(ID),
        "granted_already": total(SumOfAwards(GROUP), Defined("paid_beside")),
    },
    conditions=(
        clauses.registered("3(2)"),
        VENUE,
        clauses.VALIDITY,
        THRESHOLD,
        clauses.increase(
            "3(2)",
            Text(
                "以运营主体对地方经济贡献额的新增部分为基数。",
                "It rests on the increase in the operator's local contribution.",
            ),
            Text("新增部分", "increase"),
        ),
        clauses.years("3(2)"),
    ),
    amount=AMOUNT,
    award="reward",
    limits=(clauses.once("3(2)"),),
    granted=Text(
        "{year} 年度交易额 {turnover_fen}，地方经济贡献新增 {increase}，按 {contribution_rate} 奖补 {reward}。",
        "Turnover of {turnover_fen} in {year}; local contribution rose by {increase}, {contribution_rate} of it gives {reward}.",
    ),
    at_cap=Text(
        "{year} 年度地方经济贡献新增 {increase}，已达到每年上限，奖补 {reward}。",
        "Local contribution rose by {increase} in {year}; the yearly cap is reached, the support is {reward}.",
    ),
    cap="annual_cap",
    trial=(
        Ask(
            "is_recognised_venue",
            Text("交易场所是否经省级以上监管部门认定？", "Has the province or above recognised the venue?"),
        ),
        Ask("turnover_fen", Text("当年交易额多少？", "What was the turnover of the year?")),
        Ask(
            "contribution_fen",
            Text("运营主体当年地方经济贡献多少？", "What was the operator's local contribution in the year?"),
        ),
        Ask("contribution_previous_fen", Text("上一年是多少？", "And in the year before?")),
        Ask("prior_awards", Text("以前获得过几个年度？", "For how many years was it granted before?")),
    ),
    trial_takes={"registered_place": "441802", "tax_place": "441802"},
)
