"""Certificates: issue, replacement, licences, document, suspension, end."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from assets.datasets.events import VersionWithdrawn
from assets.registry import rules
from assets.registry.codes import code_of
from assets.registry.events import (
    ApplicationConcluded,
    CertificateIssued,
    CertificateLapsed,
    CertificateReplaced,
    CertificateResumed,
    DocumentIssued,
    LicenceRegistered,
)
from assets.registry.fingerprints import fingerprint
from assets.registry.models import Application, Certificate, Licence
from assets.registry.permissions import CERTIFY, CONTROL_CERTIFICATES
from assets.registry.selectors import (
    ACTIVE,
    dispute_of,
    effective_classification,
    is_fixed,
    parameters_on,
    party,
    verification_url,
    work_of,
)
from assets.registry.services import sheets
from assets.registry.services.applications import (
    DisputeOpen,
    ProjectNotAccepted,
    VersionNotSealed,
    ensure_movable,
    locked_application,
    locked_certificate,
)
from assets.registry.services.reviews import (
    ReasonMissing,
    WrongKind,
    belongs_to_any,
    ensure_agreed,
    ensure_independent,
    ensure_not_core,
    ensure_passable,
    led,
)
from assets.registry.states import APPLICATION, CERTIFICATE, CertificateState, RegistrationKind
from audit.services import record
from documents import objects
from kernel import clock
from kernel.errors import Refusal, SelfReview
from kernel.events import announce
from kernel.numbers import new_number
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from signing import services as signing

TOKEN_TYPE = "certificate+jwt"
LICENCE_TYPE = "licence+jwt"
DOCUMENTS_PREFIX = "registry/certificates"


class NoticeNotOver(Refusal):
    """The public notice has not ended."""

    code = "notice_not_over"
    message = _("公示期到 %(until)s 为止，期满次日起才能发证。")


class AlreadyCertified(Refusal):
    """The version or project has a certificate in force."""

    code = "already_certified"
    message = _("这个登记对象已有生效中的证书 %(number)s。")


class CertificatePastEnd(Refusal):
    """A certificate past its final day cannot come back into force."""

    code = "certificate_past_end"
    message = _("证书有效期已于 %(until)s 届满，不能恢复效力，请办理续展。")


class VersionRegistered(Refusal):
    """A registered version cannot be withdrawn."""

    code = "version_registered"
    message = _("这个版本有生效中的登记证书 %(number)s 或在办申请，请先注销证书或撤回申请。")


# --- what a certificate says --------------------------------------------------------------------


def _authority(by: Actor) -> rules.Party:
    """The organization that certifies: the actor's, or for the system the exchange's base."""
    found = by.organization or (
        Organization.objects.filter(kinds__contains=[OrganizationKind.EXCHANGE_OPERATOR])
        .order_by("pk")
        .first()
    )
    assert found is not None, "there is no registry authority"
    return party(found)


def _period(application: Application, subject: Certificate | None, on: date) -> tuple[date, date]:
    """First and final day of the certificate that an application leads to."""
    years = parameters_on(on).validity_years
    if subject is None:
        return rules.validity(on, years)
    if application.kind == RegistrationKind.CORRECTION:
        return subject.valid_from, subject.valid_until
    if application.kind == RegistrationKind.RENEWAL:
        return on, rules.renewed_until(subject.valid_until, on, years)
    return on, subject.valid_until


def _holder(application: Application) -> Organization:
    if application.kind == RegistrationKind.TRANSFER:
        assert application.other is not None, "a complete transfer has a transferee"
        return application.other
    return application.registrant


def _asset(application: Application) -> rules.Asset | None:
    version = application.version
    if version is None:
        return None
    return rules.Asset(
        dataset=version.dataset.number,
        version=version.version,
        modality=version.dataset.modality,
        root_hash=version.root_hash,
        row_count=version.row_count,
        file_count=version.file_count,
        byte_count=version.byte_count,
        annotation_root=version.annotation_root,
        annotation_count=version.annotation_count,
    )


def _facts(
    application: Application, subject: Certificate | None, by: Actor, at: datetime
) -> rules.CertificateFacts:
    number, holder, project = new_number("ZS", at), _holder(application), application.project
    valid_from, valid_until = _period(application, subject, clock.business_date(at))
    files = [(str(row), row.document.sha256) for row in application.attachments.select_related("document")]
    return rules.CertificateFacts(
        number=number,
        application=application.number,
        kind=application.kind,
        product_kind=application.product_kind,
        title=application.title,
        holder=party(holder),
        authority=_authority(by),
        asset=_asset(application),
        rights=application.rights,
        classification=effective_classification(application),
        use_case=application.use_case,
        source=application.source_statement,
        issued_at=at,
        valid_from=valid_from,
        valid_until=valid_until,
        is_demo=holder.is_demo,
        verification_url=verification_url(number),
        project=work_of(project, application.arrangement) if project else None,
        files=sorted(files),
        replaces=subject.number if subject else "",
    )


# --- decisions ----------------------------------------------------------------------------------


@transaction.atomic
def certify(*, by: Actor, at: datetime, application_id: UUID) -> Certificate:
    """Issue the certificate once the whole public notice has passed; the PDF is made afterwards by a task.

    MoreNeeded, CoreData when the version's profile showed only after the review that its data are stricter.
    """
    application = locked_application(application_id)
    by.require(CERTIFY)
    ensure_independent(by, application)
    APPLICATION.check(application, "certify")
    if not rules.notice_is_over(application.notice_until, clock.business_date(at)):
        raise NoticeNotOver(until=application.notice_until)
    ensure_not_core(application)
    ensure_agreed(application)
    return _certified(application, _subject(application, at), "certify", by, at)


@transaction.atomic
def conclude(*, by: Actor, at: datetime, application_id: UUID, reason: str = "") -> Application:
    """Decide a kind of registration that has no public notice: correction, licence, renewal, cancellation."""
    application = led(by, application_id)
    by.require(CERTIFY)
    APPLICATION.check(application, "conclude")
    if rules.KINDS[application.kind].has_notice:
        raise WrongKind(kind=application.get_kind_display(), way=_("须先公示，期满后发证"))
    ensure_passable(application)
    subject = _subject(application, at)
    assert subject is not None, "only a first registration has no certificate, and it has a notice"
    application.decision_reason = reason.strip()
    application.save(update_fields=["decision_reason"])
    if application.kind == RegistrationKind.LICENCE:
        _licensed(application, subject, by, at)
    elif application.kind == RegistrationKind.CANCELLATION:
        _closed(application, "conclude", by, at, subject.number)
        _end(subject, "cancel", by=by, at=at, reason=application.reason, action="registry.cancel")
        announce(ApplicationConcluded(at=at, application_id=application.pk))
    else:
        _certified(application, subject, "conclude", by, at)
    return application


def _subject(application: Application, at: datetime) -> Certificate | None:
    """The locked certificate that an application is about, still movable; None for a first registration."""
    if application.subject_id is None:
        return None
    subject = locked_certificate(application.subject_id)
    ensure_movable(subject, application.kind, clock.business_date(at))
    return subject


def _closed(application: Application, move: str, by: Actor, at: datetime, reason: str) -> None:
    application.due_on, application.escalated_at = None, None
    APPLICATION.move(application, move, by=by, at=at, reason=reason, update_fields=["due_on", "escalated_at"])


def _certified(
    application: Application, subject: Certificate | None, move: str, by: Actor, at: datetime
) -> Certificate:
    """End an application in a certificate; the one before it, if any, makes room first."""
    if not is_fixed(application):
        raise ProjectNotAccepted if application.project_id else VersionNotSealed
    if subject is not None:
        ending = rules.KINDS[application.kind].ends_as
        _end(subject, ending, by=by, at=at, reason=application.number, action=f"registry.{ending}")
    _refuse_second(application)
    certificate = _issue(application, subject, by, at)
    _closed(application, move, by, at, certificate.number)
    announce(CertificateIssued(at=at, certificate_id=certificate.pk, by=by))
    if subject is not None:
        news = CertificateReplaced(
            at=at, former_id=subject.pk, certificate_id=certificate.pk, kind=application.kind, by=by
        )
        announce(news)
    _queue_document(certificate.pk)
    return certificate


def _refuse_second(application: Application) -> None:
    things: dict[str, Model | None] = {"version": application.version, "project": application.project}
    for name, thing in things.items():
        if thing is None:
            continue
        active = Certificate.objects.filter(state__in=ACTIVE, **{name: thing}).first()
        if active is not None:
            raise AlreadyCertified(number=active.number)


def _issue(application: Application, subject: Certificate | None, by: Actor, at: datetime) -> Certificate:
    facts = _facts(application, subject, by, at)
    claims = rules.claims(facts)
    certificate = Certificate.objects.create(
        number=facts.number,
        application=application,
        version_id=application.version_id,
        project_id=application.project_id,
        replaces=subject,
        origin_id=(subject.origin_id or subject.pk) if subject else None,
        holder=_holder(application),
        title=facts.title,
        issued_at=at,
        valid_from=facts.valid_from,
        valid_until=facts.valid_until,
        claims=claims,
        token=signing.sign(claims, type_=TOKEN_TYPE),
        key_id=signing.current_key().kid,
    )
    detail = {
        "application": application.number,
        "kind": application.kind,
        "fingerprint": fingerprint(claims["certificate"]),
        "key": certificate.key_id,
    }
    record(by=by, at=at, action="registry.certify", subject=certificate, detail=detail)
    return certificate


def _licensed(application: Application, subject: Certificate, by: Actor, at: datetime) -> Licence:
    assert application.other is not None, "a complete licence has a licensee"
    assert application.licence_until is not None, "a complete licence has an end"
    facts = rules.LicenceFacts(
        number=new_number("XK", at),
        certificate=subject.number,
        title=subject.title,
        licensor=party(application.registrant),
        licensee=party(application.other),
        authority=_authority(by),
        scope=application.scope,
        issued_at=at,
        valid_from=clock.business_date(at),
        valid_until=application.licence_until,
        is_demo=application.registrant.is_demo,
    )
    if facts.valid_until < facts.valid_from:
        raise LicenceOver(until=facts.valid_until)
    claims = rules.licence_claims(facts)
    licence = Licence.objects.create(
        number=facts.number,
        application=application,
        certificate=subject,
        licensee=application.other,
        scope=facts.scope,
        issued_at=at,
        valid_from=facts.valid_from,
        valid_until=facts.valid_until,
        claims=claims,
        token=signing.sign(claims, type_=LICENCE_TYPE),
        key_id=signing.current_key().kid,
    )
    _closed(application, "conclude", by, at, licence.number)
    detail = {"certificate": subject.number, "licensee": application.other.uscc}
    record(by=by, at=at, action="registry.licence", subject=licence, detail=detail)
    announce(LicenceRegistered(at=at, licence_id=licence.pk, by=by))
    return licence


class LicenceOver(Refusal):
    """A licence that has ended is not registered."""

    code = "licence_over"
    message = _("许可的最后一日 %(until)s 已过，请退回申请人修改。")


# --- the document -------------------------------------------------------------------------------


def _queue_document(certificate_id: UUID) -> None:
    from assets.registry.tasks import make_document

    transaction.on_commit(lambda: make_document.delay(str(certificate_id)), robust=True)


@transaction.atomic
def issue_document(*, by: Actor, at: datetime, certificate_id: UUID) -> Certificate:
    """Make the PDF of a certificate once, store it, and keep its SHA-256; afterwards it never changes."""
    certificate = locked_certificate(certificate_id)
    if certificate.document_sha256:
        return certificate
    sheet = sheets.pdf(certificate.claims, certificate.key_id, code_of(certificate))
    stored = objects.put(DOCUMENTS_PREFIX, sheet, "application/pdf")
    certificate.document_key, certificate.document_sha256 = stored.key, stored.sha256
    certificate.save(update_fields=["document_key", "document_sha256"])
    record(
        by=by,
        at=at,
        action="registry.document",
        subject=certificate,
        detail={"sha256": certificate.document_sha256},
    )
    announce(DocumentIssued(at=at, certificate_id=certificate.pk, by=by))
    return certificate


# --- suspension and end -------------------------------------------------------------------------


def _end(
    certificate: Certificate, move: str, *, by: Actor, at: datetime, reason: str, action: str
) -> Certificate:
    """One move that takes a certificate out of force, told to whoever relies on it."""
    CERTIFICATE.move(certificate, move, by=by, at=at, reason=reason)
    record(by=by, at=at, action=action, subject=certificate, detail={"reason": reason})
    announce(CertificateLapsed(at=at, certificate_id=certificate.pk, by=by))
    return certificate


def stop(certificate: Certificate, *, by: Actor, at: datetime, reason: str) -> bool:
    """Suspend a locked certificate that is valid; whether this did it."""
    if certificate.state != CertificateState.VALID:
        return False
    _end(certificate, "suspend", by=by, at=at, reason=reason, action="registry.suspend")
    return True


def restart(certificate: Certificate, *, by: Actor, at: datetime, reason: str) -> bool:
    """Bring a locked, suspended certificate back into force, unless it has ended meanwhile."""
    if certificate.state != CertificateState.SUSPENDED or certificate.valid_until < clock.business_date(at):
        return False
    CERTIFICATE.move(certificate, "resume", by=by, at=at, reason=reason)
    record(by=by, at=at, action="registry.resume", subject=certificate, detail={"reason": reason})
    announce(CertificateResumed(at=at, certificate_id=certificate.pk, by=by))
    return True


def strike(certificate: Certificate, *, by: Actor, at: datetime, reason: str) -> Certificate:
    """Revoke a locked certificate at the end of its proceeding."""
    return _end(certificate, "revoke", by=by, at=at, reason=reason, action="registry.revoke")


def ensure_apart(by: Actor, organizations: list[UUID]) -> None:
    """SelfReview if the actor belongs to one of some organizations, whatever it acts for now."""
    if by.is_system or by.user_id is None:
        return
    if by.organization_id in organizations or belongs_to_any(by.user_id, organizations):
        raise SelfReview


def controlled(by: Actor, certificate_id: UUID, reason: str) -> Certificate:
    """The locked certificate, for the authority and not for anyone of the holder; a reason is given."""
    certificate = locked_certificate(certificate_id)
    by.require(CONTROL_CERTIFICATES)
    ensure_apart(by, [certificate.holder_id])
    if not reason.strip():
        raise ReasonMissing(field="reason")
    return certificate


@transaction.atomic
def suspend(*, by: Actor, at: datetime, certificate_id: UUID, reason: str) -> Certificate:
    """Suspend a certificate's effect while something is looked into."""
    certificate = controlled(by, certificate_id, reason)
    CERTIFICATE.check(certificate, "suspend")
    stop(certificate, by=by, at=at, reason=reason.strip())
    return certificate


@transaction.atomic
def resume(*, by: Actor, at: datetime, certificate_id: UUID, reason: str) -> Certificate:
    """Bring a suspended certificate back into force; not while an objection or revocation is open."""
    certificate = controlled(by, certificate_id, reason)
    CERTIFICATE.check(certificate, "resume")
    dispute = dispute_of(certificate)
    if dispute:
        raise DisputeOpen(number=certificate.number, dispute=dispute)
    if not restart(certificate, by=by, at=at, reason=reason.strip()):
        raise CertificatePastEnd(until=certificate.valid_until)
    return certificate


def expire_due(at: datetime) -> int:
    """End every certificate whose final day has passed, each in its own transaction; how many ended."""
    today, by = clock.business_date(at), Actor.system("证书到期")
    due = Certificate.objects.filter(state__in=ACTIVE, valid_until__lt=today).order_by("pk")
    return sum(_expire(certificate_id, by=by, at=at) for certificate_id in due.values_list("pk", flat=True))


@transaction.atomic
def _expire(certificate_id: UUID, *, by: Actor, at: datetime) -> bool:
    certificate = locked_certificate(certificate_id)
    if certificate.state not in ACTIVE or certificate.valid_until >= clock.business_date(at):
        return False
    _end(certificate, "expire", by=by, at=at, reason=str(_("有效期届满")), action="registry.expire")
    return True


def refuse_withdrawal_of_registered(event: VersionWithdrawn) -> None:
    """Handler of VersionWithdrawn: refuse while the version is registered or being registered."""
    active = Certificate.objects.filter(version_id=event.version_id, state__in=ACTIVE).first()
    open_states = (
        "submitted",
        "accepted_for_review",
        "compliance_review",
        "public_notice",
        "under_objection",
    )
    waiting = Application.objects.filter(version_id=event.version_id, state__in=open_states).first()
    found = active or waiting
    if found is not None:
        raise VersionRegistered(number=found.number)
