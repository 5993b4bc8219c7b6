"""When a signal speaks, and how loudly: pure functions over figures; no database, no clock.

Amounts are fen. Every function answers None below its threshold, else a `Judgement` with a score from 0 to 100
and the figures that its reason tells. A score orders the reviewers' work; nothing is decided by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from settlement.risk.parameters import Parameters

MAD_TO_SIGMA = 1.4826
BP = 10_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """A signal that speaks: score (0–100), the amount it is about (fen), the figures of its reason."""

    score: int
    amount_fen: int
    figures: Mapping[str, int]


def bp(part: int, whole: int) -> int:
    """A share in basis points, rounded down."""
    return part * BP // whole if whole else 0


def scaled(value: float, start: float, full: float, low: int, high: int) -> int:
    """`low` at `start`, `high` from `full` on, in proportion between."""
    share = (value - start) / (full - start)
    return low + round((high - low) * min(1.0, max(0.0, share)))


def within(lowest_fen: int, highest_fen: int, tolerance: Fraction) -> bool:
    """Whether amounts between these two may be the same money."""
    return (highest_fen - lowest_fen) * tolerance.denominator <= highest_fen * tolerance.numerator


def round_trip(hops_fen: Sequence[int], days: int, given: Parameters) -> Judgement | None:
    """Money that goes round: what each hop carried in all rounds, and the days of the shortest round."""
    least, most = min(hops_fen), max(hops_fen)
    if len(hops_fen) < 2 or most <= 0 or days > given.days("round_trip_days"):
        return None
    back = bp(least, most)
    score = scaled(back, BP - bp(1, 10), BP, 70, 90) + (
        10 if days * 3 <= given.days("round_trip_days") else 0
    )
    figures = {"size": len(hops_fen), "days": days, "back_bp": back, "out_fen": most, "back_fen": least}
    return Judgement(min(score, 100), least, figures)


def circulation(gross_fen: int, net_fen: int, firm_count: int, given: Parameters) -> Judgement | None:
    """A group whose payments cancel out: gross between its members, and what really changed hands."""
    if gross_fen < given.fen("circulation_least") or gross_fen == 0 or firm_count < 2:
        return None
    if firm_count > given.count("circulation_most_firms"):
        return None
    figures = {
        "size": firm_count,
        "gross_fen": gross_fen,
        "net_fen": net_fen,
        "net_bp": bp(net_fen, gross_fen),
    }
    if net_fen <= gross_fen * given.ratio("circulation_strong"):
        return Judgement(90, gross_fen, figures)
    if net_fen <= gross_fen * given.ratio("circulation_weak"):
        return Judgement(60, gross_fen, figures)
    return None


def reciprocity(sold_fen: int, bought_fen: int, given: Parameters) -> Judgement | None:
    """Two firms that buy from one another."""
    least, most = sorted((sold_fen, bought_fen))
    if least < given.fen("reciprocity_least") or most == 0:
        return None
    share = Fraction(least, most)
    if share <= given.ratio("reciprocity_share"):
        return None
    figures = {"sold_fen": sold_fen, "bought_fen": bought_fen, "share_bp": bp(least, most)}
    return Judgement(scaled(float(share), float(given.ratio("reciprocity_share")), 1, 50, 80), least, figures)


def concentration(top_fen: int, year_fen: int, buyer_count: int, given: Parameters) -> Judgement | None:
    """One buyer that makes most of a supplier's year."""
    limit = given.ratio("concentration_share")
    if year_fen < given.fen("concentration_least") or year_fen == 0 or top_fen <= year_fen * limit:
        return None
    figures = {
        "top_fen": top_fen,
        "year_fen": year_fen,
        "share_bp": bp(top_fen, year_fen),
        "size": buyer_count,
    }
    return Judgement(scaled(top_fen / year_fen, float(limit), 1, 30, 55), top_fen, figures)


def near_threshold(counted_fen: int, goal_fen: int | None, given: Parameters) -> Judgement | None:
    """Revenue that reaches the reward's condition and hardly passes it."""
    if not goal_fen or counted_fen < goal_fen:
        return None
    above = counted_fen - goal_fen
    band = given.ratio("threshold_band")
    if above > goal_fen * band:
        return None
    figures = {
        "year_fen": counted_fen,
        "goal_fen": goal_fen,
        "above_fen": above,
        "above_bp": bp(above, goal_fen),
    }
    return Judgement(scaled(-above / goal_fen, -float(band), 0, 30, 50), counted_fen, figures)


def december(december_fen: int, year_fen: int, given: Parameters) -> Judgement | None:
    """A year that was made in December."""
    limit = given.ratio("december_share")
    if year_fen < given.fen("december_least") or year_fen == 0 or december_fen <= year_fen * limit:
        return None
    figures = {"december_fen": december_fen, "year_fen": year_fen, "share_bp": bp(december_fen, year_fen)}
    return Judgement(scaled(december_fen / year_fen, float(limit), 1, 35, 60), december_fen, figures)


def year_end_burst(
    final_fen: int, final_days: int, before_fen: int, before_days: int, given: Parameters
) -> Judgement | None:
    """Trade that multiplies in the final days: daily averages of both stretches are compared exactly."""
    if final_fen < given.fen("burst_least") or final_days <= 0 or before_days <= 0:
        return None
    factor = given.count("burst_factor")
    if final_fen * before_days < factor * before_fen * final_days:
        return None
    times = final_fen * before_days / (before_fen * final_days) if before_fen else 100.0
    figures = {
        "final_fen": final_fen,
        "before_fen": before_fen,
        "days": final_days,
        "times": min(int(times), 100),
    }
    return Judgement(scaled(times, factor, factor * 4, 40, 65), final_fen, figures)


def buyer_without_use(unused_fen: int, order_count: int, given: Parameters) -> Judgement | None:
    """Paid, delivered long enough ago, and never downloaded or accessed."""
    least = given.fen("unused_least")
    if unused_fen < least or unused_fen == 0:
        return None
    figures = {"unused_fen": unused_fen, "size": order_count, "days": given.days("unused_days")}
    return Judgement(scaled(math.log10(unused_fen / least + 1), 0.3, 2.3, 40, 75), unused_fen, figures)


def same_day_refund(refund_fen: int, order_count: int, given: Parameters) -> Judgement | None:
    """Money given back on the day on which it was released."""
    least = given.fen("same_day_refund_least")
    if refund_fen < least or refund_fen == 0:
        return None
    figures = {"refund_fen": refund_fen, "size": order_count}
    return Judgement(scaled(math.log10(refund_fen / least + 1), 0.3, 2.3, 40, 70), refund_fen, figures)


def new_buyers_only(new_fen: int, year_fen: int, new_count: int, given: Parameters) -> Judgement | None:
    """A year made with buyers that came for this supplier alone."""
    limit = given.ratio("new_buyers_share")
    if year_fen < given.fen("new_buyers_least") or year_fen == 0 or new_fen <= year_fen * limit:
        return None
    figures = {"new_fen": new_fen, "year_fen": year_fen, "share_bp": bp(new_fen, year_fen), "size": new_count}
    return Judgement(scaled(new_fen / year_fen, float(limit), 1, 45, 70), new_fen, figures)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What like offers cost: their median, and the robust spread of their log prices."""

    median_fen: int
    spread: float
    plan_count: int
    supplier_count: int


def comparison(prices_fen: Sequence[int], supplier_count: int, given: Parameters) -> Comparison | None:
    """Median and robust spread of like offers; None when there are too few to compare with."""
    if len(prices_fen) < given.count("price_least_plans") or supplier_count < given.count(
        "price_least_suppliers"
    ):
        return None
    logs = np.log(np.asarray(prices_fen, dtype=float))
    middle = float(np.median(logs))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(logs - middle)))
    spread = max(spread, float(given.ratio("price_least_spread")))
    return Comparison(round(math.exp(middle)), spread, len(prices_fen), supplier_count)


def price_far(price_fen: int, sold_fen: int, like: Comparison, given: Parameters) -> Judgement | None:
    """A price far from like offers: the robust z of its logarithm, kept in hundredths."""
    z = (math.log(price_fen) - math.log(like.median_fen)) / like.spread
    limit = float(given.ratio("price_deviation"))
    if abs(z) < limit:
        return None
    figures = {
        "price_fen": price_fen,
        "median_fen": like.median_fen,
        "deviation_centi": round(z * 100),
        "size": like.plan_count,
    }
    return Judgement(scaled(abs(z), limit, limit * 3, 45, 80), sold_fen, figures)


def related_party(grounds: Sequence[str], share_bp: int, trade_fen: int) -> Judgement | None:
    """Two parties of trades with something in common: kinds of grounds, and the largest share among them."""
    if not grounds:
        return None
    strongest = 85 if "holding" in grounds or "common_owner" in grounds else 60
    score = strongest + 5 * (len(set(grounds)) - 1)
    return Judgement(
        min(score, 100), trade_fen, {"share_bp": share_bp, "trade_fen": trade_fen, "size": len(grounds)}
    )
