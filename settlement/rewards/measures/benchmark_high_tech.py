"""Article 6: reward for the city's benchmark high-tech firms of the year, as a rule card."""

from __future__ import annotations

from settlement.rewards.engine.cards import Ask, Clause, Condition, Measure
from settlement.rewards.engine.departments import SCIENCE_BUREAU
from settlement.rewards.engine.operations import Fact
from settlement.rewards.engine.texts import Text
from settlement.rewards.measures import clauses, innovation

ID = "benchmark_high_tech"

CHOSEN = Condition(
    key="recognised",
    title=Text("当年是否评为标杆高新技术企业？", "Was it a benchmark high-tech firm of the year?"),
    clause=Clause(
        Text(
            "当年评为清远市标杆高新技术企业的，给予一次性奖励。",
            "Firms chosen as the city's benchmark high-tech firms of the year are rewarded once.",
        ),
        Text("标杆高新技术企业", "benchmark high-tech firms"),
        "6",
    ),
    found=Text("{year} 年评选：{is_benchmark}", "Chosen in {year}: {is_benchmark}"),
    requirement=Text("市科技局评选结果", "The bureau's list"),
    test=Fact("is_benchmark"),
    reason=Text("{year} 年未评为标杆高新技术企业。", "The firm was no benchmark high-tech firm of {year}."),
)

CARD = Measure(
    id=ID,
    article="6",
    title=Text("标杆高新技术企业奖励", "Benchmark high-tech firm reward"),
    summary=Text(
        "当年评为清远市标杆高新技术企业的，一次性奖励最高 {award_cap}；与高新技术企业奖励就高不重复。",
        "Benchmark high-tech firms of the year receive at most {award_cap}, once; with the high-tech reward only the highest.",
    ),
    department=clauses.led_by(SCIENCE_BUREAU),
    recipient=Text("标杆高新技术企业", "Benchmark high-tech firms"),
    competition=clauses.REVIEWED,
    exclusivity=innovation.EXCLUSIVITY,
    facts=(
        *clauses.SCOPE_FACTS,
        clauses.recognition(
            "is_benchmark",
            "当年是否评为标杆高新技术企业",
            "Benchmark high-tech firm of the year",
            SCIENCE_BUREAU,
        ),
        innovation.REFERENCED,
        clauses.REGISTER,
    ),
    questions=innovation.QUESTIONS,
    definitions=innovation.DEFINITIONS,
    conditions=(clauses.scope(), CHOSEN, clauses.VALIDITY),
    amount=innovation.amount(
        Text("每家最高一次性奖励一百万元。", "At most one million yuan a firm, once."),
        Text("一百万元", "one million yuan"),
    ),
    award="reward",
    limits=(innovation.ONCE,),
    granted=Text(
        "{year} 年评为标杆高新技术企业，奖励 {reward}。",
        "A benchmark high-tech firm of {year}; the reward is {reward}.",
    ),
    trial=(
        Ask("is_annotation_firm", Text("企业从事什么？", "What does the firm do?")),
        Ask(
            "is_benchmark",
            Text("当年是否评为标杆高新技术企业？", "Was it a benchmark high-tech firm of the year?"),
        ),
        Ask("prior_awards", Text("以前获得过几次本项奖励？", "How often was this reward granted before?")),
    ),
    trial_takes={"registered_place": "441802", "tax_place": "441802"},
)
