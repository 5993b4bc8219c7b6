"""What an auditor may ask for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.selectors import Question, actions
from kernel import clock
from organizations.models import Organization


class QuestionForm(forms.Form):
    """Filters of the log; an answer that can't be read narrows nothing and says so."""

    text = forms.CharField(label=_("编号、名称或 ID"), max_length=100, required=False)
    who = forms.CharField(label=_("操作人"), max_length=100, required=False)
    action = forms.ChoiceField(label=_("动作"), required=False)
    organization: forms.ModelChoiceField[Organization] = forms.ModelChoiceField(
        label=_("单位"), queryset=None, required=False, empty_label=_("全部单位"), to_field_name="id"
    )
    since = forms.DateField(label=_("起始日"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("截止日"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, is_auditor: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["action"].choices = [("", _("全部动作")), *((name, name) for name in actions())]
        for field in fields.values():
            is_choice = isinstance(field, forms.ChoiceField | forms.ModelChoiceField)
            field.widget.attrs["class"] = "input select" if is_choice else "input"
        if is_auditor:
            fields["organization"].queryset = Organization.objects.order_by("name")
        else:
            del fields["organization"]

    def question(self) -> Question:
        """The readable part of what was asked."""
        self.is_valid()
        told: dict[str, Any] = getattr(self, "cleaned_data", {})
        organization, since, until = told.get("organization"), told.get("since"), told.get("until")
        return Question(
            text=told.get("text", ""),
            who=told.get("who", ""),
            action=told.get("action", ""),
            organization_id=organization.pk if organization else None,
            since=clock.start_of(since) if since else None,
            until=clock.end_of(until) if until else None,
        )
