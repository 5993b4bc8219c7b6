"""Who owns whom, and what firms have in common: the grounds for calling the two sides of a trade related.

Ownership counts directly and through other holders: along a chain shares are multiplied, and what a majority-held
firm holds counts in full. Company Law article 265(4): firms are not related merely because the State controls
both, so a common owner that is the State's shareholder is no ground; everything else stays one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from uuid import UUID

import duckdb
import numpy as np
from scipy.sparse import csr_array, diags_array

from settlement.risk import rules
from settlement.risk.parameters import Parameters
from settlement.risk.signals.ground import ORDERS, Signal
from settlement.risk.states import SignalKind

EXACT = 9
"""Decimals to which effective shares are compared: products of basis points are exact far beyond."""


@dataclass(frozen=True, slots=True)
class Held:
    """One declared holding: `owner` is a firm's id or the name key of somebody outside."""

    id: UUID
    owner: str
    owner_label: str
    firm: UUID
    share_bp: int
    is_state: bool


@dataclass(frozen=True, slots=True)
class Shared:
    """One detail of a firm: `value` as it is compared."""

    id: str
    firm: UUID
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Ground:
    """Why two firms may be related: kind, what proves it, the share where there is one."""

    kind: str
    label: str
    share_bp: int
    proofs: tuple[Mapping[str, Any], ...]


class Ownership:
    """The declared ownership graph with effective shares to the depth that the parameters name."""

    def __init__(self, holdings: Sequence[Held], given: Parameters) -> None:
        self.given = given
        self.by_firm: dict[str, list[Held]] = {}
        for each in holdings:
            self.by_firm.setdefault(str(each.firm), []).append(each)
        names = sorted({each.owner for each in holdings} | {str(each.firm) for each in holdings})
        self.at = {name: number for number, name in enumerate(names)}
        self.names = names
        self.labels = {each.owner: each.owner_label for each in holdings}
        self.state_owners = {each.owner for each in holdings if each.is_state}
        self.shares = self._effective(holdings)
        least = float(given.ratio("ownership_share"))
        strong = self.shares.tocoo()
        keep = np.round(strong.data, EXACT) >= least
        mark = np.ones(int(keep.sum()))
        self.strong = csr_array((mark, (strong.col[keep], strong.row[keep])), shape=self.shares.shape)

    def _effective(self, holdings: Sequence[Held]) -> csr_array:
        """Owner × firm: the share that each owner holds, directly and through others."""
        size = len(self.names)
        sums: dict[tuple[int, int], int] = {}
        for each in holdings:
            key = self.at[each.owner], self.at[str(each.firm)]
            sums[key] = sums.get(key, 0) + each.share_bp
        rows, columns = [key[0] for key in sums], [key[1] for key in sums]
        values = np.array([min(value, rules.BP) / rules.BP for value in sums.values()], dtype=float)
        direct = csr_array((values, (rows, columns)), shape=(size, size))
        majority = float(self.given.ratio("ownership_majority"))
        passing = direct.copy()
        passing.data = np.where(passing.data > majority, 1.0, passing.data)
        whole, chain = direct, direct
        for _level in range(self.given.count("ownership_depth") - 1):
            chain = passing @ chain
            if chain.nnz == 0:
                break
            whole = whole + chain
        whole = csr_array(
            whole - diags_array(whole.diagonal())
        )  # a share that comes round to its holder says nothing
        whole.data = np.minimum(whole.data, 1.0)
        whole.eliminate_zeros()
        return whole

    def share(self, owner: str, firm: str) -> Fraction:
        """The effective share, direct and indirect, to nine decimals."""
        if owner not in self.at or firm not in self.at:
            return Fraction(0)
        value = round(float(self.shares[self.at[owner], self.at[firm]]), EXACT)
        return Fraction(value).limit_denominator(10**EXACT)

    def grounds(self, one: str, other: str) -> list[Ground]:
        """Ownership between two firms, and owners that they have in common (the State left out)."""
        found = [
            self._ground("holding", owner, [(owner, firm)])
            for owner, firm in ((one, other), (other, one))
            if self.share(owner, firm) >= self.given.ratio("ownership_share")
        ]
        if one not in self.at or other not in self.at:
            return found
        owners = [set(self.strong[[self.at[each]], :].indices.tolist()) for each in (one, other)]
        for number in sorted(owners[0] & owners[1]):
            owner = self.names[number]
            if owner not in self.state_owners and owner not in (one, other):
                found.append(self._ground("common_owner", owner, [(owner, one), (owner, other)]))
        return found

    def _ground(self, kind: str, owner: str, ways: Sequence[tuple[str, str]]) -> Ground:
        least = min(self.share(*way) for way in ways)
        used = {each.id: each for way in ways for each in self._between(*way)}
        proofs = tuple(
            {
                "kind": "holding",
                "id": str(each.id),
                "owner": each.owner_label,
                "firm": str(each.firm),
                "share_bp": each.share_bp,
            }
            for each in sorted(used.values(), key=lambda each: str(each.id))
        )
        return Ground(kind, self.labels.get(owner, owner), int(least * rules.BP), proofs)

    def _between(self, owner: str, firm: str) -> list[Held]:
        """The holdings on some way from the owner down to the firm."""
        used: dict[UUID, Held] = {}

        def climb(at: str, way: tuple[Held, ...], seen: frozenset[str]) -> None:
            for each in self.by_firm.get(at, ()):
                if each.owner == owner:
                    used.update({held.id: held for held in (*way, each)})
                elif each.owner not in seen and len(way) + 1 < self.given.count("ownership_depth"):
                    climb(each.owner, (*way, each), seen | {each.owner})

        climb(firm, (), frozenset({firm}))
        return list(used.values())

    def related_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of these pairs, those with some ground; all at once, so that a large market costs little."""
        known = [pair for pair in pairs if pair[0] in self.at and pair[1] in self.at]
        if not known:
            return []
        ones = np.array([self.at[pair[0]] for pair in known])
        others = np.array([self.at[pair[1]] for pair in known])
        neutral = np.array([0.0 if name in self.state_owners else 1.0 for name in self.names])
        owned = csr_array(self.strong @ diags_array(neutral))
        common = np.asarray((owned[ones, :].multiply(owned[others, :])).sum(axis=1)).ravel() > 0
        direct = (
            np.asarray(self.strong[ones, others]).ravel() + np.asarray(self.strong[others, ones]).ravel() > 0
        )
        return [pair for pair, is_found in zip(known, common | direct, strict=True) if is_found]


def shared_grounds(details: Iterable[Shared], given: Parameters) -> dict[tuple[str, str], list[Ground]]:
    """Per pair of firms, the details that they share; what many firms share is left out."""
    by_value: dict[tuple[str, str], dict[str, list[Shared]]] = {}
    for each in details:
        by_value.setdefault((each.kind, each.value), {}).setdefault(str(each.firm), []).append(each)
    found: dict[tuple[str, str], list[Ground]] = {}
    for (kind, value), firms in by_value.items():
        if not 2 <= len(firms) <= given.count("shared_by_most"):
            continue
        names = sorted(firms)
        digest = hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()[:16]
        for number, one in enumerate(names):
            for other in names[number + 1 :]:
                proof = {"kind": "shared", "id": f"{kind}:{digest}", "trait": kind}
                found.setdefault((one, other), []).append(Ground(kind, "", 0, (proof,)))
    return found


def related_parties(
    con: duckdb.DuckDBPyConnection, holdings: Sequence[Held], details: Sequence[Shared], given: Parameters
) -> Iterator[Signal]:
    """A finding per supplier, buyer and year whose two sides have something in common."""
    ownership, shared = Ownership(holdings, given), shared_grounds(details, given)
    if not ownership.at and not shared:
        return
    traded = con.execute("SELECT DISTINCT supplier, buyer FROM trades WHERE kept_fen > 0").fetchall()
    pairs = [(str(supplier), str(buyer)) for supplier, buyer in traded]
    owned = set(ownership.related_pairs(pairs))
    wanted = [pair for pair in pairs if pair in owned or tuple(sorted(pair)) in shared]
    if not wanted:
        return
    con.execute("CREATE OR REPLACE TEMP TABLE related (firm UUID, other UUID)")
    con.execute(
        "INSERT INTO related SELECT unnest(?::UUID[]), unnest(?::UUID[])",
        [list(c) for c in zip(*wanted, strict=True)],
    )
    rows = con.execute(
        f"""SELECT t.supplier, t.buyer, t.year, sum(kept_fen)::BIGINT, {ORDERS}
        FROM trades AS t JOIN related AS r ON r.firm = t.supplier AND r.other = t.buyer
        WHERE kept_fen > 0 GROUP BY t.supplier, t.buyer, t.year ORDER BY t.supplier, t.buyer, t.year"""
    ).fetchall()
    for supplier, buyer, year, amount, orders in rows:
        pair = str(supplier), str(buyer)
        grounds = ownership.grounds(*pair) if pair in owned else []
        one, other = sorted(pair)
        grounds = [*grounds, *shared.get((one, other), [])]
        share = max((each.share_bp for each in grounds), default=0)
        judgement = rules.related_party([each.kind for each in grounds], share, amount)
        if judgement is not None:
            proofs = [
                {**proof, "ground": each.kind, "label": each.label, "effective_bp": each.share_bp}
                for each in grounds
                for proof in each.proofs
            ]
            yield Signal(
                SignalKind.RELATED_PARTY,
                supplier,
                year,
                buyer.hex,
                judgement,
                orders,
                proofs,
                (supplier, buyer),
            )
