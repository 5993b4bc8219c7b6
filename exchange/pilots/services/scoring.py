"""Scorers: appointed, a declaration on conflicts first, then points by the published scale."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.pilots import rules
from exchange.pilots.events import ScorerAppointed, ScorerExcluded
from exchange.pilots.models import Application, Round, ScoreSheet, Seat
from exchange.pilots.permissions import MANAGE, SCORE
from exchange.pilots.selectors import is_of_applicant, scorers, valid_sheet
from exchange.pilots.services.rounds import locked_round
from exchange.pilots.states import SEAT, ApplicationState, RoundState, SeatState
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

LEAST_LENGTH, MOST_LENGTH = 4, 2_000


class OfApplicant(Refusal):
    """Nobody scores an application of an organization they belong to."""

    code = "scorer_of_applicant"
    message = _("评审人不能是申报单位的成员，请另行指派。")
    status = 403


class NotAScorer(Refusal):
    """The person does not hold the right to score in that organization."""

    code = "not_a_scorer"
    message = _("此人没有评审权限，请从列表中选择。")
    status = 422


class AlreadySeated(Refusal):
    """Nobody scores one application twice."""

    code = "scorer_already_seated"
    message = _("%(scorer)s 已经是或曾是这份申报的评审人，请另选一位。")


class NotDeclared(Refusal):
    """A declaration on conflicts comes before any points."""

    code = "conflict_not_declared"
    message = _("请先声明与申报单位有无利益冲突，再打分。")


class ScoringOver(Refusal):
    """Scores are given between the close and the announced result."""

    code = "scoring_not_open"
    message = _("批次当前为“%(state)s”，只有评审期间可以指派和打分。")


def _in_review(call: Round) -> None:
    if call.state != RoundState.CLOSED:
        raise ScoringOver(state=call.get_state_display())


def _round_id_of(application_id: UUID) -> UUID:
    found = Application.objects.filter(pk=application_id).values_list("round_id", flat=True).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def appoint(
    *,
    by: Actor,
    at: datetime,
    application_id: UUID,
    membership_id: UUID,
    replaces_id: UUID | None = None,
) -> Seat:
    """Appoint a person (as a member of one organization) to score one application, perhaps for another.

    Raises OfApplicant, NotAScorer, AlreadySeated, ScoringOver.
    """
    call = locked_round(by, _round_id_of(application_id))
    _in_review(call)
    application = Application.objects.select_for_update(of=("self",)).get(pk=application_id)
    if application.state != ApplicationState.APPLIED:
        raise NotFound
    member = scorers().filter(pk=membership_id).first()
    if member is None:
        raise NotAScorer(field="member")
    if is_of_applicant(member.user_id, application):
        raise OfApplicant(field="member")
    if application.seats.filter(scorer=member.user_id).exists():
        raise AlreadySeated(field="member", scorer=str(member.user))
    former = None
    if replaces_id is not None:
        former = application.seats.filter(
            pk=replaces_id, state__in=[SeatState.EXCLUDED, SeatState.RELIEVED], replaced_by=None
        ).first()
        if former is None:
            raise InvalidInput(field="replaces", reason=_("只能替补已回避或已解除、尚无人替补的席位。"))
    seat = Seat(
        application=application,
        scorer=member.user,
        organization=member.organization,
        replaces=former,
        appointed_by=by.user,
        appointed_at=at,
    )
    seat.save(force_insert=True)
    record(
        by=by, at=at, action="pilots.appoint", subject=application,
        detail={"seat": str(seat.pk), "scorer": str(member.user_id), "replaces": str(replaces_id or "")},
    )  # fmt: skip
    announce(ScorerAppointed(at=at, seat_id=seat.pk, by=by))
    return seat


def _own_seat(by: Actor, seat_id: UUID) -> tuple[Seat, Round]:
    """The seat under lock, for its scorer only, with the round locked before it."""
    rows = Seat.objects.filter(pk=seat_id)
    if not by.is_system:
        rows = rows.filter(scorer=by.user_id, organization=by.organization_id)
    application_id = rows.values_list("application_id", flat=True).first()
    if application_id is None:
        raise NotFound
    by.require(SCORE)
    call = Round.objects.select_for_update(of=("self",)).get(pk=_round_id_of(application_id))
    seat = Seat.objects.select_for_update(of=("self",)).select_related("application").get(pk=seat_id)
    return seat, call


@transaction.atomic
def declare(*, by: Actor, at: datetime, seat_id: UUID, has_conflict: bool, statement: str = "") -> Seat:
    """The scorer's own declaration. A conflict (with its reason) excludes them; somebody else is appointed."""
    seat, call = _own_seat(by, seat_id)
    _in_review(call)
    statement = statement.strip()
    seat.declared_at = at
    if not has_conflict:
        SEAT.check(seat, "declare_none")
        if is_of_applicant(seat.scorer_id, seat.application):
            raise OfApplicant
        SEAT.move(seat, "declare_none", by=by, at=at, update_fields=["declared_at"])
    else:
        SEAT.check(seat, "declare_conflict")
        if not LEAST_LENGTH <= len(statement) <= MOST_LENGTH:
            raise InvalidInput(field="statement", reason=_("请用 4 到 2000 个字说明是什么利益冲突。"))
        seat.conflict = statement
        SEAT.move(
            seat,
            "declare_conflict",
            by=by,
            at=at,
            reason=statement,
            update_fields=["declared_at", "conflict"],
        )
        announce(ScorerExcluded(at=at, seat_id=seat.pk, by=by))
    record(
        by=by, at=at, action="pilots.declare", subject=seat.application,
        detail={"seat": str(seat.pk), "has_conflict": has_conflict},
    )  # fmt: skip
    return seat


@transaction.atomic
def score(
    *,
    by: Actor,
    at: datetime,
    seat_id: UUID,
    points: Mapping[str, Any],
    opinion: str,
    reason: str = "",
) -> ScoreSheet:
    """Hand in points for every criterion. Scoring again is a correction: a new version with its reason.

    Raises NotDeclared, ScoringOver, OfApplicant, InvalidInput (field: the criterion's key).
    """
    seat, call = _own_seat(by, seat_id)
    _in_review(call)
    if seat.state == SeatState.APPOINTED:
        raise NotDeclared
    if seat.state != SeatState.SCORED:
        SEAT.check(seat, "score")
    if is_of_applicant(seat.scorer_id, seat.application):
        raise OfApplicant
    scale = rules.scale_of(call.scale)
    wrong = rules.points_fault(scale, points)
    if wrong:
        raise InvalidInput(field=wrong, reason=_("请填写 0 到 100 之间的整数。"))
    opinion, reason = opinion.strip(), reason.strip()
    if not LEAST_LENGTH <= len(opinion) <= MOST_LENGTH:
        raise InvalidInput(field="opinion", reason=_("请用 4 到 2000 个字写明评审意见。"))
    former = valid_sheet(seat)
    if former is not None and not LEAST_LENGTH <= len(reason) <= MOST_LENGTH:
        raise InvalidInput(field="reason", reason=_("更正评分请用 4 到 2000 个字写明理由。"))
    sheet = ScoreSheet(
        seat=seat,
        version=former.version + 1 if former else 1,
        points={row.key: points[row.key] for row in scale},
        total_centi=rules.total_centi(scale, points),
        opinion=opinion,
        reason=reason if former else "",
        scored_at=at,
    )
    sheet.save(force_insert=True)
    if seat.state != SeatState.SCORED:
        SEAT.move(seat, "score", by=by, at=at)
    record(
        by=by, at=at, action="pilots.score", subject=seat.application,
        detail={"seat": str(seat.pk), "version": sheet.version, "total_centi": sheet.total_centi},
    )  # fmt: skip
    return sheet


@transaction.atomic
def relieve(*, by: Actor, at: datetime, seat_id: UUID, reason: str) -> Seat:
    """The operator ends a seat that was not scored (the person is ill, or does not answer)."""
    application_id = Seat.objects.filter(pk=seat_id).values_list("application_id", flat=True).first()
    if application_id is None:
        raise NotFound
    call = locked_round(by, _round_id_of(application_id))
    by.require(MANAGE)
    _in_review(call)
    seat = Seat.objects.select_for_update(of=("self",)).select_related("application").get(pk=seat_id)
    SEAT.check(seat, "relieve")
    if len(reason.strip()) < LEAST_LENGTH:
        raise InvalidInput(field="reason", reason=_("请写明解除的理由。"))
    SEAT.move(seat, "relieve", by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="pilots.relieve", subject=seat.application, detail={"seat": str(seat.pk)})
    return seat
