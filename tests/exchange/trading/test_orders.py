"""Orders: fixed at placing, signed once by each side, accepted in time or by time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from assets.registry.models import Certificate
from audit.models import AuditEvent
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Plan
from exchange.trading import rules, tasks
from exchange.trading import services as trading
from exchange.trading.events import OrderAccepted, OrderCompleted, OrderContracted, OrderPaid, OrderPlaced
from exchange.trading.models import Contract, Order, Signature
from exchange.trading.selectors import orders_visible_to, todos
from exchange.trading.states import ORDER, OrderState
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import Event
from kernel.models import Transition
from kernel.money import Money
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db


def test_placing_fixes_price_tax_version_and_certificate_and_draws_up_the_contract(
    nobody_listens: list[Event],
) -> None:
    product = market.listed()
    order = market.placed(product)
    assert (order.amount_fen, order.tax_fen, order.net_fen) == (6_800_000, 384_905, 6_415_095)
    assert (order.version_id, order.certificate_id) == (product.version_id, product.certificate_id)
    contract = order.contract
    assert contract.text_sha256 == hashlib.sha256(contract.text.encode()).hexdigest()
    for told in ("清蓝数据标注（示例）有限公司", "91440101MA5000002T", product.version.root_hash, "68,000.00",
                 "3,849.05", "训练本公司的客服质检模型", product.certificate.number, order.number,
                 contract.number):  # fmt: skip
        assert told in contract.text
    assert isinstance(nobody_listens[-1], OrderPlaced)


def test_a_later_price_never_reaches_a_placed_order() -> None:
    product = market.listed()
    order = market.placed(product)
    Plan.objects.filter(product=product).update(price_fen=1)
    market.with_plan(product, name="新价", price=Money.from_yuan("9.90"))
    catalogue.propose_withdrawal(by=cast.lin(), at=NOON, product_id=product.pk, plan_id=order.plan_id)
    market.revised(product)
    contracted = trading.sign_contract(by=cast.zhou(), at=NOON, order_id=order.pk)
    assert contracted.amount_fen == 6_800_000
    with pytest.raises(trading.NotOnSale):
        trading.place_order(by=cast.zhou(), at=NOON, plan_id=order.plan_id, use_statement="再买一次")


def test_only_what_is_listed_under_a_certificate_in_force_is_sold() -> None:
    with pytest.raises(trading.NotOnSale):
        market.placed(market.drafted())
    product = market.listed(title="另一个", name="另一数据集")
    with pytest.raises(catalogue.CertificateNotInForce):
        market.placed(product, at=NOON + timedelta(days=4 * 366))


def test_nobody_buys_from_itself_and_annotators_do_not_buy() -> None:
    product = market.listed(by=cast.he())
    with pytest.raises(trading.OwnProduct):
        market.placed(product, by=cast.he())
    with pytest.raises(NotAllowed):
        market.placed(product, by=cast.mei())
    with pytest.raises(NotFound):
        trading.place_order(by=cast.zhou(), at=NOON, plan_id=product.pk, use_statement="用途说明")


def test_a_use_must_be_stated() -> None:
    product = market.listed()
    with pytest.raises(InvalidInput) as refused:
        trading.place_order(
            by=cast.zhou(), at=NOON, plan_id=market.plan_of(product).pk, use_statement="  用 "
        )
    assert refused.value.field == "use_statement"
    assert not Order.objects.exists()


def test_both_sides_sign_once_and_the_second_signature_makes_the_contract(
    nobody_listens: list[Event],
) -> None:
    order = market.placed()
    trading.sign_contract(by=cast.lin(), at=NOON, order_id=order.pk)
    with pytest.raises(trading.AlreadySigned):
        trading.sign_contract(by=cast.lin(), at=NOON, order_id=order.pk)
    second = trading.sign_contract(by=cast.zhou(), at=NOON + timedelta(hours=1), order_id=order.pk)
    assert second.state == OrderState.CONTRACTED
    assert second.contracted_at == NOON + timedelta(hours=1)
    signatures = Signature.objects.filter(contract__order=order).order_by("pk")
    assert [(s.party, s.text_sha256 == order.contract.text_sha256) for s in signatures] == [
        ("supplier", True),
        ("buyer", True),
    ]
    assert isinstance(nobody_listens[-1], OrderContracted)
    with pytest.raises(trading.AlreadySigned):
        trading.sign_contract(by=cast.zhou(), at=NOON, order_id=order.pk)


def test_a_third_party_finds_no_order_and_an_onlooker_may_not_sign() -> None:
    order = market.placed()
    with pytest.raises(NotFound):
        trading.sign_contract(by=cast.he(), at=NOON, order_id=order.pk)
    with pytest.raises(trading.WrongSide):
        trading.sign_contract(by=cast.gu(), at=NOON, order_id=order.pk)
    with pytest.raises(NotAllowed):
        trading.sign_contract(by=cast.mei(), at=NOON, order_id=order.pk)
    with pytest.raises(trading.WrongSide):
        trading.accept_order(by=cast.lin(), at=NOON, order_id=order.pk)
    assert not Signature.objects.exists()


def test_a_lapse_before_signing_suspends_the_offer_and_a_contract_stays_a_contract() -> None:
    product = market.listed()
    open_offer, contract = market.placed(product), market.contracted(product)
    Certificate.objects.filter(pk=product.certificate_id).update(state="suspended")
    with pytest.raises(catalogue.CertificateNotInForce):
        trading.sign_contract(by=cast.zhou(), at=NOON, order_id=open_offer.pk)
    assert trading.mark_paid(by=market.SYSTEM, at=NOON, order_id=contract.pk).state == OrderState.PAID
    Certificate.objects.filter(pk=product.certificate_id).update(state="valid")
    trading.sign_contract(by=cast.zhou(), at=NOON, order_id=open_offer.pk)


def test_signed_text_and_signatures_never_change() -> None:
    order = market.contracted()
    for rows in (Contract.objects.filter(order=order), Signature.objects.filter(contract__order=order)):
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            rows.update(text_sha256="0" * 64)
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            rows._raw_delete(rows.db)


def test_the_whole_way_announces_each_step(nobody_listens: list[Event]) -> None:
    order = market.completed()
    assert order.state == OrderState.COMPLETED
    assert order.inspection_until == NOON + timedelta(days=7)
    told = [type(event) for event in nobody_listens if type(event).__module__ == "exchange.trading.events"]
    assert told == [OrderPlaced, OrderContracted, OrderPaid, OrderAccepted, OrderCompleted]
    moves = Transition.objects.filter(subject_id=order.pk).order_by("pk").values_list("move", flat=True)
    assert list(moves) == ["contract", "pay", "deliver", "accept", "complete"]


def test_cancelling_needs_a_reason_and_ends_before_payment() -> None:
    order = market.placed()
    with pytest.raises(InvalidInput):
        trading.cancel_order(by=cast.zhou(), at=NOON, order_id=order.pk, reason=" ")
    with pytest.raises(NotFound):
        trading.cancel_order(by=cast.he(), at=NOON, order_id=order.pk, reason="与我无关")
    trading.cancel_order(by=cast.lin(), at=NOON, order_id=order.pk, reason="用途超出许可范围")
    order.refresh_from_db()
    assert order.state == OrderState.CANCELLED
    with pytest.raises(MoveNotAllowed):
        trading.sign_contract(by=cast.zhou(), at=NOON, order_id=order.pk)
    with pytest.raises(MoveNotAllowed):
        trading.cancel_order(by=cast.zhou(), at=NOON, order_id=market.paid(order.product).pk, reason="不要了")


def test_the_end_of_the_inspection_period_accepts(nobody_listens: list[Event]) -> None:
    early, late = market.delivered(), None
    late = market.delivered(early.product, at=NOON + timedelta(days=2))
    end = NOON + timedelta(days=7)
    with pytest.raises(trading.InspectionRunning):
        trading.accept_expired(at=end - timedelta(microseconds=1), order_id=early.pk)
    with clock.moved_to(end):
        assert tasks.accept_overdue() == 1
        assert tasks.accept_overdue() == 0
    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.state, late.state) == ("accepted", "delivered")
    assert early.accepted_at == end
    move = Transition.objects.get(subject_id=early.pk, move="accept")
    assert move.actor_label == "系统 · 验收期届满"
    assert isinstance(nobody_listens[-1], OrderAccepted)


def test_one_order_that_fails_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    first = market.delivered()
    second = market.delivered(first.product)
    real = trading.accept_expired

    def failing(*, at: Any, order_id: Any) -> Order:
        if order_id == first.pk:
            raise RuntimeError("the ledger is on fire")
        return real(at=at, order_id=order_id)

    monkeypatch.setattr(tasks, "accept_expired", failing)
    with clock.moved_to(NOON + timedelta(days=8)):
        assert tasks.accept_overdue() == 1
    second.refresh_from_db()
    assert second.state == "accepted"


@pytest.mark.parametrize("state", OrderState.values)
@pytest.mark.parametrize("move", sorted(ORDER.moves))
def test_every_state_knows_its_moves(state: str, move: str) -> None:
    order = Order(state=state)
    if state in ORDER.moves[move].from_:
        assert ORDER.check(order, move).name == move
    else:
        with pytest.raises(MoveNotAllowed):
            ORDER.check(order, move)


def test_each_side_sees_its_orders_and_the_auditor_all() -> None:
    order = market.placed()
    for viewer, sees in ((cast.lin(), True), (cast.zhou(), True), (cast.he(), False), (cast.mei(), False),
                         (cast.gu(), True), (cast.yan(), True), (Actor.anonymous(), False)):  # fmt: skip
        assert orders_visible_to(viewer).filter(pk=order.pk).exists() is sees, viewer.label


def test_the_desk_names_the_next_step_of_each_side() -> None:
    order = market.placed()
    assert [str(t.title) for t in todos(cast.lin())] == ["签署合同：商品评论情感标注数据集"]
    trading.sign_contract(by=cast.lin(), at=NOON, order_id=order.pk)
    assert todos(cast.lin()) == []
    trading.sign_contract(by=cast.zhou(), at=NOON, order_id=order.pk)
    assert [str(t.title) for t in todos(cast.zhou())] == ["付款到托管：商品评论情感标注数据集"]
    assert todos(Actor.anonymous()) == []


def test_the_database_itself_refuses_impossible_orders() -> None:
    order = market.placed()
    for impossible in ({"state": "contracted"}, {"state": "paid"}, {"amount_fen": 0}, {"tax_fen": 6_800_000},
                       {"buyer": order.supplier_id}, {"state": "nowhere"}):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            Order.objects.filter(pk=order.pk).update(**impossible)


def test_an_order_costs_few_statements(django_assert_max_num_queries: Callable[[int], Any]) -> None:
    product, lin, zhou = market.listed(), cast.lin(), cast.zhou()
    plan = market.plan_of(product)
    from exchange.delivery import services as delivery
    from exchange.filings import services as filings

    def walk() -> Order:
        order = trading.place_order(by=zhou, at=NOON, plan_id=plan.pk, use_statement="训练本公司的模型")
        trading.sign_contract(by=zhou, at=NOON, order_id=order.pk)
        trading.sign_contract(by=lin, at=NOON, order_id=order.pk)
        trading.mark_paid(by=zhou, at=NOON, order_id=order.pk)
        delivery.deliver(by=lin, at=NOON, order_id=order.pk)
        trading.accept_order(by=zhou, at=NOON, order_id=order.pk)
        trading.complete_order(by=zhou, at=NOON, order_id=order.pk)
        filings.file_trade(by=zhou, at=NOON, order_id=order.pk)
        return order

    walk()
    with django_assert_max_num_queries(59) as captured:
        walk()
    spoken = [q["sql"] for q in captured.captured_queries if "SAVEPOINT" not in q["sql"]]
    assert len(spoken) <= 49, "\n".join(spoken)


@given(st.integers(1, 10**13), st.integers(0, 1_300))
def test_tax_is_within_the_price_and_floored(gross: int, rate: int) -> None:
    tax = rules.tax_within(Money(gross), rate).fen
    assert 0 <= tax < gross
    assert tax * (10_000 + rate) <= gross * rate < (tax + 1) * (10_000 + rate)


def at_once(work: list[Callable[[], Any]]) -> list[Any]:
    """Run all pieces at the same moment, each on its own connection; answers or exceptions in order."""
    barrier = Barrier(len(work))

    def one(piece: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=10)
            return piece()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))


@pytest.mark.django_db(transaction=True)
def test_both_sides_signing_at_once_make_one_contract() -> None:
    order, lin, zhou = market.placed(), cast.lin(), cast.zhou()
    for actor in (lin, zhou):
        str(actor.label)
    answers = at_once(
        [
            lambda: trading.sign_contract(by=lin, at=NOON, order_id=order.pk),
            lambda: trading.sign_contract(by=zhou, at=NOON, order_id=order.pk),
        ]
    )
    assert all(isinstance(answer, Order) for answer in answers), answers
    order.refresh_from_db()
    assert order.state == "contracted"
    assert Transition.objects.filter(subject_id=order.pk, move="contract").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_side_signing_eight_times_at_once_signs_once() -> None:
    order, zhou = market.placed(), cast.zhou()
    answers = at_once([lambda: trading.sign_contract(by=zhou, at=NOON, order_id=order.pk)] * 8)
    assert sum(isinstance(answer, Order) for answer in answers) == 1
    assert sum(isinstance(answer, trading.AlreadySigned) for answer in answers) == 7
    assert Signature.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_buyer_and_clock_accepting_at_once_accept_once() -> None:
    order, zhou = market.delivered(), cast.zhou()
    end = NOON + timedelta(days=7)
    answers = at_once(
        [
            lambda: trading.accept_order(by=zhou, at=end, order_id=order.pk),
            lambda: trading.accept_expired(at=end, order_id=order.pk),
        ]
    )
    assert sum(isinstance(answer, Order) for answer in answers) == 1
    assert sum(isinstance(answer, MoveNotAllowed) for answer in answers) == 1
    assert AuditEvent.objects.filter(action="orders.accept").count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_order_never_overtakes_a_suspension() -> None:
    product, zhou = market.listed(), cast.zhou()
    plan, gu = market.plan_of(product), cast.gu()
    answers = at_once(
        [
            lambda: trading.place_order(by=zhou, at=NOON, plan_id=plan.pk, use_statement="训练本公司的模型"),
            lambda: catalogue.suspend_listing(by=gu, at=NOON, product_id=product.pk, reason="核查"),
            lambda: trading.place_order(by=zhou, at=NOON, plan_id=plan.pk, use_statement="训练本公司的模型"),
        ]
    )
    unexpected = [a for a in answers if isinstance(a, Exception) and not isinstance(a, trading.NotOnSale)]
    assert unexpected == []
    product.refresh_from_db()
    assert product.state == "suspended"
    move = Transition.objects.get(subject_id=product.pk, move="suspend")
    assert all(order.pk < move.pk for order in Order.objects.all())  # ids are time-ordered
