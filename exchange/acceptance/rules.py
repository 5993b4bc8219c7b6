"""Pure rules of acceptance: where the money of an outcome goes, whose turn it is, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from exchange.acceptance.states import ComplaintState, Outcome
from exchange.trading.states import Party
from kernel.money import Money

BASIS_POINTS = 10_000
LEAST_TEXT, MOST_TEXT = 4, 4_000
MOST_ROWS = 50  # sample row ids a defect may name


def exchange_fee(gross: Money, fee_bp: int) -> Money:
    """The exchange's share of a trade at `fee_bp` basis points, floored to the fen."""
    return gross.share(fee_bp, BASIS_POINTS)


def tax_given_back(*, gross: Money, tax: Money, back: Money) -> Money:
    """The VAT inside `back`, out of a price `gross` that holds `tax`: proportional, floored to the fen.

    What is kept holds the remainder: both parts always add up to `tax`.
    """
    assert 0 <= back.fen <= gross.fen, "at most the whole price goes back"
    return tax.share(back.fen, gross.fen)


@dataclass(frozen=True, slots=True)
class Split:
    """Where a price in escrow goes: `back` to the buyer, `fee` to the exchange, `seller` to the supplier.

    back + fee + seller = gross; `kept` = gross − back is what the trade is filed and counted at, with
    `kept_tax` VAT in it; `back_tax` + `kept_tax` = the VAT of the price.
    """

    back: Money
    back_tax: Money
    kept: Money
    kept_tax: Money
    fee: Money
    seller: Money


def split(*, gross: Money, tax: Money, fee_bp: int, back: Money) -> Split:
    """The exact division of a price of which `back` goes back to the buyer before release."""
    back_tax = tax_given_back(gross=gross, tax=tax, back=back)
    kept = gross - back
    fee = exchange_fee(kept, fee_bp)
    return Split(back, back_tax, kept, tax - back_tax, fee, kept - fee)


def back_of(outcome: str, *, gross: Money, amount: Money | None) -> Money | None:
    """What the buyer gets back by a ruling; None where no money moves yet (replacement)."""
    if outcome == Outcome.REPLACEMENT:
        return None
    if outcome == Outcome.FULL_REFUND:
        return gross
    if outcome == Outcome.PARTIAL_REFUND:
        assert amount is not None, "a partial refund has an amount"
        return amount
    return Money(0)


@dataclass(frozen=True, slots=True)
class Periods:
    """How long each step may take, in days from the one before."""

    answer: int
    reply: int
    evidence: int
    ruling: int
    replacement: int


def due_after(at: datetime, days: int) -> datetime:
    """The end of a period of `days` × 24 h; half-open: at that very second the time is over."""
    return at + timedelta(days=days)


def is_over(due_at: datetime | None, at: datetime) -> bool:
    """Whether a period has ended."""
    return due_at is not None and at >= due_at


def remaining(*, until: datetime, stopped_at: datetime) -> timedelta:
    """What is left of an inspection period that was stopped; never nothing."""
    assert stopped_at < until, "a complaint is filed within the period"
    return until - stopped_at


def turn_of(
    state: str, *, evidence_until: datetime | None, stated: frozenset[str], at: datetime
) -> frozenset[str]:
    """Whose turn it is: parties (`Party`), or "operator"; nobody when the complaint is closed."""
    if state in (ComplaintState.FILED, ComplaintState.REPLACING):
        return frozenset({Party.SUPPLIER.value})
    if state == ComplaintState.ANSWERED:
        return frozenset({Party.BUYER.value})
    if state == ComplaintState.DISPUTED:
        waiting = set() if is_over(evidence_until, at) else {party.value for party in Party} - stated
        return frozenset(waiting or {"operator"})
    return frozenset()


def may_escalate(state: str, party: Party, *, due_at: datetime | None, at: datetime) -> bool:
    """Whether a side may take the complaint to the exchange now.

    After an answer either side may; the buyer also when the supplier let its time for the answer, or for
    the replacement, go by.
    """
    if state == ComplaintState.ANSWERED:
        return True
    is_waiting_for_supplier = state in (ComplaintState.FILED, ComplaintState.REPLACING)
    return is_waiting_for_supplier and party is Party.BUYER and is_over(due_at, at)


def needs_confirmation(outcome: str, *, gross: Money, threshold_fen: int) -> bool:
    """Whether a second operator must confirm: the price in dispute is above the threshold and money moves."""
    return outcome != Outcome.REPLACEMENT and gross.fen > threshold_fen


def percent(rate_bp: int) -> str:
    """Basis points as per cent without superfluous zeros: 125 → 1.25%."""
    return f"{rate_bp // 100}.{rate_bp % 100:02d}".rstrip("0").rstrip(".") + "%"
