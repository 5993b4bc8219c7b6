"""Every read of tenders that takes a viewer. Until the deadline a bid is seen by nobody but its firm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.demands.states import DemandVisibility
from exchange.tenders import rules
from exchange.tenders.models import (
    Bid,
    Engagement,
    Milestone,
    SampleLabel,
    Tender,
    TenderInvitation,
    TenderItem,
    TenderQuestion,
)
from exchange.tenders.permissions import (
    BID,
    INSPECT_LOTS,
    POST_TENDERS,
    VIEW_ALL_ENGAGEMENTS,
    VIEW_ENGAGEMENTS,
)
from exchange.tenders.states import (
    SHOWN_TO_BUYER,
    EngagementState,
    MilestoneState,
    TenderState,
)
from exchange.trading.permissions import SIGN_AS_BUYER, SIGN_AS_SUPPLIER
from exchange.trading.states import Party
from kernel import clock
from kernel.errors import NotFound
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from web import desk, finding

SHOWN_ENDED = (TenderState.AWARDED, TenderState.CLOSED, TenderState.EXPIRED)
_HEAVY = ("labeling_config", "guideline")


# --- tenders ------------------------------------------------------------------------------------------


def tenders_visible_to(viewer: Actor) -> QuerySet[Tender]:
    """What is or was published and found by the viewer; the buyer's own in every state; those a firm bid for."""
    rows = Tender.objects.all()
    if viewer.is_system:
        return rows
    published = Q(state__in=(TenderState.PUBLISHED, *SHOWN_ENDED))
    if viewer.can(VIEW_ALL_ENGAGEMENTS):
        return rows.filter(published)
    own = viewer.organization_id
    public = published & Q(visibility=DemandVisibility.PUBLIC)
    if own is None:
        return rows.filter(public)
    invited = TenderInvitation.objects.filter(organization=own, tender=OuterRef("pk"))
    bid = Bid.objects.filter(firm=own, tender=OuterRef("pk"))
    return rows.filter(public | Q(buyer_id=own) | (published & (Q(Exists(invited)) | Q(Exists(bid)))))


def visible_tender(viewer: Actor, number: str) -> Tender:
    """One tender for its page; NotFound when the viewer may not see it."""
    found = tenders_visible_to(viewer).select_related("buyer").filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def open_tenders(viewer: Actor, at: datetime, text: str = "", task: str = "") -> QuerySet[Tender]:
    """Tenders that take bids now and that this viewer finds, by words of the title and kind of work."""
    rows = tenders_visible_to(viewer).filter(state=TenderState.PUBLISHED, deadline__gt=at)
    if text.strip():
        rows = rows.filter(Q(title__icontains=text.strip()) | Q(number__iexact=text.strip()))
    if task:
        rows = rows.filter(task=task)
    return rows.select_related("buyer").defer(*_HEAVY)


def own_tenders(viewer: Actor) -> QuerySet[Tender]:
    """The tenders of the viewer's organization in every state."""
    viewer.require(POST_TENDERS)
    return Tender.objects.filter(buyer_id=viewer.organization_id).select_related("engagement").defer(*_HEAVY)


def sees_samples(viewer: Actor, tender: Tender) -> bool:
    """Whether the viewer reads the sample items: the buyer, and firms that may bid."""
    return viewer.belongs_to(tender.buyer_id) or viewer.can(BID)


def samples_of(tender: Tender) -> list[TenderItem]:
    """The items that bidders label."""
    return list(tender.items.filter(is_sample=True).order_by("ordinal"))


def questions_of(tender: Tender) -> list[TenderQuestion]:
    """Questions and answers, oldest first; who asked is not read."""
    return list(tender.questions.defer("firm", "asked_by").order_by("asked_at", "pk")[:200])


def invited_to(tender: Tender) -> list[Organization]:
    """Who was asked by name."""
    rows = Organization.objects.filter(pk__in=tender.invitations.values("organization_id"))
    return list(rows.order_by("name", "pk"))


def bidders_for(viewer: Actor) -> QuerySet[Organization]:
    """Verified annotation firms, but for the viewer's own."""
    kinds = [OrganizationKind.ANNOTATION_FIRM.value]
    rows = Organization.objects.filter(kinds__overlap=kinds, verification="verified")
    own = viewer.organization_id
    return (rows.exclude(pk=own) if own else rows).order_by("name", "pk")


# --- bids ---------------------------------------------------------------------------------------------


def bids_visible_to(viewer: Actor, at: datetime) -> QuerySet[Bid]:
    """A firm's own; from the deadline on, to the buyer, those that were submitted. Nobody else's eyes."""
    rows = Bid.objects.select_related("tender__buyer", "firm").defer(*(f"tender__{name}" for name in _HEAVY))
    if viewer.is_system:
        return rows
    own = viewer.organization_id
    if own is None:
        return rows.none()
    mine = Q(firm_id=own) if viewer.can(BID) else Q(pk__in=[])
    if viewer.can(POST_TENDERS):
        mine |= Q(tender__buyer_id=own, tender__deadline__lte=at, state__in=SHOWN_TO_BUYER)
    return rows.filter(mine)


def visible_bid(viewer: Actor, bid_id: UUID, at: datetime) -> Bid:
    """One bid with its tender; NotFound for everyone who may not see it now."""
    found = bids_visible_to(viewer, at).defer(None).filter(pk=bid_id).first()
    if found is None:
        raise NotFound
    return found


def own_bid(viewer: Actor, tender: Tender) -> Bid | None:
    """The viewer's firm's bid for this tender."""
    if viewer.organization_id is None or not viewer.can(BID):
        return None
    return tender.bids.filter(firm_id=viewer.organization_id).select_related("firm").first()


def own_bids(viewer: Actor) -> QuerySet[Bid]:
    """What the viewer's firm bid for."""
    viewer.require(BID)
    rows = Bid.objects.filter(firm_id=viewer.organization_id).select_related("tender__buyer", "engagement")
    return rows.defer(*(f"tender__{name}" for name in _HEAVY))


def bids_to(viewer: Actor, tender: Tender, at: datetime) -> list[Bid]:
    """The bids for a tender that the viewer may see now, with their sample labels, the cheapest first."""
    labels = Prefetch("labels", SampleLabel.objects.order_by("item__ordinal"))
    rows = bids_visible_to(viewer, at).filter(tender=tender).prefetch_related(labels)
    return list(rows.order_by("amount_fen", "submitted_at", "pk"))


# --- engagements --------------------------------------------------------------------------------------


def engagements_visible_to(viewer: Actor) -> QuerySet[Engagement]:
    """Those of the viewer's organization, on either side; all for those who watch."""
    rows = Engagement.objects.select_related("tender", "bid", "buyer", "firm")
    if viewer.is_system or viewer.can(VIEW_ALL_ENGAGEMENTS):
        return rows
    own = viewer.organization_id
    if own is None or not viewer.can(VIEW_ENGAGEMENTS):
        return rows.none()
    return rows.filter(Q(buyer_id=own) | Q(firm_id=own))


def engagements_for(viewer: Actor) -> QuerySet[Engagement]:
    """The list of engagements."""
    if not viewer.can(VIEW_ALL_ENGAGEMENTS):
        viewer.require(VIEW_ENGAGEMENTS)
    return engagements_visible_to(viewer).defer(*(f"tender__{name}" for name in _HEAVY))


def visible_engagement(viewer: Actor, number: str) -> Engagement:
    """One engagement; NotFound when the viewer may not see it."""
    rows = engagements_visible_to(viewer).select_related("contract", "project", "rating__reply")
    found = rows.filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def milestones_of(engagement: Engagement) -> list[Milestone]:
    """The lots in order, with their inspections."""
    return list(engagement.milestones.prefetch_related("inspections").order_by("ordinal"))


def milestone_for(viewer: Actor, milestone_id: UUID) -> Milestone:
    """One lot; NotFound when the viewer does not see its engagement."""
    rows = Milestone.objects.select_related("engagement__tender", "engagement__buyer", "engagement__firm")
    found = rows.filter(pk=milestone_id, engagement__in=engagements_visible_to(viewer)).first()
    if found is None:
        raise NotFound
    return found


def party_of(engagement: Engagement, viewer: Actor) -> Party | None:
    """The side on which the viewer stands."""
    if viewer.organization_id == engagement.buyer_id:
        return Party.BUYER
    return Party.SUPPLIER if viewer.organization_id == engagement.firm_id else None


def may_sign(engagement: Engagement, viewer: Actor) -> bool:
    """Whether the viewer's side has still to sign and the viewer may."""
    party = party_of(engagement, viewer)
    if party is None or engagement.state != EngagementState.SIGNING:
        return False
    wanted = SIGN_AS_BUYER if party is Party.BUYER else SIGN_AS_SUPPLIER
    return viewer.can(wanted) and not engagement.contract.signatures.filter(party=party).exists()


# --- what waits for whom ------------------------------------------------------------------------------


def overdue_tender_ids(at: datetime) -> list[UUID]:
    """Published tenders whose time to award has run out."""
    rows = Tender.objects.filter(
        state=TenderState.PUBLISHED, deadline__lte=at - timedelta(days=rules.DECISION_DAYS)
    )
    return list(rows.order_by("deadline", "pk").values_list("pk", flat=True)[:1_000])


def uninspected_lot_ids(at: datetime) -> list[UUID]:
    """Delivered lots whose time for inspection has run out."""
    rows = Milestone.objects.filter(
        state=MilestoneState.DELIVERED, delivered_at__lte=at - timedelta(days=rules.INSPECTION_DAYS)
    )
    return list(rows.order_by("delivered_at", "pk").values_list("pk", flat=True)[:1_000])


def unfilled_engagement_ids() -> list[UUID]:
    """Running engagements whose project has no items yet though the tender carries some."""
    items = TenderItem.objects.filter(tender=OuterRef("tender"))
    rows = Engagement.objects.filter(Exists(items), state=EngagementState.ACTIVE, project__items=None)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:100])


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A kind of work that waits: the engagements or tenders, and what to do."""

    title: str
    url: str
    number: str
    due_at: datetime | None = None

    def told(self) -> desk.Todo:
        return desk.Todo(
            title=self.title, url=self.url, detail=self.number, due_at=self.due_at, icon="clipboard-list"
        )


def todos(viewer: Actor) -> list[desk.Todo]:
    """Tenders to award, contracts to sign, lots to inspect and to do again, as far as the viewer may."""
    if viewer.organization_id is None or viewer.is_system or not viewer.can(VIEW_ENGAGEMENTS):
        return []
    found = _tenders_to_award(viewer) if viewer.can(POST_TENDERS) else []
    rows = engagements_visible_to(viewer).defer(*(f"tender__{name}" for name in _HEAVY))
    signing = rows.filter(state=EngagementState.SIGNING).select_related("contract").order_by("pk")[:10]
    for engagement in signing:
        if may_sign(engagement, viewer):
            title = _("签署标注服务合同：%(title)s") % {"title": engagement.tender.title}
            found.append(
                _Waiting(title, reverse("tenders:contract", args=[engagement.number]), engagement.number)
            )
    if viewer.can(INSPECT_LOTS):
        found += _lots_to_inspect(viewer)
    return [each.told() for each in found]


def _tenders_to_award(viewer: Actor) -> list[_Waiting]:
    submitted = Bid.objects.filter(tender=OuterRef("pk"), state__in=SHOWN_TO_BUYER)
    rows = Tender.objects.filter(
        Exists(submitted),
        buyer_id=viewer.organization_id,
        state=TenderState.PUBLISHED,
        deadline__lte=clock.now(),
    )
    return [
        _Waiting(
            _("开标并定标：%(title)s") % {"title": tender.title},
            reverse("tenders:compare", args=[tender.number]),
            tender.number,
            rules.decision_end(tender.deadline),
        )
        for tender in rows.defer(*_HEAVY).order_by("deadline", "pk")[:10]
    ]


def _lots_to_inspect(viewer: Actor) -> list[_Waiting]:
    rows = Milestone.objects.filter(
        engagement__buyer_id=viewer.organization_id, state=MilestoneState.DELIVERED
    ).select_related("engagement__tender")
    found = []
    for lot in rows.order_by("delivered_at", "pk")[:10]:
        assert lot.delivered_at is not None
        words = {"title": lot.engagement.tender.title, "n": lot.ordinal}
        found.append(
            _Waiting(
                _("验收第 %(n)s 批：%(title)s") % words,
                reverse("tenders:engagement", args=[lot.engagement.number]),
                str(lot),
                rules.inspection_end(lot.delivered_at),
            )
        )
    return found


def find_tenders(viewer: Actor, text: str) -> list[finding.Hit]:
    """Tenders the viewer may see, by number or words of the title."""
    rows = tenders_visible_to(viewer).filter(Q(number__iexact=text) | Q(title__icontains=text))
    return [
        finding.Hit(
            title=tender.title,
            url=reverse("tenders:tender", args=[tender.number]),
            detail=f"{tender.get_state_display()} · {tender.buyer}",
            number=tender.number,
            is_exact=tender.number.lower() == text.lower(),
        )
        for tender in rows.select_related("buyer").defer(*_HEAVY).order_by("-pk")[:10]
    ]
