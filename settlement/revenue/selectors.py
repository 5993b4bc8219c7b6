"""Reading actual revenue: the kept totals, the lines behind them, and what raw rows say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum, Window
from django.db.models.functions import ExtractMonth
from django.utils.translation import gettext as _

from assets.registry.models import Certificate
from exchange.trading.models import Order
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from kernel.periods import Period
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.payments.models import Refund, Release
from settlement.revenue.models import AnnualRevenue, RevenueLine, Ruling
from settlement.revenue.permissions import SEE_ALL_REVENUE, SEE_OWN_REVENUE
from settlement.revenue.rules import Amounts, TradeFacts, exclusions, net_of_tax
from settlement.revenue.states import Code
from web.desk import Figure
from web.navigation import resolved


@dataclass(frozen=True, slots=True)
class Trade:
    """One completed trade as its raw rows tell it: amounts in fen, reasons why it does not count."""

    order: Order
    release: Release
    year: int
    gross_fen: int
    net_fen: int
    exclusions: list[str]
    refunds: list[Refund]

    def amounts(self) -> Amounts:
        """What the trade and its refunds add to its year."""
        counts = not self.exclusions
        receipt = Amounts.of_line(
            net_fen=self.net_fen,
            gross_fen=self.gross_fen,
            fee_fen=-self.release.fee_fen,
            is_refund=False,
            counts=counts,
        )
        back = [
            Amounts.of_line(
                net_fen=refund.tax_fen - refund.amount_fen,
                gross_fen=-refund.amount_fen,
                fee_fen=0,
                is_refund=True,
                counts=counts,
            )
            for refund in self.refunds
        ]
        return Amounts.sum([receipt, *back])


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the kept figures and the raw rows disagree."""

    subject: str
    kept: str
    recomputed: str


@dataclass(frozen=True, slots=True)
class Recomputation:
    """A firm's year from raw rows, and every difference to what is kept (none when all is right)."""

    firm_id: UUID
    year: int
    amounts: Amounts
    differences: Sequence[Difference]

    @property
    def is_equal(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class ExclusionTotal:
    """All lines of a year that do not count for one first reason; `net_fen` is what they add up to."""

    code: Code
    line_count: int
    net_fen: int


def trades(orders: QuerySet[Order]) -> list[Trade]:
    """The trades of released orders, judged on their raw rows; four queries for any number."""
    found = list(
        orders.filter(release__isnull=False)
        .select_related(
            "release",
            "filing",
            "delivery",
            "contract",
            "certificate",
            "version__dataset",
            "version__project",
            "payment",
        )
        .order_by("release__released_at", "pk")
    )
    ids = [order.pk for order in found]
    refunds: dict[UUID, list[Refund]] = {}
    for refund in Refund.objects.filter(order__in=ids).order_by("pk"):
        refunds.setdefault(refund.order_id, []).append(refund)
    rulings = standing_rulings(ids)
    histories = _certificate_histories({order.certificate_id for order in found})
    return [
        _trade(
            order,
            refunds.get(order.pk, []),
            rulings.get(order.pk, frozenset()),
            histories.get(order.certificate_id, []),
        )
        for order in found
    ]


def _trade(order: Order, refunds: list[Refund], rulings: frozenset[str], history: list[Transition]) -> Trade:
    release, filing = order.release, getattr(order, "filing", None)
    delivery = getattr(order, "delivery", None)
    sold_at = order.contracted_at or order.placed_at
    year = clock.business_year(release.released_at)
    facts = TradeFacts(
        year=year,
        venue=filing.venue if filing else None,
        filing_state=filing.state if filing else None,
        is_fully_refunded=sum(refund.amount_fen for refund in refunds) >= release.gross_fen,
        certificate_state_at_sale=_state_at(order.certificate, history, sold_at),
        certificate_from=order.certificate.valid_from,
        certificate_until=order.certificate.valid_until,
        sold_on=clock.business_date(sold_at),
        registered_root_hash=order.version.root_hash,
        delivered_root_hash=delivery.root_hash if delivery else None,
        is_accepted=order.accepted_at is not None,
        received_on=clock.business_date(release.released_at),
        rulings=rulings,
    )
    net = net_of_tax(released_fen=release.gross_fen, order_fen=order.amount_fen, tax_fen=order.tax_fen)
    return Trade(order, release, year, release.gross_fen, net, exclusions(facts), refunds)


def _certificate_histories(certificate_ids: set[UUID]) -> dict[UUID, list[Transition]]:
    histories: dict[UUID, list[Transition]] = {}
    moves = Transition.objects.filter(machine="registration_certificate", subject_id__in=certificate_ids)
    for move in moves.order_by("at", "pk"):
        histories.setdefault(move.subject_id, []).append(move)
    return histories


def _state_at(certificate: Certificate, history: list[Transition], at: datetime) -> str:
    """The certificate's state at a moment: what the next later move left, or the present state."""
    return next((move.from_state for move in history if move.at > at), certificate.state)


def standing_rulings(order_ids: Iterable[UUID]) -> dict[UUID, frozenset[str]]:
    """Per order, the codes for which the latest ruling excludes it."""
    latest = Ruling.objects.filter(order__in=list(order_ids)).order_by("order", "code", "-ruled_at", "-pk")
    standing: dict[UUID, set[str]] = {}
    for ruling in latest.distinct("order", "code"):
        if ruling.is_excluded:
            standing.setdefault(ruling.order_id, set()).add(ruling.code)
    return {order_id: frozenset(codes) for order_id, codes in standing.items()}


def recomputation(firm_id: UUID, year: int) -> Recomputation:
    """The firm's year worked out afresh from orders, releases, refunds, filings, certificates and rulings."""
    period = Period.of_year(year)
    orders = Order.objects.filter(
        supplier=firm_id, release__released_at__gte=period.start, release__released_at__lt=period.end
    )
    found = trades(orders)
    amounts = Amounts.sum(trade.amounts() for trade in found)
    kept = annual(firm_id, year)
    differences = [
        Difference(field.name, str(getattr(kept, field.name)), str(getattr(amounts, field.name)))
        for field in fields(Amounts)
        if getattr(kept, field.name) != getattr(amounts, field.name)
    ]
    differences += _line_differences(found, RevenueLine.objects.filter(firm=firm_id, year=year))
    return Recomputation(firm_id, year, amounts, differences)


def _line_differences(found: list[Trade], lines: QuerySet[RevenueLine]) -> list[Difference]:
    expected: dict[tuple[UUID, UUID | None], tuple[int, list[str]]] = {}
    for trade in found:
        expected[trade.order.pk, None] = (trade.net_fen, trade.exclusions)
        for refund in trade.refunds:
            expected[trade.order.pk, refund.pk] = (refund.tax_fen - refund.amount_fen, trade.exclusions)
    kept = {(line.order_id, line.refund_id): (line.net_fen, line.exclusions) for line in lines}
    return [
        Difference(
            f"order {key[0]}" + (f" refund {key[1]}" if key[1] else ""),
            str(kept.get(key)),
            str(expected.get(key)),
        )
        for key in dict.fromkeys([*expected, *kept])
        if kept.get(key) != expected.get(key)
    ]


def annual(firm_id: UUID, year: int) -> AnnualRevenue:
    """The firm's kept totals of a year; a year without lines has zeros."""
    found = AnnualRevenue.objects.filter(firm=firm_id, year=year).first()
    return found or AnnualRevenue(firm_id=firm_id, year=year)


def annuals(firm_id: UUID) -> list[AnnualRevenue]:
    """All years of a firm, the earliest first."""
    return list(AnnualRevenue.objects.filter(firm=firm_id).order_by("year"))


def amounts_within(firm_id: UUID, year: int, first: date, after: date) -> list[tuple[str, Amounts]]:
    """The year's lines added up by first reason for not counting ("" counts).

    Sales received outside the days from `first` (inside) to `after` (outside) are put under "period", with
    their refunds.
    """
    start, end = clock.start_of(first), clock.start_of(after)
    inside = Q(order__release__released_at__gte=start, order__release__released_at__lt=end)
    rows = (
        RevenueLine.objects.filter(firm=firm_id, year=year)
        .annotate(code=F("exclusions__0"), is_inside=inside)
        .values("code", "is_inside")
        .annotate(
            lines=Count("pk", filter=Q(refund=None)),
            receipts=Sum("net_fen", filter=Q(refund=None), default=0),
            refunds=Sum("net_fen", filter=Q(refund__isnull=False), default=0),
            gross=Sum("gross_fen", default=0),
            net=Sum("net_fen", default=0),
            fees=Sum("fee_fen", default=0),
        )
        .order_by("code")
    )
    by_code: dict[str, Amounts] = {}
    for row in rows:
        code = (row["code"] or "") if row["is_inside"] or row["code"] else Code.PERIOD.value
        counts = not code
        added = Amounts(
            receipts_fen=int(row["receipts"]),
            refunds_fen=int(row["refunds"]),
            counted_fen=int(row["net"]) if counts else 0,
            excluded_fen=0 if counts else int(row["net"]),
            vat_fen=int(row["gross"] - row["net"]) if counts else 0,
            fee_fen=int(row["fees"]) if counts else 0,
            line_count=row["lines"],
        )
        by_code[code] = by_code.get(code, Amounts()) + added
    return list(by_code.items())


def exclusion_totals(firm_id: UUID, year: int) -> list[ExclusionTotal]:
    """What does not count in a year, by first reason, in the order of the codes; empty ones are left out."""
    rows = (
        RevenueLine.objects.filter(firm=firm_id, year=year, exclusions__len__gt=0)
        .annotate(code=F("exclusions__0"))
        .values("code")
        .annotate(lines=Count("pk"), net=Sum("net_fen", default=0))
        .order_by()
    )
    by_code = {row["code"]: row for row in rows}
    return [
        ExclusionTotal(code, by_code[code.value]["lines"], int(by_code[code.value]["net"]))
        for code in Code
        if code.value in by_code
    ]


def months(firm_id: UUID, year: int) -> list[int]:
    """What counts in each of the twelve months, in fen; a refund lowers the month of its sale."""
    rows = (
        RevenueLine.objects.filter(firm=firm_id, year=year, exclusions__len=0)
        .annotate(month=ExtractMonth("order__release__released_at", tzinfo=clock.SHANGHAI))
        .values("month")
        .annotate(net=Sum("net_fen"))
        .order_by("month")
    )
    by_month = {row["month"]: int(row["net"]) for row in rows}
    return [by_month.get(month, 0) for month in range(1, 13)]


def lines_visible_to(viewer: Actor) -> QuerySet[RevenueLine]:
    """A firm sees its own lines; first and second reviewers and auditors see all."""
    lines = RevenueLine.objects.select_related("order__product", "order__buyer", "refund")
    if viewer.can(SEE_ALL_REVENUE):
        return lines
    if viewer.organization_id and viewer.can(SEE_OWN_REVENUE):
        return lines.filter(firm=viewer.organization_id)
    return lines.none()


def line_for(viewer: Actor, line_id: UUID) -> RevenueLine:
    """One line the viewer may see, with all that its chain needs; NotFound otherwise."""
    line = (
        lines_visible_to(viewer)
        .select_related(
            "firm",
            "refund",
            "order__contract",
            "order__filing",
            "order__delivery",
            "order__release__entry",
            "order__payment__escrow_entry",
            "order__certificate",
            "order__version__dataset",
            "order__version__project",
        )
        .filter(pk=line_id)
        .first()
    )
    if line is None:
        raise NotFound
    return line


def firm_for(viewer: Actor, firm_id: UUID | None) -> Organization:
    """The firm whose revenue the viewer wants to see: its own, or any for those who see all."""
    wanted = firm_id or viewer.organization_id
    is_open = viewer.can(SEE_ALL_REVENUE) or (viewer.can(SEE_OWN_REVENUE) and viewer.belongs_to(wanted))
    firm = Organization.objects.filter(pk=wanted).first() if is_open and wanted else None
    if firm is None:
        raise NotFound
    return firm


def line_of_yuan(firm_id: UUID, year: int, position_fen: int) -> RevenueLine | None:
    """The receipt in which the fen at that position of the year's counted revenue lies.

    Counted trades stand in order of receipt, each with what its refunds have left of it.
    """
    left = (
        RevenueLine.objects.filter(firm=firm_id, year=year, exclusions__len=0)
        .values("order")
        .annotate(net=Sum("net_fen"))
        .filter(net__gt=0)
        .annotate(upto=Window(Sum("net"), order_by="order"))
        .values_list("order", "upto")
    )
    found = next((order for order, upto in left if upto >= position_fen), None)
    return RevenueLine.objects.filter(order=found, refund=None).first() if found else None


def firms_with_revenue(year: int) -> QuerySet[AnnualRevenue]:
    """Every firm's totals of a year, for those who see all."""
    return AnnualRevenue.objects.filter(year=year).select_related("firm")


def figures(viewer: Actor) -> list[Figure]:
    """For the work desk: a firm's actual revenue of the present year."""
    if viewer.is_system or not viewer.organization_id or not viewer.can(SEE_OWN_REVENUE):
        return []
    year = clock.business_year(clock.now())
    kept = annual(viewer.organization_id, year)
    hint = _("%(count)s 笔") % {"count": kept.line_count}
    title = _("%(year)s 年实际收入") % {"year": year}
    return [Figure(title, Money(kept.counted_fen), hint, resolved("revenue:index"))]
