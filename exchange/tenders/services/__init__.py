"""Every write of tenders. The tender is the lock of its bids, the engagement that of its lots."""

from exchange.tenders.services.awarding import award_bid, shortlist_bid
from exchange.tenders.services.bidding import draw_up_bid, keep_label, submit_bid, withdraw_bid
from exchange.tenders.services.engagements import (
    agree_termination,
    ask_termination,
    cancel_engagement,
    end_overdue,
    fill_project,
    locked_engagement,
    require_signer,
    sign_contract,
)
from exchange.tenders.services.lots import (
    accept_uninspected,
    deliver_lot,
    inspect_lot,
    mark_funded,
    note_accepted_items,
    note_accepted_project,
)
from exchange.tenders.services.ratings import answer_rating, rate_firm
from exchange.tenders.services.refusals import (
    AlreadyAnswered,
    AlreadyRated,
    AlreadySigned,
    BidExpired,
    BidsClosed,
    BidsSealed,
    LotAwaitsInspection,
    NobodyInvited,
    NothingToRate,
    NotLateEnough,
    NotTheirTurn,
    OtherText,
    OwnTender,
    SamplesMissing,
    SampleWrong,
    TenderLocked,
    TooEarly,
    WrongSide,
)
from exchange.tenders.services.tendering import (
    answer_question,
    ask_question,
    close_tender,
    draft_tender,
    edit_tender,
    expire_tender,
    publish_tender,
    withdraw_tender,
)

__all__ = [
    "AlreadyAnswered", "AlreadyRated", "AlreadySigned", "BidExpired", "BidsClosed", "BidsSealed", "LotAwaitsInspection", "NobodyInvited",
    "NotLateEnough", "NotTheirTurn", "NothingToRate", "OtherText", "OwnTender", "SampleWrong", "SamplesMissing",
    "TenderLocked", "TooEarly", "WrongSide", "accept_uninspected", "agree_termination", "answer_question",
    "answer_rating", "ask_question", "ask_termination", "award_bid", "cancel_engagement", "close_tender",
    "deliver_lot", "draft_tender", "draw_up_bid", "edit_tender", "end_overdue", "expire_tender", "fill_project",
    "inspect_lot", "keep_label", "locked_engagement", "mark_funded", "note_accepted_items",
    "note_accepted_project", "publish_tender", "rate_firm", "require_signer", "shortlist_bid", "sign_contract", "submit_bid",
    "withdraw_bid", "withdraw_tender",
]  # fmt: skip
