"""Where the money of rewards stands: budgets, what is due, granted, paid, to be paid back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from kernel import clock
from kernel.errors import NotFound
from organizations.permissions import Actor
from settlement.rewards import engine, rules, selectors
from settlement.rewards.blocks import blocks_of
from settlement.rewards.models import (
    ApprovalBatch,
    Award,
    BatchItem,
    BudgetChange,
    BudgetLine,
    Claim,
    Disbursement,
    PayeeAccount,
    Payment,
    RecoveryCase,
    RecoveryReceipt,
)
from settlement.rewards.permissions import DISBURSE, SEE_FUNDS
from settlement.rewards.states import (
    HOLDING_RECOVERIES,
    AwardKind,
    ClaimState,
    Outcome,
    PaymentState,
    PublicObjectionState,
    ShortfallRule,
)


def _total(rows: QuerySet, name: str = "amount_fen") -> int:  # type: ignore[type-arg]
    return int(rows.aggregate(total=Coalesce(Sum(name), 0))["total"])


# --- one claim ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """One claim's money in fen: what it is worth now, what the register holds, what was paid and came back."""

    entitled_fen: int
    granted_fen: int
    paid_fen: int
    returned_fen: int
    outstanding_fen: int
    in_flight_fen: int
    is_first: bool

    @property
    def difference_fen(self) -> int:
        """What the claim is worth beyond what was granted; negative: too much was granted."""
        return self.entitled_fen - self.granted_fen

    @property
    def held_fen(self) -> int:
        """What the firm holds of right: paid, less returned, less what it is asked to pay back."""
        return self.paid_fen - self.returned_fen - self.outstanding_fen

    @property
    def unpaid_fen(self) -> int:
        """Granted and not paid yet, nor on its way. What is asked back and has not come is with the firm still."""
        return max(self.granted_fen - (self.paid_fen - self.returned_fen) - self.in_flight_fen, 0)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be paid, on its way or to come back."""
        return not (self.unpaid_fen or self.in_flight_fen or self.outstanding_fen)

    @property
    def to_recover_fen(self) -> int:
        """What has to come back in money when the award is reduced to what the claim is worth."""
        return max(self.held_fen - self.entitled_fen, 0)


def standings_of(claims: Sequence[Claim]) -> dict[UUID, Standing]:
    """The money of many claims in five statements, whatever their number."""
    ids = [claim.pk for claim in claims]

    def sums(rows: QuerySet, key: str = "claim_id") -> dict[UUID, int]:  # type: ignore[type-arg]
        return dict(rows.values_list(key).annotate(total=Sum("amount_fen")).order_by())

    granted = sums(Award.objects.filter(claim__in=ids))
    first = {
        row["claim_id"]: row
        for row in Award.objects.filter(claim__in=ids, kind=AwardKind.INITIAL).values(
            "claim_id", "due_fen", "amount_fen"
        )
    }
    payments = Payment.objects.filter(claim__in=ids)
    paid = sums(payments.filter(state=PaymentState.PAID))
    waiting = sums(payments.filter(state=PaymentState.WAITING))
    cases = RecoveryCase.objects.filter(claim__in=ids, state__in=HOLDING_RECOVERIES)
    owed = cases.values_list("claim_id").annotate(total=Sum(F("amount_fen") - F("lifted_fen")))
    asked = dict(owed.order_by())
    returned = sums(RecoveryReceipt.objects.filter(case__claim__in=ids), "case__claim_id")
    found = {}
    for claim in claims:
        decision, initial = claim.decision, first.get(claim.pk)
        due = decision.amount_fen if decision and decision.outcome == Outcome.GRANTED else 0
        found[claim.pk] = Standing(
            entitled_fen=rules.entitled(
                due,
                first_due_fen=initial["due_fen"] if initial else None,
                first_granted_fen=initial["amount_fen"] if initial else None,
            ),
            granted_fen=granted.get(claim.pk, 0),
            paid_fen=paid.get(claim.pk, 0),
            returned_fen=returned.get(claim.pk, 0),
            outstanding_fen=asked.get(claim.pk, 0) - returned.get(claim.pk, 0),
            in_flight_fen=waiting.get(claim.pk, 0),
            is_first=initial is None,
        )
    return found


def standing_of(claim: Claim) -> Standing:
    """One claim's money."""
    return standings_of([claim])[claim.pk]


# --- budgets ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Position:
    """One budget in fen: its amount, what was granted and paid from it, what waits for it, what may follow."""

    line: BudgetLine
    amount_fen: int
    granted_fen: int
    paid_fen: int
    waiting_fen: int
    forecast_fen: int

    @property
    def left_fen(self) -> int:
        return self.amount_fen - self.granted_fen

    @property
    def short_fen(self) -> int:
        """By how much the budget falls short of all that waits and may follow."""
        return max(self.waiting_fen + self.forecast_fen - self.left_fen, 0)


def require_funds_viewer(viewer: Actor) -> None:
    viewer.require(SEE_FUNDS)


def lines_visible_to(viewer: Actor) -> QuerySet[BudgetLine]:
    """Budgets, for departments and auditors."""
    lines = BudgetLine.objects.select_related("organization")
    return lines if viewer.can(SEE_FUNDS) else lines.none()


def line_for(viewer: Actor, number: str) -> BudgetLine:
    """One budget the viewer may see; NotFound otherwise."""
    found = lines_visible_to(viewer).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def left_in(line: BudgetLine) -> int:
    """What is left of a (locked) budget, in fen: reductions come back to it as far as nothing was paid yet."""
    return position_of(line).left_fen


_ON_THE_WAY = (ClaimState.DRAFTED, ClaimState.CONFIRMED, ClaimState.OBJECTED, ClaimState.RETURNED,
               ClaimState.FIRST_REVIEWED)  # fmt: skip
_NEAR = (ClaimState.SECOND_REVIEWED, ClaimState.IN_NOTICE)


def position_of(line: BudgetLine) -> Position:
    """One budget's figures."""
    return positions_of([line])[0]


def positions_of(lines: Sequence[BudgetLine]) -> list[Position]:
    """The figures of many budgets; a constant number of statements."""
    ids = [line.pk for line in lines]

    def sums(rows: QuerySet, key: str, value: Any = "amount_fen") -> dict[Any, int]:  # type: ignore[type-arg]
        return {found: int(total) for found, total in rows.values_list(key).annotate(Sum(value)).order_by()}

    amounts = sums(BudgetChange.objects.filter(line__in=ids), "line_id")
    awards = Award.objects.filter(line__in=ids)
    granted = sums(awards.exclude(kind=AwardKind.REDUCTION), "line_id")
    line_of = dict(awards.filter(kind=AwardKind.INITIAL).values_list("claim_id", "line_id"))
    paid, saved = dict.fromkeys(ids, 0), dict.fromkeys(ids, 0)
    payments = Payment.objects.filter(state=PaymentState.PAID, claim__in=line_of)
    for claim_id, fen in payments.values_list("claim_id", "amount_fen"):
        paid[line_of[claim_id]] += fen
    cases = RecoveryCase.objects.filter(claim__in=line_of, state__in=HOLDING_RECOVERIES)
    for claim_id, less, money in cases.values_list("claim_id", "reduction_fen", "amount_fen"):
        saved[line_of[claim_id]] += less - money
    claims = Claim.objects.filter(
        decision__outcome=Outcome.GRANTED, awards__isnull=True, year__in={line.year for line in lines}
    )
    # A claim is paid from the budget its notice names; before it is handed in, from any of its measure and year.
    due: dict[tuple[str, int, UUID | None, bool], int] = {}
    rows = claims.filter(state__in=[*_NEAR, *_ON_THE_WAY])
    told = rows.values_list("measure", "year", "application_notice__budget", "state")
    for measure, year, budget_id, state, fen in told.annotate(total=Sum("decision__amount_fen")).order_by():
        key = (measure, year, budget_id, state in _NEAR)
        due[key] = due.get(key, 0) + int(fen)

    def due_from(line: BudgetLine, *, is_near: bool) -> int:
        return sum(
            due.get((name, line.year, budget_id, is_near), 0)
            for name in line.measures
            for budget_id in (line.pk, None)
        )

    return [
        Position(
            line=line,
            amount_fen=amounts.get(line.pk, 0),
            granted_fen=granted.get(line.pk, 0) - saved[line.pk],
            paid_fen=paid[line.pk],
            waiting_fen=due_from(line, is_near=True),
            forecast_fen=due_from(line, is_near=False),
        )
        for line in lines
    ]


# --- batches ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposed:
    """One claim of a batch to be: what is due, what the budget would give."""

    claim: Claim
    due_fen: int
    granted_fen: int


@dataclass(frozen=True, slots=True)
class Preview:
    """A batch before it is proposed: total, what is left, what the rule gives, and who stays out and why."""

    line: BudgetLine
    available_fen: int
    items: Sequence[Proposed] = ()
    left_out: Sequence[tuple[Claim, str]] = field(default_factory=tuple)

    @property
    def due_fen(self) -> int:
        return sum(item.due_fen for item in self.items)

    @property
    def granted_fen(self) -> int:
        return sum(item.granted_fen for item in self.items)

    @property
    def is_short(self) -> bool:
        return self.due_fen > self.available_fen


STALE, OPPOSED, SECOND_OF_FIRM, BLOCKED = "stale", "opposed", "second_of_firm", "blocked"


RESTING = (ClaimState.APPROVED, ClaimState.DISBURSED)


def resting_claims(line: BudgetLine) -> QuerySet[Claim]:
    """Claims whose latest supplement this budget cut short, once it was raised after the cut.

    Their notice named the whole amount, so the rest goes into the next batch without another one.
    """
    last = Award.objects.filter(claim=OuterRef("pk")).order_by("-granted_at", "-pk")
    raised = BudgetChange.objects.filter(line=line, amount_fen__gt=0, made_at__gt=OuterRef("last_granted_at"))
    return (
        Claim.objects.filter(state__in=RESTING, awards__line=line, awards__kind=AwardKind.SUPPLEMENTARY)
        .annotate(
            last_kind=Subquery(last.values("kind")[:1]),
            last_cut_fen=Subquery(last.values(cut=F("due_fen") - F("amount_fen"))[:1]),
            last_granted_at=Subquery(last.values("granted_at")[:1]),
        )
        .filter(Exists(raised), last_kind=AwardKind.SUPPLEMENTARY, last_cut_fen__gt=0)
    )


def ready_claims(line: BudgetLine, at: datetime) -> QuerySet[Claim]:
    """Claims under a notice that names this budget whose public notice is over, and those with a rest of a
    supplement from it, in order of confirmation."""
    today = clock.business_date(at)
    noticed = Q(
        measure__in=line.measures,
        year=line.year,
        state=ClaimState.IN_NOTICE,
        notice_until__lt=today,
        application_notice__budget=line,
    )
    return (
        Claim.objects.filter(noticed | Q(pk__in=resting_claims(line).values("pk")))
        .select_related("firm", "decision")
        .annotate(
            opposed_count=Count(
                "public_objections", filter=Q(public_objections__state=PublicObjectionState.FILED)
            )
        )
        .order_by("confirmed_at", "pk")
    )


def preview(line: BudgetLine, at: datetime, *, checks_facts: bool = True) -> Preview:
    """What a batch of this budget would grant now under its rule.

    `checks_facts` gathers each claim's facts anew and asks what blocks it, as proposing does; a page leaves that out,
    so that it asks the database as often for many claims as for few.
    """
    ready, left_out = [], []
    claims = list(ready_claims(line, at))
    standings = standings_of(claims)
    for claim in claims:
        if claim.opposed_count:  # type: ignore[attr-defined]
            left_out.append((claim, OPPOSED))
        elif standings[claim.pk].difference_fen <= 0 or (
            checks_facts and not selectors.facts_are_current(claim)
        ):
            left_out.append((claim, STALE))
        elif checks_facts and blocks_of(claim):
            left_out.append((claim, BLOCKED))
        else:
            ready.append(claim)
    lower = _beside_a_higher_one(ready)
    left_out += [(claim, SECOND_OF_FIRM) for claim in ready if claim.pk in lower]
    found = [claim for claim in ready if claim.pk not in lower]
    due = [standings[claim.pk].difference_fen for claim in found]
    available = left_in(line)
    granted = rules.allocated(ShortfallRule(line.rule), available, due)
    items = [Proposed(*each) for each in zip(found, due, granted, strict=True)]
    return Preview(line, available, items, left_out)


def _beside_a_higher_one(claims: Sequence[Claim]) -> set[UUID]:
    """Those beside which a higher one of the same firm and matter stands: highest only, once."""
    decisions = [engine.Decision(claim.decision.trace) for claim in claims if claim.decision]
    settled = zip(claims, engine.settle(decisions), strict=True)
    return {claim.pk for claim, decision in settled if decision.outcome.value != Outcome.GRANTED}


def batches_visible_to(viewer: Actor) -> QuerySet[ApprovalBatch]:
    """Approval batches, for departments and auditors."""
    batches = ApprovalBatch.objects.select_related("line")
    return batches if viewer.can(SEE_FUNDS) else batches.none()


def batch_for(viewer: Actor, number: str) -> ApprovalBatch:
    """One batch the viewer may see; NotFound otherwise."""
    found = batches_visible_to(viewer).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def items_of(batch: ApprovalBatch) -> list[BatchItem]:
    """The batch's claims in their order."""
    return list(batch.items.select_related("claim__firm").order_by("position"))


# --- payments -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Payable:
    """An approved claim with money still to be paid; `account` is where the firm wants it."""

    claim: Claim
    amount_fen: int
    account: PayeeAccount | None


def payables(claim_ids: Iterable[UUID] | None = None) -> list[Payable]:
    """Approved claims with unpaid money that are in no open disbursement, by number."""
    claims = Claim.objects.filter(state=ClaimState.APPROVED).select_related("firm", "decision")
    if claim_ids is not None:
        claims = claims.filter(pk__in=list(claim_ids))
    found = list(claims.order_by("number"))
    standings = standings_of(found)
    accounts = latest_accounts({claim.firm_id for claim in found})
    return [
        Payable(claim, standings[claim.pk].unpaid_fen, accounts.get(claim.firm_id))
        for claim in found
        if standings[claim.pk].unpaid_fen and not standings[claim.pk].in_flight_fen
    ]


def payables_for(viewer: Actor) -> list[Payable]:
    """What the viewer's department can pay now from its own budgets; everything for others who see the funds."""
    if not viewer.can(DISBURSE):
        return payables()
    own = Award.objects.filter(line__organization=viewer.organization_id)
    return payables(own.values_list("claim", flat=True).distinct())


def latest_accounts(firm_ids: Iterable[UUID]) -> dict[UUID, PayeeAccount]:
    """The account that holds for each firm."""
    rows = PayeeAccount.objects.filter(firm__in=set(firm_ids)).order_by("firm", "-declared_at", "-pk")
    return {row.firm_id: row for row in rows.distinct("firm")}


def disbursements_visible_to(viewer: Actor) -> QuerySet[Disbursement]:
    """Disbursements, for departments and auditors."""
    rows = Disbursement.objects.select_related("organization").defer("file")
    return rows if viewer.can(SEE_FUNDS) else rows.none()


def disbursement_for(viewer: Actor, number: str) -> Disbursement:
    """One disbursement the viewer may see; NotFound otherwise."""
    found = disbursements_visible_to(viewer).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def payment_for(viewer: Actor, payment_id: UUID) -> Payment:
    """One payment of a disbursement the viewer may see; NotFound otherwise."""
    rows = Payment.objects.select_related("disbursement").filter(pk=payment_id)
    found = rows.filter(disbursement__in=disbursements_visible_to(viewer).values("pk")).first()
    if found is None:
        raise NotFound
    return found


def payments_of(disbursement: Disbursement) -> list[Payment]:
    """Its payments in the order of the file."""
    return list(disbursement.payments.select_related("claim__firm").order_by("position"))


def recoveries_visible_to(viewer: Actor) -> QuerySet[RecoveryCase]:
    """Recovery cases: departments and auditors see all, a firm its own once they are confirmed."""
    rows = RecoveryCase.objects.select_related("claim__firm", "claim__decision", "decision")
    if viewer.can(SEE_FUNDS):
        return rows
    own = Q(claim__in=selectors.claims_visible_to(viewer).values("pk"))
    return rows.filter(own, state__in=HOLDING_RECOVERIES)


def recovery_for(viewer: Actor, number: str) -> RecoveryCase:
    """One recovery the viewer may see; NotFound otherwise."""
    found = recoveries_visible_to(viewer).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def outstanding_of(case: RecoveryCase) -> int:
    """What is still to be paid back, in fen."""
    return outstandings_of([case])[case.pk]


def outstandings_of(cases: Sequence[RecoveryCase]) -> dict[UUID, int]:
    """What is still to be paid back of many cases, in fen; one statement."""
    receipts = RecoveryReceipt.objects.filter(case__in=[case.pk for case in cases])
    returned = dict(receipts.values_list("case_id").annotate(total=Sum("amount_fen")).order_by())
    return {
        case.pk: int(case.amount_fen) - int(case.lifted_fen) - int(returned.get(case.pk, 0)) for case in cases
    }


PUBLISHED_ORDER = ("-first_granted_at", "-id")
AWARDS_A_PAGE = 50


def published_awards(year: int | None = None) -> QuerySet[Claim]:
    """The register for the public: claims with `granted_fen`, all that was granted less what was taken back.

    Newest first in `PUBLISHED_ORDER` (`first_granted_at`); what was wholly taken back is not in it.
    """
    rows = Claim.objects.all() if year is None else Claim.objects.filter(year=year)
    return (
        rows.select_related("firm")
        .annotate(granted_fen=Sum("awards__amount_fen"), first_granted_at=Min("awards__granted_at"))
        .filter(granted_fen__gt=0)
        .order_by(*PUBLISHED_ORDER)
    )


def published_total_fen(year: int | None = None) -> int:
    """What the whole public register comes to, in fen."""
    rows = Award.objects.all() if year is None else Award.objects.filter(year=year)
    return int(rows.aggregate(total=Sum("amount_fen"))["total"] or 0)


def published_years() -> list[int]:
    """The years that have an award in the register, newest first."""
    return sorted(set(Award.objects.values_list("year", flat=True).distinct().order_by()), reverse=True)
