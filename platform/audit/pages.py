"""审计: the log, one event with its place in the chain, export."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from audit import selectors, services
from audit.forms import QuestionForm
from audit.models import AuditEvent
from audit.permissions import READ_ALL, READ_OWN
from kernel import clock
from organizations.permissions import Actor
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Fact

EXPORT_LIMIT = 50_000  # rows


def _viewer(request: HttpRequest) -> Actor:
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    if not viewer.can(READ_ALL):
        viewer.require(READ_OWN)
    return viewer


@require_GET
@login_required
def events(request: HttpRequest) -> HttpResponse:
    """The log, newest first, and how far it is sealed."""
    viewer = _viewer(request)
    form = QuestionForm(request.GET, is_auditor=viewer.can(READ_ALL))
    rows = selectors.matching(selectors.events_visible_to(viewer), form.question()).select_related("link")
    page = paginate(rows, request.GET, order=("-at", "-id"))
    names = selectors.organization_names(page.items)
    context = {
        "form": form,
        "page": page,
        "rows": [
            (row, names.get(row.organization_id, "") if row.organization_id else "") for row in page.items
        ],
        "chain": selectors.chain_state(),
        "is_auditor": viewer.can(READ_ALL),
    }
    return page_or_fragment(request, "audit/list.html", "audit/list_rows.html", context)


@require_GET
@login_required
def detail(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """One event, whole, with its digest, its link and the links around it."""
    viewer = _viewer(request)
    event = selectors.event_visible_to(viewer, event_id)
    before, link, after = selectors.neighbours(event)
    is_intact = services.digest_of(event) == event.digest
    if link is not None:
        is_intact = is_intact and services.link_hash(link.previous_hash, event.digest) == link.hash
    facts = [
        Fact(_("时间"), event.at.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")),
        Fact(_("动作"), event.action),
        Fact(_("操作人"), event.actor_label),
        Fact(_("对象"), event.subject_label or "--", hint=event.subject_type),
        Fact(_("对象 ID"), str(event.subject_id or "--")),
        Fact(_("事件 ID"), str(event.pk)),
    ]
    others = selectors.events_visible_to(viewer).filter(subject_id=event.subject_id).order_by("at", "pk")
    context = {
        "event": event,
        "facts": facts,
        "told": json.dumps(event.detail, ensure_ascii=False, indent=2, sort_keys=True),
        "before": before,
        "link": link,
        "after": after,
        "is_intact": is_intact,
        "others": others[:50] if event.subject_id else [],
    }
    return render(request, "audit/detail.html", context)


def _harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _lines(rows: Any) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + str(
        writer.writerow(
            ["at", "action", "actor", "subject_type", "subject", "subject_id", "detail", "digest", "position"]
        )
    )
    row: AuditEvent
    for row in rows:
        position = row.link.position if hasattr(row, "link") else ""
        told = json.dumps(row.detail, ensure_ascii=False, sort_keys=True)
        cells = (
            row.at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds"), row.action, row.actor_label,
            row.subject_type, row.subject_label, row.subject_id or "", told, row.digest, position,
        )  # fmt: skip
        yield str(writer.writerow([_harmless(cell) for cell in cells]))


@require_POST
@login_required
def export(request: HttpRequest) -> StreamingHttpResponse:
    """What the filters show as CSV (UTF-8 with mark, at most 50,000 rows); the export itself is recorded."""
    viewer = _viewer(request)
    question = QuestionForm(request.POST, is_auditor=viewer.can(READ_ALL)).question()
    with transaction.atomic():
        told = {name: value for name in ("text", "who", "action") if (value := getattr(question, name))}
        services.record(by=viewer, at=clock.now(), action="audit.export", detail=told)
    rows = selectors.matching(selectors.events_visible_to(viewer), question).select_related("link")
    wanted = rows.order_by("-at", "-id")[:EXPORT_LIMIT].iterator(chunk_size=2_000)
    response = StreamingHttpResponse(_lines(wanted), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response
