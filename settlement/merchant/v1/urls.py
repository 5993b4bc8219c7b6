"""Addresses of `/v1/`, as the official client asks for them (no slash at the end).

What stands here is in the OpenAPI document, with its fields from `describing`.
"""

from django.urls import path

from settlement.merchant.v1 import resources as r
from settlement.merchant.v1.answering import resource

urlpatterns = [
    path("account", resource(GET=r.own_account)),
    path("accounts/<str:thing>", resource(GET=r.account)),
    path("accounts/<str:thing>/external_accounts", resource(GET=r.external_accounts)),
    path("balance", resource(GET=r.balance)),
    path("balance_transactions", resource(GET=r.balance_transactions)),
    path("balance_transactions/<str:thing>", resource(GET=r.balance_transaction)),
    path("customers", resource(GET=r.customers, POST=r.create_customer)),
    path(
        "customers/<str:thing>",
        resource(GET=r.customer, POST=r.update_customer, DELETE=r.delete_customer),
    ),
    path("customers/<str:thing>/cash_balance", resource(GET=r.cash_balance)),
    path("customers/<str:thing>/cash_balance_transactions", resource(GET=r.cash_balance_transactions)),
    path("customers/<str:thing>/funding_instructions", resource(POST=r.funding_instructions)),
    path("customers/<str:thing>/payment_methods", resource(GET=r.methods)),
    path("test_helpers/customers/<str:thing>/fund_cash_balance", resource(POST=r.fund)),
    path("payment_methods", resource(GET=r.methods, POST=r.create_method)),
    path("payment_methods/<str:thing>", resource(GET=r.method)),
    path("payment_methods/<str:thing>/attach", resource(POST=r.attach)),
    path("payment_methods/<str:thing>/detach", resource(POST=r.detach)),
    path("payment_intents", resource(GET=r.intents, POST=r.create_intent)),
    path("payment_intents/<str:thing>", resource(GET=r.intent, POST=r.update_intent)),
    path("payment_intents/<str:thing>/confirm", resource(POST=r.confirm_intent)),
    path("payment_intents/<str:thing>/capture", resource(POST=r.capture_intent)),
    path("payment_intents/<str:thing>/cancel", resource(POST=r.cancel_intent)),
    path("payment_intents/<str:thing>/apply_customer_balance", resource(POST=r.apply_customer_balance)),
    path("charges", resource(GET=r.charges)),
    path("charges/<str:thing>", resource(GET=r.charge)),
    path("refunds", resource(GET=r.refunds, POST=r.create_refund)),
    path("refunds/<str:thing>", resource(GET=r.refund, POST=r.update_refund)),
    path("transfers", resource(GET=r.transfers, POST=r.create_transfer)),
    path("transfers/<str:thing>", resource(GET=r.transfer, POST=r.update_transfer)),
    path("transfers/<str:thing>/reversals", resource(GET=r.reversals, POST=r.reverse_transfer)),
    path("transfers/<str:thing>/reversals/<str:reversal>", resource(GET=r.reversal, POST=r.update_reversal)),
    path("payouts", resource(GET=r.payouts, POST=r.create_payout)),
    path("payouts/<str:thing>", resource(GET=r.payout, POST=r.update_payout)),
    path("payouts/<str:thing>/cancel", resource(POST=r.cancel_payout)),
    path("events", resource(GET=r.events)),
    path("events/<str:thing>", resource(GET=r.event)),
    path("webhook_endpoints", resource(GET=r.endpoints, POST=r.create_endpoint)),
    path(
        "webhook_endpoints/<str:thing>",
        resource(GET=r.endpoint, POST=r.update_endpoint, DELETE=r.delete_endpoint),
    ),
    path("<path:thing>", resource()),
]
