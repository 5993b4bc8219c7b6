"""Short ways to invoices, for tests that start there."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count

from exchange.trading.models import Order
from exchange.trading.rules import tax_within
from kernel.money import Money
from organizations.permissions import Actor
from settlement.invoicing import services
from settlement.invoicing.models import Invoice
from tests import cast

_serial = count(1)
ISSUED = cast.NOON + timedelta(days=2)


def number() -> str:
    """A number of a fully digital invoice."""
    return f"2644{next(_serial):016d}"


def sheet(
    gross: int, *, tax: int | None = None, on: date | None = None, no: str = "", rate_bp: int = 600
) -> services.Sheet:
    """An invoice over `gross` fen at 6 %."""
    held = Money(tax) if tax is not None else tax_within(Money(gross), rate_bp)
    return services.Sheet(
        invoice_number=no or number(),
        rate_bp=rate_bp,
        net=Money(gross) - held,
        tax=held,
        issued_on=on or ISSUED.date(),
    )


def invoiced(
    order: Order, gross: int = 0, *, at: datetime = ISSUED, by: Actor | None = None, **told: object
) -> Invoice:
    """An invoice of 清蓝 over the order's price, or part of it."""
    return services.issue_invoice(
        by=by or cast.lin(),
        at=at,
        order_id=order.pk,
        kind="special",
        sheet=sheet(gross or int(order.amount_fen), **{"on": at.date(), **told}),  # type: ignore[arg-type]
    )


def credited(
    invoice: Invoice, gross: int, *, at: datetime = ISSUED, cause: object = None, **told: object
) -> Invoice:
    """A credit invoice over part of an invoice."""
    return services.issue_credit(
        by=cast.lin(),
        at=at,
        invoice_id=invoice.pk,
        sheet=sheet(gross, **{"on": at.date(), **told}),  # type: ignore[arg-type]
        reason="退款",
        cause_id=cause,  # type: ignore[arg-type]
    )
