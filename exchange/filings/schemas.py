"""What filings look like as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema

from exchange.filings.models import Filing


class FilingOut(Schema):
    """A filing; `amount_fen` is what the register counts after refunds."""

    id: UUID
    voucher_number: str | None
    state: str
    venue: str
    order_id: UUID
    order_number: str
    supplier: str
    buyer: str
    amount_fen: int
    filed_at: datetime | None

    @classmethod
    def of(cls, filing: Filing) -> FilingOut:
        return cls(**_listed(filing))


class VoucherOut(FilingOut):
    """A filing with the signed claims (see the filing rules) and the token."""

    claims: dict[str, object]
    token: str

    @classmethod
    def of(cls, filing: Filing) -> VoucherOut:
        return cls(**_listed(filing), claims=filing.claims, token=filing.token)


def _listed(filing: Filing) -> dict[str, Any]:
    return {
        "id": filing.pk,
        "voucher_number": filing.voucher_number,
        "state": filing.state,
        "venue": filing.venue,
        "order_id": filing.order_id,
        "order_number": filing.order.number,
        "supplier": filing.order.supplier.name,
        "buyer": filing.order.buyer.name,
        "amount_fen": filing.amount_fen,
        "filed_at": filing.filed_at,
    }
