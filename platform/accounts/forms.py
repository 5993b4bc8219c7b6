"""Sign-up and account forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.rules import e164


class PhoneField(forms.CharField):
    """A phone number; the clean value is E.164, mainland China where no country is given."""

    default_error_messages = {"invalid": _("请填写有效的手机号，例如 13800138000；境外号码请加国家代码。")}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("手机号"))
        kwargs.setdefault("max_length", 24)
        super().__init__(**kwargs)
        self.widget.attrs.update({"type": "tel", "inputmode": "tel", "autocomplete": "tel"})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text in self.empty_values:
            return ""
        try:
            return e164(str(text))
        except ValueError as wrong:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from wrong


class SignupForm(forms.Form):
    """What signing up asks besides e-mail, phone and password."""

    name = forms.CharField(
        label=_("姓名"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    field_order = ["name", "email", "phone", "password1", "password2"]

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called once the account exists."""
        user.name = self.cleaned_data["name"].strip()
        user.language = getattr(request, "LANGUAGE_CODE", settings.LANGUAGE_CODE)
        user.save(update_fields=["name", "language"])


class ProfileForm(forms.Form):
    """What a person keeps about themselves."""

    name = forms.CharField(
        label=_("姓名"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    language = forms.ChoiceField(
        label=_("语言"), choices=settings.LANGUAGES, help_text=_("页面和邮件使用的语言。")
    )
