"""Article 4: reward for the contractor of an awarded application scenario, as a rule card."""

from __future__ import annotations

from settlement.rewards.engine.cards import (
    Ask,
    Clause,
    Condition,
    Exclusivity,
    Line,
    Margin,
    Measure,
    Option,
    Question,
)
from settlement.rewards.engine.departments import DATA_BUREAU, FINANCE_BUREAU, INDUSTRY_BUREAU
from settlement.rewards.engine.facts import FactSpec
from settlement.rewards.engine.operations import (
    Chosen,
    Compare,
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
from settlement.rewards.measures.clauses import NOTHING

ID = "application_scenario"
GROUP = "article_4"
VENUES_GROUP = "article_3_2"

LEVELS = (
    ("national", Text("国家级", "national")),
    ("provincial", Text("省级", "provincial")),
    ("municipal", Text("市级", "municipal")),
    ("none", Text("未获奖", "none")),
)

ONCE_PER = Question(
    "once_per",
    Text("“只享受一次”按什么计算", "What is rewarded once only"),
    (
        Option("project", Text("每个场景项目一次", "each scenario")),
        Option("firm", Text("每家企业一次", "each firm")),
    ),
)

SCENARIO = Condition(
    key="award",
    title=Text("项目是否获得国家、省奖项？", "Has the project a national or provincial award?"),
    clause=Clause(
        Text(
            "应用场景项目须获得国家、省行业主管部门的奖项，奖励给项目的承建主体。",
            "A national or provincial department of the industry must have awarded the scenario; its contractor is rewarded.",
        ),
        Text("国家、省行业主管部门的奖项", "national or provincial department"),
        "4",
    ),
    found=Text("奖项级别：{award_level}", "Level of the award: {award_level}"),
    requirement=Text("国家级或省级", "National or provincial"),
    test=Compare(Fact("award_level"), "starts_with", Param("award_levels")),
    reason=Text(
        "项目没有国家、省行业主管部门的奖项。",
        "No national or provincial department has awarded the project.",
    ),
)

CONTRACTOR = Condition(
    key="contractor",
    title=Text("是否为项目承建主体？", "Is it the contractor?"),
    clause=Clause(
        Text("奖励给应用场景项目的承建主体。", "The contractor of the scenario is rewarded."),
        Text("承建主体", "contractor"),
        "4",
    ),
    found=Text(
        "项目：{project}；承建主体：{is_contractor}", "Project: {project}; contractor: {is_contractor}"
    ),
    requirement=Text("承建主体", "The contractor"),
    test=Fact("is_contractor"),
    reason=Text("企业不是该项目的承建主体。", "The firm is not the project's contractor."),
    reads=("project",),
)

AMOUNT = Condition(
    key="amount",
    title=Text("应奖励多少？", "How much is the reward?"),
    clause=Clause(
        Text(
            "按承建主体地方经济贡献新增部分的百分之五十奖励，最高五十万元，只享受一次。",
            "Fifty per cent of the increase in the contractor's local contribution, at most five hundred thousand yuan, once.",
        ),
        Text("百分之五十", "Fifty per cent"),
        "4",
    ),
    found=Text(
        "{increase} × {contribution_rate}，上限 {total_cap}",
        "{increase} × {contribution_rate}, at most {total_cap}",
    ),
    requirement=Text("同一事项合计不高于上限", "At most the cap for one matter"),
    margin=Margin(Defined("share"), Param("total_cap")),
    lines=(
        Line(Text("新增部分", "Increase"), Defined("increase"), "start", "increase"),
        Line(Text("按比例计算", "At the rate"), Defined("share"), "start", "share"),
        Line(Text("最高奖励", "Cap"), Param("total_cap"), "start", "cap"),
        Line(
            Text("同一事项已登记", "Already granted"),
            difference(NOTHING, Defined("granted_already")),
            "minus",
            "already",
            shows_zero=False,
        ),
        Line(
            Text("应奖励（向下取整到分）", "Reward (floored to the fen)"),
            Defined("reward"),
            "total",
            "reward",
        ),
    ),
)

CARD = Measure(
    id=ID,
    article="4",
    title=Text("应用场景项目奖励", "Application scenario reward"),
    summary=Text(
        "获国家、省行业主管部门奖项的应用场景项目，承建主体按地方经济贡献新增部分的 {contribution_rate} 获得奖励，最高 {total_cap}，只享受一次。",
        "Contractors of scenarios awarded by a national or provincial department receive {contribution_rate} of the increase "
        "in their local contribution, at most {total_cap}, once.",
    ),
    department=clauses.led_by(INDUSTRY_BUREAU, FINANCE_BUREAU, DATA_BUREAU),
    recipient=Text("应用场景项目承建主体", "Contractors of application scenarios"),
    competition=clauses.EXPOSED,
    exclusivity=Exclusivity(
        GROUP,
        whole="whole",
        already="granted_already",
        spans="ever",
        matters=("once_per", {"project": "project", "firm": ""}),
        beside=(VENUES_GROUP,),
        beside_by=("same_increase", "once"),
    ),
    facts=(
        *clauses.SCOPE_FACTS,
        FactSpec(
            "project",
            Text("应用场景项目", "Application scenario"),
            "text",
            clauses.DECLARATION,
            verifier=INDUSTRY_BUREAU,
        ),
        FactSpec(
            "award_level",
            Text("奖项级别", "Level of the award"),
            "code",
            Text("获奖文件或证书", "the award's document"),
            choices=LEVELS,
            verifier=INDUSTRY_BUREAU,
        ),
        clauses.recognition(
            "is_contractor", "是否项目承建主体", "Contractor of the project", INDUSTRY_BUREAU
        ),
        *clauses.contribution_facts(Text("承建主体", "the contractor")),
        clauses.REGISTER,
    ),
    questions=(clauses.BASE_YEAR, ONCE_PER, clauses.SAME_INCREASE),
    definitions=clauses.CONTRIBUTION
    | {
        "share": ratio(Defined("increase"), Param("contribution_rate")),
        "whole": rounded(least(Defined("share"), Param("total_cap")), Param("rounding")),
        "paid_beside": clauses.paid_beside(VENUES_GROUP),
        "granted_already": total(
            Chosen(
                "once_per",
                {"project": SumOfAwards(GROUP, "ever", "project"), "firm": SumOfAwards(GROUP, "ever")},
            ),
            Defined("paid_beside"),
        ),
        "reward": greatest(NOTHING, difference(Defined("whole"), Defined("granted_already"))),
    },
    conditions=(
        clauses.scope(),
        SCENARIO,
        CONTRACTOR,
        clauses.VALIDITY,
        clauses.increase(
            "4",
            Text(
                "以项目承建主体对地方经济贡献额的新增部分为基数。",
                "It rests on the increase in the contractor's local contribution.",
            ),
            Text("新增部分", "increase"),
        ),
    ),
    amount=AMOUNT,
    award="reward",
    limits=(clauses.once("4"),),
    granted=Text(
        "项目获{award_level}奖项，{year} 年度地方经济贡献新增 {increase}，按 {contribution_rate} 计算，奖励 {reward}。",
        "With a {award_level} award, local contribution rose by {increase} in {year}; {contribution_rate} of it gives {reward}.",
    ),
    at_cap=Text(
        "项目获{award_level}奖项，按地方经济贡献新增部分计算已达到最高奖励 {reward}。",
        "With a {award_level} award, the increase in local contribution reaches the cap; the reward is {reward}.",
    ),
    cap="total_cap",
    trial=(
        Ask("award_level", Text("项目获得哪一级奖项？", "Which award has the project?")),
        Ask("is_contractor", Text("是否项目承建主体？", "Are you its contractor?")),
        Ask(
            "contribution_fen", Text("当年地方经济贡献多少？", "What was the local contribution of the year?")
        ),
        Ask("contribution_previous_fen", Text("上一年是多少？", "And of the year before?")),
        Ask("is_annotation_firm", Text("企业从事什么？", "What does the firm do?")),
    ),
    trial_takes={
        "registered_place": "441802",
        "tax_place": "441802",
        "project": "试算项目",
        "prior_awards": (),
    },
)
