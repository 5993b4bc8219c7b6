"""What both rewards of article 6 share: one exclusivity group, the highest in total, once."""

from __future__ import annotations

from settlement.rewards.engine.cards import Clause, Condition, Exclusivity, Line, Margin, Option, Question
from settlement.rewards.engine.departments import SCIENCE_BUREAU
from settlement.rewards.engine.facts import FactSpec
from settlement.rewards.engine.operations import (
    Chosen,
    Compare,
    Defined,
    Fact,
    Operation,
    Param,
    SumOfAwards,
    any_of,
    difference,
    greatest,
    least,
    rounded,
)
from settlement.rewards.engine.texts import Text
from settlement.rewards.measures import clauses
from settlement.rewards.measures.clauses import NOTHING

GROUP = "article_6"

ONCE_PER = Question(
    "once_per",
    Text("先后两次认定如何“就高”", "Highest only, when recognitions follow each other"),
    (
        Option(
            "highest_in_total",
            Text("合计不超过较高一项，补差额", "the higher in total, the difference is paid"),
        ),
        Option("first_only", Text("获得一项后不再享受", "nothing more after the first")),
        Option("each_year", Text("不同年度分别享受", "each year apart")),
    ),
)
AMOUNT_SET = Question(
    "amount_set",
    Text("“最高”如何确定金额", "What “at most” gives"),
    (
        Option("full", Text("按最高金额", "the maximum")),
        Option(
            "as_set",
            Text(
                "按引用政策核定的金额，不超过最高金额", "what the referenced policy sets, up to the maximum"
            ),
        ),
    ),
)
QUESTIONS = (ONCE_PER, AMOUNT_SET)

REFERENCED = FactSpec(
    "referenced_award_fen",
    Text("引用政策核定的金额", "Amount set by the referenced policy"),
    "fen",
    Text("市科技局核定", "set by the Bureau of Science and Technology"),
    1,
    verifier=SCIENCE_BUREAU,
)

DEFINITIONS: dict[str, Operation] = {
    "whole": rounded(
        Chosen(
            "amount_set",
            {"full": Param("award_cap"), "as_set": least(Fact("referenced_award_fen"), Param("award_cap"))},
        ),
        Param("rounding"),
    ),
    "granted_already": Chosen(
        "once_per",
        {
            "highest_in_total": SumOfAwards(GROUP, "ever"),
            "first_only": SumOfAwards(GROUP, "ever"),
            "each_year": SumOfAwards(GROUP),
        },
    ),
    "reward": greatest(NOTHING, difference(Defined("whole"), Defined("granted_already"))),
}

EXCLUSIVITY = Exclusivity(
    GROUP,
    whole="whole",
    already="granted_already",
    spans=("once_per", {"highest_in_total": "ever", "first_only": "ever", "each_year": "year"}),
    first_only=("once_per", "first_only"),
)

_NONE_YET = Compare(Defined("granted_already"), "==", NOTHING)
_HIGHER = any_of(_NONE_YET, Compare(Defined("whole"), ">", Defined("granted_already")))
ONCE = clauses.once(
    "6", Chosen("once_per", {"highest_in_total": _HIGHER, "first_only": _NONE_YET, "each_year": _HIGHER})
)


def amount(text: Text, mark: Text) -> Condition:
    """The step that computes the award."""
    return Condition(
        key="amount",
        title=Text("应奖励多少？", "How much is the reward?"),
        clause=Clause(text, mark, "6"),
        found=Text(
            "按规则 {whole}，已登记 {granted_already}",
            "{whole} by the rule, {granted_already} granted before",
        ),
        requirement=Text("一次性，合计不高于较高一项", "Once, and the higher in total"),
        margin=Margin(Defined("whole"), Param("award_cap")),
        lines=(
            Line(Text("按规则", "By the rule"), Defined("whole"), "start", "whole"),
            Line(
                Text("同一事项已登记", "Already granted"),
                difference(NOTHING, Defined("granted_already")),
                "minus",
                "already",
                shows_zero=False,
            ),
            Line(Text("应奖励", "Reward"), Defined("reward"), "total", "reward"),
        ),
    )
