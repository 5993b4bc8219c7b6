"""Pay runs as JSON."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from gateway.api import Page, actor, confirmed_actor, cursor_page, idempotent
from kernel import clock
from settlement.payruns import selectors, services
from settlement.payruns.models import PayRun
from settlement.payruns.schemas import RunIn, RunOut, SlipOut

router = Router()
_NAMES = (
    "number", "month", "gross_fen", "tax_fen", "net_fen", "item_count", "made_at", "approved_at", "paid_at", "sha256", "state",
)  # fmt: skip


def _run(run: PayRun) -> dict[str, Any]:
    return {**{name: getattr(run, name) for name in _NAMES}, "id": run.pk, "firm": run.firm_id}


@router.get("", response=Page[RunOut])
def runs(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """The firm's runs; all for operator and auditor."""
    rows, following = cursor_page(selectors.runs_visible_to(actor(request)), cursor=cursor, limit=limit)
    return {"items": [_run(row) for row in rows], "next": following}


@router.post("", response=RunOut)
@idempotent
def draw_up(request: HttpRequest, body: RunIn) -> dict[str, Any]:
    """Draw up a month's pay."""
    return _run(services.draw_up(by=actor(request), at=clock.now(), month=body.month))


@router.get("/slips", response=Page[SlipOut])
def slips(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """The calling annotator's own slips."""
    rows, following = cursor_page(selectors.slips_of(actor(request)), cursor=cursor, limit=limit)
    items = [
        {"id": row.pk, "run_number": row.run.number, "month": row.run.month, "gross_fen": row.gross_fen,
         "tax_fen": row.tax_fen, "net_fen": row.net_fen, "state": row.state}
        for row in rows
    ]  # fmt: skip
    return {"items": items, "next": following}


@router.get("/{uuid:run_id}", response=RunOut)
def run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """One run."""
    return _run(selectors.run_visible_to(actor(request), run_id))


@router.post("/{uuid:run_id}/submit", response=RunOut)
@idempotent
def submit(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """Hand a run to a second person."""
    return _run(services.submit(by=actor(request), at=clock.now(), run_id=run_id))


@router.post("/{uuid:run_id}/approve", response=RunOut)
@idempotent
def approve(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """The second person agrees; a worker pays."""
    return _run(services.approve(by=confirmed_actor(request), at=clock.now(), run_id=run_id))
