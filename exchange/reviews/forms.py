"""Forms of reviews."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class ReviewForm(forms.Form):
    """Stars and words."""

    stars = forms.TypedChoiceField(
        label=_("星级"),
        coerce=int,
        choices=[("", _("请选择")), (5, "★★★★★"), (4, "★★★★☆"), (3, "★★★☆☆"), (2, "★★☆☆☆"), (1, "★☆☆☆☆")],
    )
    text = forms.CharField(
        label=_("评价"),
        min_length=4,
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("公开显示，并注明贵单位名称。请不要写个人信息和商业秘密。"),
    )


class AnswerForm(forms.Form):
    """The supplier's answer."""

    text = forms.CharField(
        label=_("回复"), min_length=4, max_length=1_000, widget=forms.Textarea(attrs={"rows": 4})
    )


class HideForm(forms.Form):
    """Why a review goes out of sight."""

    reason = forms.CharField(label=_("隐藏理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
