"""The rewards procedure, one verb a function; every step locks, checks, writes, records and tells."""

from settlement.rewards.services.budgets import (
    BatchOpen,
    BatchStale,
    BudgetOverspent,
    NothingReady,
    approve_batch,
    change_budget,
    change_rule,
    make_budget,
    propose_batch,
    withdraw_batch,
)
from settlement.rewards.services.claims import (
    AlreadyAnswered,
    NoNoticeOpen,
    NothingToConfirm,
    ObjectionsOpen,
    YearNotOver,
    answer_objection,
    confirm,
    draft_claim,
    object_,
    redraft_claim,
)
from settlement.rewards.services.declarations import (
    DeclarationOpen,
    OfficeMissing,
    OtherOffice,
    declare,
    name_office,
    verify_declaration,
    withdraw_declaration,
)
from settlement.rewards.services.guards import FactsChanged, OtherDepartment, ReviewBlocked, SamePerson
from settlement.rewards.services.notices import (
    NoticeStands,
    NoticeUsed,
    WindowNotOpen,
    draft_next,
    draft_run,
    publish_notice,
    queue_drafts,
    withdraw_notice,
)
from settlement.rewards.services.payments import (
    ClaimsMoved,
    NotApprovedYet,
    NothingToPay,
    ReceiptDiffers,
    approve_disbursement,
    cancel_disbursement,
    enter_receipt,
    prepare_disbursement,
    return_payment,
    set_payee_account,
)
from settlement.rewards.services.publicity import (
    NoticeOver,
    TooMany,
    answer_public_objection,
    object_publicly,
)
from settlement.rewards.services.recoveries import (
    AmountChanged,
    AmountUnchanged,
    NothingGranted,
    NothingToLift,
    PaymentInFlight,
    RecoveryOpen,
    RecoveryStale,
    confirm_recovery,
    enter_return,
    keep_recovery,
    lift_recovery,
    open_recovery,
    propose_lift,
    reopen,
    review_granted,
    review_profile,
    uphold,
    withdraw_recovery,
)
from settlement.rewards.services.referrals import (
    NextStepBegun,
    NotAsked,
    NotOnHold,
    NotUnderReview,
    NotYourReview,
    adjust,
    assign,
    consult,
    give_opinion,
    hold,
    resume,
    take_back,
)
from settlement.rewards.services.releases import (
    AlreadyReleased,
    ReleaseStale,
    ScenariosFail,
    approve_release,
    propose_release,
)
from settlement.rewards.services.reviews import (
    AwardStands,
    InOpenBatch,
    NothingToSupplement,
    RecoveryOutstanding,
    SameReviewer,
    announce,
    first_review,
    reject,
    replay,
    return_,
    second_review,
)
from settlement.rewards.services.turns import AssignedToOther, ClaimOnHold, OpinionAwaited

__all__ = [
    "AlreadyAnswered", "AlreadyReleased", "AmountChanged", "AmountUnchanged", "AwardStands", "BatchOpen",
    "BatchStale", "BudgetOverspent", "ClaimsMoved", "DeclarationOpen", "FactsChanged", "InOpenBatch",
    "NoNoticeOpen", "NotApprovedYet", "NothingGranted", "NothingReady", "NothingToConfirm", "NothingToLift",
    "NothingToPay", "NothingToSupplement", "NoticeOver", "NoticeStands", "NoticeUsed", "ObjectionsOpen",
    "OfficeMissing", "OtherDepartment", "OtherOffice", "PaymentInFlight", "ReceiptDiffers", "RecoveryOpen",
    "RecoveryOutstanding", "RecoveryStale", "ReleaseStale", "ReviewBlocked", "SamePerson", "SameReviewer",
    "ScenariosFail", "TooMany", "WindowNotOpen", "YearNotOver", "announce", "answer_objection",
    "answer_public_objection", "approve_batch", "approve_disbursement", "approve_release",
    "cancel_disbursement", "change_budget", "change_rule", "confirm", "confirm_recovery", "declare",
    "draft_claim", "draft_next", "draft_run", "enter_receipt", "enter_return", "first_review",
    "keep_recovery", "lift_recovery", "make_budget", "name_office", "object_", "object_publicly",
    "open_recovery", "prepare_disbursement", "propose_batch", "propose_lift", "propose_release",
    "publish_notice", "queue_drafts", "redraft_claim", "reject", "reopen", "replay", "return_",
    "return_payment", "review_granted", "review_profile", "second_review", "set_payee_account", "uphold",
    "verify_declaration", "withdraw_batch", "withdraw_declaration", "withdraw_notice", "withdraw_recovery",
]  # fmt: skip
__all__ += [
    "AssignedToOther", "ClaimOnHold", "NextStepBegun", "NotAsked", "NotOnHold", "NotUnderReview", "NotYourReview",
    "OpinionAwaited", "adjust", "assign", "consult", "give_opinion", "hold", "resume", "take_back",
]  # fmt: skip
