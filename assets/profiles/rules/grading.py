"""Which grade a version's content suggests: the strictest of what was declared and what was found wins.

Nobody can tell core data by a scan; that grade only comes from the declaration. The thresholds are this
platform's own rule (settings PROFILES_IMPORTANT_PERSONS, PROFILES_IMPORTANT_CREDENTIALS): no statute says
that so many persons make data important. Important data are named by catalogues of the authorities (Data
Security Law, article 21); above the threshold a person should look whether such a catalogue applies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assets.datasets.states import FindingKind
from assets.profiles.rules.facts import Finding
from assets.profiles.states import Level

_STRICTNESS = {Level.GENERAL: 0, Level.IMPORTANT: 1, Level.CORE: 2}
CREDENTIALS = frozenset({FindingKind.ID_NUMBER, FindingKind.BANK_CARD})


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From how many persons, or persons' identity or bank numbers, data are suggested to be important."""

    persons: int = 100_000
    credentials: int = 10_000


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a grade: `code` is a key of REASONS in wording.py, with its figures."""

    code: str
    count: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The grade that follows; data whose grade is core cannot go on to registration."""

    level: Level
    reasons: tuple[Reason, ...]

    @property
    def may_go_on(self) -> bool:
        return self.level != Level.CORE


def strictest(levels: Iterable[Level]) -> Level:
    """The strictest of some grades; general of none."""
    return max(levels, key=_STRICTNESS.__getitem__, default=Level.GENERAL)


def person_count(findings: Sequence[Finding], kinds: frozenset[FindingKind] | None = None) -> int:
    """At least how many persons: the largest count of different values of one kind, over all places."""
    per_kind: dict[str, int] = defaultdict(int)
    for finding in findings:
        if finding.kind != FindingKind.IMAGE_PLACE and (kinds is None or finding.kind in kinds):
            per_kind[finding.kind] += finding.distinct_count
    return max(per_kind.values(), default=0)


def suggested_classification(
    findings: Sequence[Finding], declared: Level | None, *, thresholds: Thresholds = Thresholds()
) -> Suggestion:
    """The grade of a version from what the scan found and what its firm declared (None: nothing yet)."""
    levels, reasons = [Level.GENERAL], []
    persons, numbered = person_count(findings), person_count(findings, CREDENTIALS)
    if persons >= thresholds.persons:
        levels.append(Level.IMPORTANT)
        reasons.append(Reason("many_persons", persons, thresholds.persons))
    if numbered >= thresholds.credentials:
        levels.append(Level.IMPORTANT)
        reasons.append(Reason("many_credentials", numbered, thresholds.credentials))
    if persons and not reasons:
        reasons.append(Reason("some_persons", persons, thresholds.persons))
    places = sum(finding.count for finding in findings if finding.kind == FindingKind.IMAGE_PLACE)
    if places:
        reasons.append(Reason("image_places", places))
    if not findings:
        reasons.append(Reason("nothing_found"))
    if declared is not None:
        levels.append(declared)
        reasons.append(Reason(f"declared_{declared.value}"))
    return Suggestion(strictest(levels), tuple(reasons))
