"""Pure rules of filings: what a voucher claims, and cells that no spreadsheet runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

VOUCHER_TYPE = "voucher+jwt"
QINGYUAN_BASE = "gzdex-qingyuan"  # the Guangzhou Data Exchange's service base in Qingyuan
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Side:
    """A party as the voucher names it."""

    name: str
    uscc: str


@dataclass(frozen=True, slots=True)
class Trade:
    """The facts of a completed trade. Amounts in fen; `amount_fen` and `tax_fen` as contracted.

    `reduced_fen` (with `reduced_tax_fen` VAT) was taken off the price in a dispute, before release.
    """

    order_number: str
    supplier: Side
    buyer: Side
    product_number: str
    product_title: str
    dataset_number: str
    version: int
    root_hash: str
    certificate_number: str
    contract_number: str
    contract_sha256: str
    delivered_at: datetime
    accepted_at: datetime
    amount_fen: int
    tax_fen: int
    reduced_fen: int = 0
    reduced_tax_fen: int = 0


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def voucher_claims(
    trade: Trade,
    *,
    voucher_number: str,
    venue: str,
    filed_at: datetime,
    sequence: int = 1,
    refunded_fen: int = 0,
    amended_at: datetime | None = None,
) -> dict[str, Any]:
    """What a transaction voucher signs (JWS, header `typ` = "voucher+jwt").

    jti: voucher number · iat: seconds of this issue · sub: order number · venue · status: filed, amended or
    voided · sequence: 1 for the first issue, one more for each amendment · supplier, buyer: name and USCC ·
    product: number, title, dataset, version, root_hash (SHA-256 over the manifest) · certificate: number ·
    contract: number, sha256 of the signed text · delivered_at, accepted_at, filed_at (and amended_at): UTC ·
    amount_fen, tax_fen: as contracted, VAT included · reduced (only when there is one): what was taken off the
    price before release, with its VAT · refunded_fen: given back after release so far ·
    filed_fen: what the register counts, amount less reduction and refunds.
    """
    kept_fen = trade.amount_fen - trade.reduced_fen
    status = "filed" if not refunded_fen else "voided" if refunded_fen >= kept_fen else "amended"
    claims: dict[str, Any] = {
        "jti": voucher_number,
        "iat": int((amended_at or filed_at).timestamp()),
        "sub": trade.order_number,
        "venue": venue,
        "status": status,
        "sequence": sequence,
        "supplier": {"name": trade.supplier.name, "uscc": trade.supplier.uscc},
        "buyer": {"name": trade.buyer.name, "uscc": trade.buyer.uscc},
        "product": {
            "number": trade.product_number,
            "title": trade.product_title,
            "dataset": trade.dataset_number,
            "version": trade.version,
            "root_hash": trade.root_hash,
        },
        "certificate": trade.certificate_number,
        "contract": {"number": trade.contract_number, "sha256": trade.contract_sha256},
        "delivered_at": _text(trade.delivered_at),
        "accepted_at": _text(trade.accepted_at),
        "filed_at": _text(filed_at),
        "currency": "CNY",
        "amount_fen": trade.amount_fen,
        "tax_fen": trade.tax_fen,
        "refunded_fen": refunded_fen,
        "filed_fen": kept_fen - refunded_fen,
    }
    if trade.reduced_fen:
        claims["reduced"] = {"amount_fen": trade.reduced_fen, "tax_fen": trade.reduced_tax_fen}
    if amended_at is not None:
        claims["amended_at"] = _text(amended_at)
    return claims


def safe_cell(value: object) -> str:
    """A CSV cell that a spreadsheet shows and does not run: what looks like a formula gets a leading '."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
