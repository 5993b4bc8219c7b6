"""Reading the books: balances, statements, trial balance, and the proof that they are right."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, CharField, Count, F, Max, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.models import User
from kernel import clock
from kernel.errors import NotFound
from kernel.money import Money
from kernel.periods import Period
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.ledger.models import Account, DayClose, Entry, Hold, Posting, ProofRun, Purpose
from settlement.ledger.permissions import VIEW_ALL_BOOKS, VIEW_BOOKS, VIEW_EVIDENCE
from settlement.ledger.states import CITED, HoldState
from web.desk import Figure
from web.navigation import resolved
from web.paging import CursorPage, paginate

STATEMENT_ORDER = ("-effective_at", "-id")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement: a leg and the account's balance after it, in fen."""

    posting: Posting
    balance_fen: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Part of an account's statement, newest line first; opening and closing are those of the period."""

    account: Account
    opening_fen: int
    credit_fen: int
    debit_fen: int
    page: CursorPage[Posting]
    lines: Sequence[Line]

    @property
    def closing_fen(self) -> int:
        return self.opening_fen + self.credit_fen - self.debit_fen


@dataclass(frozen=True, slots=True)
class TrialRow:
    """All accounts of one purpose: their sum on the side where it stands, in fen."""

    purpose: Purpose
    account_count: int
    debit_fen: int
    credit_fen: int


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every purpose; the books balance when both sides are equal."""

    rows: Sequence[TrialRow]

    @property
    def debit_fen(self) -> int:
        return sum(row.debit_fen for row in self.rows)

    @property
    def credit_fen(self) -> int:
        return sum(row.credit_fen for row in self.rows)

    @property
    def is_balanced(self) -> bool:
        return self.debit_fen == self.credit_fen


@dataclass(frozen=True, slots=True)
class Difference:
    """Something the proof found wrong: which check, on which row, what was expected and what is there."""

    check: str
    subject_id: UUID
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of proving the books: what was looked at and every difference (none when all is right)."""

    entry_count: int
    posting_count: int
    account_count: int
    differences: Sequence[Difference]

    @property
    def is_sound(self) -> bool:
        return not self.differences

    def as_data(self) -> dict[str, Any]:
        """The proof as plain values, for JSON."""
        return {**dataclasses.asdict(self), "is_sound": self.is_sound}


def accounts_visible_to(viewer: Actor) -> QuerySet[Account]:
    """Everything for operator and auditor; else the viewer's organization's and the viewer's own accounts."""
    rows = Account.objects.select_related("organization", "user")
    if viewer.can(VIEW_ALL_BOOKS):
        return rows
    own = Q(pk__in=[])
    if viewer.organization_id and viewer.can(VIEW_BOOKS):
        own |= Q(organization_id=viewer.organization_id)
    if viewer.user_id and viewer.scopes is None:
        own |= Q(user_id=viewer.user_id)
    return rows.filter(own)


def account_visible_to(viewer: Actor, account_id: UUID) -> Account:
    """One account; NotFound when it does not exist for this viewer."""
    found = accounts_visible_to(viewer).filter(pk=account_id).first()
    if found is None:
        raise NotFound
    return found


def entry_visible_to(viewer: Actor, entry_id: UUID) -> tuple[Entry, list[Posting], int]:
    """An entry with those of its legs that the viewer may see, and how many others there are.

    Who reviews claims and cases sees the whole entry of a trade or an award, which they cite, and no account behind it.
    """
    entry = Entry.objects.select_related("reverses", "reversed_by").filter(pk=entry_id).first()
    if entry is None:
        raise NotFound
    legs = (
        Posting.objects.filter(entry=entry)
        .select_related("account__organization", "account__user")
        .order_by("id")
    )
    seen = list(legs.filter(account__in=accounts_visible_to(viewer).values("pk")))
    if entry.kind in CITED and viewer.can(VIEW_EVIDENCE):
        seen = list(legs)
    if not seen:
        raise NotFound
    return entry, seen, legs.count() - len(seen)


def accounts_open_to(viewer: Actor, legs: Sequence[Posting]) -> set[UUID]:
    """Those of the legs' accounts whose statements the viewer may open."""
    mine = accounts_visible_to(viewer).filter(pk__in=[leg.account_id for leg in legs])
    return set(mine.order_by().values_list("pk", flat=True))


def entries_about(viewer: Actor, fact_ids: Sequence[UUID]) -> QuerySet[Entry]:
    """Entries caused by these facts that touch an account of the viewer, oldest first."""
    mine = Posting.objects.filter(account__in=accounts_visible_to(viewer).values("pk")).values("entry_id")
    return Entry.objects.filter(fact_id__in=fact_ids, pk__in=mine).order_by("effective_at", "pk")


def balance_of(
    *,
    organization: Organization | None = None,
    user: User | None = None,
    purpose: Purpose,
    before: datetime | None = None,
    recorded_before: datetime | None = None,
) -> Money:
    """The balance of an owner's account (all stripes; the platform's when no owner is given).

    `before`: as of that moment, counting what took effect earlier; `recorded_before`: only what was
    written down earlier. Without either, the present balance.
    """
    rows = Account.objects.filter(organization=organization, user=user, purpose=purpose)
    if before is None and recorded_before is None:
        return Money(int(rows.aggregate(total=Coalesce(Sum("posted_fen"), 0))["total"]))
    legs = Posting.objects.filter(account__in=rows)
    if before is not None:
        legs = legs.filter(effective_at__lt=before)
    if recorded_before is not None:
        legs = legs.filter(entry__recorded_at__lt=recorded_before)
    return Money(int(legs.aggregate(total=Coalesce(Sum("amount_fen"), 0))["total"]))


def total_of(purpose: Purpose) -> Money:
    """The sum of all accounts of one purpose."""
    return Money(
        int(Account.objects.filter(purpose=purpose).aggregate(total=Coalesce(Sum("posted_fen"), 0))["total"])
    )


def balances(viewer: Actor) -> dict[str, Money]:
    """The balances of the viewer's organization by purpose; purposes without an account are left out."""
    if not viewer.organization_id or not viewer.can(VIEW_BOOKS):
        return {}
    rows = Account.objects.filter(organization_id=viewer.organization_id).values("purpose")
    return {row["purpose"]: Money(int(row["total"])) for row in rows.annotate(total=Sum("posted_fen"))}


def trial_balance(*, before: datetime | None = None) -> TrialBalance:
    """All accounts by purpose, now or as of a moment (what took effect earlier)."""
    rows: Iterable[tuple[str, int, int]]
    if before is None:
        rows = Account.objects.values_list("purpose").annotate(total=Sum("posted_fen"), accounts=Count("pk"))
    else:
        rows = (
            Posting.objects.filter(effective_at__lt=before)
            .values_list("account__purpose")
            .annotate(total=Sum("amount_fen"), accounts=Count("account", distinct=True))
        )
    sums = {purpose: (int(total), count) for purpose, total, count in rows}
    return TrialBalance(
        [
            TrialRow(purpose, sums[purpose][1], max(-sums[purpose][0], 0), max(sums[purpose][0], 0))
            for purpose in Purpose
            if purpose in sums
        ]
    )


def statement(
    account: Account,
    *,
    period: Period | None = None,
    parameters: Mapping[str, str] | None = None,
    size: int = 20,
) -> Statement:
    """One page of an account's statement with the balance after each line; four queries whatever its length.

    `parameters` carries the page cursor (`after`, `before`). Lines stand in order of effect, newest first.
    """
    every = Posting.objects.filter(account=account)
    rows, opening = every, 0
    if period is not None:
        rows = every.filter(effective_at__gte=period.start, effective_at__lt=period.end)
        earlier = every.filter(effective_at__lt=period.start)
        opening = int(earlier.aggregate(total=Coalesce(Sum("amount_fen"), 0))["total"])
    sums = rows.aggregate(
        credit=Coalesce(Sum("amount_fen", filter=Q(amount_fen__gt=0)), 0),
        debit=Coalesce(-Sum("amount_fen", filter=Q(amount_fen__lt=0)), 0),
    )
    page = paginate(rows.select_related("entry"), parameters or {}, order=STATEMENT_ORDER, size=size)
    return Statement(
        account, opening, int(sums["credit"]), int(sums["debit"]), page, _lines(every, page.items)
    )


def _lines(every: QuerySet[Posting], newest_first: Sequence[Posting]) -> list[Line]:
    if not newest_first:
        return []
    newest = newest_first[0]
    until = every.filter(
        Q(effective_at__lt=newest.effective_at) | Q(effective_at=newest.effective_at, id__lte=newest.pk)
    )
    balance = int(until.aggregate(total=Coalesce(Sum("amount_fen"), 0))["total"])
    lines = []
    for posting in newest_first:
        lines.append(Line(posting, balance))
        balance -= posting.amount_fen
    return lines


def pending_holds(account: Account) -> QuerySet[Hold]:
    """What may still leave or reach an account, the next to expire first; the account is one the viewer may see."""
    rows = Hold.objects.filter(Q(source=account) | Q(destination=account), state=HoldState.PENDING)
    return rows.order_by("expires_at", "pk")


def years_of(account: Account) -> list[int]:
    """The business years in which the account has lines, newest first."""
    span = Posting.objects.filter(account=account).aggregate(
        first=Min("effective_at"), latest=Max("effective_at")
    )
    if span["first"] is None:
        return []
    return list(range(clock.business_year(span["latest"]), clock.business_year(span["first"]) - 1, -1))


def owners(text: str = "", purpose: str = "") -> QuerySet[Account]:
    """All accounts with their owner's name, for operator and auditor, narrowed by name and purpose."""
    rows = Account.objects.select_related("organization", "user").annotate(
        owner=Case(
            When(organization__isnull=False, then=F("organization__name")),
            When(user__isnull=False, then=F("user__name")),
            default=Value(""),
            output_field=CharField(),
        )
    )
    if text:
        rows = rows.filter(Q(owner__icontains=text) | Q(organization__uscc=text))
    return rows.filter(purpose=purpose) if purpose else rows


def is_tellable(day: date) -> bool:
    """Whether the day is far enough from the ends of the calendar to be a moment in any time zone."""
    return 1900 <= day.year <= 9998


def newest_effect() -> datetime | None:
    """When the newest entry took effect; None for empty books."""
    found: datetime | None = Entry.objects.aggregate(at=Max("effective_at"))["at"]
    return found


_CHECKS: Mapping[str, str] = {
    "balance_equals_postings": """
        SELECT a.id, coalesce(s.total, 0)::text, a.posted_fen::text
        FROM ledger_account a
        LEFT JOIN (SELECT account_id, sum(amount_fen) AS total FROM ledger_posting GROUP BY account_id) s
          ON s.account_id = a.id
        WHERE a.posted_fen <> coalesce(s.total, 0)""",
    "entry_balances": """
        SELECT e.id, '0 in ≥ 2', coalesce(sum(p.amount_fen), 0)::text || ' in ' || count(p.id)::text
        FROM ledger_entry e LEFT JOIN ledger_posting p ON p.entry_id = e.id
        GROUP BY e.id HAVING count(p.id) < 2 OR sum(p.amount_fen) <> 0""",
    "above_floor": """
        SELECT id, '≥ ' || floor_fen::text, (posted_fen - pending_out_fen)::text
        FROM ledger_account WHERE posted_fen - pending_out_fen < floor_fen""",
    "pending_equals_holds": """
        SELECT a.id, coalesce(s.outward, 0)::text || ' / ' || coalesce(s.inward, 0)::text,
               a.pending_out_fen::text || ' / ' || a.pending_in_fen::text
        FROM ledger_account a LEFT JOIN (
          SELECT side.account_id, sum(side.outward) AS outward, sum(side.inward) AS inward
          FROM ledger_hold h, LATERAL (
            VALUES (h.source_id, h.amount_fen, 0), (h.destination_id, 0, h.amount_fen)
          ) AS side (account_id, outward, inward)
          WHERE h.state = 'pending' GROUP BY side.account_id
        ) s ON s.account_id = a.id
        WHERE (a.pending_out_fen, a.pending_in_fen) <> (coalesce(s.outward, 0), coalesce(s.inward, 0))""",
    "hold_posted_as_told": """
        SELECT h.id, h.posted_fen::text, coalesce(p.amount_fen::text, '--')
        FROM ledger_hold h
        LEFT JOIN ledger_posting p ON p.entry_id = h.entry_id AND p.account_id = h.destination_id
        WHERE h.state = 'posted' AND p.amount_fen IS DISTINCT FROM h.posted_fen""",
    "reversal_mirrors": """
        SELECT r.id, (-p.amount_fen)::text, coalesce(q.amount_fen::text, '--')
        FROM ledger_entry r
        JOIN ledger_posting p ON p.entry_id = r.reverses_id
        LEFT JOIN ledger_posting q ON q.entry_id = r.id AND q.account_id = p.account_id
        WHERE q.amount_fen IS DISTINCT FROM -p.amount_fen""",
    "leg_time_equals_entry": """
        SELECT e.id, e.effective_at::text, p.effective_at::text
        FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id
        WHERE p.effective_at <> e.effective_at""",
}


def prove(*, limit: int = 100) -> Proof:
    """Recompute everything from the raw rows and compare; at most `limit` differences per check."""
    differences = []
    with connection.cursor() as cursor:
        for check, sql in _CHECKS.items():
            cursor.execute(f"{sql} ORDER BY 1 LIMIT %s", [limit])
            differences += [Difference(check, *row) for row in cursor.fetchall()]
        cursor.execute(
            "SELECT (SELECT count(*) FROM ledger_entry), (SELECT count(*) FROM ledger_posting),"
            " (SELECT count(*) FROM ledger_account)"
        )
        entries, postings, accounts = cursor.fetchone()
    return Proof(entries, postings, accounts, differences)


def latest_proof() -> ProofRun | None:
    """The newest stored proof; None before the first."""
    return ProofRun.objects.order_by("-proved_at", "-pk").first()


def closes() -> QuerySet[DayClose]:
    """Every daily close, for everyone who is signed in; amounts are shown to who sees all books."""
    return DayClose.objects.defer("token")


def figures(viewer: Actor) -> list[Figure]:
    """For the work desk: the firm's wallet and escrow; the operator's escrow total and fees."""
    url = resolved("ledger:index")
    if viewer.can(VIEW_ALL_BOOKS):
        sums = {row.purpose: row.credit_fen - row.debit_fen for row in trial_balance().rows}
        return [
            Figure(_("托管资金总额"), Money(sums.get(Purpose.ESCROW, 0)), _("全部未放款订单"), url),
            Figure(_("交易服务费"), Money(sums.get(Purpose.FEES, 0)), _("累计收入，已扣退款"), url),
        ]
    held = balances(viewer)
    if not held:
        return []
    return [
        Figure(_("可用余额"), held.get(Purpose.WALLET, Money(0)), _("已放款，可提现"), url),
        Figure(_("我方托管中"), held.get(Purpose.ESCROW, Money(0)), _("已付款，待验收放款"), url),
    ]
