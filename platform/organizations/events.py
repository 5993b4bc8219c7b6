"""What organizations announce."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class MemberInvited(Event):
    """Somebody was offered membership; `path` is the address of the offer and carries its secret."""

    organization_id: UUID
    organization_name: str
    email: str
    inviter: str
    path: str


@dataclass(frozen=True, kw_only=True)
class MemberJoined(Event):
    """A person accepted an invitation."""

    organization_id: UUID
    user_id: UUID
    person: str


@dataclass(frozen=True, kw_only=True)
class VerificationSubmitted(Event):
    """An organization waits for its verification."""

    organization_id: UUID
    organization_name: str


@dataclass(frozen=True, kw_only=True)
class VerificationDecided(Event):
    """The operator approved or returned an organization's verification."""

    organization_id: UUID
    is_approved: bool
    remark: str
