"""What the JSON of lots' money looks like. Amounts in fen."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema

from settlement.milestones.models import Deposit
from settlement.payments.states import TestMethod


class FundIn(Schema):
    """Which test method pays."""

    method: str = TestMethod.OK.value


class DepositOut(Schema):
    """A lot's price in escrow."""

    lot: UUID
    amount_fen: int
    paid_at: datetime

    @classmethod
    def of(cls, deposit: Deposit) -> DepositOut:
        return cls(lot=deposit.milestone_id, amount_fen=deposit.amount_fen, paid_at=deposit.paid_at)
