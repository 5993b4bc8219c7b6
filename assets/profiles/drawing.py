"""Safe markup of the viewer: texts with labelled spans, images with labelled regions, charts of a profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from assets.profiles import wording
from assets.profiles.rules.facts import Facts, length_buckets
from assets.profiles.rules.texts import Region, image_size, regions_in, segments, spans_in
from web import charts
from web.charts import Bar

SHOWN_BARS = 12
TONES = 6
"""Colours that labels take in turn; classes span-0 … and region-0 … of profiles.css."""
_UNKNOWN_SIZE = (1000, 750)


def _tone(label: str, labels: Sequence[str]) -> int:
    return labels.index(label) % TONES if label in labels else 0


def _labels_of(text: str, result: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(span.label for span in spans_in(text, result)))


def marked(text: str, result: Sequence[Mapping[str, Any]], *, shown: str | None = None) -> SafeString:
    """The text with its labelled spans as `<mark>`, one inside the other where they nest or cross.

    `shown` is the text as it may be seen, of the same length.
    """
    labels = _labels_of(text, result)
    out = []
    for segment in segments(text if shown is None else shown, spans_in(text, result)):
        drawn: SafeString = format_html("{}", segment.text)
        for label in reversed(segment.labels):
            drawn = format_html(
                '<mark class="span span-{}" title="{}">{}</mark>', _tone(label, labels), label, drawn
            )
        names = format_html_join(
            "", '<small class="span-name">{}</small>', ((label,) for label in segment.ending)
        )
        out.append((format_html("{}{}", drawn, names),))
    return format_html_join("", "{}", out)


def legend(
    text: str, result: Sequence[Mapping[str, Any]], *, shown: str | None = None
) -> list[dict[str, Any]]:
    """The spans in words: label, place, quotation (out of `shown`)."""
    labels = _labels_of(text, result)
    return [
        {
            "label": s.label,
            "tone": _tone(s.label, labels),
            "start": s.start,
            "end": s.end,
            "text": (text if shown is None else shown)[s.start : s.end],
        }
        for s in spans_in(text, result)
    ]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with its regions drawn over it, and the regions in words."""

    svg: SafeString
    rows: list[dict[str, Any]]


def _plain(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10}" if tenths % 10 else str(tenths // 10)


def picture(link: str, result: Sequence[Mapping[str, Any]], *, name: str) -> Picture:
    """The image behind `link` with rectangles (turned ones too), ellipses, polygons and points."""
    width, height = image_size(result) or _UNKNOWN_SIZE
    regions = regions_in(result, width, height)
    labels = list(dict.fromkeys(region.label for region in regions))
    shapes = [(_shape(region, _tone(region.label, labels), max(width, height)),) for region in regions]
    svg = format_html(
        '<svg class="boxed" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<image href="{}" width="{}" height="{}"/>{}</svg>',
        width,
        height,
        name,
        link,
        width,
        height,
        format_html_join("", "{}", shapes),
    )
    rows = [
        {
            "label": each.label,
            "tone": _tone(each.label, labels),
            "kind": _kind_words(each),
            "place": _place(each),
        }
        for each in regions
    ]
    return Picture(svg, rows)


def _shape(region: Region, tone: int, size: int) -> SafeString:
    x, y = _plain(region.x), _plain(region.y)
    turn = f"rotate({region.turn / 100:g} {x} {y})" if region.turn else ""
    tip = format_html("<title>{}</title>", region.label)
    common = format_html('class="region region-{}" transform="{}"', tone, turn) if turn else format_html(
        'class="region region-{}"', tone
    )  # fmt: skip
    if region.kind == "polygon":
        points = " ".join(f"{_plain(px)},{_plain(py)}" for px, py in region.points)
        return format_html('<polygon {} points="{}">{}</polygon>', common, points, tip)
    if region.kind == "point":
        return format_html(
            '<circle {} cx="{}" cy="{}" r="{}">{}</circle>', common, x, y, size // 150 + 1, tip
        )
    wide, high = _plain(region.width), _plain(region.height)
    if region.kind == "ellipse":
        return format_html(
            '<ellipse {} cx="{}" cy="{}" rx="{}" ry="{}">{}</ellipse>', common, x, y, wide, high, tip
        )
    return format_html(
        '<rect {} x="{}" y="{}" width="{}" height="{}">{}</rect>', common, x, y, wide, high, tip
    )


def _kind_words(region: Region) -> str:
    words = {"rect": _("矩形"), "ellipse": _("椭圆"), "polygon": _("多边形"), "point": _("关键点")}
    return words[region.kind]


def _place(region: Region) -> str:
    if region.kind == "polygon":
        return _("%(count)s 个顶点") % {"count": len(region.points)}
    place = f"{_plain(region.x)}, {_plain(region.y)}"
    if region.kind == "point":
        return place
    turned = f" · {region.turn / 100:g}°" if region.turn else ""
    return f"{place} · {_plain(region.width)}×{_plain(region.height)}{turned}"


# --- charts -------------------------------------------------------------------------------------


def charts_of(facts: Facts) -> list[tuple[str, SafeString]]:
    """Title and drawing for labels, lengths and languages of texts, formats and sizes of images."""
    found = [
        (_("标签分布"), [(each.value, each.count) for each in facts.labels]),
        (_("文本长度（字符）"), _length_bars(facts)),
        (
            _("文本语言"),
            [(str(wording.LANGUAGES[code]), count) for code, count in facts.texts.languages.items()],
        ),
        (_("图片格式"), list(facts.images.formats.items())),
        (_("图片尺寸（像素）"), list(facts.images.sizes.items())),
    ]
    return [(title, _bars(title, pairs)) for title, pairs in found if pairs]


def _length_bars(facts: Facts) -> list[tuple[str, int]]:
    if not facts.texts.lengths:
        return []
    return [
        (f"{low}–{high - 1}" if high is not None else f"≥ {low}", count)
        for low, high, count in length_buckets(facts.texts.lengths)
    ]


def _bars(title: str, pairs: list[tuple[str, int]]) -> SafeString:
    total = sum(count for _label, count in pairs) or 1
    bars = [Bar(label[:12], count, f"{count * 100 // total}%") for label, count in pairs[:SHOWN_BARS]]
    return charts.distribution(bars, title=title, width=300, label_width=82)
