"""Highest only, once: several decisions of firms set against one another and against the register.

Pure; reads nothing but the decisions' own documents and the register's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from settlement.rewards.engine.cards import Outcome
from settlement.rewards.engine.decisions import Decision
from settlement.rewards.engine.texts import Text, yuan

Award = Mapping[str, Any]
Key = tuple[str, str, str, int | None]


@dataclass(slots=True)
class _Firm:
    """What the register knows of one firm while its decisions are settled, the earliest year first."""

    awards: Sequence[Award]
    years: dict[str, set[int]] = field(default_factory=dict)

    def rewarded_years(self, measure: str) -> set[int]:
        known = {award["year"] for award in self.awards if award["measure"] == measure}
        return self.years.setdefault(measure, known)

    def registered(self, key: Key, document: Mapping[str, Any]) -> list[Award]:
        _subject, group, matter, year = key
        beside = document["exclusivity"].get("beside", ())
        return [
            award
            for award in self.awards
            if (award["group"] in beside and award["year"] == document["year"])
            or (
                award["group"] == group
                and (year is None or award["year"] == year)
                and (not matter or award.get("matter", "") == matter)
            )
        ]


def settle(decisions: Sequence[Decision], awards: Iterable[Award] = ()) -> list[Decision]:
    """The decisions as they stand beside one another, in the order given.

    Of the decisions that grant for one firm, exclusivity group and matter (and year, where the group counts by
    year) the highest stands; the others are superseded and keep what they would have given. The same holds for a
    year's decisions of groups that pay on the same quantity (`beside`). What the register
    holds already is taken off, so that `amount_fen` is what is to be paid now. Years beyond a measure's limit,
    counted over the register and these decisions together, are not eligible. Decisions that grant nothing stay
    as they are. `awards` are rows of the register with the further member `uscc` of the firm; one without is
    every firm's.
    """
    held = list(awards)
    firms: dict[str, _Firm] = {}
    groups: dict[Key, list[int]] = {}
    settled = list(decisions)
    for index, decision in enumerate(decisions):
        if decision.outcome == Outcome.GRANTED:
            groups.setdefault(_key(decision), []).append(index)
    for key in sorted(groups, key=lambda key: (key[0], key[3] or 0, key[1], key[2])):
        firm = firms.setdefault(key[0], _Firm([a for a in held if a.get("uscc", key[0]) == key[0]]))
        _settle_one(key, groups[key], firm, settled)
    _settle_beside(settled)
    return settled


def _settle_beside(settled: list[Decision]) -> None:
    """Of groups that pay on the same quantity, the firm's highest of the year stands."""
    standing = [index for index, found in enumerate(settled) if found.outcome == Outcome.GRANTED]
    for index in sorted(standing, key=lambda index: _rank(settled[index].document)):
        document = settled[index].document
        higher = [
            settled[other].document
            for other in standing
            if settled[other].outcome == Outcome.GRANTED
            and settled[other].document["subject"] == document["subject"]
            and settled[other].document["year"] == document["year"]
            and settled[other].document["exclusivity"]["group"] in document["exclusivity"].get("beside", ())
            and _rank(settled[other].document) < _rank(document)
        ]
        if higher:
            settled[index] = _superseded(document, _cited(min(higher, key=_rank)))


def _rank(document: Mapping[str, Any]) -> tuple[int, int, str]:
    """The highest first; of equals the earlier year, then the name."""
    return -document["exclusivity"]["whole_fen"], document["year"], document["measure"]


def _key(decision: Decision) -> Key:
    told = decision.document["exclusivity"]
    year = decision.document["year"] if told["span"] == "year" else None
    return str(decision.document["subject"].get("uscc", "")), told["group"], told["matter"], year


def _settle_one(key: Key, members: list[int], firm: _Firm, settled: list[Decision]) -> None:
    standing: int | None = None
    for index in sorted(members, key=lambda index: _rank(settled[index].document)):
        document = settled[index].document
        limit, used = document["exclusivity"]["most_awards"], firm.rewarded_years(document["measure"])
        if standing is None and limit is not None and document["year"] not in used and len(used) >= limit:
            settled[index] = _limited(document, len(used))
        elif standing is None:
            standing = index
            settled[index] = _stands(document, firm.registered(key, document))
            if settled[index].outcome == Outcome.GRANTED:
                used.add(document["year"])
        else:
            settled[index] = _superseded(document, _cited(settled[standing].document))


def _cited(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "measure": document["measure"],
        "year": document["year"],
        "amount_fen": document["exclusivity"]["whole_fen"],
        "number": "",
    }


def _stands(document: Mapping[str, Any], registered: list[Award]) -> Decision:
    already = sum(award["amount_fen"] for award in registered)
    whole = document["exclusivity"]["whole_fen"]
    if registered and (whole <= already or not document["exclusivity"]["tops_up"]):
        highest = max(registered, key=lambda award: award["amount_fen"])
        return _superseded(
            document, {name: highest[name] for name in ("measure", "year", "amount_fen", "number")}
        )
    settlement = {"state": "stands", "already_fen": already, "whole_fen": whole, "by": None}
    return Decision({**document, "amount_fen": whole - already, "settled": settlement})


def _superseded(document: Mapping[str, Any], by: Mapping[str, Any]) -> Decision:
    whole = document["exclusivity"]["whole_fen"]
    sentence = Text(
        f"同一事项已由 {by['year']} 年度更高的奖励 {yuan(by['amount_fen'])} 替代；本项如单独计算为 {yuan(whole)}。",
        f"The higher reward of {yuan(by['amount_fen'])} for {by['year']} stands for the same matter; this one would "
        f"have been {yuan(whole)}.",
    )
    settlement = {"state": "superseded", "already_fen": 0, "whole_fen": whole, "by": dict(by)}
    return _changed(document, Outcome.SUPERSEDED, sentence, settlement)


def _limited(document: Mapping[str, Any], count: int) -> Decision:
    sentence = Text(
        f"企业已有 {count} 个年度获得本项奖励，期限已满。",
        f"The firm is already rewarded for {count} years; the limit is reached.",
    )
    whole = document["exclusivity"]["whole_fen"]
    settlement = {"state": "limited", "already_fen": 0, "whole_fen": whole, "by": None}
    return _changed(document, Outcome.NOT_ELIGIBLE, sentence, settlement)


def _changed(
    document: Mapping[str, Any], outcome: Outcome, sentence: Text, settlement: Mapping[str, Any]
) -> Decision:
    return Decision(
        {
            **document,
            "outcome": outcome.value,
            "amount_fen": 0,
            "sentence": sentence.plain(),
            "settled": dict(settlement),
        }
    )
