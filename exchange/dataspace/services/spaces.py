"""Spaces: applied by a broker in the pilot, decided by the operator, suspended, resumed, closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.brokers.selectors import standing_of
from exchange.catalogue.states import Industry
from exchange.dataspace import rules
from exchange.dataspace.events import SpaceApplied, SpaceMoved
from exchange.dataspace.models import Member, Space
from exchange.dataspace.permissions import DECIDE, LEAD
from exchange.dataspace.selectors import leads
from exchange.dataspace.services.members import accept, checked_rules, put_in_force, require_leader, said
from exchange.dataspace.services.products import follow_space, locked_space
from exchange.dataspace.states import MEMBER, OPEN_MILESTONE, SPACE, UNDECIDED, SpaceKind, SpaceState
from exchange.pilots.selectors import pilot_in_force
from kernel.errors import InvalidInput, NotAllowed, Refusal, SelfReview
from kernel.events import announce
from kernel.numbers import new_number
from kernel.records import new_id
from organizations.models import Organization
from organizations.permissions import Actor

MOST_UNDECIDED = 5


class NotInPilot(Refusal):
    """A space is a project of a pilot in force."""

    code = "space_not_in_pilot"
    message = _("%(name)s目前不在数据经纪人试点中。请先通过试点申报并签署协议。")


class OpenSpaces(Refusal):
    """So many applications wait already."""

    code = "space_too_many_undecided"
    message = _("已有 5 个申请等待审核，请等审核后再申请，或撤回其中不再需要的。")


class MilestonesMissing(Refusal):
    """What is approved can be measured."""

    code = "space_milestones_missing"
    message = _("申请还没有里程碑，不能批准。请退回补正，由牵头单位登记至少一个里程碑。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a broker applies with."""

    kind: str
    title: str
    industry: str
    purpose: str
    rules: str


def _checked(stated: Stated) -> dict[str, str]:
    if stated.kind not in SpaceKind.values:
        raise InvalidInput(field="kind", reason=_("请选择项目类型。"))
    if stated.industry not in Industry.values:
        raise InvalidInput(field="industry", reason=_("请选择行业。"))
    title, purpose = stated.title.strip(), stated.purpose.strip()
    if not 4 <= len(title) <= 120:
        raise InvalidInput(field="title", reason=_("名称为 4 到 120 个字。"))
    if not rules.LEAST_PURPOSE <= len(purpose) <= rules.MOST_PURPOSE:
        raise InvalidInput(field="purpose", reason=_("请用 20 到 4000 个字写明建设目标与服务对象。"))
    return {
        "kind": stated.kind, "title": title, "industry": stated.industry, "purpose": purpose,
        "first_rules": checked_rules(stated.rules),
    }  # fmt: skip


@transaction.atomic
def apply_space(*, by: Actor, at: datetime, stated: Stated) -> Space:
    """A broker in the pilot applies for a space. Raises NotInPilot, OpenSpaces, InvalidInput."""
    by.require(LEAD)
    if by.organization is None:
        raise NotAllowed(permission=LEAD.label, organization="—")
    Organization.objects.select_for_update(no_key=True).get(pk=by.organization.pk)
    pilot = pilot_in_force(by.organization.pk, at)
    if pilot is None:
        raise NotInPilot(name=by.organization.name)
    if Space.objects.filter(leader=by.organization, state__in=UNDECIDED).count() >= MOST_UNDECIDED:
        raise OpenSpaces
    made = Space(
        id=new_id(), number=new_number("KJ", at), leader=by.organization, pilot=pilot, applied_by=by.user,
        applied_at=at, **_checked(stated),
    )  # fmt: skip
    made.save(force_insert=True)
    record(by=by, at=at, action="dataspaces.apply", subject=made, detail={"pilot": pilot.number})
    announce(SpaceApplied(at=at, space_id=made.pk, by=by))
    return made


@transaction.atomic
def amend_space(*, by: Actor, at: datetime, space_id: UUID, stated: Stated) -> Space:
    """The broker amends a returned application and hands it in again."""
    space = locked_space(by, space_id)
    require_leader(space, by)
    SPACE.check(space, "resubmit")
    values = _checked(stated)
    for name, value in values.items():
        setattr(space, name, value)
    SPACE.move(space, "resubmit", by=by, at=at, update_fields=list(values))
    record(by=by, at=at, action="dataspaces.amend", subject=space)
    announce(SpaceApplied(at=at, space_id=space.pk, by=by))
    return space


@transaction.atomic
def withdraw_space(*, by: Actor, at: datetime, space_id: UUID, reason: str) -> Space:
    """The broker takes its application back."""
    space = locked_space(by, space_id)
    require_leader(space, by)
    SPACE.check(space, "withdraw")
    return _moved(space, "withdraw", by, at, said(reason))


def _moved(
    space: Space, move: str, by: Actor, at: datetime, reason: str, *, changed: tuple[str, ...] = ()
) -> Space:
    """One move with its reason, written down; openings follow, who is concerned is told."""
    SPACE.move(space, move, by=by, at=at, reason=reason, update_fields=changed)
    record(by=by, at=at, action=f"dataspaces.{move}", subject=space, detail={"reason": reason})
    follow_space(space, by=by, at=at)
    announce(SpaceMoved(at=at, space_id=space.pk, move=move, by=by))
    return space


def _reviewed(by: Actor, space_id: UUID, move: str) -> Space:
    """The space under lock for the operator's decision; SelfReview for the leader's own people."""
    space = locked_space(by, space_id)
    by.require(DECIDE)
    if not by.is_system and by.belongs_to(space.leader_id):
        raise SelfReview
    SPACE.check(space, move)
    return space


def _opined(space: Space, by: Actor, at: datetime, opinion: str) -> tuple[str, ...]:
    space.opinion, space.decided_by, space.decided_at = opinion, by.user, at
    return ("opinion", "decided_by", "decided_at")


@transaction.atomic
def return_space(*, by: Actor, at: datetime, space_id: UUID, reason: str) -> Space:
    """The operator sends an application back with what is missing."""
    space = _reviewed(by, space_id, "return")
    reason = said(reason)
    return _moved(space, "return", by, at, reason, changed=_opined(space, by, at, reason))


@transaction.atomic
def reject_space(*, by: Actor, at: datetime, space_id: UUID, reason: str) -> Space:
    """The operator does not approve, with the reason."""
    space = _reviewed(by, space_id, "reject")
    reason = said(reason)
    return _moved(space, "reject", by, at, reason, changed=_opined(space, by, at, reason))


@transaction.atomic
def approve_space(*, by: Actor, at: datetime, space_id: UUID, reason: str) -> Space:
    """The operator approves: the rules are version 1, the broker is the first member.

    Raises MilestonesMissing, NotInPilot when the pilot has ended meanwhile.
    """
    space = _reviewed(by, space_id, "approve")
    reason = said(reason)
    if pilot_in_force(space.leader_id, at) is None:
        raise NotInPilot(name=space.leader.name)
    if not space.milestones.filter(state__in=OPEN_MILESTONE).exists():
        raise MilestonesMissing
    changed = _opined(space, by, at, reason)
    version = put_in_force(space, space.first_rules, "", by=by, at=at)
    SPACE.move(space, "approve", by=by, at=at, reason=reason, update_fields=(*changed, "rules_version"))
    leader = Member(space=space, organization=space.leader, is_leader=True, invited_by=by.user, invited_at=at)
    leader.save(force_insert=True)
    accept(leader, version, by=by, at=at)
    leader.joined_at = at
    MEMBER.move(
        leader, "accept", by=by, at=at, reason="批准设立", update_fields=["joined_at", "accepted_version"]
    )
    record(by=by, at=at, action="dataspaces.approve", subject=space, detail={"reason": reason})
    announce(SpaceMoved(at=at, space_id=space.pk, move="approve", by=by))
    return space


@transaction.atomic
def suspend_space(*, by: Actor, at: datetime, space_id: UUID, reason: str) -> Space:
    """The operator or the leader suspends a space: nobody finds what it shares until it is resumed."""
    space = locked_space(by, space_id)
    if not leads(by, space):
        by.require(DECIDE)
    SPACE.check(space, "suspend")
    return _moved(space, "suspend", by, at, said(reason))


@transaction.atomic
def resume_space(*, by: Actor, at: datetime, space_id: UUID, reason: str) -> Space:
    """The operator lets a suspended space run again. Raises NotInPilot when its broker has left the pilot."""
    space = _reviewed(by, space_id, "resume")
    reason = said(reason)
    if not may_run(space, at):
        raise NotInPilot(name=space.leader.name)
    return _moved(space, "resume", by, at, reason)


def may_run(space: Space, at: datetime) -> bool:
    """Whether the leader may run the space: in the pilot still, or graduated from it."""
    return standing_of(space.leader_id, at) is not None


@transaction.atomic
def close_space(*, by: Actor, at: datetime, space_id: UUID, reason: str) -> Space:
    """The operator or the leader closes a space for good, saying what it came to; sight ends at once."""
    space = locked_space(by, space_id)
    if not leads(by, space):
        by.require(DECIDE)
    SPACE.check(space, "close")
    space.outcome, space.closed_at = said(reason), at
    return _moved(space, "close", by, at, space.outcome, changed=("outcome", "closed_at"))


def suspend_spaces_of(*, by: Actor, at: datetime, broker_id: UUID) -> int:
    """The broker left the pilot: its running spaces are suspended until the operator resumes or closes them.

    Follows from the exit. A broker that stays in another pilot, or graduated, keeps them.
    """
    if standing_of(broker_id, at) is not None:
        return 0
    with transaction.atomic():
        rows = Space.objects.select_for_update(of=("self",), no_key=True).select_related("leader", "pilot")
        running = list(rows.filter(leader=broker_id, state=SpaceState.ACTIVE).order_by("pk"))
        for space in running:
            _moved(space, "suspend", by, at, "牵头的数据经纪人退出试点。")
    return len(running)
