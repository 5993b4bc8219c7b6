"""Every write of inspections and disputes. The order's row is the lock of all that happens to it."""

from exchange.acceptance.services.complaints import (
    ComplaintOpen,
    EvidenceClosed,
    InspectionOver,
    Reported,
    TooEarly,
    add_defect,
    escalate,
    file_complaint,
    state_evidence,
    withdraw,
)
from exchange.acceptance.services.inspections import accept_inspected
from exchange.acceptance.services.outcomes import BeyondPrice
from exchange.acceptance.services.remedies import OfferOutdated, accept_offer, answer, decline_offer
from exchange.acceptance.services.rulings import (
    EvidenceRunning,
    NothingToConfirm,
    PersonNeeded,
    RulingPending,
    SecondPerson,
    confirm,
    replace_as_ruled,
    rule,
)

__all__ = [
    "BeyondPrice",
    "ComplaintOpen",
    "EvidenceClosed",
    "EvidenceRunning",
    "InspectionOver",
    "NothingToConfirm",
    "OfferOutdated",
    "PersonNeeded",
    "Reported",
    "RulingPending",
    "SecondPerson",
    "TooEarly",
    "accept_inspected",
    "accept_offer",
    "add_defect",
    "answer",
    "confirm",
    "decline_offer",
    "escalate",
    "file_complaint",
    "replace_as_ruled",
    "rule",
    "state_evidence",
    "withdraw",
]
