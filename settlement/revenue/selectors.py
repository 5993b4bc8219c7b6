"""Reading actual revenue: the kept totals, the lines behind them, and what raw rows say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import ExtractMonth
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from annotation.projects.models import Project
from assets.registry.states import CertificateState
from exchange.acceptance.selectors import kept_of
from exchange.brokers.states import Payer
from exchange.delivery.selectors import replacement_of
from exchange.trading.models import Order
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from kernel.periods import Period
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.invoicing.models import Invoice
from settlement.invoicing.states import InvoiceState
from settlement.payments.models import CommissionPayment, Refund, Release
from settlement.revenue.models import RECEIPT, AnnualRevenue, RevenueLine, Ruling
from settlement.revenue.permissions import SEE_ALL_REVENUE, SEE_OWN_REVENUE
from settlement.revenue.rules import Amounts, Credited, TradeFacts, credited, exclusions, net_of_tax
from settlement.revenue.states import Code
from web.desk import Figure
from web.navigation import resolved

Goal = Callable[[int], int | None]
_goals: list[Goal] = []


def register_goal(goal: Goal) -> None:
    """Name the source of the amount (fen) that a year's revenue is measured against; there is one."""
    _goals[:] = [goal]


def goal_of(year: int) -> int | None:
    """The amount in fen that the year's revenue is to reach; None when no rule has named one."""
    return _goals[0](year) if _goals else None


@dataclass(slots=True)
class Brokerage:
    """What a supplier paid brokers for a trade, and what of it came back with each refund (by its id); fen."""

    paid_fen: int = 0
    returned: dict[UUID, int] = field(default_factory=dict)


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
    certificate_state_at_sale: str
    brokerage: Brokerage
    invoices: list[Invoice]
    all_invoices: list[Invoice]
    history: list[Transition]

    @property
    def credited(self) -> Credited:
        """What credit invoices take off beyond the refunds."""
        return credited(
            received_fen=self.gross_fen,
            received_net_fen=self.net_fen,
            refunded_fen=sum(refund.amount_fen for refund in self.refunds),
            refunded_net_fen=sum(refund.amount_fen - refund.tax_fen for refund in self.refunds),
            invoiced_fen=sum(each.gross_fen for each in self.invoices if not each.is_credit),
            credited_fen=sum(each.gross_fen for each in self.credits),
        )

    @property
    def credits(self) -> list[Invoice]:
        """The credit invoices that stand, the earliest first."""
        return [each for each in self.invoices if each.is_credit]

    @property
    def receipt_fee_fen(self) -> int:
        """What the exchange and brokers kept of the receipt, negative."""
        return -int(self.release.fee_fen + self.brokerage.paid_fen)

    def refund_fee_fen(self, refund: Refund) -> int:
        """What the exchange and brokers gave back with a refund."""
        return int(refund.fee_fen + self.brokerage.returned.get(refund.pk, 0))

    def amounts(self) -> Amounts:
        """What the trade and its refunds add to its year."""
        counts = not self.exclusions
        receipt = Amounts.of_line(
            net_fen=self.net_fen,
            gross_fen=self.gross_fen,
            fee_fen=self.receipt_fee_fen,
            is_refund=False,
            counts=counts,
        )
        back = [
            Amounts.of_line(
                net_fen=refund.tax_fen - refund.amount_fen,
                gross_fen=-refund.amount_fen,
                fee_fen=self.refund_fee_fen(refund),
                is_refund=True,
                counts=counts,
            )
            for refund in self.refunds
        ]
        off = self.credited
        if off.gross_fen:
            back.append(
                Amounts.of_line(
                    net_fen=-off.net_fen, gross_fen=-off.gross_fen, fee_fen=0, is_refund=True, counts=counts
                )
            )
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
    """The trades of released orders, judged on their raw rows; six queries for any number."""
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
    rulings, brokerages = standing_rulings(ids), brokerages_of(ids)
    invoices = _invoices_of(ids)
    histories = _certificate_histories({order.certificate_id for order in found})
    return [
        _trade(
            order,
            refunds.get(order.pk, []),
            rulings.get(order.pk, frozenset()),
            histories.get(order.certificate_id, []),
            brokerages.get(order.pk) or Brokerage(),
            invoices.get(order.pk, []),
        )
        for order in found
    ]


def _invoices_of(order_ids: Iterable[UUID]) -> dict[UUID, list[Invoice]]:
    """The suppliers' invoices and credit invoices of orders, voided ones too (they stood once); one query."""
    rows = Invoice.objects.filter(order__in=list(order_ids), issuer=F("order__supplier"))
    found: dict[UUID, list[Invoice]] = {}
    for invoice in rows.order_by("issued_at", "pk"):
        found.setdefault(invoice.order_id, []).append(invoice)
    return found


def brokerages_of(order_ids: Iterable[UUID]) -> dict[UUID, Brokerage]:
    """Per order, the commissions that its supplier paid and what of them came back; one query."""
    rows = CommissionPayment.objects.filter(order__in=list(order_ids), commission__payer=Payer.SUPPLIER)
    found: dict[UUID, Brokerage] = {}
    seen: set[UUID] = set()
    told = rows.values_list("pk", "order", "amount_fen", "returns__refund", "returns__amount_fen")
    for payment_id, order_id, paid_fen, refund_id, returned_fen in told.order_by("pk", "returns__pk"):
        brokerage = found.setdefault(order_id, Brokerage())
        if payment_id not in seen:
            seen.add(payment_id)
            brokerage.paid_fen += paid_fen
        if refund_id is not None:
            brokerage.returned[refund_id] = brokerage.returned.get(refund_id, 0) + returned_fen
    return found


def _trade(
    order: Order,
    refunds: list[Refund],
    rulings: frozenset[str],
    history: list[Transition],
    brokerage: Brokerage,
    invoices: list[Invoice],
) -> Trade:
    filing = getattr(order, "filing", None)
    return _judged(
        order,
        history,
        certificate_state=order.certificate.state,
        refunds=refunds,
        rulings=rulings,
        filing_state=filing.state if filing else None,
        brokerage=brokerage,
        invoices=[each for each in invoices if each.state == InvoiceState.ISSUED],
        all_invoices=invoices,
    )


def judged_as_of(trade: Trade, end: datetime, *, rulings: frozenset[str], filing_state: str | None) -> Trade:
    """The same trade on the refunds, invoices and moves of its certificate before a moment in the past."""
    history = [move for move in trade.history if move.at < end]
    later = next((move for move in trade.history if move.at >= end), None)
    return _judged(
        trade.order,
        history,
        certificate_state=later.from_state if later else trade.order.certificate.state,
        refunds=[refund for refund in trade.refunds if refund.refunded_at < end],
        rulings=rulings,
        filing_state=filing_state,
        brokerage=trade.brokerage,
        invoices=[
            each
            for each in trade.all_invoices
            if each.issued_at < end and (each.voided_at is None or each.voided_at >= end)
        ],
        all_invoices=trade.all_invoices,
    )


def _judged(
    order: Order,
    history: list[Transition],
    *,
    certificate_state: str,
    refunds: list[Refund],
    rulings: frozenset[str],
    filing_state: str | None,
    brokerage: Brokerage,
    invoices: list[Invoice],
    all_invoices: list[Invoice],
) -> Trade:
    release, filing = order.release, getattr(order, "filing", None)
    delivery = getattr(order, "delivery", None)
    sold_at = order.contracted_at or order.placed_at
    year = clock.business_year(release.released_at)
    certificate_state_at_sale = _state_at(certificate_state, history, sold_at)
    facts = TradeFacts(
        year=year,
        venue=filing.venue if filing else None,
        filing_state=filing_state,
        is_fully_refunded=sum(refund.amount_fen for refund in refunds) >= release.gross_fen,
        certificate_state_at_sale=certificate_state_at_sale,
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
    return Trade(
        order, release, year, release.gross_fen, net, exclusions(facts), refunds, certificate_state_at_sale,
        brokerage, invoices, all_invoices, history,
    )  # fmt: skip


def _certificate_histories(certificate_ids: set[UUID]) -> dict[UUID, list[Transition]]:
    histories: dict[UUID, list[Transition]] = {}
    moves = Transition.objects.filter(machine="registration_certificate", subject_id__in=certificate_ids)
    for move in moves.order_by("at", "pk"):
        histories.setdefault(move.subject_id, []).append(move)
    return histories


def _state_at(known_state: str, history: list[Transition], at: datetime) -> str:
    """A certificate's state at a moment: what the next later move left, or the state it is known to be in.

    A revocation takes effect from the beginning: a certificate known to be revoked never covered a sale.
    """
    if known_state == CertificateState.REVOKED:
        return str(CertificateState.REVOKED)
    return next((move.from_state for move in history if move.at > at), known_state)


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
        Difference(each.name, str(getattr(kept, each.name)), str(getattr(amounts, each.name)))
        for each in fields(Amounts)
        if getattr(kept, each.name) != getattr(amounts, each.name)
    ]
    differences += _line_differences(found, RevenueLine.objects.filter(firm=firm_id, year=year))
    return Recomputation(firm_id, year, amounts, differences)


_CREDITS = "credit invoices"


def _line_differences(found: list[Trade], lines: QuerySet[RevenueLine]) -> list[Difference]:
    expected: dict[tuple[UUID, UUID | str | None], tuple[int, list[str]]] = {}
    for trade in found:
        expected[trade.order.pk, None] = (trade.net_fen, trade.exclusions)
        for refund in trade.refunds:
            expected[trade.order.pk, refund.pk] = (refund.tax_fen - refund.amount_fen, trade.exclusions)
        if trade.credited.gross_fen:
            expected[trade.order.pk, _CREDITS] = (-trade.credited.net_fen, trade.exclusions)
    kept = {
        (line.order_id, _CREDITS if line.is_credit else line.refund_id): (line.net_fen, line.exclusions)
        for line in lines
    }
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
            "order__reduction",
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

    Counted trades stand in order of their ids (which follow time), each with what its refunds have left.
    """
    rows = RevenueLine.objects.filter(firm=firm_id, year=year, exclusions__len=0).values("order")
    reached = 0
    found = None
    for order_id, net in rows.annotate(net=Sum("net_fen")).order_by("order").values_list("order", "net"):
        reached += net
        if reached >= position_fen:
            found = order_id
            break
    return RevenueLine.objects.filter(RECEIPT, order=found).first() if found else None


def firms_with_revenue(year: int) -> QuerySet[AnnualRevenue]:
    """Every firm's totals of a year, for those who see all."""
    return AnnualRevenue.objects.filter(year=year).select_related("firm")


def figures(viewer: Actor) -> list[Figure]:
    """For the work desk: a firm's actual revenue of the present year."""
    if viewer.is_system or not viewer.organization_id or not viewer.can(SEE_OWN_REVENUE):
        return []
    year = clock.business_year(clock.now())
    kept = annual(viewer.organization_id, year)
    goal, hint = goal_of(year), _("%(count)s 笔") % {"count": kept.line_count}
    if goal is not None:
        left = goal - kept.counted_fen
        hint = _("距奖励条件 %(amount)s") % {"amount": Money(left)} if left > 0 else _("已达到奖励条件")
    title = _("%(year)s 年实际收入") % {"year": year}
    return [Figure(title, Money(kept.counted_fen), hint, resolved("revenue:index"))]


def rulings_of(line: RevenueLine) -> list[Ruling]:
    """Every ruling on the line's trade, the latest first."""
    return list(Ruling.objects.filter(order=line.order_id).order_by("-ruled_at", "-pk"))


def lines_of_order(viewer: Actor, line: RevenueLine) -> list[RevenueLine]:
    """The other lines of the same trade: its receipt, refunds and credit invoices."""
    return list(lines_visible_to(viewer).filter(order=line.order_id).exclude(pk=line.pk).order_by("pk"))


# --- the walk back ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Station:
    """One station of the walk from an amount back to the file it was earned with.

    `facts` are (label, value, full text of a hash or empty); `holds` tells whether what this station repeats
    of the one before is the same (None: nothing to compare).
    """

    key: str
    icon: str
    title: str
    number: str
    facts: tuple[tuple[str, str], ...]
    url: str = ""
    digest: str = ""
    holds: bool | None = None
    check: str = ""


def chain_of(line: RevenueLine) -> list[Station]:
    """From the year's statement to the raw file, each station with its proof; constant in queries."""
    return [
        _statement_station(line),
        _trade_station(line),
        *_money_stations(line),
        *_paper_stations(line),
        *_data_stations(line),
    ]


def _day(at: datetime | None) -> str:
    return f"{at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}" if at else "--"


def _address(name: str, *arguments: object) -> str:
    """The page of a thing, or nothing when this installation does not have it."""
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""


def _statement_station(line: RevenueLine) -> Station:
    kept = annual(line.firm_id, line.year)
    return Station(
        "statement",
        "sigma",
        _("年度实际收入"),
        str(line.year),
        (
            (_("企业"), line.firm.display_name),
            (_("计入金额"), str(Money(kept.counted_fen))),
            (_("笔数"), f"{kept.line_count:,}"),
        ),
        f"{reverse('revenue:index')}?firm={line.firm_id}&year={line.year}",
    )


def _trade_station(line: RevenueLine) -> Station:
    order, kept = line.order, kept_of(line.order)
    reduced = ((_("验收前扣减"), str(kept.reduced)),) if kept.reduced else ()
    return Station(
        "transaction",
        "receipt-text",
        _("交易订单"),
        order.number,
        (
            (_("买方"), order.buyer.display_name),
            (_("产品"), order.product.title),
            (_("含税金额"), str(Money(order.amount_fen))),
            (_("其中税额"), str(Money(order.tax_fen))),
            *reduced,
        ),
        _address("trading:order", order.pk),
        holds=line.evidence["order"]["number"] == order.number,
        check=_("订单号与入账时一致"),
    )


def _money_stations(line: RevenueLine) -> list[Station]:
    order, stations = line.order, []
    release = getattr(order, "release", None)
    if line.refund is not None:
        refund = line.refund
        stations.append(
            Station(
                "refund",
                "undo-2",
                _("退款"),
                refund.number,
                (
                    (_("含税金额"), str(Money(refund.amount_fen))),
                    (_("原因"), refund.reason),
                    (_("退款时间"), _day(refund.refunded_at)),
                ),
                digest=str(refund.entry_id),
                holds=-refund.amount_fen == line.gross_fen,
                check=_("退款金额与本笔一致"),
            )
        )
    if release is not None:
        stations.append(
            Station(
                "money",
                "landmark",
                _("放款与记账凭证"),
                str(release.entry_id),
                (
                    (_("放款总额"), str(Money(release.gross_fen))),
                    (_("交易服务费"), str(Money(release.fee_fen))),
                    (_("供方所得"), str(Money(release.seller_fen))),
                    (_("放款时间"), _day(release.released_at)),
                ),
                _address("ledger:entry", release.entry_id),
                digest=release.entry.fingerprint,
                holds=release.gross_fen == release.fee_fen + release.seller_fen,
                check=_("总额等于服务费与供方所得之和"),
            )
        )
    return stations


def _paper_stations(line: RevenueLine) -> list[Station]:
    order, stations = line.order, []
    filing, delivery, contract = (getattr(order, name, None) for name in ("filing", "delivery", "contract"))
    if filing is not None:
        stations.append(
            Station(
                "voucher",
                "stamp",
                _("交易备案凭证"),
                filing.voucher_number or "--",
                (
                    (_("状态"), str(filing.get_state_display())),
                    (_("备案金额"), str(Money(filing.amount_fen))),
                    (_("备案时间"), _day(filing.filed_at)),
                ),
                _address("filings:voucher", filing.pk),
                holds=(line.evidence.get("voucher") or {}).get("number") == filing.voucher_number,
                check=_("凭证号与入账时一致"),
            )
        )
    if delivery is not None:
        stations.append(
            Station(
                "delivery",
                "package-check",
                _("交付与验收"),
                _day(delivery.delivered_at),
                (
                    (_("文件数"), f"{delivery.file_count:,}"),
                    (_("验收时间"), _day(order.accepted_at)),
                ),
                digest=delivery.root_hash,
                holds=delivery.root_hash == order.version.root_hash,
                check=_("交付内容的根哈希与登记版本一致"),
            )
        )
        stations += _replacement_stations(order)
    if contract is not None:
        stations.append(
            Station(
                "contract",
                "scroll-text",
                _("合同"),
                contract.number,
                ((_("签约时间"), _day(order.contracted_at)),),
                digest=contract.text_sha256,
                holds=hashlib.sha256(contract.text.encode()).hexdigest() == contract.text_sha256,
                check=_("合同文本的哈希重新计算后一致"),
            )
        )
    return stations


def _replacement_stations(order: Order) -> list[Station]:
    """What was delivered in the place of the bought version, if anything was."""
    replaced = replacement_of(order)
    if replaced is None:
        return []
    return [
        Station(
            "replacement",
            "package-check",
            _("补交"),
            f"v{replaced.version.version}",
            ((_("补交时间"), _day(replaced.replaced_at)), (_("登记证书"), replaced.certificate.number)),
            digest=replaced.root_hash,
            holds=replaced.root_hash == replaced.version.root_hash,
            check=_("交付内容的根哈希与登记版本一致"),
        )
    ]


def _data_stations(line: RevenueLine) -> list[Station]:
    order = line.order
    certificate, version = order.certificate, order.version
    stations = [
        Station(
            "certificate",
            "badge-check",
            _("数据资产登记证书"),
            certificate.number,
            (
                (_("资产名称"), certificate.title),
                (_("有效期"), f"{certificate.valid_from} – {certificate.valid_until}"),
                (_("状态"), str(certificate.get_state_display())),
            ),
            _address("verification:number", certificate.number),
            holds=certificate.version_id == version.pk,
            check=_("证书覆盖所售版本"),
        ),
        Station(
            "version",
            "database",
            _("数据集版本"),
            f"{version.dataset.number} v{version.version}",
            (
                (_("样本数"), f"{version.row_count:,}"),
                (_("文件数"), f"{version.file_count:,}"),
                (_("封版时间"), _day(version.sealed_at)),
            ),
            _address("datasets:version", version.dataset_id, version.version),
            digest=version.root_hash,
            holds=line.evidence["version"]["root_hash"] == version.root_hash,
            check=_("根哈希与入账时一致"),
        ),
    ]
    if version.project is not None:
        stations += _annotation_stations(version.project)
    file = version.files.order_by("path").first()
    if file is not None:
        stations.append(
            Station(
                "file",
                "file-check",
                _("数据文件"),
                file.path,
                ((_("字节数"), f"{file.size:,}"),),
                digest=file.sha256,
            )
        )
    return stations


def _annotation_stations(project: Project) -> list[Station]:
    """The annotation project and its first batch of raw items, with the first item's hash."""
    batch = project.batches.order_by("ordinal").first()
    found = [
        Station(
            "project",
            "tags",
            _("标注项目"),
            project.number,
            ((_("项目名称"), project.title), (_("验收时间"), _day(project.accepted_at))),
            _address("projects:detail", project.pk),
        )
    ]
    if batch is not None:
        item = batch.items.order_by("ordinal").first()
        found.append(
            Station(
                "batch",
                "boxes",
                _("原始数据批次"),
                f"#{batch.ordinal}",
                (
                    (_("数据来源"), batch.source),
                    (_("来源许可"), batch.licence),
                    (_("导入时间"), _day(batch.imported_at)),
                    (_("首个文件"), item.name if item else "--"),
                ),
                digest=item.sha256 if item else "",
            )
        )
    return found
