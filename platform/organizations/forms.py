"""Forms of the organization pages; they check form, the services check sense."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from organizations import rules
from organizations.models import Organization, Park
from organizations.permissions import MANAGE_KEYS, Actor
from organizations.selectors import parks, permissions_of
from organizations.services.profiles import Particulars
from organizations.states import OrganizationKind


class ParticularsForm(forms.Form):
    """What an organization tells about itself."""

    name = forms.CharField(label=_("单位名称"), max_length=120, help_text=_("与营业执照或组织机构证书一致。"))
    name_en = forms.CharField(label=_("英文名称"), max_length=160, required=False)
    kinds = forms.MultipleChoiceField(
        label=_("单位类型"), widget=forms.CheckboxSelectMultiple, help_text=_("一家单位可以同时是几种类型。")
    )
    registered_place = forms.ChoiceField(label=_("注册地"))
    tax_place = forms.ChoiceField(label=_("税务登记地"), help_text=_("奖励按税务登记地判断是否属于清远市。"))
    industry_digital = forms.ChoiceField(label=_("数字经济分类"), required=False)
    industry_gb = forms.CharField(
        label=_("国民经济行业"),
        max_length=5,
        required=False,
        help_text=_("GB/T 4754 代码，数据标注多为 6550 或 6450。"),
    )
    park: forms.ModelChoiceField[Park] = forms.ModelChoiceField(
        label=_("所在园区"), queryset=None, required=False, empty_label=_("不在园区内")
    )
    legal_representative = forms.CharField(label=_("法定代表人"), max_length=80, required=False)
    contact_name = forms.CharField(label=_("联系人"), max_length=80, required=False)
    contact_phone = forms.CharField(label=_("联系电话"), max_length=20, required=False)

    def __init__(self, *args: Any, organization: Organization | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = set(organization.kinds) if organization else set()
        offered = [kind for kind in OrganizationKind if kind in rules.SELF_DECLARED_KINDS or kind in held]
        fields: dict[str, Any] = self.fields
        fields["kinds"].choices = [(kind.value, kind.label) for kind in offered]
        places = [("", _("请选择")), *rules.place_choices()]
        fields["registered_place"].choices = fields["tax_place"].choices = places
        fields["industry_digital"].choices = [("", _("请选择")), *rules.digital_industry_choices()]
        fields["park"].queryset = parks()
        fields["contact_phone"].widget.attrs.update({"inputmode": "tel", "autocomplete": "tel"})

    @staticmethod
    def values_of(organization: Organization) -> dict[str, Any]:
        """Initial values from a row."""
        names = [name for name in ParticularsForm.base_fields if name != "park"]
        return {**{name: getattr(organization, name) for name in names}, "park": organization.park_id}

    def particulars(self) -> Particulars:
        """The clean values, as the services take them."""
        values = {name: value for name, value in self.cleaned_data.items() if name not in ("park", "uscc")}
        park = self.cleaned_data["park"]
        return Particulars(**values, park_id=park.pk if park else None)


class RegistrationForm(ParticularsForm):
    """The same, with the code that names the organization for good."""

    uscc = forms.CharField(
        label=_("统一社会信用代码"),
        max_length=30,
        help_text=_("18 位，登记后不能更改。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    field_order = ["uscc"]


def _role_choices(organization: Organization) -> list[tuple[str, Any]]:
    return [(role.value, role.label) for role in rules.useful_roles(organization.kinds)]


class RolesForm(forms.Form):
    """A member's roles."""

    roles = forms.MultipleChoiceField(label=_("角色"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["roles"].choices = _role_choices(organization)


class InvitationForm(RolesForm):
    """Whom to invite, and as what."""

    email = forms.EmailField(label=_("电子邮箱"), help_text=_("邀请链接发到这个邮箱，七天内有效。"))
    field_order = ["email", "roles"]


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        label=_("名称"), max_length=80, help_text=_("写明哪个系统使用，例如“标注平台导入”。")
    )
    lifetime = forms.TypedChoiceField(
        label=_("有效期"),
        coerce=lambda days: timedelta(days=int(days)),
        choices=[(30, _("30 天")), (90, _("90 天")), (180, _("180 天")), (365, _("365 天"))],
        initial=90,
    )
    scopes = forms.MultipleChoiceField(
        label=_("权限范围"), widget=forms.CheckboxSelectMultiple, help_text=_("只勾选该系统需要的权限。")
    )

    def __init__(self, *args: Any, viewer: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["scopes"].choices = [
            (found.code, f"{found.label}（{found.code}）")
            for found in permissions_of(viewer)
            if found != MANAGE_KEYS
        ]
