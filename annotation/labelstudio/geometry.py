"""Shapes in per cent of an image: where they lie, and whether an outline crosses itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

ROUNDING = 0.01  # per cent by which an editor's rounding may pass the edge of an image

Point = tuple[float, float]


def is_whole(number: Any) -> TypeGuard[int]:
    """A whole number, which True is not."""
    return isinstance(number, int) and not isinstance(number, bool)


def is_number(number: Any) -> bool:
    """A number that arithmetic can bear: no bool, no NaN, nothing beyond a float."""
    if not isinstance(number, int | float) or isinstance(number, bool):
        return False
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def corners(box: Sequence[float], turn: float, aspect: float) -> list[Point]:
    """Corners in per cent of a box turned clockwise about its upper left corner (degrees), in pixel space.

    `box`: x, y, width, height; `aspect`: width of the image over its height.
    """
    x, y, width, height = box
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    sides = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    return [(x + dx * cos - dy / aspect * sin, y + dx * aspect * sin + dy * cos) for dx, dy in sides]


def is_inside(point: Point) -> bool:
    """Whether a point lies on the image, as far as rounding goes."""
    return all(-ROUNDING <= part <= 100 + ROUNDING for part in point)


def twice_the_area(points: Sequence[Point]) -> float:
    """Twice the signed area of an outline."""
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)


def crosses_itself(points: Sequence[Point]) -> bool:
    """Whether two sides that are not neighbours meet; each side is held against all later ones at once."""
    starts = np.array(points, dtype=float)
    ends = np.roll(starts, -1, axis=0)
    for place in range(len(points) - 2):
        upto = len(points) - 1 if place == 0 else len(points)  # the last side is a neighbour of the first
        if _meets(starts[place], ends[place], starts[place + 2 : upto], ends[place + 2 : upto]):
            return True
    return False


def _meets(a: Any, b: Any, c: Any, d: Any) -> bool:
    """Whether the side a–b touches any of the sides c–d."""
    from_a, from_b, to_c, to_d = _turns(a, b, c), _turns(a, b, d), _turns(c, d, a), _turns(c, d, b)
    crossing = (from_a != from_b) & (to_c != to_d)
    touching = (
        ((from_a == 0) & _between(a, b, c))
        | ((from_b == 0) & _between(a, b, d))
        | ((to_c == 0) & _between(c, d, a))
        | ((to_d == 0) & _between(c, d, b))
    )
    return bool(np.any(crossing | touching))


def _turns(a: Any, b: Any, c: Any) -> Any:
    """To which side each way a → b → c turns: 1, −1, or 0 for straight on."""
    ab, ac = b - a, c - a
    area = ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0]
    return np.where(np.abs(area) < 1e-12, 0, np.sign(area))


def _between(a: Any, b: Any, c: Any) -> Any:
    """Whether each c lies in the upright rectangle over a and b."""
    return np.all((np.minimum(a, b) <= c) & (c <= np.maximum(a, b)), axis=-1)


def box_of_corners(
    points: Sequence[Point], size: tuple[int, int]
) -> tuple[float, float, float, float, float] | None:
    """x, y, width, height in per cent and the turn in degrees of the rectangle whose corners these pixels are.

    In order around it, from the box's own upper left corner. None when they are no rectangle (to about a pixel).
    """
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    if (bx - ax) * (dy - ay) - (by - ay) * (dx - ax) < 0:  # the other way around
        bx, by, dx, dy = dx, dy, bx, by
    if math.hypot(bx - ax + dx - cx, by - ay + dy - cy) > 1:
        return None
    wide, high = math.hypot(bx - ax, by - ay), math.hypot(dx - ax, dy - ay)
    across = (bx - ax) * (dx - ax) + (by - ay) * (dy - ay)
    if abs(across) > max(wide, high, 1):
        return None
    turn = math.degrees(math.atan2(by - ay, bx - ax)) % 360
    turn = 0.0 if turn < 1e-6 or turn > 360 - 1e-6 else turn
    return (ax * 100 / size[0], ay * 100 / size[1], wide * 100 / size[0], high * 100 / size[1], turn)
