"""The certificate on paper: PDF/A-2u by Typst, with a QR code to the public verification page.

The sheet is our own design. It never carries a seal: what makes it genuine is the signature that the
verification page checks. Certificates of invented holders say 示例.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from django.utils import translation

from assets.registry import rules
from assets.registry.fingerprints import fingerprint
from assets.registry.states import Classification, RegistrationKind
from documents.printing import chinese_day, formal_day, typeset

TEMPLATE = Path(__file__).resolve().parents[1] / "templates" / "registry" / "certificate.typ"


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


def _compiled(claims: dict[str, Any], key_id: str, code: str, **options: Any) -> bytes:
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
    return typeset(TEMPLATE, sheet, url=told["verification_url"], on=issued_on, **options)


def pdf(claims: dict[str, Any], key_id: str, code: str = "") -> bytes:
    """The certificate as PDF/A-2u; the same claims and code give the same bytes."""
    return _compiled(claims, key_id, code)


def picture(claims: dict[str, Any], key_id: str, code: str = "", *, pixels_per_inch: int = 110) -> bytes:
    """The same sheet as PNG."""
    return _compiled(claims, key_id, code, format="png", ppi=pixels_per_inch)
