"""Sheets on paper: PDF/A-2u by Typst from a template and plain data, with a QR code.

A template never sees markup: what it shows comes in as JSON. The same data gives the same bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import segno

from kernel import clock

_DIGITS = "〇一二三四五六七八九"


def chinese_day(day: date) -> str:
    """2026 年 5 月 18 日 as a sheet writes it."""
    return f"{day.year} 年 {day.month} 月 {day.day} 日"


def formal_day(day: date) -> str:
    """二〇二六年五月十八日."""

    def small(number: int) -> str:
        tens, ones = divmod(number, 10)
        head = "" if tens == 0 else "十" if tens == 1 else _DIGITS[tens] + "十"
        return head + (_DIGITS[ones] if ones else "")

    year = "".join(_DIGITS[int(digit)] for digit in str(day.year))
    return f"{year}年{small(day.month)}月{small(day.day)}日"


def qr_svg(url: str, *, dark: str = "#2a2418") -> str:
    """A QR code (error correction M) as SVG without a document head."""
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        out,
        kind="svg",
        border=0,
        scale=4,
        dark=dark,
        xmldecl=False,
        svgclass=None,
        lineclass=None,
        omitsize=True,
    )
    return out.getvalue().decode()


@lru_cache(maxsize=1)
def _fonts() -> Any:
    import typst
    from pylopdf_fonts_zh_cn import serif_path

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=True, font_paths=[str(Path(serif_path()).parent)]
    )


def typeset(template: Path, sheet: Mapping[str, Any], *, url: str, on: date, **options: Any) -> bytes:
    """One page from a Typst template: `sheet` as JSON, the QR code of `url`, dated `on`.

    `options`: what Typst's compiler takes (`format="png"`, `ppi=…`); PDF/A-2u unless they say otherwise.
    """
    import typst

    compiler = typst.Compiler(
        template.read_bytes(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(sheet, ensure_ascii=False), "qr": qr_svg(url)},
    )
    wanted = options or {"format": "pdf", "pdf_standards": "a-2u"}
    compiled = compiler.compile(timestamp=int(clock.start_of(on).timestamp()), **wanted)
    assert isinstance(compiled, bytes), "a sheet is one page"
    return compiled
