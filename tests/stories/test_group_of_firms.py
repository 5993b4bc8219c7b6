"""Three firms of one group: each alone by the default reading, taken together only by another, and never twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from organizations.permissions import Actor
from settlement.rewards import engine, measures, rules, selectors, services
from settlement.rewards.models import Award, BudgetLine, Claim
from settlement.rewards.states import ClaimState, Outcome
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import article6, steps
from tests.settlement.rewards.steps import DRAFTED
from tests.settlement.risk import town

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("奖励测算")
GROUP = {"group": "declared_group"}


def drafted(firm: Callable[[], Actor]) -> Claim:
    found = firm().organization
    assert found is not None
    return services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=found.pk, year=2025)


def as_a_group(claim: Claim) -> engine.Decision:
    """The same facts under the reading that takes a declared group together."""
    assert claim.decision is not None
    return rules.decide(claim.measure, engine.Facts(claim.decision.facts), interpretation=GROUP)


def verified(firm: Callable[[], Actor], fact: str, value: object) -> None:
    article6.verified(selectors.MEASURE, 2025, fact, value, firm=firm)


def test_three_firms_of_a_group() -> None:
    head, second, third = cast.lin, cast.he, town.jia
    trades.sale("5100000.00", seller=head)
    trades.sale("3000000.00", seller=second)
    trades.sale("1900000.00", seller=third)
    steps.notice()
    steps.bureau_named()
    for firm, others, is_head in (
        (head, 490_000_000, True),
        (second, 700_000_000, False),
        (third, 810_000_000, False),
    ):
        verified(firm, "is_group_head", is_head)
        verified(firm, "group_others_fen", others)
    claims = [drafted(firm) for firm in (head, second, third)]

    # Each firm alone: only the head reaches five million by itself.
    alone = [(c.decision.outcome, c.decision.amount_fen) for c in claims if c.decision]
    assert alone == [(Outcome.GRANTED, 5_100_000), (Outcome.NOT_ELIGIBLE, 0), (Outcome.NOT_ELIGIBLE, 0)]
    short = claims[1].decision
    assert short is not None
    assert "¥2,000,000.00" in short.trace["sentence"]["zh"]  # what 3,000,000.00 lacks

    # Taken together ten million count, for the head alone; the reviewer sees the difference on the claim.
    together = [as_a_group(claim) for claim in claims]
    assert [(each.outcome.value, each.amount_fen) for each in together] == [
        ("granted", 10_000_000), ("not_eligible", 0), ("not_eligible", 0),
    ]  # fmt: skip
    assert "不是申报主体" in together[1].document["sentence"]["zh"]
    decision = claims[0].decision
    assert decision is not None
    (found,) = [each for each in selectors.differences_of(decision) if each.option == "declared_group"]
    assert (found.is_chosen, found.amount_fen, found.change_fen) == (False, 10_000_000, 4_900_000)

    # The default decides: the head is granted its own, the others cannot hand in.
    steps.announced(claims[0])
    for claim, firm in ((claims[1], second), (claims[2], third)):
        with pytest.raises(services.NothingToConfirm):
            services.confirm(by=firm(), at=DRAFTED, claim_id=claim.pk)
    steps.batch(BudgetLine.objects.get())
    assert list(Award.objects.values_list("firm", "amount_fen")) == [(claims[0].firm_id, 5_100_000)]
    assert (
        sum(each.amount_fen for each in together) == 10_000_000
    )  # a group is never rewarded firm by firm as well
    assert Claim.objects.filter(state=ClaimState.APPROVED).count() == 1
    assert measures.CARDS[selectors.MEASURE].defaults()["group"] == "each_firm"


def test_a_group_whose_facts_are_not_verified_stays_undetermined_when_it_is_taken_together() -> None:
    trades.sale("5100000.00")
    claim = drafted(cast.lin)
    found = as_a_group(claim)
    assert found.outcome.value == Outcome.UNDETERMINED
    assert {each["name"] for each in found.document["missing"]} == {"is_group_head", "group_others_fen"}
