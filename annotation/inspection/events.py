"""News of lot inspection, announced inside the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class PlanProposed(Event):
    """One side proposes an inspection plan; the other owes an answer."""

    plan_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class PlanAnswered(Event):
    """The other side agreed to an inspection plan, or declined it with a reason."""

    plan_id: UUID
    is_agreed: bool
    by: Actor


@dataclass(frozen=True, kw_only=True)
class LotsSubmitted(Event):
    """Lots were frozen and wait for their inspection."""

    project_id: UUID
    lot_ids: tuple[UUID, ...]
    by: Actor


@dataclass(frozen=True, kw_only=True)
class LotAccepted(Event):
    """A lot was accepted by its sample; `item_count` items are in it."""

    lot_id: UUID
    project_id: UUID
    item_count: int
    by: Actor


@dataclass(frozen=True, kw_only=True)
class LotRejected(Event):
    """A lot was not accepted; what is done again went back to its annotators."""

    lot_id: UUID
    project_id: UUID
    item_count: int
    by: Actor


@dataclass(frozen=True, kw_only=True)
class StrictnessChanged(Event):
    """Lots of the project are inspected more or less strictly now, or no more until it is resumed."""

    project_id: UUID
    step_id: UUID
    by: Actor
