"""Pages of datasets and their versions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assets.datasets import selectors, services
from assets.datasets.forms import DatasetForm, OriginalForm, SealForm, WithdrawForm
from assets.datasets.models import Dataset, DatasetVersion
from assets.datasets.permissions import MANAGE_DATASETS, VIEW_DATASETS
from assets.datasets.rules import FILE_CHANGES, MISMATCHES, SHOWN_CHANGES
from assets.datasets.states import VersionState
from documents import objects
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.wording import listed
from organizations.permissions import Actor
from web import charts
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi, LineageStep
from web.templatetags.ui import file_size, short_hash

SHOWN_LABELS = 12
CHANGE_TONES = {"added": "green", "removed": "red", "changed": "amber", "moved": "blue"}
LARGEST_INLINE_CHECK = 512 * 1024 * 1024
"""Bytes that are re-hashed while the reader waits; larger versions by `manage.py dataset_verify`."""


@login_required
@require_safe
def dataset_list(request: HttpRequest) -> HttpResponse:
    viewer = actor(request)
    viewer.require(VIEW_DATASETS)
    context = {
        "page": paginate(selectors.datasets_with_versions(viewer), request.GET),
        "may_manage": viewer.can(MANAGE_DATASETS),
    }
    return page_or_fragment(request, "datasets/datasets.html", "datasets/datasets_list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_dataset(request: HttpRequest) -> HttpResponse:
    viewer = actor(request)
    viewer.require(MANAGE_DATASETS)
    form = DatasetForm(request.POST or None, initial={"modality": "text"})

    def work() -> str:
        dataset = services.create_dataset(by=viewer, at=clock.now(), **form.cleaned_data)
        return reverse("datasets:detail", args=[dataset.pk])

    if request.method == "POST" and form.is_valid():
        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            show_refusal(form, refusal)
    return render(request, "datasets/new.html", {"form": form}, status=422 if form.is_bound else 200)


@dataclass(frozen=True, slots=True)
class OriginalFace:
    """What `datasets/original.html` shows: is something hidden, is it open now, may it be opened, for a reason?"""

    is_hidden: bool
    is_open: bool
    may_open: bool
    needs_reason: bool
    form: OriginalForm


def original_face(viewer: Actor, version: DatasetVersion, *, is_hidden: bool) -> OriginalFace:
    """The button that shows content unmasked, for those who may."""
    return OriginalFace(
        is_hidden=is_hidden,
        is_open=False,
        may_open=selectors.may_see_original(viewer, version),
        needs_reason=selectors.must_say_why(viewer),
        form=OriginalForm(needs_reason=selectors.must_say_why(viewer)),
    )


def see_original(
    request: HttpRequest, version: DatasetVersion, place: str, *, is_hidden: bool
) -> OriginalFace:
    """Record the look; the face is open then, or holds the form with what is wrong with it."""
    viewer = actor(request)
    form = OriginalForm(request.POST, needs_reason=selectors.must_say_why(viewer))
    face = replace(original_face(viewer, version, is_hidden=is_hidden), form=form)
    if not form.is_valid():
        return face
    reason = form.cleaned_data["reason"]
    try:
        services.see_original(by=viewer, at=clock.now(), version_id=version.pk, place=place, reason=reason)
    except InvalidInput as refusal:
        show_refusal(form, refusal)
        return face
    return replace(face, is_open=True)


def _version_facts(version: DatasetVersion) -> list[Fact]:
    facts = [
        Fact(_("样本数"), f"{version.row_count:,}"),
        Fact(_("文件数"), f"{version.file_count:,}"),
        Fact(_("根哈希"), short_hash(version.root_hash)),
    ]
    if version.project:
        facts.append(Fact(_("来源项目"), f"{version.project.title}（{version.project.number}）"))
    return facts


def _annotation_steps(version: DatasetVersion, chain: selectors.Provenance) -> list[LineageStep]:
    """Annotation and acceptance; a version that was uploaded has none."""
    if version.project is None:
        return []
    guidelines = listed(f"v{number}" for number in chain.guideline_versions) or "--"
    return [
        LineageStep(
            _("标注"),
            "pencil-ruler",
            (
                version.project.number,
                _("规范 %(versions)s") % {"versions": guidelines},
            ),
        ),
        LineageStep(
            _("质检验收"),
            "clipboard-check",
            (
                _("%(tasks)s 条通过") % {"tasks": f"{chain.task_count:,}"},
                _("%(people)s 名标注员") % {"people": chain.annotator_count},
            ),
        ),
    ]


def _lineage(version: DatasetVersion) -> list[LineageStep]:
    chain = selectors.provenance_of(version)
    return [
        LineageStep(
            _("原始数据"),
            "database",
            (
                _("%(batches)s 批，%(items)s 条")
                % {"batches": chain.batch_count, "items": f"{chain.item_count:,}"},
                *chain.sources[:1],
            ),
        ),
        *_annotation_steps(version, chain),
        LineageStep(
            _("封版"),
            "package-check",
            (_("第 %(version)s 版") % {"version": version.version}, f"{version.root_hash[:12]}…"),
        ),
        LineageStep(
            _("资产登记"), "stamp", (_("查看或申请"),), reverse("registry:of_version", args=[version.pk])
        ),
    ]


def _labels(version: DatasetVersion) -> Any:
    counts = list(version.label_counts.items())
    total = sum(count for _label, count in counts) or 1
    bars = [
        charts.Bar(label[:12], count, f"{count * 100 // total}%") for label, count in counts[:SHOWN_LABELS]
    ]
    return charts.distribution(bars, title=str(_("标签分布")), width=300, label_width=66) if bars else ""


def _dictionary(version: DatasetVersion) -> list[dict[str, Any]]:
    is_english = (get_language() or "").startswith("en")
    return [
        {
            **field,
            "words": field["description_en"] if is_english else field["description"],
            "percent": field["completeness_bp"] // 100,
        }
        for field in version.dictionary
    ]


def _chosen(dataset: Dataset, versions: list[DatasetVersion], number: int | None) -> DatasetVersion | None:
    if number is None:
        return versions[0] if versions else None
    found = next((version for version in versions if version.version == number), None)
    if found is None:
        raise NotFound
    return found


def _context(request: HttpRequest, dataset: Dataset, number: int | None) -> dict[str, Any]:
    viewer = actor(request)
    versions = list(dataset.versions.select_related("project").order_by("-version"))
    version = _chosen(dataset, versions, number)
    context: dict[str, Any] = {
        "dataset": dataset,
        "versions": versions,
        "version": version,
        "may_manage": viewer.can(MANAGE_DATASETS) and viewer.belongs_to(dataset.firm_id),
        "meta": [dataset.number, dataset.get_modality_display(), dataset.firm.display_name],
        "withdraw_form": WithdrawForm(),
        "compared": next((v.version for v in versions if version and v.version < version.version), None),
    }
    if context["may_manage"]:
        context["seal_form"] = SealForm(projects=list(selectors.sealable_projects(viewer, dataset)[:50]))
    if version is not None:
        context |= {
            "facts": _version_facts(version),
            "sample": version.masked_sample,
            "original": original_face(viewer, version, is_hidden=version.masked_sample != version.sample),
            "lineage_steps": _lineage(version),
            "label_chart": _labels(version),
            "label_count": len(version.label_counts),
            "dictionary": _dictionary(version),
            "files": paginate(version.files.all(), request.GET, order=("path", "id")),
            "is_sealed": version.state == VersionState.SEALED,
        }
    return context


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def detail(request: HttpRequest, dataset_id: UUID, number: int | None = None) -> HttpResponse:
    """A dataset, showing its latest version or the numbered one; a POST shows the sample unmasked, recorded."""
    dataset = selectors.dataset_for(actor(request), dataset_id)
    context = _context(request, dataset, number)
    version = context["version"]
    if request.method == "POST":
        if version is None:
            raise NotFound
        face = see_original(request, version, "sample", is_hidden=context["original"].is_hidden)
        context["original"] = face
        if face.is_open:
            context["sample"] = version.sample
        status = 200 if face.is_open else 422
        return render(request, "datasets/detail.html", context, status=status)
    return page_or_fragment(request, "datasets/detail.html", "datasets/files.html", context)


@login_required
@require_POST
def seal(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    viewer = actor(request)
    dataset = selectors.dataset_for(viewer, dataset_id)
    viewer.require(MANAGE_DATASETS)
    form = SealForm(request.POST, projects=list(selectors.sealable_projects(viewer, dataset)[:50]))
    if form.is_valid():
        try:
            version = services.seal_from_project(
                by=viewer,
                at=clock.now(),
                dataset_id=dataset.pk,
                project_id=UUID(form.cleaned_data["project"]),
                with_posterior=form.cleaned_data["with_posterior"],
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            words = _("第 %(version)s 版已封版，%(rows)s 个样本。")
            messages.success(request, words % {"version": version.version, "rows": f"{version.row_count:,}"})
            return redirect("datasets:version", dataset.pk, version.version)
    context = _context(request, dataset, None) | {"seal_form": form}
    return render(request, "datasets/detail.html", context, status=422)


def _version_address(version: DatasetVersion) -> HttpResponseRedirect:
    return redirect("datasets:version", version.dataset_id, version.version)


@login_required
@require_POST
def verify(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """Re-hash the version from the store and say what came out."""
    version = selectors.version_for(actor(request), version_id)
    if version.byte_count > LARGEST_INLINE_CHECK:
        messages.warning(request, _("这个版本较大，请由管理员用 manage.py dataset_verify 复算。"))
        return _version_address(version)
    check = services.verify_version(version.pk)
    if check.is_intact:
        words = _("已复算 %(files)s 个文件，全部与封版时一致。")
        messages.success(request, words % {"files": f"{check.checked_count:,}"})
    else:
        named = "；".join(f"{m.path}：{MISMATCHES[m.code]}" for m in check.mismatches[:5])
        messages.error(
            request,
            _("复算发现 %(count)s 处不一致：%(named)s") % {"count": len(check.mismatches), "named": named},
        )
    return _version_address(version)


@login_required
@require_POST
def withdraw(request: HttpRequest, version_id: UUID) -> HttpResponse:
    viewer = actor(request)
    version = selectors.version_for(viewer, version_id)
    form = WithdrawForm(request.POST)
    if form.is_valid():
        try:
            services.withdraw(
                by=viewer, at=clock.now(), version_id=version.pk, reason=form.cleaned_data["reason"]
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("第 %(version)s 版已撤回，记录保留。") % {"version": version.version})
            return _version_address(version)
    context = _context(request, version.dataset, version.version) | {"withdraw_form": form}
    return render(request, "datasets/detail.html", context, status=422)


@login_required
@require_POST
def download(request: HttpRequest, version_id: UUID, file_id: int) -> HttpResponse:
    """A recorded download of one file by a short-lived link."""
    viewer = actor(request)
    version = selectors.version_for(viewer, version_id)
    link = services.hand_out_file(by=viewer, at=clock.now(), version_id=version.pk, file_id=file_id)
    return HttpResponseRedirect(link)


@login_required
@require_safe
def manifest(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The canonical manifest, byte for byte."""
    version = selectors.version_for(actor(request), version_id)
    response = HttpResponse(objects.get(version.manifest_key), content_type="application/json")
    name = f"{version.dataset.number}-v{version.version}-manifest.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# --- what changed, and where a file came from ---------------------------------------------------


@login_required
@require_safe
def choose_diff(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """Lead from the two chosen versions to their comparison, the newer one first."""
    dataset = selectors.dataset_for(actor(request), dataset_id)
    numbers = [value for value in (request.GET.get("a", ""), request.GET.get("b", "")) if value.isdecimal()]
    chosen = sorted((int(value[:9]) for value in numbers), reverse=True)
    if len(chosen) != 2:
        raise NotFound
    return redirect("datasets:diff", dataset.pk, chosen[0], chosen[1])


@login_required
@require_safe
def diff(request: HttpRequest, dataset_id: UUID, newer: int, older: int) -> HttpResponse:
    """Two versions of a dataset side by side: files, rows, labels."""
    viewer = actor(request)
    before = selectors.numbered_version(viewer, dataset_id, older)
    after = selectors.numbered_version(viewer, dataset_id, newer)
    found = selectors.diff_of(before, after)
    names = dict(FILE_CHANGES)
    context = {
        "dataset": after.dataset,
        "diff": found,
        "tiles": [
            *(
                Kpi(words, f"{found.files.count(kind):,}", tone=tone)
                for kind, words, tone in (
                    ("added", _("新增文件"), "up"), ("removed", _("移除文件"), "down"),
                    ("changed", _("改动文件"), "warn"), ("moved", _("移动文件"), ""),
                )
            ),
            Kpi(_("未变文件"), f"{found.files.same:,}"),
        ],
        "changes": [(names[change.kind], CHANGE_TONES[change.kind], change) for change in found.files.changes[:SHOWN_CHANGES]],
        "hidden_count": max(0, len(found.files.changes) - SHOWN_CHANGES),
        "labels": found.labels[:SHOWN_LABELS * 4],
    }  # fmt: skip
    return render(request, "datasets/diff.html", context)


@login_required
@require_safe
def file_detail(request: HttpRequest, file_id: int) -> HttpResponse:
    """One file: its hash, the walk from its source to its sale, the versions with the same content."""
    viewer = actor(request)
    history = selectors.file_history(viewer, file_id)
    version = history.file.version
    context = {
        "history": history,
        "file": history.file,
        "version": version,
        "dataset": version.dataset,
        "may_manage": viewer.can(MANAGE_DATASETS) and viewer.belongs_to(version.dataset.firm_id),
        "facts": [
            Fact(_("大小"), file_size(history.file.size)),
            Fact(_("媒体类型"), history.file.media_type),
            Fact(_("所在版本"), f"v{version.version}"),
        ],
    }
    return render(request, "datasets/file.html", context)
