"""The demo city's demand board: four needs, two answers, one saved search. All parties are invented (示例)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from config.stories import people
from exchange.catalogue.models import Product
from exchange.catalogue.searching import read_wanted
from exchange.demands import services as demands
from exchange.demands.models import Demand
from exchange.searches import services as searches
from exchange.searches.models import SavedSearch
from kernel.money import Money

NEEDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("zhou", {
        "title": "商品评论情感标注数据（示例）", "industry": "commerce", "kind": "dataset", "modality": "text",
        "task": "classification", "budget_most_fen": 30_000_00,
        "description": "用于训练客服质检模型。每条评论一个情感标签（正面、负面），附标注规范和质检记录。",
    }),
    ("nanling-lead", {
        "title": "粤北山区道路目标检测图像（示例）", "industry": "transport", "kind": "dataset", "modality": "image",
        "task": "detection", "quantity": 20_000, "quality_bp": 9_500, "budget_least_fen": 200_000_00,
        "budget_most_fen": 600_000_00,
        "description": "弯道、隧道口和雾天场景，标注小汽车、行人、两轮车和路侧障碍物，每张图附采集时间。",
    }),
    ("lingnan-lead", {
        "title": "酒店住宿评论情感数据（示例）", "industry": "tourism", "kind": "dataset", "modality": "text",
        "description": "近两年的住宿评论，按卫生、服务、位置三个方面标注情感，可分批交付。",
    }),
    ("zhushui-lead", {
        "title": "门诊病历文本片段标注（示例）", "industry": "health", "kind": "annotation_service", "modality": "text",
        "task": "spans", "budget_most_fen": 150_000_00,
        "description": "需方提供已去标识化的文本，标注症状、药品和检查三类片段，双人标注、逐条复核。",
    }),
)  # fmt: skip


def tell(at: datetime) -> None:
    """Post what is not there yet; running it again changes nothing."""
    posted = {demand.title: demand for demand in Demand.objects.filter(buyer__is_demo=True).defer("search")}
    for days, (key, wording) in enumerate(NEEDS):
        if wording["title"] in posted:
            continue
        by, moment = people.actor(key), at - timedelta(days=6 - days)
        made = demands.draft_demand(
            by=by, at=moment, deadline=at + timedelta(days=21 + days), contact_name="采购联系人（示例）",
            contact_phone="0763-3366123", **wording,
        )  # fmt: skip
        posted[made.title] = demands.publish_demand(by=by, at=moment, demand_id=made.pk)
    _answer(posted[NEEDS[0][1]["title"]], at)
    zhou = people.actor("zhou")
    if not SavedSearch.objects.filter(owner=zhou.user_id).exists():
        wanted = read_wanted("评论", {"modality": ["text"]})
        searches.save_search(by=zhou, at=at, wanted=wanted, name="评论文本（示例）", news="daily")


def _answer(demand: Demand, at: datetime) -> None:
    """One firm answers with its product, another in words; the buyer asks back."""
    if demand.answers.exists():
        return
    lin, feixia = people.actor("lin"), people.actor("feixia-lead")
    product = Product.objects.filter(supplier=lin.organization_id, state="listed").order_by("pk").first()
    words = "已登记并在售，附标注规范和质检记录。"
    offer: dict[str, Any] = {"product_number": product.number} if product else {}
    first = demands.submit_answer(
        by=lin, at=at - timedelta(days=3), demand_id=demand.pk, words=words, price=Money(22_600_00), delivery_days=3,
        **offer,
    )  # fmt: skip
    demands.submit_answer(
        by=feixia, at=at - timedelta(days=2), demand_id=demand.pk, price=Money(28_000_00), delivery_days=20,
        words="可按贵单位的标签体系重新标注 5,000 条评论，双人分工、逐条质检。",
    )  # fmt: skip
    demands.shortlist_answer(by=people.actor("zhou"), at=at - timedelta(days=1), answer_id=first.pk)
    demands.send_message(
        by=people.actor("zhou"),
        at=at - timedelta(days=1),
        answer_id=first.pk,
        text="能否说明负面样本的占比？",
    )
