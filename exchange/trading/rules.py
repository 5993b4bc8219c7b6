"""Pure rules of trading: the VAT inside a price, the inspection period, the text of the contract."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from exchange.trading.states import Clause
from kernel.money import Money

INSPECTION_DAYS = 7
SHORTEST_INSPECTION, LONGEST_INSPECTION = 1, 90
LONGEST_TERM = 3_650
YEAR_DAYS = 365
LEAST_USE_LENGTH, MOST_USE_LENGTH = 4, 2_000


def tax_within(gross: Money, rate_bp: int) -> Money:
    """The VAT inside a price that includes it, floored to the fen: gross × rate / (10000 + rate)."""
    return gross.share(rate_bp, 10_000 + rate_bp)


def inspection_end(delivered_at: datetime, days: int) -> datetime:
    """The moment from which an unopposed delivery counts as accepted (half-open period of `days` × 24 h)."""
    return delivered_at + timedelta(days=days)


def needs_approval(ordering: str) -> bool:
    """Whether a product of this way of ordering ("instant", "approval") is sold on an approved request only."""
    return ordering == "approval"


@dataclass(frozen=True, slots=True)
class Agreed:
    """What two sides may settle beyond the listing: money in fen with VAT, periods in days (None: no end)."""

    gross: Money
    licence: str
    inspection_days: int = INSPECTION_DAYS
    template: str = "provision"
    territory: str = "CN"
    term_days: int | None = None
    user_count: int | None = None
    included_quantity: int | None = None
    has_marked_copies: bool = False
    is_exclusive: bool = False
    clauses: tuple[str, ...] = ()


def contradiction(licence: str, clauses: Collection[str]) -> str:
    """The clause that cannot stand beside the licence, or nothing."""
    return Clause.NO_TRAINING.value if licence != "internal" and Clause.NO_TRAINING in clauses else ""


def access_end(
    delivered_at: datetime | None, term_days: int | None, terminated_at: datetime | None
) -> datetime | None:
    """From when the buyer may no longer use the data: the end of the term or a termination; None: no end."""
    ends = [] if terminated_at is None else [terminated_at]
    if delivered_at is not None and term_days is not None:
        ends.append(delivered_at + timedelta(days=term_days))
    return min(ends, default=None)


@dataclass(frozen=True, slots=True)
class Terms:
    """All that the contract names. Amounts in fen, `on` the business day of drawing up."""

    contract_number: str
    order_number: str
    on: date
    supplier_name: str
    supplier_uscc: str
    buyer_name: str
    buyer_uscc: str
    product_number: str
    product_title: str
    dataset_number: str
    version: int
    root_hash: str
    file_count: int
    row_count: int
    certificate_number: str
    plan_name: str
    plan_kind: str
    gross: Money
    tax: Money
    tax_rate_bp: int
    licence: str
    use_statement: str
    inspection_days: int
    template: str = "provision"
    territory: str = "CN"
    term_days: int | None = None
    user_count: int | None = None
    included_quantity: int | None = None
    has_marked_copies: bool = False
    is_exclusive: bool = False
    clauses: tuple[str, ...] = ()
    policy_sha256: str = ""


_ALLOWED = {
    "internal": "仅供需方内部查询、统计和分析，不用于训练对外提供的模型。",
    "training": "可用于训练、微调和评测模型及需方内部分析，不在商业产品中直接提供数据内容。",
    "commercial": "可用于训练、微调和评测模型，模型及衍生成果可随需方产品商用，不转售原始数据。",
}
_TERRITORIES = {
    "CN": "中国境内（不含港澳台地区）。",
    "CN-GD": "广东省行政区域内。",
    "assessed": "中国境内；依法完成数据出境安全评估、标准合同备案或认证后，可在完成的范围内向境外提供。",
}
_CLAUSES = {
    "no_training": "需方不得将数据用于训练任何模型，包括仅供内部使用的模型。",
    "no_linking": "需方不得将数据与其他来源的数据关联、拼接后使用。",
    "affiliates": "需方控股的公司可以在同一用途内共同使用，需方对其行为负责。",
    "attribution": "需方对外发布使用数据形成的成果时，注明数据来源和产品编号。",
    "named_staff": "接触数据的人员由需方实名登记，供方有权查阅名单。",
    "yearly_audit": "供方每年可以核查一次数据的使用情况，提前十个工作日通知，需方予以配合。",
    "incident_24h": "发生或可能发生数据泄露的，需方在知道后 24 小时内通知供方。",
    "delete_at_end": "使用期限届满或合同终止后 30 日内，需方删除全部数据和副本，并向供方出具删除证明。",
}
_PLAN_KINDS = {
    "one_off": "一次性买断使用",
    "subscription": "按期订阅",
    "metered_calls": "按调用次数计费",
    "metered_volume": "按数据流量计费",
    "private_offer": "专属报价",
}
_WORDINGS = Path(__file__).with_name("contracts")


@lru_cache(maxsize=16)
def _wording(name: str) -> str:
    return (_WORDINGS / f"{name}.txt").read_text("utf-8")


def canonical(text: str) -> str:
    """What is hashed and signed: Unicode NFC, lines ended by LF without trailing blanks, one final newline."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def chinese_day(on: date) -> str:
    """2026 年 3 月 2 日."""
    return f"{on.year} 年 {on.month} 月 {on.day} 日"


def _term(terms: Terms) -> str:
    term = f"自交付之时起 {terms.term_days} 天。" if terms.term_days is not None else "不设期限。"
    return term + (f"使用人数不超过 {terms.user_count} 人。" if terms.user_count is not None else "")


def _ways(terms: Terms) -> Iterator[str]:
    """What delivery means beyond the files of one version: later versions, a quantity, marks."""
    if terms.plan_kind == "subscription":
        yield "许可期限内，本产品更新到同一数据集已登记的新版本的，新版本一并开放，不另收费。"
    elif terms.included_quantity is not None:
        unit = "次调用" if terms.plan_kind == "metered_calls" else "字节"
        yield "本方案经数据服务接口按行取得数据，不提供整份文件。"
        yield f"价款包含 {terms.included_quantity:,} {unit}，用完即停，不另计费。"
    if terms.has_marked_copies:
        yield "按格式导出的数据表副本可能带有识别标记，用于在泄露后追溯来源；原始文件保持原样。"


def contract_text(terms: Terms) -> str:
    """The canonical text of a contract of the terms' kind; the wording stands in `contracts/`."""
    percent = f"{terms.tax_rate_bp // 100}.{terms.tax_rate_bp % 100:02d}".rstrip("0").rstrip(".")
    agreed = [f"{place}. {_CLAUSES[code]}" for place, code in enumerate(terms.clauses, start=1)]
    filled = _wording(terms.template).format(
        contract_number=terms.contract_number,
        order_number=terms.order_number,
        on=chinese_day(terms.on),
        supplier_name=terms.supplier_name,
        supplier_uscc=terms.supplier_uscc,
        buyer_name=terms.buyer_name,
        buyer_uscc=terms.buyer_uscc,
        product_number=terms.product_number,
        product_title=terms.product_title,
        dataset_number=terms.dataset_number,
        version=terms.version,
        root_hash=terms.root_hash,
        file_count=terms.file_count,
        row_count=terms.row_count,
        certificate_number=terms.certificate_number,
        plan_name=terms.plan_name,
        plan_kind=_PLAN_KINDS[terms.plan_kind],
        ways="".join(f"\n{words}" for words in _ways(terms)),
        gross=str(terms.gross).lstrip("¥"),
        tax=str(terms.tax).lstrip("¥"),
        tax_rate=percent,
        use_statement=terms.use_statement,
        allowed=_ALLOWED[terms.licence],
        exclusivity="独占许可，许可期内供方不再向他人提供该版本。" if terms.is_exclusive else "普通许可。",
        term=_term(terms),
        territory=_TERRITORIES[terms.territory],
        clauses="\n".join(agreed) or "无。",
        inspection_days=terms.inspection_days,
        policy_sha256=terms.policy_sha256,
    )
    return canonical(filled)


@dataclass(frozen=True, slots=True)
class SupplementTerms:
    """All that a supplement names; `ends_on` is the first day without access, None before delivery."""

    number: str
    kind: str
    contract_number: str
    contract_sha256: str
    order_number: str
    on: date
    supplier_name: str
    supplier_uscc: str
    buyer_name: str
    buyer_uscc: str
    reason: str
    term_days: tuple[int, int] | None = None
    inspection_days: tuple[int, int] | None = None
    ends_on: date | None = None


def supplement_text(terms: SupplementTerms) -> str:
    """The canonical text of a supplement; a pair is the value before and after."""
    if terms.kind == "termination":
        changes = [
            f"双方同意原合同自 {chinese_day(terms.ends_on)} 起终止，需方自该日零时（北京时间）起不再取得和使用数据。"
            if terms.ends_on
            else "双方同意在付款之前终止原合同，订单取消，双方不再履行。"
        ]
    else:
        pairs = (
            ("许可期限由自交付之时起 {} 天，变更为自交付之时起 {} 天。", terms.term_days),
            ("验收期由自交付之时起 {} 天，变更为自交付之时起 {} 天。", terms.inspection_days),
        )
        changes = [words.format(*pair) for words, pair in pairs if pair is not None]
    filled = _wording(terms.kind).format(
        number=terms.number,
        contract_number=terms.contract_number,
        contract_sha256=terms.contract_sha256,
        order_number=terms.order_number,
        on=chinese_day(terms.on),
        supplier_name=terms.supplier_name,
        supplier_uscc=terms.supplier_uscc,
        buyer_name=terms.buyer_name,
        buyer_uscc=terms.buyer_uscc,
        changes="\n".join(f"{place}. {words}" for place, words in enumerate(changes, start=1)),
        reason=terms.reason,
    )
    return canonical(filled)


def text_hash(text: str) -> str:
    """SHA-256 (hex) of a contract text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()
