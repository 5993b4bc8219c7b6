"""Charts drawn on the server as SVG: no script, no inline style, printable, readable to screen readers.

Pure functions from whole numbers and ready texts to safe markup; colours are classes of app.css.
Amounts come in fen or in counts as they are; `show` turns one into its label. Drawing positions are
the only fractions here, nothing is calculated with them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from kernel.wording import listed

Show = Callable[[int], str]
Drawing = SafeString


def grouped(value: int) -> str:
    """12840 → 12,840."""
    return f"{value:,}"


def wan(fen: int) -> str:
    """Fen as 万元 with up to two decimals, rounded down: 234_600_000_00 fen → 23,460."""
    sign, whole = ("−" if fen < 0 else ""), abs(fen) // 10_000
    text = f"{whole // 100:,}.{whole % 100:02d}".rstrip("0").rstrip(".")
    return f"{sign}{text}"


# Charts shrink with their place and grow up to this factor, so that their lettering stays that of the page.
LARGEST = 1.2


class Column(NamedTuple):
    """One year or month: `state` is past or now."""

    label: str
    value: int
    state: str = "past"


class Level(NamedTuple):
    """A threshold: `state` is met, past or next."""

    value: int
    label: str
    state: str = "next"


class Change(NamedTuple):
    """A part of a waterfall: `kind` is start, plus, minus or total; minus values are negative."""

    label: str
    value: int
    kind: str


class Node(NamedTuple):
    """A party in a trade ring: `kind` is self, warn or ok; `side` is where its name stands (n, e, s, w)."""

    x: int
    y: int
    label: str
    kind: str = "ok"
    radius: int = 8
    side: str = "s"


class Edge(NamedTuple):
    """Money from one node to another: `kind` is warn or plain; `bend` curves to the left of the way."""

    origin: str
    target: str
    label: str = ""
    kind: str = "plain"
    bend: int = 0


class Bar(NamedTuple):
    """One line of a distribution."""

    label: str
    value: int
    note: str = ""
    tone: str = "blue"


def for_both(
    draw: Callable[[int, int], Drawing],
    *,
    wide: tuple[int, int] = (640, 250),
    narrow: tuple[int, int] = (340, 230),
) -> Drawing:
    """The same chart drawn for a wide and for a phone screen; `draw(width, height)` makes one of them."""
    return format_html(
        '<div class="only-wide">{}</div><div class="only-narrow">{}</div>', draw(*wide), draw(*narrow)
    )


def _n(value: float) -> str:
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _svg(
    width: float, height: float, body: Iterable[SafeString], title: str, description: str = "", cls: str = ""
) -> Drawing:
    drawn = mark_safe("".join(body))
    key = hashlib.sha256(f"{title}{description}{drawn}".encode()).hexdigest()[:10]
    return format_html(
        '<svg class="chart {}" width="{}" height="{}" viewBox="0 0 {} {}" role="img" '
        'aria-labelledby="c{}t c{}d">'
        '<title id="c{}t">{}</title><desc id="c{}d">{}</desc>{}</svg>',
        cls,
        _n(width * LARGEST),
        _n(height * LARGEST),
        _n(width),
        _n(height),
        key,
        key,
        key,
        title,
        key,
        description,
        drawn,
    )


def _text(x: float, y: float, text: object, cls: str = "c-label", anchor: str = "start") -> SafeString:
    return format_html(
        '<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>', _n(x), _n(y), cls, anchor, text
    )


def _rect(
    x: float, y: float, width: float, height: float, cls: str, radius: int = 0, tip: str = ""
) -> SafeString:
    return format_html(
        '<rect x="{}" y="{}" width="{}" height="{}" rx="{}" class="{}">{}</rect>',
        _n(x),
        _n(y),
        _n(max(width, 0)),
        _n(max(height, 0)),
        radius,
        cls,
        _tip(tip),
    )


def _tip(tip: str) -> SafeString:
    return format_html("<title>{}</title>", tip) if tip else SafeString("")


def _line(x1: float, y1: float, x2: float, y2: float, cls: str) -> SafeString:
    return format_html(
        '<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>', _n(x1), _n(y1), _n(x2), _n(y2), cls
    )


def _circle(x: float, y: float, radius: float, cls: str) -> SafeString:
    return format_html('<circle cx="{}" cy="{}" r="{}" class="{}"/>', _n(x), _n(y), _n(radius), cls)


def _path(d: str, cls: str, marker: str = "", tip: str = "") -> SafeString:
    end = format_html(' marker-end="url(#{})"', marker) if marker else ""
    return format_html('<path class="{}" d="{}"{}>{}</path>', cls, d, end, _tip(tip))


def _column(x: float, y: float, width: float, height: float, cls: str, radius: float, tip: str) -> SafeString:
    """A bar with round upper corners."""
    r = min(radius, width / 2, height)
    d = (
        f"M{_n(x)} {_n(y + height)}V{_n(y + r)}Q{_n(x)} {_n(y)} {_n(x + r)} {_n(y)}H{_n(x + width - r)}"
        f"Q{_n(x + width)} {_n(y)} {_n(x + width)} {_n(y + r)}V{_n(y + height)}Z"
    )
    return _path(d, cls, tip=tip)


def _wire(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return "；".join(f"{label} {value}" for label, value in pairs)


def threshold(
    columns: Sequence[Column],
    levels: Sequence[Level],
    *,
    title: str,
    show: Show = wan,
    unit: str = "",
    width: int = 640,
    height: int = 250,
) -> Drawing:
    """Annual revenue as columns against one or more thresholds."""
    left, right, above, below = 8, 100, 18, 30
    top = max([c.value for c in columns] + [lv.value for lv in levels] + [1]) * 112 / 100
    plot = height - above - below

    def y(value: float) -> float:
        return above + plot * (1 - value / top)

    out = [_line(left, y(0), width - right, y(0), "c-axis")]
    for level in levels:
        at = y(level.value)
        out.append(_line(left, at, width - right + 6, at, f"c-th c-th-{level.state}"))
        out.append(_text(width - right + 11, at - 2, level.label, f"c-label c-strong c-t-{level.state}"))
        out.append(_text(width - right + 11, at + 12, f"{show(level.value)}{unit}", "c-label c-sm"))
    step = (width - left - right) / max(len(columns), 1)
    bar = min(58.0, step / 2)
    for i, column in enumerate(columns):
        x = left + step * i + (step - bar) / 2
        strong = " c-strong" if column.state == "now" else ""
        tip = f"{column.label} {show(column.value)}{unit}"
        out.append(
            _column(x, y(column.value), bar, plot * column.value / top, f"c-bar-{column.state}", 5, tip)
        )
        out.append(_text(x + bar / 2, y(column.value) - 7, show(column.value), f"c-value{strong}", "middle"))
        out.append(_text(x + bar / 2, height - 10, column.label, "c-label", "middle"))
    said = [(c.label, show(c.value) + unit) for c in columns] + [
        (lv.label, show(lv.value) + unit) for lv in levels
    ]
    return _svg(width, height, out, title, _listed(said))


def waterfall(
    changes: Sequence[Change],
    *,
    title: str,
    show: Show = wan,
    unit: str = "",
    width: int = 640,
    height: int = 240,
) -> Drawing:
    """How one amount becomes another; labels may break at a newline."""
    side, above, below = 8, 26, 44
    spans, running = [], 0
    for change in changes:
        start = 0 if change.kind in ("start", "total") else running
        running = change.value if change.kind in ("start", "total") else running + change.value
        spans.append((min(start, running), max(start, running), running))
    low = min([0, *(a for a, _b, _r in spans)])
    top = max([1, *(b for _a, b, _r in spans)])
    plot = height - above - below

    def y(value: float) -> float:
        return above + plot * (1 - (value - low) / ((top - low) * 102 / 100))

    step = (width - 2 * side) / max(len(changes), 1)
    bar = min(64.0, step * 56 / 100)
    classes = {"start": "c-bar-past", "total": "c-bar-now", "minus": "c-bar-neg", "plus": "c-bar-pos"}
    out = [_line(side, y(0), width - side, y(0), "c-axis")]
    for i, (change, (bottom, upper, after)) in enumerate(zip(changes, spans, strict=True)):
        x = side + step * i + (step - bar) / 2
        is_sum = change.kind in ("start", "total")
        said = show(change.value) if is_sum else ("−" if change.value < 0 else "+") + show(abs(change.value))
        tip = f"{change.label} {said}{unit}".replace("\n", "")
        high = max(y(bottom) - y(upper), 2.5)
        out.append(_column(x, y(upper), bar, high, classes[change.kind], 4 if is_sum else 2, tip))
        strong = " c-strong" if change.kind == "total" else ""
        out.append(_text(x + bar / 2, y(upper) - 8, said, f"c-value{strong}", "middle"))
        if i < len(changes) - 1:
            out.append(_line(x + bar, y(after), x + step, y(after), "c-conn"))
        for row, part in enumerate(_broken(change.label, step)):
            out.append(_text(x + bar / 2, height - 26 + 15 * row, part, "c-label", "middle"))
    said_all = [(c.label.replace("\n", ""), show(c.value) + unit) for c in changes]
    return _svg(width, height, out, title, _listed(said_all))


def _broken(label: str, room: float) -> list[str]:
    """A label on two lines where it is wider than its room: at its newline, else at the space nearest its middle."""
    wide = sum(6.5 if letter.isascii() else 12 for letter in label)
    if "\n" in label or wide <= room or " " not in label:
        return label.split("\n")
    spaces = [at for at, letter in enumerate(label) if letter == " "]
    at = min(spaces, key=lambda space: abs(2 * space - len(label)))
    return [label[:at], label[at + 1 :]]


def trade_ring(
    nodes: Mapping[str, Node],
    edges: Sequence[Edge],
    *,
    title: str,
    description: str = "",
    width: int = 420,
    height: int = 250,
) -> Drawing:
    """Who pays whom; suspicious edges wear amber. The caller places the nodes."""
    key = hashlib.sha256(f"{title}{edges}".encode()).hexdigest()[:8]
    arrow = "M0 .8 7 4 0 7.2z"
    out = [
        format_html(
            '<defs><marker id="a{}" viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto">'
            '<path d="{}" class="c-arrow"/></marker><marker id="w{}" viewBox="0 0 8 8" refX="6.5" '
            'refY="4" markerWidth="6" '
            'markerHeight="6" orient="auto"><path d="{}" class="c-arrow-warn"/></marker></defs>',
            key,
            arrow,
            key,
            arrow,
        )
    ]
    pills = []
    for edge in edges:
        drawn, pill = _edge(nodes[edge.origin], nodes[edge.target], edge, key)
        out.append(drawn)
        pills.extend(pill)
    for node in nodes.values():
        out.append(_circle(node.x, node.y, node.radius, f"c-node c-node-{node.kind}"))
        shift = {
            "n": (0, -node.radius - 9),
            "s": (0, node.radius + 17),
            "e": (node.radius + 8, 4),
            "w": (-node.radius - 8, 4),
        }
        dx, dy = shift[node.side]
        anchor = {"e": "start", "w": "end"}.get(node.side, "middle")
        strong = "" if node.kind == "ok" else " c-strong"
        out.append(_text(node.x + dx, node.y + dy, node.label, f"c-label c-halo{strong}", anchor))
    said = description or "；".join(
        f"{nodes[e.origin].label} → {nodes[e.target].label} {e.label}" for e in edges
    )
    return _svg(width, height, [*out, *pills], title, said)


def _edge(origin: Node, target: Node, edge: Edge, key: str) -> tuple[SafeString, list[SafeString]]:
    way = math.hypot(target.x - origin.x, target.y - origin.y) or 1
    ux, uy = (target.x - origin.x) / way, (target.y - origin.y) / way
    cx, cy = (origin.x + target.x) / 2 + uy * edge.bend, (origin.y + target.y) / 2 - ux * edge.bend

    def at_rim(node: Node, gap: int) -> tuple[float, float]:
        far = math.hypot(cx - node.x, cy - node.y) or 1
        return node.x + (cx - node.x) / far * (node.radius + gap), node.y + (cy - node.y) / far * (
            node.radius + gap
        )

    (sx, sy), (ex, ey) = at_rim(origin, 3), at_rim(target, 6)
    marker = f"w{key}" if edge.kind == "warn" else f"a{key}"
    d = f"M{_n(sx)} {_n(sy)}Q{_n(cx)} {_n(cy)} {_n(ex)} {_n(ey)}"
    drawn = _path(d, f"c-edge c-edge-{edge.kind}", marker)
    if not edge.label:
        return drawn, []
    x, y, wide = (sx + 2 * cx + ex) / 4, (sy + 2 * cy + ey) / 4, 7 * len(edge.label) + 12
    pill = _rect(x - wide / 2, y - 10, wide, 20, f"c-pill c-pill-{edge.kind}", 10)
    return drawn, [pill, _text(x, y + 4, edge.label, f"c-label c-sm c-pt-{edge.kind}", "middle")]


def distribution(
    bars: Sequence[Bar],
    *,
    title: str,
    show: Show = grouped,
    unit: str = "",
    width: int = 460,
    label_width: int = 84,
) -> Drawing:
    """Horizontal bars, the longest first if the caller sorts them so."""
    most, line = max((b.value for b in bars), default=0) or 1, 27
    track, out = width - label_width - 104, []
    for i, bar in enumerate(bars):
        y = i * line + 4
        tip = f"{bar.label} {show(bar.value)}{unit}"
        out.append(_text(0, y + 14, bar.label, "c-label c-ink"))
        out.append(_rect(label_width, y + 4, track, 12, "c-track", 3))
        out.append(_rect(label_width, y + 4, track * bar.value / most, 12, f"f-{bar.tone}", 3, tip))
        out.append(_text(width, y + 14, show(bar.value), "c-value", "end"))
        out.append(_text(label_width + track + 42, y + 14, bar.note, "c-label c-sm", "end"))
    return _svg(
        width, line * len(bars) + 4, out, title, _listed((b.label, show(b.value) + unit) for b in bars)
    )


def fitting(words: str, room: float, *, wide: float = 12.0) -> str:
    """The words, cut with … where they would take more than `room`; Chinese letters are `wide`, others 0.6 of it."""

    def taken(text: str) -> float:
        return sum(wide if ord(letter) > 0x2E7F else wide * 0.6 for letter in text)

    if taken(words) <= room:
        return words
    kept = words
    while len(kept) > 1 and taken(kept) + wide > room:
        kept = kept[:-1]
    return f"{kept}…"


def heatmap(
    names: Sequence[str],
    hundredths: Sequence[Sequence[int | None]],
    *,
    title: str,
    description: str = "",
    none_label: str = "–",
    low: int = 70,
    high: int = 100,
    width: int = 430,
    label_width: int = 52,
) -> Drawing:
    """Agreement between people as a square, in hundredths (93 = 0.93); None where they share nothing."""
    cell = (width - label_width) / max(len(names), 1)
    high_cell, above = min(cell * 72 / 100, 34), 22
    out = [
        _text(
            label_width + cell * (j + 0.5), 14, fitting(name, cell - 4, wide=11.0), "c-label c-sm", "middle"
        )
        for j, name in enumerate(names)
    ]
    for i, row in enumerate(hundredths):
        out.append(
            _text(
                label_width - 8,
                above + high_cell * (i + 0.5) + 4,
                fitting(names[i], label_width - 8),
                "c-label c-ink",
                "end",
            )
        )
        for j, value in enumerate(row):
            x, y = label_width + cell * j, above + high_cell * i
            middle, base = x + cell / 2, y + high_cell / 2 + 4
            if value is None:
                out.append(
                    _rect(
                        x + 1,
                        y + 1,
                        cell - 2,
                        high_cell - 2,
                        "h-none",
                        3,
                        f"{names[i]} × {names[j]}：{none_label}",
                    )
                )
                out.append(_text(middle, base, "–", "c-label c-sm", "middle"))
                continue
            heat = 0 if value < low else min(6, 1 + (value - low) * 6 // (high - low))
            said = "1" if value == 100 else f".{value:02d}"
            out.append(
                _rect(
                    x + 1, y + 1, cell - 2, high_cell - 2, f"h-{heat}", 3, f"{names[i]} × {names[j]}：{said}"
                )
            )
            out.append(_text(middle, base, said, f"h-t h-t{heat}", "middle"))
    return _svg(width, above + high_cell * len(names) + 4, out, title, description)


# What a label like “今天 82,080” or “Today 82,080” takes beside its point.
LABEL_ROOM = 110


class Burn(NamedTuple):
    """The three lines of a burn-up: points are (day, count)."""

    plan: Sequence[tuple[int, int]]
    actual: Sequence[tuple[int, int]]
    forecast: Sequence[tuple[int, int]] = ()


def burn_up(
    burn: Burn,
    total: int,
    *,
    title: str,
    days: Sequence[tuple[int, str]],
    today: str = "",
    deadline: tuple[int, str] | None = None,
    description: str = "",
    show: Show = grouped,
    width: int = 700,
    height: int = 260,
) -> Drawing:
    """Work done against the plan, with the forecast to the end."""
    left, right, above, below = 52, 16, 16, 28
    last_day = max((x for x, _y in [*burn.plan, *burn.actual, *burn.forecast]), default=1) or 1
    top = (total or 1) * 110 / 100

    def at(point: tuple[int, int]) -> tuple[float, float]:
        x = left + (width - left - right) * point[0] / last_day
        return x, above + (height - above - below) * (1 - point[1] / top)

    floor = at((0, 0))[1]
    out = []
    for quarter in range(5):
        value = total * quarter // 4
        y = at((0, value))[1]
        out.append(_line(left, y, width - right, y, "c-grid" if quarter else "c-axis"))
        out.append(_text(left - 8, y + 4, show(value), "c-label c-sm", "end"))
    out += [_text(at((x, 0))[0], height - 8, label, "c-label c-sm", "middle") for x, label in days]
    actual = [at(p) for p in burn.actual]
    if actual:
        out.append(
            _path(
                f"{_wire(actual)}L{_n(actual[-1][0])} {_n(floor)}L{_n(actual[0][0])} {_n(floor)}Z", "c-area"
            )
        )
    for points, cls in ((burn.plan, "plan"), (burn.forecast, "fc"), (burn.actual, "act")):
        if points:
            out.append(_path(_wire([at(p) for p in points]), f"c-line c-line-{cls}"))
    if deadline:
        x = at((deadline[0], 0))[0]
        out += [
            _line(x, above, x, floor, "c-dead"),
            _text(x - 6, above + 10, deadline[1], "c-label c-sm c-t-warn", "end")
            if x >= LABEL_ROOM
            else _text(x + 6, above + 10, deadline[1], "c-label c-sm c-t-warn"),
        ]
    if actual:
        x, y = actual[-1]
        has_room = x + LABEL_ROOM <= width
        place, anchor = (x + 9, "start") if has_room else (min(x + 9, width - 4), "end")
        said = _text(place, y + (15 if has_room else 20), today, "c-label c-strong c-t-brand c-halo", anchor)
        out += [_circle(x, y, 4.5, "c-dot"), said]
    if burn.forecast:
        out.append(_circle(*at(burn.forecast[-1]), 4, "c-dot-o"))
    return _svg(width, height, out, title, description)


class Mark(NamedTuple):
    """A point of a curve that the text speaks of: both in ten-thousandths."""

    share: int
    chance: int
    label: str


def operating_curve(
    points: Sequence[tuple[int, int]],
    marks: Sequence[Mark],
    *,
    title: str,
    across: str,
    upward: str,
    description: str = "",
    width: int = 640,
    height: int = 250,
) -> Drawing:
    """How likely a lot passes (upward) by how bad it is (across); `points` and `marks` in ten-thousandths."""
    left, right, above, below = 46, 20, 24, 40
    last = max((share for share, _chance in points), default=1) or 1

    def at(share: int, chance: int) -> tuple[float, float]:
        x = left + (width - left - right) * share / last
        return x, above + (height - above - below) * (1 - chance / 10_000)

    out = [_text(4, 12, upward, "c-label c-sm")]
    for quarter in range(5):
        y = at(0, quarter * 2_500)[1]
        out.append(_line(left, y, width - right, y, "c-grid" if quarter else "c-axis"))
        out.append(_text(left - 8, y + 4, f"{quarter * 25}%", "c-label c-sm", "end"))
    for quarter in range(5):
        share = last * quarter // 4
        place = _text(at(share, 0)[0], height - 22, _hundredths(share), "c-label c-sm", "middle")
        out.append(place)
    out.append(_text(width - right, height - 5, across, "c-label c-sm", "end"))
    if points:
        out.append(_path(_wire([at(*point) for point in points]), "c-line c-line-act"))
    for mark in marks:
        x, y = at(mark.share, mark.chance)
        out.append(_line(x, y, x, at(0, 0)[1], "c-dead"))
        out.append(_circle(x, y, 4.5, "c-dot"))
        is_near = x + 9 + 7 * len(mark.label) > width
        out.append(
            _text(
                x - 9 if is_near else x + 9,
                y - 6,
                mark.label,
                "c-label c-strong c-halo",
                "end" if is_near else "start",
            )
        )
    said = description or "；".join(
        f"{_hundredths(mark.share)} → {_hundredths(mark.chance)}" for mark in marks
    )
    return _svg(width, height, out, title, said)


def _hundredths(value: int) -> str:
    """Ten-thousandths as per cent: 550 → 5.5%."""
    return f"{value // 100}.{value % 100:02d}".rstrip("0").rstrip(".") + "%"


def sparkline(values: Sequence[int], *, title: str, width: int = 96, height: int = 26) -> Drawing:
    """A line the size of a word."""
    if len(values) < 2:
        return _svg(width, height, [], title, listed(map(grouped, values)), "chart-spark")
    low, span = min(values), (max(values) - min(values)) or 1
    points = [
        (2 + (width - 6) * i / (len(values) - 1), height - 4 - (height - 8) * (value - low) / span)
        for i, value in enumerate(values)
    ]
    wire = _wire(points)
    out = [
        _path(f"{wire}V{height}H{_n(points[0][0])}Z", "c-spark-a"),
        _path(wire, "c-spark"),
        _circle(*points[-1], 2.4, "c-dot-s"),
    ]
    return _svg(width, height, out, title, listed(map(grouped, values)), "chart-spark")


def stacked_bar(
    parts: Sequence[tuple[str, int, str]], *, title: str, width: int = 1000, height: int = 14
) -> Drawing:
    """One bar cut by (label, count, tone); an empty whole is an empty track."""
    total, x, out = sum(count for _label, count, _tone in parts), 0.0, []
    if not total:
        out.append(_rect(0, 0, width, height, "c-track", 3))
    for label, count, tone in parts:
        if count:
            wide = width * count / total
            permille = count * 1000 // total
            tip = f"{label} {count:,}（{permille // 10}.{permille % 10}%）"
            out.append(_rect(x, 0, max(wide - 3, 2), height, f"f-{tone}", 3, tip))
            x += wide
    described = _listed((label, grouped(count)) for label, count, _tone in parts)
    drawn = _svg(width, height, out, title, described, "chart-stack")
    return mark_safe(drawn.replace("<svg ", '<svg preserveAspectRatio="none" ', 1))


def ring(done: int, total: int, *, label: str) -> Drawing:
    """How many of a decision's steps are judged, as a ring."""
    tone = "ring-g" if done == total else "ring-a"
    out = [
        _circle(50, 50, 42, "ring-track"),
        format_html(
            '<circle cx="50" cy="50" r="42" class="{}" stroke-linecap="round" '
            'pathLength="{}" stroke-dasharray="{} {}" transform="rotate(-90 50 50)"/>',
            tone,
            total,
            done,
            total,
        ),
        _text(50, 50, f"{done}/{total}", "ring-n", "middle"),
        _text(50, 67, label, "ring-s", "middle"),
    ]
    return _svg(100, 100, out, f"{done}/{total} {label}", "", "seal")


def guilloche(*, petals: int = 48, width: int = 340) -> Drawing:
    """The fine rosette behind a certificate; decoration, hidden from screen readers."""
    middle, points, waves = width / 2, 720, 9
    curves = []
    for turn in range(petals // 4):
        phase = 2 * math.pi * turn / (petals // 4)
        wire = []
        for i in range(points + 1):
            angle = 2 * math.pi * i / points
            radius = middle * (0.78 + 0.2 * math.sin(waves * angle + phase))
            wire.append((middle + radius * math.cos(angle), middle + radius * math.sin(angle)))
        curves.append((_wire(wire),))
    body = format_html_join("", '<path d="{}"/>', curves)
    return format_html(
        '<svg class="guilloche" viewBox="0 0 {} {}" aria-hidden="true">{}</svg>', width, width, body
    )
