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
class DocumentIssued(Event):
    """The PDF of a certificate was made; it never changes again."""

    certificate_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class CertificateLapsed(Event):
    """A certificate stopped being valid (expired, suspended, cancelled, revoked, replaced)."""

    certificate_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class CertificateResumed(Event):
    """A suspended certificate is in force again."""

    certificate_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class CertificateReplaced(Event):
    """Another certificate took a certificate's place; `kind` is the kind of registration that did it.

    CertificateLapsed (the former) and CertificateIssued (the new one) were announced just before.
    """

    former_id: UUID
    certificate_id: UUID
    kind: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class CertificateEnding(Event):
    """A certificate ends in at most so many days."""

    certificate_id: UUID
    days: int


@dataclass(frozen=True, kw_only=True)
class LicenceRegistered(Event):
    """A licence under a certificate was registered."""

    licence_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class AgreementAsked(Event):
    """A holder named the other party of a transfer or licence, who may now agree."""

    application_id: UUID


@dataclass(frozen=True, kw_only=True)
class ApplicationSubmitted(Event):
    """An application reached the authority."""

    application_id: UUID


@dataclass(frozen=True, kw_only=True)
class ApplicationReturned(Event):
    """An application went back to be corrected."""

    application_id: UUID


@dataclass(frozen=True, kw_only=True)
class ApplicationInNotice(Event):
    """An application passed its review and is shown to the public."""

    application_id: UUID


@dataclass(frozen=True, kw_only=True)
class ApplicationRejected(Event):
    """A registration was refused."""

    application_id: UUID


@dataclass(frozen=True, kw_only=True)
class ApplicationConcluded(Event):
    """An application that leads to no new certificate came to its end (a cancellation)."""

    application_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReviewerAssigned(Event):
    """A person is to review an application, or to vote on it."""

    application_id: UUID
    user_id: UUID


@dataclass(frozen=True, kw_only=True)
class NoticeEnded(Event):
    """An application's public notice has passed; the decision waits for a person."""

    application_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReviewOverdue(Event):
    """The authority let a deadline pass."""

    application_id: UUID


@dataclass(frozen=True, kw_only=True)
class ObjectionFiled(Event):
    """Somebody objects to an application in notice, or to a certificate."""

    objection_id: UUID


@dataclass(frozen=True, kw_only=True)
class ObjectionAccepted(Event):
    """An objection is dealt with; the registrant must reply."""

    objection_id: UUID


@dataclass(frozen=True, kw_only=True)
class ObjectionOverdue(Event):
    """A deadline of an objection has passed."""

    objection_id: UUID


@dataclass(frozen=True, kw_only=True)
class ObjectionDecided(Event):
    """An objection was declined, upheld, dismissed or withdrawn."""

    objection_id: UUID


@dataclass(frozen=True, kw_only=True)
class RevocationNoticed(Event):
    """The holder is told that its certificate may be revoked, why, and when it will be heard."""

    revocation_id: UUID


@dataclass(frozen=True, kw_only=True)
class RevocationDecided(Event):
    """A proceeding to revoke a certificate ended, with or without revocation."""

    revocation_id: UUID
