"""The pilot as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from exchange.pilots import rules, selectors, services
from exchange.pilots.permissions import APPLY, SCORE, VIEW, VIEW_ALL
from exchange.pilots.schemas import (
    AnswerIn,
    AnswersIn,
    ApplicationOut,
    ApplyIn,
    AppointIn,
    AssessmentOut,
    BrokerOut,
    DecideIn,
    DeclarationIn,
    ObjectionIn,
    ObjectionOut,
    PilotOut,
    RoundOut,
    ScoreIn,
    SeatOut,
)
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput

router = Router()


def _application(request: HttpRequest, application_id: UUID) -> ApplicationOut:
    return ApplicationOut.of(selectors.application_for(actor(request), application_id))


def _seat(request: HttpRequest, seat_id: UUID) -> SeatOut:
    return SeatOut.of(selectors.own_seat(actor(request), seat_id))


def _pilot(request: HttpRequest, pilot_id: UUID) -> PilotOut:
    return PilotOut.of(selectors.pilot_for(actor(request), pilot_id))


# --- public -------------------------------------------------------------------------------------


@router.get("/rounds", response=Page[RoundOut], auth=None)
def list_rounds(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[RoundOut]:
    """The published calls, newest first."""
    rows = selectors.rounds_visible_to(actor(request)).filter(state__in=selectors.PUBLIC_ROUNDS)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[RoundOut](items=[RoundOut.of(each) for each in found], next=following)


@router.get("/rounds/{call_number}", response=RoundOut, auth=None)
def get_round(request: HttpRequest, call_number: str) -> RoundOut:
    """One call with its scale."""
    return RoundOut.of(selectors.round_for(actor(request), call_number))


@router.get("/brokers", response=Page[BrokerOut], auth=None)
def list_brokers(
    request: HttpRequest,
    type: str = "",  # noqa: A002 - the parameter's public name
    cursor: str | None = None,
    limit: int = 20,
) -> Page[BrokerOut]:
    """Brokers in the pilot and those that graduated, newest first."""
    found, following = cursor_page(selectors.directory(broker_type=type), cursor=cursor, limit=limit)
    return Page[BrokerOut](items=[BrokerOut.of(each) for each in found], next=following)


# --- the firm -----------------------------------------------------------------------------------


@router.get("/applications", response=Page[ApplicationOut])
def list_applications(
    request: HttpRequest, cursor: str | None = None, limit: int = 20
) -> Page[ApplicationOut]:
    """The applications the caller may see, newest first."""
    viewer = actor(request)
    if not (viewer.can(VIEW) or viewer.can(APPLY)):
        viewer.require(VIEW_ALL)
    rows = selectors.applications_visible_to(viewer).select_related("round", "applicant")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[ApplicationOut](items=[ApplicationOut.of(each) for each in found], next=following)


@router.post("/rounds/{call_number}/applications", response={201: ApplicationOut})
@idempotent
def post_application(request: HttpRequest, call_number: str, body: ApplyIn) -> ApplicationOut:
    """Begin an application of one type."""
    call = selectors.round_for(actor(request), call_number)
    made = services.draft_application(
        by=actor(request), at=clock.now(), round_id=call.pk, broker_type=body.type
    )
    return _application(request, made.pk)


@router.get("/applications/{uuid:bid_id}", response=ApplicationOut)
def get_application(request: HttpRequest, bid_id: UUID) -> ApplicationOut:
    """One application."""
    return _application(request, bid_id)


@router.post("/applications/{uuid:bid_id}/answers", response=ApplicationOut)
@idempotent
def post_answers(request: HttpRequest, bid_id: UUID, body: AnswersIn) -> ApplicationOut:
    """Change some answers of a draft."""
    unknown = next((name for name in body.answers if name not in rules.FIELD_LABELS), "")
    if unknown:
        raise InvalidInput(field=unknown, reason=_("这一类型的申报没有此项。"))
    services.edit_application(by=actor(request), at=clock.now(), application_id=bid_id, **body.answers)
    return _application(request, bid_id)


@router.post("/applications/{uuid:bid_id}/submission", response=ApplicationOut)
@idempotent
def post_submission(request: HttpRequest, bid_id: UUID) -> ApplicationOut:
    """Hand it in before the close."""
    services.submit(by=actor(request), at=clock.now(), application_id=bid_id)
    return _application(request, bid_id)


@router.post("/applications/{uuid:bid_id}/withdrawal", response=ApplicationOut)
@idempotent
def post_withdrawal(request: HttpRequest, bid_id: UUID) -> ApplicationOut:
    """Give it up before the close."""
    services.withdraw(by=actor(request), at=clock.now(), application_id=bid_id)
    return _application(request, bid_id)


@router.post("/rounds/{call_number}/objections", response={201: ObjectionOut})
@idempotent
def post_objection(request: HttpRequest, call_number: str, body: ObjectionIn) -> ObjectionOut:
    """Object to an announced result."""
    call = selectors.round_for(actor(request), call_number)
    made = services.file_objection(
        by=actor(request),
        at=clock.now(),
        round_id=call.pk,
        statement=body.statement,
        application_id=body.application_id,
    )
    return ObjectionOut.of(made)


# --- the scorer ---------------------------------------------------------------------------------


@router.get("/seats", response=Page[SeatOut])
def list_seats(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> Page[SeatOut]:
    """The caller's own places as a scorer, newest first."""
    actor(request).require(SCORE)
    rows = selectors.own_seats(actor(request)).prefetch_related("sheets")
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[SeatOut](items=[SeatOut.of(each) for each in found], next=following)


@router.post("/seats/{uuid:seat_id}/declaration", response=SeatOut)
@idempotent
def post_declaration(request: HttpRequest, seat_id: UUID, body: DeclarationIn) -> SeatOut:
    """Declare a conflict of interest, or none."""
    services.declare(
        by=actor(request),
        at=clock.now(),
        seat_id=seat_id,
        has_conflict=body.has_conflict,
        statement=body.statement,
    )
    return _seat(request, seat_id)


@router.post("/seats/{uuid:seat_id}/score", response=SeatOut)
@idempotent
def post_score(request: HttpRequest, seat_id: UUID, body: ScoreIn) -> SeatOut:
    """Hand in points; again is a correction with its reason."""
    services.score(
        by=actor(request),
        at=clock.now(),
        seat_id=seat_id,
        points=body.points,
        opinion=body.opinion,
        reason=body.reason,
    )
    return _seat(request, seat_id)


# --- the operator -------------------------------------------------------------------------------


@router.post("/applications/{uuid:bid_id}/seats", response=ApplicationOut)
@idempotent
def post_seat(request: HttpRequest, bid_id: UUID, body: AppointIn) -> ApplicationOut:
    """Appoint a scorer for one application."""
    services.appoint(
        by=actor(request),
        at=clock.now(),
        application_id=bid_id,
        membership_id=body.membership_id,
        replaces_id=body.replaces_id,
    )
    return _application(request, bid_id)


@router.post("/rounds/{call_number}/announcement", response=RoundOut)
@idempotent
def post_announcement(request: HttpRequest, call_number: str) -> RoundOut:
    """Rank the applications and begin the public notice."""
    call = selectors.round_for(actor(request), call_number)
    return RoundOut.of(services.announce_result(by=actor(request), at=clock.now(), round_id=call.pk))


@router.post("/rounds/{call_number}/conclusion", response=RoundOut)
@idempotent
def post_conclusion(request: HttpRequest, call_number: str) -> RoundOut:
    """The notice has ended: the result stands."""
    call = selectors.round_for(actor(request), call_number)
    return RoundOut.of(services.conclude_result(by=actor(request), at=clock.now(), round_id=call.pk))


@router.post("/objections/{uuid:dissent_id}/answer", response=ObjectionOut)
@idempotent
def post_answer(request: HttpRequest, dissent_id: UUID, body: AnswerIn) -> ObjectionOut:
    """Answer an objection with reasons."""
    found = services.answer_objection(
        by=actor(request),
        at=clock.now(),
        objection_id=dissent_id,
        is_upheld=body.is_upheld,
        answer=body.answer,
    )
    return ObjectionOut.of(found)


# --- running pilots -----------------------------------------------------------------------------


@router.get("/pilots/{uuid:pilot_id}", response=PilotOut)
def get_pilot(request: HttpRequest, pilot_id: UUID) -> PilotOut:
    """One pilot."""
    return _pilot(request, pilot_id)


@router.get("/pilots/{uuid:pilot_id}/assessments", response=list[AssessmentOut])
def list_assessments(request: HttpRequest, pilot_id: UUID) -> list[AssessmentOut]:
    """The pilot's assessments, newest year first."""
    pilot = selectors.pilot_for(actor(request), pilot_id)
    return [AssessmentOut.of(each) for each in selectors.assessments_of(pilot)]


@router.post("/pilots/{uuid:pilot_id}/decision", response=PilotOut)
@idempotent
def post_decision(request: HttpRequest, pilot_id: UUID, body: DecideIn) -> PilotOut:
    """Decide after an assessment, with reasons."""
    services.decide(
        by=actor(request),
        at=clock.now(),
        pilot_id=pilot_id,
        verdict=body.verdict,
        reasons=body.reasons,
        demands=body.demands,
        due_on=body.due_on,
    )
    return _pilot(request, pilot_id)
