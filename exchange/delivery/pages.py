"""What was delivered: files with hashes, short-lived links, the access log."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from assets.exports import selectors as exports
from assets.exports.metadata import documents
from assets.exports.pages import SNIPPETS, document_response, format_faces
from exchange.delivery import services
from exchange.delivery.permissions import DOWNLOAD
from exchange.delivery.selectors import (
    downloads_of,
    files_of,
    is_open_to_buyer,
    replacements_of,
    version_of,
    visible_delivery,
)
from gateway.api import actor
from jobs.pages import face
from kernel import clock
from web.answers import redirect_once
from web.paging import paginate
from web.parts import Fact


class SeeOther(HttpResponseRedirect):
    """303: the answer to a POST lies elsewhere and is fetched with GET."""

    status_code = 303


@require_GET
@login_required
def delivery(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """交付: files and access log; the buyer's organization gets download buttons."""
    viewer = actor(request)
    found = visible_delivery(viewer, order_id)
    order, version, replaced = found.order, version_of(found.order), replacements_of(found)
    shown = replaced[-1] if replaced else found
    is_open = (
        is_open_to_buyer(order, clock.now())
        and viewer.organization_id == order.buyer_id
        and viewer.can(DOWNLOAD)
    )
    offers = exports.offers(viewer, version) if is_open else []
    context = {
        "delivery": found,
        "formats": format_faces(
            [offer for offer in offers if offer.state != "unfit"],
            order.pk,
            make="delivery:make_format",
            download="delivery:download_format",
        ),
        "jobs": [face(offer.job) for offer in offers if offer.job and offer.state in ("making", "failed")],
        "documents": documents.DOCUMENTS.values() if is_open else (),
        "snippets": SNIPPETS if is_open and version.project_id else (),
        "order": order,
        "shown": shown,
        "replaced": [
            Fact(
                _("第 %(ordinal)s 次补交") % {"ordinal": each.ordinal},
                f"v{each.version.version}",
                hint=f"{each.replaced_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M} · {each.root_hash[:16]}",
            )
            for each in replaced
        ],
        "page": paginate(files_of(order), request.GET, order=("path", "id"), size=50),
        "downloads": list(downloads_of(found)[:50]),
        "is_open": is_open,
        "is_supplier": viewer.organization_id == order.supplier_id,
        "facts": [
            Fact(_("订单"), order.number),
            Fact(_("数据版本"), f"v{version.version}"),
            Fact(_("文件"), f"{shown.file_count:,}"),
            Fact(_("交付时间"), f"{found.delivered_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"),
        ],
    }
    return render(request, "delivery/delivery.html", context)


@require_POST
@login_required
def deliver(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The supplier opens the bought version to the buyer."""
    services.deliver(by=actor(request), at=clock.now(), order_id=order_id)
    messages.success(request, _("已开通交付，验收期开始计算。"))
    return redirect("trading:order", order_id)


@require_POST
@login_required
def download(request: HttpRequest, order_id: UUID, file_id: int) -> HttpResponse:
    """Record the access and lead to the short-lived link."""
    _download, url = services.hand_out_link(
        by=actor(request), at=clock.now(), order_id=order_id, file_id=file_id
    )
    answer = SeeOther(url)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@login_required
def make_format(request: HttpRequest, order_id: UUID, code: str) -> HttpResponse:
    """Have the bought version written in a format; the page then shows how far it is."""

    def work() -> str:
        services.make_format(by=actor(request), at=clock.now(), order_id=order_id, format=code)
        return reverse("delivery:delivery", args=[order_id])

    return redirect_once(request, work)


@require_POST
@login_required
def download_format(request: HttpRequest, order_id: UUID, code: str) -> HttpResponse:
    """Record the access and lead to the short-lived link of one format."""
    _download, url = services.hand_out_format(
        by=actor(request), at=clock.now(), order_id=order_id, format=code
    )
    answer = SeeOther(url)
    answer["Cache-Control"] = "no-store"
    return answer


@require_GET
@login_required
def metadata(request: HttpRequest, order_id: UUID, name: str) -> HttpResponse:
    """One metadata document of the delivered version; it holds no content."""
    return document_response(version_of(visible_delivery(actor(request), order_id).order), name)


@require_GET
@login_required
def checksums(request: HttpRequest, order_id: UUID) -> HttpResponseBase:
    """All hashes in the form that `sha256sum -c` reads, streamed; it gives no access to content."""
    found = visible_delivery(actor(request), order_id)

    def lines() -> Iterator[str]:
        for sha256, path in files_of(found.order).values_list("sha256", "path").iterator(chunk_size=2_000):
            yield f"{sha256}  {path}\n"

    answer = StreamingHttpResponse(lines(), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found.order.number}.sha256"'
    return answer
