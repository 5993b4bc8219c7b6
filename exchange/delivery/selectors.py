"""Reads of deliveries that take a viewer."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from assets.datasets.models import DatasetFile, DatasetVersion
from exchange.delivery.models import Delivery, Download, Replacement
from exchange.trading.models import Order
from exchange.trading.selectors import access_ends_at, orders_visible_to
from exchange.trading.states import OrderState
from kernel.errors import NotFound
from organizations.permissions import Actor

OPEN_TO_BUYER = (OrderState.DELIVERED, OrderState.ACCEPTED, OrderState.COMPLETED, OrderState.DISPUTED)


def is_open_to_buyer(order: Order, at: datetime) -> bool:
    """Whether the buyer may take the data at that moment: delivered, and the licence has not ended."""
    ending = access_ends_at(order)
    return order.state in OPEN_TO_BUYER and (ending is None or at < ending)


def deliveries_visible_to(viewer: Actor) -> QuerySet[Delivery]:
    """The deliveries of the orders that the viewer may see."""
    return Delivery.objects.filter(order__in=orders_visible_to(viewer))


def visible_delivery(viewer: Actor, order_id: UUID) -> Delivery:
    """The delivery of one order, with order, product and sides; NotFound when there is none to see."""
    rows = deliveries_visible_to(viewer).select_related(
        "order__product", "order__supplier", "order__buyer", "order__version", "order__plan"
    )
    found = rows.defer("order__product__search").filter(order_id=order_id).first()
    if found is None:
        raise NotFound
    return found


def replacement_of(order: Order) -> Replacement | None:
    """What was delivered last in the place of the bought version, with version and certificate; or nothing."""
    rows = Replacement.objects.filter(delivery__order=order).select_related("version__dataset", "certificate")
    heavy = ("version__sample", "version__dictionary", "version__label_counts", "certificate__claims")
    return rows.defer(*heavy, "certificate__token").order_by("-ordinal").first()


def replacements_of(delivery: Delivery) -> list[Replacement]:
    """Everything that was delivered in the place of the bought version, oldest first."""
    rows = Replacement.objects.filter(delivery=delivery).select_related("version__dataset", "certificate")
    heavy = ("version__sample", "version__dictionary", "version__label_counts", "certificate__claims")
    return list(rows.defer(*heavy, "certificate__token").order_by("ordinal"))


def version_id_of(order: Order) -> UUID:
    """The version that the buyer downloads: the bought one, or what replaced it."""
    rows = Replacement.objects.filter(delivery__order=order).order_by("-ordinal")
    return rows.values_list("version_id", flat=True).first() or order.version_id


def files_of(order: Order) -> QuerySet[DatasetFile]:
    """The files of the version that stands delivered, by path."""
    return DatasetFile.objects.filter(version_id=version_id_of(order)).order_by("path", "pk")


def version_of(order: Order) -> DatasetVersion:
    """The version that stands delivered, with its dataset, firm and project."""
    return DatasetVersion.objects.select_related("dataset__firm", "project").get(pk=version_id_of(order))


def downloads_of(delivery: Delivery) -> QuerySet[Download]:
    """The access log of a delivery (both sides and the operator see it), newest first."""
    return Download.objects.filter(delivery=delivery).select_related("file", "export").order_by("-pk")
