"""Forms of saved searches."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.searches.states import News, Sharing


class SearchForm(forms.Form):
    """Name, sharing and news of a saved search."""

    name = forms.CharField(label=_("名称"), max_length=60)
    sharing = forms.ChoiceField(
        label=_("共享"), choices=Sharing.choices, widget=forms.RadioSelect, initial=Sharing.OWN
    )
    news = forms.ChoiceField(
        label=_("通知"), choices=News.choices, widget=forms.RadioSelect, initial=News.AT_ONCE
    )
