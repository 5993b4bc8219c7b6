"""What a plan gives: which versions, for how long, how much; and the words of the licence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from exchange.catalogue.states import PlanKind
from exchange.delivery.states import Covers, QuotaUnit

COVERS = {PlanKind.FREE_SAMPLE: Covers.SAMPLE, PlanKind.SUBSCRIPTION: Covers.FOLLOWING}
UNITS = {PlanKind.METERED_CALLS: QuotaUnit.CALLS, PlanKind.METERED_VOLUME: QuotaUnit.BYTES}


@dataclass(frozen=True, slots=True)
class Term:
    """What an entitlement is made with; half-open in time, `ends_at` None: for good."""

    covers: Covers
    ends_at: datetime | None
    quota_unit: str
    quota_amount: int | None


def term_of(kind: str, *, starts_at: datetime, days: int | None, quantity: int | None) -> Term:
    """The term of a plan of that kind over so many days (as ordered); a quantity counts for metered kinds alone."""
    chosen = PlanKind(kind)
    unit = UNITS.get(chosen, "")
    return Term(
        COVERS.get(chosen, Covers.ONE),
        starts_at + timedelta(days=days) if days else None,
        str(unit),
        (quantity or 0) if unit else None,
    )


def percent_used(used: int, amount: int | None) -> int:
    """Whole per cent of the quota that are used, 100 at most; an empty quota is used up."""
    if amount is None:
        return 0
    return min(100, used * 100 // amount) if amount else 100


def licence_text(name: str, allowed: Iterable[object], forbidden: Iterable[object], marks: str) -> str:
    """The licence as it is accepted: its name, what is allowed, what is not, whether copies carry marks."""
    lines = [name, *(f"✓ {each}" for each in allowed), *(f"✗ {each}" for each in forbidden)]
    return "\n".join([*lines, marks] if marks else lines)
