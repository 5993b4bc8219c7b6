"""Every write of pay runs. The run's row is the lock of its items; money moves in `pay` and nowhere else."""

from __future__ import annotations

from settlement.payruns.services.runs import (
    PREFIX,
    NothingToPay,
    PaidAtBank,
    RunOpen,
    SamePerson,
    WalletTooLow,
    approve,
    bank_file,
    cancel,
    draw_up,
    pay,
    pay_waiting,
    return_item,
    send_back,
    set_account,
    submit,
)

__all__ = [
    "PREFIX",
    "NothingToPay",
    "PaidAtBank",
    "RunOpen",
    "SamePerson",
    "WalletTooLow",
    "approve",
    "bank_file",
    "cancel",
    "draw_up",
    "pay",
    "pay_waiting",
    "return_item",
    "send_back",
    "set_account",
    "submit",
]
