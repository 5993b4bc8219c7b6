"""Reads of filings that take a viewer."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.filings.models import Filing
from exchange.filings.permissions import VIEW_ALL_FILINGS, VIEW_FILINGS
from exchange.filings.states import FilingState
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
