"""Entries in two phases: reserved, then posted, voided or expired; pending and posted amounts are kept apart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from kernel import events
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import holds, selectors, services, tasks
from settlement.ledger.events import HoldDue
from settlement.ledger.models import Account, Entry, Hold
from tests import cast
from tests.settlement.ledger import books

NOON = cast.NOON
END = NOON + timedelta(days=7)
BY = Actor.system("测试")
pytestmark = pytest.mark.django_db


def held(fen: int, key: str = "hold-1") -> Hold:
    """An amount reserved out of the firm's wallet for the bank."""
    transfer = services.Transfer(books.wallet(), books.bank(), Money(fen))
    return holds.reserve(key=key, kind="test", fact=books.firm(), transfer=transfer, at=NOON, expires_at=END)


def told(account: Account) -> tuple[int, int, int]:
    account.refresh_from_db()
    return account.posted_fen, account.pending_out_fen, account.pending_in_fen


@pytest.fixture
def funded() -> None:
    books.move("in", books.bank(), books.wallet(), 1_000)


@pytest.mark.usefixtures("funded")
def test_a_hold_moves_no_money_but_the_floor_counts_it() -> None:
    hold = held(700)
    assert (hold.state, hold.entry) == ("pending", None)
    assert told(books.wallet()) == (1_000, 700, 0)
    assert told(books.bank()) == (-1_000, 0, 700)
    assert books.wallet().available_fen == 300
    with pytest.raises(services.InsufficientBalance), transaction.atomic():
        books.move("out", books.wallet(), books.bank(), 301)
    with pytest.raises(services.InsufficientBalance), transaction.atomic():
        held(301, "hold-2")
    books.move("out", books.wallet(), books.bank(), 300)
    assert told(books.wallet()) == (700, 700, 0)
    assert selectors.prove().is_sound


@pytest.mark.usefixtures("funded")
def test_money_that_is_only_expected_cannot_be_spent() -> None:
    back = services.Transfer(books.bank(), books.wallet(), Money(500))
    holds.reserve(key="in-2", kind="test", fact=books.firm(), transfer=back, at=NOON, expires_at=END)
    assert told(books.wallet()) == (1_000, 0, 500)
    with pytest.raises(services.InsufficientBalance), transaction.atomic():
        books.move("out", books.wallet(), books.bank(), 1_001)


@pytest.mark.usefixtures("funded")
@pytest.mark.parametrize("fen", [1, 400, 700])
def test_a_hold_is_posted_once_wholly_or_in_part_and_the_rest_is_let_go(fen: int) -> None:
    hold = held(700)
    entry = holds.post(by=BY, at=NOON, hold_id=hold.pk, amount=Money(fen))
    assert holds.post(by=BY, at=END, hold_id=hold.pk, amount=Money(fen)) == entry
    assert told(books.wallet()) == (1_000 - fen, 0, 0)
    assert told(books.bank()) == (fen - 1_000, 0, 0)
    hold.refresh_from_db()
    assert (hold.state, hold.posted_fen, hold.entry, hold.ended_at) == ("posted", fen, entry, NOON)
    assert (entry.fact_id, entry.kind) == (hold.fact_id, hold.kind)
    with pytest.raises(holds.HoldEnded):
        holds.post(by=BY, at=NOON, hold_id=hold.pk, amount=Money(fen + 1))
    with pytest.raises(holds.HoldEnded):
        holds.void(by=BY, at=NOON, hold_id=hold.pk)
    assert holds.expire(by=BY, at=END, hold_id=hold.pk).state == "posted"
    connection.check_constraints()
    assert selectors.prove().is_sound


@pytest.mark.usefixtures("funded")
@pytest.mark.parametrize("fen", [0, 701])
def test_more_than_was_reserved_or_nothing_is_not_posted(fen: int) -> None:
    hold = held(700)
    with pytest.raises(holds.HoldTooSmall):
        holds.post(by=BY, at=NOON, hold_id=hold.pk, amount=Money(fen))
    assert told(books.wallet()) == (1_000, 700, 0)


@pytest.mark.usefixtures("funded")
def test_a_voided_hold_gives_the_amount_free_and_is_never_posted() -> None:
    hold = held(700)
    for _twice in range(2):
        assert holds.void(by=BY, at=NOON, hold_id=hold.pk).state == "voided"
    assert told(books.wallet()) == (1_000, 0, 0)
    with pytest.raises(holds.HoldEnded):
        holds.post(by=BY, at=NOON, hold_id=hold.pk)
    assert Entry.objects.count() == 1
    moves = Transition.objects.filter(machine="ledger_hold").values_list("move", "from_state", "to_state")
    assert list(moves) == [("void", "pending", "voided")]


@pytest.mark.usefixtures("funded")
def test_the_last_moment_counts_as_over_and_the_minutes_task_lets_go_what_is_due() -> None:
    early, late = held(100), held(200, "hold-2")
    holds.post(by=BY, at=END - timedelta(microseconds=1), hold_id=early.pk)
    with pytest.raises(holds.HoldEnded):
        holds.post(by=BY, at=END, hold_id=late.pk)
    assert holds.expire_due(by=BY, at=END - timedelta(microseconds=1)) == 0
    assert holds.expire_due(by=BY, at=END) == 1
    late.refresh_from_db()
    assert (late.state, late.ended_at) == ("expired", END)
    assert told(books.wallet()) == (900, 0, 0)
    assert tasks.expire_holds() == 0


@pytest.mark.usefixtures("funded")
def test_one_hold_that_cannot_expire_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, free = held(100), held(200, "hold-2")

    def refuse(event: HoldDue) -> None:
        assert event.hold_id != stuck.pk

    monkeypatch.setattr(events, "_handlers", {HoldDue: (refuse,)})
    assert holds.expire_due(by=BY, at=END) == 1
    assert dict(Hold.objects.values_list("pk", "state")) == {stuck.pk: "pending", free.pk: "expired"}
    assert told(books.wallet()) == (1_000, 100, 0)


@pytest.mark.usefixtures("funded")
def test_the_same_key_and_content_gives_the_hold_that_is_there() -> None:
    first = held(700)
    assert held(700) == first
    with pytest.raises(services.EntryKeyReused):
        held(699)
    assert told(books.wallet()) == (1_000, 700, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("funded")
def test_of_sixteen_threads_that_end_a_hold_one_does() -> None:
    hold = held(700)

    def end(number: int) -> object:
        if number % 2:
            return holds.void(by=BY, at=NOON, hold_id=hold.pk).state
        return holds.post(by=BY, at=NOON, hold_id=hold.pk).pk

    results = books.at_once(16, end)
    hold.refresh_from_db()
    refused = [each for each in results if isinstance(each, holds.HoldEnded)]
    assert len(refused) == 8
    left = 300 if hold.state == "posted" else 1_000
    assert told(books.wallet()) == (left, 0, 0)
    assert selectors.prove().is_sound


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("funded")
def test_racing_reservations_stop_at_the_floor() -> None:
    results = books.at_once(16, lambda number: held(100, f"hold-{number}"))
    assert sum(isinstance(each, Hold) for each in results) == 10
    assert sum(isinstance(each, services.InsufficientBalance) for each in results) == 6
    assert told(books.wallet()) == (1_000, 1_000, 0)


_ROW = """INSERT INTO ledger_hold (id, recorded_at, key, fingerprint, kind, fact_type, fact_id, memo, source_id,
            destination_id, amount_fen, posted_fen, reserved_at, expires_at, state)
          SELECT gen_random_uuid(), now(), 'raw', '', kind, fact_type, fact_id, '', source_id, destination_id,
            {amount}, 0, reserved_at, expires_at, '{state}' FROM ledger_hold"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("funded")
@pytest.mark.parametrize(
    ("what", "statement", "reason"),
    [
        ("a changed amount", "UPDATE ledger_hold SET amount_fen = 1", "Cannot update"),
        ("a later end", "UPDATE ledger_hold SET expires_at = expires_at + interval '1 day'", "Cannot update"),
        ("another account", "UPDATE ledger_hold SET source_id = destination_id", "Cannot update"),
        ("a removed hold", "DELETE FROM ledger_hold", "Cannot delete"),
        (
            "an unknown state",
            "UPDATE ledger_hold SET state = 'gone', ended_at = now()",
            "hold_ends_as",
        ),
        ("an end without its time", "UPDATE ledger_hold SET state = 'voided'", "hold_ends_as"),
        (
            "an early expiry",
            "UPDATE ledger_hold SET state = 'expired', ended_at = expires_at - interval '1 second'",
            "hold_ends_as",
        ),
        (
            "posted without an entry",
            "UPDATE ledger_hold SET state = 'posted', posted_fen = 700, ended_at = reserved_at",
            "hold_ends_as",
        ),
        (
            "posted as another entry",
            "UPDATE ledger_hold SET state = 'posted', posted_fen = 700, ended_at = reserved_at,"
            " entry_id = (SELECT id FROM ledger_entry LIMIT 1)",
            "not posted as it says",
        ),
        (
            "posted with more than was reserved",
            "UPDATE ledger_hold SET state = 'posted', posted_fen = 701, ended_at = reserved_at,"
            " entry_id = (SELECT id FROM ledger_entry LIMIT 1)",
            "hold_ends_as",
        ),
        ("a hold that begins ended", _ROW.format(amount=1, state="voided"), "Cannot insert"),
        ("a hold of nothing", _ROW.format(amount=0, state="pending"), "hold_sound"),
        ("a hold below the floor", _ROW.format(amount=301, state="pending"), "account_above_floor"),
        ("a changed pending sum", "UPDATE ledger_account SET pending_out_fen = 0", "Cannot update"),
        (
            "an account that opens with pending money",
            "INSERT INTO ledger_account (id, recorded_at, purpose, stripe, posted_fen, pending_in_fen,"
            " pending_out_fen) VALUES (gen_random_uuid(), now(), 'bank', 7, 0, 1, 0)",
            "Cannot insert",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 45 and "UPDATE" not in value else "",
)
def test_raw_sql_cannot_break_a_hold(what: str, statement: str, reason: str) -> None:
    held(700)
    with pytest.raises(DatabaseError, match=reason), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert told(books.wallet()) == (1_000, 700, 0)
    assert selectors.prove().is_sound


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("funded")
def test_what_has_ended_stays_as_it_is_and_raw_sql_cannot_turn_it_back() -> None:
    holds.void(by=BY, at=NOON, hold_id=held(700).pk)
    statement = "UPDATE ledger_hold SET state = 'pending', ended_at = NULL"
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        connection.cursor().execute(statement)
    assert told(books.wallet()) == (1_000, 0, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("funded")
def test_the_proof_finds_a_pending_sum_that_was_changed_behind_the_triggers() -> None:
    held(700)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE ledger_account SET pending_in_fen = 1 WHERE purpose = 'wallet'")
        cursor.execute("SET session_replication_role = DEFAULT")
    found = selectors.prove().differences
    assert [(each.check, each.expected, each.found) for each in found] == [
        ("pending_equals_holds", "700 / 0", "700 / 1")
    ]
