"""Article 6: reward for recognised high-tech firms, as a rule card."""

from __future__ import annotations

from settlement.rewards.engine.cards import Ask, Clause, Condition, Measure
from settlement.rewards.engine.departments import SCIENCE_BUREAU
from settlement.rewards.engine.operations import Fact
from settlement.rewards.engine.texts import Text
from settlement.rewards.measures import clauses, innovation

ID = "high_tech_enterprise"

RECOGNISED = Condition(
    key="recognised",
    title=Text("当年是否认定为高新技术企业？", "Was it recognised as high-tech in the year?"),
    clause=Clause(
        Text("认定为高新技术企业的，给予一次性奖励。", "Firms recognised as high-tech are rewarded once."),
        Text("高新技术企业", "high-tech"),
        "6",
    ),
    found=Text("{year} 年认定：{is_high_tech}", "Recognised in {year}: {is_high_tech}"),
    requirement=Text("高新技术企业证书", "The certificate"),
    test=Fact("is_high_tech"),
    reason=Text("{year} 年未认定为高新技术企业。", "The firm was not recognised as high-tech in {year}."),
)

CARD = Measure(
    id=ID,
    article="6",
    title=Text("高新技术企业奖励", "High-tech firm reward"),
    summary=Text(
        "认定为高新技术企业的通用人工智能企业，一次性奖励最高 {award_cap}；与标杆高新技术企业奖励就高不重复。",
        "General-AI firms recognised as high-tech receive at most {award_cap}, once; with the benchmark reward only the highest.",
    ),
    department=clauses.led_by(SCIENCE_BUREAU),
    recipient=Text("高新技术企业", "High-tech firms"),
    competition=clauses.REVIEWED,
    exclusivity=innovation.EXCLUSIVITY,
    facts=(
        *clauses.SCOPE_FACTS,
        clauses.recognition(
            "is_high_tech",
            "当年是否认定为高新技术企业",
            "Recognised as high-tech in the year",
            SCIENCE_BUREAU,
        ),
        innovation.REFERENCED,
        clauses.REGISTER,
    ),
    questions=innovation.QUESTIONS,
    definitions=innovation.DEFINITIONS,
    conditions=(clauses.scope(), RECOGNISED, clauses.VALIDITY),
    amount=innovation.amount(
        Text("每家最高一次性奖励三十万元。", "At most three hundred thousand yuan a firm, once."),
        Text("三十万元", "three hundred thousand yuan"),
    ),
    award="reward",
    limits=(innovation.ONCE,),
    granted=Text(
        "{year} 年认定为高新技术企业，奖励 {reward}。",
        "Recognised as high-tech in {year}; the reward is {reward}.",
    ),
    trial=(
        Ask("is_annotation_firm", Text("企业从事什么？", "What does the firm do?")),
        Ask(
            "is_high_tech",
            Text("当年是否认定为高新技术企业？", "Was it recognised as high-tech in the year?"),
        ),
        Ask("prior_awards", Text("以前获得过几次本项奖励？", "How often was this reward granted before?")),
    ),
    trial_takes={"registered_place": "441802", "tax_place": "441802"},
)
