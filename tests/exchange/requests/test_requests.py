"""Requests: a use is stated, the supplier answers, terms go back and forth until both agree on one version."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from exchange.catalogue import services as catalogue
from exchange.requests import rules, selectors, tasks
from exchange.requests import services as requests
from exchange.requests.events import OfferAccepted, OfferMade, RequestExpired, RequestMade
from exchange.requests.models import Offer, PurchaseRequest
from exchange.requests.states import REQUEST, RequestState
from exchange.trading import services as trading
from exchange.trading import timeline
from exchange.trading.events import OrderPlaced
from exchange.trading.models import Order
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import Event
from kernel.models import Transition
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import deals, market
from tests.exchange.trading.test_orders import at_once
from web.navigation import counted

pytestmark = pytest.mark.django_db
FORTNIGHT = timedelta(days=14)


def test_a_deal_is_negotiated_from_the_stated_use_to_the_signed_contract(nobody_listens: list[Event]) -> None:
    request = deals.asked()
    assert (request.state, request.supplier.name) == ("requested", cast.QINGLAN[0])
    deals.offered(request, by=cast.lin(), price=market.PRICE, note="两年须按标价")
    counter = deals.offered(request, by=cast.zhou(), after=1, clauses=["delete_at_end", "attribution"])
    assert counter.version == 2
    assert counter.clauses == ["attribution", "delete_at_end"]
    assert counter.changes == [
        {"name": "price_fen", "before": 6_800_000, "after": 5_200_000},
        {"name": "clauses", "before": [], "after": ["attribution", "delete_at_end"]},
    ]
    order = requests.accept_offer(
        by=cast.lin(), at=NOON + timedelta(hours=1), request_id=request.pk, version=2
    )
    request.refresh_from_db()
    assert (request.state, request.order_id, request.accepted_version) == ("ordered", order.pk, 2)
    assert (order.amount_fen, order.tax_fen, order.inspection_days, order.term_days) == (
        5_200_000, 294_339, 10, 365,
    )  # fmt: skip
    assert order.buyer == request.buyer
    for told in ("52,000.00", "自交付之时起 365 天。使用人数不超过 12 人。", "验收期自交付之时起 10 天",
                 "训练本公司的客服质检模型", "处理场所：本单位机房或办公场所（广州机房）", "1. 需方对外发布",
                 "2. 使用期限届满或合同终止后 30 日内"):  # fmt: skip
        assert told in order.contract.text
    told = [type(event) for event in nobody_listens if type(event).__module__.startswith("exchange.re")]
    assert told == [RequestMade, OfferMade, OfferMade, OfferAccepted]
    assert OrderPlaced in [type(event) for event in nobody_listens]
    moves = Transition.objects.filter(subject_id=request.pk).order_by("pk").values_list("move", "reason")
    assert list(moves) == [("approve", "按第 2 版条件谈定。"), ("order", "按第 2 版条件谈定。")]
    assert deals.signed(order, at=NOON + timedelta(hours=2)).state == "contracted"
    titles = [str(moment.title) for moment in timeline.moments_of(cast.zhou(), order)]
    assert titles[:3] == ["提交使用申请", "供方提出第 1 版条件", "需方提出第 2 版条件"]
    assert "双方签约" in titles


def test_an_approval_holds_to_the_last_moment_and_not_one_longer() -> None:
    end = NOON + FORTNIGHT
    kept = deals.approved()
    assert kept.approval_until == end
    order = requests.order_as_listed(by=cast.zhou(), at=end - timedelta(microseconds=1), request_id=kept.pk)
    assert (order.amount_fen, order.term_days) == (6_800_000, 730)
    late = deals.approved(kept.product)
    with pytest.raises(requests.ApprovalLapsed) as refused:
        requests.order_as_listed(by=cast.zhou(), at=end, request_id=late.pk)
    assert "2026-03-16" in str(refused.value)
    with pytest.raises(requests.ApprovalLapsed):
        deals.offered(late, by=cast.zhou(), at=end)


def test_the_clock_ends_lapsed_approvals_once(nobody_listens: list[Event]) -> None:
    request = deals.approved()
    with pytest.raises(requests.StillApproved):
        requests.expire(at=NOON + FORTNIGHT - timedelta(microseconds=1), request_id=request.pk)
    with clock.moved_to(NOON + FORTNIGHT):
        assert tasks.expire_lapsed() == 1
        assert tasks.expire_lapsed() == 0
    request.refresh_from_db()
    assert request.state == RequestState.EXPIRED
    assert isinstance(nobody_listens[-1], RequestExpired)


def test_the_days_of_an_approval_are_a_setting(settings: Any) -> None:
    settings.REQUEST_APPROVAL_DAYS = 3
    assert deals.approved().approval_until == NOON + timedelta(days=3)


def test_after_a_refusal_one_asks_again_and_says_what_is_different() -> None:
    first = deals.asked()
    with pytest.raises(InvalidInput) as refused:
        requests.refuse(by=cast.lin(), at=NOON, request_id=first.pk, reason="不 ")
    assert refused.value.field == "reason"
    requests.refuse(
        by=cast.lin(), at=NOON, request_id=first.pk, reason="人数过多，无法管控", advice="请限于五人以内"
    )
    again = {"by": cast.zhou(), "at": NOON, "plan_id": first.plan_id, "stated": deals.stated(people_count=5)}
    with pytest.raises(InvalidInput) as refused:
        requests.ask(**again, previous_id=first.pk)
    assert refused.value.field == "change_note"
    second = requests.ask(**again, previous_id=first.pk, change_note="减为五人，实名登记")
    assert second.previous == first
    assert first.following == second
    with pytest.raises(NotFound):  # it has its following one
        requests.ask(**again, previous_id=first.pk, change_note="减为五人，实名登记")
    with pytest.raises(NotFound):
        requests.ask(**{**again, "by": cast.he()}, previous_id=second.pk, change_note="我也要申请")


def test_one_plan_has_one_open_request_of_a_buyer() -> None:
    request = deals.asked()
    with pytest.raises(requests.AlreadyAsked):
        deals.asked(request.product)
    deals.asked(request.product, by=cast.he())
    requests.withdraw(by=cast.zhou(), at=NOON, request_id=request.pk, reason="改用别的数据")
    deals.asked(request.product)


def test_each_side_does_its_own_part_and_others_find_nothing() -> None:
    request = deals.asked()
    common = {"at": NOON, "request_id": request.pk}
    for wrong, error in ((cast.zhou(), trading.WrongSide), (cast.gu(), trading.WrongSide),
                         (cast.he(), NotFound), (cast.mei(), NotAllowed)):  # fmt: skip
        with pytest.raises(error):
            requests.approve(by=wrong, **common)
        with pytest.raises(error):
            requests.refuse(by=wrong, **common, reason="与我无关的事")
    with pytest.raises(trading.WrongSide):
        requests.withdraw(by=cast.lin(), **common, reason="与我无关的事")
    with pytest.raises(NotFound):
        deals.offered(request, by=cast.he())
    with pytest.raises(trading.WrongSide):
        deals.offered(request, by=cast.yan())
    requests.approve(by=cast.lin(), **common)
    with pytest.raises(trading.WrongSide):
        requests.order_as_listed(by=cast.lin(), **common)
    assert not Offer.objects.exists()
    assert not Order.objects.exists()
    for viewer, sees in ((cast.lin(), True), (cast.zhou(), True), (cast.he(), False), (cast.gu(), True),
                         (cast.yan(), True), (cast.mei(), False), (Actor.anonymous(), False)):  # fmt: skip
        assert selectors.requests_visible_to(viewer).filter(pk=request.pk).exists() is sees, viewer.label


def test_only_the_other_sides_latest_and_living_version_is_accepted() -> None:
    request = deals.asked()
    common = {"at": NOON, "request_id": request.pk}
    with pytest.raises(requests.NothingOffered):
        requests.accept_offer(by=cast.zhou(), **common, version=1)
    deals.offered(request, by=cast.lin())
    with pytest.raises(requests.OwnOffer):
        requests.accept_offer(by=cast.lin(), **common, version=1)
    with pytest.raises(requests.OfferOutdated):
        deals.offered(request, by=cast.zhou(), after=0)
    deals.offered(request, by=cast.lin(), after=1, price=market.PRICE)
    with pytest.raises(requests.OfferOutdated) as refused:
        requests.accept_offer(by=cast.zhou(), **common, version=1)
    assert "第 2 版" in str(refused.value)
    end = NOON + timedelta(days=7)
    with pytest.raises(requests.OfferLapsed):
        requests.accept_offer(by=cast.zhou(), at=end, request_id=request.pk, version=2)
    assert not Order.objects.exists()
    order = requests.accept_offer(
        by=cast.zhou(), at=end - timedelta(microseconds=1), request_id=request.pk, version=2
    )
    assert order.amount_fen == 6_800_000


def test_nothing_is_offered_after_the_deal_is_made() -> None:
    request = deals.asked()
    deals.offered(request, by=cast.lin())
    requests.accept_offer(by=cast.zhou(), at=NOON, request_id=request.pk, version=1)
    for late in (cast.lin(), cast.zhou()):
        with pytest.raises(requests.RequestClosed):
            deals.offered(request, by=late, after=1)
    with pytest.raises(requests.RequestClosed):
        requests.accept_offer(by=cast.zhou(), at=NOON, request_id=request.pk, version=1)
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("licence", {"licence": "everything"}),
        ("template", {"template": "gift"}),
        ("territory", {"territory": "XX"}),
        ("term_days", {"term_days": 0}),
        ("user_count", {"user_count": 0}),
        ("inspection_days", {"inspection_days": 91}),
        ("clauses", {"clauses": ["free_beer"]}),
        ("clauses", {"clauses": ["no_training"]}),
        ("price", {"price": deals.Money(0)}),
        ("note", {"note": "字" * 501}),
    ],
)
def test_terms_come_from_the_closed_list(field: str, wrong: dict[str, Any]) -> None:
    request = deals.asked()
    with pytest.raises(InvalidInput) as refused:
        deals.offered(request, by=cast.lin(), **wrong)
    assert refused.value.field == field
    assert not Offer.objects.exists()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("use_statement", {"use_statement": " 用 "}),
        ("purpose", {"purpose": "fun"}),
        ("place", {"place": "moon"}),
        ("is_abroad", {"place": "abroad"}),
        ("people_count", {"people_count": 0}),
        ("term_days", {"term_days": 99_999}),
    ],
)
def test_a_use_is_stated_fully(field: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        deals.asked(**wrong)
    assert refused.value.field == field
    assert not PurchaseRequest.objects.exists()


def test_what_may_not_be_sold_is_not_agreed_on() -> None:
    request = deals.asked()
    deals.offered(request, by=cast.lin())
    catalogue.suspend_listing(by=cast.gu(), at=NOON, product_id=request.product_id, reason="核查")
    with pytest.raises(trading.NotOnSale):
        requests.accept_offer(by=cast.zhou(), at=NOON, request_id=request.pk, version=1)
    request.refresh_from_db()
    assert request.state == RequestState.REQUESTED
    with pytest.raises(trading.OwnProduct):
        deals.asked(market.listed(by=cast.he(), name="北江"), by=cast.he())


def test_versions_are_never_changed_and_states_keep_their_dates() -> None:
    request = deals.approved()
    deals.offered(request, by=cast.lin())
    rows = Offer.objects.filter(request=request)
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        rows.update(price_fen=1)
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        rows._raw_delete(rows.db)
    for impossible in ({"state": "ordered"}, {"state": "refused"}, {"approval_until": None},
                       {"buyer": request.supplier_id}, {"state": "nowhere"}):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            PurchaseRequest.objects.filter(pk=request.pk).update(**impossible)


@pytest.mark.parametrize("state", RequestState.values)
@pytest.mark.parametrize("move", sorted(REQUEST.moves))
def test_every_state_knows_its_moves(state: str, move: str) -> None:
    request = PurchaseRequest(state=state)
    if state in REQUEST.moves[move].from_:
        assert REQUEST.check(request, move).name == move
    else:
        with pytest.raises(MoveNotAllowed):
            REQUEST.check(request, move)


def test_the_desk_says_whose_turn_it_is() -> None:
    request = deals.asked()
    product = "商品评论情感标注数据集"

    def turns() -> tuple[list[str], list[str]]:
        return tuple([str(t.title) for t in selectors.todos(who)] for who in (cast.lin(), cast.zhou()))  # type: ignore[return-value]

    assert turns() == ([f"答复使用申请：{product}"], [])
    deals.offered(request, by=cast.lin())
    assert turns() == ([], [f"答复对方的条件：{product}"])
    deals.offered(request, by=cast.zhou(), after=1)
    assert turns() == ([f"答复对方的条件：{product}"], [])
    assert counted(selectors.waiting(cast.lin())) == [1]
    requests.accept_offer(by=cast.lin(), at=NOON, request_id=request.pk, version=2)
    assert turns() == ([], [])
    second = deals.approved(request.product)
    assert turns() == ([], [f"按同意的用途下单：{product}"])
    requests.order_as_listed(by=cast.zhou(), at=NOON, request_id=second.pk)
    assert turns() == ([], [])


def test_differences_are_told_in_order_and_json() -> None:
    before = dict.fromkeys(rules.COMPARED, 1)
    after = {**before, "clauses": ["a"], "plan": "B"}
    told = rules.differences(before, after)
    assert told == [
        {"name": "plan", "before": 1, "after": "B"},
        {"name": "clauses", "before": 1, "after": ["a"]},
    ]
    assert json.loads(json.dumps(told)) == told
    with pytest.raises(ValueError, match="not on the list"):
        rules.in_order(["x"], ["a"])


def test_accepting_costs_few_statements(django_assert_max_num_queries: Callable[[int], Any]) -> None:
    request = deals.asked()
    deals.offered(request, by=cast.lin())
    zhou = cast.zhou()
    with django_assert_max_num_queries(22):
        requests.accept_offer(by=zhou, at=NOON, request_id=request.pk, version=1)


@pytest.mark.django_db(transaction=True)
def test_sixteen_acceptances_at_once_place_one_order() -> None:
    request = deals.asked()
    deals.offered(request, by=cast.lin())
    zhou = cast.zhou()
    str(zhou.label)
    work = [lambda: requests.accept_offer(by=zhou, at=NOON, request_id=request.pk, version=1)] * 16
    answers = at_once(work)
    assert sum(isinstance(answer, Order) for answer in answers) == 1
    assert sum(isinstance(answer, requests.RequestClosed) for answer in answers) == 15
    assert Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_counter_offer_and_an_acceptance_at_once_never_both_count() -> None:
    request = deals.asked()
    deals.offered(request, by=cast.lin())
    lin, zhou = cast.lin(), cast.zhou()
    answers = at_once(
        [
            lambda: deals.offered(request, by=lin, after=1, price=market.PRICE),
            lambda: requests.accept_offer(by=zhou, at=NOON, request_id=request.pk, version=1),
        ]
    )
    first = isinstance(answers[0], Offer) and isinstance(answers[1], requests.OfferOutdated)
    second = isinstance(answers[0], requests.RequestClosed) and isinstance(answers[1], Order)
    assert first != second, answers
    assert Order.objects.count() == (1 if second else 0)


@pytest.mark.django_db(transaction=True)
def test_asking_eight_times_at_once_asks_once() -> None:
    product, zhou = market.listed(), cast.zhou()
    answers = at_once([lambda: deals.asked(product, by=zhou)] * 8)
    assert sum(isinstance(answer, PurchaseRequest) for answer in answers) == 1
    assert sum(isinstance(answer, requests.AlreadyAsked) for answer in answers) == 7


@pytest.mark.django_db(transaction=True)
def test_of_two_buyers_at_once_exactly_one_gets_the_exclusive_licence() -> None:
    product = market.listed()
    wanted = [deals.asked(product, by=who) for who in (cast.zhou(), cast.he())]
    for request in wanted:
        deals.offered(request, by=cast.lin(), is_exclusive=True)
    buyers = (cast.zhou(), cast.he())
    answers = at_once(
        [
            lambda who=who, one=one: requests.accept_offer(by=who, at=NOON, request_id=one.pk, version=1)
            for who, one in zip(buyers, wanted, strict=True)
        ]
    )
    assert sum(isinstance(answer, Order) for answer in answers) == 1, answers
    assert sum(isinstance(answer, trading.SoldExclusively) for answer in answers) == 1
    assert Order.objects.get().is_exclusive
