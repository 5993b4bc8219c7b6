"""The rule cards with their versions; loading refuses whatever does not fit together."""

from __future__ import annotations

from importlib.metadata import version as _version
from pathlib import Path

from settlement.rewards.engine.cards import Measure, check
from settlement.rewards.engine.parameters import PolicyVersion, load
from settlement.rewards.measures import data_product_trading

_HERE = Path(__file__).parent

DATA_PRODUCT_TRADING = data_product_trading.CARD
CURRENT_VERSION = "2023-12-draft"
CODE_VERSION = _version("qingshu")

CARDS: dict[str, Measure] = {card.id: card for card in (DATA_PRODUCT_TRADING,)}
VERSIONS: dict[tuple[str, str], PolicyVersion] = {}
for _path in sorted(_HERE.glob("*.toml")):
    _measure, _name = _path.name.removesuffix(".toml").split(".", 1)
    _loaded = load(_path)
    if _loaded.name != _name:
        raise ValueError(f"{_path.name} calls itself {_loaded.name}")
    check(CARDS[_measure], _loaded)
    VERSIONS[_measure, _name] = _loaded


def version_of(measure: str, name: str = CURRENT_VERSION) -> PolicyVersion:
    """The parameters of a measure in one version; KeyError when there is none."""
    return VERSIONS[measure, name]
