"""Regions are compared by exact areas and optimal matches, spans by places and characters."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.quality.regions import (
    CORNER_LIMIT,
    Score,
    areas,
    box_iou,
    compare_regions,
    compare_relations,
    corners_of,
    exact_spans,
    in_pixels,
    matches,
    overlap_spans,
    polygon_iou,
)

SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10)]
ELL = [(0, 0), (10, 0), (10, 4), (4, 4), (4, 10), (0, 10)]


# --- areas ------------------------------------------------------------------------------------


def test_upright_boxes_by_hand() -> None:
    found = box_iou([(0, 0, 10, 10), (100, 100, 1, 1)], [(5, 0, 10, 10), (0, 0, 10, 10), (10, 0, 5, 5)])
    assert found.tolist() == [[1 / 3, 1, 0], [0, 0, 0]]
    assert box_iou([], [(0, 0, 1, 1)]).shape == (0, 1)
    assert box_iou([(0, 0, 0, 0)], [(0, 0, 0, 0)]).tolist() == [[0]]


def test_a_square_turned_by_45_degrees_in_its_own_shares_an_octagon() -> None:
    side = 2.0
    # The corner to turn about lies where the turned square's centre stays at (1, 1).
    turned = (1.0, 1 - math.sqrt(2), side, side, 45.0)
    octagon = 2 * (math.sqrt(2) - 1) * side**2
    found = box_iou([(0, 0, side, side)], [turned])[0, 0]
    assert found == pytest.approx(octagon / (8 - octagon), abs=1e-12)


def test_a_turn_goes_clockwise_about_the_upper_left_corner() -> None:
    corners = corners_of([(10, 20, 4, 2, 90)])[0]
    np.testing.assert_allclose(corners, [(10, 20), (10, 24), (8, 24), (8, 20)], atol=1e-12)
    assert in_pixels([(50, 50, 10, 20, 30)], 200, 100).tolist() == [[100, 50, 20, 20, 30]]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (SQUARE, ELL, (100, 64, 64)),
        (ELL, [(4, 4), (10, 4), (10, 10), (4, 10)], (64, 36, 0)),
        (ELL, [(2, 2), (8, 2), (8, 8), (2, 8)], (64, 36, 20)),
        (SQUARE, [(x + 5, y + 5) for x, y in SQUARE], (100, 100, 25)),
        (SQUARE, [(2, 2), (2, 8), (8, 8), (8, 2)], (100, 36, 36)),  # the other way round
        (SQUARE, [(0, 0), (10, 10), (10, 0), (0, 10)], (100, 50, 50)),  # crosses itself
        ([(1e6 + x, 1e6 + y) for x, y in SQUARE], [(1e6 + x + 5, 1e6 + y) for x, y in SQUARE], (100, 100, 50)),
    ],
)  # fmt: skip
def test_polygons_by_hand(
    first: list[tuple[float, float]], second: list[tuple[float, float]], expected: tuple[float, float, float]
) -> None:
    assert areas(first, second) == pytest.approx(expected, abs=1e-8)


def clipped(subject: list[tuple[float, float]], window: list[tuple[float, float]]) -> float:
    """Area shared by two convex polygons with corners counter-clockwise: Sutherland and Hodgman's clipping."""
    output = subject
    for (ax, ay), (bx, by) in zip(window, window[1:] + window[:1], strict=True):
        side = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for x, y in output]
        kept: list[tuple[float, float]] = []
        for n, (x, y) in enumerate(output):
            before, (px, py) = side[n - 1], output[n - 1]
            if (before >= 0) != (side[n] >= 0):
                t = before / (before - side[n])
                kept.append((px + t * (x - px), py + t * (y - py)))
            if side[n] >= 0:
                kept.append((x, y))
        output = kept
    return (
        abs(sum(x * y2 - x2 * y for (x, y), (x2, y2) in zip(output, output[1:] + output[:1], strict=True)))
        / 2
    )


BOX = st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(1, 60), st.floats(1, 60), st.floats(-180, 180))


@given(BOX, BOX)
def test_turned_boxes_share_what_clipping_says(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    first, second = ([(float(x), float(y)) for x, y in corners_of([each])[0]] for each in (one, other))
    shared = clipped(first, second)
    mine, theirs, found = areas(first, second)
    assert (mine, theirs) == pytest.approx((one[2] * one[3], other[2] * other[3]), rel=1e-9)
    assert found == pytest.approx(shared, abs=1e-6)
    assert box_iou([one], [other])[0, 0] == pytest.approx(found / (mine + theirs - found), abs=1e-12)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_stars_share_what_darts_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = []
    for _shape in range(2):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        radius = rng.uniform(2, 10, 9)
        shapes.append(
            np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1) + rng.uniform(-3, 3, 2)
        )
    darts = rng.uniform(-13, 13, (20_000, 2))

    def inside(shape: np.ndarray) -> np.ndarray:
        odd = np.zeros(len(darts), dtype=bool)
        for (ax, ay), (bx, by) in zip(shape, np.roll(shape, -1, axis=0), strict=True):
            crosses = (ay > darts[:, 1]) != (by > darts[:, 1])
            with np.errstate(divide="ignore", invalid="ignore"):
                odd ^= crosses & (darts[:, 0] < (bx - ax) * (darts[:, 1] - ay) / (by - ay) + ax)
        return odd

    hits = (inside(shapes[0]) & inside(shapes[1])).mean()
    assert areas(*shapes)[2] == pytest.approx(hits * 26**2, abs=6 * 26**2 * 0.5 / math.sqrt(20_000))


def test_two_circles_of_many_corners_share_the_lens() -> None:
    angles = np.linspace(0, 2 * np.pi, CORNER_LIMIT, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    lens = 2 * math.acos(0.5) - 0.5 * math.sqrt(3)
    assert areas(circle, circle + np.array([1, 0])) == pytest.approx((math.pi, math.pi, lens), rel=1e-5)


def test_shapes_that_are_none_are_refused() -> None:
    for wrong in ([(0, 0), (1, 1)], [(0, 0, 0)] * 3, [(0, 0), (1, math.nan), (1, 1)]):
        with pytest.raises(ValueError, match="polygon"):
            areas(wrong, SQUARE)
    with pytest.raises(ValueError, match="corners"):
        areas(np.random.default_rng(0).uniform(size=(CORNER_LIMIT + 1, 2)), SQUARE)
    with pytest.raises(ValueError, match="boxes"):
        box_iou([(0, 0, -1, 1)], [(0, 0, 1, 1)])
    with pytest.raises(ValueError, match="boxes"):
        box_iou([(0, 0, 1)], [(0, 0, 1, 1)])


# --- matching ---------------------------------------------------------------------------------


def test_as_many_as_can_be_are_matched_before_the_largest_overlap() -> None:
    # The greedy pair (0, 0) would leave 1 and 1 alone.
    assert matches(np.array([[0.9, 0.6], [0.6, 0.0]])) == [(0, 1), (1, 0)]
    assert matches(np.array([[0.9, 0.6], [0.6, 0.5]])) == [(0, 0), (1, 1)]
    assert matches(np.array([[0.49]])) == []
    assert matches(np.zeros((0, 3))) == []
    with pytest.raises(ValueError, match="threshold"):
        matches(np.ones((1, 1)), 0)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_no_other_matching_is_better(rows: int, columns: int, seed: int) -> None:
    iou = np.random.default_rng(seed).uniform(size=(rows, columns))
    found = matches(iou)
    assert len({row for row, _column in found}) == len({column for _row, column in found}) == len(found)
    short, long = (iou, columns) if rows <= columns else (iou.T, rows)
    best = max(
        (sum(short[n, c] >= 0.5 for n, c in enumerate(way)), sum(short[n, c] for n, c in enumerate(way) if short[n, c] >= 0.5))
        for way in itertools.permutations(range(long), len(short))
    )  # fmt: skip
    assert (len(found), sum(iou[pair] for pair in found)) == pytest.approx(best)


def test_two_annotators_boxes_are_scored_by_f1_and_mean_overlap() -> None:
    first = [(0, 0, 10, 10), (20, 20, 10, 10), (50, 50, 5, 5)]
    second = [(1, 0, 10, 10), (20, 20, 10, 10)]
    iou = box_iou(first, second)
    found = compare_regions(iou, ["车", "人", "人"], ["车", "车"])
    assert found.score == Score(1, 3, 2)
    assert found.pairs == ((0, 0),)
    assert found.score.f1 == pytest.approx(0.4)
    blind = compare_regions(iou)
    assert blind.score.f1 == pytest.approx(0.8)
    assert blind.mean_iou == pytest.approx((90 / 110 + 1) / 2)
    assert compare_regions(iou, threshold=0.9).score.matched == 1
    with pytest.raises(ValueError, match="one label a region"):
        compare_regions(iou, ["车"], ["车", "车"])


def test_two_empty_answers_agree_and_an_empty_one_with_another_does_not() -> None:
    both = compare_regions(np.zeros((0, 0)), [], [])
    assert (both.score.f1, both.mean_iou) == (1.0, None)
    one = compare_regions(np.zeros((0, 2)), [], ["a", "b"])
    assert (one.score.f1, one.score.precision, one.score.recall) == (0.0, 0.0, 1.0)


def test_polygons_are_compared_as_boxes_are() -> None:
    found = compare_regions(polygon_iou([SQUARE, ELL], [ELL, SQUARE]))
    assert found.pairs == ((0, 1), (1, 0))
    assert found.mean_iou == pytest.approx(1)


# --- spans and relations ----------------------------------------------------------------------


def test_spans_count_exactly_or_by_character() -> None:
    first = [(0, 4, "地名"), (6, 9, "人名")]
    second = [(0, 4, "地名"), (7, 9, "人名"), (10, 12, "地名")]
    assert exact_spans(first, second) == Score(1, 2, 3)
    assert overlap_spans(first, second) == Score(6, 7, 8)
    assert overlap_spans(first, second).f1 == pytest.approx(12 / 15)
    assert overlap_spans([(0, 3, "a")], [(0, 3, "b")]).f1 == 0
    assert exact_spans([], []).f1 == overlap_spans([], []).f1 == 1
    with pytest.raises(ValueError, match="span"):
        exact_spans([(3, 3, "a")], [])


@given(*[st.lists(st.tuples(st.integers(0, 15), st.integers(1, 6), st.sampled_from("ab")), max_size=5)] * 2)
def test_overlap_is_counted_character_by_character(
    one: list[tuple[int, int, str]], other: list[tuple[int, int, str]]
) -> None:
    first, second = ([(start, start + size, label) for start, size, label in each] for each in (one, other))
    sets = [{(c, label) for start, end, label in each for c in range(start, end)} for each in (first, second)]
    assert overlap_spans(first, second) == Score(len(sets[0] & sets[1]), len(sets[0]), len(sets[1]))


def test_relations_are_shared_when_their_ends_match() -> None:
    pairs = [(0, 1), (1, 0), (2, 2)]
    first = [(0, 1, "位于"), (1, 2, "同义"), (0, 3, "位于")]
    second = [(1, 0, "位于"), (2, 0, "同义"), (1, 5, "位于")]
    assert compare_relations(first, second, pairs) == Score(1, 3, 3)
    either = compare_relations(first, second, pairs, is_directed=lambda label: label != "同义")
    assert either == Score(2, 3, 3)
