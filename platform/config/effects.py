"""What less revenue would do to a firm's reward: the rules' own answer, for reviewers of risk cases."""

from __future__ import annotations

import copy
from collections.abc import Callable
from uuid import UUID

from organizations.models import Organization
from settlement.revenue.states import Code
from settlement.rewards import engine, rules, selectors


def reward_with_less(firm_id: UUID, year: int) -> Callable[[int], int | None]:
    """A function from fen taken off the year's revenue to the reward in fen; facts are read once.

    None where the measure cannot be decided (a fact is missing).
    """
    facts = selectors.gather_facts(Organization.objects.get(pk=firm_id), year)

    def reward(taken_off_fen: int) -> int | None:
        document = copy.deepcopy(dict(facts.document))
        document["facts"][f"excluded_{Code.CIRCULAR.value}_fen"]["value"] -= taken_off_fen
        decision = rules.decide(selectors.MEASURE, engine.Facts(document))
        return None if decision.outcome == "undetermined" else decision.amount_fen

    return reward
