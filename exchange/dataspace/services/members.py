"""Members and rules: invited, joined with a yes to the rules, left, removed; new rules ask everybody again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.dataspace import rules
from exchange.dataspace.events import MemberAnswered, MemberInvited, MemberRemoved, RulesPublished
from exchange.dataspace.models import Acceptance, Member, RuleVersion, Space
from exchange.dataspace.permissions import JOIN, LEAD, MEMBERS
from exchange.dataspace.selectors import member_for, rules_in_force
from exchange.dataspace.services.products import follow_space, locked_space, take
from exchange.dataspace.states import LIVE_MEMBER, MEMBER, MemberState, SpaceState
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from organizations.models import Organization
from organizations.permissions import Actor


class NotEligible(Refusal):
    """Only verified firms, buyers and brokers become members."""

    code = "space_not_eligible"
    message = _("没有这家已认证的数据标注企业、数据买方或数据经纪人，请核对统一社会信用代码。")
    status = 422


class AlreadyMember(Refusal):
    """An organization has one place in a space."""

    code = "space_already_member"
    message = _("%(name)s已是空间成员或已受邀，不用再次邀请。")


class SpaceFull(Refusal):
    """A space has a bounded number of members."""

    code = "space_full"
    message = _("空间最多 %(most)s 家成员，请先移出不再参与的单位。")


class LeaderStays(Refusal):
    """The broker that leads a space does not leave it."""

    code = "space_leader_stays"
    message = _("牵头单位不能退出或被移出；不再运营的，请办理关闭空间。")


class OtherRules(Refusal):
    """The member read other rules than those in force."""

    code = "space_other_rules"
    message = _("规则已有新版本，与您看到的不一致。请重新打开规则全文，读后再同意。")


class RulesUnchanged(Refusal):
    """A new version says something new."""

    code = "space_rules_unchanged"
    message = _("新规则与现行规则相同，没有需要发布的内容。")


class NotRunning(Refusal):
    """Membership changes while the space runs."""

    code = "space_not_running"
    message = _("空间当前为“%(state)s”，运行中才能办理。")


def said(text: str, field: str = "reason") -> str:
    """A reason of 4 to 1,000 characters."""
    text = text.strip()
    if not rules.LEAST_WORDS <= len(text) <= rules.MOST_WORDS:
        raise InvalidInput(field=field, reason=_("请用 4 到 1000 个字写明，对方能看到。"))
    return text


def require_leader(space: Space, by: Actor) -> None:
    """NotAllowed unless the actor acts for the broker that leads the space."""
    by.require(LEAD)
    if by.is_system or not by.belongs_to(space.leader_id):
        raise NotAllowed(permission=LEAD.label, organization=str(by.organization or "—"))


def require_running(space: Space) -> None:
    """NotRunning unless the space is active."""
    if space.state != SpaceState.ACTIVE:
        raise NotRunning(state=space.get_state_display())


def checked_rules(text: str) -> str:
    """The canonical text of rules; InvalidInput when it is too short or too long."""
    found = rules.canonical(text)
    if not rules.LEAST_RULES <= len(found) <= rules.MOST_RULES:
        raise InvalidInput(
            field="rules",
            reason=_("请用 50 到 20000 个字写明成员资格、数据用途、保密、退出和争议处理。"),
        )
    return found


def accept(member: Member, version: RuleVersion, *, by: Actor, at: datetime) -> None:
    """Keep a member's yes to a version (member locked by the caller, who saves `accepted_version`)."""
    member.accepted_version = version.version
    Acceptance(
        member=member,
        version=version,
        text_sha256=version.text_sha256,
        accepted_by=by.user,
        accepted_label=by.label[:200],
        accepted_at=at,
    ).save(force_insert=True)


def _locked_own_place(space: Space, by: Actor) -> Member:
    """The actor's live place in the space under lock; NotFound without one."""
    by.require(JOIN)
    rows = Member.objects.select_for_update(of=("self",), no_key=True).select_related("organization")
    found = rows.filter(space=space, organization=by.organization_id, state__in=LIVE_MEMBER).first()
    if found is None:
        raise NotFound
    return found


def _read_rules(space: Space, text_sha256: str) -> RuleVersion:
    version = rules_in_force(space)
    if version is None or version.text_sha256 != text_sha256:
        raise OtherRules(field="text_sha256")
    return version


@transaction.atomic
def invite_member(*, by: Actor, at: datetime, space_id: UUID, uscc: str) -> Member:
    """The leader asks an organization to join. Raises NotEligible, AlreadyMember, SpaceFull, NotRunning."""
    space = locked_space(by, space_id)
    require_leader(space, by)
    require_running(space)
    guest = Organization.objects.filter(uscc=uscc.strip().upper()).first()
    if guest is None or not guest.is_verified or not any(guest.is_kind(kind) for kind in MEMBERS):
        raise NotEligible(field="uscc")
    live = space.members.filter(state__in=LIVE_MEMBER)
    if live.filter(organization=guest).exists():
        raise AlreadyMember(field="uscc", name=guest.name)
    if live.count() >= rules.MOST_MEMBERS:
        raise SpaceFull(field="uscc", most=rules.MOST_MEMBERS)
    made = Member(space=space, organization=guest, invited_by=by.user, invited_at=at)
    made.save(force_insert=True)
    record(by=by, at=at, action="dataspaces.invite", subject=space, detail={"organization": guest.uscc})
    announce(MemberInvited(at=at, member_id=made.pk, by=by))
    return made


@transaction.atomic
def join_space(*, by: Actor, at: datetime, space_id: UUID, text_sha256: str) -> Member:
    """Accept an invitation together with the rules in force, by their hash; opens what the space shares.

    Raises OtherRules, NotRunning, MoveNotAllowed.
    """
    space = locked_space(by, space_id)
    member = _locked_own_place(space, by)
    MEMBER.check(member, "accept")
    require_running(space)
    accept(member, _read_rules(space, text_sha256), by=by, at=at)
    member.joined_at = at
    MEMBER.move(member, "accept", by=by, at=at, update_fields=["joined_at", "accepted_version"])
    record(
        by=by, at=at, action="dataspaces.join", subject=space,
        detail={"rules_version": member.accepted_version, "text_sha256": text_sha256},
    )  # fmt: skip
    follow_space(space, by=by, at=at)
    announce(MemberAnswered(at=at, member_id=member.pk, move="accept", by=by))
    return member


@transaction.atomic
def accept_rules(*, by: Actor, at: datetime, space_id: UUID, text_sha256: str) -> Member:
    """A member says yes to new rules and has access again; saying it twice changes nothing. Raises OtherRules."""
    space = locked_space(by, space_id)
    member = _locked_own_place(space, by)
    if member.state != MemberState.JOINED:
        raise NotFound
    require_running(space)
    version = _read_rules(space, text_sha256)
    if member.accepted_version == version.version:
        return member
    accept(member, version, by=by, at=at)
    member.save(update_fields=["accepted_version"])
    record(
        by=by, at=at, action="dataspaces.accept_rules", subject=space,
        detail={"rules_version": version.version, "text_sha256": text_sha256},
    )  # fmt: skip
    follow_space(space, by=by, at=at)
    return member


def _over(member: Member, move: str, *, by: Actor, at: datetime, reason: str) -> Member:
    """One move that ends a place: products out, sight lost, written down."""
    space, was_inside = member.space, member.state == MemberState.JOINED
    member.ended_at, member.reason = at, reason
    MEMBER.move(member, move, by=by, at=at, reason=reason, update_fields=["ended_at", "reason"])
    record(
        by=by, at=at, action=f"dataspaces.{move}_member", subject=space,
        detail={"organization": member.organization.uscc, "reason": reason},
    )  # fmt: skip
    if was_inside:
        own = space.shared_products.filter(product__supplier=member.organization_id, taken_at=None)
        take(own.select_related("product", "space").defer("product__search"), by=by, at=at)
        follow_space(space, by=by, at=at)
    return member


@transaction.atomic
def decline_invitation(*, by: Actor, at: datetime, space_id: UUID, reason: str) -> Member:
    """The organization does not want to join, and says why."""
    space = locked_space(by, space_id)
    member = _locked_own_place(space, by)
    MEMBER.check(member, "decline")
    member.space = space
    _over(member, "decline", by=by, at=at, reason=said(reason))
    announce(MemberAnswered(at=at, member_id=member.pk, move="decline", by=by))
    return member


@transaction.atomic
def leave_space(*, by: Actor, at: datetime, space_id: UUID, reason: str) -> Member:
    """A member leaves: it loses sight at once, its own products are taken out; orders go on. Raises LeaderStays."""
    space = locked_space(by, space_id)
    member = _locked_own_place(space, by)
    MEMBER.check(member, "leave")
    if member.is_leader:
        raise LeaderStays
    member.space = space
    _over(member, "leave", by=by, at=at, reason=said(reason))
    announce(MemberAnswered(at=at, member_id=member.pk, move="leave", by=by))
    return member


def _locked_place(by: Actor, member_id: UUID) -> Member:
    """A place in a space that the actor leads, both under lock."""
    space = locked_space(by, member_for(by, member_id).space_id)
    require_leader(space, by)
    rows = Member.objects.select_for_update(of=("self",), no_key=True).select_related("organization")
    member = rows.get(pk=member_id)
    member.space = space
    return member


@transaction.atomic
def remove_member(*, by: Actor, at: datetime, member_id: UUID, reason: str) -> Member:
    """The leader removes a member, with the reason that the member reads. Raises LeaderStays."""
    member = _locked_place(by, member_id)
    MEMBER.check(member, "remove")
    if member.is_leader:
        raise LeaderStays
    _over(member, "remove", by=by, at=at, reason=said(reason))
    announce(MemberRemoved(at=at, member_id=member.pk, by=by))
    return member


@transaction.atomic
def cancel_invitation(*, by: Actor, at: datetime, member_id: UUID, reason: str) -> Member:
    """The leader takes an unanswered invitation back."""
    member = _locked_place(by, member_id)
    MEMBER.check(member, "cancel")
    return _over(member, "cancel", by=by, at=at, reason=said(reason))


@transaction.atomic
def publish_rules(*, by: Actor, at: datetime, space_id: UUID, text: str, reason: str) -> RuleVersion:
    """New rules hold at once: the leader has accepted them, every other member has no access until it has.

    Raises RulesUnchanged, NotRunning, InvalidInput.
    """
    space = locked_space(by, space_id)
    require_leader(space, by)
    require_running(space)
    found = checked_rules(text)
    present = rules_in_force(space)
    if present is not None and present.text == found:
        raise RulesUnchanged(field="rules")
    version = put_in_force(space, found, said(reason), by=by, at=at)
    space.save(update_fields=["rules_version"])
    own = Member.objects.select_for_update(of=("self",), no_key=True).get(
        space=space, is_leader=True, state=MemberState.JOINED
    )
    accept(own, version, by=by, at=at)
    own.save(update_fields=["accepted_version"])
    follow_space(space, by=by, at=at)
    announce(RulesPublished(at=at, space_id=space.pk, version=version.version, by=by))
    return version


def put_in_force(space: Space, text: str, reason: str, *, by: Actor, at: datetime) -> RuleVersion:
    """Keep the next version of a space's rules (space locked by the caller, who saves `rules_version`)."""
    made = RuleVersion(
        space=space,
        version=space.rules_version + 1,
        text=text,
        text_sha256=rules.text_hash(text),
        reason=reason,
        published_by=by.user,
        published_at=at,
    )
    made.save(force_insert=True)
    space.rules_version = made.version
    record(
        by=by, at=at, action="dataspaces.publish_rules", subject=space,
        detail={"version": made.version, "text_sha256": made.text_sha256},
    )  # fmt: skip
    return made
