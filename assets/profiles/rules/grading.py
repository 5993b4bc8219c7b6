"""Which grade a version's content suggests: the strictest of what was declared and what was found wins.

Nobody can tell core data by a scan: what harm data could do to the state is judged by the authorities, who keep the
catalogues (Data Security Law, article 21; GB/T 43697-2024, clauses 6.4 to 6.6 and annex G, as we read them). That
grade only comes from the declaration, and stops registration.

Important is suggested on clear signs, so that a person looks whether a catalogue applies:

- persons: from ten million on, their handler has duties of those who handle important data, whatever the catalogues
  say (Regulations on the security of network data, article 28); below that, our own rule;
- identity and bank numbers, and columns of precise places, medical or biometric facts, in such numbers as our own rule
  says. No statute gives these figures (settings PROFILES_IMPORTANT_PERSONS, PROFILES_IMPORTANT_CREDENTIALS).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from annotation.intake.states import FindingKind
from assets.profiles.rules.facts import Finding, TableFacts
from assets.profiles.states import Level

_ABOUT_PERSONS = frozenset({"article_28", "many_persons", "many_credentials"})
_STRICTNESS = {Level.GENERAL: 0, Level.IMPORTANT: 1, Level.CORE: 2}
CREDENTIALS = frozenset({FindingKind.ID_NUMBER, FindingKind.BANK_CARD})
ARTICLE_28_PERSONS = 10_000_000
_SPECIAL = {
    "places": re.compile(
        r"经度|纬度|经纬度|坐标|定位|轨迹|家庭住址|详细地址|(?:.*_)?(?:lng|lon|lat|longitude|latitude|gps|geo|coordinates?|trajectory)",
        re.I,
    ),
    "medical": re.compile(
        r"诊断.*|病历.*|病史|既往史|处方|用药|检验结果|检查结果|症状|过敏史|(?:.*_)?(?:diagnos[ie]s|medical_record|prescription|icd(?:_?10)?|symptoms?)",
        re.I,
    ),
    "biometric": re.compile(
        r"人脸.*|指纹.*|虹膜.*|声纹.*|掌纹.*|步态|基因.*|(?:.*_)?(?:face_(?:id|feature|embedding|vector)|fingerprint|iris|voiceprint|dna|genome)",
        re.I,
    ),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From how many persons, identity or bank numbers, or values of a special kind, data are suggested important."""

    persons: int = 100_000
    credentials: int = 10_000
    special: int = 10_000


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


def special_counts(tables: Iterable[TableFacts]) -> dict[str, int]:
    """How many values the columns headed as places, medical or biometric facts hold, by kind: the fullest column."""
    found: dict[str, int] = {}
    for table in tables:
        for each in table.fields:
            for kind, headed in _SPECIAL.items():
                if headed.fullmatch(each.name.strip()):
                    found[kind] = max(found.get(kind, 0), each.filled_count)
    return found


def suggested_classification(
    findings: Sequence[Finding],
    declared: Level | None,
    *,
    thresholds: Thresholds = Thresholds(),
    special: Mapping[str, int] = MappingProxyType({}),
) -> Suggestion:
    """The grade of a version from what the scan found and what its firm declared (None: nothing yet).

    `special` as from `special_counts`. The scan alone never suggests core.
    """
    levels, reasons = [Level.GENERAL], []
    persons, numbered = person_count(findings), person_count(findings, CREDENTIALS)
    if persons >= ARTICLE_28_PERSONS:
        levels.append(Level.IMPORTANT)
        reasons.append(Reason("article_28", persons, ARTICLE_28_PERSONS))
    elif persons >= thresholds.persons:
        levels.append(Level.IMPORTANT)
        reasons.append(Reason("many_persons", persons, thresholds.persons))
    if numbered >= thresholds.credentials:
        levels.append(Level.IMPORTANT)
        reasons.append(Reason("many_credentials", numbered, thresholds.credentials))
    for kind in _SPECIAL:
        if special.get(kind, 0) >= thresholds.special:
            levels.append(Level.IMPORTANT)
            reasons.append(Reason(f"many_{kind}", special[kind], thresholds.special))
    if persons and not any(reason.code in _ABOUT_PERSONS for reason in reasons):
        reasons.append(Reason("some_persons", persons, thresholds.persons))
    places = sum(finding.count for finding in findings if finding.kind == FindingKind.IMAGE_PLACE)
    if places:
        reasons.append(Reason("image_places", places))
    if not findings and not reasons:
        reasons.append(Reason("nothing_found"))
    if declared is not None:
        levels.append(declared)
        reasons.append(Reason(f"declared_{declared.value}"))
    return Suggestion(strictest(levels), tuple(reasons))
