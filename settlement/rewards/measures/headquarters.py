"""Article 5: settlement award of headquarters firms, as a rule card."""

from __future__ import annotations

from settlement.rewards.engine.cards import Ask, Clause, Condition, Exclusivity, Line, Measure
from settlement.rewards.engine.departments import INDUSTRY_BUREAU
from settlement.rewards.engine.operations import (
    Defined,
    Fact,
    Param,
    SumOfAwards,
    difference,
    greatest,
    rounded,
)
from settlement.rewards.engine.texts import Text
from settlement.rewards.measures import clauses
from settlement.rewards.measures.clauses import NOTHING

ID = "headquarters"
GROUP = "article_5"

RECOGNISED = Condition(
    key="recognised",
    title=Text("是否认定为总部企业？", "Is it a recognised headquarters?"),
    clause=Clause(
        Text(
            "按本市总部经济的规定认定为总部企业并符合落户奖条件的，给予落户奖。",
            "Firms recognised as headquarters that meet the city's headquarters rules receive a settlement award.",
        ),
        Text("落户奖", "settlement award"),
        "5",
    ),
    found=Text(
        "已认定：{is_recognised_headquarters}；符合落户奖条件：{meets_settlement_rules}",
        "Recognised: {is_recognised_headquarters}; rules met: {meets_settlement_rules}",
    ),
    requirement=Text("认定文件与核查意见", "The decision and the finding"),
    test=Fact("is_recognised_headquarters"),
    reason=Text("企业未认定为总部企业。", "The firm is not a recognised headquarters."),
    reads=("meets_settlement_rules",),
)

RULES = Condition(
    key="rules",
    title=Text("是否符合引用文件的条件？", "Are the referenced rules met?"),
    clause=Clause(
        Text(
            "落户奖、经济贡献奖和高管生活补助的条件按引用文件执行，文件修订后按新规定；后两项由主管部门按该文件另行核定。",
            "Conditions follow the referenced rules, as revised; contribution awards and executive subsidies are settled under them apart.",
        ),
        Text("按引用文件执行", "follow the referenced rules"),
        "5, 12",
    ),
    found=Text("符合落户奖条件：{meets_settlement_rules}", "Rules met: {meets_settlement_rules}"),
    requirement=Text("市工业和信息化局核查通过", "Found by the Bureau of Industry"),
    test=Fact("meets_settlement_rules"),
    reason=Text("不符合总部经济规定的落户奖条件。", "The city's headquarters rules are not met."),
)

AMOUNT = Condition(
    key="amount",
    title=Text("应奖励多少？", "How much is the award?"),
    clause=Clause(
        Text("总部企业落户奖为三百万元。", "The settlement award is three million yuan."),
        Text("三百万元", "three million yuan"),
        "5",
    ),
    found=Text("落户奖 {settlement_award}", "Settlement award {settlement_award}"),
    requirement=Text("只享受一次", "Once"),
    lines=(
        Line(Text("落户奖", "Settlement award"), Param("settlement_award"), "start", "award"),
        Line(
            Text("同一事项已登记", "Already granted"),
            difference(NOTHING, Defined("granted_already")),
            "minus",
            "already",
            shows_zero=False,
        ),
        Line(Text("应奖励", "Award"), Defined("reward"), "total", "reward"),
    ),
)

CARD = Measure(
    id=ID,
    article="5",
    title=Text("总部企业落户奖", "Headquarters settlement award"),
    summary=Text(
        "符合本市总部经济规定的通用人工智能总部企业获得落户奖 {settlement_award}；经济贡献奖和高管生活补助按引用文件另行核定。",
        "General-AI headquarters that meet the city's headquarters rules receive {settlement_award}; contribution awards and "
        "executive subsidies are settled under the referenced rules.",
    ),
    department=clauses.led_by(INDUSTRY_BUREAU),
    recipient=Text("总部企业", "Headquarters firms"),
    competition=clauses.REVIEWED,
    exclusivity=Exclusivity(GROUP, whole="whole", already="granted_already", spans="ever"),
    facts=(
        *clauses.SCOPE_FACTS,
        clauses.recognition(
            "is_recognised_headquarters", "是否认定为总部企业", "Recognised headquarters", INDUSTRY_BUREAU
        ),
        clauses.recognition(
            "meets_settlement_rules", "是否符合落户奖条件", "Meets the settlement rules", INDUSTRY_BUREAU
        ),
        clauses.REGISTER,
    ),
    questions=(),
    definitions={
        "whole": rounded(Param("settlement_award"), Param("rounding")),
        "granted_already": SumOfAwards(GROUP, "ever"),
        "reward": greatest(NOTHING, difference(Defined("whole"), Defined("granted_already"))),
    },
    conditions=(clauses.scope(), RECOGNISED, RULES, clauses.VALIDITY),
    amount=AMOUNT,
    award="reward",
    limits=(clauses.once("5"),),
    granted=Text(
        "{year} 年度符合总部企业落户奖条件，奖励 {reward}。",
        "The settlement rules are met in {year}; the award is {reward}.",
    ),
    trial=(
        Ask("is_annotation_firm", Text("企业从事什么？", "What does the firm do?")),
        Ask("is_recognised_headquarters", Text("是否认定为总部企业？", "Is it a recognised headquarters?")),
        Ask("meets_settlement_rules", Text("是否符合总部企业落户奖条件？", "Are the settlement rules met?")),
        Ask("prior_awards", Text("以前获得过几次落户奖？", "How often was it granted before?")),
    ),
    trial_takes={"registered_place": "441802", "tax_place": "441802"},
)
