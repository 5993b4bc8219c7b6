"""A loss report in words: LOSS.md and loss.json of an archive, the lines of a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from assets.exports.formats.archive import Part, text_part
from assets.exports.formats.losses import LossReport, Tally
from kernel.wording import listed

Text = str | Promise

KIND_WORDS: Mapping[str, Text] = {
    "box": gettext_lazy("水平框"),
    "rotated": gettext_lazy("旋转框"),
    "polygon": gettext_lazy("多边形"),
    "span": gettext_lazy("文本片段"),
    "nested": gettext_lazy("嵌套或交叉的片段"),
    "multi_label": gettext_lazy("一个区域的多个标签"),
    "choice": gettext_lazy("选择题"),
    "rating": gettext_lazy("评分"),
    "text": gettext_lazy("填写的文字"),
    "pairwise": gettext_lazy("两两比较"),
    "relation": gettext_lazy("关系"),
    "per_region": gettext_lazy("针对区域的回答"),
    "other": gettext_lazy("其他标注"),
}
UNITS: Mapping[str, Text] = {
    "pixel": gettext_lazy("像素"),
    "percent": gettext_lazy("百分点（占图像宽高）"),
    "character": gettext_lazy("字"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of region in a report, ready to be shown."""

    kind: Text
    tally: Tally
    kept: str
    error: str

    @property
    def is_kept(self) -> bool:
        return not self.tally.lost + self.tally.changed


def error_words(tally: Tally) -> str:
    """The largest rounding error with its unit; "" when nothing was rounded."""
    if not tally.rounded:
        return ""
    return f"{tally.largest_error:g} {UNITS[tally.unit]}"


def outcome_words(tally: Tally) -> str:
    """What became of the regions of one kind, in one sentence."""
    told = [
        _("%(count)s 个原样保留") % {"count": f"{tally.exact:,}"} if tally.exact else "",
        _("%(count)s 个取整（最大误差 %(error)s）")
        % {"count": f"{tally.rounded:,}", "error": error_words(tally)}
        if tally.rounded
        else "",
        _("%(count)s 个换了形式") % {"count": f"{tally.changed:,}"} if tally.changed else "",
        _("%(count)s 个丢失") % {"count": f"{tally.lost:,}"} if tally.lost else "",
    ]
    return listed(filter(None, told))


def lines_of(report: LossReport) -> list[Line]:
    """The report by kind."""
    ordered = (kind for kind in KIND_WORDS if kind in report.kinds)
    return [
        Line(KIND_WORDS[kind], tally, outcome_words(tally), error_words(tally))
        for kind in ordered
        if (tally := report.kinds[kind])
    ]


def summary(report: LossReport) -> str:
    """The report in one line: what is not kept, else that all is."""
    if report.unread_count:
        return _("%(count)s 处读不回来") % {"count": f"{report.unread_count:,}"}
    broken = [
        _("%(kind)s %(count)s 个") % {"kind": line.kind, "count": f"{line.tally.lost + line.tally.changed:,}"}
        for line in lines_of(report)
        if not line.is_kept
    ]
    if broken:
        return _("不能完整保留：%(kinds)s") % {"kinds": listed(broken)}
    rounded = max((each.largest_error for each in report.kinds.values() if each.rounded), default=0.0)
    if rounded:
        worst = max(
            (each for each in report.kinds.values() if each.rounded), key=lambda each: each.largest_error
        )
        return _("全部保留，最大取整误差 %(error)s") % {"error": error_words(worst)}
    return _("全部原样保留")


def _document(report: LossReport, title: str) -> Iterator[str]:
    yield f"# {title}\n\n"
    yield _("写出后读回，逐个区域比较；实测 %(count)s 条，共 %(all)s 条。") % {
        "count": f"{report.row_count:,}", "all": f"{report.all_rows:,}",
    }  # fmt: skip
    yield f"\n\n{summary(report)}\n\n"
    for line in lines_of(report):
        yield f"- {line.kind}: {line.kept}\n"
        for example in line.tally.examples:
            yield f"  - `{json.dumps(example, ensure_ascii=False)}`\n"
    for words in report.unread:
        yield f"- {words}\n"
    yield "\n"


def parts(report: LossReport) -> Iterator[Part]:
    """LOSS.md in both languages and loss.json, for the archive that the report is about."""
    told = []
    for language, title in (("zh-hans", "格式损失报告"), ("en", "Loss report")):
        with override(language):
            told.append("".join(_document(report, title)))
    yield text_part("LOSS.md", "".join(told))
    body = json.dumps(report.as_json(), ensure_ascii=False, sort_keys=True, indent=1)
    yield text_part("loss.json", f"{body}\n")
