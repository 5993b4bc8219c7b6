"""A small set of accounts for the ledger's tests."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

from django.db import connections

from kernel.money import Money
from organizations.models import Organization
from settlement.ledger import services
from settlement.ledger.models import Account, Entry, Purpose
from tests import cast


def firm() -> Organization:
    return cast.organization(cast.QINGLAN)


def buyer() -> Organization:
    return cast.organization(cast.YUNSHAN)


def bank() -> Account:
    return services.account(purpose=Purpose.BANK)


def wallet() -> Account:
    return services.account(organization=firm(), purpose=Purpose.WALLET)


def escrow() -> Account:
    return services.account(organization=buyer(), purpose=Purpose.ESCROW)


def move(key: str, source: Account, destination: Account, fen: int) -> Entry:
    """Post one transfer with the firm as its fact, at the cast's noon."""
    transfer = services.Transfer(source, destination, Money(fen))
    return services.post(key=key, kind="test", fact=firm(), transfers=[transfer], at=cast.NOON)


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """Run `work(0) … work(count - 1)` in threads that start together; results, or the exceptions raised."""
    barrier, results = Barrier(count), [None] * count

    def run(number: int) -> None:
        try:
            barrier.wait(10)
            results[number] = work(number)  # type: ignore[call-overload]
        except Exception as error:
            results[number] = error  # type: ignore[call-overload]
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
