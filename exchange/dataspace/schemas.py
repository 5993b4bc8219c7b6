"""What data spaces' JSON looks like. Amounts in fen, times in UTC, days as dates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from ninja import Schema
from pydantic import Field

from exchange.dataspace import rules
from exchange.dataspace.models import Landing, Member, Milestone, RuleVersion, SharedProduct, Space
from exchange.dataspace.services import Stated

Text = Annotated[str, Field(max_length=rules.MOST_WORDS, pattern=r"^[^\x00]*$")]
LongText = Annotated[str, Field(max_length=rules.MOST_RULES, pattern=r"^[^\x00]*$")]


class SpaceOut(Schema):
    """A space; `rules_version` 0: not approved yet."""

    id: UUID
    number: str
    kind: str
    title: str
    industry: str
    leader: str
    rules_version: int
    applied_at: datetime
    decided_at: datetime | None
    state: str

    @classmethod
    def of(cls, space: Space) -> SpaceOut:
        names = ("number", "kind", "title", "industry", "rules_version", "applied_at", "decided_at", "state")
        return cls(id=space.pk, leader=space.leader.name, **{name: getattr(space, name) for name in names})


class SpaceIn(Schema):
    """What a broker applies with."""

    kind: Text
    title: Text
    industry: Text
    purpose: LongText
    rules: LongText

    def stated(self) -> Stated:
        """As the service takes it."""
        return Stated(**self.dict())


class MoveIn(Schema):
    """`move`: approve, return, reject, withdraw, suspend, resume or close; why."""

    move: Text
    reason: Text


class ReasonIn(Schema):
    """Why, for the other side."""

    reason: Text


class RulesOut(Schema):
    """One version of the rules."""

    version: int
    text: str
    text_sha256: str
    reason: str
    published_at: datetime

    @classmethod
    def of(cls, version: RuleVersion) -> RulesOut:
        names = ("version", "text", "text_sha256", "reason", "published_at")
        return cls(**{name: getattr(version, name) for name in names})


class RulesIn(Schema):
    """The next version of the rules."""

    text: LongText
    reason: Text


class AcceptIn(Schema):
    """The hash of the rules that were read."""

    text_sha256: Text


class InviteIn(Schema):
    """Who is asked to join, by USCC."""

    uscc: Text


class MemberOut(Schema):
    """An organization's place in a space."""

    id: UUID
    organization: str
    is_leader: bool
    accepted_version: int
    joined_at: datetime | None
    ended_at: datetime | None
    reason: str
    state: str

    @classmethod
    def of(cls, member: Member) -> MemberOut:
        names = ("is_leader", "accepted_version", "joined_at", "ended_at", "reason", "state")
        return cls(
            id=member.pk,
            organization=member.organization.name,
            **{name: getattr(member, name) for name in names},
        )


class ProductIn(Schema):
    """Which own product is put into the space."""

    product_number: Text


class SharedOut(Schema):
    """A product in a space."""

    id: UUID
    product: str
    title: str
    supplier: str
    put_at: datetime
    taken_at: datetime | None

    @classmethod
    def of(cls, shared: SharedProduct) -> SharedOut:
        return cls(
            id=shared.pk,
            product=shared.product.number,
            title=shared.product.title,
            supplier=shared.product.supplier.name,
            put_at=shared.put_at,
            taken_at=shared.taken_at,
        )


class MilestoneIn(Schema):
    """What is to be reached by the end of a day."""

    title: Text
    target: Text
    due_on: date


class ReportIn(Schema):
    """How a milestone was reached, and the file that shows it."""

    report: Text
    document_id: UUID


class MilestoneOut(Schema):
    """A milestone; `is_late` on the day of asking."""

    id: UUID
    title: str
    target: str
    due_on: date
    report: str
    state: str
    is_late: bool

    @classmethod
    def of(cls, milestone: Milestone, today: date) -> MilestoneOut:
        names = ("title", "target", "due_on", "report", "state")
        late = rules.is_late(milestone.state, milestone.due_on, today)
        return cls(id=milestone.pk, is_late=late, **{name: getattr(milestone, name) for name in names})


class LandingIn(Schema):
    """A project that landed, and the file that shows it."""

    title: Text
    firm: Text
    place: Text
    amount_fen: int = Field(gt=0, le=rules.MOST_FEN)
    landed_on: date
    statement: Text
    document_id: UUID


class DecisionIn(Schema):
    """Whether a landed project is verified, and why."""

    is_verified: bool
    opinion: Text


class MilestoneDecisionIn(Schema):
    """`move`: confirm, send_back or drop; why."""

    move: Text
    reason: Text


class LandingOut(Schema):
    """A landed project."""

    id: UUID
    number: str
    title: str
    firm: str
    place: str
    amount_fen: int
    landed_on: date
    opinion: str
    state: str

    @classmethod
    def of(cls, landing: Landing) -> LandingOut:
        names = ("number", "title", "firm", "place", "amount_fen", "landed_on", "opinion", "state")
        return cls(id=landing.pk, **{name: getattr(landing, name) for name in names})
