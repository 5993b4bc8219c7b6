"""Supplements: signed by both, in force at the second signature, never moving money or the contract's text."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from audit.models import AuditEvent
from exchange.delivery import services as delivery
from exchange.delivery.selectors import is_open_to_buyer
from exchange.trading import services as trading
from exchange.trading import supplements, timeline
from exchange.trading.events import (
    OrderCancelled,
    SupplementEnded,
    SupplementInForce,
    SupplementProposed,
)
from exchange.trading.models import Order, Supplement, SupplementSignature
from exchange.trading.selectors import access_ends_at, supplements_of, todos
from exchange.trading.states import SUPPLEMENT, SupplementState
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import Event
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import deals, market
from tests.exchange.trading.test_orders import at_once

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 2)


def proposed(order: Order, *, by: Actor | None = None, kind: str = "amendment", **terms: Any) -> Supplement:
    return supplements.propose_supplement(
        by=by or cast.zhou(), at=NOON, order_id=order.pk, kind=kind, reason="项目延期", **terms
    )


def signed(supplement: Supplement, *, at: Any = NOON) -> Supplement:
    for who in (cast.lin(), cast.zhou()):
        supplement = supplements.sign_supplement(by=who, at=at, supplement_id=supplement.pk)
    return supplement


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def test_an_amendment_extends_the_term_and_changes_the_inspection_before_delivery(
    nobody_listens: list[Event],
) -> None:
    order = deals.negotiated()
    supplement = proposed(order, term_days=730, inspection_days=15)
    for told in ("变更为自交付之时起 730 天", "验收期由自交付之时起 10 天", order.contract.text_sha256,
                 order.contract.number, "项目延期"):  # fmt: skip
        assert told in supplement.text
    assert supplement.number == f"{order.contract.number}-B1"
    once = supplements.sign_supplement(by=cast.lin(), at=NOON, supplement_id=supplement.pk)
    assert (once.state, fresh(order).term_days) == ("proposed", 365)
    with pytest.raises(trading.AlreadySigned):
        supplements.sign_supplement(by=cast.lin(), at=NOON, supplement_id=supplement.pk)
    later = NOON + timedelta(days=1)
    both = supplements.sign_supplement(by=cast.zhou(), at=later, supplement_id=supplement.pk)
    assert (both.state, both.in_force_at) == ("in_force", later)
    assert (fresh(order).term_days, fresh(order).inspection_days) == (730, 15)
    assert (fresh(order).amount_fen, fresh(order).state) == (5_200_000, "contracted")
    told = [type(event) for event in nobody_listens if "Supplement" in type(event).__name__]
    assert told == [SupplementProposed, SupplementInForce]
    titles = [str(each.title) for each in timeline.moments_of(cast.zhou(), fresh(order))]
    assert titles[-1] == f"补充合同生效 {supplement.number}"


def test_termination_before_payment_cancels_the_order(nobody_listens: list[Event]) -> None:
    order = deals.negotiated()
    supplement = signed(proposed(order, kind="termination"))
    assert "在付款之前终止原合同，订单取消" in supplement.text
    assert fresh(order).state == "cancelled"
    assert OrderCancelled in [type(event) for event in nobody_listens]


def test_termination_after_delivery_ends_access_from_that_day_and_moves_no_money() -> None:
    order = market.delivered()
    before = AuditEvent.objects.filter(action__startswith="payments").count()
    assert access_ends_at(order) is None
    signed(proposed(order, kind="termination", ends_on=TODAY + timedelta(days=10)))
    end = clock.start_of(date(2026, 3, 12))
    found = fresh(order)
    assert (found.state, access_ends_at(found)) == ("delivered", end)
    assert is_open_to_buyer(found, end - timedelta(microseconds=1))
    assert not is_open_to_buyer(found, end)
    with pytest.raises(delivery.AccessEnded):
        delivery.hand_out_link(by=cast.zhou(), at=end, order_id=order.pk, file_id=1)
    with pytest.raises(NotFound):  # it is open: only the file is not there
        delivery.hand_out_link(
            by=cast.zhou(), at=end - timedelta(seconds=1), order_id=order.pk, file_id=999_999_999
        )
    assert AuditEvent.objects.filter(action__startswith="payments").count() == before


def test_a_termination_signed_late_takes_effect_at_signing() -> None:
    order = market.delivered()
    supplement = proposed(order, kind="termination", ends_on=TODAY + timedelta(days=1))
    late = NOON + timedelta(days=5)
    signed(supplement, at=late)
    assert access_ends_at(fresh(order)) == late


def test_the_term_ends_access_too_and_an_extension_opens_it_again() -> None:
    order = deals.negotiated()
    trading.mark_paid(by=market.SYSTEM, at=NOON, order_id=order.pk)
    delivery.deliver(by=cast.lin(), at=NOON, order_id=order.pk)
    end = NOON + timedelta(days=365)
    assert access_ends_at(fresh(order)) == end
    assert not is_open_to_buyer(fresh(order), end)
    with pytest.raises(InvalidInput) as refused:
        proposed(order, inspection_days=20)
    assert refused.value.field == "inspection_days"
    signed(proposed(order, term_days=400))
    assert access_ends_at(fresh(order)) == NOON + timedelta(days=400)


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("term_days", {}),
        ("term_days", {"term_days": 365}),
        ("term_days", {"term_days": 100}),
        ("inspection_days", {"inspection_days": 10}),
        ("inspection_days", {"inspection_days": 91}),
        ("reason", {"term_days": 400, "reason": " "}),
        ("kind", {"kind": "gift"}),
        ("ends_on", {"kind": "termination", "ends_on": TODAY + timedelta(days=9)}),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(field: str, terms: dict[str, Any]) -> None:
    order = deals.negotiated()
    values = {"kind": "amendment", "reason": "项目延期", **terms}
    with pytest.raises(InvalidInput) as refused:
        supplements.propose_supplement(by=cast.zhou(), at=NOON, order_id=order.pk, **values)
    assert refused.value.field == field
    assert not Supplement.objects.exists()


def test_states_that_have_no_supplement_refuse_it() -> None:
    product = market.listed()
    for order, kind in ((market.placed(product), "amendment"), (market.placed(product), "termination"),
                        (market.paid(product), "termination")):  # fmt: skip
        with pytest.raises(supplements.NotForSupplements):
            proposed(order, kind=kind, term_days=9 if kind == "amendment" else None)
    with pytest.raises(InvalidInput):
        proposed(market.delivered(product), kind="termination", ends_on=TODAY)


def test_a_termination_that_the_payment_overtook_is_not_signed() -> None:
    order = deals.negotiated()
    supplement = proposed(order, kind="termination")
    supplements.sign_supplement(by=cast.lin(), at=NOON, supplement_id=supplement.pk)
    trading.mark_paid(by=market.SYSTEM, at=NOON, order_id=order.pk)
    with pytest.raises(supplements.NotForSupplements):
        supplements.sign_supplement(by=cast.zhou(), at=NOON, supplement_id=supplement.pk)
    assert fresh(order).state == "paid"
    assert SupplementSignature.objects.count() == 1


def test_one_at_a_time_given_up_by_the_right_side(nobody_listens: list[Event]) -> None:
    order = deals.negotiated()
    first = proposed(order, term_days=400)
    with pytest.raises(supplements.SupplementOpen):
        proposed(order, by=cast.lin(), term_days=500)
    end = {"at": NOON, "supplement_id": first.pk, "reason": "不同意延期"}
    with pytest.raises(supplements.OtherSidesSupplement):
        supplements.end_supplement(by=cast.lin(), move="withdraw", **end)
    with pytest.raises(supplements.OtherSidesSupplement):
        supplements.end_supplement(by=cast.zhou(), move="decline", **end)
    supplements.end_supplement(by=cast.lin(), move="decline", **end)
    assert isinstance(nobody_listens[-1], SupplementEnded)
    with pytest.raises(MoveNotAllowed):
        supplements.sign_supplement(by=cast.lin(), at=NOON, supplement_id=first.pk)
    second = proposed(order, by=cast.lin(), term_days=500)
    supplements.end_supplement(
        by=cast.lin(), at=NOON, supplement_id=second.pk, move="withdraw", reason="改为口头沟通"
    )
    assert [each.state for each in supplements_of(fresh(order))] == ["declined", "withdrawn"]
    assert fresh(order).term_days == 365


def test_others_neither_propose_nor_sign_nor_see() -> None:
    order = deals.negotiated()
    supplement = proposed(order, term_days=400)
    for wrong, error in ((cast.he(), NotFound), (cast.gu(), trading.WrongSide), (cast.mei(), NotAllowed)):
        with pytest.raises(error):
            supplements.sign_supplement(by=wrong, at=NOON, supplement_id=supplement.pk)
        with pytest.raises(error):
            proposed(order, by=wrong, term_days=500)
    with pytest.raises(NotFound):
        supplements.sign_supplement(by=cast.zhou(), at=NOON, supplement_id=order.pk)
    with pytest.raises(trading.OtherText):
        supplements.sign_supplement(
            by=cast.zhou(), at=NOON, supplement_id=supplement.pk, text_sha256="0" * 64
        )


def test_the_desk_asks_each_side_for_its_signature() -> None:
    order = deals.negotiated()
    supplement = proposed(order, term_days=400)
    title = "签署补充合同：商品评论情感标注数据集"
    assert title in [str(each.title) for each in todos(cast.lin())]
    supplements.sign_supplement(by=cast.lin(), at=NOON, supplement_id=supplement.pk)
    assert title not in [str(each.title) for each in todos(cast.lin())]
    assert title in [str(each.title) for each in todos(cast.zhou())]


def test_text_hashes_and_signatures_are_guarded_by_the_database() -> None:
    supplement = proposed(deals.negotiated(), term_days=400)
    rows = Supplement.objects.filter(pk=supplement.pk)
    for change in ({"text": "x"}, {"term_days": 9_000}, {"reason": "另一个"}, {"contract_sha256": "0" * 64}):
        with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
            rows.update(**change)
    with pytest.raises(ProgrammingError, match="Cannot"), transaction.atomic():
        rows._raw_delete(rows.db)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(state="in_force")
    forged = SupplementSignature(
        supplement=supplement, party="buyer", organization=cast.zhou().organization, signer_label="谁",
        text_sha256="0" * 64, signed_at=NOON,
    )  # fmt: skip
    with pytest.raises(ProgrammingError, match="what is signed"), transaction.atomic():
        forged.save(force_insert=True)


@pytest.mark.parametrize("state", SupplementState.values)
@pytest.mark.parametrize("move", sorted(SUPPLEMENT.moves))
def test_every_state_knows_its_moves(state: str, move: str) -> None:
    supplement = Supplement(state=state)
    if state in SUPPLEMENT.moves[move].from_:
        assert SUPPLEMENT.check(supplement, move).name == move
    else:
        with pytest.raises(MoveNotAllowed):
            SUPPLEMENT.check(supplement, move)


@pytest.mark.django_db(transaction=True)
def test_termination_and_payment_at_once_never_both_count() -> None:
    order = deals.negotiated()
    supplement = proposed(order, kind="termination")
    supplements.sign_supplement(by=cast.lin(), at=NOON, supplement_id=supplement.pk)
    zhou = cast.zhou()
    str(zhou.label)

    def pay() -> Order:
        with transaction.atomic():
            return trading.mark_paid(by=market.SYSTEM, at=NOON, order_id=order.pk)

    answers = at_once(
        [lambda: supplements.sign_supplement(by=zhou, at=NOON, supplement_id=supplement.pk), pay]
    )
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1, answers
    assert fresh(order).state in ("paid", "cancelled")


@pytest.mark.django_db(transaction=True)
def test_two_proposals_at_once_leave_one_open() -> None:
    order, lin, zhou = deals.negotiated(), cast.lin(), cast.zhou()
    answers = at_once(
        [lambda: proposed(order, by=lin, term_days=400), lambda: proposed(order, by=zhou, term_days=500)]
    )
    assert sum(isinstance(answer, Supplement) for answer in answers) == 1, answers
    assert sum(isinstance(answer, supplements.SupplementOpen) for answer in answers) == 1
