"""Forms of the Label Studio pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.servers.selectors import holders_for, linkable_projects
from organizations.permissions import Actor

_TOKEN = {"autocomplete": "off", "spellcheck": "false"}


class ServerForm(forms.Form):
    """A server: where it is and the token of its account."""

    name = forms.CharField(label=_("名称"), max_length=80)
    address = forms.CharField(
        label=_("地址"),
        max_length=300,
        help_text=_("例如 https://labels.example.cn。内网与回环地址须由平台管理员放行。"),
        widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false"}),
    )
    token = forms.CharField(
        label=_("访问令牌"),
        max_length=1_000,
        help_text=_("Label Studio 管理员账号的令牌。加密保存，以后不再显示。"),
        widget=forms.PasswordInput(attrs=_TOKEN),
    )


class TokenForm(forms.Form):
    """A new token for a known server."""

    token = forms.CharField(
        label=_("新的访问令牌"), max_length=1_000, widget=forms.PasswordInput(attrs=_TOKEN)
    )


class ConnectForm(forms.Form):
    """A project and who keeps the tasks that are sent."""

    project = forms.ChoiceField(label=_("标注项目"))
    holder = forms.ChoiceField(
        label=_("任务保管人"),
        help_text=_("发出的任务先记在保管人名下，谁在 Label Studio 完成，就转到谁名下计件。"),
    )

    def __init__(self, *args: Any, viewer: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        projects = [(str(each.pk), f"{each.title} ({each.number})") for each in linkable_projects(viewer)]
        people = [(str(user.pk), str(user)) for user in holders_for(viewer)]
        self.fields["project"].choices = projects  # type: ignore[attr-defined]
        self.fields["holder"].choices = people  # type: ignore[attr-defined]


class IssueForm(forms.Form):
    """How many tasks to send."""

    count = forms.IntegerField(label=_("条数"), min_value=1, max_value=1_000, initial=100)
