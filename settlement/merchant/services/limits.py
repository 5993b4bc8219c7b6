"""How much one person, or one key, sends out of an organization's balance in a business day."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet, Sum

from kernel import clock
from kernel.money import Money
from organizations.models import Organization
from settlement.merchant.models import Payout, Transfer
from settlement.merchant.states import PayoutState

_CAME_BACK = (PayoutState.FAILED, PayoutState.CANCELED)


def locked_day(organization_id: UUID, at: datetime) -> Money:
    """What is left of the day's limit, with the organization locked until the transaction ends.

    Payouts that nobody approved and transfers count together, so that many small ones are no way round the two people.
    """
    Organization.objects.select_for_update(of=("self",), no_key=True).get(pk=organization_id)
    day = clock.business_date(at)
    within: dict[str, Any] = {
        "organization": organization_id,
        "created_at__gte": clock.start_of(day),
        "created_at__lt": clock.end_of(day),
    }
    payouts = Payout.objects.filter(approvals_needed=0, **within).exclude(state__in=_CAME_BACK)
    sent = _sum(payouts) + _sum(Transfer.objects.filter(**within))
    return Money(max(int(settings.PAYOUT_APPROVAL_FEN) - sent, 0))


def _sum(rows: QuerySet[Payout] | QuerySet[Transfer]) -> int:
    return int(rows.aggregate(total=Sum("amount_fen"))["total"] or 0)
