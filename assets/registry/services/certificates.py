"""Certificates: issue, document, suspension, end."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from assets.datasets.events import VersionWithdrawn
from assets.datasets.states import VersionState
from assets.registry import rules
from assets.registry.events import CertificateIssued, CertificateLapsed
from assets.registry.models import Application, Certificate
from assets.registry.permissions import APPLY, CERTIFY, CONTROL_CERTIFICATES
from assets.registry.selectors import verification_url
from assets.registry.services import sheets
from assets.registry.services.applications import ACTIVE, VersionNotSealed, locked_application
from assets.registry.services.reviews import ReasonMissing, ensure_independent
from assets.registry.states import APPLICATION, CERTIFICATE
from audit.services import record
from documents import objects
from kernel import clock
from kernel.errors import NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.numbers import new_number
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from signing import services as signing

TOKEN_TYPE = "certificate+jwt"
DOCUMENTS_PREFIX = "registry/certificates"


class NoticeNotOver(Refusal):
    """The public notice has not ended."""

    code = "notice_not_over"
    message = _("公示期到 %(until)s 为止，期满次日起才能发证。")


class AlreadyCertified(Refusal):
    """The version has a certificate in force."""

    code = "already_certified"
    message = _("这个版本已有生效中的证书 %(number)s。")


class CertificatePastEnd(Refusal):
    """A certificate past its final day cannot come back into force."""

    code = "certificate_past_end"
    message = _("证书有效期已于 %(until)s 届满，不能恢复效力，请办理续展。")


class VersionRegistered(Refusal):
    """A registered version cannot be withdrawn."""

    code = "version_registered"
    message = _("这个版本有生效中的登记证书 %(number)s 或在办申请，请先注销证书或撤回申请。")


def locked_certificate(certificate_id: UUID) -> Certificate:
    """The certificate, locked until the transaction ends; NotFound if there is none."""
    rows = Certificate.objects.select_for_update(of=("self",)).select_related("holder")
    found = rows.filter(pk=certificate_id).order_by("pk").first()
    if found is None:
        raise NotFound
    return found


def _authority(by: Actor) -> rules.Party:
    """The organization that certifies: the actor's, or for the system the exchange's base."""
    found = by.organization or (
        Organization.objects.filter(kinds__contains=[OrganizationKind.EXCHANGE_OPERATOR])
        .order_by("pk")
        .first()
    )
    assert found is not None, "there is no registry authority"
    return _party(found)


def _party(organization: Organization) -> rules.Party:
    return rules.Party(organization.name, organization.name_en, organization.uscc)


def _facts(application: Application, by: Actor, at: datetime) -> rules.CertificateFacts:
    version = application.version
    number = new_number("ZS", at)
    years: int = settings.REGISTRATION_VALIDITY_YEARS
    valid_from, valid_until = rules.validity(clock.business_date(at), years)
    return rules.CertificateFacts(
        number=number,
        application=application.number,
        kind=application.kind,
        product_kind=application.product_kind,
        title=application.title,
        holder=_party(application.registrant),
        authority=_authority(by),
        asset=rules.Asset(
            dataset=version.dataset.number,
            version=version.version,
            modality=version.dataset.modality,
            root_hash=version.root_hash,
            row_count=version.row_count,
            file_count=version.file_count,
            byte_count=version.byte_count,
        ),
        rights=application.rights,
        classification=application.classification,
        use_case=application.use_case,
        source=application.source_statement,
        issued_at=at,
        valid_from=valid_from,
        valid_until=valid_until,
        is_demo=application.registrant.is_demo,
        verification_url=verification_url(number),
    )


@transaction.atomic
def certify(*, by: Actor, at: datetime, application_id: UUID) -> Certificate:
    """Issue the certificate once the whole public notice has passed; the PDF is made afterwards by a task."""
    application = locked_application(application_id)
    by.require(CERTIFY)
    ensure_independent(by, application)
    APPLICATION.check(application, "certify")
    if not rules.notice_is_over(application.notice_until, clock.business_date(at)):
        raise NoticeNotOver(until=application.notice_until)
    if application.version.state != VersionState.SEALED:
        raise VersionNotSealed
    active = Certificate.objects.filter(version_id=application.version_id, state__in=ACTIVE).first()
    if active is not None:
        raise AlreadyCertified(number=active.number)
    facts = _facts(application, by, at)
    claims = rules.claims(facts)
    certificate = Certificate.objects.create(
        number=facts.number,
        application=application,
        version_id=application.version_id,
        holder=application.registrant,
        title=facts.title,
        issued_at=at,
        valid_from=facts.valid_from,
        valid_until=facts.valid_until,
        claims=claims,
        token=signing.sign(claims, type_=TOKEN_TYPE),
        key_id=signing.current_key().kid,
    )
    application.due_on = None
    APPLICATION.move(
        application, "certify", by=by, at=at, reason=certificate.number, update_fields=["due_on"]
    )
    record(
        by=by,
        at=at,
        action="registry.certify",
        subject=certificate,
        detail={
            "application": application.number,
            "root_hash": facts.asset.root_hash,
            "key": certificate.key_id,
        },
    )
    announce(CertificateIssued(at=at, certificate_id=certificate.pk, by=by))
    _queue_document(certificate.pk)
    return certificate


def _queue_document(certificate_id: UUID) -> None:
    from assets.registry.tasks import make_document

    transaction.on_commit(lambda: make_document.delay(str(certificate_id)), robust=True)


@transaction.atomic
def issue_document(*, by: Actor, at: datetime, certificate_id: UUID) -> Certificate:
    """Make the PDF of a certificate once, store it, and keep its SHA-256; afterwards it never changes."""
    certificate = locked_certificate(certificate_id)
    if certificate.document_sha256:
        return certificate
    stored = objects.put(
        DOCUMENTS_PREFIX, sheets.pdf(certificate.claims, certificate.key_id), "application/pdf"
    )
    certificate.document_key, certificate.document_sha256 = stored.key, stored.sha256
    certificate.save(update_fields=["document_key", "document_sha256"])
    record(
        by=by,
        at=at,
        action="registry.document",
        subject=certificate,
        detail={"sha256": certificate.document_sha256},
    )
    return certificate


def _end(
    certificate: Certificate, move: str, *, by: Actor, at: datetime, reason: str, action: str
) -> Certificate:
    """One move that takes a certificate out of force, told to whoever relies on it."""
    CERTIFICATE.move(certificate, move, by=by, at=at, reason=reason)
    record(by=by, at=at, action=action, subject=certificate, detail={"reason": reason})
    announce(CertificateLapsed(at=at, certificate_id=certificate.pk, by=by))
    return certificate


def _controlled(by: Actor, certificate_id: UUID, reason: str) -> Certificate:
    certificate = locked_certificate(certificate_id)
    by.require(CONTROL_CERTIFICATES)
    if not by.is_system and by.organization_id == certificate.holder_id:
        raise SelfReview
    if not reason.strip():
        raise ReasonMissing(field="reason")
    return certificate


@transaction.atomic
def suspend(*, by: Actor, at: datetime, certificate_id: UUID, reason: str) -> Certificate:
    """Suspend a certificate's effect while something is looked into."""
    certificate = _controlled(by, certificate_id, reason)
    return _end(certificate, "suspend", by=by, at=at, reason=reason.strip(), action="registry.suspend")


@transaction.atomic
def resume(*, by: Actor, at: datetime, certificate_id: UUID, reason: str) -> Certificate:
    """Put a suspended certificate into force again, unless its time has passed."""
    certificate = _controlled(by, certificate_id, reason)
    CERTIFICATE.check(certificate, "resume")
    if clock.business_date(at) > certificate.valid_until:
        raise CertificatePastEnd(until=certificate.valid_until)
    CERTIFICATE.move(certificate, "resume", by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="registry.resume", subject=certificate, detail={"reason": reason.strip()})
    return certificate


@transaction.atomic
def revoke(*, by: Actor, at: datetime, certificate_id: UUID, reason: str) -> Certificate:
    """The authority ends a certificate that should not have been, for a stated reason."""
    certificate = _controlled(by, certificate_id, reason)
    return _end(certificate, "revoke", by=by, at=at, reason=reason.strip(), action="registry.revoke")


@transaction.atomic
def cancel(*, by: Actor, at: datetime, certificate_id: UUID, reason: str) -> Certificate:
    """The holder gives its own certificate up."""
    certificate = locked_certificate(certificate_id)
    if not by.belongs_to(certificate.holder_id):
        raise NotFound
    by.require(APPLY)
    if not reason.strip():
        raise ReasonMissing(field="reason")
    return _end(certificate, "cancel", by=by, at=at, reason=reason.strip(), action="registry.cancel")


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
