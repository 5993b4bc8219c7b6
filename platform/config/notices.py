"""What people are told when something happens across the domains; wired in `wiring.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets.registry.events import CertificateIssued, CertificateLapsed
from assets.registry.models import Certificate
from exchange.catalogue.events import ListingPublished, ListingRejected
from exchange.catalogue.models import Product
from exchange.delivery.events import OrderDelivered
from exchange.trading.events import OrderPlaced
from exchange.trading.models import Order
from kernel.events import Event
from notifications.services import notify_holders
from organizations.states import Role
from settlement.payments.events import OrderRefunded
from settlement.rewards.events import AwardGranted, ClaimReturned, StatementDrafted
from settlement.rewards.models import Claim


def _tell(
    event: Event,
    organization_id: UUID,
    role: Role,
    title: Promise,
    words: Mapping[str, Any],
    url: str,
    *,
    mail: bool = False,
) -> None:
    notify_holders(
        organization_id=organization_id,
        roles=(role,),
        at=event.at,
        title=title,
        words=words,
        url=url,
        is_mailed=mail,
    )


def _certificate(event: CertificateIssued | CertificateLapsed, title: Promise) -> None:
    found = Certificate.objects.values("number", "title", "holder_id").get(pk=event.certificate_id)
    url = reverse("verification:number", args=[found["number"]])
    _tell(event, found["holder_id"], Role.ASSET_CLERK, title, found, url, mail=True)


def tell_certificate_issued(event: CertificateIssued) -> None:
    """The holder's asset clerks: the certificate is there."""
    _certificate(event, _("“%(title)s”已发证，证书编号 %(number)s"))


def tell_certificate_lapsed(event: CertificateLapsed) -> None:
    """The holder's asset clerks: the certificate no longer holds, its listings are off sale."""
    _certificate(event, _("证书 %(number)s 已失效，所涉商品已暂停交易"))


def _listing(event: ListingPublished | ListingRejected, title: Promise) -> None:
    found = Product.objects.values("number", "title", "supplier_id").get(pk=event.product_id)
    url = reverse("catalogue:product", args=[found["number"]])
    _tell(event, found["supplier_id"], Role.TRADER, title, found, url)


def tell_listing_published(event: ListingPublished) -> None:
    """The supplier's traders: the product is on sale."""
    _listing(event, _("“%(title)s”已上架"))


def tell_listing_rejected(event: ListingRejected) -> None:
    """The supplier's traders: the listing needs work."""
    _listing(event, _("“%(title)s”的上架申请未通过，请查看意见"))


def _order(event: Any, side: str, role: Role, title: Promise) -> None:
    found = Order.objects.values("number", f"{side}_id").get(pk=event.order_id)
    url = reverse("trading:order", args=[event.order_id])
    _tell(event, found[f"{side}_id"], role, title, {"number": found["number"]}, url)


def tell_order_placed(event: OrderPlaced) -> None:
    """The supplier's traders: a contract waits for their signature."""
    _order(event, "supplier", Role.TRADER, _("新订单 %(number)s，等待签约"))


def tell_order_delivered(event: OrderDelivered) -> None:
    """The buyer's purchasers: there is something to inspect."""
    _order(event, "buyer", Role.PURCHASER, _("订单 %(number)s 已交付，请验收"))


def tell_order_refunded(event: OrderRefunded) -> None:
    """The buyer's finance: money came back."""
    _order(event, "buyer", Role.FINANCE, _("订单 %(number)s 有退款到账"))


def _claim(event: StatementDrafted | ClaimReturned | AwardGranted, title: Promise) -> None:
    found = Claim.objects.values("number", "year").get(pk=event.claim_id)
    url = reverse("rewards:claim", args=[found["number"]])
    _tell(event, event.firm_id, Role.FINANCE, title, found, url, mail=True)


def tell_statement_drafted(event: StatementDrafted) -> None:
    """The firm's finance: a statement waits for their word."""
    _claim(event, _("%(year)s 年度奖励测算已生成，请核对并确认"))


def tell_claim_returned(event: ClaimReturned) -> None:
    """The firm's finance: the claim needs something."""
    _claim(event, _("奖励申报 %(number)s 被退回补正"))


def tell_award_granted(event: AwardGranted) -> None:
    """The firm's finance: the reward was approved."""
    _claim(event, _("奖励申报 %(number)s 已批准"))
