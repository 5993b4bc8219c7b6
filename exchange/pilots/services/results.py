"""The result: computed from the sheets, announced for a public notice, objections answered, concluded."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.pilots import rules
from exchange.pilots.events import ResultAnnounced, ResultConcluded, ResultObjected
from exchange.pilots.models import Agreement, Application, Objection, Pilot, Round
from exchange.pilots.selectors import MatrixRow, candidate_of, matrix_of
from exchange.pilots.services.rounds import locked_round
from exchange.pilots.states import APPLICATION, OBJECTION, ROUND, ApplicationState, ObjectionState, RoundState
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.numbers import new_number
from kernel.wording import listed
from organizations.permissions import Actor

LEAST_LENGTH, MOST_LENGTH = 10, 4_000
_RESULT = ["rank", "mean_centi", "grade", "is_proposed", "result", "result_sha256"]


class ScoringIncomplete(Refusal):
    """Some application lacks scores."""

    code = "scoring_incomplete"
    message = _("还有申报没有完成评审：%(numbers)s。每份至少 %(least)s 位评审人，且都已打分，才能公示。")


class NoticeRunning(Refusal):
    """The notice has not ended."""

    code = "pilot_notice_running"
    message = _("公示到 %(until)s 当天结束，期满后才能确定结果。")


class NoticeOver(Refusal):
    """Objections are filed during the notice."""

    code = "pilot_notice_over"
    message = _("结果公示现在不接受异议：公示尚未开始或已经期满。")


class ObjectionsOpen(Refusal):
    """An objection waits for its answer."""

    code = "pilot_objections_open"
    message = _("还有 %(count)s 件异议没有答复，请先答复。")


@transaction.atomic
def announce_result(*, by: Actor, at: datetime, round_id: UUID) -> Round:
    """Rank all applications of each type, propose as many as there are places, begin the notice.

    The arithmetic is kept with every application. Raises ScoringIncomplete.
    """
    call = locked_round(by, round_id)
    ROUND.check(call, "announce")
    locked = call.applications.select_for_update(of=("self",)).order_by("pk")
    list(locked.values_list("pk", flat=True))
    rows = [row for row in matrix_of(call) if row.application.state == ApplicationState.APPLIED]
    unready = [row.application.number for row in rows if not row.is_ready]
    if unready:
        raise ScoringIncomplete(numbers=listed(unready), least=call.scorers_count)
    for broker_type, of_type in groupby(rows, key=lambda row: row.application.type):
        _rank(call, broker_type, list(of_type), by, at)
    on = clock.business_date(at)
    call.announced_at = at
    call.notice_until = rules.notice_end(on, call.notice_working_days)
    ROUND.move(call, "announce", by=by, at=at, update_fields=["announced_at", "notice_until"])
    record(
        by=by, at=at, action="pilots.announce_result", subject=call,
        detail={"until": str(call.notice_until), "applications": len(rows)},
    )  # fmt: skip
    announce(ResultAnnounced(at=at, round_id=call.pk, by=by))
    return call


def _rank(call: Round, broker_type: str, rows: list[MatrixRow], by: Actor, at: datetime) -> None:
    scale = rules.scale_of(call.scale)
    by_number = {row.application.number: row.application for row in rows}
    candidates = rules.ranked(scale, [candidate_of(row) for row in rows])
    for rank, candidate in enumerate(candidates, 1):
        application = by_number[candidate.number]
        result = rules.result_of(
            scale,
            candidate,
            rank=rank,
            places=call.places_of(broker_type),
            bands=call.bands,
            outlier_points=call.outlier_points,
        )
        application.rank, application.mean_centi = rank, result["mean_centi"]
        application.grade, application.is_proposed = result["grade"], result["is_proposed"]
        application.result, application.result_sha256 = result, rules.document_sha256(result)
        APPLICATION.move(application, "review", by=by, at=at, update_fields=_RESULT)
        record(
            by=by, at=at, action="pilots.review", subject=application,
            detail={"rank": rank, "mean_centi": result["mean_centi"], "sha256": application.result_sha256},
        )  # fmt: skip


@transaction.atomic
def file_objection(
    *, by: Actor, at: datetime, round_id: UUID, statement: str, application_id: UUID | None = None
) -> Objection:
    """Object to an announced result, to the end of the notice's final day. Anybody signed in may."""
    call = Round.objects.select_for_update(of=("self",)).filter(pk=round_id).order_by("pk").first()
    if call is None or call.state == RoundState.DRAFT:
        raise NotFound
    if by.user is None or by.organization is None:
        raise NotAllowed(permission=_("提出异议"), organization=str(by.organization or "—"))
    until = call.notice_until
    if call.state != RoundState.IN_NOTICE or until is None or at >= clock.end_of(until):
        raise NoticeOver
    application = None
    if application_id is not None:
        application = call.applications.filter(pk=application_id, state=ApplicationState.REVIEWED).first()
        if application is None:
            raise NotFound
    text = statement.strip()
    if not LEAST_LENGTH <= len(text) <= MOST_LENGTH:
        raise InvalidInput(field="statement", reason=_("请用 10 到 4000 个字写明异议的事实和理由。"))
    found = Objection(
        round=call,
        application=application,
        objector=by.user,
        organization=by.organization,
        objector_label=by.label[:200],
        statement=text,
        filed_at=at,
    )
    found.save(force_insert=True)
    record(by=by, at=at, action="pilots.file_objection", subject=found, detail={"round": call.number})
    announce(ResultObjected(at=at, objection_id=found.pk, by=by))
    return found


@transaction.atomic
def answer_objection(
    *, by: Actor, at: datetime, objection_id: UUID, is_upheld: bool, answer: str
) -> Objection:
    """Answer with reasons. An upheld one ends the notice: scores may be corrected, the result comes anew.

    Never by the objector or a member of the objecting organization.
    """
    round_id = Objection.objects.filter(pk=objection_id).values_list("round_id", flat=True).first()
    if round_id is None:
        raise NotFound
    call = locked_round(by, round_id)
    found = Objection.objects.select_for_update(of=("self",)).get(pk=objection_id)
    move = "uphold" if is_upheld else "dismiss"
    OBJECTION.check(found, move)
    if by.user_id is not None and found.objector_id == by.user_id:
        raise SelfReview
    text = answer.strip()
    if not LEAST_LENGTH <= len(text) <= MOST_LENGTH:
        raise InvalidInput(field="answer", reason=_("请用 10 到 4000 个字写明答复和理由。"))
    found.answer, found.answered_by, found.answered_at = text, by.user, at
    OBJECTION.move(
        found, move, by=by, at=at, reason=text, update_fields=["answer", "answered_by", "answered_at"]
    )
    if is_upheld and call.state == RoundState.IN_NOTICE:
        _reopen(call, by, at, text)
    record(by=by, at=at, action="pilots.answer_objection", subject=found, detail={"is_upheld": is_upheld})
    return found


def _reopen(call: Round, by: Actor, at: datetime, reason: str) -> None:
    rows = call.applications.select_for_update(of=("self",)).filter(state=ApplicationState.REVIEWED)
    for application in rows.order_by("pk"):
        APPLICATION.move(application, "rescore", by=by, at=at, reason=reason)
    ROUND.move(call, "reopen", by=by, at=at, reason=reason)


@transaction.atomic
def conclude_result(*, by: Actor, at: datetime, round_id: UUID) -> Round:
    """The notice has ended and every objection is answered: draw up an agreement with each of the selected.

    Raises NoticeRunning, ObjectionsOpen.
    """
    call = locked_round(by, round_id)
    ROUND.check(call, "conclude")
    assert call.notice_until is not None, "a notice has its end"
    if at < clock.end_of(call.notice_until):
        raise NoticeRunning(until=call.notice_until)
    waiting = call.objections.filter(state=ObjectionState.FILED).count()
    if waiting:
        raise ObjectionsOpen(count=waiting)
    rows = call.applications.select_for_update(of=("self",)).filter(state=ApplicationState.REVIEWED)
    for application in rows.select_related("applicant").order_by("pk"):
        if application.is_proposed:
            APPLICATION.move(application, "select", by=by, at=at)
            _draw_up(call, application, by, at)
        else:
            APPLICATION.move(application, "decline", by=by, at=at)
    call.decided_at = at
    ROUND.move(call, "conclude", by=by, at=at, update_fields=["decided_at"])
    record(by=by, at=at, action="pilots.conclude", subject=call)
    announce(ResultConcluded(at=at, round_id=call.pk, by=by))
    return call


def _draw_up(call: Round, application: Application, by: Actor, at: datetime) -> Pilot:
    """The pilot of a selected application, unsigned, with its agreement."""
    on = clock.business_date(at)
    pilot = Pilot(
        number=new_number("SD", at),
        application=application,
        organization=application.applicant,
        operator=call.operator,
        type=application.type,
        grade=application.grade,
        term_years=call.term_years,
        sign_by=clock.end_of(on) + timedelta(days=rules.parameters_on(on).signing_days),
    )
    pilot.save(force_insert=True)
    number = new_number("HT", at)
    text = rules.agreement_text(
        rules.Terms(
            number=number,
            on=on,
            operator_name=call.operator.name,
            operator_uscc=call.operator.uscc,
            broker_name=application.applicant.name,
            broker_uscc=application.applicant.uscc,
            broker_type=application.type,
            grade=application.grade,
            application_number=application.number,
            pilot_number=pilot.number,
            term_years=call.term_years,
        )
    )
    agreement = Agreement(
        number=number, pilot=pilot, text=text, text_sha256=rules.text_hash(text), drawn_up_at=at
    )
    agreement.save(force_insert=True)
    record(
        by=by, at=at, action="pilots.select", subject=pilot,
        detail={"application": application.number, "agreement_sha256": agreement.text_sha256},
    )  # fmt: skip
    return pilot
