"""The way of a leaf up to the root, drawn as SVG without script or inline style."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

WIDTH, ROW, BOX, HIGH = 320, 58, 96, 26
CENTRE, LEFT, RIGHT = WIDTH // 2, BOX // 2 + 2, WIDTH - BOX // 2 - 2


def _box(x: int, y: int, digest: bytes, cls: str) -> SafeString:
    return format_html(
        '<rect class="{0}" x="{1}" y="{2}" width="{3}" height="{4}" rx="5"/>'
        '<text class="{0}-words" x="{5}" y="{6}" text-anchor="middle">{7}…</text>',
        cls, x - BOX // 2, y, BOX, HIGH, x, y + 17, digest.hex()[:8],
    )  # fmt: skip


def _line(x: int, y: int, up_to: int) -> SafeString:
    return format_html('<path class="proof-line" d="M{} {}L{} {}"/>', x, y, CENTRE, up_to)


def proof_svg(leaf: bytes, steps: Sequence[tuple[str, bytes, bytes]], title: str) -> SafeString:
    """The root on top, the leaf at the bottom, at each level the sibling that the proof brings."""
    height = ROW * len(steps) + HIGH + 4
    drawn = [_box(CENTRE, height - HIGH - 2, leaf, "proof-own")]
    for number, (side, sibling, found) in enumerate(steps, start=1):
        above, here = height - HIGH - 2 - ROW * number, height - HIGH - 2 - ROW * (number - 1)
        at = LEFT if side == "left" else RIGHT
        drawn += [_line(CENTRE, here, above + HIGH), _line(at, here, above + HIGH)]
        drawn += [_box(at, here, sibling, "proof-given"), _box(CENTRE, above, found, "proof-own")]
    return format_html(
        '<svg class="proof" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        WIDTH, height, title, mark_safe("".join(drawn)),
    )  # fmt: skip
