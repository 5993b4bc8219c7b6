"""JSON shapes of the ledger; amounts are whole fen, credit positive."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from ninja import Schema


class AccountOut(Schema):
    """An account with its present balance, and what pending holds would take and bring; `organization` and `user` are empty for the platform's own."""

    id: UUID
    purpose: str
    organization: UUID | None = None
    user: UUID | None = None
    owner_name: str
    stripe: int
    posted_fen: int
    pending_out_fen: int
    pending_in_fen: int


class LineOut(Schema):
    """One leg of an account with the balance after it, in order of effect."""

    id: int
    entry: UUID
    kind: str
    memo: str
    effective_at: datetime
    amount_fen: int
    balance_fen: int


class StatementOut(Schema):
    """Part of a statement, newest first; `next` is the cursor of the following part."""

    account: AccountOut
    opening_fen: int
    closing_fen: int
    items: list[LineOut]
    next: str | None = None


class LegOut(Schema):
    """One leg of an entry."""

    account: UUID
    amount_fen: int


class EntryOut(Schema):
    """An entry with the legs the caller may see, and how many others it has."""

    id: UUID
    key: str
    kind: str
    fact_type: str
    fact_id: UUID
    memo: str
    effective_at: datetime
    recorded_at: datetime
    reverses: UUID | None = None
    legs: list[LegOut]
    hidden_count: int


class CloseOut(Schema):
    """A daily close: the digests and the signed token (JWS), whose key is in the published key set."""

    ordinal: int
    day: date
    entry_count: int
    posting_count: int
    content_sha256: str
    previous_hash: str
    hash: str
    token: str


class TrialRowOut(Schema):
    """All accounts of one purpose."""

    purpose: str
    account_count: int
    debit_fen: int
    credit_fen: int


class TrialBalanceOut(Schema):
    """Both sides of the books."""

    rows: list[TrialRowOut]
    debit_fen: int
    credit_fen: int
    is_balanced: bool
