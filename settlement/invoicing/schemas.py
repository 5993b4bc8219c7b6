"""JSON shapes of invoices; amounts are whole fen, those of credit invoices positive too."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from ninja import Field, Schema


class SheetIn(Schema):
    """What stands on an invoice. `document`: a stored document of the caller's organization."""

    invoice_number: str = Field(max_length=20)
    code: str = Field("", max_length=12)
    net_fen: int = Field(ge=1, le=10**15)
    tax_fen: int = Field(ge=0, le=10**15)
    issued_on: date
    document: UUID | None = None


class InvoiceIn(SheetIn):
    """A new invoice; `rate_bp` in basis points."""

    kind: str
    rate_bp: int


class CreditIn(SheetIn):
    """A credit invoice; `cause` is the refund's or the escrow return's id, none for a mistake."""

    reason: str = Field(max_length=300, pattern=r"^[^\x00]*$")
    cause: UUID | None = None


class VoidIn(Schema):
    """Why an invoice is void."""

    reason: str = Field(max_length=300, pattern=r"^[^\x00]*$")


class WishIn(Schema):
    """What kind of invoice the buyer wants."""

    kind: str
    note: str = Field("", max_length=300, pattern=r"^[^\x00]*$")


class InvoiceOut(Schema):
    """An invoice; `credits` names the invoice that a credit invoice takes back."""

    id: UUID
    number: str
    order: UUID
    order_number: str
    credits: UUID | None
    refund: UUID | None
    escrow_return: UUID | None
    kind: str
    code: str
    invoice_number: str
    rate_bp: int
    net_fen: int
    tax_fen: int
    gross_fen: int
    issued_on: date
    issuer_name: str
    issuer_uscc: str
    recipient_name: str
    recipient_uscc: str
    reason: str
    state: str
    voided_at: datetime | None


class FeeCreditIn(SheetIn):
    """A credit invoice of a fee invoice, at its rate."""

    reason: str = Field(max_length=300, pattern=r"^[^\x00]*$")


class FeeInvoiceOut(Schema):
    """The exchange's invoice to a supplier for its fee; `credits` names the one that a credit invoice takes back."""

    id: UUID
    number: str
    order: UUID
    order_number: str
    credits: UUID | None
    kind: str
    code: str
    invoice_number: str
    rate_bp: int
    net_fen: int
    tax_fen: int
    gross_fen: int
    issued_on: date
    issuer_name: str
    issuer_uscc: str
    recipient_name: str
    recipient_uscc: str
    reason: str
    state: str
    voided_at: datetime | None


class WishOut(Schema):
    """A buyer's wish."""

    id: UUID
    order: UUID
    kind: str
    note: str
    wished_at: datetime
    invoice: UUID | None
    state: str
