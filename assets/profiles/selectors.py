"""Reading profiles; what a reviewer is shown of a version; near-duplicates among other versions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse

from annotation.intake import likeness
from annotation.intake.states import FindingKind
from assets.datasets.models import DatasetVersion
from assets.datasets.permissions import MANAGE_DATASETS
from assets.datasets.selectors import version_for
from assets.profiles import wording
from assets.profiles.models import Fingerprint, FrozenSample, Profile, SensitiveFinding
from assets.profiles.rules.facts import FORMAT, Facts, Finding
from assets.profiles.rules.grading import (
    Suggestion,
    Thresholds,
    person_count,
    special_counts,
    suggested_classification,
)
from assets.profiles.states import FingerprintKind, Level
from jobs.models import Job
from jobs.selectors import jobs_visible_to
from kernel.errors import NotFound
from organizations.permissions import Actor

JOB_KIND = "profiles.make"
MOST_EXAMPLES = 5
MOST_COMPARED = 2_000
"""Fingerprints of a version that are looked up for a reviewer while the page waits."""
MOST_NEIGHBOURS = 20
"""Counterparts of one row that are counted."""


def profile_of(version_id: UUID) -> Profile | None:
    """The newest profile of a version, None before there is one."""
    return Profile.objects.filter(version=version_id).order_by("-format").first()


def profile_for(viewer: Actor, version_id: UUID) -> Profile:
    """The newest profile of a version the viewer sees; NotFound otherwise or when there is none yet."""
    found = profile_of(version_for(viewer, version_id).pk)
    if found is None:
        raise NotFound
    return found


def job_of(viewer: Actor, version_id: UUID) -> Job | None:
    """The latest work on a version's profile that the viewer sees."""
    jobs = jobs_visible_to(viewer).filter(kind=JOB_KIND, arguments__version=str(version_id))
    return jobs.order_by("-created_at", "-pk").first()


def may_manage(viewer: Actor, version: DatasetVersion) -> bool:
    """Whether the viewer may make the profile again and freeze the sample."""
    return viewer.can(MANAGE_DATASETS) and viewer.belongs_to(version.dataset.firm_id)


def frozen_sample_of(version_id: UUID) -> FrozenSample | None:
    """The sample chosen for the catalogue, None before it was chosen."""
    return FrozenSample.objects.filter(version=version_id).first()


def findings_of(profile: Profile) -> list[SensitiveFinding]:
    """What the scan found, the most frequent first."""
    return list(profile.findings.order_by("-count", "kind", "path", "field"))


def thresholds() -> Thresholds:
    """The platform's own thresholds of the suggestion."""
    values = settings.PROFILES_IMPORTANT_CREDENTIALS
    return Thresholds(settings.PROFILES_IMPORTANT_PERSONS, credentials=values, special=values)


def suggestion_of(profile: Profile, declared: Level | None) -> Suggestion:
    """The grade that a profile and the firm's declaration suggest."""
    found = [
        Finding(f.kind, f.path, f.field, f.count, f.distinct_count, tuple(f.masked))
        for f in profile.findings.all()
    ]
    special = special_counts(profile.told.tables)
    return suggested_classification(found, declared, thresholds=thresholds(), special=special)


# --- near-duplicates ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alike:
    """One row (0: the whole file) of ours and its likest counterpart: where it lies, how alike they are."""

    path: str
    row: int
    other_version_id: UUID
    other_row: int
    similarity_percent: int


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """How much of a version is nearly the same as other versions; evidence, never a verdict.

    `matched_count` of `compared_count` fingerprints have a counterpart; `pair_count` counts at most 20
    counterparts of each. `by_version`: matched rows per other version, most first.
    """

    compared_count: int
    matched_count: int
    pair_count: int
    examples: tuple[Alike, ...]
    by_version: tuple[tuple[UUID, int], ...]

    @property
    def share_bp(self) -> int:
        """Matched of compared in basis points."""
        return self.matched_count * 10_000 // self.compared_count if self.compared_count else 0

    @property
    def method(self) -> str:
        """In a sentence, how the comparison was made, in the reader's language."""
        return wording.comparison()


_NEIGHBOURS = """
SELECT q.id, o.version_id, o.path, o.row, o.digest
FROM jsonb_to_recordset(%s::jsonb) AS q(id bigint, bands bigint[])
CROSS JOIN LATERAL (
  SELECT version_id, path, row, digest FROM profiles_fingerprint
  WHERE bands && q.bands AND format = %s AND kind = %s AND version_id = ANY(%s)
  LIMIT 500
) AS o
"""


def near_duplicates(
    version: DatasetVersion, among: QuerySet[DatasetVersion], *, most: int = MOST_COMPARED
) -> NearDuplicates:
    """What of `version` has near-duplicates in the given versions (never itself); at most `most` rows of each
    kind of fingerprint are looked up. Texts from 80 % estimated similarity, images up to 6 bits apart."""
    others = [pk for pk in among.values_list("pk", flat=True) if pk != version.pk]
    compared, best, pairs = 0, dict[int, tuple[int, Fingerprint, UUID, int]](), 0
    if others:
        for kind in FingerprintKind:
            mine = {
                f.pk: f
                for f in Fingerprint.objects.filter(version=version, format=FORMAT, kind=kind).order_by("pk")[
                    :most
                ]
            }
            compared += len(mine)
            pairs += _match(kind, mine, others, best)
    ranked = sorted(best.values(), key=lambda found: (-found[0], found[1].path, found[1].row))
    return NearDuplicates(
        compared_count=compared,
        matched_count=len(best),
        pair_count=pairs,
        examples=tuple(
            Alike(f.path, f.row, other, row, alike) for alike, f, other, row in ranked[:MOST_EXAMPLES]
        ),
        by_version=tuple(Counter(other for _alike, _mine, other, _row in ranked).most_common()),
    )


def _match(
    kind: FingerprintKind,
    mine: dict[int, Fingerprint],
    others: Sequence[UUID],
    best: dict[int, tuple[int, Fingerprint, UUID, int]],
) -> int:
    """Look all of `mine` up by their bands, keep the best counterpart of each in `best`; how many pairs."""
    if not mine:
        return 0
    is_text = kind == FingerprintKind.TEXT
    asked = [
        {"id": pk, "bands": f.bands if is_text else likeness.image_probes(bytes(f.digest))}
        for pk, f in mine.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_NEIGHBOURS, [json.dumps(asked), FORMAT, kind, list(others)])
        found = cursor.fetchall()
    pairs: Counter[int] = Counter()
    for pk, other, _path, row, digest in found:
        own = bytes(mine[pk].digest)
        if is_text:
            alike = likeness.similarity_percent(own, bytes(digest))
            is_alike = alike >= likeness.ALIKE_PERCENT
        else:
            alike = likeness.image_similarity_percent(own, bytes(digest))
            is_alike = likeness.distance(own, bytes(digest)) <= likeness.MOST_DISTANCE
        if is_alike:
            pairs[pk] += 1
            if pk not in best or (alike, other.int, row) > (best[pk][0], best[pk][2].int, best[pk][3]):
                best[pk] = (alike, mine[pk], other, row)
    return sum(min(count, MOST_NEIGHBOURS) for count in pairs.values())


# --- evidence -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DimensionEvidence:
    """One dimension of GB/T 36344: `ratio_bp` None when it was not measured; `how` says how it came about."""

    code: str
    label: str
    ratio_bp: int | None
    numerator: int
    denominator: int
    how: str

    @property
    def percent(self) -> str:
        return wording.percent(self.ratio_bp)


@dataclass(frozen=True, slots=True)
class FindingEvidence:
    """Personal information of one kind over all places, with masked examples."""

    kind: str
    label: str
    count: int
    distinct_count: int
    masked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FaultEvidence:
    """A file that could not be measured, or some of its lines."""

    path: str
    code: str
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a reviewer is shown of a version's content; texts are in the reader's language.

    `near_duplicates` is None when the caller gave no versions to compare with.
    """

    version_id: UUID
    profile_id: UUID
    format: int
    root_hash: str
    made_at: datetime
    row_count: int
    file_count: int
    field_count: int
    label_count: int
    dimensions: tuple[DimensionEvidence, ...]
    findings: tuple[FindingEvidence, ...]
    person_count: int
    faults: tuple[FaultEvidence, ...]
    suggestion: Suggestion
    reasons: tuple[str, ...]
    near_duplicates: NearDuplicates | None
    is_sample_frozen: bool
    url: str

    @property
    def suggested_level(self) -> Level:
        """general, important or core: the strictest of declaration and scan."""
        return self.suggestion.level

    @property
    def core_words(self) -> str:
        """Why the scan never says core, for the place where its suggestion stands."""
        return wording.about_core()

    @property
    def level_tone(self) -> str:
        """The colour of the suggested grade's tag."""
        return {Level.GENERAL: "green", Level.IMPORTANT: "amber", Level.CORE: "red"}[self.suggested_level]

    @property
    def finding_count(self) -> int:
        return sum(finding.count for finding in self.findings)


def evidence_of(
    version_id: UUID,
    *,
    declared: str | None = None,
    among: QuerySet[DatasetVersion] | None = None,
) -> Evidence | None:
    """What the newest profile of a version shows; None before there is one.

    `declared`: the grade the firm declares (general, important, core). `among`: versions to look for
    near-duplicates in, such as the registered versions of other firms.
    """
    profile = Profile.objects.select_related("version").filter(version=version_id).order_by("-format").first()
    if profile is None:
        return None
    facts = profile.told
    suggestion = suggestion_of(profile, Level(declared) if declared else None)
    return Evidence(
        version_id=version_id,
        profile_id=profile.pk,
        format=profile.format,
        root_hash=profile.root_hash,
        made_at=profile.made_at,
        row_count=facts.row_count,
        file_count=facts.file_count,
        field_count=sum(len(table.fields) for table in facts.tables),
        label_count=len(facts.labels),
        dimensions=dimension_evidence(facts),
        findings=_finding_evidence(profile),
        person_count=_person_count(profile),
        faults=fault_evidence(facts),
        suggestion=suggestion,
        reasons=tuple(wording.reason(each) for each in suggestion.reasons),
        near_duplicates=near_duplicates(profile.version, among) if among is not None else None,
        is_sample_frozen=FrozenSample.objects.filter(version=version_id).exists(),
        url=reverse("profiles:overview", args=[version_id]),
    )


def dimension_evidence(facts: Facts) -> tuple[DimensionEvidence, ...]:
    """The dimensions in words."""
    return tuple(
        DimensionEvidence(
            code=each.code,
            label=str(wording.DIMENSIONS[each.code]),
            ratio_bp=each.ratio_bp,
            numerator=each.numerator,
            denominator=each.denominator,
            how=wording.how(each),
        )
        for each in facts.quality
    )


def fault_evidence(facts: Facts) -> tuple[FaultEvidence, ...]:
    """The faults in words."""
    return tuple(
        FaultEvidence(each.path, each.code, str(wording.FAULTS[each.code]), each.count)
        for each in facts.faults
    )


def _finding_evidence(profile: Profile) -> tuple[FindingEvidence, ...]:
    by_kind: dict[str, list[SensitiveFinding]] = {}
    for finding in findings_of(profile):
        by_kind.setdefault(finding.kind, []).append(finding)
    return tuple(
        FindingEvidence(
            kind=kind,
            label=str(FindingKind(kind).label),
            count=sum(finding.count for finding in found),
            distinct_count=sum(finding.distinct_count for finding in found),
            masked=tuple(dict.fromkeys(mask for finding in found for mask in finding.masked))[:3],
        )
        for kind, found in by_kind.items()
    )


def _person_count(profile: Profile) -> int:
    return person_count(
        [Finding(f.kind, f.path, f.field, f.count, f.distinct_count) for f in profile.findings.all()]
    )
