"""API keys: shown once, never more than their maker holds, stopped at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from organizations import services
from organizations.models import ApiKey, Membership
from organizations.permissions import (
    EDIT_ORGANIZATION,
    MANAGE_KEYS,
    MANAGE_MEMBERS,
    VERIFY_ORGANIZATIONS,
    Actor,
)
from organizations.services.keys import KeyMakesKeys, KeyNameTaken, ScopeNotHeld
from tests.cast import QINGLAN, lin, mei, person, zhou

pytestmark = pytest.mark.django_db
MONTH = timedelta(days=30)


def made(
    by: Actor | None = None, name: str = "导入", scopes: tuple[str, ...] = (MANAGE_MEMBERS.code,)
) -> tuple[ApiKey, str]:
    return services.create_api_key(by=by or lin(), at=clock.now(), name=name, scopes=scopes, lifetime=MONTH)


def call(client: Any, path: str, text: str) -> Any:
    return client.get(path, headers={"authorization": f"Bearer {text}"})


def test_the_key_opens_what_its_scopes_say_and_nothing_else(client: Any) -> None:
    key, text = made()
    assert text.startswith(f"{key.prefix}.")
    assert key.prefix.startswith("qs_")
    assert text.partition(".")[2] not in str(vars(key))
    me = call(client, "/api/organizations/me", text).json()
    assert me["permissions"] == [MANAGE_MEMBERS.code]
    assert call(client, "/api/organizations/members", text).status_code == 200
    assert call(client, "/api/organizations/keys", text).status_code == 403


@pytest.mark.parametrize("wrong", ["", "qs_0000000000.x", "nonsense", "qs_.", "密钥"])
def test_a_wrong_key_is_told_to_sign_in(client: Any, wrong: str) -> None:
    made()
    answer = client.get(
        "/api/organizations/me", HTTP_AUTHORIZATION=f"Bearer {wrong}".encode().decode("latin-1")
    )
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")


def test_a_key_stops_when_revoked_expired_or_its_maker_leaves(client: Any) -> None:
    key, text = made()
    services.revoke_api_key(by=lin(), at=clock.now(), key_id=key.pk)
    assert call(client, "/api/organizations/me", text).status_code == 401
    _key, text = made(name="二")
    with clock.moved_to(clock.now() + MONTH):
        assert call(client, "/api/organizations/me", text).status_code == 401
    wei = person("wei", QINGLAN)
    left, text = made(by=wei, name="三")
    services.end_membership(by=lin(), at=clock.now(), membership_id=Membership.objects.get(user=wei.user).pk)
    left.refresh_from_db()
    assert left.revoked_at is not None
    assert call(client, "/api/organizations/me", text).status_code == 401


def test_nobody_gives_a_key_what_they_do_not_hold() -> None:
    with pytest.raises(ScopeNotHeld):
        made(scopes=(VERIFY_ORGANIZATIONS.code,))
    for scopes in ((), ("nonsense.do",), (MANAGE_KEYS.code,)):
        with pytest.raises(InvalidInput):
            made(scopes=scopes)
    with pytest.raises(NotAllowed):
        made(by=mei(), scopes=(EDIT_ORGANIZATION.code,))


def test_programs_do_not_make_keys() -> None:
    from dataclasses import replace

    with pytest.raises(KeyMakesKeys):
        made(by=replace(lin(), scopes=frozenset({MANAGE_KEYS.code, MANAGE_MEMBERS.code})))


def test_a_second_click_makes_no_second_key() -> None:
    made()
    with pytest.raises(KeyNameTaken):
        made()
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_key_lives_between_a_day_and_a_year(days: int) -> None:
    with pytest.raises(InvalidInput):
        services.create_api_key(
            by=lin(), at=clock.now(), name="x", scopes=[MANAGE_MEMBERS.code], lifetime=timedelta(days=days)
        )


def test_another_organization_cannot_revoke_it() -> None:
    key, _text = made()
    with pytest.raises(NotFound):
        services.revoke_api_key(by=zhou(), at=clock.now(), key_id=key.pk)


def test_the_page_shows_the_text_once(client: Any) -> None:
    client.force_login(lin().user)
    answer = client.post(
        "/organization/keys/", {"name": "导入", "lifetime": "90", "scopes": [MANAGE_MEMBERS.code]}
    )
    page = answer.content.decode()
    assert answer.status_code == 201
    prefix = ApiKey.objects.get().prefix
    assert f"{prefix}." in page
    assert "no-store" in answer["Cache-Control"]
    assert f"{prefix}." not in client.get("/organization/keys/").content.decode()
