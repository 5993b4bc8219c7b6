"""Near-duplicates are found among the given versions, and nothing of the other firm is told but the place."""

from __future__ import annotations

import io
import json
import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from annotation.intake import likeness
from assets.datasets.models import DatasetVersion
from assets.profiles import selectors
from assets.profiles.models import Fingerprint
from tests import cast
from tests.assets.profiles.conftest import picture, profiled, version_of

BASE = "清远的英德红茶以香气高锐著称，汤色红艳明亮，滋味浓醇，常与牛奶同饮。今年春茶上市比往年早了十天，茶农们都很忙碌。"
OTHER = "北江两岸的飞来峡是游客常去的地方，水面开阔，冬季会有成群的候鸟停留，当地的船家会在清晨带人出去看日出和渔火。"


def exact(one: str, other: str) -> int:
    """Jaccard similarity of the 5-character shingles in per cent, counted out."""
    sets = [
        {text[n : n + 5] for n in range(len(text) - 4)} for text in map(likeness.normalised, (one, other))
    ]
    return len(sets[0] & sets[1]) * 100 // len(sets[0] | sets[1])


def lines(*texts: str) -> bytes:
    return "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts).encode()


# --- pure ---------------------------------------------------------------------------------------


@given(st.integers(0, 2**32), st.integers(0, 100))
def test_the_estimate_is_near_the_counted_similarity(seed: int, changes: int) -> None:
    rng = random.Random(seed)
    signs = [chr(rng.randrange(0x4E00, 0x9F00)) for _n in range(400)]
    changed = [chr(rng.randrange(0x4E00, 0x9F00)) if rng.randrange(400) < changes else sign for sign in signs]
    one, other = "".join(signs), "".join(changed)
    prints = [likeness.text_fingerprint(text) for text in (one, other)]
    assert prints[0] is not None
    assert prints[1] is not None
    assert abs(likeness.similarity_percent(prints[0][0], prints[1][0]) - exact(one, other)) <= 22


def test_the_mean_error_is_that_of_128_minima() -> None:
    rng = random.Random(36344)
    errors = []
    for _round in range(300):
        signs = [chr(rng.randrange(0x4E00, 0x9F00)) for _n in range(200)]
        changed = [chr(rng.randrange(0x4E00, 0x9F00)) if rng.random() < 0.03 else sign for sign in signs]
        one, other = "".join(signs), "".join(changed)
        first, second = likeness.text_fingerprint(one), likeness.text_fingerprint(other)
        assert first is not None
        assert second is not None
        errors.append(likeness.similarity_percent(first[0], second[0]) - exact(one, other))
    assert abs(sum(errors)) / len(errors) <= 1.5
    assert sum(map(abs, errors)) / len(errors) <= 4.5


def test_texts_of_at_least_80_per_cent_share_a_band() -> None:
    rng = random.Random(7)
    shared = considered = 0
    for _round in range(300):
        signs = [chr(rng.randrange(0x4E00, 0x9F00)) for _n in range(200)]
        for place in rng.sample(range(200), 3):
            signs_changed = list(signs)
            signs_changed[place] = "改"
        one, other = "".join(signs), "".join(signs_changed)
        if exact(one, other) >= 80:
            considered += 1
            first, second = likeness.text_fingerprint(one), likeness.text_fingerprint(other)
            assert first is not None
            assert second is not None
            shared += bool(set(first[1]) & set(second[1]))
    assert considered >= 250
    assert shared >= considered - 1


def test_white_space_width_and_case_do_not_matter_and_short_texts_do_not_count() -> None:
    assert likeness.text_fingerprint("Ａｂｃ 清远 红茶 上市了 今年很早") == likeness.text_fingerprint(
        "abc清远红茶\n上市了今年很早"
    )
    assert likeness.text_fingerprint("太短了，不比较") is None


def test_fingerprints_never_change_from_release_to_release() -> None:
    found = likeness.text_fingerprint(BASE)
    assert found is not None
    assert (found[0][:8].hex(), found[1][0]) == ("169e8e61b26c21aa", -7522972099603115619)


@given(st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63), max_size=likeness.MOST_DISTANCE))
def test_no_image_within_six_bits_is_missed(found: int, flipped: set[int]) -> None:
    other = found
    for bit in flipped:
        other ^= 1 << bit
    digest = found.to_bytes(8, "big")
    assert likeness.distance(digest, other.to_bytes(8, "big")) == len(flipped)
    assert set(likeness.image_probes(digest)) & set(likeness.image_bands(other))


def test_an_image_is_like_its_smaller_lighter_and_turned_self_and_plain_ones_are_left_out() -> None:
    image = Image.open(io.BytesIO(picture(11, size=(320, 240))))
    digest = likeness.image_hash(image).to_bytes(8, "big")
    alike = [
        image.resize((160, 120)),
        image.point(lambda value: min(255, value + 12)),
        Image.open(io.BytesIO(picture(11, size=(320, 240), fmt="JPEG"))),
    ]
    for other in alike:
        assert (
            likeness.distance(digest, likeness.image_hash(other).to_bytes(8, "big")) <= likeness.MOST_DISTANCE
        )
    stranger = Image.open(io.BytesIO(picture(12, size=(320, 240))))
    assert (
        likeness.distance(digest, likeness.image_hash(stranger).to_bytes(8, "big")) > likeness.MOST_DISTANCE
    )
    assert likeness.image_fingerprint(Image.new("RGB", (64, 64), "white")) is None


# --- among versions -----------------------------------------------------------------------------


def others(*versions: DatasetVersion):  # type: ignore[no-untyped-def]
    return DatasetVersion.objects.filter(pk__in=[version.pk for version in versions])


@pytest.mark.django_db
def test_copied_rows_are_found_with_place_and_similarity_only() -> None:
    theirs = version_of(
        {"rows.csv": f"text\n无关的一行文字，说的是别的事情。\n{BASE}\n".encode()}, owner=cast.he()
    )
    mine = version_of({"mine.jsonl": lines(OTHER, BASE.replace("茶农们", "农户们"), "很短")})
    profiled(theirs)
    profiled(mine)
    found = selectors.near_duplicates(mine, others(theirs))
    assert (found.compared_count, found.matched_count, found.pair_count) == (2, 1, 1)
    assert found.share_bp == 5_000
    assert found.by_version == ((theirs.pk, 1),)
    (example,) = found.examples
    assert (example.path, example.row, example.other_version_id, example.other_row) == (
        "mine.jsonl",
        2,
        theirs.pk,
        2,
    )
    assert abs(example.similarity_percent - exact(BASE, BASE.replace("茶农们", "农户们"))) <= 12
    assert "rows.csv" not in str(found)
    assert "红茶" not in str(found)


@pytest.mark.django_db
def test_nothing_is_compared_with_itself_or_with_versions_that_were_not_given() -> None:
    mine, copy = (version_of({"a.jsonl": lines(BASE, OTHER)}) for _n in range(2))
    profiled(mine)
    profiled(copy)
    assert selectors.near_duplicates(mine, others(mine)).matched_count == 0
    assert selectors.near_duplicates(mine, others()).compared_count == 0
    assert selectors.near_duplicates(mine, DatasetVersion.objects.all()).matched_count == 2


@pytest.mark.django_db
def test_copied_images_are_found() -> None:
    theirs = version_of({"x.png": picture(21), "y.png": picture(22)}, owner=cast.he())
    mine = version_of({"a.jpg": picture(21, fmt="JPEG"), "b.png": picture(23)})
    profiled(theirs)
    profiled(mine)
    found = selectors.near_duplicates(mine, others(theirs))
    assert (found.compared_count, found.matched_count) == (2, 1)
    assert (found.examples[0].path, found.examples[0].other_row) == ("a.jpg", 0)
    assert found.examples[0].similarity_percent >= 90


@pytest.mark.django_db
def test_at_most_five_examples_are_told_and_the_queries_stay_few() -> None:
    texts = [f"{BASE[:40]}第{n}号样本，{OTHER[n : n + 30]}" for n in range(12)]
    theirs, mine = (
        version_of({"a.jsonl": lines(*texts)}, owner=cast.he()),
        version_of({"a.jsonl": lines(*texts)}),
    )
    profiled(theirs)
    profiled(mine)
    with CaptureQueriesContext(connection) as asked:
        found = selectors.near_duplicates(mine, others(theirs))
    assert found.matched_count == 12
    assert [example.similarity_percent for example in found.examples] == [100] * 5
    assert len(asked) == 4


@pytest.mark.django_db
def test_the_evidence_holds_near_duplicates_only_when_asked_and_refuses_nothing() -> None:
    theirs, mine = version_of({"a.jsonl": lines(BASE)}, owner=cast.he()), version_of({"a.jsonl": lines(BASE)})
    assert selectors.evidence_of(mine.pk) is None
    profiled(theirs)
    profiled(mine)
    alone = selectors.evidence_of(mine.pk)
    assert alone is not None
    assert alone.near_duplicates is None
    told = selectors.evidence_of(mine.pk, declared="important", among=others(theirs))
    assert told is not None
    assert told.near_duplicates is not None
    assert told.near_duplicates.matched_count == 1
    assert told.suggested_level == "important"
    assert told.suggestion.may_go_on
    assert told.reasons == ("扫描没有发现个人信息。", "企业申报为重要数据。")


@pytest.mark.django_db
def test_a_large_table_keeps_the_same_rows_in_two_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    from assets.profiles.services import tables

    monkeypatch.setattr(tables, "MOST_FINGERPRINTS", 5)
    texts = [f"第{n}行，{OTHER[n : n + 25]}，{BASE[n : n + 20]}" for n in range(25)]
    one, other = version_of({"a.jsonl": lines(*texts)}), version_of({"b.jsonl": lines(*reversed(texts))})
    rows = []
    for version in (one, other):
        profiled(version)
        rows.append(sorted(Fingerprint.objects.filter(version=version).values_list("row", flat=True)))
    assert len(rows[0]) == 5
    assert rows[0] == sorted(26 - row for row in rows[1])
