"""The registry's clock: what an hourly task does about deadlines. Every step is done once, whoever repeats it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from assets.registry import rules
from assets.registry.events import CertificateEnding, NoticeEnded, ObjectionOverdue, ReviewOverdue
from assets.registry.models import Application, Certificate, Objection, Reminder
from assets.registry.selectors import parameters_on
from assets.registry.services.applications import locked_application, locked_certificate
from assets.registry.states import (
    APPLICATION,
    OPEN_OBJECTIONS,
    ApplicationState,
    CertificateState,
    ObjectionState,
)
from audit.services import record
from kernel import clock
from kernel.events import announce
from organizations.permissions import Actor

IN_HAND = (
    ApplicationState.SUBMITTED,
    ApplicationState.ACCEPTED_FOR_REVIEW,
    ApplicationState.COMPLIANCE_REVIEW,
)
BY_AUTHORITY = (ObjectionState.FILED, ObjectionState.ANSWERED)


def watch(at: datetime) -> int:
    """Everything that time alone brings about, each thing in its own transaction; how much was done."""
    on = clock.business_date(at)
    return sum(
        step(on, at)
        for step in (_escalate, _escalate_objections, _lengthen_notices, _end_notices, _lapse, _remind)
    )


def _each(keys: Iterable[UUID], step: Callable[[UUID], bool]) -> int:
    return sum(step(key) for key in list(keys))


def _escalate(on: date, at: datetime) -> int:
    rows = Application.objects.filter(state__in=IN_HAND, due_on__lt=on, escalated_at=None).order_by("pk")

    @transaction.atomic
    def step(key: UUID) -> bool:
        application = locked_application(key)
        if application.state not in IN_HAND or application.escalated_at is not None:
            return False
        if application.due_on is None or application.due_on >= on:
            return False
        application.escalated_at = at
        application.save(update_fields=["escalated_at"])
        detail = {"due_on": str(application.due_on), "state": application.state}
        by = Actor.system("登记时限")
        record(by=by, at=at, action="registry.escalate", subject=application, detail=detail)
        announce(ReviewOverdue(at=at, application_id=application.pk))
        return True

    return _each(rows.values_list("pk", flat=True), step)


def _escalate_objections(on: date, at: datetime) -> int:
    rows = Objection.objects.filter(state__in=OPEN_OBJECTIONS, due_on__lt=on, escalated_at=None)

    @transaction.atomic
    def step(key: UUID) -> bool:
        objection = Objection.objects.select_for_update(of=("self",)).get(pk=key)
        is_late = objection.due_on is not None and objection.due_on < on
        if objection.state not in OPEN_OBJECTIONS or objection.escalated_at is not None or not is_late:
            return False
        objection.escalated_at = at
        objection.save(update_fields=["escalated_at"])
        by = Actor.system("登记时限")
        record(by=by, at=at, action="registry.escalate", subject=objection, detail={"state": objection.state})
        announce(ObjectionOverdue(at=at, objection_id=objection.pk))
        return True

    return _each(rows.order_by("pk").values_list("pk", flat=True), step)


def _lengthen_notices(on: date, at: datetime) -> int:
    """Give running notices their working days by the calendar as it is known now, when it came after them; never fewer."""
    rows = Application.objects.filter(state=ApplicationState.PUBLIC_NOTICE, notice_ended_at=None)

    @transaction.atomic
    def step(key: UUID) -> bool:
        application = locked_application(key)
        begun, told = application.notice_from, application.notice_until
        if application.state != ApplicationState.PUBLIC_NOTICE or begun is None or told is None:
            return False
        if begun.year == told.year or told < on:
            return False  # its year's holidays were announced when it began; or it is over
        until = rules.due_after(begun, parameters_on(begun).notice_working_days)
        if application.notice_ended_at is not None or until <= told:
            return False
        application.notice_until = application.due_on = until
        application.save(update_fields=["notice_until", "due_on"])
        by, detail = Actor.system("登记时限"), {"told": str(told), "notice_until": str(until)}
        record(by=by, at=at, action="registry.lengthen_notice", subject=application, detail=detail)
        return True

    return _each(rows.order_by("pk").values_list("pk", flat=True), step)


def _end_notices(on: date, at: datetime) -> int:
    """Put ended notices on the desk; issuing the certificate stays a person's act."""
    rows = Application.objects.filter(
        state=ApplicationState.PUBLIC_NOTICE, notice_until__lt=on, notice_ended_at=None
    )

    @transaction.atomic
    def step(key: UUID) -> bool:
        application = locked_application(key)
        is_there = application.state == ApplicationState.PUBLIC_NOTICE and application.notice_ended_at is None
        if not (is_there and rules.notice_is_over(application.notice_until, on)):
            return False
        application.notice_ended_at = at
        application.save(update_fields=["notice_ended_at"])
        by, detail = Actor.system("登记时限"), {"notice_until": str(application.notice_until)}
        record(by=by, at=at, action="registry.notice_ended", subject=application, detail=detail)
        announce(NoticeEnded(at=at, application_id=application.pk))
        return True

    return _each(rows.order_by("pk").values_list("pk", flat=True), step)


def _lapse(on: date, at: datetime) -> int:
    """An application that was not corrected in time counts as withdrawn."""
    rows = Application.objects.filter(state=ApplicationState.RETURNED, due_on__lt=on).order_by("pk")

    @transaction.atomic
    def step(key: UUID) -> bool:
        application = locked_application(key)
        if application.state != ApplicationState.RETURNED or application.due_on is None:
            return False
        if application.due_on >= on:
            return False
        by, reason = (
            Actor.system("登记时限"),
            str(_("补正期限 %(until)s 届满") % {"until": application.due_on}),
        )
        application.due_on = None
        APPLICATION.move(application, "lapse", by=by, at=at, reason=reason, update_fields=["due_on"])
        record(by=by, at=at, action="registry.lapse", subject=application, detail={"reason": reason})
        return True

    return _each(rows.values_list("pk", flat=True), step)


def _remind(on: date, at: datetime) -> int:
    """Tell holders that a certificate ends in 90, 30 and 7 days (parameters), each once."""
    days = parameters_on(on).reminder_days
    until = on + timedelta(days=max(days))
    rows = Certificate.objects.filter(state=CertificateState.VALID, valid_until__range=(on, until))

    @transaction.atomic
    def step(key: UUID) -> bool:
        certificate = locked_certificate(key)
        due = rules.reminder_of(certificate.valid_until, on, days)
        if certificate.state != CertificateState.VALID or due is None:
            return False
        if certificate.reminders.filter(days_before__lte=due).exists():
            return False
        Reminder.objects.create(certificate=certificate, days_before=due, sent_at=at)
        by = Actor.system("登记时限")
        record(by=by, at=at, action="registry.remind", subject=certificate, detail={"days": due})
        announce(CertificateEnding(at=at, certificate_id=certificate.pk, days=due))
        return True

    return _each(rows.order_by("pk").values_list("pk", flat=True), step)
