"""Freezing a version's sample: once, from rows in which nothing sensitive was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation.intake.sensitive import tells_of_persons
from assets.datasets.permissions import MANAGE_DATASETS
from assets.datasets.services import locked_version
from assets.datasets.states import VersionState
from assets.profiles.events import SampleFrozen
from assets.profiles.models import FrozenSample
from assets.profiles.selectors import profile_of
from assets.profiles.states import SampleMethod
from audit.services import record
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from kernel.wording import listed
from organizations.permissions import Actor

MOST_ROWS = 20
AUTOMATIC_ROWS = 10


class NoProfileYet(Refusal):
    """A sample comes out of a profile."""

    code = "profile_missing"
    message = _("这个版本还没有画像。请先生成画像，再选定样例。")


class NothingToShow(Refusal):
    """Every looked-at row holds personal information, or no row could be read."""

    code = "sample_without_candidates"
    message = _("没有可以公开的候选行：已读出的行都含有敏感信息，或没有可读的行。请处理数据后封版新版本。")


class SampleIsFrozen(Refusal):
    """A version has one sample for good."""

    code = "sample_is_frozen"
    message = _("这个版本的样例已经冻结，不能更改。需要别的样例，请封版新版本。")


class SampleHasPersonalInformation(Refusal):
    """A chosen row holds personal information after all."""

    code = "sample_has_personal_information"
    message = _("所选的行中含有敏感信息：%(rows)s。请改选其他行。")
    status = 422


@transaction.atomic
def freeze_sample(
    *, by: Actor, at: datetime, version_id: UUID, chosen: Sequence[int] | None = None
) -> FrozenSample:
    """Freeze a sample out of the profile's candidates: those at the `chosen` places, or some of every label.

    Raises NotFound, NotAllowed, NoProfileYet, NothingToShow, SampleIsFrozen, InvalidInput,
    SampleHasPersonalInformation.
    """
    version = locked_version(version_id)
    by.require(MANAGE_DATASETS)
    if not by.belongs_to(version.dataset.firm_id):
        raise NotFound
    profile = profile_of(version_id)
    if profile is None or version.state != VersionState.SEALED:
        raise NoProfileYet
    if FrozenSample.objects.filter(version=version).exists():
        raise SampleIsFrozen
    candidates: list[dict[str, Any]] = profile.candidates
    if not candidates:
        raise NothingToShow
    places = stratified(candidates, AUTOMATIC_ROWS) if chosen is None else _sound(chosen, len(candidates))
    rows = [candidates[place] for place in places]
    tainted = [_name(row) for row in rows if tells_of_persons(row["shown"])]
    if tainted:
        raise SampleHasPersonalInformation(field="rows", rows=listed(tainted))
    sample = FrozenSample.objects.create(
        version=version,
        profile=profile,
        method=SampleMethod.STRATIFIED if chosen is None else SampleMethod.CHOSEN,
        rows=rows,
        chosen_by=by.user,
        chosen_at=at,
    )
    record(
        by=by, at=at, action="profiles.freeze_sample", subject=sample,
        detail={"method": sample.method, "rows": [_name(row) for row in rows]},
    )  # fmt: skip
    announce(SampleFrozen(at=at, version_id=version.pk, by=by))
    return sample


def _sound(chosen: Sequence[int], count: int) -> list[int]:
    places = sorted(set(chosen))
    if not 1 <= len(places) <= MOST_ROWS:
        raise InvalidInput(field="rows", reason=_("请选择 1 到 20 行。"))
    if not all(0 <= place < count for place in places):
        raise InvalidInput(field="rows", reason=_("所选的行不在候选行中，请刷新页面后重选。"))
    return places


def stratified(candidates: Sequence[Mapping[str, Any]], most: int) -> list[int]:
    """Places of at most `most` candidates, the labels in turn, so that every label is there if it can be."""
    strata: dict[str, list[int]] = defaultdict(list)
    for place, candidate in enumerate(candidates):
        strata[candidate["label"]].append(place)
    chosen: list[int] = []
    turn = 0
    while len(chosen) < most and any(turn < len(places) for places in strata.values()):
        chosen += [places[turn] for _label, places in sorted(strata.items()) if turn < len(places)]
        turn += 1
    return sorted(chosen[:most])


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['path']} #{row['row']}" if row["row"] else str(row["path"])
