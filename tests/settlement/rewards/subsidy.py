"""A small measure whose facts a firm declares, for tests of declarations; no figure of it is the policy's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from settlement.rewards import measures
from settlement.rewards.engine import Clause, Condition, FactSpec, Line, Measure, Text
from settlement.rewards.engine.cards import Exclusivity
from settlement.rewards.engine.departments import INDUSTRY_BUREAU, TAX_BUREAU
from settlement.rewards.engine.operations import Compare, Defined, Fact, Param, ratio, rounded, total

ID = "local_subsidy"


def _clause() -> Clause:
    return Clause(Text("按新增部分奖补。", "Support by the increase."), Text("新增", "increase"), "4")


CARD = Measure(
    id=ID,
    article="4",
    title=Text("示例奖补", "Example subsidy"),
    summary=Text("示例", "Example"),
    department=Text("工业和信息化局", "Industry bureau"),
    exclusivity=Exclusivity(group=ID, whole="support", already="already"),
    facts=(
        FactSpec(
            "is_recognised", Text("是否经认定", "Recognised"), "flag", Text("企业申报", "the firm"),
            verifier=INDUSTRY_BUREAU,
        ),
        FactSpec(
            "increase_fen", Text("经济贡献新增", "Increase in contribution"), "fen", Text("企业申报", "the firm"), 1,
            verifier=TAX_BUREAU,
        ),
        FactSpec("prior_awards", Text("奖励登记", "Awards"), "awards", Text("登记簿", "Register")),
    ),
    questions=(),
    definitions={
        "already": total(),
        "half": ratio(total(Fact("increase_fen")), Param("reward_rate")),
        "support": rounded(Defined("half"), Param("rounding")),
    },
    conditions=(
        Condition(
            key="recognised",
            title=Text("是否经认定？", "Recognised?"),
            clause=_clause(),
            found=Text("{is_recognised}", "{is_recognised}"),
            requirement=Text("经认定", "Recognised"),
            test=Compare(Fact("is_recognised"), "==", Param("registration_waived")),
            reason=Text("未经认定。", "Not recognised."),
        ),
    ),
    amount=Condition(
        key="amount",
        title=Text("应奖补多少？", "How much?"),
        clause=_clause(),
        found=Text("{increase_fen}", "{increase_fen}"),
        requirement=Text("新增部分", "The increase"),
        lines=(Line(Text("奖补", "Support"), Defined("support"), "total", "support"),),
    ),
    award="support",
    limits=(),
    granted=Text("奖补 {support}。", "Support of {support}."),
    at_cap=Text("奖补 {support}。", "Support of {support}."),
    cap="annual_cap",
)  # fmt: skip


@contextmanager
def offered() -> Iterator[None]:
    """The measure stands among the cards inside the block."""
    version = measures.version_of(measures.DATA_PRODUCT_TRADING.id)
    measures.CARDS[ID] = CARD
    measures.VERSIONS[ID, measures.CURRENT_VERSION] = version
    try:
        yield
    finally:
        del measures.CARDS[ID], measures.VERSIONS[ID, measures.CURRENT_VERSION]
