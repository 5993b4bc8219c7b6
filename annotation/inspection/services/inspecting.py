"""The inspecting side's writes: draw a sample, say what conforms, judge the lot."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from annotation.inspection.events import LotAccepted, LotRejected, StrictnessChanged
from annotation.inspection.models import Lot, SampleItem
from annotation.inspection.permissions import INSPECT
from annotation.inspection.rules import after_lot, drawn, is_committed, scheme_of, seed_of, severity_again
from annotation.inspection.selectors import (
    IN_WORK,
    course_of,
    inspecting_side,
    lots_visible_to,
    step_in_force,
    worked_on,
)
from annotation.inspection.services.lots import locked_lot
from annotation.inspection.services.plans import BOX, note_step, side_of, words_of
from annotation.inspection.services.refusals import (
    InspectionDiscontinued,
    NotInWork,
    OtherLotDrawn,
    OwnItem,
    SampleUnfinished,
)
from annotation.inspection.states import LOT, Basis, Fault, LotState, ReworkScope, Strictness
from annotation.projects.models import Project
from annotation.projects.services import return_delivered
from annotation.projects.states import ProjectState
from annotation.work.models import Task
from annotation.work.services import reopen_items
from audit.services import record
from kernel.errors import InvalidInput, NotFound
from kernel.events import announce
from organizations.permissions import Actor


def _inspected_lot(by: Actor, lot_id: UUID) -> tuple[Project, Lot]:
    """The lot and its project, locked, for who inspects it."""
    project, lot = locked_lot(by, lot_id)
    side_of(by, project, INSPECT, inspecting_side(project, lot.plan))
    if project.state not in IN_WORK:
        raise NotInWork(state=project.get_state_display())
    return project, lot


def _severity(lot: Lot) -> str:
    """How strictly the lot is inspected if it is drawn now; empty where lots are judged by themselves."""
    if lot.plan.basis == Basis.LQ:
        return ""
    step = step_in_force(lot.plan)
    assert step is not None, "a plan in force begins with a step"
    if step.severity == Strictness.DISCONTINUED:
        raise InspectionDiscontinued
    if lot.version > 1:
        return severity_again(step.severity, is_tightened=lot.plan.is_again_tightened)
    return str(step.severity)


@transaction.atomic
def draw_sample(*, by: Actor, at: datetime, lot_id: UUID) -> Lot:
    """Reveal the committed value and draw the sample that follows from it and the frozen contents.

    One lot of a project at a time: how strictly the next one is inspected depends on this one's verdict.
    """
    project, lot = _inspected_lot(by, lot_id)
    LOT.check(lot, "draw")
    other = project.inspection_lots.filter(state=LotState.DRAWN).first()
    if other is not None:
        raise OtherLotDrawn(lot=other.number)
    scheme = scheme_of(lot.plan.terms, lot.size, _severity(lot))
    value = BOX.opened(lot.commitment.sealed)
    assert is_committed(value, lot.commitment.value_sha256), "the sealed value is the committed one"
    contents = {row.number: row for row in lot.contents.all()}
    lot.value, lot.seed = value, seed_of(lot.contents_sha256, value)
    lot.severity, lot.letter = scheme.severity, scheme.letter
    lot.sample_size, lot.accept_number, lot.drawn_at = scheme.sample_size, scheme.accept, at
    fields = ("value", "seed", "severity", "letter", "sample_size", "accept_number", "drawn_at")
    LOT.move(lot, "draw", by=by, at=at, update_fields=fields)
    SampleItem.objects.bulk_create(
        SampleItem(lot=lot, content=contents[number], place=place)
        for place, number in enumerate(drawn(lot.seed, contents, scheme.sample_size), 1)
    )
    detail = {
        "lot": lot.number,
        "seed": lot.seed,
        "value": value,
        "sample": scheme.sample_size,
        "accept": scheme.accept,
        "severity": scheme.severity,
    }
    record(by=by, at=at, action="inspection.draw", subject=lot, detail=detail)
    return lot


@transaction.atomic
def inspect_item(
    *, by: Actor, at: datetime, sample_id: UUID, is_conforming: bool, fault: str = "", reason: str = ""
) -> SampleItem:
    """Say whether a drawn item conforms, and what is wrong if not; until the verdict it may be said anew.

    Never by who labelled or reviewed the item.
    """
    lot_id = (
        SampleItem.objects.filter(pk=sample_id, lot__in=lots_visible_to(by).values("pk"))
        .values_list("lot", flat=True)
        .first()
    )
    if lot_id is None:
        raise NotFound
    _project, lot = _inspected_lot(by, lot_id)
    if by.user_id is None:
        raise OwnItem
    found = SampleItem.objects.select_for_update(of=("self",)).select_related("content").get(pk=sample_id)
    if worked_on(by.user_id, found.content.item_id):
        raise OwnItem
    if lot.state != LotState.DRAWN:
        LOT.check(lot, "accept")
    if not is_conforming and fault not in Fault.values:
        raise InvalidInput(field="fault", reason=_("不合格时请选择不合格类别。"))
    words = "" if is_conforming else words_of(reason, "reason")
    found.is_conforming, found.fault, found.reason = is_conforming, "" if is_conforming else fault, words
    found.inspected_by, found.inspected_at = by.user, at
    found.save(update_fields=["is_conforming", "fault", "reason", "inspected_by", "inspected_at"])
    detail = {"lot": lot.number, "item": found.content.number, "is_conforming": is_conforming}
    detail |= {"fault": found.fault, "reason": words}
    record(by=by, at=at, action="inspection.inspect", subject=lot, detail=detail)
    return found


@transaction.atomic
def decide_lot(*, by: Actor, at: datetime, lot_id: UUID, rework_scope: str = "", remark: str = "") -> Lot:
    """Judge a lot by its sample: accepted with at most Ac nonconforming items, else not.

    What was found nonconforming goes back either way; of a rejected lot the whole or what is alike, as
    `rework_scope` says. Raises SampleUnfinished before the sample is inspected (a certain rejection may be told
    earlier where the plan says so).
    """
    project, lot = _inspected_lot(by, lot_id)
    LOT.check(lot, "accept")
    course, scheme = course_of(lot), lot.scheme
    is_early = not lot.plan.is_sample_finished and course.verdict is False
    if course.inspected < scheme.sample_size and not is_early:
        raise SampleUnfinished(count=scheme.sample_size - course.inspected)
    is_accepted = course.nonconforming <= scheme.accept
    if not is_accepted and rework_scope not in ReworkScope.values:
        raise InvalidInput(field="rework_scope", reason=_("本批不接收，请选择返工范围。"))
    lot.nonconforming_count, lot.remark = course.nonconforming, words_of(remark, "remark", is_asked=False)
    lot.rework_scope = "" if is_accepted else rework_scope
    lot.decided_by, lot.decided_at = by.user, at
    fields = ("nonconforming_count", "remark", "rework_scope", "decided_by", "decided_at")
    LOT.move(lot, "accept" if is_accepted else "reject", by=by, at=at, update_fields=fields)
    returned = _return_items(by, at, project, lot)
    detail = {
        "lot": lot.number,
        "nonconforming": course.nonconforming,
        "accept": scheme.accept,
        "is_accepted": is_accepted,
        "returned": returned,
        "rework_scope": lot.rework_scope,
    }
    record(by=by, at=at, action="inspection.decide", subject=lot, detail=detail)
    kind = LotAccepted if is_accepted else LotRejected
    announce(kind(at=at, lot_id=lot.pk, project_id=project.pk, item_count=lot.size, by=by))
    _switch(by, at, project, lot)
    return lot


def _return_items(by: Actor, at: datetime, project: Project, lot: Lot) -> int:
    """Send back what is to be done again, each with its reason; a delivered project goes back to work with it."""
    with translation.override("zh-hans"):  # a stored reason is the same for everybody
        found = {
            row.content.item_id: f"抽检第 {lot.number} 批：{row.get_fault_display()}。{row.reason}"
            for row in lot.sample.filter(is_conforming=False).select_related("content")
        }
    reasons = dict(found)
    if lot.state == LotState.REJECTED:
        told = f"抽检第 {lot.number} 批不接收，请复查后重新提交。"
        for item_id in _concerned(lot, list(found)):
            reasons.setdefault(item_id, told)
    if not reasons:
        return 0
    if project.state == ProjectState.DELIVERED:
        return_delivered(by=by, at=at, project=project, reason=f"抽检第 {lot.number} 批后返工")
    return reopen_items(by=by, at=at, project=project, reasons=reasons)


def _concerned(lot: Lot, faulty: list[UUID]) -> list[UUID]:
    """The items of a rejected lot that are done again besides the faulty ones."""
    ids = lot.contents.values_list("item_id", flat=True)
    if lot.rework_scope == ReworkScope.WHOLE:
        return list(ids)
    people = Task.objects.filter(item__in=faulty, annotator__isnull=False).values("annotator")
    return list(
        Task.objects.filter(item__in=ids.values("item_id"), annotator__in=people)
        .values_list("item_id", flat=True)
        .distinct()
    )


def _switch(by: Actor, at: datetime, project: Project, lot: Lot) -> None:
    """Take the step of the switching rules that follows from a lot of original inspection."""
    if lot.plan.basis == Basis.LQ or lot.version > 1:
        return
    former = step_in_force(lot.plan)
    assert former is not None, "a plan in force begins with a step"
    assert lot.nonconforming_count is not None
    after, cause = after_lot(
        former.switching,
        lot.scheme,
        lot.plan.aql,
        lot.nonconforming_count,
        is_reduction_approved=lot.plan.is_reduction_allowed,
    )
    step = note_step(lot.plan, after, cause, at, lot=lot)
    if step.severity != former.severity:
        announce(StrictnessChanged(at=at, project_id=project.pk, step_id=step.pk, by=by))
