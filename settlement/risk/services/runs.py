"""The scan: facts in, findings kept. Running it again changes nothing that has not changed in the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from audit.services import record
from kernel import clock
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.revenue.models import AnnualRevenue
from settlement.revenue.selectors import goal_of
from settlement.risk import facts, parameters
from settlement.risk.models import Finding, Holding, Run, Trait
from settlement.risk.services.declarations import compared
from settlement.risk.signals import Signal, scan
from settlement.risk.signals.ground import evidence_keys, sha256_of
from settlement.risk.signals.relations import Held, Shared
from settlement.risk.states import FINDING, FindingState, TraitKind

LOCK = 0x51_5C_52
"""Advisory lock: one scan at a time; a second one waits and finds nothing new."""
BATCH = 500
Identity = tuple[str, UUID, int, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """A signal as it is stored: its evidence written out once, with keys and hash."""

    signal: Signal
    keys: frozenset[str]

    @property
    def identity(self) -> Identity:
        return self.signal.kind, self.signal.firm, self.signal.year, self.signal.subject

    def values(self) -> dict[str, Any]:
        """The columns that a scan may change."""
        judgement = self.signal.judgement
        return {
            "score": judgement.score,
            "amount_fen": judgement.amount_fen,
            "figures": dict(judgement.figures),
            "evidence": self.signal.evidence,
            "evidence_sha256": sha256_of(self.keys),
            "evidence_keys": sorted(self.keys),
            "order_ids": self.signal.order_ids,
        }


def years_of(today: date) -> tuple[int, int]:
    """The business years that a nightly scan looks at: the one under review and the present one."""
    return today.year - 1, today.year


@transaction.atomic
def run(*, by: Actor, at: datetime, years: Sequence[int] = ()) -> Run:
    """Scan the business years (last and present one by default) and keep what was found.

    An automatic rule: asks for no permission, decides nothing about anybody, only writes findings.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    today = clock.business_date(at)
    wanted = tuple(sorted(years or years_of(today)))
    given = parameters.in_force(today)
    with facts.loaded(wanted) as con:
        signals = scan(
            con,
            years=wanted,
            today=today,
            given=given,
            holdings=holdings(),
            details=details(),
            revenues=_revenues(wanted),
            goal=goal_of,
        )
        found = [Kept(each, evidence_keys(each.orders, each.proofs)) for each in signals]
        counts = {"trade_count": facts.count_of(con, "trades"), "firm_count": facts.count_of(con, "firms")}
    new, lapsed = _keep(found, wanted, by=by, at=at)
    made = Run.objects.create(
        years=list(wanted), parameters=given.version, found_count=len(found), new_count=new, lapsed_count=lapsed,
        ran_at=at, **counts,
    )  # fmt: skip
    record(
        by=by, at=at, action="risk.run", subject=made,
        detail={"years": list(wanted), "found": len(found), "new": new, "lapsed": lapsed},
    )  # fmt: skip
    return made


def _revenues(years: Sequence[int]) -> dict[tuple[UUID, int], int]:
    rows = AnnualRevenue.objects.filter(year__in=years, counted_fen__gt=0)
    return {(firm, year): fen for firm, year, fen in rows.values_list("firm_id", "year", "counted_fen")}


def holdings() -> list[Held]:
    """Every holding in force; a holder outside the platform is known by its code, else by its name.

    One that has joined since it was declared is recognised by its code.
    """
    rows = list(Holding.objects.filter(ended_at=None).order_by("pk"))
    codes = {row.holder_code for row in rows if row.holder_id is None and row.holder_code}
    joined = dict(Organization.objects.filter(uscc__in=codes).values_list("uscc", "pk"))
    return [
        Held(
            row.pk,
            _owner(row, joined),
            row.holder_name,
            row.firm_id,
            row.share_bp,
            row.is_state,
        )
        for row in rows
    ]


def _owner(row: Holding, joined: Mapping[str, UUID]) -> str:
    """The holder's key in the ownership graph."""
    if row.holder_id is not None:
        return str(row.holder_id)
    return str(joined[row.holder_code]) if row.holder_code in joined else row.holder_code or row.holder_name


def details() -> list[Shared]:
    """Declared details, and those of the organizations' own profiles."""
    found = [
        Shared(str(pk), firm, kind, value)
        for pk, firm, kind, value in Trait.objects.filter(ended_at=None).values_list(
            "pk", "firm", "kind", "compared"
        )
    ]
    profiles = Organization.objects.values_list("pk", "legal_representative", "contact_phone")
    for firm, representative, phone in profiles.iterator():
        if representative.strip():
            kind = TraitKind.LEGAL_REPRESENTATIVE
            found.append(Shared(str(firm), firm, kind, compared(kind, representative)))
        if phone.strip():
            found.append(Shared(str(firm), firm, TraitKind.PHONE, compared(TraitKind.PHONE, phone)))
    return found


def _keep(found: Iterable[Kept], years: Sequence[int], *, by: Actor, at: datetime) -> tuple[int, int]:
    """Write what is new, refresh what is live, let what is gone lapse; how many are new and how many lapsed."""
    rows = Finding.objects.select_for_update(of=("self",)).filter(year__in=years).order_by("pk")
    live: dict[Identity, Finding] = {}
    settled: dict[Identity, set[str]] = {}
    for row in rows.defer("evidence"):
        identity = row.kind, row.firm_id, row.year, row.subject
        if row.state == FindingState.CLOSED:
            settled.setdefault(identity, set()).update(row.evidence_keys)
        else:
            live[identity] = row
    fresh: list[Finding] = []
    changed: list[Finding] = []
    seen: set[Identity] = set()
    for each in found:
        identity = each.identity
        if each.keys <= settled.get(identity, set()) or identity in seen:
            continue
        seen.add(identity)
        known = live.get(identity)
        if known is None:
            fresh.append(_made(each, at))
            continue
        if known.state == FindingState.LAPSED:
            FINDING.move(known, "return", by=by, at=at)
        if _update(known, each.values(), at):
            changed.append(known)
    Finding.objects.bulk_create(fresh, batch_size=BATCH)
    Finding.objects.bulk_update(changed, [*UPDATED, "seen_at"], batch_size=BATCH)
    touched = [live[identity].pk for identity in seen if identity in live]
    Finding.objects.filter(pk__in=touched).update(seen_at=at)
    gone = [row for identity, row in live.items() if row.state == FindingState.OPEN and identity not in seen]
    for row in gone:
        FINDING.move(row, "lapse", by=by, at=at)
    return len(fresh), len(gone)


UPDATED = ("score", "amount_fen", "figures", "evidence", "evidence_sha256", "evidence_keys", "order_ids")


def _made(each: Kept, at: datetime) -> Finding:
    kind, firm, year, subject = each.identity
    return Finding(
        kind=kind, firm_id=firm, year=year, subject=subject, found_at=at, seen_at=at, **each.values()
    )


def _update(row: Finding, values: Mapping[str, Any], at: datetime) -> bool:
    """Take the new figures over; whether anything is another than before (the evidence follows its hash)."""
    is_changed = any(
        getattr(row, name) != values[name] for name in ("score", "amount_fen", "figures", "evidence_sha256")
    )
    if is_changed:
        for name in UPDATED:
            setattr(row, name, values[name])
        row.seen_at = at
    return is_changed
