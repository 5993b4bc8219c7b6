"""Reads of filings that take a viewer."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.filings import rules
from exchange.filings.models import (
    Filing,
    FormerVoucher,
    OutsideFiling,
    PastTrade,
    PastTradeImport,
    Reconciliation,
    RegisterExport,
)
from exchange.filings.permissions import (
    EXPORT_FILINGS,
    VIEW_ALL_FILINGS,
    VIEW_FILINGS,
    VIEW_IMPORTS,
    VIEW_OUTSIDE,
)
from exchange.filings.states import FilingState, OutsideState
from kernel.errors import NotFound
from kernel.money import Money
from kernel.periods import Period
from organizations.permissions import Actor
from web import desk, finding


def filings_visible_to(viewer: Actor) -> QuerySet[Filing]:
    """Filings of the viewer's own trades; the whole register for operator, department and auditor."""
    if viewer.can(VIEW_ALL_FILINGS):
        return Filing.objects.all()
    own = viewer.organization_id
    if own is None or not viewer.can(VIEW_FILINGS):
        return Filing.objects.none()
    return Filing.objects.filter(Q(order__buyer_id=own) | Q(order__supplier_id=own))


def register(viewer: Actor, *, year: int | None = None, state: str = "") -> QuerySet[Filing]:
    """The register as a list shows and exports it, narrowed by business year of filing and by state."""
    if not viewer.can(VIEW_ALL_FILINGS):
        viewer.require(VIEW_FILINGS)
    rows = filings_visible_to(viewer)
    if year is not None and 2000 <= year <= 2999:
        period = Period.of_year(year)
        rows = rows.filter(filed_at__gte=period.start, filed_at__lt=period.end)
    if state in FilingState.values:
        rows = rows.filter(state=state)
    return rows.select_related(
        "order__product", "order__supplier", "order__buyer", "order__contract", "order__certificate"
    ).defer("token", "order__product__search", "order__contract__text", "order__certificate__claims")


def total_of(rows: QuerySet[Filing]) -> tuple[int, Money]:
    """How many filings and how much they count together."""
    found = (
        rows.select_related(None)
        .defer(None)
        .order_by()
        .aggregate(number=Count("pk"), amount=Sum("amount_fen"))
    )
    return found["number"], Money(int(found["amount"] or 0))


def visible_filing(viewer: Actor, filing_id: UUID) -> Filing:
    """One filing with order, sides and former vouchers; NotFound when the viewer may not see it."""
    rows = filings_visible_to(viewer).select_related("order__product", "order__supplier", "order__buyer")
    found = (
        rows.defer("order__product__search").prefetch_related("former_vouchers").filter(pk=filing_id).first()
    )
    if found is None:
        raise NotFound
    return found


# --- vouchers -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of a voucher: what it claims, its token, when it was replaced (None: in force)."""

    sequence: int
    claims: dict[str, Any]
    token: str
    issued_at: datetime
    replaced_at: datetime | None = None


def _former(row: FormerVoucher) -> Issue:
    return Issue(row.sequence, row.claims, row.token, row.issued_at, row.replaced_at)


def present_issue(filing: Filing) -> Issue:
    """The issue in force of a filed trade."""
    assert filing.issued_at is not None
    return Issue(filing.sequence, filing.claims, filing.token, filing.issued_at)


def issues_of(filing: Filing) -> list[Issue]:
    """Every issue of a filed trade, oldest first; the last one is in force."""
    former = sorted(filing.former_vouchers.all(), key=lambda each: each.sequence)
    return [*map(_former, former), present_issue(filing)]


def issue_of(filing: Filing, sequence: int | None) -> Issue:
    """The issue with that number, the one in force for None; NotFound otherwise."""
    found = issues_of(filing)
    if sequence is None:
        return found[-1]
    match = next((each for each in found if each.sequence == sequence), None)
    if match is None:
        raise NotFound
    return match


def voucher_url(claims: dict[str, Any], token: str) -> str:
    """The public address that a printed issue carries: its number, and the proof of which issue it is."""
    path = reverse("vouchers:number", args=[claims["jti"]])
    return f"{settings.SITE_URL}{path}?check={rules.check_of(token)}"


# --- exports ------------------------------------------------------------------------------------


def issues_in(period: Period, *, organization_id: UUID | None = None) -> Iterator[Issue]:
    """Every issue of the period in the order of issue: first ones, amendments and voidings alike.

    `organization_id` narrows to the trades of one side. A day's issues never change afterwards.
    """
    within = Q(issued_at__gte=period.start, issued_at__lt=period.end)
    current = Filing.objects.filter(within).exclude(state=FilingState.PENDING)
    former = FormerVoucher.objects.filter(within)
    if organization_id is not None:
        current = current.filter(Q(order__buyer=organization_id) | Q(order__supplier=organization_id))
        former = former.filter(
            Q(filing__order__buyer=organization_id) | Q(filing__order__supplier=organization_id)
        )
    order = ("issued_at", "pk")
    return heapq.merge(
        map(present_issue, current.defer("token").order_by(*order).iterator(chunk_size=1_000)),
        map(_former, former.defer("token").order_by(*order).iterator(chunk_size=1_000)),
        key=lambda issue: issue.issued_at,
    )


def may_export(viewer: Actor) -> bool:
    """Whether the viewer may have the register exported: the whole one, or its own trades."""
    return viewer.can(EXPORT_FILINGS) or viewer.can(VIEW_FILINGS)


def require_export(viewer: Actor) -> None:
    """Raise NotAllowed unless `may_export`."""
    if not viewer.can(VIEW_FILINGS):
        viewer.require(EXPORT_FILINGS)


def exports_visible_to(viewer: Actor) -> QuerySet[RegisterExport]:
    """Exports of the whole register for who may export it; else those of the viewer's organization."""
    rows = RegisterExport.objects.all()
    if viewer.can(EXPORT_FILINGS):
        return rows.filter(organization=None)
    if viewer.organization_id is None or not viewer.can(VIEW_FILINGS):
        return rows.none()
    return rows.filter(organization=viewer.organization_id)


def visible_export(viewer: Actor, export_id: UUID) -> RegisterExport:
    """One export; NotFound when it is not the viewer's to see."""
    found = exports_visible_to(viewer).filter(pk=export_id).first()
    if found is None:
        raise NotFound
    return found


# --- the outside exchange -----------------------------------------------------------------------


def outside_filings(viewer: Actor, *, state: str = "") -> QuerySet[OutsideFiling]:
    """The queue to the outside exchange, for operator and auditor."""
    viewer.require(VIEW_OUTSIDE)
    rows = OutsideFiling.objects.select_related("filing").defer("body", "filing__token")
    return rows.filter(state=state) if state in OutsideState.values else rows


def outside_counts(viewer: Actor) -> dict[str, int]:
    """How many rows of the queue stand in which state; every state is there."""
    viewer.require(VIEW_OUTSIDE)
    found = OutsideFiling.objects.order_by().values_list("state").annotate(number=Count("pk"))
    return {**dict.fromkeys(OutsideState.values, 0), **dict(found)}


def reconciliations(viewer: Actor) -> QuerySet[Reconciliation]:
    """Reconciled days, for operator and auditor."""
    viewer.require(VIEW_OUTSIDE)
    return Reconciliation.objects.all()


def visible_reconciliation(viewer: Actor, reconciliation_id: UUID) -> Reconciliation:
    """One reconciliation; NotFound when there is none."""
    found = reconciliations(viewer).filter(pk=reconciliation_id).first()
    if found is None:
        raise NotFound
    return found


# --- past trades --------------------------------------------------------------------------------


def past_trades_visible_to(viewer: Actor) -> QuerySet[PastTrade]:
    """Imported trades: all for who sees the register, else those that name the viewer's organization."""
    rows = PastTrade.objects.select_related("source")
    if viewer.can(VIEW_ALL_FILINGS):
        return rows
    own = viewer.organization
    if own is None or not viewer.can(VIEW_FILINGS):
        return rows.none()
    return rows.filter(Q(supplier_uscc=own.uscc) | Q(buyer_uscc=own.uscc))


def past_trades(viewer: Actor, *, year: int | None = None) -> QuerySet[PastTrade]:
    """The imported trades of the register, narrowed by the year of the trade."""
    if not viewer.can(VIEW_ALL_FILINGS):
        viewer.require(VIEW_FILINGS)
    rows = past_trades_visible_to(viewer)
    return rows.filter(traded_on__year=year) if year is not None and 2000 <= year <= 2999 else rows


def past_total_of(rows: QuerySet[PastTrade]) -> tuple[int, Money]:
    """How many imported trades, and their amount."""
    found = rows.order_by().aggregate(number=Count("pk"), amount=Sum("amount_fen"))
    return found["number"], Money(int(found["amount"] or 0))


def imports_visible_to(viewer: Actor) -> QuerySet[PastTradeImport]:
    """Import files, for operator and auditor."""
    viewer.require(VIEW_IMPORTS)
    return PastTradeImport.objects.all()


def visible_import(viewer: Actor, import_id: UUID) -> PastTradeImport:
    """One import; NotFound when there is none."""
    found = imports_visible_to(viewer).filter(pk=import_id).first()
    if found is None:
        raise NotFound
    return found


# --- desk, search -------------------------------------------------------------------------------


def figures(viewer: Actor) -> list[desk.Figure]:
    """Filed trades and their amount, for whoever keeps or looks at the register."""
    if not viewer.can(VIEW_ALL_FILINGS):
        return []
    number, amount = total_of(filings_visible_to(viewer))
    return [desk.Figure(_("已备案交易"), f"{number:,}", str(amount), reverse("filings:register"))]


def find_filings(viewer: Actor, text: str) -> list[finding.Hit]:
    """Filings the viewer may see, by voucher number or order number."""
    by_number = Q(voucher_number__iexact=text) | Q(order__number__iexact=text)
    rows = (
        filings_visible_to(viewer)
        .filter(by_number)
        .select_related("order__product")
        .defer("order__product__search")
    )
    return [
        finding.Hit(
            title=filing.order.product.display_title,
            url=reverse("filings:voucher", args=[filing.pk]),
            detail=str(filing.get_state_display()),
            number=str(filing),
            is_exact=str(filing.voucher_number or "").lower() == text.lower(),
        )
        for filing in rows.order_by("-pk")[:10]
    ]
