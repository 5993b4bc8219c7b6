"""Reading the books as JSON; nothing is posted here: entries follow from business facts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from gateway.api import Page, actor, cursor_page
from kernel import clock
from kernel.periods import Period
from settlement.ledger import selectors
from settlement.ledger.models import Account, DayClose
from settlement.ledger.permissions import VIEW_ALL_BOOKS
from settlement.ledger.schemas import AccountOut, CloseOut, EntryOut, StatementOut, TrialBalanceOut

router = Router()


def _account(account: Account) -> dict[str, Any]:
    return {
        "id": account.pk,
        "purpose": account.purpose,
        "organization": account.organization_id,
        "user": account.user_id,
        "owner_name": account.owner_name,
        "stripe": account.stripe,
        "posted_fen": account.posted_fen,
        "pending_out_fen": account.pending_out_fen,
        "pending_in_fen": account.pending_in_fen,
    }


@router.get("/accounts", response=Page[AccountOut])
def accounts(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """The caller's accounts; all of them for operator and auditor."""
    rows, following = cursor_page(selectors.accounts_visible_to(actor(request)), cursor=cursor, limit=limit)
    return {"items": [_account(row) for row in rows], "next": following}


@router.get("/accounts/{uuid:account_id}/statement", response=StatementOut)
def statement(
    request: HttpRequest,
    account_id: UUID,
    year: Annotated[int | None, Query(ge=1970, le=9998)] = None,
    cursor: str = "",
) -> dict[str, Any]:
    """An account's lines with the balance after each, newest first; `year` is a business year."""
    account = selectors.account_visible_to(actor(request), account_id)
    period = Period.of_year(year) if year is not None else None
    told = selectors.statement(account, period=period, parameters={"after": cursor}, size=100)
    return {
        "account": _account(account),
        "opening_fen": told.opening_fen,
        "closing_fen": told.closing_fen,
        "items": [
            {
                "id": line.posting.pk,
                "entry": line.posting.entry_id,
                "kind": line.posting.entry.kind,
                "memo": line.posting.entry.memo,
                "effective_at": line.posting.effective_at,
                "amount_fen": line.posting.amount_fen,
                "balance_fen": line.balance_fen,
            }
            for line in told.lines
        ],
        "next": told.page.after or None,
    }


@router.get("/entries/{uuid:entry_id}", response=EntryOut)
def entry(request: HttpRequest, entry_id: UUID) -> dict[str, Any]:
    """One entry with the legs that the caller may see."""
    found, legs, hidden_count = selectors.entry_visible_to(actor(request), entry_id)
    names = ("key", "kind", "fact_type", "fact_id", "memo", "effective_at", "recorded_at")
    return {
        **{name: getattr(found, name) for name in names},
        "id": found.pk,
        "reverses": found.reverses_id,
        "legs": [{"account": leg.account_id, "amount_fen": leg.amount_fen} for leg in legs],
        "hidden_count": hidden_count,
    }


@router.get("/closes", response=Page[CloseOut])
def closes(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """The chain of daily closes, newest first, for everyone with an account. The signed token tells the balances to who
    sees all books only."""
    sees_all = actor(request).can(VIEW_ALL_BOOKS)
    rows, following = cursor_page(DayClose.objects.all(), cursor=cursor, limit=limit)
    names = (
        "ordinal",
        "day",
        "entry_count",
        "posting_count",
        "content_sha256",
        "previous_hash",
        "hash",
        "token",
    )
    items = [{name: getattr(row, name) for name in names} for row in rows]
    return {"items": items if sees_all else [{**each, "token": ""} for each in items], "next": following}


@router.get("/trial-balance", response=TrialBalanceOut)
def trial_balance(request: HttpRequest, on: date | None = None) -> dict[str, Any]:
    """All accounts by purpose, now or at the end of a business day."""
    actor(request).require(VIEW_ALL_BOOKS)
    before = clock.end_of(on) if on and selectors.is_tellable(on) else None
    found = selectors.trial_balance(before=before)
    return {
        "rows": found.rows,
        "debit_fen": found.debit_fen,
        "credit_fen": found.credit_fen,
        "is_balanced": found.is_balanced,
    }
