"""Three dealings of the demo city: one negotiated and contracted, one refused and asked again, one still open.

Told once the firms' own stories are; telling them again changes nothing.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from config.stories import people
from config.stories.way import shanghai
from exchange.catalogue.models import Plan
from exchange.requests import services as requests
from exchange.requests.models import PurchaseRequest
from exchange.requests.services import Proposal, Stated
from exchange.trading import services as trading
from kernel.money import Money


def _plan(firm: str) -> Plan:
    """The firm's first plan on sale."""
    organization = people.organization(firm)
    plans = Plan.objects.filter(product__supplier=organization, product__state="listed", withdrawn_at=None)
    found = plans.select_related("product").order_by("product_id", "ordinal", "pk").first()
    assert found is not None, f"{firm} sells something"
    return found


def _proposal(plan: Plan, yuan: str, **other: object) -> Proposal:
    return Proposal(
        plan_id=plan.pk,
        price=Money.from_yuan(yuan),
        licence="training",
        inspection_days=10,
        term_days=365,
        user_count=12,
        **other,  # type: ignore[arg-type]
    )


def _contracted() -> None:
    """南岭 and 清蓝 settle on a year at a lower price; both sign."""
    at, plan = shanghai(2026, 11, 9), _plan("qinglan")
    buyer, supplier = people.actor("nanling-lead"), people.actor("lin")
    stated = Stated(
        purpose="training", use_statement="训练客服质检模型，用于自有呼叫中心", place="own", place_note="清城机房",
        term_days=365, people_count=12, is_training=True, is_abroad=False,
    )  # fmt: skip
    request = requests.ask(by=buyer, at=at, plan_id=plan.pk, stated=stated)
    opening = _proposal(plan, "12000.00", note="一年许可，十二人以内")
    requests.make_offer(
        by=supplier, at=at + timedelta(hours=3), request_id=request.pk, proposal=opening, after_version=0
    )
    counter = _proposal(plan, "10800.00", clauses=("delete_at_end", "attribution"), note="到期删除，注明来源")
    requests.make_offer(
        by=buyer, at=at + timedelta(days=1), request_id=request.pk, proposal=counter, after_version=1
    )
    order = requests.accept_offer(
        by=supplier, at=at + timedelta(days=1, hours=4), request_id=request.pk, version=2
    )
    for person in (buyer, supplier):
        trading.sign_contract(by=person, at=at + timedelta(days=2), order_id=order.pk)


def _asked_again() -> None:
    """北江 refuses 珠水's first request and says what would help; the second is waiting for its order."""
    at, plan = shanghai(2026, 11, 10), _plan("beijiang")
    buyer, supplier = people.actor("zhushui-lead"), people.actor("beijiang-lead")
    use = "改进图书推荐的排序"
    first = requests.ask(
        by=buyer, at=at, plan_id=plan.pk,
        stated=Stated(purpose="product", use_statement=use, place="abroad", people_count=200, is_training=True,
                      is_abroad=True),
    )  # fmt: skip
    requests.refuse(
        by=supplier, at=at + timedelta(days=1), request_id=first.pk,
        reason="在境外处理，且接触人数过多，无法管控", advice="改在境内处理，限于二十人以内并实名登记",
    )  # fmt: skip
    second = requests.ask(
        by=buyer, at=at + timedelta(days=2), plan_id=plan.pk, previous_id=first.pk,
        change_note="改用境内云服务，减为十五人并实名登记",
        stated=Stated(purpose="product", use_statement=use, place="cloud", people_count=15, is_training=True,
                      is_abroad=False, term_days=730),
    )  # fmt: skip
    requests.approve(by=supplier, at=at + timedelta(days=3), request_id=second.pk)


def _open() -> None:
    """岭南 offers 英石 less than it asks for; 英石 is to answer."""
    at, plan = shanghai(2026, 11, 12), _plan("yingshi")
    buyer, supplier = people.actor("lingnan-lead"), people.actor("yingshi-lead")
    stated = Stated(
        purpose="evaluation", use_statement="评测酒店评论的情感理解能力", place="own", people_count=4,
        is_training=False, is_abroad=False, term_days=180,
    )  # fmt: skip
    request = requests.ask(by=buyer, at=at, plan_id=plan.pk, stated=stated)
    opening = _proposal(plan, "13000.00")
    requests.make_offer(
        by=supplier, at=at + timedelta(hours=2), request_id=request.pk, proposal=opening, after_version=0
    )
    counter = _proposal(plan, "9800.00", clauses=("named_staff",), note="只做评测，用量小")
    requests.make_offer(
        by=buyer, at=at + timedelta(hours=5), request_id=request.pk, proposal=counter, after_version=1
    )


@transaction.atomic
def tell() -> None:
    """All three, or nothing; again: nothing more."""
    if PurchaseRequest.objects.exists():
        return
    _contracted()
    _asked_again()
    _open()
