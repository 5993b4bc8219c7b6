"""The buyer accepts after it has looked, and says what it compared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from audit.services import record
from exchange.acceptance import rules
from exchange.acceptance.models import Inspection
from exchange.acceptance.states import Check
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.permissions import ACCEPT_ORDERS
from exchange.trading.states import ORDER, Party
from kernel.errors import InvalidInput
from organizations.permissions import Actor


@transaction.atomic
def accept_inspected(
    *, by: Actor, at: datetime, order_id: UUID, checks: Sequence[str], remarks: str = ""
) -> Order:
    """Accept a delivery with a record of what was compared, with or without remarks; escrow is released.

    Raises NotFound, WrongSide, NotAllowed, MoveNotAllowed (a complaint is open, or it is accepted already).
    """
    order = trading.locked_order(order_id)
    trading.require_side(order, by, Party.BUYER, ACCEPT_ORDERS)
    ORDER.check(order, "accept")
    if unknown := set(checks) - set(Check.values):
        reason = gettext("没有“%(check)s”这一核对项。") % {"check": sorted(unknown)[0]}
        raise InvalidInput(field="checks", reason=reason)
    if len(remarks) > rules.MOST_TEXT:
        raise InvalidInput(field="remarks", reason=gettext("验收备注最多 4000 个字。"))
    ordered = [check.value for check in Check if check.value in checks]
    Inspection(
        order=order,
        checks=ordered,
        remarks=remarks.strip(),
        inspected_by=by.user,
        inspector_label=by.label[:200],
        inspected_at=at,
    ).save(force_insert=True)
    record(by=by, at=at, action="orders.inspect", subject=order, detail={"checks": ordered})
    return trading.accept_order(by=by, at=at, order_id=order.pk, reason=remarks.strip()[:300])
