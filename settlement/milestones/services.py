"""Every money move of annotation lots. The engagement's row is the lock of all of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.acceptance.rules import exchange_fee
from exchange.tenders import services as tenders
from exchange.tenders.models import Engagement, Milestone
from exchange.tenders.selectors import engagements_visible_to
from exchange.tenders.states import EngagementState, MilestoneState
from exchange.trading.states import Party
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.money import Money
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.milestones.models import Deposit, LotRelease, LotReturn
from settlement.payments.permissions import PAY
from settlement.payments.services import PaymentDeclined, TestMethodsOff
from settlement.payments.states import Failure, TestMethod


class LotNotFundable(Refusal):
    """Lots of a running engagement are paid, each once."""

    code = "lot_not_fundable"
    message = _("第 %(ordinal)s 批当前为“%(state)s”，不能付款。双方签约后，每批付款一次。")


class NoLotToFund(Refusal):
    """Everything was paid."""

    code = "no_lot_to_fund"
    message = _("没有待托管的批次。")


class LotNotHeld(Refusal):
    """There is no money of this lot in escrow."""

    code = "lot_not_held"
    message = _("第 %(ordinal)s 批没有托管中的款项，不能放款或退回。")


def _locked(milestone_id: UUID) -> tuple[Engagement, Milestone]:
    engagement_id = Milestone.objects.filter(pk=milestone_id).values_list("engagement_id", flat=True).first()
    if engagement_id is None:
        raise NotFound
    engagement = tenders.locked_engagement(engagement_id)
    lot = Milestone.objects.get(pk=milestone_id)
    lot.engagement = engagement
    return engagement, lot


def require_payer(engagement: Engagement, by: Actor) -> None:
    """404 unless the engagement is visible, 403 unless the actor pays for its buyer."""
    if not by.belongs_to(engagement.buyer_id):
        if not engagements_visible_to(by).filter(pk=engagement.pk).exists():
            raise NotFound
        raise tenders.WrongSide(side=Party.BUYER.label)
    by.require(PAY)


def _require_method(method: str) -> None:
    if settings.PAYMENTS_LIVE:
        raise TestMethodsOff(field="method")
    if method not in TestMethod.values:
        raise InvalidInput(field="method", reason=gettext("没有这种付款方式，请从列出的方式中选择。"))
    if method == TestMethod.DECLINED:
        raise PaymentDeclined(field="method", reason=Failure.DECLINED.label)


@transaction.atomic
def fund_lot(*, by: Actor, at: datetime, milestone_id: UUID, method: str = TestMethod.OK) -> Deposit:
    """Pay one lot's price into escrow with a test method; asking again gives the deposit that is there.

    Raises LotNotFundable, TestMethodsOff, PaymentDeclined, and NotFound, WrongSide or NotAllowed for others than
    the buyer.
    """
    engagement, lot = _locked(milestone_id)
    require_payer(engagement, by)
    done = Deposit.objects.filter(milestone=lot).first()
    if done is not None:
        return done
    _require_method(method)
    return _fund(engagement, lot, method, by, at)


@transaction.atomic
def fund_all(*, by: Actor, at: datetime, engagement_id: UUID, method: str = TestMethod.OK) -> list[Deposit]:
    """Pay the price of every lot that is not paid yet into escrow, all or none. Raises NoLotToFund."""
    engagement = tenders.locked_engagement(engagement_id)
    require_payer(engagement, by)
    lots = list(engagement.milestones.filter(state=MilestoneState.PLANNED).order_by("ordinal"))
    if not lots:
        raise NoLotToFund
    _require_method(method)
    return [_fund(engagement, lot, method, by, at) for lot in lots]


def _fund(engagement: Engagement, lot: Milestone, method: str, by: Actor, at: datetime) -> Deposit:
    if engagement.state != EngagementState.ACTIVE or lot.state != MilestoneState.PLANNED:
        raise LotNotFundable(ordinal=lot.ordinal, state=MilestoneState(lot.state).label)
    bank = ledger.Address.of_platform(Purpose.BANK, engagement.pk)
    escrow = ledger.Address(Purpose.ESCROW, engagement.buyer_id)
    found = ledger.accounts([bank, escrow])
    deposit = Deposit(id=new_id(), milestone=lot, amount_fen=lot.amount_fen, method=method, paid_at=at)
    deposit.entry = ledger.post(
        key=f"lot-pay:{lot.pk}",
        kind="payment",
        fact=deposit,
        transfers=[ledger.Transfer(found[bank], found[escrow], Money(lot.amount_fen))],
        at=at,
        memo=str(lot),
    )
    deposit.save(force_insert=True)
    detail = {"lot": str(lot), "amount_fen": lot.amount_fen, "entry": str(deposit.entry_id)}
    record(by=by, at=at, action="milestones.fund", subject=lot, detail=detail)
    tenders.mark_funded(by=by, at=at, milestone_id=lot.pk)
    return deposit


def _deposit(lot: Milestone) -> Deposit:
    found = Deposit.objects.filter(milestone=lot).first()
    if found is None:
        raise LotNotHeld(ordinal=lot.ordinal)
    return found


@transaction.atomic(savepoint=False)
def release_lot(*, by: Actor, at: datetime, milestone_id: UUID) -> LotRelease:
    """Pay an accepted lot's escrow out, once: the fee to the exchange, the rest to the firm's balance.

    Follows from the acceptance (news of exchange.tenders), so it asks no permission of its own; asking again gives
    the release that is there. Raises LotNotHeld unless the lot was accepted with its money in escrow.
    """
    engagement, lot = _locked(milestone_id)
    done = LotRelease.objects.filter(milestone=lot).first()
    if done is not None:
        return done
    deposit = _deposit(lot)
    if lot.state != MilestoneState.ACCEPTED:
        raise LotNotHeld(ordinal=lot.ordinal)
    gross, fee_bp = Money(deposit.amount_fen), int(settings.EXCHANGE_FEE_BP)
    fee = exchange_fee(gross, fee_bp)
    release = LotRelease(
        id=new_id(),
        milestone=lot,
        gross_fen=gross.fen,
        fee_bp=fee_bp,
        fee_fen=fee.fen,
        firm_fen=(gross - fee).fen,
        released_at=at,
    )
    release.entry = _post_release(release, engagement, at)
    release.save(force_insert=True)
    detail = {"lot": str(lot), "gross_fen": gross.fen, "fee_fen": fee.fen, "fee_bp": fee_bp,
              "entry": str(release.entry_id)}  # fmt: skip
    record(by=by, at=at, action="milestones.release", subject=lot, detail=detail)
    return release


def _post_release(release: LotRelease, engagement: Engagement, at: datetime) -> Entry:
    escrow = ledger.Address(Purpose.ESCROW, engagement.buyer_id)
    wallet = ledger.Address(Purpose.WALLET, engagement.firm_id)
    fees = ledger.Address.of_platform(Purpose.FEES, engagement.pk)
    found = ledger.accounts([escrow, wallet, fees])
    parts = [(fees, release.fee_fen), (wallet, release.firm_fen)]
    return ledger.post(
        key=f"lot-release:{release.milestone_id}",
        kind="release",
        fact=release,
        transfers=[ledger.Transfer(found[escrow], found[to], Money(fen)) for to, fen in parts if fen],
        at=at,
        memo=str(release.milestone),
    )


@transaction.atomic(savepoint=False)
def return_lot(*, by: Actor, at: datetime, milestone_id: UUID, reason: str) -> LotReturn:
    """Give the escrow of a lot that will not be done back to the buyer, once.

    Follows from the end of the engagement (news of exchange.tenders), so it asks no permission of its own; asking
    again gives the return that is there. Raises LotNotHeld.
    """
    engagement, lot = _locked(milestone_id)
    done = LotReturn.objects.filter(milestone=lot).first()
    if done is not None:
        return done
    deposit = _deposit(lot)
    if lot.state != MilestoneState.RETURNED:
        raise LotNotHeld(ordinal=lot.ordinal)
    escrow = ledger.Address(Purpose.ESCROW, engagement.buyer_id)
    bank = ledger.Address.of_platform(Purpose.BANK, engagement.pk)
    found = ledger.accounts([escrow, bank])
    returned = LotReturn(
        id=new_id(), milestone=lot, amount_fen=deposit.amount_fen, reason=reason[:500], returned_at=at
    )
    returned.entry = ledger.post(
        key=f"lot-return:{lot.pk}",
        kind="escrow_return",
        fact=returned,
        transfers=[ledger.Transfer(found[escrow], found[bank], Money(deposit.amount_fen))],
        at=at,
        memo=str(lot),
    )
    returned.save(force_insert=True)
    detail = {
        "lot": str(lot),
        "amount_fen": deposit.amount_fen,
        "entry": str(returned.entry_id),
        "reason": reason,
    }
    record(by=by, at=at, action="milestones.return", subject=lot, detail=detail)
    return returned
