"""Complaints, remedies and rulings, with the books at every step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from audit.models import AuditEvent
from exchange.acceptance import rules, selectors, services
from exchange.acceptance.events import PriceReduced, WholePriceBack
from exchange.acceptance.models import Complaint, Reduction, Ruling
from exchange.acceptance.services import Reported
from exchange.acceptance.states import Outcome
from exchange.delivery import services as delivery
from exchange.delivery.models import Replacement
from exchange.delivery.selectors import files_of, version_of
from exchange.filings.models import Filing
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.selectors import overdue_order_ids
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.events import announce
from kernel.models import Transition
from kernel.money import Money
from kernel.states import MoveNotAllowed
from notifications.models import Notification
from organizations.states import Role
from settlement.payments import rules as payment_rules
from settlement.payments import services as payments
from settlement.payments.models import EscrowReturn, PaymentIntent, Release
from settlement.revenue import selectors as revenue
from settlement.revenue.models import RevenueLine
from tests import cast
from tests.exchange.acceptance.quarrels import (
    DELIVERED,
    END,
    MISSING,
    NOON,
    accepted,
    answered,
    books,
    complaint,
    delivered,
    disputed,
    next_version,
    ruled,
    second_operator,
)
from tests.settlement.ledger.books import at_once

ESCROWED = {"bank": "-68000.00", "escrow": "68000.00"}
UPHELD = {"bank": "-68000.00", "fees": "1360.00", "wallet": "66640.00"}
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


@pytest.mark.django_db
def test_a_dispute_settled_by_a_partial_refund_with_the_books_at_each_step() -> None:
    order = delivered()
    assert books() == ESCROWED

    found = complaint(order)
    assert (found.state, found.due_at) == ("filed", DELIVERED + 5 * DAY)
    assert fresh(order).state == "disputed"
    assert overdue_order_ids(END + 30 * DAY) == []
    assert books() == ESCROWED

    offer = answered(found, kind="partial_refund", amount=Money(1_000_001))
    found.refresh_from_db()
    assert (found.state, found.due_at) == ("answered", DELIVERED + 6 * DAY)
    assert books() == ESCROWED

    accepted(offer)
    order, found = fresh(order), Complaint.objects.get(pk=found.pk)
    assert (order.state, found.state, found.closed_at) == ("completed", "settled", DELIVERED + 4 * DAY)
    # 68,000.00 − 10,000.01 = 57,999.99 is kept; fee 2 % of that, floored: 1,159.99.
    assert books() == {"bank": "-57999.99", "fees": "1159.99", "wallet": "56840.00"}
    returned, release = EscrowReturn.objects.get(), Release.objects.get()
    assert (order.tax_fen, returned.amount_fen, returned.tax_fen) == (384_905, 1_000_001, 56_603)
    assert (release.gross_fen, release.fee_fen, release.seller_fen) == (5_799_999, 115_999, 5_684_000)
    assert PaymentIntent.objects.get().state == "succeeded"

    filing = Filing.objects.get()
    assert (filing.amount_fen, filing.state) == (5_799_999, "filed")
    assert filing.claims["amount_fen"] == 6_800_000
    assert filing.claims["reduced"] == {"amount_fen": 1_000_001, "tax_fen": 56_603}
    assert filing.claims["filed_fen"] == 5_799_999
    line = RevenueLine.objects.get()
    assert (line.gross_fen, line.vat_fen, line.counts) == (5_799_999, 384_905 - 56_603, True)
    assert revenue.recomputation(order.supplier_id, 2026).is_equal


@pytest.mark.django_db
def test_refunds_after_a_reduction_give_back_the_rest_to_the_fen() -> None:
    order = delivered()
    accepted(answered(complaint(order), kind="partial_refund", amount=Money(1_000_001)))
    later = DELIVERED + 9 * DAY
    for fen in (2_000_000, 3_799_999):
        payments.refund_order(
            by=cast.gu(), at=later, order_id=order.pk, amount=Money(fen), reason="双方另行同意"
        )
    assert fresh(order).state == "refunded"
    assert books() == {}
    given = [(each.tax_fen, each.fee_fen) for each in order.refunds.all()]
    assert (sum(tax for tax, _fee in given), sum(fee for _tax, fee in given)) == (384_905 - 56_603, 115_999)
    filing = Filing.objects.get()
    assert (filing.state, filing.amount_fen, filing.claims["status"]) == ("voided", 0, "voided")
    assert revenue.annual(order.supplier_id, 2026).counted_fen == 0
    with pytest.raises(payments.RefundTooLarge):
        payments.refund_order(by=cast.gu(), at=later, order_id=order.pk, amount=Money(1), reason="多退")


@pytest.mark.django_db
def test_a_full_refund_out_of_escrow_ends_the_order_and_nothing_is_filed_or_counted() -> None:
    order = delivered()
    accepted(answered(complaint(order), kind="full_refund"))
    assert fresh(order).state == "refunded"
    assert books() == {}
    assert PaymentIntent.objects.get().state == "canceled"
    assert (EscrowReturn.objects.get().amount_fen, EscrowReturn.objects.get().tax_fen) == (6_800_000, 384_905)
    assert not Release.objects.exists()
    assert not Filing.objects.exists()
    assert not RevenueLine.objects.exists()
    with pytest.raises(delivery.NotOpen):
        delivery.hand_out_link(by=cast.zhou(), at=END, order_id=order.pk, file_id=1)


@pytest.mark.django_db
def test_an_accepted_rejection_is_an_acceptance_at_full_price() -> None:
    order = delivered()
    accepted(answered(complaint(order)))
    assert fresh(order).state == "completed"
    assert books() == UPHELD


@pytest.mark.django_db
def test_a_replacement_begins_the_inspection_anew_and_is_what_is_downloaded_and_filed() -> None:
    order = delivered()
    newer = next_version(order)
    accepted(answered(complaint(order), kind="replacement", version_id=newer.pk))
    again = fresh(order)
    assert (again.state, again.inspection_until) == ("delivered", DELIVERED + 11 * DAY)
    assert books() == ESCROWED
    replacement = Replacement.objects.get()
    assert (replacement.ordinal, replacement.root_hash) == (1, newer.root_hash)
    assert again.delivery.root_hash == order.version.root_hash
    assert version_of(again) == newer
    assert [file.path for file in files_of(again)] == ["items/000003.txt"]
    trading.accept_expired(at=DELIVERED + 11 * DAY, order_id=order.pk)
    assert books() == UPHELD
    claims = Filing.objects.get().claims
    assert (claims["product"]["version"], claims["product"]["root_hash"]) == (2, newer.root_hash)
    assert claims["delivered_at"] == "2026-03-07T04:00:00Z"
    line = RevenueLine.objects.get()
    assert line.counts
    assert line.evidence["replacement"]["root_hash"] == newer.root_hash


@pytest.mark.django_db
def test_a_replacement_must_be_newer_sealed_and_certified() -> None:
    order = delivered()
    found = complaint(order)
    for version_id, refusal in (
        (order.version_id, delivery.NotNewer),
        (next_version(order, is_certified=False).pk, delivery.NotCertified),
        (None, InvalidInput),
    ):
        with pytest.raises(refusal):
            answered(found, kind="replacement", version_id=version_id)
    assert not found.offers.exists()


@pytest.mark.django_db
def test_upheld_releases_everything() -> None:
    order = delivered()
    ruling = ruled(disputed(order), "uphold")
    assert fresh(order).state == "completed"
    assert books() == UPHELD
    assert ruling.citation_labels[0] == "合同第一条：标的与根哈希"
    assert not Reduction.objects.exists()


@pytest.mark.django_db
def test_a_ruling_of_a_partial_refund_moves_exactly_what_was_shown_before() -> None:
    order = delivered()
    found = disputed(order)
    shown = selectors.effect_of(order, Outcome.PARTIAL_REFUND, Money(2_000_000)).split
    assert shown is not None
    ruled(found, "partial_refund", amount=Money(2_000_000))
    assert books() == {
        "bank": f"-{shown.kept.yuan}", "fees": shown.fee.yuan, "wallet": shown.seller.yuan
    }  # fmt: skip
    assert (shown.fee.fen, shown.seller.fen) == (96_000, 4_704_000)
    assert fresh(order).state == "completed"


@pytest.mark.django_db
def test_a_ruling_of_a_full_refund_gives_everything_back() -> None:
    order = delivered()
    ruled(disputed(order), "full_refund")
    assert fresh(order).state == "refunded"
    assert books() == {}


@pytest.mark.django_db
def test_an_ordered_replacement_is_delivered_and_inspected_again() -> None:
    order = delivered()
    found = disputed(order)
    ruled(found, "replacement")
    found.refresh_from_db()
    assert (found.state, found.due_at) == ("replacing", DELIVERED + 16 * DAY)
    assert books() == ESCROWED
    newer = next_version(order)
    services.replace_as_ruled(
        by=cast.lin(), at=DELIVERED + 8 * DAY, complaint_id=found.pk, version_id=newer.pk
    )
    found.refresh_from_db()
    again = fresh(order)
    assert (found.state, again.state, again.inspection_until) == ("ruled", "delivered", DELIVERED + 15 * DAY)
    services.accept_inspected(
        by=cast.zhou(),
        at=DELIVERED + 9 * DAY,
        order_id=order.pk,
        checks=["labels", "root_hash"],
        remarks="已核对",
    )
    assert books() == UPHELD
    assert order.inspection.checks == ["root_hash", "labels"]


@pytest.mark.django_db
def test_a_replacement_that_is_not_delivered_in_time_goes_back_to_the_exchange() -> None:
    order = delivered()
    found = disputed(order)
    ruled(found, "replacement")
    found.refresh_from_db()
    assert found.due_at is not None
    told: dict[str, Any] = {"by": cast.zhou(), "complaint_id": found.pk, "text": "供方没有按裁决补交。"}
    with pytest.raises(services.TooEarly, match="2026-03-19 12:00"):
        services.escalate(at=found.due_at - SECOND, **told)
    services.escalate(at=found.due_at, **told)
    later = found.due_at + 5 * DAY
    with pytest.raises(services.EvidenceRunning):
        services.rule(
            by=cast.gu(), at=later - SECOND, complaint_id=found.pk, outcome="full_refund", text="未补交，退回。",
            citations=["civil_577"],
        )  # fmt: skip
    services.rule(
        by=cast.gu(), at=later, complaint_id=found.pk, outcome="full_refund", text="未补交，退回。",
        citations=["civil_577"],
    )  # fmt: skip
    assert books() == {}
    assert Ruling.objects.filter(complaint=found).count() == 2


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_complaint_in_the_last_second_is_in_time_and_at_the_very_end_too_late() -> None:
    order = delivered()
    with pytest.raises(services.InspectionOver, match="2026-03-10 12:00"):
        complaint(order, at=END)
    assert fresh(order).state == "delivered"
    assert complaint(order, at=END - SECOND).state == "filed"
    with pytest.raises(MoveNotAllowed):
        trading.accept_expired(at=END, order_id=order.pk)
    assert books() == ESCROWED


@pytest.mark.django_db
def test_a_withdrawn_complaint_lets_the_rest_of_the_period_run_on() -> None:
    order = delivered()
    found = complaint(order, at=DELIVERED + 2 * DAY)
    services.withdraw(by=cast.zhou(), at=DELIVERED + 10 * DAY, complaint_id=found.pk)
    again = fresh(order)
    assert (again.state, again.inspection_until) == ("delivered", DELIVERED + 15 * DAY)
    with pytest.raises(trading.InspectionRunning):
        trading.accept_expired(at=DELIVERED + 15 * DAY - SECOND, order_id=order.pk)
    assert complaint(order, at=DELIVERED + 11 * DAY).state == "filed"


@pytest.mark.django_db
def test_a_silent_supplier_lets_the_buyer_escalate_at_once() -> None:
    found = complaint()
    assert found.due_at is not None
    told: dict[str, Any] = {"by": cast.zhou(), "complaint_id": found.pk, "text": "供方没有答复。"}
    with pytest.raises(services.TooEarly):
        services.escalate(at=found.due_at - SECOND, **told)
    services.escalate(at=found.due_at, **told)
    found.refresh_from_db()
    assert (found.state, found.evidence_until) == ("disputed", DELIVERED + 10 * DAY)
    assert found.due_at == DELIVERED + 17 * DAY
    assert selectors.turn_of(found, DELIVERED + 6 * DAY) == {"supplier"}
    assert selectors.turn_of(found, DELIVERED + 10 * DAY) == {"operator"}


@pytest.mark.django_db
def test_evidence_is_stated_until_the_deadline_and_not_at_it() -> None:
    found = disputed()
    assert found.evidence_until is not None
    told: dict[str, Any] = {"by": cast.lin(), "complaint_id": found.pk, "text": "补充下载记录。"}
    services.state_evidence(at=found.evidence_until - SECOND, **told)
    with pytest.raises(services.EvidenceClosed):
        services.state_evidence(at=found.evidence_until, **told)
    assert found.statements.count() == 3


# --- who ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_each_step_belongs_to_its_side() -> None:
    order = delivered()
    clerk = cast.person("wu", cast.YUNSHAN, Role.FINANCE)
    for who, refusal in (
        (cast.lin(), trading.WrongSide),
        (cast.gu(), trading.WrongSide),
        (clerk, NotAllowed),
        (cast.he(), NotFound),
    ):
        with pytest.raises(refusal):
            services.file_complaint(by=who, at=DELIVERED, order_id=order.pk, defects=[MISSING])
    found = complaint(order)
    for who, refusal in ((cast.zhou(), trading.WrongSide), (cast.he(), NotFound)):
        with pytest.raises(refusal):
            services.answer(by=who, at=DELIVERED, complaint_id=found.pk, kind="rejection", text="没有问题。")
    offer = answered(found)
    with pytest.raises(trading.WrongSide):
        services.accept_offer(by=cast.lin(), at=DELIVERED, complaint_id=found.pk, offer_id=offer.pk)
    assert books() == ESCROWED


@pytest.mark.django_db
def test_nobody_of_either_side_rules_whatever_it_acts_for() -> None:
    found = disputed()
    cast.person("xu", cast.YUNSHAN)
    both = cast.person("xu", cast.BASE, Role.LISTING_REVIEWER)
    for who, refusal in (
        (both, SelfReview),
        (cast.zhou(), NotAllowed),
        (cast.lin(), NotAllowed),
        (cast.yan(), NotAllowed),
        (cast.he(), NotFound),
    ):
        with pytest.raises(refusal):
            ruled(found, "full_refund", by=who)
    assert not Ruling.objects.exists()
    assert books() == ESCROWED


def rulings_seen(found: Complaint) -> dict[str, int]:
    """How many rulings each viewer is shown; the sides see only what is in force."""
    viewers = {"zhou": cast.zhou(), "lin": cast.lin(), "gu": cast.gu(), "yan": cast.yan()}
    return {
        key: len(selectors.visible_complaint(who, found.pk).rulings.all()) for key, who in viewers.items()
    }


@pytest.mark.django_db
def test_above_the_threshold_a_second_operator_confirms(settings: Any) -> None:
    settings.RULING_CONFIRMATION_FEN = 6_799_999
    order = delivered()
    found = disputed(order)
    ruling = ruled(found, "full_refund")
    assert (ruling.is_confirmation_needed, fresh(order).state, books()) == (True, "disputed", ESCROWED)
    with pytest.raises(services.RulingPending):
        ruled(found, "uphold")
    assert rulings_seen(found) == {"zhou": 0, "lin": 0, "gu": 1, "yan": 1}
    told: dict[str, Any] = {"at": DELIVERED + 7 * DAY, "complaint_id": found.pk, "ruling_id": ruling.pk}
    with pytest.raises(services.SecondPerson):
        services.confirm(by=cast.gu(), is_confirmed=True, **told)
    with pytest.raises(InvalidInput):
        services.confirm(by=second_operator(), is_confirmed=False, **told)
    services.confirm(by=second_operator(), is_confirmed=False, remark="请说明缺了哪些文件。", **told)
    assert books() == ESCROWED
    with pytest.raises(services.NothingToConfirm):
        services.confirm(by=second_operator(), is_confirmed=True, **told)
    told["ruling_id"] = ruled(found, "full_refund").pk
    assert rulings_seen(found) == {"zhou": 0, "lin": 0, "gu": 2, "yan": 2}
    services.confirm(by=second_operator(), is_confirmed=True, **told)
    assert (fresh(order).state, books()) == ("refunded", {})
    assert rulings_seen(found) == {"zhou": 1, "lin": 1, "gu": 2, "yan": 2}


@pytest.mark.django_db
def test_at_the_threshold_one_operator_is_enough(settings: Any) -> None:
    settings.RULING_CONFIRMATION_FEN = 6_800_000
    assert not ruled(disputed(), "uphold").is_confirmation_needed


# --- twice, at once, raw ------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_second_ruling_is_refused_and_moves_nothing() -> None:
    found = disputed()
    ruled(found, "partial_refund", amount=Money(100))
    before = books()
    with pytest.raises(MoveNotAllowed):
        ruled(found, "full_refund")
    assert (books(), Ruling.objects.count()) == (before, 1)


@pytest.mark.django_db
def test_the_same_news_twice_moves_the_money_once() -> None:
    order = delivered()
    offer = answered(complaint(order), kind="partial_refund", amount=Money(100))
    accepted(offer)
    before = books()
    event = PriceReduced(
        at=END, order_id=order.pk, amount_fen=100, tax_fen=5, reason="又一次", by=cast.zhou()
    )
    with transaction.atomic():
        announce(event)
    assert (books(), EscrowReturn.objects.count()) == (before, 1)
    with pytest.raises(MoveNotAllowed):
        accepted(offer)


@pytest.mark.django_db
def test_the_news_of_a_full_refund_twice_moves_the_money_once() -> None:
    order = delivered()
    accepted(answered(complaint(order), kind="full_refund"))
    with transaction.atomic():
        announce(WholePriceBack(at=END, order_id=order.pk, reason="又一次", by=cast.zhou()))
    assert (books(), EscrowReturn.objects.count()) == ({}, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(3))
def test_acceptance_and_complaint_at_once_end_in_one_of_them(_round: int) -> None:
    order, zhou, at = delivered(), cast.zhou(), DELIVERED + DAY

    def act(number: int) -> Order | Complaint:
        if number:
            return trading.accept_order(by=zhou, at=at, order_id=order.pk)
        return services.file_complaint(by=zhou, at=at, order_id=order.pk, defects=[MISSING])

    answers = at_once(2, act)
    kept = [each for each in answers if not isinstance(each, Exception)]
    refused = [type(each) for each in answers if isinstance(each, Exception)]
    assert (len(kept), refused) == (1, [MoveNotAllowed]), answers
    state = "disputed" if isinstance(kept[0], Complaint) else "completed"
    assert fresh(order).state == state
    assert Release.objects.filter(order=order).exists() == (state == "completed")
    assert books() == (ESCROWED if state == "disputed" else UPHELD)


@pytest.mark.django_db(transaction=True)
def test_the_clock_and_a_late_complaint_at_the_same_second_accept() -> None:
    order, zhou = delivered(), cast.zhou()
    answers = at_once(
        2,
        lambda number: (
            trading.accept_expired(at=END, order_id=order.pk)
            if number
            else services.file_complaint(by=zhou, at=END, order_id=order.pk, defects=[MISSING])
        ),
    )
    assert isinstance(answers[0], services.InspectionOver | MoveNotAllowed)
    assert isinstance(answers[1], Order)
    assert books() == UPHELD


@pytest.mark.django_db(transaction=True)
def test_eight_clicks_on_accept_the_offer_move_the_money_once() -> None:
    offer, zhou = answered(complaint(), kind="partial_refund", amount=Money(1_000_000)), cast.zhou()
    answers = at_once(
        8,
        lambda _n: services.accept_offer(
            by=zhou, at=DELIVERED + 4 * DAY, complaint_id=offer.complaint_id, offer_id=offer.pk
        ),
    )
    assert sum(isinstance(each, Complaint) for each in answers) == 1
    assert sum(isinstance(each, MoveNotAllowed) for each in answers) == 7
    assert books() == {"bank": "-58000.00", "fees": "1160.00", "wallet": "56840.00"}


@pytest.mark.django_db(transaction=True)
def test_ruling_by_two_operators_at_once_rules_once() -> None:
    found, operators = disputed(), (cast.gu(), second_operator())
    answers = at_once(2, lambda number: ruled(found, ("uphold", "full_refund")[number], by=operators[number]))
    assert sum(isinstance(each, Ruling) for each in answers) == 1
    assert sum(isinstance(each, MoveNotAllowed) for each in answers) == 1
    assert books() in (UPHELD, {})


@pytest.mark.django_db
def test_an_outdated_offer_cannot_be_accepted() -> None:
    found = complaint()
    first = answered(found, kind="partial_refund", amount=Money(100))
    services.decline_offer(
        by=cast.zhou(),
        at=DELIVERED + 3 * DAY,
        complaint_id=found.pk,
        offer_id=first.pk,
        reason="金额太少了。",
    )
    second = answered(found, kind="full_refund", at=DELIVERED + 4 * DAY)
    with pytest.raises(services.OfferOutdated):
        accepted(first)
    accepted(second)
    assert books() == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fen", "refusal"), [(0, InvalidInput), (-1, InvalidInput), (6_800_000, services.BeyondPrice)]
)
def test_a_partial_refund_stays_between_nothing_and_the_price(fen: int, refusal: type[Exception]) -> None:
    found = disputed()
    with pytest.raises(refusal):
        ruled(found, "partial_refund", amount=Money(fen))
    assert books() == ESCROWED
    ruled(found, "partial_refund", amount=Money(6_799_999))
    assert books() == {"bank": "-0.01", "wallet": "0.01"}


@pytest.mark.django_db(transaction=True)
def test_raw_sql_changes_no_ruling_and_moves_no_other_amount() -> None:
    order = delivered()
    found = disputed(order)
    ruled(found, "partial_refund", amount=Money(100))
    other = delivered()
    intent = PaymentIntent.objects.get(order=other)
    entry = EscrowReturn.objects.get().entry_id
    # A return that nobody decided, a release beside it, a changed ruling, a reduction above the price.
    for statement, values, reason in (
        ("UPDATE acceptance_ruling SET text = 'x'", [], "Cannot update or delete"),
        ("DELETE FROM acceptance_statement", [], "Cannot update or delete"),
        (
            "INSERT INTO payments_escrowreturn (id, recorded_at, intent_id, order_id, amount_fen, tax_fen, reason,"
            " returned_at, entry_id) VALUES (gen_random_uuid(), now(), %s, %s, 500, 5, 'x', now(), %s)",
            [intent.pk, other.pk, entry],
            "not what was decided",
        ),
        (
            "INSERT INTO payments_release (id, recorded_at, intent_id, order_id, gross_fen, fee_bp, fee_fen,"
            " seller_fen, released_at, entry_id)"
            " VALUES (gen_random_uuid(), now(), %s, %s, 6799000, 0, 0, 6799000, now(), %s)",
            [intent.pk, other.pk, entry],
            "not what lies in escrow",
        ),
        (
            "INSERT INTO acceptance_reduction (id, recorded_at, order_id, complaint_id, amount_fen, tax_fen, reason,"
            " reduced_at) VALUES (gen_random_uuid(), now(), %s, %s, 6800000, 1, 'x', now())",
            [other.pk, found.pk],
            "exceeds its price",
        ),
    ):
        with pytest.raises(DatabaseError, match=reason), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)


@pytest.mark.django_db
def test_one_complaint_at_a_time_with_several_defects() -> None:
    order = delivered()
    file = first_file(order)
    found = complaint(order)
    with pytest.raises(services.ComplaintOpen, match=found.number):
        complaint(order)
    services.add_defect(
        by=cast.zhou(), at=END - SECOND, complaint_id=found.pk,
        defect=Reported(kind="label_errors", text="抽查一百条，错误十二条。", row_ids=["r000001", "r000007"],
                        error_rate_bp=1_200, file_id=file),
    )  # fmt: skip
    assert [each.kind for each in found.defects.order_by("pk")] == ["missing", "label_errors"]
    with pytest.raises(services.InspectionOver):
        services.add_defect(by=cast.zhou(), at=END, complaint_id=found.pk, defect=MISSING)


def first_file(order: Order) -> int | None:
    return files_of(order).values_list("pk", flat=True).first()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("defect", "field"),
    [
        (Reported(kind="gone", text="清单中的文件没有交付。"), "kind"),
        (Reported(kind="missing", text="缺"), "text"),
        (Reported(kind="missing", text="x" * 4_001), "text"),
        (Reported(kind="missing", text="清单中的文件没有交付。", file_id=0), "file_id"),
        (Reported(kind="label_errors", text="抽查发现标签错误。"), "row_ids"),
        (Reported(kind="label_errors", text="抽查发现标签错误。", row_ids=["r1"]), "row_ids"),
        (Reported(kind="other", text="抽查发现标签错误。", row_ids=["r"] * 51), "row_ids"),
        (Reported(kind="other", text="抽查发现标签错误。", error_rate_bp=10_001), "error_rate"),
        (Reported(kind="other", text="抽查发现标签错误。", error_rate_bp=0), "error_rate"),
    ],
)
def test_a_defect_says_enough_or_is_refused_and_nothing_changes(defect: Reported, field: str) -> None:
    order = delivered()
    with pytest.raises(InvalidInput) as refused:
        services.file_complaint(by=cast.zhou(), at=DELIVERED, order_id=order.pk, defects=[defect])
    assert refused.value.field == field
    assert (fresh(order).state, Complaint.objects.count()) == ("delivered", 0)


@pytest.mark.django_db
def test_a_ruling_cites_what_it_rests_on() -> None:
    found = disputed()
    for citations in ([], ["civil_1"], ["contract_1", "nothing"]):
        with pytest.raises(InvalidInput) as refused:
            ruled(found, "uphold", citations=citations)
        assert refused.value.field == "citations"
    assert not Ruling.objects.exists()


@pytest.mark.django_db
def test_both_sides_are_told_and_everything_is_on_record() -> None:
    order = delivered()
    found = disputed(order)
    ruled(found, "uphold")
    told = Notification.objects.filter(url__contains=str(found.pk))
    assert told.filter(user=cast.zhou().user).count() == 3  # answered, before the exchange, ruled
    assert told.filter(user=cast.lin().user).count() == 3  # filed, before the exchange, ruled
    assert told.filter(user=cast.gu().user).count() == 1
    actions = AuditEvent.objects.filter(action__regex=r"^(complaints|disputes)\.").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "complaints.file", "complaints.answer", "complaints.escalate", "complaints.state", "complaints.state",
        "disputes.rule",
    ]  # fmt: skip
    moves = Transition.objects.filter(subject_id=found.pk).order_by("at", "pk").values_list("move", flat=True)
    assert list(moves) == ["answer", "escalate", "rule"]


# --- arithmetic ---------------------------------------------------------------------------------


@given(st.data())
def test_every_split_and_every_refund_after_it_is_exact_and_not_negative(data: st.DataObject) -> None:
    gross = data.draw(st.integers(2, 10**13))
    tax = data.draw(st.integers(0, gross - 1))
    fee_bp = data.draw(st.integers(0, 10_000))
    back = data.draw(st.integers(0, gross))
    found = rules.split(gross=Money(gross), tax=Money(tax), fee_bp=fee_bp, back=Money(back))
    parts = (found.back, found.back_tax, found.kept, found.kept_tax, found.fee, found.seller)
    assert min(part.fen for part in parts) >= 0
    assert found.back.fen + found.fee.fen + found.seller.fen == gross
    assert (found.kept + found.back).fen == gross
    assert (found.kept_tax + found.back_tax).fen == tax
    assert found.kept_tax <= found.kept
    assert found.back_tax <= found.back
    refunded, taxes, fees, sellers = Money(0), Money(0), Money(0), Money(0)
    while refunded < found.kept:
        left = found.kept - refunded
        amount = Money(data.draw(st.integers(max(1, left.fen // 3), left.fen)))
        part = payment_rules.refund_parts(
            gross=found.kept, tax=found.kept_tax, fee=found.fee, refunded=refunded, amount=amount
        )
        assert min(part.tax.fen, part.fee.fen, part.seller.fen) >= 0
        assert (part.fee + part.seller) == amount
        refunded, taxes, fees, sellers = (
            refunded + amount, taxes + part.tax, fees + part.fee, sellers + part.seller
        )  # fmt: skip
    assert (refunded, taxes, fees, sellers) == (found.kept, found.kept_tax, found.fee, found.seller)


def test_at_the_start_of_a_journey_nothing_is_overdue() -> None:
    assert not rules.is_over(NOON, NOON - SECOND)
    assert rules.is_over(NOON, NOON)
    assert rules.percent(125) == "1.25%"
    assert rules.percent(1_200) == "12%"
