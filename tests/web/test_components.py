"""The components of `{% load ui %}` show what they promise, escaped and labelled."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory

from kernel.money import Money
from web import parts
from web.forms import YuanField, show_refusal
from web.templatetags import ui

AT = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)  # 00:30 on the 24th in Shanghai


def shown(template: str, **context: Any) -> str:
    return Template(f"{{% load ui %}}{template}").render(Context(context))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (123_456, "¥1,234.56"),
        (Money(500_000_000), "¥5,000,000.00"),
        (0, "¥0.00"),
        (-1, "−¥0.01"),
    ],
)
def test_money_has_separators_and_two_decimals(amount: object, text: str) -> None:
    assert text in shown("{% money amount %}", amount=amount)


def test_no_money_is_two_dashes() -> None:
    assert ">--<" in shown("{% money amount %}", amount=None)
    assert shown("{{ amount|yuan }}", amount=None) == "--"


def test_negative_money_is_marked_by_class_and_by_sign() -> None:
    assert "minus-money" in shown("{% money amount %}", amount=-5)


def test_moments_are_told_in_shanghai() -> None:
    assert "2026-11-24 00:30" in shown("{{ at|moment }}", at=AT)
    assert ">2026-11-24<" in shown("{{ at|day }}", at=AT)
    assert ">2026-11-23<" in shown("{{ at|day }}", at=date(2026, 11, 23))
    assert shown("{{ at|moment }}", at=None) == "--"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KB"), (90_387_251, "86.1 MB"), (None, "--")]
)
def test_file_sizes(size: int | None, text: str) -> None:
    assert ui.file_size(size) == text


@pytest.mark.parametrize(
    ("name", "masked"), [("林晓", "林*"), ("欧阳明月", "欧***"), ("John Smith", "J***"), ("", "--")]
)
def test_names_are_masked(name: str, masked: str) -> None:
    assert ui.masked_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("13812345678", "138****5678"), ("+8613812345678", "138****5678"), ("12345", "12***45"), (None, "--")],
)
def test_phones_are_masked(phone: str | None, masked: str) -> None:
    assert ui.masked_phone(phone) == masked


def test_a_digest_is_shortened_and_kept_whole_in_its_title() -> None:
    html = str(ui.short_hash("0123456789abcdef" * 4))
    assert "01234567…89abcdef" in html
    assert "0123456789abcdef" * 4 in html


def test_a_state_wears_its_tone() -> None:
    order = SimpleNamespace(state="completed", get_state_display=lambda: "已完成")
    assert 'class="tag tag-green"' in shown("{% state order %}", order=order)


def test_text_from_people_is_escaped_in_every_place() -> None:
    evil = "<script>alert(1)</script>"
    html = shown(
        "{% crumbs t '#' t %}{% page_head t meta=m lead=t %}{% endpage_head %}"
        "{% tag t %}{% card title=t %}{{ t }}{% endcard %}"
        "{% note %}{{ t }}{% endnote %}{% timeline moments %}{% todo_list todos %}"
        "{% kpi_strip kpis %}{% empty t %}{% endempty %}"
        "{% job face %}{% evidence proof %}",
        t=evil,
        m=[evil],
        moments=[parts.Moment(evil, AT, evil, evil)],
        todos=[parts.TodoCard(evil, "#", evil)],
        kpis=[parts.Kpi(evil, evil, evil, evil)],
        face=parts.JobFace("a", evil, "#", message=evil),
        proof=[parts.Evidence(evil, evil, evil)],
    )
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 14


def test_the_inside_of_a_block_stays_markup() -> None:
    assert "<b>留</b>" in shown("{% card title='甲' %}<b>留</b>{% endcard %}")
    assert '<a href="#">去</a>' in shown("{% page_head '甲' %}<a href=\"#\">去</a>{% endpage_head %}")


def test_todos_say_late_today_and_soon() -> None:
    todos = [
        parts.TodoCard("a", "#", due_at=date(2026, 11, 22)),
        parts.TodoCard("b", "#", due_at=date(2026, 11, 24)),
        parts.TodoCard("c", "#", due_at=date(2026, 11, 26)),
        parts.TodoCard("d", "#", due_at=date(2026, 12, 20)),
    ]
    html = str(ui.todo_list(todos, AT))
    assert "已逾期 2 天" in html
    assert "今天截止" in html
    assert "剩 2 天" in html
    assert "12-20 前" in html


def test_a_timeline_reads_transition_rows_newest_first() -> None:
    rows = [
        SimpleNamespace(move_label="下单", at=AT, actor_label="林晓 · 清蓝", reason=""),
        SimpleNamespace(move_label="付款", at=AT, actor_label="系统 · 支付", reason="全额到账"),
    ]
    html = str(ui.timeline(rows))
    assert html.index("付款") < html.index("下单")
    assert "全额到账" in html


class FirmForm(forms.Form):
    name = forms.CharField(label="名称", help_text="与营业执照一致")
    price = YuanField(label="价格", least=100, most=10_000)
    kind = forms.ChoiceField(label="种类", choices=[("a", "甲"), ("b", "乙")], widget=forms.RadioSelect)
    agreed = forms.BooleanField(label="同意")
    note = forms.CharField(label="备注", required=False)


def test_a_field_ties_label_help_and_error_to_its_control() -> None:
    form = FirmForm({"name": ""})
    html = shown("{% field form.name %}", form=form)
    assert re.search(r'<label class="label" for="id_name">\s*名称', html)
    assert 'id="id_name_helptext"' in html
    assert 'id="id_name_error"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'aria-invalid="true"' in html


def test_choices_stand_in_a_fieldset_with_a_legend() -> None:
    html = shown("{% field form.kind %}", form=FirmForm())
    assert "<fieldset" in html
    assert re.search(r'<legend class="label">\s*种类', html)


def test_an_optional_field_says_so() -> None:
    assert "选填" in shown("{% field form.note %}", form=FirmForm())
    assert "选填" not in shown("{% field form.name %}", form=FirmForm())


def test_the_error_summary_leads_to_each_field() -> None:
    html = shown(
        "{% form_errors form %}", form=FirmForm({"name": "", "price": "abc", "kind": "a", "agreed": "on"})
    )
    assert 'href="#id_name"' in html
    assert 'href="#id_price"' in html
    assert 'role="alert"' in html


def test_a_valid_or_unsent_form_has_no_summary() -> None:
    assert shown("{% form_errors form %}", form=FirmForm()) == ""


@pytest.mark.parametrize(
    ("typed", "fen"), [("12.34", 1234), ("1", 100), ("¥99.9", 9990), ("100", 10_000), ("1，0", 1000)]
)
def test_yuan_is_read_to_the_fen(typed: str, fen: int) -> None:
    assert YuanField(least=100, most=10_000).clean(typed) == Money(fen)


@pytest.mark.parametrize(
    ("typed", "code"), [("0.99", "least"), ("100.01", "most"), ("1.234", "invalid"), ("１e5", "invalid")]
)
def test_wrong_yuan_is_refused_with_its_reason(typed: str, code: str) -> None:
    with pytest.raises(forms.ValidationError) as refused:
        YuanField(least=100, most=10_000).clean(typed)
    assert refused.value.code == code


def test_a_refusal_lands_on_its_field_or_on_top() -> None:
    from kernel.errors import InvalidInput

    form = FirmForm({"name": "甲", "price": "5", "kind": "a", "agreed": "on"})
    assert form.is_valid()
    show_refusal(form, InvalidInput(field="name", reason="名称已被使用"))
    show_refusal(form, InvalidInput(field="nowhere", reason="稍后再试"))
    assert form.errors["name"] == ["名称已被使用"]
    assert form.non_field_errors() == ["稍后再试"]


def test_every_idempotency_key_is_another() -> None:
    first, second = shown("{% idempotency_key %}"), shown("{% idempotency_key %}")
    assert re.search(r'name="idempotency_key" value="[0-9a-f-]{36}"', first)
    assert first != second


def test_a_decision_waits_for_open_judgements() -> None:
    choices = [parts.Option("approve", "同意"), parts.Option("reject", "驳回")]
    waiting = [parts.Link("交易是否真实？", "#step-ring")]
    template = "{% decision_rail choices open_judgements=waiting %}{% enddecision_rail %}"
    blocked = shown(template, choices=choices, waiting=waiting)
    free = shown(template, choices=choices, waiting=[])
    assert "disabled" in blocked
    assert 'href="#step-ring"' in blocked
    assert "disabled" not in free


def test_a_rule_step_marks_the_words_that_decide() -> None:
    step = parts.RuleStep(
        "r",
        3,
        "收入",
        "¥1",
        "达到",
        clause="收入达到五百万元的给予奖励",
        mark="达到五百万元",
        article="第三条",
    )
    html = shown("{% rule_step step %}{% endrule_step %}", step=step)
    assert "收入<mark>达到五百万元</mark>的给予奖励" in html
    assert "<cite>第三条</cite>" in html


def test_a_running_job_asks_again_and_a_finished_one_does_not() -> None:
    running = shown("{% job face %}", face=parts.JobFace("j", "导入", "/jobs/j/", 30, 120))
    ended = shown("{% job face %}", face=parts.JobFace("j", "导入", "/jobs/j/", 120, 120, state="succeeded"))
    assert 'hx-get="/jobs/j/"' in running
    assert "25%" in running
    assert "hx-get" not in ended
    assert "100%" in ended


def test_pagination_keeps_the_other_parameters() -> None:
    request = RequestFactory().get("/orders/?state=paid&after=old")
    page = SimpleNamespace(items=[1, 2], after="next1", before="prev1")
    html = shown("{% pagination page target='#list' %}", request=request, page=page)
    assert 'href="?state=paid&amp;after=next1"' in html
    assert 'href="?state=paid&amp;before=prev1"' in html
    assert 'hx-target="#list"' in html
