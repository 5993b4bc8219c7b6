"""Delivering and handing out links."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetFile
from audit.services import record
from documents.objects import LINK_LIFETIME, signed_link
from exchange.delivery.events import OrderDelivered
from exchange.delivery.models import Delivery, Download
from exchange.delivery.permissions import DELIVER, DOWNLOAD
from exchange.delivery.selectors import OPEN_TO_BUYER
from exchange.trading.services import hand_over, locked_order, require_side
from exchange.trading.states import ORDER, Party
from kernel.errors import NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor


class NotOpen(Refusal):
    """The files are not, or no longer, open to the buyer."""

    code = "delivery_not_open"
    message = _("订单当前为“%(state)s”，数据未开放下载。")


@transaction.atomic
def deliver(*, by: Actor, at: datetime, order_id: UUID) -> Delivery:
    """Open the bought version to the buyer's organization: a paid order becomes delivered."""
    order = locked_order(order_id, "version", heavy=("version__sample", "version__dictionary"))
    require_side(order, by, Party.SUPPLIER, DELIVER)
    ORDER.check(order, "deliver")
    version = order.version
    delivery = Delivery(
        order=order,
        root_hash=version.root_hash,
        file_count=version.file_count,
        byte_count=version.byte_count,
        delivered_by=by.user,
        delivered_at=at,
    )
    delivery.save(force_insert=True)
    hand_over(order, by=by, at=at)
    record(by=by, at=at, action="deliveries.deliver", subject=order, detail={"root_hash": version.root_hash})
    announce(OrderDelivered(at=at, order_id=order.pk, by=by))
    return delivery


@transaction.atomic
def hand_out_link(*, by: Actor, at: datetime, order_id: UUID, file_id: int) -> tuple[Download, str]:
    """A link to one bought file that works for ten minutes, with its record; buyer's organization only.

    Raises NotFound (order or file), WrongSide or NotAllowed (403), NotOpen; nothing is recorded then.
    """
    order = locked_order(order_id, "delivery")
    require_side(order, by, Party.BUYER, DOWNLOAD)
    if order.state not in OPEN_TO_BUYER:
        raise NotOpen(state=order.get_state_display())
    file = DatasetFile.objects.filter(pk=file_id, version_id=order.version_id).first()
    if file is None:
        raise NotFound
    download = Download(
        delivery=order.delivery,
        file=file,
        user=by.user,
        actor_label=by.label[:200],
        requested_at=at,
        expires_at=at + LINK_LIFETIME,
    )
    download.save(force_insert=True)
    record(
        by=by,
        at=at,
        action="deliveries.download",
        subject=order,
        detail={"path": file.path, "sha256": file.sha256},
    )
    link = signed_link(file.object_key, file_name=file.path.rsplit("/", 1)[-1], media_type=file.media_type)
    return download, link
