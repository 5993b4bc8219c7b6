"""The sample of a version: clean rows only, chosen once, for good."""

from __future__ import annotations

import json

import pytest

from assets.profiles import services
from assets.profiles.models import FrozenSample, Profile
from assets.profiles.services.samples import stratified
from audit.models import AuditEvent
from kernel.errors import InvalidInput, NotAllowed, NotFound
from tests import cast
from tests.assets.conftest import sealed_version
from tests.assets.profiles.conftest import picture, profiled, version_of
from tests.cast import NOON

pytestmark = pytest.mark.django_db

ROWS = [
    {
        "text": f"第{n}条：{'请拨打 13800138000' if n % 5 == 0 else '服务很好，环境也不错'}",
        "label": "好" if n % 4 else "差",
    }
    for n in range(40)
]
BODY = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()


def test_candidates_stand_for_every_label_and_hold_nothing_sensitive() -> None:
    candidates = profiled(version_of({"a.jsonl": BODY})).candidates
    assert {each["label"] for each in candidates} == {"好", "差"}
    assert not [each for each in candidates if "13800138000" in each["shown"]["text"]]
    assert all(ROWS[each["row"] - 1]["text"] == each["shown"]["text"] for each in candidates)


def test_the_automatic_sample_takes_the_labels_in_turn() -> None:
    version = version_of({"a.jsonl": BODY})
    profiled(version)
    sample = services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk)
    labels = [row["label"] for row in sample.rows]
    assert sample.method == "stratified"
    assert len(sample.rows) <= 10
    assert {"好", "差"} == set(labels)
    assert AuditEvent.objects.filter(action="profiles.freeze_sample", subject_id=sample.pk).count() == 1


def test_strata_are_taken_in_turn() -> None:
    candidates = [{"label": label} for label in "aaaaabc"]
    assert stratified(candidates, 4) == [0, 1, 5, 6]
    assert stratified(candidates, 100) == list(range(7))
    assert stratified([], 5) == []


def test_chosen_rows_are_frozen_in_their_order() -> None:
    version = sealed_version()
    profile = profiled(version)
    sample = services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk, chosen=[2, 0, 2])
    assert sample.method == "chosen"
    assert sample.rows == [profile.candidates[0], profile.candidates[2]]
    assert "annotator" not in sample.rows[0]["shown"]
    assert sample.rows[0]["shown"]["result"][0]["type"] == "choices"


def test_a_version_has_one_sample_for_good() -> None:
    version = sealed_version()
    profiled(version)
    services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk)
    with pytest.raises(services.SampleIsFrozen):
        services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk, chosen=[0])
    assert FrozenSample.objects.count() == 1


@pytest.mark.parametrize("chosen", [[], [99], [-1], list(range(21))])
def test_places_that_are_not_there_are_refused_with_the_field(chosen: list[int]) -> None:
    version = sealed_version()
    profiled(version)
    with pytest.raises(InvalidInput) as refused:
        services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk, chosen=chosen)
    assert refused.value.field == "rows"
    assert FrozenSample.objects.count() == 0


def test_a_row_with_personal_information_is_refused_even_when_it_came_to_be_a_candidate() -> None:
    version = version_of({"a.jsonl": BODY})
    made = profiled(version)
    tainted = {"path": "a.jsonl", "row": 1, "label": "差", "shown": {"text": ROWS[0]["text"]}}
    Profile.objects.bulk_create(
        [
            Profile(
                version=version, format=2, root_hash=made.root_hash, facts=made.facts, engines={},
                candidates=[tainted], made_at=NOON,
            )
        ]
    )  # fmt: skip
    with pytest.raises(services.SampleHasPersonalInformation) as refused:
        services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk)
    assert "a.jsonl #1" in str(refused.value)
    assert "13800138000" not in str(refused.value)


def test_without_profile_or_clean_row_there_is_no_sample() -> None:
    version = version_of({"a.csv": "姓名,电话\n王小明,13800138000\n".encode()})
    with pytest.raises(services.NoProfileYet):
        services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk)
    profiled(version)
    with pytest.raises(services.NothingToShow):
        services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk)


def test_an_image_with_its_place_is_no_candidate() -> None:
    version = version_of({"a.jpg": picture(1, fmt="JPEG", place=True), "b.png": picture(2)})
    assert [each["path"] for each in profiled(version).candidates] == ["b.png"]


def test_nobody_else_freezes_it() -> None:
    version = sealed_version()
    profiled(version)
    for who, refusal in (
        (cast.he, NotFound),
        (cast.gu, NotAllowed),
        (cast.tao, NotAllowed),
        (cast.mei, NotAllowed),
    ):
        with pytest.raises(refusal):
            services.freeze_sample(by=who(), at=NOON, version_id=version.pk)
    assert FrozenSample.objects.count() == 0
