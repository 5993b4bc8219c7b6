"""Facts for the engine, without a database: a firm that fulfils everything, changed where a test says so."""

from __future__ import annotations

from typing import Any

from settlement.rewards import engine, measures, rules
from settlement.rewards.measures.data_product_trading import EXCLUSIONS, GROUP, ID


def award(year: int, fen: int = 5_000_000, *, measure: str = ID, group: str = GROUP) -> dict[str, Any]:
    """One row of the register."""
    return {"measure": measure, "group": group, "year": year, "amount_fen": fen, "number": f"JL-{year}"}


def facts(receipts_fen: int | None, *, year: int = 2025, **changed: Any) -> engine.Facts:
    """The facts of an annotation firm with one certificate and these receipts; `None` leaves a fact out."""
    values: dict[str, Any] = {
        "is_annotation_firm": True,
        "industry_class": "0304",
        "in_recognised_park": False,
        "registered_place": "441802",
        "tax_place": "441802",
        "certificate_count": 1,
        "transaction_count": 12,
        "excluded_count": 0,
        "receipts_fen": receipts_fen,
        "refunds_fen": 0,
        **{f"excluded_{code}_fen": 0 for code in EXCLUSIONS},
        "vat_fen": 0,
        "fees_fen": 0,
        "readings": [],
        "prior_awards": [],
        **changed,
    }
    given = {name: {"value": value} for name, value in values.items() if value is not None}
    return engine.Facts.of(ID, year, given, {"name": "清蓝（示例）", "uscc": "91441802MA5000001N"})


def decided(
    receipts_fen: int | None, *, interpretation: dict[str, str] | None = None, **changed: Any
) -> engine.Decision:
    """The decision on those facts."""
    found = facts(receipts_fen, **changed)
    return rules.decide(ID, found, interpretation=interpretation, code_version=measures.CODE_VERSION)
