"""Posting, replaying, reversing, and what the ledger refuses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction

from kernel.money import Money
from kernel.periods import Period
from settlement.ledger import selectors, services
from settlement.ledger.models import Account, Entry, Posting, Purpose
from tests import cast
from tests.settlement.ledger import books

pytestmark = pytest.mark.django_db


def check_deferred() -> None:
    """Let the constraints that wait for commit speak now."""
    connection.check_constraints()


def test_an_entry_moves_money_and_names_its_fact() -> None:
    entry = books.move("pay-1", books.bank(), books.escrow(), 10_000)
    check_deferred()
    assert (entry.fact_type, entry.fact_id) == ("organizations.Organization", books.firm().pk)
    assert books.bank().posted_fen == -10_000
    assert books.escrow().posted_fen == 10_000
    assert entry.recorded_at is not None
    assert selectors.prove().is_sound


def test_transfers_of_one_entry_are_netted_to_one_leg_per_account() -> None:
    books.move("pay-1", books.bank(), books.escrow(), 10_000)
    fees = services.account(purpose=Purpose.FEES)
    entry = services.post(
        key="release-1",
        kind="release",
        fact=books.firm(),
        transfers=[
            services.Transfer(books.escrow(), fees, Money(200)),
            services.Transfer(books.escrow(), books.wallet(), Money(9_800)),
        ],
        at=cast.NOON,
    )
    legs = {leg.account.purpose: leg.amount_fen for leg in entry.postings.select_related("account")}
    assert legs == {"escrow": -10_000, "fees": 200, "wallet": 9_800}


def test_posting_takes_one_statement(django_assert_num_queries: object) -> None:
    source, destination, fact = books.bank(), books.escrow(), books.firm()
    transfer = services.Transfer(source, destination, Money(5))
    with django_assert_num_queries(1):  # type: ignore[operator]
        services.post(key="one", kind="test", fact=fact, transfers=[transfer], at=cast.NOON)


def test_many_accounts_are_found_in_one_query(django_assert_num_queries: object) -> None:
    books.wallet(), books.escrow(), books.bank()
    wanted = [
        services.Address(Purpose.WALLET, books.firm().pk),
        services.Address(Purpose.ESCROW, books.buyer().pk),
        services.Address(Purpose.BANK),
    ]
    with django_assert_num_queries(1):  # type: ignore[operator]
        found = services.accounts(wanted)
    assert [found[address].pk for address in wanted] == [
        books.wallet().pk,
        books.escrow().pk,
        books.bank().pk,
    ]


def test_the_same_key_and_content_gives_the_entry_that_is_there() -> None:
    first = books.move("pay-1", books.bank(), books.escrow(), 10_000)
    again = books.move("pay-1", books.bank(), books.escrow(), 10_000)
    assert again == first
    assert books.escrow().posted_fen == 10_000
    assert Entry.objects.count() == 1


def test_a_retry_at_a_later_moment_is_the_same_posting() -> None:
    transfer = services.Transfer(books.bank(), books.escrow(), Money(100))
    posts = [
        services.post(key="k", kind="test", fact=books.firm(), transfers=[transfer], at=cast.NOON + delay)
        for delay in (timedelta(0), timedelta(hours=1))
    ]
    assert posts[0] == posts[1]
    assert posts[1].effective_at == cast.NOON


@pytest.mark.parametrize("fen", [9_999, 10_001])
def test_the_same_key_with_other_content_is_refused(fen: int) -> None:
    books.move("pay-1", books.bank(), books.escrow(), 10_000)
    with pytest.raises(services.EntryKeyReused), transaction.atomic():
        books.move("pay-1", books.bank(), books.escrow(), fen)
    assert books.escrow().posted_fen == 10_000


def test_an_account_never_falls_below_its_floor() -> None:
    books.move("in", books.bank(), books.wallet(), 500)
    with pytest.raises(services.InsufficientBalance), transaction.atomic():
        books.move("out", books.wallet(), books.bank(), 501)
    assert books.wallet().posted_fen == 500
    assert not Entry.objects.filter(key="out").exists()
    books.move("out", books.wallet(), books.bank(), 500)
    assert books.wallet().posted_fen == 0


@pytest.mark.parametrize("fen", [0, -1])
def test_a_transfer_that_moves_nothing_or_backwards_is_a_mistake(fen: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        books.move("x", books.bank(), books.wallet(), fen)


def test_a_reversal_mirrors_its_entry_and_happens_once() -> None:
    entry = books.move("pay-1", books.bank(), books.escrow(), 10_000)
    reversal = services.reverse(entry=entry, at=cast.NOON)
    assert services.reverse(entry=entry, at=cast.NOON + timedelta(days=1)) == reversal
    check_deferred()
    assert books.escrow().posted_fen == books.bank().posted_fen == 0
    assert reversal.reverses == entry
    with pytest.raises(services.AlreadyReversed):
        services.reverse(entry=reversal, at=cast.NOON)


def test_a_reversal_needs_what_is_to_be_given_back() -> None:
    entry = books.move("in", books.bank(), books.wallet(), 500)
    books.move("out", books.wallet(), books.bank(), 1)
    with pytest.raises(services.InsufficientBalance), transaction.atomic():
        services.reverse(entry=entry, at=cast.NOON)


def test_many_entries_are_posted_in_one_statement_all_or_none(django_assert_num_queries: object) -> None:
    def entries(*amounts: int) -> list[services.NewEntry]:
        return [
            services.NewEntry(
                key=f"run-{number}",
                kind="test",
                fact=fact,
                transfers=[services.Transfer(source, destination, Money(fen))],
                at=cast.NOON,
            )
            for number, fen in enumerate(amounts)
        ]

    source, destination, fact = books.bank(), books.wallet(), books.firm()
    with django_assert_num_queries(1):  # type: ignore[operator]
        posted = services.post_many(entries(1, 2, 3))
    assert [entry.key for entry in posted] == ["run-0", "run-1", "run-2"]
    assert services.post_many(entries(1, 2, 3)) == posted
    assert [entry.pk for entry in services.post_many(entries(1, 2, 3, 4))][:3] == [
        entry.pk for entry in posted
    ]
    assert books.wallet().posted_fen == 10
    with pytest.raises(services.EntryKeyReused), transaction.atomic():
        services.post_many([*entries(1, 2, 3, 4, 5)[3:], *entries(7)])
    assert books.wallet().posted_fen == 10
    assert selectors.prove().is_sound


def test_an_account_is_opened_once_for_its_owner_and_purpose() -> None:
    assert books.wallet() == books.wallet()
    assert services.account(purpose=Purpose.BANK, stripe=3) != books.bank()
    assert Account.objects.filter(purpose=Purpose.BANK).count() == 2


def test_balances_can_be_told_as_of_any_moment() -> None:
    for day in range(3):
        services.post(
            key=f"day-{day}",
            kind="test",
            fact=books.firm(),
            transfers=[services.Transfer(books.bank(), books.wallet(), Money(100))],
            at=cast.NOON + timedelta(days=day),
        )
    told = [
        selectors.balance_of(
            organization=books.firm(), purpose=Purpose.WALLET, before=cast.NOON + timedelta(days=day)
        )
        for day in range(4)
    ]
    assert told == [Money(0), Money(100), Money(200), Money(300)]
    assert selectors.balance_of(organization=books.firm(), purpose=Purpose.WALLET) == Money(300)
    assert selectors.balance_of(purpose=Purpose.BANK) == Money(-300)
    assert selectors.balance_of(
        purpose=Purpose.BANK, recorded_before=cast.NOON - timedelta(days=9999)
    ) == Money(0)
    asof = selectors.trial_balance(before=cast.NOON + timedelta(days=1))
    assert [(row.purpose, row.debit_fen, row.credit_fen) for row in asof.rows] == [
        (Purpose.BANK, 100, 0),
        (Purpose.WALLET, 0, 100),
    ]


def test_stripes_of_a_platform_account_add_up() -> None:
    for stripe in range(4):
        bank = services.account(purpose=Purpose.BANK, stripe=stripe)
        books.move(f"stripe-{stripe}", bank, books.wallet(), 10)
    assert selectors.balance_of(purpose=Purpose.BANK) == Money(-40)
    row = selectors.trial_balance().rows[0]
    assert (row.purpose, row.account_count, row.debit_fen) == (Purpose.BANK, 4, 40)


def test_a_statement_shows_the_balance_after_each_line() -> None:
    for number, fen in enumerate((100, 50, 25)):
        services.post(
            key=f"in-{number}",
            kind="test",
            fact=books.firm(),
            transfers=[services.Transfer(books.bank(), books.wallet(), Money(fen))],
            at=cast.NOON + timedelta(days=number),
        )
    books.move("out", books.wallet(), books.bank(), 30)  # takes effect on the first day
    told = selectors.statement(books.wallet())
    assert [(line.posting.amount_fen, line.balance_fen) for line in told.lines] == [
        (25, 145), (50, 120), (-30, 70), (100, 100),
    ]  # fmt: skip
    assert (told.opening_fen, told.credit_fen, told.debit_fen, told.closing_fen) == (0, 175, 30, 145)
    later = Period(cast.NOON + timedelta(days=1), cast.NOON + timedelta(days=2))
    told = selectors.statement(books.wallet(), period=later)
    assert [(line.posting.amount_fen, line.balance_fen) for line in told.lines] == [(50, 120)]
    assert (told.opening_fen, told.closing_fen) == (70, 120)
    first = selectors.statement(books.wallet(), size=2)
    rest = selectors.statement(books.wallet(), size=2, parameters={"after": first.page.after})
    assert [line.balance_fen for line in (*first.lines, *rest.lines)] == [145, 120, 70, 100]


def test_the_trial_balance_has_two_equal_sides() -> None:
    books.move("in", books.bank(), books.escrow(), 12_345)
    books.move("release", books.escrow(), books.wallet(), 345)
    found = selectors.trial_balance()
    assert found.is_balanced
    assert (found.debit_fen, found.credit_fen) == (12_345, 12_345)


def test_every_leg_belongs_to_an_entry_that_balances() -> None:
    books.move("in", books.bank(), books.escrow(), 12_345)
    assert Posting.objects.count() == 2
    assert sum(leg.amount_fen for leg in Posting.objects.all()) == 0
