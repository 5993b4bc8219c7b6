"""Article 3(1): reward for selling data products at the Qingyuan base, as a rule card.

Clauses are in our own words; the numbers stand in the TOML beside this file.
"""

from __future__ import annotations

from settlement.rewards.engine.cards import (
    Clause,
    Condition,
    Line,
    Margin,
    Measure,
    Option,
    Outcome,
    Question,
)
from settlement.rewards.engine.facts import FactSpec
from settlement.rewards.engine.operations import (
    Always,
    Chosen,
    Compare,
    CountPriorAwards,
    Defined,
    Excepting,
    ExceptionRule,
    Fact,
    HighestOf,
    Param,
    YearWithin,
    all_of,
    any_of,
    least,
    ratio,
    rounded,
    total,
)
from settlement.rewards.engine.texts import Text

ID = "data_product_trading"
GROUP = "article_3_1"

# Why an amount does not count, in the order in which a line's first reason is told.
EXCLUSIONS: dict[str, Text] = {
    "venue": Text("非本服务基地成交", "Not sold at this base"),
    "certificate": Text("成交日无有效登记证书", "No valid certificate on the day of sale"),
    "filing": Text("未完成交易备案", "Trade not filed"),
    "delivery": Text("未交付或未验收", "Not delivered or not accepted"),
    "receipt": Text("款项未实际到账", "Money not received"),
    "period": Text("不在本年度或政策有效期内", "Outside the year or the policy's validity"),
    "related_party": Text("认定为关联交易", "Found to be related-party trade"),
    "circular": Text("认定为循环交易", "Found to be circular trade"),
}

PLATFORM = Text("清数平台台账", "the platform's own records")

FACTS = (
    FactSpec(
        "is_annotation_firm",
        Text("是否数据标注企业", "Annotation firm"),
        "flag",
        Text("单位认证", "organization verification"),
    ),
    FactSpec(
        "industry_class",
        Text("数字经济分类", "Digital-economy class"),
        "code",
        Text("企业在单位资料中填报", "the firm, in its profile"),
    ),
    FactSpec(
        "registered_place",
        Text("工商登记地", "Place of registration"),
        "code",
        Text("单位认证", "organization verification"),
    ),
    FactSpec(
        "tax_place",
        Text("税务登记地", "Place of tax registration"),
        "code",
        Text("单位认证", "organization verification"),
    ),
    FactSpec(
        "certificate_count",
        Text("年度内有效的登记证书", "Certificates valid in the year"),
        "count",
        PLATFORM,
        1,
    ),
    FactSpec("transaction_count", Text("到账笔数", "Receipts"), "count", PLATFORM, 1),
    FactSpec("excluded_count", Text("不计入笔数", "Receipts not counted"), "count", PLATFORM, 1),
    FactSpec("receipts_fen", Text("实际到账（不含税）", "Money received, without VAT"), "fen", PLATFORM, 1),
    FactSpec("refunds_fen", Text("退款与红字（不含税）", "Refunds, without VAT"), "fen", PLATFORM, -1),
    *(FactSpec(f"excluded_{code}_fen", label, "fen", PLATFORM) for code, label in EXCLUSIONS.items()),
    FactSpec("vat_fen", Text("计入部分的增值税", "VAT on what counts"), "fen", PLATFORM),
    FactSpec("fees_fen", Text("计入部分的交易服务费", "Exchange fees on what counts"), "fen", PLATFORM, -1),
    FactSpec(
        "prior_awards",
        Text("奖励登记簿中的记录", "Awards in the register"),
        "awards",
        Text("奖励登记簿", "the register of awards"),
    ),
)

QUESTIONS = (
    Question("recognition", Text("何时算实际收入", "When revenue is actual"), (
        Option("cash_received", Text("款项实际到账", "when cash is received"), True),
        Option("accrual", Text("验收时确认", "accrual on acceptance")))),
    Question("tax", Text("是否含税", "Tax"), (
        Option("excluding_vat", Text("不含增值税", "excluding VAT"), True),
        Option("including_vat", Text("含增值税", "including VAT"), True))),
    Question("year_end", Text("十二月成交、次年一月到账", "December sale, January money"), (
        Option("year_of_receipt", Text("计入到账年度", "year of receipt"), True),
        Option("year_of_acceptance", Text("计入验收年度", "year of acceptance")))),
    Question("late_refund", Text("年后退款", "Refund after year-end"), (
        Option("reopens_sale_year", Text("冲减原到账年度，已发放的启动追回", "reopens the year of the receipt"), True),
        Option("year_of_refund", Text("冲减退款年度", "year of refund")))),
    Question("coverage", Text("证书覆盖", "Certificate coverage"), (
        Option("each_sale", Text("每笔成交当日均有有效证书", "every sale on its day"), True),
        Option("once_in_year", Text("年度内持有一份有效证书即可", "one valid certificate in the year")))),
    Question("three_years", Text("三年如何计算", "The three years"), (
        Option("awards_of_firm", Text("按企业，自首次获奖起最多三次", "each firm, at most three awards"), True),
        Option("calendar_years", Text("政策有效期内的三个自然年", "calendar years of the validity")))),
    Question("partial_year", Text("部分日期在有效期内的年度", "Years partly inside the validity"), (
        Option("days_inside", Text("只计有效期内的成交", "only sales on days inside"), True),
        Option("whole_year", Text("整年计入", "whole year")))),
    Question("group", Text("集团企业", "Group companies"), (
        Option("each_firm", Text("每家企业单独计算", "each firm alone"), True),
        Option("declared_group", Text("按申报集团合并", "aggregated by declared group")))),
    Question("commission", Text("服务费", "Commission"), (
        Option("gross", Text("按供方成交价", "seller's gross price"), True),
        Option("net_of_fees", Text("扣除交易与经纪服务费", "net of exchange and broker fees"), True))),
)  # fmt: skip

_REVENUE, _REWARD = Defined("revenue"), Defined("reward")
_NOTHING = total()

DEFINITIONS = {
    "excluded": total(*(Fact(f"excluded_{code}_fen") for code in EXCLUSIONS)),
    "counted": total(Fact("receipts_fen"), Fact("refunds_fen"), Defined("excluded")),
    "tax_part": Chosen("tax", {"excluding_vat": _NOTHING, "including_vat": Fact("vat_fen")}),
    "fee_part": Chosen("commission", {"gross": _NOTHING, "net_of_fees": Fact("fees_fen")}),
    "revenue": total(Defined("counted"), Defined("tax_part"), Defined("fee_part")),
    "share": ratio(_REVENUE, Param("reward_rate")),
    "reward": rounded(least(Defined("share"), Param("annual_cap")), Param("rounding")),
}

_IN_CITY = all_of(
    Compare(Fact("registered_place"), "starts_with", Param("city_codes")),
    Compare(Fact("tax_place"), "starts_with", Param("city_codes")),
)

SCOPE = Condition(
    key="scope",
    title=Text("是否属于支持范围？", "Is the firm in scope?"),
    clause=Clause(
        Text(
            "支持从事数据标注、政务大模型等通用人工智能行业，以及数字经济分类 02 至 05 类的企业；本项奖励不要求在本市注册。",
            "Firms in data annotation, government models and other general AI, or in classes 02 to 05 of the "
            "digital-economy classification; this reward does not ask for registration in the city.",
        ),
        Text("不要求在本市注册", "does not ask for registration in the city"),
        "1, 3(1)",
    ),
    found=Text(
        "数据标注企业：{is_annotation_firm}；数字经济分类：{industry_class}",
        "Annotation firm: {is_annotation_firm}; class: {industry_class}",
    ),
    requirement=Text(
        "数据标注企业，或分类属于 {industry_classes}", "An annotation firm, or a class in {industry_classes}"
    ),
    test=all_of(
        any_of(
            Fact("is_annotation_firm"),
            Compare(Fact("industry_class"), "starts_with", Param("industry_classes")),
        ),
        Excepting(
            _IN_CITY, (ExceptionRule("registration_waived", "3(1)", Param("registration_waived"), Always()),)
        ),
    ),
    reason=Text("企业不属于第一条规定的支持范围。", "The firm is outside the scope of article 1."),
    change=Text(
        "如行业分类有误，请更新单位资料并重新认证。",
        "If the class is wrong, correct the profile and have it verified again.",
    ),
)

CERTIFICATE = Condition(
    key="certificate",
    title=Text("是否取得数据资产登记证书？", "Is there a registration certificate?"),
    clause=Clause(
        Text(
            "企业须在服务基地取得数据资产登记证书。",
            "The firm must hold a data-asset registration certificate from the base.",
        ),
        Text("数据资产登记证书", "data-asset registration certificate"),
        "3(1)",
    ),
    found=Text("{year} 年内有效证书 {certificate_count} 份", "{certificate_count} valid in {year}"),
    requirement=Text("不少于 {least_certificates} 份", "At least {least_certificates}"),
    test=Compare(Fact("certificate_count"), ">=", Param("least_certificates")),
    reason=Text(
        "{year} 年内没有有效的数据资产登记证书。", "No registration certificate was valid in {year}."
    ),
    change=Text("取得登记证书后的成交才能计入。", "Only sales after a certificate is issued can count."),
)

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

TRADES = Condition(
    key="trades",
    title=Text("交易是否真实、完整？", "Are the trades real and complete?"),
    clause=Clause(
        Text(
            "只计在服务基地挂牌成交、有证书覆盖、已备案、已交付验收、款项已到账的交易；经认定的关联交易和循环交易不计入。",
            "Only trades listed at the base, covered by a certificate, filed, delivered, accepted and paid count; "
            "trades found to be related-party or circular do not.",
        ),
        Text("挂牌成交", "listed at the base"),
        "3(1)",
    ),
    found=Text(
        "到账 {transaction_count} 笔，不计入 {excluded_count} 笔，合计 {excluded}",
        "{transaction_count} receipts, {excluded_count} not counted, {excluded} together",
    ),
    requirement=Text(
        "每笔均有合同、交付、验收、凭证与到账证据",
        "Contract, delivery, acceptance, voucher and receipt for each",
    ),
    lines=tuple(
        Line(label, Fact(f"excluded_{code}_fen"), "minus", code, shows_zero=False)
        for code, label in EXCLUSIONS.items()
    ),
    reads=("transaction_count", "excluded_count"),
)

REVENUE = Condition(
    key="revenue",
    title=Text("核定后的年度实际收入是多少？", "What is the annual actual revenue?"),
    clause=Clause(
        Text(
            "年度挂牌交易实际收入，是当年真实到账的成交金额，减去退款和不计入的部分。",
            "Annual actual revenue is the money really received for listed sales in the year, less refunds and what does not count.",
        ),
        Text("真实到账", "really received"),
        "3(1)",
    ),
    found=Text("{revenue}（{year} 年度）", "{revenue} ({year})"),
    requirement=Text("逐笔汇总，可追溯到每一元", "Summed line by line, each yuan traceable"),
    lines=(
        Line(Text("实际到账", "Received"), Fact("receipts_fen"), "start", "receipts"),
        Line(Text("退款与红字", "Refunds"), Fact("refunds_fen"), "minus", "refunds"),
        Line(Text("不计入", "Not counted"), Defined("excluded"), "minus", "excluded"),
        Line(Text("增值税", "VAT"), Defined("tax_part"), "plus", "tax", shows_zero=False),
        Line(Text("服务费", "Fees"), Defined("fee_part"), "minus", "fees", shows_zero=False),
        Line(Text("核定收入", "Actual revenue"), _REVENUE, "total", "revenue"),
    ),
)

THRESHOLD = Condition(
    key="threshold",
    title=Text("是否达到收入条件？", "Is the revenue high enough?"),
    clause=Clause(
        Text(
            "年度实际收入达到五百万元（含）以上的，给予奖励。",
            "Firms with an annual actual revenue of five million yuan or more are rewarded.",
        ),
        Text("五百万元（含）以上", "five million yuan or more"),
        "3(1)",
    ),
    found=Text("核定 {revenue}", "{revenue}"),
    requirement=Text("不低于 {revenue_threshold}", "At least {revenue_threshold}"),
    test=Compare(_REVENUE, ">=", Param("revenue_threshold")),
    reason=Text(
        "{year} 年度核定实际收入 {revenue}，距 {revenue_threshold} 的条件还差 {margin}。",
        "Actual revenue of {revenue} in {year} is short of {revenue_threshold} by {margin}.",
    ),
    margin=Margin(_REVENUE, Param("revenue_threshold")),
    holds=Text(
        "核定收入再减少超过 {margin} 才会低于条件。",
        "Only a loss of more than {margin} would bring it below.",
    ),
    change=Text("核定收入再增加 {margin} 即达到条件。", "{margin} more of actual revenue would reach it."),
)

YEARS = Condition(
    key="years",
    title=Text("奖励年数是否已满？", "Have all years been used?"),
    clause=Clause(
        Text("每家企业享受本项奖励的期限为三年。", "Each firm may receive this reward for three years."),
        Text("期限为三年", "three years"),
        "3(1)",
    ),
    found=Text("此前已获奖 {prior_count} 次", "{prior_count} earlier awards"),
    requirement=Text("少于 {most_awards} 次", "Fewer than {most_awards}"),
    test=Compare(Defined("prior_count"), "<", Param("most_awards")),
    reason=Text(
        "企业此前已获得 {prior_count} 个年度的奖励，期限已满。",
        "The firm has already been rewarded for {prior_count} years.",
    ),
)

AMOUNT = Condition(
    key="amount",
    title=Text("应奖励多少？", "How much is the reward?"),
    clause=Clause(
        Text(
            "按年度实际收入总额的百分之一计算，每年最高一百万元。",
            "One per cent of all the actual revenue, at most one million yuan a year.",
        ),
        Text("百分之一", "One per cent"),
        "3(1)",
    ),
    found=Text(
        "{revenue} × {reward_rate}，上限 {annual_cap}", "{revenue} × {reward_rate}, at most {annual_cap}"
    ),
    requirement=Text("按全部收入计算，不只是超过部分", "On all revenue, not only what exceeds the limit"),
    margin=Margin(Defined("share"), Param("annual_cap")),
    lines=(
        Line(Text("核定收入", "Actual revenue"), _REVENUE, "start", "revenue"),
        Line(Text("按比例计算", "At the rate"), Defined("share"), "start", "share"),
        Line(Text("每年上限", "Yearly cap"), Param("annual_cap"), "start", "cap"),
        Line(Text("应奖励（向下取整到分）", "Reward (floored to the fen)"), _REWARD, "total", "reward"),
    ),
)

ONCE = Condition(
    key="once",
    title=Text("是否重复享受？", "Is it granted twice?"),
    clause=Clause(
        Text(
            "同一事项同一年度只享受一次，就高不就低。",
            "One matter and year is rewarded once only, by the highest.",
        ),
        Text("只享受一次", "once only"),
        "3(1)",
    ),
    found=Text(
        "本年度同一事项已登记奖励 {granted_this_year}", "Already granted this year: {granted_this_year}"
    ),
    requirement=Text("不高于本次应奖励金额", "Less than what is due now"),
    test=any_of(
        Compare(Defined("granted_this_year"), "==", _NOTHING),
        Compare(_REWARD, ">", Defined("granted_this_year")),
    ),
    otherwise=Outcome.SUPERSEDED,
    reason=Text(
        "本年度同一事项已登记奖励 {granted_this_year}，不再重复奖励；如单独计算为 {reward}。",
        "An award of {granted_this_year} stands for this year; this one would have been {reward}.",
    ),
)

CARD = Measure(
    id=ID,
    article="3(1)",
    title=Text("数据产品交易奖励", "Data-product trading reward"),
    summary=Text(
        "在广州数据交易所（清远）服务基地卖出数据产品的通用人工智能企业，年度实际收入达到 {revenue_threshold} 的，"
        "按全部收入的 {reward_rate} 奖励，每年最高 {annual_cap}，最多 {most_awards} 年。",
        "General-AI firms that sell data products at the Qingyuan base of the Guangzhou Data Exchange receive "
        "{reward_rate} of all actual revenue once it reaches {revenue_threshold} a year, at most {annual_cap} a year, "
        "for up to {most_awards} years.",
    ),
    department=Text("市政务服务数据管理局", "Municipal Bureau of Government Services and Data"),
    group=GROUP,
    facts=FACTS,
    questions=QUESTIONS,
    definitions=DEFINITIONS | {"prior_count": CountPriorAwards(ID), "granted_this_year": HighestOf(GROUP)},
    conditions=(SCOPE, CERTIFICATE, VALIDITY, TRADES, REVENUE, THRESHOLD, YEARS),
    amount=AMOUNT,
    award="reward",
    limits=(ONCE,),
    granted=Text(
        "{year} 年度核定实际收入 {revenue}，达到 {revenue_threshold} 的条件，按全部收入的 {reward_rate} 奖励 {reward}。",
        "Actual revenue of {revenue} in {year} reaches {revenue_threshold}; {reward_rate} of all of it gives {reward}.",
    ),
    at_cap=Text(
        "{year} 年度核定实际收入 {revenue}，按 {reward_rate} 计算已达到每年上限，奖励 {reward}。",
        "Actual revenue of {revenue} in {year}; {reward_rate} of it reaches the yearly cap, the reward is {reward}.",
    ),
    cap="annual_cap",
)
