"""Raw SQL cannot break the books either; concurrency neither loses, doubles nor blocks."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from kernel.records import new_id
from settlement.ledger import selectors, services
from settlement.ledger.models import Account, Entry
from tests.settlement.ledger import books

pytestmark = pytest.mark.django_db(transaction=True)


def sql(*statements: str, **values: object) -> None:
    """Run statements in one transaction of their own."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values)


ENTRY = """INSERT INTO ledger_entry
           (id, recorded_at, key, fingerprint, kind, fact_type, fact_id, memo, effective_at)
           VALUES (%(entry)s, now(), %(entry)s::uuid::text, '', 'raw', '', %(entry)s, '', '2026-03-02')"""
LEG = "INSERT INTO ledger_posting (entry_id, account_id, amount_fen, effective_at) VALUES "


@pytest.fixture
def paid() -> Entry:
    return books.move("pay-1", books.bank(), books.escrow(), 10_000)


@pytest.fixture
def values(paid: Entry) -> dict[str, object]:
    return {"entry": new_id(), "old": paid.pk, "bank": books.bank().pk, "escrow": books.escrow().pk}


def test_a_balanced_raw_entry_is_taken_and_the_balances_follow(values: dict[str, object]) -> None:
    sql(
        ENTRY,
        f"{LEG} (%(entry)s, %(bank)s, -5, '2026-03-02'), (%(entry)s, %(escrow)s, 5, '2026-03-02')",
        **values,
    )
    assert books.escrow().posted_fen == 10_005
    assert selectors.prove().is_sound


@pytest.mark.parametrize(
    ("what", "statements", "reason"),
    [
        ("an entry without legs", [ENTRY], "has 0 legs"),
        ("one leg", [ENTRY, f"{LEG} (%(entry)s, %(bank)s, -5, '2026-03-02')"], "do not balance"),
        (
            "legs that do not sum to zero",
            [
                ENTRY,
                f"{LEG} (%(entry)s, %(bank)s, -5, '2026-03-02'), (%(entry)s, %(escrow)s, 4, '2026-03-02')",
            ],
            "do not balance: -1",
        ),
        (
            "a leg of nothing",
            [
                ENTRY,
                f"{LEG} (%(entry)s, %(bank)s, 0, '2026-03-02'), (%(entry)s, %(escrow)s, 0, '2026-03-02')",
            ],
            "posting_not_zero",
        ),
        (
            "later legs",
            [f"{LEG} (%(old)s, %(bank)s, -5, '2026-03-02'), (%(old)s, %(escrow)s, 5, '2026-03-02')"],
            "posting_account_once|own transaction only",
        ),
        (
            "legs at another time",
            [
                ENTRY,
                f"{LEG} (%(entry)s, %(bank)s, -5, '2026-03-03'), (%(entry)s, %(escrow)s, 5, '2026-03-02')",
            ],
            "another time",
        ),
        (
            "a false transaction id",
            [
                ENTRY.replace("effective_at)", "effective_at, transaction_id)").replace(
                    "'2026-03-02')", "'2026-03-02', 7)"
                ),
                f"{LEG} (%(entry)s, %(bank)s, -5, '2026-03-02'), (%(entry)s, %(escrow)s, 5, '2026-03-02')",
            ],
            "own transaction only",
        ),
        (
            "a reversal of another amount",
            [
                ENTRY.replace("effective_at)", "effective_at, reverses_id)").replace(
                    "'2026-03-02')", "'2026-03-02', %(old)s)"
                ),
                f"{LEG} (%(entry)s, %(escrow)s, -5, '2026-03-02'), (%(entry)s, %(bank)s, 5, '2026-03-02')",
            ],
            "does not mirror",
        ),
        (
            "a changed amount",
            ["UPDATE ledger_posting SET amount_fen = amount_fen * 2"],
            "Cannot update or delete",
        ),
        ("a removed leg", ["DELETE FROM ledger_posting"], "Cannot update or delete"),
        ("a changed entry", ["UPDATE ledger_entry SET memo = 'x'"], "Cannot update or delete"),
        ("a removed entry", ["DELETE FROM ledger_entry"], "Cannot update or delete"),
        ("a changed balance", ["UPDATE ledger_account SET posted_fen = posted_fen + 1"], "Cannot update"),
        ("a changed owner", ["UPDATE ledger_account SET purpose = 'wallet'"], "Cannot update"),
        ("a removed account", ["DELETE FROM ledger_account"], "Cannot delete"),
        (
            "an account that opens with money",
            [
                "INSERT INTO ledger_account (id, recorded_at, purpose, stripe, posted_fen)"
                " VALUES (%(entry)s, now(), 'bank', 7, 1)"
            ],
            "Cannot insert",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value and len(value) < 40 else "",
)
def test_raw_sql_cannot_break_the_books(
    what: str, statements: list[str], reason: str, values: dict[str, object]
) -> None:
    with pytest.raises(DatabaseError, match=reason):
        sql(*statements, **values)
    assert books.escrow().posted_fen == 10_000
    assert selectors.prove().is_sound


def test_constraints_made_immediate_open_no_gap(values: dict[str, object]) -> None:
    legs = f"{LEG} (%(entry)s, %(bank)s, -5, '2026-03-02'), (%(entry)s, %(escrow)s, 5, '2026-03-02')"
    third = services.account(organization=books.firm(), purpose="wallet").pk
    with pytest.raises(DatabaseError, match="do not balance"):
        sql(
            ENTRY, legs, "SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED",
            f"{LEG} (%(entry)s, %(third)s, 9, '2026-03-02')", third=third, **values,
        )  # fmt: skip
    assert selectors.prove().is_sound


def test_saving_an_account_read_earlier_cannot_turn_its_balance_back(paid: Entry) -> None:
    stale = books.escrow()
    books.move("pay-2", books.bank(), books.escrow(), 1)
    with pytest.raises(DatabaseError, match="Cannot update"):
        stale.save()
    assert books.escrow().posted_fen == 10_001


def test_sixteen_threads_with_the_same_key_make_one_entry() -> None:
    source, destination = books.bank(), books.wallet()
    results = books.at_once(16, lambda _number: books.move("same", source, destination, 700))
    assert {getattr(found, "pk", found) for found in results} == {Entry.objects.get().pk}
    assert books.wallet().posted_fen == 700


def test_sixteen_threads_with_other_content_under_one_key_make_one_entry() -> None:
    source, destination = books.bank(), books.wallet()
    results = books.at_once(16, lambda number: books.move("same", source, destination, number + 1))
    entry = Entry.objects.get()
    refused = [found for found in results if isinstance(found, services.EntryKeyReused)]
    assert len(refused) == 15
    assert books.wallet().posted_fen == results.index(entry) + 1


def test_opposite_transfers_at_the_same_time_do_not_deadlock() -> None:
    one, other = books.wallet(), books.escrow()
    books.move("one", books.bank(), one, 100_000)
    books.move("other", books.bank(), other, 100_000)

    def back_and_forth(number: int) -> None:
        pair = (one, other) if number % 2 else (other, one)
        for turn in range(25):
            books.move(f"{number}-{turn}", *pair, 1 + number)

    assert books.at_once(8, back_and_forth) == [None] * 8
    assert Account.objects.get(pk=one.pk).posted_fen + Account.objects.get(pk=other.pk).posted_fen == 200_000
    assert Entry.objects.count() == 202
    assert selectors.prove().is_sound


def test_racing_withdrawals_stop_at_the_floor() -> None:
    books.move("in", books.bank(), books.wallet(), 1_000)
    source, destination = books.wallet(), books.bank()
    results = books.at_once(16, lambda number: books.move(f"out-{number}", source, destination, 100))
    assert sum(isinstance(found, Entry) for found in results) == 10
    assert sum(isinstance(found, services.InsufficientBalance) for found in results) == 6
    assert books.wallet().posted_fen == 0


def test_the_first_use_of_an_account_by_many_opens_it_once() -> None:
    books.firm()
    results = books.at_once(8, lambda _number: books.wallet().pk)
    assert len(set(results)) == 1


def test_the_proof_finds_a_balance_that_was_changed_behind_the_triggers(paid: Entry) -> None:
    said = io.StringIO()
    call_command("ledger_prove", stdout=said)
    assert "The books are right." in said.getvalue()
    sql("ALTER TABLE ledger_account DISABLE TRIGGER USER")
    try:
        sql("UPDATE ledger_account SET posted_fen = 9 WHERE purpose = 'escrow'")
        said = io.StringIO()
        with pytest.raises(CommandError, match="1 places"):
            call_command("ledger_prove", "--json", stdout=said)
        found = json.loads(said.getvalue())
        assert found["is_sound"] is False
        assert found["differences"] == [
            {
                "check": "balance_equals_postings",
                "subject_id": str(books.escrow().pk),
                "expected": "10000",
                "found": "9",
            }
        ]
    finally:
        sql("ALTER TABLE ledger_account ENABLE TRIGGER USER")
