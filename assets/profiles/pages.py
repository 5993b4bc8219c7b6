"""Pages of what is in a version: profile, rows, labelled texts and images, sensitive content, sample."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.intake.sensitive import masked, masked_text
from assets.datasets.models import DatasetFile, DatasetVersion
from assets.datasets.pages import OriginalFace, original_face, see_original
from assets.datasets.permissions import MANAGE_DATASETS
from assets.datasets.rules import ROWS_PATH
from assets.datasets.selectors import version_for
from assets.datasets.states import VersionState
from assets.profiles import drawing, selectors, services, viewing, wording
from assets.profiles.forms import SampleForm
from assets.profiles.models import Profile
from assets.profiles.rules.facts import Facts, TableFacts
from gateway.api import actor
from jobs.pages import face
from jobs.states import JobState
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.wording import listed
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi, Link

SHOWN_TABLES, SHOWN_FAULTS, SHOWN_CELL = 5, 50, 120


def _version(request: HttpRequest, version_id: UUID) -> DatasetVersion:
    return version_for(actor(request), version_id)


def _frame(version: DatasetVersion, here: str) -> dict[str, Any]:
    """What all pages of a version share."""
    names = (
        ("overview", _("概览")),
        ("rows", _("逐行查看")),
        ("sensitive", _("敏感信息")),
        ("sample", _("样例")),
    )
    return {
        "version": version,
        "dataset": version.dataset,
        "dataset_url": reverse("datasets:version", args=[version.dataset_id, version.version]),
        "title": _("%(name)s 第 %(version)s 版的画像")
        % {"name": version.dataset.name, "version": version.version},
        "tabs": [
            Link(label, reverse(f"profiles:{name}", args=[version.pk]), is_current=name == here)
            for name, label in names
        ],
    }


# --- overview -----------------------------------------------------------------------------------


@login_required
@require_safe
def overview(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The profile of a version, or how far its making is."""
    viewer, version = actor(request), _version(request, version_id)
    profile = selectors.profile_of(version.pk)
    context = _frame(version, "overview") | {"profile": profile}
    if profile is None:
        context |= _waiting(request, version)
    else:
        context |= _told(version, profile)
    context["may_manage"] = selectors.may_manage(viewer, version)
    return render(request, "profiles/overview.html", context)


def _waiting(request: HttpRequest, version: DatasetVersion) -> dict[str, Any]:
    job = selectors.job_of(actor(request), version.pk)
    is_under_way = job is not None and job.state in (JobState.QUEUED, JobState.RUNNING)
    return {
        "job": face(job) if job is not None and job.state != JobState.SUCCEEDED else None,
        "is_under_way": is_under_way,
        "is_sealed": version.state != VersionState.BUILDING,
    }


def _told(version: DatasetVersion, profile: Profile) -> dict[str, Any]:
    facts = profile.told
    evidence = selectors.evidence_of(version.pk)
    assert evidence is not None
    return {
        "evidence": evidence,
        "kpis": _kpis(version, facts, evidence),
        "tables": [_table_face(table) for table in facts.tables[:SHOWN_TABLES]],
        "more_tables": max(len(facts.tables) - SHOWN_TABLES, 0),
        "faults": evidence.faults[:SHOWN_FAULTS],
        "fault_count": len(evidence.faults),
        "charts": drawing.charts_of(facts),
        "image_facts": _image_facts(facts),
        "engines": listed(f"{name} {number}" for name, number in profile.engines.items()),
    }


def _kpis(version: DatasetVersion, facts: Facts, evidence: selectors.Evidence) -> list[Kpi]:
    sensitive_url = reverse("profiles:sensitive", args=[version.pk])
    return [
        Kpi(_("样本行数"), f"{facts.row_count:,}", icon="rows-3"),
        Kpi(_("文件数"), f"{facts.file_count:,}", icon="files"),
        Kpi(_("字段数"), f"{evidence.field_count:,}", icon="columns-3"),
        Kpi(_("标签种类"), f"{evidence.label_count:,}", icon="tags"),
        Kpi(
            _("个人信息"),
            f"{evidence.finding_count:,}",
            unit=_("处"),
            tone="warn" if evidence.finding_count else "",
            icon="scan-eye",
            url=sensitive_url,
        ),
    ]


def _image_facts(facts: Facts) -> list[Fact]:
    """What EXIF says of the images; nothing without images."""
    if not facts.images.formats:
        return []
    modes = listed(f"{mode} {count:,}" for mode, count in facts.images.modes.items())
    return [
        Fact(_("颜色模式"), modes),
        Fact(_("按 EXIF 旋转显示"), f"{facts.images.turned_count:,}"),
        Fact(_("带拍摄位置"), f"{facts.images.placed_count:,}"),
    ]


def _table_face(table: TableFacts) -> dict[str, Any]:
    return {
        "path": table.path,
        "rows": table.row_count,
        "rejected": table.rejected_count,
        "duplicates": table.duplicate_count,
        "fields": [
            {
                "field": each,
                "kind": wording.KINDS[each.kind],
                "null_percent": wording.percent(each.null_count * 10_000 // table.row_count)
                if table.row_count
                else "--",
                "range": _range_of(each.minimum, each.quartiles, each.maximum),
                "top": [(_value_shown(top.value), top.count) for top in each.top[:3]],
            }
            for each in table.fields
        ],
    }


def _range_of(minimum: str, quartiles: tuple[str, ...], maximum: str) -> str:
    if minimum == maximum:
        return minimum
    return " / ".join([minimum, *quartiles, maximum]) if minimum else ""


def _value_shown(value: str) -> str:
    """A counted value as people read it: a list of words without its brackets."""
    if not value.startswith("["):
        return value
    try:
        parts = json.loads(value)
    except ValueError:
        return value
    is_words = isinstance(parts, list) and bool(parts) and all(isinstance(part, str) for part in parts)
    return listed(parts) if is_words else value


@login_required
@require_POST
def make(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """Queue the profile."""
    version = _version(request, version_id)
    try:
        services.queue_profile(by=actor(request), at=clock.now(), version_id=version.pk)
    except services.ProfileIsCurrent as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, _("已开始生成画像，可以离开本页，完成后会通知您。"))
    return redirect("profiles:overview", version.pk)


# --- rows ---------------------------------------------------------------------------------------


def _number(text: str | None) -> int:
    """A byte position out of the address; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 15 else 0


def _first_table(tables: list[DatasetFile]) -> str:
    """The rows of an annotation project, else the largest table; empty without any."""
    largest = max(tables, key=lambda file: (file.path == ROWS_PATH, file.size), default=None)
    return largest.path if largest else ""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def rows(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The rows of one table of the version, twenty at a time, masked; a POST shows them unmasked and is recorded.

    The files when there is no table.
    """
    version = _version(request, version_id)
    tables = viewing.viewable_tables(version)
    context = _frame(version, "rows") | {"tables": tables, "too_large": viewing.too_large(version)}
    if not tables:
        if request.method == "POST":
            raise NotFound
        context["files"] = paginate(version.files.all(), request.GET, order=("path", "id"))
        return render(request, "profiles/files.html", context)
    wanted = request.GET.get("path") or next((f.path for f in tables if f.path == ROWS_PATH), tables[0].path)
    file = next((file for file in tables if file.path == wanted), None)
    if file is None:
        raise NotFound
    at = _number(request.GET.get("after"))
    page = viewing.rows_of(file, at=at)
    shown = [replace(each, values=masked(each.values)) for each in page.rows]
    original = _original(request, version, f"{file.path} {at}", is_hidden=shown != page.rows)
    if original.is_open:
        shown = page.rows
    address = reverse("profiles:rows", args=[version.pk])
    context |= {
        "file": file,
        "page": page,
        "is_later": bool(_number(request.GET.get("after"))),
        "table_links": [
            Link(each.path, f"{address}?path={each.path}", is_current=each.path == file.path)
            for each in tables
        ],
        "headers": _headers(page.headers, file.path),
        "shown_rows": [_row_face(each, page.headers, file.path) for each in shown],
        "original": original,
    }
    return render(request, "profiles/rows.html", context, status=_status(request, original))


def _original(request: HttpRequest, version: DatasetVersion, place: str, *, is_hidden: bool) -> OriginalFace:
    """The button of a page, or after a POST the recorded look."""
    if request.method == "POST":
        return see_original(request, version, place, is_hidden=is_hidden)
    return original_face(actor(request), version, is_hidden=is_hidden)


def _status(request: HttpRequest, original: OriginalFace) -> int:
    return 422 if request.method == "POST" and not original.is_open else 200


_LEFT_OUT = frozenset({"result", "item_sha256", "annotator", "guideline_version", "item_name"})


def _headers(headers: list[str], path: str) -> list[str]:
    return [name for name in headers if path != ROWS_PATH or name not in _LEFT_OUT]


def _row_face(row: viewing.TableRow, headers: list[str], path: str) -> dict[str, Any]:
    cells = [(name, _cell(row.values.get(name))) for name in _headers(headers, path)]
    return {"at": row.at, "cells": cells, "is_broken": row.is_broken}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = listed(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CELL else f"{text[:SHOWN_CELL]}…"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def row(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """One row with its labelled spans or regions, or one image or text file; masked unless a POST asks."""
    version = _version(request, version_id)
    tables = viewing.viewable_tables(version)
    path = request.GET.get("path") or _first_table(tables)
    file = version.files.filter(path=path).first() if "\x00" not in path else None
    if file is None:
        raise NotFound
    context = _frame(version, "rows") | {"file": file}
    if any(each.path == path for each in tables):
        at = _number(request.GET.get("at"))
        page = viewing.rows_of(file, at=at, count=1)
        values = page.rows[0].values if page.rows else {}
        seen = masked(values)
        original = _original(request, version, f"{file.path} {at}", is_hidden=seen != values)
        context |= _row_shown(version, values, values if original.is_open else seen)
        context |= {"at": at, "next_at": page.after, "original": original}
    elif file.media_type.startswith("image/"):
        context |= _picture(file, [])
    elif file.media_type.startswith("text/"):
        text = viewing.beginning_of(file)
        hidden = masked_text(text)
        original = _original(request, version, file.path, is_hidden=hidden != text)
        context["marked"] = drawing.marked(text, [], shown=text if original.is_open else hidden)
        context["original"] = original
    if "original" not in context and request.method == "POST":
        raise NotFound
    status = _status(request, context["original"]) if "original" in context else 200
    return render(request, "profiles/row.html", context, status=status)


def _row_shown(version: DatasetVersion, values: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of a row: places out of its values, words out of what may be `seen` of them."""
    result = values.get("result")
    regions = [each for each in result if isinstance(each, dict)] if isinstance(result, list) else []
    text, item = values.get("text"), values.get("item")
    shown: dict[str, Any] = {
        "members": [(name, _cell(value)) for name, value in seen.items() if name not in ("text", "result")],
    }
    if isinstance(text, str):
        shown["marked"] = drawing.marked(text, regions, shown=seen["text"])
        shown["legend"] = drawing.legend(text, regions, shown=seen["text"])
    elif isinstance(item, str):
        file = version.files.filter(path=item, media_type__startswith="image/").first()
        if file is not None:
            shown |= _picture(file, regions)
    return shown


def _picture(file: DatasetFile, regions: list[dict[str, Any]]) -> dict[str, Any]:
    drawn = drawing.picture(viewing.picture_link(file), regions, name=file.path.rpartition("/")[2])
    return {"picture": drawn.svg, "regions": drawn.rows}


# --- sensitive content --------------------------------------------------------------------------


@login_required
@require_safe
def sensitive(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """What the scan found, counted and masked, with the grade that follows."""
    version = _version(request, version_id)
    profile = selectors.profile_of(version.pk)
    context = _frame(version, "sensitive") | {"profile": profile}
    if profile is not None:
        context |= {
            "evidence": selectors.evidence_of(version.pk),
            "findings": paginate(profile.findings.all(), request.GET, order=("-count", "id")),
            "thresholds": selectors.thresholds(),
        }
    return render(request, "profiles/sensitive.html", context)


# --- sample -------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sample(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The frozen sample, or the candidates to choose it from."""
    viewer, version = actor(request), _version(request, version_id)
    if request.method == "POST":
        viewer.require(MANAGE_DATASETS)
        return _freeze(request, version)
    return _sample_page(request, version, None, may_manage=selectors.may_manage(viewer, version))


def _freeze(request: HttpRequest, version: DatasetVersion) -> HttpResponse | HttpResponseRedirect:
    viewer = actor(request)
    profile = selectors.profile_of(version.pk)
    form = SampleForm(request.POST, count=len(profile.candidates) if profile else 0)
    may_manage = selectors.may_manage(viewer, version)
    if form.is_valid():
        chosen = form.cleaned_data["rows"] if form.cleaned_data["method"] == "chosen" else None
        try:
            services.freeze_sample(by=viewer, at=clock.now(), version_id=version.pk, chosen=chosen)
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
        else:
            messages.success(request, _("样例已冻结，将用于目录展示。"))
            return redirect("profiles:sample", version.pk)
    return _sample_page(request, version, form, may_manage=may_manage, status=422)


def _sample_page(
    request: HttpRequest,
    version: DatasetVersion,
    form: SampleForm | None,
    *,
    may_manage: bool,
    status: int = 200,
) -> HttpResponse:
    profile = selectors.profile_of(version.pk)
    frozen = selectors.frozen_sample_of(version.pk)
    candidates = profile.candidates if profile else []
    chosen = set(form.data.getlist("rows")) if form is not None else set()  # type: ignore[attr-defined]
    context = _frame(version, "sample") | {
        "profile": profile,
        "frozen": frozen,
        "frozen_rows": [_sample_face(each, 0, set()) for each in frozen.rows] if frozen else [],
        "candidates": [_sample_face(each, place, chosen) for place, each in enumerate(candidates)],
        "form": form or SampleForm(count=len(candidates), initial={"method": "stratified"}),
        "may_manage": may_manage,
        "is_sealed": version.state == VersionState.SEALED,
    }
    return render(request, "profiles/sample.html", context, status=status)


def _sample_face(row: dict[str, Any], place: int, chosen: set[str]) -> dict[str, Any]:
    shown = {name: value for name, value in row["shown"].items() if name not in ("labels", "result")}
    text = shown.get("text")
    words = text if text else "；".join(f"{name}：{value}" for name, value in shown.items() if value)
    return {
        "place": place,
        "path": row["path"],
        "row": row["row"],
        "words": words[:200],
        "labels": row["shown"].get("labels") or ([row["label"]] if row["label"] else []),
        "is_chosen": str(place) in chosen,
    }
