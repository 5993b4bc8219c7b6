"""Making profiles: queued as a job when a version is sealed, made in steps that are kept.

Each step is written in one transaction and never again; a run that comes second, at once or later, finds
the steps that are there and goes on after them. The last transaction joins them into the profile.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation.work.models import Review
from annotation.work.states import Verdict
from assets.datasets.models import DatasetVersion, LineageRow
from assets.datasets.permissions import MANAGE_DATASETS
from assets.datasets.services import locked_version
from assets.datasets.states import VersionState
from assets.profiles.events import ProfileMade
from assets.profiles.models import Fingerprint, Profile, ProfilePart, SensitiveFinding
from assets.profiles.rules.facts import FORMAT, PartFacts, Reviews, joined, row_count_of, to_json
from assets.profiles.rules.quality import dimensions
from assets.profiles.selectors import JOB_KIND
from assets.profiles.services import files as measuring
from audit.services import record
from jobs import services as jobs
from jobs.models import Job
from jobs.states import JobState
from kernel.errors import NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

MOST_CANDIDATES = 120


class NotSealed(Refusal):
    """Only what is final is measured."""

    code = "profile_version_not_sealed"
    message = _("这个版本尚未封版，封版后自动生成画像。")


class ProfileIsCurrent(Refusal):
    """The version has its profile; its content never changes, so neither does the profile."""

    code = "profile_is_current"
    message = _("这个版本已有当前格式的画像，内容封版后不变，无需重新生成。")


class Watcher(Protocol):
    """Who is told how far the work is (jobs.services.Progress)."""

    def start(self, total: int, *, done: int = 0) -> None: ...

    def advance(self, count: int = 1) -> None: ...


@transaction.atomic
def queue_profile(*, by: Actor, at: datetime, version_id: UUID) -> Job:
    """Queue the profile of a sealed version; work that is under way already is the answer.

    Raises NotFound, NotAllowed, NotSealed, ProfileIsCurrent.
    """
    version = locked_version(version_id)
    by.require(MANAGE_DATASETS)
    if not by.belongs_to(version.dataset.firm_id):
        raise NotFound
    if version.state == VersionState.BUILDING:
        raise NotSealed
    if Profile.objects.filter(version=version, format=FORMAT).exists():
        raise ProfileIsCurrent
    under_way = Job.objects.filter(
        kind=JOB_KIND, arguments__version=str(version_id), state__in=(JobState.QUEUED, JobState.RUNNING)
    )
    return under_way.first() or jobs.queue(
        by=by,
        at=at,
        kind=JOB_KIND,
        title=_("数据画像：%(version)s") % {"version": version},
        arguments={"version": str(version_id)},
    )


def make_profile(*, by: Actor, at: datetime, version_id: UUID, progress: Watcher | None = None) -> Profile:
    """Measure a sealed version, going on after the steps that are kept; made once however often it runs.

    Raises NotFound, NotSealed. A file that can't be measured is listed in the profile and stops nothing.
    """
    version = DatasetVersion.objects.filter(pk=version_id).first()
    if version is None:
        raise NotFound
    if version.state == VersionState.BUILDING or version.sealed_at is None:
        raise NotSealed
    files = list(version.files.order_by("path"))
    steps = measuring.steps_of(files)
    kept = set(ProfilePart.objects.filter(version=version, format=FORMAT).values_list("ordinal", flat=True))
    if progress is not None:
        progress.start(len(steps) + 1, done=len(kept))
    is_annotated = measuring.is_annotated(files)
    for ordinal, step in enumerate(steps):
        if ordinal in kept:
            continue
        with tempfile.TemporaryDirectory(prefix="qingshu-profile-") as folder:
            found = measuring.measure(step, Path(folder), at=version.sealed_at, is_annotated=is_annotated)
        _keep(version_id, ordinal, found)
        if progress is not None:
            progress.advance()
    return _join(by=by, at=at, version_id=version_id, file_count=len(files))


@transaction.atomic
def _keep(version_id: UUID, ordinal: int, step: measuring.Step) -> None:
    """Write one step with its fingerprints, unless another run was faster."""
    version = locked_version(version_id)
    if ProfilePart.objects.filter(version=version, format=FORMAT, ordinal=ordinal).exists():
        return
    ProfilePart.objects.create(version=version, format=FORMAT, ordinal=ordinal, body=to_json(step.part))
    Fingerprint.objects.bulk_create(
        [
            Fingerprint(
                version=version,
                format=FORMAT,
                kind=each.kind,
                path=each.path,
                row=each.row,
                digest=each.digest,
                bands=each.bands,
            )
            for each in step.prints
        ],
        batch_size=2_000,
    )


def _reviews_of(version: DatasetVersion) -> Reviews:
    """What quality review said of all the work on the tasks behind a version."""
    tasks = LineageRow.objects.filter(version=version).values("task_id")
    verdicts = Counter(Review.objects.filter(submission__task_id__in=tasks).values_list("verdict", flat=True))
    return Reviews(verdicts[Verdict.ACCEPT], verdicts[Verdict.RETURN])


@transaction.atomic
def _join(*, by: Actor, at: datetime, version_id: UUID, file_count: int) -> Profile:
    """The kept steps as the version's profile."""
    version = locked_version(version_id)
    made = Profile.objects.filter(version=version, format=FORMAT).first()
    if made is not None:
        return made
    parts = [
        part.told for part in ProfilePart.objects.filter(version=version, format=FORMAT).order_by("ordinal")
    ]
    facts = joined(
        parts,
        row_count=row_count_of(parts),
        byte_count=version.byte_count,
        file_count=file_count,
        quality=dimensions(parts, file_count=file_count, reviews=_reviews_of(version)),
    )
    profile = Profile.objects.create(
        version=version,
        format=FORMAT,
        root_hash=version.root_hash,
        facts=to_json(facts),
        engines=measuring.engines(),
        candidates=_candidates(parts),
        made_at=at,
    )
    SensitiveFinding.objects.bulk_create(
        [
            SensitiveFinding(
                profile=profile,
                kind=finding.kind,
                path=finding.path,
                field=finding.field,
                count=finding.count,
                distinct_count=finding.distinct_count,
                masked=list(finding.masked),
            )
            for part in parts
            for finding in part.findings
        ],
        batch_size=2_000,
    )
    counted = {"format": FORMAT, "rows": facts.row_count, "findings": profile.findings.count()}
    record(by=by, at=at, action="profiles.make", subject=profile, detail=counted)
    announce(ProfileMade(at=at, version_id=version.pk, profile_id=profile.pk))
    return profile


def _candidates(parts: list[PartFacts]) -> list[dict[str, object]]:
    """Rows for the sample; never one whose raw file holds something sensitive."""
    tainted = {finding.path for part in parts for finding in part.findings if not finding.field}
    tainted |= {f.path for part in parts for f in part.findings if f.kind == "image_place"}
    found = [candidate for part in parts for candidate in part.candidates]
    clean = [each for each in found if each.path not in tainted and each.shown.get("item") not in tainted]
    return [to_json(each) for each in clean[:MOST_CANDIDATES]]
