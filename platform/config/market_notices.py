"""What people are told of demands and saved searches; wired in `wiring.py`."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.models import Product
from exchange.demands import events as demands
from exchange.demands.models import Answer, AnswerMessage, Demand
from exchange.demands.states import DemandState, Side
from exchange.searches.events import SearchMatched
from exchange.searches.models import SavedSearch
from kernel.events import Event
from notifications.services import notify, notify_holders
from organizations.states import Role


def _tell(
    event: Event,
    organization_id: UUID,
    role: Role,
    title: Promise,
    demand: Demand,
    url: str = "",
    **more: str,
) -> None:
    notify_holders(
        organization_id=organization_id,
        roles=(role,),
        at=event.at,
        title=title,
        words={"title": demand.title, **more},
        url=url or reverse("demands:demand", args=[demand.number]),
        is_mailed=False,
    )


def _demand(demand_id: UUID) -> Demand:
    return Demand.objects.defer("search").get(pk=demand_id)


def _answers(ids: Iterable[UUID]) -> Iterable[Answer]:
    rows = Answer.objects.filter(pk__in=list(ids)).select_related("demand", "firm").defer("demand__search")
    return rows.order_by("pk")


def _address(answer: Answer) -> str:
    return reverse("demands:answer", args=[answer.pk])


def tell_demand_published(event: demands.DemandPublished) -> None:
    """The traders of the firms that were asked by name."""
    demand = _demand(event.demand_id)
    for firm in event.invited:
        _tell(event, firm, Role.TRADER, _("有需方邀请贵单位应答需求“%(title)s”"), demand)


def tell_demand_matched(event: demands.DemandMatched) -> None:
    """The traders of a firm whose product answers a demand."""
    product = Product.objects.values_list("title", flat=True).get(pk=event.product_id)
    title = _("新需求“%(title)s”与贵单位的“%(product)s”相近")
    _tell(event, event.organization_id, Role.TRADER, title, _demand(event.demand_id), product=product)


def tell_demand_answered(event: demands.DemandAnswered) -> None:
    """The buyer's purchasers: an answer came in."""
    (answer,) = _answers([event.answer_id])
    title = _("需求“%(title)s”收到 %(firm)s 的应答")
    _tell(
        event,
        answer.demand.buyer_id,
        Role.PURCHASER,
        title,
        answer.demand,
        _address(answer),
        firm=answer.firm.name,
    )


def tell_answer_shortlisted(event: demands.AnswerShortlisted) -> None:
    """The firm's traders: the buyer looks closer."""
    (answer,) = _answers([event.answer_id])
    title = _("贵单位对需求“%(title)s”的应答已列入候选")
    _tell(event, answer.firm_id, Role.TRADER, title, answer.demand, _address(answer))


def tell_message_sent(event: demands.MessageSent) -> None:
    """The other side of an answer."""
    (answer,) = _answers([event.answer_id])
    side = AnswerMessage.objects.values_list("side", flat=True).get(pk=event.message_id)
    is_from_firm = side == Side.FIRM
    to, role = (answer.demand.buyer_id, Role.PURCHASER) if is_from_firm else (answer.firm_id, Role.TRADER)
    _tell(event, to, role, _("需求“%(title)s”的应答有新往来"), answer.demand, _address(answer))


def tell_demand_awarded(event: demands.DemandAwarded) -> None:
    """The chosen firm's traders, and politely those of the others; nobody learns who else answered."""
    (chosen,) = _answers([event.answer_id])
    _tell(
        event,
        chosen.firm_id,
        Role.TRADER,
        _("需方选定了贵单位对需求“%(title)s”的应答"),
        chosen.demand,
        _address(chosen),
    )
    for answer in _answers(event.declined):
        title = _("需求“%(title)s”已选定其他应答，感谢贵单位参与")
        _tell(event, answer.firm_id, Role.TRADER, title, answer.demand, _address(answer))


def tell_demand_ended(event: demands.DemandEnded) -> None:
    """The traders of the firms whose answers were live, and the buyer when the demand ended by time."""
    demand = _demand(event.demand_id)
    for answer in _answers(event.answers):
        title = _("需求“%(title)s”已结束征集，未选定应答，感谢贵单位参与")
        _tell(event, answer.firm_id, Role.TRADER, title, demand, _address(answer))
    if demand.state == DemandState.EXPIRED:
        _tell(event, demand.buyer_id, Role.PURCHASER, _("需求“%(title)s”已到期结束"), demand)


def tell_demand_hidden(event: demands.DemandHidden) -> None:
    """The buyer's purchasers: why nobody finds the demand any more."""
    demand = _demand(event.demand_id)
    _tell(event, demand.buyer_id, Role.PURCHASER, _("需求“%(title)s”已被服务基地隐藏，请查看理由"), demand)


def tell_search_matched(event: SearchMatched) -> None:
    """The owner of a saved search: what is new in it."""
    search = SavedSearch.objects.select_related("owner").get(pk=event.search_id)
    newest = Product.objects.values_list("title", flat=True).get(pk=event.product_id)
    words = {"name": search.name, "count": event.count, "newest": newest}
    title = (
        _("保存的搜索“%(name)s”有新产品：%(newest)s")
        if event.count == 1
        else _("保存的搜索“%(name)s”有 %(count)s 个新产品，最新：%(newest)s")
    )
    notify(
        users=[search.owner], at=event.at, title=title, words=words, url=reverse("searches:list"),
        organization_id=search.organization_id, is_mailed=False,
    )  # fmt: skip
