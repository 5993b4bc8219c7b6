"""Pure rules of demands: how well a product answers a demand, and why; how long the buyer has to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from django.utils.translation import gettext as _

from kernel.money import Money
from kernel.search import terms
from kernel.wording import listed

DECISION_DAYS = 30
"""Days after the deadline within which the buyer chooses among the answers; then the demand expires."""
MOST_INVITED = 50
MOST_SHOWN_LABELS = 3
LEAST_SCORE = 50
"""A match below this is not suggested and nobody is told of it."""

# What each agreement is worth. Only what the demand asks for is counted; the score is the share in per cent.
WEIGHTS: Mapping[str, int] = {
    "industry": 25,
    "kind": 15,
    "task": 15,
    "labels": 10,
    "words": 10,
    "modality": 10,
    "budget": 10,
    "quality": 5,
    "quantity": 5,
}


class AskedFor(Protocol):
    """What of a demand is compared; empty texts and None mean that anything will do."""

    title: str
    description: str
    kind: str
    industry: str
    modality: str
    task: str
    quantity: int | None
    quality_bp: int | None
    budget_most_fen: int | None


class Searched(Protocol):
    """What of a product's search row is compared (quality -1: not measured)."""

    task: str
    quality_bp: int


class Counted(Protocol):
    row_count: int


class Offered(Protocol):
    """What of a product is compared: a catalogue product loaded with `facet` and `version`."""

    title: str
    keywords: str
    kind: str
    industry: str
    modality: str
    price_from_fen: int | None

    @property
    def facet(self) -> Searched: ...
    @property
    def version(self) -> Counted: ...


class Reason(NamedTuple):
    """One agreement: its code in WEIGHTS and what to tell people."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Match:
    """How well a product answers a demand: `score` 0 to 100, and what speaks for it."""

    score: int
    reasons: tuple[Reason, ...]

    @property
    def is_good(self) -> bool:
        return self.score >= LEAST_SCORE


def match(demand: AskedFor, product: Offered) -> Match:
    """Compare a demand with a product: weights of what agrees by the weights of what is asked, in per cent."""
    asked = {"industry", "labels", "words"}
    asked |= {code for code in ("kind", "modality", "task") if getattr(demand, code)}
    for code, value in (
        ("budget", demand.budget_most_fen), ("quality", demand.quality_bp), ("quantity", demand.quantity)
    ):  # fmt: skip
        if value is not None:
            asked.add(code)
    reasons = tuple(reason for reason in _agreements(demand, product) if reason.code in asked)
    got = sum(WEIGHTS[reason.code] for reason in reasons)
    return Match(got * 100 // sum(WEIGHTS[code] for code in asked), reasons)


def _agreements(demand: AskedFor, product: Offered) -> list[Reason]:
    found = []
    if demand.industry == product.industry:
        found.append(Reason("industry", _("行业相同")))
    if demand.kind == product.kind:
        found.append(Reason("kind", _("产品类型相同")))
    if demand.task == product.facet.task:
        found.append(Reason("task", _("任务类型相同")))
    if demand.modality == product.modality:
        found.append(Reason("modality", _("数据形态相同")))
    labels = shared_labels(demand, product)
    if labels:
        found.append(Reason("labels", _("标签包含“%(labels)s”") % {"labels": listed(labels)}))
    wanted, has = set(terms(demand.title)), set(terms(f"{product.title} {product.keywords}"))
    if wanted and len(wanted & has) * 2 >= len(wanted):
        found.append(Reason("words", _("名称相近")))
    price, most = product.price_from_fen, demand.budget_most_fen
    if price is not None and most is not None and price <= most:
        found.append(Reason("budget", _("价格 %(price)s 在预算内") % {"price": Money(price)}))
    if demand.quality_bp is not None and product.facet.quality_bp >= demand.quality_bp:
        found.append(Reason("quality", _("实测质量达到要求")))
    if demand.quantity is not None and product.version.row_count >= demand.quantity:
        found.append(Reason("quantity", _("数量足够")))
    return found


def shared_labels(demand: AskedFor, product: Offered) -> list[str]:
    """Labels and field names of the product (two characters and more) that stand in the demand's text."""
    text = f"{demand.title} {demand.description}".lower()
    found = [label for label in product.keywords.split() if len(label) > 1 and label.lower() in text]
    return list(dict.fromkeys(found))[:MOST_SHOWN_LABELS]


def decision_end(deadline: datetime) -> datetime:
    """When a demand with answers expires undecided."""
    return deadline + timedelta(days=DECISION_DAYS)
