"""Commission to the fen, scopes, fit, and how long records are kept."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from exchange.brokers import rules
from exchange.brokers.rules import Offer, Reach, Wish
from kernel.money import Money

PRICE = Money.from_yuan("68000.00")
fen = st.integers(1, 10**12)


def test_a_share_is_floored_once_to_the_fen() -> None:
    assert rules.commission(PRICE, basis_points=250, fixed=Money(0)) == Money.from_yuan("1700.00")
    assert rules.commission(Money(1_01), basis_points=99, fixed=Money(0)) == Money(0)
    assert rules.commission(Money(101_01), basis_points=100, fixed=Money(0)) == Money(1_01)


def test_a_fixed_commission_is_the_same_whatever_the_price() -> None:
    assert rules.commission(PRICE, basis_points=0, fixed=Money(500_00)) == Money(500_00)


@given(fen, st.integers(1, rules.MOST_COMMISSION_BP))
def test_a_share_never_exceeds_the_exact_one_by_a_fen_or_falls_short_by_one(price: int, share: int) -> None:
    found = rules.commission(Money(price), basis_points=share, fixed=Money(0)).fen
    assert found * 10_000 <= price * share < (found + 1) * 10_000


@given(fen, fen, st.integers(0, rules.MOST_OF_PRICE_BP))
def test_what_a_reduced_price_earns_is_covered_by_what_is_released(price: int, left: int, share: int) -> None:
    whole, kept = Money(price).share(share, 10_000), Money(min(price, left))
    found = rules.earned(whole, price=Money(price), kept=kept)
    assert found.fen * price <= whole.fen * kept.fen < (found.fen + 1) * price
    assert found <= kept - kept.share(200, 10_000)
    assert rules.earned(whole, price=Money(price), kept=Money(price)) == whole


@given(fen, st.integers(0, 10**11), st.lists(st.integers(1, 10**9), max_size=8))
def test_refunds_give_back_shares_that_add_up_to_the_whole(price: int, whole: int, parts: list[int]) -> None:
    refunded = returned = 0
    for part in [*parts, price]:
        amount = min(part, price - refunded)
        if not amount:
            continue
        refunded += amount
        back = rules.given_back(
            Money(whole), price=Money(price), refunded=Money(refunded), returned=Money(returned)
        ).fen
        assert back >= 0
        returned += back
        assert returned == whole * refunded // price
    assert returned == whole


def test_scopes_overlap_where_one_product_could_be_meant_by_both() -> None:
    all_, commerce = Reach("all"), Reach("industries", frozenset({"commerce"}))
    health = Reach("industries", frozenset({"health"}))
    shop, clinic = Reach("products", products={"1": "commerce"}), Reach("products", products={"2": "health"})
    assert rules.overlap(all_, clinic)
    assert rules.overlap(commerce, shop)
    assert rules.overlap(shop, commerce)
    assert not rules.overlap(commerce, health)
    assert not rules.overlap(commerce, clinic)
    assert not rules.overlap(shop, clinic)
    assert rules.overlap(shop, Reach("products", products={"1": "commerce", "2": "health"}))


OFFER = Offer(industry="commerce", modality="text", labels=frozenset({"正面", "负面"}), price_from=PRICE)


def test_every_wished_part_counts_and_is_named() -> None:
    wish = Wish(
        industries=frozenset({"commerce"}), modality="text", labels=("正面", "讽刺"), budget=Money(1_00)
    )
    found = rules.fit(wish, OFFER)
    assert [(each.key, each.points, each.most) for each in found.reasons] == [
        ("industry", 30, 30), ("modality", 20, 20), ("labels", 15, 30), ("budget", 0, 20),
    ]  # fmt: skip
    assert found.score == 65


def test_parts_that_were_not_wished_do_not_count() -> None:
    assert rules.fit(Wish(modality="text"), OFFER).score == 100
    assert rules.fit(Wish(labels=("正面", "讽刺", "中性")), OFFER).score == 33
    assert rules.fit(Wish(), OFFER) == rules.Fit(0, ())


def test_a_price_equal_to_the_budget_is_within_it() -> None:
    assert rules.fit(Wish(budget=PRICE), OFFER).score == 100
    assert rules.fit(Wish(budget=Money(PRICE.fen - 1)), OFFER).score == 0


def test_records_are_kept_three_years_at_least_and_longer_where_configured() -> None:
    assert rules.years_kept("review", {"review": 1}) == 3
    assert rules.years_kept("review", {"review": 5}) == 5
    assert rules.years_kept("transaction", {"review": 5}) == 3
    late = datetime(2028, 2, 28, 17, 0, tzinfo=UTC)  # 29 February in Shanghai
    assert rules.keep_until(late, 3) == date(2031, 2, 28)


def test_percentages_read_as_people_write_them() -> None:
    assert [rules.percent(bp) for bp in (250, 2_000, 5, 100)] == ["2.5%", "20%", "0.05%", "1%"]
