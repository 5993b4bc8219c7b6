"""Forms of tenders, bids and engagements."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.labelstudio.library import TEMPLATES
from annotation.labelstudio.rules import parse_config
from annotation.projects.forms import SeveralFilesField, SeveralFilesInput
from annotation.projects.rules import RawItem, UploadRefused, read_upload
from annotation.projects.states import Modality
from annotation.quality.sampling import AQLS
from exchange.catalogue.states import TaskType
from exchange.demands.states import DemandVisibility
from exchange.tenders.models import Bid, Tender
from exchange.tenders.selectors import bidders_for
from exchange.tenders.states import PriceUnit
from kernel import clock
from kernel.errors import Refusal
from kernel.money import Money
from organizations.permissions import Actor
from web.forms import YuanField

_LONG = {"rows": 5}


class TenderForm(forms.Form):
    """What is to be labelled, how it is inspected, until when firms bid."""

    title = forms.CharField(label=_("项目名称"), max_length=120)
    brief = forms.CharField(label=_("需求说明"), max_length=4_000, widget=forms.Textarea(attrs=_LONG))
    task = forms.ChoiceField(label=_("任务类型"), choices=TaskType.choices)
    modality = forms.ChoiceField(label=_("数据形态"), choices=Modality.choices, widget=forms.RadioSelect)
    template = forms.ChoiceField(
        label=_("标注配置模板"), required=False, help_text=_("选一个现成的模板；另有配置时在下面整段粘贴。")
    )
    labeling_config = forms.CharField(
        label=_("自定义标注配置"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false"}),
        help_text=_("Label Studio 的 XML，留空则用所选模板。"),
    )
    guideline = forms.CharField(
        label=_("标注规范草案"), max_length=50_000, widget=forms.Textarea(attrs={"rows": 8})
    )
    samples = SeveralFilesField(
        label=_("试标样题"),
        required=False,
        widget=SeveralFilesInput,
        help_text=_("投标单位要逐条试标，最多 20 条。文本传 TXT（一行一条）、CSV、JSONL，图像传 PNG、JPG。"),
    )
    work = SeveralFilesField(
        label=_("其余数据"),
        required=False,
        widget=SeveralFilesInput,
        help_text=_("双方签约后才交给中标单位，最多 2,000 条；更多的数据签约后导入项目。"),
    )
    source = forms.CharField(label=_("数据来源"), max_length=500)
    licence = forms.CharField(label=_("来源许可"), max_length=200)
    item_count = forms.IntegerField(label=_("标注数量（条）"), min_value=1, max_value=10**7)
    lot_count = forms.IntegerField(
        label=_("分批数"),
        min_value=1,
        max_value=20,
        initial=1,
        help_text=_("每批分别托管、交付、验收和放款。"),
    )
    aql_percent = forms.ChoiceField(label=_("接收质量限 AQL（%）"), initial="2.5")
    limiting_percent = forms.DecimalField(
        label=_("极限质量（%）"), min_value=0, max_value=50, decimal_places=2, required=False,
        help_text=_("填写后改按它抽样：不合格率达到此值的批，被接收的机会不超过 10%。"),
    )  # fmt: skip
    budget = YuanField(label=_("预算上限（元）"), required=False, help_text=_("留空表示面议。"))
    due_on = forms.DateField(label=_("期望完成"), widget=forms.DateInput(attrs={"type": "date"}))
    deadline = forms.DateTimeField(
        label=_("投标截止"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        help_text=_("截止前投标密封，任何人都看不到。"),
    )
    visibility = forms.ChoiceField(
        label=_("可见范围"), choices=DemandVisibility.choices, widget=forms.RadioSelect, initial="public"
    )
    invited = forms.MultipleChoiceField(
        label=_("邀请单位"), required=False, widget=forms.SelectMultiple(attrs={"size": 6})
    )

    def __init__(self, *args: Any, viewer: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (
            ("invited", [(str(firm.pk), firm.display_name) for firm in bidders_for(viewer)[:500]]),
            ("template", [("", _("不用模板")), *((code, each.title) for code, each in TEMPLATES.items())]),
            ("aql_percent", [(f"{aql:f}", f"{aql:f}") for aql in AQLS]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def clean(self) -> dict[str, Any]:
        """Files are read as items of the config; what cannot be read stands at its field."""
        given: dict[str, Any] = super().clean() or {}
        config = given.get("labeling_config", "").strip()
        if not config and given.get("template"):
            config = TEMPLATES[given["template"]].xml
        if not config:
            self.add_error("template", _("请选择一个模板，或粘贴标注配置。"))
            return given
        given["labeling_config"] = config
        try:
            fields = parse_config(config).fields
        except Refusal as refusal:
            self.add_error("labeling_config", str(refusal))
            return given
        for name in ("samples", "work"):
            if name in given and "modality" in given:
                given[name] = self._read(name, given[name], given["modality"], fields)
        return given

    def _read(self, name: str, files: list[Any], modality: str, fields: tuple[str, ...]) -> list[RawItem]:
        found: list[RawItem] = []
        for upload in files or []:
            if not upload:
                continue
            try:
                found += read_upload(upload.name, upload.read(), modality, fields)
            except UploadRefused as refusal:
                self.add_error(name, str(refusal))
        return found

    @staticmethod
    def initial_of(tender: Tender) -> dict[str, Any]:
        """A draft as the form shows it."""
        plain = (
            "title", "brief", "task", "modality", "labeling_config", "guideline", "source", "licence",
            "item_count", "lot_count", "limiting_percent", "due_on", "visibility",
        )  # fmt: skip
        return {
            **{name: getattr(tender, name) for name in plain},
            "aql_percent": f"{tender.aql_percent.normalize():f}",
            "budget": tender.budget_fen,
            "deadline": tender.deadline.astimezone(clock.SHANGHAI),
            "invited": [str(pk) for pk in tender.invitations.values_list("organization_id", flat=True)],
        }

    def told(self) -> dict[str, Any]:
        """The clean values as the services take them."""
        given = dict(self.cleaned_data)
        given.pop("template")
        budget = given.pop("budget")
        return {
            **given,
            "invited": [UUID(key) for key in given["invited"]],
            "budget_fen": budget.fen if isinstance(budget, Money) else None,
        }


FIELD_OF = {"budget_fen": "budget", "hours": "hours"}
"""Where a refusal about a stored value stands on the form."""


class BidForm(forms.Form):
    """A firm's price and plan."""

    unit = forms.ChoiceField(
        label=_("计价方式"), choices=PriceUnit.choices, widget=forms.RadioSelect, initial="item"
    )
    unit_price = YuanField(label=_("含税单价（元）"), least=1)
    hours = forms.IntegerField(
        label=_("总小时数（封顶）"),
        min_value=1,
        max_value=10**7,
        required=False,
        help_text=_("按小时计价时填写。"),
    )
    people_count = forms.IntegerField(label=_("投入人数"), min_value=1, max_value=10_000)
    days = forms.IntegerField(
        label=_("工期（天）"), min_value=1, max_value=1_000, help_text=_("自双方签约起。")
    )
    overlap = forms.IntegerField(label=_("每条标注份数"), min_value=1, max_value=9, initial=1)
    review_percent = forms.DecimalField(
        label=_("质检比例（%）"), min_value=0, max_value=100, decimal_places=2, initial=100
    )
    plan = forms.CharField(label=_("实施与质量方案"), max_length=4_000, widget=forms.Textarea(attrs=_LONG))
    task_pay = YuanField(label=_("标注员单条报酬（元）"), help_text=_("中标后写入项目，需方看不到。"))
    valid_until = forms.DateField(label=_("报价有效期至"), widget=forms.DateInput(attrs={"type": "date"}))

    @staticmethod
    def initial_of(bid: Bid) -> dict[str, Any]:
        """A bid as the form shows it."""
        return {
            "unit": bid.unit, "unit_price": bid.unit_price_fen, "people_count": bid.people_count, "days": bid.days,
            "hours": bid.quantity if bid.unit == PriceUnit.HOUR else None, "overlap": bid.overlap,
            "review_percent": f"{bid.review_share_bp / 100:g}", "plan": bid.plan, "task_pay": bid.task_pay_fen,
            "valid_until": bid.valid_until,
        }  # fmt: skip

    def told(self) -> dict[str, Any]:
        """The clean values as the service takes them."""
        given = dict(self.cleaned_data)
        share = int(given.pop("review_percent") * 100)
        return {**given, "review_share_bp": share}


class QuestionForm(forms.Form):
    """A question about a tender."""

    question = forms.CharField(label=_("提问"), max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}))


class AwardForm(forms.Form):
    """Why this bid, and what the others are told."""

    bid = forms.ChoiceField(label=_("中标单位"), widget=forms.RadioSelect)
    reason = forms.CharField(label=_("定标理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
    others = forms.CharField(
        label=_("告知未中标单位"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("留空则告知定标理由。"),
    )  # fmt: skip

    def __init__(self, *args: Any, bids: list[Bid], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["bid"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(bid.pk), f"{bid.firm} · {Money(bid.amount_fen)}") for bid in bids]


class ReasonForm(forms.Form):
    """Why something ends."""

    reason = forms.CharField(label=_("理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class InspectionForm(forms.Form):
    """How many items of the sample were wrong."""

    defect_count = forms.IntegerField(label=_("样本中不合格数"), min_value=0)
    words = forms.CharField(
        label=_("说明"), max_length=1_000, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("不接收时必填，服务商据此返工。"),
    )  # fmt: skip


_MARKS = [(str(mark), str(mark)) for mark in range(5, 0, -1)]


class RatingForm(forms.Form):
    """The buyer's marks, 1 to 5."""

    quality = forms.TypedChoiceField(label=_("质量"), choices=_MARKS, coerce=int)
    punctuality = forms.TypedChoiceField(label=_("准时"), choices=_MARKS, coerce=int)
    communication = forms.TypedChoiceField(label=_("沟通"), choices=_MARKS, coerce=int)
    words = forms.CharField(
        label=_("评价"), max_length=1_000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class ReplyForm(forms.Form):
    """The firm's answer."""

    words = forms.CharField(label=_("回复"), max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}))
