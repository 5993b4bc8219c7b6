"""What is bought stays in use: a subscription that moves on to a newer version, calls that are counted one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from config import pulling
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Plan
from exchange.delivery import selectors, services
from exchange.delivery.models import Access, Entitlement, MeteredCall, UsageStatement
from exchange.delivery.tasks import close_month, watch_entitlements
from exchange.trading import services as trading
from exchange.trading import supplements
from exchange.trading.models import Order
from kernel import clock
from kernel.money import Money
from notifications.models import Notification
from organizations.permissions import Actor
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Account, Entry, Purpose
from settlement.payments import services as payments
from tests import cast
from tests.cast import NOON
from tests.exchange import market
from tests.exchange.delivery import goods

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
PRICE = Money.from_yuan("12000.00")
FEE = Money.from_yuan("240.00")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[datetime], datetime]]:
    """Move the time that requests and tasks see."""
    cache.clear()

    def move(moment: datetime) -> datetime:
        monkeypatch.setattr(clock, "now", lambda: moment)
        return moment

    move(NOON)
    yield move
    cache.clear()


def balance(purpose: Purpose, **owner: object) -> Money:
    rows = Account.objects.filter(purpose=purpose, **owner)
    return Money(sum(rows.values_list("posted_fen", flat=True)))


def books() -> dict[str, Money]:
    """Where the price lies, in books that balance."""
    assert ledger.prove().is_sound
    supplier = cast.lin().organization
    return {
        "escrow": balance(Purpose.ESCROW),
        "wallet": balance(Purpose.WALLET, organization=supplier),
        "fees": balance(Purpose.FEES),
    }


def told(who: Actor) -> list[str]:
    return list(Notification.objects.filter(user=who.user).order_by("pk").values_list("title", flat=True))


def bought(plan: Plan) -> Order:
    """An order that was paid into escrow and delivered."""
    lin, zhou = cast.lin(), cast.zhou()
    order = trading.place_order(by=zhou, at=NOON, plan_id=plan.pk, use_statement="训练本公司的客服质检模型")
    trading.sign_contract(by=zhou, at=NOON, order_id=order.pk)
    trading.sign_contract(by=lin, at=NOON, order_id=order.pk)
    payments.pay_order(by=zhou, at=NOON, order_id=order.pk, method="pm_test_ok")
    assert books() == {"escrow": PRICE, "wallet": Money(0), "fees": Money(0)}
    services.deliver(by=lin, at=NOON, order_id=order.pk)
    assert books() == {"escrow": PRICE, "wallet": Money(0), "fees": Money(0)}
    order.refresh_from_db()
    return order


def accepted(order: Order) -> None:
    trading.accept_order(by=cast.zhou(), at=NOON + DAY, order_id=order.pk)
    assert books() == {"escrow": Money(0), "wallet": PRICE - FEE, "fees": FEE}


def token_of(entitlement: Entitlement) -> str:
    return services.create_token(
        by=cast.zhou(), at=NOON, entitlement_id=entitlement.pk, name="训练机", lifetime=timedelta(days=366)
    )[1]


def pulled(live: Any, order: Order, token: str, place: Path) -> pulling.Outcome:
    server = pulling.Server(live.url, token, pause=0.01)
    return pulling.pull(order.number, place, server=server, is_quiet=True)


def test_a_subscription_moves_on_with_the_product_until_its_term_is_over(
    live_server: Any, tmp_path: Path, at: Callable[[datetime], datetime]
) -> None:
    lin, zhou = cast.lin(), cast.zhou()
    first = goods.version_with({"rows.jsonl": goods.jsonl(100)})
    product = goods.product_of(first)
    plan = market.with_plan(product, name="年度订阅", price=PRICE, kind="subscription", term_days=365)
    order = bought(plan)
    assert "新版本一并开放" in order.contract.text
    entitlement = order.entitlement
    assert (entitlement.covers, entitlement.ends_at) == ("following", NOON + 365 * DAY)
    token = token_of(entitlement)
    got = pulled(live_server, order, token, tmp_path / "v1")
    assert (got.version, got.root_hash, got.damaged) == (1, first.root_hash, [])
    accepted(order)

    # A newer version is sealed and certified; it opens when the operator applies the change, and not before.
    later = at(NOON + 60 * DAY)
    second = goods.version_with({"rows.jsonl": goods.jsonl(150)}, dataset=first.dataset, at=later)
    certificate = market.certificate_for(first.dataset.firm, version=second, at=later)
    catalogue.propose_version(by=lin, at=later, product_id=product.pk, certificate_id=certificate.pk)
    assert pulled(live_server, order, token, tmp_path / "v1").version == 1
    entries = Entry.objects.count()
    market.revised(product, at=later)
    assert f"您订阅的“{product.title}”已有新版本 v2，可以下载" in told(zhou)
    got = pulled(live_server, order, token, tmp_path / "v2")
    assert (got.version, got.root_hash, got.damaged) == (2, second.root_hash, [])
    assert (tmp_path / "v2/rows.jsonl").read_bytes() == goods.jsonl(150)
    buyer = Client()
    buyer.force_login(zhou.user)  # type: ignore[arg-type]
    sums = buyer.get(f"/deliveries/{order.pk}/checksums.txt")
    assert b"".join(sums.streaming_content) == f"{second.files.get().sha256}  rows.jsonl\n".encode()  # type: ignore[attr-defined]

    # Before the end it is told; at the end the door is shut, in the same way for whoever knocks.
    end = NOON + 365 * DAY
    at(end - 10 * DAY)
    assert watch_entitlements()["told"] == 1
    assert f"“{product.title}”的授权 {order.number} 将在 10 日内到期" in told(zhou)
    at(end - timedelta(seconds=1))
    assert pulled(live_server, order, token, tmp_path / "v2").kept_files == 1
    at(end)
    file = second.files.get()
    with pytest.raises(services.AccessEnded):
        services.hand_out_link(by=zhou, at=end, order_id=order.pk, file_id=file.pk)
    with pytest.raises(pulling.PullFailed, match=r"\(40[13]\)"):
        pulled(live_server, order, token, tmp_path / "v2")
    assert watch_entitlements()["ended"] == 1
    assert Entry.objects.count() == entries
    assert books() == {"escrow": Money(0), "wallet": PRICE - FEE, "fees": FEE}

    # Both sides prolong the contract: what had ended opens again, for as long as they say.
    supplement = supplements.propose_supplement(
        by=zhou, at=end, order_id=order.pk, kind="amendment", reason="续用", term_days=400
    )
    for who in (zhou, lin):
        supplements.sign_supplement(by=who, at=end, supplement_id=supplement.pk)
    entitlement.refresh_from_db()
    assert (entitlement.state, entitlement.ends_at) == ("active", NOON + 400 * DAY)
    assert services.hand_out_link(by=zhou, at=end, order_id=order.pk, file_id=file.pk)


def test_bought_calls_are_counted_once_each_and_stop_where_the_price_ends(
    at: Callable[[datetime], datetime], tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    zhou = cast.zhou()
    product = goods.product_of(goods.version_with({"rows.jsonl": goods.jsonl(100)}))
    plan = market.with_plan(
        product, name="调用包", price=PRICE, kind="metered_calls", term_days=90, included_quantity=5
    )
    order = bought(plan)
    assert "价款包含 5 次调用，用完即停，不另计费。" in order.contract.text
    entitlement = order.entitlement
    headers = {"Authorization": f"Bearer {token_of(entitlement)}"}

    def ask(query: str = "limit=2", **more: str) -> Any:
        address = f"/api/data/{product.number}/rows?{query}"
        return Client().get(address, headers={**headers, **more})

    # Three calls; one of them tried again, as a program does that missed the answer.
    first = ask("columns=id&where=score:eq:3&limit=2", **{"Request-Id": "a"})
    assert json.loads(first.content)["items"] == [{"id": 3}, {"id": 8}]
    again = ask("columns=id&where=score:eq:3&limit=2", **{"Request-Id": "a"})
    assert (again.content, again["Quota-Counted"], again["Quota-Used"]) == (first.content, "0", "1")
    assert ask()["Quota-Remaining"] == "3"
    at(NOON + 40 * DAY)  # April
    assert ask()["Quota-Remaining"] == "2"
    assert watch_entitlements()["warned"] == 0
    assert ask()["Quota-Remaining"] == "1"
    assert watch_entitlements()["warned"] == 1
    assert f"“{product.title}”的用量已达包含数量的 80%" in told(zhou)

    # Four programs reach for the last call: one has it, the others are told what to do.
    def reach(number: int) -> int:
        try:
            return int(ask(**{"Request-Id": f"last-{number}"}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(reach, range(4))) == [200, 402, 402, 402]
    refused = json.loads(ask().content)
    assert refused["title"] == "quota_used_up"
    assert f"请在产品 {product.number} 页面再次下单后继续使用" in refused["detail"]
    assert ask("columns=id&where=score:eq:3&limit=2", **{"Request-Id": "a"}).status_code == 200
    assert MeteredCall.objects.count() == Access.objects.count() == 5
    usage = services.usage_of(selectors.visible_entitlement(zhou, order.number))
    assert (usage.used, usage.left) == (5, 0)

    # The money never moved with the calls; the months are closed with what was counted in them.
    assert books() == {"escrow": PRICE, "wallet": Money(0), "fees": Money(0)}
    accepted(order)
    at(datetime(2026, 4, 2, tzinfo=UTC))
    assert close_month() == 1
    at(datetime(2026, 5, 2, tzinfo=UTC))
    assert (close_month(), close_month()) == (1, 0)
    months = UsageStatement.objects.order_by("month").values_list("month", "call_count")
    assert list(months) == [(date(2026, 3, 1), 2), (date(2026, 4, 1), 3)]
    assert books() == {"escrow": Money(0), "wallet": PRICE - FEE, "fees": FEE}
