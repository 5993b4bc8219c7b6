"""Random transfers, replays, reversals and holds against a dictionary that does the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import holds, rules, selectors, services
from settlement.ledger.models import Account, Entry, Hold, Purpose
from tests import cast
from tests.settlement.ledger import books

pytestmark = pytest.mark.django_db

NAMES = ("bank", "escrow", "wallet", "fees")
FEN = st.integers(1, 10**13)
PAIR = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] != pair[1])
STEP = st.one_of(
    st.tuples(st.just("transfer"), st.integers(0, 6), st.lists(st.tuples(PAIR, FEN), min_size=1, max_size=3)),
    st.tuples(st.just("reverse"), st.integers(0, 6), st.just([])),
    st.tuples(st.just("hold"), st.integers(0, 3), st.lists(st.tuples(PAIR, FEN), min_size=1, max_size=1)),
    st.tuples(st.just("post"), st.integers(0, 3), st.lists(st.tuples(PAIR, FEN), max_size=1)),
    st.tuples(st.sampled_from(["void", "expire"]), st.integers(0, 3), st.just([])),
)
HELD_FOR = timedelta(days=1)

Moves = list[tuple[tuple[str, str], int]]


@dataclass
class Model:
    """The books as a dictionary: what the ledger should say."""

    balances: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 0))
    posted: dict[int, dict[str, int]] = field(default_factory=dict)
    reversed: set[int] = field(default_factory=set)
    holds: dict[int, dict[str, Any]] = field(default_factory=dict)

    def kept(self, name: str, side: str) -> int:
        """What pending holds would take from (or bring to) an account."""
        return sum(h["fen"] for h in self.holds.values() if h["state"] == "pending" and h[side] == name)

    def apply(self, legs: dict[str, int]) -> bool:
        after = {name: self.balances[name] + legs.get(name, 0) for name in NAMES}
        if any(after[name] < self.kept(name, "source") for name in legs if name != "bank"):
            return False
        self.balances = after
        return True

    def reverse(self, number: int) -> str:
        if number not in self.reversed:
            if not self.apply({name: -fen for name, fen in self.posted[number].items()}):
                return "InsufficientBalance"
            self.reversed.add(number)
        return "done"

    def hold_step(self, verb: str, number: int, moves: Moves) -> str:
        if verb == "hold":
            return self.hold(number, *moves[0])
        if verb == "post":
            return self.post(number, moves[0][1] if moves else None)
        return self.let_go(number, verb)

    def hold(self, number: int, pair: tuple[str, str], fen: int) -> str:
        known = self.holds.get(number)
        if known is not None:
            same = (known["source"], known["destination"], known["fen"]) == (*pair, fen)
            return "done" if same else "EntryKeyReused"
        source = pair[0]
        if source != "bank" and self.balances[source] - self.kept(source, "source") < fen:
            return "InsufficientBalance"
        self.holds[number] = {
            "source": pair[0], "destination": pair[1], "fen": fen, "state": "pending", "posted": 0,
        }  # fmt: skip
        return "done"

    def post(self, number: int, fen: int | None) -> str:
        held = self.holds[number]
        wanted = held["fen"] if fen is None else fen
        if held["state"] == "posted" and held["posted"] == wanted:
            return "done"
        if held["state"] != "pending":
            return "HoldEnded"
        if wanted > held["fen"]:
            return "HoldTooSmall"
        held.update(state="posted", posted=wanted)
        done = self.apply({held["source"]: -wanted, held["destination"]: wanted})
        assert done, "what was reserved can always be posted"
        return "done"

    def let_go(self, number: int, verb: str) -> str:
        held = self.holds[number]
        if held["state"] == "pending":
            held["state"] = {"void": "voided", "expire": "expired"}[verb]
        elif verb == "void" and held["state"] != "voided":
            return "HoldEnded"
        return "done"


def netted(moves: list[tuple[tuple[str, str], int]]) -> dict[str, int]:
    legs: dict[str, int] = {}
    for (source, destination), fen in moves:
        legs[source] = legs.get(source, 0) - fen
        legs[destination] = legs.get(destination, 0) + fen
    return {name: fen for name, fen in legs.items() if fen}


def expected(model: Model, verb: str, number: int, legs: dict[str, int], moves: Moves) -> str:
    """What a step should lead to; the model is moved accordingly."""
    if verb in ("hold", "post", "void", "expire"):
        return model.hold_step(verb, number, moves)
    if verb == "reverse":
        return model.reverse(number)
    if number in model.posted:
        return "done" if model.posted[number] == legs else "EntryKeyReused"
    if not model.apply(legs):
        return "InsufficientBalance"
    model.posted[number] = legs
    return "done"


def end_hold(verb: str, number: int, moves: Moves) -> None:
    """Post, void or let expire a hold that is there."""
    hold_id, by = Hold.objects.get(key=f"hold-{number}").pk, Actor.system("测试")
    if verb == "post":
        amount = Money(moves[0][1]) if moves else None
        holds.post(by=by, at=cast.NOON, hold_id=hold_id, amount=amount)
    elif verb == "void":
        holds.void(by=by, at=cast.NOON, hold_id=hold_id)
    else:
        holds.expire(by=by, at=cast.NOON + HELD_FOR, hold_id=hold_id)


def outcome(accounts: dict[str, Account], verb: str, number: int, moves: Moves) -> str:
    try:
        with transaction.atomic():
            if verb == "hold":
                [((source, destination), fen)] = moves
                transfer = services.Transfer(accounts[source], accounts[destination], Money(fen))
                holds.reserve(
                    key=f"hold-{number}", kind="test", fact=books.firm(), transfer=transfer, at=cast.NOON,
                    expires_at=cast.NOON + HELD_FOR,
                )  # fmt: skip
            elif verb in ("post", "void", "expire"):
                end_hold(verb, number, moves)
            elif verb == "reverse":
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
@given(steps=st.lists(STEP, min_size=1, max_size=16))
def test_any_sequence_leaves_the_books_as_the_model_says(
    steps: list[tuple[str, int, Moves]],
) -> None:
    with transaction.atomic():
        accounts = {name: services.account(purpose=Purpose(name)) for name in NAMES}
        model = Model()
        for verb, number, moves in steps:
            legs = netted(moves)
            if (verb == "reverse" and number not in model.posted) or (verb == "transfer" and not legs):
                continue
            if verb in ("post", "void", "expire") and number not in model.holds:
                continue
            assert outcome(accounts, verb, number, moves) == expected(model, verb, number, legs, moves)
            connection.check_constraints()
        told = {row.purpose: row.posted_fen for row in Account.objects.all()}
        assert told == model.balances
        kept = {row.purpose: (row.pending_out_fen, row.pending_in_fen) for row in Account.objects.all()}
        assert kept == {name: (model.kept(name, "source"), model.kept(name, "destination")) for name in NAMES}
        states = {f"hold-{number}": each["state"] for number, each in model.holds.items()}
        assert dict(Hold.objects.values_list("key", "state")) == states
        assert selectors.trial_balance().is_balanced
        proof = selectors.prove()
        assert proof.is_sound
        posted_holds = sum(each["state"] == "posted" for each in model.holds.values())
        assert proof.entry_count == len(model.posted) + len(model.reversed) + posted_holds
        transaction.set_rollback(True)


@given(moves=st.lists(st.tuples(st.uuids(), st.uuids(), st.integers(1, 10**15)), max_size=20))
def test_legs_always_sum_to_zero_and_name_an_account_once(moves: list[tuple[object, object, int]]) -> None:
    legs = rules.net_legs([move for move in moves if move[0] != move[1]])  # type: ignore[misc]
    assert sum(fen for _account, fen in legs) == 0
    assert len({account for account, _fen in legs}) == len(legs)
    assert legs == sorted(legs)
