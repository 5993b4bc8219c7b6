"""Who is told what of demands and saved searches, with the product's real wiring."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config import wiring
from exchange.catalogue.models import ProductFacet
from exchange.catalogue.searching import read_wanted
from exchange.demands import services
from exchange.searches import services as searches
from kernel import events
from notifications.models import Notification
from organizations.models import Organization
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market
from tests.exchange.demands import board

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


@pytest.fixture(autouse=True)
def wired(nobody_listens: list[events.Event]) -> None:
    events.wire(wiring.handlers())


def heard(actor: Actor) -> list[str]:
    """The titles told to a person, oldest first; what is forgotten afterwards."""
    rows = Notification.objects.filter(user=actor.user).order_by("pk")
    titles = list(rows.values_list("title", flat=True))
    rows.delete()
    return titles


def test_each_side_is_told_its_part_and_no_more() -> None:
    lin, he, zhou = cast.lin(), cast.he(), cast.zhou()
    demand = board.published(invited=[lin.organization_id])
    assert (len(heard(lin)), heard(he), heard(zhou)) == (1, [], [])
    first, second = board.offered(demand), board.offered(demand, by=he)
    assert heard(zhou) == [
        "需求“商品评论情感标注数据”收到 清蓝数据标注（示例）有限公司 的应答",
        "需求“商品评论情感标注数据”收到 北江数据（示例）有限公司 的应答",
    ]
    services.shortlist_answer(by=zhou, at=NOON, answer_id=first.pk)
    services.send_message(by=zhou, at=NOON, answer_id=first.pk, text="请问")
    assert heard(lin) == [
        "贵单位对需求“商品评论情感标注数据”的应答已列入候选", "需求“商品评论情感标注数据”的应答有新往来"
    ]  # fmt: skip
    services.send_message(by=lin, at=NOON, answer_id=first.pk, text="回复")
    assert heard(zhou) == ["需求“商品评论情感标注数据”的应答有新往来"]
    services.award_answer(by=zhou, at=NOON, answer_id=second.pk)
    assert heard(lin) == ["需求“商品评论情感标注数据”已选定其他应答，感谢贵单位参与"]
    assert heard(he) == ["需方选定了贵单位对需求“商品评论情感标注数据”的应答"]


def test_ends_and_hiding_are_told() -> None:
    lin, zhou = cast.lin(), cast.zhou()
    demand = board.published()
    board.offered(demand)
    services.hide_demand(by=cast.gu(), at=NOON, demand_id=demand.pk, reason="广告")
    assert heard(zhou)[1:] == ["需求“商品评论情感标注数据”已被服务基地隐藏，请查看理由"]
    services.expire_demand(at=board.DEADLINE + timedelta(days=30), demand_id=demand.pk)
    assert heard(lin) == ["需求“商品评论情感标注数据”已结束征集，未选定应答，感谢贵单位参与"]
    assert heard(zhou) == ["需求“商品评论情感标注数据”已到期结束"]


def test_matches_and_saved_searches_tell_their_people() -> None:
    search = searches.save_search(by=cast.zhou(), at=NOON, wanted=read_wanted("情感", {}), name="情感")
    market.listed(at=LATER)
    demand = board.published(at=LATER)
    heard(cast.lin())
    assert services.tell_matches(at=LATER, demand_id=demand.pk) == 1
    assert heard(cast.lin()) == ["新需求“商品评论情感标注数据”与贵单位的“商品评论情感标注数据集”相近"]
    assert searches.tell_matches(at=LATER, search_id=search.pk) == 1
    assert heard(cast.zhou()) == ["保存的搜索“情感”有新产品：商品评论情感标注数据集"]


def test_a_new_place_of_a_supplier_reaches_its_search_rows() -> None:
    from organizations.events import VerificationDecided

    product = market.listed()
    Organization.objects.filter(pk=product.supplier_id).update(registered_place="440100")
    assert ProductFacet.objects.get(product=product).place == "441802"
    events.announce(
        VerificationDecided(at=NOON, organization_id=product.supplier_id, is_approved=True, remark="")
    )
    assert ProductFacet.objects.get(product=product).place == "44"
