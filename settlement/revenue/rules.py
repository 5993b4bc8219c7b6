"""Which receipts count as annual actual revenue, and why others do not (policy article 3(1)).

Pure: no database, no clock. Amounts are integer fen, without VAT.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from fractions import Fraction

from assets.registry.states import CertificateState
from exchange.filings.rules import QINGYUAN_BASE
from exchange.filings.states import FilingState
from settlement.revenue.states import Code


@dataclass(frozen=True, slots=True)
class TradeFacts:
    """What is known of one trade when it is judged. Days are those of Asia/Shanghai."""

    year: int
    venue: str | None
    filing_state: str | None
    is_fully_refunded: bool
    certificate_state_at_sale: str
    certificate_from: date
    certificate_until: date
    sold_on: date
    registered_root_hash: str
    delivered_root_hash: str | None
    is_accepted: bool
    received_on: date | None
    rulings: frozenset[str] = frozenset()


def exclusions(facts: TradeFacts) -> list[str]:
    """Every code for which the trade does not count, in the order of `Code`; none means it counts."""
    is_filed = facts.filing_state in (FilingState.FILED, FilingState.AMENDED) or (
        # A refund of everything voids the filing: the trade stays filed, the refund takes it to zero.
        facts.filing_state == FilingState.VOIDED and facts.is_fully_refunded
    )
    is_covered = (
        facts.certificate_state_at_sale == CertificateState.VALID
        and facts.certificate_from <= facts.sold_on <= facts.certificate_until
    )
    is_delivered = facts.is_accepted and facts.delivered_root_hash == facts.registered_root_hash
    holds = {
        Code.VENUE: facts.venue is None or facts.venue == QINGYUAN_BASE,
        Code.CERTIFICATE: is_covered,
        Code.FILING: is_filed,
        Code.DELIVERY: is_delivered,
        Code.RECEIPT: facts.received_on is not None,
        Code.PERIOD: facts.received_on is None or facts.received_on.year == facts.year,
        Code.RELATED_PARTY: Code.RELATED_PARTY.value not in facts.rulings,
        Code.CIRCULAR: Code.CIRCULAR.value not in facts.rulings,
    }
    return [code.value for code in Code if not holds[code]]


@dataclass(frozen=True, slots=True)
class Amounts:
    """The money of one line or of many: fen; refunds are negative."""

    receipts_fen: int = 0
    refunds_fen: int = 0
    counted_fen: int = 0
    excluded_fen: int = 0
    vat_fen: int = 0
    fee_fen: int = 0
    line_count: int = 0

    @classmethod
    def of_line(cls, *, net_fen: int, gross_fen: int, fee_fen: int, is_refund: bool, counts: bool) -> Amounts:
        return cls(
            receipts_fen=0 if is_refund else net_fen,
            refunds_fen=net_fen if is_refund else 0,
            counted_fen=net_fen if counts else 0,
            excluded_fen=0 if counts else net_fen,
            vat_fen=gross_fen - net_fen if counts else 0,
            fee_fen=fee_fen if counts else 0,
            line_count=1,
        )

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))

    @classmethod
    def sum(cls, amounts: Iterable[Amounts]) -> Amounts:
        whole = cls()
        for each in amounts:
            whole += each
        return whole


PACE_DAYS = 90
"""The pace of a year is that of so many days before the present one."""
LEAST_DAYS = 30
"""With fewer days behind it, a year's end is not told."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where a year's revenue leads at the pace of its latest days; fen, days of Asia/Shanghai.

    `expected_fen` at the pace of the latest `days` days, `low_fen` and `high_fen` at that of the slower and the
    faster half of them, `reached_on` the first day on which the goal is passed at the expected pace (None: not in
    this year, or there is no goal, or it is passed already).
    """

    days: int
    low_fen: int
    expected_fen: int
    high_fen: int
    reached_on: date | None


def forecast(daily: Sequence[int], on: date, goal_fen: int | None) -> Forecast | None:
    """What the year will bring: `daily` holds what counts of each day from 1 January to the day before `on`.

    None before `LEAST_DAYS` days have passed or once the year is over. A straight line, not a model: sales that
    are already agreed but not received are not in it.
    """
    left = (date(on.year + 1, 1, 1) - on).days
    if len(daily) < LEAST_DAYS or (on - date(on.year, 1, 1)).days != len(daily):
        return None
    sofar, days = sum(daily), min(PACE_DAYS, len(daily))
    latest = daily[-days:]
    older, newer = latest[: days // 2], latest[days // 2 :]
    paces = [Fraction(max(sum(part), 0), len(part)) for part in (older, newer, latest)]
    low, high = sorted(paces[:2])
    reached = None
    if goal_fen is not None and sofar < goal_fen and paces[2]:
        needed = -((sofar - goal_fen) // paces[2])  # whole days, rounded up
        reached = on + timedelta(days=int(needed) - 1) if needed <= left else None
    return Forecast(
        days, sofar + int(low * left), sofar + int(paces[2] * left), sofar + int(high * left), reached
    )


def net_of_tax(*, released_fen: int, order_fen: int, tax_fen: int) -> int:
    """The released amount without its share of the order's VAT (floored to the fen against the firm)."""
    if released_fen == order_fen:
        return released_fen - tax_fen
    return released_fen - -(-tax_fen * released_fen // order_fen)


@dataclass(frozen=True, slots=True)
class Credited:
    """What credit invoices take off a trade beyond its refunds; fen, not negative."""

    gross_fen: int = 0
    net_fen: int = 0


def credited(
    *,
    received_fen: int,
    received_net_fen: int,
    refunded_fen: int,
    refunded_net_fen: int,
    invoiced_fen: int,
    credited_fen: int,
) -> Credited:
    """What credit invoices take off beyond refunds; all but the nets are with VAT.

    Credit invoices take off what they credit, as long as less stands invoiced than was received: an invoice issued
    again after a mistake gives it back. Refund and credit invoice are the same fact, so of the two the larger counts;
    the part without VAT has its share of what was received, floored against the firm as for a refund.
    """
    missing = max(received_fen - (invoiced_fen - credited_fen), 0)
    gross = min(credited_fen, missing, received_fen) - refunded_fen
    if gross <= 0:
        return Credited()
    tax = (received_fen - received_net_fen) * (refunded_fen + gross) // received_fen
    own_tax = min(max(tax - (refunded_fen - refunded_net_fen), 0), gross)
    return Credited(gross, gross - own_tax)
