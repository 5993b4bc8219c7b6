"""Every write of merchants' payments. Locks in this order: customer, intent, charge; the ledger's accounts last."""

from settlement.merchant.services.customers import (
    attach_method,
    create_customer,
    create_method,
    delete_customer,
    fund_for_test,
    money_arrived,
    open_virtual_account,
    update_customer,
)
from settlement.merchant.services.deliveries import deliver, deliver_due, replay
from settlement.merchant.services.endpoints import (
    create_endpoint,
    delete_endpoint,
    roll_secret,
    update_endpoint,
)
from settlement.merchant.services.intents import (
    cancel_intent,
    capture_intent,
    confirm_intent,
    create_intent,
    let_authorization_go,
    update_intent,
)
from settlement.merchant.services.news import caused_by
from settlement.merchant.services.orders import note, note_refund
from settlement.merchant.services.payouts import (
    approve_payout,
    cancel_payout,
    create_payout,
    fail_payout,
    settle_payout,
    update_payout,
    use_bank_account,
)
from settlement.merchant.services.refunds import refund_charge, update_refund
from settlement.merchant.services.transfers import (
    create_transfer,
    reverse_transfer,
    update_reversal,
    update_transfer,
)

__all__ = [
    "approve_payout",
    "attach_method",
    "cancel_intent",
    "cancel_payout",
    "capture_intent",
    "caused_by",
    "confirm_intent",
    "create_customer",
    "create_endpoint",
    "create_intent",
    "create_method",
    "create_payout",
    "create_transfer",
    "delete_customer",
    "delete_endpoint",
    "deliver",
    "deliver_due",
    "fail_payout",
    "fund_for_test",
    "let_authorization_go",
    "money_arrived",
    "note",
    "note_refund",
    "open_virtual_account",
    "refund_charge",
    "replay",
    "reverse_transfer",
    "roll_secret",
    "settle_payout",
    "update_customer",
    "update_endpoint",
    "update_intent",
    "update_payout",
    "update_refund",
    "update_reversal",
    "update_transfer",
    "use_bank_account",
]
