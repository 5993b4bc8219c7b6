"""Article 3(1): reward for selling data products at the Qingyuan base, as a rule card.

Clauses are in our own words; the numbers stand in the TOML beside this file.
"""

from __future__ import annotations

from settlement.rewards.engine.cards import (
    Clause,
    Condition,
    Exclusivity,
    Line,
    Margin,
    Measure,
    Option,
    Question,
)
from settlement.rewards.engine.departments import DATA_BUREAU
from settlement.rewards.engine.facts import FactSpec
from settlement.rewards.engine.operations import (
    Always,
    Chosen,
    Compare,
    CountPriorAwards,
    Defined,
    Fact,
    Param,
    SumOfAwards,
    YearOfValidity,
    any_of,
    least,
    ratio,
    rounded,
    total,
)
from settlement.rewards.engine.texts import Text
from settlement.rewards.measures import clauses
from settlement.rewards.measures.clauses import NOTHING, PLATFORM

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


def _sum(name: str, zh: str, en: str, sign: int = 0) -> FactSpec:
    """A sum of the year's lines, which has its own value under each reading of the resummed questions."""
    return FactSpec(name, Text(zh, en), "fen", PLATFORM, sign, varies=True)


FACTS = (
    *clauses.SCOPE_FACTS,
    FactSpec(
        "certificate_count",
        Text("年度内有效的登记证书", "Certificates valid in the year"),
        "count",
        PLATFORM,
        1,
    ),
    FactSpec("transaction_count", Text("到账笔数", "Receipts"), "count", PLATFORM, 1, varies=True),
    FactSpec("excluded_count", Text("不计入笔数", "Receipts not counted"), "count", PLATFORM, 1, varies=True),
    _sum("receipts_fen", "实际到账（不含税）", "Money received, without VAT", 1),
    _sum("refunds_fen", "退款与红字（不含税）", "Refunds, without VAT", -1),
    *(_sum(f"excluded_{code}_fen", label.zh, label.en) for code, label in EXCLUSIONS.items()),
    _sum("vat_fen", "计入部分的增值税", "VAT on what counts"),
    _sum("fees_fen", "计入部分的交易服务费", "Exchange fees on what counts", -1),
    FactSpec("readings", Text("其他口径下的合计", "Sums under other readings"), "readings", PLATFORM),
    clauses.recognition("is_group_head", "是否集团申报主体", "Declared head of the group"),
    FactSpec(
        "group_others_fen",
        Text("集团其他企业核定收入", "Actual revenue of the group's other firms"),
        "fen",
        clauses.DECLARATION,
        1,
        verifier=DATA_BUREAU,
    ),
    clauses.REGISTER,
)

QUESTIONS = (
    Question("recognition", Text("何时算实际收入", "When revenue is actual"), (
        Option("cash_received", Text("款项实际到账", "when cash is received")),
        Option("accrual", Text("验收时确认", "accrual on acceptance"))), True),
    Question("tax", Text("是否含税", "Tax"), (
        Option("excluding_vat", Text("不含增值税", "excluding VAT")),
        Option("including_vat", Text("含增值税", "including VAT")))),
    Question("year_end", Text("十二月成交、次年一月到账", "December sale, January money"), (
        Option("year_of_receipt", Text("计入到账年度", "year of receipt")),
        Option("year_of_acceptance", Text("计入验收年度", "year of acceptance"))), True),
    Question("late_refund", Text("年后退款", "Refund after year-end"), (
        Option("reopens_sale_year", Text("冲减原到账年度，已发放的启动追回", "reopens the year of the receipt")),
        Option("year_of_refund", Text("冲减退款年度", "year of refund"))), True),
    Question("coverage", Text("证书覆盖", "Certificate coverage"), (
        Option("each_sale", Text("每笔成交当日均有有效证书", "every sale on its day")),
        Option("once_in_year", Text("年度内持有一份有效证书即可", "one valid certificate in the year"))), True),
    Question("three_years", Text("三年如何计算", "The three years"), (
        Option("awards_of_firm", Text("按企业，自首次获奖起最多三个年度", "each firm, at most three years")),
        Option("calendar_years", Text("政策有效期内的三个自然年", "calendar years of the validity")))),
    Question("partial_year", Text("部分日期在有效期内的年度", "Years partly inside the validity"), (
        Option("days_inside", Text("只计有效期内的成交", "only sales on days inside")),
        Option("whole_year", Text("整年计入", "whole year"))), True),
    Question("group", Text("集团企业", "Group companies"), (
        Option("each_firm", Text("每家企业单独计算", "each firm alone")),
        Option("declared_group", Text("按申报集团合并", "aggregated by declared group")))),
    Question("commission", Text("服务费", "Commission"), (
        Option("gross", Text("按供方成交价", "seller's gross price")),
        Option("net_of_fees", Text("扣除交易与经纪服务费", "net of exchange and broker fees")))),
)  # fmt: skip

_REVENUE, _REWARD = Defined("revenue"), Defined("reward")

DEFINITIONS = {
    "excluded": total(*(Fact(f"excluded_{code}_fen") for code in EXCLUSIONS)),
    "counted": total(Fact("receipts_fen"), Fact("refunds_fen"), Defined("excluded")),
    "tax_part": Chosen("tax", {"excluding_vat": NOTHING, "including_vat": Fact("vat_fen")}),
    "fee_part": Chosen("commission", {"gross": NOTHING, "net_of_fees": Fact("fees_fen")}),
    "group_part": Chosen("group", {"each_firm": NOTHING, "declared_group": Fact("group_others_fen")}),
    "revenue": total(Defined("counted"), Defined("tax_part"), Defined("fee_part"), Defined("group_part")),
    "share": ratio(_REVENUE, Param("reward_rate")),
    "reward": rounded(least(Defined("share"), Param("annual_cap")), Param("rounding")),
    "whole": total(_REWARD),
    "prior_count": CountPriorAwards(ID),
    "granted_already": SumOfAwards(GROUP),
}

SCOPE = clauses.scope(waived_by="3(1)")

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

HEAD = Condition(
    key="head",
    title=Text("是否由本企业申报？", "Is this the firm that claims?"),
    clause=Clause(
        Text(
            "每家企业单独计算；按集团合并的，由申报主体统一享受，其他企业不再重复享受。",
            "Each firm counts alone; where a group is taken together, its declared head alone is rewarded.",
        ),
        Text("不再重复享受", "alone is rewarded"),
        "3(1)",
    ),
    found=Text("集团申报主体：{is_group_head}", "Declared head: {is_group_head}"),
    requirement=Text("单独计算，或者为集团申报主体", "Counted alone, or the declared head"),
    test=Chosen("group", {"each_firm": Always(), "declared_group": Fact("is_group_head")}),
    reason=Text(
        "按集团合并计算，本企业不是申报主体。", "The group is taken together and this firm is not its head."
    ),
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
        Line(
            Text("集团其他企业", "Other firms of the group"),
            Defined("group_part"),
            "plus",
            "group",
            shows_zero=False,
        ),
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

YEARS = clauses.years(
    "3(1)",
    Chosen(
        "three_years",
        {
            "awards_of_firm": Compare(Defined("prior_count"), "<", Param("most_awards")),
            "calendar_years": any_of(
                Compare(YearOfValidity(Param("validity_from")), "<", Param("most_awards")),
                Compare(YearOfValidity(Param("validity_from")), "==", Param("most_awards")),
            ),
        },
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

ONCE = clauses.once("3(1)")

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
    department=clauses.led_by(DATA_BUREAU),
    recipient=Text("在服务基地卖出数据产品的企业", "Firms that sell data products at the base"),
    competition=clauses.REVIEWED,
    exclusivity=Exclusivity(
        GROUP,
        whole="whole",
        already="granted_already",
        most_awards="most_awards",
        limited_by=("three_years", "awards_of_firm"),
    ),
    facts=FACTS,
    questions=QUESTIONS,
    definitions=DEFINITIONS,
    conditions=(SCOPE, CERTIFICATE, clauses.VALIDITY, HEAD, TRADES, REVENUE, THRESHOLD, YEARS),
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
