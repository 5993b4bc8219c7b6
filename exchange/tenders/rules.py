"""Pure rules of tenders: how work and price fall into lots, what a lot is inspected by, the text of the contract."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from annotation.quality import sampling
from exchange.trading.rules import canonical, chinese_day, tax_within
from kernel.money import Money

DECISION_DAYS = 30
"""Days after the deadline within which the buyer awards; then the tender expires."""
INSPECTION_DAYS = 10
"""Days of 24 hours that a buyer has to inspect a delivered lot; then it counts as accepted."""
GRACE_DAYS = 15
"""After so many days of delay of a funded lot the buyer may end the contract alone."""
TAX_RATE_BP = 600
MOST_INVITED = 50
MOST_LOTS = 20
MOST_SAMPLES = 20
MOST_ITEMS = 2_000
"""Items that one tender carries by itself; more are imported into the project later."""
CONSUMER_RISK = 0.10


def tax_of(gross: Money) -> Money:
    """The VAT inside a service price, floored to the fen."""
    return tax_within(gross, TAX_RATE_BP)


@dataclass(frozen=True, slots=True)
class Lot:
    """One lot: items, items up to and with it, its part of the price, days from signing until it is due."""

    ordinal: int
    item_count: int
    last_item: int
    amount: Money
    due_days: int


def lots_of(item_count: int, lot_count: int, amount: Money, days: int) -> list[Lot]:
    """Even lots, the first ones one item larger; the price goes by items and loses no fen.

    The last lot is due after `days`; the others evenly before it.
    """
    assert 1 <= lot_count <= item_count, "every lot has an item"
    each, more = divmod(item_count, lot_count)
    sizes = [each + (place < more) for place in range(lot_count)]
    parts, last, found = amount.split(sizes), 0, []
    for place, (size, part) in enumerate(zip(sizes, parts, strict=True), 1):
        last += size
        found.append(Lot(place, size, last, part, max(1, -(-days * place // lot_count))))
    return found


@dataclass(frozen=True, slots=True)
class InspectionPlan:
    """How many items of a lot are looked at, and how many of them may be wrong."""

    sample_size: int
    accept: int


def inspection_plan(size: int, aql: Decimal, limiting: Decimal | None) -> InspectionPlan:
    """The plan of a lot: by its limiting quality when there is one, else the single normal plan of its AQL."""
    if size == 1:
        return InspectionPlan(1, 0)
    if limiting is None:
        single = sampling.plan(size, aql)
        return InspectionPlan(single.sample_size, single.accept)
    limited = sampling.limiting_plan(size, float(limiting) / 100, consumer_risk=CONSUMER_RISK)
    return InspectionPlan(limited.sample_size, limited.accept)


def pass_chance(size: int, plan: InspectionPlan, wrong_percent: Decimal) -> float:
    """How likely a lot with that share of wrong items passes nevertheless (hypergeometric), 0 to 1."""
    wrong = round(size * float(wrong_percent) / 100)
    return sampling.lot_pass_probability(size, plan.sample_size, plan.accept, wrong)


def inspection_end(delivered_at: datetime) -> datetime:
    """From when an uninspected lot counts as accepted."""
    return delivered_at + timedelta(days=INSPECTION_DAYS)


def decision_end(deadline: datetime) -> datetime:
    """When a tender without an award expires."""
    return deadline + timedelta(days=DECISION_DAYS)


def may_end_alone(due_on: date | None, on: date) -> bool:
    """Whether a funded, undelivered lot is so late that the buyer may end the contract alone."""
    return due_on is not None and on > due_on + timedelta(days=GRACE_DAYS)


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """All that the contract names; money with VAT."""

    number: str
    tender_number: str
    on: date
    firm_name: str
    firm_uscc: str
    buyer_name: str
    buyer_uscc: str
    title: str
    brief: str
    source: str
    licence: str
    labeling_config: str
    guideline: str
    unit: str
    unit_price: Money
    quantity: int
    amount: Money
    people_count: int
    overlap: int
    review_share_bp: int
    plan: str
    aql_percent: Decimal
    limiting_percent: Decimal | None
    lots: Sequence[Lot]


@lru_cache(maxsize=1)
def _wording() -> str:
    return (Path(__file__).with_name("contracts") / "annotation_service.txt").read_text("utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _yuan(amount: Money) -> str:
    return str(amount).lstrip("¥")


def _percent(value: Decimal) -> str:
    return f"{value.normalize():f}"


def contract_text(terms: ServiceTerms) -> str:
    """The canonical text of the entrusted-processing contract for annotation work."""
    unit = "条" if terms.unit == "item" else "小时"
    lots = [
        f"第 {lot.ordinal} 批：{lot.item_count:,} 条，含税 {_yuan(lot.amount)} 元，签署之日起 {lot.due_days} 天内交付。"
        for lot in terms.lots
    ]
    plans = [
        (lot, inspection_plan(lot.item_count, terms.aql_percent, terms.limiting_percent))
        for lot in terms.lots
    ]
    if terms.limiting_percent is None:
        head = (
            f"按 GB/T 2828.1 一次正常检验，一般检验水平 II，接收质量限（AQL）{_percent(terms.aql_percent)}%。"
        )
    else:
        head = f"按极限质量 {_percent(terms.limiting_percent)}%，使用方风险不超过 10%。"
    sampling_lines = [
        f"第 {lot.ordinal} 批：抽取 {plan.sample_size} 条，不合格数不超过 {plan.accept} 条的接收。"
        for lot, plan in plans
    ]
    filled = _wording().format(
        number=terms.number,
        tender_number=terms.tender_number,
        on=chinese_day(terms.on),
        firm_name=terms.firm_name,
        firm_uscc=terms.firm_uscc,
        buyer_name=terms.buyer_name,
        buyer_uscc=terms.buyer_uscc,
        title=terms.title,
        item_count=f"{terms.lots[-1].last_item:,}",
        config_sha256=_digest(terms.labeling_config),
        guideline_sha256=_digest(terms.guideline),
        pricing=f"按每{unit} {_yuan(terms.unit_price)} 元、{terms.quantity:,} {unit}计",
        amount=_yuan(terms.amount),
        tax=_yuan(tax_of(terms.amount)),
        tax_rate=TAX_RATE_BP // 100,
        brief=terms.brief,
        source=terms.source,
        licence=terms.licence,
        people_count=terms.people_count,
        overlap=terms.overlap,
        review_percent=_percent(Decimal(terms.review_share_bp) / 100),
        plan=terms.plan,
        inspection_days=INSPECTION_DAYS,
        grace_days=GRACE_DAYS,
        lots="\n".join(lots),
        sampling="\n".join([head, *sampling_lines]),
    )
    return canonical(filled)
