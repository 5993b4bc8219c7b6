"""The stations above a dataset's file: its certificates, products and sales, as far as the viewer sees them."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from assets.datasets.lineage import Step, register_sources, register_step
from assets.datasets.models import DatasetFile, DatasetVersion
from assets.exports.facts import register_facts
from assets.exports.metadata.told import Facts
from assets.exports.metadata.told import Step as MetadataStep
from assets.registry.models import Certificate
from assets.registry.selectors import certificates_visible_to, verification_url
from assets.registry.states import CertificateState
from assets.uploads.selectors import source_steps, source_words
from exchange.catalogue.opinions import register_opinions
from exchange.catalogue.selectors import listed_products, products_visible_to
from exchange.catalogue.ways import register_ways
from exchange.delivery.ways import ways_of
from exchange.filings.invoices import register_invoices
from exchange.filings.models import Filing
from exchange.requests.selectors import moments_of_order
from exchange.reviews.selectors import opinions_of
from exchange.trading import timeline
from exchange.trading.models import Order
from exchange.trading.selectors import orders_visible_to
from kernel.money import Money
from organizations.permissions import Actor
from settlement.invoicing.selectors import told_on_voucher
from settlement.payments.models import Refund
from web.parts import Moment

SHOWN = 20


def certificates(viewer: Actor, file: DatasetFile) -> list[Step]:
    """The certificates of the file's version."""
    rows = certificates_visible_to(viewer).filter(version=file.version_id).order_by("-pk")[:SHOWN]
    return [
        Step(
            kind="certificate",
            label=_("登记证书"),
            title=row.number,
            details=(row.get_state_display(),),
            url=reverse("registry:certificate", args=[row.number]),
            at=row.issued_at,
        )
        for row in rows
    ]


def products(viewer: Actor, file: DatasetFile) -> list[Step]:
    """The products that hold the file's version."""
    rows = products_visible_to(viewer).filter(version=file.version_id).order_by("-pk")[:SHOWN]
    return [
        Step(
            kind="product",
            label=_("数据产品"),
            title=row.title,
            details=(row.number, row.get_state_display()),
            url=reverse("catalogue:product", args=[row.number]),
            at=row.created_at,
        )
        for row in rows
    ]


def sales(viewer: Actor, file: DatasetFile) -> list[Step]:
    """The orders of the file's version."""
    rows = orders_visible_to(viewer).filter(version=file.version_id).select_related("buyer", "product")
    return [
        Step(
            kind="sale",
            label=_("订单"),
            title=row.number,
            details=(row.buyer.display_name, row.get_state_display()),
            url=reverse("trading:order", args=[row.pk]),
            at=row.placed_at,
        )
        for row in rows.order_by("-pk")[:SHOWN]
    ]


def filed(viewer: Actor, order: Order) -> list[Moment]:
    """The filing of an order with its voucher."""
    rows = Filing.objects.filter(order=order).exclude(filed_at=None)
    return [
        Moment(_("交易备案 %(number)s") % {"number": each.voucher_number}, each.filed_at) for each in rows
    ]


def refunded(viewer: Actor, order: Order) -> list[Moment]:
    """The refunds of an order."""
    rows = Refund.objects.filter(order=order).order_by("refunded_at", "pk")
    return [
        Moment(
            _("退款 %(amount)s") % {"amount": Money(each.amount_fen)},
            each.refunded_at,
            each.number,
            each.reason,
        )
        for each in rows
    ]


def known_above(version: DatasetVersion) -> Facts:
    """What the registry and the catalogue say of a version in public, for its metadata; no sale is public."""
    certificates = list(Certificate.objects.select_related("holder").filter(version=version).order_by("pk"))
    in_force = [each for each in certificates if each.state == CertificateState.VALID]
    product = listed_products().filter(version=version).order_by("pk").first()
    steps = [
        MetadataStep(
            key=f"certificate-{place}",
            title="资产登记",
            title_en="Registration",
            at=each.issued_at,
            number=each.number,
            agent=str(each.claims["certificate"]["authority"]["name"]),
            url=verification_url(each.number),
        )
        for place, each in enumerate(certificates, start=1)
    ]
    return Facts(
        certificate_number=in_force[-1].number if in_force else "",
        certificate_url=verification_url(in_force[-1].number) if in_force else "",
        licence=str(product.get_licence_display()) if product else "",
        page=f"{settings.SITE_URL}{reverse('catalogue:product', args=[product.number])}" if product else "",
        use_cases=[each.claims["certificate"]["use_case"] for each in in_force[-1:]],
        steps=steps,
    )


def fill() -> None:
    """Register every station, once, when Django is ready."""
    register_facts(known_above)
    for provider in (moments_of_order, filed, refunded):
        timeline.register(provider)
    register_opinions(opinions_of)
    register_ways(ways_of)
    register_invoices(told_on_voucher)
    register_sources(source_words)
    register_step("sources", source_steps)
    register_step("certificates", certificates)
    register_step("products", products)
    register_step("sales", sales)
