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
    AttachmentIn,
    AttachmentOut,
    CertificateOut,
    CommitteeIn,
    CommitteeOut,
    DecisionIn,
    DraftIn,
    EditIn,
    FindingIn,
    FindingOut,
    FollowUpIn,
    HandOverIn,
    HearingIn,
    NoticeOut,
    ObjectionIn,
    ObjectionOut,
    OpinionIn,
    OtherIn,
    ReasonIn,
    ReplyIn,
    ReturnIn,
    RevocationIn,
    RevocationOut,
    SecondIn,
    VerdictOut,
    VerifyIn,
    VoteIn,
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
def return_(request: HttpRequest, application_id: UUID, body: ReturnIn) -> ApplicationOut:
    return _told(request, services.return_(**_seen(request, application_id), **body.dict()))


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


@router.post(
    "/applications/{uuid:application_id}/conclusion",
    response=ApplicationOut,
    summary="Decide a kind without public notice",
)
@idempotent
def conclude(request: HttpRequest, application_id: UUID, body: ReasonIn) -> ApplicationOut:
    return _told(request, services.conclude(**_seen(request, application_id), reason=body.reason))


@router.post(
    "/applications/{uuid:application_id}/other", response=ApplicationOut, summary="Name the other party"
)
@idempotent
def name_other(request: HttpRequest, application_id: UUID, body: OtherIn) -> ApplicationOut:
    return _told(request, services.name_other(**_seen(request, application_id), uscc=body.uscc))


@router.post(
    "/applications/{uuid:application_id}/agreement",
    response=ApplicationOut,
    summary="Agree as the other party",
)
@idempotent
def agree(request: HttpRequest, application_id: UUID) -> ApplicationOut:
    return _told(request, services.agree(**_seen(request, application_id)))


@router.post(
    "/applications/{uuid:application_id}/files",
    response={201: AttachmentOut},
    summary="Attach a stored document",
)
@idempotent
def attach(request: HttpRequest, application_id: UUID, body: AttachmentIn) -> Status[AttachmentOut]:
    return Status(201, AttachmentOut.of(services.attach(**_seen(request, application_id), **body.dict())))


@router.delete(
    "/applications/{uuid:application_id}/files/{uuid:attachment_id}",
    response={204: None},
    summary="Take a file off",
)
def detach(request: HttpRequest, application_id: UUID, attachment_id: UUID) -> Status[None]:
    services.detach(**_seen(request, application_id), attachment_id=attachment_id)
    return Status(204, None)


# --- review by several --------------------------------------------------------------------------


@router.post(
    "/applications/{uuid:application_id}/hand-over", response=ApplicationOut, summary="Hand the review over"
)
@idempotent
def hand_over(request: HttpRequest, application_id: UUID, body: HandOverIn) -> ApplicationOut:
    return _told(request, services.hand_over(**_seen(request, application_id), **body.dict()))


@router.post(
    "/applications/{uuid:application_id}/second-reviewer",
    response=ApplicationOut,
    summary="Ask a second reviewer",
)
@idempotent
def assign_second(request: HttpRequest, application_id: UUID, body: SecondIn) -> ApplicationOut:
    services.assign_second(**_seen(request, application_id), **body.dict())
    return ApplicationOut.of(selectors.application_for(actor(request), application_id))


@router.post(
    "/applications/{uuid:application_id}/second-opinion",
    response=ApplicationOut,
    summary="Give the second opinion",
)
@idempotent
def give_opinion(request: HttpRequest, application_id: UUID, body: OpinionIn) -> ApplicationOut:
    services.give_opinion(**_seen(request, application_id), **body.dict())
    return ApplicationOut.of(selectors.application_for(actor(request), application_id))


@router.post(
    "/applications/{uuid:application_id}/committee",
    response={201: CommitteeOut},
    summary="Convene the committee",
)
@idempotent
def convene(request: HttpRequest, application_id: UUID, body: CommitteeIn) -> Status[CommitteeOut]:
    services.convene(**_seen(request, application_id), member_ids=body.member_ids)
    application = selectors.application_for(actor(request), application_id)
    return Status(201, CommitteeOut.of(selectors.committee_of(application)))


@router.post("/applications/{uuid:application_id}/votes", response={201: CommitteeOut}, summary="Vote")
@idempotent
def vote(request: HttpRequest, application_id: UUID, body: VoteIn) -> Status[CommitteeOut]:
    services.vote(**_seen(request, application_id), **body.dict())
    application = selectors.application_for(actor(request), application_id)
    return Status(201, CommitteeOut.of(selectors.committee_of(application)))


# --- notices, objections, revocations -----------------------------------------------------------


@router.get(
    "/notices",
    response=Page[NoticeOut],
    auth=None,
    throttle=PUBLIC_RATE,
    summary="Public notices, for anyone",
)
def list_notices(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Page[NoticeOut]:
    rows, following = cursor_page(selectors.notices(), cursor=cursor, limit=limit)
    return Page[NoticeOut](items=[NoticeOut.of(row) for row in rows], next=following)


def _objected(request: HttpRequest, objection_id: UUID) -> dict[str, Any]:
    """The arguments of every service on an objection that the caller sees."""
    selectors.objection_for(actor(request), objection_id)
    return {"by": actor(request), "at": clock.now(), "objection_id": objection_id}


@router.get("/objections", response=Page[ObjectionOut], summary="List objections")
def list_objections(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Page[ObjectionOut]:
    rows, following = cursor_page(selectors.objections_visible_to(actor(request)), cursor=cursor, limit=limit)
    return Page[ObjectionOut](items=[ObjectionOut.of(row) for row in rows], next=following)


@router.post("/objections", response={201: ObjectionOut}, summary="Object to an application or a certificate")
@idempotent
def file_objection(request: HttpRequest, body: ObjectionIn) -> Status[ObjectionOut]:
    if (body.application_id is None) == (body.certificate is None):
        raise InvalidInput(field="certificate", reason=_("请指明异议对象：一份公示中的申请，或一张证书。"))
    told = body.dict(exclude={"application_id", "certificate"})
    if body.application_id is not None:
        told["application_id"] = selectors.notice(body.application_id).pk
    else:
        certificate = selectors.certificate_by_number(body.certificate or "")
        if certificate is None:
            raise NotFound
        told["certificate_id"] = certificate.pk
    return Status(201, ObjectionOut.of(services.file_objection(by=actor(request), at=clock.now(), **told)))


@router.get("/objections/{uuid:objection_id}", response=ObjectionOut, summary="One objection")
def get_objection(request: HttpRequest, objection_id: UUID) -> ObjectionOut:
    return ObjectionOut.of(selectors.objection_for(actor(request), objection_id))


@router.post(
    "/objections/{uuid:objection_id}/acceptance", response=ObjectionOut, summary="Take an objection up"
)
@idempotent
def accept_objection(request: HttpRequest, objection_id: UUID) -> ObjectionOut:
    return ObjectionOut.of(services.accept_objection(**_objected(request, objection_id)))


@router.post("/objections/{uuid:objection_id}/refusal", response=ObjectionOut, summary="Decline an objection")
@idempotent
def decline_objection(request: HttpRequest, objection_id: UUID, body: ReasonIn) -> ObjectionOut:
    return ObjectionOut.of(services.decline_objection(**_objected(request, objection_id), reason=body.reason))


@router.post(
    "/objections/{uuid:objection_id}/reply", response=ObjectionOut, summary="Reply as the registrant"
)
@idempotent
def answer_objection(request: HttpRequest, objection_id: UUID, body: ReplyIn) -> ObjectionOut:
    return ObjectionOut.of(services.answer_objection(**_objected(request, objection_id), **body.dict()))


@router.post("/objections/{uuid:objection_id}/decision", response=ObjectionOut, summary="Uphold or dismiss")
@idempotent
def decide_objection(request: HttpRequest, objection_id: UUID, body: DecisionIn) -> ObjectionOut:
    return ObjectionOut.of(services.decide_objection(**_objected(request, objection_id), **body.dict()))


@router.post(
    "/objections/{uuid:objection_id}/withdrawal", response=ObjectionOut, summary="Take an objection back"
)
@idempotent
def withdraw_objection(request: HttpRequest, objection_id: UUID) -> ObjectionOut:
    return ObjectionOut.of(services.withdraw_objection(**_objected(request, objection_id)))


def _proceeding(request: HttpRequest, revocation_id: UUID) -> dict[str, Any]:
    """The arguments of every service on a revocation that the caller sees."""
    selectors.revocation_for(actor(request), revocation_id)
    return {"by": actor(request), "at": clock.now(), "revocation_id": revocation_id}


@router.get("/revocations/{uuid:revocation_id}", response=RevocationOut, summary="One revocation")
def get_revocation(request: HttpRequest, revocation_id: UUID) -> RevocationOut:
    return RevocationOut.of(selectors.revocation_for(actor(request), revocation_id))


@router.post(
    "/revocations/{uuid:revocation_id}/hearing", response=RevocationOut, summary="Record the hearing"
)
@idempotent
def record_hearing(request: HttpRequest, revocation_id: UUID, body: HearingIn) -> RevocationOut:
    return RevocationOut.of(services.record_hearing(**_proceeding(request, revocation_id), **body.dict()))


@router.post("/revocations/{uuid:revocation_id}/waiver", response=RevocationOut, summary="Waive the hearing")
@idempotent
def waive_hearing(request: HttpRequest, revocation_id: UUID, body: ReasonIn) -> RevocationOut:
    return RevocationOut.of(
        services.waive_hearing(**_proceeding(request, revocation_id), statement=body.reason)
    )


@router.post(
    "/revocations/{uuid:revocation_id}/{move}",
    response=RevocationOut,
    summary="propose, confirm, reconsider or drop",
)
@idempotent
def move_revocation(request: HttpRequest, revocation_id: UUID, move: str, body: ReasonIn) -> RevocationOut:
    verbs = {
        "propose": services.propose_revocation,
        "confirm": services.confirm_revocation,
        "reconsider": services.reconsider_revocation,
        "drop": services.drop_revocation,
    }
    if move not in verbs:
        raise NotFound
    return RevocationOut.of(verbs[move](**_proceeding(request, revocation_id), reason=body.reason))


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
    "/certificates/{number}/applications",
    response={201: ApplicationOut},
    summary="Draft a change, correction, transfer, licence, renewal or cancellation",
)
@idempotent
def follow_up(request: HttpRequest, number: str, body: FollowUpIn) -> Status[ApplicationOut]:
    found = selectors.certificates_visible_to(actor(request)).filter(number=number).first()
    if found is None:
        raise NotFound
    application = services.draft_follow_up(
        by=actor(request), at=clock.now(), certificate_id=found.pk, **body.dict()
    )
    return Status(201, _told(request, application))


@router.post(
    "/certificates/{number}/revocations", response={201: RevocationOut}, summary="Open a proceeding to revoke"
)
@idempotent
def open_revocation(request: HttpRequest, number: str, body: RevocationIn) -> Status[RevocationOut]:
    found = selectors.certificates_visible_to(actor(request)).filter(number=number).first()
    if found is None:
        raise NotFound
    opened = services.open_revocation(
        by=actor(request), at=clock.now(), certificate_id=found.pk, **body.dict()
    )
    return Status(201, RevocationOut.of(opened))


@router.post("/certificates/{number}/{move}", response=CertificateOut, summary="suspend or resume")
@idempotent
def move_certificate(request: HttpRequest, number: str, move: str, body: ReasonIn) -> CertificateOut:
    verbs = {"suspend": services.suspend, "resume": services.resume}
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
