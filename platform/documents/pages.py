"""文件: the organization's documents, upload, download."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents import rules, selectors, services
from documents.forms import UploadFileForm
from documents.permissions import UPLOAD
from kernel import clock
from kernel.errors import Refusal
from organizations.permissions import Actor
from web.answers import next_address, page_or_fragment
from web.forms import show_refusal
from web.paging import paginate


def _viewer(request: HttpRequest) -> Actor:
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    return viewer


@require_GET
@login_required
def documents(request: HttpRequest) -> HttpResponse:
    """The organization's documents, newest first."""
    viewer = _viewer(request)
    rows = selectors.documents_visible_to(viewer).select_related("organization", "uploaded_by")
    context = {
        "page": paginate(rows, request.GET),
        "purposes": rules.PURPOSES,
        "can_upload": viewer.can(UPLOAD),
        "viewer": viewer,
    }
    return page_or_fragment(request, "documents/list.html", "documents/list_rows.html", context)


def _with_document(address: str, document_id: UUID) -> str:
    """The address to go back to, with the new document's id."""
    parts = urlsplit(address)
    query = "&".join(part for part in (parts.query, urlencode({"document": document_id})) if part)
    return urlunsplit(parts._replace(query=query))


@require_http_methods(["GET", "POST"])
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    """Upload one file; `next` is told the new document's id in `document`."""
    viewer, status = _viewer(request), 200
    viewer.require(UPLOAD)
    back = next_address(request, reverse("documents:list"))
    form = UploadFileForm(
        request.POST or None, request.FILES or None, initial={"purpose": request.GET.get("purpose", "")}
    )
    if request.method == "POST":
        status = 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                document = services.store_upload(
                    by=viewer,
                    at=clock.now(),
                    purpose=form.cleaned_data["purpose"],
                    name=file.name,
                    file=file.file,
                )
            except Refusal as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("文件“%(name)s”已上传并通过校验。") % {"name": document.name})
                return redirect(_with_document(back, document.pk))
    return render(request, "documents/upload.html", {"form": form, "back": back}, status=status)


@require_POST
@login_required
def download(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Record the download and lead to the signed link."""
    return redirect(services.hand_out_link(by=_viewer(request), at=clock.now(), document_id=document_id))
