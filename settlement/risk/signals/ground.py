"""What every signal hands over, and the hash that is its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from settlement.risk.rules import Judgement

ORDERS = """list(struct_pack(id := order_id, number := number, entry := entry, payer := buyer, payee := supplier,
    day := day, amount_fen := kept_fen, year := year) ORDER BY day, order_id)"""
KEPT_FOR_YEARS = 200
"""How many orders the evidence of a signal about a whole year names: the largest."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something a person should look at: one firm, one business year, what it rests on.

    `orders` are rows of ORDERS, `proofs` other evidence as objects with a "kind" and an "id".
    """

    kind: str
    firm: UUID
    year: int
    subject: str
    judgement: Judgement
    orders: Sequence[Mapping[str, Any]]
    proofs: Sequence[Mapping[str, Any]] = ()
    parties: Sequence[UUID] = ()
    keys: frozenset[str] = field(default=frozenset())

    @property
    def order_ids(self) -> list[UUID]:
        return [each["id"] for each in self.orders]

    @property
    def evidence(self) -> dict[str, Any]:
        """The evidence as it is kept: ids and public numbers of orders, postings and declarations."""
        return {
            "orders": [
                {
                    "id": str(each["id"]),
                    "number": each["number"],
                    "entry": str(each["entry"]),
                    "payer": str(each["payer"]),
                    "payee": str(each["payee"]),
                    "day": each["day"].isoformat(),
                    "amount_fen": int(each["amount_fen"]),
                }
                for each in self.orders
            ],
            "proofs": [dict(each) for each in self.proofs],
            "parties": [str(each) for each in self.parties],
        }


def evidence_keys(orders: Iterable[Mapping[str, Any]], proofs: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """What the evidence consists of, piece by piece: something is new when a piece is."""
    found = {f"order:{each['id']}" for each in orders}
    return frozenset(found | {f"{each['kind']}:{each['id']}" for each in proofs})


def sha256_of(keys: Iterable[str]) -> str:
    """The hash of the evidence, whatever the order of its pieces."""
    return hashlib.sha256(json.dumps(sorted(keys)).encode()).hexdigest()


def largest(orders: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The orders that a signal about a whole year names."""
    if len(orders) <= KEPT_FOR_YEARS:
        return list(orders)
    kept = sorted(orders, key=lambda each: (-each["amount_fen"], str(each["id"])))[:KEPT_FOR_YEARS]
    return sorted(kept, key=lambda each: (each["day"], str(each["id"])))
