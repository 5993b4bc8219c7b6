"""What the pilot's JSON looks like. Points in hundredths ("centi"), amounts in fen, times in UTC."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import StringConstraints

from exchange.pilots import rules
from exchange.pilots.models import Application, Assessment, Objection, Pilot, Round, Seat
from exchange.pilots.selectors import valid_sheet
from exchange.pilots.states import BrokerType

Words = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""Text that the database can hold."""


class CriterionOut(Schema):
    """One line of a scale."""

    key: str
    label: str
    weight: int
    guidance: str


class RoundOut(Schema):
    """A call: applications are taken in [`opens_at`, `closes_at`)."""

    id: UUID
    number: str
    title: str
    state: str
    opens_at: datetime
    closes_at: datetime
    places: dict[str, int]
    scale: list[CriterionOut]
    scorers_count: int
    outlier_points: int
    notice_working_days: int
    notice_until: date | None
    term_years: int

    @classmethod
    def of(cls, found: Round) -> RoundOut:
        return cls(
            id=found.pk,
            number=found.number,
            title=found.title,
            state=found.state,
            opens_at=found.opens_at,
            closes_at=found.closes_at,
            places={each.value: found.places_of(each) for each in BrokerType},
            scale=[
                CriterionOut(key=row.key, label=row.label, weight=row.weight, guidance=row.guidance)
                for row in found.criteria
            ],
            scorers_count=found.scorers_count,
            outlier_points=found.outlier_points,
            notice_working_days=found.notice_working_days,
            notice_until=found.notice_until,
            term_years=found.term_years,
        )


class ApplicationOut(Schema):
    """An application; `result` is its arithmetic once it is announced, `result_sha256` over its JSON."""

    id: UUID
    number: str
    round: str
    applicant: str
    type: str
    state: str
    answers: dict[str, Any]
    submitted_at: datetime | None
    rank: int | None
    mean_centi: int | None
    grade: str
    is_proposed: bool
    result: dict[str, Any] | None
    result_sha256: str

    @classmethod
    def of(cls, found: Application) -> ApplicationOut:
        return cls(
            id=found.pk,
            number=found.number,
            round=found.round.number,
            applicant=found.applicant.name,
            type=found.type,
            state=found.state,
            answers={name: getattr(found, name) for name in rules.editable_fields(found.type)},
            submitted_at=found.submitted_at,
            rank=found.rank,
            mean_centi=found.mean_centi,
            grade=found.grade,
            is_proposed=found.is_proposed,
            result=found.result,
            result_sha256=found.result_sha256,
        )


class ApplyIn(Schema):
    """Which type to apply for: technology_enabling, data_enabling or entrusted_rights."""

    type: str


class AnswersIn(Schema):
    """Answers by field; each type has its own (see the answers of an application)."""

    answers: dict[str, int | Words | None]


class SeatOut(Schema):
    """An own place as a scorer; `version` and `total_centi` of the valid sheet."""

    id: UUID
    application: str
    applicant: str
    type: str
    round: str
    state: str
    version: int | None
    total_centi: int | None

    @classmethod
    def of(cls, found: Seat) -> SeatOut:
        sheet = valid_sheet(found)
        return cls(
            id=found.pk,
            application=found.application.number,
            applicant=found.application.applicant.name,
            type=found.application.type,
            round=found.application.round.number,
            state=found.state,
            version=sheet.version if sheet else None,
            total_centi=sheet.total_centi if sheet else None,
        )


class DeclarationIn(Schema):
    """Whether there is a conflict of interest, and which."""

    has_conflict: bool
    statement: Words = ""


class ScoreIn(Schema):
    """Whole points from 0 to 100 for every criterion; a correction says why."""

    points: dict[str, int]
    opinion: Words
    reason: Words = ""


class AppointIn(Schema):
    """Who is to score, as a member of which organization (its membership's id)."""

    membership_id: UUID
    replaces_id: UUID | None = None


class ObjectionIn(Schema):
    """What somebody objects to in an announced result."""

    statement: Words
    application_id: UUID | None = None


class AnswerIn(Schema):
    """The answer to an objection; an upheld one ends the notice."""

    is_upheld: bool
    answer: Words


class ObjectionOut(Schema):
    """An objection with its answer."""

    id: UUID
    round: str
    application: str | None
    state: str
    statement: str
    filed_at: datetime
    answer: str
    answered_at: datetime | None

    @classmethod
    def of(cls, found: Objection) -> ObjectionOut:
        return cls(
            id=found.pk,
            round=found.round.number,
            application=found.application.number if found.application else None,
            state=found.state,
            statement=found.statement,
            filed_at=found.filed_at,
            answer=found.answer,
            answered_at=found.answered_at,
        )


class BrokerOut(Schema):
    """One line of the public directory."""

    number: str
    organization: str
    uscc: str
    type: str
    grade: str
    state: str
    began_at: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, found: Pilot) -> BrokerOut:
        return cls(
            number=found.number,
            organization=found.organization.name,
            uscc=found.organization.uscc,
            type=found.type,
            grade=found.grade,
            state=found.state,
            began_at=found.began_at,
            until=found.until,
        )


class PilotOut(BrokerOut):
    """A pilot; its agreement is signed on its page, where the person confirms who they are."""

    id: UUID
    agreement: str
    agreement_sha256: str
    sign_by: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, found: Pilot) -> PilotOut:
        return cls(
            **BrokerOut.of(found).dict(),
            id=found.pk,
            agreement=found.agreement.number,
            agreement_sha256=found.agreement.text_sha256,
            sign_by=found.sign_by,
            ended_at=found.ended_at,
        )


class AssessmentOut(Schema):
    """One year's assessment with its arithmetic; `trace_sha256` over the trace's canonical JSON."""

    year: int
    total_centi: int
    proposal: str
    trace: dict[str, Any]
    trace_sha256: str
    verdict: str | None
    reasons: str | None

    @classmethod
    def of(cls, found: Assessment) -> AssessmentOut:
        decision = getattr(found, "decision", None)
        return cls(
            year=found.year,
            total_centi=found.total_centi,
            proposal=found.proposal,
            trace=found.trace,
            trace_sha256=found.trace_sha256,
            verdict=decision.verdict if decision else None,
            reasons=decision.reasons if decision else None,
        )


class DecideIn(Schema):
    """The operator's verdict: continue, improve (with demands), extend, graduate or exit."""

    verdict: str
    reasons: Words
    demands: list[Words] = []
    due_on: date | None = None
