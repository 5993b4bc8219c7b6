"""Forms of the project pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.labelstudio.rules import ConfigRefused
from annotation.projects.models import Project, QualityPlan
from annotation.projects.rules import FILE_LIMIT, config_for
from annotation.projects.selectors import clients_for
from annotation.projects.states import Modality, ReworkPayer
from organizations.models import Organization
from organizations.permissions import Actor
from web.forms import YuanField


class ClientField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """An organization by its name in the reader's language."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj)


class ProjectForm(forms.Form):
    """What a project is; `labeling_config` is Label Studio XML."""

    title = forms.CharField(label=_("项目名称"), min_length=2, max_length=120)
    modality = forms.ChoiceField(label=_("数据形态"), choices=Modality.choices, widget=forms.RadioSelect)
    client = ClientField(
        label=_("委托方"),
        queryset=Organization.objects.none(),
        required=False,
        empty_label=_("本单位自用"),
        help_text=_("由委托方验收；自用项目由本单位另一位有验收权限的人验收。"),
    )
    brief = forms.CharField(
        label=_("任务说明"), widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=2_000
    )
    labeling_config = forms.CharField(
        label=_("标注配置"),
        widget=forms.Textarea(attrs={"rows": 10, "class": "mono", "spellcheck": "false"}),
        help_text=_("Label Studio 的 XML。从上面选一种任务再改标签，也可以整段粘贴已有的配置。"),
    )
    task_price = YuanField(
        label=_("单条报酬（元）"), most=1_000_000, help_text=_("每条通过质检并验收后付给标注员。")
    )
    hourly_rate = YuanField(
        label=_("每小时报酬（元）"),
        required=False,
        least=1,
        most=100_000,
        help_text=_("按小时计酬时填写：按服务器记录的用时付酬，每条不超过上面的单条报酬；按条计酬请留空。"),
    )
    due_on = forms.DateField(
        label=_("约定交付"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, viewer: Actor, project: Project | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        choice = self.fields["client"]
        assert isinstance(choice, ClientField)
        choice.queryset = clients_for(viewer)
        if project is not None:
            del self.fields["modality"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        modality = self.project.modality if self.project else cleaned.get("modality")
        if modality and "labeling_config" in cleaned:
            try:
                config_for(modality, cleaned["labeling_config"])
            except ConfigRefused as refusal:
                for reason in refusal.reasons:
                    self.add_error("labeling_config", reason)
        return cleaned

    def terms(self) -> dict[str, Any]:
        """The arguments of the service."""
        terms = {name: self.cleaned_data[name] for name in self.fields if name != "client"}
        client = self.cleaned_data["client"]
        return {**terms, "client_id": client.pk if client else None}


def initial_of(project: Project) -> dict[str, Any]:
    """What a draft's form starts with."""
    return {
        "title": project.title,
        "client": project.client_id,
        "brief": project.brief,
        "labeling_config": project.labeling_config,
        "task_price": project.task_price_fen,
        "hourly_rate": project.hourly_rate_fen,
        "due_on": project.due_on,
    }


class PlanForm(forms.Form):
    """A project's quality plan; the share is asked in per cent."""

    overlap = forms.IntegerField(
        label=_("每条标注份数"), min_value=1, max_value=9, initial=1,
        help_text=_("由几个人互不可见地各标一遍；同一人不会拿到同一条的两份。"),
    )  # fmt: skip
    lease_minutes = forms.IntegerField(
        label=_("领取时限（分钟）"), min_value=5, max_value=10_080, initial=120,
        help_text=_("没有作业记录超过这个时间，任务放回待领取；作业中自动延长。"),
    )  # fmt: skip
    review_percent = forms.DecimalField(
        label=_("质检比例（%）"), min_value=0, max_value=100, decimal_places=2, initial=100,
        help_text=_("按可复现的抽样决定哪些结果要质检；未抽中的提交后即通过，返工的一律质检。"),
    )  # fmt: skip
    has_second_review = forms.BooleanField(
        label=_("二级质检"), required=False, help_text=_("一级通过后由另一位质检员作最终结论。")
    )
    review_firm = ClientField(
        label=_("质检单位"), queryset=Organization.objects.none(), required=False, empty_label=_("本单位"),
        help_text=_("选择其他单位后，只由该单位的质检员质检，只看到本项目的结果。"),
    )  # fmt: skip
    attempt_limit = forms.IntegerField(
        label=_("返工次数上限"), min_value=1, max_value=20, initial=3,
        help_text=_("同一人作业这么多次仍未通过，任务转交他人。"),
    )  # fmt: skip
    idle_minutes = forms.IntegerField(
        label=_("空闲截断（分钟）"), min_value=1, max_value=60, initial=5,
        help_text=_("两次作业记录之间超过这个时间的部分不计入用时。"),
    )  # fmt: skip

    def __init__(self, *args: Any, firms: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["review_firm"]
        assert isinstance(choice, ClientField)
        choice.queryset = firms

    def terms(self) -> dict[str, Any]:
        """The arguments of the service."""
        terms = dict(self.cleaned_data)
        firm = terms.pop("review_firm")
        share = int(terms.pop("review_percent") * 100)
        return {**terms, "review_share_bp": share, "review_firm_id": firm.pk if firm else None}


def plan_initial(plan: QualityPlan | None) -> dict[str, Any]:
    """What the form of the next plan starts with."""
    if plan is None:
        return {}
    names = ("overlap", "lease_minutes", "has_second_review", "attempt_limit", "idle_minutes")
    found: dict[str, Any] = {name: getattr(plan, name) for name in names}
    percent = Decimal(plan.review_share_bp) / 100
    return {**found, "review_percent": f"{percent.normalize():f}", "review_firm": plan.review_firm_id}


class AnswerQuestionForm(forms.Form):
    """The answer to a question about the guideline."""

    answer = forms.CharField(label=_("答复"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 2}))


class GuidelineForm(forms.Form):
    """The next version of the guideline, and what of the work done it touches."""

    body = forms.CharField(
        label=_("规范正文"),
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("写清每个标签的含义、边界情形和例子；发布后不能修改，只能再发新版。"),
    )
    change_note = forms.CharField(
        label=_("修改说明"),
        required=False,
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("与上一版有什么不同；返工时会告诉标注员。"),
    )
    touched_labels = forms.MultipleChoiceField(
        label=_("涉及标签"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("规则有变的标签；都不选表示全部结果都受影响。"),
    )
    rework_payer = forms.ChoiceField(
        label=_("返工报酬"),
        required=False,
        choices=[("", _("不需要返工")), *ReworkPayer.choices],
        help_text=_("已通过的结果按新版重做时，报酬由谁承担；选定后可以查看受影响的结果并重开。"),
    )
    question_ids = forms.MultipleChoiceField(
        label=_("并入的问答"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("已写进正文的问答可以在这里勾选，之后会标明并入了哪一版。"),
    )  # fmt: skip

    def __init__(
        self, *args: Any, project: Project, labels: Sequence[str], questions: Sequence[Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        is_published = project.opened_at is not None
        if not is_published:
            for name in ("change_note", "touched_labels", "rework_payer"):
                del self.fields[name]
        else:
            self._offer("touched_labels", [(label, label) for label in labels])
            if project.client_id is None:
                chosen = [(value, label) for value, label in ReworkPayer.choices if value != "client"]
                self._offer("rework_payer", [("", _("不需要返工")), *chosen])
        if questions:
            self._offer("question_ids", [(str(one.pk), one.question[:60]) for one in questions])
        else:
            del self.fields["question_ids"]

    def _offer(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def change(self) -> dict[str, Any]:
        """The arguments of the service besides the body."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "body"}
        if "question_ids" in given:
            given["question_ids"] = [UUID(one) for one in given["question_ids"]]
        return given


class SeveralFilesInput(forms.ClearableFileInput):
    """A file input that takes many."""

    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Any number of uploaded files; hostile content is judged by the service, with reasons."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        chosen = data if isinstance(data, list | tuple) else [data]
        if not chosen or chosen == [None]:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        too_big = [one.name for one in chosen if one.size > FILE_LIMIT]
        if too_big:
            words = _("“%(name)s”超过 %(limit)s MB，请拆分或压缩后再传。")
            raise forms.ValidationError(words, params={"name": too_big[0], "limit": FILE_LIMIT >> 20})
        return list(chosen)


class ImportForm(forms.Form):
    """Raw files with where they come from and by what right they are used."""

    uploads = SeveralFilesField(label=_("文件"), error_messages={"required": _("请选择要导入的文件。")})
    source = forms.CharField(
        label=_("数据来源"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("谁采集或提供、何时、用什么方式；登记审核时要核对。"),
    )
    licence = forms.CharField(
        label=_("来源许可"), max_length=200, help_text=_("例如：自采、委托方书面授权、CC BY 4.0。")
    )

    def __init__(self, *args: Any, modality: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_image = modality == Modality.IMAGE
        self.fields["uploads"].widget.attrs["accept"] = ".png,.jpg,.jpeg" if is_image else ".txt,.csv,.jsonl"
        self.fields["uploads"].help_text = (
            _("PNG、JPG，可多选，单个不超过 10 MB。")
            if is_image
            else _("TXT（一行一条）、CSV（有 text 列）、JSONL，UTF-8 编码，单个不超过 10 MB。")
        )


class ReasonForm(forms.Form):
    """Why something is sent back or given up."""

    reason = forms.CharField(label=_("原因"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}))
