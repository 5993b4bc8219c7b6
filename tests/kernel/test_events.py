"""News travels inside the transaction: cause and effect stay together or go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import transaction

from accounts.models import User
from kernel import events
from kernel.events import Event, announce, wire
from tests.cast import NOON


@dataclass(frozen=True, kw_only=True)
class Rang(Event):
    times: int


@pytest.fixture(autouse=True)
def own_wiring() -> Iterator[None]:
    kept = dict(events._handlers)
    yield
    events._handlers.clear()
    events._handlers.update(kept)


@pytest.mark.django_db
def test_handlers_hear_in_order() -> None:
    heard: list[str] = []
    wire({Rang: [lambda news: heard.append(f"a{news.times}"), lambda news: heard.append("b")]})
    announce(Rang(at=NOON, times=2))
    assert heard == ["a2", "b"]


@pytest.mark.django_db
def test_news_nobody_listens_to_is_fine_and_wiring_replaces_the_table() -> None:
    wire({Rang: [lambda news: pytest.fail("old wiring")]})
    wire({})
    announce(Rang(at=NOON, times=1))


@pytest.mark.django_db(transaction=True)
def test_a_failing_handler_undoes_the_deed() -> None:
    def breaks(news: Rang) -> None:
        raise RuntimeError("handler")

    wire({Rang: [breaks]})

    @transaction.atomic
    def deed() -> None:
        User.objects.create_user("x@example.cn", "long-enough-password", name="x")
        announce(Rang(at=NOON, times=1))

    with pytest.raises(RuntimeError, match="handler"):
        deed()
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_news_outside_a_transaction_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        announce(Rang(at=NOON, times=1))
