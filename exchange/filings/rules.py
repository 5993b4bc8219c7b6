"""Pure rules of filings: what a voucher claims, a register's columns, when to try again, how registers differ."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

VOUCHER_TYPE = "voucher+jwt"
QINGYUAN_BASE = "gzdex-qingyuan"  # the Guangzhou Data Exchange's service base in Qingyuan
BY_BUYER, BY_END_OF_INSPECTION = "buyer", "end_of_inspection"
FILED, IMPORTED = "filed", "imported"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Side:
    """A party as the voucher names it."""

    name: str
    uscc: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """Proof of delivery: what was opened to the buyer, and how often it was taken before acceptance."""

    root_hash: str
    file_count: int
    byte_count: int
    access_count: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Proof of acceptance: `way` is "buyer" or "end_of_inspection"; `acceptor` as the order's log names it."""

    way: str
    acceptor: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What settlement knows of the money: payment number, amount released from escrow in fen, and when."""

    payment_number: str
    released_fen: int
    released_at: datetime


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What settlement knows of an invoice of the trade: the tax office's code (often none) and number, the day of
    issue, and the amount in fen, VAT included, less what was credited."""

    code: str
    number: str
    issued_on: date
    amount_fen: int


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
    delivery: Delivered
    acceptance: Accepted
    receipt: Receipt | None = None
    invoices: tuple[Invoiced, ...] = ()
    is_demo: bool = False
    reduced_fen: int = 0
    reduced_tax_fen: int = 0


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def voucher_claims(trade: Trade, *, voucher_number: str, venue: str, filed_at: datetime) -> dict[str, Any]:
    """What the first issue of a transaction voucher signs (JWS, header `typ` = "voucher+jwt").

    jti: voucher number · iat: seconds of this issue · sub: order number · venue · status: filed, amended or
    voided · sequence: 1 for the first issue, one more for each amendment · supplier, buyer: name and USCC ·
    product: number, title, dataset, version, root_hash (SHA-256 over the manifest) · certificate: number ·
    contract: number, sha256 of the signed text · delivered_at, accepted_at, filed_at (and amended_at): UTC ·
    delivery: root_hash as delivered, file_count, byte_count, access_count before acceptance · acceptance: by
    (buyer or end_of_inspection) and acceptor · receipt, when the money is known: payment, released_fen,
    released_at · amount_fen, tax_fen: as contracted, VAT included · reduced (only when there is one): what was
    taken off the price before release, with its VAT · refunded_fen: given back after release so far ·
    filed_fen: what the register counts, amount less reduction and refunds · is_demo: the parties are invented.

    invoices, when there are any by then: code, number, issued_on, amount_fen of each, the earliest first. What is
    invoiced after filing changes no voucher; the register's page shows it beside.
    """
    claims: dict[str, Any] = {
        "jti": voucher_number,
        "iat": int(filed_at.timestamp()),
        "sub": trade.order_number,
        "venue": venue,
        "status": FILED,
        "sequence": 1,
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
        "delivery": {
            "root_hash": trade.delivery.root_hash,
            "file_count": trade.delivery.file_count,
            "byte_count": trade.delivery.byte_count,
            "access_count": trade.delivery.access_count,
        },
        "acceptance": {"by": trade.acceptance.way, "acceptor": trade.acceptance.acceptor},
        "filed_at": _text(filed_at),
        "currency": "CNY",
        "amount_fen": trade.amount_fen,
        "tax_fen": trade.tax_fen,
        "refunded_fen": 0,
        "filed_fen": trade.amount_fen - trade.reduced_fen,
        "is_demo": trade.is_demo,
    }
    if trade.reduced_fen:
        claims["reduced"] = {"amount_fen": trade.reduced_fen, "tax_fen": trade.reduced_tax_fen}
    if trade.receipt is not None:
        claims["receipt"] = {
            "payment": trade.receipt.payment_number,
            "released_fen": trade.receipt.released_fen,
            "released_at": _text(trade.receipt.released_at),
        }
    if trade.invoices:
        claims["invoices"] = [
            {
                "code": each.code,
                "number": each.number,
                "issued_on": each.issued_on.isoformat(),
                "amount_fen": each.amount_fen,
            }
            for each in trade.invoices
        ]
    return claims


def amended_claims(
    former: Mapping[str, Any], former_token: str, *, refunded_fen: int, amended_at: datetime
) -> dict[str, Any]:
    """The next issue of a voucher after refunds: what was filed stays word for word, the amounts go down.

    Adds amended_at and replaces: sequence, filed_fen and SHA-256 of the token that is no longer valid.
    """
    kept = int(former["amount_fen"]) - int(former.get("reduced", {}).get("amount_fen", 0))
    return {
        **former,
        "iat": int(amended_at.timestamp()),
        "status": "voided" if refunded_fen >= kept else "amended",
        "sequence": int(former["sequence"]) + 1,
        "refunded_fen": refunded_fen,
        "filed_fen": kept - refunded_fen,
        "amended_at": _text(amended_at),
        "replaces": {
            "sequence": former["sequence"],
            "filed_fen": former["filed_fen"],
            "sha256": hashlib.sha256(former_token.encode()).hexdigest(),
        },
    }


def check_of(token: str) -> str:
    """What a printed voucher carries to prove which issue it is: 128 bits of the token's SHA-256, base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()


# --- the register as a table --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the register: name (for programs), heading (for people), kind: text, count or fen."""

    name: str
    heading: str
    kind: str = "text"


COLUMNS = (
    Column("voucher_number", "交易凭证编号"),
    Column("status", "状态"),
    Column("venue", "交易场所"),
    Column("filed_at", "备案时间"),
    Column("order_number", "订单编号"),
    Column("contract_number", "合同编号"),
    Column("contract_sha256", "合同摘要 SHA-256"),
    Column("supplier", "供方"),
    Column("supplier_uscc", "供方统一社会信用代码"),
    Column("buyer", "需方"),
    Column("buyer_uscc", "需方统一社会信用代码"),
    Column("product_number", "产品编号"),
    Column("product_title", "产品名称"),
    Column("certificate_number", "登记证书编号"),
    Column("delivered_at", "交付时间"),
    Column("accepted_at", "验收时间"),
    Column("accepted_by", "验收方式"),
    Column("access_count", "验收前访问次数", "count"),
    Column("payment_number", "支付编号"),
    Column("invoice_numbers", "备案时已开发票"),
    Column("source", "来源"),
    Column("source_sha256", "导入文件 SHA-256"),
    Column("sequence", "版次", "count"),
    Column("issued_at", "本版签发时间"),
    Column("refunded_fen", "已退款（元）", "fen"),
    Column("change_fen", "本版变动金额（元）", "fen"),
    Column("amount_fen", "合同含税金额（元）", "fen"),
    Column("tax_fen", "其中税额（元）", "fen"),
    Column("filed_fen", "备案金额（元）", "fen"),
)
Row = dict[str, str | int | None]


def invoice_numbers(claims: Mapping[str, Any]) -> str:
    """The invoices of a voucher in one text: code and number of each; empty when there were none."""
    return "、".join(f"{each['code']} {each['number']}".strip() for each in claims.get("invoices", ()))


def register_row(claims: Mapping[str, Any]) -> Row:
    """One issue of a voucher as a row. `change_fen`: what this issue adds to the register (an amendment takes)."""
    change = claims["filed_fen"] - claims.get("replaces", {}).get("filed_fen", 0)
    return {
        "voucher_number": claims["jti"],
        "status": claims["status"],
        "venue": claims["venue"],
        "filed_at": claims["filed_at"],
        "order_number": claims["sub"],
        "contract_number": claims["contract"]["number"],
        "contract_sha256": claims["contract"]["sha256"],
        "supplier": claims["supplier"]["name"],
        "supplier_uscc": claims["supplier"]["uscc"],
        "buyer": claims["buyer"]["name"],
        "buyer_uscc": claims["buyer"]["uscc"],
        "product_number": claims["product"]["number"],
        "product_title": claims["product"]["title"],
        "certificate_number": claims["certificate"],
        "delivered_at": claims["delivered_at"],
        "accepted_at": claims["accepted_at"],
        "accepted_by": claims["acceptance"]["by"],
        "access_count": claims["delivery"]["access_count"],
        "payment_number": claims.get("receipt", {}).get("payment", ""),
        "invoice_numbers": invoice_numbers(claims),
        "source": FILED,
        "source_sha256": "",
        "sequence": claims["sequence"],
        "issued_at": claims.get("amended_at", claims["filed_at"]),
        "refunded_fen": claims["refunded_fen"],
        "change_fen": change,
        "amount_fen": claims["amount_fen"],
        "tax_fen": claims["tax_fen"],
        "filed_fen": claims["filed_fen"],
    }


def safe_cell(value: object) -> str:
    """A cell that a spreadsheet shows and does not run: what looks like a formula gets a leading '."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


# --- the outside exchange -----------------------------------------------------------------------

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=6)
LEASE = timedelta(minutes=5)
"""How long a filing that was sent waits for its answer before it is sent again with the same key."""


def next_wait(key: UUID, attempt_count: int) -> timedelta:
    """How long to wait after the so manieth attempt: doubling, capped, with up to a quarter of jitter.

    The jitter comes from the id and the number of attempts, so that it is the same whenever it is worked out
    and different for rows that failed together.
    """
    doubled = FIRST_WAIT * (1 << min(max(attempt_count, 1) - 1, 16))
    wait = min(doubled, LONGEST_WAIT)
    digest = hashlib.sha256(f"{key}:{attempt_count}".encode()).digest()
    part = int.from_bytes(digest[:4], "big")
    return wait + timedelta(microseconds=(wait // timedelta(microseconds=1)) * part // (4 * 2**32))


def body_for(claims: Mapping[str, Any], token: str, *, key: str) -> str:
    """What the outside exchange is sent of one issue: canonical JSON, the same for every attempt."""
    told = {
        "key": key,
        "number": claims["jti"],
        "sequence": claims["sequence"],
        "state": claims["status"],
        "amount_fen": claims["filed_fen"],
        "currency": claims["currency"],
        "filed_at": claims["filed_at"],
        "voucher": token,
    }
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def signature_of(secret: str, body: str, *, at: datetime) -> str:
    """`t=<seconds>,v1=<hex HMAC-SHA-256 over "seconds.body">`."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one voucher stands on a register: number, amount in fen, state."""

    number: str
    amount_fen: int
    state: str


MISSING_THERE, MISSING_HERE = "missing_there", "missing_here"
AMOUNT_DIFFERS, STATE_DIFFERS, TWICE_THERE = "amount_differs", "state_differs", "twice_there"


def differences(ours: Iterable[Standing], theirs: Iterable[Standing]) -> tuple[int, list[dict[str, Any]]]:
    """How many vouchers stand alike on both registers, and each difference, by number.

    A difference: number, kind (missing_there, missing_here, amount_differs, state_differs, twice_there), and
    amount and state on both sides (None where it is missing). A voucher may differ in amount and in state.
    """
    here = {each.number: each for each in ours}
    there: dict[str, Standing] = {}
    found: list[dict[str, Any]] = []

    def differs(kind: str, mine: Standing | None, other: Standing | None) -> None:
        number = mine.number if mine else other.number if other else ""
        found.append(
            {
                "number": number,
                "kind": kind,
                "our_fen": mine.amount_fen if mine else None,
                "their_fen": other.amount_fen if other else None,
                "our_state": mine.state if mine else None,
                "their_state": other.state if other else None,
            }
        )

    for each in theirs:
        if each.number in there:
            differs(TWICE_THERE, here.get(each.number), each)
        there.setdefault(each.number, each)
    matched = 0
    for number in sorted({*here, *there}):
        mine, other = here.get(number), there.get(number)
        if mine is None or other is None:
            differs(MISSING_HERE if mine is None else MISSING_THERE, mine, other)
            continue
        if mine.amount_fen != other.amount_fen:
            differs(AMOUNT_DIFFERS, mine, other)
        if mine.state != other.state:
            differs(STATE_DIFFERS, mine, other)
        matched += mine == other
    return matched, sorted(found, key=lambda each: (each["number"], each["kind"]))
