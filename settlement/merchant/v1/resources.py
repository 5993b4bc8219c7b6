"""The resources of `/v1/`: each function reads its fields, calls one service or selector, shows the outcome."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _

from exchange.trading import services as trading
from kernel.errors import InvalidInput, NotFound
from kernel.money import Money
from organizations.permissions import Actor
from settlement.merchant import rules, selectors, services, shapes
from settlement.merchant.models import Intent, PaymentMethod
from settlement.merchant.refusals import (
    CustomerMissing,
    MethodMissing,
    NotForOrders,
    PaymentFailed,
    TestOnly,
)
from settlement.merchant.services.orders import refunded_fen
from settlement.merchant.shapes import Shape
from settlement.merchant.states import (
    GIVEN_REASONS,
    CancellationReason,
    CaptureMethod,
    PayoutState,
    RefundReason,
)
from settlement.merchant.v1 import finding
from settlement.merchant.v1.answering import Call
from settlement.merchant.v1.listing import Source, listed, one_by_one
from settlement.payments import selectors as orders
from settlement.payments import services as order_services
from settlement.payments.models import PaymentIntent as OrderIntent
from settlement.payments.models import Refund as OrderRefund
from settlement.payments.states import TestMethod

_WORDS = ("description", "statement_descriptor", "receipt_email", "transfer_group")
_MOST = {"description": 1000, "statement_descriptor": 22, "receipt_email": 320, "transfer_group": 120}
# What clients send for browsers and cards; it changes nothing here.
_IDLE = (
    "automatic_payment_methods", "confirmation_method", "error_on_requires_action", "off_session",
    "payment_method_options", "return_url", "use_stripe_sdk",
)  # fmt: skip


def _words(call: Call, *names: str) -> dict[str, str]:
    return {name: call.given.text(name, most=_MOST[name]) for name in names if call.given.has(name)}


# --- account, balance ---------------------------------------------------------------------------


def own_account(call: Call) -> Shape:
    call.given.done()
    if call.viewer.organization_id is None:
        raise NotFound
    return finding.account(call.viewer, call.viewer.organization_id)


def account(call: Call, thing: str) -> Shape:
    call.given.done()
    return finding.account(call.viewer, finding.id_of("acct", thing))


def external_accounts(call: Call, thing: str) -> Shape:
    finding.account(call.viewer, finding.id_of("acct", thing))
    call.given.ignore("object")
    rows = selectors.bank_accounts_visible_to(call.viewer)
    return listed(call, "ba", [Source(rows, one_by_one(shapes.bank_account), "added_at")])


def balance(call: Call) -> Shape:
    call.given.done()
    selectors.require_view(call.viewer)
    return shapes.balance(selectors.balance_of(call.viewer).fen, selectors.pending_of(call.viewer).fen)


def balance_transactions(call: Call) -> Shape:
    selectors.require_view(call.viewer)
    legs = selectors.balance_legs(call.viewer)
    payout = call.given.key("payout", "po")
    if payout is not None:
        legs = legs.filter(entry__fact_id=payout)
    source = call.given.text("source")
    if source:
        legs = legs.filter(entry__fact_id=finding.id_of(source.partition("_")[0], source, "source"))
    return listed(call, "txn", [Source(legs, finding.balance_transactions, "effective_at")], lookup="entry")


def balance_transaction(call: Call, thing: str) -> Shape:
    call.given.done()
    return finding.balance_transaction(call.viewer, finding.id_of("txn", thing))


# --- customers ----------------------------------------------------------------------------------


def create_customer(call: Call) -> Shape:
    given = call.given
    told = {**given.texts("phone", most=40), **_words(call, "description")}
    told |= given.texts("name", most=200) | given.texts("email", most=320)
    metadata = given.raw("metadata")
    given.done()
    made = services.create_customer(by=call.viewer, at=call.at, metadata=metadata, **told)
    return shapes.customer(made)


def update_customer(call: Call, thing: str) -> Shape:
    given, key = call.given, finding.id_of("cus", thing)
    told = {**given.texts("phone", most=40), **_words(call, "description")}
    told |= given.texts("name", most=200) | given.texts("email", most=320)
    metadata = given.raw("metadata")
    given.done()
    changed = services.update_customer(by=call.viewer, at=call.at, customer_id=key, metadata=metadata, **told)
    return shapes.customer(changed)


def delete_customer(call: Call, thing: str) -> Shape:
    call.given.done()
    key = finding.id_of("cus", thing)
    gone = services.delete_customer(by=call.viewer, at=call.at, customer_id=key)
    return shapes.customer(gone)


def customer(call: Call, thing: str) -> Shape:
    call.given.done()
    return finding.customer(call.viewer, finding.id_of("cus", thing))


def customers(call: Call) -> Shape:
    selectors.require_view(call.viewer)
    rows = selectors.customers_visible_to(call.viewer).filter(deleted_at__isnull=True)
    email = call.given.text("email", most=320)
    if email:
        rows = rows.filter(email=email)
    return listed(call, "cus", [Source(rows, one_by_one(shapes.customer))])


def fund(call: Call, thing: str) -> Shape:
    """Only in a test installation: a transfer arrives."""
    call.given.currency()
    amount, reference = call.given.required_amount(), call.given.text("reference", most=60)
    call.given.done()
    move = services.fund_for_test(
        by=call.viewer, at=call.at, customer_id=finding.id_of("cus", thing), amount=amount,
        reference=reference,
    )  # fmt: skip
    return shapes.cash_move(move)


def funding_instructions(call: Call, thing: str) -> Shape:
    given = call.given
    given.currency()
    given.choice("funding_type", ["bank_transfer"])
    given.inner("bank_transfer").choice("type", ["cn_bank_transfer"])
    given.done()
    key = finding.id_of("cus", thing)
    opened = services.open_virtual_account(by=call.viewer, at=call.at, customer_id=key)
    assert call.viewer.organization is not None, "a key belongs to an organization"
    return shapes.funding_instructions(opened, call.viewer.organization)


def cash_balance(call: Call, thing: str) -> Shape:
    call.given.done()
    return dict(finding.customer(call.viewer, finding.id_of("cus", thing)).get("cash_balance") or {})


def cash_balance_transactions(call: Call, thing: str) -> Shape:
    rows = selectors.cash_moves_of(call.viewer, finding.id_of("cus", thing))
    return listed(call, "ccsbtxn", [Source(rows, one_by_one(shapes.cash_move), "at")])


# --- ways to pay --------------------------------------------------------------------------------


def create_method(call: Call) -> Shape:
    given = call.given
    kind, metadata = given.text("type", required=True), given.raw("metadata")
    card = given.inner("card")
    token = card.text("token")
    if kind == "card" and card.has("number"):
        raise InvalidInput(
            field="card[number]", reason=_("平台不接收卡号。请使用测试卡令牌，例如 tok_visa。")
        )
    given.ignore("customer_balance", "billing_details")
    given.done()
    made = services.create_method(by=call.viewer, at=call.at, kind=kind, token=token, metadata=metadata)
    return shapes.payment_method(made)


def method(call: Call, thing: str) -> Shape:
    call.given.done()
    if thing in rules.TEST_CARDS:
        raise NotFound(field="payment_method")
    return finding.method(call.viewer, finding.id_of("pm", thing))


def methods(call: Call, thing: str = "") -> Shape:
    selectors.require_view(call.viewer)
    rows = selectors.methods_visible_to(call.viewer)
    customer_id = finding.id_of("cus", thing) if thing else call.given.key("customer", "cus")
    if customer_id is not None:
        finding.customer(call.viewer, customer_id)
        rows = rows.filter(customer=customer_id)
    kind = call.given.text("type")
    if kind:
        rows = rows.filter(kind=kind)
    return listed(call, "pm", [Source(rows, one_by_one(shapes.payment_method))])


def attach(call: Call, thing: str) -> Shape:
    customer_id = call.given.key("customer", "cus", required=True)
    call.given.done()
    row = _method(call, thing)
    attached = services.attach_method(by=call.viewer, at=call.at, method_id=row.pk, customer_id=customer_id)
    return shapes.payment_method(attached)


def detach(call: Call, thing: str) -> Shape:
    call.given.done()
    key = finding.id_of("pm", thing)
    detached = services.attach_method(by=call.viewer, at=call.at, method_id=key, customer_id=None)
    return shapes.payment_method(detached)


def _method(call: Call, text: str) -> PaymentMethod:
    """A way to pay by its id, or a fresh one of a test card."""
    if text in rules.TEST_CARDS:
        return services.create_method(by=call.viewer, at=call.at, kind="card", token=text)
    return finding.method_row(call.viewer, finding.id_of("pm", text, "payment_method"))


def _given_method(call: Call) -> PaymentMethod | None:
    """The way to pay that the fields name."""
    text, told = call.given.text("payment_method"), call.given.inner("payment_method_data")
    kind = told.text("type")
    if text:
        return _method(call, text)
    if not kind:
        return None
    card = told.inner("card").text("token")
    told.ignore("customer_balance", "billing_details")
    told.done()
    return services.create_method(by=call.viewer, at=call.at, kind=kind, token=card)


# --- payments -----------------------------------------------------------------------------------


def create_intent(call: Call) -> Shape:
    given = call.given
    given.ignore(*_IDLE)
    given.currency()
    amount, confirms = given.required_amount(), given.boolean("confirm")
    capture = given.choice("capture_method", [*CaptureMethod.values, "automatic_async"], "automatic")
    customer_id = given.key("customer", "cus")
    types, metadata, words = given.items("payment_method_types"), given.raw("metadata"), _words(call, *_WORDS)
    own = given.key("on_behalf_of", "acct")
    if own is not None and own != call.viewer.organization_id:
        raise NotFound(field="on_behalf_of")
    chosen = _given_method(call)
    given.done()
    made = services.create_intent(
        by=call.viewer,
        at=call.at,
        amount=amount,
        capture_method=CaptureMethod.MANUAL if capture == "manual" else CaptureMethod.AUTOMATIC,
        customer_id=customer_id,
        method=chosen,
        method_types=types,
        metadata=metadata,
        **words,
    )
    if confirms:
        return _confirmed(call, made.pk, None)
    return finding.intent(call.viewer, made.pk)


def update_intent(call: Call, thing: str) -> Shape:
    given, key = call.given, finding.id_of("pi", thing, "intent")
    _refuse_order(call.viewer, key)
    given.ignore(*_IDLE)
    given.currency(required=False)
    changed = services.update_intent(
        by=call.viewer,
        at=call.at,
        intent_id=key,
        amount=given.amount(),
        customer_id=given.key("customer", "cus"),
        method=_given_method(call),
        metadata=given.raw("metadata"),
        **_words(call, *_WORDS),
    )
    given.done()
    return finding.intent(call.viewer, changed.pk)


def intent(call: Call, thing: str) -> Shape:
    call.given.ignore("client_secret")
    call.given.done()
    return finding.intent(call.viewer, finding.id_of("pi", thing, "intent"))


def intents(call: Call) -> Shape:
    """Free-standing payments and payments of orders, in one list."""
    selectors.require_view(call.viewer)
    own = selectors.intents_visible_to(call.viewer).filter(organization=call.viewer.organization_id)
    sources = [Source(own, one_by_one(shapes.intent))]
    customer_id = call.given.key("customer", "cus")
    if customer_id is not None:
        sources = [Source(own.filter(customer=customer_id), one_by_one(shapes.intent))]
    else:
        of_orders = selectors.order_intents_of(call.viewer)
        sources.append(Source(of_orders, one_by_one(shapes.order_intent)))
    return listed(call, "pi", sources)


def _refuse_order(viewer: Actor, key: UUID) -> None:
    found = finding.order_intent(viewer, key)
    if found is not None:
        raise NotForOrders(number=found.order.number)


def confirm_intent(call: Call, thing: str) -> Shape:
    given, key = call.given, finding.id_of("pi", thing, "intent")
    given.ignore(*_IDLE)
    of_order = finding.order_intent(call.viewer, key)
    if of_order is not None:
        name = given.text("payment_method", required=True)
        given.done()
        return _order_paid(call, of_order, name)
    chosen = _given_method(call)
    given.done()
    return _confirmed(call, key, chosen)


def _confirmed(call: Call, key: UUID, chosen: PaymentMethod | None) -> Shape:
    done: Intent = services.confirm_intent(by=call.viewer, at=call.at, intent_id=key, method=chosen)
    shape = finding.intent(call.viewer, done.pk)
    if done.last_error:
        raise PaymentFailed(told={**done.last_error, "payment_intent": shape})
    return shape


def _order_paid(call: Call, found: OrderIntent, name: str) -> Shape:
    """Pay an order into escrow with a test card, by the order's own rules."""
    card = rules.TEST_CARDS.get(name)
    if settings.PAYMENTS_LIVE:
        raise TestOnly(field="payment_method")
    if card is None:
        raise MethodMissing(field="payment_method")
    try:
        order_services.pay_order(
            by=call.viewer, at=call.at, order_id=found.order_id,
            method=TestMethod.DECLINED if card.failure_code else TestMethod.OK,
        )  # fmt: skip
    except order_services.PaymentDeclined as refusal:
        told = {
            "type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
            "message": str(refusal), "payment_intent": finding.intent(call.viewer, found.pk),
        }  # fmt: skip
        raise PaymentFailed(told=told) from refusal
    return finding.intent(call.viewer, found.pk)


def capture_intent(call: Call, thing: str) -> Shape:
    key, amount = finding.id_of("pi", thing, "intent"), call.given.amount("amount_to_capture")
    call.given.ignore("final_capture")
    call.given.done()
    _refuse_order(call.viewer, key)
    services.capture_intent(by=call.viewer, at=call.at, intent_id=key, amount=amount)
    return finding.intent(call.viewer, key)


def cancel_intent(call: Call, thing: str) -> Shape:
    key = finding.id_of("pi", thing, "intent")
    reason = call.given.choice("cancellation_reason", GIVEN_REASONS)
    call.given.done()
    of_order = finding.order_intent(call.viewer, key)
    if of_order is not None:
        words = str(CancellationReason(reason).label) if reason else _("通过接口取消")
        trading.cancel_order(by=call.viewer, at=call.at, order_id=of_order.order_id, reason=words)
    else:
        services.cancel_intent(by=call.viewer, at=call.at, intent_id=key, reason=reason)
    return finding.intent(call.viewer, key)


def apply_customer_balance(call: Call, thing: str) -> Shape:
    """Arrived money is applied by itself; this tells where the intent stands."""
    call.given.currency(required=False)
    call.given.ignore("amount")
    call.given.done()
    shape = finding.intent(call.viewer, finding.id_of("pi", thing, "intent"))
    if shape["customer"] is None:
        raise CustomerMissing(field="customer")
    return shape


def _order_charges(rows: list[OrderIntent]) -> list[Shape]:
    given = OrderRefund.objects.filter(order__in=[row.order_id for row in rows]).values_list("order_id")
    back = {order_id: int(fen) for order_id, fen in given.annotate(fen=Sum("amount_fen"))}
    return [shapes.order_charge(row, back.get(row.order_id, 0)) for row in rows]


def charges(call: Call) -> Shape:
    selectors.require_view(call.viewer)
    own = selectors.charges_visible_to(call.viewer)
    of_orders = selectors.order_intents_of(call.viewer).filter(escrow_entry__isnull=False)
    customer_id, intent_id = call.given.key("customer", "cus"), call.given.key("payment_intent", "pi")
    if intent_id is not None:
        own, of_orders = own.filter(intent=intent_id), of_orders.filter(pk=intent_id)
    if customer_id is not None:
        own, of_orders = own.filter(intent__customer=customer_id), of_orders.none()
    sources = [Source(own, one_by_one(shapes.charge)), Source(of_orders, _order_charges)]
    return listed(call, "ch", sources)


def charge(call: Call, thing: str) -> Shape:
    call.given.done()
    return finding.charge(call.viewer, finding.id_of("ch", thing, "charge"))


# --- refunds ------------------------------------------------------------------------------------


def create_refund(call: Call) -> Shape:
    given = call.given
    charge_id, intent_id = given.key("charge", "ch"), given.key("payment_intent", "pi")
    amount, metadata = given.amount(), given.raw("metadata")
    reason = given.choice("reason", RefundReason.values)
    given.ignore("refund_application_fee", "reverse_transfer")
    given.done()
    wanted = charge_id or intent_id
    if wanted is None:
        raise InvalidInput(field="payment_intent", reason=_("请给出要退款的 payment_intent 或 charge。"))
    of_order = finding.order_intent(call.viewer, wanted)  # an order's charge wears its intent's digits
    if of_order is not None:
        return _order_refund(call, of_order, amount, reason, metadata)
    if charge_id is None:
        finding.intent(call.viewer, wanted)
        taken = selectors.charges_visible_to(call.viewer).filter(intent=wanted, failure_code="").first()
        if taken is None:
            raise InvalidInput(field="payment_intent", reason=_("这笔收款还没有成功，没有可退的款项。"))
        charge_id = taken.pk
    made = services.refund_charge(
        by=call.viewer, at=call.at, charge_id=charge_id, amount=amount, reason=reason, metadata=metadata
    )
    return finding.refund(call.viewer, made.pk)


def _order_refund(call: Call, found: OrderIntent, amount: Money | None, reason: str, metadata: Any) -> Shape:
    """Give back of a released order; the words for both sides may stand in `metadata[reason]`."""
    words = metadata.get("reason", "") if isinstance(metadata, dict) else ""
    label = str(RefundReason(reason).label) if reason else _("通过接口退款")
    left = Money(shapes.released_fen(found) - refunded_fen(found.order_id))
    made = order_services.refund_order(
        by=call.viewer,
        at=call.at,
        order_id=found.order_id,
        amount=left if amount is None else amount,
        reason=words if isinstance(words, str) and words else label,
    )
    return finding.refund(call.viewer, made.pk)


def update_refund(call: Call, thing: str) -> Shape:
    metadata = call.given.raw("metadata")
    call.given.done()
    key = finding.id_of("re", thing, "refund")
    services.update_refund(by=call.viewer, at=call.at, refund_id=key, metadata=metadata)
    return finding.refund(call.viewer, key)


def refund(call: Call, thing: str) -> Shape:
    call.given.done()
    return finding.refund(call.viewer, finding.id_of("re", thing, "refund"))


def refunds(call: Call) -> Shape:
    selectors.require_view(call.viewer)
    own = selectors.refunds_visible_to(call.viewer).filter(organization=call.viewer.organization_id)
    mine = selectors.order_intents_of(call.viewer).values("order_id")
    of_orders = orders.refunds_visible_to(call.viewer).select_related("order__payment").filter(order__in=mine)
    charge_id, intent_id = call.given.key("charge", "ch"), call.given.key("payment_intent", "pi")
    if charge_id is not None:
        own, of_orders = own.filter(charge=charge_id), of_orders.filter(order__payment=charge_id)
    if intent_id is not None:
        own, of_orders = own.filter(charge__intent=intent_id), of_orders.filter(order__payment=intent_id)
    sources = [
        Source(own, one_by_one(shapes.refund)),
        Source(of_orders, one_by_one(shapes.order_refund), "refunded_at"),
    ]
    return listed(call, "re", sources)


# --- transfers, payouts -------------------------------------------------------------------------


def create_transfer(call: Call) -> Shape:
    given = call.given
    given.currency()
    amount, destination = given.required_amount(), given.key("destination", "acct", required=True)
    words, metadata = _words(call, "description", "transfer_group"), given.raw("metadata")
    given.done()
    assert destination is not None, "required"
    made = services.create_transfer(
        by=call.viewer, at=call.at, destination_id=destination, amount=amount, metadata=metadata, **words
    )
    return shapes.transfer(made)


def update_transfer(call: Call, thing: str) -> Shape:
    given = call.given
    description = given.text("description", most=1000) if given.has("description") else None
    metadata = given.raw("metadata")
    given.done()
    changed = services.update_transfer(
        by=call.viewer, at=call.at, transfer_id=finding.id_of("tr", thing), metadata=metadata,
        description=description,
    )  # fmt: skip
    return shapes.transfer(changed)


def transfer(call: Call, thing: str) -> Shape:
    call.given.done()
    return finding.transfer(call.viewer, finding.id_of("tr", thing))


def transfers(call: Call) -> Shape:
    """Those the account made; ones it received stand in its balance transactions."""
    selectors.require_view(call.viewer)
    rows = selectors.transfers_visible_to(call.viewer).filter(organization=call.viewer.organization_id)
    destination, group = call.given.key("destination", "acct"), call.given.text("transfer_group")
    if destination is not None:
        rows = rows.filter(destination=destination)
    if group:
        rows = rows.filter(transfer_group=group)
    return listed(call, "tr", [Source(rows, one_by_one(shapes.transfer))])


def reverse_transfer(call: Call, thing: str) -> Shape:
    given = call.given
    amount, metadata, words = given.amount(), given.raw("metadata"), _words(call, "description")
    given.ignore("refund_application_fee")
    given.done()
    made = services.reverse_transfer(
        by=call.viewer, at=call.at, transfer_id=finding.id_of("tr", thing), amount=amount, metadata=metadata,
        **words,
    )  # fmt: skip
    return shapes.transfer_reversal(made)


def reversals(call: Call, thing: str) -> Shape:
    key = finding.id_of("tr", thing)
    finding.transfer(call.viewer, key)
    rows = selectors.reversals_visible_to(call.viewer, key)
    return listed(call, "trr", [Source(rows, one_by_one(shapes.transfer_reversal))])


def _reversal_of(call: Call, thing: str, reversal: str) -> UUID:
    """The reversal, if it is one of that transfer."""
    key = finding.id_of("trr", reversal, "reversal")
    rows = selectors.reversals_visible_to(call.viewer, finding.id_of("tr", thing))
    if not rows.filter(pk=key).exists():
        raise NotFound(field="reversal")
    return key


def reversal(call: Call, thing: str, reversal: str) -> Shape:
    call.given.done()
    return finding.transfer_reversal(call.viewer, _reversal_of(call, thing, reversal))


def update_reversal(call: Call, thing: str, reversal: str) -> Shape:
    metadata = call.given.raw("metadata")
    call.given.done()
    key = _reversal_of(call, thing, reversal)
    changed = services.update_reversal(by=call.viewer, at=call.at, reversal_id=key, metadata=metadata)
    return shapes.transfer_reversal(changed)


def create_payout(call: Call) -> Shape:
    given = call.given
    given.currency()
    given.choice("method", ["standard"])
    given.choice("source_type", ["card", "bank_account"])
    amount, metadata = given.required_amount(), given.raw("metadata")
    words, destination = _words(call, "description", "statement_descriptor"), given.key("destination", "ba")
    given.done()
    made = services.create_payout(
        by=call.viewer, at=call.at, amount=amount, destination_id=destination, metadata=metadata, **words
    )
    return shapes.payout(made)


def update_payout(call: Call, thing: str) -> Shape:
    metadata = call.given.raw("metadata")
    call.given.done()
    key = finding.id_of("po", thing)
    return shapes.payout(services.update_payout(by=call.viewer, at=call.at, payout_id=key, metadata=metadata))


def cancel_payout(call: Call, thing: str) -> Shape:
    call.given.done()
    key = finding.id_of("po", thing)
    return shapes.payout(services.cancel_payout(by=call.viewer, at=call.at, payout_id=key))


def payout(call: Call, thing: str) -> Shape:
    call.given.done()
    return finding.payout(call.viewer, finding.id_of("po", thing))


def payouts(call: Call) -> Shape:
    selectors.require_view(call.viewer)
    rows = selectors.payouts_visible_to(call.viewer).filter(organization=call.viewer.organization_id)
    status = call.given.choice("status", PayoutState.values)
    if status:
        rows = rows.filter(state=status)
    return listed(call, "po", [Source(rows, one_by_one(shapes.payout))])


# --- events -------------------------------------------------------------------------------------


def event(call: Call, thing: str) -> Shape:
    call.given.done()
    return finding.event(call.viewer, finding.id_of("evt", thing))


def events(call: Call) -> Shape:
    selectors.require_view(call.viewer)
    rows = selectors.events_visible_to(call.viewer)
    kinds = [*call.given.items("types"), *filter(None, [call.given.text("type")])]
    exact = [kind for kind in kinds if not kind.endswith(".*")]
    if kinds and len(exact) == len(kinds):
        rows = rows.filter(type__in=exact)
    elif kinds:
        if len(kinds) > 1:
            raise InvalidInput(field="types", reason=_("带 * 的事件类型只能单独使用。"))
        rows = rows.filter(type__startswith=kinds[0][:-1])
    shown = lambda found: [shapes.event(row, pending=row.waiting) for row in found]  # noqa: E731
    return listed(call, "evt", [Source(rows, shown)])


def create_endpoint(call: Call) -> Shape:
    given = call.given
    url, wanted = given.text("url", required=True), given.items("enabled_events")
    description, metadata = given.text("description"), given.raw("metadata")
    given.ignore("api_version")
    given.done()
    made, secret = services.create_endpoint(
        by=call.viewer, at=call.at, url=url, enabled_events=wanted, description=description,
        metadata=metadata,
    )  # fmt: skip
    return shapes.webhook_endpoint(made, secret)


def update_endpoint(call: Call, thing: str) -> Shape:
    given = call.given
    disabled = given.boolean("disabled")
    changed = services.update_endpoint(
        by=call.viewer,
        at=call.at,
        endpoint_id=finding.id_of("we", thing),
        url=given.text("url") if given.has("url") else None,
        enabled_events=given.items("enabled_events") if given.has("enabled_events") else None,
        is_enabled=None if disabled is None else not disabled,
        description=given.text("description") if given.has("description") else None,
        metadata=given.raw("metadata"),
    )
    given.done()
    return shapes.webhook_endpoint(changed)


def delete_endpoint(call: Call, thing: str) -> Shape:
    call.given.done()
    key = finding.id_of("we", thing)
    services.delete_endpoint(by=call.viewer, at=call.at, endpoint_id=key)
    return shapes.deleted("we", "webhook_endpoint", key)


def endpoint(call: Call, thing: str) -> Shape:
    call.given.done()
    return finding.endpoint(call.viewer, finding.id_of("we", thing))


def endpoints(call: Call) -> Shape:
    rows = selectors.endpoints_visible_to(call.viewer)
    return listed(call, "we", [Source(rows, one_by_one(shapes.webhook_endpoint))])
