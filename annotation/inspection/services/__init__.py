"""Every write of lot inspection."""

from annotation.inspection.services.inspecting import decide_lot, draw_sample, inspect_item
from annotation.inspection.services.lots import (
    cut_before_delivery,
    keep_frozen,
    require_lots_accepted,
    resubmit_lot,
    submit_lots,
)
from annotation.inspection.services.plans import (
    answer_plan,
    checked_plan,
    commit_value,
    propose_plan,
    resume_inspection,
)
from annotation.inspection.services.refusals import (
    InspectionDiscontinued,
    ItemFrozen,
    LotsNotAccepted,
    LotUnfinished,
    NoPlanInForce,
    NotDiscontinued,
    NothingForLots,
    NotInWork,
    OtherLotDrawn,
    OwnItem,
    OwnProposal,
    PlanAnswered,
    PlanWaits,
    SampleUnfinished,
)

__all__ = [
    "InspectionDiscontinued", "ItemFrozen", "LotUnfinished", "LotsNotAccepted", "NoPlanInForce", "NotDiscontinued",
    "NotInWork", "NothingForLots", "OtherLotDrawn", "OwnItem", "OwnProposal", "PlanAnswered", "PlanWaits",
    "SampleUnfinished", "answer_plan", "checked_plan", "commit_value", "cut_before_delivery", "decide_lot",
    "draw_sample", "inspect_item", "keep_frozen", "propose_plan", "require_lots_accepted", "resubmit_lot",
    "resume_inspection", "submit_lots",
]  # fmt: skip
