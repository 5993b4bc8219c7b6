"""Short ways to a tender, its bids and its engagement, for tests that start there."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from annotation.projects.rules import RawItem
from exchange.tenders import services
from exchange.tenders.models import Bid, Engagement, Tender
from kernel.money import Money
from organizations.permissions import Actor
from tests import cast
from tests.annotation.scenes import SENTIMENT, sentiment
from tests.cast import NOON

DEADLINE = NOON + timedelta(days=7)
OPENED = DEADLINE + timedelta(hours=1)
SIGNED = DEADLINE + timedelta(days=1)
REVIEWS = ("房间干净。", "早餐一般。", "服务太差。", "价格公道。", "位置很好。", "隔音不好。")
WORDING: dict[str, Any] = {
    "title": "酒店评论情感标注",
    "brief": "训练客服质检模型，判断评论的整体情感。",
    "task": "classification",
    "modality": "text",
    "labeling_config": SENTIMENT,
    "guideline": "一、看整体语气。二、有褒有贬时看结论。",
    "source": "需方自有平台的公开评论（示例）",
    "licence": "需方自有，仅限本项目使用",
    "item_count": 6,
    "lot_count": 2,
    "aql_percent": Decimal("2.5"),
    "limiting_percent": None,
    "budget_fen": 100_000,
    "due_on": date(2026, 4, 30),
    "deadline": DEADLINE,
    "visibility": "public",
}


def raw(texts: tuple[str, ...]) -> list[RawItem]:
    return [RawItem(f"r:{n}", text.encode(), "text/plain") for n, text in enumerate(texts, 1)]


def drafted(**changes: Any) -> Tender:
    """A draft of 云山: six reviews, the first two of them samples."""
    wording = {**WORDING, "samples": raw(REVIEWS[:2]), "work": raw(REVIEWS[2:]), **changes}
    return services.draft_tender(by=cast.zhou(), at=NOON, **wording)


def published(**changes: Any) -> Tender:
    """A tender that takes bids."""
    return services.publish_tender(by=cast.zhou(), at=NOON, tender_id=drafted(**changes).pk)


def drawn_up(tender: Tender, *, by: Actor | None = None, at: Any = NOON, **changes: Any) -> Bid:
    """A firm's bid, not yet labelled."""
    terms: dict[str, Any] = {
        "unit": "item", "unit_price": Money(10_001), "task_pay": Money(50), "people_count": 3, "days": 20,
        "plan": "三人标注，一人全检。", "valid_until": date(2026, 4, 30), **changes,
    }  # fmt: skip
    return services.draw_up_bid(by=by or cast.lin(), at=at, tender_id=tender.pk, **terms)


def submitted(tender: Tender, *, by: Actor | None = None, word: str = "正面", **changes: Any) -> Bid:
    """A firm's complete bid: both samples labelled, put in."""
    who = by or cast.lin()
    drawn_up(tender, by=who, **changes)
    for ordinal in (1, 2):
        services.keep_label(by=who, at=NOON, tender_id=tender.pk, ordinal=ordinal, result=sentiment(word))
    return services.submit_bid(by=who, at=NOON, tender_id=tender.pk)


def awarded(**changes: Any) -> Engagement:
    """清蓝 has won against 北江."""
    tender = published(**changes)
    submitted(tender, by=cast.he(), unit_price=Money(12_000))
    bid = submitted(tender)
    return services.award_bid(by=cast.zhou(), at=OPENED, bid_id=bid.pk, reason="价格合理，试标全对")


def signed(**changes: Any) -> Engagement:
    """Both sides have signed; the project stands."""
    engagement = awarded(**changes)
    services.sign_contract(by=cast.lin(), at=SIGNED, engagement_id=engagement.pk)
    services.sign_contract(by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk)
    engagement.refresh_from_db()
    return engagement
