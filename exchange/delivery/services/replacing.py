"""Delivering a newer version in the place of what was delivered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from assets.datasets.states import VersionState
from assets.registry.models import Certificate
from assets.registry.selectors import is_valid_on
from audit.services import record
from exchange.delivery.models import Replacement
from exchange.delivery.selectors import version_of
from exchange.trading.models import Order
from kernel import clock
from kernel.errors import Refusal
from organizations.permissions import Actor


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
    """Put a newer version in the place of what a locked order delivered (for exchange.acceptance).

    The buyer's entitlement opens it from now on in the stead of the one before.
    """
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
