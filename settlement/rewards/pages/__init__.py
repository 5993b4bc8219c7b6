"""Pages of rewards: the policy and its trial for everyone, statements for firms, reviews for offices."""

from settlement.rewards.pages.claims import claim, confirm, draft, index, objection, redraft
from settlement.rewards.pages.policy import estimate, policy
from settlement.rewards.pages.reviews import audit, decide, replay, review

__all__ = [
    "audit", "claim", "confirm", "decide", "draft", "estimate", "index", "objection", "policy", "redraft",
    "replay", "review",
]  # fmt: skip
