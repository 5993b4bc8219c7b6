"""Every write of bank statements and their matches. The line's row is the lock of its matches."""

from __future__ import annotations

from settlement.banking.services.payruns import NoLinesYet, match_run
from settlement.banking.services.receipts import (
    PayerNotBuyer,
    PersonBooks,
    ReceiptShort,
    SameHand,
    book_receipt,
    require_bookable,
)
from settlement.banking.services.statements import (
    PREFIX,
    LineUsed,
    ReceiptBooked,
    StatementAltered,
    StatementFaulty,
    WrongDirection,
    book_arrivals,
    check_file,
    confirm,
    end_match,
    match_exact,
    match_line,
    target_named,
)

__all__ = [
    "PREFIX",
    "LineUsed",
    "NoLinesYet",
    "PayerNotBuyer",
    "PersonBooks",
    "ReceiptBooked",
    "ReceiptShort",
    "SameHand",
    "StatementAltered",
    "StatementFaulty",
    "WrongDirection",
    "book_arrivals",
    "book_receipt",
    "check_file",
    "confirm",
    "end_match",
    "match_exact",
    "match_line",
    "match_run",
    "require_bookable",
    "target_named",
]
