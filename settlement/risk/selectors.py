"""Every read of the risk watch that takes a viewer, what blocks a claim, and what an exclusion would do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from exchange.trading.models import Order
from kernel.errors import NotFound
from kernel.models import Transition
from organizations.models import Membership, Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind, Role
from settlement.revenue import selectors as revenue
from settlement.revenue.models import RevenueLine
from settlement.risk.models import Attachment, Case, Decision, Finding, Holding, Run, Statement, Trait
from settlement.risk.permissions import ANSWER_CASES, DECLARE, REVIEW_CASES, WATCH
from settlement.risk.states import UNDECIDED, CaseState, FindingState, SignalKind
from web import desk, finding

Reward = Callable[[int], int | None]
RewardSource = Callable[[UUID, int], Reward]
_rewards: list[RewardSource] = []


def register_reward(source: RewardSource) -> None:
    """Name the source of rewards: for a firm and year, what it gives when so many fen are taken off; there is one."""
    _rewards[:] = [source]


def reward_of(firm_id: UUID, year: int) -> Reward:
    """What the year would be rewarded with less revenue; None where no rule can say. Reads the facts once."""
    return _rewards[0](firm_id, year) if _rewards else lambda _taken_off: None


# --- what blocks a claim ------------------------------------------------------------------------


def open_findings(firm_id: UUID, year: int) -> list[Finding]:
    """Findings of the firm's year that nobody has decided on, the highest score first."""
    rows = Finding.objects.filter(
        firm=firm_id, year=year, state__in=[FindingState.OPEN, FindingState.IN_CASE]
    )
    return list(rows.defer("evidence", "evidence_keys").order_by("-score", "pk"))


def open_cases(firm_id: UUID, year: int) -> list[Case]:
    """Undecided cases of the firm's year."""
    return list(Case.objects.filter(firm=firm_id, year=year, state__in=UNDECIDED).order_by("opened_at", "pk"))


# --- the watch ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the board is narrowed to; empty means all."""

    kind: str = ""
    year: int | None = None
    state: str = "open"
    firm: UUID | None = None
    least_score: int = 0
    least_fen: int = 0


def findings_visible_to(viewer: Actor) -> QuerySet[Finding]:
    """All findings for those who watch, nothing for others: a firm sees only its cases."""
    return Finding.objects.all() if viewer.can(WATCH) else Finding.objects.none()


def board(viewer: Actor, wanted: Wanted) -> QuerySet[Finding]:
    """Findings as the board lists them; NotAllowed without the right."""
    viewer.require(WATCH)
    rows = (
        findings_visible_to(viewer)
        .select_related("firm", "case")
        .defer("evidence", "evidence_keys", "order_ids")
    )
    if wanted.kind in SignalKind.values:
        rows = rows.filter(kind=wanted.kind)
    if wanted.state in FindingState.values:
        rows = rows.filter(state=wanted.state)
    if wanted.year:
        rows = rows.filter(year=wanted.year)
    if wanted.firm:
        rows = rows.filter(firm=wanted.firm)
    return rows.filter(score__gte=wanted.least_score, amount_fen__gte=wanted.least_fen)


def counts_by_kind(viewer: Actor, wanted: Wanted) -> dict[str, int]:
    """How many findings each signal has on the board, whatever signal is chosen."""
    rows = board(viewer, Wanted(year=wanted.year, state=wanted.state, firm=wanted.firm)).order_by()
    return dict(rows.select_related(None).defer(None).values_list("kind").annotate(Count("pk")))


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures at the head of the board."""

    open_count: int
    firm_count: int
    top_score: int
    case_count: int


def totals(viewer: Actor) -> Totals:
    """What waits: open findings, their firms, the highest score, undecided cases."""
    rows = findings_visible_to(viewer).filter(state=FindingState.OPEN)
    told = rows.aggregate(count=Count("pk"), firms=Count("firm", distinct=True), top=Max("score"))
    cases = cases_visible_to(viewer).filter(state__in=UNDECIDED).count()
    return Totals(told["count"], told["firms"], told["top"] or 0, cases)


def latest_run() -> Run | None:
    """The scan that ran last."""
    return Run.objects.order_by("-ran_at", "-pk").first()


def watched_firm(viewer: Actor, firm_id: UUID) -> Organization:
    """A firm for those who watch; NotFound otherwise."""
    found = Organization.objects.filter(pk=firm_id).first() if viewer.can(WATCH) else None
    if found is None:
        raise NotFound
    return found


def findings_of_firm(viewer: Actor, firm_id: UUID, year: int) -> list[Finding]:
    """Every finding of a firm's year with its case, live ones first, the highest score first."""
    rows = findings_visible_to(viewer).filter(firm=firm_id, year=year).select_related("case")
    live = {FindingState.OPEN: 0, FindingState.IN_CASE: 1, FindingState.CLOSED: 2, FindingState.LAPSED: 3}
    return sorted(
        rows.defer("evidence_keys"),
        key=lambda each: (live[FindingState(each.state)], -each.score, str(each.pk)),
    )


def years_of_firm(viewer: Actor, firm_id: UUID) -> list[int]:
    """The business years in which a firm has findings, the latest first."""
    rows = findings_visible_to(viewer).filter(firm=firm_id).order_by("-year")
    return list(rows.values_list("year", flat=True).distinct())


def finding_for(viewer: Actor, finding_id: UUID) -> Finding:
    """One finding with firm and case; NotFound for those who do not watch."""
    found = findings_visible_to(viewer).select_related("firm", "case").filter(pk=finding_id).first()
    if found is None:
        raise NotFound
    return found


def parties_of(findings: Iterable[Finding]) -> dict[str, Organization]:
    """The organizations that the evidence names, by id; one query."""
    ids = {party for each in findings for party in each.evidence.get("parties", [])}
    ids |= {
        order[side]
        for each in findings
        for order in each.evidence.get("orders", [])
        for side in ("payer", "payee")
    }
    return {str(each.pk): each for each in Organization.objects.filter(pk__in=ids)}


# --- cases --------------------------------------------------------------------------------------


def cases_visible_to(viewer: Actor) -> QuerySet[Case]:
    """All cases for those who watch; a firm sees its own."""
    rows = Case.objects.select_related("firm", "assignee")
    if viewer.can(WATCH):
        return rows
    if viewer.organization_id and viewer.can(ANSWER_CASES):
        return rows.filter(firm=viewer.organization_id)
    return rows.none()


def listed_cases(viewer: Actor, *, state: str = "") -> QuerySet[Case]:
    """Cases as the list shows them; NotAllowed without the right."""
    viewer.require(WATCH)
    rows = cases_visible_to(viewer)
    if state == "undecided":
        return rows.filter(state__in=UNDECIDED)
    return rows.filter(state=state) if state in CaseState.values else rows


def counts_by_state(viewer: Actor) -> dict[str, int]:
    """How many cases stand in each state."""
    rows = cases_visible_to(viewer).select_related(None).order_by()
    return dict(rows.values_list("state").annotate(Count("pk")))


def case_for(viewer: Actor, case_id: UUID) -> Case:
    """One case for those who watch; NotFound otherwise (the firm has its own page)."""
    found = cases_visible_to(viewer).filter(pk=case_id).first() if viewer.can(WATCH) else None
    if found is None:
        raise NotFound
    return found


def hearing_for(viewer: Actor, case_id: UUID) -> Case:
    """One case for the firm that it is about; NotFound for anybody else."""
    found = cases_visible_to(viewer).filter(pk=case_id).first()
    if found is None or not viewer.belongs_to(found.firm_id) or not viewer.can(ANSWER_CASES):
        raise NotFound
    return found


def hearings_of(viewer: Actor) -> list[Case]:
    """The cases that the viewer's firm may answer, the latest first."""
    if not viewer.organization_id or not viewer.can(ANSWER_CASES):
        return []
    return list(cases_visible_to(viewer).filter(firm=viewer.organization_id).order_by("-opened_at", "-pk"))


def findings_of(case: Case) -> list[Finding]:
    """The findings that a case is made of, the highest score first."""
    return list(case.findings.defer("evidence_keys").order_by("-score", "pk"))


def statements_of(case: Case) -> list[Statement]:
    """What the firm answered, with documents, the earliest first."""
    return list(case.statements.prefetch_related("attachments__document").order_by("stated_at", "pk"))


def attachment_for(viewer: Actor, case_id: UUID, document_id: UUID) -> Attachment:
    """A document beside a statement, for those who see the case; NotFound otherwise."""
    if not viewer.can(WATCH):
        hearing_for(viewer, case_id)
    rows = Attachment.objects.select_related("document").filter(statement__case=case_id, document=document_id)
    found = rows.first()
    if found is None:
        raise NotFound
    return found


def decisions_of(case: Case) -> list[Decision]:
    """Every decision of the case, the latest first."""
    return list(case.decisions.order_by("-decided_at", "-pk"))


def history(case: Case) -> list[Transition]:
    """The case's moves, oldest first."""
    return list(Transition.objects.filter(machine="risk_case", subject_id=case.pk).order_by("at", "pk"))


def reopening_of(case: Case) -> Transition | None:
    """When the case was last to be looked at again, and who asked for it; None when it never was."""
    moves = Transition.objects.filter(machine="risk_case", subject_id=case.pk, move="reopen")
    return moves.order_by("-at", "-pk").first()


def reviewers() -> list[User]:
    """People who may be given a case: first reviewers and administrators of the operator."""
    rows = Membership.objects.filter(
        Q(roles__overlap=[Role.FIRST_REVIEWER.value, Role.ADMINISTRATOR.value]),
        organization__kinds__contains=[OrganizationKind.EXCHANGE_OPERATOR.value],
        ended_at=None,
        user__is_active=True,
    ).select_related("user")
    return sorted({row.user for row in rows}, key=lambda user: (user.name, str(user.pk)))


# --- the effect of excluding --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FlaggedLine:
    """One flagged trade of the firm's year: what it counts (fen, without VAT), and the year without it.

    `left_out_by`: the numbers of other cases whose decision leaves it out, whatever is decided here.
    """

    order: Order
    line_id: UUID
    entry_id: str
    net_fen: int
    counts: bool
    is_ours: bool
    code: str
    year_without_fen: int
    reward_without_fen: int | None
    reward_with_fen: int | None
    left_out_by: Sequence[str] = ()

    @property
    def is_choosable(self) -> bool:
        """Whether this case can still take it out: it counts, or counts not because of a ruling."""
        return self.counts or self.is_ours


@dataclass(frozen=True, slots=True)
class Effect:
    """The year as it stands, without each flagged trade, and without all of them."""

    counted_fen: int
    goal_fen: int | None
    reward_fen: int | None
    lines: Sequence[FlaggedLine]
    all_fen: int
    without_all_fen: int
    reward_without_all_fen: int | None

    @property
    def digest(self) -> str:
        """What a reviewer has seen: a decision names it, so that nobody decides on other figures."""
        told = [self.counted_fen, [[str(each.order.pk), each.net_fen, each.counts] for each in self.lines]]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def effect_of(case: Case, findings: Sequence[Finding] | None = None) -> Effect:
    """What leaving a case's flagged trades out would do to the year's revenue and reward."""
    found = findings_of(case) if findings is None else findings
    return effect_on(
        case.firm_id, case.year, found, ruled=standing_of(case), elsewhere=standing_elsewhere(case)
    )


def standing_of(case: Case) -> dict[str, str]:
    """What the case's latest decision left out: order → code."""
    latest = case.decisions.order_by("-decided_at", "-pk").first()
    return _left_out(latest) if latest else {}


def _left_out(decision: Decision) -> dict[str, str]:
    return {each["order"]: each["code"] for each in decision.rulings if each["is_excluded"]}


def standing_elsewhere(case: Case) -> dict[tuple[str, str], str]:
    """What the latest decisions of the firm's other cases left out: order and code → the case's number."""
    rows = Decision.objects.filter(case__firm=case.firm_id).exclude(case=case).select_related("case")
    latest = rows.order_by("case_id", "-decided_at", "-pk").distinct("case_id")
    return {pair: each.case.number for each in latest for pair in _left_out(each).items()}


def effect_on(
    firm_id: UUID,
    year: int,
    findings: Sequence[Finding],
    *,
    reward: Reward | None = None,
    ruled: Mapping[str, str] | None = None,
    elsewhere: Mapping[tuple[str, str], str] | None = None,
) -> Effect:
    """What leaving flagged trades out would do to a firm's year; the same queries for any number.

    `reward` is `reward_of` the year, where the caller has it already. `ruled`: what the case left out before, which
    stays in sight when the findings no longer name it; `elsewhere`: what other cases leave out.
    """
    codes: dict[UUID, str] = {}
    for each in findings:
        for order_id in each.order_ids:
            codes.setdefault(order_id, each.signal.code)
    for key, code in (ruled or {}).items():
        codes.setdefault(UUID(key), code)
    others: dict[str, list[str]] = {}
    for (key, _code), number in (elsewhere or {}).items():
        others.setdefault(key, []).append(number)
    kept = revenue.annual(firm_id, year)
    lines = RevenueLine.objects.filter(firm=firm_id, year=year, order__in=list(codes))
    by_order: dict[UUID, list[RevenueLine]] = {}
    for line in (
        lines.select_related("order__buyer", "order__product")
        .defer("order__product__search")
        .order_by("order", "pk")
    ):
        by_order.setdefault(line.order_id, []).append(line)
    rulings = revenue.standing_rulings(by_order)
    reward = reward or reward_of(firm_id, year)
    flagged = []
    for order_id, of_order in by_order.items():
        receipt = next((line for line in of_order if not line.is_off), of_order[0])
        net = sum(line.net_fen for line in of_order)
        is_counted = receipt.counts
        taken = net if is_counted else 0
        flagged.append(
            FlaggedLine(
                receipt.order, receipt.pk, receipt.evidence["entries"]["release"], net, is_counted,
                bool(rulings.get(order_id)), codes[order_id], kept.counted_fen - taken, reward(taken),
                reward(0 if is_counted else -net), sorted(set(others.get(str(order_id), ()))),
            )
        )  # fmt: skip
    flagged.sort(key=lambda each: (-each.net_fen, each.order.number))
    whole = sum(each.net_fen for each in flagged if each.counts)
    return Effect(
        kept.counted_fen,
        revenue.goal_of(year),
        reward(0),
        flagged,
        whole,
        kept.counted_fen - whole,
        reward(whole),
    )


# --- declarations -------------------------------------------------------------------------------


def declaring_firm(viewer: Actor, firm_id: UUID | None) -> Organization:
    """The firm whose declarations the viewer may see: its own, or any for those who watch."""
    wanted = firm_id or viewer.organization_id
    may_see = viewer.can(WATCH) or (viewer.can(DECLARE) and viewer.belongs_to(wanted))
    found = Organization.objects.filter(pk=wanted).first() if may_see and wanted else None
    if found is None:
        raise NotFound
    return found


def holdings_of(firm_id: UUID) -> list[Holding]:
    """The shares declared for a firm, those in force first."""
    rows = Holding.objects.filter(firm=firm_id).select_related("holder")
    return sorted(rows, key=lambda each: (each.ended_at is not None, -each.share_bp, str(each.pk)))


def stakes_of(firm_id: UUID) -> list[Holding]:
    """The shares in force that a firm holds of others on the platform."""
    rows = Holding.objects.filter(holder=firm_id, ended_at=None).select_related("firm")
    return list(rows.order_by("-share_bp", "pk"))


def traits_of(firm_id: UUID) -> list[Trait]:
    """The details declared for a firm, those in force first."""
    return sorted(
        Trait.objects.filter(firm=firm_id),
        key=lambda each: (each.ended_at is not None, each.kind, str(each.pk)),
    )


# --- desk and search ----------------------------------------------------------------------------


def todos(viewer: Actor) -> list[desk.Todo]:
    """For the work desk: cases that the viewer's firm may answer, undecided cases of a reviewer."""
    if viewer.is_system or not viewer.organization_id:
        return []
    rows = cases_visible_to(viewer)
    if viewer.can(REVIEW_CASES):
        mine = Q(assignee=viewer.user_id) | Q(assignee=None)
        waiting = rows.filter(mine, state__in=UNDECIDED).order_by("hearing_until", "pk")[:5]
        return [
            desk.Todo(
                _("风险案件 %(number)s 待审查") % {"number": each.number},
                reverse("risk:case", args=[each.pk]),
                detail=each.firm.display_name,
                due_at=each.hearing_until,
                icon="radar",
            )
            for each in waiting
        ]
    return [
        desk.Todo(
            _("请就 %(year)s 年度交易作出说明（%(number)s）") % {"year": each.year, "number": each.number},
            reverse("risk:hearing", args=[each.pk]),
            due_at=each.hearing_until,
            icon="message-square-warning",
            tone="amber",
        )
        for each in rows.filter(firm=viewer.organization_id, statements=None, state__in=UNDECIDED).order_by(
            "pk"
        )[:5]
    ]


def find_cases(viewer: Actor, text: str) -> list[finding.Hit]:
    """For the search box: cases by their number."""
    rows = cases_visible_to(viewer).filter(number__iexact=text.strip())
    page = "risk:case" if viewer.can(WATCH) else "risk:hearing"
    return [
        finding.Hit(
            title=each.firm.display_name,
            url=reverse(page, args=[each.pk]),
            number=each.number,
            detail=str(each.get_state_display()),
            is_exact=True,
        )
        for each in rows
    ]
