"""Shapes of the revenue API; amounts are fen."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from ninja import Schema

from settlement.revenue.history import Standing
from settlement.revenue.models import AnnualRevenue, RevenueLine
from settlement.revenue.rules import Forecast
from settlement.revenue.selectors import ExclusionTotal, Station


class ExclusionOut(Schema):
    """What does not count for one first reason."""

    code: str
    line_count: int
    net_fen: int

    @staticmethod
    def of(total: ExclusionTotal) -> ExclusionOut:
        return ExclusionOut(code=total.code.value, line_count=total.line_count, net_fen=total.net_fen)


class AnnualOut(Schema):
    """A firm's year without VAT: receipts + refunds = counted + excluded."""

    firm: UUID
    year: int
    receipts_fen: int
    refunds_fen: int
    counted_fen: int
    excluded_fen: int
    vat_fen: int
    fee_fen: int
    line_count: int
    months: list[int]
    exclusions: list[ExclusionOut]

    @staticmethod
    def of(kept: AnnualRevenue, months: list[int], totals: list[ExclusionTotal]) -> AnnualOut:
        return AnnualOut(
            firm=kept.firm_id,
            year=kept.year,
            receipts_fen=kept.receipts_fen,
            refunds_fen=kept.refunds_fen,
            counted_fen=kept.counted_fen,
            excluded_fen=kept.excluded_fen,
            vat_fen=kept.vat_fen,
            fee_fen=kept.fee_fen,
            line_count=kept.line_count,
            months=months,
            exclusions=[ExclusionOut.of(total) for total in totals],
        )


class ChangeOut(Schema):
    """What came after the day and moved the year."""

    at: datetime
    label: str
    order: str
    effect_fen: int


class StandingOut(Schema):
    """A year as known on a day: counted then, counted now, and the changes between (they add up)."""

    firm: UUID
    year: int
    day: date
    then_counted_fen: int
    then_excluded_fen: int
    now_counted_fen: int
    now_excluded_fen: int
    changes: list[ChangeOut]

    @staticmethod
    def of(found: Standing) -> StandingOut:
        return StandingOut(
            firm=found.firm_id,
            year=found.year,
            day=found.day,
            then_counted_fen=found.then.counted_fen,
            then_excluded_fen=found.then.excluded_fen,
            now_counted_fen=found.now.counted_fen,
            now_excluded_fen=found.now.excluded_fen,
            changes=[
                ChangeOut(at=c.at, label=c.label, order=c.order_number, effect_fen=c.effect_fen)
                for c in found.changes
            ],
        )


class ForecastOut(Schema):
    """The year's end at the pace of the latest `days` days, fen; nulls when it cannot be told yet."""

    firm: UUID
    year: int
    days: int | None = None
    low_fen: int | None = None
    expected_fen: int | None = None
    high_fen: int | None = None
    reached_on: date | None = None

    @staticmethod
    def of(firm: UUID, year: int, found: Forecast | None) -> ForecastOut:
        return ForecastOut(firm=firm, year=year, **(asdict(found) if found else {}))


class LineOut(Schema):
    """One receipt or refund."""

    id: UUID
    firm: UUID
    year: int
    order: str
    is_refund: bool
    received_at: datetime
    gross_fen: int
    net_fen: int
    fee_fen: int
    exclusions: list[str]
    evidence: dict[str, Any]

    @staticmethod
    def of(line: RevenueLine) -> LineOut:
        return LineOut(
            id=line.pk,
            firm=line.firm_id,
            year=line.year,
            order=line.evidence["order"]["number"],
            is_refund=line.is_off,
            received_at=line.received_at,
            gross_fen=line.gross_fen,
            net_fen=line.net_fen,
            fee_fen=line.fee_fen,
            exclusions=line.exclusions,
            evidence=line.evidence,
        )


class StationOut(Schema):
    """One station of the walk back; `holds` tells whether its comparison came out equal."""

    key: str
    title: str
    number: str
    digest: str
    holds: bool | None
    check: str
    facts: dict[str, str]

    @staticmethod
    def of(station: Station) -> StationOut:
        return StationOut(
            key=station.key,
            title=station.title,
            number=station.number,
            digest=station.digest,
            holds=station.holds,
            check=station.check,
            facts=dict(station.facts),
        )


class ChainOut(Schema):
    """A line with its whole chain, from the statement to the raw file."""

    line: LineOut
    stations: list[StationOut]
