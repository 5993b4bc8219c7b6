"""Every read of broking that takes a viewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from exchange.brokers import rules
from exchange.brokers.models import ConductRecord, Deal, Mandate, Match
from exchange.brokers.permissions import (
    CONFIRM,
    ENTRUST,
    RATE,
    SIGN_AS_BROKER,
    VIEW,
    VIEW_ALL,
    WORK,
)
from exchange.brokers.states import (
    RUNNING,
    DealState,
    MandateState,
    MatchState,
    Party,
    RecordKind,
    Scope,
    Side,
)
from exchange.catalogue.models import Plan, Product
from exchange.catalogue.selectors import products_visible_to
from exchange.catalogue.states import Industry, ListingState, Visibility
from exchange.demands import rules as demand_rules
from exchange.demands.models import Demand
from exchange.demands.selectors import open_demands_visible_to
from exchange.pilots.models import Pilot
from exchange.pilots.permissions import MANAGE
from exchange.pilots.rules import CountedDeal, Facts, facts_from
from exchange.pilots.selectors import pilot_in_force
from exchange.pilots.states import IN_FORCE, PilotState
from exchange.trading.models import Order
from exchange.trading.referrals import Referral
from exchange.trading.states import OrderState
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from kernel.periods import Period
from organizations.models import Organization
from organizations.permissions import Actor
from web import desk, finding

MOST_CANDIDATES, MOST_SCORED = 50, 500
_WATCHED = 20
OPEN_ORDERS = (
    OrderState.PLACED, OrderState.CONTRACTED, OrderState.PAID, OrderState.DELIVERED, OrderState.DISPUTED,
)  # fmt: skip


# --- mandates -----------------------------------------------------------------------------------


def mandates_visible_to(viewer: Actor) -> QuerySet[Mandate]:
    """Those of which the viewer's organization is a side; all for operator, department and auditor."""
    if viewer.can(VIEW_ALL):
        return Mandate.objects.all()
    if viewer.organization_id is None or not (viewer.can(VIEW) or viewer.can(ENTRUST)):
        return Mandate.objects.none()
    own = viewer.organization_id
    return Mandate.objects.filter(Q(principal_id=own) | Q(broker_id=own))


def listed_mandates(viewer: Actor, *, state: str = "") -> QuerySet[Mandate]:
    """What the list shows; NotAllowed without the right."""
    if not viewer.can(VIEW_ALL):
        viewer.require(VIEW)
    rows = mandates_visible_to(viewer).select_related("principal", "broker").defer("text")
    return rows.filter(state=state) if state in MandateState.values else rows


def mandate_for(viewer: Actor, mandate_id: UUID) -> Mandate:
    """One mandate with its sides; NotFound when the viewer may not see it."""
    rows = mandates_visible_to(viewer).select_related("principal", "broker", "pilot", "follows")
    found = rows.filter(pk=mandate_id).first()
    if found is None:
        raise NotFound
    return found


def is_in_force(mandate: Mandate, at: datetime) -> bool:
    """Whether the mandate holds at that moment: signed, its term running, its broker in the pilot or graduated."""
    return (
        mandate.state in RUNNING
        and mandate.starts_at <= at < mandate.ends_at
        and standing_of(mandate.broker_id, at) is not None
    )


def held_at(mandate: Mandate, at: datetime) -> bool:
    """Whether the mandate held at a moment that may lie in the past, whatever became of it since."""
    if mandate.state in (MandateState.OFFERED, MandateState.REFUSED, MandateState.WITHDRAWN):
        return False
    return mandate.starts_at <= at < mandate.ends_at and (mandate.ended_at is None or at < mandate.ended_at)


def reach_of(mandate: Mandate) -> rules.Reach:
    """What a mandate covers."""
    products = (
        {str(key): industry for key, industry in mandate.products.values_list("pk", "industry")}
        if mandate.scope == Scope.PRODUCTS
        else {}
    )
    return rules.Reach(mandate.scope, frozenset(mandate.industries), products)


def wish_of(mandate: Mandate) -> rules.Wish:
    """What the principal of a demand-side mandate looks for."""
    return rules.Wish(
        industries=frozenset(mandate.industries),
        modality=mandate.wish_modality,
        labels=tuple(mandate.wish_labels),
        budget=Money(mandate.wish_budget_fen) if mandate.wish_budget_fen else None,
    )


def standing_of(organization_id: UUID, at: datetime) -> Pilot | None:
    """The pilot by which an organization may broker at that moment; None when it may not.

    A pilot in force, or one from which it graduated: who has passed the pilot keeps working as a data broker and is
    no longer assessed each year.
    """
    graduated = Pilot.objects.filter(
        organization=organization_id, state=PilotState.GRADUATED, ended_at__lte=at
    )
    return pilot_in_force(organization_id, at) or graduated.order_by("-ended_at", "-pk").first()


def brokers_at_work(at: datetime) -> list[Organization]:
    """Brokers that may take a mandate at that moment, by name."""
    pilots = Pilot.objects.filter(
        Q(state__in=IN_FORCE, began_at__lte=at, until__gt=at)
        | Q(state=PilotState.GRADUATED, ended_at__lte=at)
    )
    return list(Organization.objects.filter(pk__in=pilots.values("organization")).order_by("name"))


def signed_parties(mandate: Mandate) -> set[str]:
    """Which sides have signed."""
    return set(mandate.signatures.values_list("party", flat=True))


def due_mandates(at: datetime) -> list[UUID]:
    """Mandates whose beginning or end has come."""
    rows = Mandate.objects.filter(
        Q(state=MandateState.SIGNED, starts_at__lte=at)
        | Q(state__in=[MandateState.ACTIVE, MandateState.HANDING_OVER], ends_at__lte=at)
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


# --- matching -----------------------------------------------------------------------------------


def principal_as_viewer(mandate: Mandate) -> Actor:
    """The principal's own eyes without any role: what is visible to the organization as such."""
    return Actor(organization=mandate.principal, kinds=frozenset(mandate.principal.kinds))


def products_for(mandate: Mandate) -> QuerySet[Product]:
    """Listed products that the principal may see and buy within the mandate's scope."""
    rows = products_visible_to(principal_as_viewer(mandate)).filter(state=ListingState.LISTED)
    rows = rows.exclude(supplier_id__in=[mandate.principal_id, mandate.broker_id])
    if mandate.scope == Scope.INDUSTRIES:
        rows = rows.filter(industry__in=mandate.industries)
    elif mandate.scope == Scope.PRODUCTS:
        rows = rows.filter(pk__in=mandate.products.values("pk"))
    return rows.select_related("supplier", "version")


def offer_of(product: Product) -> rules.Offer:
    """What of a product counts in matching."""
    return rules.Offer(
        industry=product.industry,
        modality=product.modality,
        labels=frozenset(product.version.label_counts),
        price_from=Money(product.price_from_fen) if product.price_from_fen is not None else None,
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product with how well it meets the wish, best first in lists."""

    product: Product
    fit: rules.Fit


def candidates_of(mandate: Mandate) -> list[Candidate]:
    """The best products for a demand-side mandate that were not proposed yet.

    Scores the 500 newest within scope, so that the page stays quick whatever the catalogue's size.
    """
    proposed = mandate.matches.values("product")
    rows = products_for(mandate).exclude(pk__in=proposed).defer("search", "description", "version__sample")
    wish = wish_of(mandate)
    found = [
        Candidate(product, rules.fit(wish, offer_of(product)))
        for product in rows.order_by("-listed_at", "-pk")[:MOST_SCORED]
    ]
    return sorted(found, key=lambda each: -each.fit.score)[:MOST_CANDIDATES]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A demand on the board that a mandated product answers, best first in lists; `reasons` as people read them."""

    demand: Demand
    product: Product
    match: demand_rules.Match


def products_under(mandate: Mandate) -> QuerySet[Product]:
    """The principal's listed products that a supply-side mandate covers."""
    rows = Product.objects.filter(supplier=mandate.principal_id, state=ListingState.LISTED)
    if mandate.scope == Scope.INDUSTRIES:
        rows = rows.filter(industry__in=mandate.industries)
    elif mandate.scope == Scope.PRODUCTS:
        rows = rows.filter(pk__in=mandate.products.values("pk"))
    return rows.select_related("version", "facet", "supplier").defer("search", "description")


def demands_open_to(mandate: Mandate, at: datetime) -> QuerySet[Demand]:
    """Demands that the broker itself finds and that may still be answered; the mandate's own sides' are left out.

    What a buyer shows to invited firms only is not opened to their brokers.
    """
    broker = Actor(organization=mandate.broker, kinds=frozenset(mandate.broker.kinds))
    rows = open_demands_visible_to(broker).filter(deadline__gt=at)
    return rows.exclude(buyer_id__in=[mandate.principal_id, mandate.broker_id])


def may_buy(buyer: Organization, product: Product) -> bool:
    """Whether the catalogue shows a product to an organization as such."""
    viewer = Actor(organization=buyer, kinds=frozenset(buyer.kinds))
    return products_visible_to(viewer).filter(pk=product.pk, state=ListingState.LISTED).exists()


def wanted_of(mandate: Mandate, at: datetime) -> list[Wanted]:
    """Demands that products of a supply-side mandate answer well and that were not proposed yet; best first.

    Compares the 100 newest demands with the 50 newest products of public view, so that the page stays quick.
    """
    products = list(
        products_under(mandate).filter(visibility=Visibility.PUBLIC).order_by("-listed_at", "-pk")[:50]
    )
    known = set(mandate.matches.exclude(demand=None).values_list("demand", "product"))
    demands = (
        demands_open_to(mandate, at).select_related("buyer").defer("search").order_by("-published_at", "-pk")
    )
    found = []
    for demand in demands[:100]:
        for product in products:
            match = demand_rules.match(demand, product)
            if match.is_good and (demand.pk, product.pk) not in known:
                found.append(Wanted(demand, product, match))
    return sorted(found, key=lambda each: -each.match.score)[:MOST_CANDIDATES]


def supply_mandate_for(broker_id: UUID, product: Product, at: datetime) -> Mandate | None:
    """The broker's mandate in force of the product's supplier that covers the product; the newest."""
    rows = Mandate.objects.filter(
        broker=broker_id, principal=product.supplier_id, side=Side.SUPPLY, state__in=RUNNING,
        starts_at__lte=at, ends_at__gt=at,
    )  # fmt: skip
    for each in rows.order_by("-pk"):
        if reach_of(each).covers(str(product.pk), product.industry):
            return each
    return None


def matches_visible_to(viewer: Actor) -> QuerySet[Match]:
    """A match is the broker's and its principal's; the supplier is no party to one under a demand-side mandate.

    The buyer of a demand sees what was proposed to it once the supplier has agreed.
    """
    if viewer.can(VIEW_ALL):
        return Match.objects.all()
    if viewer.organization_id is None or not (viewer.can(VIEW) or viewer.can(ENTRUST)):
        return Match.objects.none()
    own = viewer.organization_id
    proposed = Q(demand__buyer_id=own, state=MatchState.ACCEPTED)
    return Match.objects.filter(Q(mandate__principal_id=own) | Q(mandate__broker_id=own) | proposed)


def match_for(viewer: Actor, match_id: UUID) -> Match:
    """One match with what its page shows; NotFound when the viewer may not see it."""
    rows = matches_visible_to(viewer).select_related(
        "mandate__principal", "mandate__broker", "supply_mandate", "product__supplier", "demand__buyer"
    )
    rows = rows.defer("product__search", "mandate__text", "supply_mandate__text", "demand__search")
    found = rows.filter(pk=match_id).first()
    if found is None:
        raise NotFound
    return found


def orders_under(match: Match) -> list[Order]:
    """Orders that may be named as the deal of an accepted match, newest first."""
    rows = Order.objects.filter(
        product=match.product_id, buyer=match.buyer_id, placed_at__gte=match.matched_at,
        state__in=OPEN_ORDERS, deal=None,
    )  # fmt: skip
    return list(rows.order_by("-placed_at")[:_WATCHED])


def earning_of(match: Match, price: Money, at: datetime) -> list[tuple[Mandate, Money]]:
    """The mandates that earn with an order of that price placed at that moment, with their commissions."""
    earning = [(match.mandate, match.mandate.commission_on(price))]
    supply = match.supply_mandate
    if supply is not None and held_at(supply, at):
        earning.append((supply, supply.commission_on(price)))
    return earning


def match_by_code(buyer_id: UUID | None, product_id: UUID, code: str, at: datetime) -> Match | None:
    """The accepted match of that number by which the buyer may order the product now; None without one."""
    rows = Match.objects.filter(number__iexact=code.strip(), product=product_id, state=MatchState.ACCEPTED)
    found = rows.select_related("mandate__broker", "supply_mandate", "demand").first()
    is_theirs = found is not None and buyer_id is not None and found.buyer_id == buyer_id
    return found if found is not None and is_theirs and held_at(found.mandate, at) else None


def referral_for(viewer: Actor, plan: Plan, code: str, at: datetime) -> Referral | None:
    """What an order of a plan under a match's number would cost in commission, for the ordering page."""
    match = match_by_code(viewer.organization_id, plan.product_id, code, at)
    if match is None:
        return None
    earning = earning_of(match, Money(plan.price_fen), at)
    return Referral(
        code=match.number,
        broker=match.mandate.broker.display_name,
        commission=Money.sum(amount for _mandate, amount in earning),
        parts=tuple((str(mandate.get_payer_display()), amount) for mandate, amount in earning),
    )


# --- deals --------------------------------------------------------------------------------------


def deals_visible_to(viewer: Actor) -> QuerySet[Deal]:
    """The broker's, the buyer's and the supplier's; all for operator, department and auditor."""
    if viewer.can(VIEW_ALL):
        return Deal.objects.all()
    if viewer.organization_id is None or not (viewer.can(VIEW) or viewer.can(CONFIRM)):
        return Deal.objects.none()
    own = viewer.organization_id
    return Deal.objects.filter(Q(broker_id=own) | Q(order__buyer_id=own) | Q(order__supplier_id=own))


def own_deals(viewer: Actor) -> QuerySet[Deal]:
    """Deals with their commissions and records, a constant number of queries; NotAllowed without the right."""
    if not viewer.can(VIEW_ALL):
        viewer.require(VIEW)
    rows = deals_visible_to(viewer).select_related("order__buyer", "order__supplier", "broker")
    return rows.prefetch_related("records", "commissions__mandate")


def listed_deals(viewer: Actor) -> QuerySet[Deal]:
    """Deals for lists, with how many records each has."""
    rows = deals_visible_to(viewer).select_related(
        "order__product", "order__buyer", "order__supplier", "broker"
    )
    return rows.defer("order__product__search").annotate(kept_count=Count("records"))


def incomplete_deals(viewer: Actor) -> QuerySet[Deal]:
    """Confirmed and completed deals that lack a record."""
    short = Deal.objects.annotate(present=Count("records")).filter(
        present__lt=len(rules.REQUIRED_RECORDS), state__in=[DealState.CONFIRMED, DealState.COMPLETED]
    )
    return listed_deals(viewer).filter(pk__in=short.values("pk")).prefetch_related("records")


def pilots_to_assess(viewer: Actor, at: datetime) -> list[Pilot]:
    """Pilots in force, for whoever may assess them from the deals on record."""
    if not viewer.can(MANAGE):
        return []
    rows = Pilot.objects.filter(state__in=IN_FORCE, began_at__lte=at).select_related("organization")
    return list(rows.order_by("organization__name", "pk")[:_WATCHED])


def deal_for(viewer: Actor, deal_id: UUID) -> Deal:
    """One deal with what its page shows; NotFound when the viewer may not see it."""
    rows = deals_visible_to(viewer).select_related(
        "order__product", "order__buyer", "order__supplier", "order__certificate", "match__mandate", "broker",
        "rating",
    )  # fmt: skip
    found = rows.defer("order__product__search", "match__mandate__text").filter(pk=deal_id).first()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One kind of record that a deal needs, with the record if it is there."""

    kind: str
    label: str
    record: ConductRecord | None


def record_lines(deal: Deal) -> list[RecordLine]:
    """Every record that the law asks for, in order, present or missing."""
    kept = {each.kind: each for each in deal.records.all()}
    return [RecordLine(kind, str(RecordKind(kind).label), kept.get(kind)) for kind in rules.REQUIRED_RECORDS]


def missing_labels(deal: Deal) -> list[str]:
    """The names of the records that a deal lacks (with `records` prefetched, no query)."""
    kept = {each.kind for each in deal.records.all()}
    return [str(RecordKind(kind).label) for kind in rules.missing_records(kept)]


def history_of(*subjects: UUID) -> list[Transition]:
    """The moves of some things, oldest first."""
    return list(Transition.objects.filter(subject_id__in=subjects).order_by("at", "pk"))


# --- the year -----------------------------------------------------------------------------------


def counted_deals(broker_organization_id: UUID, year: int) -> list[CountedDeal]:
    """What a broker did in a business year, deal by deal, for the pilot's assessment; three queries.

    Deals completed in the year, their prices with VAT less what went back since, whether their orders were disputed,
    the records they need and have, and what buyers said of them.
    """
    period = Period.of_year(year)
    deals = Deal.objects.filter(
        broker=broker_organization_id, state=DealState.COMPLETED,
        completed_at__gte=period.start, completed_at__lt=period.end,
    )  # fmt: skip
    disputed = set(
        Transition.objects.filter(
            machine="order", move="dispute", subject_id__in=deals.values("order")
        ).values_list("subject_id", flat=True)
    )
    rows = (
        deals.select_related("order", "rating").annotate(kept=Count("records")).order_by("completed_at", "pk")
    )
    return [
        CountedDeal(
            id=str(deal.pk),
            number=deal.number,
            order=deal.order.number,
            amount_fen=max(0, deal.order.amount_fen - deal.refunded_fen),
            is_disputed=deal.order_id in disputed,
            complete_records=deal.kept,
            required_records=len(rules.REQUIRED_RECORDS),
            stars=deal.rating.stars if hasattr(deal, "rating") else None,
        )
        for deal in rows
    ]


def facts_of(broker_organization_id: UUID, year: int) -> Facts:
    """The facts of a broker's year, counted from its deals."""
    return facts_from(counted_deals(broker_organization_id, year))


# --- desk, search ------------------------------------------------------------------------------


def _own_parties(viewer: Actor) -> Q:
    """Offered mandates that lack the viewer's signature."""
    own, waiting = viewer.organization_id, Q(pk__in=[])
    if viewer.can(SIGN_AS_BROKER):
        waiting |= Q(broker_id=own) & ~Q(signatures__party=Party.BROKER)
    if viewer.can(ENTRUST):
        waiting |= Q(principal_id=own) & ~Q(signatures__party=Party.PRINCIPAL)
    return waiting & Q(state=MandateState.OFFERED)


def todos(viewer: Actor) -> list[desk.Todo]:
    """Mandates to sign or hand over, matches to answer, deals to confirm, records to add, deals to rate."""
    own = viewer.organization_id
    if own is None or viewer.is_system or not viewer.can(VIEW):
        return []
    found = _mandate_todos(viewer, own)
    if viewer.can(ENTRUST):
        rows = Match.objects.filter(mandate__principal=own, state=MatchState.RECORDED)
        for match in rows.select_related("product").defer("product__search").order_by("pk")[:_WATCHED]:
            title = _("答复撮合：%(title)s") % {"title": match.product.display_title}
            found.append(
                desk.Todo(title, reverse("brokers:match", args=[match.pk]), match.number, None, "users")
            )
    return found + _deal_todos(viewer, own)


def _mandate_todos(viewer: Actor, own: UUID) -> list[desk.Todo]:
    found = []
    for each in Mandate.objects.filter(_own_parties(viewer)).defer("text").order_by("pk")[:_WATCHED]:
        url = reverse("brokers:mandate", args=[each.pk])
        found.append(desk.Todo(_("签署经纪委托"), url, each.number, None, "signature"))
    if viewer.can(ENTRUST):
        rows = Mandate.objects.filter(principal=own, state=MandateState.HANDING_OVER).defer("text")
        for each in rows.order_by("pk")[:_WATCHED]:
            url = reverse("brokers:handover", args=[each.pk])
            found.append(
                desk.Todo(
                    _("经纪人已退出试点：移交或终止委托"), url, each.number, each.ends_at, "users", "amber"
                )
            )
    return found


def _unconfirmed_by(own: UUID) -> Q:
    """Deals that lack the word of that organization."""
    return Q(order__buyer_id=own, buyer_confirmed_at=None) | Q(
        order__supplier_id=own, supplier_confirmed_at=None
    )


def _deal_todos(viewer: Actor, own: UUID) -> list[desk.Todo]:
    found = []

    def add(deals: QuerySet[Deal], title: str, icon: str) -> None:
        for deal in deals.order_by("pk")[:_WATCHED]:
            found.append(desk.Todo(title, reverse("brokers:deal", args=[deal.pk]), deal.number, None, icon))

    if viewer.can(CONFIRM):
        add(
            Deal.objects.filter(_unconfirmed_by(own), state=DealState.PROPOSED),
            _("确认经纪成交与佣金"),
            "clipboard-check",
        )
    if viewer.can(WORK):
        whole = len(rules.REQUIRED_RECORDS)
        rows = Deal.objects.filter(broker=own).annotate(kept_count=Count("records"))
        short = rows.filter(
            Q(state=DealState.COMPLETED, kept_count__lt=whole)
            | Q(state=DealState.CONFIRMED, kept_count__lt=whole - 1)  # the trade itself is still to come
        )
        add(short, _("补齐经纪行为记录"), "file-text")
    if viewer.can(RATE):
        rated = Deal.objects.filter(order__buyer=own, state=DealState.COMPLETED, rating=None)
        add(rated, _("评价经纪服务"), "award")
    return found


def waiting(viewer: Actor) -> list[QuerySet[Any]]:
    """Mandates to sign, matches to answer and deals to confirm, for the side navigation."""
    own = viewer.organization_id
    if (
        own is None
        or viewer.is_system
        or not (viewer.can(VIEW) and (viewer.can(ENTRUST) or viewer.can(WORK)))
    ):
        return []
    found: list[QuerySet[Any]] = [Mandate.objects.filter(_own_parties(viewer))]
    if viewer.can(ENTRUST):
        found.append(Match.objects.filter(mandate__principal=own, state=MatchState.RECORDED))
        found.append(Deal.objects.filter(_unconfirmed_by(own), state=DealState.PROPOSED))
    return found


def find(viewer: Actor, text: str) -> list[finding.Hit]:
    """Mandates and deals the viewer may see, by number or by a side's name."""
    mandates = mandates_visible_to(viewer).filter(
        Q(number__iexact=text) | Q(principal__name__icontains=text) | Q(broker__name__icontains=text)
    )
    deals = deals_visible_to(viewer).filter(Q(number__iexact=text) | Q(order__number__iexact=text))
    return [
        finding.Hit(
            title=each.number,
            url=reverse("brokers:mandate", args=[each.pk]),
            detail=f"{each.principal} → {each.broker}",
            number=each.number,
            is_exact=text.lower() == each.number.lower(),
        )
        for each in mandates.select_related("principal", "broker").defer("text").order_by("-pk")[:10]
    ] + [
        finding.Hit(
            title=each.number,
            url=reverse("brokers:deal", args=[each.pk]),
            detail=f"{each.broker} · {each.get_state_display()}",
            number=each.number,
            is_exact=text.lower() == each.number.lower(),
        )
        for each in deals.select_related("broker").order_by("-pk")[:10]
    ]


def industry_labels(codes: Sequence[str]) -> list[str]:
    """The names of industries, in the order of the vocabulary."""
    return [str(label) for code, label in Industry.choices if code in codes]
