"""Every write of annotation quality."""

from annotation.quality.services.contests import (
    AlreadyContested,
    contest_gold,
    correct_contested,
    uphold_contested,
)
from annotation.quality.services.gold import (
    GoldRefused,
    GoldRow,
    NothingToTake,
    OwnGold,
    correct_gold,
    import_gold,
    make_gold,
    retire_gold,
    set_plan,
    take_accepted,
)
from annotation.quality.services.handing import HandOutStopped, TooManyBeforeScreening, prefer_tasks
from annotation.quality.services.merging import (
    ItemsToAdjudicate,
    NothingToMeasure,
    OwnAnswer,
    TooManyToMerge,
    adjudicate,
    measure,
    queue_measuring,
    settle_before_delivery,
    withdraw_before_delivery,
)
from annotation.quality.services.scoring import score_submitted
from annotation.quality.services.standing import (
    NoScreeningLeft,
    appeal,
    readmit,
    reinstate,
    stop,
    uphold,
)

__all__ = [
    "AlreadyContested", "GoldRefused", "GoldRow", "HandOutStopped", "ItemsToAdjudicate", "NoScreeningLeft",
    "NothingToMeasure", "NothingToTake", "OwnAnswer", "OwnGold", "TooManyBeforeScreening", "TooManyToMerge",
    "adjudicate", "appeal", "contest_gold", "correct_contested", "correct_gold", "import_gold", "make_gold", "measure",
    "prefer_tasks", "queue_measuring", "readmit", "reinstate", "retire_gold", "score_submitted", "set_plan",
    "settle_before_delivery", "stop", "take_accepted", "uphold", "uphold_contested",
    "withdraw_before_delivery",
]  # fmt: skip
