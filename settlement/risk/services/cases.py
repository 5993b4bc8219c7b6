"""Cases: opened from findings by one person, answered by the firm, decided by a person on what was shown.

Whoever opened a case does not decide that money no longer counts, and whoever had it looked at again changes no
revenue by it. Rulings on trades are made through revenue in
the same transaction, so that a case, its trades and the year's revenue change together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal, SelfReview
from kernel.events import announce
from kernel.numbers import new_number
from organizations.models import Membership
from organizations.permissions import Actor
from settlement.revenue import services as revenue
from settlement.revenue.permissions import RULE_ON_TRADES
from settlement.revenue.selectors import annual
from settlement.revenue.states import Code
from settlement.risk import parameters, selectors
from settlement.risk.events import CaseAnswered, CaseDecided, CaseOpened, CaseReopened
from settlement.risk.models import Attachment, Case, Decision, Finding, Statement
from settlement.risk.permissions import REVIEW_CASES, WATCH
from settlement.risk.selectors import Effect, FlaggedLine
from settlement.risk.states import CASE, FINDING, MOVES, UNDECIDED, Citation, FindingState, Outcome

LEAST_TEXT, MOST_TEXT = 4, 4000


class TakenFinding(Refusal):
    """A finding belongs to one case."""

    code = "finding_taken"
    message = _("所选信号已不是待立案状态。请刷新页面，重新选择。")


class PersonNeeded(Refusal):
    """A program opens and decides no case."""

    code = "person_needed"
    message = _("立案、审查和决定须由审核员本人登录后作出，不能使用 API 密钥。")
    status = 403


class SecondPerson(Refusal):
    """Whoever opened the case, or had it looked at again, does not decide that revenue changes."""

    code = "second_person"
    message = _("改变收入的决定须由立案人和提请重新审查人以外的审核员作出，请转交另一位审核员。")
    status = 403


class HearingRunning(Refusal):
    """The firm has not answered and still has time."""

    code = "hearing_running"
    message = _("企业尚未陈述，陈述期限到 %(until)s。企业陈述后，或期限届满后，才能决定不计入。")


class EffectOutdated(Refusal):
    """What the reviewer saw is no longer so."""

    code = "effect_outdated"
    message = _("案件涉及的交易或收入在您查看后有变化。请重新核对影响表，再作决定。")


class NothingToExclude(Refusal):
    """None of the flagged trades is booked in the year."""

    code = "nothing_to_exclude"
    message = _("案件没有计入本年度收入的交易，无需决定不计入。请选择排除疑点或记录备查。")


def locked_case(case_id: UUID) -> Case:
    """The case under lock until the transaction ends; NotFound for an unknown one."""
    found = (
        Case.objects.select_for_update(of=("self",), no_key=True)
        .select_related("firm")
        .filter(pk=case_id)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def _told(field: str, text: str) -> str:
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not LEAST_TEXT <= len(text) <= MOST_TEXT:
        raise InvalidInput(field=field, reason=_("请用 4 到 4000 个字写明事实和理由。"))
    return text


def _require_reviewer(by: Actor, firm_ids: Iterable[UUID]) -> None:
    """404 for those who do not watch, 403 without the right, for programs, and for anybody of a firm concerned."""
    if not by.can(WATCH):
        raise NotFound
    by.require(REVIEW_CASES)
    if by.user is None or by.scopes is not None:
        raise PersonNeeded
    firms = list(firm_ids)
    rows = Membership.objects.filter(user=by.user, organization__in=firms, ended_at=None)
    if by.organization_id in firms or rows.exists():
        raise SelfReview


def _concerned(case: Case) -> set[UUID]:
    """The firm and every other party that the evidence names."""
    found = {case.firm_id}
    for evidence in case.findings.values_list("evidence", flat=True):
        found |= {UUID(each) for each in evidence.get("parties", [])}
    return found


def _hearing_end(at: datetime) -> datetime:
    """The end of the day on which the time to answer is over."""
    today = clock.business_date(at)
    return clock.end_of(today + timedelta(days=parameters.in_force(today).days("hearing_days")))


@transaction.atomic
def open_case(
    *, by: Actor, at: datetime, finding_ids: Sequence[UUID], reason: str, assignee_id: UUID | None = None
) -> Case:
    """立案: put findings of one firm and year into a case; the firm is told and may answer.

    Raises TakenFinding, InvalidInput, SelfReview, PersonNeeded.
    """
    rows = Finding.objects.select_for_update(of=("self",)).filter(pk__in=set(finding_ids)).order_by("pk")
    found = list(rows)
    parties = {UUID(each) for row in found for each in row.evidence.get("parties", [])}
    _require_reviewer(by, {*parties, *(row.firm_id for row in found)})
    if not finding_ids:
        raise InvalidInput(field="findings", reason=_("请至少选择一个信号。"))
    if len(found) != len(set(finding_ids)):
        raise NotFound
    if any(row.state != FindingState.OPEN for row in found):
        raise TakenFinding
    if len({(row.firm_id, row.year) for row in found}) != 1:
        raise InvalidInput(field="findings", reason=_("一个案件只包含同一家企业、同一年度的信号。"))
    case = Case(
        number=new_number("FX", at),
        firm_id=found[0].firm_id,
        year=found[0].year,
        reason=_told("reason", reason),
        opened_by=by.user,
        opener_label=by.label[:200],
        opened_at=at,
        assignee=_assignable(assignee_id),
        hearing_until=_hearing_end(at),
    )
    case.save(force_insert=True)
    for row in found:
        row.case = case
        FINDING.move(row, "take", by=by, at=at, reason=case.number, update_fields=["case"])
    record(
        by=by, at=at, action="risk.open_case", subject=case,
        detail={"firm": str(case.firm_id), "year": case.year, "findings": [str(row.pk) for row in found],
                "reason": case.reason},
    )  # fmt: skip
    announce(CaseOpened(at=at, case_id=case.pk, by=by))
    return case


def _assignable(user_id: UUID | None) -> User | None:
    if user_id is None:
        return None
    found = next((each for each in selectors.reviewers() if each.pk == user_id), None)
    if found is None:
        raise InvalidInput(field="assignee", reason=_("请选择一位在职的审核员。"))
    return found


@transaction.atomic
def assign(*, by: Actor, at: datetime, case_id: UUID, assignee_id: UUID) -> Case:
    """Give an undecided case to a reviewer. Raises MoveNotAllowed when it is decided, InvalidInput."""
    case = locked_case(case_id)
    _require_reviewer(by, _concerned(case))
    if case.state not in UNDECIDED:
        CASE.check(case, "begin")
    user = _assignable(assignee_id)
    if case.assignee == user:
        return case
    case.assignee = user
    case.save(update_fields=["assignee"])
    record(by=by, at=at, action="risk.assign", subject=case, detail={"assignee": str(assignee_id)})
    return case


@transaction.atomic
def begin(*, by: Actor, at: datetime, case_id: UUID) -> Case:
    """Start the review; a case that nobody has becomes the reviewer's own. Raises MoveNotAllowed."""
    case = locked_case(case_id)
    _require_reviewer(by, _concerned(case))
    CASE.check(case, "begin")
    case.assignee = case.assignee or by.user
    CASE.move(case, "begin", by=by, at=at, update_fields=["assignee"])
    record(by=by, at=at, action="risk.begin", subject=case)
    return case


@transaction.atomic
def state_answer(
    *, by: Actor, at: datetime, case_id: UUID, text: str, document_ids: Sequence[UUID] = ()
) -> Statement:
    """The firm answers, with documents, as long as the case is undecided. Raises MoveNotAllowed, NotFound."""
    case = locked_case(case_id)
    selectors.hearing_for(by, case.pk)
    if case.state not in UNDECIDED:
        CASE.check(case, "begin")
    documents = list(
        Document.objects.filter(pk__in=document_ids, organization=by.organization, state=DocumentState.STORED)
    )
    if len(documents) != len(set(document_ids)):
        raise NotFound
    statement = Statement(
        case=case, text=_told("text", text), stated_by=by.user, speaker_label=by.label[:200], stated_at=at
    )
    statement.save(force_insert=True)
    Attachment.objects.bulk_create(
        [Attachment(statement=statement, document=each, sha256=each.sha256) for each in documents]
    )
    record(
        by=by, at=at, action="risk.answer", subject=case,
        detail={"statement": str(statement.pk), "documents": [each.sha256 for each in documents]},
    )  # fmt: skip
    announce(CaseAnswered(at=at, case_id=case.pk, by=by))
    return statement


@transaction.atomic
def decide(
    *,
    by: Actor,
    at: datetime,
    case_id: UUID,
    outcome: str,
    text: str,
    citations: Sequence[str],
    shown: str,
    order_ids: Sequence[UUID] = (),
    code: str = "",
) -> Decision:
    """Decide a case on what was shown (`shown`: the digest of its effect).

    Excluding rules on each chosen trade with `code` (by default that of its signal), clearing and noting take an
    earlier exclusion of these trades back. Raises SecondPerson, HearingRunning, EffectOutdated, NothingToExclude,
    SelfReview, MoveNotAllowed, InvalidInput.
    """
    case = locked_case(case_id)
    _require_reviewer(by, _concerned(case))
    by.require(RULE_ON_TRADES)
    if outcome not in Outcome.values:
        raise InvalidInput(field="outcome", reason=_("请选择决定。"))
    wanted = Outcome(outcome)
    CASE.check(case, MOVES[wanted])
    _require_second_person(case, wanted, by)
    if wanted == Outcome.EXCLUDED:
        _require_heard(case, at)
    cited = [each.value for each in Citation if each.value in citations]
    if not cited or set(citations) - set(Citation.values):
        raise InvalidInput(field="citations", reason=_("请至少选择一条决定所依据的条文。"))
    reasons = _told("text", text)
    revenue.locked_annual(case.firm_id, case.year)
    findings = list(case.findings.select_for_update(of=("self",)).order_by("pk"))
    effect = selectors.effect_of(case, findings)
    if shown != effect.digest:
        raise EffectOutdated
    chosen = _chosen(effect, order_ids) if wanted == Outcome.EXCLUDED else []
    rulings = _rule(case, effect, chosen, code, reasons, by=by, at=at)
    after = annual(case.firm_id, case.year).counted_fen
    decision = Decision(
        case=case, outcome=wanted, text=reasons, citations=cited, finding_ids=[each.pk for each in findings],
        rulings=rulings, revenue_before_fen=effect.counted_fen, revenue_after_fen=after,
        reward_before_fen=effect.reward_fen,
        reward_after_fen=selectors.reward_of(case.firm_id, case.year)(0),
        decided_by=by.user, decider_label=by.label[:200], decided_at=at,
    )  # fmt: skip
    decision.save(force_insert=True)
    case.decided_at = at
    CASE.move(case, MOVES[wanted], by=by, at=at, reason=reasons, update_fields=["decided_at"])
    for each in findings:
        if each.state == FindingState.IN_CASE:  # one whose newer evidence went to another case stayed closed
            FINDING.move(each, "close", by=by, at=at, reason=case.number)
    record(
        by=by, at=at, action="risk.decide", subject=case,
        detail={"outcome": wanted.value, "citations": cited, "orders": [each["number"] for each in rulings],
                "revenue_before_fen": effect.counted_fen, "revenue_after_fen": after, "reason": reasons},
    )  # fmt: skip
    announce(CaseDecided(at=at, case_id=case.pk, outcome=wanted.value, by=by))
    return decision


def _require_second_person(case: Case, wanted: Outcome, by: Actor) -> None:
    """Revenue is taken off, or given back, by another person than the one who asked for it."""
    reopening = selectors.reopening_of(case)
    if wanted == Outcome.EXCLUDED and case.opened_by_id == by.user_id:
        raise SecondPerson
    changes_revenue = wanted == Outcome.EXCLUDED or bool(selectors.standing_of(case))
    if changes_revenue and reopening is not None and reopening.user_id == by.user_id:
        raise SecondPerson


def _require_heard(case: Case, at: datetime) -> None:
    if at < case.hearing_until and not case.statements.filter(stated_at__gte=_heard_since(case)).exists():
        raise HearingRunning(until=case.hearing_ends_on.isoformat())


def _heard_since(case: Case) -> datetime:
    """From when on an answer counts: the opening, or the latest reopening."""
    reopening = selectors.reopening_of(case)
    return reopening.at if reopening is not None else case.opened_at


def _chosen(effect: Effect, order_ids: Sequence[UUID]) -> list[FlaggedLine]:
    """The flagged trades that are to be left out: those asked for."""
    offered = {each.order.pk: each for each in effect.lines if each.is_choosable}
    if not offered:
        raise NothingToExclude
    if not order_ids:
        raise InvalidInput(field="orders", reason=_("请至少选择一笔不计入的交易。"))
    if set(order_ids) - set(offered):
        raise InvalidInput(field="orders", reason=_("只能选择影响表中的交易。"))
    return [each for key, each in offered.items() if key in set(order_ids)]


def _rule(
    case: Case,
    effect: Effect,
    chosen: Sequence[FlaggedLine],
    code: str,
    reasons: str,
    *,
    by: Actor,
    at: datetime,
) -> list[dict[str, Any]]:
    """Rule on the chosen trades, and take back what an earlier decision of this case left out; what was ruled."""
    if code and code not in {each.value for each in Code.reviewed()}:
        raise InvalidInput(field="code", reason=_("只能认定关联交易或循环交易。"))
    before, elsewhere = selectors.standing_of(case), selectors.standing_elsewhere(case)
    wanted = {str(each.order.pk): code or each.code for each in chosen}
    told: list[dict[str, Any]] = []
    for each in effect.lines:
        key, reason = str(each.order.pk), f"{case.number}：{reasons}"[:MOST_TEXT]
        former, now = before.get(key), wanted.get(key)
        for one, is_excluded in ((former, False), (now, True)):
            # What another case's decision leaves out for the same reason stays out until that case is decided anew.
            if one and former != now and (is_excluded or (key, one) not in elsewhere):
                revenue.rule_on_trade(
                    by=by, at=at, order_id=each.order.pk, code=one, is_excluded=is_excluded, reason=reason
                )
        if former or now:
            told.append(
                {"order": key, "number": each.order.number, "code": now or former, "is_excluded": bool(now),
                 "net_fen": each.net_fen, "stands_in": "" if now else elsewhere.get((key, former or ""), "")}
            )  # fmt: skip
    return told


@transaction.atomic
def reopen(*, by: Actor, at: datetime, case_id: UUID, reason: str) -> Case:
    """Look at a decided case again; what it ruled stands until the next decision. The firm may answer again."""
    case = locked_case(case_id)
    _require_reviewer(by, _concerned(case))
    CASE.check(case, "reopen")
    told = _told("reason", reason)
    case.decided_at, case.hearing_until = None, _hearing_end(at)
    CASE.move(case, "reopen", by=by, at=at, reason=told, update_fields=["decided_at", "hearing_until"])
    for each in (
        Finding.objects.select_for_update(of=("self",)).filter(case=case, state="closed").order_by("pk")
    ):
        same = Finding.objects.select_for_update(of=("self",)).filter(
            kind=each.kind, firm=each.firm_id, year=each.year, subject=each.subject
        )
        newer = same.exclude(state=FindingState.CLOSED).first()
        if newer is None:
            FINDING.move(each, "reopen", by=by, at=at, reason=case.number)
        elif newer.state == FindingState.OPEN:
            newer.case = case
            FINDING.move(newer, "take", by=by, at=at, reason=case.number, update_fields=["case"])
    record(by=by, at=at, action="risk.reopen", subject=case, detail={"reason": told})
    announce(CaseReopened(at=at, case_id=case.pk, by=by))
    return case
