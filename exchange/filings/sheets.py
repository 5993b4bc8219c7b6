"""The voucher on paper: what its sheet shows, in Chinese, the language of the register."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt

from documents.printing import formal_day, typeset
from exchange.filings import rules
from exchange.filings.selectors import voucher_url
from kernel import clock
from kernel.money import Money

TEMPLATE = Path(__file__).with_name("templates") / "filings" / "voucher.typ"
STATUSES = {"filed": "已备案", "amended": "已更正", "voided": "已作废"}


def _moment(text: str) -> str:
    """2026-03-02 12:00 in Shanghai."""
    return f"{datetime.fromisoformat(text).astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"


def facts_of(claims: dict[str, Any]) -> list[tuple[str, str]]:
    """The lines of the sheet."""
    product, delivery, receipt = claims["product"], claims["delivery"], claims.get("receipt")
    is_by_buyer = claims["acceptance"]["by"] == rules.BY_BUYER
    accepted = "需方验收" if is_by_buyer else "验收期届满未提出异议，视为验收通过"
    return [
        ("供方", f"{claims['supplier']['name']}　{claims['supplier']['uscc']}"),
        ("需方", f"{claims['buyer']['name']}　{claims['buyer']['uscc']}"),
        ("交易标的", f"{product['title']}　{product['number']}"),
        ("数据版本", f"{product['dataset']} 第 {product['version']} 版，{delivery['file_count']:,} 个文件"),
        ("登记证书", claims["certificate"]),
        ("订单与合同", f"{claims['sub']}　{claims['contract']['number']}"),
        ("交付", f"{_moment(claims['delivered_at'])}，验收前访问 {delivery['access_count']:,} 次"),
        ("验收", f"{_moment(claims['accepted_at'])}，{accepted}"),
        (
            "资金",
            f"{receipt['payment']}，{_moment(receipt['released_at'])} 自托管账户放款 {Money(receipt['released_fen'])}"
            if receipt
            else "备案时未取得资金记录",
        ),
        ("发票", rules.invoice_numbers(claims) or "备案时未开具"),
    ]


def sheet_of(claims: dict[str, Any], token: str) -> dict[str, Any]:
    """All that the template is given."""
    issued = datetime.fromisoformat(claims.get("amended_at", claims["filed_at"]))
    day = clock.business_date(issued)
    return {
        "number": claims["jti"],
        "sequence": claims["sequence"],
        "status": STATUSES[claims["status"]],
        "venue": claims["venue"],
        "filed": str(Money(claims["filed_fen"])),
        "amount": str(Money(claims["amount_fen"])),
        "tax": str(Money(claims["tax_fen"])),
        "refunded": str(Money(claims["refunded_fen"])) if claims["refunded_fen"] else "",
        "replaces": claims.get("replaces", {}).get("sequence", 0),
        "facts": facts_of(claims),
        "root_hash": claims["delivery"]["root_hash"],
        "contract_hash": claims["contract"]["sha256"],
        "token_hash": hashlib.sha256(token.encode()).hexdigest(),
        "key_id": str(jwt.get_unverified_header(token)["kid"]),
        "issued": formal_day(day),
        "issued_on": [day.year, day.month, day.day],
        "is_demo": claims["is_demo"],
        "url": voucher_url(claims, token),
    }


def pdf(claims: dict[str, Any], token: str, **options: Any) -> bytes:
    """One issue as PDF/A-2u; the same issue gives the same bytes."""
    sheet = sheet_of(claims, token)
    day = clock.business_date(datetime.fromisoformat(claims.get("amended_at", claims["filed_at"])))
    return typeset(TEMPLATE, sheet, url=sheet["url"], on=day, **options)


def picture(claims: dict[str, Any], token: str, *, pixels_per_inch: int = 110) -> bytes:
    """The same sheet as PNG."""
    return pdf(claims, token, format="png", ppi=pixels_per_inch)
