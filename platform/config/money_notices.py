"""What people are told of invoices and pay; wired in `wiring.py`."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from exchange.trading.models import Order
from kernel.events import Event
from notifications.services import notify, notify_holders
from organizations.states import Role
from settlement.invoicing import events as invoices
from settlement.invoicing.models import Invoice
from settlement.payruns import events as pay
from settlement.payruns.models import PayItem


def _tell(event: Event, organization_id: UUID, title: Promise, words: dict[str, str], url: str) -> None:
    notify_holders(
        organization_id=organization_id,
        roles=(Role.FINANCE,),
        at=event.at,
        title=title,
        words=words,
        url=url,
        is_mailed=True,
    )


def tell_invoice_wished(event: invoices.InvoiceWished) -> None:
    """The supplier's finance: the buyer waits for an invoice."""
    number, supplier_id = Order.objects.values_list("number", "supplier_id").get(pk=event.order_id)
    url = reverse("invoicing:order", args=[event.order_id])
    _tell(event, supplier_id, _("订单 %(number)s 的买方申请开票"), {"number": number}, url)


def _invoice(event: invoices.InvoiceIssued | invoices.InvoiceVoided, title: Promise, credit: Promise) -> None:
    found = Invoice.objects.select_related("order").get(pk=event.invoice_id)
    words = {"number": found.invoice_number, "order": found.order.number}
    url = reverse("invoicing:invoice", args=[found.pk])
    _tell(event, found.recipient_id, credit if found.is_credit else title, words, url)


def tell_invoice_issued(event: invoices.InvoiceIssued) -> None:
    """The buyer's finance: there is an invoice, or a credit invoice."""
    _invoice(
        event,
        _("收到订单 %(order)s 的发票 %(number)s"),
        _("收到订单 %(order)s 的红字发票 %(number)s"),
    )


def tell_invoice_voided(event: invoices.InvoiceVoided) -> None:
    """The buyer's finance: do not book it."""
    _invoice(
        event,
        _("订单 %(order)s 的发票 %(number)s 已作废"),
        _("订单 %(order)s 的红字发票 %(number)s 已作废"),
    )


def tell_run_paid(event: pay.RunPaid) -> None:
    """Everyone who is paid: there is a slip."""
    notify(
        users=User.objects.filter(pay_items__run=event.run_id),
        at=event.at,
        title=_("标注报酬已发放，请查看报酬单"),
        url=reverse("payruns:slips"),
        is_mailed=False,
    )


def tell_item_returned(event: pay.ItemReturned) -> None:
    """The annotator whose pay came back: the account is to be put right."""
    item = PayItem.objects.select_related("annotator").get(pk=event.item_id)
    notify(
        users=[item.annotator],
        at=event.at,
        title=_("标注报酬被银行退回，请核对收款账户"),
        url=reverse("payruns:account"),
        is_mailed=True,
    )
