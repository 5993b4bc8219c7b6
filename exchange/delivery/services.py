"""Delivering and handing out links."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetFile, DatasetVersion
from assets.datasets.states import VersionState
from assets.exports import services as exports
from assets.exports.models import Export
from assets.exports.selectors import export_of
from assets.registry.models import Certificate
from assets.registry.selectors import is_valid_on
from audit.services import record
from documents.objects import LINK_LIFETIME, signed_link
from exchange.delivery.events import OrderDelivered
from exchange.delivery.models import Delivery, Download, Replacement
from exchange.delivery.permissions import DELIVER, DOWNLOAD
from exchange.delivery.selectors import OPEN_TO_BUYER, is_open_to_buyer, version_id_of, version_of
from exchange.trading.models import Order
from exchange.trading.services import hand_over, locked_order, require_side
from exchange.trading.states import ORDER, Party
from jobs.models import Job
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor


class NotOpen(Refusal):
    """The files are not, or no longer, open to the buyer."""

    code = "delivery_not_open"
    message = _("订单当前为“%(state)s”，数据未开放下载。")


class AccessEnded(Refusal):
    """The licence's term is over, or the contract was ended by agreement."""

    code = "access_ended"
    message = _("许可期限已满或合同已终止，不能再下载。需要继续使用的，请与供方签订补充合同或重新下单。")


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


class NotNewer(Refusal):
    """A replacement is a later version of what was delivered."""

    code = "replacement_not_newer"
    message = _("补交的版本应是同一数据集中比已交付的 v%(version)s 更新的已封版版本。请先封版并办理登记。")
    status = 422


class NotCertified(Refusal):
    """A replacement has a certificate of its own."""

    code = "replacement_not_certified"
    message = _("这个版本还没有有效的登记证书，不能交付。请先办理数据资产登记。")
    status = 422


def require_fit(order: Order, *, version_id: UUID, at: datetime) -> Certificate:
    """The certificate under which that version may be delivered in the place of the present one.

    It must be a later sealed version of the same dataset, certified for the supplier on that day. Raises
    NotNewer, NotCertified.
    """
    present = version_of(order)
    version = DatasetVersion.objects.filter(
        pk=version_id, dataset_id=present.dataset_id, version__gt=present.version, state=VersionState.SEALED
    ).first()
    if version is None:
        raise NotNewer(field="version", version=present.version)
    rows = Certificate.objects.filter(version=version, holder_id=order.supplier_id).select_related("version")
    on = clock.business_date(at)
    found = next((each for each in rows.order_by("-issued_at") if is_valid_on(each, on)), None)
    if found is None:
        raise NotCertified(field="version")
    return found


def replace(order: Order, *, by: Actor, at: datetime, version_id: UUID) -> Replacement:
    """Put a newer version in the place of what a locked order delivered (for exchange.acceptance)."""
    certificate = require_fit(order, version_id=version_id, at=at)
    version, delivery = certificate.version, order.delivery
    assert version is not None, "a replacement's certificate is over a version"
    replacement = Replacement(
        delivery=delivery,
        ordinal=delivery.replacements.count() + 1,
        version=version,
        certificate=certificate,
        root_hash=version.root_hash,
        file_count=version.file_count,
        byte_count=version.byte_count,
        replaced_by=by.user,
        replaced_at=at,
    )
    replacement.save(force_insert=True)
    record(
        by=by, at=at, action="deliveries.replace", subject=order,
        detail={"ordinal": replacement.ordinal, "version": version.version, "root_hash": version.root_hash},
    )  # fmt: skip
    return replacement


def _open_order(by: Actor, at: datetime, order_id: UUID) -> Order:
    """The order, locked, whose data the actor may take now."""
    order = locked_order(order_id, "delivery")
    require_side(order, by, Party.BUYER, DOWNLOAD)
    if order.state not in OPEN_TO_BUYER:
        raise NotOpen(state=order.get_state_display())
    if not is_open_to_buyer(order, at):
        raise AccessEnded
    return order


def _noted(order: Order, *, by: Actor, at: datetime, **what: DatasetFile | Export) -> Download:
    download = Download(
        delivery=order.delivery,
        user=by.user,
        actor_label=by.label[:200],
        requested_at=at,
        expires_at=at + LINK_LIFETIME,
        **what,
    )
    download.save(force_insert=True)
    return download


@transaction.atomic
def make_format(*, by: Actor, at: datetime, order_id: UUID, format: str) -> Export | Job:  # noqa: A002
    """Have the bought version written in a format: the export if it is there, else the job that writes it.

    Buyer's organization only. Raises what `hand_out_link` raises, and what `exports.queue_export` does.
    """
    order = _open_order(by, at, order_id)
    back = reverse("delivery:delivery", args=[order.pk])
    return exports.queue_export(by=by, at=at, version=version_of(order), format=format, back=back)


@transaction.atomic
def hand_out_format(*, by: Actor, at: datetime, order_id: UUID, format: str) -> tuple[Download, str]:  # noqa: A002
    """A link to the bought version in one format, with its record; buyer's organization only.

    Raises what `hand_out_link` raises, and NotMade when the format was not asked for before.
    """
    order = _open_order(by, at, order_id)
    export = export_of(version_id_of(order), format)
    if export is None:
        raise exports.NotMade
    download = _noted(order, by=by, at=at, export=export)
    detail = {"format": format, "sha256": export.sha256}
    record(by=by, at=at, action="deliveries.download", subject=order, detail=detail)
    return download, exports.link_to(by=by, at=at, export=export)


@transaction.atomic
def hand_out_link(*, by: Actor, at: datetime, order_id: UUID, file_id: int) -> tuple[Download, str]:
    """A link to one bought file that works for ten minutes, with its record; buyer's organization only.

    Raises NotFound (order or file), WrongSide or NotAllowed (403), NotOpen; nothing is recorded then.
    """
    order = _open_order(by, at, order_id)
    file = DatasetFile.objects.filter(pk=file_id, version_id=version_id_of(order)).first()
    if file is None:
        raise NotFound
    download = _noted(order, by=by, at=at, file=file)
    record(
        by=by,
        at=at,
        action="deliveries.download",
        subject=order,
        detail={"path": file.path, "sha256": file.sha256},
    )
    link = signed_link(file.object_key, file_name=file.path.rsplit("/", 1)[-1], media_type=file.media_type)
    return download, link
