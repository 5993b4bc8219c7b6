"""People sign up and in by e-mail or phone; codes, second step, sessions and limits are django-allauth's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.core import mail
from django.core.cache import cache

from accounts.models import User
from accounts.rules import e164
from tests.cast import NOON, PASSWORD, lin

pytestmark = pytest.mark.django_db
SIGN_UP = {
    "name": "王芳",
    "email": "wang@example.cn",
    "password1": "pine-river-stone-88",
    "password2": "pine-river-stone-88",
}


@pytest.fixture(autouse=True)
def no_earlier_attempts() -> None:
    cache.clear()


@pytest.mark.parametrize(
    "written",
    ["13800138000", "138 0013 8000", "+86 138-0013-8000", "008613800138000", "１３８００１３８０００"],
)
def test_phones_are_kept_in_one_form(written: str) -> None:
    assert e164(written) == "+8613800138000"


@pytest.mark.parametrize("wrong", [" ", "12345", "abc", "+8610", "138001380001380013800"])
def test_impossible_phones_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong)):
        e164(wrong)


def test_a_newcomer_signs_up_and_is_led_to_their_organization(client: Any) -> None:
    answer = client.post("/accounts/signup/", SIGN_UP)
    assert (answer.status_code, answer["Location"]) == (302, "/organization/new/")
    user = User.objects.get()
    assert (user.name, user.email, user.phone, user.language) == ("王芳", "wang@example.cn", None, "zh-hans")


def test_a_phone_given_at_sign_up_is_verified_by_a_code(client: Any) -> None:
    answer = client.post("/accounts/signup/", {**SIGN_UP, "phone": "13800138000"})
    assert answer["Location"] == "/accounts/phone/verify/"
    (letter,) = [one for one in mail.outbox if one.to == ["8613800138000@sms.localhost"]]
    code = re.search(r"验证码 (\S+)，", letter.body)
    assert code is not None
    assert client.get("/accounts/phone/verify/").status_code == 200
    assert client.post("/accounts/phone/verify/", {"code": code[1]}).status_code == 302
    user = User.objects.get()
    assert user.phone == "+8613800138000"
    assert user.phone_verified_at is not None


@pytest.mark.parametrize("login", ["lin@example.cn", "LIN@example.cn", "13800138000", "+86 138 0013 8000"])
def test_mail_and_phone_both_sign_in(client: Any, login: str) -> None:
    user = lin().user
    assert user is not None
    User.objects.filter(pk=user.pk).update(phone="+8613800138000", phone_verified_at=NOON)
    answer = client.post("/accounts/login/", {"login": login, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/desk/")


def test_signing_in_goes_back_on_this_site_only(client: Any) -> None:
    lin()
    told = {"login": "lin@example.cn", "password": PASSWORD}
    assert (
        client.post("/accounts/login/?next=/orders/", {**told, "next": "/orders/"})["Location"] == "/orders/"
    )
    client.post("/accounts/logout/")
    answer = client.post("/accounts/login/", {**told, "next": "https://evil.example/"})
    assert answer["Location"] == "/desk/"


@pytest.mark.parametrize("login", ["lin@example.cn", "nobody@example.cn", "13900139000", "nonsense"])
def test_a_wrong_password_and_an_unknown_person_look_the_same(client: Any, login: str) -> None:
    lin()
    answer = client.post("/accounts/login/", {"login": login, "password": "wrong"})
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_too_many_attempts_are_stopped(client: Any) -> None:
    lin()
    for _attempt in range(12):
        answer = client.post("/accounts/login/", {"login": "lin@example.cn", "password": "wrong"})
    answer = client.post("/accounts/login/", {"login": "lin@example.cn", "password": PASSWORD})
    assert answer.status_code in (200, 429)
    assert "_auth_user_id" not in client.session


def test_the_session_key_changes_on_signing_in(client: Any) -> None:
    lin()
    client.get("/accounts/login/")
    client.session["x"] = 1
    client.session.save()
    before = client.session.session_key
    client.post("/accounts/login/", {"login": "lin@example.cn", "password": PASSWORD})
    assert client.session.session_key != before


def test_two_step_sign_in_asks_for_the_code(client: Any) -> None:
    user = lin().user
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(user, secret)
    answer = client.post("/accounts/login/", {"login": "lin@example.cn", "password": PASSWORD})
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.get(answer["Location"]).status_code == 200
    assert client.get("/desk/").status_code == 302
    code = totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))
    done = client.post(answer["Location"], {"code": code})
    assert (done.status_code, done["Location"]) == (302, "/desk/")


def test_the_account_page_keeps_name_and_language(client: Any) -> None:
    client.force_login(lin().user)
    assert client.get("/accounts/me/").status_code == 200
    assert client.post("/accounts/me/", {"name": "", "language": "zh-hans"}).status_code == 422
    assert client.post("/accounts/me/", {"name": "林晓", "language": "xx"}).status_code == 422
    answer = client.post("/accounts/me/", {"name": "林晓", "language": "en"})
    assert answer.status_code == 302
    assert answer.cookies["django_language"].value == "en"
    assert User.objects.values_list("name", "language").get() == ("林晓", "en")


def test_other_devices_are_signed_out(client: Any) -> None:
    from django.test import Client

    lin()
    elsewhere = Client(headers={"user-agent": "Phone"})
    for device in (elsewhere, client):
        device.post("/accounts/login/", {"login": "lin@example.cn", "password": PASSWORD})
    assert "Phone" in client.get("/accounts/me/").content.decode()
    client.post("/accounts/me/sessions/end/")
    assert elsewhere.get("/desk/").status_code == 302
    assert client.get("/accounts/me/").status_code == 200
