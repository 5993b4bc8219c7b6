"""Pure rules of broking: commission, scope, how well a product meets a wish, the mandate's text, retention."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.brokers.states import RecordKind, Scope
from kernel import clock
from kernel.money import Money

BASIS_POINTS = 10_000
MOST_COMMISSION_BP = 2_000
MOST_OF_PRICE_BP = 4_000
MOST_TERM_DAYS = 3 * 366
LEAST_WORDS, MOST_WORDS = 4, 1_000
LEAST_YEARS_KEPT = 3


# --- commission ---------------------------------------------------------------------------------


def commission(price: Money, *, basis_points: int, fixed: Money) -> Money:
    """The commission on an order's price with VAT: a share of it, floored once to the fen, or a fixed amount.

    Exactly one of the two is given (the other is zero).
    """
    assert (basis_points > 0) != bool(fixed), "a commission is a share or a fixed amount"
    return fixed if fixed else price.share(basis_points, BASIS_POINTS)


def commission_limit(price: Money) -> Money:
    """What all commissions on one order may come to: it leaves the supplier the rest after the exchange's fee."""
    return price.share(MOST_OF_PRICE_BP, BASIS_POINTS)


def earned(whole: Money, *, price: Money, kept: Money) -> Money:
    """What of a commission is earned when `kept` of the price is what the supplier gets released: its share, floored.

    Floored, so that it is never more than what the release leaves the supplier after the exchange's floored fee.
    """
    assert kept <= price, "no more is kept than was paid"
    return whole.share(kept.fen, price.fen)


def given_back(whole: Money, *, price: Money, refunded: Money, returned: Money) -> Money:
    """What of a commission goes back after `refunded` of the price in all, with `returned` back already.

    The share of everything refunded so far, floored, less what went back before: refunds that add up to the
    price give the whole commission back, to the fen.
    """
    assert refunded <= price, "no more is refunded than was paid"
    return whole.share(refunded.fen, price.fen) - returned


# --- scope --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reach:
    """What a mandate covers: everything, some industries, or some products (id → industry)."""

    scope: str
    industries: frozenset[str] = frozenset()
    products: Mapping[str, str] | None = None

    def covers(self, product_id: str, industry: str) -> bool:
        """Whether a product is within the mandate."""
        if self.scope == Scope.ALL:
            return True
        if self.scope == Scope.INDUSTRIES:
            return industry in self.industries
        return product_id in (self.products or {})


def overlap(one: Reach, other: Reach) -> bool:
    """Whether two mandates could be about the same product."""
    if Scope.ALL in (one.scope, other.scope):
        return True
    if one.scope == other.scope == Scope.INDUSTRIES:
        return bool(one.industries & other.industries)
    listed, wider = (one, other) if one.scope == Scope.PRODUCTS else (other, one)
    return any(wider.covers(key, industry) for key, industry in (listed.products or {}).items())


# --- how well a product meets a wish -------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a principal looks for; empty parts do not count. `budget` is the most for one order."""

    industries: frozenset[str] = frozenset()
    modality: str = ""
    labels: tuple[str, ...] = ()
    budget: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What of a product counts: `labels` as its version names them, the lowest price on sale."""

    industry: str
    modality: str
    labels: frozenset[str]
    price_from: Money | None


WEIGHTS = {"industry": 30, "modality": 20, "labels": 30, "budget": 20}


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a score: points of at most so many, and the words or figures behind it."""

    key: str
    points: int
    most: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a product meets a wish: 0 to 100, each part named; the same input gives the same answer."""

    score: int
    reasons: tuple[Reason, ...]


def fit(wish: Wish, offer: Offer) -> Fit:
    """Score a product against the parts of a wish that were given; the sum is scaled to 100 and floored.

    Labels count by the share of the wished ones that the product has. Without any wish the score is 0.
    """
    reasons = []
    if wish.industries:
        hit = offer.industry in wish.industries
        reasons.append(Reason("industry", WEIGHTS["industry"] * hit, WEIGHTS["industry"], offer.industry))
    if wish.modality:
        hit = offer.modality == wish.modality
        reasons.append(Reason("modality", WEIGHTS["modality"] * hit, WEIGHTS["modality"], offer.modality))
    if wish.labels:
        found = [label for label in wish.labels if label in offer.labels]
        points = WEIGHTS["labels"] * len(found) // len(wish.labels)
        reasons.append(Reason("labels", points, WEIGHTS["labels"], "、".join(found)))
    if wish.budget is not None:
        within = offer.price_from is not None and offer.price_from <= wish.budget
        detail = str(offer.price_from) if offer.price_from is not None else ""
        reasons.append(Reason("budget", WEIGHTS["budget"] * within, WEIGHTS["budget"], detail))
    most = sum(reason.most for reason in reasons)
    score = sum(reason.points for reason in reasons) * 100 // most if most else 0
    return Fit(score, tuple(reasons))


REASON_LABELS: dict[str, str | Promise] = {
    "industry": _("行业"),
    "modality": _("数据形态"),
    "labels": _("标签"),
    "budget": _("预算"),
    "kind": _("产品类型"),
    "task": _("任务类型"),
    "words": _("名称"),
    "quality": _("数据质量"),
    "quantity": _("数量"),
}


# --- conduct records -----------------------------------------------------------------------------

REQUIRED_RECORDS: tuple[str, ...] = tuple(RecordKind.values)
BY_HAND = (RecordKind.SOURCE_DEMANDED, RecordKind.SOURCE_RECEIVED, RecordKind.REVIEW)


def missing_records(kept: Collection[str]) -> list[str]:
    """The kinds of record that a deal still lacks, in their order."""
    return [kind for kind in REQUIRED_RECORDS if kind not in kept]


def years_kept(kind: str, configured: Mapping[str, int]) -> int:
    """For how many years a record is kept: as configured for its kind, never under three.

    Three years: 数据安全法 art. 33 asks to keep the records, 网络数据安全管理条例 art. 12 sets the least term
    for the processing of data that was passed on or entrusted.
    """
    return max(LEAST_YEARS_KEPT, configured.get(kind, LEAST_YEARS_KEPT))


def keep_until(at: datetime, years: int) -> date:
    """The business day until which (inclusive) a record of `at` is kept; 29 February falls to the 28th."""
    day = clock.business_date(at)
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


# --- the mandate's text ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """All that a mandate's text names. `scope_words` and `industries` in Chinese."""

    number: str
    on: date
    side: str
    principal_name: str
    principal_uscc: str
    broker_name: str
    broker_uscc: str
    pilot_number: str
    scope_words: str
    wish_words: str
    first_day: date
    until: datetime
    basis_points: int
    fixed: Money
    payer_words: str
    is_exclusive: bool


_TEXT = """数据经纪委托合同

委托编号：{number}
拟定日期：{on}

委托人：{principal_name}（统一社会信用代码 {principal_uscc}）
受托人：{broker_name}（统一社会信用代码 {broker_uscc}，试点编号 {pilot_number}）

第一条 委托事项
委托人委托受托人在清远服务基地从事数据交易中介服务，为委托人{task}。
委托范围：{scope_words}。
{wish_words}
第二条 期限
委托自 {first_day} 起，至 {until} 止（不含该时刻）。

第三条 佣金
{commission}
佣金由{payer_words}承担，在订单结算完成时从其账户划付一次；订单未完成的不付佣金。
承担方不是委托人的，以其确认该笔成交时的同意为准。
订单退款的，受托人按退款比例退还佣金。

第四条 独占
{exclusive}

第五条 受托人的义务
受托人要求数据提供方说明数据来源，审核交易双方的身份，留存审核、交易记录，保存期限不少于三年。
受托人同时受交易双方委托的，在撮合时向双方说明。受托人不得冒用委托人名义签约。

第六条 终止与移交
任何一方可以说明理由提前终止。已经双方确认的成交不受影响。
受托人退出试点的，委托不自动转移：由委托人选择其他经纪人另行签署，或者终止。

第七条 生效
本合同由双方在平台各自签署后生效，签署时记录文本的 SHA-256 摘要，此后文本不再改动。
"""


def percent(basis_points: int) -> str:
    """Basis points as people read them: 250 → 2.5%."""
    return f"{basis_points // 100}.{basis_points % 100:02d}".rstrip("0").rstrip(".") + "%"


def mandate_text(terms: Terms) -> str:
    """The canonical text: Unicode NFC, lines ended by LF, one final newline."""
    until = terms.until.astimezone(clock.SHANGHAI)
    filled = _TEXT.format(
        number=terms.number,
        on=terms.on.isoformat(),
        principal_name=terms.principal_name,
        principal_uscc=terms.principal_uscc,
        broker_name=terms.broker_name,
        broker_uscc=terms.broker_uscc,
        pilot_number=terms.pilot_number,
        task="寻找数据产品的买方" if terms.side == "supply" else "寻找合适的数据产品",
        scope_words=terms.scope_words,
        wish_words=f"委托人的需求：{terms.wish_words}。\n" if terms.wish_words else "",
        first_day=terms.first_day.isoformat(),
        until=f"{until:%Y-%m-%d %H:%M}",
        commission=(
            f"佣金为每笔订单固定 {str(terms.fixed).lstrip('¥')} 元。"
            if terms.fixed
            else f"佣金为每笔订单含税金额的 {percent(terms.basis_points)}，不足一分的舍去。"
        ),
        payer_words=terms.payer_words,
        exclusive=(
            "本委托为独占委托：期限内委托人不就同一范围另行委托其他经纪人。"
            if terms.is_exclusive
            else "本委托为非独占委托。"
        ),
    )
    lines = unicodedata.normalize("NFC", filled).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def text_hash(text: str) -> str:
    """SHA-256 (hex) of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def words(parts: Iterable[str] | Sequence[str]) -> list[str]:
    """What people wrote on several lines or between commas, each once, in order, at most twenty."""
    found: dict[str, None] = {}
    for part in parts:
        cleaned = part.strip()[:40]
        if cleaned:
            found.setdefault(cleaned)
    return list(found)[:20]
