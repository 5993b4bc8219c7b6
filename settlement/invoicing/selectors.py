"""Reading invoices: who sees which, how an order stands, what waits to be invoiced or credited."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    Case,
    F,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exchange.filings.invoices import IssuedInvoice
from exchange.trading.models import Order
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from settlement.invoicing.models import FeeInvoice, Invoice, Wish
from settlement.invoicing.permissions import (
    ISSUE_FEE_INVOICES,
    ISSUE_INVOICES,
    VIEW_ALL_INVOICES,
    VIEW_INVOICES,
    WISH_INVOICES,
)
from settlement.invoicing.rules import Standing
from settlement.invoicing.states import InvoiceState, WishState
from settlement.payments.models import EscrowReturn, Refund
from web.desk import Todo
from web.finding import Hit

_SUMS = ("booked", "returned", "refunded", "released", "invoiced", "credited")
MOST_TODOS = 5


def sum_of(rows: QuerySet[Any], amount: str) -> Coalesce:
    """The sum of `amount` over an order's rows, as a column of a query over orders."""
    told = (
        rows.filter(order=OuterRef("pk")).order_by().values("order").annotate(told=Sum(amount)).values("told")
    )
    return Coalesce(Subquery(told, output_field=BigIntegerField()), 0)


def with_sums(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Orders with what `Standing` holds, as columns `…_sum`; one query for any number."""
    issued = Invoice.objects.filter(state=InvoiceState.ISSUED)
    return orders.annotate(
        booked_sum=Case(
            When(payment__authorized_at__isnull=False, then=F("payment__amount_fen")),
            default=Value(0),
            output_field=BigIntegerField(),
        ),
        returned_sum=Coalesce(F("escrow_return__amount_fen"), 0, output_field=BigIntegerField()),
        released_sum=Coalesce(F("release__gross_fen"), 0, output_field=BigIntegerField()),
        refunded_sum=sum_of(Refund.objects.all(), "amount_fen"),
        invoiced_sum=sum_of(issued.filter(credits=None), "gross_fen"),
        credited_sum=sum_of(issued.filter(credits__isnull=False), "gross_fen"),
    )


KEEPS = F("booked_sum") - F("returned_sum") - F("refunded_sum")
STANDS = F("invoiced_sum") - F("credited_sum")


def standing(order: Order) -> Standing:
    """How an order of `with_sums` stands."""
    return Standing(**{name: int(getattr(order, f"{name}_sum")) for name in _SUMS})


def standing_of(order_id: UUID) -> Standing:
    """How one order stands now."""
    return standing(with_sums(Order.objects.filter(pk=order_id)).get())


def require_view(viewer: Actor) -> None:
    """Raise NotAllowed unless the viewer may look at invoices."""
    if not viewer.can(VIEW_ALL_INVOICES):
        viewer.require(VIEW_INVOICES)


def _own(viewer: Actor, buyer: str, supplier: str) -> Q:
    return Q(**{buyer: viewer.organization_id}) | Q(**{supplier: viewer.organization_id})


def orders_visible_to(viewer: Actor) -> QuerySet[Order]:
    """Orders whose invoices the viewer may see."""
    rows = Order.objects.select_related("buyer", "supplier", "product").defer("product__search")
    if viewer.can(VIEW_ALL_INVOICES):
        return rows
    if viewer.organization_id is None or not viewer.can(VIEW_INVOICES):
        return rows.none()
    return rows.filter(_own(viewer, "buyer_id", "supplier_id"))


def order_visible_to(viewer: Actor, order_id: UUID) -> Order:
    """One of them with its sums; NotFound otherwise."""
    found = with_sums(orders_visible_to(viewer)).filter(pk=order_id).first()
    if found is None:
        raise NotFound
    return found


def invoices_visible_to(viewer: Actor) -> QuerySet[Invoice]:
    """All for operator and auditor; else those that the viewer's organization issued or received."""
    rows = Invoice.objects.select_related("order", "credits")
    if viewer.can(VIEW_ALL_INVOICES):
        return rows
    if viewer.organization_id is None or not viewer.can(VIEW_INVOICES):
        return rows.none()
    return rows.filter(_own(viewer, "recipient_id", "issuer_id"))


def invoice_visible_to(viewer: Actor, invoice_id: UUID) -> Invoice:
    """One invoice; NotFound otherwise."""
    found = (
        invoices_visible_to(viewer)
        .select_related("document", "refund", "escrow_return")
        .filter(pk=invoice_id)
    )
    if (invoice := found.first()) is None:
        raise NotFound
    return invoice


def wishes_visible_to(viewer: Actor) -> QuerySet[Wish]:
    """The same for wishes."""
    rows = Wish.objects.select_related("order__buyer", "order__supplier", "invoice")
    if viewer.can(VIEW_ALL_INVOICES):
        return rows
    if viewer.organization_id is None or not viewer.can(VIEW_INVOICES):
        return rows.none()
    return rows.filter(_own(viewer, "order__buyer_id", "order__supplier_id"))


def invoices_of(order: Order) -> list[Invoice]:
    """An order's invoices and credit invoices, oldest first."""
    return list(Invoice.objects.filter(order=order).select_related("credits").order_by("issued_at", "pk"))


def invoice_facts_of(order_id: UUID) -> list[tuple[str, str, date, int]]:
    """Code, number, day of issue and what stands (fen, less what was credited) of an order's invoices, oldest first."""
    credited: dict[UUID, int] = {}
    blue: list[Invoice] = []
    for each in Invoice.objects.filter(order=order_id, state=InvoiceState.ISSUED).order_by("issued_at", "pk"):
        if each.credits_id is None:
            blue.append(each)
        else:
            credited[each.credits_id] = credited.get(each.credits_id, 0) + int(each.gross_fen)
    stands = [(each, int(each.gross_fen) - credited.get(each.pk, 0)) for each in blue]
    return [(each.code, each.invoice_number, each.issued_on, left) for each, left in stands if left > 0]


def told_on_voucher(viewer: Actor, order_id: UUID) -> list[IssuedInvoice]:
    """An order's invoices as the page of its voucher names them, as far as the viewer may see them."""
    rows = invoices_visible_to(viewer).filter(order=order_id).order_by("issued_at", "pk")
    return [
        IssuedInvoice(
            number=f"{each.code} {each.invoice_number}".strip(),
            on=each.issued_on,
            amount=Money(-int(each.gross_fen) if each.is_credit else int(each.gross_fen)),
            words=_("红字") if each.is_credit else "",
            is_void=each.state == InvoiceState.VOIDED,
            url=reverse("invoicing:invoice", args=[each.pk]),
        )
        for each in rows
    ]


def credit_invoices_of(invoice: Invoice) -> list[Invoice]:
    """The credit invoices of one invoice, oldest first."""
    return list(Invoice.objects.filter(credits=invoice).order_by("issued_at", "pk"))


def left_of(invoice: Invoice) -> tuple[Money, Money]:
    """What may still be credited of an invoice: gross, tax."""
    if invoice.is_credit or invoice.state != InvoiceState.ISSUED:
        return Money(0), Money(0)
    rows = Invoice.objects.filter(credits=invoice, state=InvoiceState.ISSUED)
    sums = rows.aggregate(gross=Coalesce(Sum("gross_fen"), 0), tax=Coalesce(Sum("tax_fen"), 0))
    return Money(int(invoice.gross_fen) - int(sums["gross"])), Money(int(invoice.tax_fen) - int(sums["tax"]))


def causes_of(order: Order) -> list[Refund | EscrowReturn]:
    """What went back to the buyer of an order, oldest first: what a credit invoice may follow."""
    returns = list(EscrowReturn.objects.filter(order=order))
    return [*returns, *Refund.objects.filter(order=order).order_by("refunded_at", "pk")]


def open_wish_of(order: Order) -> Wish | None:
    """The buyer's open wish, if any."""
    return Wish.objects.filter(order=order, state=WishState.OPEN).first()


def transitions_of(subject: Model) -> list[Transition]:
    """The moves of an invoice, oldest first."""
    return list(Transition.objects.filter(subject_id=subject.pk).order_by("at", "pk"))


def may_issue(viewer: Actor, order: Order) -> bool:
    """Whether the viewer acts for the order's supplier and may issue invoices."""
    return viewer.belongs_to(order.supplier_id) and viewer.can(ISSUE_INVOICES)


def may_wish(viewer: Actor, order: Order) -> bool:
    """Whether the viewer acts for the order's buyer and may ask for an invoice."""
    return viewer.belongs_to(order.buyer_id) and viewer.can(WISH_INVOICES)


# --- the exchange's fee ------------------------------------------------------------------------


def with_fees(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Orders with their fee, what refunds gave back of it and what stands invoiced, as columns `fee_…`."""
    issued = FeeInvoice.objects.filter(state=InvoiceState.ISSUED)
    return orders.annotate(
        fee_whole=Coalesce(F("release__fee_fen"), 0, output_field=BigIntegerField()),
        fee_back=sum_of(Refund.objects.all(), "fee_fen"),
        fee_invoiced=sum_of(issued.filter(credits=None), "gross_fen"),
        fee_credited=sum_of(issued.filter(credits__isnull=False), "gross_fen"),
    )


_FEE_DUE = ~Q(fee_invoiced=F("fee_whole") - F("fee_back") + F("fee_credited"))


def fee_standing(order: Order) -> Standing:
    """How the fee of an order of `with_fees` stands against its invoices."""
    whole, back, invoiced, credited = (
        int(getattr(order, f"fee_{name}")) for name in ("whole", "back", "invoiced", "credited")
    )
    return Standing(booked=whole, released=whole, refunded=back, invoiced=invoiced, credited=credited)


def fee_standing_of(order_id: UUID) -> Standing:
    """How the fee of one order stands now."""
    return fee_standing(with_fees(Order.objects.filter(pk=order_id)).get())


def fee_orders_visible_to(viewer: Actor) -> QuerySet[Order]:
    """Released orders that cost a fee: all for operator and auditor, else those that the viewer's organization sold."""
    rows = with_fees(orders_visible_to(viewer).filter(release__fee_fen__gt=0))
    return rows if viewer.can(VIEW_ALL_INVOICES) else rows.filter(supplier_id=viewer.organization_id)


def fee_orders_due(rows: QuerySet[Order]) -> QuerySet[Order]:
    """Those of them whose invoices are not the fee that the exchange keeps."""
    return rows.filter(_FEE_DUE)


def fee_order_visible_to(viewer: Actor, order_id: UUID) -> Order:
    """One of them; NotFound otherwise."""
    found = fee_orders_visible_to(viewer).filter(pk=order_id).first()
    if found is None:
        raise NotFound
    return found


def fee_invoices_of(order: Order) -> list[tuple[FeeInvoice, int]]:
    """An order's fee invoices and credit invoices, oldest first, each with what may still be credited of it (fen)."""
    rows = list(FeeInvoice.objects.filter(order=order).order_by("issued_at", "pk"))
    live = [each for each in rows if each.state == InvoiceState.ISSUED]
    left = {each.pk: int(each.gross_fen) for each in live if not each.is_credit}
    for each in live:
        if each.credits_id is not None:
            left[each.credits_id] -= int(each.gross_fen)
    return [(each, left.get(each.pk, 0)) for each in rows]


def fee_invoices_visible_to(viewer: Actor) -> QuerySet[FeeInvoice]:
    """Fee invoices: all for operator and auditor, a supplier's own for it."""
    rows = FeeInvoice.objects.select_related("order", "document")
    if viewer.can(VIEW_ALL_INVOICES):
        return rows
    if viewer.organization_id is None or not viewer.can(VIEW_INVOICES):
        return rows.none()
    return rows.filter(recipient_id=viewer.organization_id)


def fee_invoice_visible_to(viewer: Actor, invoice_id: UUID) -> FeeInvoice:
    """One fee invoice, for its supplier, the operator and the auditor; NotFound otherwise."""
    if (found := fee_invoices_visible_to(viewer).filter(pk=invoice_id).first()) is None:
        raise NotFound
    return found


def left_of_fee(invoice: FeeInvoice) -> tuple[Money, Money]:
    """What may still be credited of a fee invoice: gross, tax."""
    if invoice.is_credit or invoice.state != InvoiceState.ISSUED:
        return Money(0), Money(0)
    rows = FeeInvoice.objects.filter(credits=invoice, state=InvoiceState.ISSUED)
    sums = rows.aggregate(gross=Coalesce(Sum("gross_fen"), 0), tax=Coalesce(Sum("tax_fen"), 0))
    return Money(int(invoice.gross_fen) - int(sums["gross"])), Money(int(invoice.tax_fen) - int(sums["tax"]))


# --- desk, search ------------------------------------------------------------------------------


def todos(viewer: Actor) -> list[Todo]:
    """A supplier's finance: buyers who wait for an invoice, released orders without one, credit invoices due; the
    exchange's finance: how many orders' fees are not invoiced as they are kept."""
    if viewer.can(ISSUE_FEE_INVOICES):
        return _fee_todos(viewer)
    if viewer.organization_id is None or not viewer.can(ISSUE_INVOICES):
        return []
    sold = with_sums(
        Order.objects.filter(supplier_id=viewer.organization_id, payment__authorized_at__isnull=False)
    )
    waiting = sold.filter(
        Q(released_sum__gt=0, booked_sum__gt=F("returned_sum") + F("refunded_sum") + STANDS)
        | Q(invoice_wishes__state=WishState.OPEN)
        | Q(booked_sum__lt=F("returned_sum") + F("refunded_sum") + STANDS)
    )
    found = []
    for order in waiting.distinct().order_by("pk")[:MOST_TODOS]:
        stands = standing(order)
        if stands.to_credit:
            title = _("订单 %(number)s 待开红字发票") % {"number": order.number}
            detail = _("多开 %(amount)s") % {"amount": Money(stands.to_credit)}
        else:
            title = _("订单 %(number)s 待开发票") % {"number": order.number}
            detail = _("还可开 %(amount)s") % {"amount": Money(stands.to_invoice)}
        found.append(Todo(title, reverse("invoicing:order", args=[order.pk]), detail, icon="receipt"))
    return found


def _fee_todos(viewer: Actor) -> list[Todo]:
    count = fee_orders_due(fee_orders_visible_to(viewer)).count()
    if not count:
        return []
    title = ngettext("%(count)s 笔订单的交易服务费待开票", "%(count)s 笔订单的交易服务费待开票", count)
    return [Todo(title % {"count": count}, f"{reverse('invoicing:fees')}?show=due", icon="receipt")]


def find_invoices(viewer: Actor, text: str) -> list[Hit]:
    """Invoices the viewer may see, by our number, the tax office's, or the order's."""
    rows = invoices_visible_to(viewer).filter(
        Q(number__iexact=text) | Q(invoice_number=text) | Q(order__number__iexact=text)
    )
    return [
        Hit(
            title=f"{_('红字发票') if each.is_credit else _('发票')} {Money(each.signed_gross_fen)}",
            url=reverse("invoicing:invoice", args=[each.pk]),
            detail=f"{each.invoice_number} · {each.order.number}",
            number=each.number,
            is_exact=text.lower() in (each.number.lower(), each.invoice_number),
        )
        for each in rows.order_by("-pk")[:10]
    ]
