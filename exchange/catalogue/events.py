"""News of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class ListingSubmitted(Event):
    """A product waits for the operator's review."""

    product_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ListingPublished(Event):
    """A product may be bought (first listing, or again after a suspension)."""

    product_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ListingRejected(Event):
    """The operator sent a listing back, with the reason."""

    product_id: UUID
    by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class ListingSuspended(Event):
    """A listed product may not be bought for now."""

    product_id: UUID
    by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class ListingEnded(Event):
    """A product left the catalogue for good."""

    product_id: UUID
    by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class RevisionSubmitted(Event):
    """A change to a listed product waits for the operator."""

    product_id: UUID
    revision_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RevisionApplied(Event):
    """A change to a listed product holds from now on."""

    product_id: UUID
    revision_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RevisionRejected(Event):
    """The operator refused a change, with the reason; the product stays as it was."""

    product_id: UUID
    revision_id: UUID
    by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class BuyerInvited(Event):
    """An organization may find a listed product that is not public."""

    product_id: UUID
    organization_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class QuestionAsked(Event):
    """Somebody asks the supplier about a product."""

    product_id: UUID
    question_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class QuestionAnswered(Event):
    """The supplier answered; question and answer are public."""

    product_id: UUID
    question_id: UUID
    by: Actor
