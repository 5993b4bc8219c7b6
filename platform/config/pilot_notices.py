"""What people are told of the data-broker pilot; wired in `wiring.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from exchange.pilots import events as news
from exchange.pilots.models import Application, Objection, Pilot, Round, Seat
from exchange.pilots.permissions import APPLY, MANAGE
from exchange.pilots.states import Verdict
from kernel.events import Event
from notifications.services import notify, notify_holders
from organizations.permissions import Permission
from organizations.states import Role


def _holders(
    event: Event,
    wanted: Permission,
    title: Promise,
    words: Mapping[str, Any],
    url: str,
    *,
    mail: bool = False,
) -> None:
    """Everybody active who holds a permission."""
    people = User.objects.filter(
        memberships__ended_at=None,
        memberships__organization__kinds__overlap=[kind.value for kind in wanted.kinds],
        memberships__roles__overlap=[role.value for role in wanted.roles],
        is_active=True,
    ).distinct()
    notify(users=people, at=event.at, title=title, words=words, url=url, is_mailed=mail)


def _firm(event: Event, organization_id: UUID, title: Promise, words: Mapping[str, Any], url: str) -> None:
    notify_holders(
        organization_id=organization_id,
        roles=(Role.BROKER_AGENT,),
        at=event.at,
        title=title,
        words=words,
        url=url,
        is_mailed=True,
    )


def tell_round_published(event: news.RoundPublished) -> None:
    """Every broker's agents: a call is open."""
    found = Round.objects.values("number", "title").get(pk=event.round_id)
    url = reverse("pilots:round", args=[found["number"]])
    _holders(event, APPLY, _("试点征集“%(title)s”已发布"), found, url)


def tell_applied(event: news.PilotApplied) -> None:
    """The operator: an application came in."""
    found = Application.objects.values("number", "round__number").get(pk=event.application_id)
    url = reverse("pilots:board_round", args=[found["round__number"]])
    _holders(event, MANAGE, _("收到试点申报 %(number)s"), {"number": found["number"]}, url)


def tell_scorer_appointed(event: news.ScorerAppointed) -> None:
    """The person who is to score."""
    seat = Seat.objects.select_related("application").get(pk=event.seat_id)
    words = {"number": seat.application.number}
    notify(
        users=User.objects.filter(pk=seat.scorer_id),
        at=event.at,
        title=_("请评审试点申报 %(number)s：先声明有无利益冲突"),
        words=words,
        url=reverse("pilots:seat", args=[seat.pk]),
        is_mailed=True,
    )


def tell_scorer_excluded(event: news.ScorerExcluded) -> None:
    """The operator: somebody else is needed."""
    seat = Seat.objects.select_related("application__round").get(pk=event.seat_id)
    url = reverse("pilots:board_round", args=[seat.application.round.number])
    words = {"number": seat.application.number}
    _holders(event, MANAGE, _("试点申报 %(number)s 有评审人回避，请指派替补"), words, url)


def tell_result_announced(event: news.ResultAnnounced) -> None:
    """Every applicant of the round: how they did, and until when to object."""
    call = Round.objects.get(pk=event.round_id)
    for found in call.applications.filter(state="reviewed").order_by("pk"):
        words = {"number": found.number, "until": str(call.notice_until)}
        url = reverse("pilots:application", args=[found.pk])
        _firm(event, found.applicant_id, _("试点申报 %(number)s 的结果已公示，公示到 %(until)s"), words, url)


def tell_result_objected(event: news.ResultObjected) -> None:
    """The operator: an objection waits for its answer."""
    found = Objection.objects.select_related("round").get(pk=event.objection_id)
    url = reverse("pilots:objection", args=[found.pk])
    _holders(event, MANAGE, _("有人对“%(title)s”的结果提出异议"), {"title": found.round.title}, url)


def tell_result_concluded(event: news.ResultConcluded) -> None:
    """The selected: sign. The others: the result stands."""
    for pilot in Pilot.objects.filter(application__round=event.round_id).order_by("pk"):
        url, words = reverse("pilots:pilot", args=[pilot.pk]), {"number": pilot.number}
        notify_holders(
            organization_id=pilot.organization_id,
            roles=(Role.ADMINISTRATOR, Role.BROKER_AGENT),
            at=event.at,
            title=_("贵单位入选试点 %(number)s，请签署协议"),
            words=words,
            url=url,
            is_mailed=True,
        )
    for found in Application.objects.filter(round=event.round_id, state="not_selected").order_by("pk"):
        url = reverse("pilots:application", args=[found.pk])
        _firm(
            event,
            found.applicant_id,
            _("试点申报 %(number)s 未入选，请查看算式"),
            {"number": found.number},
            url,
        )


def _pilot(event: Any, title: Promise, **more: Any) -> None:
    found = Pilot.objects.values("number", "organization_id").get(pk=event.pilot_id)
    words = {"number": found["number"], **more}
    _firm(event, found["organization_id"], title, words, reverse("pilots:pilot", args=[event.pilot_id]))


def tell_pilot_began(event: news.PilotBegan) -> None:
    """The broker: the pilot is in force."""
    _pilot(event, _("试点 %(number)s 已生效"))


def tell_pilot_assessed(event: news.PilotAssessed) -> None:
    """The broker: the arithmetic is there to be read."""
    _pilot(event, _("试点 %(number)s 的 %(year)s 年度考核已计算，等待结论"), year=event.year)


def tell_pilot_decided(event: news.PilotDecided) -> None:
    """The broker: what was decided (an exit has its own news)."""
    if event.verdict != Verdict.EXIT:
        _pilot(event, _("试点 %(number)s 的 %(year)s 年度考核已有结论，请查看"), year=event.year)


def tell_pilot_exited(event: news.PilotExited) -> None:
    """The broker: the pilot has ended."""
    _pilot(event, _("试点 %(number)s 已退出，请移交或终止在办委托"))
