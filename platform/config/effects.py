"""Between risk and rewards: what less revenue does to a reward, and what the risk watch holds up."""

from __future__ import annotations

import copy
from collections.abc import Callable
from uuid import UUID

from django.utils.translation import gettext as _

from kernel import clock
from organizations.models import Organization
from settlement.revenue.states import Code
from settlement.rewards import engine, rules, selectors
from settlement.rewards.models import Claim
from settlement.risk import parameters
from settlement.risk import selectors as risk
from settlement.risk.states import FindingState, SignalKind


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


def risk_blocks(claim: Claim) -> list[str]:
    """What the risk watch still asks of the claim's year: undecided cases, and findings of a high score."""
    if claim.measure != selectors.MEASURE:
        return []
    least = parameters.in_force(clock.business_date(clock.now())).count("blocking_score")
    cases = [
        _("风险案件 %(number)s 尚未办结") % {"number": case.number}
        for case in risk.open_cases(claim.firm_id, claim.year)
    ]
    strong = [
        finding
        for finding in risk.open_findings(claim.firm_id, claim.year)
        if finding.score >= least
        and finding.state == FindingState.OPEN
        and SignalKind(finding.kind).is_about_trades
    ]
    if strong:
        told = _("%(count)s 个评分 %(least)s 以上的风险信号尚未处理")
        cases.append(told % {"count": len(strong), "least": least})
    return cases
