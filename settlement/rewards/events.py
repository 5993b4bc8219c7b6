"""News of reward claims."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class _OfClaim(Event):
    claim_id: UUID
    firm_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class StatementDrafted(_OfClaim):
    """The system has worked out a statement that the firm may confirm or object to."""


@dataclass(frozen=True, kw_only=True)
class RulesMoved(_OfClaim):
    """Rules were released under which a statement that lies with the firm comes to `now_fen` instead of `former_fen`."""

    release_number: str
    former_fen: int
    now_fen: int


@dataclass(frozen=True, kw_only=True)
class NoticeExtended(_OfClaim):
    """A public notice lasts longer: days it counted as worked were announced as holidays."""

    until: date


@dataclass(frozen=True, kw_only=True)
class ClaimReturned(_OfClaim):
    """A reviewer sent a claim back to the firm, with a reason."""


@dataclass(frozen=True, kw_only=True)
class ClaimRejected(_OfClaim):
    """A reviewer refused a claim, with a reason the firm may contest."""


@dataclass(frozen=True, kw_only=True)
class ObjectionAnswered(_OfClaim):
    """All items of a firm's objection have their answers; the statement is with the firm again."""


@dataclass(frozen=True, kw_only=True)
class AwardGranted(_OfClaim):
    """An award was written into the register."""

    award_id: UUID


@dataclass(frozen=True, kw_only=True)
class AwardPaid(_OfClaim):
    """The money of an award arrived at the firm's bank."""


@dataclass(frozen=True, kw_only=True)
class PaymentReturned(_OfClaim):
    """The bank sent an award's money back; the firm's account data need a look."""


@dataclass(frozen=True, kw_only=True)
class ClaimReopened(_OfClaim):
    """Later facts changed what a granted claim is worth."""


@dataclass(frozen=True, kw_only=True)
class RecoveryConfirmed(_OfClaim):
    """A recovery holds: the firm is to pay back by its day."""


@dataclass(frozen=True, kw_only=True)
class RecoveryLifted(_OfClaim):
    """Facts came back: the firm owes less of a recovery, or nothing any more."""


@dataclass(frozen=True, kw_only=True)
class ReviewDue(_OfClaim):
    """The present stage of a claim's review is due by tomorrow, or its day has passed."""

    is_overdue: bool


@dataclass(frozen=True, kw_only=True)
class DeclarationMade(Event):
    """A firm declared a fact that a department is to verify."""

    declaration_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DeclarationDecided(Event):
    """A department verified or refused a declared fact."""

    declaration_id: UUID
    firm_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ParkApplied(Event):
    """A firm asks to be recognised in a park."""

    recognition_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ParkDecided(Event):
    """The department recognised or refused a firm in a park, or took a recognition of it back."""

    recognition_id: UUID
    by: Actor
