"""The whole pilot on one page: brokers and their deals, spaces, milestones, landed projects, by industry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import ExtractMonth, Greatest

from exchange.brokers.models import ConductRecord, Deal
from exchange.brokers.rules import REQUIRED_RECORDS
from exchange.brokers.states import DealState
from exchange.catalogue.states import Industry
from exchange.dataspace.models import Landing, Member, Milestone, SharedProduct, Space
from exchange.dataspace.permissions import VIEW_ALL
from exchange.dataspace.rules import is_late, share
from exchange.dataspace.selectors import late_milestones
from exchange.dataspace.states import BEGUN, LandingState, MemberState, MilestoneState, SpaceKind, SpaceState
from exchange.pilots.models import Pilot
from exchange.pilots.states import IN_FORCE, PilotState
from kernel import clock
from kernel.money import Money
from kernel.periods import Period
from organizations.permissions import Actor

MOST_ROWS = 50


@dataclass(frozen=True, slots=True)
class BrokerRow:
    """One broker's pilot with its completed deals; amounts after refunds. `records`: kept of a hundred needed."""

    pilot_id: UUID
    name: str
    type: str
    deals: int
    amount: Money
    commission: Money
    records: int | None
    spaces: int


@dataclass(frozen=True, slots=True)
class IndustryRow:
    """What the spaces of one industry have come to; `landed` is verified."""

    label: str
    spaces: int
    members: int
    products: int
    late: int
    landings: int
    landed: Money


@dataclass(frozen=True, slots=True)
class Overview:
    """The pilot at a moment; every figure is counted from the rows it names, nothing is kept."""

    year: int
    brokers_in_pilot: int
    brokers_graduated: int
    brokers_exited: int
    deals: int
    amount: Money
    commission: Money
    records_kept: int
    records_required: int
    incomplete_deals: int
    deals_by_month: Sequence[int]
    spaces: int
    platforms: int
    waiting: int
    member_organizations: int
    products: int
    milestones_met: int
    milestones_open: int
    milestones_late: int
    landings: int
    landings_waiting: int
    landed: Money
    industries: Sequence[IndustryRow]
    brokers: Sequence[BrokerRow]
    late: Sequence[Milestone]

    @property
    def records_share(self) -> int | None:
        """Records kept of a hundred that the law wants; None without deals."""
        return share(self.records_kept, self.records_required)


def pilot_overview(viewer: Actor, at: datetime) -> Overview:
    """The whole pilot, a constant number of queries; NotAllowed without the right."""
    viewer.require(VIEW_ALL)
    today, year = clock.business_date(at), clock.business_year(at)
    pilots = dict(Pilot.objects.values_list("state").annotate(number=Count("pk")).order_by())
    deals = _deals()
    spaces = list(Space.objects.filter(state__in=BEGUN).values_list("pk", "kind", "industry", "state"))
    milestones = _milestones(today)
    landings = Landing.objects.aggregate(
        number=Count("pk", filter=Q(state=LandingState.VERIFIED)),
        waiting=Count("pk", filter=Q(state=LandingState.CLAIMED)),
        total=Sum("amount_fen", filter=Q(state=LandingState.VERIFIED), default=0),
    )
    industries = _industries(today)
    running = [kind for _pk, kind, _industry, state in spaces if state != SpaceState.CLOSED]
    return Overview(
        year=year,
        brokers_in_pilot=sum(pilots.get(state, 0) for state in IN_FORCE),
        brokers_graduated=pilots.get(PilotState.GRADUATED, 0),
        brokers_exited=pilots.get(PilotState.EXITED, 0),
        deals=deals["number"],
        amount=Money(int(deals["amount"])),
        commission=Money(int(deals["commission"])),
        records_kept=ConductRecord.objects.filter(deal__state=DealState.COMPLETED).count(),
        records_required=deals["number"] * len(REQUIRED_RECORDS),
        incomplete_deals=_incomplete(),
        deals_by_month=_by_month(year),
        spaces=running.count(SpaceKind.DATA_SPACE),
        platforms=running.count(SpaceKind.PLATFORM),
        waiting=Space.objects.filter(state=SpaceState.APPLIED).count(),
        member_organizations=_member_organizations(),
        products=sum(row.products for row in industries),
        milestones_met=milestones[0],
        milestones_open=milestones[1],
        milestones_late=milestones[2],
        landings=landings["number"],
        landings_waiting=landings["waiting"],
        landed=Money(int(landings["total"])),
        industries=industries,
        brokers=_brokers(),
        late=list(late_milestones(today).select_related("space__leader")[:10]),
    )


def _deals() -> dict[str, int]:
    completed = Deal.objects.filter(state=DealState.COMPLETED)
    return completed.aggregate(
        number=Count("pk"),
        amount=Sum(Greatest(F("order__amount_fen") - F("refunded_fen"), 0), default=0),
        commission=Sum("commission_fen", default=0),
    )


def _incomplete() -> int:
    """Completed deals that lack a record."""
    rows = Deal.objects.filter(state=DealState.COMPLETED).annotate(kept=Count("records"))
    return rows.filter(kept__lt=len(REQUIRED_RECORDS)).count()


def _by_month(year: int) -> list[int]:
    """Completed deals in each of the twelve months of a business year."""
    period = Period.of_year(year)
    rows = (
        Deal.objects.filter(
            state=DealState.COMPLETED, completed_at__gte=period.start, completed_at__lt=period.end
        )
        .annotate(month=ExtractMonth("completed_at", tzinfo=clock.SHANGHAI))
        .values_list("month")
        .annotate(number=Count("pk"))
        .order_by("month")
    )
    found = dict(rows)
    return [found.get(month, 0) for month in range(1, 13)]


def _member_organizations() -> int:
    """Organizations that belong to at least one running space."""
    rows = Member.objects.filter(state=MemberState.JOINED, space__state=SpaceState.ACTIVE)
    return rows.values("organization").distinct().count()


def _milestones(today: date) -> tuple[int, int, int]:
    """Milestones of spaces that have begun: met, open in time, open and late."""
    rows = Milestone.objects.filter(space__state__in=BEGUN).values_list("state", "due_on")
    met = open_in_time = late = 0
    for state, due_on in rows:
        if state == MilestoneState.MET:
            met += 1
        elif is_late(state, due_on, today):
            late += 1
        elif state != MilestoneState.DROPPED:
            open_in_time += 1
    return met, open_in_time, late


def _industries(today: date) -> list[IndustryRow]:
    """Industries with a space that has begun, by what landed, then by name."""
    begun = Space.objects.filter(state__in=BEGUN)
    spaces = dict(begun.values_list("industry").annotate(number=Count("pk")).order_by())
    members = dict(
        Member.objects.filter(space__state__in=BEGUN, state=MemberState.JOINED)
        .values_list("space__industry")
        .annotate(number=Count("organization", distinct=True))
        .order_by()
    )
    products = dict(
        SharedProduct.objects.filter(space__state=SpaceState.ACTIVE, taken_at=None)
        .values_list("space__industry")
        .annotate(number=Count("product", distinct=True))
        .order_by()
    )
    late = dict(late_milestones(today).order_by().values_list("space__industry").annotate(number=Count("pk")))
    landed = {
        code: (number, int(total))
        for code, number, total in Landing.objects.filter(state=LandingState.VERIFIED)
        .values_list("space__industry")
        .annotate(number=Count("pk"), total=Sum("amount_fen"))
        .order_by()
    }
    rows = [
        IndustryRow(
            str(Industry(code).label),
            number,
            members.get(code, 0),
            products.get(code, 0),
            late.get(code, 0),
            landed.get(code, (0, 0))[0],
            Money(landed.get(code, (0, 0))[1]),
        )
        for code, number in spaces.items()
    ]
    return sorted(rows, key=lambda row: (-row.landed.fen, -row.spaces, row.label))


def _brokers() -> list[BrokerRow]:
    """Brokers in the pilot and graduated, each with its completed deals, by amount."""
    shown = (*IN_FORCE, PilotState.GRADUATED)
    pilots = list(Pilot.objects.filter(state__in=shown).select_related("organization").order_by("-began_at"))
    firms = {each.organization_id for each in pilots}
    sums = {
        row["broker"]: row
        for row in Deal.objects.filter(state=DealState.COMPLETED, broker__in=firms)
        .values("broker")
        .annotate(
            number=Count("pk"),
            amount=Sum(Greatest(F("order__amount_fen") - F("refunded_fen"), 0)),
            commission=Sum("commission_fen"),
        )
        .order_by()
    }
    kept = dict(
        ConductRecord.objects.filter(deal__state=DealState.COMPLETED, deal__broker__in=firms)
        .values_list("deal__broker")
        .annotate(number=Count("pk"))
        .order_by()
    )
    spaces = dict(
        Space.objects.filter(state=SpaceState.ACTIVE, leader__in=firms)
        .values_list("leader")
        .annotate(number=Count("pk"))
        .order_by()
    )
    rows = []
    for firm in dict.fromkeys(each.organization_id for each in pilots):
        pilot = next(each for each in pilots if each.organization_id == firm)
        told = sums.get(firm, {})
        number = told.get("number", 0)
        rows.append(
            BrokerRow(
                pilot.pk,
                pilot.organization.display_name,
                str(pilot.get_type_display()),
                number,
                Money(int(told.get("amount") or 0)),
                Money(int(told.get("commission") or 0)),
                share(kept.get(firm, 0), number * len(REQUIRED_RECORDS)),
                spaces.get(firm, 0),
            )
        )
    return sorted(rows, key=lambda row: (-row.amount.fen, row.name))[:MOST_ROWS]
