"""Lots' money as JSON: one lot or all lots of a contract paid into escrow."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from exchange.tenders.selectors import visible_engagement
from gateway.api import actor, confirmed_actor, idempotent
from kernel import clock
from settlement.milestones import services
from settlement.milestones.schemas import DepositOut, FundIn

router = Router()


@router.post("/{uuid:milestone_id}/deposit", response={201: DepositOut})
@idempotent
def post_deposit(request: HttpRequest, milestone_id: UUID, body: FundIn) -> DepositOut:
    """Pay one lot; a declined method answers 402 and changes nothing."""
    found = services.fund_lot(
        by=confirmed_actor(request), at=clock.now(), milestone_id=milestone_id, method=body.method
    )
    return DepositOut.of(found)


@router.post("/contracts/{number}/deposits", response={201: list[DepositOut]})
@idempotent
def post_deposits(request: HttpRequest, number: str, body: FundIn) -> list[DepositOut]:
    """Pay every lot that is not paid yet, all or none."""
    found = visible_engagement(actor(request), number)
    made = services.fund_all(
        by=confirmed_actor(request), at=clock.now(), engagement_id=found.pk, method=body.method
    )
    return [DepositOut.of(each) for each in made]
