"""After the award: later facts reopen a claim, it is worked out anew, too much comes back, too little is added."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce as tell
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Purpose
from settlement.rewards import funds, selectors
from settlement.rewards.events import ClaimReopened, RecoveryConfirmed, RecoveryLifted
from settlement.rewards.models import Award, Claim, RecoveryCase, RecoveryReceipt
from settlement.rewards.permissions import RECOVER
from settlement.rewards.services.claims import decide
from settlement.rewards.services.guards import (
    decision_of,
    locked_claim,
    locked_claims_of_firms,
    require_current,
    require_in_charge,
    require_other_person,
    require_stranger,
    told,
)
from settlement.rewards.states import (
    CLAIM,
    GRANTED_STATES,
    RECOVERY,
    AwardKind,
    ClaimState,
    RecoveryState,
)

LEAST_DAYS_TO_PAY = 15
RULES_RELEASED = _("规则已发布，按所发布的规则重新测算")


class AmountUnchanged(Refusal):
    """There is nothing to take back."""

    code = "amount_unchanged"
    message = _("重新核定的金额没有减少，不需要追回。")


class AmountChanged(Refusal):
    """A claim whose worth has changed is not upheld as it stands."""

    code = "amount_changed"
    message = _("重新核定的金额与已批准的不同，请公示补发或启动追回。")


class RecoveryStale(Refusal):
    """What is to be taken back is no longer what was proposed."""

    code = "recovery_stale"
    message = _("提出之后情况有变，应追回金额已不同。请撤回后重新提出。")


class RecoveryOpen(Refusal):
    """One case at a time."""

    code = "recovery_open"
    message = _("已有待核定的追回 %(number)s。")


class NothingToLift(Refusal):
    """What is owed is lifted only as far as the claim is worth more than the register says."""

    code = "nothing_to_lift"
    message = _("重新核定的金额没有高于已登记的奖励，或者该追回已无尚欠金额，不能撤销追回。")


class PaymentInFlight(Refusal):
    """Money on its way to the firm must arrive or come back first."""

    code = "payment_in_flight"
    message = _("有拨付尚未登记回单，请先登记到账或退回，再核定追回。")


class NothingGranted(Refusal):
    """Only a claim with an award is reopened."""

    code = "nothing_granted"
    message = _("该申报没有奖励登记，不需要重新核定。")


@transaction.atomic
def review_granted(
    *,
    by: Actor,
    at: datetime,
    firm_id: UUID,
    year: int,
    cause: str,
    measures: Collection[str] | None = None,
) -> list[Claim]:
    """Work every granted claim of a firm's year out anew after its facts changed; the claims that were reopened.

    `measures` are those that read what changed; None means all. An award that was wholly taken back comes up again
    too. Follows from the change, so it asks for no permission of its own; the same facts again change nothing.
    """
    claims = _locked_granted(firm_id).filter(year=year)
    if measures is not None:
        claims = claims.filter(measure__in=list(measures))
    return [claim for claim in claims if _rework(claim, by=by, at=at, cause=cause)]


@transaction.atomic
def review_profile(*, by: Actor, at: datetime, firm_id: UUID, cause: str) -> list[Claim]:
    """Work the granted claims of the present and the past year out anew after a firm's verified profile changed.

    The profile tells where a firm is, not where it was: for years further back a person reopens.
    """
    year = clock.business_year(at)
    return [
        claim
        for each in (year - 1, year)
        for claim in review_granted(by=by, at=at, firm_id=firm_id, year=each, cause=cause)
    ]


@transaction.atomic
def review_released(*, by: Actor, at: datetime) -> list[Claim]:
    """Work supplements that were decided by rules nobody had released out anew; the claims that have a new decision.

    For the moment at which rules are released: a decision that names no release passes no notice and no batch, and
    a claim with an award is never returned, so nothing else would decide it again. One in its notice stays there
    while it is worth the same; else it is reopened.
    """
    waiting = Claim.objects.select_for_update(of=("self",)).select_related("firm", "decision")
    waiting = waiting.filter(
        state__in=[ClaimState.REOPENED, ClaimState.IN_NOTICE],
        decision__release=None,
        pk__in=Award.objects.values("claim"),
    )
    found = list(waiting.order_by("pk"))
    for claim in found:
        former = decision_of(claim).amount_fen
        decide(claim, by=by, at=at, keeps_rules=True)
        detail = {**told(claim), "former_fen": former, "cause": str(RULES_RELEASED)}
        record(by=by, at=at, action="rewards.rework", subject=claim, detail=detail)
        if claim.state == ClaimState.IN_NOTICE and decision_of(claim).amount_fen != former:
            _reopen(claim, by=by, at=at, cause=str(RULES_RELEASED))
    return found


def review_beside(changed: Claim, *, by: Actor, at: datetime, cause: str) -> list[Claim]:
    """Work the firm's other awards of the same group out anew after the register changed for one claim.

    The caller has locked all claims of the firm.
    """
    related = selectors.related_to(changed.measure)
    claims = _locked_granted(changed.firm_id).filter(measure__in=related).exclude(pk=changed.pk)
    return [claim for claim in claims if _rework(claim, by=by, at=at, cause=cause)]


def _locked_granted(firm_id: UUID) -> QuerySet[Claim]:
    """The firm's claims that have or had an award, locked in order of id."""
    wanted = Claim.objects.select_for_update(of=("self",)).select_related("firm", "decision")
    states = [*GRANTED_STATES, ClaimState.REOPENED, ClaimState.IN_NOTICE, ClaimState.REJECTED]
    return wanted.filter(firm=firm_id, state__in=states, pk__in=_with_award(firm_id)).order_by("pk")


def _with_award(firm_id: UUID) -> list[UUID]:
    return list(Award.objects.filter(firm=firm_id).values_list("claim_id", flat=True).distinct())


def _rework(claim: Claim, *, by: Actor, at: datetime, cause: str) -> bool:
    """Decide a locked, granted claim on its present facts; reopen it when it is worth another amount."""
    if selectors.facts_are_current(claim):
        return False
    former = decision_of(claim).amount_fen
    decide(claim, by=by, at=at, keeps_rules=True)
    difference = funds.standing_of(claim).difference_fen
    detail = {**told(claim), "former_fen": former, "difference_fen": difference, "cause": cause}
    record(by=by, at=at, action="rewards.rework", subject=claim, detail=detail)
    if claim.state == ClaimState.REOPENED or (not difference and claim.state != ClaimState.IN_NOTICE):
        return False
    _reopen(claim, by=by, at=at, cause=cause)
    return True


def _reopen(claim: Claim, *, by: Actor, at: datetime, cause: str) -> None:
    CLAIM.move(claim, "reopen", by=by, at=at, reason=cause)
    tell(ClaimReopened(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))


@transaction.atomic
def reopen(*, by: Actor, at: datetime, claim_id: UUID, reason: str) -> Claim:
    """The department reopens a granted claim by hand (a finding, a confirmed violation), with the reason."""
    claim = locked_claim(claim_id)
    by.require(RECOVER)
    require_in_charge(by, claim)
    CLAIM.check(claim, "reopen")
    require_stranger(by, claim.firm_id)
    if not claim.awards.exists():
        raise NothingGranted
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明重新核定的事由。"))
    if not selectors.facts_are_current(claim) or selectors.unreleased_rules(claim):
        decide(claim, by=by, at=at, keeps_rules=True)
    record(by=by, at=at, action="rewards.reopen", subject=claim, detail={**told(claim), "reason": reason})
    _reopen(claim, by=by, at=at, cause=reason.strip())
    return claim


@transaction.atomic
def uphold(*, by: Actor, at: datetime, claim_id: UUID, reason: str) -> Claim:
    """A reopened claim is worth what was granted: it goes back to where it stood. Raises AmountChanged."""
    claim = locked_claim(claim_id)
    by.require(RECOVER)
    require_in_charge(by, claim)
    CLAIM.check(claim, "uphold")
    require_stranger(by, claim.firm_id)
    require_current(claim)
    if funds.standing_of(claim).difference_fen:
        raise AmountChanged
    if RecoveryCase.objects.filter(claim=claim, state=RecoveryState.OPENED).exists():
        raise RecoveryOpen(number=RecoveryCase.objects.get(claim=claim, state=RecoveryState.OPENED).number)
    _rest(claim, by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="rewards.uphold", subject=claim, detail={**told(claim), "reason": reason})
    return claim


def _rest(claim: Claim, *, by: Actor, at: datetime, reason: str) -> None:
    """Bring a reopened claim to where its money says it stands."""
    standing = funds.standing_of(claim)
    if standing.outstanding_fen:
        move = "recover"
    elif standing.unpaid_fen or standing.in_flight_fen:
        move = "reduce"
    elif standing.returned_fen:
        move = "settle_recovery"
    elif standing.granted_fen:
        move = "uphold"
    else:
        move = "void"
    CLAIM.move(claim, move, by=by, at=at, reason=reason)


@transaction.atomic
def open_recovery(
    *, by: Actor, at: datetime, claim_id: UUID, cause: str, due_on: date, is_violation: bool = False
) -> RecoveryCase:
    """Propose to reduce an award to what the claim is worth, and to take back what was paid beyond that.

    Raises AmountUnchanged, PaymentInFlight, RecoveryOpen, InvalidInput.
    """
    claim = locked_claim(claim_id)
    by.require(RECOVER)
    require_in_charge(by, claim)
    CLAIM.check(claim, "recover")
    require_stranger(by, claim.firm_id)
    require_current(claim)
    if not cause.strip():
        raise InvalidInput(field="cause", reason=_("请写明追回的事由和依据，企业会看到。"))
    if (due_on - clock.business_date(at)).days < LEAST_DAYS_TO_PAY:
        earliest = _("缴回期限至少为 %(days)s 日。") % {"days": LEAST_DAYS_TO_PAY}
        raise InvalidInput(field="due_on", reason=earliest)
    known = RecoveryCase.objects.filter(claim=claim, state=RecoveryState.OPENED).first()
    if known is not None:
        raise RecoveryOpen(number=known.number)
    standing = funds.standing_of(claim)
    if standing.in_flight_fen:
        raise PaymentInFlight
    if standing.difference_fen >= 0:
        raise AmountUnchanged
    case = RecoveryCase.objects.create(
        number=new_number("ZH", at),
        claim=claim,
        decision=decision_of(claim),
        reduction_fen=-standing.difference_fen,
        amount_fen=standing.to_recover_fen,
        cause=cause.strip(),
        is_violation=is_violation,
        due_on=due_on,
        opened_by=by.user,
        opener_label=by.label[:200],
        opened_at=at,
    )
    record(by=by, at=at, action="rewards.open_recovery", subject=case, detail=_told(case))
    return case


def _locked_case(case_id: UUID) -> tuple[Claim, RecoveryCase]:
    """The case with its claim, both locked, the claims of the firm first: its other awards may follow."""
    row = RecoveryCase.objects.filter(pk=case_id).values_list("claim_id", "claim__firm_id").first()
    if row is None:
        raise NotFound
    claim = locked_claims_of_firms([row[1]])[row[0]]
    return claim, RecoveryCase.objects.select_for_update(of=("self",)).get(pk=case_id)


@transaction.atomic
def confirm_recovery(*, by: Actor, at: datetime, case_id: UUID) -> RecoveryCase:
    """Another person confirms: the register is reduced, the firm owes what it was paid too much.

    Raises SamePerson, RecoveryStale, PaymentInFlight.
    """
    claim, case = _locked_case(case_id)
    by.require(RECOVER)
    require_in_charge(by, claim)
    RECOVERY.check(case, "confirm")
    CLAIM.check(claim, "recover")
    require_other_person(by, case.opened_by_id)
    require_stranger(by, claim.firm_id)
    standing = funds.standing_of(claim)
    if standing.in_flight_fen:
        raise PaymentInFlight
    is_same = (-standing.difference_fen, standing.to_recover_fen) == (case.reduction_fen, case.amount_fen)
    if not is_same or claim.decision_id != case.decision_id or not selectors.facts_are_current(claim):
        raise RecoveryStale
    Award.objects.create(
        claim=claim,
        decision=decision_of(claim),
        kind=AwardKind.REDUCTION,
        firm=claim.firm,
        measure=claim.measure,
        year=claim.year,
        amount_fen=-case.reduction_fen,
        granted_at=at,
    )
    case.confirmed_by, case.confirmer_label, case.confirmed_at = by.user, by.label[:200], at
    RECOVERY.move(
        case, "confirm", by=by, at=at, update_fields=["confirmed_by", "confirmer_label", "confirmed_at"]
    )
    if not case.amount_fen:
        RECOVERY.move(case, "settle", by=by, at=at)
    _rest(claim, by=by, at=at, reason=case.number)
    record(by=by, at=at, action="rewards.confirm_recovery", subject=case, detail=_told(case))
    tell(RecoveryConfirmed(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
    review_beside(claim, by=by, at=at, cause=f"{claim.number} 的奖励登记已核减")
    return case


@transaction.atomic
def propose_lift(*, by: Actor, at: datetime, case_id: UUID, reason: str) -> RecoveryCase:
    """Propose not to ask for what is still owed, after facts came back; another person decides.

    Raises NothingToLift, FactsChanged, SelfReview, InvalidInput.
    """
    claim, case = _locked_case(case_id)
    by.require(RECOVER)
    require_in_charge(by, claim)
    RECOVERY.check(case, "propose_lift")
    require_stranger(by, claim.firm_id)
    require_current(claim)
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明撤销追回的理由和依据。"))
    fen = _liftable(claim, case)
    case.lift_reason, case.lift_proposed_by, case.lift_proposer_label = (
        reason.strip(),
        by.user,
        by.label[:200],
    )
    changed = ["lift_reason", "lift_proposed_by", "lift_proposer_label"]
    if case.lifted_by_id is not None:  # an earlier part was lifted: this proposal needs its own second person
        case.lifted_by, case.lifter_label = None, ""
        changed += ["lifted_by", "lifter_label"]
    RECOVERY.move(case, "propose_lift", by=by, at=at, reason=case.lift_reason, update_fields=changed)
    detail = {**_told(case), "lift_fen": fen, "reason": case.lift_reason}
    record(by=by, at=at, action="rewards.propose_lift", subject=case, detail=detail)
    return case


@transaction.atomic
def keep_recovery(*, by: Actor, at: datetime, case_id: UUID, reason: str) -> RecoveryCase:
    """Turn the proposal to lift down, or take it back, with the reason: what is owed stays owed."""
    claim, case = _locked_case(case_id)
    by.require(RECOVER)
    require_in_charge(by, claim)
    RECOVERY.check(case, "keep")
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明维持追回的理由。"))
    RECOVERY.move(case, "keep", by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="rewards.keep_recovery", subject=case, detail={"reason": reason.strip()})
    return case


@transaction.atomic
def lift_recovery(*, by: Actor, at: datetime, case_id: UUID) -> RecoveryCase:
    """Another person agrees: what is no longer owed is restored in the register, as far as the claim is worth it.

    No money moves: the firm has it. Raises SamePerson, SelfReview, NothingToLift, FactsChanged.
    """
    claim, case = _locked_case(case_id)
    by.require(RECOVER)
    require_in_charge(by, claim)
    RECOVERY.check(case, "lift")
    require_other_person(by, case.lift_proposed_by_id)
    require_stranger(by, claim.firm_id)
    require_current(claim)
    fen = _liftable(claim, case)
    is_whole = fen == funds.outstanding_of(case)
    Award.objects.create(
        claim=claim,
        decision=decision_of(claim),
        kind=AwardKind.RESTORED,
        firm=claim.firm,
        measure=claim.measure,
        year=claim.year,
        amount_fen=fen,
        granted_at=at,
    )
    case.lifted_fen += fen
    case.lifted_by, case.lifter_label, case.lifted_at = by.user, by.label[:200], at
    changed = ["lifted_fen", "lifted_by", "lifter_label", "lifted_at"]
    RECOVERY.move(case, "lift" if is_whole else "ease", by=by, at=at, update_fields=changed)
    detail = {**_told(case), "lifted_fen": fen, "reason": case.lift_reason}
    record(by=by, at=at, action="rewards.lift_recovery", subject=case, detail=detail)
    if not funds.standing_of(claim).difference_fen:
        _rest(claim, by=by, at=at, reason=case.number)
    tell(RecoveryLifted(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
    review_beside(claim, by=by, at=at, cause=f"{claim.number} 的奖励登记已恢复")
    return case


def _liftable(claim: Claim, case: RecoveryCase) -> int:
    """How much of what is owed the claim is worth again, in fen; NothingToLift when nothing."""
    fen = min(funds.outstanding_of(case), funds.standing_of(claim).difference_fen)
    if claim.state != ClaimState.REOPENED or fen <= 0:
        raise NothingToLift
    return fen


@transaction.atomic
def withdraw_recovery(*, by: Actor, at: datetime, case_id: UUID, reason: str) -> RecoveryCase:
    """Take a proposed recovery back, with the reason."""
    claim, case = _locked_case(case_id)
    by.require(RECOVER)
    require_in_charge(by, claim)
    RECOVERY.check(case, "withdraw")
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明撤回理由。"))
    RECOVERY.move(case, "withdraw", by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="rewards.withdraw_recovery", subject=case, detail={"reason": reason.strip()})
    return case


@transaction.atomic
def enter_return(*, by: Actor, at: datetime, case_id: UUID, amount: Money, reference: str) -> RecoveryReceipt:
    """Money came back from the firm, in whole or in part: posted once per bank reference.

    The same receipt again gives the one that is there. Raises InvalidInput, MoveNotAllowed.
    """
    claim, case = _locked_case(case_id)
    by.require(RECOVER)
    require_in_charge(by, claim)
    wanted = reference.strip()
    known = RecoveryReceipt.objects.filter(reference=wanted).first()
    if known is not None and known.case_id == case.pk and known.amount_fen == amount.fen:
        return known
    RECOVERY.check(case, "settle")
    require_stranger(by, claim.firm_id)
    if not wanted or len(wanted) > 80 or known is not None:
        raise InvalidInput(field="reference", reason=_("请填写银行回单号；每个回单号只能登记一次。"))
    left = funds.outstanding_of(case)
    if not 0 < amount.fen <= left:
        reason = _("缴回金额应大于零且不超过尚欠的 %(left)s。") % {"left": Money(left)}
        raise InvalidInput(field="amount", reason=reason)
    payer = ledger.Address(Purpose.FIRM_BANK, claim.firm_id)
    treasury = ledger.Address(Purpose.FISCAL, _treasury_of(claim))
    accounts = ledger.accounts([payer, treasury])
    receipt = RecoveryReceipt(case=case, amount_fen=amount.fen, reference=wanted, received_at=at)
    receipt.entry = ledger.post(
        key=f"reward-return:{case.pk}:{wanted}",
        kind="reward_return",
        fact=receipt,
        transfers=[ledger.Transfer(accounts[payer], accounts[treasury], amount)],
        at=at,
        memo=claim.number,
    )
    receipt.save(force_insert=True)
    detail = {
        "case": case.number,
        "amount_fen": amount.fen,
        "reference": wanted,
        "entry": str(receipt.entry_id),
    }
    record(by=by, at=at, action="rewards.enter_return", subject=case, detail=detail)
    if amount.fen == left:
        RECOVERY.move(case, "settle", by=by, at=at)
        if claim.state == ClaimState.RECOVERING and not funds.standing_of(claim).outstanding_fen:
            CLAIM.move(claim, "settle_recovery", by=by, at=at, reason=case.number)
    return receipt


def _treasury_of(claim: Claim) -> UUID | None:
    """The organization whose treasury account paid the claim."""
    paid = claim.payments.filter(entry__isnull=False).order_by("settled_at", "pk")
    found: UUID | None = paid.values_list("disbursement__organization_id", flat=True).first()
    return found


def _told(case: RecoveryCase) -> dict[str, object]:
    return {
        "number": case.number,
        "claim": case.claim.number,
        "reduction_fen": case.reduction_fen,
        "amount_fen": case.amount_fen,
        "cause": case.cause,
        "is_violation": case.is_violation,
        "due_on": case.due_on.isoformat(),
    }
