"""Forms of demands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from assets.registry.states import ProductKind
from exchange.catalogue.states import Industry, TaskType
from exchange.demands.models import Demand
from exchange.demands.selectors import firms_to_invite, products_to_offer
from exchange.demands.states import DemandVisibility
from kernel import clock
from kernel.money import Money
from organizations.permissions import Actor
from web.forms import YuanField

_ANY = ("", _("不限"))
_CHOOSE = ("", _("请选择"))


class DemandForm(forms.Form):
    """What a buyer looks for."""

    title = forms.CharField(label=_("需求名称"), max_length=120)
    description = forms.CharField(
        label=_("需求说明"),
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("写明用途、范围、字段或标签、格式要求。不要写入个人信息和商业秘密。"),
    )
    industry = forms.ChoiceField(label=_("行业"), choices=[_CHOOSE, *Industry.choices])
    kind = forms.ChoiceField(label=_("产品类型"), choices=[_ANY, *ProductKind.choices], required=False)
    modality = forms.ChoiceField(label=_("数据形态"), choices=[_ANY, *Modality.choices], required=False)
    task = forms.ChoiceField(label=_("任务类型"), choices=[_ANY, *TaskType.choices], required=False)
    quantity = forms.IntegerField(label=_("数量（条）"), min_value=1, max_value=10**12, required=False)
    quality = forms.DecimalField(
        label=_("质量要求（%）"), min_value=0, max_value=100, decimal_places=2, required=False,
        help_text=_("按平台实测的质量（GB/T 36344）比较，留空为不限。"),
    )  # fmt: skip
    budget_least = YuanField(label=_("预算下限（元）"), required=False)
    budget_most = YuanField(label=_("预算上限（元）"), required=False, help_text=_("上下限都留空表示面议。"))
    deadline = forms.DateTimeField(
        label=_("应答截止"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
    )
    visibility = forms.ChoiceField(
        label=_("可见范围"), choices=DemandVisibility.choices, widget=forms.RadioSelect, initial="public"
    )
    invited = forms.MultipleChoiceField(
        label=_("邀请单位"), required=False, widget=forms.SelectMultiple(attrs={"size": 6}),
        help_text=_("发布时会通知受邀单位；公开的需求也可以邀请。"),
    )  # fmt: skip
    contact_name = forms.CharField(label=_("联系人"), max_length=60)
    contact_phone = forms.CharField(label=_("联系电话"), max_length=40, required=False)
    contact_email = forms.EmailField(label=_("联系邮箱"), max_length=254, required=False)

    def __init__(self, *args: Any, viewer: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        invited = self.fields["invited"]
        assert isinstance(invited, forms.MultipleChoiceField)
        invited.choices = [(str(firm.pk), firm.display_name) for firm in firms_to_invite(viewer)[:500]]

    @staticmethod
    def initial_of(demand: Demand) -> dict[str, Any]:
        """A draft as the form shows it."""
        return {
            "title": demand.title, "description": demand.description, "industry": demand.industry,
            "kind": demand.kind, "modality": demand.modality, "task": demand.task, "quantity": demand.quantity,
            "quality": None if demand.quality_bp is None else f"{demand.quality_bp / 100:g}",
            "budget_least": demand.budget_least_fen, "budget_most": demand.budget_most_fen,
            "deadline": demand.deadline.astimezone(clock.SHANGHAI), "visibility": demand.visibility,
            "invited": [str(pk) for pk in demand.invitations.values_list("organization_id", flat=True)],
            "contact_name": demand.contact_name, "contact_phone": demand.contact_phone,
            "contact_email": demand.contact_email,
        }  # fmt: skip

    def told(self) -> dict[str, Any]:
        """The clean values as the services take them."""
        given = dict(self.cleaned_data)
        quality, least, most = given.pop("quality"), given.pop("budget_least"), given.pop("budget_most")
        return {
            **given,
            "invited": [UUID(key) for key in given["invited"]],
            "quality_bp": None if quality is None else int(quality * 100),
            "budget_least_fen": least.fen if isinstance(least, Money) else None,
            "budget_most_fen": most.fen if isinstance(most, Money) else None,
        }


FIELD_OF = {"quality_bp": "quality", "budget_least_fen": "budget_least", "budget_most_fen": "budget_most"}
"""Where a refusal about a stored value stands on the form."""


class AnswerForm(forms.Form):
    """A firm's answer: a product on sale, or an offer in words."""

    product = forms.ChoiceField(
        label=_("用本单位的产品应答"), required=False, help_text=_("没有现成产品时不选，在下面写明方案。")
    )
    words = forms.CharField(
        label=_("方案说明"), max_length=4_000, required=False, widget=forms.Textarea(attrs={"rows": 5})
    )
    price = YuanField(
        label=_("含税报价（元）"), required=False, help_text=_("选产品时可留空，以产品页价格为准。")
    )
    delivery_days = forms.IntegerField(
        label=_("交付时间（天）"), min_value=1, max_value=3_650, required=False
    )

    def __init__(self, *args: Any, viewer: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        product = self.fields["product"]
        assert isinstance(product, forms.ChoiceField)
        own = [(row.number, f"{row.display_title} · {row.number}") for row in products_to_offer(viewer)[:200]]
        product.choices = [("", _("不选，另写方案")), *own]


class MessageForm(forms.Form):
    """A word to the other side."""

    text = forms.CharField(label=_("写给对方"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}))


class ReasonForm(forms.Form):
    """Why a demand is hidden."""

    reason = forms.CharField(label=_("隐藏理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
