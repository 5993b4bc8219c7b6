"""Forms of invoices."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kernel.money import Money
from settlement.invoicing.states import InvoiceKind, TaxRate
from web.forms import YuanField

_DAY = {"type": "date"}


class SheetForm(forms.Form):
    """What stands on an invoice: number, amounts, day, file."""

    invoice_number = forms.CharField(
        label=_("发票号码"), max_length=20, help_text=_("数电发票 20 位；其他发票 8 位，并填发票代码。"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    code = forms.CharField(
        label=_("发票代码"), max_length=12, required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    gross = YuanField(label=_("价税合计"), least=1)
    tax = YuanField(label=_("其中税额"))
    issued_on = forms.DateField(label=_("开票日期"), widget=forms.DateInput(format="%Y-%m-%d", attrs=_DAY))
    file = forms.FileField(
        label=_("发票文件"), required=False, help_text=_("PDF 或图片，双方都能下载。"),
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg"}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """The tax is part of the whole."""
        cleaned = super().clean() or {}
        gross, tax = cleaned.get("gross"), cleaned.get("tax")
        if isinstance(gross, Money) and isinstance(tax, Money) and tax >= gross:
            self.add_error("tax", _("税额应小于价税合计。"))
        return cleaned


class InvoiceForm(SheetForm):
    """A new invoice of an order."""

    kind = forms.ChoiceField(label=_("发票种类"), choices=InvoiceKind.choices, widget=forms.RadioSelect)
    rate = forms.TypedChoiceField(label=_("税率"), choices=TaxRate.choices, coerce=int, initial=TaxRate.R6)
    field_order = ("kind", "invoice_number", "code", "rate", "gross", "tax", "issued_on", "file")


class CreditForm(SheetForm):
    """A credit invoice of one invoice."""

    cause = forms.ChoiceField(label=_("对应退款"), required=False)
    reason = forms.CharField(label=_("红冲原因"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("cause", "reason", "invoice_number", "code", "gross", "tax", "issued_on", "file")

    def __init__(self, *args: Any, causes: list[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["cause"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("没有退款，开票有误")), *causes]


class WishForm(forms.Form):
    """What kind of invoice the buyer wants."""

    kind = forms.ChoiceField(
        label=_("发票种类"),
        choices=InvoiceKind.choices,
        widget=forms.RadioSelect,
        initial=InvoiceKind.SPECIAL,
    )
    note = forms.CharField(
        label=_("说明"), max_length=300, required=False, help_text=_("例如收票邮箱、备注栏内容。")
    )


class ReasonForm(forms.Form):
    """Why an invoice is void."""

    reason = forms.CharField(label=_("作废原因"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
