"""Whether an entitlement may be used now, and by whom."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from exchange.delivery.models import Entitlement
from exchange.delivery.permissions import DOWNLOAD
from exchange.delivery.selectors import (
    OPEN_TO_BUYER,
    ends_at_of,
    entitlements_visible_to,
    is_open_to_buyer,
    is_running,
    suspended_because,
)
from exchange.delivery.states import EntitlementState
from exchange.trading.services import WrongSide
from exchange.trading.states import Party
from kernel import clock
from kernel.errors import NotFound, Refusal
from organizations.permissions import Actor, Permission


class NotOpen(Refusal):
    """The files are not, or no longer, open to the buyer."""

    code = "delivery_not_open"
    message = _("订单当前为“%(state)s”，数据未开放下载。")


class EntitlementSuspended(Refusal):
    """Data may not be used for now."""

    code = "entitlement_suspended"
    message = _("授权 %(number)s 已暂停：%(reason)s。请联系供方或服务基地。")
    status = 403


class EntitlementEnded(Refusal):
    """Its term is over."""

    code = "entitlement_ended"
    message = _("授权 %(number)s 已于 %(day)s 结束。如需继续使用，请重新下单。")
    status = 403


class AccessEnded(EntitlementEnded):
    """The licence's term is over, or the contract was ended by agreement."""

    code = "access_ended"
    message = _("许可期限已满或合同已终止，不能再下载。需要继续使用的，请与供方签订补充合同或重新下单。")


class OnlyByCalls(Refusal):
    """A metered plan opens rows, not files."""

    code = "entitlement_by_calls_only"
    message = _("授权 %(number)s 按量计费，请通过数据服务接口取数；如需整份文件，请购买其他方案。")
    status = 403


def require_open(entitlement: Entitlement, at: datetime, *, files: bool = True) -> None:
    """Raise NotOpen, AccessEnded, EntitlementEnded, EntitlementSuspended, or OnlyByCalls (for files of a metered one)."""
    order = entitlement.order
    if order is not None and order.state not in OPEN_TO_BUYER:
        raise NotOpen(state=order.get_state_display())
    if order is not None and not is_open_to_buyer(order, at):
        raise AccessEnded
    if entitlement.state == EntitlementState.ENDED or not is_running(entitlement, at):
        day = clock.business_date(ends_at_of(entitlement) or at)
        raise EntitlementEnded(number=entitlement.number, day=day)
    if entitlement.state == EntitlementState.SUSPENDED:
        raise EntitlementSuspended(number=entitlement.number, reason=suspended_because(entitlement))
    if files and entitlement.quota_unit:
        raise OnlyByCalls(number=entitlement.number)


def may_use(entitlement: Entitlement, viewer: Actor, at: datetime) -> bool:
    """Whether this viewer may take data now (for pages)."""
    if not viewer.belongs_to(entitlement.organization_id) or not viewer.can(DOWNLOAD):
        return False
    try:
        require_open(entitlement, at, files=False)
    except Refusal:
        return False
    return True


def require_own(by: Actor, entitlement: Entitlement, wanted: Permission = DOWNLOAD) -> None:
    """404 unless the entitlement is visible, 403 unless it is the actor's organization's and it holds the permission."""
    if by.belongs_to(entitlement.organization_id):
        by.require(wanted)
        return
    if not entitlements_visible_to(by).filter(pk=entitlement.pk).exists():
        raise NotFound
    raise WrongSide(party=Party.BUYER.label)


def locked_entitlement(entitlement_id: UUID) -> Entitlement:
    """The entitlement under lock, with what its rules need; NotFound."""
    rows = Entitlement.objects.select_for_update(of=("self",), no_key=True).filter(pk=entitlement_id)
    found = rows.select_related("order", "product", "plan", "meter").defer("product__search").first()
    if found is None:
        raise NotFound
    return found
