"""Objects as `/v1/` shows them. Pure: rows in, plain values out; related things are named by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from exchange.trading.models import Order
from organizations.models import Organization
from settlement.ledger.models import Posting
from settlement.merchant.models import (
    BankAccount,
    CashMove,
    Charge,
    Customer,
    Event,
    Intent,
    PaymentMethod,
    Payout,
    Refund,
    Transfer,
    TransferReversal,
    VirtualAccount,
    WebhookEndpoint,
)
from settlement.merchant.rules import CURRENCY, public_id
from settlement.merchant.states import IntentState, PayoutState
from settlement.payments.models import PaymentIntent as OrderIntent
from settlement.payments.models import Refund as OrderRefund
from settlement.payments.states import IntentState as OrderState

API_VERSION = "2025-03-31.basil"
Shape = dict[str, Any]


def seconds(at: datetime | None) -> int | None:
    """A moment as whole seconds since 1970."""
    return None if at is None else int(at.timestamp())


def _id(prefix: str, key: UUID | None) -> str | None:
    return public_id(prefix, key) if key else None


def _head(prefix: str, kind: str, key: UUID, at: datetime) -> Shape:
    return {
        "id": public_id(prefix, key),
        "object": kind,
        "created": seconds(at),
        "livemode": bool(settings.PAYMENTS_LIVE),
    }


def listing(url: str, rows: Sequence[Shape], *, has_more: bool) -> Shape:
    """A list as `/v1/` shows it."""
    return {"object": "list", "url": url, "has_more": has_more, "data": list(rows)}


def deleted(prefix: str, kind: str, key: UUID) -> Shape:
    """What is left of a deleted thing."""
    return {"id": public_id(prefix, key), "object": kind, "deleted": True}


# --- customers and their ways to pay -----------------------------------------------------------


def customer(row: Customer) -> Shape:
    if row.deleted_at:
        return deleted("cus", "customer", row.pk)
    return {
        **_head("cus", "customer", row.pk, row.created_at),
        "balance": 0,
        "currency": CURRENCY,
        "name": row.name or None,
        "email": row.email or None,
        "phone": row.phone or None,
        "description": row.description or None,
        "metadata": row.metadata,
        "cash_balance": cash_balance(row),
    }


def cash_balance(row: Customer) -> Shape:
    return {
        "object": "cash_balance",
        "available": {CURRENCY: row.cash_fen},
        "customer": public_id("cus", row.pk),
        "livemode": bool(settings.PAYMENTS_LIVE),
        "settings": {"reconciliation_mode": "automatic", "using_merchant_default": True},
    }


def cash_move(row: CashMove) -> Shape:
    shown = _head("ccsbtxn", "customer_cash_balance_transaction", row.pk, row.at)
    return {
        **shown,
        "type": row.kind,
        "currency": CURRENCY,
        "customer": public_id("cus", row.customer_id),
        "net_amount": row.amount_fen,
        "payment_intent": _id("pi", row.intent_id),
        "reference": row.reference or None,
    }


def funding_instructions(row: VirtualAccount, holder: Organization) -> Shape:
    return {
        "object": "funding_instructions",
        "funding_type": "bank_transfer",
        "currency": CURRENCY,
        "livemode": bool(settings.PAYMENTS_LIVE),
        "bank_transfer": {
            "country": "CN",
            "type": "cn_bank_transfer",
            "financial_addresses": [financial_address(row, holder)],
        },
    }


def financial_address(row: VirtualAccount, holder: Organization) -> Shape:
    return {
        "type": "cn",
        "supported_networks": ["cnaps"],
        "cn": {
            "account_number": row.number,
            "account_holder_name": holder.name,
            "bank_name": settings.PAYMENTS_BANK_NAME,
        },
    }


def payment_method(row: PaymentMethod) -> Shape:
    shown = {
        **_head("pm", "payment_method", row.pk, row.created_at),
        "type": row.kind,
        "customer": _id("cus", row.customer_id),
        "metadata": row.metadata,
    }
    return {**shown, **method_details(row)}


def method_details(row: PaymentMethod) -> Shape:
    """The part of a method that a charge repeats."""
    if row.kind == "card":
        return {"card": {"brand": row.brand, "last4": row.last4, "funding": "credit", "country": "CN"}}
    return {row.kind: {}}


# --- payments ----------------------------------------------------------------------------------

_NONE = dict.fromkeys(
    ("application", "application_fee_amount", "on_behalf_of", "review", "shipping", "transfer_data", "source",
     "automatic_payment_methods", "setup_future_usage", "statement_descriptor_suffix", "client_secret",
     "processing")
)  # fmt: skip


def intent(row: Intent) -> Shape:
    """A free-standing payment. Needs `customer__virtual_account`, `organization` and `charges` at hand."""
    charges = sorted(row.charges.all(), key=lambda each: each.pk)
    return {
        **_NONE,
        **_head("pi", "payment_intent", row.pk, row.created_at),
        "amount": row.amount_fen,
        "amount_capturable": row.amount_fen if row.state == IntentState.REQUIRES_CAPTURE else 0,
        "amount_received": row.received_fen,
        "amount_details": {"tip": {}},
        "canceled_at": seconds(row.canceled_at),
        "cancellation_reason": row.cancellation_reason or None,
        "capture_method": row.capture_method,
        "confirmation_method": "automatic",
        "currency": CURRENCY,
        "customer": _id("cus", row.customer_id),
        "description": row.description or None,
        "last_payment_error": row.last_error,
        "latest_charge": _id("ch", charges[-1].pk if charges else None),
        "metadata": row.metadata,
        "next_action": _next_action(row),
        "payment_method": _id("pm", row.method_id),
        "payment_method_options": {},
        "payment_method_types": list(row.method_types),
        "receipt_email": row.receipt_email or None,
        "statement_descriptor": row.statement_descriptor or None,
        "status": row.state,
        "transfer_group": row.transfer_group or None,
    }


def _next_action(row: Intent) -> Shape | None:
    if row.state != IntentState.REQUIRES_ACTION or row.customer is None:
        return None
    account = row.customer.virtual_account
    return {
        "type": "display_bank_transfer_instructions",
        "display_bank_transfer_instructions": {
            "type": "cn_bank_transfer",
            "currency": CURRENCY,
            "amount_remaining": max(row.amount_fen - row.customer.cash_fen, 0),
            "reference": account.number,
            "financial_addresses": [financial_address(account, row.organization)],
        },
    }


def order_intent(row: OrderIntent) -> Shape:
    """The payment of an order, as buyer and supplier see it: capture follows the acceptance. Needs `order`."""
    held = row.state == OrderState.REQUIRES_CAPTURE
    is_paid = row.escrow_entry_id is not None
    return {
        **_NONE,
        **_head("pi", "payment_intent", row.pk, row.created_at),
        "amount": row.amount_fen,
        "amount_capturable": row.amount_fen - returned_fen(row) if held else 0,
        "amount_received": released_fen(row),
        "amount_details": {"tip": {}},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "manual",
        "confirmation_method": "automatic",
        "currency": CURRENCY,
        "customer": None,
        "description": row.order.number,
        "last_payment_error": _decline(row) if row.failure else None,
        "latest_charge": _id("ch", row.pk if is_paid else None),
        "metadata": order_metadata(row.order),
        "next_action": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "receipt_email": None,
        "statement_descriptor": None,
        "status": row.state,
        "transfer_group": row.order.number,
    }


def order_metadata(order: Order) -> dict[str, str]:
    return {"order": order.number, "order_id": str(order.pk)}


def released_fen(row: OrderIntent) -> int:
    release = getattr(row, "release", None)
    return int(release.gross_fen) if release else 0


def returned_fen(row: OrderIntent) -> int:
    returned = getattr(row, "escrow_return", None)
    return int(returned.amount_fen) if returned else 0


def _decline(row: OrderIntent) -> Shape:
    return {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": str(row.get_failure_display()),
    }


def charge(row: Charge) -> Shape:
    """One attempt. Needs `intent` and `method` at hand."""
    paid = not row.failure_code
    return {
        **_head("ch", "charge", row.pk, row.created_at),
        "amount": row.amount_fen,
        "amount_captured": row.captured_fen,
        "amount_refunded": row.refunded_fen,
        "balance_transaction": _id("txn", row.entry_id),
        "captured": bool(row.captured_fen),
        "currency": CURRENCY,
        "customer": _id("cus", row.intent.customer_id),
        "description": row.intent.description or None,
        "disputed": False,
        "failure_code": row.failure_code or None,
        "failure_message": None,
        "metadata": row.intent.metadata,
        "outcome": {
            "type": "authorized" if paid else "issuer_declined",
            "network_status": "approved_by_network" if paid else "declined_by_network",
            "reason": row.decline_code or None,
        },
        "paid": paid,
        "payment_intent": public_id("pi", row.intent_id),
        "payment_method": public_id("pm", row.method_id),
        "payment_method_details": {"type": row.method.kind, **_paid_with(row)},
        "receipt_email": row.intent.receipt_email or None,
        "refunded": 0 < row.captured_fen == row.refunded_fen,
        "status": "succeeded" if paid else "failed",
        "transfer_group": row.intent.transfer_group or None,
    }


def _paid_with(row: Charge) -> Shape:
    """The method's details; of an authorization also until when it can be captured."""
    details = method_details(row.method)
    if row.hold is not None:
        details[row.method.kind] |= {"capture_before": seconds(row.hold.expires_at)}
    return details


def order_charge(row: OrderIntent, refunded_fen: int) -> Shape:
    """An order's money in escrow as a charge. Needs `order`, `release`, `escrow_return`."""
    release = getattr(row, "release", None)
    gone = refunded_fen + returned_fen(row)
    return {
        **_head("ch", "charge", row.pk, row.authorized_at or row.created_at),
        "amount": row.amount_fen,
        "amount_captured": released_fen(row),
        "amount_refunded": gone,
        "balance_transaction": _id("txn", release.entry_id if release else None),
        "captured": release is not None,
        "currency": CURRENCY,
        "customer": None,
        "description": row.order.number,
        "disputed": row.order.state == "disputed",
        "failure_code": None,
        "failure_message": None,
        "metadata": order_metadata(row.order),
        "outcome": {"type": "authorized", "network_status": "approved_by_network", "reason": None},
        "paid": True,
        "payment_intent": public_id("pi", row.pk),
        "payment_method": None,
        "payment_method_details": {"type": "card", "card": {}},
        "receipt_email": None,
        "refunded": gone == row.amount_fen,
        "status": "succeeded",
        "transfer_group": row.order.number,
    }


def refund(row: Refund) -> Shape:
    """Money given back. Needs `charge`."""
    return {
        **_head("re", "refund", row.pk, row.created_at),
        "amount": row.amount_fen,
        "balance_transaction": _id("txn", row.entry_id),
        "charge": public_id("ch", row.charge_id),
        "currency": CURRENCY,
        "metadata": row.metadata,
        "payment_intent": public_id("pi", row.charge.intent_id),
        "reason": row.reason or None,
        "receipt_number": None,
        "status": "succeeded",
    }


def order_refund(row: OrderRefund) -> Shape:
    """A refund of an order. Needs `order__payment`."""
    paid = row.order.payment
    return {
        **_head("re", "refund", row.pk, row.refunded_at),
        "amount": row.amount_fen,
        "balance_transaction": _id("txn", row.entry_id),
        "charge": public_id("ch", paid.pk),
        "currency": CURRENCY,
        "metadata": {**order_metadata(row.order), "reason": row.reason[:500]},
        "payment_intent": public_id("pi", paid.pk),
        "reason": None,
        "receipt_number": row.number,
        "status": "succeeded",
    }


# --- balance, transfers, payouts ---------------------------------------------------------------


def account(row: Organization) -> Shape:
    may = row.is_verified
    return {
        **_head("acct", "account", row.pk, row.recorded_at),
        "type": "standard",
        "country": "CN",
        "default_currency": CURRENCY,
        "business_type": "company",
        "business_profile": {"name": row.name, "support_phone": row.contact_phone or None},
        "company": {"name": row.name, "tax_id_provided": True},
        "charges_enabled": may,
        "payouts_enabled": may,
        "details_submitted": may,
        "email": None,
        "metadata": {"uscc": row.uscc},
    }


def bank_account(row: BankAccount) -> Shape:
    return {
        "id": public_id("ba", row.pk),
        "object": "bank_account",
        "account": public_id("acct", row.organization_id),
        "account_holder_name": row.holder,
        "account_holder_type": "company",
        "bank_name": row.bank_name,
        "country": "CN",
        "currency": CURRENCY,
        "default_for_currency": row.retired_at is None,
        "last4": row.last4,
        "metadata": {},
        "status": "new",
    }


def balance(available_fen: int, pending_fen: int) -> Shape:
    """Available is the ledger's balance; pending is the supplier's part of what lies in escrow."""

    def part(fen: int) -> Shape:
        return {"amount": fen, "currency": CURRENCY, "source_types": {"card": fen}}

    return {
        "object": "balance",
        "available": [part(available_fen)],
        "pending": [part(pending_fen)],
        "livemode": bool(settings.PAYMENTS_LIVE),
    }


_TYPES = {
    "charge": "charge",
    "charge_refund": "refund",
    "payout": "payout",
    "payout_failure": "payout_failure",
    "payout_cancel": "payout_cancel",
    "release": "payment",
    "refund": "payment_refund",
}


def balance_transaction(leg: Posting, fee_fen: int, source: str | None) -> Shape:
    """A leg of a ledger entry on the account's wallet; `fee_fen` is what the same entry gave the exchange. Needs `entry`."""
    entry, net = leg.entry, int(leg.amount_fen)
    kind = _TYPES.get(entry.kind, "adjustment")
    if entry.kind in ("transfer", "commission", "commission_return"):
        kind = "transfer" if net < 0 else "payment"
    elif entry.kind == "transfer_reversal":
        kind = "transfer_refund" if net > 0 else "payment_refund"
    details = [{"amount": fee_fen, "currency": CURRENCY, "description": "fee", "type": "application_fee"}]
    return {
        "id": public_id("txn", entry.pk),
        "object": "balance_transaction",
        "amount": net + fee_fen,
        "available_on": seconds(entry.effective_at),
        "created": seconds(entry.effective_at),
        "currency": CURRENCY,
        "description": entry.memo or None,
        "exchange_rate": None,
        "fee": fee_fen,
        "fee_details": details if fee_fen else [],
        "net": net,
        "reporting_category": kind,
        "source": source,
        "status": "available",
        "type": kind,
    }


def transfer(row: Transfer) -> Shape:
    """Money to another account, with its newest reversals. Prefetch `reversals` for lists."""
    back = sorted(row.reversals.all(), key=lambda each: each.pk, reverse=True)
    here = f"/v1/transfers/{public_id('tr', row.pk)}/reversals"
    return {
        **_head("tr", "transfer", row.pk, row.created_at),
        "amount": row.amount_fen,
        "amount_reversed": row.reversed_fen,
        "balance_transaction": public_id("txn", row.entry_id),
        "currency": CURRENCY,
        "description": row.description or None,
        "destination": public_id("acct", row.destination_id),
        "metadata": row.metadata,
        "reversals": listing(here, [transfer_reversal(each) for each in back[:10]], has_more=len(back) > 10),
        "reversed": row.amount_fen == row.reversed_fen,
        "source_transaction": None,
        "transfer_group": row.transfer_group or None,
    }


def transfer_reversal(row: TransferReversal) -> Shape:
    """A transfer's money on its way back."""
    return {
        **_head("trr", "transfer_reversal", row.pk, row.created_at),
        "amount": row.amount_fen,
        "balance_transaction": public_id("txn", row.entry_id),
        "currency": CURRENCY,
        "destination_payment_refund": None,
        "metadata": row.metadata,
        "source_refund": None,
        "transfer": public_id("tr", row.transfer_id),
    }


def payout(row: Payout) -> Shape:
    has_failed = row.state == PayoutState.FAILED
    return {
        **_head("po", "payout", row.pk, row.created_at),
        "amount": row.amount_fen,
        "arrival_date": seconds(row.settled_at or row.created_at),
        "automatic": False,
        "approvals_needed": row.approvals_needed,
        "balance_transaction": public_id("txn", row.entry_id),
        "currency": CURRENCY,
        "description": row.description or None,
        "destination": public_id("ba", row.bank_account_id),
        "failure_balance_transaction": _id("txn", row.back_entry_id),
        "failure_code": "declined" if has_failed else None,
        "failure_message": row.failure_message or None,
        "metadata": row.metadata,
        "method": "standard",
        "source_type": "card",
        "statement_descriptor": row.statement_descriptor or None,
        "status": row.state,
        "type": "bank_account",
    }


# --- events ------------------------------------------------------------------------------------


def event(row: Event, pending: int = 0) -> Shape:
    return {
        **_head("evt", "event", row.pk, row.created_at),
        "api_version": API_VERSION,
        "data": row.data,
        "pending_webhooks": pending,
        "request": {"id": row.request_id or None, "idempotency_key": row.idempotency_key or None},
        "sequence": row.sequence,
        "type": row.type,
    }


def webhook_endpoint(row: WebhookEndpoint, secret: str = "") -> Shape:
    """An endpoint; its secret stands there only in the answer to its making."""
    shown: Mapping[str, Any] = {"secret": secret} if secret else {}
    return {
        **_head("we", "webhook_endpoint", row.pk, row.created_at),
        "api_version": None,
        "application": None,
        "description": row.description or None,
        "enabled_events": row.enabled_events,
        "metadata": row.metadata,
        "status": "enabled" if row.is_enabled else "disabled",
        "url": row.url,
        **shown,
    }
