"""People are told once, in their language, in the site and by mail; only their own messages."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.utils.functional import lazystr

from accounts.models import User
from kernel.errors import NotFound
from notifications import services
from notifications.models import Notification
from notifications.pages import latest
from notifications.selectors import unread_count
from organizations.permissions import Actor
from organizations.states import Role
from tests.cast import NOON, lin, mei, tao, zhou

pytestmark = pytest.mark.django_db


def user(actor: Actor) -> User:
    assert actor.user is not None
    return actor.user


def told(*people: Actor, **more: Any) -> list[Notification]:
    return services.notify(
        users=[user(one) for one in people], at=NOON, title="订单已付款", url="/orders/", **more
    )


def test_each_person_is_told_once_and_mailed_after_commit(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert len(told(lin(), mei(), lin(), body="DD-2026-0000001-X")) == 2
        assert not mail.outbox
    assert sorted(letter.to[0] for letter in mail.outbox) == ["lin@example.cn", "mei@example.cn"]
    assert "http://127.0.0.1:8000/orders/" in mail.outbox[0].body


def test_a_deed_undone_tells_nobody(django_capture_on_commit_callbacks: Any) -> None:
    from django.db import transaction

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        told(lin())
        transaction.set_rollback(True)
    assert not mail.outbox
    assert not Notification.objects.exists()


def test_a_title_with_line_breaks_cannot_forge_mail_headers(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        services.notify(users=[user(lin())], at=NOON, title="a\nBcc: x@evil.example")
    assert mail.outbox[0].subject == "aBcc: x@evil.example"
    assert mail.outbox[0].bcc == []


def test_words_are_put_into_each_readers_language() -> None:
    reader = user(lin())
    User.objects.filter(pk=reader.pk).update(language="en")
    reader.refresh_from_db()
    (row,) = services.notify(
        users=[reader], at=NOON, title=lazystr("%(name)s 100%% 完成"), words={"name": "清蓝"}
    )
    assert row.title == "清蓝 100% 完成"


def test_holders_of_a_role_and_administrators_are_told() -> None:
    organization = lin().organization
    assert organization is not None
    mei(), tao(), zhou()
    rows = services.notify_holders(
        organization_id=organization.pk, roles=[Role.QUALITY_REVIEWER], at=NOON, title="待质检"
    )
    assert {row.user.name for row in rows} == {"Lin", "Tao"}


def test_reading_counts_down_and_is_ones_own(client: Any) -> None:
    (mine,), (other,) = told(lin()), told(zhou())
    told(lin())
    assert unread_count(lin()) == 2
    client.force_login(user(lin()))
    assert client.post(f"/notifications/{other.pk}/open/").status_code == 404
    assert client.post(f"/notifications/{mine.pk}/open/")["Location"] == "/orders/"
    assert unread_count(lin()) == 1
    page = client.get("/notifications/?only=unread", headers={"hx-request": "true"}).content.decode()
    assert page.count("title-cell") == 1
    assert client.post("/notifications/read/").status_code == 302
    assert (unread_count(lin()), unread_count(zhou())) == (0, 1)
    assert client.get("/notifications/read/").status_code == 405
    with pytest.raises(NotFound):
        services.mark_read(by=Actor.anonymous(), at=NOON, notification_id=mine.pk)


def test_a_message_never_leads_off_the_site(client: Any) -> None:
    (row,) = services.notify(users=[user(lin())], at=NOON, title="x", url="https://evil.example/")
    client.force_login(user(lin()))
    assert client.post(f"/notifications/{row.pk}/open/")["Location"] == "/notifications/"


def test_the_desk_shows_the_newest_five() -> None:
    for _number in range(7):
        told(lin())
    assert len(latest(lin())) == 5
    assert latest(Actor.anonymous()) == []


def test_the_list_takes_the_same_number_of_queries_however_long(
    client: Any, django_assert_max_num_queries: Any
) -> None:
    for _number in range(25):
        told(lin(), organization_id=lin().organization_id)
    client.force_login(user(lin()))
    with django_assert_max_num_queries(9):
        client.get("/notifications/")
