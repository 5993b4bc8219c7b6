"""Free-standing payments: made, confirmed, captured, canceled. One ledger entry when money enters the balance."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from audit.services import record
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from kernel.money import Money
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import holds
from settlement.ledger import services as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.ledger.states import HoldState
from settlement.merchant import rules, shapes
from settlement.merchant.models import CashMove, Charge, Customer, Intent, PaymentMethod
from settlement.merchant.permissions import COLLECT
from settlement.merchant.refusals import (
    AmountTooLarge,
    AuthorizationExpired,
    MethodMissing,
    UnexpectedState,
)
from settlement.merchant.services.locking import (
    locked_intent,
    merged,
    organization_of,
    paying_customer,
    require_customer,
)
from settlement.merchant.services.news import tell
from settlement.merchant.states import (
    CHANGEABLE,
    GIVEN_REASONS,
    INTENT,
    CancellationReason,
    CaptureMethod,
    CashKind,
    IntentState,
    MethodType,
)
from settlement.merchant.ways import WAYS, Outcome, way_of

_TOLD = ("description", "statement_descriptor", "receipt_email", "transfer_group")


def shape_of(intent: Intent) -> shapes.Shape:
    """The intent as it stands in the database now."""
    rows = Intent.objects.select_related("organization", "customer__virtual_account")
    return shapes.intent(rows.prefetch_related("charges").get(pk=intent.pk))


def _require_amount(amount: Money) -> None:
    if not 0 < amount.fen <= rules.LARGEST_AMOUNT:
        raise InvalidInput(field="amount", reason=_("金额应为 1 分至 9.99 亿元之间的整数（单位：分）。"))


@transaction.atomic
def create_intent(
    *,
    by: Actor,
    at: datetime,
    amount: Money,
    capture_method: str = CaptureMethod.AUTOMATIC,
    customer_id: UUID | None = None,
    method: PaymentMethod | None = None,
    method_types: Collection[str] = (),
    metadata: Any = None,
    **told: str,
) -> Intent:
    """A new intent of the actor's organization. Raises InvalidInput, CustomerMissing, CustomerDeleted, NotFound for the customer."""
    organization = organization_of(by)
    customer = paying_customer(by, customer_id) if customer_id else None
    by.require(COLLECT)
    _require_amount(amount)
    types = list(dict.fromkeys(method_types)) or [method.kind if method else MethodType.CARD]
    if any(each not in WAYS for each in types):
        raise InvalidInput(field="payment_method_types", reason=_("付款方式应为 card 或 customer_balance。"))
    intent = Intent(
        organization=organization,
        customer=customer,
        amount_fen=amount.fen,
        capture_method=capture_method,
        method_types=types,
        metadata=merged({}, metadata),
        created_at=at,
        **{name: told.get(name, "") for name in _TOLD},
    )
    if method is not None:
        _require_fitting(intent, method)
        intent.method, intent.state = method, IntentState.REQUIRES_CONFIRMATION
    intent.save(force_insert=True)
    record(
        by=by, at=at, action="merchant.create_intent", subject=intent,
        detail={"amount_fen": amount.fen, "capture_method": capture_method},
    )  # fmt: skip
    tell(organization.pk, "payment_intent.created", shape_of(intent), at=at)
    return intent


def _require_fitting(intent: Intent, method: PaymentMethod) -> None:
    if method.organization_id != intent.organization_id:
        raise NotFound(field="payment_method")
    if method.customer_id and method.customer_id != intent.customer_id:
        raise InvalidInput(
            field="payment_method", reason=_("这个付款方式属于另一位客户，请指定同一位 customer。")
        )
    if method.kind not in intent.method_types:
        raise InvalidInput(
            field="payment_method", reason=_("这笔收款不接受该付款方式，请检查 payment_method_types。")
        )
    way_of(method).require_fitting(intent)


@transaction.atomic
def update_intent(
    *,
    by: Actor,
    at: datetime,
    intent_id: UUID,
    amount: Money | None = None,
    customer_id: UUID | None = None,
    method: PaymentMethod | None = None,
    metadata: Any = None,
    **told: str,
) -> Intent:
    """Change an intent; its amount, customer and method only before it is confirmed."""
    customer = paying_customer(by, customer_id) if customer_id else None
    intent = locked_intent(by, intent_id)
    by.require(COLLECT)
    if any(each is not None for each in (amount, customer, method)) and intent.state not in CHANGEABLE:
        raise UnexpectedState(state=IntentState(intent.state).label)
    if amount is not None:
        _require_amount(amount)
        intent.amount_fen = amount.fen
    if customer is not None:
        intent.customer = customer
    intent.metadata = merged(intent.metadata, metadata)
    for name, value in told.items():
        assert name in _TOLD, name
        setattr(intent, name, value)
    fields = ["amount_fen", "customer", "metadata", *told]
    if method is not None:
        _require_fitting(intent, method)
        intent.method = method
        fields.append("method")
    if method is not None and intent.state == IntentState.REQUIRES_PAYMENT_METHOD:
        INTENT.move(intent, "choose_method", by=by, at=at, update_fields=fields)
    else:
        intent.save(update_fields=fields)
    record(by=by, at=at, action="merchant.update_intent", subject=intent)
    return intent


@transaction.atomic
def confirm_intent(
    *, by: Actor, at: datetime, intent_id: UUID, method: PaymentMethod | None = None
) -> Intent:
    """Ask the payer's side for the money: succeeded, authorized, waiting for a transfer, or declined (`last_error`).

    A declined attempt is kept and the intent waits for another method. Raises UnexpectedState, MethodMissing.
    """
    intent = locked_intent(by, intent_id)
    by.require(COLLECT)
    if intent.state not in CHANGEABLE:
        raise UnexpectedState(state=IntentState(intent.state).label)
    require_customer(intent.customer)
    chosen = method or intent.method
    if chosen is None or (intent.state == IntentState.REQUIRES_PAYMENT_METHOD and method is None):
        raise MethodMissing(field="payment_method")
    _require_fitting(intent, chosen)
    intent.method, intent.last_error = chosen, None
    first = ["choose_method"] if intent.state == IntentState.REQUIRES_PAYMENT_METHOD else []
    INTENT.walk(intent, [*first, "confirm"], by=by, at=at, update_fields=["method", "last_error"])
    answer = way_of(chosen).ask(chosen)
    if answer.outcome is Outcome.AWAITED:
        return _await_transfer(intent, by=by, at=at)
    charge = Charge(
        id=new_id(), organization_id=intent.organization_id, intent=intent, method=chosen,
        amount_fen=intent.amount_fen, failure_code=answer.failure_code, decline_code=answer.decline_code,
        created_at=at,
    )  # fmt: skip
    charge.save(force_insert=True)
    if answer.outcome is Outcome.REFUSED:
        return _declined(intent, charge, by=by, at=at)
    if intent.capture_method == CaptureMethod.AUTOMATIC:
        return _take(intent, charge, Money(intent.amount_fen), by=by, at=at)
    return _authorized(intent, charge, by=by, at=at)


def _authorized(intent: Intent, charge: Charge, *, by: Actor, at: datetime) -> Intent:
    """The payer's bank keeps the amount for us: a pending entry, posted by the capture."""
    charge.hold = holds.reserve(
        key=f"authorization:{charge.pk}",
        kind="charge",
        fact=charge,
        transfer=_transfer(charge, Money(charge.amount_fen)),
        at=at,
        expires_at=at + rules.AUTHORIZED_FOR,
        memo=intent.description[:200],
    )
    charge.save(update_fields=["hold"])
    INTENT.move(intent, "authorize", by=by, at=at)
    record(
        by=by, at=at, action="merchant.authorize", subject=intent,
        detail={"charge": str(charge.pk), "hold": str(charge.hold.pk)},
    )  # fmt: skip
    tell(intent.organization_id, "charge.succeeded", shapes.charge(charge), at=at)
    tell(intent.organization_id, "payment_intent.amount_capturable_updated", shape_of(intent), at=at)
    return intent


def _declined(intent: Intent, charge: Charge, *, by: Actor, at: datetime) -> Intent:
    intent.last_error = {
        "type": "card_error",
        "code": charge.failure_code,
        "decline_code": charge.decline_code or None,
        "charge": rules.public_id("ch", charge.pk),
        "message": _("付款方的银行拒绝了这笔付款，款项没有转出。请换一种付款方式重试。"),
        "payment_method": shapes.payment_method(charge.method),
    }
    intent.method = None
    INTENT.move(intent, "decline", by=by, at=at, update_fields=["last_error", "method"])
    record(by=by, at=at, action="merchant.decline", subject=intent, detail={"code": charge.failure_code})
    tell(intent.organization_id, "charge.failed", shapes.charge(charge), at=at)
    tell(intent.organization_id, "payment_intent.payment_failed", shape_of(intent), at=at)
    return intent


def _await_transfer(intent: Intent, *, by: Actor, at: datetime) -> Intent:
    from settlement.merchant.services.customers import virtual_account_of

    assert intent.customer is not None, "a transfer comes from a customer"
    virtual_account_of(intent.customer, by=by, at=at)
    INTENT.move(intent, "await_transfer", by=by, at=at)
    record(by=by, at=at, action="merchant.await_transfer", subject=intent)
    tell(intent.organization_id, "payment_intent.requires_action", shape_of(intent), at=at)
    apply_cash(intent.customer, by=by, at=at)
    intent.refresh_from_db(fields=["state", "received_fen"])
    return intent


def apply_cash(customer: Customer, *, by: Actor, at: datetime) -> list[Intent]:
    """Pay waiting intents of a customer (under lock) from arrived money, oldest first, each wholly or not at all."""
    waiting = Intent.objects.select_for_update(of=("self",), no_key=True).select_related("method")
    paid = []
    for intent in waiting.filter(customer=customer, state=IntentState.REQUIRES_ACTION).order_by("pk"):
        customer.refresh_from_db(fields=["cash_fen"])
        if customer.cash_fen < intent.amount_fen:
            break
        assert intent.method is not None, "a confirmed intent has a method"
        charge = Charge(
            id=new_id(), organization_id=intent.organization_id, intent=intent, method=intent.method,
            amount_fen=intent.amount_fen, created_at=at,
        )  # fmt: skip
        charge.save(force_insert=True)
        INTENT.move(intent, "arrive", by=by, at=at)
        paid.append(_take(intent, charge, Money(intent.amount_fen), by=by, at=at))
    return paid


def _transfer(charge: Charge, amount: Money) -> ledger.Transfer:
    wallet = ledger.Address(Purpose.WALLET, charge.organization_id)
    source = way_of(charge.method).counterpart(charge.organization_id, charge.pk)
    found = ledger.accounts([source, wallet])
    return ledger.Transfer(found[source], found[wallet], amount)


def _post(charge: Charge, amount: Money, *, by: Actor, at: datetime) -> Entry:
    """The entry of a capture: out of its hold, or at once for what was never only authorized."""
    if charge.hold_id is not None:
        return holds.post(by=by, at=at, hold_id=charge.hold_id, amount=amount)
    return ledger.post(
        key=f"charge:{charge.pk}",
        kind="charge",
        fact=charge,
        transfers=[_transfer(charge, amount)],
        at=at,
        memo=charge.intent.description[:200],
    )


def _take(intent: Intent, charge: Charge, amount: Money, *, by: Actor, at: datetime) -> Intent:
    """The money enters the balance: one entry, the charge captured, the intent succeeded."""
    charge.entry = _post(charge, amount, by=by, at=at)
    charge.captured_fen, charge.captured_at = amount.fen, at
    charge.save(update_fields=["entry", "captured_fen", "captured_at"])
    if way_of(charge.method).waits:
        assert intent.customer_id is not None, "a transfer comes from a customer"
        move = CashMove(
            customer_id=intent.customer_id, kind=CashKind.APPLIED, amount_fen=-amount.fen, at=at,
            intent=intent, entry=charge.entry,
        )  # fmt: skip
        move.save(force_insert=True)
        told = shapes.cash_move(move)
        tell(intent.organization_id, "customer_cash_balance_transaction.created", told, at=at)
    was_authorized = intent.state == IntentState.REQUIRES_CAPTURE
    intent.received_fen = amount.fen
    INTENT.move(intent, "capture", by=by, at=at, update_fields=["received_fen"])
    record(
        by=by, at=at, action="merchant.capture", subject=intent,
        detail={"amount_fen": amount.fen, "charge": str(charge.pk), "entry": str(charge.entry_id)},
    )  # fmt: skip
    kind = "charge.captured" if was_authorized else "charge.succeeded"
    tell(intent.organization_id, kind, shapes.charge(charge), at=at)
    tell(intent.organization_id, "payment_intent.succeeded", shape_of(intent), at=at)
    return intent


@transaction.atomic
def capture_intent(*, by: Actor, at: datetime, intent_id: UUID, amount: Money | None = None) -> Intent:
    """Take an authorized amount, or a part of it: the rest is let go. Raises UnexpectedState, AmountTooLarge."""
    intent = locked_intent(by, intent_id)
    by.require(COLLECT)
    if intent.state != IntentState.REQUIRES_CAPTURE:
        raise UnexpectedState(state=IntentState(intent.state).label)
    wanted = Money(intent.amount_fen) if amount is None else amount
    if wanted.fen <= 0:
        raise InvalidInput(field="amount_to_capture", reason=_("请款金额应大于零。"))
    if wanted.fen > intent.amount_fen:
        raise AmountTooLarge(field="amount_to_capture", most=Money(intent.amount_fen))
    charge = intent.charges.select_related("method", "hold").get(failure_code="")
    if charge.hold is not None and at >= charge.hold.expires_at:
        raise AuthorizationExpired(
            until=f"{charge.hold.expires_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"
        )
    charge.intent = intent
    return _take(intent, charge, wanted, by=by, at=at)


@transaction.atomic
def cancel_intent(*, by: Actor, at: datetime, intent_id: UUID, reason: str = "") -> Intent:
    """End an intent that took no money; an authorization is let go. Raises UnexpectedState."""
    intent = locked_intent(by, intent_id)
    by.require(COLLECT)
    if reason and reason not in GIVEN_REASONS:
        raise InvalidInput(
            field="cancellation_reason",
            reason=_("取消原因应为 duplicate、fraudulent、requested_by_customer 或 abandoned。"),
        )
    if intent.state not in INTENT.moves["cancel"].from_:
        raise UnexpectedState(state=IntentState(intent.state).label)
    held = Charge.objects.filter(intent=intent, hold__isnull=False, failure_code="").first()
    if held is not None and held.hold_id is not None:
        holds.void(by=by, at=at, hold_id=held.hold_id)
    intent.canceled_at, intent.cancellation_reason = at, reason
    INTENT.move(
        intent, "cancel", by=by, at=at, reason=reason, update_fields=["canceled_at", "cancellation_reason"]
    )
    record(by=by, at=at, action="merchant.cancel_intent", subject=intent, detail={"reason": reason})
    tell(intent.organization_id, "payment_intent.canceled", shape_of(intent), at=at)
    return intent


@transaction.atomic
def let_authorization_go(*, at: datetime, hold_id: UUID) -> Intent | None:
    """End an intent whose authorization is over; None when the hold is not a charge's or the intent went on before."""
    charge = Charge.objects.select_related("method", "hold").filter(hold=hold_id).first()
    if charge is None:
        return None
    by = Actor.system("系统 · 授权到期")
    intent = locked_intent(by, charge.intent_id)
    if intent.state != IntentState.REQUIRES_CAPTURE:
        return None
    if holds.expire(by=by, at=at, hold_id=hold_id).state != HoldState.EXPIRED:
        return None
    intent.canceled_at, intent.cancellation_reason = at, CancellationReason.EXPIRED
    INTENT.move(intent, "lapse", by=by, at=at, update_fields=["canceled_at", "cancellation_reason"])
    record(
        by=by, at=at, action="merchant.authorization_expired", subject=intent, detail={"hold": str(hold_id)}
    )
    charge.intent = intent
    tell(intent.organization_id, "charge.expired", shapes.charge(charge), at=at)
    tell(intent.organization_id, "payment_intent.canceled", shape_of(intent), at=at)
    return intent
