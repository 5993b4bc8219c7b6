"""The yearly assessment and what follows: continue, improve, extend, graduate, exit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.pilots import rules
from exchange.pilots.events import PilotAssessed, PilotDecided, PilotExited, PilotGraduated
from exchange.pilots.models import Assessment, Decision, Demand, Pilot
from exchange.pilots.permissions import APPLY, MANAGE
from exchange.pilots.selectors import is_member, open_assessment
from exchange.pilots.services.agreements import WrongSide, seen_pilot
from exchange.pilots.states import IN_FORCE, PILOT, Party, PilotState, Verdict
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from kernel.periods import Period
from organizations.permissions import Actor

LEAST_LENGTH, MOST_LENGTH, MOST_DEMANDS = 10, 4_000, 20


class NotInForce(Refusal):
    """The pilot was not running in that year."""

    code = "pilot_not_in_force"
    message = _("试点 %(number)s 在 %(year)s 年度没有进行，不能考核。")


class YearNotOver(Refusal):
    """A year is assessed when it is over, or the term is."""

    code = "pilot_year_not_over"
    message = _("%(year)s 年度尚未结束、试点期也未满，请在年度结束后考核。")


class AlreadyAssessed(Refusal):
    """One assessment a year; the first one's facts stand."""

    code = "pilot_already_assessed"
    message = _("%(year)s 年度已按另一组事实考核，考核不重做；有误请在结论的理由中说明。")


class OwnBroker(Refusal):
    """Nobody decides about a broker they belong to."""

    code = "member_of_broker"
    message = _("您是该数据经纪人的成员，不能考核或作出结论，请转交其他人办理。")
    status = 403


class DemandsOpen(Refusal):
    """Something demanded is not put right yet."""

    code = "pilot_demands_open"
    message = _("还有 %(count)s 项整改要求没有验收，逐项确认后才能恢复试点。")


def _managed(by: Actor, pilot_id: UUID) -> Pilot:
    pilot = seen_pilot(by, pilot_id)
    by.require(MANAGE)
    if by.user_id is not None and is_member(by.user_id, pilot.organization_id):
        raise OwnBroker
    return pilot


def _require_year(pilot: Pilot, year: int, at: datetime) -> None:
    period = Period.of_year(year)
    if pilot.began_at is None or pilot.until is None or pilot.state not in IN_FORCE:
        raise NotInForce(number=pilot.number, year=year)
    if pilot.began_at >= period.end or pilot.until <= period.start:
        raise NotInForce(number=pilot.number, year=year)
    if at < min(period.end, pilot.until):
        raise YearNotOver(year=year)


@transaction.atomic
def assess(
    *,
    by: Actor,
    at: datetime,
    pilot_id: UUID,
    year: int,
    facts: rules.Facts,
    deals: Sequence[rules.CountedDeal] = (),
) -> Assessment:
    """Compute one year's assessment from what the broker did; the operator then decides.

    For exchange.brokers, which counts the facts from the `deals` on record; nobody types them.
    Asking again with the same facts gives the same assessment. Raises NotInForce, YearNotOver, AlreadyAssessed,
    OwnBroker, MoveNotAllowed (an earlier one waits for its decision), InvalidInput (field: the fact's name).
    """
    pilot = _managed(by, pilot_id)
    known = pilot.assessments.filter(year=year).first()
    if known is not None:
        if known.facts == facts.plain():
            return known
        raise AlreadyAssessed(year=year)
    _require_year(pilot, year, at)
    PILOT.check(pilot, "assess")
    wrong = facts.fault()
    if wrong:
        raise InvalidInput(
            field=wrong, reason=_("这一事实不合理：不能为负，完整数不超过应有数，评价为 1 到 5 分。")
        )
    trace = rules.assessment_of(year, facts, until=pilot.until, deals=deals)
    found = Assessment(
        pilot=pilot,
        year=year,
        facts=facts.plain(),
        total_centi=trace["total_centi"],
        proposal=trace["proposal"],
        trace=trace,
        trace_sha256=rules.document_sha256(trace),
        assessed_by=by.user,
        assessed_at=at,
    )
    found.save(force_insert=True)
    PILOT.move(pilot, "assess", by=by, at=at)
    record(
        by=by, at=at, action="pilots.assess", subject=pilot,
        detail={"year": year, "total_centi": found.total_centi, "sha256": found.trace_sha256},
    )  # fmt: skip
    announce(PilotAssessed(at=at, pilot_id=pilot.pk, year=year, by=by))
    return found


@transaction.atomic
def decide(
    *,
    by: Actor,
    at: datetime,
    pilot_id: UUID,
    verdict: str,
    reasons: str,
    demands: Sequence[str] = (),
    due_on: date | None = None,
) -> Decision:
    """Decide after the assessment, with reasons; the proposal binds nobody.

    `demands`: what is to be put right, each by `due_on` (default: so many days of the parameters). An extension
    adds years to the term; an exit tells the apps above. Raises OwnBroker, InvalidInput, MoveNotAllowed.
    """
    pilot = _managed(by, pilot_id)
    if verdict not in Verdict.values:
        raise InvalidInput(field="verdict", reason=_("请从列表中选择结论。"))
    PILOT.check(pilot, verdict)
    assessment = open_assessment(pilot)
    if assessment is None:
        raise NotFound
    text = reasons.strip()
    if not LEAST_LENGTH <= len(text) <= MOST_LENGTH:
        raise InvalidInput(field="reasons", reason=_("请用 10 到 4000 个字写明理由。"))
    wanted = _demands(verdict, demands)
    due = _due(at, due_on) if wanted else clock.business_date(at)
    assert pilot.until is not None, "a pilot in force has its term"
    fields = _after(pilot, verdict, at)
    decision = Decision(
        assessment=assessment,
        verdict=verdict,
        reasons=text,
        until=pilot.until,
        decided_by=by.user,
        decided_at=at,
    )
    decision.save(force_insert=True)
    Demand.objects.bulk_create(
        Demand(decision=decision, ordinal=ordinal, words=words, due_on=due)
        for ordinal, words in enumerate(wanted, 1)
    )
    PILOT.move(pilot, verdict, by=by, at=at, reason=text, update_fields=fields)
    record(
        by=by, at=at, action="pilots.decide", subject=pilot,
        detail={"year": assessment.year, "verdict": verdict, "proposal": assessment.proposal,
                "until": str(pilot.until), "demands": len(wanted)},
    )  # fmt: skip
    announce(PilotDecided(at=at, pilot_id=pilot.pk, year=assessment.year, verdict=verdict, by=by))
    _tell_end(pilot, verdict, text, by, at)
    return decision


def _demands(verdict: str, demands: Sequence[str]) -> list[str]:
    wanted = [words.strip() for words in demands if words.strip()]
    if (verdict == Verdict.IMPROVE) != bool(wanted):
        raise InvalidInput(field="demands", reason=_("限期整改要逐条写明整改要求；其他结论不带整改要求。"))
    if len(wanted) > MOST_DEMANDS or any(len(words) > MOST_LENGTH for words in wanted):
        raise InvalidInput(field="demands", reason=_("整改要求最多 20 条，每条不超过 4000 个字。"))
    return wanted


def _due(at: datetime, due_on: date | None) -> date:
    today = clock.business_date(at)
    if due_on is None:
        return today + timedelta(days=rules.parameters_on(today).improvement_days)
    if due_on <= today:
        raise InvalidInput(field="due_on", reason=_("整改期限应晚于今天。"))
    return due_on


def _after(pilot: Pilot, verdict: str, at: datetime) -> list[str]:
    """Set what the verdict changes besides the state; the fields to save."""
    if verdict == Verdict.EXTEND:
        assert pilot.until is not None, "a pilot in force has its term"
        years = rules.parameters_on(clock.business_date(at)).extension_years
        pilot.until = rules.years_after(pilot.until, years)
        return ["until"]
    if verdict in (Verdict.GRADUATE, Verdict.EXIT):
        pilot.ended_at = at
        return ["ended_at"]
    return []


def _tell_end(pilot: Pilot, verdict: str, reason: str, by: Actor, at: datetime) -> None:
    if verdict == Verdict.GRADUATE:
        announce(PilotGraduated(at=at, pilot_id=pilot.pk, organization_id=pilot.organization_id, by=by))
    elif verdict == Verdict.EXIT:
        announce(
            PilotExited(at=at, pilot_id=pilot.pk, organization_id=pilot.organization_id, reason=reason, by=by)
        )


@transaction.atomic
def exit_pilot(*, by: Actor, at: datetime, pilot_id: UUID, reason: str) -> Pilot:
    """End a running pilot between assessments, with reasons (a grave breach, or at the broker's request)."""
    pilot = _managed(by, pilot_id)
    PILOT.check(pilot, "exit")
    text = reason.strip()
    if not LEAST_LENGTH <= len(text) <= MOST_LENGTH:
        raise InvalidInput(field="reason", reason=_("请用 10 到 4000 个字写明理由。"))
    pilot.ended_at = at
    PILOT.move(pilot, "exit", by=by, at=at, reason=text, update_fields=["ended_at"])
    record(by=by, at=at, action="pilots.exit", subject=pilot, detail={"reason": text})
    _tell_end(pilot, Verdict.EXIT, text, by, at)
    return pilot


# --- demands ------------------------------------------------------------------------------------


def _locked_demand(demand_id: UUID) -> tuple[UUID, Demand]:
    rows = Demand.objects.filter(pk=demand_id).select_related("decision__assessment")
    found = rows.first()
    if found is None:
        raise NotFound
    return found.decision.assessment.pilot_id, found


@transaction.atomic
def report_demand(*, by: Actor, at: datetime, demand_id: UUID, report: str) -> Demand:
    """The broker says how a demand was met; it may say it anew until the operator has confirmed."""
    pilot_id, _found = _locked_demand(demand_id)
    pilot = seen_pilot(by, pilot_id)
    if not by.belongs_to(pilot.organization_id):
        raise WrongSide(party=Party.BROKER.label)
    by.require(APPLY)
    PILOT.check(pilot, "accept_improvement")
    demand = Demand.objects.select_for_update(of=("self",)).get(pk=demand_id)
    text = report.strip()
    if demand.met_at is not None:
        raise InvalidInput(field="report", reason=_("这一项已经验收。"))
    if not LEAST_LENGTH <= len(text) <= MOST_LENGTH:
        raise InvalidInput(field="report", reason=_("请用 10 到 4000 个字写明怎样整改、有何证明。"))
    demand.report, demand.reported_at = text, at
    demand.save(update_fields=["report", "reported_at"])
    record(by=by, at=at, action="pilots.report_demand", subject=pilot, detail={"ordinal": demand.ordinal})
    return demand


@transaction.atomic
def confirm_demand(*, by: Actor, at: datetime, demand_id: UUID) -> Demand:
    """The operator confirms that a reported demand is met."""
    pilot_id, _found = _locked_demand(demand_id)
    pilot = _managed(by, pilot_id)
    PILOT.check(pilot, "accept_improvement")
    demand = Demand.objects.select_for_update(of=("self",)).get(pk=demand_id)
    if demand.reported_at is None:
        raise InvalidInput(field="report", reason=_("数据经纪人还没有报告这一项的整改。"))
    if demand.met_at is None:
        demand.met_at, demand.met_by = at, by.user
        demand.save(update_fields=["met_at", "met_by"])
        record(
            by=by, at=at, action="pilots.confirm_demand", subject=pilot, detail={"ordinal": demand.ordinal}
        )
    return demand


@transaction.atomic
def accept_improvement(*, by: Actor, at: datetime, pilot_id: UUID) -> Pilot:
    """Every demand is met: the pilot goes on."""
    pilot = _managed(by, pilot_id)
    PILOT.check(pilot, "accept_improvement")
    assert pilot.state == PilotState.IMPROVING, "only an improving pilot has demands"
    waiting = Demand.objects.filter(decision__assessment__pilot=pilot, met_at=None).count()
    if waiting:
        raise DemandsOpen(count=waiting)
    PILOT.move(pilot, "accept_improvement", by=by, at=at)
    record(by=by, at=at, action="pilots.accept_improvement", subject=pilot)
    return pilot
