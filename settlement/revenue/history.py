"""A firm's year as it stood on a past day, and where it leads: reads that work on time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Max, Q, Sum
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from assets.registry.states import CertificateState
from exchange.filings.states import FilingState
from exchange.trading.models import Order
from kernel import clock
from kernel.models import Transition
from kernel.periods import Period
from settlement.revenue import rules, selectors
from settlement.revenue.models import RevenueLine, Ruling
from settlement.revenue.rules import Amounts
from settlement.revenue.states import Code


@dataclass(frozen=True, slots=True)
class Change:
    """What came after the day and moved the year: a receipt, a refund, a ruling, a filing. Fen without VAT."""

    at: datetime
    label: str
    order_number: str
    effect_fen: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A firm's year as it was known at the end of a day, beside what raw rows say now.

    `then.counted_fen` + the effects of `changes` = `now.counted_fen`.
    """

    firm_id: UUID
    year: int
    day: date
    then: Amounts
    now: Amounts
    changes: Sequence[Change]


def standing(firm_id: UUID, year: int, day: date) -> Standing:
    """The firm's year at the end of a day (Asia/Shanghai), from the rows that existed by then.

    Releases, refunds, invoices and rulings by their time, filings by when they were made and voided. The certificate
    counts as on the day of sale, as far as was known: one revoked later did cover the sale on the day asked for.
    Seven queries, however long the year.
    """
    end = clock.end_of(day)
    period = Period.of_year(year)
    orders = Order.objects.filter(
        supplier=firm_id, release__released_at__gte=period.start, release__released_at__lt=period.end
    )
    present = selectors.trades(orders)
    voided = _voided_at([trade.order.filing.pk for trade in present if hasattr(trade.order, "filing")])
    earlier = _rulings_before([trade.order.pk for trade in present], end)
    later = _latest_ruling_since([trade.order.pk for trade in present], end)
    then, changes = Amounts(), list[Change]()
    for trade in present:
        former = _as_known(trade, end, voided, earlier.get(trade.order.pk, frozenset()))
        then += former.amounts() if former else Amounts()
        changes += _changes(trade, former, end, later.get(trade.order.pk))
    now = Amounts.sum(trade.amounts() for trade in present)
    return Standing(firm_id, year, day, then, now, sorted(changes, key=lambda each: each.at))


def _as_known(
    trade: selectors.Trade, end: datetime, voided: dict[UUID, datetime], rulings: frozenset[str]
) -> selectors.Trade | None:
    """The trade on the rows that existed before `end`; None when its money had not come by then."""
    order = trade.order
    if trade.release.released_at >= end:
        return None
    filing, state = getattr(order, "filing", None), None
    if filing is not None and filing.filed_at is not None and filing.filed_at < end:
        is_voided = filing.pk in voided and voided[filing.pk] < end
        state = FilingState.VOIDED.value if is_voided else FilingState.FILED.value
    return selectors.judged_as_of(trade, end, rulings=rulings, filing_state=state)


def _changes(
    trade: selectors.Trade, former: selectors.Trade | None, end: datetime, ruled_at: datetime | None
) -> list[Change]:
    """Why the trade counts for another amount now than then; one line for each cause, none when nothing moved."""
    before = former.amounts().counted_fen if former else 0
    whole = trade.amounts().counted_fen - before
    number = trade.order.number
    if former is None:
        return [Change(trade.release.released_at, _("到账"), number, whole)] if whole else []
    if trade.exclusions == former.exclusions:
        return _taken_off(trade, former, end) if not trade.exclusions else []
    if not whole:
        return []
    revoked = [move for move in trade.history if move.at >= end and move.to_state == CertificateState.REVOKED]
    if revoked and Code.CERTIFICATE in trade.exclusions:
        return [Change(revoked[0].at, _("登记证书撤销"), number, whole)]
    if ruled_at is not None:
        return [Change(ruled_at, _("交易认定"), number, whole)]
    return [Change(trade.order.filing.filed_at or end, _("交易备案"), number, whole)]


def _taken_off(trade: selectors.Trade, former: selectors.Trade, end: datetime) -> list[Change]:
    """Refunds since, each by itself, and what credit invoices took off or gave back beside them."""
    number = trade.order.number
    found = [
        Change(refund.refunded_at, _("退款"), number, refund.tax_fen - refund.amount_fen)
        for refund in trade.refunds
        if refund.refunded_at >= end
    ]
    credited = former.credited.net_fen - trade.credited.net_fen
    if credited:
        issued = [each.issued_at for each in trade.all_invoices if each.issued_at >= end]
        found.append(Change(max(issued, default=end), _("红字发票"), number, credited))
    return found


def _latest_ruling_since(order_ids: Sequence[UUID], end: datetime) -> dict[UUID, datetime]:
    later = Ruling.objects.filter(order__in=order_ids, ruled_at__gte=end).values("order")
    return dict(later.annotate(at=Max("ruled_at")).values_list("order", "at"))


def _voided_at(filing_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    moves = Transition.objects.filter(subject_id__in=filing_ids, to_state=FilingState.VOIDED.value)
    return dict(moves.values_list("subject_id", "at"))


def _rulings_before(order_ids: Sequence[UUID], end: datetime) -> dict[UUID, frozenset[str]]:
    latest = Ruling.objects.filter(order__in=order_ids, ruled_at__lt=end)
    standing: dict[UUID, set[str]] = {}
    for ruling in latest.order_by("order", "code", "-ruled_at", "-pk").distinct("order", "code"):
        if ruling.is_excluded:
            standing.setdefault(ruling.order_id, set()).add(ruling.code)
    return {order_id: frozenset(codes) for order_id, codes in standing.items()}


def forecast(firm_id: UUID, on: date) -> rules.Forecast | None:
    """Where the firm's present year leads, from what counts of its days so far; one query."""
    first, end = date(on.year, 1, 1), clock.start_of(on)
    rows = (
        RevenueLine.objects.filter(Q(exclusions__len=0), firm=firm_id, year=on.year, received_at__lt=end)
        .annotate(day=TruncDate("received_at", tzinfo=clock.SHANGHAI))
        .values_list("day")
        .annotate(net=Sum("net_fen"))
        .order_by("day")
    )
    # A refund of this year's sale may come in the next one only: no day lies outside.
    by_day = {day: int(net) for day, net in rows}
    days = [first + timedelta(days=number) for number in range((on - first).days)]
    return rules.forecast([by_day.get(day, 0) for day in days], on, selectors.goal_of(on.year))
