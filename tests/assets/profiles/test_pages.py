"""The pages of a profile answer, refuse, and show what they should."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests import cast
from tests.assets.conftest import client_of, sealed_version
from tests.assets.profiles.conftest import profiled

pytestmark = pytest.mark.django_db
PAGES = ("overview", "rows", "row", "sensitive", "sample")
PEOPLE = "id,姓名,电话\n1,王小明,13800138000\n2,李雷,13900139000\n".encode()


@pytest.fixture(autouse=True)
def _fresh_throttle() -> None:
    cache.clear()


def here(version: object, name: str = "overview") -> str:
    return reverse(f"profiles:{name}", args=[version.pk])  # type: ignore[attr-defined]


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_answers_before_and_after_there_is_a_profile(name: str) -> None:
    version, client = sealed_version(), client_of(cast.lin())
    page(client, here(version, name))
    profiled(version)
    page(client, here(version, name))
