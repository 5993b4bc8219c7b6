"""数据上传: sessions, their sources, files and sealing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assets.datasets.selectors import datasets_visible_to
from assets.uploads import rules, selectors, services
from assets.uploads.forms import BatchForm, FilesForm, NewUploadForm
from assets.uploads.models import Upload
from assets.uploads.permissions import UPLOAD_FILES, VIEW_UPLOADS
from assets.uploads.states import FileState, UploadState
from gateway.api import actor
from jobs.pages import face
from jobs.states import JobState
from kernel import clock
from kernel.errors import Refusal
from kernel.models import Transition
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import JobFace, Kpi, Link
from web.templatetags.ui import file_size

CHANGEABLE = (UploadState.OPEN, UploadState.FAILED)
SHOWN_DOCUMENTS = 50


@login_required
@require_safe
def uploads(request: HttpRequest) -> HttpResponse:
    viewer = actor(request)
    viewer.require(VIEW_UPLOADS)
    context = {
        "page": paginate(selectors.uploads_visible_to(viewer), request.GET),
        "may_upload": viewer.can(UPLOAD_FILES),
    }
    return page_or_fragment(request, "uploads/uploads.html", "uploads/uploads_list.html", context)


def _documents(viewer: Actor) -> list[Any]:
    return list(selectors.authorisations(viewer)[:SHOWN_DOCUMENTS])


def _initial(request: HttpRequest) -> dict[str, str]:
    """The dataset asked for, and the document that the upload page of documents hands back."""
    return {
        "dataset": request.GET.get("dataset", ""),
        "authorisation": (request.GET.getlist("document") or [""])[-1],
    }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_upload(request: HttpRequest) -> HttpResponse:
    """A new session with its first batch of sources."""
    viewer = actor(request)
    viewer.require(UPLOAD_FILES)
    own = datasets_visible_to(viewer).filter(firm=viewer.organization).order_by("-pk")
    form = NewUploadForm(
        request.POST or None,
        documents=_documents(viewer),
        datasets=list(own[:200]),
        initial=_initial(request),
    )

    def work() -> str:
        told = dict(form.cleaned_data)
        upload = services.open_upload(by=viewer, at=clock.now(), dataset_id=UUID(told.pop("dataset")))
        services.add_batch(by=viewer, at=clock.now(), upload_id=upload.pk, **_batch(told))
        return reverse("uploads:detail", args=[upload.pk])

    if request.method == "POST" and form.is_valid():
        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            show_refusal(form, refusal)
    context = {"form": form, "here": request.get_full_path(), "has_datasets": bool(own[:1])}
    return render(request, "uploads/new.html", context, status=422 if form.is_bound else 200)


def _batch(told: dict[str, Any]) -> dict[str, Any]:
    document = told.pop("authorisation")
    return {**told, "authorisation_id": UUID(document) if document else None}


def _tiles(upload: Upload, tally: selectors.Tally) -> list[Kpi]:
    return [
        Kpi(_("文件"), f"{tally.total:,}", icon="files"),
        Kpi(_("大小"), file_size(tally.total_bytes), icon="hard-drive"),
        Kpi(_("已传到"), f"{tally.arrived:,}", icon="circle-check"),
        Kpi(_("等待传输"), f"{tally.waiting:,}", icon="upload"),
        Kpi(_("未通过"), f"{tally.refused:,}", tone="down" if tally.refused else "", icon="circle-x"),
    ]


def _filters(upload: Upload, tally: selectors.Tally, shown: str) -> list[Link]:
    address = reverse("uploads:detail", args=[upload.pk])
    found = [Link(_("全部"), address, tally.total, not shown)]
    return found + [
        Link(state.label, f"{address}?show={state.value}", tally.count(state), shown == state.value)
        for state in FileState
        if tally.count(state) or shown == state.value
    ]


def _face(upload: Upload) -> JobFace | None:
    """How far the check is; when it broke off by mistake, where to start it again."""
    if upload.job is None or upload.state == UploadState.OPEN:
        return None
    shown = face(upload.job)
    if upload.state == UploadState.SEALING and upload.job.state == JobState.FAILED:
        link = Link(_("重试"), reverse("jobs:detail", args=[upload.job.pk]))
        return replace(shown, extra=(link,))
    return shown


def _context(request: HttpRequest, upload: Upload) -> dict[str, Any]:
    viewer = actor(request)
    tally = selectors.tally_of(upload.pk)
    shown = request.GET.get("show", "")
    if shown not in FileState.values:
        shown = FileState.REFUSED.value if tally.refused and not request.GET else ""
    rows = upload.files.select_related("batch")
    may_upload = viewer.can(UPLOAD_FILES) and viewer.belongs_to(upload.organization_id)
    return {
        "upload": upload,
        "tally": tally,
        "tiles": _tiles(upload, tally),
        "filters": _filters(upload, tally, shown),
        "files": paginate(rows.filter(state=shown) if shown else rows, request.GET, order=("path", "id")),
        "batches": list(upload.batches.select_related("authorisation").order_by("ordinal")),
        "may_upload": may_upload and upload.state in CHANGEABLE,
        "may_abandon": may_upload and upload.state in (*CHANGEABLE, UploadState.SEALING),
        "unread_count": selectors.unread_files(upload.pk).count() if upload.state in CHANGEABLE else 0,
        "can_seal": bool(tally.total) and not tally.waiting and not tally.refused,
        "face": _face(upload),
        "transitions": Transition.objects.filter(subject_id=upload.pk).order_by("at", "pk"),
        "meta": [upload.number, upload.dataset.number],
        "here": reverse("uploads:detail", args=[upload.pk]),
        "limits": {"whole": rules.WHOLE, "entries": rules.MOST_ENTRIES, "plain": services.MOST_PLAIN_FILES},
        "api": f"/api/uploads/{upload.pk}",
    }


def _forms(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    if not context["may_upload"]:
        return {}
    documents = _documents(actor(request))
    return {
        "batch_form": BatchForm(documents=documents, initial=_initial(request)),
        "files_form": FilesForm(),
    }


@login_required
@require_safe
def detail(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """One session: what has arrived, what is missing, what did not pass."""
    upload = selectors.upload_for(actor(request), upload_id)
    context = _context(request, upload)
    return page_or_fragment(
        request, "uploads/detail.html", "uploads/files.html", context | _forms(request, context)
    )


def _again(request: HttpRequest, upload_id: UUID, **forms: Any) -> HttpResponse:
    """The page once more, with a form that was not accepted."""
    context = _context(request, selectors.upload_for(actor(request), upload_id))
    return render(request, "uploads/detail.html", context | _forms(request, context) | forms, status=422)


@login_required
@require_POST
def add_batch(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    viewer = actor(request)
    selectors.upload_for(viewer, upload_id)
    viewer.require(UPLOAD_FILES)
    form = BatchForm(request.POST, documents=_documents(viewer))
    if form.is_valid():
        try:
            services.add_batch(
                by=viewer, at=clock.now(), upload_id=upload_id, **_batch(dict(form.cleaned_data))
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已登记来源，之后上传的文件归入这一批。"))
            return redirect("uploads:detail", upload_id)
    return _again(request, upload_id, batch_form=form)


@login_required
@require_POST
def add_files(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """A few files through the site itself, for browsers without JavaScript."""
    viewer = actor(request)
    selectors.upload_for(viewer, upload_id)
    viewer.require(UPLOAD_FILES)
    form = FilesForm(request.POST, request.FILES)
    if form.is_valid():
        files = [(str(each.name), each.file) for each in form.cleaned_data["chosen"]]
        try:
            answers = services.store_files(by=viewer, at=clock.now(), upload_id=upload_id, files=files)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            refused = [answer.reason for answer in answers if answer.state == "refused"]
            for reason in refused:
                form.add_error("chosen", reason)
            if not refused:
                messages.success(request, _("已收到 %(count)s 个文件。") % {"count": len(answers)})
                return redirect("uploads:detail", upload_id)
    return _again(request, upload_id, files_form=form)


def _done(request: HttpRequest, upload_id: UUID, work: Any, words: str) -> HttpResponse:
    """Do one deed of the session and say so, or say why not."""
    selectors.upload_for(actor(request), upload_id)
    try:
        work()
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        messages.error(request, str(refusal))
    else:
        messages.success(request, words)
    return redirect("uploads:detail", upload_id)


@login_required
@require_POST
def seal(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    viewer = actor(request)

    def work() -> None:
        services.seal(by=viewer, at=clock.now(), upload_id=upload_id)

    return _done(request, upload_id, work, _("已开始校验。全部通过后自动封版，可以离开本页。"))


@login_required
@require_POST
def remove_file(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    viewer, paths = actor(request), request.POST.getlist("path")

    def work() -> None:
        services.remove_files(by=viewer, at=clock.now(), upload_id=upload_id, paths=paths)

    return _done(request, upload_id, work, _("已从本次上传中移除。"))


@login_required
@require_POST
def abandon(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    viewer = actor(request)

    def work() -> None:
        services.abandon(by=viewer, at=clock.now(), upload_id=upload_id)

    return _done(request, upload_id, work, _("已放弃这次上传，记录保留。"))
