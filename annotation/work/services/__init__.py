"""Every write to annotation tasks: hand out, lease, submit, review, and what the client's verdict makes of them."""

from annotation.work.services.conclusions import REASON_LIMIT, locked_item, locked_task
from annotation.work.services.deliveries import reopen_items, reopen_sent_back, require_finished
from annotation.work.services.drafts import save_draft, take_following
from annotation.work.services.fairness import ask, reopen_touched, require_fair_pay
from annotation.work.services.handing_out import (
    ASSIGN_LIMIT,
    HAND_LIMIT,
    assign_tasks,
    claim_task,
    create_copies_of_plan,
    create_tasks_of_batch,
    create_tasks_of_project,
    hand_over,
    locked_membership,
    locked_tasks,
    rank_tasks,
)
from annotation.work.services.labelling import (
    dispute,
    keep_answer,
    reassign,
    release,
    resume,
    skip,
    submit,
)
from annotation.work.services.leases import extend, lapse_leases, locked_own_task
from annotation.work.services.refusals import (
    AttemptsUsedUp,
    DisputeSettled,
    HandFull,
    LeaseLost,
    NotForThisPerson,
    NothingAccepted,
    NothingReady,
    NothingToReview,
    NothingTouched,
    NotWorkable,
    NotYourTask,
    OwnWork,
    PayBelowFloor,
    ResultRefused,
    ReviewedElsewhere,
    SameReviewer,
    SecondReviewByOther,
    StaleDraft,
    TakenByOther,
    TasksUnfinished,
)
from annotation.work.services.reviewing import put_back, reopen, review, take, take_next
from annotation.work.services.wage_floors import HIGHEST_FLOOR, LOWEST_FLOOR, set_wage_floor

__all__ = [
    "ASSIGN_LIMIT", "HAND_LIMIT", "HIGHEST_FLOOR", "LOWEST_FLOOR", "REASON_LIMIT", "AttemptsUsedUp", "DisputeSettled", "HandFull", "LeaseLost",
    "NotForThisPerson", "NotWorkable", "NotYourTask", "NothingAccepted", "NothingReady", "NothingToReview",
    "NothingTouched", "OwnWork", "PayBelowFloor", "ResultRefused", "ReviewedElsewhere", "SameReviewer",
    "SecondReviewByOther", "StaleDraft", "TakenByOther", "TasksUnfinished", "ask", "assign_tasks", "claim_task",
    "create_copies_of_plan", "create_tasks_of_batch", "create_tasks_of_project", "dispute", "extend",
    "hand_over", "keep_answer", "lapse_leases", "locked_item", "locked_membership", "locked_own_task",
    "locked_task", "locked_tasks", "put_back", "rank_tasks", "reassign", "release", "reopen",
    "reopen_items", "reopen_sent_back", "reopen_touched", "require_fair_pay", "require_finished", "resume", "review",
    "save_draft", "set_wage_floor", "skip", "submit", "take", "take_following", "take_next",
]  # fmt: skip
