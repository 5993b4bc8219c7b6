"""Pages of rewards: the policy and its trial for everyone, statements for firms, reviews and money for offices."""

from settlement.rewards.pages.budgets import (
    approve_batch,
    batch,
    budget,
    budgets,
    change_budget,
    change_rule,
    new_budget,
    propose,
    withdraw_batch,
)
from settlement.rewards.pages.claims import claim, confirm, draft, index, objection, redraft, sheet
from settlement.rewards.pages.declarations import (
    declaration,
    declarations,
    declare,
    evidence,
    offices,
    payee,
    verify,
    withdraw_declaration,
)
from settlement.rewards.pages.disbursements import (
    approve,
    cancel,
    disbursement,
    disbursements,
    file,
    prepare,
    settle,
)
from settlement.rewards.pages.library import compare, compare_all, rule
from settlement.rewards.pages.notices import (
    announced,
    awards,
    draft_all,
    notice,
    notices,
    publish,
    withdraw_notice,
)
from settlement.rewards.pages.parks import (
    apply_for_park,
    decide_park,
    park,
    park_evidence,
    parks,
    recognise_park,
    revoke_park,
    withdraw_park,
)
from settlement.rewards.pages.policy import policy
from settlement.rewards.pages.recoveries import (
    confirm_recovery,
    enter_return,
    keep_recovery,
    lift_recovery,
    propose_lift,
    recover,
    recoveries,
    recovery,
    reopen,
    uphold,
    withdraw_recovery,
)
from settlement.rewards.pages.referrals import adjust, assign, consult, give_opinion, hold, resume, take_back
from settlement.rewards.pages.releases import approve_release, propose_release, rule_list
from settlement.rewards.pages.reviews import answer, answer_public, audit, decide, replay, review
from settlement.rewards.pages.trials import estimate

__all__ = [
    "announced", "answer", "answer_public", "approve", "approve_batch", "approve_release", "audit", "awards",
    "batch", "budget", "budgets", "cancel", "change_budget", "change_rule", "claim", "compare", "compare_all", "confirm",
    "confirm_recovery", "decide", "declaration", "declarations", "declare", "disbursement", "disbursements",
    "draft", "draft_all", "enter_return", "estimate", "evidence", "file", "index", "keep_recovery",
    "lift_recovery", "new_budget", "notice", "notices", "objection", "offices", "payee", "policy", "prepare",
    "propose", "propose_lift", "propose_release", "publish", "recover", "recoveries", "recovery", "redraft",
    "reopen", "replay", "review", "rule", "rule_list", "settle", "sheet", "uphold", "verify", "withdraw_batch",
    "withdraw_declaration", "withdraw_notice", "withdraw_recovery",
]  # fmt: skip
__all__ += ["adjust", "assign", "consult", "give_opinion", "hold", "resume", "take_back"]
__all__ += [
    "apply_for_park", "decide_park", "park", "park_evidence", "parks", "recognise_park", "revoke_park", "withdraw_park",
]  # fmt: skip
