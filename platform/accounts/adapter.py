"""How django-allauth meets our people: phone numbers, text messages, where to go after signing in."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.mail import send_mail
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.forms import PhoneField
from accounts.models import User
from accounts.rules import e164
from kernel import clock


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Phone numbers in E.164; newcomers without an organization are led to one.

    Text messages leave as mail to `<number>@SMS_MAIL_DOMAIN` (a mail-to-SMS gateway); without one they
    lie in the same outbox as the mails.
    """

    def phone_form_field(self, **kwargs: Any) -> PhoneField:
        return PhoneField(**kwargs)

    def clean_phone(self, phone: str) -> str:
        return e164(phone)

    def get_phone(self, user: User) -> tuple[str, bool] | None:
        return (user.phone, user.phone_verified_at is not None) if user.phone else None

    def set_phone(self, user: User, phone: str, verified: bool) -> None:
        user.phone = e164(phone)
        user.phone_verified_at = clock.now() if verified else None
        user.save(update_fields=["phone", "phone_verified_at"])

    def set_phone_verified(self, user: User, phone: str) -> None:
        self.set_phone(user, phone, True)

    def get_user_by_phone(self, phone: str) -> User | None:
        try:
            return User.objects.filter(phone=e164(phone)).first()
        except ValueError:
            return None

    def send_verification_code_sms(self, user: User, phone: str, code: str, **kwargs: Any) -> None:
        self._send_text(phone, _("【清数】验证码 %(code)s，15 分钟内有效。请勿告诉他人。") % {"code": code})

    def send_unknown_account_sms(self, phone: str, **kwargs: Any) -> None:
        self._send_text(phone, _("【清数】有人用此号码请求登录，但没有对应的账户。如非本人操作，请忽略。"))

    def send_account_already_exists_sms(self, phone: str) -> None:
        self._send_text(phone, _("【清数】此号码已注册账户，请直接登录；忘记密码可在登录页重设。"))

    @staticmethod
    def _send_text(phone: str, body: str) -> None:
        domain = getattr(settings, "SMS_MAIL_DOMAIN", "sms.localhost")
        send_mail(body[:40], body, None, [f"{phone.removeprefix('+')}@{domain}"])

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        user = request.user
        assert isinstance(user, User), "asked after signing in"
        if not user.memberships.filter(ended_at=None).exists():
            return reverse("organizations:create")
        return str(super().get_login_redirect_url(request))
