"""Pay runs' tests: the news of trading and annotation reaches payments and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from annotation.projects.events import ProjectAccepted
from exchange.trading.events import OrderAccepted
from kernel import events
from settlement.payments import services


@pytest.fixture(autouse=True)
def only_payments_listens() -> Iterator[None]:
    before = dict(events._handlers)
    events.wire({OrderAccepted: [services.release_accepted], ProjectAccepted: [services.pay_accepted]})
    yield
    events._handlers.clear()
    events._handlers.update(before)
