"""What people are told of mandates, matches and deals; wired in `wiring.py`."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.brokers import events as news
from exchange.brokers.models import Deal, Mandate, Match
from exchange.brokers.states import MatchState, Party, Side
from kernel.events import Event
from notifications.services import notify_holders
from organizations.states import Role


def _tell(event: Event, organization_id: UUID, role: Role, title: Promise, number: str, url: str) -> None:
    notify_holders(
        organization_id=organization_id,
        roles=(role,),
        at=event.at,
        title=title,
        words={"number": number},
        url=url,
        is_mailed=True,
    )


def _side(mandate: Mandate, party: Party) -> tuple[UUID, Role]:
    if party is Party.BROKER:
        return mandate.broker_id, Role.BROKER_AGENT
    return mandate.principal_id, Role.TRADER if mandate.side == Side.SUPPLY else Role.PURCHASER


def _mandate(mandate_id: UUID) -> tuple[Mandate, str]:
    mandate = Mandate.objects.defer("text").get(pk=mandate_id)
    return mandate, reverse("brokers:mandate", args=[mandate_id])


def tell_offered(event: news.MandateOffered) -> None:
    """The other side: a mandate to read and sign."""
    mandate, url = _mandate(event.mandate_id)
    other = Party.PRINCIPAL if mandate.offered_by_party == Party.BROKER else Party.BROKER
    title = _("经纪委托 %(number)s 等待贵单位签署")
    _tell(event, *_side(mandate, other), title, mandate.number, url)


def tell_signed(event: news.MandateSigned) -> None:
    """Both sides: the mandate holds."""
    mandate, url = _mandate(event.mandate_id)
    for party in Party:
        _tell(event, *_side(mandate, party), _("经纪委托 %(number)s 双方已签署"), mandate.number, url)


def tell_ended(event: news.MandateEnded) -> None:
    """Both sides: the mandate is over; an unsigned offer's other side is told too."""
    mandate, url = _mandate(event.mandate_id)
    title = _("经纪委托 %(number)s 已结束，请查看理由")
    for party in Party:
        if event.by.organization_id != _side(mandate, party)[0]:
            _tell(event, *_side(mandate, party), title, mandate.number, url)


def tell_handover(event: news.HandoverOpened) -> None:
    """The principal: choose another broker or end the mandate."""
    mandate, _url = _mandate(event.mandate_id)
    title = _("经纪人已退出试点，委托 %(number)s 请选择移交或终止")
    url = reverse("brokers:handover", args=[mandate.pk])
    _tell(event, *_side(mandate, Party.PRINCIPAL), title, mandate.number, url)


def tell_matched(event: news.MatchRecorded) -> None:
    """The principal: a product was proposed."""
    match = Match.objects.select_related("mandate").defer("mandate__text").get(pk=event.match_id)
    url = reverse("brokers:match", args=[match.pk])
    title = _("经纪人推荐了产品，撮合编号 %(number)s，请答复")
    _tell(event, *_side(match.mandate, Party.PRINCIPAL), title, match.number, url)


def tell_answered(event: news.MatchAnswered) -> None:
    """The broker: the principal has answered; the buyer of a demand: what was proposed to it."""
    rows = Match.objects.select_related("mandate", "demand").defer("mandate__text", "demand__search")
    match = rows.get(pk=event.match_id)
    url = reverse("brokers:match", args=[match.pk])
    _tell(event, *_side(match.mandate, Party.BROKER), _("撮合 %(number)s 已有答复"), match.number, url)
    if match.demand is not None and match.state == MatchState.ACCEPTED:
        title = _("经纪人为贵单位的数据需求推荐了产品，撮合编号 %(number)s")
        _tell(event, match.demand.buyer_id, Role.PURCHASER, title, match.number, url)


def tell_deal_proposed(event: news.DealProposed) -> None:
    """Both sides of the order: look at the commission and confirm."""
    deal = Deal.objects.select_related("order").get(pk=event.deal_id)
    url, title = reverse("brokers:deal", args=[deal.pk]), _("经纪成交 %(number)s 等待贵单位确认佣金")
    _tell(event, deal.order.supplier_id, Role.TRADER, title, deal.number, url)
    if deal.buyer_confirmed_at is None:
        _tell(event, deal.order.buyer_id, Role.PURCHASER, title, deal.number, url)


def tell_deal_completed(event: news.DealCompleted) -> None:
    """The broker: the order is complete, the commission is paid."""
    deal = Deal.objects.select_related("order").get(pk=event.deal_id)
    url = reverse("brokers:deal", args=[deal.pk])
    _tell(
        event,
        deal.broker_id,
        Role.BROKER_AGENT,
        _("经纪成交 %(number)s 已完成，佣金已划付"),
        deal.number,
        url,
    )
    _tell(
        event,
        deal.order.buyer_id,
        Role.PURCHASER,
        _("经纪成交 %(number)s 已完成，请评价经纪服务"),
        deal.number,
        url,
    )
