"""Reading reconciliation: how each order stands, the bank lines, and what a line may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings
from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Abs, Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exchange.trading.models import Order
from exchange.trading.states import OrderState
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from settlement.banking import rules
from settlement.banking.models import BankImport, BankLine, Match
from settlement.banking.permissions import (
    BOOK_RECEIPTS,
    MATCH_LINES,
    VIEW_ALL_RECONCILIATION,
    VIEW_BANK_LINES,
    VIEW_RECONCILIATION,
)
from settlement.banking.rules import Expected, LineFacts, OrderFacts, Suggestion
from settlement.banking.states import WAITING, Gap, MatchKind, Standing
from settlement.invoicing.selectors import KEEPS, STANDS, sum_of, with_sums
from settlement.merchant.models import CashMove, Payout, VirtualAccount
from settlement.merchant.states import CashKind, PayoutState
from settlement.payments.models import EscrowReturn, PaymentIntent, Refund
from settlement.payments.selectors import account_of
from settlement.payments.states import BANK_TRANSFER, IntentState
from settlement.payruns.models import PayItem, PayRun
from settlement.payruns.states import ItemState, RunState
from web.desk import Todo

RANKS = {Standing.UNMATCHED: 2, Standing.WAITING: 1, Standing.MATCHED: 0}
MOST_CANDIDATES = 20
TARGETS = ("order", "cash_move__customer", "pay_item__run", "pay_item__account", "payout__bank_account")
_SUMS = (
    "booked",
    "returned",
    "refunded",
    "released",
    "invoiced",
    "credited",
    "received",
    "paid_back",
    "price",
)
_LIVE = Match.objects.filter(end=None)

BACK = F("returned_sum") + F("refunded_sum")
_DUE = Q(booked_sum__gt=BACK)  # the supplier keeps something
# The same conditions as `rules.gaps`, for the database; a test holds them equal.
CONDITIONS: dict[Gap, Q] = {
    Gap.RECEIPT_UNBOOKED: Q(received_sum__gt=0, received_sum__gte=F("price_sum"), booked_sum=0),
    Gap.RECEIPT_PARTIAL: Q(received_sum__gt=0, received_sum__lt=F("price_sum"), booked_sum=0),
    Gap.RECEIPT_MISSING: Q(booked_sum__gt=0, received_sum=0),
    Gap.RECEIPT_SHORT: Q(booked_sum__gt=F("received_sum")) & ~Q(received_sum=0),
    Gap.OVERPAID: Q(booked_sum__gt=0, received_sum__gt=F("booked_sum")),
    Gap.REFUND_UNPAID: Q(paid_back_sum__lt=BACK),
    Gap.REFUND_OVERPAID: Q(paid_back_sum__gt=BACK),
    Gap.CREDIT_MISSING: Q(stands__gt=F("keeps")),
    Gap.NOT_INVOICED: Q(released_sum__gt=0, keeps__gt=0, stands=0),
    Gap.INVOICE_SHORT: Q(released_sum__gt=0, stands__gt=0, stands__lt=F("keeps")),
    Gap.UNPAID: Q(contracted_at__isnull=False, booked_sum=0, received_sum=0) & ~Q(state=OrderState.CANCELLED),
    Gap.NOT_DELIVERED: _DUE & Q(booked_sum__gt=0, delivered_at__isnull=True),
    Gap.NOT_ACCEPTED: _DUE & Q(booked_sum__gt=0, delivered_at__isnull=False, accepted_at__isnull=True),
}


def _any(gaps: Sequence[Gap]) -> Q:
    found = Q(pk__in=[])
    for gap in gaps:
        found |= CONDITIONS[gap]
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """One order in reconciliation: its facts, what does not match, how it stands."""

    order: Order
    facts: OrderFacts
    gaps: Sequence[tuple[Gap, int]]

    @property
    def standing(self) -> Standing:
        return rules.standing(self.gaps)


def with_facts(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Orders with everything reconciliation compares, as columns, and `rank`; one query for any number."""
    receipts, surplus = _LIVE.filter(kind=MatchKind.RECEIPT), _LIVE.filter(kind=MatchKind.SURPLUS)
    back = _LIVE.filter(kind__in=[MatchKind.REFUND, MatchKind.ESCROW_RETURN])
    return (
        with_sums(orders)
        .annotate(
            received_sum=sum_of(receipts, "amount_fen") - sum_of(surplus, "amount_fen"),
            paid_back_sum=sum_of(back, "amount_fen"),
            price_sum=F("amount_fen"),
            keeps=KEEPS,
            stands=STANDS,
        )
        .annotate(rank=rank())
    )


def rank() -> Case:
    """2 for what is to be mended, 1 for what is under way, 0 for what matches."""
    return Case(
        When(_any([gap for gap in Gap if gap not in WAITING]), then=Value(2)),
        When(_any(sorted(WAITING)), then=Value(1)),
        default=Value(0),
        output_field=IntegerField(),
    )


def row_of(order: Order) -> Row:
    """An order of `with_facts` as a row."""
    facts = OrderFacts(
        **{name: int(getattr(order, f"{name}_sum")) for name in _SUMS},
        is_contracted=order.contracted_at is not None,
        is_cancelled=order.state == OrderState.CANCELLED,
        is_delivered=order.delivered_at is not None,
        is_accepted=order.accepted_at is not None,
    )
    return Row(order, facts, rules.gaps(facts))


def require_view(viewer: Actor) -> None:
    """Raise NotAllowed unless the viewer may look at reconciliation."""
    if not viewer.can(VIEW_ALL_RECONCILIATION):
        viewer.require(VIEW_RECONCILIATION)


def orders_visible_to(viewer: Actor) -> QuerySet[Order]:
    """Contracted orders with their facts: all for operator and auditor, else those of the viewer's organization."""
    rows = Order.objects.filter(contracted_at__isnull=False)
    if not viewer.can(VIEW_ALL_RECONCILIATION):
        if viewer.organization_id is None or not viewer.can(VIEW_RECONCILIATION):
            return rows.none()
        rows = rows.filter(Q(buyer_id=viewer.organization_id) | Q(supplier_id=viewer.organization_id))
    rows = rows.select_related("buyer", "supplier", "product").defer("product__search", "use_statement")
    return with_facts(rows)


def narrowed(
    rows: QuerySet[Order], *, standing: str = "", gap: str = "", text: str = "", year: str = ""
) -> QuerySet[Order]:
    """The same, narrowed as the page's filters say; what nobody knows narrows nothing."""
    if standing in Standing.values:
        rows = rows.filter(Q(rank=RANKS[Standing(standing)]))
    if gap in Gap.values:
        rows = rows.filter(CONDITIONS[Gap(gap)])
    if year.isascii() and year.isdigit() and 2000 <= int(year) <= 9000:
        rows = rows.filter(
            contracted_at__gte=f"{int(year)}-01-01T00:00:00+08:00",
            contracted_at__lt=f"{int(year) + 1}-01-01T00:00:00+08:00",
        )
    if text := "".join(letter for letter in text if letter.isprintable()).strip()[:80]:
        rows = rows.filter(
            Q(number__iexact=text) | Q(buyer__name__icontains=text) | Q(supplier__name__icontains=text)
        )
    return rows


def counts(rows: QuerySet[Order]) -> Mapping[Standing, int]:
    """How many stand how."""
    told = rows.select_related(None).defer(None).order_by().values(told=F("rank")).annotate(count=Count("pk"))
    found = {int(each["told"]): int(each["count"]) for each in told}
    return {standing: found.get(rank, 0) for standing, rank in RANKS.items()}


def order_visible_to(viewer: Actor, order_id: UUID) -> Row:
    """One order's row; NotFound otherwise."""
    found = orders_visible_to(viewer).select_related("contract", "payment").filter(pk=order_id).first()
    if found is None:
        raise NotFound
    return row_of(found)


def matches_of(order: Order) -> list[Match]:
    """The live matches of an order, oldest first."""
    return list(
        Match.objects.filter(order=order, end=None).select_related("line").order_by("line__booked_on", "pk")
    )


# --- receipts of orders ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the bank says of an unpaid order's price: what arrived, from whom else than the buyer, through whose hands."""

    received: Money
    price: Money
    strangers: Sequence[str]
    hands: frozenset[UUID]
    lines: Sequence[str]

    @property
    def missing(self) -> Money:
        return Money(max(self.price.fen - self.received.fen, 0))

    @property
    def surplus(self) -> Money:
        return Money(max(self.received.fen - self.price.fen, 0))


def receipt_of(order: Order) -> Receipt:
    """The live matches of an order's price; who imported or matched them has had a hand in it."""
    found = list(_LIVE.filter(order=order, kind=MatchKind.RECEIPT).select_related("line").order_by("pk"))
    surplus = _LIVE.filter(order=order, kind=MatchKind.SURPLUS).aggregate(told=Sum("amount_fen"))["told"]
    own = account_of(order)
    strangers = [
        match.line.party_name or match.line.party_uscc or _("银行未提供付款方")
        for match in found
        if not rules.is_payer(
            match.line.party_name, match.line.party_uscc, match.line.virtual_account,
            name=order.buyer.name, uscc=order.buyer.uscc, account=own,
        )
    ]  # fmt: skip
    imports = Transition.objects.filter(subject_id__in=[m.line.source_id for m in found], move="import")
    hands = {*imports.values_list("user_id", flat=True), *(match.matcher_id for match in found)}
    return Receipt(
        received=Money(sum(int(match.amount_fen) for match in found) - int(surplus or 0)),
        price=Money(order.amount_fen),
        strangers=sorted(set(strangers)),
        hands=frozenset(hand for hand in hands if hand is not None),
        lines=[match.line.reference for match in found],
    )


def is_booked_from_bank(order_id: UUID | None) -> bool:
    """Whether the order's payment was booked from bank lines and still lies in escrow or went to the supplier."""
    held = [IntentState.REQUIRES_CAPTURE, IntentState.SUCCEEDED]
    return PaymentIntent.objects.filter(order=order_id, method=BANK_TRANSFER, state__in=held).exists()


def is_payout_matched(payout: Payout) -> bool:
    """Whether a line of a statement is declared to be this payout."""
    return _LIVE.filter(payout=payout).exists()


def export_rows(rows: QuerySet[Order]) -> Iterator[Row]:
    """All rows, the unmatched first."""
    for order in rows.order_by("-rank", "-id").iterator(chunk_size=500):
        yield row_of(order)


# --- bank lines --------------------------------------------------------------------------------


def lines_visible_to(viewer: Actor) -> QuerySet[BankLine]:
    """All bank lines, with what of them is matched, for the operator's finance and the auditor; NotAllowed else."""
    viewer.require(VIEW_BANK_LINES)
    used = Coalesce(
        Sum("matches__amount_fen", filter=Q(matches__end=None)), 0, output_field=BigIntegerField()
    )
    return BankLine.objects.annotate(used_fen=used).annotate(left_fen=Abs("amount_fen") - F("used_fen"))


def line_visible_to(viewer: Actor, line_id: UUID) -> BankLine:
    """One line; NotFound, NotAllowed."""
    found = lines_visible_to(viewer).select_related("source").filter(pk=line_id).first()
    if found is None:
        raise NotFound
    return found


def imports_visible_to(viewer: Actor) -> QuerySet[BankImport]:
    """All imports, for who sees bank lines."""
    viewer.require(VIEW_BANK_LINES)
    return BankImport.objects.all()


def import_visible_to(viewer: Actor, import_id: UUID) -> BankImport:
    """One import; NotFound, NotAllowed."""
    found = imports_visible_to(viewer).filter(pk=import_id).first()
    if found is None:
        raise NotFound
    return found


def all_matches_of(line: BankLine) -> list[Match]:
    """Every match of a line, ended ones too, oldest first."""
    return list(Match.objects.filter(line=line).select_related(*TARGETS, "refund", "end").order_by("pk"))


def left_of(line: BankLine) -> Money:
    """What of a line is not matched."""
    used = Match.objects.filter(line=line, end=None).aggregate(told=Sum("amount_fen"))["told"]
    return Money(abs(int(line.amount_fen)) - int(used or 0))


def arrivals_to_book() -> QuerySet[BankLine]:
    """Money that came in on the account of a merchant's customer, that is not booked and no order's money."""
    numbers = VirtualAccount.objects.values("number")
    rows = BankLine.objects.filter(amount_fen__gt=0, virtual_account__in=numbers)
    open_rows = rows.exclude(matches__in=_LIVE).exclude(matches__kind=MatchKind.ARRIVAL)
    return open_rows.order_by("booked_on", "pk")


def real_arrivals() -> QuerySet[CashMove]:
    """Booked transfers of merchants' customers; what a test let arrive has no bank line."""
    return CashMove.objects.filter(kind=CashKind.FUNDED).exclude(reference__startswith="test:")


def sent_wages() -> QuerySet[PayItem]:
    """Annotators' pay that went to the bank, also where it came back."""
    return PayItem.objects.filter(state__in=[ItemState.PAID, ItemState.RETURNED])


def is_wage_matched(item: PayItem) -> bool:
    """Whether a line of a statement is declared to be this pay."""
    return _LIVE.filter(pay_item=item).exists()


def sent_payouts() -> QuerySet[Payout]:
    """Merchants' payouts that went to the bank, also where they came back."""
    return Payout.objects.exclude(state__in=[PayoutState.PENDING, PayoutState.CANCELED])


def due_of(target: Mapping[str, Model]) -> Money | None:
    """The whole amount of a payment that has a line of its own; None for an order's money."""
    match target:
        case (
            {"cash_move": CashMove(amount_fen=fen)}
            | {"pay_item": PayItem(net_fen=fen)}
            | {"payout": Payout(amount_fen=fen)}
        ):
            return Money(fen)
    return None


def pay_runs_visible_to(viewer: Actor) -> QuerySet[PayRun]:
    """Paid runs with how many people and how much of each have their bank lines, for who sees bank lines."""
    viewer.require(VIEW_BANK_LINES)
    sent = Q(items__state__in=[ItemState.PAID, ItemState.RETURNED], items__net_fen__gt=0)
    has_line = sent & Q(Exists(_LIVE.filter(pay_item=OuterRef("items__pk"))))
    return PayRun.objects.filter(state=RunState.PAID).annotate(
        sent_count=Count("items", filter=sent),
        matched_count=Count("items", filter=has_line),
        matched_fen=Coalesce(Sum("items__net_fen", filter=has_line), 0, output_field=BigIntegerField()),
    )


def open_wages(run: PayRun) -> list[PayItem]:
    """Pay of a run that was sent and has no bank line."""
    rows = sent_wages().filter(run=run, net_fen__gt=0).exclude(Exists(_LIVE.filter(pay_item=OuterRef("pk"))))
    return list(rows.select_related("account").order_by("pk"))


def lines_for_run(run: PayRun, wages: Sequence[PayItem]) -> QuerySet[BankLine]:
    """Open lines that could be a run's: out since it was paid, over its sum or to one of its accounts."""
    assert run.paid_at is not None, "a paid run has its time"
    total = sum(int(wage.net_fen) for wage in wages)
    used = Coalesce(
        Sum("matches__amount_fen", filter=Q(matches__end=None)), 0, output_field=BigIntegerField()
    )
    rows = BankLine.objects.filter(amount_fen__lt=0, booked_on__gte=clock.business_date(run.paid_at))
    fitting = Q(party_account__in=[wage.account.account for wage in wages]) | Q(left=total)
    return rows.annotate(left=Abs("amount_fen") - used).filter(fitting, left__gt=0).order_by("pk")


# --- suggestions -------------------------------------------------------------------------------


def _prefix() -> str:
    return str(settings.BANK_VIRTUAL_PREFIX)


def facts_of(line: BankLine) -> LineFacts:
    """A line as the rules see it, with what of it is still unmatched as its amount."""
    left = left_of(line).fen
    return LineFacts(
        left if line.amount_fen > 0 else -left,
        f"{line.text} {line.reference}",
        line.party_name,
        line.party_uscc,
        line.virtual_account,
        line.party_account,
    )


def _expected_receipts(where: Q) -> Iterator[Expected]:
    rows = Order.objects.filter(contracted_at__isnull=False).exclude(state=OrderState.CANCELLED)
    receipts = _LIVE.filter(kind=MatchKind.RECEIPT)
    open_rows = rows.annotate(received=sum_of(receipts, "amount_fen")).filter(amount_fen__gt=F("received"))
    found = (
        open_rows.filter(where)
        .select_related("buyer", "contract", "payment")
        .defer("contract__text", "contract__policy")
    )
    for order in found.order_by("-pk")[:MOST_CANDIDATES]:
        numbers = [order.number, order.contract.number]
        if (payment := getattr(order, "payment", None)) is not None:
            numbers.append(payment.number)
        yield Expected(
            MatchKind.RECEIPT, order.pk, order.pk, order.number, int(order.amount_fen) - int(order.received),
            tuple(numbers), order.buyer.name, order.buyer.uscc, account_of(order),
        )  # fmt: skip


def _expected_back(model: type[Refund] | type[EscrowReturn], kind: MatchKind, where: Q) -> Iterator[Expected]:
    paid = Coalesce(
        Sum("bank_matches__amount_fen", filter=Q(bank_matches__end=None)), 0, output_field=BigIntegerField()
    )
    rows = model.objects.annotate(paid=paid).filter(amount_fen__gt=F("paid")).filter(where)
    for each in rows.select_related("order__buyer").order_by("-pk")[:MOST_CANDIDATES]:
        number = getattr(each, "number", "")
        yield Expected(
            kind, each.pk, each.order_id, number or each.order.number, int(each.amount_fen) - int(each.paid),
            tuple(filter(None, (number, each.order.number))), each.order.buyer.name, each.order.buyer.uscc,
        )  # fmt: skip


def _expected_arrivals(line: LineFacts) -> Iterator[Expected]:
    """Transfers to the account of a merchant's customer that are booked and have no line."""
    booked = real_arrivals().filter(
        customer__virtual_account__number=line.virtual_account, amount_fen=line.amount
    )
    open_moves = booked.exclude(Exists(_LIVE.filter(cash_move=OuterRef("pk"))))
    for move in open_moves.select_related("customer").order_by("-pk")[:MOST_CANDIDATES]:
        yield Expected(
            MatchKind.ARRIVAL, move.pk, None, move.customer.name or move.reference, int(move.amount_fen),
            virtual_account=line.virtual_account,
        )  # fmt: skip


def _expected_out(line: LineFacts) -> Iterator[Expected]:
    """Annotators' pay and merchants' payouts of this amount that were sent and have no line."""
    amount = -line.amount
    items = (
        sent_wages()
        .filter(net_fen=amount)
        .exclude(Exists(_LIVE.filter(pay_item=OuterRef("pk"))))
        .select_related("run", "account")
    )
    near = Q(account__account=line.party_account) if line.party_account else Q(pk__in=[])
    near |= Q(account__holder_name=line.party_name.strip()) if line.party_name.strip() else Q(pk__in=[])
    for item in items.filter(near).order_by("-pk")[:MOST_CANDIDATES]:
        yield Expected(
            MatchKind.WAGE, item.pk, None, f"{item.run.number} · {item.account.holder_name}", amount,
            party_name=item.account.holder_name, party_account=item.account.account,
        )  # fmt: skip
    payouts = (
        sent_payouts()
        .filter(amount_fen=amount)
        .exclude(Exists(_LIVE.filter(payout=OuterRef("pk"))))
        .select_related("bank_account")
    )
    for payout in payouts.order_by("-pk")[:MOST_CANDIDATES]:
        to = payout.bank_account
        yield Expected(
            MatchKind.PAYOUT, payout.pk, None, to.holder, amount,
            party_name=to.holder, party_account="".join(to.number.split()),
        )  # fmt: skip


def candidates(line: LineFacts) -> list[Expected]:
    """Open payments that a line could be: by number, account, party, or amount; few queries, bounded."""
    numbers, amount = rules.numbers_in(line.text), abs(line.amount)
    beginning = rules.order_of_virtual_account(_prefix(), line.virtual_account)
    name = line.party_name.strip()
    of_party = Q(buyer__uscc=line.party_uscc) if line.party_uscc else Q(pk__in=[])
    if name:
        of_party |= Q(buyer__name=name) | Q(buyer__name=name.replace("(", "（").replace(")", "）"))
    named = Q(number__in=numbers)
    if line.amount > 0:
        named |= Q(payment__number__in=numbers) | Q(contract__number__in=numbers)
        if beginning:
            named |= Q(number__startswith=beginning)
        found = [e for where in (named, of_party, Q(amount_fen=amount)) for e in _expected_receipts(where)]
        found += _expected_arrivals(line) if line.virtual_account else []
    else:
        of_order = Q(order__number__in=numbers)
        by_party = Q(order__buyer__uscc=line.party_uscc) if line.party_uscc else Q(pk__in=[])
        by_party |= Q(order__buyer__name=name) if name else Q(pk__in=[])
        same = Q(amount_fen=amount)
        found = [
            e
            for where in (of_order | named, by_party | same)
            for e in _expected_back(Refund, MatchKind.REFUND, where)
        ]
        found += _expected_back(EscrowReturn, MatchKind.ESCROW_RETURN, of_order | by_party | same)
        found += _expected_out(line)
    return list({each.target_id: each for each in found}.values())


def suggestions_for(line: BankLine) -> list[Suggestion]:
    """What a line may be, the likeliest first."""
    facts = facts_of(line)
    return rules.suggest(facts, candidates(facts))[:MOST_CANDIDATES] if facts.amount else []


# --- desk, nightly proof -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Watch:
    """What the nightly proof tells of the bank: lines without a payment, and their amount in fen."""

    line_count: int
    unmatched_count: int
    unmatched_fen: int
    overmatched_count: int
    oldest_on: date | None


def watch() -> Watch:
    """Every bank line against its matches, from the raw rows."""
    used = Coalesce(
        Sum("matches__amount_fen", filter=Q(matches__end=None)), 0, output_field=BigIntegerField()
    )
    rows = BankLine.objects.annotate(left=Abs("amount_fen") - used)
    open_rows = rows.filter(left__gt=0)
    told = open_rows.order_by("booked_on").values_list("booked_on", flat=True).first()
    sums = [int(left) for left in open_rows.values_list("left", flat=True)]
    return Watch(BankLine.objects.count(), len(sums), sum(sums), rows.filter(left__lt=0).count(), told)


def todos(viewer: Actor) -> list[Todo]:
    """The operator's finance: bank lines that nobody has matched, transfers that nobody has booked."""
    found = []
    count = lines_visible_to(viewer).filter(Q(left_fen__gt=0)).count() if viewer.can(MATCH_LINES) else 0
    if count:
        title = ngettext("%(count)s 笔银行流水待匹配", "%(count)s 笔银行流水待匹配", count) % {"count": count}
        found.append(Todo(title, f"{reverse('banking:lines')}?show=open", _("对账"), icon="landmark"))
    count = _bookable().count() if viewer.can(BOOK_RECEIPTS) else 0
    if count:
        title = ngettext("%(count)s 笔买方汇款待登记入账", "%(count)s 笔买方汇款待登记入账", count) % {
            "count": count
        }
        url = f"{reverse('banking:orders')}?gap={Gap.RECEIPT_UNBOOKED}"
        found.append(Todo(title, url, _("对账"), icon="landmark"))
    return found


def _bookable() -> QuerySet[Order]:
    """Unpaid orders whose price has arrived."""
    received = sum_of(_LIVE.filter(kind=MatchKind.RECEIPT), "amount_fen")
    rows = Order.objects.filter(state=OrderState.CONTRACTED, bank_matches__kind=MatchKind.RECEIPT).distinct()
    return rows.annotate(received=received).filter(received__gte=F("amount_fen"))
