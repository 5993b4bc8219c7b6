"""News of demands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class DemandPublished(Event):
    """A demand may be answered; `invited`: the organizations that were asked by name."""

    demand_id: UUID
    invited: Sequence[UUID]
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DemandMatched(Event):
    """A product of a firm answers an open demand well; told once per demand and firm."""

    demand_id: UUID
    organization_id: UUID
    product_id: UUID


@dataclass(frozen=True, kw_only=True)
class DemandAnswered(Event):
    """A firm answered (first or again after withdrawing)."""

    demand_id: UUID
    answer_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class AnswerShortlisted(Event):
    """The buyer looks closer at an answer."""

    answer_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MessageSent(Event):
    """One side wrote to the other about an answer."""

    answer_id: UUID
    message_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DemandAwarded(Event):
    """The buyer chose one answer; the firms of the others are to be told politely."""

    demand_id: UUID
    answer_id: UUID
    declined: Sequence[UUID]
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DemandEnded(Event):
    """A demand ended without a choice: closed, expired or withdrawn; `answers` were live until then."""

    demand_id: UUID
    answers: Sequence[UUID]
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DemandHidden(Event):
    """The operator took a demand out of sight, with the reason."""

    demand_id: UUID
    by: Actor
    reason: str
