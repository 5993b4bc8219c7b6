"""Forms of the pilot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from exchange.pilots import rules
from exchange.pilots.models import Application, Round, Seat
from exchange.pilots.services.rounds import COUNTS
from exchange.pilots.states import Level, Verdict
from organizations.models import Membership


def _text(label: Any, help_text: Any = "", rows: int = 4, *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=rules.LONGEST_TEXT,
        required=required,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


def _moment(label: Any, help_text: Any = "") -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(
        label=label, help_text=help_text, widget=widget, input_formats=["%Y-%m-%dT%H:%M"]
    )


def _count(label: Any, name: str, help_text: Any = "") -> forms.IntegerField:
    least, most = COUNTS[name]
    return forms.IntegerField(label=label, help_text=help_text, min_value=least, max_value=most)


class RoundForm(forms.Form):
    """What a call wants, from when to when."""

    title = forms.CharField(label=_("批次名称"), min_length=4, max_length=120)
    description = _text(_("征集说明"), required=False)
    documents_wanted = _text(_("所需材料"), _("一行一种。留空则不要求附件。"), required=False)
    opens_at = _moment(_("开始申报"))
    closes_at = _moment(_("截止申报"), _("到这一刻自动截止并封存，这一刻本身不再受理。"))
    places_technology = _count(_("技术赋能型名额"), "places_technology", _("0 表示不征集这一类型。"))
    places_data = _count(_("数据赋能型名额"), "places_data")
    places_rights = _count(_("受托行权型名额"), "places_rights")
    scorers_count = _count(_("每份申报的评审人数"), "scorers_count", _("至少 3 人。"))
    outlier_points = _count(
        _("偏离提示（分）"), "outlier_points", _("与中位数相差超过此分数的评分会标出，但仍计入均分。")
    )
    notice_working_days = _count(_("公示工作日"), "notice_working_days")
    term_years = _count(_("试点年限"), "term_years")

    @staticmethod
    def initial_of(found: Round) -> dict[str, Any]:
        """A round's present values."""
        return {name: getattr(found, name) for name in RoundForm.base_fields}


class ScaleForm(forms.Form):
    """The criteria of a scale, one row each; empty rows are left out."""

    def __init__(self, *args: Any, criteria: Sequence[rules.Criterion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = min(rules.MOST_CRITERIA, max(8, len(criteria) + 2))
        for index in range(self.rows):
            row = criteria[index] if index < len(criteria) else None
            number = {"number": index + 1}
            self.fields[f"label_{index}"] = forms.CharField(
                label=gettext("指标 %(number)s") % number, max_length=60, required=False,
                initial=row.label if row else "",
            )  # fmt: skip
            self.fields[f"weight_{index}"] = forms.IntegerField(
                label=gettext("权重 %(number)s") % number, min_value=1, max_value=100, required=False,
                initial=row.weight if row else None,
            )  # fmt: skip
            self.fields[f"guidance_{index}"] = forms.CharField(
                label=gettext("打分说明 %(number)s") % number, max_length=400, required=False,
                widget=forms.Textarea(attrs={"rows": 2}), initial=row.guidance if row else "",
            )  # fmt: skip

    def criteria(self) -> list[dict[str, Any]]:
        """The rows that were filled in."""
        found = []
        for index in range(self.rows):
            label = self.cleaned_data.get(f"label_{index}", "").strip()
            if label:
                weight = self.cleaned_data.get(f"weight_{index}") or 0
                guidance = self.cleaned_data.get(f"guidance_{index}", "")
                found.append({"label": label, "weight": weight, "guidance": guidance})
        return found


_HINTS: dict[str, Any] = {
    "own_data": _("自己合法持有、可用于服务的数据：内容、规模、来源。"),
    "security": _("采集的授权与记录、处理的环境与权限、测评与事件处置。"),
    "team": _("人数与分工：法律、技术、行业人员，主要人员的经历。"),
    "cases": _("可以核实的案例：对象、时间、结果。"),
    "plan": _("分年度的目标、做法、风险和预案。"),
    "products": _("已有的产品和使用情况。"),
    "capability": _("为供需双方提供哪些技术能力。"),
    "data_resources": _("用于赋能的数据资源：内容、规模、更新。"),
    "data_sources": _("每类数据的来源与授权。"),
    "principals": _("代理哪些权利人，依据什么委托。"),
    "protection": _("怎样保护权利人：告知、撤回、收益分配、账目。"),
}


class SectionForm(forms.Form):
    """The questions of one section; nothing is required until the application is handed in."""

    def __init__(self, *args: Any, names: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in names:
            label: Any = rules.FIELD_LABELS[name]
            if name in ("dcmm_level", "protection_level"):
                self.fields[name] = forms.TypedChoiceField(
                    label=label,
                    choices=[("", "--"), *Level.choices],
                    coerce=int,
                    empty_value=None,
                    required=False,
                )
            else:
                self.fields[name] = _text(label, _HINTS[name], 6, required=False)


class FileForm(forms.Form):
    """One document of an application."""

    file = forms.FileField(label=_("文件"))
    label = forms.CharField(label=_("说明"), max_length=120, required=False)


class TypeForm(forms.Form):
    """Which type to apply for."""

    type = forms.ChoiceField(label=_("申报类型"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, found: Round, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["type"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(each.value, each.label) for each in found.types]


class DeclareForm(forms.Form):
    """Whether the scorer has a conflict of interest."""

    answer = forms.ChoiceField(
        label=_("与申报单位有无利益冲突"),
        choices=[("none", _("没有：与申报单位及其人员没有任职、持股、亲属或业务关系")), ("conflict", _("有，申请回避"))],
        widget=forms.RadioSelect,
    )  # fmt: skip
    statement = _text(_("利益冲突说明"), _("申请回避时填写。"), 3, required=False)


class ScoreForm(forms.Form):
    """Points for every criterion and one opinion; a correction also says why."""

    def __init__(
        self, *args: Any, criteria: Sequence[rules.Criterion], is_correction: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.keys = [row.key for row in criteria]
        for row in criteria:
            self.fields[row.key] = forms.IntegerField(
                label=gettext("%(label)s（权重 %(weight)s）") % {"label": row.label, "weight": row.weight},
                help_text=row.guidance,
                min_value=0,
                max_value=100,
            )
        self.fields["opinion"] = _text(_("评审意见"), rows=3)
        if is_correction:
            self.fields["reason"] = _text(_("更正理由"), _("原评分保留，更正作为新版本。"), 2)

    def points(self) -> dict[str, int]:
        """The points by criterion."""
        return {key: self.cleaned_data[key] for key in self.keys}


class AppointForm(forms.Form):
    """Who is to score, and perhaps in whose place."""

    member = forms.ChoiceField(label=_("评审人"))
    replaces = forms.ChoiceField(label=_("替补"), required=False)

    def __init__(
        self, *args: Any, members: Iterable[Membership], vacant: Iterable[Seat], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        member, replaces = self.fields["member"], self.fields["replaces"]
        assert isinstance(member, forms.ChoiceField)
        assert isinstance(replaces, forms.ChoiceField)
        member.choices = [(str(each.pk), f"{each.user} · {each.organization}") for each in members]
        replaces.choices = [("", "--"), *((str(seat.pk), str(seat.scorer)) for seat in vacant)]


class ReasonForm(forms.Form):
    """A reason that the other side will read."""

    reason = _text(_("理由"), rows=3)


class ObjectionForm(forms.Form):
    """What somebody objects to."""

    application = forms.ChoiceField(label=_("所涉申报"), required=False)
    statement = _text(_("异议内容"), _("写明事实和理由，10 字以上。"))

    def __init__(self, *args: Any, rows: Iterable[Application], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["application"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [("", _("整个结果")), *((str(row.pk), str(row.applicant)) for row in rows)]


class AnswerForm(forms.Form):
    """The answer to an objection."""

    verdict = forms.ChoiceField(
        label=_("结论"),
        choices=[("dismiss", _("异议不成立，结果不变")), ("uphold", _("异议成立，结束公示并重新评审"))],
        widget=forms.RadioSelect,
    )
    answer = _text(_("答复"), _("写明事实和理由，10 字以上；异议人能看到。"))


class DecideForm(forms.Form):
    """The operator's verdict after an assessment."""

    verdict = forms.ChoiceField(label=_("结论"), choices=Verdict.choices, widget=forms.RadioSelect)
    reasons = _text(_("理由"), _("10 字以上；数据经纪人能看到。"))
    demands = _text(_("整改要求"), _("限期整改时填写，一行一条。"), required=False)
    due_on = forms.DateField(
        label=_("整改期限"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("留空则按现行参数。"),
    )


class ReportForm(forms.Form):
    """How one demand was met."""

    report = _text(_("整改报告"), _("怎样整改、有何证明，10 字以上。"), 3)
