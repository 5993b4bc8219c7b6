"""Every read of demands that takes a viewer. What one firm answered is never shown to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from assets.registry.states import ProductKind
from exchange.catalogue.models import Product
from exchange.catalogue.permissions import EDIT_PRODUCTS
from exchange.catalogue.rules import PRICE_BANDS
from exchange.catalogue.searching import Choice, Facet, shown_products
from exchange.catalogue.selectors import products_visible_to
from exchange.catalogue.states import Industry, ListingState, TaskType
from exchange.demands import rules
from exchange.demands.models import Answer, AnswerMessage, Demand, DemandInvitation
from exchange.demands.permissions import ANSWER_DEMANDS, MODERATE_DEMANDS, POST_DEMANDS
from exchange.demands.states import LIVE_ANSWER, OPEN_DEMAND, AnswerState, DemandState, DemandVisibility
from kernel.errors import NotFound
from kernel.search import matching, terms
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from web import desk, finding

LOOKED_AT = 200
"""Products or demands that are compared for suggestions, the newest of those with something in common."""
SUGGESTED = 6
SHOWN_ENDED = (DemandState.AWARDED, DemandState.CLOSED, DemandState.EXPIRED)
OPEN_BUDGET = "open"


def _found_by(viewer: Actor) -> Q:
    """Which published demands a viewer finds: public ones, and those its organization is invited to or posted."""
    public = Q(visibility=DemandVisibility.PUBLIC)
    own = viewer.organization_id
    if own is None:
        return public
    invited = DemandInvitation.objects.filter(organization=own, demand=OuterRef("pk"))
    return public | Q(buyer_id=own) | Q(Exists(invited))


def open_demands_visible_to(viewer: Actor) -> QuerySet[Demand]:
    """Demands that may be answered and that this viewer finds; hidden ones are left out for everybody."""
    rows = Demand.objects.filter(state__in=OPEN_DEMAND, hidden_at=None)
    return rows if viewer.can(MODERATE_DEMANDS) else rows.filter(_found_by(viewer))


def demands_visible_to(viewer: Actor) -> QuerySet[Demand]:
    """What is or was published and found by the viewer; the buyer's own in every state; those a firm answered.

    Hidden demands are seen by their buyer and those who moderate; withdrawn ones by the two sides.
    """
    rows = Demand.objects.all()
    if viewer.is_system:
        return rows
    if viewer.can(MODERATE_DEMANDS):
        return rows.exclude(state=DemandState.DRAFT)
    shown = Q(state__in=(*OPEN_DEMAND, *SHOWN_ENDED), hidden_at=None) & _found_by(viewer)
    own = viewer.organization_id
    if own is None:
        return rows.filter(shown)
    answered = Exists(Answer.objects.filter(firm=own, demand=OuterRef("pk")))
    is_buyer = Q(buyer_id=own)
    return rows.filter(shown | is_buyer | (answered & Q(hidden_at=None)))


def visible_demand(viewer: Actor, number: str) -> Demand:
    """One demand for its page; NotFound when the viewer may not see it."""
    rows = demands_visible_to(viewer).select_related("buyer").defer("search")
    found = rows.filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def own_demands(viewer: Actor) -> QuerySet[Demand]:
    """The demands of the viewer's organization in every state, with the number of live answers."""
    viewer.require(POST_DEMANDS)
    live = Count("answers", filter=~Q(answers__state=AnswerState.WITHDRAWN))
    return Demand.objects.filter(buyer_id=viewer.organization_id).defer("search").annotate(answer_count=live)


def own_answers(viewer: Actor) -> QuerySet[Answer]:
    """The answers of the viewer's organization."""
    viewer.require(ANSWER_DEMANDS)
    rows = Answer.objects.filter(firm_id=viewer.organization_id)
    return rows.select_related("demand__buyer", "product").defer("demand__search", "product__search")


def answers_visible_to(viewer: Actor) -> QuerySet[Answer]:
    """A firm's own; a buyer's to its own demands, but for withdrawn ones. Nobody else's eyes."""
    own = viewer.organization_id
    if viewer.is_system:
        return Answer.objects.all()
    if own is None:
        return Answer.objects.none()
    mine = Q(firm_id=own) if viewer.can(ANSWER_DEMANDS) else Q(pk__in=[])
    if viewer.can(POST_DEMANDS):
        mine |= Q(demand__buyer_id=own) & ~Q(state=AnswerState.WITHDRAWN)
    return Answer.objects.filter(mine)


def visible_answer(viewer: Actor, answer_id: UUID) -> Answer:
    """One answer with its demand and product; NotFound for everyone but the two sides."""
    rows = answers_visible_to(viewer).select_related("demand__buyer", "firm", "product__supplier")
    found = rows.defer("demand__search", "product__search").filter(pk=answer_id).first()
    if found is None:
        raise NotFound
    return found


def answers_to(viewer: Actor, demand: Demand) -> list[Answer]:
    """The answers to a demand that this viewer sees: all live ones for the buyer, its own for a firm."""
    rows = (
        answers_visible_to(viewer).filter(demand=demand).select_related("firm", "product", "product__facet")
    )
    return list(rows.defer("product__search", "product__facet__terms").order_by("submitted_at", "pk"))


def messages_of(answer: Answer) -> list[AnswerMessage]:
    """What both sides wrote, oldest first."""
    return list(answer.messages.order_by("pk")[:500])


def sees_contact(viewer: Actor, demand: Demand) -> bool:
    """Whether the viewer is the buyer, or a firm whose answer is live or chosen."""
    if viewer.belongs_to(demand.buyer_id):
        return True
    if not viewer.organization_id:
        return False
    live = (*LIVE_ANSWER, AnswerState.CHOSEN)
    return demand.answers.filter(firm_id=viewer.organization_id, state__in=live).exists()


def firms_to_invite(viewer: Actor) -> QuerySet[Organization]:
    """Verified firms that may answer demands, but for the viewer's own."""
    own = viewer.organization_id
    kinds = [OrganizationKind.ANNOTATION_FIRM.value, OrganizationKind.BROKER.value]
    rows = Organization.objects.filter(kinds__overlap=kinds, verification="verified")
    return (rows.exclude(pk=own) if own else rows).order_by("name", "pk")


def invited_to(demand: Demand) -> list[Organization]:
    """Who was asked by name."""
    rows = Organization.objects.filter(pk__in=demand.invitations.values("organization_id"))
    return list(rows.order_by("name", "pk"))


# --- search -------------------------------------------------------------------------------------

_BUDGETS: Mapping[str, str | Promise] = {
    **{band.code: band.label for band in PRICE_BANDS},
    OPEN_BUDGET: _("预算面议"),
}
FACETS: Mapping[str, tuple[str | Promise, Mapping[str, str | Promise]]] = {
    "industry": (_("行业"), dict(Industry.choices)),
    "kind": (_("产品类型"), dict(ProductKind.choices)),
    "modality": (_("数据形态"), dict(Modality.choices)),
    "task": (_("任务类型"), dict(TaskType.choices)),
    "budget": (_("预算上限"), _BUDGETS),
}


@dataclass(frozen=True, slots=True)
class DemandsWanted:
    """What a visitor looks for among the demands; unknown values are dropped when it is read."""

    text: str
    chosen: Mapping[str, frozenset[str]]

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or any(self.chosen.values()))


def read_wanted(text: str, chosen: Mapping[str, Sequence[str]]) -> DemandsWanted:
    """What was asked for, with only known values."""
    kept = {name: frozenset(chosen.get(name, ())) & frozenset(known) for name, (_l, known) in FACETS.items()}
    return DemandsWanted(" ".join(text.replace("\x00", " ").split())[:100], kept)


def _band() -> Case:
    whens = [
        When(budget_most_fen__lt=band.below, then=Value(band.code))
        for band in PRICE_BANDS
        if band.below is not None
    ]
    nothing = When(budget_most_fen=None, then=Value(OPEN_BUDGET))
    return Case(nothing, *whens, default=Value(PRICE_BANDS[-1].code), output_field=CharField())


def _worded(wanted: DemandsWanted, viewer: Actor) -> QuerySet[Demand]:
    rows = open_demands_visible_to(viewer).annotate(budget=_band())
    if not wanted.text:
        return rows
    return rows.filter(matching("search", wanted.text)) if terms(wanted.text) else rows.none()


def search_demands(wanted: DemandsWanted, viewer: Actor) -> QuerySet[Demand]:
    """Open demands that match text and facets."""
    rows = _worded(wanted, viewer)
    for code, values in wanted.chosen.items():
        if values:
            rows = rows.filter(**{f"{code}__in": sorted(values)})
    return rows.select_related("buyer").defer("search")


def facets(wanted: DemandsWanted, viewer: Actor) -> tuple[list[Facet], int]:
    """All facets and the number of results, from one grouped query; each counts under the others' choices."""
    codes = list(FACETS)
    groups = _worded(wanted, viewer).order_by().values_list(*codes).annotate(number=Count("pk"))
    counts: dict[str, dict[str, int]] = {code: {} for code in codes}
    total = 0
    for *values, number in groups:
        misses = [
            code
            for code, value in zip(codes, values, strict=True)
            if wanted.chosen.get(code) and value not in wanted.chosen[code]
        ]
        total += 0 if misses else number
        for code, value in zip(codes, values, strict=True):
            if not misses or misses == [code]:
                counts[code][value] = counts[code].get(value, 0) + number
    shown = []
    for code, (label, known) in FACETS.items():
        chosen = wanted.chosen.get(code, frozenset())
        choices = [
            Choice(value, name, counts[code].get(value, 0), value in chosen)
            for value, name in known.items()
            if value in counts[code] or value in chosen
        ]
        shown.append(Facet(code, label, choices))
    return shown, total


# --- suggestions --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SuggestedProduct:
    """A product that answers a demand, and why."""

    product: Product
    match: rules.Match


@dataclass(frozen=True, slots=True)
class SuggestedDemand:
    """An open demand that a product of the viewer's organization answers, and why."""

    demand: Demand
    product: Product
    match: rules.Match


def _with_keywords(rows: QuerySet[Product]) -> QuerySet[Product]:
    return shown_products(rows).defer(None).defer(
        "search", "description", "decided", "certificate__claims", "certificate__token", "version__sample",
        "version__dictionary", "version__label_counts", "facet__terms",
    )  # fmt: skip


def products_for(viewer: Actor, demand: Demand, *, own_only: bool = False) -> list[SuggestedProduct]:
    """The best matching products that the viewer finds (or has on sale itself), best first; one query."""
    rows = products_visible_to(viewer).filter(state=ListingState.LISTED)
    rows = (
        rows.filter(supplier_id=viewer.organization_id)
        if own_only
        else rows.exclude(supplier_id=demand.buyer_id)
    )
    likely = Q(industry=demand.industry)
    words = terms(demand.title)[:8]
    for word in words:
        likely |= matching("search", word)
    found = _with_keywords(rows.filter(likely)).order_by("-listed_at", "-pk")[:LOOKED_AT]
    scored = [SuggestedProduct(product, rules.match(demand, product)) for product in found]
    good = [each for each in scored if each.match.is_good]
    return sorted(good, key=lambda each: -each.match.score)[:SUGGESTED]


def demands_for(viewer: Actor) -> list[SuggestedDemand]:
    """Open demands of others that the viewer's products on sale answer, with the best product; two queries."""
    own = viewer.organization_id
    if own is None or not viewer.can(ANSWER_DEMANDS):
        return []
    rows = Product.objects.filter(supplier_id=own, state=ListingState.LISTED)
    products = list(_with_keywords(rows).order_by("-listed_at", "-pk")[:LOOKED_AT])
    if not products:
        return []
    open_ones = open_demands_visible_to(viewer).exclude(buyer_id=own)
    unanswered = open_ones.exclude(Exists(Answer.objects.filter(firm=own, demand=OuterRef("pk"))))
    found = []
    for demand in (
        unanswered.select_related("buyer").defer("search").order_by("-published_at", "-pk")[:LOOKED_AT]
    ):
        best = max(
            (SuggestedDemand(demand, product, rules.match(demand, product)) for product in products),
            key=lambda each: each.match.score,
        )
        if best.match.is_good:
            found.append(best)
    return sorted(found, key=lambda each: -each.match.score)[:SUGGESTED]


def products_to_offer(viewer: Actor) -> QuerySet[Product]:
    """The viewer's own products on sale, to answer with."""
    rows = Product.objects.filter(supplier_id=viewer.organization_id, state=ListingState.LISTED)
    return rows.defer("search").order_by("-listed_at", "-pk")


def overdue_demand_ids(at: datetime) -> list[UUID]:
    """Demands without answers past their deadline, and those with answers past the time to decide."""
    unanswered = Q(state=DemandState.PUBLISHED, deadline__lte=at)
    undecided = Q(state=DemandState.ANSWERED, deadline__lte=at - timedelta(days=rules.DECISION_DAYS))
    rows = Demand.objects.filter(unanswered | undecided).order_by("deadline", "pk")
    return list(rows.values_list("pk", flat=True)[:1_000])


def open_demand_ids(at: datetime) -> list[UUID]:
    """Demands that take answers, the newest first."""
    rows = Demand.objects.filter(state__in=OPEN_DEMAND, hidden_at=None, deadline__gt=at)
    return list(rows.order_by("-published_at", "-pk").values_list("pk", flat=True)[:1_000])


# --- desk, search -------------------------------------------------------------------------------


def todos(viewer: Actor) -> list[desk.Todo]:
    """Demands whose deadline has passed and whose answers wait for the buyer's choice; drafts that lie about."""
    if viewer.organization_id is None or viewer.is_system or not viewer.can(POST_DEMANDS):
        return []
    rows = Demand.objects.filter(buyer_id=viewer.organization_id, state=DemandState.ANSWERED).defer("search")
    return [
        desk.Todo(
            title=_("选定应答：%(title)s") % {"title": demand.title},
            url=reverse("demands:demand", args=[demand.number]),
            detail=demand.number,
            due_at=rules.decision_end(demand.deadline),
            icon="megaphone",
        )
        for demand in rows.order_by("deadline", "pk")[:10]
    ]


def figures(viewer: Actor) -> list[desk.Figure]:
    """How many demands wait out there for a firm."""
    if not viewer.organization_id or not viewer.can(EDIT_PRODUCTS):
        return []
    number = open_demands_visible_to(viewer).exclude(buyer_id=viewer.organization_id).count()
    return [desk.Figure(_("征集中的需求"), number, url=reverse("demands:list"))]


def find_demands(viewer: Actor, text: str) -> list[finding.Hit]:
    """Demands the viewer may see, by number or words."""
    rows = demands_visible_to(viewer).filter(Q(number__iexact=text) | matching("search", text))
    return [
        finding.Hit(
            title=demand.title,
            url=reverse("demands:demand", args=[demand.number]),
            detail=f"{demand.get_state_display()} · {demand.buyer}",
            number=demand.number,
            is_exact=demand.number.lower() == text.lower(),
        )
        for demand in rows.select_related("buyer").defer("search").order_by("-pk")[:10]
    ]
