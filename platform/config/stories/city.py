"""The demo city: invented firms, two years of trade, rewards in every state.

Everything is made through the product's own services with a moved clock, inside one transaction: a
start that is killed in the middle leaves nothing behind and is simply run again.

In 2025: 清蓝 stands above 5,000,000 of actual revenue, 北江 at 4,999,999.99, 飞霞 above the cap, 连江's
certificate lapsed, 英石 gave refunds, 笔架山 is small. 2026 is still running.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from assets.registry import services as registry
from audit import services as audit
from audit.models import AuditEvent
from config.stories import people, sources, way
from config.stories.way import Team, shanghai
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Plan, Product
from kernel.money import Money
from organizations.permissions import Actor
from settlement.payments import services as payments
from settlement.rewards import services as rewards

LOADED = "demo.city_loaded"
BUYERS = ("zhou", "nanling-lead", "zhushui-lead", "lingnan-lead")
USES = (
    "训练客服质检模型，仅在本公司内部使用",
    "改进商品评价排序，用于自营商城",
    "评测大模型的中文情感理解能力",
    "构建舆情预警基线模型",
)
TAX_BP = 600


@dataclass(frozen=True, slots=True)
class Line:
    """What one firm sells: product wording, industry, list prices in yuan, and its net aim for 2025 in fen."""

    firm: str
    title: str
    title_en: str
    industry: str
    prices: tuple[int, ...]
    orders_2025: int
    aim_2025_fen: int
    orders_2026: int


# Orders per year add up to more than 2,000; the aims are net of VAT.
LINES = (
    Line("qinglan", "中文商品评论情感标注数据集（示例）", "Chinese product review sentiment (demo)", "commerce",
         (12_800, 16_800, 22_600), 330, 5_636_800_00, 270),
    Line("beijiang", "中文图书评论情感标注数据集（示例）", "Chinese book review sentiment (demo)", "education",
         (11_200, 15_600, 21_800), 315, 499_999_999, 250),
    Line("feixia", "中文服务评价情感语料库（示例）", "Chinese service review corpus (demo)", "governance",
         (286_000, 428_000, 653_000), 240, 118_600_000_00, 120),
    Line("lianjiang", "文旅评论情感标注数据集（示例）", "Tourism review sentiment (demo)", "tourism",
         (9_800, 12_600), 140, 0, 0),
    Line("yingshi", "酒店住宿评论情感数据集（示例）", "Hotel review sentiment (demo)", "tourism",
         (13_600, 18_800), 220, 0, 110),
    Line("bijia", "短评情感标注小样集（示例）", "Short review sentiment (demo)", "science",
         (1_200, 1_800), 70, 0, 40),
)  # fmt: skip


def net_of(gross_fen: int) -> int:
    """What is left of a price after its VAT share, in fen (the rule of orders)."""
    return gross_fen - Money(gross_fen).share(TAX_BP, 10_000 + TAX_BP).fen


def gross_for(net_fen: int) -> int:
    """The smallest price whose net is exactly `net_fen`; every net has one."""
    gross = net_fen * (10_000 + TAX_BP) // 10_000
    while net_of(gross) < net_fen:
        gross += 1
    while net_of(gross) > net_fen:
        gross -= 1
    assert net_of(gross) == net_fen
    return gross


def team_of(firm: str) -> Team:
    """The people of one annotation firm."""
    if firm == "qinglan":
        return Team(people.actor("lin"), (people.actor("mei"), people.actor("qinglan-annotator2")), people.actor("tao"))
    return Team(
        people.actor(f"{firm}-lead"),
        (people.actor(f"{firm}-annotator"), people.actor(f"{firm}-annotator2")),
        people.actor(f"{firm}-reviewer"),
    )


def is_loaded() -> bool:
    """Whether this installation already has its demo city."""
    return AuditEvent.objects.filter(action=LOADED).exists()


class City:
    """Builds the city once; `say` receives a line per stage."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.chance = random.Random(20250101)  # noqa: S311 - the same city every time
        self.reviewer = people.actor("gu")
        self.buyers = [people.actor(key) for key in BUYERS]
        self.orders = 0

    def product(self, line: Line, skip: int) -> tuple[Team, Product, list[Plan]]:
        """One firm's way from raw texts to a listed product, in late 2024."""
        team, start = team_of(line.firm), shanghai(2024, 10, 21)
        texts = sources.reviews(8, skip=skip)
        project = way.annotate(
            team, texts, title=line.title.replace("数据集", "项目"), price=Money.from_yuan("0.35"), at=start, slips=(3,)
        )
        version = way.seal(
            team, project, name=line.title, name_en=line.title_en,
            description="公开来源的中文评论，双人分工标注、逐条质检。", at=start + timedelta(days=8),
        )  # fmt: skip
        certificate = way.register(
            team, self.reviewer, version, title=line.title, use_case="训练与评测中文情感分析模型",
            at=start + timedelta(days=10),
        )  # fmt: skip
        plans = [(f"{('标准', '扩展', '定制')[i]}版", Money(yuan * 100)) for i, yuan in enumerate(line.prices)]
        product, made = way.list_product(
            team, self.reviewer, certificate, title_en=line.title_en,
            summary="中文评论情感二分类，逐条质检，附标注规范与来源说明。",
            description="每行一条评论与一个情感标签，附标注规范版本、来源批次与文件哈希，可用于训练与评测。",
            industry=line.industry, plans=plans, at=certificate.issued_at + timedelta(days=1),
        )  # fmt: skip
        return team, product, made

    def sell_year(self, line: Line, team: Team, product: Product, plans: list[Plan], year: int) -> None:
        """A year's orders, spread over its days; with an aim, the final order makes the sum exact."""
        count = line.orders_2025 if year == 2025 else line.orders_2026
        aim = line.aim_2025_fen if year == 2025 else 0
        first, days = shanghai(year, 1, 6), 330 if year == 2025 else 305
        if line.firm == "lianjiang":
            days = 230  # its certificate ends on 1 September
        sold = 0
        for index in range(count):
            plan = self.chance.choice(plans)
            if aim and index == count - 1:
                plan = self._closing_plan(team, product, aim - sold, first + timedelta(days=days))
            at = first + timedelta(days=index * days // count, minutes=self.chance.randrange(420))
            buyer = self.buyers[self.chance.randrange(len(self.buyers))]
            way.trade(team.lead, buyer, plan.pk, use=self.chance.choice(USES), at=at)
            sold += net_of(plan.price_fen)
            self.orders += 1

    def _closing_plan(self, team: Team, product: Product, net_fen: int, at: datetime) -> Plan:
        assert net_fen > 0, "the aim leaves room for a final order"
        return catalogue.add_plan(
            by=team.lead, at=at, product_id=product.pk, name="年度打包版", price=Money(gross_for(net_fen))
        )

    def lapse(self, product: Product) -> None:
        """连江's certificate is cancelled in mid-2025: later sales are impossible, earlier ones still count."""
        registry.cancel(
            by=team_of("lianjiang").lead, at=shanghai(2025, 9, 1), certificate_id=product.certificate_id,
            reason="原始评论的授权于 8 月底到期，登记主体申请注销",
        )  # fmt: skip

    def refunds(self, product: Product) -> None:
        """英石 gives money back: eleven partial refunds and three in full."""
        orders = list(product.orders.filter(state="completed", placed_at__year=2025).order_by("placed_at")[:140:10])
        for position, order in enumerate(orders):
            full = position % 5 == 4
            payments.refund_order(
                by=self.reviewer, at=order.placed_at + timedelta(days=12), order_id=order.pk,
                amount=Money(order.amount_fen if full else order.amount_fen // 4),
                reason="与约定的标签口径不一致，双方同意全额退款" if full else "部分样本重复，双方同意按比例退款",
            )  # fmt: skip

    def claims(self) -> None:
        """The 2025 claims: one approved, one before second review, one before first review, others drafted."""
        drafted = shanghai(2026, 1, 12)
        second = people.actor("shen")
        keys = ("feixia", "qinglan", "beijiang", "yingshi", "lianjiang", "bijia")
        claims = {key: rewards.draft_claim(by=Actor.system("奖励测算"), at=drafted,
                  firm_id=people.organization(key).pk, year=2025) for key in keys}  # fmt: skip
        for key in ("feixia", "qinglan"):
            rewards.confirm(by=team_of(key).lead, at=drafted + timedelta(days=2), claim_id=claims[key].pk)
        rewards.first_review(
            by=self.reviewer, at=drafted + timedelta(days=4), claim_id=claims["feixia"].pk,
            opinion="凭证、证书与资金流水相符",
        )  # fmt: skip
        rewards.second_review(
            by=second, at=drafted + timedelta(days=6), claim_id=claims["feixia"].pk, opinion="同意按上限奖励"
        )
        announced = rewards.announce(by=second, at=drafted + timedelta(days=6), claim_id=claims["feixia"].pk)
        rewards.approve(by=second, at=shanghai(2026, 2, 2), claim_id=announced.pk)

    def build(self) -> int:
        """Everything, in order; the number of orders made."""
        made = []
        for number, line in enumerate(LINES):
            made.append((line, *self.product(line, skip=200 + 10 * number)))
        self.say(f"{len(made)} products registered and listed")
        for line, team, product, plans in made:
            self.sell_year(line, team, product, plans, 2025)
            if line.firm == "lianjiang":
                self.lapse(product)
            if line.firm == "yingshi":
                self.refunds(product)
            self.say(f"2025 {people.BY_KEY[line.firm].name}: {line.orders_2025} orders")
        for line, team, product, plans in made:
            if line.orders_2026:
                self.sell_year(line, team, product, plans, 2026)
        self.say(f"{self.orders} orders completed")
        self.claims()
        return self.orders


@transaction.atomic
def load(*, say: Callable[[str], None], at: datetime) -> bool:
    """Load the city if it is not there; whether anything was made."""
    if is_loaded():
        return False
    people.settle(shanghai(2024, 10, 8))
    orders = City(say).build()
    audit.record(by=Actor.system("示例城市"), at=at, action=LOADED, detail={"orders": orders})
    return True
