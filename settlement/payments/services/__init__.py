"""Every write of payments. The order's row is the lock of all its money."""

from settlement.payments.services.commissions import (
    BrokerBalanceTooLow,
    pay_commission,
)
from settlement.payments.services.earnings import ProjectNotAccepted, pay_accepted, pay_annotators
from settlement.payments.services.intents import (
    AlreadyPaid,
    OrderNotPayable,
    PaymentDeclined,
    TestMethodsOff,
    book_transfer,
    cancel_with_order,
    open_intent,
    pay_order,
    require_unpaid,
)
from settlement.payments.services.refunds import (
    NothingReleased,
    RefundKeyReused,
    RefundTooLarge,
    WalletTooLow,
    refund_order,
)
from settlement.payments.services.releases import (
    EscrowNotHeld,
    release_accepted,
    release_escrow,
    return_escrow,
    return_part,
    return_reduced,
    return_whole,
)

__all__ = [
    "AlreadyPaid",
    "BrokerBalanceTooLow",
    "EscrowNotHeld",
    "NothingReleased",
    "OrderNotPayable",
    "PaymentDeclined",
    "ProjectNotAccepted",
    "RefundKeyReused",
    "RefundTooLarge",
    "TestMethodsOff",
    "WalletTooLow",
    "book_transfer",
    "cancel_with_order",
    "open_intent",
    "pay_accepted",
    "pay_annotators",
    "pay_commission",
    "pay_order",
    "refund_order",
    "release_accepted",
    "release_escrow",
    "require_unpaid",
    "return_escrow",
    "return_part",
    "return_reduced",
    "return_whole",
]
