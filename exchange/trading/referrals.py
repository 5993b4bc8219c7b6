"""Who brought a buyer to an order: told by the app above that knows, shown before ordering, carried by the news."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from exchange.catalogue.models import Plan
from kernel.money import Money
from organizations.permissions import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """What an order under a code pays to a broker: in all, and which side pays what."""

    code: str
    broker: str
    commission: Money
    parts: tuple[tuple[str, Money], ...]


Reader = Callable[[Actor, Plan, str, datetime], Referral | None]
_readers: list[Reader] = []


def register_referrals(reader: Reader) -> None:
    """Name the one source that knows what a code stands for."""
    _readers[:] = [reader]


def referral_of(viewer: Actor, plan: Plan, code: str, at: datetime) -> Referral | None:
    """What the code stands for when this viewer orders that plan; None for an unknown code or without a source."""
    return _readers[0](viewer, plan, code, at) if _readers and code.strip() else None
