"""The certificate on paper: PDF/A-2u by Typst, with a QR code to the public verification page.

The sheet is our own design. It never carries a seal: what makes it genuine is the signature that the
verification page checks. Certificates of invented holders say 示例.
"""

from __future__ import annotations

import io
import json
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import segno
from django.utils import translation

from assets.registry import rules
from assets.registry.fingerprints import fingerprint
from assets.registry.states import Classification, RegistrationKind
from kernel import clock

TEMPLATE = Path(__file__).resolve().parents[1] / "templates" / "registry" / "certificate.typ"
_DIGITS = "〇一二三四五六七八九"


def chinese_day(day: date) -> str:
    """2026 年 5 月 18 日 as a certificate writes it."""
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


def facts_of(claims: dict[str, Any], code: str = "") -> list[tuple[str, str]]:
    """The lines of the sheet, in Chinese: the language of the registry. `code`: the unified code, if assigned."""
    told = claims["certificate"]
    size, which = rules.size_of(told)
    with translation.override("zh-hans"):
        rights = "、".join(str(label) for label in rules.labels_of_rights(told["rights"]))
        level = str(Classification(told["classification"]).label)
        kind = str(RegistrationKind(told["kind"]).label)
        product = str(rules.label_of_product_kind(told["product_kind"]))
    valid_from, valid_until = (date.fromisoformat(told[name]) for name in ("valid_from", "valid_until"))
    return [
        ("资产名称", told["title"]),
        ("登记主体", told["holder"]["name"]),
        ("信用代码", told["holder"]["uscc"]),
        ("资产类型", f"{product}（{kind}）"),
        ("登记权利", rights),
        ("数据分级", level),
        ("应用场景", told["use_case"]),
        ("登记规模", size),
        ("登记对象", which),
        *([("平台赋码", code)] if code else []),
        ("有效期限", f"{chinese_day(valid_from)} 至 {chinese_day(valid_until)}"),
    ]


@lru_cache(maxsize=1)
def _fonts() -> Any:
    import typst
    from pylopdf_fonts_zh_cn import serif_path

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=True, font_paths=[str(Path(serif_path()).parent)]
    )


def _compiled(claims: dict[str, Any], key_id: str, code: str, **options: Any) -> bytes:
    import typst

    told = claims["certificate"]
    issued_on = date.fromisoformat(told["issued_on"])
    sheet = {
        "number": told["number"],
        "title": told["title"],
        "facts": facts_of(claims, code),
        "root_hash": fingerprint(told),
        "authority": told["authority"]["name"],
        "issued": formal_day(issued_on),
        "issued_on": [issued_on.year, issued_on.month, issued_on.day],
        "is_demo": told["is_demo"],
        "key_id": key_id,
        "url": told["verification_url"],
    }
    compiler = typst.Compiler(
        TEMPLATE.read_bytes(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={
            "sheet": json.dumps(sheet, ensure_ascii=False),
            "qr": qr_svg(told["verification_url"]),
        },
    )
    compiled = compiler.compile(timestamp=int(clock.start_of(issued_on).timestamp()), **options)
    assert isinstance(compiled, bytes), "a certificate is one page"
    return compiled


def pdf(claims: dict[str, Any], key_id: str, code: str = "") -> bytes:
    """The certificate as PDF/A-2u; the same claims and code give the same bytes."""
    return _compiled(claims, key_id, code, format="pdf", pdf_standards="a-2u")


def picture(claims: dict[str, Any], key_id: str, code: str = "", *, pixels_per_inch: int = 110) -> bytes:
    """The same sheet as PNG."""
    return _compiled(claims, key_id, code, format="png", ppi=pixels_per_inch)
