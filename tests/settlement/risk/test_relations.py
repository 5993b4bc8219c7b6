"""Who is related to whom: shares to the basis point, chains, common owners, the State, shared details."""

from __future__ import annotations

from itertools import count, pairwise
from uuid import UUID

import pytest

from settlement.risk.signals import Signal
from settlement.risk.signals.relations import Held, Ownership, Shared
from settlement.risk.states import TraitKind
from tests.settlement.risk.ground import GIVEN, firm, found, letters, trade

_serial = count(1)


def held(owner: str, of: str, bp: int, *, is_state: bool = False) -> Held:
    """`owner` is a firm's letter, or the name of somebody outside."""
    key = str(firm(owner)) if len(owner) == 1 else owner
    return Held(UUID(int=next(_serial)), key, owner, firm(of), bp, is_state)


def detail(of: str, kind: str, value: str) -> Shared:
    return Shared(str(next(_serial)), firm(of), kind, value)


def related(*holdings: Held, details: tuple[Shared, ...] = ()) -> list[Signal]:
    """The signal of A's sale to B."""
    return found(
        [trade("B", "A", 1000), trade("X", "A", 500)], "related_party", holdings=holdings, details=details
    )


def grounds(*holdings: Held, details: tuple[Shared, ...] = ()) -> list[str]:
    return [each["ground"] for signal in related(*holdings, details=details) for each in signal.proofs]


@pytest.mark.parametrize(("owner", "of"), [("A", "B"), ("B", "A")])
def test_a_quarter_is_a_ground_in_either_direction_and_a_basis_point_less_is_not(owner: str, of: str) -> None:
    assert grounds(held(owner, of, 2_500)) == ["holding"]
    assert grounds(held(owner, of, 2_499)) == []


def test_the_signal_names_supplier_buyer_amount_share_and_the_declarations() -> None:
    holding = held("A", "B", 3_000)
    (signal,) = related(holding)
    assert letters([signal.firm, *signal.parties]) == "AAB"
    assert signal.judgement.figures == {"share_bp": 3_000, "trade_fen": 100_000, "size": 1}
    assert signal.judgement.score == 85
    assert [(each["kind"], each["id"], each["share_bp"]) for each in signal.proofs] == [
        ("holding", str(holding.id), 3_000)
    ]
    assert len(signal.orders) == 1


def test_shares_along_a_chain_are_multiplied() -> None:
    assert grounds(held("A", "C", 5_000), held("C", "B", 5_000)) == ["holding", "holding"]
    assert grounds(held("A", "C", 5_000), held("C", "B", 4_999)) == []


def test_what_a_majority_held_firm_holds_counts_in_full() -> None:
    assert grounds(held("A", "C", 5_001), held("C", "B", 2_500)) == ["holding", "holding"]
    assert grounds(held("A", "C", 5_001), held("C", "B", 2_499)) == []
    assert grounds(held("A", "C", 5_000), held("C", "B", 4_000)) == []


def test_several_ways_add_up() -> None:
    ways = [held("A", "C", 4_000), held("C", "B", 4_000), held("A", "D", 3_000), held("D", "B", 3_000)]
    assert Ownership(ways, GIVEN).share(str(firm("A")), str(firm("B"))) == 0.25
    assert set(grounds(*ways)) == {"holding"}
    assert grounds(*ways[:3], held("D", "B", 2_999)) == []


def test_chains_are_followed_six_levels_and_no_further() -> None:
    def chain(length: int) -> list[Held]:
        names = ["A", *"CDEFGH"[: length - 1], "B"]
        return [held(owner, of, 10_000) for owner, of in pairwise(names)]

    assert len(grounds(*chain(6))) == 6
    assert grounds(*chain(7)) == []


def test_firms_that_hold_one_another_do_not_hold_themselves() -> None:
    ownership = Ownership([held("A", "B", 6_000), held("B", "A", 6_000)], GIVEN)
    assert ownership.share(str(firm("A")), str(firm("A"))) == 0
    assert ownership.share(str(firm("A")), str(firm("B"))) >= 0.6


def test_a_common_owner_is_a_ground() -> None:
    assert grounds(held("王某", "A", 2_500), held("王某", "B", 2_500)) == ["common_owner", "common_owner"]
    assert grounds(held("王某", "A", 2_500), held("王某", "B", 2_499)) == []
    assert grounds(held("王某", "A", 2_500), held("李某", "B", 2_500)) == []


def test_common_control_by_the_state_alone_relates_nobody() -> None:
    state = [held("国资委", "A", 10_000, is_state=True), held("国资委", "B", 10_000, is_state=True)]
    assert grounds(*state) == []
    # Through holding companies too, as long as only the State stands above both.
    indirect = [
        held("国资委", "C", 10_000, is_state=True), held("国资委", "D", 10_000, is_state=True),
        held("C", "A", 10_000), held("D", "B", 10_000),
    ]  # fmt: skip
    assert grounds(*indirect) == []


def test_more_than_state_control_still_relates() -> None:
    state = [held("国资委", "A", 5_000, is_state=True), held("国资委", "B", 5_000, is_state=True)]
    assert grounds(*state, held("A", "B", 3_000)) == ["holding"]
    assert grounds(*state, held("王某", "A", 3_000), held("王某", "B", 3_000)) == ["common_owner"] * 2
    shared = (detail("A", TraitKind.PHONE, "1"), detail("B", TraitKind.PHONE, "1"))
    assert grounds(*state, details=shared) == ["phone"]
    # A group company below the State that holds both is an owner of its own.
    group = [held("国资委", "C", 10_000, is_state=True), held("C", "A", 6_000), held("C", "B", 6_000)]
    assert set(grounds(*group)) == {"common_owner"}


@pytest.mark.parametrize("kind", TraitKind.values)
def test_each_shared_detail_is_a_ground(kind: str) -> None:
    (signal,) = related(
        details=(detail("A", kind, "same"), detail("B", kind, "same"), detail("X", kind, "other"))
    )
    assert [each["ground"] for each in signal.proofs] == [kind]
    assert signal.judgement.score == 60
    other = TraitKind.ADDRESS if kind != TraitKind.ADDRESS else TraitKind.PHONE
    assert related(details=(detail("A", kind, "same"), detail("B", other, "same"))) == []


def test_what_more_than_five_firms_share_says_nothing() -> None:
    five = tuple(detail(letter, TraitKind.ADDRESS, "集中办公区") for letter in "ABCDE")
    assert len(related(details=five)) == 1
    assert related(details=(*five, detail("F", TraitKind.ADDRESS, "集中办公区"))) == []


def test_several_grounds_raise_the_score() -> None:
    details = (detail("A", TraitKind.PHONE, "1"), detail("B", TraitKind.PHONE, "1"))
    (signal,) = related(held("A", "B", 2_500), details=details)
    assert signal.judgement.score == 90


def test_firms_that_do_not_trade_are_left_alone() -> None:
    assert found([trade("X", "A", 1000)], "related_party", holdings=[held("A", "B", 10_000)]) == []
