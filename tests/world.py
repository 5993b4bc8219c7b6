"""One small world: a firm's whole way from eight texts to a confirmed reward claim, walked by the cast."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from annotation.projects.models import Project
from assets.datasets.models import DatasetVersion
from assets.registry.models import Certificate
from config.stories import sources, way
from config.stories.way import Team, shanghai
from exchange.catalogue.models import Plan, Product
from exchange.trading.models import Order
from kernel.money import Money
from organizations.permissions import Actor
from settlement.rewards import services as rewards
from settlement.rewards.models import Claim
from tests import cast

GROSS = Money.from_yuan("5300000.00")


@dataclass(frozen=True, slots=True)
class World:
    """What the walk made; `proceedings` is for what a test opens beside it, by the name of its id."""

    team: Team
    project: Project
    version: DatasetVersion
    certificate: Certificate
    product: Product
    plan: Plan
    order: Order
    claim: Claim
    proceedings: dict[str, UUID | str] = field(default_factory=dict)


def team() -> Team:
    """清蓝's people."""
    return Team(cast.lin(), (cast.mei(), cast.person("ning", cast.QINGLAN, cast.Role.ANNOTATOR)), cast.tao())


def build(*, texts: int = 8, gross: Money = GROSS) -> World:
    """Walk everything once, in 2025, and draft the claim in January 2026."""
    people, reviewer, start = team(), cast.gu(), shanghai(2025, 3, 3)
    cast.shen(), cast.yan(), cast.he()
    project = way.annotate(
        people,
        sources.reviews(texts),
        title="评论情感标注",
        price=Money.from_yuan("0.50"),
        at=start,
        slips=(2,),
    )
    version = way.seal(
        people, project, name="评论情感数据集（示例）", name_en="Review sentiment (demo)", description="示例",
        at=start + timedelta(days=9),
    )  # fmt: skip
    certificate = way.register(
        people,
        reviewer,
        version,
        title="评论情感数据集（示例）",
        use_case="训练与评测中文情感分析模型",
        at=start + timedelta(days=11),
    )
    product, plans = way.list_product(
        people, reviewer, certificate, title_en="Review sentiment (demo)", summary="中文评论情感二分类",
        description="每行一条评论与一个情感标签，附来源。", industry="education", plans=[("全量版", gross)],
        at=certificate.issued_at + timedelta(days=1),
    )  # fmt: skip
    order = way.trade(people.lead, cast.zhou(), plans[0].pk, use="训练本公司模型", at=shanghai(2025, 5, 12))
    claim = rewards.draft_claim(
        by=Actor.system("测试"), at=shanghai(2026, 1, 8), firm_id=people.lead.organization.pk, year=2025
    )
    order.refresh_from_db()
    return World(people, project, version, certificate, product, plans[0], order, claim)
