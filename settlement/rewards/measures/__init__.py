"""The rule cards with their versions; loading refuses whatever does not fit together."""

from __future__ import annotations

from importlib.metadata import version as _version
from pathlib import Path

from settlement.rewards.engine.cards import Measure, check
from settlement.rewards.engine.parameters import PolicyVersion, load
from settlement.rewards.measures import (
    application_scenario,
    benchmark_high_tech,
    data_product_trading,
    exchange_venue,
    headquarters,
    high_tech_enterprise,
    internship,
    park_operator,
)

HERE = Path(__file__).parent

DATA_PRODUCT_TRADING = data_product_trading.CARD
CURRENT_VERSION = "2023-12-draft"
CODE_VERSION = _version("qingshu")

CARDS: dict[str, Measure] = {
    card.id: card
    for card in (
        park_operator.CARD,
        DATA_PRODUCT_TRADING,
        exchange_venue.CARD,
        application_scenario.CARD,
        headquarters.CARD,
        high_tech_enterprise.CARD,
        benchmark_high_tech.CARD,
        internship.CARD,
    )
}
VERSIONS: dict[tuple[str, str], PolicyVersion] = {}
for _card in CARDS.values():
    for _path in sorted(HERE.glob(f"{_card.id}.*.toml")):
        _name = _path.name.removeprefix(f"{_card.id}.").removesuffix(".toml")
        _loaded = load(_path)
        if _loaded.name != _name:
            raise ValueError(f"{_path.name} calls itself {_loaded.name}")
        check(_card, _loaded)
        VERSIONS[_card.id, _name] = _loaded


def version_of(measure: str, name: str = CURRENT_VERSION) -> PolicyVersion:
    """The parameters of a measure in one version; KeyError when there is none."""
    return VERSIONS[measure, name]


def versions_of(measure: str) -> list[PolicyVersion]:
    """Every version of a measure, by name."""
    return [found for (card, _name), found in sorted(VERSIONS.items()) if card == measure]
