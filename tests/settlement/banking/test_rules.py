"""What does not match, and why: told for every combination of amounts, the same by rules and by the database."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db.models import BigIntegerField, Value
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from exchange.trading.models import Order
from settlement.banking import rules, selectors
from settlement.banking.rules import Expected, LineFacts, OrderFacts, gaps, standing, suggest
from settlement.banking.states import Gap, MatchKind, Standing
from settlement.payments.rules import virtual_account
from tests import cast
from tests.exchange import market

NOBODY = UUID(int=1)
SMALL = st.integers(0, 4)
FACTS = st.builds(
    OrderFacts,
    booked=SMALL, returned=SMALL, refunded=SMALL, released=SMALL, invoiced=SMALL, credited=SMALL, received=SMALL,
    paid_back=SMALL, price=SMALL, is_cancelled=st.booleans(), is_delivered=st.booleans(), is_accepted=st.booleans(),
)  # fmt: skip


def test_an_order_whose_money_and_invoices_agree_is_matched() -> None:
    facts = OrderFacts(booked=68, released=68, invoiced=68, received=68, is_delivered=True, is_accepted=True)
    assert gaps(facts) == []
    assert standing([]) == Standing.MATCHED


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"received": 0}, [(Gap.RECEIPT_MISSING, 68)]),
        ({"received": 60}, [(Gap.RECEIPT_SHORT, 8)]),
        ({"received": 70}, [(Gap.OVERPAID, 2)]),
        ({"booked": 0, "released": 0, "invoiced": 0}, [(Gap.RECEIPT_UNBOOKED, 68)]),
        ({"booked": 0, "released": 0, "invoiced": 0, "price": 70}, [(Gap.RECEIPT_PARTIAL, 2)]),
        ({"invoiced": 0}, [(Gap.NOT_INVOICED, 68)]),
        ({"invoiced": 50}, [(Gap.INVOICE_SHORT, 18)]),
        ({"refunded": 8}, [(Gap.REFUND_UNPAID, 8), (Gap.CREDIT_MISSING, 8)]),
        ({"refunded": 8, "paid_back": 8, "credited": 8}, []),
        ({"refunded": 8, "paid_back": 9, "credited": 8}, [(Gap.REFUND_OVERPAID, 1)]),
        ({"refunded": 68, "paid_back": 68, "credited": 68}, []),
        ({"is_accepted": False, "released": 0, "invoiced": 0}, [(Gap.NOT_ACCEPTED, 68)]),
        (
            {"is_delivered": False, "is_accepted": False, "released": 0, "invoiced": 0},
            [(Gap.NOT_DELIVERED, 68)],
        ),
    ],
)
def test_each_difference_is_told_with_its_amount(
    changed: dict[str, Any], told: list[tuple[Gap, int]]
) -> None:
    whole = {
        "booked": 68,
        "released": 68,
        "invoiced": 68,
        "received": 68,
        "is_delivered": True,
        "is_accepted": True,
    }
    found = gaps(OrderFacts(**{**whole, **changed}))
    assert found == told
    waiting = {Gap.NOT_ACCEPTED, Gap.NOT_DELIVERED}
    wanted = (
        Standing.MATCHED if not told else Standing.WAITING if told[0][0] in waiting else Standing.UNMATCHED
    )
    assert standing(found) == wanted


@given(FACTS)
def test_an_order_matches_only_when_every_sum_agrees(facts: OrderFacts) -> None:
    found = dict(gaps(facts))
    assert all(fen > 0 for gap, fen in found.items() if gap != Gap.UNPAID)
    assert list(found) == [gap for gap in Gap if gap in found]
    if standing(gaps(facts)) == Standing.MATCHED and not facts.is_cancelled:
        assert facts.received == facts.booked > 0
        assert facts.paid_back == facts.returned + facts.refunded
        assert facts.stands == facts.keeps or not facts.released or facts.keeps <= 0


class TheDatabaseAgrees(TestCase):
    """The conditions in SQL say what the rules say."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.order = market.contracted()

    @hypothesis_settings(max_examples=150, deadline=None)
    @given(FACTS)
    def test_for_all_amounts(self, facts: OrderFacts) -> None:
        sums = {
            f"{name}_sum": Value(getattr(facts, name), output_field=BigIntegerField())
            for name in (
                "booked",
                "returned",
                "refunded",
                "released",
                "invoiced",
                "credited",
                "received",
                "paid_back",
                "price",
            )
        }
        rows = Order.objects.filter(pk=self.order.pk)
        rows = rows.annotate(
            **sums, keeps=Value(facts.keeps, BigIntegerField()), stands=Value(facts.stands, BigIntegerField())
        )
        Order.objects.filter(pk=self.order.pk).update(
            state="cancelled" if facts.is_cancelled else "contracted",
            delivered_at=cast.NOON if facts.is_delivered else None,
            accepted_at=cast.NOON if facts.is_accepted else None,
        )
        told = {gap for gap in Gap if rows.filter(selectors.CONDITIONS[gap]).exists()}
        assert told == {gap for gap, _fen in gaps(facts)}
        [rank] = rows.annotate(rank=selectors.rank()).values_list("rank", flat=True)
        assert rank == selectors.RANKS[standing(gaps(facts))]


# --- suggestions -------------------------------------------------------------------------------


def expected(**told: Any) -> Expected:
    return Expected(
        **{
            "kind": MatchKind.RECEIPT,
            "target_id": NOBODY,
            "order_id": NOBODY,
            "label": "DD-2026-0000001-X",
            "amount": 6_800_000,
            "numbers": ("DD-2026-0000001-X", "ZF-2026-0000001-3"),
            "party_name": "云山智能（示例）有限公司",
            "party_uscc": "91440101MA5000002T",
            "virtual_account": "440020260000001",
            **told,
        }
    )


@pytest.mark.parametrize(
    ("line", "score", "reasons"),
    [
        (LineFacts(6_800_000), 40, ("amount",)),
        (LineFacts(6_800_000, "货款 dd20260000001x"), 75, ("amount", "number")),
        (
            LineFacts(6_800_000, "ZF-2026-0000001-3", "云山智能(示例)有限公司"),
            90,
            ("amount", "number", "name"),
        ),
        (LineFacts(100, "", "", "", "440020260000001"), 35, ("virtual_account",)),
        (LineFacts(100, "", "", "91440101MA5000002T"), 20, ("uscc",)),
        (LineFacts(6_800_000, "", "云山智能"), 48, ("amount", "name_part")),
    ],
)
def test_a_suggestion_says_what_speaks_for_it(line: LineFacts, score: int, reasons: tuple[str, ...]) -> None:
    [found] = suggest(line, [expected()])
    assert (found.score, found.reasons) == (score, reasons)
    assert found.is_exact == (score >= 75)


def test_nothing_is_suggested_against_the_direction_or_without_a_reason() -> None:
    assert suggest(LineFacts(-6_800_000), [expected()]) == []
    assert suggest(LineFacts(100, "服务费", "另一家公司"), [expected()]) == []
    assert suggest(LineFacts(6_800_000), [expected(amount=0)]) == []


@given(st.integers(2020, 2099), st.integers(0, 9_999_999), st.sampled_from("0123456789ABCX"))
def test_a_virtual_account_leads_back_to_its_order(year: int, serial: int, check: str) -> None:
    number = f"DD-{year}-{serial:07d}-{check}"
    account = virtual_account("4400", number)
    assert number.startswith(rules.order_of_virtual_account("4400", account))
    assert rules.numbers_in(f"付 {number.replace('-', ' ')} 款") == [number]
    assert virtual_account("", number) == rules.order_of_virtual_account("", account) == ""
