"""Short ways to pay runs, for tests that start there."""

from __future__ import annotations

from datetime import UTC, date, datetime

from organizations.permissions import Actor
from settlement.payments import services as payments
from settlement.payruns import services
from settlement.payruns.models import PayRun
from tests import cast
from tests.settlement.payments.deals import NOON, project

MARCH = date(2026, 3, 1)
APRIL = datetime(2026, 4, 2, 4, 0, tzinfo=UTC)
CARD = "6222000000000000"


def fang() -> Actor:
    """Finance of 清蓝, the second person."""
    return cast.person("fang", cast.QINGLAN, cast.Role.FINANCE)


def card(number: int) -> str:
    """A card number with its right check digit."""
    from settlement.payruns.rules import is_card_number

    stem = f"622200000000{number:03d}"
    return next(f"{stem}{digit}" for digit in range(10) if is_card_number(f"{stem}{digit}"))


def told_account(name: str, number: int = 1) -> None:
    who = cast.person(name, cast.QINGLAN, cast.Role.ANNOTATOR)
    services.set_account(
        by=who, at=NOON, holder_name=name.title(), bank_name="示例银行清远支行", account=card(number)
    )


def earned(price_fen: int = 50, **tasks: int) -> None:
    """An accepted project of 清蓝 whose pay is booked."""
    made = project(price_fen=price_fen, **tasks)
    payments.pay_annotators(by=Actor.system("测试"), at=NOON, project_id=made.pk)


def approved() -> PayRun:
    """A run drawn up by 林晓 and approved by the second person; not paid yet (nothing commits in a test)."""
    run = services.draw_up(by=cast.lin(), at=APRIL, month=MARCH)
    services.submit(by=cast.lin(), at=APRIL, run_id=run.pk)
    return services.approve(by=fang(), at=APRIL, run_id=run.pk)
