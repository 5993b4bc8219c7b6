"""Mandates, matches, deals, the commission through the books, records, the year's facts."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import AuditEvent
from exchange.brokers import rules, selectors, services
from exchange.brokers.models import Commission, ConductRecord, Deal, Mandate, MandateSignature
from exchange.brokers.states import MandateState
from exchange.delivery import services as delivery
from exchange.pilots import services as pilots
from exchange.pilots.rules import Facts
from exchange.trading import services as trading
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.money import Money
from kernel.states import MoveNotAllowed
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.ledger.models import Account, Entry, Posting, Purpose
from settlement.payments import services as payments
from settlement.payments.models import CommissionPayment, CommissionReturn
from settlement.revenue.selectors import annual, recomputation
from tests import cast
from tests.exchange import market
from tests.exchange.acceptance import quarrels
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import END, START, hong, jiang

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def wallet(who: Actor) -> str:
    """The balance of an organization in yuan."""
    rows = Account.objects.filter(organization=who.organization_id, purpose=Purpose.WALLET)
    return Money(sum(rows.values_list("posted_fen", flat=True))).yuan


# --- mandates -----------------------------------------------------------------------------------


def test_a_mandate_holds_when_both_have_signed_the_same_text() -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.offered()
    assert "含税金额的 2.5%" in mandate.text
    assert "标签包括正面、负面" in mandate.text
    assert mandate.text_sha256 == rules.text_hash(mandate.text)
    brokerage.signed_by(mandate, cast.zhou())
    assert mandate.state == "offered"
    brokerage.signed_by(mandate, hong())
    assert mandate.state == "active"
    assert [each.move for each in selectors.history_of(mandate.pk)] == ["sign", "activate"]
    assert AuditEvent.objects.filter(action="mandates.sign").count() == 2


def test_a_mandate_of_the_future_waits_for_its_first_day() -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.active(starts_at=START + timedelta(days=5))
    assert mandate.state == "signed"
    assert services.follow_terms(at=START + timedelta(days=5) - SECOND) == 0
    assert services.follow_terms(at=START + timedelta(days=5)) == 1
    assert services.follow_terms(at=END - SECOND) == 0
    assert services.follow_terms(at=END) == 1
    mandate.refresh_from_db()
    assert (mandate.state, mandate.ended_at) == ("ended", END)


def test_another_text_or_a_second_signature_of_a_side_is_refused() -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.offered()
    with pytest.raises(services.OtherText):
        services.sign_mandate(by=cast.zhou(), at=START, mandate_id=mandate.pk, text_sha256="0" * 64)
    brokerage.signed_by(mandate, cast.zhou())
    with pytest.raises(services.AlreadySigned):
        brokerage.signed_by(mandate, cast.zhou())
    assert MandateSignature.objects.count() == 1


def test_the_wrong_parties_neither_see_nor_sign_a_mandate() -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.offered()
    for stranger in (cast.lin(), cast.he(), jiang()):
        with pytest.raises(NotFound):
            brokerage.signed_by(mandate, stranger)
    with pytest.raises(NotAllowed):
        brokerage.signed_by(mandate, cast.gu())  # sees it, is no side of it
    with pytest.raises(NotAllowed):
        brokerage.offered(by=cast.he())
    assert MandateSignature.objects.count() == 0


def test_only_a_broker_in_the_pilot_takes_mandates() -> None:
    brokerage.broker_in_pilot()
    with pytest.raises(services.NotABroker):
        brokerage.offered(broker=jiang())
    with pytest.raises(services.NotAPrincipal):
        brokerage.offered("supply", giver=cast.zhou())
    assert Mandate.objects.count() == 0


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"ends_at": START}, "ends_at"),
        ({"ends_at": START + timedelta(days=2000)}, "ends_at"),
        ({"starts_at": START.replace(year=9998), "ends_at": START.replace(year=9999)}, "starts_at"),
        ({"commission_bp": 0}, "commission_bp"),
        ({"commission": Money(1)}, "commission_bp"),
        ({"commission_bp": 2001}, "commission_bp"),
        ({"commission_bp": -1, "commission": Money(5)}, "commission_bp"),
        ({"scope": "industries"}, "industries"),
        ({"scope": "products", "product_numbers": ("CP-2026-0000000-0",)}, "product_numbers"),
        ({"payer": "nobody"}, "payer"),
        ({"wish_modality": "smell"}, "wish_modality"),
        ({"wish_budget": Money(-1)}, "wish_budget"),
    ],
)
def test_bad_terms_are_refused_at_their_field(wanted: dict[str, Any], field: str) -> None:
    brokerage.broker_in_pilot()
    with pytest.raises(InvalidInput) as refusal:
        brokerage.offered(**wanted)
    assert refusal.value.field == field
    assert Mandate.objects.count() == 0


def test_an_exclusive_mandate_leaves_no_room_for_another_broker_in_its_scope() -> None:
    brokerage.broker_in_pilot()
    brokerage.broker_in_pilot(by=jiang(), title="江岸的批次（示例）")
    first = brokerage.active(is_exclusive=True, scope="industries", industries=("commerce",))
    second = brokerage.offered(broker=jiang())
    brokerage.signed_by(second, cast.zhou())
    with pytest.raises(services.ExclusiveElsewhere) as refusal:
        brokerage.signed_by(second, jiang())
    assert first.number in str(refusal.value)
    assert second.signatures.count() == 1
    elsewhere = brokerage.active(broker=jiang(), scope="industries", industries=("health",))
    assert elsewhere.state == "active"


def test_offers_are_refused_by_the_other_side_and_taken_back_by_their_own() -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.offered(by=hong())
    with pytest.raises(NotAllowed):
        services.refuse_mandate(by=hong(), at=START, mandate_id=mandate.pk, reason="不再需要")
    with pytest.raises(NotAllowed):
        services.withdraw_mandate(by=cast.zhou(), at=START, mandate_id=mandate.pk, reason="不再需要")
    with pytest.raises(InvalidInput):
        services.refuse_mandate(by=cast.zhou(), at=START, mandate_id=mandate.pk, reason="  ")
    services.refuse_mandate(by=cast.zhou(), at=START, mandate_id=mandate.pk, reason="佣金过高")
    mandate.refresh_from_db()
    assert mandate.state == "refused"
    other = brokerage.offered(by=hong())
    assert services.withdraw_mandate(
        by=hong(), at=START, mandate_id=other.pk, reason="条件有变"
    ).state == "withdrawn"  # fmt: skip


def test_a_signed_text_cannot_be_changed_even_by_sql() -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.active()
    for statement in (
        "UPDATE brokers_mandate SET commission_bp = 900",
        "UPDATE brokers_mandatesignature SET party = 'broker'",
        "DELETE FROM brokers_mandatesignature",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    mandate.refresh_from_db()
    assert mandate.commission_bp == 250


# --- matching -----------------------------------------------------------------------------------


def test_candidates_are_what_the_principal_may_buy_best_first() -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.active()
    dear = market.listed(title="贵的数据集", price=Money.from_yuan("90000"))
    good = market.listed(title="合适的数据集")
    market.drafted(title="草稿")
    found = selectors.candidates_of(mandate)
    assert [(each.product.pk, each.fit.score) for each in found] == [(good.pk, 100), (dear.pk, 71)]
    brokerage.recorded(mandate, good)
    assert [each.product.pk for each in selectors.candidates_of(mandate)] == [dear.pk]


def test_a_match_says_what_was_proposed_when_and_why() -> None:
    brokerage.broker_in_pilot()
    supply = brokerage.active("supply")
    match = brokerage.recorded()
    assert (match.score, match.matched_at, match.supply_mandate) == (100, START, supply)
    assert [part["key"] for part in match.trace] == ["modality", "labels", "budget"]
    with pytest.raises(services.AlreadyMatched):
        brokerage.recorded(match.mandate, match.product)


def test_a_match_is_recorded_until_the_last_second_of_the_mandate_and_not_at_its_end() -> None:
    brokerage.broker_in_pilot()
    mandate, product = brokerage.active(ends_at=START + timedelta(days=9)), market.listed()
    with pytest.raises(services.MandateNotInForce):
        brokerage.recorded(mandate, product, at=START + timedelta(days=9))
    with pytest.raises(services.MandateNotInForce):
        brokerage.recorded(mandate, product, at=START - SECOND)
    assert brokerage.recorded(mandate, product, at=START + timedelta(days=9) - SECOND).state == "recorded"


def test_what_is_not_within_the_mandate_is_not_proposed() -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.active(scope="industries", industries=("health",))
    with pytest.raises(services.OutsideMandate):
        brokerage.recorded(mandate, market.listed())
    with pytest.raises(services.OutsideMandate):
        brokerage.recorded(brokerage.active(), market.drafted())


def test_only_the_principal_answers_and_once() -> None:
    brokerage.broker_in_pilot()
    match = brokerage.recorded()
    with pytest.raises(NotAllowed):
        services.answer_match(by=hong(), at=START, match_id=match.pk, is_accepted=True)
    with pytest.raises(NotFound):
        services.answer_match(by=cast.lin(), at=START, match_id=match.pk, is_accepted=True)
    with pytest.raises(InvalidInput):
        services.answer_match(by=cast.zhou(), at=START, match_id=match.pk, is_accepted=False)
    services.answer_match(by=cast.zhou(), at=START, match_id=match.pk, is_accepted=False, answer="样本量不够")
    with pytest.raises(MoveNotAllowed):
        services.answer_match(by=cast.zhou(), at=START, match_id=match.pk, is_accepted=True)


# --- deals and their money ------------------------------------------------------------------------


def test_a_broker_deal_from_match_to_commission_through_the_books(product_wired: None) -> None:
    """¥68,000.00; the buyer pays 2.5 % = ¥1,700.00, the supplier ¥500.00; the exchange's fee is 2 %."""
    brokerage.broker_in_pilot()
    brokerage.active("supply", commission_bp=0, commission=Money(500_00))
    deal = brokerage.proposed()
    assert [(each.payer, each.amount_fen) for each in deal.commissions.order_by("pk")] == [
        ("buyer", 1_700_00), ("supplier", 500_00),
    ]  # fmt: skip
    assert deal.commission_fen == 2_200_00
    for side in (cast.zhou(), cast.lin()):  # both see all of it before they confirm
        assert selectors.deal_for(side, deal.pk).commission_fen == 2_200_00
        services.confirm_deal(by=side, at=START, deal_id=deal.pk, commission=Money(2_200_00))
    assert (wallet(hong()), wallet(cast.lin())) == ("0.00", "0.00")
    order = brokerage.settle(deal.order)
    assert order.state == "completed"
    deal.refresh_from_db()
    assert (deal.state, deal.completed_at) == ("completed", order.completed_at)
    assert wallet(hong()) == "2200.00"
    assert wallet(cast.lin()) == "66140.00"  # 68,000.00 − 1,360.00 fee − 500.00 commission
    assert [entry.kind for entry in Entry.objects.order_by("recorded_at")][-2:] == ["commission"] * 2
    assert sum(Posting.objects.values_list("amount_fen", flat=True)) == 0
    assert deal.records.get(kind="transaction").fact_label == order.filing.voucher_number


def test_refunds_give_the_brokers_share_back_to_whoever_paid(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    brokerage.active("supply", commission_bp=333)  # ¥2,264.40
    deal = brokerage.confirmed()
    order = brokerage.settle(deal.order)
    assert wallet(hong()) == "3964.40"

    def refund(fen: int) -> None:
        payments.refund_order(
            by=cast.gu(),
            at=START + timedelta(days=9),
            order_id=order.pk,
            amount=Money(fen),
            reason="样本重复",
        )

    firm_id = order.supplier_id
    assert annual(firm_id, 2026).fee_fen == -(
        1_360_00 + 2_264_40
    )  # the buyer's commission is not the firm's fee
    assert recomputation(firm_id, 2026).is_equal
    refund(10_000_01)  # shares: ⌊1,700.00 × 10,000.01/68,000⌋ = 250.00, ⌊2,264.40 × …⌋ = 333.00
    assert [each.amount_fen for each in CommissionReturn.objects.order_by("pk")] == [250_00, 333_00]
    assert wallet(hong()) == "3381.40"
    deal.refresh_from_db()
    assert deal.refunded_fen == 10_000_01
    assert selectors.facts_of(deal.broker_id, 2026).amount_fen == 57_999_99
    refund(57_999_99)
    assert wallet(hong()) == "0.00"
    assert wallet(cast.lin()) == "0.00"
    assert annual(firm_id, 2026).fee_fen == 0
    assert recomputation(firm_id, 2026).is_equal
    assert sum(CommissionReturn.objects.values_list("amount_fen", flat=True)) == 3_964_40
    assert sum(Posting.objects.values_list("amount_fen", flat=True)) == 0


def in_dispute(deal: Deal, amount: Money | None) -> None:
    """Paid, delivered, complained about, and settled with `amount` (None: the whole price) back to the buyer."""
    order, at = deal.order, START + timedelta(days=1)
    for who in (cast.zhou(), cast.lin()):
        trading.sign_contract(by=who, at=at, order_id=order.pk)
    payments.pay_order(by=cast.zhou(), at=at, order_id=order.pk)
    delivery.deliver(by=cast.lin(), at=at, order_id=order.pk)
    later = at + timedelta(days=1)
    complaint = quarrels.complaint(order, at=later)
    terms = {"kind": "partial_refund", "amount": amount} if amount else {"kind": "full_refund"}
    quarrels.accepted(quarrels.answered(complaint, at=later, **terms), at=later)
    deal.refresh_from_db()


def test_a_price_reduced_before_release_reduces_the_commission_in_proportion(product_wired: None) -> None:
    """Of ¥68,000.00 the buyer gets ¥61,200.01 back, more than the supplier could pay its whole commission from."""
    brokerage.broker_in_pilot()
    brokerage.active("supply", commission_bp=2_000)  # ¥13,600.00; the buyer's 2.5 % are ¥1,700.00
    deal = brokerage.confirmed()
    in_dispute(deal, Money(61_200_01))
    assert (deal.state, deal.refunded_fen) == ("completed", 61_200_01)
    # ⌊13,600.00 × 6,799.99/68,000⌋ and ⌊1,700.00 × 6,799.99/68,000⌋; the supplier: 6,799.99 − 135.99 − 1,359.99
    assert sorted(CommissionPayment.objects.values_list("amount_fen", flat=True)) == [169_99, 1_359_99]
    assert (wallet(hong()), wallet(cast.lin())) == ("1529.98", "5304.01")
    assert selectors.facts_of(deal.broker_id, 2026).amount_fen == 6_799_99
    assert "验收前扣减 61200.01 元" in deal.records.get(kind="transaction").statement
    firm_id = deal.order.supplier_id
    assert annual(firm_id, 2026).fee_fen == -(135_99 + 1_359_99)
    assert recomputation(firm_id, 2026).is_equal
    for fen in (3_000_00, 3_799_99):  # and refunds of the rest bring the rest of it back, to the fen
        payments.refund_order(
            by=cast.gu(), at=START + timedelta(days=9), order_id=deal.order_id, amount=Money(fen), reason="样本重复"
        )  # fmt: skip
    deal.refresh_from_db()
    assert deal.refunded_fen == 68_000_00
    assert (wallet(hong()), wallet(cast.lin())) == ("0.00", "0.00")
    assert sum(CommissionReturn.objects.values_list("amount_fen", flat=True)) == 1_529_98
    assert sum(Posting.objects.values_list("amount_fen", flat=True)) == 0
    assert recomputation(firm_id, 2026).is_equal


def test_a_price_that_went_back_whole_before_release_takes_the_deal_along(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    in_dispute(deal, None)
    assert deal.order.state == "refunded"
    assert deal.state == "lapsed"
    assert CommissionPayment.objects.count() == 0
    assert selectors.facts_of(deal.broker_id, 2026) == Facts()


def test_an_unconfirmed_deal_lapses_with_the_order_and_earns_nothing(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.proposed()
    services.confirm_deal(by=cast.zhou(), at=START, deal_id=deal.pk, commission=Money(1_700_00))
    brokerage.settle(deal.order)
    deal.refresh_from_db()
    assert deal.state == "lapsed"
    assert CommissionPayment.objects.count() == 0
    with pytest.raises(MoveNotAllowed):
        services.confirm_deal(by=cast.lin(), at=START, deal_id=deal.pk, commission=Money(1_700_00))


def test_a_cancelled_order_takes_its_deal_along(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    trading.cancel_order(by=cast.zhou(), at=START, order_id=deal.order_id, reason="预算取消")
    deal.refresh_from_db()
    assert deal.state == "lapsed"


def test_the_commission_that_was_read_is_the_one_confirmed() -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.proposed()
    with pytest.raises(services.OtherCommission):
        services.confirm_deal(by=cast.zhou(), at=START, deal_id=deal.pk, commission=Money(1))
    for stranger in (hong(), cast.gu()):
        with pytest.raises(services.WrongSide):
            services.confirm_deal(by=stranger, at=START, deal_id=deal.pk, commission=Money(1_700_00))
    with pytest.raises(NotFound):
        services.confirm_deal(by=cast.he(), at=START, deal_id=deal.pk, commission=Money(1_700_00))
    deal.refresh_from_db()
    assert (deal.buyer_confirmed_at, deal.supplier_confirmed_at) == (None, None)


def test_a_deal_is_an_order_of_the_principal_after_the_match_within_the_term() -> None:
    brokerage.broker_in_pilot()
    product = market.listed()
    early = market.placed(product, at=START - SECOND)
    mandate = brokerage.active(ends_at=START + timedelta(days=9))
    match = brokerage.accepted(mandate, product)
    late = market.placed(product, at=START + timedelta(days=9))
    within = market.placed(product, at=START + timedelta(days=9) - SECOND)

    def name(number: str, by: Actor | None = None) -> Deal:
        return services.propose_deal(
            by=by or hong(), at=START + timedelta(days=20), match_id=match.pk, order_number=number
        )

    for wrong in (early.number, market.placed().number, "DD-2026-0000000-0"):
        with pytest.raises(services.NotThatOrder):
            name(wrong)
    with pytest.raises(services.MandateNotInForce):
        name(late.number)
    with pytest.raises(NotAllowed):
        name(within.number, by=cast.zhou())
    deal = name(within.number)
    assert name(within.number) == deal
    assert Deal.objects.count() == 1


def test_commissions_that_would_eat_the_price_are_refused() -> None:
    brokerage.broker_in_pilot()
    match = brokerage.accepted(brokerage.active(commission_bp=0, commission=Money.from_yuan("27200.01")))
    order = market.placed(match.product, at=START)
    with pytest.raises(services.CommissionTooHigh):
        services.propose_deal(by=hong(), at=START, match_id=match.pk, order_number=order.number)
    assert Commission.objects.count() == 0


def test_paying_twice_pays_once(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    brokerage.settle(deal.order)
    again = payments.pay_commission(by=hong(), at=START + timedelta(days=5), deal_id=deal.pk)
    assert [each.amount_fen for each in again] == [1_700_00]
    services.complete_deal(by=hong(), at=START + timedelta(days=5), order_id=deal.order_id)
    assert CommissionPayment.objects.count() == 1
    assert wallet(hong()) == "1700.00"


@pytest.mark.django_db(transaction=True)
def test_eight_threads_pay_one_commission(nobody_listens: list[object]) -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    from exchange.trading.events import OrderAccepted
    from kernel import events
    from settlement.payments.services import release_accepted

    events.wire({OrderAccepted: [release_accepted]})
    brokerage.settle(deal.order)
    services.complete_deal(by=hong(), at=START, order_id=deal.order_id)
    who, failed = hong(), []

    def pay() -> None:
        try:
            payments.pay_commission(by=who, at=START, deal_id=deal.pk)
        except Exception as wrong:
            failed.append(wrong)
        finally:
            connection.close()

    threads = [Thread(target=pay) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert CommissionPayment.objects.count() == 1
    assert wallet(hong()) == "1700.00"


# --- records ------------------------------------------------------------------------------------


def keep(deal: Deal, kind: str, **kept: Any) -> ConductRecord:
    given = {"statement": "已书面要求供方说明来源。", **kept}
    return services.keep_record(by=kept.pop("by", hong()), at=START, deal_id=deal.pk, kind=kind, **given)


def test_missing_records_are_named_until_they_are_there(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    assert selectors.missing_labels(deal) == ["要求说明数据来源", "收到数据来源说明", "审核记录", "交易记录"]
    assert deal.records.get(kind="buyer_identity").fact_label == cast.organization(cast.YUNSHAN).uscc
    keep(deal, "source_demanded")
    keep(deal, "source_received", fact="certificate")
    assert deal.records.get(kind="source_received").fact_label == deal.order.certificate.number
    brokerage.settle(deal.order)
    assert selectors.missing_labels(Deal.objects.get(pk=deal.pk)) == ["审核记录"]
    assert [each.pk for each in selectors.incomplete_deals(cast.gu())] == [deal.pk]
    keep(deal, "review", fact="contract")
    assert list(selectors.incomplete_deals(cast.gu())) == []


def test_an_unverified_side_is_a_missing_record() -> None:
    brokerage.broker_in_pilot()
    match = brokerage.accepted()
    Organization.objects.filter(pk=cast.zhou().organization_id).update(verification="unverified")
    deal = brokerage.proposed(match)
    assert "审核需方身份" in selectors.missing_labels(deal)
    with pytest.raises(InvalidInput):
        keep(deal, "buyer_identity")


def test_records_are_made_once_by_the_broker_with_their_ground() -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    with pytest.raises(InvalidInput):
        keep(deal, "source_received")
    with pytest.raises(InvalidInput):
        keep(deal, "review", fact="document")
    with pytest.raises(InvalidInput):
        keep(deal, "transaction")
    keep(deal, "review")
    with pytest.raises(services.AlreadyRecorded):
        keep(deal, "review")
    for other in (cast.zhou(), cast.gu()):
        with pytest.raises(NotAllowed):
            services.keep_record(
                by=other, at=START, deal_id=deal.pk, kind="source_demanded", statement="已书面要求。"
            )


def test_no_record_is_deleted_before_its_day(settings: Any) -> None:
    settings.BROKER_RECORD_YEARS = {"review": 5}
    brokerage.broker_in_pilot()
    made = keep(brokerage.confirmed(), "review")
    assert made.keep_until == START.date().replace(year=2031)
    for statement in (
        "DELETE FROM brokers_conductrecord",
        "UPDATE brokers_conductrecord SET keep_until = '2020-01-01'",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert ConductRecord.objects.filter(pk=made.pk).exists()


# --- the year -----------------------------------------------------------------------------------


def test_the_year_is_assessed_with_what_the_deals_say(product_wired: None) -> None:
    pilot = brokerage.broker_in_pilot()
    mandate = brokerage.active()
    first, second = (brokerage.confirmed(brokerage.accepted(mandate)) for _number in range(2))
    brokerage.settle(first.order)
    keep(first, "review")
    services.rate_deal(by=cast.zhou(), at=START, deal_id=first.pk, stars=4, words="响应及时")
    assert selectors.facts_of(pilot.organization_id, 2026) == Facts(
        deals=1, amount_fen=68_000_00, complete_records=4, required_records=6, ratings_count=1, ratings_sum=4
    )
    assert selectors.facts_of(pilot.organization_id, 2027) == Facts()
    new_year = START.replace(year=2027, month=1, day=10)
    with pytest.raises(NotAllowed):
        services.assess_year(by=hong(), at=new_year, pilot_id=pilot.pk, year=2026)
    found = services.assess_year(by=cast.gu(), at=new_year, pilot_id=pilot.pk, year=2026)
    assert found.facts["amount_fen"] == 68_000_00
    assert found.proposal == "improve"  # four of six records, whatever the total
    assert found.trace["deals"] == [
        {"id": str(first.pk), "number": first.number, "order": first.order.number, "amount_fen": 68_000_00,
         "is_disputed": False, "complete_records": 4, "required_records": 6, "stars": 4},
    ]  # fmt: skip
    assert second.state == "confirmed"


def test_a_completed_deal_is_rated_once_by_its_buyer(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    with pytest.raises(InvalidInput):
        services.rate_deal(by=cast.zhou(), at=START, deal_id=deal.pk, stars=5)
    brokerage.settle(deal.order)
    with pytest.raises(services.WrongSide):
        services.rate_deal(by=cast.lin(), at=START, deal_id=deal.pk, stars=5)
    for wrong in (0, 6):
        with pytest.raises(InvalidInput):
            services.rate_deal(by=cast.zhou(), at=START, deal_id=deal.pk, stars=wrong)
    services.rate_deal(by=cast.zhou(), at=START, deal_id=deal.pk, stars=5)
    assert services.rate_deal(by=cast.zhou(), at=START, deal_id=deal.pk, stars=1).stars == 5


# --- exit ---------------------------------------------------------------------------------------


def left(pilot: Any) -> None:
    pilots.exit_pilot(
        by=cast.gu(),
        at=START + timedelta(days=30),
        pilot_id=pilot.pk,
        reason="多次未按要求留存记录，退出试点。",
    )


def test_when_a_broker_leaves_each_principal_chooses_another_or_ends(product_wired: None) -> None:
    pilot = brokerage.broker_in_pilot()
    brokerage.broker_in_pilot(by=jiang(), title="江岸的批次（示例）")
    demand, supply = brokerage.active(), brokerage.active("supply")
    unsigned = brokerage.offered(scope="industries", industries=("health",))
    left(pilot)
    for each in (demand, supply, unsigned):
        each.refresh_from_db()
    assert [demand.state, supply.state, unsigned.state] == ["handing_over", "handing_over", "withdrawn"]
    later, other = START + timedelta(days=31), jiang().organization_id
    assert other is not None
    with pytest.raises(NotAllowed):
        services.hand_over(by=hong(), at=later, mandate_id=demand.pk, broker_id=other)
    with pytest.raises(NotAllowed):
        services.end_mandate(by=hong(), at=later, mandate_id=supply.pk, reason="由我方终止")
    with pytest.raises(InvalidInput):
        services.hand_over(by=cast.zhou(), at=later, mandate_id=demand.pk, broker_id=demand.broker_id)
    new = services.hand_over(by=cast.zhou(), at=later, mandate_id=demand.pk, broker_id=other)
    assert (new.state, new.follows_id, new.commission_bp, new.ends_at) == ("offered", demand.pk, 250, END)
    assert new.signatures.count() == 0  # nothing passes without both signing anew
    services.end_mandate(by=cast.lin(), at=later, mandate_id=supply.pk, reason="不再委托")
    for each in (demand, supply):
        each.refresh_from_db()
    assert [demand.state, supply.state] == ["ended", "ended"]
    brokerage.signed_by(new, cast.zhou(), jiang(), at=later)
    assert new.state == MandateState.ACTIVE


def test_after_the_exit_nothing_new_is_matched_but_confirmed_deals_still_earn(product_wired: None) -> None:
    pilot = brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    left(pilot)
    with pytest.raises(services.MandateNotInForce):
        brokerage.recorded(deal.match.mandate, market.listed(), at=START + timedelta(days=31))
    brokerage.settle(deal.order, at=START + timedelta(days=32))
    assert wallet(hong()) == "1700.00"
