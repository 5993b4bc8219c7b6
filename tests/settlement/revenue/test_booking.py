"""What was really received is booked once, by year, and always equals its recomputation."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assets.registry.models import Certificate
from assets.registry.states import CERTIFICATE
from exchange.trading.models import Order
from kernel.errors import InvalidInput, NotAllowed, SelfReview
from kernel.models import Transition
from kernel.money import Money
from organizations.models import Membership
from organizations.permissions import Actor
from settlement.revenue import selectors, services
from settlement.revenue.models import AnnualRevenue, RevenueLine
from settlement.revenue.states import Code
from tests import cast
from tests.settlement import trades

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("测试")
APRIL = datetime(2025, 4, 1, 4, 0, tzinfo=UTC)


def firm_id():
    return cast.organization(cast.QINGLAN).pk


def year(of: int = 2025) -> AnnualRevenue:
    return selectors.annual(firm_id(), of)


def assert_equal_to_recomputation(of: int = 2025) -> None:
    found = services.recompute(firm_id(), of)
    assert found.differences == []


def test_a_completed_sale_is_booked_without_vat_in_its_year() -> None:
    order = trades.sale("68000.00")
    (line,) = RevenueLine.objects.all()
    assert (line.order_id, line.year, line.net_fen, line.gross_fen) == (order.pk, 2025, 6_800_000, 7_208_000)
    assert line.exclusions == []
    assert line.fee_fen == -144_160  # 2 % of the gross
    kept = year()
    assert (kept.counted_fen, kept.receipts_fen, kept.excluded_fen, kept.line_count) == (
        6_800_000,
        6_800_000,
        0,
        1,
    )
    assert (kept.vat_fen, kept.fee_fen) == (408_000, -144_160)
    assert_equal_to_recomputation()


def test_the_evidence_names_all_that_the_line_rests_on() -> None:
    order = trades.sale("100.00")
    evidence = RevenueLine.objects.get().evidence
    order = Order.objects.select_related("contract", "filing", "delivery", "release", "payment").get(
        pk=order.pk
    )
    assert evidence["order"]["number"] == order.number
    assert evidence["contract"] == {"number": order.contract.number, "sha256": order.contract.text_sha256}
    assert evidence["voucher"]["number"] == order.filing.voucher_number
    assert evidence["delivery"]["root_hash"] == order.version.root_hash == evidence["version"]["root_hash"]
    assert evidence["certificate"]["number"] == order.certificate.number
    assert evidence["entries"] == {
        "escrow": str(order.payment.escrow_entry_id),
        "release": str(order.release.entry_id),
    }


def test_booking_twice_books_once() -> None:
    order = trades.sale("100.00")
    before = RevenueLine.objects.get()
    again = services.book_receipt(by=SYSTEM, at=APRIL, order_id=order.pk)
    assert again.pk == before.pk
    assert year().counted_fen == 10_000


def test_an_order_without_release_cannot_be_booked() -> None:
    order = trades.sale("100.00", completes=False)
    with pytest.raises(services.NothingReceived, match=order.number):
        services.book_receipt(by=SYSTEM, at=APRIL, order_id=order.pk)


def test_a_december_sale_with_january_money_belongs_to_the_new_year() -> None:
    trades.sale("100.00", at=datetime(2025, 12, 31, 4, 0, tzinfo=UTC))
    assert year(2025).counted_fen == 0
    assert year(2026).counted_fen == 10_000
    assert_equal_to_recomputation(2025)
    assert_equal_to_recomputation(2026)


def test_the_year_turns_at_midnight_in_shanghai() -> None:
    trades.sale("100.00", at=datetime(2025, 12, 30, 15, 59, 59, tzinfo=UTC))  # released 23:59:59 on the 31st
    trades.sale("200.00", at=datetime(2025, 12, 30, 16, 0, 0, tzinfo=UTC))  # released 00:00:00 on the 1st
    assert year(2025).counted_fen == 10_000
    assert year(2026).counted_fen == 20_000


def test_a_refund_in_a_later_year_reopens_the_year_of_the_receipt() -> None:
    order = trades.sale("1000.00")
    trades.refund(order, "400.00", at=datetime(2026, 2, 3, 4, 0, tzinfo=UTC))
    kept = year(2025)
    assert (kept.receipts_fen, kept.refunds_fen, kept.counted_fen, kept.line_count) == (
        100_000,
        -40_000,
        60_000,
        2,
    )
    assert year(2026).line_count == 0
    line = RevenueLine.objects.get(refund__isnull=False)
    assert line.evidence["refund"]["number"] == line.refund.number
    assert_equal_to_recomputation(2025)


def test_a_full_refund_takes_the_sale_to_nothing_without_excluding_it() -> None:
    order = trades.sale("1000.00")
    trades.refund(order, "1000.00", at=APRIL)
    kept = year()
    assert (kept.counted_fen, kept.excluded_fen, kept.refunds_fen) == (0, 0, -100_000)
    assert_equal_to_recomputation()


def test_a_refund_is_booked_once() -> None:
    order = trades.sale("1000.00")
    refund = trades.refund(order, "400.00", at=APRIL)
    services.book_refund(by=SYSTEM, at=APRIL, refund_id=refund.pk)
    assert year().refunds_fen == -40_000


def test_a_sale_whose_certificate_lapsed_before_signing_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = trades.sale("1000.00")
    certificate = Certificate.objects.get(pk=order.certificate_id)
    # The history says: revoked an hour before the contract was signed.
    CERTIFICATE.move(certificate, "revoke", by=SYSTEM, at=order.contracted_at - timedelta(hours=1))
    services.reassess(by=SYSTEM, at=APRIL, order_id=order.pk)
    assert RevenueLine.objects.get().exclusions == ["certificate"]
    assert (year().counted_fen, year().excluded_fen) == (0, 100_000)
    assert_equal_to_recomputation()


def test_a_certificate_revoked_after_the_sale_never_covered_it() -> None:
    order = trades.sale("1000.00")
    certificate = Certificate.objects.get(pk=order.certificate_id)
    CERTIFICATE.move(certificate, "revoke", by=SYSTEM, at=order.contracted_at + timedelta(days=9))
    assert services.reassess_certificate(by=SYSTEM, at=APRIL, certificate_id=certificate.pk) == 1
    assert RevenueLine.objects.get().exclusions == ["certificate"]
    assert (year().counted_fen, year().excluded_fen) == (0, 100_000)
    assert_equal_to_recomputation()


def test_a_certificate_that_ends_after_the_sale_changes_nothing() -> None:
    order = trades.sale("1000.00")
    certificate = Certificate.objects.get(pk=order.certificate_id)
    CERTIFICATE.move(certificate, "cancel", by=SYSTEM, at=order.contracted_at + timedelta(days=9))
    services.reassess(by=SYSTEM, at=APRIL, order_id=order.pk)
    assert year().counted_fen == 100_000
    assert Transition.objects.filter(subject_id=certificate.pk).count() == 1
    assert_equal_to_recomputation()


def test_a_reviewer_finds_a_trade_circular_and_takes_it_back() -> None:
    order = trades.sale("1000.00")
    trades.refund(order, "400.00", at=APRIL)
    ruling = services.rule_on_trade(
        by=cast.gu(), at=APRIL, order_id=order.pk, code="circular", is_excluded=True, reason="资金九日内回流"
    )
    assert ruling.ruler_label.startswith("Gu")
    kept = year()
    assert (kept.counted_fen, kept.excluded_fen, kept.vat_fen, kept.fee_fen) == (0, 60_000, 0, 0)
    (total,) = selectors.exclusion_totals(firm_id(), 2025)
    assert (total.code, total.line_count, total.net_fen) == (Code.CIRCULAR, 2, 60_000)
    assert_equal_to_recomputation()
    services.rule_on_trade(
        by=cast.gu(),
        at=APRIL + timedelta(days=1),
        order_id=order.pk,
        code="circular",
        is_excluded=False,
        reason="另一批数据",
    )
    assert year().counted_fen == 60_000
    assert_equal_to_recomputation()


def test_a_refund_of_an_excluded_sale_is_excluded_too() -> None:
    order = trades.sale("1000.00")
    services.rule_on_trade(
        by=cast.gu(),
        at=APRIL,
        order_id=order.pk,
        code="related_party",
        is_excluded=True,
        reason="同一法定代表人",
    )
    trades.refund(order, "400.00", at=APRIL)
    assert (year().counted_fen, year().excluded_fen) == (0, 60_000)
    assert_equal_to_recomputation()


@pytest.mark.parametrize("who", [cast.lin, cast.zhou, cast.yan, cast.mei])
def test_only_reviewers_rule(who) -> None:
    order = trades.sale("1000.00")
    with pytest.raises(NotAllowed):
        services.rule_on_trade(
            by=who(), at=APRIL, order_id=order.pk, code="circular", is_excluded=True, reason="理由"
        )
    assert year().counted_fen == 100_000


def test_a_ruling_needs_a_reason_and_a_reviewable_code() -> None:
    order = trades.sale("1000.00")
    for code, reason in (("circular", " "), ("venue", "理由")):
        with pytest.raises(InvalidInput):
            services.rule_on_trade(
                by=cast.gu(), at=APRIL, order_id=order.pk, code=code, is_excluded=True, reason=reason
            )


def test_a_party_to_the_trade_does_not_rule_on_it() -> None:
    order = trades.sale("1000.00")
    base = cast.organization(cast.BASE)
    Order.objects.filter(pk=order.pk).update(buyer=base)
    with pytest.raises(SelfReview):
        services.rule_on_trade(
            by=cast.gu(), at=APRIL, order_id=order.pk, code="circular", is_excluded=True, reason="理由"
        )


def test_a_member_of_a_party_does_not_rule_from_another_organization() -> None:
    order = trades.sale("1000.00")
    gu = cast.gu()
    Membership.objects.create(user=gu.user, organization=cast.organization(cast.QINGLAN), roles=["finance"])
    with pytest.raises(SelfReview):
        services.rule_on_trade(
            by=gu, at=APRIL, order_id=order.pk, code="circular", is_excluded=True, reason="理由"
        )
    assert year().counted_fen == 100_000


def test_a_program_rules_on_nothing_even_with_the_right() -> None:
    order = trades.sale("1000.00")
    key = replace(cast.gu(), scopes=frozenset({"revenue.rule", "revenue.see_all"}), name="密钥")
    with pytest.raises(services.PersonRules):
        services.rule_on_trade(
            by=key, at=APRIL, order_id=order.pk, code="circular", is_excluded=True, reason="理由"
        )
    assert year().counted_fen == 100_000


def test_months_and_the_yuan_in_its_place() -> None:
    first = trades.sale("100.00")
    second = trades.sale("50.00", at=APRIL)
    trades.refund(first, "40.00", at=datetime(2025, 6, 1, tzinfo=UTC))
    assert selectors.months(firm_id(), 2025)[2:4] == [6_000, 5_000]
    for fen, order in ((1, first), (6_000, first), (6_001, second), (11_000, second)):
        line = selectors.line_of_yuan(firm_id(), 2025, fen)
        assert line is not None
        assert line.order_id == order.pk
    assert selectors.line_of_yuan(firm_id(), 2025, 11_001) is None


def test_the_command_proves_equality_and_finds_a_changed_figure() -> None:
    trades.sale("100.00")
    out = io.StringIO()
    call_command("revenue_check", "--json", stdout=out)
    assert json.loads(out.getvalue())["unequal"] == []
    AnnualRevenue.objects.update(counted_fen=10_001, receipts_fen=10_001)
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("revenue_check", stdout=out)
    assert "counted_fen: kept 10001, recomputed 10000" in out.getvalue()


def test_kept_totals_must_add_up() -> None:
    from django.db import IntegrityError

    trades.sale("100.00")
    with pytest.raises(IntegrityError, match="annual_revenue_adds_up"):
        AnnualRevenue.objects.update(counted_fen=1)


def test_booking_one_receipt_takes_few_statements() -> None:
    order = trades.sale("100.00")
    RevenueLine.objects.all().delete()
    AnnualRevenue.objects.all().delete()
    AnnualRevenue.objects.create(firm_id=firm_id(), year=2025)
    with CaptureQueriesContext(connection) as seen:
        services.book_receipt(by=SYSTEM, at=APRIL, order_id=order.pk)
    assert len(seen) <= 14  # two of them open and close the savepoint of the test's transaction


def test_recomputing_a_year_takes_the_same_queries_whatever_its_size() -> None:
    trades.sale("100.00")
    with CaptureQueriesContext(connection) as few:
        services.recompute(firm_id(), 2025)
    for _each in range(3):
        trades.sale("100.00", at=APRIL)
    with CaptureQueriesContext(connection) as many:
        found = services.recompute(firm_id(), 2025)
    assert len(few) == len(many)
    assert found.amounts.counted_fen == Money.from_yuan(400).fen
