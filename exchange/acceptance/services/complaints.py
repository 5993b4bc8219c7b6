"""Complaints: filed within the inspection period, withdrawn, taken to the exchange, argued with statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetFile
from audit.services import record
from exchange.acceptance import rules
from exchange.acceptance.events import ComplaintFiled, ComplaintWithdrawn, DisputeOpened
from exchange.acceptance.models import Complaint, Defect, Statement
from exchange.acceptance.permissions import ANSWER, COMPLAIN
from exchange.acceptance.selectors import periods
from exchange.acceptance.services.ground import attach, due, locked_complaint, own_documents, told
from exchange.acceptance.states import COMPLAINT, OPEN, ComplaintState, DefectKind
from exchange.delivery.selectors import version_of
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.states import ORDER, Party
from kernel import clock
from kernel.errors import InvalidInput, Refusal
from kernel.events import announce
from kernel.numbers import new_number
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor


class InspectionOver(Refusal):
    """At the very second the period ends the delivery counts as accepted."""

    code = "inspection_over"
    message = _("验收期已于 %(until)s 届满，视为验收通过，不能再提出异议。可以与供方协商退款。")


class ComplaintOpen(Refusal):
    """Of one order one complaint is open at a time."""

    code = "complaint_open"
    message = _("这份订单的异议 %(number)s 尚未了结。要补充问题，请在该异议中添加。")


class TooEarly(Refusal):
    """The other side still has time."""

    code = "too_early_to_escalate"
    message = _("供方可以在 %(until)s 前办理。供方答复后，或期限届满仍未办理的，您可以提请裁决。")


class EvidenceClosed(Refusal):
    """The time for statements is over."""

    code = "evidence_closed"
    message = _("举证期限已于 %(until)s 届满，不能再提交陈述。")


@dataclass(frozen=True, slots=True)
class Reported:
    """One defect as it is reported; `file_id` is none for the whole delivery, the rate is in basis points."""

    kind: str
    text: str
    file_id: int | None = None
    row_ids: Sequence[str] = ()
    error_rate_bp: int | None = None
    document_ids: Sequence[UUID] = field(default_factory=tuple)


def shanghai(at: datetime | None) -> str:
    """A moment as refusals tell it, to the minute."""
    return f"{at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}" if at else "--"


def _require_running(order: Order, at: datetime) -> None:
    if rules.is_over(order.inspection_until, at):
        raise InspectionOver(until=shanghai(order.inspection_until))


@transaction.atomic
def file_complaint(*, by: Actor, at: datetime, order_id: UUID, defects: Sequence[Reported]) -> Complaint:
    """Report one or several defects of a delivery within its inspection period; the clock of acceptance stops.

    Raises InspectionOver at the very second the period ends, ComplaintOpen, MoveNotAllowed, InvalidInput.
    """
    order = trading.locked_order(order_id, "delivery")
    trading.require_side(order, by, Party.BUYER, COMPLAIN)
    standing = Complaint.objects.filter(order=order, state__in=OPEN).first()
    if standing is not None:
        raise ComplaintOpen(number=standing.number)
    ORDER.check(order, "dispute")
    _require_running(order, at)
    if not defects:
        raise InvalidInput(field="kind", reason=gettext("请至少写明一项问题。"))
    complaint = Complaint(
        number=new_number("TS", at),
        order=order,
        root_hash=version_of(order).root_hash,
        filed_by=by.user,
        filer_label=by.label[:200],
        filed_at=at,
        due_at=due(at, periods().answer),
    )
    complaint.save(force_insert=True)
    for each in defects:
        _report(complaint, each, by=by, at=at)
    trading.stop_inspection(order, by=by, at=at, reason=f"提出交付异议 {complaint.number}")
    record(
        by=by, at=at, action="complaints.file", subject=complaint,
        detail={"order": order.number, "kinds": [each.kind for each in defects]},
    )  # fmt: skip
    announce(ComplaintFiled(at=at, complaint_id=complaint.pk, by=by))
    return complaint


@transaction.atomic
def add_defect(*, by: Actor, at: datetime, complaint_id: UUID, defect: Reported) -> Defect:
    """Report another defect in an open complaint, while the inspection period would still run.

    Raises InspectionOver, MoveNotAllowed once the complaint is before the exchange or closed.
    """
    order, complaint = locked_complaint(complaint_id)
    trading.require_side(order, by, Party.BUYER, COMPLAIN)
    if complaint.state not in (ComplaintState.FILED, ComplaintState.ANSWERED):
        raise MoveNotAllowed(state=complaint.get_state_display(), move=gettext("补充问题"))
    _require_running(order, at)
    made = _report(complaint, defect, by=by, at=at)
    record(by=by, at=at, action="complaints.add_defect", subject=complaint, detail={"kind": made.kind})
    return made


def _report(complaint: Complaint, told_of: Reported, *, by: Actor, at: datetime) -> Defect:
    if told_of.kind not in DefectKind.values:
        raise InvalidInput(field="kind", reason=gettext("请选择问题类型。"))
    text = told("text", told_of.text)
    rows = [row.strip() for row in told_of.row_ids if row.strip()]
    if len(rows) > rules.MOST_ROWS or any(len(row) > 80 for row in rows):
        raise InvalidInput(field="row_ids", reason=gettext("样本编号最多 50 个，每个不超过 80 个字符。"))
    rate = told_of.error_rate_bp
    if rate is not None and not 0 < rate <= 10_000:
        raise InvalidInput(field="error_rate", reason=gettext("错误率应大于 0，不超过 100%。"))
    if told_of.kind == DefectKind.LABEL_ERRORS and not (rows and rate):
        raise InvalidInput(
            field="row_ids", reason=gettext("标签错误请列出样本编号，并填写抽查得到的错误率。")
        )
    file = None
    if told_of.file_id is not None:
        rows_of_version = DatasetFile.objects.filter(version=version_of(complaint.order))
        file = rows_of_version.filter(pk=told_of.file_id).first()
        if file is None:
            raise InvalidInput(field="file_id", reason=gettext("交付的版本中没有这个文件，请从列表中选择。"))
    documents = own_documents(by, told_of.document_ids)
    defect = Defect(
        complaint=complaint,
        kind=told_of.kind,
        file=file,
        text=text,
        row_ids=rows,
        error_rate_bp=rate,
        reporter_label=by.label[:200],
        reported_at=at,
    )
    defect.save(force_insert=True)
    attach(complaint, documents, defect=defect)
    return defect


@transaction.atomic
def withdraw(*, by: Actor, at: datetime, complaint_id: UUID) -> Complaint:
    """The buyer takes its complaint back; what was left of the inspection period runs on from now."""
    order, complaint = locked_complaint(complaint_id)
    trading.require_side(order, by, Party.BUYER, COMPLAIN)
    COMPLAINT.check(complaint, "withdraw")
    assert order.inspection_until is not None, "a disputed order was delivered"
    left = rules.remaining(until=order.inspection_until, stopped_at=complaint.filed_at)
    complaint.closed_at = at
    COMPLAINT.move(complaint, "withdraw", by=by, at=at, update_fields=["closed_at"])
    reason = f"异议 {complaint.number} 已撤回，验收期继续"
    trading.resume_inspection(order, by=by, at=at, until=at + left, reason=reason)
    record(by=by, at=at, action="complaints.withdraw", subject=complaint, detail={"order": order.number})
    announce(ComplaintWithdrawn(at=at, complaint_id=complaint.pk, by=by))
    return complaint


def side_of(order: Order, by: Actor) -> Party:
    """The side an actor stands on, the buyer's for everybody who is not the supplier."""
    return Party.SUPPLIER if by.organization_id == order.supplier_id else Party.BUYER


@transaction.atomic
def escalate(
    *, by: Actor, at: datetime, complaint_id: UUID, text: str, document_ids: Sequence[UUID] = ()
) -> Complaint:
    """Either side asks the exchange to rule, with its first statement; both then have time for their evidence.

    Raises TooEarly while the buyer must still wait for the supplier, MoveNotAllowed.
    """
    order, complaint = locked_complaint(complaint_id)
    party = side_of(order, by)
    trading.require_side(order, by, party, COMPLAIN if party is Party.BUYER else ANSWER)
    COMPLAINT.check(complaint, "escalate")
    if not rules.may_escalate(complaint.state, party, due_at=complaint.due_at, at=at):
        raise TooEarly(until=shanghai(complaint.due_at))
    held = periods()
    complaint.escalated_at, complaint.evidence_until = at, due(at, held.evidence)
    complaint.due_at = due(complaint.evidence_until, held.ruling)
    fields = ["escalated_at", "evidence_until", "due_at"]
    COMPLAINT.move(complaint, "escalate", by=by, at=at, update_fields=fields)
    record(by=by, at=at, action="complaints.escalate", subject=complaint, detail={"party": party.value})
    _say(complaint, party, text, document_ids, by=by, at=at)
    announce(DisputeOpened(at=at, complaint_id=complaint.pk, by=by))
    return complaint


@transaction.atomic
def state_evidence(
    *, by: Actor, at: datetime, complaint_id: UUID, text: str, document_ids: Sequence[UUID] = ()
) -> Statement:
    """One side tells the exchange its view, with documents, within the time for evidence; never changed.

    Raises EvidenceClosed, MoveNotAllowed when there is no dispute.
    """
    order, complaint = locked_complaint(complaint_id)
    party = side_of(order, by)
    trading.require_side(order, by, party, COMPLAIN if party is Party.BUYER else ANSWER)
    if complaint.state != ComplaintState.DISPUTED:
        raise MoveNotAllowed(state=complaint.get_state_display(), move=gettext("提交陈述"))
    if rules.is_over(complaint.evidence_until, at):
        raise EvidenceClosed(until=shanghai(complaint.evidence_until))
    return _say(complaint, party, text, document_ids, by=by, at=at)


def _say(
    complaint: Complaint, party: Party, text: str, document_ids: Sequence[UUID], *, by: Actor, at: datetime
) -> Statement:
    statement = Statement(
        complaint=complaint,
        party=party,
        text=told("text", text),
        stated_by=by.user,
        speaker_label=by.label[:200],
        stated_at=at,
    )
    documents = own_documents(by, document_ids)
    statement.save(force_insert=True)
    attach(complaint, documents, statement=statement)
    record(
        by=by, at=at, action="complaints.state", subject=complaint,
        detail={"party": party.value, "documents": [each.sha256 for each in documents]},
    )  # fmt: skip
    return statement
