"""Every write of bank statements and their matches. The line's row is the lock of its matches."""

from __future__ import annotations

from settlement.banking.services.payruns import NoLinesYet, match_run
from settlement.banking.services.statements import (
    PREFIX,
    LineUsed,
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
    "StatementAltered",
    "StatementFaulty",
    "WrongDirection",
    "book_arrivals",
    "check_file",
    "confirm",
    "end_match",
    "match_exact",
    "match_line",
    "match_run",
    "target_named",
]
