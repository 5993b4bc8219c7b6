"""The stations above a dataset's file: its certificates, products and sales, as far as the viewer sees them."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from assets.datasets.lineage import Step, register_sources, register_step
from assets.datasets.models import DatasetFile
from assets.registry.selectors import certificates_visible_to
from assets.uploads.selectors import source_steps, source_words
from exchange.catalogue.selectors import products_visible_to
from exchange.trading.selectors import orders_visible_to
from organizations.permissions import Actor

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


def fill() -> None:
    """Register every station, once, when Django is ready."""
    register_sources(source_words)
    register_step("sources", source_steps)
    register_step("certificates", certificates)
    register_step("products", products)
    register_step("sales", sales)
