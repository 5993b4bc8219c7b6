"""The demo's broker pilot."""

from __future__ import annotations

import pytest

from config.stories import broker_pilot, people
from config.stories.way import shanghai
from exchange.pilots.models import Pilot, Round
from exchange.pilots.selectors import is_open, pilot_in_force

pytestmark = pytest.mark.django_db


def test_the_demo_has_a_pilot_in_force_and_an_open_round_however_often_it_is_told() -> None:
    people.settle(shanghai(2024, 10, 8))
    broker_pilot.tell()
    broker_pilot.tell()
    first, second = Round.objects.order_by("created_at")
    assert (first.state, second.state) == ("decided", "published")
    assert is_open(second, shanghai(2026, 11, 23))
    pilot = Pilot.objects.get()
    assert pilot_in_force(pilot.organization_id, shanghai(2026, 11, 23)) == pilot
    result = pilot.application.result
    assert result is not None
    assert [line["is_outlier"] for line in result["lines"]] == [False, False, True]
    assert pilot.assessments.get().decision.verdict == "continue"
