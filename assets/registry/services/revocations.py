"""Revocation by the authority: grounds, notice of a hearing, the hearing or its waiver, decision by two persons.

Sales made while the certificate was valid stay as they were recorded.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from assets.registry import rules
from assets.registry.events import RevocationDecided, RevocationNoticed
from assets.registry.models import Certificate, Objection, Revocation
from assets.registry.permissions import APPLY, CONTROL_CERTIFICATES
from assets.registry.selectors import ACTIVE, parameters_on
from assets.registry.services.applications import SubjectNotInForce, locked_certificate
from assets.registry.services.certificates import controlled, ensure_apart, restart, stop, strike
from assets.registry.services.reviews import ReasonMissing
from assets.registry.states import OPEN_OBJECTIONS, OPEN_REVOCATIONS, REVOCATION, Hearing
from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from kernel.numbers import new_number
from organizations.permissions import Actor


class RevocationOpen(Refusal):
    """One proceeding at a time."""

    code = "revocation_open"
    message = _("这张证书已有未办结的撤销程序 %(number)s。")


class HearingTooEarly(Refusal):
    """The holder gets time to prepare."""

    code = "hearing_too_early"
    message = _("听证须至少提前 %(days)s 个工作日告知，最早可定在 %(earliest)s。")
    status = 422


class HearingNotYet(Refusal):
    """A hearing is recorded on its day or after."""

    code = "hearing_not_yet"
    message = _("听证定于 %(day)s，当天起才能记录；持有人可以在此之前放弃听证。")


class SamePerson(Refusal):
    """Who proposes does not confirm."""

    code = "same_person"
    message = _("撤销须由两人决定：提出人不能核定自己提出的意见，请转交另一人。")
    status = 403


def begin(
    certificate: Certificate,
    *,
    by: Actor,
    at: datetime,
    grounds: str,
    hearing_on: date | None,
    objection: Objection | None = None,
) -> Revocation:
    """Open a proceeding about a locked certificate, tell the holder, and suspend the certificate."""
    if certificate.state not in ACTIVE:
        raise SubjectNotInForce(number=certificate.number, state=certificate.get_state_display())
    known = Revocation.objects.filter(certificate=certificate, state__in=OPEN_REVOCATIONS).first()
    if known is not None:
        raise RevocationOpen(number=known.number)
    on = clock.business_date(at)
    days = parameters_on(on).hearing_notice_working_days
    earliest = rules.due_after(on, days)
    if hearing_on is not None and hearing_on < earliest:
        raise HearingTooEarly(field="hearing_on", days=days, earliest=earliest)
    found = Revocation.objects.create(
        number=new_number("CX", at),
        certificate=certificate,
        objection=objection,
        grounds=grounds.strip(),
        opened_by=by.user,
        opened_at=at,
        hearing_on=hearing_on or earliest,
    )
    found.has_suspended = stop(certificate, by=by, at=at, reason=found.number)
    found.save(update_fields=["has_suspended"])
    detail = {"certificate": certificate.number, "hearing_on": str(found.hearing_on)}
    record(by=by, at=at, action="registry.open_revocation", subject=found, detail=detail)
    announce(RevocationNoticed(at=at, revocation_id=found.pk))
    return found


def begin_for(
    objection: Objection, certificate: Certificate, *, by: Actor, at: datetime, grounds: str
) -> None:
    """Open a proceeding after an upheld objection, unless one is open or the certificate has ended."""
    is_open = Revocation.objects.filter(certificate=certificate, state__in=OPEN_REVOCATIONS).exists()
    if certificate.state in ACTIVE and not is_open:
        begin(certificate, by=by, at=at, grounds=grounds, hearing_on=None, objection=objection)


@transaction.atomic
def open_revocation(
    *, by: Actor, at: datetime, certificate_id: UUID, grounds: str, hearing_on: date | None = None
) -> Revocation:
    """Tell the holder that its certificate may be revoked, why, and when it will be heard."""
    certificate = controlled(by, certificate_id, grounds)
    return begin(certificate, by=by, at=at, grounds=grounds, hearing_on=hearing_on)


def _locked(revocation_id: UUID) -> tuple[Revocation, Certificate]:
    """The proceeding with its certificate, both locked, the certificate first."""
    key = Revocation.objects.filter(pk=revocation_id).values_list("certificate_id", flat=True).first()
    if key is None:
        raise NotFound
    certificate = locked_certificate(key)
    return Revocation.objects.select_for_update(of=("self",)).get(pk=revocation_id), certificate


def _judged(by: Actor, revocation_id: UUID) -> tuple[Revocation, Certificate]:
    found, certificate = _locked(revocation_id)
    by.require(CONTROL_CERTIFICATES)
    parties = [certificate.holder_id]
    if found.objection is not None and found.objection.organization_id is not None:
        parties.append(found.objection.organization_id)
    ensure_apart(by, parties)
    return found, certificate


_HEARD = ["hearing", "hearing_record", "minutes", "heard_at"]


@transaction.atomic
def waive_hearing(*, by: Actor, at: datetime, revocation_id: UUID, statement: str = "") -> Revocation:
    """The holder does without a hearing; a written statement goes into the record."""
    found, certificate = _locked(revocation_id)
    if not by.belongs_to(certificate.holder_id):
        raise NotFound
    by.require(APPLY)
    found.hearing, found.heard_at, found.hearing_record = Hearing.WAIVED, at, statement.strip()
    REVOCATION.move(found, "hear", by=by, at=at, reason=str(Hearing.WAIVED.label), update_fields=_HEARD)
    record(
        by=by, at=at, action="registry.waive_hearing", subject=found, detail={"statement": statement.strip()}
    )
    return found


@transaction.atomic
def record_hearing(
    *,
    by: Actor,
    at: datetime,
    revocation_id: UUID,
    hearing: str,
    minutes: str,
    document_id: UUID | None = None,
) -> Revocation:
    """Record that the hearing was held, or that the holder did not come, with the minutes."""
    found, _certificate = _judged(by, revocation_id)
    REVOCATION.check(found, "hear")
    if clock.business_date(at) < found.hearing_on:
        raise HearingNotYet(day=found.hearing_on)
    if hearing not in (Hearing.HELD, Hearing.ABSENT):
        raise InvalidInput(field="hearing", reason=_("请选择听证已举行，或持有人未到场。"))
    if not minutes.strip():
        raise InvalidInput(field="minutes", reason=_("请写明听证经过：到场人员、陈述与质证。"))
    if document_id is not None:
        found.minutes = Document.objects.filter(
            pk=document_id, organization=by.organization, state=DocumentState.STORED
        ).first()
        if found.minutes is None:
            raise NotFound
    found.hearing, found.heard_at, found.hearing_record = hearing, at, minutes.strip()
    REVOCATION.move(found, "hear", by=by, at=at, update_fields=_HEARD)
    record(by=by, at=at, action="registry.record_hearing", subject=found, detail={"hearing": hearing})
    return found


@transaction.atomic
def propose_revocation(*, by: Actor, at: datetime, revocation_id: UUID, reason: str) -> Revocation:
    """The first person proposes to revoke, after the hearing."""
    found, _certificate = _judged(by, revocation_id)
    REVOCATION.check(found, "propose")
    if not reason.strip():
        raise ReasonMissing(field="reason")
    found.proposed_by, found.proposed_at, found.proposal = by.user, at, reason.strip()
    fields = ["proposed_by", "proposed_at", "proposal"]
    REVOCATION.move(found, "propose", by=by, at=at, reason=reason.strip(), update_fields=fields)
    record(
        by=by, at=at, action="registry.propose_revocation", subject=found, detail={"reason": reason.strip()}
    )
    return found


@transaction.atomic
def reconsider_revocation(*, by: Actor, at: datetime, revocation_id: UUID, reason: str) -> Revocation:
    """The second person sends the proposal back to be thought over."""
    found, _certificate = _judged(by, revocation_id)
    REVOCATION.check(found, "reconsider")
    if found.proposed_by_id == by.user_id:
        raise SamePerson
    if not reason.strip():
        raise ReasonMissing(field="reason")
    REVOCATION.move(found, "reconsider", by=by, at=at, reason=reason.strip())
    record(
        by=by,
        at=at,
        action="registry.reconsider_revocation",
        subject=found,
        detail={"reason": reason.strip()},
    )
    return found


@transaction.atomic
def confirm_revocation(*, by: Actor, at: datetime, revocation_id: UUID, reason: str) -> Revocation:
    """The second person revokes the certificate."""
    found, certificate = _judged(by, revocation_id)
    REVOCATION.check(found, "confirm")
    if found.proposed_by_id == by.user_id:
        raise SamePerson
    if not reason.strip():
        raise ReasonMissing(field="reason")
    _decide(found, "confirm", by=by, at=at, reason=reason.strip())
    strike(certificate, by=by, at=at, reason=f"{found.number}：{reason.strip()}")
    announce(RevocationDecided(at=at, revocation_id=found.pk))
    return found


@transaction.atomic
def drop_revocation(*, by: Actor, at: datetime, revocation_id: UUID, reason: str) -> Revocation:
    """End the proceeding without revocation; the certificate is in force again."""
    found, certificate = _judged(by, revocation_id)
    REVOCATION.check(found, "drop")
    if not reason.strip():
        raise ReasonMissing(field="reason")
    _decide(found, "drop", by=by, at=at, reason=reason.strip())
    release(certificate, found, by=by, at=at)
    announce(RevocationDecided(at=at, revocation_id=found.pk))
    return found


def _decide(found: Revocation, move: str, *, by: Actor, at: datetime, reason: str) -> None:
    found.decided_by, found.decided_at, found.decision_reason = by.user, at, reason
    fields = ["decided_by", "decided_at", "decision_reason"]
    REVOCATION.move(found, move, by=by, at=at, reason=reason, update_fields=fields)
    record(by=by, at=at, action=f"registry.{move}_revocation", subject=found, detail={"reason": reason})


def release(certificate: Certificate, dispute: Objection | Revocation, *, by: Actor, at: datetime) -> None:
    """Let go of a certificate that an ended dispute had suspended, or hand the hold to one that is still open."""
    if not dispute.has_suspended:
        return
    heir: Objection | Revocation | None = (
        Revocation.objects.filter(certificate=certificate, state__in=OPEN_REVOCATIONS).first()
        or Objection.objects.filter(certificate=certificate, state__in=OPEN_OBJECTIONS).order_by("pk").first()
    )
    if heir is not None:
        heir.has_suspended = True
        heir.save(update_fields=["has_suspended"])
        return
    restart(certificate, by=by, at=at, reason=dispute.number)
