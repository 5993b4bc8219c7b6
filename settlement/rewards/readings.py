"""What the year's lines add up to under every reading of the questions that change the sums of article 3(1).

One query for any number of firms: lines are grouped by what the readings ask for (reasons for not counting, years
of receipt, acceptance and refund, days inside the policy's validity), then folded for each combination of readings.
Money is released with the filing, so a filed sale is always paid: accrual differs from cash by the day alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Case, Count, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import ExtractYear

from kernel import clock
from kernel.periods import Period
from settlement.revenue.models import RECEIPT, RevenueLine
from settlement.revenue.states import Code
from settlement.rewards import measures

CARD = measures.DATA_PRODUCT_TRADING
Sums = dict[str, int]


@dataclass(frozen=True, slots=True)
class _Cell:
    """Lines alike in everything that a reading asks for."""

    firm: UUID
    reasons: tuple[str, ...]
    received_year: int
    accepted_year: int
    refund_year: int | None
    received_inside: bool
    accepted_inside: bool
    line_count: int
    net_fen: int
    gross_fen: int
    fee_fen: int

    def year(self, reading: Mapping[str, str]) -> int:
        """The year in which the cell counts."""
        if self.refund_year is not None and reading["late_refund"] == "year_of_refund":
            return self.refund_year
        return self.accepted_year if _by_acceptance(reading) else self.received_year

    def reason(self, reading: Mapping[str, str]) -> str:
        """The first reason for not counting, "" when it counts."""
        lifted = Code.CERTIFICATE.value if reading["coverage"] == "once_in_year" else ""
        standing = [code for code in self.reasons if code != lifted]
        if standing:
            return standing[0]
        is_inside = self.accepted_inside if _by_acceptance(reading) else self.received_inside
        return "" if is_inside or reading["partial_year"] == "whole_year" else Code.PERIOD.value


def _by_acceptance(reading: Mapping[str, str]) -> bool:
    return reading["recognition"] == "accrual" or reading["year_end"] == "year_of_acceptance"


def all_readings() -> list[dict[str, str]]:
    """Every combination of the questions that change the sums; the default one is the first."""
    names = [question.name for question in CARD.resummed]
    options = [[option.name for option in question.options] for question in CARD.resummed]
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*options)]


def default_reading() -> dict[str, str]:
    """The default reading of every question that changes the sums."""
    return {question.name: question.default for question in CARD.resummed}


def summed(cells: Iterable[_Cell], year: int, reading: Mapping[str, str]) -> Sums:
    """The varying facts of one firm and year under one reading."""
    sums = dict.fromkeys(CARD.varying, 0)
    for cell in cells:
        if cell.year(reading) != year:
            continue
        reason, is_refund = cell.reason(reading), cell.refund_year is not None
        sums["refunds_fen" if is_refund else "receipts_fen"] += cell.net_fen
        sums["transaction_count"] += 0 if is_refund else cell.line_count
        if reason:
            sums[f"excluded_{reason}_fen"] -= cell.net_fen
            sums["excluded_count"] += 0 if is_refund else cell.line_count
        else:
            sums["vat_fen"] += cell.gross_fen - cell.net_fen
            sums["fees_fen"] += cell.fee_fen
    return sums


def resummed(cells: list[_Cell], year: int) -> list[dict[str, Any]]:
    """The fact `readings`: for each other reading the sums that differ from the default ones, if any do."""
    default, *others = all_readings()
    base = summed(cells, year, default)
    found = []
    for reading in others:
        sums = summed(cells, year, reading)
        differing = {name: value for name, value in sums.items() if value != base[name]}
        if differing:
            found.append({"reading": reading, "values": differing})
    return found


def cells_of_firm(firm_id: UUID, year: int, first: date, after: date) -> list[_Cell]:
    """A firm's lines that may belong to the year under some reading, grouped; one query."""
    return _cells(RevenueLine.objects.filter(firm=firm_id), year, first, after)


def cells_by_firm(
    year: int, first: date, after: date, *, only: Collection[UUID] | None = None
) -> dict[UUID, list[_Cell]]:
    """The same for every firm, or only for some; one query."""
    found: dict[UUID, list[_Cell]] = {}
    lines = RevenueLine.objects.all() if only is None else RevenueLine.objects.filter(firm__in=only)
    for cell in _cells(lines, year, first, after):
        found.setdefault(cell.firm, []).append(cell)
    return found


def _cells(lines: QuerySet[RevenueLine], year: int, first: date, after: date) -> list[_Cell]:
    period, start, end = Period.of_year(year), clock.start_of(first), clock.start_of(after)

    def within(name: str) -> Q:
        return Q(**{f"{name}__gte": period.start, f"{name}__lt": period.end})

    def inside(name: str) -> Case:
        valid = Q(**{f"{name}__gte": start, f"{name}__lt": end})
        return Case(When(valid, then=Value(True)), default=Value(False), output_field=BooleanField())

    def year_of(name: str) -> ExtractYear:
        return ExtractYear(name, tzinfo=clock.SHANGHAI)

    received, accepted, off = "order__release__released_at", "order__accepted_at", "received_at"
    off_year = Case(When(RECEIPT, then=None), default=year_of(off), output_field=IntegerField())
    rows = (
        lines.filter(Q(year=year) | within(accepted) | (~RECEIPT & within(off)))
        .annotate(
            received_year=F("year"),
            accepted_year=year_of(accepted),
            refund_year=off_year,
            received_inside=inside(received),
            accepted_inside=inside(accepted),
        )
        .values(
            "firm",
            "exclusions",
            "received_year",
            "accepted_year",
            "refund_year",
            "received_inside",
            "accepted_inside",
        )
        .annotate(
            line_count=Count("pk"),
            net=Sum("net_fen", default=0),
            gross=Sum("gross_fen", default=0),
            fees=Sum("fee_fen", default=0),
        )
        .order_by()
    )
    return [
        _Cell(
            firm=row["firm"],
            reasons=tuple(row["exclusions"]),
            received_year=row["received_year"],
            accepted_year=row["accepted_year"] or row["received_year"],
            refund_year=row["refund_year"],
            received_inside=row["received_inside"],
            accepted_inside=row["accepted_inside"],
            line_count=row["line_count"],
            net_fen=int(row["net"]),
            gross_fen=int(row["gross"]),
            fee_fen=int(row["fees"]),
        )
        for row in rows
    ]
