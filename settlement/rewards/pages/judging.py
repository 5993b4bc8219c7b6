"""What the risk watch says of a claim's trades, and what the reward would be with and without them.

Nothing is decided here: whether a trade counts is decided in a risk case, by two people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from organizations.permissions import Actor
from settlement.rewards import selectors
from settlement.rewards.models import Claim
from settlement.rewards.pages.shown import Conclusion, ShownStep
from settlement.risk import selectors as risk
from settlement.risk import showing
from settlement.risk.models import Case, Finding
from settlement.risk.permissions import REVIEW_CASES, WATCH
from settlement.risk.selectors import Effect, FlaggedLine, Reward
from settlement.risk.states import UNDECIDED, FindingState, SignalKind

STEP = "trades"
RINGS = (SignalKind.ROUND_TRIP, SignalKind.CIRCULATION, SignalKind.RECIPROCITY)
LIVE = (FindingState.OPEN, FindingState.IN_CASE)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to an open judgement: what the year and the reward (fen, None unknown) then are."""

    year_fen: int
    reward_fen: int | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether flagged trades count: both answers, and the page on which it is decided."""

    case: Case | None
    numbers: Sequence[str]
    total_fen: int
    counted: Choice
    excluded: Choice
    is_same: bool
    url: str
    may_decide: bool


@dataclass(frozen=True, slots=True)
class RiskPart:
    """The signals of a claim's year, its flagged trades, and what people still have to judge."""

    signals: Sequence[showing.Shown]
    effect: Effect
    judgements: Sequence[Judgement]

    @property
    def waits(self) -> bool:
        return bool(self.judgements)


def risk_part_of(viewer: Actor, claim: Claim) -> RiskPart | None:
    """The risk part of a claim whose reward rests on revenue; None for others and for who does not watch."""
    if claim.measure != selectors.MEASURE or not viewer.can(WATCH):
        return None
    rows = risk.findings_of_firm(viewer, claim.firm_id, claim.year)
    found = [each for each in rows if each.state != FindingState.LAPSED]
    if not found:
        return None
    reward = risk.reward_of(claim.firm_id, claim.year)
    effect = risk.effect_on(claim.firm_id, claim.year, found, reward=reward)
    parties = risk.parties_of(found)
    about_trades = [each for each in found if each.signal.is_about_trades]
    drawn = next((each.pk for each in sorted(about_trades, key=lambda each: each.signal not in RINGS)), None)
    return RiskPart(
        signals=[showing.shown(each, parties, is_drawn=each.pk == drawn) for each in found],
        effect=effect,
        judgements=_judgements(viewer, claim, found, effect, reward),
    )


def _judgements(
    viewer: Actor, claim: Claim, found: Sequence[Finding], effect: Effect, reward: Reward
) -> list[Judgement]:
    """One for each undecided case, and one for the trades of signals that are in no case yet."""
    groups: dict[UUID | None, list[Finding]] = {}
    for each in found:
        is_undecided = each.case is None or each.case.state in UNDECIDED
        if each.state in LIVE and is_undecided and each.signal.is_about_trades:
            groups.setdefault(each.case_id, []).append(each)
    judgements = []
    for of_case in sorted(groups.values(), key=lambda rows: rows[0].case is None):
        ids = {order_id for each in of_case for order_id in each.order_ids}
        lines = [line for line in effect.lines if line.order.pk in ids]
        if lines:
            judgements.append(_judgement(viewer, claim, of_case[0].case, lines, effect, reward))
    return judgements


def _judgement(
    viewer: Actor,
    claim: Claim,
    case: Case | None,
    lines: Sequence[FlaggedLine],
    effect: Effect,
    reward: Reward,
) -> Judgement:
    out = sum(line.net_fen for line in lines if line.counts)
    back = sum(line.net_fen for line in lines if not line.counts)
    counted = Choice(effect.counted_fen + back, reward(-back))
    excluded = Choice(effect.counted_fen - out, reward(out))
    firm_url = f"{reverse('risk:firm', args=[claim.firm_id])}?year={claim.year}"
    return Judgement(
        case=case,
        numbers=[line.order.number for line in lines],
        total_fen=sum(line.net_fen for line in lines),
        counted=counted,
        excluded=excluded,
        is_same=counted.reward_fen == excluded.reward_fen,
        url=reverse("risk:case", args=[case.pk]) if case is not None else firm_url,
        may_decide=viewer.can(REVIEW_CASES),
    )


def with_risk(
    steps: Sequence[ShownStep], conclusion: Conclusion, part: RiskPart | None
) -> tuple[list[ShownStep], Conclusion]:
    """The chain and its head when people still have to judge trades: the step waits, and is not counted as done."""
    if part is None or not any(step.face.key == STEP for step in steps):
        return list(steps), conclusion
    found = [replace(step, risk=part) if step.face.key == STEP else step for step in steps]
    if not part.waits:
        return found, conclusion
    is_new = any(step.risk is not None and step.face.state == "ok" for step in found)
    waiting = [
        replace(step, face=replace(step.face, state="waiting", verdict=_("需要人工判断")))
        if step.risk is not None
        else step
        for step in found
    ]
    return waiting, replace(conclusion, done=max(0, conclusion.done - is_new))
