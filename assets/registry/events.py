"""News of the registry."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class CertificateIssued(Event):
    """An application ended in a certificate."""

    certificate_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class CertificateLapsed(Event):
    """A certificate stopped being valid (expired, suspended, cancelled, revoked, replaced)."""

    certificate_id: UUID
    by: Actor
