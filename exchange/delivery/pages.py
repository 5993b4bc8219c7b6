"""What was delivered and what may be used: files, formats, ways in by programs, keys, usage, the access log."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
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
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assets.exports.metadata import documents
from assets.exports.pages import SNIPPETS, document_response, format_faces
from exchange.catalogue import services as catalogue
from exchange.catalogue.permissions import MARK_COPIES
from exchange.catalogue.rules import LICENCE_TERMS
from exchange.catalogue.selectors import own_product, plan_on_sale
from exchange.delivery import selectors, services, serving
from exchange.delivery.forms import ClaimForm, KeyForm, MarkingForm, SuspendForm, TicketForm, TraceForm
from exchange.delivery.models import Entitlement
from exchange.delivery.permissions import DOWNLOAD, MANAGE_ACCESS_KEYS, SUPERVISE, TRACE_OWN
from exchange.delivery.rules.ranges import Span
from exchange.delivery.selectors import (
    replacements_of,
    visible_delivery,
    visible_entitlement,
)
from exchange.delivery.services.entitlements import MARKS_NOTICE
from exchange.delivery.services.tracing import MOST_BYTES, TooLargeToTrace
from exchange.delivery.states import Covers, EntitlementState, KeyKind
from exchange.delivery.ways import lines_of
from gateway.api import actor
from jobs.pages import face
from kernel import clock
from kernel.errors import Refusal
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Link


class SeeOther(HttpResponseRedirect):
    """303: the answer to a POST lies elsewhere and is fetched with GET."""

    status_code = 303


@require_GET
@login_required
def delivery(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """交付: files and access log; the buyer's organization gets download buttons."""
    viewer = actor(request)
    found = visible_delivery(viewer, order_id)
    order, entitlement, replaced = found.order, found.order.entitlement, replacements_of(found)
    version = selectors.version_in(entitlement)
    has_files = services.may_use(entitlement, viewer, clock.now()) and not entitlement.quota_unit
    offers = selectors.offers_of(viewer, entitlement, version) if has_files else []
    context = {
        "delivery": found,
        "formats": format_faces(
            [offer for offer in offers if offer.state != "unfit"],
            order.pk,
            make="delivery:make_format",
            download="delivery:download_format",
        ),
        "jobs": [face(offer.job) for offer in offers if offer.job and offer.state in ("making", "failed")],
        "documents": documents.DOCUMENTS.values() if has_files else (),
        "snippets": SNIPPETS if has_files and version.project_id else (),
        "marked": selectors.gets_marks(entitlement, version, "csv"),
        "marks_notice": MARKS_NOTICE,
        "order": order,
        "version": version,
        "replaced": [
            Fact(
                _("第 %(ordinal)s 次补交") % {"ordinal": each.ordinal},
                f"v{each.version.version}",
                hint=f"{each.replaced_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M} · {each.root_hash[:16]}",
            )
            for each in replaced
        ],
        "page": paginate(version.files.all(), request.GET, order=("path", "id"), size=50),
        "is_open": has_files,
        "is_supplier": viewer.organization_id == order.supplier_id,
        "facts": [
            Fact(_("订单"), order.number),
            Fact(_("数据版本"), f"v{version.version}"),
            Fact(_("文件"), f"{version.file_count:,}"),
            Fact(_("交付时间"), f"{found.delivered_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"),
        ],
        **_use(request, viewer, entitlement),
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
    viewer = actor(request)
    entitlement = visible_delivery(viewer, order_id).order.entitlement
    response = document_response(selectors.version_in(entitlement), name)
    if viewer.belongs_to(entitlement.organization_id):  # the buyer's copy bears its tag
        response.content = services.document_for(entitlement, response.content)
    return response


@require_GET
@login_required
def checksums(request: HttpRequest, order_id: UUID) -> HttpResponseBase:
    """All hashes in the form that `sha256sum -c` reads, streamed; it gives no access to content."""
    found = visible_delivery(actor(request), order_id)
    files = selectors.version_in(found.order.entitlement).files.order_by("path", "pk")

    def lines() -> Iterator[str]:
        for sha256, path in files.values_list("sha256", "path").iterator(chunk_size=2_000):
            yield f"{sha256}  {path}\n"

    answer = StreamingHttpResponse(lines(), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found.order.number}.sha256"'
    return answer


# --- entitlements -------------------------------------------------------------------------------


def _use(request: HttpRequest, viewer: Actor, entitlement: Entitlement, fresh: Any = None) -> dict[str, Any]:
    """What both pages show of an entitlement: ways in, keys, usage, the access log."""
    at = clock.now()
    is_own = viewer.belongs_to(entitlement.organization_id) and viewer.can(DOWNLOAD)
    may_use = services.may_use(entitlement, viewer, at)
    return {
        "entitlement": entitlement,
        "usage": services.usage_of(entitlement),
        "accesses": selectors.newest(selectors.accesses_of(entitlement)),
        "lines": lines_of(
            request.build_absolute_uri("/").rstrip("/"), entitlement, selectors.version_in(entitlement)
        )
        if may_use
        else (),
        "keys": [(key, _standing(key, at)) for key in selectors.keys_of(entitlement)] if is_own else [],
        "may_keep_keys": may_use and viewer.can(MANAGE_ACCESS_KEYS),
        "key_form": KeyForm(has_files=not entitlement.quota_unit),
        "ticket_form": TicketForm() if may_use and not entitlement.quota_unit else None,
        "fresh": fresh,
    }


def _standing(key: Any, at: Any) -> str:
    return "revoked" if key.revoked_at else "expired" if key.expires_at <= at else "valid"


@require_GET
@login_required
def ours(request: HttpRequest) -> HttpResponse:
    """我的数据: everything the organization may use, with ends and usage; others see what they may see."""
    viewer, state = actor(request), request.GET.get("state", "")
    rows = selectors.listed_entitlements(viewer, state=state)
    page = paginate(rows, request.GET)
    chips = [Link(_("全部"), "?", is_current=not state)] + [
        Link(label, f"?state={value}", is_current=state == value) for value, label in EntitlementState.choices
    ]
    context = {
        "page": page,
        "usages": [(each, services.usage_of(each)) for each in page.items],
        "chips": chips,
        "sees_all": not viewer.can(DOWNLOAD),
    }
    return page_or_fragment(request, "delivery/ours.html", "delivery/ours_rows.html", context)


def _entitlement_page(
    request: HttpRequest, entitlement: Entitlement, *, fresh: Any = None, status: int = 200, **forms: Any
) -> HttpResponse:
    viewer = actor(request)
    versions = selectors.versions_of(entitlement)
    ends = (
        f"{entitlement.ends_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"
        if entitlement.ends_at
        else _("长期")
    )
    may_supervise = viewer.can(SUPERVISE) and not viewer.is_system
    context = {
        **_use(request, viewer, entitlement, fresh),
        "facts": [
            Fact(_("产品"), entitlement.product.display_title),
            Fact(_("使用单位"), str(entitlement.organization)),
            Fact(_("方案"), entitlement.plan.name),
            Fact(_("覆盖版本"), entitlement.get_covers_display()),
            Fact(_("可用版本"), "、".join(f"v{version.version}" for version in versions)),
            Fact(_("开始时间"), f"{entitlement.starts_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"),
            Fact(_("结束时间"), ends),
        ],
        "history": selectors.transitions_of(entitlement),
        "reason": selectors.suspended_because(entitlement) if entitlement.state == "suspended" else "",
        "statements": selectors.statements_of(entitlement) if entitlement.quota_unit else [],
        "sample": selectors.item_at(entitlement, versions[0], selectors.SAMPLE_PATH)
        if entitlement.covers == Covers.SAMPLE
        else None,
        "may_suspend": may_supervise and entitlement.state == EntitlementState.ACTIVE,
        "may_resume": may_supervise and entitlement.state == EntitlementState.SUSPENDED,
        "suspend_form": SuspendForm(),
        **forms,
    }
    return render(request, "delivery/entitlement.html", context, status=status)


@require_GET
@login_required
@never_cache
def entitlement(request: HttpRequest, entitlement_id: UUID) -> HttpResponse:
    """One entitlement: term, usage, ways in, keys, accesses."""
    return _entitlement_page(request, visible_entitlement(actor(request), entitlement_id))


@require_POST
@login_required
@never_cache
def create_key(request: HttpRequest, entitlement_id: UUID) -> HttpResponse:
    """A new token or S3 credential; its secret is shown in this answer alone."""
    viewer = actor(request)
    found = visible_entitlement(viewer, entitlement_id)
    services.require_own(viewer, found, MANAGE_ACCESS_KEYS)
    form = KeyForm(request.POST, has_files=not found.quota_unit)
    if not form.is_valid():
        return _entitlement_page(request, found, status=422, key_form=form)
    make = services.create_credential if form.cleaned_data["kind"] == KeyKind.S3 else services.create_token
    try:
        key, secret = make(
            by=viewer, at=clock.now(), entitlement_id=found.pk, name=form.cleaned_data["name"],
            lifetime=timedelta(days=form.cleaned_data["days"]),
        )  # fmt: skip
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _entitlement_page(request, found, status=refusal.status, key_form=form)
    return _entitlement_page(request, found, fresh={"key": key, "secret": secret}, status=201)


@require_POST
@login_required
def revoke_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Stop a token or credential."""
    key = services.revoke_key(by=actor(request), at=clock.now(), key_id=key_id)
    messages.success(request, _("密钥“%(name)s”已吊销，使用它的程序立即失去访问。") % {"name": key.name})
    return redirect("delivery:entitlement", key.entitlement_id)


@require_POST
@login_required
@never_cache
def create_ticket(request: HttpRequest, entitlement_id: UUID) -> HttpResponse:
    """A link to one file that works once; shown in this answer alone."""
    viewer = actor(request)
    found = visible_entitlement(viewer, entitlement_id)
    services.require_own(viewer, found)
    form = TicketForm(request.POST)
    if not form.is_valid():
        return _entitlement_page(request, found, status=422, ticket_form=form)
    try:
        ticket, secret = services.issue_ticket(
            by=viewer, at=clock.now(), entitlement_id=found.pk, path=form.cleaned_data["path"]
        )
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _entitlement_page(request, found, status=refusal.status, ticket_form=form)
    link = request.build_absolute_uri(reverse("delivery:ticket", args=[secret]))
    return _entitlement_page(request, found, fresh={"ticket": ticket, "link": link}, status=201)


@require_GET
def ticket(request: HttpRequest, secret: str) -> HttpResponseBase:
    """The one use of a one-time link."""
    _entitlement, item = services.redeem_ticket(by=actor(request), at=clock.now(), secret=secret)
    return serving.answer(request, item, Span(0, item.size, item.size), is_part=False)


@require_POST
@login_required
def suspend(request: HttpRequest, entitlement_id: UUID) -> HttpResponse:
    """Stop the use of data for now (operator)."""
    viewer = actor(request)
    found, form = visible_entitlement(viewer, entitlement_id), SuspendForm(request.POST)
    viewer.require(SUPERVISE)
    if not form.is_valid():
        return _entitlement_page(request, found, status=422, suspend_form=form)
    services.suspend(by=viewer, at=clock.now(), entitlement_id=found.pk, reason=form.cleaned_data["reason"])
    messages.success(request, _("授权已暂停，需方已收到通知。"))
    return redirect("delivery:entitlement", found.pk)


@require_POST
@login_required
def resume(request: HttpRequest, entitlement_id: UUID) -> HttpResponse:
    """Let the data be used again (operator)."""
    services.resume(by=actor(request), at=clock.now(), entitlement_id=entitlement_id)
    messages.success(request, _("授权已恢复，需方已收到通知。"))
    return redirect("delivery:entitlement", entitlement_id)


@require_http_methods(["GET", "POST"])
@login_required
def claim(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """领取: the licence of a free sample or a trial, accepted before anything opens."""
    viewer, status = actor(request), 200
    plan = plan_on_sale(viewer, plan_id, clock.now())
    if not plan.is_free:
        raise services.NotFree(plan=plan.name)
    form = ClaimForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = services.claim(by=viewer, at=clock.now(), plan_id=plan.pk, accepts_licence=True)
            except Refusal as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                return redirect("delivery:entitlement", made.pk)
    context = {
        "plan": plan,
        "product": plan.product,
        "terms": LICENCE_TERMS.get(plan.product.licence),
        "marks_notice": MARKS_NOTICE if plan.product.has_marked_copies else "",
        "form": form,
    }
    return render(request, "delivery/claim.html", context, status=status)


# --- marks --------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def marking(request: HttpRequest, number: str) -> HttpResponse:
    """副本标记: whether copies of an own product's tables carry marks."""
    viewer = actor(request)
    product = own_product(viewer, number)
    viewer.require(MARK_COPIES)
    form = MarkingForm(
        request.POST if request.method == "POST" else None,
        initial={"is_marked": product.has_marked_copies},
    )
    if request.method == "POST" and form.is_valid():
        catalogue.set_marking(
            by=viewer, at=clock.now(), product_id=product.pk, is_marked=form.cleaned_data["is_marked"]
        )
        messages.success(request, _("设置已保存，对之后签订的合同和领取的样例、试用生效。"))
        return redirect("delivery:marking", number)
    context = {"product": product, "form": form, "marks_notice": MARKS_NOTICE}
    return render(request, "delivery/marking.html", context)


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def trace(request: HttpRequest) -> HttpResponse:
    """副本追溯: whose copy a leaked file is, with the evidence."""
    viewer, status, traced = actor(request), 200, None
    if not viewer.can(SUPERVISE):
        viewer.require(TRACE_OWN)
    is_sent = request.method == "POST"
    form = TraceForm(request.POST, request.FILES) if is_sent else TraceForm()
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                traced, status = _traced(viewer, form.cleaned_data["file"]), 200
            except Refusal as refusal:
                show_refusal(form, refusal)
                status = refusal.status
    context = {"form": form, "traced": traced, "sees_all": viewer.can(SUPERVISE)}
    return render(request, "delivery/trace.html", context, status=status)


def _traced(viewer: Actor, upload: Any) -> services.Traced:
    if upload.size > MOST_BYTES:
        raise TooLargeToTrace(field="file", most=MOST_BYTES >> 20)
    with tempfile.TemporaryDirectory(prefix="qingshu-trace-") as folder:
        place = Path(folder) / "leaked"
        with place.open("wb") as out:
            out.writelines(upload.chunks())
        return services.trace(by=viewer, at=clock.now(), path=place, name=upload.name)
