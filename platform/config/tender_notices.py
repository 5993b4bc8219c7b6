"""What people are told of annotation tenders and engagements; wired in `wiring.py`. Nobody is told of a sealed bid."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.tenders import events as news
from exchange.tenders.models import Bid, Engagement, Milestone, Tender, TenderQuestion
from exchange.tenders.states import EngagementState, TenderState
from exchange.trading.states import Party
from kernel.events import Event
from notifications.services import notify_holders
from organizations.states import Role

FIRM = (Role.TRADER, Role.PROJECT_LEAD)
BUYER = (Role.PURCHASER,)


def _tell(
    event: Event,
    to: UUID,
    roles: tuple[Role, ...],
    title: Promise,
    tender: Tender,
    url: str = "",
    **more: object,
) -> None:
    notify_holders(
        organization_id=to,
        roles=roles,
        at=event.at,
        title=title,
        words={"title": tender.title, **more},
        url=url or reverse("tenders:tender", args=[tender.number]),
        is_mailed=False,
    )


def _engagement(engagement_id: UUID) -> tuple[Engagement, str]:
    found = Engagement.objects.select_related("tender").get(pk=engagement_id)
    return found, reverse("tenders:engagement", args=[found.number])


def _lot(milestone_id: UUID) -> tuple[Milestone, Engagement, str]:
    lot = Milestone.objects.select_related("engagement__tender").get(pk=milestone_id)
    return lot, lot.engagement, reverse("tenders:engagement", args=[lot.engagement.number])


def tell_published(event: news.TenderPublished) -> None:
    """The firms that were asked by name."""
    tender = Tender.objects.get(pk=event.tender_id)
    for firm in event.invited:
        _tell(event, firm, FIRM, _("有需方邀请贵单位投标“%(title)s”"), tender)


def tell_asked(event: news.TenderAsked) -> None:
    """The buyer: a question waits."""
    asked = TenderQuestion.objects.select_related("tender").get(pk=event.question_id)
    _tell(event, asked.tender.buyer_id, BUYER, _("招标“%(title)s”有新的提问"), asked.tender)


def tell_answered(event: news.TenderAnswered) -> None:
    """The firm that asked."""
    asked = TenderQuestion.objects.select_related("tender").get(pk=event.question_id)
    _tell(event, asked.firm_id, FIRM, _("招标“%(title)s”的提问已答复"), asked.tender)


def tell_awarded(event: news.TenderAwarded) -> None:
    """The winner, and the others with why."""
    engagement, url = _engagement(event.engagement_id)
    tender = engagement.tender
    _tell(event, engagement.firm_id, FIRM, _("贵单位中标“%(title)s”，请签署合同"), tender, url)
    for bid in Bid.objects.filter(pk__in=event.declined).order_by("pk"):
        title = _("招标“%(title)s”已选定其他单位。理由：%(why)s")
        _tell(event, bid.firm_id, FIRM, title, tender, why=bid.outcome)


def tell_ended(event: news.TenderEnded) -> None:
    """The bidders, and the buyer when time ended it."""
    tender = Tender.objects.get(pk=event.tender_id)
    for bid in Bid.objects.filter(pk__in=event.bids).order_by("pk"):
        title = _("招标“%(title)s”已结束，未定标。说明：%(why)s")
        _tell(event, bid.firm_id, FIRM, title, tender, why=bid.outcome)
    if tender.state == TenderState.EXPIRED:
        _tell(event, tender.buyer_id, BUYER, _("招标“%(title)s”逾期未定标，已结束"), tender)


def tell_started(event: news.EngagementStarted) -> None:
    """Both sides: the contract is in force, lots may be paid, the project stands ready."""
    engagement, url = _engagement(event.engagement_id)
    buyer = _("“%(title)s”的合同已生效，请付款到托管")
    _tell(event, engagement.buyer_id, (*BUYER, Role.FINANCE), buyer, engagement.tender, url)
    _tell(event, engagement.firm_id, FIRM, _("“%(title)s”的合同已生效，项目已建立"), engagement.tender, url)


def tell_delivered(event: news.LotDelivered) -> None:
    """The buyer: a lot waits for inspection."""
    lot, engagement, url = _lot(event.milestone_id)
    title = _("“%(title)s”第 %(n)s 批已交付，请抽样验收")
    _tell(event, engagement.buyer_id, BUYER, title, engagement.tender, url, n=lot.ordinal)


def tell_rejected(event: news.LotRejected) -> None:
    """The firm: what was wrong."""
    lot, engagement, url = _lot(event.milestone_id)
    title = _("“%(title)s”第 %(n)s 批验收不通过：%(why)s")
    _tell(
        event, engagement.firm_id, FIRM, title, engagement.tender, url, n=lot.ordinal, why=event.words[:120]
    )


def tell_accepted(event: news.MilestoneAccepted) -> None:
    """The firm: the lot was accepted and paid out."""
    lot, engagement, url = _lot(event.milestone_id)
    title = _("“%(title)s”第 %(n)s 批验收通过，报酬已划付")
    roles = (*FIRM, Role.FINANCE)
    _tell(event, engagement.firm_id, roles, title, engagement.tender, url, n=lot.ordinal)


def tell_returned(event: news.MilestoneReturned) -> None:
    """The buyer: a lot's escrow came back."""
    lot, engagement, url = _lot(event.milestone_id)
    title = _("“%(title)s”第 %(n)s 批的托管款已退回")
    roles = (*BUYER, Role.FINANCE)
    _tell(event, engagement.buyer_id, roles, title, engagement.tender, url, n=lot.ordinal)


def tell_termination_asked(event: news.TerminationAsked) -> None:
    """The other side."""
    engagement, url = _engagement(event.engagement_id)
    is_from_buyer = engagement.termination_asked_by == Party.BUYER
    to, roles = (engagement.firm_id, FIRM) if is_from_buyer else (engagement.buyer_id, BUYER)
    _tell(event, to, roles, _("对方提出解除“%(title)s”的合同，请答复"), engagement.tender, url)


def tell_engagement_ended(event: news.EngagementEnded) -> None:
    """Both sides how it ended; a completed one asks the buyer for a rating."""
    engagement, url = _engagement(event.engagement_id)
    if engagement.state == EngagementState.COMPLETED:
        title = _("“%(title)s”已全部验收，欢迎评价服务商")
        _tell(event, engagement.buyer_id, BUYER, title, engagement.tender, url)
        return
    for to, roles in ((engagement.buyer_id, BUYER), (engagement.firm_id, FIRM)):
        _tell(event, to, roles, _("“%(title)s”的合同已终止"), engagement.tender, url)


def tell_rated(event: news.FirmRated) -> None:
    """The firm, which may answer once."""
    engagement, url = _engagement(event.engagement_id)
    _tell(event, engagement.firm_id, FIRM, _("买方评价了“%(title)s”，可以回复一次"), engagement.tender, url)
