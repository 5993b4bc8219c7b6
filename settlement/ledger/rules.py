"""Pure parts of bookkeeping: netting transfers into legs, and the fingerprint of what is posted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

Leg = tuple[UUID, int]


def net_legs(moves: Iterable[tuple[UUID, UUID, int]]) -> list[Leg]:
    """Transfers (source, destination, fen) as one leg per account, by account id; they sum to zero.

    Accounts whose transfers cancel out have no leg. Raises ValueError for an amount that is not positive
    and for a transfer from an account to itself.
    """
    totals: dict[UUID, int] = {}
    for source, destination, fen in moves:
        if fen <= 0:
            raise ValueError("a transfer moves a positive amount")
        if source == destination:
            raise ValueError("a transfer has two different accounts")
        totals[source] = totals.get(source, 0) - fen
        totals[destination] = totals.get(destination, 0) + fen
    return sorted((account, fen) for account, fen in totals.items() if fen)


def fingerprint(
    *, kind: str, fact_type: str, fact_id: UUID, reverses: UUID | None, legs: Iterable[Leg]
) -> str:
    """SHA-256 (hex) of what makes two postings the same: kind, fact, reversed entry and legs.

    The moment of the attempt and the memo are no part of it: a later retry is the same posting.
    """
    lines = [
        kind,
        fact_type,
        str(fact_id),
        str(reverses or ""),
        *(f"{account} {fen}" for account, fen in legs),
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def stripe_of(fact_id: UUID, stripes: int) -> int:
    """The stripe of a hot account that belongs to a fact: always the same one for the same fact."""
    return fact_id.int % stripes
