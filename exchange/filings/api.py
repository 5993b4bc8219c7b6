"""Filings as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from exchange.filings.schemas import FilingOut, VoucherOut
from exchange.filings.selectors import register, visible_filing
from gateway.api import Page, actor, cursor_page

router = Router()


@router.get("/", response=Page[FilingOut])
def list_filings(
    request: HttpRequest,
    year: int | None = None,
    state: str = "",
    cursor: str | None = None,
    limit: int = 20,
) -> Page[FilingOut]:
    """The register: own trades for the sides, all for operator, department and auditor."""
    rows = register(actor(request), year=year, state=state)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[FilingOut](items=[FilingOut.of(each) for each in found], next=following)


@router.get("/{uuid:filing_id}", response=VoucherOut)
def get_filing(request: HttpRequest, filing_id: UUID) -> VoucherOut:
    """One filing with its signed voucher."""
    return VoucherOut.of(visible_filing(actor(request), filing_id))
