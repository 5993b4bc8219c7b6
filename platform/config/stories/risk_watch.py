"""What the risk watch of the demo city has to show: a ring of three firms, a related pair, cases in two states.

In autumn 2026 北江, 英石 and 笔架山 buy from one another for nearly the same price; 岭南商贸, a buyer of 笔架山,
holds 30 % of it. Everybody else has used what it bought.
"""

from __future__ import annotations

from datetime import timedelta

from config.stories import people, way
from config.stories.way import Team, shanghai
from exchange.catalogue.models import Product
from exchange.delivery import services as delivery
from exchange.delivery.selectors import files_of
from exchange.trading.models import Order
from kernel.money import Money
from organizations.permissions import Actor
from settlement.rewards import services as rewards
from settlement.risk import services as risk
from settlement.risk.models import Finding, Run
from settlement.risk.selectors import effect_of
from settlement.risk.states import SignalKind

RING = (("bijia", "206000.00"), ("beijiang", "204000.00"), ("yingshi", "201000.00"))
OWNER, OWNED = "lingnan", "bijia"
PLAN = "专项版"


def tell() -> bool:
    """Once; whether there was anything to tell (the ring's firms have products)."""
    products = {firm: _product(firm) for firm, _price in RING}
    if Run.objects.exists() or any(product is None for product in products.values()):
        return False
    at = shanghai(2026, 10, 12)
    for number, (firm, price) in enumerate(RING):
        product, following = products[firm], RING[(number + 1) % len(RING)][0]
        assert product is not None
        when = at + timedelta(days=3 * number)
        plan = way.add_plan(
            _team(firm), people.actor("gu"), product, name=PLAN, price=Money.from_yuan(price), at=when
        )
        use = "补充本公司的中文评论语料"
        way.trade(_team(firm).lead, people.actor(f"{following}-lead"), plan.pk, use=use, at=when)
    _used()
    _declared()
    risk.run(by=Actor.system("风险监测"), at=shanghai(2026, 11, 2, 3))
    _cases()
    # The running year's statement of the firm whose ring is under review: what its review page has to judge.
    rewards.draft_claim(
        by=Actor.system("奖励测算"), at=shanghai(2026, 11, 12), firm_id=people.organization(OWNED).pk, year=2026
    )  # fmt: skip
    return True


def _product(firm: str) -> Product | None:
    return Product.objects.filter(supplier=people.organization(firm)).first()


def _team(firm: str) -> Team:
    return Team(
        people.actor(f"{firm}-lead"),
        (people.actor(f"{firm}-annotator"), people.actor(f"{firm}-annotator2")),
        people.actor(f"{firm}-reviewer"),
    )


def _used() -> None:
    """Each buyer has downloaded each product once; only 笔架山's owner never did, nor the ring's last buyer."""
    orders = (
        Order.objects.filter(state="completed")
        .order_by("buyer", "product", "placed_at")
        .distinct("buyer", "product")
    )
    owner, owned, last = (people.organization(key).pk for key in (OWNER, OWNED, RING[0][0]))
    keys = (
        "zhou",
        "nanling-lead",
        "zhushui-lead",
        "lingnan-lead",
        *(f"{firm}-lead" for firm, _price in RING),
    )
    buyers = {each.organization_id: each for each in map(people.actor, keys)}
    for order in orders.select_related("buyer").defer("use_statement"):
        is_unused = (order.buyer_id, order.supplier_id) == (owner, owned) or order.buyer_id == last
        if is_unused or order.buyer_id not in buyers:
            continue
        file = files_of(order).first()
        if file is not None and order.delivered_at is not None:
            delivery.hand_out_link(
                by=buyers[order.buyer_id],
                at=order.delivered_at + timedelta(hours=2),
                order_id=order.pk,
                file_id=file.pk,
            )


def _declared() -> None:
    by, at = people.actor(f"{OWNED}-lead"), shanghai(2026, 10, 8)
    owner, owned = people.organization(OWNER), people.organization(OWNED)
    for name, code, share in ((owner.name, owner.uscc, 3_000), ("骆某（示例）", "", 7_000)):
        risk.declare_holding(
            by=by, at=at, firm_id=owned.pk, holder_name=name, holder_code=code, share_bp=share
        )
    risk.declare_trait(by=by, at=at, firm_id=owned.pk, kind="address", value="清远市清城区示例路 6 号")


def _cases() -> None:
    """笔架山's ring under review with its answer; 英石's decided and noted; 北江's waits."""
    ding, gu, at = people.actor("ding"), people.actor("gu"), shanghai(2026, 11, 3)
    reason = "三家企业在六日内首尾相连付款，金额相差不到百分之三，需要核实真实用途。"
    for firm in ("bijia", "yingshi"):
        rows = Finding.objects.filter(
            firm=people.organization(firm), kind=SignalKind.ROUND_TRIP, state="open"
        )
        ids = list(rows.values_list("pk", flat=True))
        if not ids:
            continue
        case = risk.open_case(by=ding, at=at, finding_ids=ids, reason=reason)
        risk.begin(by=gu, at=at + timedelta(days=1), case_id=case.pk)
        text = "三家采购的是不同行业的评论语料，价格依据各自的定制范围；使用记录可以随时提供。"
        risk.state_answer(
            by=people.actor(f"{firm}-lead"), at=at + timedelta(days=4), case_id=case.pk, text=text
        )
        if firm == "yingshi":
            risk.decide(
                by=gu, at=at + timedelta(days=6), case_id=case.pk, outcome="noted", citations=["policy_3_1"],
                text="金额占全年收入的比例很小，记录备查，下一年度再看。", shown=effect_of(case).digest,
            )  # fmt: skip
