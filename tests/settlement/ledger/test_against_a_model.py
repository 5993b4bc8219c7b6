"""Random transfers, replays and reversals against a dictionary that does the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.money import Money
from settlement.ledger import rules, selectors, services
from settlement.ledger.models import Account, Entry, Purpose
from tests import cast
from tests.settlement.ledger import books

pytestmark = pytest.mark.django_db

NAMES = ("bank", "escrow", "wallet", "fees")
FEN = st.integers(1, 10**13)
PAIR = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] != pair[1])
STEP = st.one_of(
    st.tuples(st.just("transfer"), st.integers(0, 6), st.lists(st.tuples(PAIR, FEN), min_size=1, max_size=3)),
    st.tuples(st.just("reverse"), st.integers(0, 6), st.just([])),
)


@dataclass
class Model:
    """The books as a dictionary: what the ledger should say."""

    balances: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 0))
    posted: dict[int, dict[str, int]] = field(default_factory=dict)
    reversed: set[int] = field(default_factory=set)

    def apply(self, legs: dict[str, int]) -> bool:
        after = {name: self.balances[name] + legs.get(name, 0) for name in NAMES}
        if any(after[name] < 0 for name in legs if name != "bank"):
            return False
        self.balances = after
        return True


def netted(moves: list[tuple[tuple[str, str], int]]) -> dict[str, int]:
    legs: dict[str, int] = {}
    for (source, destination), fen in moves:
        legs[source] = legs.get(source, 0) - fen
        legs[destination] = legs.get(destination, 0) + fen
    return {name: fen for name, fen in legs.items() if fen}


def expected(model: Model, verb: str, number: int, legs: dict[str, int]) -> str:
    """What a step should lead to; the model is moved accordingly."""
    if verb == "reverse":
        if number in model.reversed:
            return "done"
        if not model.apply({name: -fen for name, fen in model.posted[number].items()}):
            return "InsufficientBalance"
        model.reversed.add(number)
        return "done"
    if number in model.posted:
        return "done" if model.posted[number] == legs else "EntryKeyReused"
    if not model.apply(legs):
        return "InsufficientBalance"
    model.posted[number] = legs
    return "done"


def outcome(
    accounts: dict[str, Account], verb: str, number: int, moves: list[tuple[tuple[str, str], int]]
) -> str:
    try:
        with transaction.atomic():
            if verb == "reverse":
                services.reverse(entry=Entry.objects.get(key=f"entry-{number}"), at=cast.NOON)
            else:
                transfers = [services.Transfer(accounts[s], accounts[d], Money(fen)) for (s, d), fen in moves]
                services.post(
                    key=f"entry-{number}", kind="test", fact=books.firm(), transfers=transfers, at=cast.NOON
                )
    except services.Refusal as refusal:
        return type(refusal).__name__
    return "done"


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEP, min_size=1, max_size=12))
def test_any_sequence_leaves_the_books_as_the_model_says(
    steps: list[tuple[str, int, list[tuple[tuple[str, str], int]]]],
) -> None:
    with transaction.atomic():
        accounts = {name: services.account(purpose=Purpose(name)) for name in NAMES}
        model = Model()
        for verb, number, moves in steps:
            legs = netted(moves)
            if (verb == "reverse" and number not in model.posted) or (verb == "transfer" and not legs):
                continue
            assert outcome(accounts, verb, number, moves) == expected(model, verb, number, legs)
            connection.check_constraints()
        told = {row.purpose: row.posted_fen for row in Account.objects.all()}
        assert told == model.balances
        assert selectors.trial_balance().is_balanced
        proof = selectors.prove()
        assert proof.is_sound
        assert proof.entry_count == len(model.posted) + len(model.reversed)
        transaction.set_rollback(True)


@given(moves=st.lists(st.tuples(st.uuids(), st.uuids(), st.integers(1, 10**15)), max_size=20))
def test_legs_always_sum_to_zero_and_name_an_account_once(moves: list[tuple[object, object, int]]) -> None:
    legs = rules.net_legs([move for move in moves if move[0] != move[1]])  # type: ignore[misc]
    assert sum(fen for _account, fen in legs) == 0
    assert len({account for account, _fen in legs}) == len(legs)
    assert legs == sorted(legs)
