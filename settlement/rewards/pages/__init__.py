"""Pages of rewards: the policy and its trial for everyone, statements for firms, reviews for offices."""

from settlement.rewards.pages.claims import claim, confirm, draft, index, objection, redraft
from settlement.rewards.pages.library import compare, rule, rule_list
from settlement.rewards.pages.policy import policy
from settlement.rewards.pages.reviews import audit, decide, replay, review
from settlement.rewards.pages.trials import estimate

__all__ = [
    "audit", "claim", "compare", "confirm", "decide", "draft", "estimate", "index", "objection", "policy", "redraft",
    "replay", "review", "rule", "rule_list",
]  # fmt: skip
