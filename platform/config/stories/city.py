"""The demo city: invented firms, two years of trade, rewards in every state.

Everything is made through the product's own services with a moved clock. The firms' stories are told by
two processes at once; a load that was killed in the middle is carried on by the next: what is
there is found by firm and moment, and every order is brought to its end from wherever it stands.

In 2025: 清蓝 stands above 5,000,000 of actual revenue, 北江 at 4,999,999.99, 飞霞 above the cap, 连江's
certificate lapsed, 英石 gave refunds, 笔架山 is small. 2026 is still running.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context

from django.db import connection, transaction

from annotation.projects.models import Project
from audit import services as audit
from audit.models import AuditEvent
from config.stories import (
    broker_pilot,
    brokerage,
    disputes,
    needs,
    negotiation,
    people,
    registers,
    rewarding,
    risk_watch,
    settling,
    sources,
    voices,
    way,
)
from config.stories.way import Team, shanghai
from exchange.catalogue.models import Plan, Product
from kernel.money import Money
from organizations.permissions import Actor
from settlement.payments import services as payments
from signing import services as signing

LOADED = "demo.city_loaded"
CLOSING_PLAN = "年度打包版"
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
         (12_800, 16_800, 22_600), 330, 5_636_800_00, 230),
    Line("beijiang", "中文图书评论情感标注数据集（示例）", "Chinese book review sentiment (demo)", "education",
         (11_200, 15_600, 21_800), 315, 499_999_999, 210),
    Line("feixia", "中文服务评价情感语料库（示例）", "Chinese service review corpus (demo)", "governance",
         (286_000, 428_000, 653_000), 240, 118_600_000_00, 120),
    Line("lianjiang", "文旅评论情感标注数据集（示例）", "Tourism review sentiment (demo)", "tourism",
         (9_800, 12_600), 140, 0, 0),
    Line("yingshi", "酒店住宿评论情感数据集（示例）", "Hotel review sentiment (demo)", "tourism",
         (13_600, 18_800), 220, 0, 110),
    Line("bijia", "短评情感标注小样集（示例）", "Short review sentiment (demo)", "science",
         (1_200, 1_800), 70, 0, 40),
)  # fmt: skip


LABELLED_TWICE = "酒店评论双人标注（示例）"
FIRMS = [line.firm for line in LINES]


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
        return Team(
            people.actor("lin"),
            (people.actor("mei"), people.actor("qinglan-annotator2")),
            people.actor("tao"),
        )
    return Team(
        people.actor(f"{firm}-lead"),
        (people.actor(f"{firm}-annotator"), people.actor(f"{firm}-annotator2")),
        people.actor(f"{firm}-reviewer"),
    )


def is_loaded() -> bool:
    """Whether this installation already has its demo city."""
    return AuditEvent.objects.filter(action=LOADED).exists()


class Story:
    """Tells one firm's two years; telling it again carries on where it stopped."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.team = team_of(line.firm)
        self.reviewer = people.actor("gu")
        self.buyers = [people.actor(key) for key in BUYERS]
        self.chance = random.Random(line.title)

    @transaction.atomic
    def _make_product(self) -> Product:
        """From raw texts to a listed product, in late 2024; all of it or nothing."""
        line, team, start = self.line, self.team, shanghai(2024, 10, 21)
        skip = 200 + 10 * FIRMS.index(line.firm)
        project = way.annotate(
            team, sources.reviews(8, skip=skip), title=line.title.replace("数据集", "项目"),
            price=Money.from_yuan("0.35"), at=start, slips=(3,),
        )  # fmt: skip
        version = way.seal(
            team, project, name=line.title, name_en=line.title_en,
            description="公开来源的中文评论，双人分工标注、逐条质检。", at=start + timedelta(days=8),
        )  # fmt: skip
        certificate = way.register(
            team, self.reviewer, version, title=line.title, use_case="训练与评测中文情感分析模型",
            at=start + timedelta(days=10),
        )  # fmt: skip
        plans = [
            (f"{('标准', '扩展', '定制')[i]}版", Money(yuan * 100)) for i, yuan in enumerate(line.prices)
        ]
        product, _plans = way.list_product(
            team, self.reviewer, certificate, title_en=line.title_en,
            summary="中文评论情感二分类，逐条质检，附标注规范与来源说明。",
            description="每行一条评论与一个情感标签，附标注规范版本、来源批次与文件哈希，可用于训练与评测。",
            industry=line.industry, plans=plans, at=certificate.issued_at + timedelta(days=1),
        )  # fmt: skip
        return product

    @transaction.atomic
    def _label_twice(self) -> None:
        """A project under way, each text labelled by two people."""
        way.label_twice(
            self.team, sources.reviews(6, skip=300), title=LABELLED_TWICE, price=Money.from_yuan("0.35"),
            at=shanghai(2026, 11, 2),
        )  # fmt: skip

    def tell(self) -> int:
        """The whole story; how many orders it has."""
        line = self.line
        product = Product.objects.filter(supplier=self.team.lead.organization).first() or self._make_product()
        plans = list(product.plans.exclude(name=CLOSING_PLAN))
        if line.firm == "qinglan" and not Project.objects.filter(title=LABELLED_TWICE).exists():
            self._label_twice()
        self._sell(product, plans, 2025, line.orders_2025, line.aim_2025_fen)
        if line.firm == "lianjiang":
            self.lapse(product)
        if line.firm == "yingshi":
            self.refunds(product)
        self._sell(product, plans, 2026, line.orders_2026, 0)
        return line.orders_2025 + line.orders_2026

    def _sell(self, product: Product, plans: list[Plan], year: int, count: int, aim: int) -> None:
        """A year's orders, spread over its days; with an aim, the final order makes the net sum exact."""
        first, days, sold = shanghai(year, 1, 6), 330 if year == 2025 else 305, 0
        if self.line.firm == "lianjiang":
            days = 230  # its certificate ends on 1 September
        known = {order.placed_at: order for order in product.orders.select_related("contract").defer(None)}
        for index in range(count):
            plan, buyer, use = (
                self.chance.choice(plans),
                self.chance.choice(self.buyers),
                self.chance.choice(USES),
            )
            at = first + timedelta(
                days=index * days // count, minutes=self.chance.randrange(420), seconds=index
            )
            if aim and index == count - 1:
                plan = self._closing_plan(product, aim - sold, at)
            order = known.get(at)
            if order is None:
                way.trade(self.team.lead, buyer, plan.pk, use=use, at=at)
            else:
                way.carry_on(self.team.lead, buyer, order)
            sold += net_of(plan.price_fen)

    def _closing_plan(self, product: Product, net_fen: int, at: datetime) -> Plan:
        assert net_fen > 0, "the aim leaves room for a final order"
        return product.plans.filter(name=CLOSING_PLAN).first() or way.add_plan(
            self.team, self.reviewer, product, name=CLOSING_PLAN, price=Money(gross_for(net_fen)), at=at
        )

    def lapse(self, product: Product) -> None:
        """连江's certificate is cancelled in mid-2025: later sales are impossible, earlier ones still count."""
        if product.certificate.state == "valid":
            way.cancel(
                self.team, self.reviewer, product.certificate, at=shanghai(2025, 9, 1),
                reason="原始评论的授权于 8 月底到期，登记主体申请注销",
            )  # fmt: skip

    def refunds(self, product: Product) -> None:
        """英石 gives money back: every tenth of its first 140 orders, each fifth of those in full."""
        orders = list(product.orders.filter(placed_at__year=2025).order_by("placed_at")[:140:10])
        for position, order in enumerate(orders):
            if order.refunds.exists():
                continue
            full = position % 5 == 4
            payments.refund_order(
                by=self.reviewer, at=order.placed_at + timedelta(days=12), order_id=order.pk,
                amount=Money(order.amount_fen if full else order.amount_fen // 4),
                reason="与约定的标签口径不一致，双方同意全额退款" if full else "部分样本重复，双方同意按比例退款",
            )  # fmt: skip


@transaction.atomic
def claims(at: datetime) -> None:
    """The 2025 claims, each at another step of the procedure."""
    rewarding.sell_large(team_of("yingshi"), people.actor("gu"), people.actor("lingnan-lead"))
    rewarding.tell(at, {line.firm: team_of(line.firm) for line in LINES})


def _tell(line: Line) -> tuple[str, int]:
    """One firm's story in this process. Commits need not wait for the disk one by one: `load` makes them durable."""
    gc.disable()  # a short process that ends with its story
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    try:
        return people.BY_KEY[line.firm].name, Story(line).tell()
    finally:
        connection.close()


def load(
    *, say: Callable[[str], None], at: datetime, processes: int = 2, lines: Sequence[Line] = LINES
) -> bool:
    """Load the city if it is not there, or carry on a load that was cut off; whether anything was made.

    With one process everything happens in the caller's transaction.
    """
    if is_loaded():
        return False
    people.settle(shanghai(2024, 10, 8))
    signing.current_key()
    told = sorted(lines, key=lambda line: -line.orders_2025 - line.orders_2026)  # the longest first
    orders = 0
    for name, count in _told_by(told, processes):
        orders += count
        say(f"{name}: {count} orders")
    people.read_up(shanghai(2026, 11, 1))
    broker_pilot.tell()
    disputes.tell()
    registers.tell()
    brokerage.tell()
    settling.tell(at)
    with transaction.atomic():
        claims(at)
        risk_watch.tell()
        negotiation.tell()
        needs.tell(at)
        voices.tell()
        settling.release_rules(at)
        audit.record(by=Actor.system("示例城市"), at=at, action=LOADED, detail={"orders": orders})
    return True


def _told_by(lines: Sequence[Line], processes: int) -> Iterator[tuple[str, int]]:
    if processes == 1:
        for line in lines:
            yield people.BY_KEY[line.firm].name, Story(line).tell()
        return
    connection.close()
    with get_context("fork").Pool(processes) as pool:
        yield from pool.imap_unordered(_tell, lines)
