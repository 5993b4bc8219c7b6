"""The official `stripe` client works against `/v1/` unchanged: only its addresses are ours."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from settlement.merchant import services
from settlement.merchant.models import Event, Intent, Payout
from settlement.payments.models import PaymentIntent as OrderIntent
from tests import cast
from tests.exchange import market
from tests.settlement.merchant import shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(live_server: Any) -> stripe.StripeClient:
    return shop.client_for(live_server.url, shop.key_of(cast.lin()))


def test_a_payment_is_created_confirmed_found_and_refunded(client: stripe.StripeClient) -> None:
    made = client.v1.payment_intents.create(
        {"amount": 120_00, "currency": "cny", "metadata": {"contract": "HT-7"}, "description": "标注服务"}
    )
    assert (made.object, made.status, made.amount, made.currency) == (
        "payment_intent", "requires_payment_method", 12000, "cny",
    )  # fmt: skip
    assert made.id.startswith("pi_")
    assert made.metadata["contract"] == "HT-7"

    paid = client.v1.payment_intents.confirm(
        made.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge.balance_transaction"]}
    )
    assert (paid.status, paid.amount_received) == ("succeeded", 12000)
    charge: Any = paid.latest_charge
    assert (charge.object, charge.paid, charge.captured, charge.payment_method_details.card.last4) == (
        "charge", True, True, "4242",
    )  # fmt: skip
    line = charge.balance_transaction
    assert (line.type, line.amount, line.fee, line.net, line.source) == ("charge", 12000, 0, 12000, charge.id)
    assert client.v1.balance.retrieve().available[0].amount == 12000

    back = client.v1.refunds.create({"payment_intent": made.id, "amount": 2000, "reason": "duplicate"})
    assert (back.status, back.amount, back.charge, back.reason) == ("succeeded", 2000, charge.id, "duplicate")
    rest = client.v1.refunds.create({"charge": charge.id})
    assert rest.amount == 10000
    whole = client.v1.charges.retrieve(charge.id)
    assert (whole.amount_refunded, whole.refunded) == (12000, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": charge.id, "amount": 1})
    assert (refused.value.code, refused.value.http_status) == ("charge_already_refunded", 400)
    assert [each.amount for each in client.v1.refunds.list({"payment_intent": made.id}).data] == [10000, 2000]
    assert shop.books() == {}  # every account is back at nothing


def test_manual_capture_in_part_and_cancellation(client: stripe.StripeClient) -> None:
    held = client.v1.payment_intents.create(
        {"amount": 9000, "currency": "cny", "capture_method": "manual", "confirm": True,
         "payment_method": "pm_card_mastercard"}
    )  # fmt: skip
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 9000, 0)
    assert client.v1.balance.retrieve().available[0].amount == 0
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(held.id, {"amount_to_capture": 9001})
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount_to_capture")
    taken = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 4000})
    assert (taken.status, taken.amount_received, taken.amount_capturable) == ("succeeded", 4000, 0)
    assert client.v1.balance.retrieve().available[0].amount == 4000
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.payment_intents.cancel(held.id)
    assert again.value.code == "payment_intent_unexpected_state"

    open_ = client.v1.payment_intents.create({"amount": 100, "currency": "cny"})
    ended = client.v1.payment_intents.cancel(open_.id, {"cancellation_reason": "abandoned"})
    assert (ended.status, ended.cancellation_reason) == ("canceled", "abandoned")
    assert ended.canceled_at is not None


def test_a_declined_card_is_a_card_error_and_another_card_pays(client: stripe.StripeClient) -> None:
    made = client.v1.payment_intents.create({"amount": 500, "currency": "cny"})
    options: Any = {"idempotency_key": "declined-once"}
    for _time in range(2):
        with pytest.raises(stripe.CardError) as declined:
            client.v1.payment_intents.confirm(
                made.id, {"payment_method": "pm_card_chargeDeclinedInsufficientFunds"}, options
            )
        error: Any = declined.value
        assert (error.http_status, error.code, error.error.decline_code) == (
            402, "card_declined", "insufficient_funds",
        )  # fmt: skip
        assert error.error.payment_intent.id == made.id
    assert declined.value.headers is not None
    assert declined.value.headers["Idempotent-Replayed"] == "true"
    found = client.v1.payment_intents.retrieve(made.id)
    assert (found.status, found.last_payment_error.code) == ("requires_payment_method", "card_declined")
    assert len(client.v1.charges.list({"payment_intent": made.id}).data) == 1
    done = client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert (done.status, done.last_payment_error) == ("succeeded", None)


def test_customers_methods_and_a_bank_transfer(client: stripe.StripeClient) -> None:
    buyer = client.v1.customers.create({"name": "云山智能（示例）", "email": "pay@example.cn"})
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    client.v1.payment_methods.attach(method.id, {"customer": buyer.id})
    assert [each.id for each in client.v1.customers.payment_methods.list(buyer.id).data] == [method.id]
    client.v1.payment_methods.detach(method.id)
    assert client.v1.customers.payment_methods.list(buyer.id).data == []
    with pytest.raises(stripe.InvalidRequestError) as number:
        client.v1.payment_methods.create({"type": "card", "card": {"number": "4242424242424242"}})
    assert number.value.param == "card[number]"

    waiting = client.v1.payment_intents.create(
        {"amount": 30000, "currency": "cny", "customer": buyer.id, "confirm": True,
         "payment_method_types": ["customer_balance"],
         "payment_method_data": {"type": "customer_balance"}}
    )  # fmt: skip
    told: Any = waiting.next_action
    shown = told.display_bank_transfer_instructions
    assert (waiting.status, shown.amount_remaining) == ("requires_action", 30000)
    account = shown.financial_addresses[0]["cn"]["account_number"]
    instructions = client.v1.customers.funding_instructions.create(
        buyer.id,
        {"bank_transfer": {"type": "cn_bank_transfer"}, "currency": "cny", "funding_type": "bank_transfer"},
    )
    assert instructions.bank_transfer.financial_addresses[0]["cn"]["account_number"] == account
    client.v1.test_helpers.customers.fund_cash_balance(buyer.id, {"amount": 10000, "currency": "cny"})
    assert client.v1.payment_intents.retrieve(waiting.id).status == "requires_action"
    client.v1.test_helpers.customers.fund_cash_balance(buyer.id, {"amount": 25000, "currency": "cny"})
    assert client.v1.payment_intents.retrieve(waiting.id).status == "succeeded"
    cash: Any = client.v1.customers.cash_balance.retrieve(buyer.id)
    assert cash.available["cny"] == 5000
    moves = client.v1.customers.cash_balance_transactions.list(buyer.id).data
    assert [(each.type, each.net_amount) for each in moves] == [
        ("applied_to_payment", -30000), ("funded", 25000), ("funded", 10000),
    ]  # fmt: skip
    assert shop.books() == {"bank": -35000, "wallet": 30000, "customer_cash": 5000}

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.delete(buyer.id)  # unused money lies there
    other = client.v1.customers.create({"name": "匿名", "metadata": {"a": "1", "b": "2"}})
    changed = client.v1.customers.update(other.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata is not None
    assert dict(changed.metadata.to_dict()) == {"b": "2", "c": "3"}
    assert client.v1.customers.delete(other.id).deleted is True
    gone: Any = client.v1.customers.retrieve(other.id)
    assert (gone.id, gone.deleted) == (other.id, True)
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.customers.update(other.id, {"name": "x"})
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")


def test_a_deleted_customer_keeps_its_payments_and_makes_no_new_ones(client: stripe.StripeClient) -> None:
    buyer = client.v1.customers.create({"name": "云山智能（示例）", "email": "pay@example.cn"})
    card = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    client.v1.payment_methods.attach(card.id, {"customer": buyer.id})
    paid = client.v1.payment_intents.create(
        {"amount": 30000, "currency": "cny", "customer": buyer.id, "payment_method": card.id, "confirm": True}
    )
    draft = client.v1.payment_intents.create(
        {"amount": 500, "currency": "cny", "customer": buyer.id, "payment_method": card.id}
    )
    held = client.v1.payment_intents.create(
        {"amount": 700, "currency": "cny", "customer": buyer.id, "payment_method": card.id, "confirm": True,
         "capture_method": "manual"}
    )  # fmt: skip
    gone = client.v1.customers.delete(buyer.id)
    assert (gone.id, gone.object, gone.deleted) == (buyer.id, "customer", True)
    told: Any = client.v1.events.list({"limit": 2}).data
    assert [each.type for each in told] == ["customer.deleted", "payment_method.detached"]
    assert buyer.id not in [each.id for each in client.v1.customers.list().data]

    charge: Any = client.v1.charges.retrieve(str(paid.latest_charge), {"expand": ["customer"]})
    assert (charge.amount, charge.customer.id, charge.customer.deleted) == (30000, buyer.id, True)
    assert client.v1.payment_methods.retrieve(card.id).customer is None
    assert client.v1.payment_intents.capture(held.id).status == "succeeded"
    assert client.v1.refunds.create({"charge": charge.id, "amount": 10000}).status == "succeeded"
    assert client.v1.payment_intents.list({"customer": buyer.id}).data[0].id == held.id

    def refused(work: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError) as no:
            work()
        assert (no.value.http_status, no.value.code, no.value.param) == (400, "resource_missing", "customer")
        assert buyer.id in str(no.value.user_message)

    refused(lambda: client.v1.payment_intents.create({"amount": 1, "currency": "cny", "customer": buyer.id}))
    refused(lambda: client.v1.payment_intents.confirm(draft.id, {"payment_method": "pm_card_visa"}))
    other = client.v1.payment_intents.create({"amount": 1, "currency": "cny"})
    refused(lambda: client.v1.payment_intents.update(other.id, {"customer": buyer.id}))
    refused(lambda: client.v1.payment_methods.attach(card.id, {"customer": buyer.id}))
    assert client.v1.payment_intents.cancel(draft.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.customers.delete(buyer.id)
    assert (again.value.http_status, again.value.code) == (404, "resource_missing")
    assert len(client.v1.charges.list({"customer": buyer.id}).data) == 2


def test_transfers_and_payouts(client: stripe.StripeClient, live_server: Any) -> None:
    shop.sale(10_000 * shop.YUAN)
    other = cast.organization(cast.BEIJIANG)
    moved = client.v1.transfers.create(
        {"amount": 3000_00, "currency": "cny", "destination": f"acct_{other.pk.hex}", "description": "分成"}
    )
    assert (moved.amount, moved.destination, moved.reversed) == (300000, f"acct_{other.pk.hex}", False)
    assert (shop.wallet(), shop.wallet(cast.he())) == (700000, 300000)
    theirs = shop.client_for(live_server.url, shop.key_of(cast.he()))
    line = theirs.v1.balance_transactions.list().data[0]
    assert (line.type, line.net, line.source) == ("payment", 300000, moved.id)

    with pytest.raises(stripe.InvalidRequestError) as nowhere:
        client.v1.payouts.create({"amount": 100, "currency": "cny"})
    assert nowhere.value.code == "no_account"
    shop.pay_account()
    sent = client.v1.payouts.create({"amount": 2000_00, "currency": "cny", "metadata": {"n": "1"}})
    assert (sent.status, sent.amount) == ("in_transit", 200000)
    assert client.v1.balance.retrieve().available[0].amount == 500000
    with pytest.raises(stripe.InvalidRequestError) as sent_already:
        client.v1.payouts.cancel(sent.id)
    assert sent_already.value.http_status == 400
    services.settle_payout(by=shop.qian(), at=cast.NOON, payout_id=Payout.objects.get().pk)
    assert client.v1.payouts.retrieve(sent.id).status == "paid"
    account = client.v1.accounts.retrieve_current()
    banks = client.v1.accounts.external_accounts.list(account.id).data
    assert [each.id for each in banks] == [sent.destination]
    with pytest.raises(stripe.InvalidRequestError) as short:
        client.v1.payouts.create({"amount": 5000_01, "currency": "cny"})
    assert short.value.code == "balance_insufficient"
    assert [each.type for each in client.v1.balance_transactions.list().data] == [
        "payout",
        "transfer",
        "charge",
    ]


def test_transfers_are_reversed_in_parts_and_never_above_what_was_moved(
    client: stripe.StripeClient, live_server: Any
) -> None:
    shop.sale(10_000)
    other = cast.organization(cast.BEIJIANG)
    sent = client.v1.transfers.create(
        {"amount": 6000, "currency": "cny", "destination": f"acct_{other.pk.hex}"}
    )
    part = client.v1.transfers.reversals.create(sent.id, {"amount": 1000, "metadata": {"why": "多转"}})
    assert (part.object, part.amount, part.transfer, part.metadata.to_dict()) == (
        "transfer_reversal", 1000, sent.id, {"why": "多转"},
    )  # fmt: skip
    found = client.v1.transfers.retrieve(sent.id, {"expand": ["reversals.data.balance_transaction"]})
    assert (found.amount_reversed, found.reversed) == (1000, False)
    line: Any = found.reversals.data[0].balance_transaction
    assert (line.type, line.net, line.source) == ("transfer_refund", 1000, part.id)
    with pytest.raises(stripe.InvalidRequestError) as above:
        client.v1.transfers.reversals.create(sent.id, {"amount": 5001})
    assert (above.value.code, above.value.param) == ("transfer_already_reversed", "amount")

    theirs = shop.client_for(live_server.url, shop.key_of(cast.he()))
    rest = theirs.v1.transfers.reversals.create(sent.id)
    assert rest.amount == 5000
    whole = client.v1.transfers.retrieve(sent.id)
    assert (whole.amount_reversed, whole.reversed) == (6000, True)
    assert [each.id for each in client.v1.transfers.reversals.list(sent.id).data] == [rest.id, part.id]
    noted = client.v1.transfers.reversals.update(sent.id, part.id, {"metadata": {"seen": "1"}})
    assert noted.metadata.to_dict() == {"why": "多转", "seen": "1"}
    assert client.v1.transfers.reversals.retrieve(sent.id, part.id).metadata["seen"] == "1"
    with pytest.raises(stripe.InvalidRequestError) as foreign:
        client.v1.transfers.reversals.update(sent.id, rest.id, {"metadata": {"seen": "1"}})
    assert foreign.value.http_status == 404
    assert shop.books() == {"bank": -10_000, "wallet": 10_000}
    assert (shop.wallet(), shop.wallet(cast.he())) == (10_000, 0)


def test_an_old_transfer_comes_back_only_from_who_received_it(
    client: stripe.StripeClient, live_server: Any, settings: Any
) -> None:
    settings.TRANSFER_REVERSAL_HOURS = 0
    shop.sale(10_000)
    other = cast.organization(cast.BEIJIANG)
    sent = client.v1.transfers.create(
        {"amount": 6000, "currency": "cny", "destination": f"acct_{other.pk.hex}"}
    )
    with pytest.raises(stripe.PermissionError) as late:
        client.v1.transfers.reversals.create(sent.id)
    told: Any = late.value.json_body
    assert told["error"]["code"] == "transfer_reversal_not_allowed"
    theirs = shop.client_for(live_server.url, shop.key_of(cast.he()))
    assert theirs.v1.transfers.reversals.create(sent.id).amount == 6000
    stranger = shop.client_for(live_server.url, shop.key_of(cast.zhou()))
    with pytest.raises(stripe.InvalidRequestError) as unseen:
        stranger.v1.transfers.reversals.create(sent.id)
    assert unseen.value.http_status == 404


def test_an_authorization_tells_until_when_it_can_be_captured(client: stripe.StripeClient) -> None:
    held = client.v1.payment_intents.create(
        {"amount": 9000, "currency": "cny", "capture_method": "manual", "confirm": True,
         "payment_method": "pm_card_visa", "expand": ["latest_charge"]}
    )  # fmt: skip
    charge: Any = held.latest_charge
    assert charge.payment_method_details.card.capture_before == charge.created + 7 * 86_400
    assert client.v1.payment_methods.list().data[0].card.last4 == "4242"


def test_lists_page_through_by_themselves_both_ways(client: stripe.StripeClient) -> None:
    ids = [client.v1.payment_intents.create({"amount": n + 1, "currency": "cny"}).id for n in range(7)]
    found = client.v1.payment_intents.list({"limit": 3})
    assert (found.url, found.has_more, [each.id for each in found.data]) == (
        "/v1/payment_intents", True, ids[:-4:-1],
    )  # fmt: skip
    assert [each.id for each in found.auto_paging_iter()] == ids[::-1]
    upward = client.v1.payment_intents.list({"limit": 2, "ending_before": ids[0]})
    assert [each.id for each in upward.data] == [ids[2], ids[1]]
    assert [each.id for each in upward.auto_paging_iter()] == ids[1:]
    created = client.v1.payment_intents.retrieve(ids[3]).created
    assert len(client.v1.payment_intents.list({"created": {"gte": created - 600}}).data) == 7
    assert client.v1.payment_intents.list({"created": {"gt": created + 600}}).data == []
    with pytest.raises(stripe.InvalidRequestError) as nothing:
        client.v1.payment_intents.list({"starting_after": "pi_" + "0" * 32})
    assert nothing.value.param == "starting_after"


def test_idempotency_keys_replay_and_refuse_other_content(client: stripe.StripeClient) -> None:
    options: Any = {"idempotency_key": "order-1"}
    first = client.v1.payment_intents.create({"amount": 100, "currency": "cny"}, options)
    again = client.v1.payment_intents.create({"amount": 100, "currency": "cny"}, options)
    assert first.id == again.id
    assert "Idempotent-Replayed" not in first.last_response.headers  # type: ignore[union-attr]
    assert again.last_response.headers["Idempotent-Replayed"] == "true"  # type: ignore[union-attr]
    with pytest.raises(stripe.IdempotencyError) as other:
        client.v1.payment_intents.create({"amount": 101, "currency": "cny"}, options)
    assert other.value.http_status == 400
    assert Intent.objects.count() == 1


def test_errors_are_the_clients_own_exceptions(client: stripe.StripeClient, live_server: Any) -> None:
    with pytest.raises(stripe.AuthenticationError):
        shop.client_for(live_server.url, "qs_nobody.nothing").v1.balance.retrieve()
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.v1.payment_intents.create({"amount": 1, "currency": "cny", "colour": "red"})  # type: ignore[typeddict-unknown-key]
    assert (unknown.value.code, unknown.value.param) == ("parameter_unknown", "colour")
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payment_intents.create({"currency": "cny"})  # type: ignore[typeddict-item]
    assert (missing.value.code, missing.value.param) == ("parameter_missing", "amount")
    with pytest.raises(stripe.InvalidRequestError) as dollars:
        client.v1.payment_intents.create({"amount": 1, "currency": "usd"})
    assert dollars.value.param == "currency"
    with pytest.raises(stripe.InvalidRequestError) as nothing:
        client.v1.payment_intents.retrieve("pi_nothing")
    assert (nothing.value.http_status, nothing.value.code) == (404, "resource_missing")
    assert nothing.value.request_id is not None
    assert nothing.value.request_id.startswith("req_")
    reader = shop.client_for(live_server.url, shop.key_of(cast.lin(), "merchant.view", name="只读"))
    assert reader.v1.balance.retrieve().available[0].amount == 0
    with pytest.raises(stripe.PermissionError):
        reader.v1.payment_intents.create({"amount": 1, "currency": "cny"})
    theirs = shop.client_for(live_server.url, shop.key_of(cast.he()))
    mine = client.v1.payment_intents.create({"amount": 1, "currency": "cny"})
    with pytest.raises(stripe.InvalidRequestError) as hidden:
        theirs.v1.payment_intents.retrieve(mine.id)
    assert hidden.value.http_status == 404


def test_webhook_endpoints_and_events(client: stripe.StripeClient) -> None:
    made = client.v1.webhook_endpoints.create(
        {"url": "https://example.cn/hook", "enabled_events": ["payment_intent.succeeded"]}
    )
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert "secret" not in client.v1.webhook_endpoints.retrieve(made.id)
    changed = client.v1.webhook_endpoints.update(made.id, {"disabled": True, "enabled_events": ["*"]})
    assert (changed.status, changed.enabled_events) == ("disabled", ["*"])
    assert [each.id for each in client.v1.webhook_endpoints.list().data] == [made.id]
    with pytest.raises(stripe.InvalidRequestError) as plain:
        client.v1.webhook_endpoints.create({"url": "http://example.cn/", "enabled_events": ["*"]})
    assert plain.value.param == "url"
    shop.sale(700)
    kinds = [each.type for each in client.v1.events.list().auto_paging_iter()]
    assert kinds == ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]
    chosen: Any = client.v1.events.list({"type": "payment_intent.*"}).data
    assert [each.sequence for each in chosen] == [2, 1]
    again: Any = client.v1.events.retrieve(chosen[0].id)
    assert again.data.object.status == "succeeded"
    assert client.v1.webhook_endpoints.delete(made.id).deleted is True
    assert client.v1.webhook_endpoints.list().data == []


def test_an_order_is_paid_and_seen_by_both_sides(live_server: Any) -> None:
    order = market.contracted()
    from settlement.payments import services as payments

    payments.open_intent(by=cast.zhou(), at=cast.NOON, order_id=order.pk)
    buyer = shop.client_for(
        live_server.url,
        shop.key_of(cast.zhou(), "payments.view", "payments.pay", "orders.view", "merchant.view"),
    )
    seller = shop.client_for(live_server.url, shop.key_of(cast.lin()))
    found = buyer.v1.payment_intents.list().data[0]
    assert found.metadata["order"] == order.number
    assert seller.v1.payment_intents.retrieve(found.id).status == "requires_payment_method"
    with pytest.raises(stripe.CardError):
        buyer.v1.payment_intents.confirm(found.id, {"payment_method": "pm_test_declined"})
    assert OrderIntent.objects.get().failure == "declined"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        buyer.v1.payment_intents.capture(found.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    paid = buyer.v1.payment_intents.confirm(found.id, {"payment_method": "pm_test_ok"})
    assert (paid.status, paid.amount_capturable) == ("requires_capture", order.amount_fen)
    told = Event.objects.filter(type="payment_intent.amount_capturable_updated")
    assert {event.organization_id for event in told} == {order.buyer_id, order.supplier_id}


def test_cancelling_an_orders_intent_cancels_the_order(live_server: Any) -> None:
    order = market.contracted()
    from settlement.payments import services as payments

    payments.open_intent(by=cast.zhou(), at=cast.NOON, order_id=order.pk)
    key = shop.key_of(cast.zhou(), "payments.view", "orders.view", "orders.cancel", "merchant.view")
    buyer = shop.client_for(live_server.url, key)
    found = buyer.v1.payment_intents.list().data[0]
    assert buyer.v1.payment_intents.cancel(found.id).status == "canceled"
    order.refresh_from_db()
    assert order.state == "cancelled"
