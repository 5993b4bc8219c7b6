"""What people are told of data spaces; wired in `wiring.py`."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from exchange.dataspace import events as news
from exchange.dataspace.models import Landing, Member, Milestone, Space
from exchange.dataspace.permissions import DECIDE
from exchange.dataspace.states import MemberState
from kernel.events import Event
from notifications.services import notify, notify_holders
from organizations.states import Role

_AGENTS = (Role.TRADER, Role.PURCHASER, Role.BROKER_AGENT)


def _tell(event: Event, organization_id: UUID, title: Promise, name: str, url: str) -> None:
    notify_holders(
        organization_id=organization_id, roles=_AGENTS, at=event.at, title=title, words={"title": name}, url=url,
        is_mailed=True,
    )  # fmt: skip


def _operators(event: Event, title: Promise, name: str, url: str) -> None:
    """Everybody active who decides on spaces."""
    people = User.objects.filter(
        memberships__ended_at=None,
        memberships__organization__kinds__overlap=[kind.value for kind in DECIDE.kinds],
        memberships__roles__overlap=[role.value for role in DECIDE.roles],
        is_active=True,
    ).distinct()
    notify(users=people, at=event.at, title=title, words={"title": name}, url=url)


def tell_applied(event: news.SpaceApplied) -> None:
    """The operator: an application came in."""
    title = Space.objects.values_list("title", flat=True).get(pk=event.space_id)
    url = reverse("dataspace:decide", args=[event.space_id])
    _operators(event, _("收到行业数据空间申请“%(title)s”"), title, url)


_MOVED = {
    "approve": _("行业数据空间“%(title)s”已获批准"),
    "return": _("行业数据空间“%(title)s”被退回补正"),
    "reject": _("行业数据空间“%(title)s”未获批准"),
    "suspend": _("行业数据空间“%(title)s”已暂停"),
    "resume": _("行业数据空间“%(title)s”已恢复运行"),
    "close": _("行业数据空间“%(title)s”已关闭"),
}


def tell_moved(event: news.SpaceMoved) -> None:
    """The leader, and every member once there are members; not those whose own deed it was."""
    if event.move not in _MOVED:
        return
    space = Space.objects.only("title", "leader").get(pk=event.space_id)
    members = Member.objects.filter(space=space, state=MemberState.JOINED)
    told = {space.leader_id, *members.values_list("organization", flat=True)}
    for organization_id in sorted(told - {event.by.organization_id}):
        url = reverse("dataspace:space", args=[space.pk])
        _tell(event, organization_id, _MOVED[event.move], space.title, url)


def tell_invited(event: news.MemberInvited) -> None:
    """The organization that is asked to join."""
    member = Member.objects.select_related("space").get(pk=event.member_id)
    url = reverse("dataspace:rules", args=[member.space_id])
    _tell(event, member.organization_id, _("贵单位受邀加入行业数据空间“%(title)s”"), member.space.title, url)


_ANSWERED = {
    "accept": _("有单位加入行业数据空间“%(title)s”"),
    "decline": _("有单位谢绝加入行业数据空间“%(title)s”"),
    "leave": _("有成员退出行业数据空间“%(title)s”"),
}


def tell_answered(event: news.MemberAnswered) -> None:
    """The leader: somebody joined, declined or left."""
    member = Member.objects.select_related("space").get(pk=event.member_id)
    url = reverse("dataspace:members", args=[member.space_id])
    _tell(event, member.space.leader_id, _ANSWERED[event.move], member.space.title, url)


def tell_removed(event: news.MemberRemoved) -> None:
    """The former member, with the reason: it does not see the space any more."""
    member = Member.objects.select_related("space").get(pk=event.member_id)
    notify_holders(
        organization_id=member.organization_id, roles=_AGENTS, at=event.at,
        title=_("贵单位已被移出行业数据空间“%(title)s”：%(reason)s"),
        words={"title": member.space.title, "reason": member.reason}, url=reverse("dataspace:spaces"),
        is_mailed=True,
    )  # fmt: skip


def tell_rules(event: news.RulesPublished) -> None:
    """Every member but the leader: accept the new rules to have access again."""
    space = Space.objects.only("title", "leader").get(pk=event.space_id)
    members = Member.objects.filter(space=space, state=MemberState.JOINED, is_leader=False).order_by("pk")
    for organization_id in members.values_list("organization", flat=True):
        url = reverse("dataspace:rules", args=[space.pk])
        _tell(event, organization_id, _("行业数据空间“%(title)s”规则已更新，请阅读并同意"), space.title, url)


def tell_reported(event: news.MilestoneReported) -> None:
    """The operator: evidence to check."""
    found = Milestone.objects.get(pk=event.milestone_id)
    url = reverse("dataspace:decide_milestone", args=[found.pk])
    _operators(event, _("里程碑“%(title)s”已报告完成，请核验"), found.title, url)


_DECIDED = {
    "confirm": _("里程碑“%(title)s”核验通过"),
    "send_back": _("里程碑“%(title)s”被退回"),
    "drop": _("里程碑“%(title)s”已取消"),
}


def tell_milestone(event: news.MilestoneDecided) -> None:
    """The leader: what the operator decided."""
    found = Milestone.objects.select_related("space").get(pk=event.milestone_id)
    url = reverse("dataspace:progress", args=[found.space_id])
    _tell(event, found.space.leader_id, _DECIDED[event.move], found.title, url)


def tell_claimed(event: news.LandingClaimed) -> None:
    """The operator: a landed project to verify."""
    found = Landing.objects.get(pk=event.landing_id)
    url = reverse("dataspace:decide_landing", args=[found.pk])
    _operators(event, _("落地项目“%(title)s”等待核验"), found.title, url)


def tell_landing(event: news.LandingDecided) -> None:
    """The leader: verified or not."""
    found = Landing.objects.select_related("space").get(pk=event.landing_id)
    url = reverse("dataspace:progress", args=[found.space_id])
    _tell(event, found.space.leader_id, _("落地项目“%(title)s”已有核验结论"), found.title, url)
