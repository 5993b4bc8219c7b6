"""JSON of actual revenue, under /api/revenue."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from gateway.api import Page, actor, cursor_page
from kernel import clock
from kernel.errors import NotFound
from organizations.permissions import Actor
from settlement.revenue import history, selectors
from settlement.revenue.permissions import SEE_ALL_REVENUE, SEE_OWN_REVENUE
from settlement.revenue.schemas import (
    AnnualOut,
    ChainOut,
    ForecastOut,
    LineOut,
    StandingOut,
    StationOut,
)

router = Router()


def _viewer(request: HttpRequest) -> Actor:
    viewer = actor(request)
    if not viewer.can(SEE_ALL_REVENUE):
        viewer.require(SEE_OWN_REVENUE)
    return viewer


@router.get("/annual", response=AnnualOut)
def read_annual(request: HttpRequest, year: int, firm: UUID | None = None) -> AnnualOut:
    """A firm's year: totals, months, what does not count. `firm` defaults to the caller's organization."""
    if not 2000 <= year <= 9999:
        raise NotFound
    found = selectors.firm_for(_viewer(request), firm)
    kept = selectors.annual(found.pk, year)
    return AnnualOut.of(kept, selectors.months(found.pk, year), selectors.exclusion_totals(found.pk, year))


@router.get("/standing", response=StandingOut)
def read_standing(request: HttpRequest, year: int, day: date, firm: UUID | None = None) -> StandingOut:
    """A firm's year as it was known at the end of a day, from raw rows, and what changed since."""
    if not 2000 <= year <= 9999:
        raise NotFound
    found = selectors.firm_for(_viewer(request), firm)
    return StandingOut.of(history.standing(found.pk, year, min(day, clock.business_date(clock.now()))))


@router.get("/forecast", response=ForecastOut)
def read_forecast(request: HttpRequest, firm: UUID | None = None) -> ForecastOut:
    """Where the firm's present year leads at the pace of its latest days; null before thirty days have passed."""
    found = selectors.firm_for(_viewer(request), firm)
    today = clock.business_date(clock.now())
    return ForecastOut.of(found.pk, today.year, history.forecast(found.pk, today))


@router.get("/lines", response=Page[LineOut])
def line_list(
    request: HttpRequest,
    year: int | None = None,
    firm: UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[LineOut]:
    """Receipts and refunds the caller may see, newest first."""
    lines = selectors.lines_visible_to(_viewer(request))
    if firm is not None:
        lines = lines.filter(firm=firm)
    if year is not None:
        lines = lines.filter(year=year) if 0 < year < 10_000 else lines.none()
    rows, following = cursor_page(lines, cursor=cursor, limit=limit)
    return Page[LineOut](items=[LineOut.of(row) for row in rows], next=following)


@router.get("/lines/{uuid:line_id}", response=ChainOut)
def read_line(request: HttpRequest, line_id: UUID) -> ChainOut:
    """One line and the walk back to the file it was earned with."""
    line = selectors.line_for(_viewer(request), line_id)
    stations = [StationOut.of(station) for station in selectors.chain_of(line)]
    return ChainOut(line=LineOut.of(line), stations=stations)
