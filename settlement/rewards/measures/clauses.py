"""Clauses that several measures share: scope (article 1), validity (article 12), local contribution, once only."""

from __future__ import annotations

from settlement.rewards.engine.cards import Clause, Condition, Line, Option, Outcome, Question
from settlement.rewards.engine.departments import DATA_BUREAU, DEPARTMENTS, TAX_BUREAU
from settlement.rewards.engine.facts import FactSpec
from settlement.rewards.engine.operations import (
    Always,
    Chosen,
    Compare,
    Defined,
    Excepting,
    ExceptionRule,
    Fact,
    Operation,
    Param,
    SumOfAwards,
    YearWithin,
    all_of,
    any_of,
    difference,
    greatest,
    total,
)
from settlement.rewards.engine.texts import Text

NOTHING = total()
PLATFORM = Text("清数平台台账", "the platform's own records")
VERIFICATION = Text("单位认证", "organization verification")
DECLARATION = Text("企业申报并附证明材料", "the firm's declaration with evidence")
EXPOSED = Text(
    "本项按地方经济贡献计算，属于《公平竞争审查条例》第十条第（二）项重点审查的财政奖补，实施前须有法律、行政法规依据或者经国务院批准。",
    "Paid by local contribution: selective fiscal rewards of this kind need a basis in law, administrative "
    "regulation or a State Council approval before they are applied (Fair Competition Review Regulations, art. 10(2)).",
)
REVIEWED = Text(
    "实施前须按《公平竞争审查条例》审查：不得对特定经营者给予没有法律依据的选择性、差异化财政奖励。",
    "To be reviewed under the Fair Competition Review Regulations before it is applied: no selective fiscal reward "
    "without a legal basis.",
)

# --- article 1: scope ---------------------------------------------------------------------------

SCOPE_FACTS = (
    FactSpec("is_annotation_firm", Text("是否数据标注企业", "Annotation firm"), "flag", VERIFICATION),
    FactSpec(
        "industry_class",
        Text("数字经济分类", "Digital-economy class"),
        "code",
        Text("企业在单位资料中填报", "the firm, in its profile"),
    ),
    FactSpec("in_recognised_park", Text("是否在认定的园区内", "In a recognised park"), "flag", VERIFICATION),
    FactSpec("registered_place", Text("工商登记地", "Place of registration"), "code", VERIFICATION),
    FactSpec("tax_place", Text("税务登记地", "Place of tax registration"), "code", VERIFICATION),
)

_INDUSTRY = any_of(
    Fact("is_annotation_firm"),
    Compare(Fact("industry_class"), "starts_with", Param("industry_classes")),
    Fact("in_recognised_park"),
)
IN_CITY = all_of(
    Compare(Fact("registered_place"), "starts_with", Param("city_codes")),
    Compare(Fact("tax_place"), "starts_with", Param("city_codes")),
)
_SCOPE_CHANGE = Text(
    "如行业分类、园区或登记地有误，请更新单位资料并重新认证。",
    "If class, park or place is wrong, correct the profile and have it verified again.",
)


def scope(*, waived_by: str = "", unless: Operation | None = None) -> Condition:
    """Article 1: industry or recognised park, with business and tax registration in the city.

    `waived_by` is the article that waives the registration where the parameter `registration_waived` says so;
    `unless` is a condition that opens the measure to others as well.
    """
    test: Operation
    if waived_by:
        waiver = ExceptionRule("registration_waived", waived_by, Param("registration_waived"), Always())
        test = all_of(_INDUSTRY, Excepting(IN_CITY, (waiver,)))
        text = Text(
            "支持从事数据标注、政务大模型等通用人工智能行业、数字经济分类 02 至 05 类或者认定园区内的企业；本项奖励不要求在本市注册。",
            "Firms in data annotation, government models and other general AI, in classes 02 to 05 of the "
            "digital-economy classification or in a recognised park; this reward does not ask for registration in the city.",
        )
        mark = Text("不要求在本市注册", "does not ask for registration in the city")
    else:
        test = all_of(_INDUSTRY, IN_CITY)
        text = Text(
            "支持从事数据标注、政务大模型等通用人工智能行业、数字经济分类 02 至 05 类或者认定园区内的企业，工商和税务登记均须在本市。",
            "Firms in data annotation, government models and other general AI, in classes 02 to 05 of the "
            "digital-economy classification or in a recognised park; business and tax registration must both be in the city.",
        )
        mark = Text("工商和税务登记均须在本市", "must both be in the city")
    return Condition(
        key="scope",
        title=Text("是否属于支持范围？", "Is the firm in scope?"),
        clause=Clause(text, mark, f"1, {waived_by}" if waived_by else "1"),
        found=Text(
            "数据标注企业：{is_annotation_firm}；数字经济分类：{industry_class}；认定园区：{in_recognised_park}",
            "Annotation firm: {is_annotation_firm}; class: {industry_class}; recognised park: {in_recognised_park}",
        ),
        requirement=Text(
            "数据标注企业、认定园区内企业，或分类属于 {industry_classes}",
            "An annotation firm, a firm in a recognised park, or a class in {industry_classes}",
        )
        if waived_by
        else Text(
            "数据标注企业、认定园区内企业，或分类属于 {industry_classes}；登记地代码以 {city_codes} 开头",
            "An annotation firm, a firm in a recognised park, or a class in {industry_classes}; places beginning with {city_codes}",
        ),
        test=any_of(unless, test) if unless else test,
        reason=Text("企业不属于第一条规定的支持范围。", "The firm is outside the scope of article 1."),
        change=_SCOPE_CHANGE,
    )


def registered(article: str) -> Condition:
    """Business and tax registration in the city, for recipients that are no general-AI firms."""
    return Condition(
        key="scope",
        title=Text("是否登记在本市？", "Is it registered in the city?"),
        clause=Clause(
            Text("工商和税务登记均须在本市。", "Business and tax registration must both be in the city."),
            Text("均须在本市", "must both be in the city"),
            article,
        ),
        found=Text(
            "工商登记地 {registered_place}；税务登记地 {tax_place}",
            "Registered in {registered_place}, tax in {tax_place}",
        ),
        requirement=Text("代码以 {city_codes} 开头", "Codes beginning with {city_codes}"),
        test=IN_CITY,
        reason=Text("工商或者税务登记不在本市。", "Business or tax registration lies outside the city."),
        change=_SCOPE_CHANGE,
    )


# --- article 12: validity -----------------------------------------------------------------------

VALIDITY = Condition(
    key="validity",
    title=Text("年度是否在政策有效期内？", "Is the year within the policy's validity?"),
    clause=Clause(
        Text("政策自印发之日起实施，有效期三年。", "The policy is in force for three years from its issue."),
        Text("有效期三年", "three years"),
        "12",
    ),
    found=Text("申报年度 {year}", "Benefit year {year}"),
    requirement=Text(
        "自 {validity_from} 起 {validity_years} 年内", "Within {validity_years} years from {validity_from}"
    ),
    test=YearWithin(Param("validity_from"), Param("validity_years")),
    reason=Text("{year} 年度不在政策有效期内。", "The year {year} lies outside the policy's validity."),
)

# --- the register: years and once only ------------------------------------------------------------

REGISTER = FactSpec(
    "prior_awards",
    Text("奖励登记簿中的记录", "Awards in the register"),
    "awards",
    Text("奖励登记簿", "the register of awards"),
)


def years(article: str, test: Operation | None = None) -> Condition:
    """Fewer earlier years than `most_awards`, or another `test`."""
    return Condition(
        key="years",
        title=Text("奖励年数是否已满？", "Have all years been used?"),
        clause=Clause(
            Text("每家企业享受本项奖励的期限为三年。", "Each firm may receive this reward for three years."),
            Text("期限为三年", "three years"),
            article,
        ),
        found=Text("此前已获奖 {prior_count} 个年度", "{prior_count} earlier years"),
        requirement=Text("少于 {most_awards} 个年度", "Fewer than {most_awards}"),
        test=test or Compare(Defined("prior_count"), "<", Param("most_awards")),
        reason=Text(
            "企业此前已获得 {prior_count} 个年度的奖励，期限已满。",
            "The firm has already been rewarded for {prior_count} years.",
        ),
    )


def once(article: str, test: Operation | None = None) -> Condition:
    """Highest only, once: nothing, or less, stands in the register (`granted_already`) for the same matter."""
    return Condition(
        key="once",
        title=Text("是否重复享受？", "Is it granted twice?"),
        clause=Clause(
            Text("同一事项只享受一次，就高不就低。", "One matter is rewarded once only, by the highest."),
            Text("只享受一次", "once only"),
            article,
        ),
        found=Text("同一事项已登记奖励 {granted_already}", "Already granted for it: {granted_already}"),
        requirement=Text("低于本次按规则计算的金额", "Less than what the rule gives now"),
        test=test
        or any_of(
            Compare(Defined("granted_already"), "==", NOTHING),
            Compare(Defined("whole"), ">", Defined("granted_already")),
        ),
        otherwise=Outcome.SUPERSEDED,
        reason=Text(
            "同一事项已登记奖励 {granted_already}，不再重复奖励；如单独计算为 {whole}。",
            "An award of {granted_already} stands for this matter; this one would have been {whole}.",
        ),
    )


# --- local contribution ---------------------------------------------------------------------------

_TAX_STATEMENT = Text("税务部门出具的地方经济贡献证明", "the tax bureau's statement of local contribution")


def contribution_facts(whose: Text) -> tuple[FactSpec, ...]:
    """This year's local contribution and the years it may be compared with; statements of the tax bureau."""

    def spec(name: str, zh: str, en: str) -> FactSpec:
        label = Text(f"{whose.zh}{zh}", f"{en} of {whose.en}")
        return FactSpec(name, label, "fen", _TAX_STATEMENT, 1, verifier=TAX_BUREAU)

    return (
        spec("contribution_fen", "本年度地方经济贡献额", "This year's local contribution"),
        spec("contribution_previous_fen", "上一年度地方经济贡献额", "Last year's local contribution"),
        spec(
            "contribution_before_fen", "政策实施前一年地方经济贡献额", "Local contribution before the policy"
        ),
    )


BASE_YEAR = Question(
    "base_year",
    Text("新增部分与哪一年比较", "Which year the increase is measured from"),
    (
        Option("previous_year", Text("与上一年度比较", "the year before")),
        Option("before_policy", Text("与政策实施前一年比较", "the year before the policy")),
    ),
)

_BASE = Chosen(
    "base_year",
    {"previous_year": Fact("contribution_previous_fen"), "before_policy": Fact("contribution_before_fen")},
)
# The increase is never negative.
CONTRIBUTION = {
    "base": _BASE,
    "increase": greatest(NOTHING, difference(Fact("contribution_fen"), Defined("base"))),
}


SAME_INCREASE = Question(
    "same_increase",
    Text(
        "第三条第（二）项与第四条能否按同一新增部分各奖一次",
        "Whether 3(2) and 4 both pay on the same increase",
    ),
    (
        Option(
            "once", Text("同一年度的新增只奖一次，就高不就低", "one increase is paid on once, the highest")
        ),
        Option("each", Text("属于不同事项，分别奖励", "they are different matters, each is paid")),
    ),
)


def paid_beside(group: str) -> Operation:
    """What another measure was granted on the same year's increase, where one increase is paid on once."""
    return Chosen("same_increase", {"once": SumOfAwards(group), "each": NOTHING})


def increase(article: str, text: Text, mark: Text) -> Condition:
    """The step that states the increase in local contribution."""
    return Condition(
        key="increase",
        title=Text("地方经济贡献新增多少？", "How much did local contribution increase?"),
        clause=Clause(text, mark, article),
        found=Text("新增 {increase}（{year} 年度）", "{increase} more ({year})"),
        requirement=Text(
            "两个年度均以税务部门证明为准；减少的按零计",
            "Both years by the tax bureau; a decrease counts as zero",
        ),
        lines=(
            Line(Text("本年度", "This year"), Fact("contribution_fen"), "start", "this_year"),
            Line(Text("基期年度", "Base year"), difference(NOTHING, Defined("base")), "minus", "base_year"),
            Line(Text("新增部分", "Increase"), Defined("increase"), "total", "increase"),
        ),
    )


def recognition(name: str, zh: str, en: str, verifier: str = DATA_BUREAU) -> FactSpec:
    """A yes or no that a department's decision proves."""
    return FactSpec(name, Text(zh, en), "flag", DECLARATION, verifier=verifier)


def led_by(*codes: str) -> Text:
    """The departments that lead a measure, in words."""
    names = [DEPARTMENTS[code] for code in codes]
    return Text("、".join(each.zh for each in names), ", ".join(each.en for each in names))
