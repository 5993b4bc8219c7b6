"""Objections: filed and signed, taken up or declined, answered by the registrant, decided by somebody apart.

An objection against an application stops its notice; the working days that were left run on afterwards. An
objection against a certificate suspends it from the moment the authority takes it up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from assets.registry import rules
from assets.registry.events import ObjectionAccepted, ObjectionDecided, ObjectionFiled
from assets.registry.models import Application, Certificate, Objection, ReviewAssignment
from assets.registry.permissions import APPLY, REVIEW
from assets.registry.selectors import parameters_on, respondent_id
from assets.registry.services import revocations
from assets.registry.services.applications import SubjectNotInForce, locked_application, locked_certificate
from assets.registry.services.certificates import ensure_apart, stop
from assets.registry.services.reviews import ReasonMissing, belongs_to_any, refuse
from assets.registry.states import (
    APPLICATION,
    OBJECTION,
    OPEN_OBJECTIONS,
    ApplicationState,
    CertificateState,
    ObjectionState,
)
from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.numbers import new_number
from organizations.permissions import Actor


class NotInNotice(Refusal):
    """Objections against an application are raised during its notice."""

    code = "not_in_notice"
    message = _("这份申请不在公示期内（公示截止 %(until)s），不能再提出异议。发证后可以对证书提出异议。")


class OwnRegistration(Refusal):
    """Nobody objects to its own registration."""

    code = "own_registration"
    message = _("不能对本单位的登记提出异议。需要修改或放弃登记的，请办理变更、更正或注销。")


class ReplyPending(Refusal):
    """The registrant still has time to reply."""

    code = "reply_pending"
    message = _("登记主体可以在 %(until)s 前答复。收到答复或期限届满后再作决定。")


def _text(number: str, target: str, interest: str, statement: str, digests: Sequence[str]) -> str:
    """What an objector signs, line by line."""
    return "\n".join([number, target, interest, statement, *sorted(digests)])


def signed_text(objection: Objection) -> str:
    """The text that a stored objection's signature covers."""
    target = objection.application or objection.certificate
    assert target is not None, "an objection is against one thing"
    digests = list(objection.documents.values_list("sha256", flat=True))
    return _text(objection.number, target.number, objection.interest, objection.statement, digests)


def _documents(by: Actor, ids: Sequence[UUID]) -> list[Document]:
    found = list(
        Document.objects.filter(pk__in=ids, organization=by.organization, state=DocumentState.STORED)
    )
    if len(found) != len(set(ids)):
        raise NotFound
    return found


def _signer(by: Actor, interest: str, statement: str, signed_name: str) -> User:
    """The person who signs; refuses programs, thin words and another's name."""
    if by.user is None:
        raise NotAllowed(permission=_("提出异议"), organization=str(by.organization or "—"))
    for field, told, reason in (
        ("interest", interest, _("请写明您与这项登记的利害关系（至少十个字）。")),
        ("statement", statement, _("请写明异议的内容、事实和理由（至少十个字）。")),
    ):
        if len(told.strip()) < rules.MINIMUM_STATEMENT:
            raise InvalidInput(field=field, reason=reason)
    if signed_name.strip() != by.user.name:
        raise InvalidInput(field="signed_name", reason=_("请签署您账户上的姓名。"))
    return by.user


@transaction.atomic
def file_objection(
    *,
    by: Actor,
    at: datetime,
    interest: str,
    statement: str,
    signed_name: str,
    application_id: UUID | None = None,
    certificate_id: UUID | None = None,
    document_ids: Sequence[UUID] = (),
) -> Objection:
    """Object, as a signed-in person, to an application in notice or to a certificate.

    The name, the moment and the SHA-256 of the text are kept. The notice of an application stops at once.
    """
    assert (application_id is None) != (certificate_id is None), "an objection is against one thing"
    application = locked_application(application_id) if application_id else None
    certificate = locked_certificate(certificate_id) if certificate_id else None
    signer = _signer(by, interest, statement, signed_name)
    on = clock.business_date(at)
    if application is not None:
        _ensure_in_notice(application, at)
    if certificate is not None and certificate.state not in (
        CertificateState.VALID,
        CertificateState.SUSPENDED,
    ):
        raise SubjectNotInForce(number=certificate.number, state=certificate.get_state_display())
    owner = application.registrant_id if application else certificate.holder_id  # type: ignore[union-attr]
    if by.organization_id == owner or belongs_to_any(signer.pk, [owner]):
        raise OwnRegistration
    documents = _documents(by, document_ids)
    number, target = new_number("YY", at), application or certificate
    digests = [document.sha256 for document in documents]
    text = _text(number, target.number, interest.strip(), statement.strip(), digests)  # type: ignore[union-attr]
    objection = Objection.objects.create(
        number=number,
        application=application,
        certificate=certificate,
        objector=signer,
        organization=by.organization,
        interest=interest.strip(),
        statement=statement.strip(),
        signed_name=signed_name.strip(),
        signed_sha256=hashlib.sha256(text.encode()).hexdigest(),
        filed_at=at,
        due_on=rules.due_after(on, parameters_on(on).objection_acceptance_working_days),
    )
    objection.documents.set(documents)
    if application is not None:
        _stop_notice(application, objection, by, at)
    detail = {"against": target.number, "sha256": objection.signed_sha256}  # type: ignore[union-attr]
    record(by=by, at=at, action="registry.object", subject=objection, detail=detail)
    announce(ObjectionFiled(at=at, objection_id=objection.pk))
    return objection


def _ensure_in_notice(application: Application, at: datetime) -> None:
    if application.state == ApplicationState.UNDER_OBJECTION:
        return
    is_over = rules.notice_is_over(application.notice_until, clock.business_date(at))
    if application.state != ApplicationState.PUBLIC_NOTICE or is_over:
        raise NotInNotice(until=application.notice_until or "—")


def _stop_notice(application: Application, objection: Objection, by: Actor, at: datetime) -> None:
    if application.state != ApplicationState.PUBLIC_NOTICE:
        return
    assert application.notice_until is not None, "a notice has an end"
    application.notice_days_left = rules.days_left(application.notice_until, clock.business_date(at))
    application.due_on = None
    fields = ["notice_days_left", "due_on"]
    APPLICATION.move(application, "object", by=by, at=at, reason=objection.number, update_fields=fields)


# --- the authority ------------------------------------------------------------------------------


def _locked(objection_id: UUID) -> tuple[Objection, Application | None, Certificate | None]:
    """The objection with what it is against, all locked, always the target first."""
    found = Objection.objects.filter(pk=objection_id).values("application_id", "certificate_id").first()
    if found is None:
        raise NotFound
    application = locked_application(found["application_id"]) if found["application_id"] else None
    certificate = locked_certificate(found["certificate_id"]) if found["certificate_id"] else None
    objection = Objection.objects.select_for_update(of=("self",)).get(pk=objection_id)
    return objection, application, certificate


def _judged(by: Actor, objection_id: UUID) -> tuple[Objection, Application | None, Certificate | None]:
    """The same, for a reviewer who is independent of every party and has not reviewed the registration."""
    objection, application, certificate = _locked(objection_id)
    by.require(REVIEW)
    parties = [respondent_id(objection)]
    if objection.organization_id is not None:
        parties.append(objection.organization_id)
    if application is not None and application.other_id is not None:
        parties.append(application.other_id)
    ensure_apart(by, parties)
    reviewed = application.pk if application else certificate.application_id  # type: ignore[union-attr]
    rows = ReviewAssignment.objects.filter(application=reviewed, reviewer_id=by.user_id)
    if by.user_id is not None and (objection.objector_id == by.user_id or rows.exists()):
        raise SelfReview
    return objection, application, certificate


@transaction.atomic
def accept_objection(*, by: Actor, at: datetime, objection_id: UUID) -> Objection:
    """Take an objection up: the registrant must reply, and a certificate is suspended until the decision."""
    objection, _application, certificate = _judged(by, objection_id)
    OBJECTION.check(objection, "accept")
    on = clock.business_date(at)
    if certificate is not None:
        objection.has_suspended = stop(certificate, by=by, at=at, reason=objection.number)
    objection.due_on = rules.due_after(on, parameters_on(on).objection_reply_working_days)
    objection.escalated_at = None
    fields = ["due_on", "has_suspended", "escalated_at"]
    OBJECTION.move(objection, "accept", by=by, at=at, update_fields=fields)
    detail = {"due_on": str(objection.due_on)}
    record(by=by, at=at, action="registry.accept_objection", subject=objection, detail=detail)
    announce(ObjectionAccepted(at=at, objection_id=objection.pk))
    return objection


@transaction.atomic
def decline_objection(*, by: Actor, at: datetime, objection_id: UUID, reason: str) -> Objection:
    """Not take an objection up, with the reason."""
    found = _judged(by, objection_id)
    return _decided(found, "decline", by=by, at=at, reason=reason)


@transaction.atomic
def answer_objection(
    *, by: Actor, at: datetime, objection_id: UUID, reply: str, document_ids: Sequence[UUID] = ()
) -> Objection:
    """The registrant's reply, with documents."""
    objection, _application, _certificate = _locked(objection_id)
    if not by.belongs_to(respondent_id(objection)):
        raise NotFound
    by.require(APPLY)
    OBJECTION.check(objection, "answer")
    if len(reply.strip()) < rules.MINIMUM_STATEMENT:
        raise InvalidInput(field="reply", reason=_("请写明答复（至少十个字）。"))
    documents = _documents(by, document_ids)
    on = clock.business_date(at)
    objection.reply, objection.replied_by, objection.replied_at = reply.strip(), by.user, at
    objection.due_on = rules.due_after(on, parameters_on(on).objection_decision_working_days)
    objection.escalated_at = None
    fields = ["reply", "replied_by", "replied_at", "due_on", "escalated_at"]
    OBJECTION.move(objection, "answer", by=by, at=at, update_fields=fields)
    objection.reply_documents.set(documents)
    detail = {"sha256": hashlib.sha256(objection.reply.encode()).hexdigest()}
    record(by=by, at=at, action="registry.answer_objection", subject=objection, detail=detail)
    return objection


@transaction.atomic
def decide_objection(
    *, by: Actor, at: datetime, objection_id: UUID, is_upheld: bool, reason: str
) -> Objection:
    """Uphold or dismiss an objection, after the reply or once the time for it has passed.

    Upheld: the application is refused; for a certificate, a proceeding to revoke it begins. Dismissed: the
    notice runs on with the days it had left, or the certificate is in force again.
    """
    found = _judged(by, objection_id)
    objection = found[0]
    move = "uphold" if is_upheld else "dismiss"
    OBJECTION.check(objection, move)
    is_waiting = objection.state == ObjectionState.ACCEPTED
    if is_waiting and objection.due_on is not None and clock.business_date(at) <= objection.due_on:
        raise ReplyPending(until=objection.due_on)
    return _decided(found, move, by=by, at=at, reason=reason)


@transaction.atomic
def withdraw_objection(*, by: Actor, at: datetime, objection_id: UUID) -> Objection:
    """The objector takes the objection back."""
    found = _locked(objection_id)
    if by.user_id is None or by.user_id != found[0].objector_id:
        raise NotFound
    return _decided(found, "withdraw", by=by, at=at, reason=str(_("异议人撤回")))


def _decided(
    found: tuple[Objection, Application | None, Certificate | None],
    move: str,
    *,
    by: Actor,
    at: datetime,
    reason: str,
) -> Objection:
    """End an objection and let go, or strike, what it held."""
    objection, application, certificate = found
    OBJECTION.check(objection, move)
    if not reason.strip():
        raise ReasonMissing(field="reason")
    objection.due_on, objection.decision_reason = None, reason.strip()
    objection.decided_by, objection.decided_at = (None, None) if move == "withdraw" else (by.user, at)
    fields = ["due_on", "decision_reason", "decided_by", "decided_at"]
    OBJECTION.move(objection, move, by=by, at=at, reason=reason.strip(), update_fields=fields)
    record(
        by=by,
        at=at,
        action=f"registry.{move}_objection",
        subject=objection,
        detail={"reason": reason.strip()},
    )
    if application is not None:
        _release_application(application, objection, by=by, at=at, reason=reason.strip())
    if certificate is not None:
        if objection.state == ObjectionState.UPHELD:
            revocations.begin_for(objection, certificate, by=by, at=at, grounds=reason.strip())
        revocations.release(certificate, objection, by=by, at=at)
    announce(ObjectionDecided(at=at, objection_id=objection.pk))
    return objection


def _release_application(
    application: Application, objection: Objection, *, by: Actor, at: datetime, reason: str
) -> None:
    if application.state != ApplicationState.UNDER_OBJECTION:
        return
    if objection.state == ObjectionState.UPHELD:
        refuse(application, by=by, at=at, reason=f"{objection.number}：{reason}")
        return
    if Objection.objects.filter(application=application, state__in=OPEN_OBJECTIONS).exists():
        return
    on = clock.business_date(at)
    application.notice_until = rules.due_after(on, application.notice_days_left or 0)
    application.due_on, application.notice_days_left = application.notice_until, None
    application.notice_ended_at = None
    fields = ["notice_until", "due_on", "notice_days_left", "notice_ended_at"]
    APPLICATION.move(application, "overrule", by=by, at=at, reason=objection.number, update_fields=fields)
    detail = {"objection": objection.number, "notice_until": str(application.notice_until)}
    record(by=by, at=at, action="registry.continue_notice", subject=application, detail=detail)
