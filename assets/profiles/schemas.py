"""JSON shapes of profiles."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from assets.profiles import selectors, wording
from assets.profiles.models import FrozenSample, Profile
from assets.profiles.rules.facts import to_json


class DimensionOut(Schema):
    """One dimension of GB/T 36344; `ratio_bp` in basis points, null when not measured."""

    code: str
    label: str
    ratio_bp: int | None
    numerator: int
    denominator: int
    how: str


class FindingOut(Schema):
    """Personal information of one kind in one field of one file; the examples are masked."""

    kind: str
    path: str
    field: str
    count: int
    distinct_count: int
    masked: list[str]


class FaultOut(Schema):
    path: str
    code: str
    words: str
    count: int


class ProfileOut(Schema):
    """What is in a sealed version. `facts` holds tables with their fields, texts, images and labels."""

    id: UUID
    version_id: UUID
    format: int
    root_hash: str
    made_at: datetime
    engines: dict[str, str]
    row_count: int
    file_count: int
    facts: dict[str, Any]
    quality: list[DimensionOut]
    findings: list[FindingOut]
    faults: list[FaultOut]
    suggested_classification: str
    reasons: list[str]

    @classmethod
    def of(cls, profile: Profile) -> ProfileOut:
        facts = profile.told
        told = {
            name: value
            for name, value in to_json(facts).items()
            if name in ("tables", "texts", "images", "labels")
        }
        suggestion = selectors.suggestion_of(profile, None)
        return cls(
            id=profile.pk,
            version_id=profile.version_id,
            format=profile.format,
            root_hash=profile.root_hash,
            made_at=profile.made_at,
            engines=profile.engines,
            row_count=facts.row_count,
            file_count=facts.file_count,
            facts=told,
            quality=[
                DimensionOut(
                    code=d.code, label=d.label, ratio_bp=d.ratio_bp, numerator=d.numerator,
                    denominator=d.denominator, how=d.how,
                )
                for d in selectors.dimension_evidence(facts)
            ],
            findings=[
                FindingOut(
                    kind=f.kind, path=f.path, field=f.field, count=f.count, distinct_count=f.distinct_count,
                    masked=f.masked,
                )
                for f in selectors.findings_of(profile)[:1_000]
            ],
            faults=[
                FaultOut(path=f.path, code=f.code, words=f.words, count=f.count)
                for f in selectors.fault_evidence(facts)
            ],
            suggested_classification=suggestion.level,
            reasons=[wording.reason(each) for each in suggestion.reasons],
        )  # fmt: skip


class SampleIn(Schema):
    """Places of candidates (from 0) to freeze; null lets the platform choose some of every label."""

    rows: list[int] | None = Field(None, max_length=20)


class SampleOut(Schema):
    """A frozen sample; `method` is stratified or chosen."""

    version_id: UUID
    method: str
    rows: list[dict[str, Any]]
    chosen_at: datetime

    @classmethod
    def of(cls, sample: FrozenSample) -> SampleOut:
        return cls(
            version_id=sample.version_id, method=sample.method, rows=sample.rows, chosen_at=sample.chosen_at
        )
