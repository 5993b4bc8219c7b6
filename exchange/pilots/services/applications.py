"""The applicant's side: draft, edit, attach, submit, take back, withdraw; sealed at the very end of the call."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from exchange.pilots import rules
from exchange.pilots.events import PilotApplied
from exchange.pilots.models import Application, Attachment, Round
from exchange.pilots.permissions import APPLY
from exchange.pilots.selectors import applications_visible_to, completeness, is_open, open_application
from exchange.pilots.states import APPLICATION, ApplicationState, BrokerType, Level, RoundState
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from kernel.numbers import new_number
from organizations.permissions import Actor

MAXIMUM_FILES = 20
_LEVELS = ("dcmm_level", "protection_level")


class NotOpen(Refusal):
    """The call takes no applications at this moment."""

    code = "pilot_round_not_open"
    message = _("批次 %(number)s 现在不接受申报，请在公告的申报期内办理。")


class Sealed(Refusal):
    """The call has closed: nothing of an application moves any more."""

    code = "pilot_application_sealed"
    message = _("批次 %(number)s 已截止，申报材料已封存，不能再修改或撤回。")


class AlreadyApplied(Refusal):
    """One application per organization, round and type."""

    code = "pilot_already_applied"
    message = _("贵单位在本批次已有同类型的申报（%(number)s），请继续办理那一份。")


class NotEditable(Refusal):
    """Only a draft is edited."""

    code = "pilot_application_not_editable"
    message = _("申报当前为“%(state)s”，不能修改。截止前可以先取回再改。")


class ApplicationIncomplete(Refusal):
    """The application lacks something; `missing` names each."""

    code = "pilot_application_incomplete"
    message = _("申报还不完整：%(missing)s")
    status = 422


def _locked_round_of(round_id: UUID) -> Round:
    """The call, locked for reading, so that nothing is written beside its closing."""
    found = (
        Round.objects.select_for_update(of=("self",))
        .filter(pk=round_id)
        .exclude(state=RoundState.DRAFT)
        .order_by("pk")
        .first()
    )
    if found is None:
        raise NotFound
    return found


def _own(by: Actor, application_id: UUID) -> Application:
    """The application under lock together with its round (the round first)."""
    round_id = Application.objects.filter(pk=application_id).values_list("round_id", flat=True).first()
    if round_id is None:
        raise NotFound
    call = _locked_round_of(round_id)
    rows = Application.objects.select_for_update(of=("self",)).select_related("applicant")
    found = rows.filter(pk=application_id).order_by("pk").first()
    if found is None:
        raise NotFound
    found.round = call
    if not by.belongs_to(found.applicant_id):
        if applications_visible_to(by).filter(pk=found.pk).exists():
            raise NotAllowed(permission=APPLY.label, organization=str(by.organization or "—"))
        raise NotFound
    by.require(APPLY)
    return found


def _unsealed(found: Application, at: datetime) -> None:
    if found.round.state != RoundState.PUBLISHED or at >= found.round.closes_at:
        raise Sealed(number=found.round.number)


def _editable(by: Actor, at: datetime, application_id: UUID) -> Application:
    found = _own(by, application_id)
    _unsealed(found, at)
    if found.state != ApplicationState.DRAFT:
        raise NotEditable(state=found.get_state_display())
    return found


@transaction.atomic
def draft_application(*, by: Actor, at: datetime, round_id: UUID, broker_type: str) -> Application:
    """Begin an application of one type; asking again gives AlreadyApplied with the first one's number."""
    call = _locked_round_of(round_id)
    by.require(APPLY)
    if by.organization is None:
        raise NotAllowed(permission=APPLY.label, organization="—")
    if broker_type not in BrokerType.values or not call.places_of(broker_type):
        raise InvalidInput(field="type", reason=_("本批次不征集这一类型，请从公告的类型中选择。"))
    if not is_open(call, at):
        raise NotOpen(number=call.number)
    known = open_application(call, by.organization_id, broker_type)
    if known is not None:
        raise AlreadyApplied(number=known.number)
    found = Application(
        number=new_number("SB", at),
        round=call,
        applicant=by.organization,
        type=broker_type,
        created_by=by.user,
        created_at=at,
    )
    found.save(force_insert=True)
    record(by=by, at=at, action="pilots.draft", subject=found, detail={"type": broker_type})
    return found


def _checked(name: str, value: Any) -> Any:
    if name in _LEVELS:
        if value is not None and value not in Level.values:
            raise InvalidInput(field=name, reason=_("请从列表中选择等级。"))
        return value
    text = str(value).strip()
    if len(text) > rules.LONGEST_TEXT:
        raise InvalidInput(field=name, reason=_("不能超过 4000 个字，详细材料请作为附件上传。"))
    return text


@transaction.atomic
def edit_application(*, by: Actor, at: datetime, application_id: UUID, **changes: Any) -> Application:
    """Change some answers of a draft before the close."""
    found = _editable(by, at, application_id)
    allowed = rules.editable_fields(found.type)
    for name, value in changes.items():
        if name not in allowed:
            raise InvalidInput(field=name, reason=_("这一类型的申报没有此项。"))
        setattr(found, name, _checked(name, value))
    found.save(update_fields=list(changes))
    record(by=by, at=at, action="pilots.edit", subject=found, detail={"fields": sorted(changes)})
    return found


@transaction.atomic
def attach(
    *, by: Actor, at: datetime, application_id: UUID, document_id: UUID, label: str = ""
) -> Attachment:
    """Add one of the own stored documents to a draft."""
    found = _editable(by, at, application_id)
    document = Document.objects.filter(
        pk=document_id, organization=found.applicant_id, state=DocumentState.STORED
    ).first()
    if document is None:
        raise NotFound
    if found.attachments.count() >= MAXIMUM_FILES:
        reason = _("一份申报最多附 %(count)s 份材料，请合并后再传。") % {"count": MAXIMUM_FILES}
        raise InvalidInput(field="file", reason=reason)
    row, _is_new = Attachment.objects.get_or_create(
        application=found,
        document=document,
        defaults={"label": label.strip()[:120], "attached_by": by.user, "attached_at": at},
    )
    record(by=by, at=at, action="pilots.attach", subject=found, detail={"sha256": document.sha256})
    return row


@transaction.atomic
def detach(*, by: Actor, at: datetime, application_id: UUID, attachment_id: UUID) -> None:
    """Take a file off a draft; the document itself stays."""
    found = _editable(by, at, application_id)
    row = found.attachments.filter(pk=attachment_id).select_related("document").first()
    if row is None:
        raise NotFound
    row.delete()
    record(by=by, at=at, action="pilots.detach", subject=found, detail={"sha256": row.document.sha256})


@transaction.atomic
def submit(*, by: Actor, at: datetime, application_id: UUID) -> Application:
    """Hand it in before the close; ApplicationIncomplete names what is missing."""
    found = _own(by, application_id)
    _unsealed(found, at)
    APPLICATION.check(found, "submit")
    missing = completeness(found)
    if missing:
        raise ApplicationIncomplete(missing="".join(str(point.words) for point in missing))
    found.submitted_at, found.submitted_by = at, by.user
    APPLICATION.move(found, "submit", by=by, at=at, update_fields=["submitted_at", "submitted_by"])
    record(by=by, at=at, action="pilots.submit", subject=found, detail={"round": found.round.number})
    announce(PilotApplied(at=at, application_id=found.pk, by=by))
    return found


@transaction.atomic
def take_back(*, by: Actor, at: datetime, application_id: UUID) -> Application:
    """Take a handed-in application back to change it, before the close."""
    found = _own(by, application_id)
    _unsealed(found, at)
    APPLICATION.move(found, "take_back", by=by, at=at)
    record(by=by, at=at, action="pilots.take_back", subject=found)
    return found


@transaction.atomic
def withdraw(*, by: Actor, at: datetime, application_id: UUID, reason: str = "") -> Application:
    """Give an application up before the close; another one may be begun."""
    found = _own(by, application_id)
    _unsealed(found, at)
    APPLICATION.move(found, "withdraw", by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="pilots.withdraw", subject=found, detail={"reason": reason.strip()})
    return found
