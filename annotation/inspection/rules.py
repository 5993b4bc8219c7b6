"""Pure rules of lot inspection: plans of a lot, the draw that anybody can repeat, cutting, switching told with its cause."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from annotation.inspection.states import Basis, Cause
from annotation.quality import sampling
from annotation.quality.sampling import Plan, Severity, Switching

LOT_LEAST, LOT_MOST = 2, 500_000
VALUE_LEAST, VALUE_MOST = 16, 200
CURVE_STEPS = 60


@dataclass(frozen=True, slots=True)
class Terms:
    """What the two sides agreed: shares in ten-thousandths, `aql` as the standard writes it."""

    basis: str = Basis.AQL
    aql: str = "2.5"
    level: str = "II"
    initial: str = Severity.NORMAL
    limiting_quality: int = 800
    good_quality: int | None = None


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one lot is inspected: draw `sample_size`, accept with at most `accept` nonconforming.

    `letter` and `severity` are empty for a lot judged by itself (limiting quality). `is_full`: every item is inspected.
    """

    lot_size: int
    sample_size: int
    accept: int
    letter: str = ""
    severity: str = ""
    is_full: bool = False

    @property
    def reject(self) -> int:
        return self.accept + 1


def scheme_of(terms: Terms, lot_size: int, severity: str) -> Scheme:
    """The scheme of a lot of that size. InvalidInput for terms outside the tables."""
    if lot_size == 1:
        return Scheme(1, 1, 0, is_full=True, severity="" if terms.basis == Basis.LQ else severity)
    if terms.basis == Basis.LQ:
        good = None if terms.good_quality is None else terms.good_quality / 10_000
        made = sampling.limiting_plan(lot_size, terms.limiting_quality / 10_000, good_quality=good)
        return Scheme(lot_size, made.sample_size, made.accept, is_full=made.sample_size == lot_size)
    found = sampling.plan(lot_size, terms.aql, level=terms.level, severity=Severity(severity))
    return Scheme(lot_size, found.sample_size, found.accept, found.letter, found.severity, found.is_full)


def severity_again(current: str, *, is_tightened: bool) -> str:
    """Under which severity a lot is inspected that is submitted again: never reduced, tightened where agreed."""
    if is_tightened or current in (Severity.TIGHTENED, Severity.DISCONTINUED):
        return Severity.TIGHTENED
    return Severity.NORMAL


def passes_with(scheme: Scheme, share: float, *, is_isolated: bool) -> float:
    """Probability that a lot with this share nonconforming is accepted: of a process, or of one lot by itself."""
    if is_isolated or scheme.is_full:
        bad = min(scheme.lot_size, round(scheme.lot_size * share))
        return sampling.lot_pass_probability(scheme.lot_size, scheme.sample_size, scheme.accept, bad)
    return float(sampling.pass_probability(scheme.sample_size, scheme.accept, share))


def telling_share(terms: Terms) -> float:
    """The quality that the plain sentence speaks of: twice the AQL, or the limiting quality."""
    return terms.limiting_quality / 10_000 if terms.basis == Basis.LQ else float(Decimal(terms.aql)) / 50


def curve_of(scheme: Scheme, terms: Terms) -> list[tuple[int, int]]:
    """The operating curve as (share, probability) in ten-thousandths, to where hardly any lot passes."""
    is_isolated = terms.basis == Basis.LQ
    end = min(1.0, max(telling_share(terms) * 2, 2 * (scheme.accept + 3) / max(scheme.sample_size, 1)))
    shares = [end * step / CURVE_STEPS for step in range(CURVE_STEPS + 1)]
    return [
        (round(share * 10_000), round(passes_with(scheme, share, is_isolated=is_isolated) * 10_000))
        for share in shares
    ]


# --- the draw -----------------------------------------------------------------------------------


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_item(item_sha256: str, result_sha256: str) -> str:
    """What stands for one item with its result."""
    return sha256_of(f"{item_sha256}:{result_sha256}")


def digest_of_lot(contents: Iterable[tuple[int, str]]) -> str:
    """What stands for a lot: `number:digest` of each item, a line each, in the order of their numbers."""
    return sha256_of("\n".join(f"{number}:{digest}" for number, digest in contents))


def seed_of(lot_sha256: str, value: str) -> str:
    """The seed of a draw: the frozen contents and the value that the inspecting side committed before."""
    return sha256_of(f"{lot_sha256}:{value}")


def drawn(seed: str, numbers: Iterable[int], size: int) -> list[int]:
    """The sample: the `size` numbers whose SHA-256 of `seed:number` is smallest, in that order."""
    return sorted(numbers, key=lambda number: sha256_of(f"{seed}:{number}"))[:size]


def is_committed(value: str, value_sha256: str) -> bool:
    """Whether this is the value behind a commitment."""
    return hmac.compare_digest(sha256_of(value), value_sha256)


def cut(count: int, size: int | None, *, keeps_rest: bool) -> list[int]:
    """Sizes of the lots that so many items make: one, or lots of `size`.

    What is left over stays for later, unless the rest is wanted too: then it is a lot, a single item joins the last.
    """
    if not size or count <= size:
        return [count] if count and (keeps_rest or not size or count == size) else []
    whole, rest = divmod(count, size)
    sizes = [size] * whole
    if keeps_rest and rest == 1:
        sizes[-1] += 1
    elif keeps_rest and rest:
        sizes.append(rest)
    return sizes


# --- verdict and switching ------------------------------------------------------------------------


def verdict_so_far(scheme: Scheme, inspected: int, nonconforming: int) -> bool | None:
    """True or False once the rest of the sample cannot change the verdict, None before."""
    if nonconforming >= scheme.reject:
        return False
    return True if nonconforming + scheme.sample_size - inspected <= scheme.accept else None


_CAUSES = {
    (Severity.NORMAL, Severity.TIGHTENED): Cause.TWO_OF_FIVE,
    (Severity.NORMAL, Severity.REDUCED): Cause.SCORE,
    (Severity.TIGHTENED, Severity.NORMAL): Cause.FIVE_ACCEPTED,
    (Severity.TIGHTENED, Severity.DISCONTINUED): Cause.FIVE_REJECTED,
    (Severity.REDUCED, Severity.NORMAL): Cause.REDUCED_LOST,
}


def after_lot(
    before: Switching, scheme: Scheme, aql: str, nonconforming: int, *, is_reduction_approved: bool
) -> tuple[Switching, Cause]:
    """Where inspection stands after a lot of original inspection, and why."""
    used = Plan(
        scheme.letter or "A",
        scheme.letter or "A",
        Severity(scheme.severity),
        sampling.aql_of(aql),
        scheme.sample_size,
        scheme.accept,
        scheme.is_full,
    )
    after = sampling.after_lot(before, used, nonconforming, is_reduction_approved=is_reduction_approved)
    return after, _CAUSES.get((before.severity, after.severity), Cause.KEPT)


def chunks(rows: Sequence[object], sizes: Iterable[int]) -> Iterable[Sequence[object]]:
    """The rows in pieces of these sizes."""
    start = 0
    for size in sizes:
        yield rows[start : start + size]
        start += size
