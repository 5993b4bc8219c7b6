"""Every write of filings."""

from exchange.filings.services.documents import hand_out_document
from exchange.filings.services.filing import (
    NotCompleted,
    RefundBeyondAmount,
    amend_after_refund,
    file_trade,
    locked_filing,
)
from exchange.filings.services.imports import ImportAltered, ImportFaulty, check_file, confirm
from exchange.filings.services.registers import (
    DayNotOver,
    days_to_export,
    export_days,
    hand_out_export,
    note_export,
    produce,
    queue_export,
)
from exchange.filings.services.sending import (
    due,
    queue_issue,
    queue_reconciliation,
    reconcile,
    retry,
    send,
    send_due,
)

__all__ = [
    "DayNotOver",
    "ImportAltered",
    "ImportFaulty",
    "NotCompleted",
    "RefundBeyondAmount",
    "amend_after_refund",
    "check_file",
    "confirm",
    "days_to_export",
    "due",
    "export_days",
    "file_trade",
    "hand_out_document",
    "hand_out_export",
    "locked_filing",
    "note_export",
    "produce",
    "queue_export",
    "queue_issue",
    "queue_reconciliation",
    "reconcile",
    "retry",
    "send",
    "send_due",
]
