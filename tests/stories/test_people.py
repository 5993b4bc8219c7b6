"""The demo's people can be settled again and again."""

from __future__ import annotations

import pytest

from accounts.models import User
from config.stories import people
from config.stories.way import shanghai
from organizations.models import Membership, Organization


@pytest.mark.django_db
def test_settling_twice_changes_nothing() -> None:
    people.settle(shanghai(2024, 10, 8))
    before = Organization.objects.count(), User.objects.count(), Membership.objects.count()
    people.settle(shanghai(2024, 10, 9))
    assert (Organization.objects.count(), User.objects.count(), Membership.objects.count()) == before
    assert before == (len(people.FIRMS), len(people.PEOPLE), len(people.PEOPLE))
    assert set(Organization.objects.values_list("verification", flat=True)) == {"verified"}
    assert all("示例" in name for name in Organization.objects.values_list("name", flat=True))
