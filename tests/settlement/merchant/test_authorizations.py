"""An authorization is a pending entry: captured, let go, or over after seven days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import holds
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Account, Hold
from settlement.merchant import refusals, rules, services
from settlement.merchant.models import Charge, Event, Intent
from tests import cast
from tests.settlement.merchant import shop

pytestmark = pytest.mark.django_db
NOON = cast.NOON
END = NOON + rules.AUTHORIZED_FOR


def authorized(fen: int) -> Intent:
    return shop.sale(fen, capture_method="manual")


def pending() -> int:
    """What is expected on the merchant's balance."""
    return int(Account.objects.get(organization=cast.lin().organization, purpose="wallet").pending_in_fen)


def test_an_authorization_waits_beside_the_books_and_a_capture_posts_it() -> None:
    intent = authorized(9_000)
    charge = Charge.objects.get(intent=intent)
    assert charge.hold is not None
    assert (charge.hold.amount_fen, charge.hold.expires_at) == (9_000, END)
    assert (pending(), shop.books()) == (9_000, {})
    services.capture_intent(by=cast.lin(), at=NOON, intent_id=intent.pk, amount=Money(4_000))
    charge.refresh_from_db()
    hold = Hold.objects.get()
    assert (hold.state, hold.posted_fen, hold.entry) == ("posted", 4_000, charge.entry)
    assert (pending(), shop.books()) == (0, {"bank": -4_000, "wallet": 4_000})


def test_a_canceled_authorization_lets_the_amount_go() -> None:
    intent = authorized(9_000)
    services.cancel_intent(by=cast.lin(), at=NOON, intent_id=intent.pk, reason="duplicate")
    assert (Hold.objects.get().state, pending(), shop.books()) == ("voided", 0, {})
    assert holds.expire_due(by=Actor.system("测试"), at=END) == 0
    intent.refresh_from_db()
    assert (intent.state, intent.cancellation_reason) == ("canceled", "duplicate")


def test_after_seven_days_an_authorization_is_over_and_the_account_is_told() -> None:
    intent, other = authorized(9_000), authorized(500)
    services.capture_intent(by=cast.lin(), at=END - timedelta(seconds=1), intent_id=other.pk)
    with pytest.raises(refusals.AuthorizationExpired):
        services.capture_intent(by=cast.lin(), at=END, intent_id=intent.pk)
    by = Actor.system("测试")
    assert holds.expire_due(by=by, at=END - timedelta(seconds=1)) == 0
    assert holds.expire_due(by=by, at=END) == 1
    intent.refresh_from_db()
    assert (intent.state, intent.cancellation_reason, intent.canceled_at) == ("canceled", "expired", END)
    assert (pending(), shop.books()) == (0, {"bank": -500, "wallet": 500})
    told = Event.objects.filter(created_at=END).order_by("pk").values_list("type", flat=True)
    assert list(told) == ["charge.expired", "payment_intent.canceled"]
    assert ledger.prove().is_sound


def test_the_merchant_sees_on_its_books_what_is_pending() -> None:
    authorized(9_000)
    wallet = Account.objects.get(organization=cast.lin().organization, purpose="wallet")
    client = Client()
    client.force_login(cast.lin().user)
    page = client.get("/ledger/").content.decode()
    assert "待入账（元）" in page
    assert "90.00" in page
    statement = client.get(f"/ledger/accounts/{wallet.pk}/").content.decode()
    assert "待入账的预留" in statement
    assert "商户收款" in statement
    told = client.get("/api/ledger/accounts").json()["items"]
    assert [(each["purpose"], each["posted_fen"], each["pending_in_fen"]) for each in told] == [
        ("wallet", 0, 9_000)
    ]


def test_an_expiry_is_not_given_as_a_reason_by_callers() -> None:
    from kernel.errors import InvalidInput

    with pytest.raises(InvalidInput):
        services.cancel_intent(by=cast.lin(), at=NOON, intent_id=authorized(100).pk, reason="expired")


@pytest.mark.django_db(transaction=True)
def test_a_capture_and_an_expiry_at_the_same_time_do_not_wait_for_each_other_in_a_circle() -> None:
    from tests.settlement.ledger import books

    intents = [authorized(100 + number) for number in range(4)]

    def race(number: int) -> Any:
        if number % 2:
            return holds.expire_due(by=Actor.system("测试"), at=END)
        early = END - timedelta(seconds=1)
        return services.capture_intent(by=cast.lin(), at=early, intent_id=intents[number // 2].pk).state

    results = books.at_once(8, race)
    expected = {"succeeded": 0, "canceled": 0}
    for intent in intents:
        intent.refresh_from_db()
        expected[intent.state] += 1
    assert sum(expected.values()) == 4
    assert not [each for each in results if isinstance(each, Exception) and "deadlock" in str(each)]
    assert pending() == 0
    assert ledger.prove().is_sound
