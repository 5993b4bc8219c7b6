"""What firms and reviewers are told about risk cases; wired in `wiring.py`."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kernel.events import Event
from notifications.services import notify, notify_holders
from organizations.states import Role
from settlement.risk import events as news
from settlement.risk.models import Case


def _case(event: Any) -> Case:
    return Case.objects.select_related("assignee", "opened_by").get(pk=event.case_id)


def _tell_firm(event: Event, case: Case, title: Promise) -> None:
    notify_holders(
        organization_id=case.firm_id,
        roles=(Role.FINANCE,),
        at=event.at,
        title=title,
        words={"number": case.number, "year": case.year, "day": case.hearing_ends_on.isoformat()},
        url=reverse("risk:hearing", args=[case.pk]),
        is_mailed=True,
    )


def tell_case_opened(event: news.CaseOpened) -> None:
    """The firm's finance: what is looked at, and that it may answer."""
    case = _case(event)
    _tell_firm(
        event,
        case,
        _("服务基地正在核实贵单位 %(year)s 年度的部分交易（%(number)s），请在 %(day)s 前陈述并提交材料"),
    )


def tell_case_reopened(event: news.CaseReopened) -> None:
    """The firm's finance: it may answer again."""
    case = _case(event)
    _tell_firm(event, case, _("案件 %(number)s 重新审查，请在 %(day)s 前陈述并提交材料"))


def tell_case_decided(event: news.CaseDecided) -> None:
    """The firm's finance: how it ended and why."""
    case = _case(event)
    _tell_firm(event, case, _("案件 %(number)s（%(year)s 年度）已有决定，请查看理由和依据"))


def tell_case_answered(event: news.CaseAnswered) -> None:
    """Whoever has the case, else who opened it: the firm has spoken."""
    case = _case(event)
    users = [each for each in (case.assignee or case.opened_by,) if each is not None]
    title, url = _("企业已就案件 %(number)s 陈述"), reverse("risk:case", args=[case.pk])
    notify(users=users, at=event.at, title=title, words={"number": case.number}, url=url, is_mailed=False)
