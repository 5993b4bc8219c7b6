"""Article 2: support for the operators of recognised digital-economy parks, as a rule card."""

from __future__ import annotations

from settlement.rewards.engine.cards import (
    Ask,
    Clause,
    Condition,
    Exclusivity,
    Line,
    Measure,
    Option,
    Question,
)
from settlement.rewards.engine.departments import DATA_BUREAU
from settlement.rewards.engine.facts import FactSpec
from settlement.rewards.engine.operations import (
    Chosen,
    CountPriorAwards,
    Defined,
    Fact,
    Param,
    SumOfAwards,
    all_of,
    least,
    ratio,
    rounded,
    total,
)
from settlement.rewards.engine.texts import Text
from settlement.rewards.measures import clauses

ID = "park_operator"
GROUP = "article_2"

SPENDING = Question(
    "spending",
    Text("奖补能否超过招商运营支出", "Whether support may exceed what was spent on the park"),
    (
        Option("use_only", Text("只限定用途，事后核查支出", "only its use is bound, and checked afterwards")),
        Option("capped_by_spending", Text("不超过当年已发生的支出", "at most what was spent in the year")),
    ),
)

OPERATOR = Condition(
    key="operator",
    title=Text("是否为认定园区的招商运营单位？", "Does it operate a recognised park?"),
    clause=Clause(
        Text(
            "奖补给市政府主管部门认定的数字经济园区（集聚区）的招商运营单位。",
            "Support goes to the operator of a digital-economy park recognised by the city's department.",
        ),
        Text("招商运营单位", "operator"),
        "2",
    ),
    found=Text(
        "园区已认定：{is_park_recognised}；招商运营单位：{is_park_operator}",
        "Park recognised: {is_park_recognised}; operator: {is_park_operator}",
    ),
    requirement=Text("两项均为是", "Both"),
    test=all_of(Fact("is_park_recognised"), Fact("is_park_operator")),
    reason=Text(
        "园区未经认定，或者申报单位不是其招商运营单位。",
        "The park is not recognised, or the claimant does not operate it.",
    ),
    change=Text("园区认定后的年度可以申报。", "Years after the park's recognition can be claimed."),
)

USE = Condition(
    key="use",
    title=Text("奖补用于什么？", "What is the support used for?"),
    clause=Clause(
        Text(
            "奖补资金只用于租金、装修等招商运营支出，期限三年。",
            "Support is for rent, fit-out and similar spending on attracting firms, for three years.",
        ),
        Text("租金、装修等", "rent, fit-out and similar spending"),
        "2",
    ),
    found=Text("承诺按规定用途使用：{keeps_to_use}", "Undertakes to keep to the use: {keeps_to_use}"),
    requirement=Text("按规定用途使用", "Kept to its use"),
    test=Fact("keeps_to_use"),
    reason=Text("未承诺把奖补用于规定的支出。", "The claimant has not undertaken to keep to the use."),
)

AMOUNT = Condition(
    key="amount",
    title=Text("应奖补多少？", "How much is the support?"),
    clause=Clause(
        Text(
            "按入驻企业地方经济贡献新增部分的百分之百给予奖补。",
            "One hundred per cent of the increase in local contribution of the firms in the park.",
        ),
        Text("百分之百", "One hundred per cent"),
        "2",
    ),
    found=Text("{increase} × {contribution_rate}", "{increase} × {contribution_rate}"),
    requirement=Text("没有金额上限", "Without a cap"),
    lines=(
        Line(Text("新增部分", "Increase"), Defined("increase"), "start", "increase"),
        Line(Text("按比例计算", "At the rate"), Defined("share"), "start", "share"),
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
    article="2",
    title=Text("园区招商运营奖补", "Support for park operators"),
    summary=Text(
        "认定的数字经济园区的招商运营单位，按入驻通用人工智能企业地方经济贡献新增部分的 {contribution_rate} 获得奖补，最多 {most_awards} 年。",
        "Operators of recognised digital-economy parks receive {contribution_rate} of the increase in local contribution "
        "of the general-AI firms in the park, for up to {most_awards} years.",
    ),
    department=clauses.led_by(DATA_BUREAU),
    recipient=Text("园区招商运营单位", "Park operators"),
    competition=clauses.EXPOSED,
    exclusivity=Exclusivity(GROUP, whole="reward", already="granted_already", most_awards="most_awards"),
    facts=(
        FactSpec(
            "registered_place", Text("工商登记地", "Place of registration"), "code", clauses.VERIFICATION
        ),
        FactSpec("tax_place", Text("税务登记地", "Place of tax registration"), "code", clauses.VERIFICATION),
        clauses.recognition("is_park_recognised", "园区是否经认定", "Park recognised by the city"),
        clauses.recognition("is_park_operator", "是否园区招商运营单位", "Operator of the park"),
        *clauses.contribution_facts(Text("入驻企业", "the firms in the park")),
        clauses.recognition("keeps_to_use", "是否承诺按规定用途使用", "Undertakes to keep to the use"),
        FactSpec(
            "spending_fen",
            Text("当年租金、装修等招商运营支出", "Spending on rent, fit-out and the like"),
            "fen",
            clauses.DECLARATION,
            1,
            verifier=DATA_BUREAU,
        ),
        clauses.REGISTER,
    ),
    questions=(clauses.BASE_YEAR, SPENDING),
    definitions=clauses.CONTRIBUTION
    | {
        "share": ratio(Defined("increase"), Param("contribution_rate")),
        "payable": Chosen(
            "spending",
            {
                "use_only": Defined("share"),
                "capped_by_spending": least(Defined("share"), Fact("spending_fen")),
            },
        ),
        "reward": rounded(Defined("payable"), Param("rounding")),
        "whole": total(Defined("reward")),
        "prior_count": CountPriorAwards(ID),
        "granted_already": SumOfAwards(GROUP),
    },
    conditions=(
        clauses.registered("1"),
        OPERATOR,
        clauses.VALIDITY,
        USE,
        clauses.increase(
            "2",
            Text(
                "以入驻通用人工智能企业对地方经济贡献额的新增部分为基数。",
                "It rests on the increase in local contribution of the general-AI firms in the park.",
            ),
            Text("新增部分", "increase"),
        ),
        clauses.years("2"),
    ),
    amount=AMOUNT,
    award="reward",
    limits=(clauses.once("2"),),
    granted=Text(
        "{year} 年度入驻企业地方经济贡献新增 {increase}，按 {contribution_rate} 奖补 {reward}。",
        "Local contribution of the firms in the park rose by {increase} in {year}; {contribution_rate} of it gives {reward}.",
    ),
    trial=(
        Ask("is_park_operator", Text("是否认定园区的招商运营单位？", "Do you operate a recognised park?")),
        Ask(
            "contribution_fen",
            Text("入驻企业当年地方经济贡献共多少？", "What was the firms' local contribution in the year?"),
        ),
        Ask("contribution_previous_fen", Text("上一年是多少？", "And in the year before?")),
        Ask(
            "keeps_to_use",
            Text(
                "奖补是否只用于租金、装修等招商运营支出？", "Will it go to rent, fit-out and the like only?"
            ),
        ),
        Ask("prior_awards", Text("以前获得过几个年度？", "For how many years was it granted before?")),
    ),
    trial_takes={"registered_place": "441802", "tax_place": "441802", "is_park_recognised": True},
)
