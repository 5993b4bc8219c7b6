"""The components of the pages (gallery at /design/); a builtin library, no `{% load %}` needed.

Inline tags take records of `web.parts`; block tags wrap what stands between them and their `end…`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import lucide
from django import template
from django.forms import BaseForm, BoundField
from django.forms import widgets as w
from django.template import Context
from django.template.loader import get_template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from kernel import clock, workdays
from kernel.money import Money
from web import charts
from web.parts import (
    CertificateFace,
    Fact,
    JobFace,
    Kpi,
    LineageStep,
    Link,
    Moment,
    Option,
    Portion,
    RuleStep,
    Stage,
    TodoCard,
)
from web.tones import tone_of

register = template.Library()


def _show(name: str, values: dict[str, Any], context: Context | None = None) -> SafeString:
    """Render one component; request and CSRF token travel along, nothing else of the page does."""
    if context is not None:
        values = {
            "request": context.get("request"),
            "csrf_token": context.get("csrf_token"),
            **values,
        }
    found = get_template(f"web/components/{name}.html")
    return found.template.render(Context(values))  # type: ignore[attr-defined, no-any-return]


def _trimmed(content: str) -> SafeString:
    """The rendered inside of a block tag without its outer white space; still safe."""
    return mark_safe(content.strip())


# --- small things -------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _icon(name: str, size: int, cls: str) -> SafeString:
    attributes = {"class": f"icon {cls}".strip(), "aria-hidden": "true", "focusable": "false"}
    return SafeString(lucide._render_icon(name, size, **attributes))


@register.simple_tag
def icon(name: str, size: int = 18, cls: str = "") -> SafeString:
    """A Lucide icon, decorative: `{% icon "stamp" %}`, `{% icon "check" 14 "up" %}`."""
    return _icon(str(name) + "", size, str(cls) + "")


@register.simple_tag
def money(amount: Money | int | str | None, sign: bool = False) -> SafeString:
    """An amount with ¥ and thousands, from fen or Money; `--` for none; red when negative."""
    if amount is None or amount == "":
        return format_html('<span class="num muted" aria-label="{}">--</span>', _("无"))
    held = amount if isinstance(amount, Money) else Money(int(amount))
    text = str(held).replace("-", "−")
    if sign and held.fen > 0:
        text = f"+{text}"
    return format_html('<span class="num nowrap{}">{}</span>', " minus-money" if held.fen < 0 else "", text)


@register.filter
def yuan(amount: Money | int | str | None) -> str:
    """The amount as plain text, for attributes and sentences: `{{ order.price_fen|yuan }}`."""
    if amount is None or amount == "":
        return "--"
    return str(amount if isinstance(amount, Money) else Money(int(amount)))


@register.filter
def or_dashes(value: object) -> object:
    """The value, or `--` for none."""
    return "--" if value is None or value == "" else value


@register.filter
def count(value: int | str | None) -> str:
    """A whole number with thousands separators; `--` for none."""
    return "--" if value is None or value == "" else f"{int(value):,}"


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """Date and time in Asia/Shanghai, to the minute: 2026-11-23 18:05."""
    if not at:
        return "--"
    here = at.astimezone(clock.SHANGHAI)
    return format_html(
        '<time datetime="{}">{}</time>', here.isoformat(timespec="seconds"), f"{here:%Y-%m-%d %H:%M}"
    )


@register.filter
def day(at: datetime | date | None) -> SafeString | str:
    """The day in Asia/Shanghai: 2026-11-23."""
    if not at:
        return "--"
    on = clock.business_date(at) if isinstance(at, datetime) else at
    return format_html('<time datetime="{0}">{0}</time>', on.isoformat())


@register.filter
def deadline(on: date | None) -> SafeString | str:
    """The day, and that it is provisional while the holidays of its year are not announced."""
    if on is None or workdays.is_announced(on):
        return day(on)
    words = _("暂定：%(year)s 年放假安排尚未公布，公布后如需顺延会自动顺延") % {"year": on.year}
    return format_html('{} <span class="small soft">{}</span>', day(on), words)


@register.filter
def file_size(size: int | str | None) -> str:
    """Bytes for people: 86.2 MB."""
    if size is None or size == "":
        return "--"
    size = int(size)
    if size < 1024:
        return f"{size} B"
    tenths, names = size * 10, ("KB", "MB", "GB", "TB", "PB")
    for name in names:
        tenths //= 1024
        if tenths < 10240 or name == names[-1]:
            break
    return f"{tenths // 10}.{tenths % 10} {name}"


@register.filter
def short_hash(digest: str | bytes | None) -> SafeString | str:
    """First and last eight digits of a digest; the whole one in the title."""
    if not digest:
        return "--"
    whole = digest.hex() if isinstance(digest, bytes) else str(digest)
    shown = whole if len(whole) <= 20 else f"{whole[:8]}…{whole[-8:]}"
    return format_html('<code class="hash" title="{}">{}</code>', whole, shown)


@register.filter
def masked_name(name: str | None) -> str:
    """The family name and stars: 林晓 → 林*; John Smith → J***."""
    text = str(name or "").strip()
    if not text:
        return "--"
    return text[0] + ("*" * max(1, min(len(text) - 1, 3)))


@register.filter
def masked_phone(phone: object) -> str:
    """138****5678; short numbers lose all but the first and last two digits."""
    text = str(phone or "").strip().replace(" ", "")
    if not text:
        return "--"
    if text.startswith("+86"):
        text = text[3:]
    return f"{text[:3]}****{text[-4:]}" if len(text) >= 9 else f"{text[:2]}***{text[-2:]}"


@register.filter
def masked_email(address: str | None) -> str:
    """l***@example.com."""
    name, _at, host = str(address or "").partition("@")
    return f"{name[:1]}***@{host}" if host else "--"


@register.filter
def initial(name: object) -> str:
    """The first character of a name, for avatars."""
    return str(name or "·").strip()[:1].upper() or "·"


@register.simple_tag
def avatar(name: object, tone: str = "", small: bool = False) -> SafeString:
    """A round first character; decorative, the name stands beside it."""
    cls = "avatar" + (" avatar-small" if small else "") + (f" avatar-{tone}" if tone else "")
    return format_html('<span class="{}" aria-hidden="true">{}</span>', cls, initial(name))


@register.simple_tag
def tag(text: object, tone: str = "neutral", icon: str = "", dot: bool = False) -> SafeString:
    """A small label: `{% tag "已登记" "green" "stamp" %}`; tones: web.tones, and outline."""
    mark = _icon(str(icon) + "", 14, "") if icon else (mark_safe('<span class="dot"></span>') if dot else "")
    return format_html('<span class="tag tag-{}">{}{}</span>', tone, mark, text)


@register.simple_tag
def state(subject: Any, field: str = "state", tone: str = "") -> SafeString:
    """The state of a model instance as a tag, in its own tone: `{% state order %}`."""
    value = str(getattr(subject, field))
    label = getattr(subject, f"get_{field}_display", lambda: value)()
    return tag(label, tone or tone_of(value), dot=True)


@register.filter
def state_tone(value: object) -> str:
    """The tone of a state, for places that draw their own tag."""
    return tone_of(str(value))


@register.simple_tag
def idempotency_key() -> SafeString:
    """The hidden key that lets a resubmitted form act once; for every form that moves money or state."""
    return format_html('<input type="hidden" name="idempotency_key" value="{}">', uuid.uuid4())


# --- page parts ---------------------------------------------------------------------------------


@register.simple_tag
def crumbs(*pairs: object) -> SafeString:
    """`{% crumbs "订单" orders_url order.number %}`: label and address in turn, this page last."""
    links = [Link(str(pairs[i]), str(pairs[i + 1])) for i in range(0, len(pairs) - 1, 2)]
    return _show("crumbs", {"links": links, "here": pairs[-1] if len(pairs) % 2 else ""})


@register.simple_block_tag(end_name="endpage_head")
def page_head(
    content: str,
    title: object,
    *,
    subject: Any = None,
    meta: Iterable[object] = (),
    tag: object = "",
    tone: str = "neutral",
    lead: object = "",
) -> SafeString:
    """Title, state tag of `subject` (or `tag`), remarks; the actions stand inside the block."""
    badge = state(subject) if subject is not None else ""
    values = {"title": title, "badge": badge, "tag": tag, "tone": tone, "meta": list(meta), "lead": lead}
    return _show("page_head", {**values, "actions": _trimmed(content)})


@register.simple_tag
def tabs(links: Sequence[Link], label: object = "") -> SafeString:
    """A row of `Link`s, the present one marked."""
    return _show("tabs", {"links": links, "label": label or _("内容")})


@register.simple_block_tag
def card(
    content: str,
    *,
    title: object = "",
    link: object = "",
    url: str = "",
    flush: bool = False,
    id: str = "",  # noqa: A002 - the attribute it sets
    cls: str = "",
    foot: object = "",
) -> SafeString:
    """A white panel with an optional head; `flush=True` lets a table reach its edges."""
    values = {"title": title, "link": link, "url": url, "flush": flush, "id": id, "cls": cls, "foot": foot}
    return _show("card", {**values, "body": content})


@register.simple_block_tag
def note(content: str, tone: str = "blue", icon: str = "") -> SafeString:
    """A remark in a coloured strip: blue, green, amber, red or neutral."""
    default = {"green": "circle-check", "amber": "triangle-alert", "red": "circle-x"}.get(tone, "info")
    return _show("note", {"tone": tone, "icon": icon or default, "body": content})


@register.simple_block_tag
def more(content: str, label: object, is_open: object = False) -> SafeString:
    """Details that open on demand; open from the start when what is inside needs a look."""
    return _show("more", {"label": label, "body": content, "is_open": bool(is_open)})


@register.simple_tag
def process_bar(stages: Sequence[Stage], label: object = "") -> SafeString:
    """Where a procedure stands: done, current, ahead."""
    return _show("process_bar", {"stages": stages, "label": label or _("办理进度")})


@register.simple_tag
def kpi_strip(kpis: Sequence[Kpi]) -> SafeString:
    """A row of figures."""
    return _show("kpi_strip", {"kpis": kpis})


@register.simple_tag
def stats(facts: Sequence[Fact]) -> SafeString:
    """A ruled row of facts under a public title."""
    return _show("stats", {"facts": facts})


@register.simple_tag
def definitions(facts: Sequence[Fact]) -> SafeString:
    """Terms on the left, values on the right."""
    return _show("definitions", {"facts": facts})


@register.simple_tag
def pipeline(portions: Sequence[Portion], label: object = "") -> SafeString:
    """A stacked bar with its legend: how many stand at which stage."""
    title = str(label or _("各环节数量"))
    bar = charts.stacked_bar([(str(p.label), p.count, p.tone) for p in portions], title=title)
    return _show("pipeline", {"portions": portions, "bar": bar})


@register.simple_tag
def todo_list(cards: Sequence[TodoCard], at: datetime | None = None) -> SafeString:
    """What waits, with its deadline; late and soon (3 days) are marked."""
    today = clock.business_date(at or clock.now())
    rows = []
    for item in cards:
        due = clock.business_date(item.due_at) if isinstance(item.due_at, datetime) else item.due_at
        left = (due - today).days if due else None
        urgency = "" if left is None else "due-late" if left < 0 else "due-soon" if left <= 3 else ""
        rows.append(
            {
                "card": item,
                "due": due,
                "left": left,
                "late": -left if left is not None else 0,
                "urgency": urgency,
            }
        )
    return _show("todo_list", {"rows": rows})


@register.simple_tag
def timeline(entries: Iterable[Any], newest_first: bool = True) -> SafeString:
    """Transition rows of the kernel or `Moment`s; give them oldest first."""
    moments = [e if isinstance(e, Moment) else _moment_of(e) for e in entries]
    if newest_first:
        moments.reverse()
    return _show("timeline", {"moments": moments, "newest_first": newest_first})


def _moment_of(row: Any) -> Moment:
    return Moment(title=row.move_label, at=row.at, who=row.actor_label, reason=row.reason)


@register.simple_tag
def lineage(steps: Sequence[LineageStep]) -> SafeString:
    """The way of the data from its source to its registration."""
    return _show("lineage", {"steps": steps})


# --- decisions ----------------------------------------------------------------------------------


@register.simple_block_tag
def conclusion(
    content: str,
    *,
    amount: Money | int | None = None,
    kicker: object = "",
    words: object = "",
    facts: Sequence[Fact] = (),
    done: int | None = None,
    total: int | None = None,
    headline: object = "",
) -> SafeString:
    """The answer first: amount (or `headline`), one sentence in the block, facts, how much is judged."""
    held = amount if isinstance(amount, Money) or amount is None else Money(int(amount))
    ring = charts.ring(done, total, label=str(_("项已判定"))) if done is not None and total else ""
    values = {"kicker": kicker, "words": words, "facts": facts, "ring": ring, "headline": headline}
    return _show(
        "conclusion", {**values, "figure": str(held)[1:] if held is not None else "", "body": content}
    )


@register.simple_block_tag
def rule_step(content: str, step: RuleStep) -> SafeString:
    """One judged step inside `<ol class="chain">`: clause, fact, verdict, evidence; extra in the block."""
    before, mark, after = str(step.clause), str(step.mark), ""
    if mark and mark in before:
        before, _mark, after = before.partition(mark)
    else:
        mark = ""
    return _show(
        "rule_step", {"step": step, "before": before, "mark": mark, "after": after, "body": _trimmed(content)}
    )


@register.simple_tag
def evidence(items: Sequence[Any]) -> SafeString:
    """Chips that lead to the proof."""
    return _show("evidence", {"items": items})


@register.simple_tag
def options(
    name: str, choices: Sequence[Option], selected: object = None, legend: object = "", cls: str = "options"
) -> SafeString:
    """Radio buttons as cards; `name` is the form field."""
    return _show(
        "options",
        {"name": name, "choices": choices, "selected": str(selected or ""), "legend": legend, "cls": cls},
    )


@register.simple_block_tag(takes_context=True)
def judge(
    context: Context,
    content: str,
    question: object,
    name: str,
    choices: Sequence[Option],
    *,
    action: str = "",
    selected: object = None,
    submit: object = "",
    key: str = "",
) -> SafeString:
    """The box where a person decides what the rules leave open; posts `name` to `action`."""
    values = {
        "question": question,
        "name": name,
        "choices": choices,
        "action": action,
        "selected": str(selected or ""),
        "submit": submit or _("保存判断"),
        "key": key or name,
    }
    return _show("judge", {**values, "body": content}, context)


@register.simple_block_tag(takes_context=True)
def decision_rail(
    context: Context,
    content: str,
    choices: Sequence[Option],
    *,
    action: str = "",
    title: object = "",
    who: object = "",
    phrases: Sequence[object] = (),
    open_judgements: Sequence[Link] = (),
    name: str = "decision",
    opinion_name: str = "opinion",
    opinion: str = "",
    selected: object = None,
    error: object = "",
    submit: object = "",
) -> SafeString:
    """The reviewer's form: choices, opinion, phrases; blocked while judgements are open. Buttons inside."""
    values = {
        "choices": choices,
        "action": action,
        "title": title or _("审核决定"),
        "who": who,
        "phrases": phrases,
        "open_judgements": open_judgements,
        "name": name,
        "opinion_name": opinion_name,
        "opinion": opinion,
        "selected": str(selected or (choices[0].value if choices else "")),
        "error": error,
        "submit": submit or _("提交决定"),
    }
    return _show("decision_rail", {**values, "body": content, "key": idempotency_key()}, context)


# --- trade --------------------------------------------------------------------------------------


@register.simple_block_tag(takes_context=True)
def buy_card(
    context: Context,
    content: str,
    *,
    price: object,
    action: str = "",
    hint: object = "",
    plans: Sequence[Option] = (),
    selected: object = None,
    promises: Sequence[tuple[str, object]] = (),
    submit: object = "",
    badge: object = "",
    name: str = "plan",
    method: str = "post",
) -> SafeString:
    """Price, plans, one button, what the platform promises; more fields or buttons in the block."""
    values = {
        "price": price if not isinstance(price, Money) else str(price),
        "action": action,
        "hint": hint,
        "plans": plans,
        "selected": str(selected or (plans[0].value if plans else "")),
        "promises": promises,
        "submit": submit or _("申请购买"),
        "badge": badge,
        "name": name,
        "method": method,
    }
    return _show("buy_card", {**values, "body": content}, context)


@register.simple_tag
def certificate_card(face: CertificateFace) -> SafeString:
    """The small golden card of a registration certificate."""
    return _show("certificate_card", {"face": face})


# --- lists --------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def pagination(context: Context, page: Any, target: str = "") -> SafeString:
    """Previous and next of a `CursorPage`, keeping the other parameters; htmx when `target` is given."""
    request = context.get("request")
    query = request.GET.copy() if request is not None else None
    links = {}
    for way in ("after", "before"):
        cursor = getattr(page, way)
        if query is None or not cursor:
            links[way] = f"?{way}={cursor}" if cursor else ""
            continue
        kept = query.copy()
        kept.pop("after", None)
        kept.pop("before", None)
        kept[way] = cursor
        links[way] = f"?{kept.urlencode()}"
    return _show(
        "pagination", {"page": page, "next": links["after"], "previous": links["before"], "target": target}
    )


@register.simple_block_tag
def empty(content: str, title: object, icon: str = "inbox", detail: object = "") -> SafeString:
    """Nothing here yet: the reason, and one action in the block."""
    return _show("empty", {"title": title, "icon": icon, "detail": detail, "body": _trimmed(content)})


@register.simple_tag
def chips(links: Sequence[Link], label: object = "", target: str = "") -> SafeString:
    """Filters as links; the present one is dark."""
    return _show("chips", {"links": links, "label": label or _("筛选"), "target": target})


@register.simple_tag
def job(face: JobFace) -> SafeString:
    """Progress of long work; asks `poll_url` every two seconds until it answers 286."""
    return _show("job", {"job": face})


# --- forms --------------------------------------------------------------------------------------

_KINDS: tuple[tuple[type[w.Widget], str], ...] = (
    (w.RadioSelect, "choices"),
    (w.CheckboxSelectMultiple, "choices"),
    (w.CheckboxInput, "check"),
    (w.Textarea, "textarea"),
    (w.Select, "select"),
    (w.FileInput, "file"),
)


def _kind(bound: BoundField) -> str:
    widget = bound.field.widget
    if widget.is_hidden:
        return "hidden"
    return next((kind for cls, kind in _KINDS if isinstance(widget, cls)), "input")


@register.simple_tag
def field(bound: BoundField, prefix: object = "", rows: int = 0, hint: object = "") -> SafeString:
    """A form field with label, help, error and the aria attributes that tie them together."""
    kind = _kind(bound)
    if kind == "hidden":
        return bound.as_widget()
    attrs: dict[str, Any] = {}
    if kind in ("input", "textarea", "select", "file"):
        attrs["class"] = " ".join(filter(None, [bound.field.widget.attrs.get("class", ""), kind]))
    if rows:
        attrs["rows"] = rows
    values = {"bound": bound, "kind": kind, "prefix": prefix, "hint": hint}
    return _show("field", {**values, "control": bound.as_widget(attrs=attrs)})


@register.simple_tag
def fields(form: BaseForm) -> SafeString:
    """All fields of a form, hidden ones too, in order."""
    return mark_safe("".join(field(bound) for bound in form))


@register.simple_tag
def form_errors(form: BaseForm | None) -> SafeString | str:
    """What is wrong with the whole form, with links to the fields at fault."""
    if form is None or not form.is_bound or not form.errors:
        return ""
    faults = [(bound, error) for bound in form.visible_fields() for error in bound.errors]
    hidden = [error for bound in form.hidden_fields() for error in bound.errors]
    return _show("form_errors", {"general": [*form.non_field_errors(), *hidden], "faults": faults})
