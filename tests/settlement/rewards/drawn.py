"""Cases drawn at random for any card, from its own declarations: boundaries often, facts missing sometimes."""

from __future__ import annotations

import random
from typing import Any

from settlement.rewards import engine

PLACES, CLASSES = ("441802", "441881", "440106"), ("0101", "0203", "0304", "0507")
# Around every threshold and cap of the policy, in fen.
EDGES = (
    0, 1, 49_999_999, 50_000_000, 50_000_001, 99_999_999, 100_000_000, 100_000_001, 499_999_999, 500_000_000,
    500_000_001, 999_999_999, 1_000_000_000, 9_999_999_999, 10_000_000_000, 10_000_000_001, 10**15,
)  # fmt: skip
DAYS = ("2000-06-01", "2000-06-02", "2009-06-01", "2009-06-02", "2023-06-30", "2024-02-29", "2025-01-31")
YEARS = (2023, 2024, 2025, 2026, 2027)


def fen(draw: random.Random, sign: int = 0) -> int:
    """An amount, often at an edge."""
    found = draw.choice(EDGES) if draw.random() < 0.5 else draw.randrange(3_000_000_000)
    return found * (sign or draw.choice((1, 1, 1, -1)))


def interpretation(draw: random.Random, card: engine.Measure) -> dict[str, str]:
    """A reading of each open question, the default one more often than not."""
    return {
        question.name: draw.choice(question.options).name
        for question in card.questions
        if draw.random() < 0.3
    }


def facts(draw: random.Random, card: engine.Measure, year: int) -> engine.Facts:
    """A case of the year: every fact of the card, a few missing or not verified."""
    given = {}
    for spec in card.facts:
        if draw.random() < 0.03:
            continue
        given[spec.name] = {"value": _value(draw, card, spec)}
        if spec.is_declared and draw.random() < 0.03:
            given[spec.name]["state"] = "unverified"
    return engine.Facts.of(card.id, year, given)


def _value(draw: random.Random, card: engine.Measure, spec: engine.FactSpec) -> Any:
    if spec.choices:
        return draw.choice(spec.choices)[0]
    if spec.unit == "flag":
        return draw.random() < (0.1 if spec.name == "is_labour_dispatch" else 0.85)
    if spec.unit == "code":
        return draw.choice(CLASSES if spec.name == "industry_class" else PLACES)
    return {
        "fen": lambda: (
            fen(draw, spec.sign)
            if not spec.name.startswith("excluded_")
            else -fen(draw, 1) * (draw.random() < 0.1)
        ),
        "count": lambda: draw.choice((0, 1, 1, 1, 12)),
        "text": lambda: draw.choice(("甲项目", "乙's project")),
        "awards": lambda: [_award(draw, card) for _each in range(draw.choice((0, 0, 0, 1, 2, 4)))],
        "rows": lambda: [_intern(draw, number) for number in range(draw.choice((0, 1, 3)))],
        "readings": lambda: [_resummed(draw, card) for _each in range(draw.choice((0, 1)))],
    }[spec.unit]()


def _award(draw: random.Random, card: engine.Measure) -> dict[str, Any]:
    return {
        "measure": draw.choice((card.id, card.id, "another")),
        "group": draw.choice((card.group, card.group, "another")),
        "year": draw.choice(YEARS),
        "amount_fen": fen(draw, 1),
        "number": f"JL-{draw.randrange(1000)}",
        **({"matter": "甲项目"} if draw.random() < 0.5 else {}),
    }


def _intern(draw: random.Random, number: int) -> dict[str, Any]:
    return {
        "person": f"P{number}",
        "month": draw.randint(1, 12),
        "is_graduate": draw.random() < 0.7,
        "graduated_on": draw.choice((*DAYS, None)),
        "is_unemployed": draw.random() < 0.5,
        "born_on": draw.choice((*DAYS, None)),
        "paid_fen": draw.choice((0, 129_599, 129_600, 139_999, 140_000, 162_001, 175_000, 300_000)),
    }


def _resummed(draw: random.Random, card: engine.Measure) -> dict[str, Any]:
    reading = {question.name: draw.choice(question.options).name for question in card.resummed}
    names = draw.sample(card.varying, 2)
    signs = {spec.name: spec.sign for spec in card.facts}
    return {"reading": reading, "values": {name: fen(draw, signs[name] or -1) for name in names}}
