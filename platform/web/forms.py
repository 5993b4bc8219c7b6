"""Form parts shared by the domains' pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from kernel.errors import Refusal
from kernel.money import Money


class YuanField(forms.CharField):
    """An amount typed in yuan; the clean value is a `Money`. `least` and `most` are fen, inclusive."""

    default_error_messages = {
        "invalid": _("请填写金额，最多两位小数，例如 1280.50。"),
        "least": _("金额不能低于 %(bound)s。"),
        "most": _("金额不能高于 %(bound)s。"),
    }

    def __init__(self, *, least: int = 0, most: int = 10**15, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most
        self.widget.attrs.update({"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        if isinstance(value, Money):
            return value
        text = super().to_python(value)
        if text is None or text in self.empty_values:
            return None
        try:
            amount = Money.from_yuan(text.lstrip("¥").replace("，", ""))
        except ValueError as wrong:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from wrong
        if amount.fen < self.least:
            raise ValidationError(
                self.error_messages["least"], code="least", params={"bound": Money(self.least)}
            )
        if amount.fen > self.most:
            raise ValidationError(
                self.error_messages["most"], code="most", params={"bound": Money(self.most)}
            )
        return amount

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Money):
            return value.yuan
        return Money(value).yuan if isinstance(value, int) else value


def show_refusal(form: forms.BaseForm, refusal: Refusal) -> None:
    """Put a service's refusal on the form: at its field when the form has it, at the top otherwise."""
    name = refusal.field if refusal.field in form.fields else None
    form.add_error(name, ValidationError(str(refusal), code=refusal.code))
