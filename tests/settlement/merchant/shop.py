"""A merchant with a key, its money, and the official client against the live server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import stripe

from kernel import clock
from kernel.money import Money
from organizations.permissions import Actor
from organizations.services import create_api_key
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Purpose
from settlement.merchant import services
from settlement.merchant.models import Intent, PaymentMethod
from tests import cast

SCOPES = (
    "merchant.view", "merchant.collect", "merchant.refund", "merchant.transfer", "merchant.pay_out",
    "merchant.develop", "payments.view", "orders.view",
)  # fmt: skip
YUAN = 100


def key_of(who: Actor, *scopes: str, name: str = "收款程序") -> str:
    """The text of a fresh key of that person's organization."""
    _row, text = create_api_key(
        by=who, at=clock.now(), name=name, scopes=scopes or SCOPES, lifetime=timedelta(days=30)
    )
    return text


def client_for(address: str, key: str, *, retries: int = 0) -> stripe.StripeClient:
    """The official client with all its base addresses on our server."""
    line = stripe.new_default_http_client()
    _lines.append(line)
    return stripe.StripeClient(
        key,
        http_client=line,
        base_addresses={"api": address, "connect": address, "files": address, "meter_events": address},
        max_network_retries=retries,
    )


_lines: list[stripe.HTTPClient] = []


def hang_up() -> None:
    """Close every connection of the clients, so that the server's threads end."""
    while _lines:
        _lines.pop().close()


def pay_account(who: Actor | None = None) -> None:
    """Name a bank account of the merchant."""
    services.use_bank_account(
        by=who or cast.lin(), at=cast.NOON, holder="清蓝数据标注（示例）有限公司", bank_name="示例银行清远分行",
        number="6222 0000 1234 5678",
    )  # fmt: skip


def card(name: str = "pm_card_visa", who: Actor | None = None) -> PaymentMethod:
    return services.create_method(by=who or cast.lin(), at=cast.NOON, kind="card", token=name)


def sale(fen: int, *, who: Actor | None = None, **told: Any) -> Intent:
    """A payment that succeeded."""
    who = who or cast.lin()
    made = services.create_intent(by=who, at=cast.NOON, amount=Money(fen), method=card(who=who), **told)
    return services.confirm_intent(by=who, at=cast.NOON, intent_id=made.pk)


def fang() -> Actor:
    """Finance of 清蓝."""
    return cast.person("fang", cast.QINGLAN, cast.Role.FINANCE)


def bo() -> Actor:
    """Finance of 清蓝, too."""
    return cast.person("bo", cast.QINGLAN, cast.Role.FINANCE)


def qian() -> Actor:
    """Finance of the operator."""
    return cast.person("qian", cast.BASE, cast.Role.FINANCE)


def books() -> dict[str, int]:
    """What lies where, in fen, proven from the raw rows."""
    assert ledger.prove().is_sound
    rows = ledger.trial_balance().rows
    return {
        row.purpose.value: row.credit_fen - row.debit_fen for row in rows if row.credit_fen or row.debit_fen
    }


def wallet(who: Actor | None = None) -> int:
    organization = (who or cast.lin()).organization
    return ledger.balance_of(organization=organization, purpose=Purpose.WALLET).fen
