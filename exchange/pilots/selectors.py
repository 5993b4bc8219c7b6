"""Every read of the pilot that takes a viewer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from exchange.pilots import rules
from exchange.pilots.models import Application, Assessment, Objection, Pilot, Round, ScoreSheet, Seat
from exchange.pilots.permissions import APPLY, MANAGE, SCORE, SIGN_AS_BROKER, SIGN_AS_OPERATOR, VIEW, VIEW_ALL
from exchange.pilots.states import (
    IN_FORCE,
    OPEN_APPLICATIONS,
    SITTING,
    ApplicationState,
    BrokerType,
    ObjectionState,
    Party,
    PilotState,
    RoundState,
    SeatState,
)
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.wording import listed
from organizations.models import Membership
from organizations.permissions import Actor
from web import desk, finding

PUBLIC_ROUNDS = (RoundState.PUBLISHED, RoundState.CLOSED, RoundState.IN_NOTICE, RoundState.DECIDED)
SHOWN_IN_DIRECTORY = (*IN_FORCE, PilotState.GRADUATED)
PRIVATE_APPLICATIONS = (ApplicationState.DRAFT, ApplicationState.WITHDRAWN, ApplicationState.LAPSED)
_WATCHED = 20


# --- promises to the apps above -----------------------------------------------------------------


def pilot_in_force(
    organization_id: UUID, at: datetime | None = None, *, broker_type: str = ""
) -> Pilot | None:
    """The organization's pilot in force, the newest of several; None without one.

    With `at`, a pilot whose term has run out at that moment does not count.
    """
    rows = Pilot.objects.filter(organization=organization_id, state__in=IN_FORCE)
    if at is not None:
        rows = rows.filter(began_at__lte=at, until__gt=at)
    if broker_type:
        rows = rows.filter(type=broker_type)
    return rows.select_related("organization").order_by("-began_at", "-pk").first()


# --- rounds -------------------------------------------------------------------------------------


def rounds_visible_to(viewer: Actor) -> QuerySet[Round]:
    """Published rounds are public; drafts belong to the operator."""
    if viewer.can(MANAGE):
        return Round.objects.all()
    return Round.objects.filter(state__in=PUBLIC_ROUNDS)


def round_for(viewer: Actor, number: str) -> Round:
    """One round by its number; NotFound when the viewer may not see it."""
    found = rounds_visible_to(viewer).select_related("operator").filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def is_open(found: Round, at: datetime) -> bool:
    """Whether applications are taken at that moment: the start belongs, the end does not."""
    return found.state == RoundState.PUBLISHED and found.opens_at <= at < found.closes_at


def rounds_to_close(at: datetime) -> list[UUID]:
    """Published rounds whose end has come."""
    rows = Round.objects.filter(state=RoundState.PUBLISHED, closes_at__lte=at)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def result_rows(found: Round) -> QuerySet[Application]:
    """The announced result of a round: by type, best first. Empty until it is announced."""
    if found.state not in (RoundState.IN_NOTICE, RoundState.DECIDED):
        return Application.objects.none()
    rows = found.applications.filter(state__in=["reviewed", "selected", "not_selected"])
    return rows.select_related("applicant").order_by("type", "rank")


# --- applications -------------------------------------------------------------------------------


def applications_visible_to(viewer: Actor) -> QuerySet[Application]:
    """A firm's own; whatever was handed in for operator, department and auditor."""
    rows = Application.objects.all()
    if viewer.can(VIEW_ALL):
        return rows if viewer.is_system else rows.exclude(state__in=PRIVATE_APPLICATIONS)
    if viewer.organization_id and (viewer.can(VIEW) or viewer.can(APPLY)):
        return rows.filter(applicant=viewer.organization_id)
    return rows.none()


def application_for(viewer: Actor, application_id: UUID) -> Application:
    """One application with its round; NotFound when the viewer may not see it."""
    rows = applications_visible_to(viewer).select_related("round", "applicant")
    found = rows.filter(pk=application_id).first()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Point:
    """Something that an application lacks: the section of the task list and what to do."""

    section: str
    words: str | Promise


def completeness(application: Application) -> list[Point]:
    """What is missing before an application may be handed in."""
    values = {name: getattr(application, name) for name in rules.editable_fields(application.type)}
    missing = rules.missing_fields(application.type, values)
    points = [
        Point(key, _("请填写“%(field)s”。") % {"field": rules.FIELD_LABELS[name]})
        for key in rules.SECTIONS
        for name in rules.section_fields(key, application.type)
        if name in missing
    ]
    if application.round.documents_wanted.strip() and not application.attachments.exists():
        points.append(Point("files", _("请上传征集公告要求的材料。")))
    if not application.applicant.is_verified:
        points.append(Point("organization", _("请先完成单位认证。")))
    return points


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is, and until when."""

    words: str
    until: datetime | date | None = None

    @property
    def due(self) -> str:
        """The end as people read it: a day, or a moment in Asia/Shanghai."""
        if isinstance(self.until, datetime):
            return f"{self.until.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"
        return str(self.until or "")


def turn_of(application: Application) -> Turn:
    """Whose turn it is with an application."""
    call = application.round
    if application.state == ApplicationState.DRAFT:
        return Turn(_("轮到申报单位：填写并提交"), call.closes_at)
    if application.state == ApplicationState.APPLIED:
        if call.state == RoundState.PUBLISHED:
            return Turn(_("已提交，等待截止；截止前可以取回修改或撤回"), call.closes_at)
        return Turn(_("轮到评审专家和服务基地：打分并公示结果"))
    if application.state == ApplicationState.REVIEWED:
        return Turn(_("结果公示中，公示期满后由服务基地确定"), call.notice_until)
    if application.state == ApplicationState.SELECTED:
        return Turn(_("已入选，请看试点协议与进展"))
    return Turn("")


def history_of(*subjects: UUID) -> list[Transition]:
    """The moves of some things, oldest first."""
    return list(Transition.objects.filter(subject_id__in=subjects).order_by("at", "pk"))


def own_applications(viewer: Actor) -> QuerySet[Application]:
    """The viewer's organization's applications."""
    if not (viewer.can(VIEW) or viewer.can(APPLY)):
        viewer.require(VIEW)
    return Application.objects.filter(applicant=viewer.organization_id).select_related("round", "pilot")


def open_application(found: Round, organization_id: UUID | None, broker_type: str) -> Application | None:
    """The organization's application of that type in the round that was not taken back or missed."""
    return found.applications.filter(
        applicant=organization_id, type=broker_type, state__in=OPEN_APPLICATIONS
    ).first()


# --- scoring ------------------------------------------------------------------------------------


def _with_sheets(seats: QuerySet[Seat]) -> QuerySet[Seat]:
    return seats.select_related("scorer", "organization").prefetch_related(
        Prefetch("sheets", ScoreSheet.objects.order_by("version"))
    )


def valid_sheet(seat: Seat) -> ScoreSheet | None:
    """The newest version of a seat's sheet (with sheets prefetched, without a query)."""
    return max(seat.sheets.all(), key=lambda sheet: sheet.version, default=None)


def own_seats(viewer: Actor) -> QuerySet[Seat]:
    """The viewer's own places as a scorer, in the organization they act for; the ones to do first."""
    viewer.require(SCORE)
    rows = Seat.objects.filter(scorer=viewer.user_id, organization=viewer.organization_id)
    return rows.select_related("application__round", "application__applicant")


def own_seat(viewer: Actor, seat_id: UUID) -> Seat:
    """One own place; NotFound for anybody else's."""
    found = _with_sheets(own_seats(viewer)).filter(pk=seat_id).first()
    if found is None:
        raise NotFound
    return found


def is_member(user_id: UUID | None, organization_id: UUID) -> bool:
    """Whether the person belongs to the organization, in whatever role."""
    return Membership.objects.filter(user=user_id, organization=organization_id, ended_at=None).exists()


def is_of_applicant(user_id: UUID | None, application: Application) -> bool:
    """Whether the person belongs to the applicant's organization, in whatever role."""
    return is_member(user_id, application.applicant_id)


def possible_scorers(application: Application) -> QuerySet[Membership]:
    """Who may be appointed: holders of the right to score, not of the applicant, not yet appointed."""
    of_applicant = Membership.objects.filter(
        user=OuterRef("user"), organization=application.applicant_id, ended_at=None
    )
    taken = Seat.objects.filter(application=application, scorer=OuterRef("user"))
    return (
        scorers().exclude(organization=application.applicant_id).filter(~Exists(of_applicant), ~Exists(taken))
    )


def scorers() -> QuerySet[Membership]:
    """Everybody who holds the right to score."""
    rows = Membership.objects.filter(
        ended_at=None,
        user__is_active=True,
        organization__kinds__overlap=[kind.value for kind in SCORE.kinds],
        roles__overlap=[role.value for role in SCORE.roles],
    )
    return rows.select_related("user", "organization").order_by("organization__name", "user__name", "pk")


@dataclass(frozen=True, slots=True)
class Cell:
    """One seat in the matrix: the scorer, the valid total, whether it lies far from the median."""

    seat: Seat
    sheet: ScoreSheet | None
    is_outlier: bool


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One application in the matrix; `mean_centi` once every sitting scorer has scored."""

    application: Application
    cells: Sequence[Cell]
    sitting_count: int
    scored_count: int
    mean_centi: int | None
    is_ready: bool


def matrix_of(found: Round) -> list[MatrixRow]:
    """Every handed-in application of a round with its seats and scores; a constant number of queries."""
    rows = (
        found.applications.exclude(state__in=PRIVATE_APPLICATIONS)
        .select_related("applicant")
        .prefetch_related(Prefetch("seats", _with_sheets(Seat.objects.order_by("pk"))))
    )
    return [_matrix_row(found, application) for application in rows.order_by("type", "rank", "submitted_at")]


def _matrix_row(found: Round, application: Application) -> MatrixRow:
    seats = list(application.seats.all())
    sitting = [seat for seat in seats if seat.state in SITTING]
    sheets = {seat.pk: valid_sheet(seat) for seat in seats}
    scored = [seat for seat in sitting if sheets[seat.pk] is not None]
    totals = [sheet.total_centi for seat in scored if (sheet := sheets[seat.pk]) is not None]
    flags = dict(zip((seat.pk for seat in scored), rules.outliers(totals, found.outlier_points), strict=True))
    is_ready = len(scored) == len(sitting) >= found.scorers_count
    return MatrixRow(
        application=application,
        cells=[Cell(seat, sheets[seat.pk], flags.get(seat.pk, False)) for seat in seats],
        sitting_count=len(sitting),
        scored_count=len(scored),
        mean_centi=rules.rounded(rules.mean_centi(totals)) if is_ready else None,
        is_ready=is_ready,
    )


def candidate_of(row: MatrixRow) -> rules.Candidate:
    """A matrix row as the ranking reads it."""
    application = row.application
    assert application.submitted_at is not None, "an applied application has its time"
    return rules.Candidate(
        number=application.number,
        submitted_at=application.submitted_at,
        sheets=tuple(
            rules.Sheet(str(cell.seat.pk), cell.sheet.version, cell.sheet.points)
            for cell in row.cells
            if cell.sheet is not None and cell.seat.state in SITTING
        ),
    )


# --- objections ---------------------------------------------------------------------------------


def objections_visible_to(viewer: Actor) -> QuerySet[Objection]:
    """All for operator, department and auditor; one's own for everybody else."""
    rows = Objection.objects.select_related("round", "application__applicant")
    if viewer.can(VIEW_ALL) or viewer.can(MANAGE):
        return rows
    return rows.filter(objector=viewer.user_id) if viewer.user_id else rows.none()


# --- pilots -------------------------------------------------------------------------------------


def directory(*, broker_type: str = "") -> QuerySet[Pilot]:
    """The public list: brokers in the pilot and those that graduated, the newest first."""
    rows = Pilot.objects.filter(state__in=SHOWN_IN_DIRECTORY).select_related("organization")
    return rows.filter(type=broker_type) if broker_type in BrokerType.values else rows


def pilots_visible_to(viewer: Actor) -> QuerySet[Pilot]:
    """A broker's own; all for operator, department and auditor."""
    rows = Pilot.objects.select_related("organization", "operator", "application__round")
    if viewer.can(VIEW_ALL):
        return rows
    if viewer.organization_id and (viewer.can(VIEW) or viewer.can(SIGN_AS_BROKER)):
        return rows.filter(organization=viewer.organization_id)
    return rows.none()


def pilot_for(viewer: Actor, pilot_id: UUID) -> Pilot:
    """One pilot with its agreement; NotFound when the viewer may not see it."""
    found = pilots_visible_to(viewer).select_related("agreement").filter(pk=pilot_id).first()
    if found is None:
        raise NotFound
    return found


def year_to_assess(pilot: Pilot, at: datetime) -> int:
    """The latest year that is over for the pilot: the one before, or that of its end once the term is over."""
    if pilot.until is not None and pilot.until <= at:
        return clock.business_year(pilot.until - timedelta(microseconds=1))
    return clock.business_year(at) - 1


def assessments_of(pilot: Pilot) -> list[Assessment]:
    """The pilot's assessments with decisions and demands, newest year first."""
    rows = pilot.assessments.select_related("decision").prefetch_related("decision__demands")
    return list(rows.order_by("-year"))


def open_assessment(pilot: Pilot) -> Assessment | None:
    """The assessment that waits for its decision."""
    return pilot.assessments.filter(decision=None).order_by("-year").first()


def pilot_turn(pilot: Pilot, signed: Iterable[str] = ()) -> Turn:
    """Whose turn it is in a pilot; `signed`: the parties that have signed the agreement."""
    if pilot.state == PilotState.UNSIGNED:
        missing = [party for party in Party if party.value not in signed]
        words = _("等待%(parties)s签署试点协议") % {"parties": listed(party.label for party in missing)}
        return Turn(words, pilot.sign_by)
    if pilot.state == PilotState.ASSESSED:
        return Turn(_("轮到服务基地：作出考核结论"))
    if pilot.state == PilotState.IMPROVING:
        due = (
            pilot.assessments.filter(decision__demands__met_at=None)
            .order_by("decision__demands__due_on")
            .values_list("decision__demands__due_on", flat=True)
            .first()
        )
        return Turn(_("轮到数据经纪人：完成整改并报告"), due)
    if pilot.state in (PilotState.IN_PILOT, PilotState.EXTENDED):
        return Turn(_("试点进行中，每年考核一次"), pilot.until)
    return Turn("")


# --- desk, search -------------------------------------------------------------------------------


def waiting_applications(viewer: Actor) -> list[QuerySet[Any]]:
    """Own drafts and agreements that wait for the viewer's firm, for the side navigation."""
    if not viewer.organization_id:
        return []
    own = viewer.organization_id
    drafts = Application.objects.filter(applicant=own, state=ApplicationState.DRAFT)
    return [drafts, Pilot.objects.filter(_unsigned_by(Party.BROKER), organization=own)]


def _unsigned_by(party: Party) -> Q:
    return Q(state=PilotState.UNSIGNED) & ~Q(agreement__signatures__party=party.value)


def _to_score(viewer: Actor) -> QuerySet[Seat]:
    rows = Seat.objects.filter(
        scorer=viewer.user_id,
        organization=viewer.organization_id,
        state__in=[SeatState.APPOINTED, SeatState.CLEARED],
    )
    return rows.filter(application__round__state=RoundState.CLOSED)


def waiting_scores(viewer: Actor) -> list[QuerySet[Any]]:
    """The applications that wait for the viewer's declaration or score, for the side navigation."""
    return [_to_score(viewer)] if viewer.user_id else []


def waiting_decisions(viewer: Actor) -> list[QuerySet[Any]]:
    """Rounds, objections, assessments and agreements that wait for the operator, for the side navigation."""
    return [
        Round.objects.filter(state=RoundState.CLOSED),
        Objection.objects.filter(state=ObjectionState.FILED),
        Pilot.objects.filter(Q(state=PilotState.ASSESSED) | _unsigned_by(Party.OPERATOR)),
    ]


def _firm_todos(viewer: Actor) -> list[desk.Todo]:
    own, found = viewer.organization_id, []
    if viewer.can(APPLY):
        rows = Application.objects.filter(
            applicant=own, state=ApplicationState.DRAFT, round__state=RoundState.PUBLISHED
        )
        for each in rows.select_related("round").order_by("round__closes_at", "pk")[:_WATCHED]:
            title = _("完成试点申报：%(type)s") % {"type": each.get_type_display()}
            url = reverse("pilots:application", args=[each.pk])
            found.append(desk.Todo(title, url, each.round.title, each.round.closes_at, "clipboard-list"))
    if viewer.can(SIGN_AS_BROKER):
        pilots = Pilot.objects.filter(_unsigned_by(Party.BROKER), organization=own).order_by("pk")
        found += [_sign_todo(pilot) for pilot in pilots[:_WATCHED]]
    if viewer.can(APPLY):
        pilots = Pilot.objects.filter(organization=own, state=PilotState.IMPROVING).order_by("pk")
        for pilot in pilots[:_WATCHED]:
            url = reverse("pilots:pilot", args=[pilot.pk])
            found.append(desk.Todo(_("完成试点整改"), url, pilot.number, None, "wrench", "amber"))
    return found


def _sign_todo(pilot: Pilot) -> desk.Todo:
    url = reverse("pilots:pilot", args=[pilot.pk])
    return desk.Todo(_("签署试点协议"), url, pilot.number, pilot.sign_by, "signature")


def _operator_todos(viewer: Actor) -> list[desk.Todo]:
    found = []
    for each in Round.objects.filter(state__in=[RoundState.CLOSED, RoundState.IN_NOTICE]).order_by("pk")[
        :_WATCHED
    ]:
        title = _("评审试点申报") if each.state == RoundState.CLOSED else _("试点结果公示")
        url = reverse("pilots:board_round", args=[each.number])
        found.append(desk.Todo(title, url, each.title, each.notice_until, "scale"))
    for objection in Objection.objects.filter(state=ObjectionState.FILED).order_by("pk")[:_WATCHED]:
        url = reverse("pilots:objection", args=[objection.pk])
        found.append(desk.Todo(_("答复试点结果异议"), url, objection.objector_label, None, "message-square"))
    for pilot in Pilot.objects.filter(state=PilotState.ASSESSED).order_by("pk")[:_WATCHED]:
        url = reverse("pilots:pilot", args=[pilot.pk])
        found.append(desk.Todo(_("作出考核结论"), url, pilot.number, None, "gavel"))
    return found


def todos(viewer: Actor) -> list[desk.Todo]:
    """What waits for the viewer in the pilot: as a firm, as a scorer, as the operator."""
    if viewer.organization_id is None or viewer.is_system:
        return []
    found = _firm_todos(viewer) if viewer.can(VIEW) or viewer.can(SIGN_AS_BROKER) else []
    if viewer.can(SCORE):
        rows = _to_score(viewer).select_related("application__round", "application__applicant")
        for seat in rows.order_by("pk")[:_WATCHED]:
            url = reverse("pilots:seat", args=[seat.pk])
            title = _("试点申报评审：%(firm)s") % {"firm": seat.application.applicant}
            found.append(desk.Todo(title, url, seat.application.number, None, "clipboard-check"))
    if viewer.can(MANAGE):
        found += _operator_todos(viewer)
    if viewer.can(SIGN_AS_OPERATOR):
        pilots = Pilot.objects.filter(_unsigned_by(Party.OPERATOR)).order_by("pk")
        found += [_sign_todo(pilot) for pilot in pilots[:_WATCHED]]
    return found


def board_rounds() -> QuerySet[Round]:
    """All rounds for the operator's board, with how many applications each has; newest first."""
    handed_in = Count("applications", filter=~Q(applications__state__in=PRIVATE_APPLICATIONS))
    return Round.objects.annotate(applied_count=handed_in)


def find(viewer: Actor, text: str) -> list[finding.Hit]:
    """Pilots and applications the viewer may see, by number or organization."""
    by_text = Q(number__iexact=text) | Q(organization__name__icontains=text)
    hits = [
        finding.Hit(
            title=str(pilot.organization),
            url=reverse("pilots:pilot", args=[pilot.pk]),
            detail=f"{pilot.get_type_display()} · {pilot.get_state_display()}",
            number=pilot.number,
            is_exact=text.lower() == pilot.number.lower(),
        )
        for pilot in pilots_visible_to(viewer).filter(by_text).order_by("-pk")[:10]
    ]
    rows = applications_visible_to(viewer).filter(Q(number__iexact=text) | Q(applicant__name__icontains=text))
    return hits + [
        finding.Hit(
            title=str(each.applicant),
            url=reverse("pilots:application", args=[each.pk]),
            detail=f"{each.get_type_display()} · {each.get_state_display()}",
            number=each.number,
            is_exact=text.lower() == each.number.lower(),
        )
        for each in rows.select_related("applicant").order_by("-pk")[:10]
    ]


def exact_points(text: str) -> str:
    """An exact fraction of a trace in decimals, cut to two places: `250/3` → 83.33."""
    value = Fraction(text)
    cents = int(value * 100 // 1)
    return f"{cents // 100}.{cents % 100:02d}"
