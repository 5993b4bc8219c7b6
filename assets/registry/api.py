"""The registry over JSON; verification needs no sign-in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import File, Router, Status
from ninja.files import UploadedFile
from ninja.throttling import AnonRateThrottle, BaseThrottle

from assets.registry import selectors, services, verification
from assets.registry.models import Application
from assets.registry.permissions import REVIEW, VIEW_REGISTRY
from assets.registry.schemas import (
    ApplicationOut,
    CertificateOut,
    DraftIn,
    EditIn,
    FindingIn,
    FindingOut,
    ReasonIn,
    VerdictOut,
    VerifyIn,
)
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound

router = Router()
PUBLIC_RATE: list[BaseThrottle] = [AnonRateThrottle("30/m")]


def _seen(request: HttpRequest, application_id: UUID) -> dict[str, Any]:
    """The arguments of every service on an application that the caller sees."""
    selectors.application_for(actor(request), application_id)
    return {"by": actor(request), "at": clock.now(), "application_id": application_id}


def _told(request: HttpRequest, application: Application) -> ApplicationOut:
    return ApplicationOut.of(selectors.application_for(actor(request), application.pk))


# --- applications -------------------------------------------------------------------------------


@router.get("/applications", response=Page[ApplicationOut], summary="List applications")
def list_applications(
    request: HttpRequest, cursor: str | None = None, limit: int = 50
) -> Page[ApplicationOut]:
    viewer = actor(request)
    if not viewer.can(VIEW_REGISTRY) and not viewer.can(REVIEW):
        raise NotAllowed(permission=VIEW_REGISTRY.label, organization=str(viewer.organization or "—"))
    rows, following = cursor_page(selectors.applications_visible_to(viewer), cursor=cursor, limit=limit)
    return Page[ApplicationOut](items=[ApplicationOut.of(row) for row in rows], next=following)


@router.post("/applications", response={201: ApplicationOut}, summary="Draft an application")
@idempotent
def draft(request: HttpRequest, body: DraftIn) -> Status[ApplicationOut]:
    return Status(
        201, _told(request, services.draft_application(by=actor(request), at=clock.now(), **body.dict()))
    )


@router.get("/applications/{uuid:application_id}", response=ApplicationOut, summary="One application")
def get_application(request: HttpRequest, application_id: UUID) -> ApplicationOut:
    return ApplicationOut.of(selectors.application_for(actor(request), application_id))


@router.patch(
    "/applications/{uuid:application_id}",
    response=ApplicationOut,
    summary="Edit a draft or returned application",
)
def edit(request: HttpRequest, application_id: UUID, body: EditIn) -> ApplicationOut:
    changes = {name: value for name, value in body.dict(exclude_unset=True).items() if value is not None}
    return _told(request, services.edit_application(**_seen(request, application_id), **changes))


@router.post("/applications/{uuid:application_id}/submission", response=ApplicationOut, summary="Submit")
@idempotent
def submit(request: HttpRequest, application_id: UUID) -> ApplicationOut:
    return _told(request, services.submit(**_seen(request, application_id)))


@router.post("/applications/{uuid:application_id}/withdrawal", response=ApplicationOut, summary="Withdraw")
@idempotent
def withdraw(request: HttpRequest, application_id: UUID, body: ReasonIn) -> ApplicationOut:
    return _told(request, services.withdraw_application(**_seen(request, application_id), reason=body.reason))


@router.post(
    "/applications/{uuid:application_id}/acceptance", response=ApplicationOut, summary="Accept for review"
)
@idempotent
def accept(request: HttpRequest, application_id: UUID) -> ApplicationOut:
    return _told(request, services.accept_for_review(**_seen(request, application_id)))


@router.post(
    "/applications/{uuid:application_id}/review",
    response=ApplicationOut,
    summary="Begin the compliance review",
)
@idempotent
def begin(request: HttpRequest, application_id: UUID) -> ApplicationOut:
    return _told(request, services.begin_review(**_seen(request, application_id)))


@router.post(
    "/applications/{uuid:application_id}/findings", response={201: FindingOut}, summary="Judge one point"
)
@idempotent
def find(request: HttpRequest, application_id: UUID, body: FindingIn) -> Status[FindingOut]:
    return Status(
        201, FindingOut.of(services.record_finding(**_seen(request, application_id), **body.dict()))
    )


@router.post(
    "/applications/{uuid:application_id}/pass", response=ApplicationOut, summary="Pass and begin the notice"
)
@idempotent
def pass_(request: HttpRequest, application_id: UUID, body: ReasonIn) -> ApplicationOut:
    return _told(request, services.pass_review(**_seen(request, application_id), reason=body.reason))


@router.post(
    "/applications/{uuid:application_id}/return", response=ApplicationOut, summary="Return to be corrected"
)
@idempotent
def return_(request: HttpRequest, application_id: UUID, body: ReasonIn) -> ApplicationOut:
    return _told(request, services.return_(**_seen(request, application_id), reason=body.reason))


@router.post("/applications/{uuid:application_id}/refusal", response=ApplicationOut, summary="Refuse")
@idempotent
def reject(request: HttpRequest, application_id: UUID, body: ReasonIn) -> ApplicationOut:
    return _told(request, services.reject(**_seen(request, application_id), reason=body.reason))


@router.post(
    "/applications/{uuid:application_id}/certificate",
    response={201: CertificateOut},
    summary="Issue the certificate",
)
@idempotent
def certify(request: HttpRequest, application_id: UUID) -> Status[CertificateOut]:
    return Status(201, CertificateOut.of(services.certify(**_seen(request, application_id))))


# --- certificates -------------------------------------------------------------------------------


@router.get("/certificates", response=Page[CertificateOut], summary="List certificates")
def list_certificates(
    request: HttpRequest, cursor: str | None = None, limit: int = 50
) -> Page[CertificateOut]:
    viewer = actor(request)
    if not viewer.can(VIEW_REGISTRY) and not viewer.can(REVIEW):
        raise NotAllowed(permission=VIEW_REGISTRY.label, organization=str(viewer.organization or "—"))
    rows, following = cursor_page(selectors.certificates_visible_to(viewer), cursor=cursor, limit=limit)
    return Page[CertificateOut](items=[CertificateOut.of(row) for row in rows], next=following)


@router.get(
    "/certificates/{number}",
    response=CertificateOut,
    auth=None,
    throttle=PUBLIC_RATE,
    summary="One certificate, public",
)
def get_certificate(request: HttpRequest, number: str) -> CertificateOut:
    found = selectors.certificate_by_number(number)
    if found is None:
        raise NotFound
    return CertificateOut.of(found)


@router.post(
    "/certificates/{number}/{move}", response=CertificateOut, summary="suspend, resume, revoke or cancel"
)
@idempotent
def move_certificate(request: HttpRequest, number: str, move: str, body: ReasonIn) -> CertificateOut:
    verbs = {
        "suspend": services.suspend,
        "resume": services.resume,
        "revoke": services.revoke,
        "cancel": services.cancel,
    }
    found = selectors.certificates_visible_to(actor(request)).filter(number=number).first()
    if found is None or move not in verbs:
        raise NotFound
    return CertificateOut.of(
        verbs[move](by=actor(request), at=clock.now(), certificate_id=found.pk, reason=body.reason)
    )


# --- verification -------------------------------------------------------------------------------


@router.get("/verify", response=VerdictOut, auth=None, throttle=PUBLIC_RATE, summary="Verify a number")
def verify_number(request: HttpRequest, number: str) -> VerdictOut:
    return VerdictOut.of(verification.verify_number(number, on=clock.business_date(clock.now())))


@router.post(
    "/verify", response=VerdictOut, auth=None, throttle=PUBLIC_RATE, summary="Verify a number or a token"
)
def verify(request: HttpRequest, body: VerifyIn) -> VerdictOut:
    return VerdictOut.of(verification.verify(body.presented, on=clock.business_date(clock.now())))


@router.post(
    "/verify/file",
    response=VerdictOut,
    auth=None,
    throttle=PUBLIC_RATE,
    summary="Verify a PDF, JSON or JWT file",
)
def verify_file(request: HttpRequest, file: File[UploadedFile]) -> VerdictOut:
    if (file.size or 0) > verification.MAXIMUM_BYTES:
        raise InvalidInput(field="file", reason=_("文件超过 5 MB，不是本平台签发的证书。"))
    return VerdictOut.of(verification.verify_file(file.read(), on=clock.business_date(clock.now())))
